"""Who the rows are about: ids become pseudonyms, and rows of people who asked to be erased do not come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from custkit.client import Client, workspace
from custkit.intake.grammar import lit, name
from custkit.intake.merges import MERGES
from custkit.keys import Key, client_key

COLUMNS = ("customer_id", "visitor_id")
TABLES_OF_PERSONS = ("judged", "customer_rows", "events", "campaign_contacts", "loyalty_ledger", "surveys")
ERASED = "erased"


@dataclass(frozen=True)
class Persons:
    """How this client's people are named in the snapshot, and whom it must not hold.

    `key_id` names the client's key and is None where nothing asks for one; the key itself is read only where rows are.
    """

    pseudonyms: bool
    erased: frozenset[str]
    key_id: str | None


def home_of(slug: str) -> Path:
    """The client's folder in the workspace: snapshots, quarantine, the list of the erased."""
    return workspace() / ".custkit" / slug


def erased_path(slug: str) -> Path:
    """Pseudonyms of the people erased, one a line; the same in every mode, so that no id is kept to forget it."""
    return home_of(slug) / "erased"


def key_of(slug: str) -> Key:
    return client_key(slug, _key_id_path(slug))


def _key_id_path(slug: str) -> Path:
    return home_of(slug) / "key_id"


def persons_of(client: Client) -> Persons:
    """What the client file and the list of the erased say."""
    path = erased_path(client.slug)
    erased = frozenset(path.read_text("ascii").split()) if path.exists() else frozenset()
    wanted = client.privacy.ids == "pseudonyms"
    if not (wanted or erased):
        return Persons(wanted, erased, None)
    known = _key_id_path(client.slug)
    return Persons(wanted, erased, known.read_text("ascii").strip() if known.exists() else key_of(client.slug).id)


