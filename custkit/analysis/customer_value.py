"""Customer lifetime value by two plain formulas, the brief's and the one that counts orders once, side by side."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame
from custkit.words import mark

AS_BRIEFED, CORRECTED = "as briefed", "corrected"
DEFINITION_NAMES = {AS_BRIEFED: mark("common short formula"), CORRECTED: mark("corrected")}
COLUMNS = (
    "definition", "value_per_purchase", "purchases", "gross_margin", "acquisition_cost", "customer_value",
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

    one row an order, a channel's spend  →  definition | value_per_purchase, purchases, gross_margin, acquisition_cost, customer_value

    as briefed   spend per customer × repurchases × gross margin − CAC. Spend per customer already holds every order, so multiplying
                 by repurchases (orders per customer less the first) counts orders twice, and a one-time buyer is worth nothing
    corrected    order value × orders per customer × gross margin − CAC

    gross_margin: share of revenue left after the cost of goods, where the data hold no costs; costs on the orders come first, taken
    over the orders that have them. CAC = marketing spend of the window / customers won in it. What is unknown is nan, and so is the
    value. [S3 S15]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    start = as_of - timedelta(days=window_days)
    known = orders.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    per_customer = known.group_by("customer_id").aggregate(
        first_at=_.ordered_at.min(where=_.is_purchase),
        orders=(_.is_purchase & (_.ordered_at >= start)).ifelse(1, 0).sum(),
        revenue=_.revenue.sum(where=_.ordered_at >= start),
        costed=_.revenue.sum(where=(_.ordered_at >= start) & _.cost_amount.notnull()),
        cost=_.cost_amount.sum(where=_.ordered_at >= start),
    )
    sums = frame(
        per_customer.aggregate(
            customers=(_.orders > 0).ifelse(1, 0).sum(),
            new_customers=(_.first_at >= start).ifelse(1, 0).sum(),
            orders=_.orders.sum(),
            revenue=_.revenue.sum(),
            costed=_.costed.sum(),
            cost=_.cost.sum(),
        )
    ).iloc[0]
    spent = frame(marketing_spend.filter(_.spent_at >= start, _.spent_at < as_of).aggregate(spent=_.spend_amount.sum())).iloc[0]["spent"]
    customers, new, n_orders = (0 if pd.isna(sums[name]) else int(sums[name]) for name in ("customers", "new_customers", "orders"))
    revenue = _known(sums["revenue"])
    costed, cost = _known(sums["costed"]), _known(sums["cost"])
    margin = (costed - cost) / costed if costed > 0 else math.nan if gross_margin is None else gross_margin
    cac = _known(spent) / new if new else math.nan
    spend_per_customer = revenue / customers if customers else math.nan
    orders_per_customer = n_orders / customers if customers else math.nan
    aov = revenue / n_orders if n_orders else math.nan
    rows = [
        (
            AS_BRIEFED,
            spend_per_customer,
            orders_per_customer - 1,
            margin,
            cac,
            spend_per_customer * (orders_per_customer - 1) * margin - cac,
        ),
        (CORRECTED, aov, orders_per_customer, margin, cac, aov * orders_per_customer * margin - cac),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS[:6])).assign(customers=customers, new_customers=new)


def needed(gross_margin: float | None) -> tuple[str, ...]:
    """What `customer_value` wants of the client's data, for `book.needs`: costs only where no margin is given."""
    return ("marketing_spend",) if gross_margin is not None else ("order_lines.cost_amount", "marketing_spend")


def _known(value: float) -> float:
    return math.nan if pd.isna(value) else float(value)
