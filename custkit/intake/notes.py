"""What intake took as it stands and a person should know: counted, with money where there is some, and what would do."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from custkit.client import Client
from custkit.errors import BadInput
from custkit.intake.grammar import lit
from custkit.period import Period

SAYS = {
    "mojibake": "{rows:,} texts such as `Ã¤` were UTF-8 read in another encoding and saved: export them again",
    "unwrapped": "{rows:,} values stood in a spreadsheet's wrapper (=\"…\" or a leading ') and were taken out of it",
    "filled_down": "{rows:,} empty cells took over the value of their order's first line",
    "hour_skipped": "{rows:,} times that the clock of that zone skips were moved on",
    "hour_twice": "{rows:,} times that the clock of that zone shows twice were read as the later",
    "zeros_only_shown": "{rows:,} ids are numbers that the sheet shows with leading zeros: set `width` to give them back",
    "ids_alike": "{rows:,} ids differ from another only in case or width: two spellings of one?",
    "finer_than_currency": "{rows:,} amounts have more decimals than the currency; they are kept",
    "parts_differ": "in {rows:,} lines quantity × price is not the amount, by {amount} in all; the amount counts",
    "totals_differ": "in {rows:,} orders the lines do not make up the order's total, by {amount} in all; the lines count",
    "duplicates": "{rows:,} lines worth {amount} equal another in every field; `rules: {{duplicates: drop}}` leaves them out",
    "status_left_out": "{rows:,} lines worth {amount} have a status that `rules.statuses` does not name: {column}",
    "product_renamed": "{rows:,} products were sold under more than one name; they are one product, by id",
    "name_shared": "{rows:,} names stand for more than one product; they are told apart by id",
    "returns_without_sale": "{rows:,} returns worth {amount} are of customers without a purchase before: older than the data?",
    "registered_after_order": "{rows:,} customers registered after their first order",
    "one_line_dominates": "one line is {amount} of all that was sold: is it right?",
    "mean_amount_jumps": "{column}: the mean line differs from the six months before more than they do among each other: net and gross?",
    "customers_merged": "{rows:,} customer ids that the map joins became {amount}",
    "merged_unknown": "{rows:,} ids that the map merges into others stand in no other file",
    "survivor_unknown": "{rows:,} ids into which the map merges others stand in no other file: are they spelled right?",
    "control_total_matched": "{column}: the total at its foot is the sum of its rows, {amount}",
    "control_total_differs": "{column}: the total at its foot differs from the sum of the rows taken by {amount}",
    "column_new": "the file has a column it did not have before: {column}; it is read only where it is mapped",
    "column_gone": "the file no longer has the column {column}",
    "filled_less": "{column} is filled in {amount} of the rows; last time it was more by a tenth of all rows or more",
    "month_restated": "{column} was told before otherwise: {rows:+,} lines, {amount} revenue",
}
JUMP = 0.1
_MONEY = "DECIMAL(38, 4)"


@dataclass(frozen=True)
class Note:
    """One remark: `column` may also name a file, a month or a list of words; `amount` is in the client's currency, or a share."""

    code: str
    table: str
    column: str
    rows: int
    amount: str | None = None

    def text(self) -> str:
        """The remark as one line."""
        where = self.table if "{column}" in SAYS[self.code] or not self.column else f"{self.table}.{self.column}"
        return f"{where}: " + SAYS[self.code].format(rows=self.rows, amount=self.amount, column=self.column)


def refuse_mixed_tax(con: duckdb.DuckDBPyConnection, client: Client) -> None:
    """Amounts with tax and without it make no sum: raise BadInput where the mapped column says that both are there."""
    found = con.execute("SELECT tax_basis, count(*) FROM staged_order_lines WHERE tax_basis IS NOT NULL GROUP BY 1 ORDER BY 1").fetchall()
    if len(found) > 1:
        words = ", ".join(f"`{word}` {rows:,}" for word, rows in found)
        raise BadInput(
            f"{client.folder / 'client.yml'}: order_lines differ in `tax_basis` ({words} rows): amounts with tax and without make no sum; "
            "export one kind"
        )


