"""RFM: how recently, how often and how much each customer bought; scores, and the client's own map of segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.client import TEN_SEGMENTS, Segment
from custkit.engine import frame, to_float
from custkit.words import mark

# Each measure, its score, and whether more is better. Fewer days since the last order are better.
MEASURES = (("recency_days", "r_score", False), ("frequency", "f_score", True), ("monetary_value", "m_score", True))
GOOD, QUIET = 4, 2
REST = mark("Need attention")


def rfm(purchases: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """Fold the purchases of the trailing window to one row a customer.

    orders  →  customer_id | recency_days, frequency (orders), monetary_value (currency, after returns in the same order)

    An order on the last day before `as_of` is one day old. Guests are left out. [Hughes 1994; S40]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    start = as_of - timedelta(days=window_days)
    inside = purchases.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of)
    folded = inside.group_by("customer_id").aggregate(
        last_day=_.ordered_at.max().date(), frequency=_.count(), monetary_value=_.revenue.sum()
    )
    return folded.select(
        "customer_id",
        recency_days=ibis.literal(as_of.date()).delta(folded.last_day, unit="day").cast("int64"),
        frequency=_.frequency,
        monetary_value=_.monetary_value,
    )


def rfm_scores(rfm: ir.Table, *, n_bins: int = 5) -> ir.Table:
    """Score recency, frequency and monetary value from 1 to `n_bins`, higher always better.

    customer_id | recency_days, frequency, monetary_value  →  … + r_score, f_score, m_score

    A score is the share of customers who are no better, times `n_bins`, rounded up. Ties share a score, so equal customers
    are equal; where many are equal some scores are empty: with 70 % at one order, frequency knows only 4 and 5. [S40]

    Raises ValueError if n_bins < 2.
    """
    if n_bins < 2:
        raise ValueError(f"n_bins is {n_bins}; a score needs at least 2")
    return rfm.mutate(**{score: _no_better(rfm[measure], more_is_better, n_bins) for measure, score, more_is_better in MEASURES})


def _no_better(measure: ir.NumericColumn, more_is_better: bool, n_bins: int) -> ir.IntegerValue:
    # In whole numbers, because 5 × 0.6 is not 3 on every engine. The rank counts, from 0, the customers who are better.
    everyone = measure.count().over(ibis.window())
    better = ibis.rank().over(ibis.window(order_by=ibis.desc(measure) if more_is_better else ibis.asc(measure)))
    return ((everyone - better) * n_bins + everyone - 1) // everyone


def score_thresholds(scores: ir.Table, *, n_bins: int = 5) -> pd.DataFrame:
    """Say which values stand behind each score.

    customer_id | measures, scores  →  measure, score, lowest, highest, customers: one row for each measure and score, best first

    A score that ties leave empty has no values and 0 customers.
    """
    found = pd.concat([_thresholds(scores, measure, score) for measure, score, _more in MEASURES], ignore_index=True)
    every = pd.DataFrame([(measure, score) for measure, _s, _m in MEASURES for score in range(n_bins, 0, -1)], columns=["measure", "score"])
    merged = every.merge(found, on=["measure", "score"], how="left", validate="one_to_one")
    return merged.assign(customers=merged.customers.fillna(0).astype("int64"))


def _thresholds(scores: ir.Table, measure: str, score: str) -> pd.DataFrame:
    value = to_float(scores[measure])
    found = frame(scores.group_by(score=score).aggregate(lowest=value.min(), highest=value.max(), customers=scores.count()))
    return found.assign(measure=measure)


def rfm_segments(scores: ir.Table, *, segments: Sequence[Segment] = TEN_SEGMENTS) -> ir.Table:
    """Name each customer's segment by the client's map: the first row whose ranges hold all the customer's scores.

    customer_id | … r_score, f_score, m_score  →  … + segment

    `fm` is the mean of the frequency and the monetary score. Who fits no row needs attention. [S40 S41]
    """
    if not segments:
        return scores.mutate(segment=ibis.literal(REST))
    return scores.mutate(segment=ibis.cases(*[(_fits(scores, segment), segment.name) for segment in segments], else_=REST))


def _fits(scores: ir.Table, segment: Segment) -> ir.BooleanValue:
    # Both sides doubled, so that the mean of two scores stays a whole number.
    doubled = {"r": scores.r_score * 2, "f": scores.f_score * 2, "m": scores.m_score * 2, "fm": scores.f_score + scores.m_score}
    fits: ir.BooleanValue = ibis.literal(True)
    for name in ("r", "f", "m", "fm"):
        bounds = segment.bounds(name)
        if bounds is not None:
            low, high = bounds
            fits = fits & (doubled[name] >= round(low * 2)) & (doubled[name] <= round(high * 2))
    return fits


def segment_summary(segmented: ir.Table) -> pd.DataFrame:
    """Size and worth of each segment, the one that brings most first.

    customer_id | recency_days, frequency, monetary_value, segment  →
    segment | customers, customer_share, revenue, revenue_share, medians of recency_days, frequency, monetary_value

    Shares of revenue are null where all of it is not above 0. [S40 S42]
    """
    summary = frame(
        segmented.group_by("segment").aggregate(
            customers=_.count(),
            revenue=_.monetary_value.sum(),
            recency_days=to_float(segmented.recency_days).quantile(0.5),
            frequency=to_float(segmented.frequency).quantile(0.5),
            monetary_value=to_float(segmented.monetary_value).quantile(0.5),
        )
    ).sort_values(["revenue", "segment"], ascending=[False, True], ignore_index=True)
    revenue = float(summary.revenue.sum())
    summary.insert(2, "customer_share", summary.customers / max(int(summary.customers.sum()), 1))
    summary.insert(4, "revenue_share", summary.revenue / revenue if revenue > 0 else summary.revenue * float("nan"))
    return summary


def quiet_customers(scores: ir.Table) -> pd.DataFrame:
    """Count the good customers who have not been seen for long: recency score 1 or 2, mean of frequency and spend score 4 or more.

    customer_id | … r_score, f_score, m_score  →  one row: customers, good_customers, recency_days (median), revenue of the quiet

    Good customers are all with a mean of 4 or more; the rest of them were seen lately. [S40]
    """
    good = scores.f_score + scores.m_score >= GOOD * 2
    quiet = good & (scores.r_score <= QUIET)
    return frame(
        scores.aggregate(
            customers=scores.count(where=quiet),
            good_customers=scores.count(where=good),
            recency_days=to_float(scores.recency_days).quantile(0.5, where=quiet),
            revenue=scores.monetary_value.sum(where=quiet),
        )
    ).fillna({"revenue": 0.0})
