"""How many customers will order in each of the next weeks: chances summed, held against the weeks just past."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis import buy_till_you_die
from custkit.analysis.churn_risk import alive_by_history
from custkit.analysis.next_order import customer_gaps, first_purchase, fit_cycle, with_cycle
from custkit.analysis.rates import Z95
from custkit.engine import beside, clipped, frame, to_float

WINDOW_DAYS = 28
WINDOWS = 3
COLUMNS = ("week", "week_start", "customers", "low", "high")
CHECK_COLUMNS = ("start", "told", "came")
# How far the sum may be off where no weeks past can tell.
_UNTRIED = 0.3
_FEWEST_TOLD = 20.0


def order_chances(purchases: ir.Table, *, as_of: datetime, model: str, active_days: int = 180) -> ir.Table:
    """Give each active customer the chance of ordering within 28 days: that of the own rhythm, given the wait so far, times P(alive).

    Made to be summed, and corrected by the weeks past (`orders_due`); of one customer `churn_risk` tells a chance that comes true.

    orders  →  customer_id | last_date, waited (days), p_alive, lateness, usual_log, spread, chance (0–1)

    P(alive) is 1 where the purchase model named may not be believed. No rows where no rhythm is estimated. [Fisk 1961; S69 S87]
    """
    gaps = customer_gaps(purchases, as_of=as_of)
    cycle = fit_cycle(gaps)
    if cycle.refusal:
        unknown = {name: ibis.null("float64") for name in ("p_alive", "lateness", "usual_log", "spread", "chance")}
        return gaps.select("customer_id", "last_date", "waited", **unknown).limit(0)
    told = with_cycle(_with_alive(gaps, model).filter(_.waited <= active_days), cycle=cycle)
    return told.mutate(chance=chance_within(told, WINDOW_DAYS)).select(
        "customer_id", "last_date", "waited", "p_alive", "lateness", "usual_log", "spread", "chance"
    )


def _with_alive(gaps: ir.Table, model: str) -> ir.Table:
    histories = gaps.mutate(frequency=_.gaps, recency=_.last_date.delta(_.first_date, unit="day").cast("int64"))
    histories = histories.mutate(T=_.recency + _.waited - 1)
    counts = alive_by_history(histories, model) if model in buy_till_you_die.MODELS else None
    if counts is None:
        return gaps.mutate(p_alive=ibis.literal(1.0, "float64"))
    keys = ["frequency", "recency", "T"]
    known = histories.left_join(beside(histories, counts), keys)
    return known.drop(*(f"{key}_right" for key in keys), *keys).mutate(p_alive=_.p_alive.fill_null(1.0))


def chance_within(told: ir.Table, days: int) -> Any:
    """The chance that a gap not over yet is over within `days`, times P(alive)."""
    then = (clipped(to_float(told.waited) - 0.5 + float(days), 0.5).ln() - told.usual_log) / told.spread
    odds, later = clipped(told.lateness, -50.0, 50.0).exp(), clipped(then, -50.0, 50.0).exp()
    return told.p_alive * clipped(1.0 - (odds + 1.0) / (later + 1.0), 0.0, 1.0)


def due_check(purchases: ir.Table, *, as_of: datetime, model: str, active_days: int = 180) -> pd.DataFrame:
    """Sum the chances as they stood four, eight and twelve weeks ago, and count who did order in the four weeks after.

    orders  →  start (date) | told (customers expected), came (of those active then); the latest first, without windows in which the data
    are too young to tell
    """
    begins = first_purchase(purchases, as_of=as_of)
    rows = []
    for back in range(1, WINDOWS + 1):
        cut = as_of - timedelta(days=WINDOW_DAYS * back)
        if begins is None or (cut - begins).days < active_days / 2:
            continue
        chances = order_chances(purchases, as_of=cut, model=model, active_days=active_days)
        later = purchases.filter(_.ordered_at >= cut, _.ordered_at < cut + timedelta(days=WINDOW_DAYS)).select("customer_id").distinct()
        row = frame(
            chances.aggregate(told=_.chance.sum().fill_null(0.0)).cross_join(
                chances.semi_join(later, "customer_id").aggregate(came=_.count())
            )
        ).iloc[0]
        if row["told"] > 0:
            rows.append((pd.Timestamp(cut.date()), float(row["told"]), int(row["came"])))
    found = pd.DataFrame(rows, columns=list(CHECK_COLUMNS))
    return found.astype({"start": "datetime64[us]", "told": "float64", "came": "int64"})


def orders_due(chances: ir.Table, check: pd.DataFrame, *, as_of: datetime, weeks: int = 12) -> pd.DataFrame:
    """How many customers are expected to order next in each of the next weeks, and by the end of them.

    order_chances, due_check  →  week (1 the first) | week_start (date), customers (expected), low, high (95 %), by_now, by_now_low,
    by_now_high (from the first week up to this one)

    Each chance is split over the weeks; what the weeks past brought of what was told then corrects it, and how unequal they were widens
    the range, beside what chance does to a sum of chances. A customer counts once, with the next order. [S87]

    Raises ValueError if weeks < 1.
    """
    if weeks < 1:
        raise ValueError(f"weeks is {weeks}; look one week ahead at least")
    sums: dict[str, Any] = {f"by_{week}": chance_within(chances, 7 * week).sum().fill_null(0.0) for week in range(1, weeks + 1)}
    squares: dict[str, Any] = {
        f"sq_{week}": (chance_within(chances, 7 * week) * chance_within(chances, 7 * week)).sum().fill_null(0.0)
        for week in range(1, weeks + 1)
    }
    row = frame(chances.aggregate(**sums, **squares)).iloc[0]
    share, spread = _correction(check)
    by_now = np.array([float(row[f"by_{week}"]) for week in range(1, weeks + 1)]) * share
    chance = by_now - np.array([float(row[f"sq_{week}"]) for week in range(1, weeks + 1)]) * share**2
    each = np.diff(by_now, prepend=0.0)
    first: date = as_of.date()
    half = Z95 * np.sqrt(np.maximum(each, 0.0) + (each * spread) ** 2)
    reach = Z95 * np.sqrt(np.maximum(chance, 0.0) + (by_now * spread) ** 2)
    return pd.DataFrame(
        {
            "week": range(1, weeks + 1),
            "week_start": pd.to_datetime([first + timedelta(weeks=i) for i in range(weeks)]).astype("datetime64[us]"),
            "customers": each, "low": np.maximum(each - half, 0.0), "high": each + half,
            "by_now": by_now, "by_now_low": np.maximum(by_now - reach, 0.0), "by_now_high": by_now + reach,
        }
    )  # fmt: skip


def _correction(check: pd.DataFrame) -> tuple[float, float]:
    """What came of what was told in the weeks past, and how unequal that was beyond chance."""
    told, came = check["told"].to_numpy("float64"), check["came"].to_numpy("float64")
    if told.sum() < _FEWEST_TOLD or not came.sum():
        return 1.0, _UNTRIED
    share = float(came.sum() / told.sum())
    if len(check) < 2:
        return share, _UNTRIED / 2
    ratios = came / np.maximum(told, 1e-9) / share
    # Of three windows the largest miss is a poor guess at the next one: it counts, with what chance does to its own mean.
    return share, float(math.sqrt(np.mean((ratios - 1.0) ** 2) * len(check) / (len(check) - 1) + 1.0 / max(came.sum(), 1.0)))
