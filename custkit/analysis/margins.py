"""What is left of revenue after the cost of goods."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame


def kept_share(orders: ir.Table, *, as_of: datetime, given: float | None = None, window_days: int = 365) -> float | None:
    """Share of revenue that is kept: from the costs on the orders of the trailing window, else as `given` by the client file.

    one row an order  →  share, or None where neither is known or nothing is kept. [S21]
    """
    inside = orders.filter(_.ordered_at >= as_of - timedelta(days=window_days), _.ordered_at < as_of, _.cost_amount.notnull())
    sums = frame(inside.aggregate(revenue=_.revenue.sum(), cost=_.cost_amount.sum())).iloc[0]
    if pd.isna(sums["revenue"]) or sums["revenue"] <= 0:
        return given
    share = float(1 - sums["cost"] / sums["revenue"])
    return share if share > 0 else None
