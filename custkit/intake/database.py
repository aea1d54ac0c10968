"""Tables of PostgreSQL databases → files: the mapped columns as text, all tables of one database as they stood at one instant."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from custkit.client import Client, Source
from custkit.errors import BadInput, CustkitError, with_extra
from custkit.intake.block import fold
from custkit.intake.copies import forget_erased, passing, read_rows, settle, switch
from custkit.intake.persons import home_of, persons_of
from custkit.intake.snapshot import alone

REFERENCE = "env:"
SCHEMES = ("postgresql://", "postgres://")
SYSTEM = ("pg_catalog", "information_schema")
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision", "money")
# Values as text, whatever the server, the database or the user has set.
SETTINGS = ("client_encoding = 'UTF8'", "TimeZone = 'UTC'", "DateStyle = 'ISO, YMD'", "IntervalStyle = 'postgres'", "bytea_output = 'hex'",
            "extra_float_digits = 3", "idle_in_transaction_session_timeout = 0")  # fmt: skip
ESCAPED = "in a password write %40 for @, %3A for :, %2F for / and %25 for %"
# What libpq or the server says, in part, and what would do. Their own words are not shown: they hold parts of the address.
REFUSALS = {
    "password authentication failed": "the user or the password is wrong; correct them in {0}",
    "no password supplied": "the server asks for a password; write it into {0}",
    'role ".*" does not exist': "the server knows no such user; correct {0}",
    'database ".*" does not exist': "the server has no such database; correct the last part of {0}",
    "permission denied for database": "this user may not enter the database; ask who runs it for GRANT CONNECT",
    "pg_hba.conf": "the server lets this user in from other machines, or with TLS only; ask who runs it, or add ?sslmode=require to {0}",
    "SSL|certificate": "the server and {0} do not agree on TLS; correct sslmode in {0}",
    "too many|slots are reserved": "the server has too many connections; try again later",
    "refused": "no server listens there; start it, or correct host and port in {0}",
    "resolve|translate host name": "there is no machine of that name; correct the host in {0}; " + ESCAPED,
    "timeout": "no answer within 20 seconds; check the network, and host and port in {0}",
}


@dataclass(frozen=True)
class Copied:
    """One table in a file. `forgotten`: rows of people who were erased, which are not in it."""

    path: Path
    rows: int
    forgotten: int = 0


@dataclass(frozen=True)
class Wanted:
    """A table, the columns that sources take from it with the fields they feed, and whether it may be empty."""

    relation: str
    columns: dict[str, str]
    may_be_empty: bool


@dataclass(frozen=True)
class Tally:
    """What a table's copy is held to: rows, and for each column cells that are not empty and, of numbers, their sum."""

    rows: int
    filled: tuple[int, ...]
    sums: tuple[Decimal | None, ...]


