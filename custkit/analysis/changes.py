"""What changed beyond noise: each measure against the month before and the same month last year."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from custkit.analysis.definitions import WAYS
from custkit.analysis.intervals import count_interval, skewed_interval, skewed_p_value
from custkit.analysis.noise import BACKS
from custkit.analysis.rates import SMALL_SAMPLE, Z95, false_discovery, share_difference, shares_p_value, wilson

COLUMNS = (
    "measure", "unit", "name", "since", "now", "now_low", "now_high", "n", "before", "year_ago",
    "change", "low", "high", "p_value", "comparable", "why_not", "significant",
    "change_year", "low_year", "high_year", "p_value_year", "comparable_year", "why_not_year", "significant_year",
)  # fmt: skip
FALSE_DISCOVERIES = 0.05
# Why two months are not compared.
NO_MONTH, INCOMPLETE, FILLING, COUNTED, ALONE = WHY_NOT = ("no month", "incomplete", "filling", "counted differently", "too few")


@dataclass(frozen=True)
class Measure:
    """How a measure is told. over: the columns of its numerator and denominator, where there is one way only; a share's are counts."""

    name: str
    unit: Literal["count", "share", "money", "number"]
    over: tuple[str, str] = ("", "")


MEASURES = (
    Measure("revenue", "money"),
    Measure("customers", "count"),
    Measure("new_customers", "count"),
    Measure("orders", "count"),
    Measure("aov", "money"),
    Measure("spend_per_customer", "money"),
    Measure("orders_per_customer", "number", ("orders", "customers")),
    Measure("items_per_order", "number", ("items", "orders")),
    Measure("price_per_item", "money", ("known_revenue", "items")),
    Measure("guest_revenue", "money"),
    Measure("repurchase_rate", "share"),
    Measure("churn_rate", "share"),
    Measure("activity_rate", "share"),
    Measure("first_purchase_rate", "share"),
)
# While the data are younger than a year these move by themselves, and early on everybody is new: such months are not compared.
_WINDOWED = ("repurchase_rate", "activity_rate", "first_purchase_rate", "new_customers")


def changes(months: pd.DataFrame, noise: pd.DataFrame, *, z: float = Z95) -> pd.DataFrame:
    """Set the last month of `as_chosen` against the month before and the same month last year.

    one row a month, and `month_noise`  →  measure | name (of the definition), since, now, now_low, now_high, n, before, year_ago,
    change, low, high, p_value, comparable, why_not, significant, and the same for the year: one row a measure

    now_low to now_high is the 95 % interval of the measure, low to high that of its change. Totals and ratios vary as customers do
    (`month_noise`, `skewed_interval`), so one customer's many orders count as one piece of luck and a customer in both months is
    followed through them; shares have Wilson's score interval, their changes Newcombe's, except the repurchase rate, whose customers
    are followed too; counts the score interval of a Poisson count.

    So many measures are looked at that one moves by luck in most months: significant is a change that also stands out among all of
    them (false discoveries at most one in twenty). Nothing is significant when a month is incomplete, when the data do not fill the
    trailing window of both months alike, when fewer than 30 stand behind one of them, or when the measure was counted by another
    definition: then `comparable` is false and `why_not` says it. [S70; Newcombe 1998; Hall 1992; Benjamini & Hochberg 1995]
    """
    rows = {suffix: months.iloc[-1 - back] if len(months) > back else None for suffix, back in BACKS.items()}
    spread = noise.set_index(["measure", "name"])
    told = pd.DataFrame([_against(measure, rows, spread, z) for measure in MEASURES], columns=list(COLUMNS))
    return told.assign(significant=_stands_out(told, ""), significant_year=_stands_out(told, "_year"))


def _stands_out(told: pd.DataFrame, end: str) -> pd.Series:
    asked = told[told[f"comparable{end}"].astype("bool")]
    adjusted = pd.Series(false_discovery(list(asked[f"p_value{end}"])), index=asked.index, dtype="float64")
    apart = (asked[f"low{end}"] > 0) | (asked[f"high{end}"] < 0)
    return ((adjusted <= FALSE_DISCOVERIES) & apart).reindex(told.index, fill_value=False)


def over(measure: str) -> tuple[str, str]:
    """Columns of `as_chosen` with the numerator and denominator of a measure; ("", "") for a total."""
    if measure in WAYS:
        return f"{measure}_top", f"{measure}_base"
    return next(known.over for known in MEASURES if known.name == measure)


