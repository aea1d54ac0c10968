"""When customers buy: the week by weekday and hour. [S71]"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from statistics import NormalDist

import ibis.expr.types as ir
import pandas as pd
from ibis import _
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from custkit.analysis.rates import wilson
from custkit.engine import frame
from custkit.words import mark

WEEKDAYS = (
    mark("Monday"), mark("Tuesday"), mark("Wednesday"), mark("Thursday"), mark("Friday"), mark("Saturday"), mark("Sunday"),
)  # fmt: skip
# Orders at midnight to the second, of all, from which on the times are dates: nobody told the hour.
DATES_ONLY = 0.5
_DAY_COLUMNS = ("weekday", "days", "orders", "orders_per_day", "per_day_low", "per_day_high", "revenue", "revenue_share", "aov")
_P95 = 0.975


def weekdays(purchases: ir.Table, *, as_of: datetime, window_days: int = 364) -> pd.DataFrame:
    """How the week's days differ: orders and revenue by weekday.

    purchases  →  weekday (Monday first) | days (calendar days, those without an order too), orders, orders_per_day, per_day_low,
    per_day_high (95 % interval), revenue (currency), revenue_share, aov (currency an order), p_value (the same on every row)

    Fifty-two whole weeks, so that each weekday counts equally often; fewer where the data begin later. The interval is from how the days
    of one weekday differ among themselves, which holds whatever else moves them. p_value: chance of such differences between weekdays
    if there were none, each week compared with itself, so that growth and season leave no mark (analysis of variance over weeks and
    weekdays); nan below four weeks. Guests count. No row without a whole week. [Fisher 1925; S71]

    Raises ValueError if window_days < 7.
    """
    if window_days < 7:
        raise ValueError(f"window_days is {window_days}; a week has 7 days")
    daily = _daily(purchases, as_of, window_days)
    if daily.empty:
        return pd.DataFrame(columns=[*_DAY_COLUMNS, "p_value"]).astype({**dict.fromkeys(_DAY_COLUMNS, "float64"), "p_value": "float64"})
    rows = [_weekday(number, days, float(daily["revenue"].sum())) for number, days in daily.groupby("weekday", sort=True)]
    return pd.DataFrame(rows, columns=list(_DAY_COLUMNS)).assign(p_value=_weekdays_differ(daily))


def _daily(purchases: ir.Table, as_of: datetime, window_days: int) -> pd.DataFrame:
    """One row a calendar day of the whole weeks before `as_of`, with its week counted back and its weekday."""
    start = as_of - timedelta(days=window_days)
    inside = purchases.filter(_.ordered_at >= start, _.ordered_at < as_of)
    found = frame(inside.group_by(day=_.ordered_at.date()).aggregate(orders=_.count(), revenue=_.revenue.sum()))
    if found.empty:
        return found
    found.index = pd.DatetimeIndex(found["day"]).as_unit("us")
    last = pd.Timestamp(as_of).normalize() - pd.Timedelta(days=1)
    weeks = min(window_days, (last - found.index.min()).days + 1) // 7
    span = pd.date_range(last - pd.Timedelta(days=7 * weeks - 1), last) if weeks else pd.DatetimeIndex([])
    whole = found[["orders", "revenue"]].reindex(span.as_unit("us"), fill_value=0)
    return whole.assign(weekday=whole.index.day_of_week, week=(last - whole.index).days // 7)


def _weekday(number: int, days: pd.DataFrame, revenue: float) -> tuple[object, ...]:
    n, orders, own = len(days), int(days["orders"].sum()), float(days["revenue"].sum())
    mean = orders / n
    half = float(t_distribution.ppf(_P95, n - 1)) * float(days["orders"].std()) / math.sqrt(n) if n > 1 else math.nan
    share, aov = own / revenue if revenue > 0 else math.nan, own / orders if orders else math.nan
    return WEEKDAYS[number], n, orders, mean, max(mean - half, 0.0), mean + half, own, share, aov


def _weekdays_differ(daily: pd.DataFrame) -> float:
    table = daily.pivot_table(index="week", columns="weekday", values="orders").to_numpy("float64") ** 0.5  # counts, made equally spread
    weeks = len(table)
    if weeks < 4:
        return math.nan
    of_week, of_day, mean = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True), table.mean()
    rest = float(((table - of_week - of_day + mean) ** 2).sum()) / (6 * (weeks - 1))
    between = weeks * float(((of_day - mean) ** 2).sum()) / 6
    return float(f_distribution.sf(between / rest, 6, 6 * (weeks - 1))) if rest > 0 else 1.0 if between == 0 else 0.0


def weekday_hours(purchases: ir.Table, *, as_of: datetime, window_days: int = 364) -> pd.DataFrame:
    """Orders by weekday and hour of the client's wall clock.

    purchases  →  weekday (Monday first), hour (0–23) | orders, order_share, times_even (orders / those of an even week), revenue

    All 168 hours of the week, those without an order too. No row where more than half of the orders are at midnight to the second:
    such a client records dates, and an hour of 0 would be told for all of them. Guests count. [S71]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    inside = purchases.filter(_.ordered_at >= as_of - timedelta(days=window_days), _.ordered_at < as_of)
    cells = inside.group_by(number=_.ordered_at.date().day_of_week.index().cast("int64"), hour=_.ordered_at.hour().cast("int64"))
    found = frame(
        cells.aggregate(
            orders=_.count(), midnight=_.count(where=_.ordered_at == _.ordered_at.truncate("D")), revenue=_.revenue.sum()
        )
    )  # fmt: skip
    orders = int(found["orders"].sum())
    if not orders or int(found["midnight"].sum()) > DATES_ONLY * orders:
        kinds = {"weekday": "str", "hour": "int64", "orders": "int64", "order_share": "float64", "times_even": "float64"}
        return pd.DataFrame(columns=[*kinds, "revenue"]).astype({**kinds, "revenue": "float64"})
    every = pd.MultiIndex.from_product([range(7), range(24)], names=["number", "hour"])
    week = found.set_index(["number", "hour"])[["orders", "revenue"]].reindex(every, fill_value=0).reset_index()
    return pd.DataFrame(
        {
            "weekday": [WEEKDAYS[number] for number in week["number"]],
            "hour": week["hour"].astype("int64"),
            "orders": week["orders"].astype("int64"),
            "order_share": week["orders"] / orders,
            "times_even": week["orders"] * 168 / orders,
            "revenue": week["revenue"].astype("float64"),
        }
    )