def fetch(client: Client) -> list[Copied]:
    """Copy every table that `client`'s sources take from a database into its data folder, without the people who were erased.

    The tables of one database are copied as of one instant. Either all of them are written or none, whenever it is cut off.

    Raises BadInput naming the reference and the table, never the address, where a person must act; the copies from before stay.
    """
    wanted = _wanted(client)
    if not wanted:
        return []
    folder, home = client.data_folder, home_of(client.slug)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(home / "intake.lock"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            settle(client)
            with TemporaryDirectory(prefix=passing(client), dir=folder) as beside:
                whole = Path(beside) / "whole"
                whole.mkdir(mode=0o700)
                made = _fetch(client, wanted, whole)
                switch(client, whole)
        except OSError as error:
            raise BadInput(f"{error.filename or folder}: cannot be written: {error.strerror}; make room, or correct `data`") from error
    return made


def _fetch(client: Client, wanted: Mapping[str, Sequence[Wanted]], beside: Path) -> list[Copied]:
    """Every table in a file of its name in the folder `beside`, and where it is to go."""
    erased = persons_of(client).erased
    made = []
    for reference, tables in wanted.items():
        for relation, rows in copy_tables(reference, tables, beside).items():
            file = f"{relation}.csv"
            forgotten = forget_erased(client, beside / file, erased)
            made.append(Copied(client.data_folder / file, rows - forgotten, forgotten))
    return made


def _wanted(client: Client) -> dict[str, list[Wanted]]:
    """By reference; two sources that take from one table share its copy."""
    found: dict[str, dict[str, Wanted]] = {}
    for source in (s for s in client.sources if s.database):
        for file in source.files:
            relation = file.removesuffix(".csv")
            if relation == file or set("/\\*?") & set(relation):
                raise BadInput(f"{client.folder / 'client.yml'}: `{file}` is no table; write each as schema.table.csv")
            if any(relation in tables for reference, tables in found.items() if reference != source.database):
                raise BadInput(f"{client.folder / 'client.yml'}: {file} would be copied from two databases; give one table another name")
            tables = found.setdefault(str(source.database), {})
            known = tables.get(relation, Wanted(relation, {}, may_be_empty=True))
            fields = {m.column: f for f, m in source.columns.items() if m.column is not None}
            tables[relation] = Wanted(relation, known.columns | fields, known.may_be_empty and _may_be_empty(source))
    return {reference: list(tables.values()) for reference, tables in found.items()}


def _may_be_empty(source: Source) -> bool:
    return source.optional or source.table != "order_lines"


def copy_tables(reference: str, tables: Sequence[Wanted], folder: Path) -> dict[str, int]:
    """Copy `tables` as they stand at one instant into `folder`/`schema.table`.csv; the rows of each.

    When all are copied, the server is asked once more, at the same instant, for rows, filled cells and sums of each, and each file is read
    again and held to them.

    Raises BadInput where a table or column is not there, may not be read or is empty; CustkitError where a file is not what was counted.
    """
    with connection(reference) as con:
        chosen = {table.relation: _choose(con, reference, table) for table in tables}
        for table in tables:
            place = f"{reference} {table.relation}"
            with told(place, con), open(folder / f"{table.relation}.csv", "wb", opener=_for_owner) as file:
                rows = copy_out(con, select(table.relation, chosen[table.relation]), file)
            if not rows and not table.may_be_empty:
                raise BadInput(
                    f"{place}: the table is empty; the copies from before stay. Fetch again when it is filled, or set `optional: true` for "
                    "this source"
                )
        made = {}
        for relation, columns in chosen.items():
            place = f"{reference} {relation}"
            with told(place, con):
                there = _tally_there(con, relation, columns)
            _compare(place, [name for name, _kind in columns], there, _tally_here(place, folder / f"{relation}.csv", columns))
            made[relation] = there.rows
        return made


def _choose(con: Any, reference: str, table: Wanted) -> list[tuple[str, str]]:
    """Name and type of the mapped columns; refuses what is not there or may not be read, and says what would do."""
    place, remedy = f"{reference} {table.relation}", "correct `columns` in client.yml, or ask who runs the database to bring it back"
    with told(place, con):
        columns, user, known = _columns(con, table.relation), user_of(con), table_names(con)
    if not columns:
        near = get_close_matches(table.relation, known, n=10, cutoff=0.5) or known[:10]
        there = f"there are {', '.join(near)}" if near else f"there is none that {user} may read"
        raise BadInput(f"{reference}: no table `{table.relation}` (schema.table); {there}; correct `files` in client.yml")
    chosen = []
    for column, field in table.columns.items():
        same = [one for one in columns if one[0] == column] or [one for one in columns if fold(one[0]) == fold(column)]
        if not same:
            there = ", ".join(name for name, _kind, _may in columns)
            raise BadInput(f"{place}: no column `{column}`, which feeds {field}; it has {there}; {remedy}")
        if len(same) > 1:
            raise BadInput(f"{place}: `{column}` is {' and '.join(name for name, _kind, _may in same)}; write it as the database does")
        if not same[0][2]:
            raise BadInput(
                f"{place}: {user} may not read the column `{same[0][0]}`; ask who runs the database for {grants(table.relation, user)}"
            )
        chosen.append(same[0][:2])
    return list(dict.fromkeys(chosen))


def copy_out(con: Any, query: Any, file: Any) -> int:
    """Write the answer to `query` as CSV with a header; how many rows."""
    from psycopg import sql

    with con.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(query)) as out:
            for piece in out:
                file.write(piece)
        return int(cursor.rowcount)


def select(relation: str, columns: Sequence[tuple[str, str]], limit: int | None = None) -> Any:
    """A query for `columns` of `schema.table` in the shape in which they are copied."""
    from psycopg import sql

    shown = [sql.SQL(f"{_shape(kind)} AS {{0}}").format(sql.Identifier(name)) for name, kind in columns]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(shown), sql.Identifier(*_parts(relation)))
    return query if limit is None else query + sql.SQL(" LIMIT {}").format(sql.Literal(limit))


def _shape(kind: str) -> str:
    """Everything as PostgreSQL writes it, but for three types.

    Instants show their offset in full; floats need no exponent; money is a number, since its symbol and marks are the server's, not the
    table's.
    """
    if kind == "timestamp with time zone":
        return r"regexp_replace({0}::text, '\+00$', '+00:00')"
    if kind in ("real", "double precision"):
        return "CASE WHEN {0}::text ~ 'e' THEN {0}::text::numeric::text ELSE {0}::text END"
    return "{0}::numeric" if kind == "money" else "{0}"


def _tally_there(con: Any, relation: str, columns: Sequence[tuple[str, str]]) -> Tally:
    from psycopg import sql

    parts: list[Any] = [sql.SQL("count(*)")]
    for name, kind in columns:
        parts.append(sql.SQL("count(nullif({}::text, ''))").format(sql.Identifier(name)))
        total = "sum({0}::numeric) FILTER (WHERE {0}::text ~ '[0-9]')" if kind in NUMBERS else "NULL::numeric"
        parts.append(sql.SQL(total).format(sql.Identifier(name)))
    query = sql.SQL("SELECT {} FROM ({}) AS copied").format(sql.SQL(", ").join(parts), select(relation, columns))
    rows, *found = con.execute(query).fetchone()
    return Tally(rows, tuple(found[::2]), tuple(found[1::2]))


