"""Typed rows of every table but order lines → one row per key."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from custkit.client import Client
from custkit.intake.grammar import lit, name
from custkit.tables import ARMS, BOTH_ARMS, TABLES

MADE_KEYS = {"events": "event_id", "loyalty_ledger": "entry_id", "surveys": "response_id"}


@dataclass(frozen=True)
class Folded:
    """How many accepted rows a table had and how many are left in `target` once rows of one key are one."""

    table: str
    target: str
    accepted: int
    rows: int


def make_table(con: duckdb.DuckDBPyConnection, client: Client, table: str, target: str) -> Folded:
    """`staged_<table>` → `target`, unique in the table's key.

    A key met again fills what the first row left open: sources in the order of the client file, the latest row first, ties by content.
    A contact keeps the first instant of each kind; its arm says where a customer stands in both groups of a campaign, under one id or
    several that are merged. Spend of one channel and day is added up; entries without ids are numbered by time and content.
    """
    staged = name(f"staged_{table}")
    fields = [c for (c,) in con.execute(f"SELECT column_name FROM (DESCRIBE {staged})").fetchall() if c != "_source"]
    (accepted,) = con.execute(f"SELECT count(*) FROM {staged}").fetchone() or (0,)
    if table == "campaigns":
        _close_days(con, client)
    if table == "marketing_spend":
        query = (
            f"SELECT spent_at, channel, CAST(sum(spend_amount) AS DECIMAL(18, 4)) AS spend_amount FROM {staged} GROUP BY spent_at, channel"
        )
    elif table == "campaign_contacts":
        rest = [f"min({name(f)}) AS {name(f)}" for f in fields if f not in (*TABLES[table].key, "arm")]
        if "arm" in fields:  # without a group a contact is treatment, where only the control group is marked
            marks = f"bool_or(coalesce(arm, '') = {lit(ARMS[0])}) OVER (PARTITION BY campaign_id)"
            staged = f"(SELECT *, coalesce(arm, CASE WHEN NOT {marks} THEN {lit(ARMS[0])} END) AS _group FROM {staged})"
            rest.append(f"CASE WHEN count(DISTINCT _group) > 1 THEN {lit(BOTH_ARMS)} ELSE min(arm) END AS arm")
        query = f"SELECT {', '.join(['campaign_id', 'customer_id', *rest])} FROM {staged} GROUP BY campaign_id, customer_id"
    elif table in MADE_KEYS and MADE_KEYS[table] not in fields:
        order = ", ".join(f"{name(f)} NULLS FIRST" for f in sorted(fields, key=lambda f: (f != TABLES[table].time, f)))
        letter = MADE_KEYS[table][0]
        number = f"lpad(CAST(row_number() OVER (ORDER BY {order}) AS VARCHAR), 10, '0')"
        query = f"SELECT {lit(letter)} || {number} AS {name(MADE_KEYS[table])}, * EXCLUDE (_source) FROM {staged}"
    else:
        key = TABLES[table].key[0]
        (distinct,) = con.execute(f"SELECT count(DISTINCT {name(key)}) FROM {staged}").fetchone() or (0,)
        query = f"SELECT * EXCLUDE (_source) FROM {staged}" if distinct == accepted else _first_known(table, staged, fields)
    con.execute(f"CREATE TABLE {name(target)} AS {query}")
    con.execute(f"DROP TABLE {name(f'staged_{table}')}")
    (rows,) = con.execute(f"SELECT count(*) FROM {name(target)}").fetchone() or (0,)
    return Folded(table, target, accepted, rows)


def _first_known(table: str, staged: str, fields: list[str]) -> str:
    key = TABLES[table].key[0]
    time = TABLES[table].time
    order = ["_source"] + ([f"{name(time)} DESC NULLS LAST"] if time in fields and time else [])
    order += [f"{name(f)} NULLS LAST" for f in fields if f != time]
    rest = [f for f in fields if f != key]
    if not rest:
        return f"SELECT DISTINCT {name(key)} FROM {staged}"
    ranked = f"SELECT *, row_number() OVER (PARTITION BY {name(key)} ORDER BY {', '.join(order)}) AS _rank FROM {staged}"
    kept = ", ".join(f"arg_min({name(f)}, _rank) FILTER (WHERE {name(f)} IS NOT NULL) AS {name(f)}" for f in rest)
    return f"SELECT {name(key)}, {kept} FROM ({ranked}) GROUP BY {name(key)}"


def _close_days(con: duckdb.DuckDBPyConnection, client: Client) -> None:
    """An end given as a bare day includes that day: the exclusive end is the next midnight."""
    for number, source in enumerate(client.sources):
        given = source.columns.get("ends_at")
        if source.table == "campaigns" and given is not None:
            con.execute(
                f"UPDATE staged_campaigns SET ends_at = ends_at + INTERVAL 1 DAY WHERE _source = {number} AND ends_at = "
                "date_trunc('day', ends_at)"
            )


def fill_contacts(con: duckdb.DuckDBPyConnection, has_campaigns: bool) -> None:
    """Contacts without a time were made when their campaign began."""
    if has_campaigns:
        _fill(con, "campaign_contacts", "contacted_at", "SELECT campaign_id, starts_at AS filled FROM campaigns", "campaign_id")


def date_customers(con: duckdb.DuckDBPyConnection) -> None:
    """Without order lines, customers whose registration is not known are there from the first event that names them, in place."""
    if "customer_id" in _columns(con, "events"):
        first = "SELECT customer_id, min(occurred_at) AS filled FROM events WHERE customer_id IS NOT NULL GROUP BY customer_id"
        _fill(con, "customer_rows", "registered_at", first, "customer_id")


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {column for (column,) in con.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}


def _fill(con: duckdb.DuckDBPyConnection, table: str, column: str, source: str, key: str) -> None:
    """Where `column` is open or not there, take `filled` of `source`, in place."""
    there = column in _columns(con, table)
    value = f"coalesce(t.{column}, s.filled)" if there else "s.filled"
    kept = f"t.* EXCLUDE ({column})" if there else "t.*"
    con.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT {kept}, {value} AS {column} FROM {table} t LEFT JOIN ({source}) s USING ({key})"
    )
