"""What customers of today are worth over the next year by each purchase model: the alternatives of the definition passport."""

from __future__ import annotations

from datetime import datetime

import ibis.expr.types as ir
import pandas as pd

from custkit.analysis.lifetime import AUTO, CHOICES, PLAIN, Lifetime, fit_lifetime
from custkit.analysis.lifetime_forecast import forecast
from custkit.analysis.rates import Z90, Z95

MONTHS = 12
COLUMNS = ("name", "model", "value", "low", "high", "customers")


def lifetime_ways(purchases: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Expected revenue of the next twelve months per customer of today, by every choice the client file may name.

    one row an order  →  name (auto, bg_nbd, …) | model (the one it comes to), value, low, high (currency, 95 % interval), customers

    A model that may not be believed is left out; its place is not given to the plain rule. `auto` comes to the one that foretold the
    held-out weeks, or to the plain rule. Nothing where no year can be foretold. [S21]
    """
    best = fit_lifetime(purchases, as_of=as_of)
    ways = {AUTO: best, **{name: best if name == best.model else fit_lifetime(purchases, as_of=as_of, model=name) for name in CHOICES[1:]}}
    rows = [_row(name, purchases, way) for name, way in ways.items() if name in (AUTO, PLAIN) or way.model == name]
    return pd.DataFrame([row for row in rows if row], columns=list(COLUMNS))


def _row(name: str, purchases: ir.Table, lifetime: Lifetime) -> tuple[object, ...] | None:
    told = forecast(purchases, lifetime=lifetime)
    year = told[told["months"] == MONTHS]
    if year.empty:
        return None
    row = year.iloc[0]
    value, off = row["expected_revenue"] / row["customers"], (row["revenue_high"] - row["expected_revenue"]) / row["customers"] * Z95 / Z90
    return name, lifetime.model, value, max(value - off, 0.0), value + off, int(row["customers"])
