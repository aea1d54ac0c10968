"""The ledger: every row and every cent accounted for, or intake stops."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from custkit.client import Client
from custkit.errors import BadInput, CustkitError
from custkit.intake.guess.values import formats_of
from custkit.intake.inputs import ENDINGS
from custkit.intake.masked import columns_of_ids, masked
from custkit.intake.staging import STRUCTURAL, FileCount
from custkit.intake.write import file_sum

REMEDIES = {
    "amount_unparsable": 'name texts that mean "not known" under `null`, or set `decimal`',
    "amount_out_of_range": "correct the amount in the export",
    "boolean_unparsable": "give the file's words under `values`, such as {Y: true, N: false}",
    "control_character": "export the file again; a control character stands in the cell",
    "currency_mismatch": "convert the amount, or correct `currency`; where the file has its own sign for it, translate it under `values`",
    "date_format": "set `format` to how this column writes dates",
    "date_out_of_range": 'name the date that means "not known" under `null`',
    "excel_error": "correct the cell's formula",
    "field_too_long": "a quote may be missing before it; else raise `limits: {longest_text: …}`",
    "interval": "the end lies before the start: correct one of them",
    "sign_conflict": "write money spent above zero",
    "truncated": "the file ends in the middle of this record: fetch it again",
    "field_count": "put quotes round the field that holds the delimiter, or correct `delimiter`",
    "id_digits_lost": "format the column as text before the numbers are typed in; the last digits are gone",
    "missing_required": "fill the cell, or leave the row out of the export",
    "not_a_money_value": "round the amount to at most 4 decimals",
    "number_unparsable": 'name texts that mean "not known" under `null`',
    "unknown_value": "translate the file's words under `values`",
}
SHOWN = 5


@lru_cache(10_000)
def remedy(reason: str, value: str | None, file: str) -> str:
    """What would do about a row set aside for `reason`, as far as the value tells; empty where nothing is known."""
    text = (value or "").strip()
    if reason == "date_format":
        ways = [
            f'[excel, "{way}"]' if "%" in way and ENDINGS.get(Path(file).suffix.lower()) == "excel" else way for way in formats_of(text)
        ]
        shown = f"`{'` or `'.join(ways)}` reads this one" if ways else "such as `%d.%m.%Y %H:%M`, or correct the day in the export"
        return f"{REMEDIES[reason]}: {shown}"
    if reason in ("amount_unparsable", "number_unparsable") and re.search(r"\d", text):
        if re.search(r"(?i)\b[CD]R\b\.?$", text):
            return "CR and DR mean the opposite in different houses: have such amounts written with a minus or without"
        return "have it exported as a plain number, or set `decimal` if its mark is the other one"
    return REMEDIES.get(reason, "")


def stop_past_limits(con: duckdb.DuckDBPyConnection, client: Client, files: list[FileCount], keep: Path) -> None:
    """Raise BadInput, with the first rows of each reason, where more was set aside than the client file allows or a file lost every row."""
    why = []
    for one in files:
        if one.quarantined and not one.accepted:
            why.append(f"{one.file}: none of its {one.quarantined} rows could be read")
    for table in dict.fromkeys(one.table for one in files):
        lost = sum(one.quarantined for one in files if one.table == table)
        read = lost + sum(one.accepted for one in files if one.table == table)
        if lost > client.limits.quarantine_rows * read:
            why.append(f"{table}: {lost} of {read} rows could not be read, over the limit of {client.limits.quarantine_rows:.2%}")
    lost_money, kept_money = _money(con) if any(one.table == "order_lines" for one in files) else (Decimal(0), Decimal(0))
    if lost_money > Decimal(repr(client.limits.quarantine_revenue)) * (lost_money + kept_money):
        why.append(
            f"order_lines: rows worth {lost_money:,.2f} of {lost_money + kept_money:,.2f} {client.currency} could not be read, "
            f"over the limit of {client.limits.quarantine_revenue:.2%}"
        )
    if not why:
        return
    keep.parent.mkdir(parents=True, exist_ok=True)
    examples = _examples(con, client)
    raise BadInput("\n".join([*why, *examples, f"All rows set aside are in {keep}; `limits` in the client file says how many may be."]))


def _money(con: duckdb.DuckDBPyConnection) -> tuple[Decimal, Decimal]:
    (lost,) = con.execute(
        f"SELECT coalesce(sum(abs(amount)), 0) FROM quarantine WHERE \"table\" = 'order_lines' AND reason NOT IN {STRUCTURAL!r}"
    ).fetchone() or (0,)
    (kept,) = con.execute("SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) FROM judged").fetchone() or (0,)
    return Decimal(lost), Decimal(kept)


def _examples(con: duckdb.DuckDBPyConnection, client: Client) -> list[str]:
    ids = columns_of_ids(client)
    rows = con.execute(
        'SELECT file, line, "column", value, reason, count(*) OVER (PARTITION BY reason) AS n FROM quarantine '
        f"WHERE reason NOT IN {STRUCTURAL!r} QUALIFY row_number() OVER (PARTITION BY reason ORDER BY file, line) <= {SHOWN} "
        "ORDER BY n DESC, reason, file, line"
    ).fetchall()
    text, before = [], ""
    for file, line, column, value, reason, count in rows:
        shown = (
            "(whole line)"
            if column is None and value is None
            else "(empty)"
            if value in (None, "")
            else f"`{masked(value, reason, is_id=column in ids)}`"
        )
        where = f"{file} line {line}" + (f" column {column}" if column else "")
        fix = f"; {said}" if (said := remedy(reason, value, file)) else ""
        why = f" ({reason}, {count} {'row' if count == 1 else 'rows'}{fix})"
        text.append(f"  {where}: {shown}" + (why if why != before else ""))
        before = why
    return text


def line_ledger(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Accepted order lines in rows and money, by what became of them."""
    months = _months(con, "judged")
    counted = [one for one in months if one[1] is None]
    accepted = _sum(months)
    copies = _months(con, "copies", copies=True)
    return {
        "accepted": accepted["rows"],
        "accepted_amount": accepted["amount"],
        **_sum(counted),
        "excluded": _groups((one for one in months if one[1] is not None), 1, "reason"),
        "kinds": _groups(counted, 2, "kind"),
        "guests": _sum(one for one in counted if not one[3]),
        "known": _sum(one for one in counted if one[3]),
        "non_products": _sum(one for one in counted if not one[4]),
        "duplicates": _sum(copies),
        "months": months + copies,
    }


