"""Which factor moved revenue: customers × orders per customer × items per order × price per item."""

from __future__ import annotations

import math

import pandas as pd

FACTORS = ("customers", "orders_per_customer", "items_per_order", "price_per_item")
WITHOUT_ITEMS = ("customers", "orders_per_customer", "aov")
GUESTS = "guest_revenue"
UNITS = {
    "customers": "count", "orders_per_customer": "number", "items_per_order": "number", "price_per_item": "money", "aov": "money",
    "guest_revenue": "money",
}  # fmt: skip
COLUMNS = ("factor", "unit", "before", "now", "growth", "effect")


def revenue_tree(kpis: pd.DataFrame, *, back: int = 1) -> pd.DataFrame:
    """Split the change in revenue between the last month of `monthly_kpis` and the one `back` months earlier among its factors.

    one row a month  →  factor | unit, before, now, growth (now / before − 1), effect (currency); guests' revenue is the last row

    Each factor's effect is its log growth times the logarithmic mean of the two revenues, so effects sum to the change with nothing
    left over and whichever comes first does not matter (LMDI). Without quantities the tree ends at order value. Empty where one of
    the months is unknown, or has no revenue above 0 to take a logarithm of. [Ang 2005]

    Raises ValueError if back < 1.
    """
    if back < 1:
        raise ValueError(f"back is {back}; the month compared with lies at least 1 back")
    if len(kpis) <= back:
        return _as_frame([])
    now, before = kpis.iloc[-1], kpis.iloc[-1 - back]
    factors = FACTORS if _positive(now, before, FACTORS) else WITHOUT_ITEMS
    if not _positive(now, before, (*factors, "known_revenue")):
        return _as_frame([])
    mean = _log_mean(float(now["known_revenue"]), float(before["known_revenue"]))
    rows = [
        (name, UNITS[name], float(before[name]), float(now[name]), now[name] / before[name] - 1, mean * math.log(now[name] / before[name]))
        for name in factors
    ]
    then, since = float(before[GUESTS]), float(now[GUESTS])
    return _as_frame([*rows, (GUESTS, UNITS[GUESTS], then, since, since / then - 1 if then > 0 else math.nan, since - then)])


def _positive(now: pd.Series, before: pd.Series, names: tuple[str, ...]) -> bool:
    return all(pd.notna(row[name]) and row[name] > 0 for row in (now, before) for name in names)


def _log_mean(a: float, b: float) -> float:
    return a if math.isclose(a, b, rel_tol=1e-12) else (a - b) / math.log(a / b)


def _as_frame(rows: list[tuple[str, str, float, float, float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({name: "str" if name in ("factor", "unit") else "float64" for name in COLUMNS})
