"""Where the month's change in revenue came from, customer by customer, to the cent."""

from __future__ import annotations

from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import fetch
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
COLUMNS = ("line", "customers", "before", "now", "change")


def revenue_bridge(orders: ir.Table, *, period: Period) -> pd.DataFrame:
    """Split the change in revenue on the month before among those who caused it.

    one row an order  →  line | customers, before, now, change   (currency; seven lines, in the bridge's order)

    new           bought this month for the first time
    reactivated   bought this month and earlier, but not last month
    expansion     bought in both months and brought more (or the same) this month; contraction: less
    lost          bought last month, not this month; they may well come back
    returns       bought in neither month and returned something in one
    guests        orders without a customer id; `customers` counts nobody

    Changes sum exactly to revenue now − revenue before: reckoned in decimals, checked against the orders' own total. Empty when the
    data do not reach back to last month.

    Raises CustkitError if the sum is not kept.
    """
    before = period - 1
    cut = orders.filter(orders.ordered_at < period.end)
    is_now = cut.ordered_at >= period.start
    is_before = (cut.ordered_at >= before.start) & ~is_now
    bought = cut.is_purchase
    folded = (
        cut.filter(cut.customer_id.notnull())
        .group_by("customer_id")
        .aggregate(
            first_at=cut.ordered_at.min(where=bought),
            now=cut.revenue.sum(where=is_now).fill_null(Decimal(0)),
            before=cut.revenue.sum(where=is_before).fill_null(Decimal(0)),
            bought_now=(bought & is_now).ifelse(1, 0).max(),
            bought_before=(bought & is_before).ifelse(1, 0).max(),
        )
        .mutate(
            line=ibis.cases(
                ((_.bought_now == 1) & (_.bought_before == 1) & (_.now >= _.before), EXPANSION),
                ((_.bought_now == 1) & (_.bought_before == 1), CONTRACTION),
                ((_.bought_now == 1) & (_.first_at >= period.start), NEW),
                (_.bought_now == 1, REACTIVATED),
                (_.bought_before == 1, LOST),
                ((_.now != 0) | (_.before != 0), RETURNS),
                else_="nobody",
            )
        )
    )
    known = folded.group_by("line").aggregate(customers=_.count(), before=_.before.sum(), now=_.now.sum())
    totals = cut.aggregate(
        first_at=cut.ordered_at.min(),
        before=cut.revenue.sum(where=is_before),
        now=cut.revenue.sum(where=is_now),
        guests_before=cut.revenue.sum(where=is_before & cut.customer_id.isnull()),
        guests_now=cut.revenue.sum(where=is_now & cut.customer_id.isnull()),
    )
    (total,) = fetch(totals).to_pylist()
    if total["first_at"] is None or total["first_at"] >= period.start:
        return _as_frame([])
    zero = Decimal(0)
    by_line = {row["line"]: row for row in fetch(known).to_pylist()}
    by_line[GUESTS] = {"customers": 0, "before": total["guests_before"] or zero, "now": total["guests_now"] or zero}
    nothing = {"customers": 0, "before": zero, "now": zero}
    rows = [(line, *(by_line.get(line, nothing)[name] for name in ("customers", "before", "now"))) for line in LINES]
    told = sum((now - then for _line, _n, then, now in rows), zero)
    owed = (total["now"] or zero) - (total["before"] or zero)
    if told != owed:
        raise CustkitError(
            f"revenue bridge of {period}: its lines sum to {told}, revenue changed by {owed}; some order changed between passes"
        )
    return _as_frame([(line, n, then, now, now - then) for line, n, then, now in rows])


def _as_frame(rows: list[tuple[str, int, Decimal, Decimal, Decimal]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"line": "str", "customers": "int64", "before": "float64", "now": "float64", "change": "float64"})
