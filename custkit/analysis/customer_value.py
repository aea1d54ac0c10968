"""Customer lifetime value by two plain formulas, the brief's and the one that counts orders once, side by side."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.intervals import skewed_interval
from custkit.engine import frame, to_float
from custkit.words import mark

AS_BRIEFED, CORRECTED = "as briefed", "corrected"
DEFINITION_NAMES = {AS_BRIEFED: mark("common short formula"), CORRECTED: mark("corrected")}
COLUMNS = (
    "definition", "value_per_purchase", "purchases", "gross_margin", "acquisition_cost", "customer_value", "low", "high",
    "customers", "new_customers",
)  # fmt: skip


def customer_value(
    orders: ir.Table,
    marketing_spend: ir.Table,
    *,
    as_of: datetime,
    gross_margin: float | None = None,
    window_days: int = 365,
) -> pd.DataFrame:
    """Value of a customer over the trailing window, less what it costs to win one; return slips lower revenue and count as no order.

    one row an order, a channel's spend  →  definition | value_per_purchase, purchases, gross_margin, acquisition_cost, customer_value,
    low, high

    as briefed   spend per customer × repurchases × gross margin − CAC. Spend per customer already holds every order, so multiplying
                 by repurchases (orders per customer less the first) counts orders twice, and a one-time buyer is worth nothing
    corrected    order value × orders per customer × gross margin − CAC

    gross_margin: share of revenue left after the cost of goods, where the data hold no costs; costs on the orders come first, taken
    over the orders that have them. CAC = marketing spend of the window / customers won in it. What is unknown is nan, and so is the
    value. low to high: its 95 % interval, for customers drawn anew; a given margin and the marketing spend are taken as known. [S3 S15]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    start = as_of - timedelta(days=window_days)
    known = orders.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    per_customer = (
        known.group_by("customer_id")
        .aggregate(
            first_at=_.ordered_at.min(where=_.is_purchase),
            orders=(_.is_purchase & (_.ordered_at >= start)).ifelse(1, 0).sum(),
            revenue=_.revenue.sum(where=_.ordered_at >= start),
            costed=_.revenue.sum(where=(_.ordered_at >= start) & _.cost_amount.notnull()),
            cost=_.cost_amount.sum(where=_.ordered_at >= start),
        )
        .mutate(is_new=(_.first_at >= start).fill_null(False).ifelse(1, 0))
    )
    sums = frame(
        per_customer.aggregate(
            customers=(_.orders > 0).ifelse(1, 0).sum(),
            new_customers=_.is_new.sum(),
            orders=_.orders.sum(),
            revenue=_.revenue.sum(),
            costed=_.costed.sum(),
            cost=_.cost.sum(),
        )
    ).iloc[0]
    spent = frame(marketing_spend.filter(_.spent_at >= start, _.spent_at < as_of).aggregate(spent=_.spend_amount.sum())).iloc[0]["spent"]
    parts = _parts(sums, _known(spent), gross_margin)
    worth = {AS_BRIEFED: parts.spend * (parts.frequency - 1) * parts.margin - parts.cac}
    worth[CORRECTED] = parts.aov * parts.frequency * parts.margin - parts.cac
    moments = _moments(per_customer, parts)
    spread = frame(per_customer.aggregate(**moments)).iloc[0] if moments else pd.Series(dtype="float64")
    rows = [
        (AS_BRIEFED, parts.spend, parts.frequency - 1, parts.margin, parts.cac, worth[AS_BRIEFED], *_interval(worth, spread, AS_BRIEFED)),
        (CORRECTED, parts.aov, parts.frequency, parts.margin, parts.cac, worth[CORRECTED], *_interval(worth, spread, CORRECTED)),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS[:8])).assign(customers=parts.customers, new_customers=parts.new_customers)


class _Parts(NamedTuple):
    """What a customer brought on average, and of how many; nan where it is unknown. costed: revenue of the orders that hold a cost."""

    customers: int
    new_customers: int
    spend: float
    frequency: float
    aov: float
    margin: float
    cac: float
    costed: float


def _parts(sums: pd.Series, spent: float, gross_margin: float | None) -> _Parts:
    customers, new, orders = (0 if pd.isna(sums[name]) else int(sums[name]) for name in ("customers", "new_customers", "orders"))
    revenue, costed, cost = (_known(sums[name]) for name in ("revenue", "costed", "cost"))
    return _Parts(
        customers,
        new,
        spend=revenue / customers if customers else math.nan,
        frequency=orders / customers if customers else math.nan,
        aov=revenue / orders if orders else math.nan,
        margin=(costed - cost) / costed if costed > 0 else math.nan if gross_margin is None else gross_margin,
        cac=spent / new if new else math.nan,
        costed=costed,
    )


def _moments(per_customer: ir.Table, parts: _Parts) -> dict[str, Any]:
    """Σ u² and Σ u³ of what each customer adds to the two values; nothing where one is unknown."""
    if any(map(math.isnan, (parts.spend, parts.margin, parts.cac))):
        return {}
    bought = (per_customer.orders > 0).ifelse(1, 0)
    spend, orders = to_float(per_customer.revenue).fill_null(0.0), to_float(per_customer.orders)
    spends, frequents = (
        (spend - to_float(bought) * parts.spend) / parts.customers,
        (orders - to_float(bought) * parts.frequency) / parts.customers,
    )
    margins: Any = 0
    if parts.costed > 0:
        costed, cost = (to_float(per_customer[name]).fill_null(0.0) for name in ("costed", "cost"))
        margins = (costed * (1 - parts.margin) - cost) / parts.costed
    wins = to_float(per_customer.is_new) * (parts.cac / parts.new_customers)  # a customer more makes each cheaper
    added = {
        CORRECTED: spends * parts.margin + margins * parts.spend + wins,
        AS_BRIEFED: spends * ((parts.frequency - 1) * parts.margin)
        + frequents * (parts.spend * parts.margin)
        + margins * (parts.spend * (parts.frequency - 1))
        + wins,
    }
    return {
        f"{power}_{name}": moment for name, u in added.items() for power, moment in (("square", (u * u).sum()), ("cube", (u * u * u).sum()))
    }


def _interval(worth: dict[str, float], spread: pd.Series, name: str) -> tuple[float, float]:
    square = float(spread.get(f"square_{name}", math.nan))
    return skewed_interval(worth[name], square, float(spread[f"cube_{name}"]) / square**1.5 if square > 0 else 0.0)


def needed(gross_margin: float | None) -> tuple[str, ...]:
    """What `customer_value` wants of the client's data, for `book.needs`: costs only where no margin is given."""
    return ("marketing_spend",) if gross_margin is not None else ("order_lines.cost_amount", "marketing_spend")


def _known(value: float) -> float:
    return math.nan if pd.isna(value) else float(value)