def notes_on_staged(con: duckdb.DuckDBPyConnection, mapped: set[str], decimals: int) -> list[Note]:
    """Lines as they were read: parts that contradict the amount, and fractions of the smallest coin."""
    found: list[Note] = []

    def add(code: str, query: str) -> None:
        rows, amount = con.execute(query).fetchone() or (0, 0)
        if rows:
            found.append(Note(code, "order_lines", "", int(rows), f"{Decimal(amount):.2f}"))

    if "amount" in mapped:
        add(
            "finer_than_currency",
            f"SELECT count(*), sum(amount) FROM staged_order_lines WHERE amount <> round(amount, {decimals})",
        )
    if {"amount", "quantity", "unit_price"} <= mapped:
        gap = f"amount - CAST(quantity * unit_price AS {_MONEY})"
        add("parts_differ", f"SELECT count(*), sum(gap) FROM (SELECT {gap} AS gap FROM staged_order_lines) WHERE abs(gap) >= 0.01")
    if {"amount", "order_id", "order_total"} <= mapped:
        gap = f"CAST(max(order_total) - sum(amount) AS {_MONEY})"
        add(
            "totals_differ",
            f"SELECT count(*), sum(gap) FROM (SELECT {gap} AS gap FROM staged_order_lines GROUP BY order_id) WHERE abs(gap) >= 0.01",
        )
    return found


def notes_on_lines(con: duckdb.DuckDBPyConnection, client: Client) -> list[Note]:
    """`judged` → remarks on duplicates, statuses, ids, names, returns and single lines that outweigh the rest."""
    found: list[Note] = []

    def add(code: str, column: str, query: str) -> None:
        for at, rows, amount in con.execute(query).fetchall():
            if rows:
                money = None if amount is None else str(amount) if isinstance(amount, str) else f"{Decimal(amount):,.2f}"
                found.append(Note(code, "order_lines", at or column, int(rows), money))

    add("duplicates", "", "SELECT NULL, count(*), sum(amount) FROM copies")
    if client.rules.statuses:
        add(
            "status_left_out",
            "",
            "SELECT coalesce(order_status, '(empty)'), count(*), sum(amount) FROM judged WHERE excluded = 'status' GROUP BY 1 "
            "ORDER BY 2 DESC, 1 LIMIT 10",
        )
    for f in ("customer_id", "product_id"):
        add(
            "ids_alike",
            f,
            f"SELECT NULL, coalesce(sum(n), 0), NULL FROM (SELECT count(*) AS n FROM (SELECT DISTINCT {f} FROM judged) "
            f"GROUP BY lower(nfc_normalize({f})) HAVING count(*) > 1)",
        )
    named = any("product_name" in source.columns for source in client.sources if source.table == "order_lines")
    if named:
        add(
            "product_renamed",
            "product_id",
            "SELECT NULL, count(*), NULL FROM (SELECT product_id FROM judged WHERE kind = 'sale' AND product_id IS NOT NULL "
            "GROUP BY product_id HAVING min(product_name) <> max(product_name))",
        )
    if named:
        add(
            "name_shared",
            "product_name",
            "SELECT NULL, count(*), NULL FROM (SELECT product_name FROM judged WHERE kind = 'sale' AND product_name IS NOT NULL "
            "GROUP BY product_name HAVING min(product_id) <> max(product_id))",
        )
    add(
        "returns_without_sale",
        "",
        "SELECT NULL, count(*), sum(r.amount) FROM (SELECT customer_id, ordered_at, amount FROM judged WHERE kind = 'return' "
        "AND excluded IS NULL AND customer_id IS NOT NULL) r LEFT JOIN (SELECT customer_id, min(ordered_at) AS first FROM judged "
        "WHERE kind = 'sale' AND excluded IS NULL GROUP BY 1) s USING (customer_id) WHERE s.first IS NULL OR s.first > r.ordered_at",
    )
    add(
        "one_line_dominates",
        "",
        "SELECT NULL, CASE WHEN count(*) >= 10 AND max(amount) > 0.5 * sum(amount) THEN 1 ELSE 0 END, "
        "printf('%.0f%%', 100.0 * max(amount)::DOUBLE / nullif(sum(amount), 0)::DOUBLE) FROM judged WHERE kind = 'sale' "
        "AND excluded IS NULL",
    )
    return found


