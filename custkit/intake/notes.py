"""What intake took as it stands and a person should know: counted, with money where there is some, and what would do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from custkit import words
from custkit.client import Client
from custkit.errors import BadInput
from custkit.intake.grammar import lit
from custkit.intake.masked import masked
from custkit.period import Period
from custkit.tables import BOTH_ARMS
from custkit.words import _, mark, ngettext

SENT_AGAIN = "sent_again"
LINES, ORDERS, CELLS, IDS, PRODUCTS, NAMES, CUSTOMERS, FILES = "lines", "orders", "cells", "ids", "products", "names", "customers", "files"
FOLDERS, SHEETS = "folders", "sheets"


class Saying(NamedTuple):
    """A remark in words: what was met, what is counted, what would do. `is_share`: its amount is a share, no money."""

    met: str
    counted: str
    remedy: str
    is_share: bool = False


# In the order in which they are told: what may be counted twice or not at all first, how cells were written last.
SAYS = {
    "unread": Saying(
        mark("files left unread: no source takes them"), FILES, mark("Name them under `files` in the client file, or under `ignore`.")
    ),
    "unread_packed": Saying(mark("packed files: what is in them is left unread"), FILES, mark("Unpack them.")),
    "unread_other": Saying(
        mark("files left unread: neither CSV, Excel nor Parquet"),
        FILES,
        mark("Have them exported as one of these, or name them under `ignore`."),
    ),
    "unread_folder": Saying(
        mark("folders left unread: no source looks into them"),
        FOLDERS,
        mark("Name what they hold under `files` in the client file, or them under `ignore`."),
    ),
    "unread_sheet": Saying(
        mark("sheets left unread: no source takes them"), SHEETS, mark("Add a source for each, or name them under `ignore`.")
    ),
    "one_line_dominates": Saying(
        mark("one line is more than half of all that was sold"), LINES, mark("See whether its amount is right."), True
    ),
    "one_customer_dominates": Saying(
        mark("one customer id stands for an unlikely share of the orders"),
        ORDERS,
        mark("Where it stands for guests, a counter or tests, name it under `null` or `rules: {exclude: …}`; a wholesaler may stay."),
        True,
    ),
    SENT_AGAIN: Saying(
        mark("lines that stand in another file or sheet too, equal in every field that is read: they count twice"),
        LINES,
        mark("Leave one of the two files out; where they overlap only: `rules: {duplicates: drop_across_files}`."),
    ),
    "duplicates": Saying(
        mark("lines that equal another in every field that is read"),
        LINES,
        mark("Where a copy is no second sale: `rules: {duplicates: drop}`."),
    ),
    "status_left_out": Saying(
        mark("lines left out: `rules.statuses` does not name their status"),
        LINES,
        mark("If such orders count, add the word to `rules.statuses`."),
    ),
    "control_total_differs": Saying(
        mark("the total at the foot of a file is not the sum of the rows taken"),
        FILES,
        mark("Hold the difference against copies and rows set aside; else ask for the file again."),
    ),
    "sign_conflict": Saying(
        mark("a quantity below zero with an amount above zero: neither sale nor return"),
        LINES,
        mark("Ask which it is; have money given back exported below zero."),
    ),
    "returns_turned": Saying(
        mark("returns by the file's own word, written above zero: they count below zero"), LINES, mark("Nothing to do.")
    ),
    "totals_differ": Saying(
        mark("the lines do not make up the order's total; the lines count"),
        ORDERS,
        mark("Ask what the total holds beside them: postage, tax?"),
    ),
    "parts_differ": Saying(
        mark("quantity × price is not the amount; the amount counts"),
        LINES,
        mark("Ask whether the amount is after discounts, and the price before."),
    ),
    "mean_amount_jumps": Saying(
        mark("the mean line of the month lies apart from the six months before"),
        FILES,
        mark("Ask whether net became gross, or prices rose."),
        True,
    ),
    "month_restated": Saying(
        mark("the delivery before told another number of lines or another revenue of the month"),
        LINES,
        mark("What was signed of that month holds no longer: run it again."),
    ),
    "column_gone": Saying(
        mark("a column that the delivery before had is gone"), FILES, mark("Ask for it again, or take it out of the client file.")
    ),
    "filled_less": Saying(mark("filled in fewer rows than in the delivery before"), FILES, mark("Ask what became of the values."), True),
    "column_new": Saying(
        mark("a column that the delivery before did not have"), FILES, mark("It is read only where the client file maps it.")
    ),
    "mojibake": Saying(
        mark("texts such as `Ã¤`: UTF-8 that was read in another encoding and saved"), CELLS, mark("Have them exported again, as UTF-8.")
    ),
    "zeros_only_shown": Saying(
        mark("ids are numbers that the sheet only shows with leading zeros"),
        CELLS,
        mark("`width` in the client file gives the zeros back."),
    ),
    "ids_alike": Saying(
        mark("ids that differ from another in case or width only"), IDS, mark("Ask whether two spellings are one; they count as two.")
    ),
    "product_renamed": Saying(
        mark("products sold under more than one name"), PRODUCTS, mark("They are one product, by id; nothing to do.")
    ),
    "name_shared": Saying(mark("names that stand for more than one product"), NAMES, mark("They are told apart by id; nothing to do.")),
    "returns_without_sale": Saying(
        mark("returns of customers without a purchase before"),
        LINES,
        mark("Older than the data? If not, ask for the sales that are missing."),
    ),
    "registered_after_order": Saying(
        mark("customers who registered after their first order"), CUSTOMERS, mark("Ask what the day of registration means.")
    ),
    "finer_than_currency": Saying(
        mark("amounts with more decimals than the currency has; they are kept"), LINES, mark("Ask whether they are in this currency.")
    ),
    "hour_skipped": Saying(
        mark("times that the clocks skip when summer time begins; they are moved on"),
        CELLS,
        mark("See that `time_zone` is the export's own."),
    ),
    "hour_twice": Saying(
        mark("times that the clocks show twice when summer time ends; the later is taken"),
        CELLS,
        mark("Nothing to do, unless the hour matters."),
    ),
    "filled_down": Saying(
        mark("empty cells that took over the value of their order's first line"), CELLS, mark("As `fill_down` asks; nothing to do.")
    ),
    "unwrapped": Saying(
        mark("values in a spreadsheet's wrapper (=\"…\" or a leading ') were taken out of it"), CELLS, mark("Nothing to do.")
    ),
    "accounting_negative": Saying(
        mark("amounts written as (24.75) or 24.75-; they are read as negative"),
        CELLS,
        mark("See whether they are returns or credits."),
    ),
    "merged_unknown": Saying(
        mark("ids that the map of merged customers takes into others and no other file holds"),
        IDS,
        mark("Ask whether they are spelled right."),
    ),
    "survivor_unknown": Saying(
        mark("ids into which the map of merged customers takes others and no other file holds"),
        IDS,
        mark("Ask whether they are spelled right."),
    ),
    "customers_merged": Saying(
        mark("ids that the map of merged customers joins: each person is one customer"), IDS, mark("As the map asks; nothing to do.")
    ),
    "merged_into": Saying(mark("customers whom those ids belong to"), CUSTOMERS, mark("As the map asks; nothing to do.")),
    "in_both_arms": Saying(
        mark("customers who stand in both groups of a campaign, under one id or under several that are one person's"),
        CUSTOMERS,
        mark("They count in neither group; ask how they were drawn."),
    ),
    "control_total_matched": Saying(mark("the total at the foot of a file is the sum of its rows"), FILES, mark("Nothing to do.")),
}
JUMP, LEAST_LINES, LEAST_SALES, MOST_STATUSES = 0.1, 30, 10, 10
UNLIKELY, TIMES_MEAN = 0.05, 10  # of all orders, and of what a customer has on average: more, and one id is hardly one customer
ALL_TIME = "9999-12"  # after every month
_MONEY = "DECIMAL(38, 4)"


@dataclass(frozen=True)
class Note:
    """One remark on `table`: `column` may also name a file, a month or a word; rows: how many of what `SAYS` counts.

    amount: decimal digits in the client's currency, or a share (0-1). month: `"2026-10"`, when it became so; empty: before all months.
    """

    code: str
    table: str
    column: str
    rows: int
    amount: str | None = None
    month: str = ""

    @property
    def place(self) -> str:
        """Where it was met, as it is told: a word met once may name somebody, in a row whose cells are shifted."""
        return masked(self.column, "unknown_value") if self.code == "status_left_out" and self.rows == 1 else self.column

    @property
    def counted(self) -> str:
        """`3 lines`, in the reader's language; `< 10 customers` for a reader who is not told of so few people."""
        kind, n = SAYS[self.code].counted, self.rows
        forms = {
            LINES: ngettext("{n} line", "{n} lines", n),
            ORDERS: ngettext("{n} order", "{n} orders", n),
            CELLS: ngettext("{n} cell", "{n} cells", n),
            IDS: ngettext("{n} id", "{n} ids", n),
            PRODUCTS: ngettext("{n} product", "{n} products", n),
            NAMES: ngettext("{n} name", "{n} names", n),
            CUSTOMERS: ngettext("{n} customer", "{n} customers", n),
            FILES: ngettext("{n} file", "{n} files", n),
            FOLDERS: ngettext("{n} folder", "{n} folders", n),
            SHEETS: ngettext("{n} sheet", "{n} sheets", n),
        }
        if not n:
            return ""
        people = kind == CUSTOMERS or (kind == IDS and self.column == "customer_id")
        if self.code == "month_restated":
            return forms[kind].format(n=words.signed(n, 0))
        return forms[kind].format(n=words.count(n) if people else words.number(n, 0))

    @property
    def worth(self) -> str:
        """The amount as people read it; empty where there is none, or where it is that of few lines and the reader is not told of few."""
        if self.amount is None:
            return ""
        if not SAYS[self.code].is_share:
            least = words.reader().min_cell
            return "" if least > 1 and abs(self.rows) < least else words.money(Decimal(self.amount), cents=True)
        return f"{words.signed(float(self.amount) * 100, 0)}%" if self.code == "mean_amount_jumps" else words.share(float(self.amount), 0)

    def text(self) -> str:
        """The remark as one line."""
        saying = SAYS[self.code]
        where = ", ".join(part for part in (self.table, self.place if self.column else "") if part)
        figures = _(", ").join(part for part in (self.counted, self.worth) if part)
        return f"{where}: {_(saying.met)}" + (f" ({figures})" if figures else "") + f". {_(saying.remedy)}"


