"""From the first purchase to the second: how long repeaters took, and how long everybody takes."""

from __future__ import annotations

import math
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.intervals import median_interval, skewed_interval
from custkit.analysis.survival import kaplan_meier, km_at, km_at_interval, km_median, km_median_interval
from custkit.engine import frame

HORIZON_DAYS = 90


def second_purchase_spells(purchases: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Count the waits between a customer's first purchase day and the second.

    one row an order  →  duration_days, observed | n   (one row a distinct wait; sorted)

    A second order on the first day is no return. Who has not returned waits since, up to the last day before `as_of`. [S6]
    """
    days = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
        .group_by("customer_id", "order_date")
        .aggregate(orders=_.count())
        .mutate(day_number=ibis.row_number().over(ibis.window(group_by="customer_id", order_by="order_date")))
        .filter(_.day_number <= 1)
    )
    folded = days.group_by("customer_id").aggregate(
        first_date=_.order_date.min(where=_.day_number == 0), second_date=_.order_date.min(where=_.day_number == 1)
    )
    waited = ibis.literal(as_of.date()).delta(folded.first_date, unit="day") - 1
    waits = folded.select(
        duration_days=folded.second_date.notnull().ifelse(folded.second_date.delta(folded.first_date, unit="day"), waited).cast("int64"),
        observed=folded.second_date.notnull(),
    )
    counted = frame(waits.group_by("duration_days", "observed").aggregate(n=_.count()))
    return counted.sort_values(["duration_days", "observed"], ignore_index=True)


def second_purchase_summary(spells: pd.DataFrame) -> pd.DataFrame:
    """Put the ways of telling the interval side by side.

    duration_days, observed | n  →  customers, repeaters, mean_days, median_days, km_median_days, returned_in_90_days and the 95 %
    interval of each (mean_low, mean_high, …): one row

    mean_days, median_days     of repeaters alone: flatter, because the slow ones have not returned yet
    km_median_days             days until half of all first-time buyers are back (Kaplan–Meier); nan: fewer than half are, by the longest
                               wait seen
    returned_in_90_days        share back within 90 days, by the same curve  [S6]
    """
    back = spells[spells["observed"].astype("bool")]
    curve = kaplan_meier(spells)
    repeaters = int(back["n"].sum())
    mean = float((back["duration_days"] * back["n"]).sum()) / repeaters if repeaters else math.nan
    waiting = km_at_interval(curve, HORIZON_DAYS)
    told = {
        "mean": (mean, *_mean_interval(back, mean, repeaters)),
        "median": (_median(back), *median_interval(back["duration_days"], back["n"])),
        "km_median": (km_median(curve), *km_median_interval(curve)),
        "returned": (1 - km_at(curve, HORIZON_DAYS), 1 - waiting[1], 1 - waiting[0]),
    }
    names = {"mean": "mean_days", "median": "median_days", "km_median": "km_median_days", "returned": "returned_in_90_days"}
    row: dict[str, float] = {"customers": int(spells["n"].sum()), "repeaters": repeaters}
    for name, (value, low, high) in told.items():
        row |= {names[name]: value, f"{name}_low": low, f"{name}_high": high}
    return pd.DataFrame([row])


def _mean_interval(back: pd.DataFrame, mean: float, n: int) -> tuple[float, float]:
    if n < 2:
        return math.nan, math.nan
    away = (back["duration_days"] - mean) / n
    square, cube = (float((away**power * back["n"]).sum()) for power in (2, 3))
    return skewed_interval(mean, square * n / (n - 1), cube / square**1.5 if square > 0 else 0.0)


def _median(back: pd.DataFrame) -> float:
    ordered = back.sort_values("duration_days")
    n = int(ordered["n"].sum())
    if n == 0:
        return math.nan
    upto = ordered["n"].cumsum()
    ends = [float(ordered.loc[upto > i, "duration_days"].iloc[0]) for i in ((n - 1) // 2, n // 2)]
    return sum(ends) / 2
