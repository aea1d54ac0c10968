"""What must hold for any customers: row order says nothing, equals are equal, more is never worse, nothing is lost."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custkit.analysis.concentration import concentration, deciles, lorenz
from custkit.analysis.migration import ARRIVED, GONE, migration, migration_summary
from custkit.analysis.rfm import rfm_scores, rfm_segments, score_thresholds, segment_summary
from custkit.engine import connect, fetch, load

VALUES = pa.schema(
    {"customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4)}
)
# Few different values, so that ties are the rule.
customer = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(0, 8).map(lambda cents: Decimal(cents) / 4))
shops = st.lists(customer, max_size=25)


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def put(duck, people, name="people"):
    columns = list(zip(*people, strict=True)) if people else [(), (), (), ()]
    return load(duck, name, pa.table([pa.array(column, field.type) for column, field in zip(columns, VALUES, strict=True)], VALUES))


def named(shop):
    return [(f"c{i:03}", *person) for i, person in enumerate(shop)]


@given(shop=shops, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(duck, shop, order):
    people = named(shop)
    shuffled = list(people)
    order.shuffle(shuffled)
    for answer in (concentration, deciles, lorenz):
        pd.testing.assert_frame_equal(answer(put(duck, people)), answer(put(duck, shuffled)), rtol=1e-12)
    one, other = (fetch(rfm_scores(put(duck, rows))).sort_by("customer_id") for rows in (people, shuffled))
    assert one.equals(other)


@given(shop=shops)
def test_scores_are_those_of_pandas(duck, shop):
    scores = fetch(rfm_scores(put(duck, named(shop)))).to_pandas().sort_values("customer_id")
    for measure, score, sign in (("recency_days", "r_score", -1), ("frequency", "f_score", 1), ("monetary_value", "m_score", 1)):
        at_or_below = (scores[measure].astype(float) * sign).rank(method="max").astype("int64")
        assert scores[score].tolist() == [-(-5 * k // len(scores)) for k in at_or_below]


@given(shop=shops)
def test_equal_customers_are_equal_and_more_is_never_worse(duck, shop):
    scores = fetch(rfm_scores(put(duck, named(shop)))).to_pandas()
    for measure, score, sign in (("recency_days", "r_score", -1), ("frequency", "f_score", 1), ("monetary_value", "m_score", 1)):
        scores_of_equals = scores.groupby(measure)[score]
        assert (scores_of_equals.min() == scores_of_equals.max()).all()
        by_value = scores.assign(value=scores[measure].astype(float) * sign).sort_values("value")
        assert by_value[score].is_monotonic_increasing
        assert scores[score].between(1, 5).all()


@given(shop=shops)
def test_segments_thresholds_and_tenths_lose_no_customer_and_no_cent(duck, shop):
    values = put(duck, named(shop))
    scores = rfm_scores(values)
    summary, tenths, thresholds = segment_summary(rfm_segments(scores)), deciles(values), score_thresholds(scores)
    total = float(sum(person[2] for person in shop))
    assert summary.customers.sum() == tenths.customers.sum() == len(shop)
    assert summary.revenue.sum() == pytest.approx(total)
    assert tenths.revenue.sum() == pytest.approx(total)
    assert thresholds.groupby("measure").customers.sum().tolist() == [len(shop)] * 3


@given(shop=shops.filter(lambda shop: sum(person[2] for person in shop) > 0))
def test_inequality_lies_between_none_and_all(duck, shop):
    row = concentration(put(duck, named(shop))).iloc[0]
    spend = sorted(float(person[2]) for person in shop)
    pairs = sum(abs(a - b) for a in spend for b in spend) / (2 * len(spend) ** 2 * (sum(spend) / len(spend)))
    assert row.gini == pytest.approx(pairs, abs=1e-9)
    best = sorted(spend, reverse=True)
    needed = next(n for n in range(1, len(best) + 1) if sum(best[:n]) >= 0.8 * sum(best) - 1e-9)
    assert row.customers_to_80 == needed
    assert row.top_10_share <= row.top_20_share <= row.top_30_share <= 1 + 1e-12


@given(before=shops, after=shops)
def test_whoever_was_there_last_month_is_somewhere_this_month(duck, before, after):
    matrix = migration(put(duck, named(before), "before"), put(duck, named(after), "after"))
    assert matrix[matrix.segment_before != ARRIVED].customers.sum() == len(before)
    assert matrix[matrix.segment != GONE].customers.sum() == len(after)
    movers = matrix[(matrix.segment_before != matrix.segment) & (matrix.segment_before != ARRIVED) & (matrix.segment != GONE)]
    assert (movers.moved_by_behaviour + movers.moved_by_borders == movers.customers).all()
    summary = migration_summary(matrix)
    assert (summary.stayed + summary.moved_in + summary.arrived == summary.customers).all()