def merged(notes: Iterable[Note], before: str = ALL_TIME) -> list[Note]:
    """Remarks of the months before the one named, one for each thing and place: rows and money are added up."""
    found: dict[tuple[str, str, str], Note] = {}
    for note in notes:
        if note.month < before:
            key = (note.code, note.table, note.column)
            found[key] = _sum(found[key], note) if key in found else replace(note, month="")
    return list(found.values())


def together(notes: Iterable[Note]) -> list[tuple[Note, list[str]]]:
    """One remark for each thing of each table, in the order of `SAYS`, with all the columns, files or months it was met in."""
    order = list(SAYS)
    found: dict[tuple[str, str], tuple[Note, list[str]]] = {}
    for note in notes:
        one, places = found.get((note.code, note.table), (None, []))
        found[note.code, note.table] = (_sum(one, note) if one else note, [*places, *([note.place] if note.column else [])])
    return sorted(found.values(), key=lambda one: (order.index(one[0].code), one[0].table))


def _sum(one: Note, other: Note) -> Note:
    both = None if one.amount is None or other.amount is None else str(Decimal(one.amount) + Decimal(other.amount))
    return replace(one, rows=one.rows + other.rows, amount=both)


def refuse_mixed_tax(con: duckdb.DuckDBPyConnection, client: Client) -> None:
    """Amounts with tax and without it make no sum: raise BadInput where the mapped column says that both are there."""
    found = con.execute("SELECT tax_basis, count(*) FROM staged_order_lines WHERE tax_basis IS NOT NULL GROUP BY 1 ORDER BY 1").fetchall()
    if len(found) > 1:
        words = ", ".join(f"`{word}` {rows:,}" for word, rows in found)
        raise BadInput(
            f"{client.folder / 'client.yml'}: order_lines differ in `tax_basis` ({words} rows): amounts with tax and without make no sum; "
            "export one kind"
        )


