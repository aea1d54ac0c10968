"""How often each customer buys, and when the next order is due: the customer's own gaps, leaning on everybody's where they are few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.engine import clipped, frame, to_float
from custkit.words import mark

LEVEL = 0.8
FEWEST_CUSTOMERS = 50
CHECK_DAYS = (180, 90)
TOO_FEW = mark("fewer than {n} customers have come back twice or more")
# Regularity is told no finer than this deviation of the log: a gap is a whole number of days.
_FINEST = 0.1
_LONGEST = 3_650.0
# Widest spread of a customer's gaps from everybody's that is believed, and narrowest.
_STEEPEST = 500.0
_SETTLED_DAYS = 180

CHECK_COLUMNS = (
    "days", "customers", "told", "inside", "early", "late", "not_back", "open", "inside_share", "low", "high", "usual_days",
)  # fmt: skip


@dataclass(frozen=True)
class Cycle:
    """How gaps between orders vary, between customers and within one, in logs of days.

    centre, between   mean and variance of customers' own mean gaps
    within            variance of one customer's gaps, the mean over customers
    usual, backing    regularity: what a customer's variance is usually, and how many gaps that belief is worth
    refusal           why nothing is estimated: a message with {n}; "" where something is
    customers, gaps   what it rests on
    """

    centre: float
    between: float
    within: float
    usual: float
    backing: float
    customers: int
    gaps: int
    refusal: str = ""

    @property
    def gaps_that_weigh_half(self) -> float:
        """Own gaps needed to count as much as everybody's. [Bühlmann 1967]"""
        return self.within / self.between

    @property
    def usual_days(self) -> float:
        return math.exp(self.centre)


def customer_gaps(purchases: ir.Table, *, as_of: datetime) -> ir.Table:
    """Fold each customer's gaps between purchase days.

    orders  →  customer_id | first_date, last_date, waited (days since the last one), gaps, mean_log, squares_log (squared deviations of
    the log of gaps in days, summed), settled, settled_log, settled_squares (the same of gaps begun long ago), recent_log (mean of the
    last two), earlier_log (of those before)

    Two orders on one day are one. A gap begun lately is seen only if it is short, so what is usual is learnt from gaps begun half a
    year before `as_of`, or in the first half of shorter data. Guests are left out. Worked out once and kept on the engine as long as
    the answer is.
    """
    known = purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    days = known.group_by("customer_id", "order_date").aggregate(orders=_.count())
    forward = ibis.window(group_by="customer_id", order_by="order_date")
    backward = ibis.window(group_by="customer_id", order_by=ibis.desc("order_date"))
    placed = days.mutate(
        before=_.order_date.lag().over(forward), from_end=ibis.row_number().over(backward), begins=_.order_date.min().over(ibis.window())
    )
    gap = placed.order_date.delta(placed.before, unit="day")
    span = ibis.literal(as_of.date()).delta(placed.begins, unit="day") // 2
    begun = ibis.literal(as_of.date()).delta(placed.before, unit="day")
    told = placed.mutate(
        log_gap=(to_float(gap) > 0).ifelse(to_float(gap), ibis.null("float64")).ln(),
        is_settled=begun > (span < _SETTLED_DAYS).ifelse(span, _SETTLED_DAYS),
    )
    folded = told.group_by("customer_id").aggregate(
        first_date=_.order_date.min(),
        last_date=_.order_date.max(),
        gaps=_.log_gap.count(),
        sum_log=_.log_gap.sum().fill_null(0.0),
        sum_squares=(_.log_gap * _.log_gap).sum().fill_null(0.0),
        settled=_.log_gap.count(where=_.is_settled),
        settled_sum=_.log_gap.sum(where=_.is_settled).fill_null(0.0),
        settled_sum_squares=(_.log_gap * _.log_gap).sum(where=_.is_settled).fill_null(0.0),
        recent_log=_.log_gap.mean(where=_.from_end < 2),
        earlier_log=_.log_gap.mean(where=_.from_end >= 2),
    )
    return folded.select(
        "customer_id",
        "first_date",
        "last_date",
        waited=ibis.literal(as_of.date()).delta(folded.last_date, unit="day").cast("int64"),
        gaps=folded.gaps,
        mean_log=folded.sum_log / folded.gaps.nullif(0),
        squares_log=_squares(folded.sum_log, folded.sum_squares, folded.gaps),
        settled=folded.settled,
        settled_log=folded.settled_sum / folded.settled.nullif(0),
        settled_squares=_squares(folded.settled_sum, folded.settled_sum_squares, folded.settled),
        recent_log=folded.recent_log,
        earlier_log=folded.earlier_log,
    ).cache()


