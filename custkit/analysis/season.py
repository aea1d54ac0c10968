"""The year's rhythm: which months sell more than the trend alone would have them. [S72]"""

from __future__ import annotations

import math
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from custkit.engine import frame

LEAST_MONTHS = 24
SEASON_COLUMNS = ("calendar_month", "years", "season_index", "index_low", "index_high", "revenue_index", "p_value")
_P95 = 0.975


def daily_sales(purchases: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Orders and revenue of every calendar day from the first purchase to the last day before `as_of`.

    purchases  →  day | orders, revenue (currency): one row a day, 0 where nobody bought

    A small frame whatever the shop's size: ten years are 3,653 rows. Guests count. [S71, S72]
    """
    sold = purchases.filter(_.ordered_at < as_of)
    found = frame(sold.group_by(day=_.ordered_at.date()).aggregate(orders=_.count(), revenue=_.revenue.sum()))
    days = pd.DatetimeIndex(found["day"]).as_unit("us")
    last = pd.Timestamp(as_of).normalize() - pd.Timedelta(days=1)
    span = pd.date_range(days.min(), last, name="day").as_unit("us") if len(days) else pd.DatetimeIndex([], name="day").as_unit("us")
    whole = found.set_index(days)[["orders", "revenue"]].reindex(span, fill_value=0).reset_index(names="day")
    return whole.astype({"orders": "int64", "revenue": "float64"})


def month_season(daily: pd.DataFrame) -> pd.DataFrame:
    """How far each month of the year lies above or below the trend.

    day | orders, revenue  →  calendar_month (1–12) | years (how often it was seen), season_index (orders, 1 is an ordinary month),
    index_low, index_high (95 % interval), revenue_index, p_value (the same on every row)

    Orders a day of whole months, each weekday weighed by what it usually brings, so that a fifth Saturday makes no season. Their logarithm
    is fitted by twelve months that average 0 on top of a smooth trend, months weighing by their orders. The trend can bend as a young
    shop's does (t and ln t), and once more for each two years beyond the second. p_value: chance of such months without any season
    (F-test). What happened in one year only, a campaign say, counts as season where the years are two. No row below 24 whole months: what
    looks like a season may be growth. [Hyndman & Athanasopoulos 2021, 7.4; S72]
    """
    months = _whole_months(daily)
    if len(months) < LEAST_MONTHS or not (months["orders"] > 0).all():
        return pd.DataFrame(columns=list(SEASON_COLUMNS)).astype(
            {name: "int64" if name in SEASON_COLUMNS[:2] else "float64" for name in SEASON_COLUMNS}
        )
    weight = months["orders"].to_numpy("float64")
    index, low, high, p_value = _months_beside_trend(months["per_day"].to_numpy(), months["month"].to_numpy(), weight)
    money = np.full(12, math.nan)
    if (months["revenue_per_day"] > 0).all():
        money = _months_beside_trend(months["revenue_per_day"].to_numpy(), months["month"].to_numpy(), weight)[0]
    years = months.groupby("month").size().reindex(range(1, 13)).to_numpy("int64")
    made = (np.arange(1, 13), years, index, low, high, money, np.full(12, p_value))
    return pd.DataFrame(dict(zip(SEASON_COLUMNS, made, strict=True)))


def _whole_months(daily: pd.DataFrame) -> pd.DataFrame:
    """Whole calendar months: month (1–12) | orders, revenue, per_day, revenue_per_day of a day of mean weekday."""
    if daily.empty:
        return pd.DataFrame(columns=["month", "orders", "revenue", "per_day", "revenue_per_day"])
    day = daily["day"]
    usual = daily.groupby(day.dt.day_of_week)["orders"].mean()
    usual = usual / usual.mean() if usual.mean() > 0 else usual + 1
    dated = daily.assign(days=day.dt.day_of_week.map(usual), place=day.dt.year * 12 + day.dt.month - 1, number=1)
    months = dated.groupby("place")[["orders", "revenue", "days", "number"]].sum()
    long = [pd.Period(year=place // 12, month=place % 12 + 1, freq="M").days_in_month for place in months.index]
    whole = months[months["number"] == long]
    return whole.assign(
        month=whole.index % 12 + 1, per_day=whole["orders"] / whole["days"], revenue_per_day=whole["revenue"] / whole["days"]
    )


def _months_beside_trend(per_day: np.ndarray, month: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(index, low, high) of the twelve months and the p-value of all of them together."""
    t = np.arange(1.0, len(per_day) + 1)
    bends = range(2, 2 + max(0, len(t) // 12 - 2) // 2)
    trend = np.column_stack([np.ones(len(t)), t / len(t), np.log(t), *[(t / len(t)) ** power for power in bends]])
    # Eleven months are free; December undoes their sum.
    design = np.column_stack([trend, *[np.where(month == 12, -1.0, month == number) for number in range(1, 12)]])
    y, root = np.log(per_day), np.sqrt(weight / weight.mean())
    inverse = np.linalg.pinv((design * root[:, None]).T @ (design * root[:, None]))
    found = inverse @ (design * (root**2)[:, None]).T @ y
    left = float((((y - design @ found) * root) ** 2).sum())
    flat = np.linalg.lstsq(trend * root[:, None], y * root, rcond=None)[0]
    without = float((((y - trend @ flat) * root) ** 2).sum())
    free = len(y) - design.shape[1]
    effects = np.append(found[-11:], -found[-11:].sum())
    spread = np.vstack([np.eye(11), -np.ones(11)])
    error = np.sqrt(np.maximum(np.diag(spread @ inverse[-11:, -11:] @ spread.T), 0) * left / free)
    half = float(t_distribution.ppf(_P95, free)) * error
    p_value = float(f_distribution.sf((without - left) / 11 / (left / free), 11, free)) if left > 1e-12 else 0.0 if without > 1e-12 else 1.0
    return np.exp(effects), np.exp(effects - half), np.exp(effects + half), p_value