def notes_on_returns(con: duckdb.DuckDBPyConnection, amount: str) -> list[Note]:
    """Lines that `line_type` makes returns and whose amount, as this SQL has it, stands above zero, by month."""
    rows = f"SELECT NULL AS word, ordered_at, {amount} AS gap FROM staged_order_lines WHERE line_type = 'return' AND {amount} > 0"
    return _by_month(con, "returns_turned", "line_type", rows)


def notes_on_staged(con: duckdb.DuckDBPyConnection, mapped: set[str], decimals: int) -> list[Note]:
    """Lines as they were read: parts that contradict the amount, and fractions of the smallest coin, by month."""
    found: list[Note] = []

    def add(code: str, rows: str) -> None:
        found.extend(_by_month(con, code, "", f"SELECT NULL AS word, ordered_at, gap FROM ({rows})"))

    if "amount" in mapped:
        add("finer_than_currency", f"SELECT ordered_at, amount AS gap FROM staged_order_lines WHERE amount <> round(amount, {decimals})")
    if {"amount", "quantity", "unit_price"} <= mapped:
        gap = f"amount - CAST(quantity * unit_price AS {_MONEY})"
        add("parts_differ", f"SELECT ordered_at, {gap} AS gap FROM staged_order_lines WHERE abs({gap}) >= 0.01")
    if {"amount", "order_id", "order_total"} <= mapped:
        gap = f"CAST(max(order_total) - sum(amount) AS {_MONEY})"
        add(
            "totals_differ",
            f"SELECT min(ordered_at) AS ordered_at, {gap} AS gap FROM staged_order_lines GROUP BY order_id HAVING abs({gap}) >= 0.01",
        )
    return found


