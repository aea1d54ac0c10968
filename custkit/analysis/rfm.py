"""RFM: how recently, how often and how much each customer bought; scores, and the client's own map of segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.offers import on_offer
from custkit.analysis.segment_maps import with_segment
from custkit.engine import frame, to_float
from custkit.segments import TEN_SEGMENTS, Segment

# Each measure, its score, and whether more is better. Fewer days since the last order are better.
MEASURES = (("recency_days", "r_score", False), ("frequency", "f_score", True), ("monetary_value", "m_score", True))
GOOD, QUIET = 4, 2


def rfm(purchases: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """Fold the purchases of the trailing window to one row a customer.

    orders  →  customer_id | recency_days, frequency (orders), monetary_value (currency, after returns in the same order), and what
    rules and scores may ask beside them: order_value (currency), margin (currency), tenure_days, cycle_days, offer_share, saved_share

    An order on the last day before `as_of` is one day old. `tenure_days` counts from the first order ever; `cycle_days` is the mean
    wait between purchase days, null with one day; `offer_share` is of orders, `saved_share` of list prices, both null where nobody
    ever met an offer: then the data tell none; `margin` holds the orders whose cost is known. Guests are left out. [Hughes 1994; S40]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    inside = _.ordered_at >= as_of - timedelta(days=window_days)
    day, today = _.ordered_at.date(), ibis.literal(as_of.date())
    folded = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(
            first_day=day.min(),
            begun=day.min(where=inside),
            last_day=day.max(),
            days=day.nunique(where=inside),
            frequency=_.count(where=inside),
            monetary_value=_.revenue.sum(where=inside),
            margin=(_.revenue - _.cost_amount).sum(where=inside),
            offers=_.count(where=inside & on_offer),
            list_price=_.gross_amount.sum(where=inside),
            saved=(_.coupon_amount.fill_null(0) + _.discount_amount.fill_null(0)).sum(where=inside),
        )
        .filter(_.frequency > 0)
    )
    told = folded.mutate(told=(_.offers.sum().over(ibis.window()) > 0).ifelse(1, None))
    return told.select(
        "customer_id",
        recency_days=today.delta(told.last_day, unit="day").cast("int64"),
        frequency=_.frequency,
        monetary_value=_.monetary_value,
        order_value=to_float(_.monetary_value) / _.frequency,
        margin=_.margin,
        tenure_days=today.delta(told.first_day, unit="day").cast("int64"),
        cycle_days=to_float(told.last_day.delta(told.begun, unit="day")) / to_float(told["days"] - 1).nullif(0.0),
        offer_share=to_float(_.offers * _.told) / _.frequency,
        saved_share=to_float(_.saved) * _.told / to_float(_.list_price).nullif(0.0),
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


def rfm_segments(scores: ir.Table, *, segments: Sequence[Segment] = TEN_SEGMENTS, borders: pd.DataFrame | None = None) -> ir.Table:
    """Name each customer's segment by a map: the first row whose conditions all hold.

    customer_id | … r_score, f_score, m_score, and the measures that the rows ask for  →  … + segment

    `fm` is the mean of the frequency and the monetary score. Who fits no row needs attention. Equal customers are in one segment.
    borders: another month's, as `segment_borders` gives them. [S40 S41]

    Raises ValueError naming a column that a row asks for and the table lacks.
    """
    return with_segment(scores, segments=segments, borders=borders)


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


def is_quiet(scores: ir.Table) -> ir.BooleanValue:
    """Good by what they did, and not seen for long: recency score 1 or 2, mean of frequency and spend score 4 or more."""
    return _is_good(scores) & (scores.r_score <= QUIET)


def _is_good(scores: ir.Table) -> ir.BooleanValue:
    return scores.f_score + scores.m_score >= GOOD * 2


def quiet_customers(scores: ir.Table) -> pd.DataFrame:
    """Count the good customers who have not been seen for long: recency score 1 or 2, mean of frequency and spend score 4 or more.

    customer_id | … r_score, f_score, m_score  →  one row: customers, good_customers, recency_days (median), revenue of the quiet

    Good customers are all with a mean of 4 or more; the rest of them were seen lately. [S40]
    """
    quiet = is_quiet(scores)
    return frame(
        scores.aggregate(
            customers=scores.count(where=quiet),
            good_customers=scores.count(where=_is_good(scores)),
            recency_days=to_float(scores.recency_days).quantile(0.5, where=quiet),
            revenue=scores.monetary_value.sum(where=quiet),
        )
    ).fillna({"revenue": 0.0})
