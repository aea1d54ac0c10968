"""Orders that no customer stands behind: counted, kept in shop-level totals, left out of customer-level ones."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame
from custkit.period import Period

MONTHS = 13
COLUMNS = ("month", "orders", "unlinked_orders", "unlinked_share", "revenue", "unlinked_revenue", "unlinked_revenue_share")
WINDOWS = ("month", "year", "ever")


def unlinked_orders(orders: ir.Table, *, period: Period) -> pd.DataFrame:
    """Count orders without a customer in the month, in the 365 days up to its end, and since the data begin.

    one row an order  →  window | orders, unlinked_orders, unlinked_share, revenue, unlinked_revenue, unlinked_revenue_share (0-1)

    Orders are purchases; revenue holds return slips too where the client's rules subtract them, so that it is the shop's. A share of
    nothing is nan. [S97]
    """
    starts = {"month": period.start, "year": period.end - timedelta(days=365), "ever": datetime(1, 1, 1)}
    inside = {window: orders.filter(_.ordered_at < period.end, _.ordered_at >= start) for window, start in starts.items()}
    rows = [frame(table.aggregate(**_counts())).assign(window=window) for window, table in inside.items()]
    return _with_shares(pd.concat(rows, ignore_index=True))[["window", *COLUMNS[1:]]]


def unlinked_months(orders: ir.Table, *, period: Period) -> pd.DataFrame:
    """The same month by month, the last 13 up to `period`; months before the first order are left out.

    one row an order  →  month ("2026-10") | orders, unlinked_orders, unlinked_share, revenue, unlinked_revenue, unlinked_revenue_share

    A month without orders counts 0, and its shares are nan. [S97]
    """
    first = period - (MONTHS - 1)
    dated = orders.filter(_.ordered_at < period.end, _.ordered_at >= first.start)
    found = frame(dated.mutate(month=_.ordered_at.truncate("M")).group_by("month").aggregate(**_counts()))
    found["month"] = pd.to_datetime(found["month"]).dt.strftime("%Y-%m")
    if found.empty:
        return _with_shares(found)[list(COLUMNS)]
    months = [str(first + i) for i in range(MONTHS)]
    told = found.set_index("month").reindex([m for m in months if m >= found["month"].min()], fill_value=0).reset_index()
    return _with_shares(told)[list(COLUMNS)]


def _counts() -> dict[str, ir.Value]:
    unlinked = _.customer_id.isnull()
    return {
        "orders": _.order_id.count(where=_.is_purchase),
        "unlinked_orders": _.order_id.count(where=_.is_purchase & unlinked),
        "revenue": _.revenue.sum(),
        "unlinked_revenue": _.revenue.sum(where=unlinked),
    }


def _with_shares(counts: pd.DataFrame) -> pd.DataFrame:
    counts[["revenue", "unlinked_revenue"]] = counts[["revenue", "unlinked_revenue"]].astype("float64").fillna(0.0)
    some, money = counts["orders"].astype("float64"), counts["revenue"]
    return counts.assign(
        unlinked_share=counts["unlinked_orders"] / some.where(some > 0),
        unlinked_revenue_share=counts["unlinked_revenue"] / money.where(money > 0),
    )