def notes_on_lines(con: duckdb.DuckDBPyConnection, client: Client, files: Sequence[str]) -> list[Note]:
    """`judged` and `copies` → remarks on duplicates, statuses, ids, names and returns, by month. files: their names, in order."""
    found: list[Note] = []

    def add(code: str, column: str, rows: str) -> None:
        found.extend(_by_month(con, code, column, rows))

    if client.rules.duplicates == "keep":  # what a rule leaves out stands in the ledger
        both = "names[_file + 1] || CASE WHEN others = 1 THEN ' = ' || names[first + 1] ELSE '' END"
        again = "SELECT *, count(DISTINCT first) OVER (PARTITION BY _file) AS others FROM copies WHERE is_again"
        add(
            SENT_AGAIN,
            "",
            f"SELECT {both} AS word, ordered_at, amount AS gap FROM ({again}), (SELECT [{', '.join(map(lit, files))}] AS names)",
        )
    if client.rules.duplicates != "drop":
        add("duplicates", "", "SELECT NULL AS word, ordered_at, amount AS gap FROM copies WHERE NOT is_again")
    if client.rules.statuses:
        left_out = "SELECT coalesce(order_status, '(empty)') AS word, ordered_at, amount AS gap FROM judged WHERE excluded = 'status'"
        most = f"SELECT word FROM ({left_out}) GROUP BY word ORDER BY count(*) DESC, word LIMIT {MOST_STATUSES}"
        add("status_left_out", "", f"FROM ({left_out}) WHERE word IN ({most})")
    adjusted = "".join(f" AND NOT starts_with(order_id, {lit(prefix)})" for prefix in client.rules.adjustment_order_prefixes)
    conflict = f"FROM judged WHERE kind = 'adjustment' AND amount > 0 AND excluded IS NULL{adjusted}"
    add("sign_conflict", "", f"SELECT NULL AS word, ordered_at, amount AS gap {conflict}")
    for f in ("customer_id", "product_id"):
        ids = f"SELECT {f}, min(ordered_at) AS since FROM judged WHERE {f} IS NOT NULL GROUP BY 1"
        add("ids_alike", f, _met_again(f"lower(nfc_normalize({f}))", ids))
    if any("product_name" in source.columns for source in client.sources if source.table == "order_lines"):
        pairs = (
            "SELECT product_id, product_name, min(ordered_at) AS since FROM judged WHERE kind = 'sale' AND product_id IS NOT NULL "
            "AND product_name IS NOT NULL GROUP BY 1, 2"
        )
        add("product_renamed", "product_id", _met_again("product_id", pairs, each=False))
        add("name_shared", "product_name", _met_again("product_name", pairs, each=False))
    add(
        "returns_without_sale",
        "",
        "SELECT NULL AS word, r.ordered_at, r.amount AS gap FROM (SELECT customer_id, ordered_at, amount FROM judged WHERE kind = 'return' "
        "AND excluded IS NULL AND customer_id IS NOT NULL) r LEFT JOIN (SELECT customer_id, min(ordered_at) AS first FROM judged "
        "WHERE kind = 'sale' AND excluded IS NULL GROUP BY 1) s USING (customer_id) WHERE s.first IS NULL OR s.first > r.ordered_at",
    )
    return found


