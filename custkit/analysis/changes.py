"""What changed beyond noise: each measure against the month before and the same month last year."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from custkit.analysis.rates import Z95, share_difference

COLUMNS = (
    "measure", "unit", "now", "before", "year_ago",
    "change", "low", "high", "comparable", "significant",
    "change_year", "low_year", "high_year", "comparable_year", "significant_year",
)  # fmt: skip


@dataclass(frozen=True)
class _Measure:
    """How a measure's noise is reckoned. sum: a total; ratio: a total over a total; share: a count of a count."""

    name: str
    unit: Literal["count", "share", "money", "number"]
    kind: Literal["sum", "count", "ratio", "share"]
    over: tuple[str, str] = ("", "")


MEASURES = (
    _Measure("revenue", "money", "sum"),
    _Measure("customers", "count", "count"),
    _Measure("new_customers", "count", "count"),
    _Measure("orders", "count", "sum"),
    _Measure("aov", "money", "ratio", ("revenue", "orders")),
    _Measure("spend_per_customer", "money", "ratio", ("revenue", "customers")),
    _Measure("orders_per_customer", "number", "ratio", ("orders", "customers")),
    _Measure("items_per_order", "number", "ratio", ("items", "orders")),
    _Measure("price_per_item", "money", "ratio", ("revenue", "items")),
    _Measure("guest_revenue", "money", "sum"),
    _Measure("repurchase_rate", "share", "share", ("repeat_customers", "repurchase_base")),
    _Measure("churn_rate", "share", "share", ("churned", "churn_base")),
    _Measure("activity_rate", "share", "share", ("active_customers", "registered")),
)
# While the data are younger than a year these move by themselves, and early on everybody is new: such months are not compared.
_WINDOWED = ("repurchase_rate", "activity_rate", "new_customers")


def changes(kpis: pd.DataFrame, *, z: float = Z95) -> pd.DataFrame:
    """Set the last month of `monthly_kpis` against the month before and the same month last year.

    one row a month  →  measure | now, before, year_ago, change, low, high, significant, and the same for the year: one row a measure

    `low` to `high` is the 95 % interval of the change. Customers are taken as the independent ones, so that one customer's many orders
    count as one piece of luck: totals vary as Σ x² over customers (compound Poisson), ratios by their linearised residuals over
    customers, shares by Newcombe's score interval. Both months are taken as independent; most customers are in both, so the intervals
    are rather too wide than too narrow. Nothing is significant when a month is incomplete, or when the data do not fill the trailing
    window of both months alike (`comparable` says so). [S70; Newcombe 1998; Cochran 1977]
    """
    now, before, year_ago = (_row(kpis, back) for back in (0, 1, 12))
    return pd.DataFrame([_against(measure, now, before, year_ago, z) for measure in MEASURES], columns=list(COLUMNS))


def _row(kpis: pd.DataFrame, back: int) -> pd.Series | None:
    return kpis.iloc[-1 - back] if len(kpis) > back else None


def _against(measure: _Measure, now: pd.Series | None, before: pd.Series | None, year_ago: pd.Series | None, z: float) -> dict[str, object]:
    row: dict[str, object] = {
        "measure": measure.name,
        "unit": measure.unit,
        **{name: _value(at, measure.name) for name, at in (("now", now), ("before", before), ("year_ago", year_ago))},
    }
    for other, suffix in ((before, ""), (year_ago, "_year")):
        change, low, high = _interval(measure, now, other, z)
        comparable = _comparable(measure, now, other) and not math.isnan(change)
        row |= {
            f"change{suffix}": change,
            f"low{suffix}": low,
            f"high{suffix}": high,
            f"comparable{suffix}": comparable,
            f"significant{suffix}": comparable and (low > 0 or high < 0),
        }
    return row


def _value(row: pd.Series | None, name: str) -> float:
    return math.nan if row is None or pd.isna(row[name]) else float(row[name])


def _comparable(measure: _Measure, now: pd.Series | None, other: pd.Series | None) -> bool:
    if now is None or other is None or not (bool(now["complete"]) and bool(other["complete"])):
        return False
    return measure.name not in _WINDOWED or now["history_days"] == other["history_days"]


def _interval(measure: _Measure, now: pd.Series | None, other: pd.Series | None, z: float) -> tuple[float, float, float]:
    a, b = _value(now, measure.name), _value(other, measure.name)
    if now is None or other is None or math.isnan(a) or math.isnan(b):
        return math.nan, math.nan, math.nan
    if measure.kind == "share":
        hits, base = measure.over
        low, high = share_difference(int(now[hits]), int(now[base]), int(other[hits]), int(other[base]), z=z)
        return a - b, low, high
    spread = z * math.sqrt(max(0.0, _variance(measure, now) + _variance(measure, other)))
    return a - b, a - b - spread, a - b + spread


def _variance(measure: _Measure, row: pd.Series) -> float:
    if measure.kind == "count":
        return float(row[measure.name])
    if measure.name == "guest_revenue":
        return float(row["guest_revenue_squares"])
    if measure.kind == "sum":
        return _moment(row, measure.name, measure.name) + (float(row["guest_revenue_squares"]) if measure.name == "revenue" else 0.0)
    top, bottom = measure.over
    total = float(row[bottom])
    n = float(row["customers"])
    if total <= 0 or n < 2:
        return math.nan
    ratio = float(row[measure.name])
    residuals = _moment(row, top, top) - 2 * ratio * _moment(row, top, bottom) + ratio * ratio * _moment(row, bottom, bottom)
    return max(0.0, residuals) / total**2 * n / (n - 1)


def _moment(row: pd.Series, one: str, other: str) -> float:
    """Σ one × other over the month's customers; a customer counts 1 in `customers`."""
    if "customers" in (one, other):
        rest = other if one == "customers" else one
        return float(row["known_revenue" if rest == "revenue" else rest])
    name = f"{one}_{other}" if f"{one}_{other}" in row.index else f"{other}_{one}"
    return float(row[name])