def _against(measure: Measure, rows: dict[str, pd.Series | None], spread: pd.DataFrame, z: float) -> dict[str, object]:
    now = rows[""]
    name, since = (_text(now, f"{measure.name}_{part}") for part in ("definition", "since"))
    noise = spread.loc[(measure.name, name)] if (measure.name, name) in spread.index else None
    value = _value(now, measure.name)
    low, high = _level(measure, now, value, noise, z)
    row: dict[str, object] = {
        "measure": measure.name, "unit": measure.unit, "name": name, "since": since,
        "now": value, "now_low": low, "now_high": high, "n": _behind(measure, now),
    }  # fmt: skip
    for suffix, other in (("_before", rows["_before"]), ("_year", rows["_year"])):
        end = "" if suffix == "_before" else suffix
        why_not = _why_not(measure, now, other)
        then = math.nan if why_not == COUNTED else _value(other, measure.name)
        low, high, p_value = _change(measure, now, other, noise, suffix, z)
        known = not math.isnan(low)
        why_not = why_not or ("" if known else NO_MONTH)
        row |= {
            "before" if end == "" else "year_ago": then,
            f"change{end}": value - then, f"low{end}": low if why_not != COUNTED else math.nan,
            f"high{end}": high if why_not != COUNTED else math.nan, f"p_value{end}": p_value,
            f"comparable{end}": not why_not, f"why_not{end}": why_not,
        }  # fmt: skip
    return row


def _value(row: pd.Series | None, name: str) -> float:
    return math.nan if row is None or not name or pd.isna(row[name]) else float(row[name])


def _text(row: pd.Series | None, name: str) -> str:
    return "" if row is None or name not in row.index else str(row[name])


def _behind(measure: Measure, row: pd.Series | None) -> float:
    """How many a value rests on: the customers of the month for totals and ratios, the base of a share."""
    own = {"guest_revenue": "guest_orders", "new_customers": "new_customers"}
    return _value(row, over(measure.name)[1] if measure.unit == "share" else own.get(measure.name, "customers"))


def _why_not(measure: Measure, now: pd.Series | None, other: pd.Series | None) -> str:
    if now is None or other is None or math.isnan(_value(other, measure.name)) or math.isnan(_value(now, measure.name)):
        return NO_MONTH
    if not (bool(now["complete"]) and bool(other["complete"])):
        return INCOMPLETE
    if _text(now, f"{measure.name}_definition") != _text(other, f"{measure.name}_definition"):
        return COUNTED
    if measure.name in _WINDOWED and now["history_days"] != other["history_days"]:
        return FILLING
    few = measure.unit != "count" and min(_behind(measure, now), _behind(measure, other)) < SMALL_SAMPLE
    return ALONE if few and measure.name != "guest_revenue" else ""


def _level(measure: Measure, now: pd.Series | None, value: float, noise: pd.Series | None, z: float) -> tuple[float, float]:
    if math.isnan(value) or now is None:
        return math.nan, math.nan
    if measure.unit == "share":
        top, base = (_value(now, column) for column in over(measure.name))
        return wilson(int(top), int(base), z=z)
    if measure.name in ("customers", "new_customers"):
        return count_interval(value, z=z)
    return (math.nan, math.nan) if noise is None else skewed_interval(value, noise["variance"], noise["skewness"], z=z)


def _change(
    measure: Measure, now: pd.Series | None, other: pd.Series | None, noise: pd.Series | None, suffix: str, z: float
) -> tuple[float, float, float]:
    a, b = _value(now, measure.name), _value(other, measure.name)
    if math.isnan(a) or math.isnan(b) or now is None or other is None:
        return math.nan, math.nan, math.nan
    if noise is None and measure.unit == "share":
        (k1, n1), (k2, n2) = [[int(_value(row, column)) for column in over(measure.name)] for row in (now, other)]
        return *share_difference(k1, n1, k2, n2, z=z), shares_p_value(k1, n1, k2, n2)
    # Nobody is new twice, so new customers of two months are independent.
    variance, skewness = (a + b, 0.0) if noise is None else (noise[f"variance{suffix}"], noise[f"skewness{suffix}"])
    return *skewed_interval(a - b, variance, skewness, z=z), skewed_p_value(a - b, variance, skewness)
