"""Customers who had several ids: the client's map says which ids are one, and every table names the one that survives."""

from __future__ import annotations

import duckdb

from custkit.client import Client
from custkit.errors import BadInput
from custkit.intake.grammar import lit, name
from custkit.intake.notes import Note
from custkit.intake.others import Folded
from custkit.tables import MERGED_CUSTOMERS

MERGES = "merges"
SHOWN = 10


def merge_customers(con: duckdb.DuckDBPyConnection, client: Client) -> tuple[list[Folded], list[Note]]:
    """Rename, in every `staged_*` table, the ids that the map merges; the map's own account and what a person should know of it.

    `staged_merged_customers` → `merges`: customer_id | merged_into (the id at the end of the chain)   (one row an id that is gone)

    Of a customer's rows in `customers` the surviving id's own goes before the others, which fill what it leaves open; they registered
    when the first of their accounts was opened, and that a merged account was closed is no farewell. Without a map nothing is done.

    Raises BadInput where ids are merged in a circle or one id into two, or where `rules.exclude` names an id that no longer stands
    anywhere.
    """
    staged = name(f"staged_{MERGED_CUSTOMERS.name}")
    if not any(source.table == MERGED_CUSTOMERS.name for source in client.sources):
        return [], []
    (accepted,) = con.execute(f"SELECT count(*) FROM {staged}").fetchone() or (0,)
    _refuse_two_targets(con, client, staged)
    con.execute(f"CREATE TABLE {MERGES} AS SELECT DISTINCT customer_id, merged_into FROM {staged} WHERE customer_id <> merged_into")
    (merged,) = con.execute(f"SELECT count(*) FROM {MERGES}").fetchone() or (0,)
    con.execute(f"DROP TABLE {staged}")
    _follow_chains(con, client, merged)
    _refuse_idle_rules(con, client)
    tables = _tables_of_customers(con)
    notes = _notes(con, tables)
    if "staged_customers" in tables:
        _rank_own_rows_first(con, len(client.sources))
    for table in tables:
        con.execute(f"UPDATE {name(table)} t SET customer_id = m.merged_into FROM {MERGES} m WHERE t.customer_id = m.customer_id")
    if "staged_customers" in tables:
        _take_first_registration(con)
    return [Folded(MERGED_CUSTOMERS.name, MERGES, int(accepted), int(merged))], notes


def _files(client: Client) -> str:
    return ", ".join(file for source in client.sources if source.table == MERGED_CUSTOMERS.name for file in source.files)


def _refuse_two_targets(con: duckdb.DuckDBPyConnection, client: Client, staged: str) -> None:
    found = con.execute(
        f"SELECT customer_id, min(merged_into), max(merged_into), count(*) OVER () FROM {staged} GROUP BY customer_id "
        f"HAVING min(merged_into) <> max(merged_into) ORDER BY 1 LIMIT {SHOWN}"
    ).fetchall()
    if found:
        told = "; ".join(f"`{old}` into `{one}` and into `{other}`" for old, one, other, _n in found)
        more = f" and {found[0][3] - len(found):,} more" if found[0][3] > len(found) else ""
        raise BadInput(f"{_files(client)}: ids are merged into two customers: {told}{more}; leave one row of each id")


def _follow_chains(con: duckdb.DuckDBPyConnection, client: Client, merged: int) -> None:
    """Point every id at the end of its chain: each round doubles how far an id has been followed, so that n rows take log2 n rounds."""
    con.execute(f"CREATE TEMP TABLE as_told AS FROM {MERGES}")
    on = f"SELECT m.customer_id FROM {MERGES} m SEMI JOIN {MERGES} n ON m.merged_into = n.customer_id"
    for _round in range(merged.bit_length()):
        con.execute(
            f"CREATE OR REPLACE TABLE {MERGES} AS SELECT m.customer_id, coalesce(n.merged_into, m.merged_into) AS merged_into "
            f"FROM {MERGES} m LEFT JOIN {MERGES} n ON m.merged_into = n.customer_id"
        )
        if not con.execute(f"{on} LIMIT 1").fetchall():
            break
    # Whoever still points at an id that is merged itself points into a circle, after so many rounds.
    found = con.execute(f"SELECT min(merged_into) FROM {MERGES} WHERE merged_into IN (SELECT customer_id FROM {MERGES})").fetchone()
    if found and found[0] is not None:
        _refuse_circle(con, client, str(found[0]))
    con.execute("DROP TABLE as_told")


