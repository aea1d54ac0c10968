"""Three kinds of customer, far apart: K-Means has to find them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from custkit.analysis.kmeans import (
    adjusted_rand,
    customer_groups,
    fit_groups,
    fitted_in,
    group_profile,
    group_stability,
    segment_agreement,
    standing_groups,
)  # fmt: skip
from custkit.analysis.rfm import rfm
from custkit.period import Period

VALUES = pa.schema(
    {"customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4)}
)
SEGMENTED = pa.schema([*VALUES, pa.field("segment", pa.string())])
KINDS = (("big", 3, 40, 9000), ("middle", 40, 8, 600), ("small", 300, 1, 15))


def people(each=20):
    return [
        {"customer_id": f"{kind}-{i:02}", "recency_days": days + i % 3, "frequency": orders + i % 2, "monetary_value": spend + i}
        for kind, days, orders, spend in KINDS
        for i in range(each)
    ]


@pytest.fixture
def values(load_table):
    return load_table("values", people(), schema=VALUES)


def test_three_kinds_of_customer_are_three_groups_the_most_valuable_first(values, rows):
    grouping = fit_groups(values)
    assert grouping.k == 3
    assert grouping.choice.k.tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert grouping.choice.k[grouping.choice.chosen].tolist() == [3]
    found = {(row[0].split("-")[0], row[-1]) for row in rows(customer_groups(values, grouping=grouping), by="customer_id")}
    assert found == {("big", "Group 1"), ("middle", "Group 2"), ("small", "Group 3")}


def test_groups_that_are_far_apart_hold_over_starts_and_months(values, load_table):
    grouping = fit_groups(values)
    assert grouping.agreement == 1.0
    month_before = fit_groups(load_table("values", people(each=15), schema=VALUES))
    assert group_stability(values, now=grouping, before=month_before) == 1.0


def test_the_profile_adds_up(values):
    profile = group_profile(customer_groups(values, grouping=fit_groups(values)))
    assert profile.group.tolist() == ["Group 1", "Group 2", "Group 3"]
    assert profile.customers.tolist() == [20, 20, 20]
    assert profile.revenue.sum() == sum(person["monetary_value"] for person in people())
    assert profile.revenue_share.sum() == pytest.approx(1)


def test_few_or_equal_customers_are_one_group_and_nothing_is_claimed(load_table, rows):
    for given in ([], people(each=1), [{**people()[0], "customer_id": f"twin-{i}"} for i in range(40)]):
        values = load_table("values", given, schema=VALUES)
        grouping = fit_groups(values)
        assert grouping.k == 1
        assert math.isnan(grouping.agreement)
        assert grouping.choice.empty
        assert {row[-1] for row in rows(customer_groups(values, grouping=grouping), by="customer_id")} <= {"Group 1"}
        assert math.isnan(group_stability(values, now=grouping, before=grouping))


def test_groups_that_are_the_segments_agree_with_them(load_table):
    given = [{**person, "segment": person["customer_id"].split("-")[0]} for person in people()]
    segmented = load_table("segmented", given, schema=SEGMENTED)
    grouping = fit_groups(segmented.drop("segment"))
    assert segment_agreement(customer_groups(segmented, grouping=grouping)) == 1.0
    alone = load_table("alone", [{**person, "segment": "all"} for person in given], schema=SEGMENTED)
    assert math.isnan(segment_agreement(customer_groups(alone, grouping=grouping)))


def test_the_groups_of_a_quarter_are_those_of_its_eve():
    assert [str(fitted_in(Period(2026, month))) for month in (1, 3, 10, 11, 12)] == [
        "2025-12", "2025-12", "2026-09", "2026-09", "2026-09",
    ]  # fmt: skip


def orders(each=20, *, until="2026-09-01"):
    """Three kinds of buyers: forty orders of 200, eight of 70, one of 15, the last of each kind at another time."""
    end = datetime.fromisoformat(until)
    rows = []
    for kind, n, worth, quiet in (("big", 40, 200, 3), ("middle", 8, 70, 30), ("small", 1, 15, 200)):
        rows += [
            {
                "order_id": f"{kind}{i}-{k}",
                "customer_id": f"{kind}-{i:02}",
                "revenue": worth + i,
                "ordered_at": end - timedelta(days=quiet + k),
            }
            for i in range(each)
            for k in range(n)
        ]
    return rows


def test_this_month_is_put_into_the_groups_that_stand(load_table, rows):
    # A customer who came in October changes no centre: the groups are September's, and a fit of October agrees.
    late = [{"order_id": "new", "customer_id": "new", "revenue": 9000, "ordered_at": datetime(2026, 10, 30)}]
    purchases = load_table("orders", [*orders(), *late])
    now = rfm(purchases, as_of=datetime(2026, 11, 1))
    grouping = standing_groups(now, purchases, period=Period(2026, 10))
    before = fit_groups(rfm(purchases, as_of=datetime(2026, 10, 1)))
    np.testing.assert_array_equal(grouping.centres, before.centres)
    assert grouping.customers == 60 and grouping.k == 3
    assert grouping.stability > 0.9
    assert len(rows(customer_groups(now, grouping=grouping), by="customer_id")) == 61


def test_where_the_eve_had_few_customers_this_month_stands_for_itself(load_table):
    late = [
        {"order_id": f"late{i}", "customer_id": f"late{i}", "revenue": 15 + i % 7, "ordered_at": datetime(2026, 10, 1 + i % 30)}
        for i in range(90)
    ]
    purchases = load_table("orders", [*orders(), *late])
    grouping = standing_groups(rfm(purchases, as_of=datetime(2026, 11, 1)), purchases, period=Period(2026, 10))
    assert grouping.customers == 150  # sixty of them in September: less than half
    assert math.isnan(grouping.stability) and not math.isnan(grouping.agreement)


def test_returns_that_exceed_purchases_do_not_break_the_logs(load_table):
    given = [*people(), {"customer_id": "returner", "recency_days": 5, "frequency": 1, "monetary_value": -20}]
    assert fit_groups(load_table("values", given, schema=VALUES)).customers == 61


@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 4, 200), random.integers(0, 3, 200)
    assert adjusted_rand(pd.crosstab(a, b).to_numpy()) == pytest.approx(adjusted_rand_score(a, b))
    assert adjusted_rand(pd.crosstab(a, a).to_numpy()) == 1.0