def _squares(total: Any, squares: Any, n: Any) -> Any:
    return clipped(squares - total * total / to_float(n.nullif(0)), 0.0).fill_null(0.0)


def fit_cycle(gaps: ir.Table) -> Cycle:
    """Learn how customers' gaps differ, so that a customer with few gaps can lean on everybody's.

    customer_gaps  →  Cycle

    Moments, each customer counting once: who buys often would otherwise speak for those who buy seldom. Regularity by the moments of
    the log of variances. [Robbins 1956; Bühlmann 1967; Smyth 2004; S69]
    """
    told = gaps.filter(_.settled > 0)
    least = _FINEST**2
    own = clipped(told.settled_squares / to_float((told.settled - 1).nullif(0)), least)
    counted = frame(
        told.mutate(variance=own, log_variance=own.ln())
        .group_by("settled")
        .aggregate(
            customers=_.count(), mean=_.settled_log.sum(), mean_squares=(_.settled_log * _.settled_log).sum(),
            variance=_.variance.sum(), log_variance=_.log_variance.sum(), log_squares=(_.log_variance * _.log_variance).sum(),
        )
    ).sort_values("settled", ignore_index=True)  # fmt: skip
    twice = counted[counted["settled"] >= 2]
    customers, n_gaps = int(counted["customers"].sum()), int((counted["customers"] * counted["settled"]).sum())
    if int(twice["customers"].sum()) < FEWEST_CUSTOMERS:
        return Cycle(math.nan, math.nan, math.nan, math.nan, math.nan, customers, n_gaps, TOO_FEW)
    centre = float(counted["mean"].sum() / customers)
    spread = float(counted["mean_squares"].sum() / customers - centre**2)
    within = float(twice["variance"].sum() / twice["customers"].sum())
    of_chance = within * float((counted["customers"] / counted["settled"]).sum() / customers)
    usual, backing = _regularity(twice)
    return Cycle(centre, max(spread - of_chance, 0.01), within, usual, backing, customers, n_gaps)


def _regularity(twice: pd.DataFrame) -> tuple[float, float]:
    """Usual variance and how many gaps it is worth, from the logs of customers' variances. [Smyth 2004]"""
    from scipy.special import digamma, polygamma

    n, half = twice["customers"].to_numpy("float64"), (twice["settled"].to_numpy("float64") - 1) / 2
    shift = np.log(half) - digamma(half)  # a log variance of so many gaps lies too low by this
    mean = float((twice["log_variance"].to_numpy() + n * shift).sum() / n.sum())
    away = twice["log_squares"].to_numpy() + 2 * (shift - mean) * twice["log_variance"].to_numpy() + n * (shift - mean) ** 2
    beyond_chance = float(away.sum() / n.sum() - (n * polygamma(1, half)).sum() / n.sum())
    if beyond_chance <= 1e-6:  # all are as regular as each other
        return math.exp(mean), 1e6
    backing = 2 * _inverse_trigamma(beyond_chance)
    return math.exp(mean + float(digamma(backing / 2)) - math.log(backing / 2)), backing


def _inverse_trigamma(value: float) -> float:
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _step in range(50):
        slope = float(polygamma(1, x))
        x += slope * (1 - slope / value) / float(polygamma(2, x))
    return x


def with_cycle(gaps: ir.Table, *, cycle: Cycle) -> ir.Table:
    """The gap each customer goes by, and how far the wait has come on it.

    customer_gaps, fit_cycle  →  … + own_share (of the customer's gaps in the estimate), usual_log (of days), spread (of the log-logistic),
    lateness (log odds that a gap of this customer is over by now), overdue (that chance)

    Gaps are log-logistic around the customer's usual one. [Fisk 1961]
    """
    n = to_float(gaps.gaps)
    own = n / (n + cycle.gaps_that_weigh_half)
    centre = own * gaps.mean_log.fill_null(0.0) + (1.0 - own) * cycle.centre
    more = clipped(n - 1.0, 0.0)
    variance = (cycle.usual * cycle.backing + gaps.squares_log) / (more + cycle.backing)
    variance = variance * (1.0 / (n + cycle.gaps_that_weigh_half) + 1.0)
    told = gaps.mutate(own_share=own, usual_log=centre, spread=(variance * (3 / math.pi**2)).sqrt())
    late = (clipped(to_float(told.waited) - 0.5, 0.5).ln() - told.usual_log) / told.spread
    # Kept, because each step is written into the next one: the query would grow with every use.
    told = told.mutate(lateness=clipped(late, -_STEEPEST, _STEEPEST)).cache()
    return told.mutate(overdue=1.0 / ((-told.lateness).exp() + 1.0))


