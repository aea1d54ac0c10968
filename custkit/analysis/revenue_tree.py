"""Which factor moved revenue: customers × orders per customer × items per order × price per item."""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from custkit.analysis.intervals import skewed_interval

FACTORS = ("customers", "orders_per_customer", "items_per_order", "price_per_item")
WITHOUT_ITEMS = ("customers", "orders_per_customer", "aov")
GUESTS = "guest_revenue"
UNITS = {
    "customers": "count", "orders_per_customer": "number", "items_per_order": "number", "price_per_item": "money", "aov": "money",
    "guest_revenue": "money",
}  # fmt: skip
COLUMNS = ("factor", "unit", "before", "now", "growth", "effect", "low", "high")
# Where the noise of a factor stands under a definition's name.
_NAMES = {"aov": "known"}


def revenue_tree(kpis: pd.DataFrame, noise: pd.DataFrame, *, back: Literal[1, 12] = 1) -> pd.DataFrame:
    """Split the change in revenue between the last month of `monthly_kpis` and the one `back` months earlier among its factors.

    one row a month, and `month_noise`  →  factor | unit, before, now, growth (now / before − 1), effect, low, high (currency); guests'
    revenue is the last row

    Each factor's effect is its log growth times the logarithmic mean of the two revenues, so effects sum to the change with nothing
    left over and whichever comes first does not matter (LMDI). low to high: the effect of the 95 % interval of the factor's change.
    Without quantities the tree ends at order value. Empty where one of the months is unknown, or has no revenue above 0 to take a
    logarithm of. [Ang 2005]
    """
    if len(kpis) <= back:
        return _as_frame([])
    now, before = kpis.iloc[-1], kpis.iloc[-1 - back]
    factors = FACTORS if _positive(now, before, FACTORS) else WITHOUT_ITEMS
    if not _positive(now, before, (*factors, "known_revenue")):
        return _as_frame([])
    spread = noise.set_index(["measure", "name"])
    mean = _log_mean(float(now["known_revenue"]), float(before["known_revenue"]))
    rows = []
    for name in (*factors, GUESTS):
        a, b = float(now[name]), float(before[name])
        weight = 1.0 if name == GUESTS else mean / _log_mean(a, b)
        low, high = (weight * end for end in _change(spread, name, a - b, "_before" if back == 1 else "_year"))
        effect = a - b if name == GUESTS else mean * math.log(a / b)
        rows.append((name, UNITS[name], b, a, a / b - 1 if b > 0 else math.nan, effect, low, high))
    return _as_frame(rows)


def _change(spread: pd.DataFrame, name: str, change: float, suffix: str) -> tuple[float, float]:
    at = (name, _NAMES.get(name, ""))
    if at not in spread.index:
        return math.nan, math.nan
    return skewed_interval(change, spread.loc[at, f"variance{suffix}"], spread.loc[at, f"skewness{suffix}"])


def _positive(now: pd.Series, before: pd.Series, names: tuple[str, ...]) -> bool:
    return all(pd.notna(row[name]) and row[name] > 0 for row in (now, before) for name in names)


def _log_mean(a: float, b: float) -> float:
    return a if math.isclose(a, b, rel_tol=1e-12) else (a - b) / math.log(a / b)


def _as_frame(rows: list[tuple[str, str, float, float, float, float, float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({name: "str" if name in ("factor", "unit") else "float64" for name in COLUMNS})