def busiest_hours(week: pd.DataFrame, *, hours: int = 3) -> pd.DataFrame:
    """The stretch of `hours` hours of one weekday with most orders.

    weekday_hours(…)  →  one row: weekday, from_hour, to_hour (exclusive), orders, order_share, low, high (95 % interval), even_share

    Among so many stretches one is the busiest by luck: the interval is widened to hold for all of them at once. Of equals the first in
    the week. No row without orders. [Wilson 1927; Bonferroni 1936; S71]

    Raises ValueError if hours is not between 1 and 24.
    """
    if not 1 <= hours <= 24:
        raise ValueError(f"hours is {hours}; a stretch has 1 to 24 hours of one day")
    columns = ["weekday", "from_hour", "to_hour", "orders", "order_share", "low", "high", "even_share"]
    orders = int(week["orders"].sum())
    if not orders:
        return pd.DataFrame(columns=columns)
    stretch = week.groupby("weekday", sort=False)["orders"].transform(lambda day: day.rolling(hours).sum())
    at = int(stretch.idxmax())
    found, last = int(stretch[at]), int(week["hour"][at])
    z = NormalDist().inv_cdf(1 - 0.025 / (7 * (25 - hours)))
    low, high = wilson(found, orders, z=z)
    row = (str(week["weekday"][at]), last - hours + 1, last + 1, found, found / orders, low, high, hours / 168)
    return pd.DataFrame([row], columns=columns)