def notes_on_customers(con: duckdb.DuckDBPyConnection) -> list[Note]:
    """Customers who registered after the first order they placed, the same day not counted."""
    (rows,) = con.execute(
        "SELECT count(*) FROM customer_rows c JOIN (SELECT customer_id, min(ordered_at) AS first FROM order_rows GROUP BY 1) o "
        "USING (customer_id) WHERE CAST(c.registered_at AS DATE) > CAST(o.first AS DATE)"
    ).fetchone() or (0,)
    return [Note("registered_after_order", "customers", "registered_at", rows)] if rows else []


def notes_on_totals(con: duckdb.DuckDBPyConnection, files: list[Any]) -> list[Note]:
    """Total rows at the foot of a file against the sum of the rows taken from it."""
    found = []
    for one in files:
        if not one.reasons.get("total_row") or one.table != "order_lines":
            continue
        totals = con.execute(
            f"SELECT amount FROM quarantine WHERE reason = 'total_row' AND file = {lit(one.file)} AND amount IS NOT NULL ORDER BY line"
        ).fetchall()
        gaps = [Decimal(total) - Decimal(one.amount) for (total,) in totals]
        if gaps and any(gap == 0 for gap in gaps):
            found.append(Note("control_total_matched", one.table, one.file, 1, f"{Decimal(one.amount):,.2f}"))
        elif gaps:
            found.append(Note("control_total_differs", one.table, one.file, 1, f"{gaps[-1]:,.2f}"))
    return found


def profile(con: duckdb.DuckDBPyConnection, files: list[Any], tables: dict[str, int]) -> dict[str, Any]:
    """What the next delivery is compared with: lines, revenue and mean sale of every month, headers. Nobody is named."""
    months = []
    if "order_lines" in tables:
        months = con.execute(
            "SELECT strftime(ordered_at, '%Y-%m'), count(*), sum(revenue), avg(amount) FILTER (WHERE kind = 'sale') FROM lines "
            "GROUP BY 1 ORDER BY 1"
        ).fetchall()
    sent = sorted({one.table for one in files})
    return {
        "months": {month: [rows, f"{revenue:.4f}", mean] for month, rows, revenue, mean in months},
        "headers": {table: sorted({h for one in files if one.table == table for h in one.header}) for table in sent},
    }


def notes_on_months(told: dict[str, Any]) -> list[Note]:
    """The last month whose mean line lies apart from the six before it by a tenth and by more than they ever differ."""
    means = {Period.parse(month): row[2] for month, row in told["months"].items() if row[2] and row[0] >= 30}
    if len(means) < 4:
        return []
    last = max(means)
    before = sorted(means[month] for month in means if last - 6 <= month < last)
    if len(before) < 3:
        return []
    middle = before[len(before) // 2]
    spread = max(abs(mean / middle - 1) for mean in before)
    change = means[last] / middle - 1
    return [Note("mean_amount_jumps", "order_lines", str(last), 1, f"{change:+.0%}")] if abs(change) > max(JUMP, 2 * spread) else []


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[Note]:
    """Two profiles of one client → columns that came or went, cells that are no longer filled, months told otherwise than before."""
    found: list[Note] = []
    for table, header in sorted(now["headers"].items()):
        old = before["headers"].get(table)
        if old is not None:
            found += [Note("column_new", table, column, 0) for column in header if column not in old]
            found += [Note("column_gone", table, column, 0) for column in old if column not in header]
    for column, share in sorted(now.get("filled", {}).items()):
        if before.get("filled", {}).get(column, 0.0) - share >= JUMP:
            table, _dot, f = column.partition(".")
            found.append(Note("filled_less", table, f, 0, f"{share:.0%}"))
    for month, (rows, revenue, _mean) in sorted(before["months"].items()):
        fresh_rows, fresh_revenue, _fresh = now["months"].get(month, [0, "0", None])
        if (fresh_rows, Decimal(fresh_revenue)) != (rows, Decimal(revenue)):
            gap = Decimal(fresh_revenue) - Decimal(revenue)
            found.append(Note("month_restated", "order_lines", month, fresh_rows - rows, f"{gap:+,.2f}"))
    return found