def _refuse_circle(con: duckdb.DuckDBPyConnection, client: Client, start: str) -> None:
    steps = con.execute(
        f"WITH RECURSIVE walk AS (SELECT {lit(start)} AS id, 0 AS step UNION ALL SELECT t.merged_into, step + 1 FROM walk JOIN as_told t "
        f"ON t.customer_id = walk.id WHERE step < {SHOWN} AND (step = 0 OR id <> {lit(start)})) SELECT id FROM walk ORDER BY step"
    ).fetchall()
    ids = [f"`{one}`" for (one,) in steps]
    told = " → ".join(ids) + ("" if ids[-1] == ids[0] else " → …")
    raise BadInput(f"{_files(client)}: ids are merged in a circle: {told}; take out the row that leads back")


def _refuse_idle_rules(con: duckdb.DuckDBPyConnection, client: Client) -> None:
    """A rule that leaves out an id which is merged into one that it does not leave out would do nothing, and not say so."""
    for rule in client.rules.exclude:
        if rule.field != "customer_id":
            continue

        def meets(column: str, equals: tuple[str, ...] = rule.equals, begins: tuple[str, ...] = rule.starts_with) -> str:
            tests = [f"{column} = {lit(one)}" for one in equals] + [f"starts_with({column}, {lit(one)})" for one in begins]
            return f"({' OR '.join(tests) or 'false'})"

        query = f"FROM {MERGES} WHERE {meets('customer_id')} AND NOT {meets('merged_into')} ORDER BY customer_id LIMIT 1"
        for old, new in con.execute(query).fetchall():
            raise BadInput(
                f"{client.folder / 'client.yml'}: `rules.exclude` leaves out `{old}` as {rule.reason}, which {_files(client)} merges into "
                f"`{new}`: name `{new}` too, or take the row out of the map"
            )


def _tables_of_customers(con: duckdb.DuckDBPyConnection) -> list[str]:
    found = con.execute(
        "SELECT table_name FROM duckdb_columns() WHERE column_name = 'customer_id' AND starts_with(table_name, 'staged_') ORDER BY 1"
    ).fetchall()
    return [table for (table,) in found]


def _notes(con: duckdb.DuckDBPyConnection, tables: list[str]) -> list[Note]:
    """How many ids became how many, and the map's ids that stand in no file."""
    met = " UNION ".join(f"SELECT DISTINCT customer_id AS id FROM {name(table)}" for table in tables)
    if not tables:
        return []
    (before, after, strange, lost) = con.execute(
        f"WITH met AS ({met}), ends AS (SELECT DISTINCT merged_into AS id FROM {MERGES}), "
        f"known AS (SELECT id, coalesce(merged_into, id) AS survivor FROM met LEFT JOIN {MERGES} ON id = customer_id "
        "WHERE merged_into IS NOT NULL OR id IN (FROM ends)) "
        "SELECT (SELECT count(*) FROM known), (SELECT count(DISTINCT survivor) FROM known), "
        f"(SELECT count(*) FROM {MERGES} WHERE customer_id NOT IN (SELECT id FROM met WHERE id IS NOT NULL)), "
        "(SELECT count(*) FROM ends WHERE id NOT IN (SELECT id FROM met WHERE id IS NOT NULL))"
    ).fetchone() or (0, 0, 0, 0)
    of = MERGED_CUSTOMERS.name
    told = [
        Note("customers_merged", of, "customer_id", before),
        Note("merged_into", of, "customer_id", after),
        Note("merged_unknown", of, "customer_id", strange),
        Note("survivor_unknown", of, "customer_id", lost),
    ]
    return [note for note in told if note.rows]


def _rank_own_rows_first(con: duckdb.DuckDBPyConnection, sources: int) -> None:
    """Rows of ids that are gone come after every source; a merged account was closed because it was merged."""
    closed = ", closed_at = NULL" if "closed_at" in _columns(con) else ""
    con.execute(f"UPDATE staged_customers t SET _source = _source + {sources}{closed} FROM {MERGES} m WHERE t.customer_id = m.customer_id")


def _take_first_registration(con: duckdb.DuckDBPyConnection) -> None:
    if "registered_at" in _columns(con):
        con.execute(
            "UPDATE staged_customers t SET registered_at = f.first FROM (SELECT customer_id, min(registered_at) AS first FROM "
            f"staged_customers WHERE customer_id IN (SELECT merged_into FROM {MERGES}) GROUP BY customer_id) f "
            "WHERE t.customer_id = f.customer_id"
        )


def _columns(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {column for (column,) in con.execute("SELECT column_name FROM (DESCRIBE staged_customers)").fetchall()}