def _tally_here(place: str, path: Path, columns: Sequence[tuple[str, str]]) -> Tally:
    exact = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
    sums: list[Decimal | None] = [None] * len(columns)
    numbers = [i for i, (_name, kind) in enumerate(columns) if kind in NUMBERS]
    filled, rows = [0] * len(columns), 0
    try:
        for row in islice(read_rows(path), 1, None):
            rows += 1
            for i, cell in enumerate(row):
                filled[i] += cell != ""
            for i in numbers:
                if row[i] and row[i][-1].isdigit():  # neither NaN nor Infinity
                    sums[i] = exact.add(sums[i] or Decimal(0), Decimal(row[i]))
    except UnicodeDecodeError as error:
        raise BadInput(f"{place} row {rows + 1}: is not UTF-8; the database does not know its encoding: have it converted") from error
    return Tally(rows, tuple(filled), tuple(sums))


def _compare(place: str, names: Sequence[str], there: Tally, here: Tally) -> None:
    if there.rows != here.rows:
        raise CustkitError(f"{place}: {here.rows} rows copied, {there.rows} counted at the same instant; fetch it again")
    for name, counted, copied in zip(names, there.filled, here.filled, strict=True):
        if counted != copied:
            raise CustkitError(f"{place} column {name}: {copied} cells copied, {counted} counted at the same instant; fetch it again")
    for name, total, sum_ in zip(names, there.sums, here.sums, strict=True):
        if total != sum_:
            raise CustkitError(
                f"{place} column {name}: the copy adds up to {sum_}, the table to {total} at the same instant; fetch it again"
            )


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _parts(relation: str) -> tuple[str, str]:
    schema, _dot, table = relation.rpartition(".")
    return schema or "public", table


def _columns(con: Any, relation: str) -> list[tuple[str, str, bool]]:
    """Name, type and "may be read" of each column of `schema.table`, in order; of a domain, the type it is made of."""
    query = """
        SELECT a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL),
               has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
             JOIN pg_type t ON t.oid = a.atttypid
        WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum"""
    return list(con.execute(query, _parts(relation)).fetchall())


def table_columns(con: Any, relation: str) -> list[tuple[str, str]]:
    """Name and type of each column of `schema.table` that may be read, in order."""
    return [(name, kind) for name, kind, may_be_read in _columns(con, relation) if may_be_read]


def table_names(con: Any, *, readable: bool = True) -> list[str]:
    """Every table and view that may be read, as `schema.table`; those that may not, where `readable` is false.

    A table kept in partitions is one table.
    """
    query = """
        SELECT n.nspname, c.relname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname <> ALL(%s) AND n.nspname !~ '^pg_'
              AND (has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')) = %s
        ORDER BY 1, 2"""
    names = con.execute(query, [list(SYSTEM), readable]).fetchall()
    return [f"{schema}.{table}" for schema, table in names if not set("./\\*?") & set(schema + table)]


def user_of(con: Any) -> str:
    return str(con.execute("SELECT current_user").fetchone()[0])


def grants(relation: str, user: str) -> str:
    """What whoever runs the database has to say for `user` to read `schema.table`."""
    return f"GRANT USAGE ON SCHEMA {_parts(relation)[0]} TO {user}; GRANT SELECT ON {relation} TO {user}"


@contextmanager
def connection(reference: str) -> Iterator[Any]:
    """A read-only transaction of one instant in the database that the environment variable of `reference` names."""
    variable = reference.removeprefix(REFERENCE)
    address = os.environ.get(variable, "")
    if not address.startswith(SCHEMES):
        raise BadInput(f"{reference}: set ${variable} to postgresql://user:password@host:5432/database")
    try:
        import psycopg
    except ImportError as error:
        raise BadInput(f"a database is read with psycopg and libpq; {with_extra('postgres')}") from error
    try:
        con = psycopg.connect(address, connect_timeout=20)
    except psycopg.ProgrammingError:
        raise BadInput(f"{reference}: ${variable} is no address; write postgresql://user:password@host:5432/database; {ESCAPED}") from None
    except psycopg.Error as error:
        raise BadInput(f"{reference}: no connection: {_refusal(error, f'${variable}')}") from None
    with con:
        con.isolation_level, con.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        with told(reference, con):
            for setting in SETTINGS:
                con.execute(f"SET LOCAL {setting}")
            yield con


def _refusal(error: Exception, variable: str) -> str:
    said = str(error)
    for part, remedy in REFUSALS.items():
        if re.search(part, said):
            return remedy.format(variable)
    return f"{type(error).__name__}; check {variable}, the network and the password"


@contextmanager
def told(place: str, con: Any) -> Iterator[None]:
    """What the server refuses, as a sentence that begins with `place`."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        if con.broken or con.closed:
            raise BadInput(f"{place}: the server went away in the middle; nothing was written. Try again when it is there") from None
        raise BadInput(f"{place}: {error.diag.message_primary or type(error).__name__}; nothing was written") from None
