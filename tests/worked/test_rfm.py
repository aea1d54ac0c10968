"""Eight customers whose scores can be worked out by hand."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.rfm import quiet_customers, rfm, rfm_scores, rfm_segments, score_thresholds, segment_summary
from custkit.segments import REST, TEN_SEGMENTS, Segment

AS_OF = datetime(2026, 11, 1)
VALUES = pa.schema(
    {"customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4)}
)
SCORES = pa.schema([*VALUES, *(pa.field(name, pa.int64()) for name in ("r_score", "f_score", "m_score"))])

RFM = (
    "customer_id", "recency_days", "frequency", "monetary_value", "order_value", "margin", "tenure_days", "cycle_days", "offer_share",
    "saved_share",
)  # fmt: skip
ORDERS = [
    {"order_id": "o1", "customer_id": "ann", "ordered_at": "2026-10-31 23:59", "revenue": 10},
    {"order_id": "o2", "customer_id": "ann", "ordered_at": "2026-10-01 08:00", "revenue": 20.5},
    {"order_id": "o3", "customer_id": "bob", "ordered_at": "2026-01-01 00:00", "revenue": 7},
    {"order_id": "o4", "customer_id": "cai", "ordered_at": "2025-11-01 00:00", "revenue": 5},
    {"order_id": "o5", "customer_id": "dee", "ordered_at": "2025-10-31 23:59", "revenue": 900},
    {"order_id": "o6", "customer_id": None, "ordered_at": "2026-10-02 12:00", "revenue": 50},
    {"order_id": "o7", "customer_id": "eve", "ordered_at": "2026-11-01 00:00", "revenue": 50},
]


def values(load_table, given):
    rows = [dict(zip(VALUES.names, row, strict=True)) for row in given]
    return load_table("values", rows, schema=VALUES)


def scored(load_table, given):
    rows = [dict(zip(SCORES.names, row, strict=True)) for row in given]
    return load_table("scores", rows, schema=SCORES)


def test_the_window_is_the_365_days_before_as_of_and_guests_are_left_out(load_table, rows):
    folded = rfm(load_table("orders", ORDERS), as_of=AS_OF)
    found = [row[:4] for row in rows(folded, by="customer_id")]
    assert found == [("ann", 1, 2, 30.5), ("bob", 304, 1, 7.0), ("cai", 365, 1, 5.0)]


def test_what_rules_ask_beside_rfm_is_folded_too(load_table, rows):
    given = [
        {"order_id": "o1", "customer_id": "ann", "ordered_at": "2025-01-01 08:00", "revenue": 500},  # before the window: tenure alone
        {"order_id": "o2", "customer_id": "ann", "ordered_at": "2026-08-01 08:00", "revenue": 10, "cost_amount": 4, "gross_amount": 10},
        {"order_id": "o3", "customer_id": "ann", "ordered_at": "2026-08-01 18:00", "revenue": 20, "gross_amount": 30, "coupon_amount": 10},
        {"order_id": "o4", "customer_id": "ann", "ordered_at": "2026-08-21 08:00", "revenue": 30, "cost_amount": 35, "gross_amount": 40,
         "discount_amount": 10},
        {"order_id": "o5", "customer_id": "ann", "ordered_at": "2026-10-30 08:00", "revenue": 20, "gross_amount": 20},
        {"order_id": "o6", "customer_id": "bob", "ordered_at": "2026-10-31 08:00", "revenue": 7, "gross_amount": 7},
    ]  # fmt: skip
    folded = rfm(load_table("orders", given), as_of=AS_OF)
    asked = folded.select("customer_id", "order_value", "margin", "tenure_days", "cycle_days", "offer_share", "saved_share")
    assert rows(asked, by="customer_id") == [
        ("ann", 20.0, 1.0, 669, 45.0, 0.5, 0.2),  # 1 and 21 August, 30 October: waits of 20 and 70 days; 20 of 100 saved
        ("bob", 7.0, None, 1, None, 0.0, 0.0),
    ]


def test_where_nobody_met_an_offer_the_data_tell_none(load_table, rows):
    folded = rfm(load_table("orders", [{**order, "gross_amount": 50} for order in ORDERS]), as_of=AS_OF)
    assert {row[1:] for row in rows(folded.select("customer_id", "offer_share", "saved_share"), by="customer_id")} == {(None, None)}


def test_nobody_bought_gives_no_rows_and_the_same_columns(load_table, rows):
    folded = rfm(load_table("orders", []), as_of=AS_OF)
    segmented = rfm_segments(rfm_scores(folded))
    assert rows(segmented, by="customer_id") == []
    assert segmented.columns == (*RFM, "r_score", "f_score", "m_score", "segment")
    summary = segment_summary(segmented)
    assert list(summary.columns) == [
        "segment", "customers", "customer_share", "revenue", "revenue_share", "recency_days", "frequency", "monetary_value",
    ]  # fmt: skip
    assert summary.empty


def test_five_different_customers_get_the_scores_one_to_five(load_table, rows):
    scores = rfm_scores(values(load_table, [(c, day, day, day) for c, day in zip("abcde", (10, 20, 30, 40, 50), strict=True)]))
    found = [row[0:1] + row[4:] for row in rows(scores, by="customer_id")]
    assert found == [("a", 5, 1, 1), ("b", 4, 2, 2), ("c", 3, 3, 3), ("d", 2, 4, 4), ("e", 1, 5, 5)]


def test_customers_who_tie_share_the_score_of_the_best_of_them(load_table, rows):
    # Seven of ten bought once: they are no better than 70 % of all, in fifths 3.5, rounded up 4. Nobody can have 1 to 3.
    scores = rfm_scores(values(load_table, [(f"c{i}", 5, frequency, 1) for i, frequency in enumerate([1] * 7 + [2, 3, 4])]))
    assert [row[5] for row in rows(scores, by="customer_id")] == [4] * 7 + [4, 5, 5]


def test_one_customer_alone_is_the_best_there_is(load_table, rows):
    assert rows(rfm_scores(values(load_table, [("a", 300, 1, 2)])), by="customer_id") == [("a", 300, 1, 2.0, 5, 5, 5)]


def test_customers_who_are_all_equal_have_equal_scores(load_table, rows):
    scores = rfm_scores(values(load_table, [(c, 8, 2, 30) for c in "abcd"]))
    assert {row[4:] for row in rows(scores, by="customer_id")} == {(5, 5, 5)}


def test_three_fifths_of_five_is_three_and_not_four(load_table, rows):
    # 5 × 0.6 in binary fractions is a hair above 3 on some machines; whole numbers know better.
    scores = rfm_scores(values(load_table, [(f"c{i:02}", 5, i, 1) for i in range(1, 26)]))
    assert [row[5] for row in rows(scores, by="customer_id")] == [1] * 5 + [2] * 5 + [3] * 5 + [4] * 5 + [5] * 5


def test_thresholds_show_the_values_behind_each_score_and_the_scores_that_nobody_has(load_table):
    scores = rfm_scores(values(load_table, [(f"c{i}", 5, frequency, 1) for i, frequency in enumerate([1] * 7 + [2, 3, 4])]))
    found = score_thresholds(scores)
    expected = pd.DataFrame(
        {
            "measure": ["frequency"] * 5,
            "score": [5, 4, 3, 2, 1],
            "lowest": [3.0, 1.0, None, None, None],
            "highest": [4.0, 2.0, None, None, None],
            "customers": [2, 8, 0, 0, 0],
        }
    )
    pd.testing.assert_frame_equal(found[found.measure == "frequency"].reset_index(drop=True), expected, check_dtype=False)
    assert found.customers.sum() == 30


def test_the_first_row_of_the_map_that_fits_wins(load_table, rows):
    given = [
        ("a", 1, 1, 1, 5, 4, 4), ("b", 1, 1, 1, 1, 5, 4), ("c", 1, 1, 1, 1, 4, 4), ("d", 1, 1, 1, 3, 4, 3), ("e", 1, 1, 1, 5, 1, 2),
        ("f", 1, 1, 1, 4, 1, 1), ("g", 1, 1, 1, 4, 3, 2), ("h", 1, 1, 1, 3, 2, 3), ("i", 1, 1, 1, 3, 2, 2), ("j", 1, 1, 1, 2, 2, 3),
    ]  # fmt: skip
    segmented = rfm_segments(scored(load_table, given))
    assert [row[-1] for row in rows(segmented, by="customer_id")] == [
        "Champions", "Cannot lose", "At risk", "Loyal", "New", "Promising", "Potential loyal", "Need attention", "About to sleep",
        "Hibernating",
    ]  # fmt: skip


def test_a_client_writes_its_own_map_and_who_fits_nothing_needs_attention(load_table, rows):
    own = (Segment(name="Big, rare", f="1-2", m="4-5"), Segment(name="Fresh", r="5"))
    segmented = rfm_segments(scored(load_table, [("a", 1, 1, 1, 5, 2, 4), ("b", 1, 1, 1, 5, 3, 4), ("c", 1, 1, 1, 4, 3, 4)]), segments=own)
    assert [row[-1] for row in rows(segmented, by="customer_id")] == ["Big, rare", "Fresh", REST]


def test_the_ten_segments_leave_no_customer_out():
    halves = [step / 2 for step in range(2, 11)]
    for r in range(1, 6):
        for fm in halves:
            fits = [s.name for s in TEN_SEGMENTS if _within(r, s.bounds("r")) and _within(fm, s.bounds("fm"))]
            assert fits, f"recency {r} with a mean of {fm} fits no segment"


def _within(value, bounds):
    return bounds is None or bounds[0] <= value <= bounds[1]


def test_segment_sizes_and_revenue_add_up_to_the_whole(load_table):
    scores = [("a", 1, 9, 60, 5, 5, 5), ("b", 3, 7, 20, 5, 4, 4), ("c", 50, 1, 20, 1, 1, 1)]
    expected = pd.DataFrame(
        {
            "segment": ["Champions", "Hibernating"],
            "customers": [2, 1],
            "customer_share": [2 / 3, 1 / 3],
            "revenue": [80.0, 20.0],
            "revenue_share": [0.8, 0.2],
            "recency_days": [2.0, 50.0],
            "frequency": [8.0, 1.0],
            "monetary_value": [40.0, 20.0],
        }
    )
    pd.testing.assert_frame_equal(segment_summary(rfm_segments(scored(load_table, scores))), expected)


def test_revenue_that_is_not_above_zero_has_no_shares(load_table):
    summary = segment_summary(rfm_segments(scored(load_table, [("a", 1, 1, 0, 5, 5, 5)])))
    assert summary.revenue_share.isna().all()
    assert summary.customers.tolist() == [1]


def test_good_customers_not_seen_for_long_are_counted(load_table):
    scores = [("a", 40, 9, 60, 2, 4, 4), ("b", 60, 9, 10, 1, 5, 3), ("c", 1, 9, 90, 5, 5, 5), ("d", 90, 1, 1, 1, 4, 3)]
    expected = pd.DataFrame({"customers": [2], "good_customers": [3], "recency_days": [50.0], "revenue": [70.0]})
    pd.testing.assert_frame_equal(quiet_customers(scored(load_table, scores)), expected)


def test_a_window_or_a_score_that_makes_no_sense_is_refused(load_table):
    orders = load_table("orders", [])
    with pytest.raises(ValueError, match="window_days is 0"):
        rfm(orders, as_of=AS_OF, window_days=0)
    with pytest.raises(ValueError, match="n_bins is 1"):
        rfm_scores(rfm(orders, as_of=AS_OF), n_bins=1)
