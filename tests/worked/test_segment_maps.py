"""Nine customers on every kind of map: scores, plain values, medians, means and top shares."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.migration import migration
from custkit.analysis.rfm import rfm_scores, rfm_segments
from custkit.analysis.segment_maps import map_summary, other_maps, planning_maps, segment_borders
from custkit.client import load_client
from custkit.segments import EIGHT_SEGMENTS, NAMED_MAPS, REST, TARGET_GROUPS, VALUE_FREQUENCY, VALUE_RISK, Segment, settled_map, whole_map

VALUES = pa.schema(
    {
        "customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4),
        "order_value": pa.float64(), "tenure_days": pa.int64(), "offer_share": pa.float64(), "saved_share": pa.float64(),
    }
)  # fmt: skip
# customer, days since the last order, orders, spend, days since the first order, share saved by offers
PEOPLE = [
    ("ann", 2, 9, 900, 300, 0.00), ("bob", 5, 6, 300, 200, 0.30), ("cai", 9, 1, 500, 9, 0.00),
    ("dee", 20, 2, 40, 60, 0.00), ("eve", 40, 2, 400, 90, 0.00), ("fay", 100, 5, 240, 365, 0.05),
    ("gus", 150, 1, 300, 150, 0.00), ("hal", 200, 4, 100, 360, 0.10), ("ida", 300, 1, 10, 300, 0.00),
]  # fmt: skip
DAYS = {"active_days": 90, "dormant_days": 180}


@pytest.fixture
def people(load_table):
    def put(given=PEOPLE):
        rows = [
            {
                "customer_id": name, "recency_days": days, "frequency": orders, "monetary_value": spend, "order_value": spend / orders,
                "tenure_days": tenure, "saved_share": saved, "offer_share": None,
            }
            for name, days, orders, spend, tenure, saved in given
        ]  # fmt: skip
        return load_table("values", rows, schema=VALUES)

    return put


@pytest.fixture
def places(rows):
    def get(segmented):
        at = segmented.columns.index("segment")
        return {row[0]: row[at] for row in rows(segmented, by="customer_id")}

    return get


def test_high_or_low_is_better_than_the_median_customer_or_not(people, places):
    # Medians: 40 days, 2 orders, 300 spent. dee and eve order as often as the median and are low; bob and gus spend it and are low.
    found = places(rfm_segments(rfm_scores(people()), segments=EIGHT_SEGMENTS))
    assert found == {
        "ann": "Key", "bob": "Ordinary", "cai": "Key, to develop", "dee": "Ordinary, to develop", "eve": "Key, to win back",
        "fay": "Ordinary, to keep", "gus": "Ordinary, to win back", "hal": "Ordinary, to keep", "ida": "Ordinary, to win back",
    }  # fmt: skip


def test_the_borders_of_a_map_are_told_with_the_mean_beside_the_median(people):
    found = segment_borders(rfm_scores(people()), segments=EIGHT_SEGMENTS)
    expected = pd.DataFrame(
        {
            "measure": ["recency_days", "recency_days", "orders", "orders", "spend", "spend"],
            "border": ["mean", "median"] * 3,
            "value": [826 / 9, 40.0, 31 / 9, 2.0, 2790 / 9, 300.0],
            "customers": [5, 4, 4, 4, 3, 3],  # days below the border, orders and spend above it
        }
    )
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert segment_borders(rfm_scores(people()), segments=(Segment(name="Big", m="5"),)).empty


def test_value_and_frequency_tell_large_tickets_from_many(people, places):
    # Median order value 50, bob's: he orders often, but neither small nor for more than the median spend. hal and ida sleep.
    found = places(rfm_segments(rfm_scores(people()), segments=settled_map(VALUE_FREQUENCY, DAYS)))
    assert found == {
        "ann": "High value, high frequency", "bob": "Low value, low frequency", "cai": "High value, high potential",
        "dee": "Low value, low frequency", "eve": "High value, high potential", "fay": "High frequency, low ticket",
        "gus": "Low value, low frequency", "hal": "Dormant buyers", "ida": "Dormant buyers",
    }  # fmt: skip


def test_campaigns_are_planned_for_those_who_slip_save_stay_and_begin(people, places):
    scores = rfm_scores(people())
    found = places(rfm_segments(scores, segments=settled_map(TARGET_GROUPS, DAYS)))
    assert found == {
        "ann": "High-value loyal", "bob": "Price-sensitive", "cai": "Potential new", "dee": "Potential new", "eve": "Potential new",
        "fay": "Churn risk", "gus": "Churn risk", "hal": "Churn risk", "ida": "Everyone else",
    }  # fmt: skip
    assert places(rfm_segments(scores, segments=settled_map(VALUE_RISK, DAYS)))["ann"] == "High value"


def test_plain_values_are_compared_to_the_cent_and_the_day(people, places):
    rows = whole_map(
        (
            Segment(name="Exactly two", orders="2"),
            Segment(name="Sleeping", recency_days="> 150"),
            Segment(name="Middle", spend="240-300", order_value="<= 300"),
            Segment(name="Ticket", order_value=">= 100"),
        )
    )
    found = places(rfm_segments(rfm_scores(people()), segments=rows))
    assert found == {
        "ann": "Ticket", "bob": "Middle", "cai": "Ticket", "dee": "Exactly two", "eve": "Exactly two", "fay": "Middle", "gus": "Middle",
        "hal": "Sleeping", "ida": "Sleeping",
    }  # fmt: skip


def test_a_top_share_takes_in_who_ties_with_its_last(people, places):
    # 45 % of nine is a little over four: ann, cai, eve and one of bob and gus, who spent the same.
    top = (Segment(name="Top", spend="top 45%"), Segment(name="Rest"))
    found = places(rfm_segments(rfm_scores(people()), segments=top))
    assert {name for name, segment in found.items() if segment == "Top"} == {"ann", "bob", "cai", "eve", "gus"}
    borders = segment_borders(rfm_scores(people()), segments=top)
    assert borders.to_dict("records") == [{"measure": "spend", "border": "top 45%", "value": 300.0, "customers": 5}]


def test_who_equals_the_mean_is_not_over_it(people, places):
    everyone = [(f"c{i}", 10, 3, 0.1, 20, 0.0) for i in range(7)]
    over = (Segment(name="Over", spend="> mean"), Segment(name="At", spend=">= mean"), Segment(name="Rest"))
    assert set(places(rfm_segments(rfm_scores(people(everyone)), segments=over)).values()) == {"At"}


def test_what_is_not_known_fits_no_condition(people, places):
    rows = (Segment(name="Seldom", offer_share="< 50%"), Segment(name="Below", offer_share="<= median"), Segment(name="Rest"))
    scores = rfm_scores(people())
    assert set(places(rfm_segments(scores, segments=rows)).values()) == {"Rest"}
    borders = segment_borders(scores, segments=rows)
    assert borders.value.isna().all() and borders.customers.tolist() == [0, 0]
    assert set(places(rfm_segments(scores, segments=rows, borders=borders)).values()) == {"Rest"}


def test_a_rule_on_what_the_table_lacks_is_refused(people):
    bare = people().select("customer_id", "recency_days", "frequency", "monetary_value")
    with pytest.raises(ValueError, match=r"segment `New` asks for tenure_days; missing columns \['tenure_days'\]"):
        rfm_segments(rfm_scores(bare), segments=(Segment(name="New", tenure_days="< 30"),))


def test_a_map_is_told_whole_with_the_rows_that_nobody_is_on(people):
    rows = (
        Segment(name="Far", recency_days="> 900"),
        Segment(name="Two", orders="2"),
        Segment(name="Two", orders="1"),
        Segment(name="Rest"),
    )
    found = map_summary(people(), segments=rows)
    expected = pd.DataFrame(
        {
            "segment": ["Far", "Two", "Rest"],
            "customers": [0, 5, 4],
            "customer_share": [0.0, 5 / 9, 4 / 9],
            "revenue": [0.0, 1250.0, 1540.0],
            "revenue_share": [0.0, 1250 / 2790, 1540 / 2790],
        }
    )
    pd.testing.assert_frame_equal(found.sizes, expected)


def test_a_map_without_rows_says_that_everybody_needs_attention(people, places):
    assert set(places(rfm_segments(rfm_scores(people()), segments=())).values()) == {REST}
    assert map_summary(people(), segments=()).sizes.customers.tolist() == [9]


def test_nobody_bought_and_every_map_stands_with_zeros(people):
    for name, rows in NAMED_MAPS.items():
        found = map_summary(rfm_scores(people([])), segments=settled_map(rows, DAYS), name=name)
        assert found.sizes.customers.tolist() == [0] * len(rows)
        assert found.sizes.revenue_share.isna().all()


def test_the_other_maps_are_those_that_the_client_did_not_choose(people, tmp_path):
    path = tmp_path / "client.yml"
    path.write_text(
        "name: A\ncurrency: EUR\nsegments: eight\n"
        "sources: [{table: order_lines, files: s.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]\n"
    )
    client = load_client("acme", path=path)
    scores = rfm_scores(people())
    assert [summary.name for summary in other_maps(scores, client=client)] == ["ten", "value_frequency"]
    assert [summary.name for summary in planning_maps(scores, client=client)] == ["target_groups", "value_risk"]


def test_a_median_that_moves_takes_customers_along_and_a_plain_value_does_not(people):
    # Five more who spend much: bob and gus did nothing and fall below the median that they stood at; eve was above and is not.
    before = people()
    after = people([*PEOPLE, *((f"new{i}", 3, 9, 1000, 3, 0.0) for i in range(5))])
    by_median = (Segment(name="High", spend="> median"), Segment(name="Low"))
    moves = migration(before, after, segments=by_median).set_index(["segment_before", "segment"])
    assert moves.customers["High", "Low"] == moves.moved_by_borders["High", "Low"] == 1  # eve's 400; the median is now 450
    assert moves.moved_by_behaviour["High", "Low"] == 0
    by_value = (Segment(name="High", spend="> 300"), Segment(name="Low"))
    assert ("High", "Low") not in migration(before, after, segments=by_value).set_index(["segment_before", "segment"]).index
