"""Tables of a PostgreSQL database → files: the mapped columns as text, in one read-only transaction a table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from custkit.client import Client
from custkit.errors import BadInput, CustkitError
from custkit.intake.block import fold

REFERENCE = "env:"
SCHEMES = ("postgresql://", "postgres://")
SYSTEM = ("pg_catalog", "information_schema")


def fetch(client: Client) -> list[Path]:
    """Copy every table that `client`'s sources take from a database into its data folder; the files written."""
    made = []
    for source in (s for s in client.sources if s.database):
        columns = [m.column for m in source.columns.values() if m.column is not None]
        made += [fetch_table(str(source.database), file.removesuffix(".csv"), columns, client.data_folder) for file in source.files]
    return made


def fetch_table(reference: str, relation: str, columns: Sequence[str], folder: Path) -> Path:
    """`columns` of `relation` (`schema.table`) as `folder`/`relation`.csv, every row of one instant.

    Raises BadInput naming the reference, never the address, where there is no connection, table or column; CustkitError where the rows
    copied are not the rows counted.
    """
    from psycopg import sql

    with connection(reference) as con:
        found = {fold(name): (name, kind) for name, kind in table_columns(con, relation)}
        if not found:
            raise BadInput(f"{reference}: no table `{relation}` that may be read; write schema.table")
        missing = [column for column in columns if fold(column) not in found]
        if missing:
            raise BadInput(f"{reference} {relation}: no column {', '.join(missing)}; it has {', '.join(n for n, _k in found.values())}")
        chosen = list(dict.fromkeys(found[fold(column)] for column in columns))
        table = sql.Identifier(*relation.split("."))
        (rows,) = con.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path, beside = folder / f"{relation}.csv", folder / f".{uuid4().hex}"
        with beside.open("wb") as file:
            copied = copy_out(con, sql.SQL("SELECT {} FROM {}").format(_as_text(chosen), table), file)
        if copied != rows:
            beside.unlink()
            raise CustkitError(f"{reference} {relation}: {copied} rows copied, {rows} counted in the same transaction")
        beside.replace(path)
        return path


def copy_out(con: Any, query: Any, file: Any) -> int:
    """Write the answer to `query` as CSV with a header; how many rows."""
    from psycopg import sql

    with con.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(query)) as out:
            for piece in out:
                file.write(piece)
        return int(cursor.rowcount)


def select_some(con: Any, relation: str, limit: int) -> Any:
    """A query for some rows of every column of `relation`."""
    from psycopg import sql

    columns = _as_text(table_columns(con, relation))
    return sql.SQL("SELECT {} FROM {} LIMIT {}").format(columns, sql.Identifier(*relation.split(".")), sql.Literal(limit))


def table_columns(con: Any, relation: str) -> list[tuple[str, str]]:
    """Name and type of each column of `schema.table`, in order."""
    schema, _dot, table = relation.rpartition(".")
    query = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
    return list(con.execute(query + "ORDER BY ordinal_position", [schema or "public", table]).fetchall())


def table_names(con: Any) -> list[str]:
    """Every table and view that may be read, as `schema.table`."""
    query = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema <> ALL(%s) ORDER BY 1, 2"
    return [f"{schema}.{table}" for schema, table in con.execute(query, [list(SYSTEM)]).fetchall() if "." not in schema + table]


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
        raise BadInput("a database is read with the package psycopg: pip install 'custkit[postgres]'") from error
    try:
        con = psycopg.connect(address, options="-c default_transaction_read_only=on -c TimeZone=UTC -c DateStyle=ISO", connect_timeout=20)
    except psycopg.Error as error:
        raise BadInput(f"{reference}: no connection ({type(error).__name__}); check ${variable}, the network and the password") from None
    with con:
        con.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            yield con
        except psycopg.Error as error:
            raise BadInput(f"{reference}: {str(error).splitlines()[0]}") from None


def _as_text(columns: Sequence[tuple[str, str]]) -> Any:
    """Instants with their offset written out; the rest as PostgreSQL writes it."""
    from psycopg import sql

    parts = []
    for name, kind in columns:
        shape = "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US') || '+00:00' AS {0}" if kind == "timestamp with time zone" else "{}"
        parts.append(sql.SQL(shape).format(sql.Identifier(name)))
    return sql.SQL(", ").join(parts)