def _met_again(key: str, spellings: str, *, each: bool = True) -> str:
    """Keys with more than one row in `spellings`, from the second one's time on; each: every spelling counts, else the key does once."""
    numbered = f"SELECT {key} AS key, since, row_number() OVER (PARTITION BY {key} ORDER BY since) AS n FROM ({spellings})"
    if each:  # the first is counted when the second comes
        met = f"SELECT since, unnest(range(CASE n WHEN 2 THEN 2 ELSE 1 END)) FROM ({numbered}) WHERE n >= 2"
    else:
        met = f"SELECT since FROM ({numbered}) WHERE n = 2"
    return f"SELECT NULL AS word, since AS ordered_at, CAST(NULL AS {_MONEY}) AS gap FROM ({met})"


def _by_month(con: duckdb.DuckDBPyConnection, code: str, column: str, rows: str) -> list[Note]:
    """Remarks from SQL of word, ordered_at, gap: a word of the data where there is one, when, and the money at stake; most first."""
    months = f"SELECT word, strftime(ordered_at, '%Y-%m') AS month, count(*) AS n, sum(gap) AS gap FROM ({rows}) GROUP BY 1, 2"
    counted = con.execute(
        f"SELECT word, month, n, gap FROM (SELECT *, sum(n) OVER (PARTITION BY word) AS all_months FROM ({months})) "
        "ORDER BY all_months DESC, word, month"
    ).fetchall()
    return [
        Note(code, "order_lines", word or column, n, None if gap is None else f"{Decimal(gap):.2f}", month)
        for word, month, n, gap in counted
    ]


def notes_on_customers(con: duckdb.DuckDBPyConnection) -> list[Note]:
    """Customers who registered after the first order they placed, the same day not counted, by the month of registration."""
    late = (
        "SELECT c.registered_at FROM customer_rows c JOIN (SELECT customer_id, min(ordered_at) AS first FROM order_rows GROUP BY 1) o "
        "USING (customer_id) WHERE CAST(c.registered_at AS DATE) > CAST(o.first AS DATE)"
    )
    months = con.execute(f"SELECT strftime(registered_at, '%Y-%m') AS month, count(*) FROM ({late}) GROUP BY 1 ORDER BY 1").fetchall()
    return [Note("registered_after_order", "customers", "registered_at", rows, month=month) for month, rows in months]