def name_persons(con: duckdb.DuckDBPyConnection, client: Client, persons: Persons) -> dict[str, int]:
    """Replace ids by pseudonyms in every table of people and take out the erased; rows taken out, by table.

    `judged` is the largest table and written anew once more anyway: its pseudonyms wait in `buyers`, as `named_lines` puts them in.
    Order lines of the erased stay in `judged` as left out, so that the ledger counts them and their money; their ids go all the same.
    """
    if persons.key_id is None:
        return {}
    key = key_of(client.slug)
    there = {t for (t,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    gone: dict[str, int] = {}
    if MERGES in there:
        persons, gone[MERGES] = _name_merges(con, persons, key)
    for table in (t for t in TABLES_OF_PERSONS if t in there):
        columns = [c for (c,) in con.execute(f"SELECT column_name FROM (DESCRIBE {name(table)})").fetchall()]
        for column in (c for c in COLUMNS if c in columns):
            _look_up(con, table, column, key)
            if persons.erased and column == "customer_id":
                gone[table] = _erase(con, table, persons.erased)
            if persons.pseudonyms and table == "judged":
                con.execute("CREATE TABLE buyers AS FROM named")
            elif persons.pseudonyms:
                _rename(con, table, column)
    if persons.pseudonyms:
        _mask_quarantine(con, client, key)
    return {table: rows for table, rows in gone.items() if rows}


def _name_merges(con: duckdb.DuckDBPyConnection, persons: Persons, key: Key) -> tuple[Persons, int]:
    """The map of merged ids with pseudonyms and without the erased; who was erased under one of their ids is erased under all."""
    found = con.execute(f"SELECT customer_id FROM {MERGES} UNION SELECT merged_into FROM {MERGES}").fetchall()
    _put_names(con, "customer_id", [i for (i,) in found], key)
    con.execute(
        f"CREATE OR REPLACE TABLE met AS SELECT m.*, a.pseudonym AS mark, b.pseudonym AS into_mark FROM {MERGES} m "
        "JOIN named a ON a.id = m.customer_id JOIN named b ON b.id = m.merged_into"
    )
    con.register("erased", pa.table({"pseudonym": pa.array(sorted(persons.erased), pa.string())}))
    theirs = con.execute("SELECT DISTINCT into_mark FROM met WHERE mark IN (FROM erased) OR into_mark IN (FROM erased)").fetchall()
    con.unregister("erased")
    erased = persons.erased | {mark for (mark,) in theirs}
    con.register("gone", pa.table({"mark": pa.array([mark for (mark,) in theirs], pa.string())}))
    (rows,) = con.execute("SELECT count(*) FROM met WHERE into_mark IN (FROM gone)").fetchone() or (0,)
    columns = "mark AS customer_id, into_mark AS merged_into" if persons.pseudonyms else "customer_id, merged_into"
    con.execute(f"CREATE OR REPLACE TABLE {MERGES} AS SELECT {columns} FROM met WHERE into_mark NOT IN (FROM gone)")
    con.unregister("gone")
    return Persons(persons.pseudonyms, erased, persons.key_id), int(rows)


def _look_up(con: duckdb.DuckDBPyConnection, table: str, column: str, key: Key) -> None:
    found = con.execute(f"SELECT DISTINCT {name(column)} FROM {name(table)} WHERE {name(column)} IS NOT NULL").fetchall()
    _put_names(con, column, [i for (i,) in found], key)


def _put_names(con: duckdb.DuckDBPyConnection, column: str, ids: list[str], key: Key) -> None:
    """`named`: every id with its pseudonym."""
    con.register("ids", pa.table({"id": pa.array(ids, pa.string()), "pseudonym": pa.array(key.pseudonyms(column, ids), pa.string())}))
    con.execute("CREATE OR REPLACE TABLE named AS SELECT * FROM ids")
    con.unregister("ids")


def _erase(con: duckdb.DuckDBPyConnection, table: str, erased: frozenset[str]) -> int:
    con.register("erased", pa.table({"pseudonym": pa.array(sorted(erased), pa.string())}))
    con.execute("CREATE OR REPLACE TABLE forgotten AS SELECT id FROM named SEMI JOIN erased USING (pseudonym)")
    con.unregister("erased")
    theirs = "customer_id IN (SELECT id FROM forgotten)"
    (rows,) = con.execute(f"SELECT count(*) FROM {name(table)} WHERE {theirs}").fetchone() or (0,)
    if rows and table == "judged":
        con.execute(f"UPDATE judged SET excluded = {lit(ERASED)} WHERE {theirs}")
    elif rows:
        con.execute(f"DELETE FROM {name(table)} WHERE {theirs}")
    return int(rows)


def named_lines(persons: Persons, made_order_ids: bool) -> str:
    """SQL of `judged` with pseudonyms where the client file asks for them, after `name_persons`.

    Where order ids are made of customer ids (`made_order_ids`), those change with them.
    """
    if not persons.pseudonyms:
        return "judged"
    replaced = "n.pseudonym AS customer_id"
    if made_order_ids:
        made = "n.pseudonym || substr(t.order_id, length(t.customer_id) + 1)"
        replaced += f", CASE WHEN t.customer_id IS NULL THEN t.order_id ELSE {made} END AS order_id"
    return f"(SELECT t.* REPLACE ({replaced}) FROM judged t LEFT JOIN buyers n ON t.customer_id = n.id)"


def _rename(con: duckdb.DuckDBPyConnection, table: str, column: str) -> None:
    con.execute(
        f"CREATE OR REPLACE TABLE {name(table)} AS SELECT t.* REPLACE (n.pseudonym AS {name(column)}) FROM {name(table)} t "
        f"LEFT JOIN named n ON t.{name(column)} = n.id"
    )


def _mask_quarantine(con: duckdb.DuckDBPyConnection, client: Client, key: Key) -> None:
    """A cell set aside shows no id; a whole line set aside may hold anything and shows nothing but its place."""
    for canonical in COLUMNS:
        fields = (canonical, "merged_into") if canonical == "customer_id" else (canonical,)
        mapped = sorted({m.column for source in client.sources for f, m in source.columns.items() if f in fields and m.column})
        if not mapped:
            continue
        theirs = f'"column" IN ({", ".join(lit(column) for column in mapped)})'
        found = con.execute(f"SELECT DISTINCT value FROM quarantine WHERE {theirs} AND value IS NOT NULL").fetchall()
        _put_names(con, canonical, [value for (value,) in found], key)
        con.execute(f"UPDATE quarantine SET value = named.pseudonym FROM named WHERE {theirs} AND value = named.id")
    con.execute('UPDATE quarantine SET value = NULL WHERE "column" IS NULL')