def orders_of_two_customers(con: duckdb.DuckDBPyConnection) -> int:
    (orders,) = con.execute("SELECT count(*) FROM order_rows WHERE has_two_customers").fetchone() or (0,)
    return int(orders)


def unlisted(con: duckdb.DuckDBPyConnection, key: str, listed: str) -> list[list[Any]]:
    """[month, lines, revenue, distinct keys] of lines that count whose `key` stands in no row of the client's own list of them.

    Postage and vouchers stand in no list of products, and need not.
    """
    goods = " AND is_product" if key == "product_id" else ""
    found = con.execute(
        f"SELECT strftime(ordered_at, '%Y-%m') AS month, count(*), coalesce(sum(revenue), 0), count(DISTINCT {key}) FROM lines j "
        f"WHERE {key} IS NOT NULL{goods} AND NOT EXISTS (FROM {listed} l WHERE l.{key} = j.{key}) "
        "GROUP BY month ORDER BY month"
    ).fetchall()
    return [[month, rows, f"{revenue:.4f}", keys] for month, rows, revenue, keys in found]


def _months(con: duckdb.DuckDBPyConnection, table: str, *, copies: bool = False) -> list[list[Any]]:
    """[month, excluded, kind, known customer, product, copy, rows, amount, revenue]: the ledger as finely as it is ever told."""
    by = "strftime(ordered_at, '%Y-%m') AS month, " + (
        "CAST(NULL AS VARCHAR) AS excluded, '' AS kind, true AS known, true AS product"
        if copies
        else "excluded, kind, customer_id IS NOT NULL AS known, is_product AS product"
    )
    found = con.execute(
        f"SELECT {by}, count(*), coalesce(sum(amount), 0), coalesce(sum(revenue), 0) FROM {table} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return [[*of, copies, rows, f"{amount:.4f}", f"{revenue:.4f}"] for *of, rows, amount, revenue in found]


def _sum(months: Iterable[list[Any]]) -> dict[str, Any]:
    rows, amount, revenue = 0, Decimal(0), Decimal(0)
    for one in months:
        rows, amount, revenue = rows + one[-3], amount + Decimal(one[-2]), revenue + Decimal(one[-1])
    return {"rows": rows, "amount": f"{amount:.4f}", "revenue": f"{revenue:.4f}"}


def _groups(months: Iterable[list[Any]], place: int, label: str) -> list[dict[str, Any]]:
    by: dict[str, list[list[Any]]] = {}
    for one in months:
        by.setdefault(one[place], []).append(one)
    return [{label: of, **_sum(rows)} for of, rows in sorted(by.items())]


def check_money(lines: dict[str, Any], folder: Path) -> None:
    """Raise CustkitError unless the money in the written files and the money left out make up, to the cent, the money accepted."""
    left_out = sum((Decimal(e["amount"]) for e in lines["excluded"]), Decimal(0))
    rows_out = sum(e["rows"] for e in lines["excluded"])
    written = file_sum(folder / "order_lines.parquet", "amount")
    if written + left_out != Decimal(lines["accepted_amount"]) or lines["rows"] + rows_out != lines["accepted"]:
        raise CustkitError(
            f"the ledger does not balance: accepted {lines['accepted_amount']}, written {written} and left out {left_out} "
            f"({lines['accepted']} rows, {lines['rows']} and {rows_out})"
        )
    for column, file in (("revenue", "order_lines"), ("revenue", "orders")):
        if (found := file_sum(folder / f"{file}.parquet", column)) != Decimal(lines["revenue"]):
            raise CustkitError(f"the ledger does not balance: revenue {lines['revenue']} on the engine, {found} in {file}.parquet")
    parts = Decimal(lines["guests"]["revenue"]) + Decimal(lines["known"]["revenue"])
    if parts != Decimal(lines["revenue"]):
        raise CustkitError(f"the ledger does not balance: revenue {lines['revenue']}, of guests and known customers {parts}")