def notes_on_contacts(con: duckdb.DuckDBPyConnection) -> list[Note]:
    """Customers who stand in both groups of a campaign, by the campaign and the month of the contact."""
    fields = {field for (field,) in con.execute("SELECT column_name FROM (DESCRIBE campaign_contacts)").fetchall()}
    if "arm" not in fields:
        return []
    month = "coalesce(strftime(contacted_at, '%Y-%m'), '')" if "contacted_at" in fields else "''"
    met = con.execute(
        f"SELECT campaign_id, {month} AS month, count(*) FROM campaign_contacts WHERE arm = {lit(BOTH_ARMS)} GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    return [Note("in_both_arms", "campaign_contacts", campaign, rows, month=month) for campaign, month, rows in met]


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
            found.append(Note("control_total_matched", one.table, one.file, 1, f"{Decimal(one.amount):.2f}", one.first_month))
        elif gaps:
            found.append(Note("control_total_differs", one.table, one.file, 1, f"{gaps[-1]:.2f}", one.first_month))
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


def largest_sales(con: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    """[month, sales, their sum, the largest of them]: no part of the profile, which outlives whoever is erased."""
    found = con.execute(
        "SELECT strftime(ordered_at, '%Y-%m'), count(*), sum(amount), max(amount) FROM lines WHERE kind = 'sale' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [[month, sales, f"{total:.4f}", f"{most:.4f}"] for month, sales, total, most in found]


def note_on_largest(sales: list[list[Any]], before: str = ALL_TIME) -> list[Note]:
    """The largest sale of the months before the one named, where it is more than half of all."""
    known = [(Decimal(most), month, n, Decimal(total)) for month, n, total, most in sales if month < before]
    if sum(n for _most, _month, n, _total in known) < LEAST_SALES:
        return []
    largest, month, _n, _total = max(known)
    total = sum(total for *_of, total in known)
    return [Note("one_line_dominates", "order_lines", month, 1, f"{largest / total:.4f}")] if 2 * largest > total else []


def busiest_customers(con: duckdb.DuckDBPyConnection) -> list[list[Any]]:
    """[month, purchases of known customers, customers new in it, the most purchases that one has made by then]."""
    found = con.execute(
        "SELECT strftime(ordered_at, '%Y-%m'), count(*), count(*) FILTER (order_number = 1), max(order_number) FROM order_rows "
        "WHERE order_number IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [list(row) for row in found]


def note_on_busiest(orders: list[list[Any]], before: str = ALL_TIME) -> list[Note]:
    """One customer of the months before the one named who has a twentieth of all orders, and ten times what customers have on average."""
    known = [row for row in orders if row[0] < before]
    total, customers, most = sum(row[1] for row in known), sum(row[2] for row in known), max((row[3] for row in known), default=0)
    if not total or most < max(UNLIKELY, TIMES_MEAN / customers) * total:
        return []
    return [Note("one_customer_dominates", "order_lines", "customer_id", most, f"{most / total:.4f}")]


def note_on_jump(told: dict[str, Any], before: str = ALL_TIME) -> list[Note]:
    """Of the months before the one named: the last, where its mean line lies apart from six by a tenth and more than they ever differ."""
    means = {Period.parse(month): row[2] for month, row in told["months"].items() if month < before and row[2] and row[0] >= LEAST_LINES}
    if len(means) < 4:
        return []
    last = max(means)
    before_it = sorted(means[month] for month in means if last - 6 <= month < last)
    if len(before_it) < 3:
        return []
    middle = before_it[len(before_it) // 2]
    spread = max(abs(mean / middle - 1) for mean in before_it)
    change = means[last] / middle - 1
    return [Note("mean_amount_jumps", "order_lines", str(last), 0, f"{change:.4f}")] if abs(change) > max(JUMP, 2 * spread) else []


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
            found.append(Note("filled_less", table, f, 0, f"{share:.4f}"))
    for month, (rows, revenue, *_more) in sorted(before["months"].items()):
        fresh_rows, fresh_revenue, *_rest = now["months"].get(month, [0, "0"])
        if (fresh_rows, Decimal(fresh_revenue)) != (rows, Decimal(revenue)):
            gap = Decimal(fresh_revenue) - Decimal(revenue)
            found.append(Note("month_restated", "order_lines", month, fresh_rows - rows, f"{gap:.2f}", month))
    return found
