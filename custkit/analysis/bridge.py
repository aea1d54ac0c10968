"""Where each month's change in revenue came from, customer by customer, to the cent."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.intervals import skewed_interval
from custkit.analysis.kpis import month_index
from custkit.engine import fetch, to_float
from custkit.errors import CustkitError
from custkit.period import Period
from custkit.words import mark

NEW, REACTIVATED, EXPANSION, CONTRACTION, LOST, RETURNS, GUESTS = LINES = (
    "new", "reactivated", "expansion", "contraction", "lost", "returns", "guests",
)  # fmt: skip
LINE_NAMES = {
    NEW: mark("new customers"),
    REACTIVATED: mark("customers who came back"),
    EXPANSION: mark("customers who spent more"),
    CONTRACTION: mark("customers who spent less"),
    LOST: mark("customers who did not buy again"),
    RETURNS: mark("customers who only returned"),
    GUESTS: mark("guests"),
}
COLUMNS = ("line", "customers", "before", "now", "change", "low", "high", "usual", "unusual")
# A line is called unusual only against so many earlier months, usual against so many.
MONTHS, ENOUGH, SOME = 13, 6, 3
# Student's t by degrees of freedom from 5 on, such that in 95 months of 100 none of the seven lines is called unusual by chance.
_T95 = (4.382, 3.997, 3.753, 3.584, 3.462, 3.368, 3.295)


def revenue_bridge(orders: ir.Table, *, period: Period, months: int = MONTHS) -> pd.DataFrame:
    """Split the change in revenue on the month before among those who caused it, beside what each line does in other months.

    one row an order  →  line | customers, before, now, change, low, high, usual, unusual   (currency; seven lines, in the bridge's order)

    new           bought this month for the first time
    reactivated   bought this month and earlier, but not last month
    expansion     bought in both months and brought more (or the same) this month; contraction: less
    lost          bought last month, not this month; they may well come back
    returns       bought in neither month and returned something in one
    guests        orders without a customer id; `customers` counts nobody

    Changes sum exactly to revenue now − revenue before, in each of the `months`: reckoned in decimals, checked against the orders' own
    totals. low to high: how far chance moves the line, its customers taken as independent. usual: its mean change in the months
    before, where there are three or more; unusual: further from it than such months lie, where there are six; by chance one line in 20
    months. The data's first month may be cut short, so it and the next are not among them. Empty when the data do not reach back to
    last month. [S70]

    Raises ValueError if months < 2; CustkitError if a sum is not kept.
    """
    if months < 2:
        raise ValueError(f"months is {months}; a line is usual against at least 1 month before")
    last = period.year * 12 + period.month - 1
    cut = orders.filter(_.ordered_at < period.end).mutate(month=month_index(_.ordered_at))
    totals = {row["month"]: row for row in fetch(cut.group_by("month").aggregate(**_totals(cut))).to_pylist()}
    first = min(totals, default=last)
    if first >= last:
        return _as_frame([])
    lines = {(row["month"], row["line"]): row for row in fetch(_lines(cut, last - months + 1, last)).to_pylist()}
    told = {month: _month(month, lines, totals) for month in range(max(first + 1, last - months + 1), last + 1)}
    for month, rows in told.items():
        _check(month, rows, totals)
    earlier = [rows for month, rows in told.items() if first + 1 < month < last]
    return _as_frame([_with_usual(row, [rows[place][4] for rows in earlier]) for place, row in enumerate(told[last])])


def _totals(cut: ir.Table) -> dict[str, Any]:
    guest = cut.customer_id.isnull()
    money = to_float(cut.revenue)
    return {
        "revenue": cut.revenue.sum(),
        "guests": cut.revenue.sum(where=guest).fill_null(Decimal(0)),
        "squares": (money * money).sum(where=guest).fill_null(0.0),
        "cubes": (money * money * money).sum(where=guest).fill_null(0.0),
    }


def _lines(cut: ir.Table, first: int, last: int) -> ir.Table:
    """month, line | customers, before, now, Σ change² and Σ change³. Each month of a customer is read as now and as before."""
    folded = (
        cut.filter(_.customer_id.notnull())
        .group_by("customer_id", "month")
        .aggregate(revenue=_.revenue.sum(), bought=_.is_purchase.ifelse(1, 0).max().cast("int64"))
        .mutate(begun=(_.bought == 1).ifelse(_.month, None).min().over(ibis.window(group_by="customer_id")))
    )
    nobody, nothing = ibis.literal(0, "int64"), ibis.literal(Decimal(0)).cast(folded.revenue.type())
    now = folded.mutate(now=_.revenue, before=nothing, bought_now=_.bought, bought_before=nobody)
    then = folded.mutate(month=_.month + 1, now=nothing, before=_.revenue, bought_now=nobody, bought_before=_.bought)
    both = (
        ibis.union(now, then)
        .filter(_.month >= first, _.month <= last)
        .group_by("customer_id", "month")
        .aggregate(
            begun=_.begun.min(),
            now=_.now.sum(),
            before=_.before.sum(),
            bought_now=_.bought_now.max(),
            bought_before=_.bought_before.max(),
        )
        .mutate(change=to_float(_.now - _.before))
        .mutate(
            line=ibis.cases(
                ((_.bought_now == 1) & (_.bought_before == 1) & (_.now >= _.before), EXPANSION),
                ((_.bought_now == 1) & (_.bought_before == 1), CONTRACTION),
                ((_.bought_now == 1) & (_.begun == _.month), NEW),
                (_.bought_now == 1, REACTIVATED),
                (_.bought_before == 1, LOST),
                ((_.now != 0) | (_.before != 0), RETURNS),
                else_="nobody",
            )
        )
    )
    return both.group_by("month", "line").aggregate(
        customers=_.count(),
        before=_.before.sum(),
        now=_.now.sum(),
        squares=(_.change * _.change).sum(),
        cubes=(_.change * _.change * _.change).sum(),
    )


def _month(month: int, lines: dict[Any, Any], totals: dict[int, Any]) -> list[tuple[Any, ...]]:
    """The lines of one month: line, customers, before, now, change, low, high."""
    nothing = {"customers": 0, "before": Decimal(0), "now": Decimal(0), "squares": 0.0, "cubes": 0.0}
    found = {line: lines.get((month, line), nothing) for line in LINES} | {GUESTS: _guests(totals.get(month), totals.get(month - 1))}
    told = []
    for line, row in found.items():
        change, squares = row["now"] - row["before"], row["squares"]
        low, high = skewed_interval(float(change), squares, row["cubes"] / squares**1.5 if squares > 0 else 0.0)
        told.append((line, row["customers"], row["before"], row["now"], change, low, high))
    return told


def _guests(now: dict[str, Any] | None, before: dict[str, Any] | None) -> dict[str, Any]:
    months = [month or {"guests": Decimal(0), "squares": 0.0, "cubes": 0.0} for month in (now, before)]
    return {
        "customers": 0, "now": months[0]["guests"], "before": months[1]["guests"],
        "squares": months[0]["squares"] + months[1]["squares"], "cubes": months[0]["cubes"] - months[1]["cubes"],
    }  # fmt: skip


def _check(month: int, rows: list[tuple[Any, ...]], totals: dict[int, Any]) -> None:
    told = sum((row[4] for row in rows), Decimal(0))
    now, before = (totals[at]["revenue"] if at in totals else Decimal(0) for at in (month, month - 1))
    if told != now - before:
        at = Period(month // 12, month % 12 + 1)
        raise CustkitError(
            f"revenue bridge of {at}: its lines sum to {told}, revenue changed by {now - before}; some order changed between passes"
        )


def _with_usual(row: tuple[Any, ...], earlier: list[Decimal]) -> tuple[Any, ...]:
    n = len(earlier)
    if n < SOME:
        return *row, math.nan, False
    values = pd.Series([float(change) for change in earlier])
    mean = float(values.mean())
    if n < ENOUGH:
        return *row, mean, False
    reach = _T95[min(n - 1, 11) - 5] * float(values.std()) * math.sqrt(1 + 1 / n)
    return *row, mean, abs(float(row[4]) - mean) > reach


def _as_frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    money = dict.fromkeys(("before", "now", "change", "low", "high", "usual"), "float64")
    return frame.astype({"line": "str", "customers": "int64", **money, "unusual": "bool"})