def next_orders(gaps: ir.Table, *, cycle: Cycle, as_of: datetime, active_days: int = 180) -> ir.Table:
    """When each customer's next order is due, if there is one, given the wait so far.

    customer_gaps, fit_cycle  →  customer_id | last_date, waited (days), gaps, usual_days, own_share, overdue, next_low, next_date,
    next_high (dates; 80 % of next orders fall between the outer ones)

    Customers silent for more than `active_days` are dormant and left out; no rows where nothing is estimated. [S69 S87]

    Raises ValueError if active_days < 1.
    """
    if active_days < 1:
        raise ValueError(f"active_days is {active_days}; a window has at least one day")
    active = gaps.filter(_.waited <= active_days)
    if cycle.refusal:
        nothing = ibis.literal(as_of.date())
        return active.select(
            "customer_id", "last_date", "waited", "gaps", usual_days=ibis.null("float64"), own_share=ibis.null("float64"),
            overdue=ibis.null("float64"), next_low=nothing, next_date=nothing, next_high=nothing,
        ).limit(0)  # fmt: skip
    told = with_cycle(active, cycle=cycle)
    dates = {name: _due(told, share) for name, share in (("next_low", (1 - LEVEL) / 2), ("next_date", 0.5), ("next_high", (1 + LEVEL) / 2))}
    return told.select(
        "customer_id",
        "last_date",
        "waited",
        "gaps",
        usual_days=told.usual_log.exp(),
        own_share=told.own_share,
        overdue=told.overdue,
        **dates,
    )


def _due(told: ir.Table, share: float) -> Any:
    """The day by which `share` of the gaps that last until today are over."""
    odds = ((told.lateness.exp() + 1.0) / (1 - share) - 1.0).ln()
    days = (clipped(told.usual_log + told.spread * odds, upper=math.log(_LONGEST)).exp() + 0.5).floor().cast("int64")
    days = (days < told.waited).ifelse(told.waited, days)
    return told.last_date + days.as_interval("D")


def first_purchase(purchases: ir.Table, *, as_of: datetime) -> datetime | None:
    """When the first known customer bought first; None where nobody did."""
    known = purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    began = frame(known.aggregate(first_at=_.ordered_at.min()))["first_at"].iloc[0]
    return None if pd.isna(began) else began.to_pydatetime()


def next_order_check(purchases: ir.Table, *, as_of: datetime, active_days: int = 180) -> pd.DataFrame:
    """Say the next order as it would have been said half a year ago, and look what came.

    orders  →  days (since then) | customers (active then), told (whose range was over by `as_of`), inside, early, late, not_back (no order
    by `as_of`), open (range not over yet), inside_share (of those told who came back), low, high (95 %), usual_days: one row

    Who never came back is counted among those told, and apart: a range is about when, not whether. No row where the data are too short
    or nothing can be estimated. [S69 S87]
    """
    begins = first_purchase(purchases, as_of=as_of)
    for days in CHECK_DAYS:
        cut = as_of - timedelta(days=days)
        gaps = customer_gaps(purchases, as_of=cut)
        if begins is None or (cut - begins).days < days:
            continue
        cycle = fit_cycle(gaps)
        if not cycle.refusal:
            return _checked(purchases, gaps, cycle, cut=cut, as_of=as_of, active_days=active_days)
    return pd.DataFrame(columns=list(CHECK_COLUMNS))


def _checked(purchases: ir.Table, gaps: ir.Table, cycle: Cycle, *, cut: datetime, as_of: datetime, active_days: int) -> pd.DataFrame:
    said = next_orders(gaps, cycle=cycle, as_of=cut, active_days=active_days)
    came = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at >= cut, _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(came=_.order_date.min())
    )
    both = said.left_join(came, "customer_id").drop("customer_id_right").mutate(told=_.next_high < as_of.date())
    row = frame(
        both.aggregate(
            customers=_.count(),
            told=_.count(where=_.told),
            inside=_.count(where=_.told & (_.came >= _.next_low) & (_.came <= _.next_high)),
            early=_.count(where=_.told & (_.came < _.next_low)),
            late=_.count(where=_.told & (_.came > _.next_high)),
            not_back=_.count(where=_.told & _.came.isnull()),
            open=_.count(where=~_.told),
        )
    )
    inside, back = int(row["inside"].iloc[0]), int(row["told"].iloc[0] - row["not_back"].iloc[0])
    low, high = wilson(inside, back)
    return row.assign(
        days=(as_of - cut).days, inside_share=inside / back if back else math.nan, low=low, high=high, usual_days=cycle.usual_days
    )[list(CHECK_COLUMNS)]
