"""From the first purchase to the second: how long repeaters took, and how long everybody takes."""

from __future__ import annotations

import math
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.survival import kaplan_meier, km_at, km_median, km_median_interval
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

    duration_days, observed | n  →  customers, repeaters, mean_days, median_days, km_median_days, low, high, returned_in_90_days: one row

    mean_days, median_days     of repeaters alone: flatter, because the slow ones have not returned yet
    km_median_days             days until half of all first-time buyers are back (Kaplan–Meier), with its 95 % interval; nan: fewer than
                               half are, by the longest wait seen
    returned_in_90_days        share back within 90 days, by the same curve  [S6]
    """
    back = spells[spells["observed"].astype("bool")]
    curve = kaplan_meier(spells)
    low, high = km_median_interval(curve)
    repeaters = int(back["n"].sum())
    total = float((back["duration_days"] * back["n"]).sum())
    return pd.DataFrame(
        {
            "customers": [int(spells["n"].sum())],
            "repeaters": [repeaters],
            "mean_days": [total / repeaters if repeaters else math.nan],
            "median_days": [_median(back)],
            "km_median_days": [km_median(curve)],
            "low": [low],
            "high": [high],
            "returned_in_90_days": [1 - km_at(curve, HORIZON_DAYS)],
        }
    )


def _median(back: pd.DataFrame) -> float:
    ordered = back.sort_values("duration_days")
    n = int(ordered["n"].sum())
    if n == 0:
        return math.nan
    upto = ordered["n"].cumsum()
    ends = [float(ordered.loc[upto > i, "duration_days"].iloc[0]) for i in ((n - 1) // 2, n // 2)]
    return sum(ends) / 2
