"""Who changed segment since last month, and whether the customers moved or the borders did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import false_discovery
from custkit.analysis.rfm import MEASURES, rfm, rfm_scores, rfm_segments, score_thresholds
from custkit.analysis.segment_maps import segment_borders
from custkit.engine import frame, to_float
from custkit.segments import TEN_SEGMENTS, Segment
from custkit.words import mark

ARRIVED, GONE = mark("New or back"), mark("No order in a year")


def migration(before: ir.Table, after: ir.Table, *, segments: Sequence[Segment] = TEN_SEGMENTS) -> pd.DataFrame:
    """Count the customers who went from one segment to another.

    two tables as `rfm` gives them, last month's and this month's  →
    segment_before, segment | customers, customer_share (of segment_before), moved_by_behaviour, moved_by_borders

    Scores, medians and means compare customers with each other, so a customer who did nothing new can change segment because others
    did. This month's customers are therefore placed a second time with last month's thresholds and borders: who would have changed
    segment anyway moved by behaviour, the other movers were passed by a border. Plain values have no such border. Customers who come
    into the window are "New or back", who fall out of it have "No order in a year": rows sum to last month's customers, columns to
    this month's. [S40]
    """
    scored_before = rfm_scores(before)
    thresholds, borders = score_thresholds(scored_before), segment_borders(scored_before, segments=segments)
    was = rfm_segments(scored_before, segments=segments).select("customer_id", segment_before="segment")
    as_before = scores_by_thresholds(after, thresholds=thresholds)
    held = rfm_segments(as_before, segments=segments, borders=borders).select("customer_id", held="segment")
    now = rfm_segments(rfm_scores(after), segments=segments).select("customer_id", "segment").join(held, "customer_id")
    both = was.outer_join(now, "customer_id").select("segment_before", "segment", "held")
    moved = (both.segment_before != both.segment).fill_null(False)
    behaved = (both.segment_before != both.held).fill_null(False)
    matrix = frame(
        both.mutate(segment_before=_.segment_before.fill_null(ARRIVED), segment=_.segment.fill_null(GONE), moved=moved, behaved=behaved)
        .group_by("segment_before", "segment")
        .aggregate(
            customers=_.count(),
            moved_by_behaviour=_.count(where=_.moved & _.behaved),
            moved_by_borders=_.count(where=_.moved & ~_.behaved),
        )
    )
    matrix.insert(3, "customer_share", matrix.customers / matrix.groupby("segment_before").customers.transform("sum"))
    return matrix.sort_values(["segment_before", "segment"], ignore_index=True)


def month_moves(
    now: ir.Table, purchases: ir.Table, *, since: datetime, segments: Sequence[Segment] = TEN_SEGMENTS, window_days: int = 365
) -> pd.DataFrame:
    """`migration` from the end of an earlier month, `since`, to now.

    a table as `rfm` gives it, purchases  →  as `migration`
    """
    return migration(rfm(purchases, as_of=since, window_days=window_days), now, segments=segments)


def scores_by_thresholds(rfm: ir.Table, *, thresholds: pd.DataFrame) -> ir.Table:
    """Score customers with the thresholds of another month.

    customer_id | measures  →  … + r_score, f_score, m_score; `thresholds` as `score_thresholds` gives them

    A value between two scores, which nobody had then, gets the lower one: the share who were no better is the same.
    """
    scored = {}
    for measure, score, more_is_better in MEASURES:
        known = thresholds[(thresholds.measure == measure) & (thresholds.customers > 0)].sort_values("score", ascending=False)
        value = to_float(rfm[measure])
        reached = [
            (value >= _f64(row.lowest) if more_is_better else value <= _f64(row.highest), int(row.score)) for row in known.itertuples()
        ]
        scored[score] = ibis.cases(*reached, else_=1).cast("int64") if reached else ibis.literal(1, "int64")
    return rfm.mutate(**scored)


def migration_summary(matrix: pd.DataFrame) -> pd.DataFrame:
    """Each segment's balance, the largest of last month first.

    migration  →  segment | customers_before, stayed, moved_by_behaviour, moved_by_borders, gone, moved_in, arrived, customers

    customers_before − moved_by_behaviour − moved_by_borders − gone = stayed; stayed + moved_in + arrived = customers.
    """
    there = matrix.segment_before != ARRIVED
    here = matrix.segment != GONE
    same = matrix.segment_before == matrix.segment
    before = matrix[there].groupby("segment_before")
    after = matrix[here].groupby("segment")
    summary = pd.DataFrame(
        {
            "customers_before": before.customers.sum(),
            "stayed": matrix[same].groupby("segment").customers.sum(),
            "moved_by_behaviour": matrix[there & here].groupby("segment_before").moved_by_behaviour.sum(),
            "moved_by_borders": matrix[there & here].groupby("segment_before").moved_by_borders.sum(),
            "gone": matrix[~here].groupby("segment_before").customers.sum(),
            "moved_in": matrix[there & here & ~same].groupby("segment").customers.sum(),
            "arrived": matrix[~there].groupby("segment").customers.sum(),
            "customers": after.customers.sum(),
        }
    )
    summary = summary.fillna(0).astype("int64").rename_axis("segment").reset_index()
    return summary.sort_values(["customers_before", "segment"], ascending=[False, True], ignore_index=True)


def size_changes(summary: pd.DataFrame) -> pd.DataFrame:
    """Which segments grew or shrank by more than chance, the largest change first.

    migration_summary  →  segment | customers_before, customers, difference, p_value, significant

    Whoever stayed says nothing: customers who came in are held against those who went out, as heads against tails of a fair
    coin, and the many comparisons are kept from finding something by being many. [McNemar 1947; Benjamini & Hochberg 1995]
    """
    came = summary.moved_in + summary.arrived
    went = summary.moved_by_behaviour + summary.moved_by_borders + summary.gone
    p_values = false_discovery([_fair(int(a), int(b)) for a, b in zip(came, went, strict=True)])
    changes = summary[["segment", "customers_before", "customers"]].assign(
        difference=(came - went).astype("int64"), p_value=pd.Series(p_values, index=summary.index, dtype="float64")
    )
    changes = changes.assign(significant=changes.p_value <= 0.05)
    by = changes.assign(size=-changes.difference.abs()).sort_values(["size", "segment"]).index
    return changes.loc[by].reset_index(drop=True)


def _fair(heads: int, tails: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(heads, heads + tails).pvalue) if heads + tails else 1.0


def _f64(value: float) -> ir.FloatingValue:
    return to_float(ibis.literal(float(value)))
