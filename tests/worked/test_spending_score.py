"""A score whose every part can be worked out by hand, and what it says when a part is not known."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.spending_score import (
    HIGH,
    LOW,
    MIDDLE,
    NOT_COMPARED,
    PARTS,
    band_places,
    behaviour,
    engagement,
    full_price,
    means,
    paying,
    score_coverage,
    score_parts,
    spending_parts,
    spending_scores,
)
from custkit.client import Payments, Spending, Weights
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)
BEHAVIOUR = pa.schema({"customer_id": pa.string(), "monetary_value": pa.decimal128(38, 4), "frequency": pa.int64()})


def people(load_table, given):
    return load_table("behaviour", [dict(zip(BEHAVIOUR.names, row, strict=True)) for row in given], schema=BEHAVIOUR)


def more(load_table, name, given):
    schema = pa.schema({"customer_id": pa.string(), name: pa.float64()})
    return load_table(name, [{"customer_id": c, name: value} for c, value in given.items()], schema=schema)


def told(scores, *columns):
    found = fetch(scores.select("customer_id", *columns)).sort_by("customer_id").to_pylist()
    return {row.pop("customer_id"): tuple(row.values()) if len(columns) > 1 else row[columns[0]] for row in found}


def test_income_bands_are_put_in_order_by_the_numbers_in_their_names(load_table):
    bands = ["50-74K", "Under 15K", "250K+", "15-24K", "100-124K", "15-24K", "unknown"]
    found = band_places(load_table("customers", [{"customer_id": f"c{i}", "income_band": band} for i, band in enumerate(bands)]))
    expected = pd.DataFrame(
        {
            "income_band": ["Under 15K", "15-24K", "50-74K", "100-124K", "250K+", "unknown"],
            "customers": [1, 2, 1, 1, 1, 1],
            "place": pd.array([1, 2, 3, 4, 5, None], "Int64"),
        }
    )
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    "in_order",
    [
        ["under $25,000", "$25,000 to $49,999", "$50,000 to $99,999", "$100,000 or more"],
        ["bis 1.500 €", "1.500 - 2.999 €", "3.000 - 4.999 €", "ab 5.000 €"],
        ["5千以下", "5千-1万", "1-2万", "2万以上"],
        ["0.9K", "1.2K", "1,500", "2m"],
        ["<10k", "10k-20k", "20k", "20k+"],
    ],
)
def test_bands_are_read_as_people_write_them(load_table, in_order):
    mixed = [in_order[i] for i in (2, 0, 3, 1)]
    found = band_places(load_table("customers", [{"customer_id": f"c{i}", "income_band": band} for i, band in enumerate(mixed)]))
    assert found.income_band.tolist() == in_order and found.place.tolist() == [1, 2, 3, 4]


def test_two_names_of_one_band_share_a_place(load_table):
    customers = [{"customer_id": c, "income_band": band} for c, band in zip("abc", ("10-20k", "10k to 20k", "20-30k"), strict=True)]
    assert band_places(load_table("customers", customers)).place.tolist() == [1, 1, 2]


def test_the_clients_own_order_goes_before_numbers(load_table):
    customers = [{"customer_id": c, "income_band": band} for c, band in zip("abc", ("comfortable", "tight", "level 1"), strict=True)]
    found = band_places(load_table("customers", customers), order=("tight", "enough", "comfortable"))
    assert dict(zip(found.income_band, found.place, strict=True)) == {"tight": 1, "comfortable": 2, "level 1": pd.NA}


def test_a_column_of_too_many_values_is_no_list_of_bands(load_table):
    customers = [{"customer_id": f"c{i}", "income_band": str(20_000 + i)} for i in range(101)]
    assert band_places(load_table("customers", customers)).place.isna().all()
    assert band_places(load_table("customers", customers[:100])).place.tolist() == list(range(1, 101))


def test_means_are_what_the_client_put_in_order_and_money_paid_in_ahead(load_table, rows):
    customers = load_table(
        "customers",
        [
            {"customer_id": "ann", "income_band": "20-30k", "occupation": "nurse", "prepaid_amount": 50},
            {"customer_id": "bob", "income_band": "not said", "occupation": "student"},
            {"customer_id": "cai", "income_band": "under 20k", "occupation": "sailor"},
        ],
    )
    found = means(customers, bands=band_places(customers), occupations=("student", "nurse"))
    assert rows(found, by="customer_id") == [("ann", 2.0, 2.0, 50.0), ("bob", None, 1.0, 0.0), ("cai", 1.0, None, 0.0)]
    assert rows(means(customers), by="customer_id") == [("ann", None, None, 50.0), ("bob", None, None, 0.0), ("cai", None, None, 0.0)]


def line(order, customer, at, product, amount, *, kind="sale", is_product=True):
    revenue = amount if kind == "sale" else 0
    return {
        "order_id": order, "customer_id": customer, "ordered_at": at, "product_id": product, "amount": amount, "revenue": revenue,
        "kind": kind, "is_product": is_product,
    }  # fmt: skip


LINES = [
    line("o1", "ann", "2026-10-01", "p1", 10),
    line("o1", "ann", "2026-10-01", "p2", 20),
    line("o2", "ann", "2026-10-31 23:59", "p3", 5),
    line("o3", "ann", "2026-09-05", "p9", 1),
    line("o4", "ann", "2025-10-31", "p1", 99),
    line("r1", "ann", "2026-10-09", "p2", -20, kind="return"),
    line("o5", "bob", "2026-10-09", "p1", 8, is_product=False),
    line("r2", "cai", "2026-10-09", "p2", -4, kind="return"),
    line("o6", None, "2026-10-09", "p2", 4),
]
PRODUCTS = [{"product_id": "p1", "category": "tea"}, {"product_id": "p2", "category": "tea"}, {"product_id": "p3", "category": "cups"}]


def test_behaviour_counts_what_customers_kept_in_the_last_365_days(load_table, rows):
    found = behaviour(load_table("order_lines", LINES), load_table("products", PRODUCTS), as_of=AS_OF)
    # ann: 36 less 20 that went back; three orders in two months; tea, cups, and p9, which nobody put into a category.
    assert rows(found, by="customer_id") == [("ann", 16.0, 3, 2, 3), ("bob", 8.0, 1, 1, None)]


def test_a_return_counts_once_whichever_way_the_client_counts_revenue(load_table, rows):
    subtracted = [sold | {"revenue": sold["amount"]} for sold in LINES]
    found = behaviour(load_table("order_lines", subtracted), load_table("products", PRODUCTS), as_of=AS_OF)
    assert rows(found, by="customer_id") == [("ann", 16.0, 3, 2, 3), ("bob", 8.0, 1, 1, None)]


def test_engagement_is_known_of_those_who_were_seen_or_said_something(load_table, rows):
    events = [
        {"event_id": "e1", "customer_id": "ann", "occurred_at": "2026-10-01", "event_type": "favourite"},
        {"event_id": "e2", "customer_id": "ann", "occurred_at": "2026-10-02", "event_type": "share"},
        {"event_id": "e3", "customer_id": "ann", "occurred_at": "2026-10-02", "event_type": "share"},
        {"event_id": "e4", "customer_id": "bob", "occurred_at": "2026-10-02", "event_type": "visit"},
        {"event_id": "e5", "customer_id": None, "occurred_at": "2026-10-02", "event_type": "question"},
        {"event_id": "e6", "customer_id": "dee", "occurred_at": "2025-10-31", "event_type": "question"},
    ]
    surveys = [
        {"response_id": "s1", "customer_id": "ann", "answered_at": "2026-10-05", "score": 10},
        {"response_id": "s2", "customer_id": "ann", "answered_at": "2026-10-06", "score": 7},
        {"response_id": "s3", "customer_id": "cai", "answered_at": "2026-10-06", "score": None},
    ]
    found = engagement(load_table("events", events), load_table("surveys", surveys), as_of=AS_OF)
    assert rows(found, by="customer_id") == [
        ("ann", 1, 2, 0, 2, 8.5),
        ("bob", 0, 0, 0, 0, None),
        ("cai", 0, 0, 0, 1, None),
    ]  # fmt: skip


def test_full_price_and_payment_are_told_from_what_other_questions_answered(load_table, rows):
    shares = pa.schema({"customer_id": pa.string(), "settled_offer_share": pa.float64()})
    sensitivity = load_table("s", [{"customer_id": "ann", "settled_offer_share": 0.25}], schema=shares)
    assert rows(full_price(sensitivity), by="customer_id") == [("ann", 0.75)]
    orders = [
        {"order_id": f"o{i}", "customer_id": c, "payment_method": m}
        for i, (c, m) in enumerate([("ann", "card"), ("ann", "instalment"), ("ann", "subscription"), ("ann", "card"), ("bob", None)])
    ]
    found = paying(load_table("orders", orders), rules=Payments())
    assert rows(found, by="customer_id") == [("ann", 0.25, 0.75), ("bob", None, None)]


def test_a_score_is_the_share_of_customers_below_and_half_of_those_beside(load_table):
    # Spend counts four, orders two. Ranks of spend: 12.5 37.5 62.5 87.5; of orders (1 1 2 2): 25 25 75 75.
    given = [("a", 10, 1), ("b", 20, 1), ("c", 30, 2), ("d", 40, 2)]
    scores = spending_scores(spending_parts(people(load_table, given)))
    assert told(scores, "monetary_value_score") == {"a": 12.5, "b": 37.5, "c": 62.5, "d": 87.5}
    assert told(scores, "frequency_score") == {"a": 25.0, "b": 25.0, "c": 75.0, "d": 75.0}
    assert told(scores, "behaviour") == told(scores, "score") == {"a": 12.5, "b": 37.5, "c": 62.5, "d": 87.5}
    assert told(scores, "dimensions_present", "weight_covered", "coverage")["a"] == (1, 0.4, "behaviour")


def test_parts_weigh_as_they_say(load_table):
    # a leads on orders, b on spend: 4 × 25 + 2 × 75 = 250 against 4 × 75 + 2 × 25 = 350.
    scores = spending_scores(spending_parts(people(load_table, [("a", 10, 2), ("b", 20, 1)])))
    assert told(scores, "behaviour") == {"a": 25.0, "b": 75.0}


def test_the_total_is_the_weighted_mean_of_what_is_known_and_says_how_much_that_is(load_table):
    given = [("a", 10, 1), ("b", 20, 2), ("c", 30, 3), ("d", 40, 4)]
    parts = spending_parts(
        people(load_table, given),
        more(load_table, "income_place", {"a": 2.0, "b": 1.0}),
        more(load_table, "expected_revenue_12_months", {"a": 9.0, "c": 1.0}),
    )
    scores = spending_scores(parts)
    assert told(scores, "means", "behaviour", "predicted", "engagement") == {
        "a": (75.0, 12.5, 75.0, None),
        "b": (25.0, 37.5, None, None),
        "c": (None, 62.5, 25.0, None),
        "d": (None, 87.5, None, None),
    }
    assert told(scores, "score", "dimensions_present", "weight_covered", "coverage") == {
        "a": (pytest.approx((75 + 4 * 12.5 + 4 * 75) / 9), 3, 0.9, "means+behaviour+predicted"),
        "b": (pytest.approx((25 + 4 * 37.5) / 5), 2, 0.5, "means+behaviour"),
        "c": (pytest.approx((62.5 + 25) / 2), 2, 0.8, "behaviour+predicted"),
        "d": (87.5, 1, 0.4, "behaviour"),
    }


def test_a_missing_dimension_is_never_a_zero(load_table):
    alone, beside = people(load_table, [("a", 10, 1), ("b", 20, 2)]), more(load_table, "income_place", {})
    assert told(spending_scores(spending_parts(alone, beside)), "score", "means") == {"a": (25.0, None), "b": (75.0, None)}


def test_a_part_in_which_all_are_equal_tells_nobody_apart_and_counts_as_missing(load_table):
    parts = spending_parts(people(load_table, [("a", 10, 1), ("b", 20, 1)]), more(load_table, "prepaid_amount", {"a": 0.0, "b": 0.0}))
    scores = spending_scores(parts)
    assert told(scores, "means", "frequency_score", "score") == {"a": (None, None, 25.0), "b": (None, None, 75.0)}
    alone = spending_scores(spending_parts(people(load_table, [("a", 10, 1)])))
    assert told(alone, "score", "dimensions_present", "weight_covered", "coverage", "level") == {"a": (None, 0, 0.0, "", NOT_COMPARED)}


def test_a_dimension_without_weight_is_shown_and_not_counted(load_table):
    rules = Spending(weights=Weights(means=0, behaviour=1, predicted=0, engagement=0))
    parts = spending_parts(people(load_table, [("a", 10, 1), ("b", 20, 2)]), more(load_table, "income_place", {"a": 2.0, "b": 1.0}))
    scores = spending_scores(parts, rules=rules)
    assert told(scores, "means", "score", "weight_covered", "coverage") == {
        "a": (75.0, 25.0, 1.0, "behaviour"), "b": (25.0, 75.0, 1.0, "behaviour"),
    }  # fmt: skip


def test_levels_compare_only_those_whose_score_is_made_of_the_same(load_table):
    # Forty known by behaviour alone, thirty by income too, twenty-nine by expected revenue too: those are too few to compare.
    given = [(f"c{i:02}", i + 1, i + 1) for i in range(99)]
    income = {f"c{i:02}": float(i) for i in range(40, 70)}
    expected = {f"c{i:02}": float(i) for i in range(70, 99)}
    parts = spending_parts(
        people(load_table, given), more(load_table, "income_place", income), more(load_table, "expected_revenue_12_months", expected)
    )
    levels = told(spending_scores(parts), "level")
    assert [levels[f"c{i:02}"] for i in range(40)] == [LOW] * 16 + [MIDDLE] * 16 + [HIGH] * 8
    assert [levels[f"c{i:02}"] for i in range(40, 70)] == [LOW] * 12 + [MIDDLE] * 12 + [HIGH] * 6
    assert {levels[f"c{i:02}"] for i in range(70, 99)} == {NOT_COMPARED}
    few = told(spending_scores(parts, rules=Spending(high=0.1, low=0.5)), "level")
    assert [few[f"c{i:02}"] for i in range(40)] == [LOW] * 20 + [MIDDLE] * 16 + [HIGH] * 4


def test_nobody_bought_gives_no_rows_and_the_same_columns(load_table):
    full = fetch(spending_scores(spending_parts(people(load_table, [("a", 10, 1), ("b", 20, 2)]))))
    empty = fetch(spending_scores(spending_parts(people(load_table, []))))
    assert empty.num_rows == 0 and empty.schema == full.schema
    assert score_parts(spending_scores(spending_parts(people(load_table, [])))).customers.eq(0).all()
    assert score_coverage(spending_scores(spending_parts(people(load_table, [])))).empty


def test_what_the_score_is_made_of_is_said_part_by_part(load_table):
    given = [("a", 10, 1), ("b", 20, 2), ("c", 30, 2), ("d", 40, 2)]
    found = score_parts(spending_scores(spending_parts(people(load_table, given), more(load_table, "income_place", {"a": 2.0, "b": 1.0}))))
    assert found.part.tolist() == [part for parts in PARTS.values() for part in parts]
    known = found[found.customers > 0].reset_index(drop=True)
    expected = pd.DataFrame(
        {
            "dimension": ["means", "behaviour", "behaviour"],
            "part": ["income_place", "monetary_value", "frequency"],
            "weight": [0.1, 0.4 * 4 / 6, 0.4 * 2 / 6],
            "customers": [2, 4, 4],
            "customer_share": [0.5, 1.0, 1.0],
        }
    )
    pd.testing.assert_frame_equal(known, expected)
    assert found.weight[found.customers == 0].isna().all()


def test_how_many_scores_rest_on_what(load_table):
    given = [("a", 10, 1), ("b", 20, 2), ("c", 30, 3)]
    found = score_coverage(
        spending_scores(spending_parts(people(load_table, given), more(load_table, "income_place", {"a": 2.0, "b": 1.0})))
    )
    expected = pd.DataFrame(
        {
            "coverage": ["means+behaviour", "behaviour"],
            "dimensions_present": [2, 1],
            "weight_covered": [0.5, 0.4],
            "customers": [2, 1],
            "customer_share": [2 / 3, 1 / 3],
            # Behaviour ranks a, b, c at a sixth, a half, five sixths; income b below a.
            "score": [((75 + 4 * 100 / 6) / 5 + (25 + 4 * 50) / 5) / 2, 500 / 6],
            "spend_per_customer": [15.0, 30.0],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_a_window_without_a_day_is_refused(load_table):
    with pytest.raises(ValueError, match="window_days is 0"):
        behaviour(load_table("order_lines", []), load_table("products", []), as_of=AS_OF, window_days=0)
    with pytest.raises(ValueError, match="window_days is 0"):
        engagement(load_table("events", []), load_table("surveys", []), as_of=AS_OF, window_days=0)
