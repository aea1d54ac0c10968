"""The loyalty ladder, worked by hand: who reaches an order, who goes on, what they spend, how many categories they know."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
import pytest

from custkit.analysis.ladder import LADDER_COLUMNS, bottleneck, ladder_dips, loyalty_ladder, purchase_days
from custkit.present.findings.loyalty_tracking import ladder_finding

AS_OF = datetime(2026, 11, 1)

# Anna buys three times, twice on one day; Ben once, long ago; Cem once, last week; Dora comes back after a year; one guest.
ORDERS = [
    {"order_id": "a1", "customer_id": "anna", "order_date": "2026-01-05", "revenue": 10},
    {"order_id": "a2", "customer_id": "anna", "order_date": "2026-01-05", "revenue": 30},
    {"order_id": "a3", "customer_id": "anna", "order_date": "2026-02-01", "revenue": 20},
    {"order_id": "a4", "customer_id": "anna", "order_date": "2026-10-30", "revenue": 50},
    {"order_id": "b1", "customer_id": "ben", "order_date": "2026-02-01", "revenue": 12},
    {"order_id": "c1", "customer_id": "cem", "order_date": "2026-10-25", "revenue": 8},
    {"order_id": "d1", "customer_id": "dora", "order_date": "2025-09-01", "revenue": 20},
    {"order_id": "d2", "customer_id": "dora", "order_date": "2026-09-01", "revenue": 40},
    {"order_id": "g1", "customer_id": None, "order_date": "2026-03-01", "revenue": 99},
]
LINES = [
    {"order_id": order, "customer_id": customer, "product_id": product, "kind": kind, "is_product": is_product}
    for order, customer, product, kind, is_product in (
        ("a1", "anna", "tea", "sale", True),
        ("a2", "anna", "cup", "sale", True),
        ("a3", "anna", "tea", "sale", True),
        ("a3", "anna", "lamp", "return", True),
        ("a4", "anna", "lamp", "sale", True),
        ("b1", "ben", "postage", "sale", False),
        ("c1", "cem", "mystery", "sale", True),
        ("d1", "dora", "tea", "sale", True),
        ("d2", "dora", "tea", "sale", True),
        ("g1", None, "tea", "sale", True),
    )
]
PRODUCTS = [
    {"product_id": "tea", "category": "drinks"},
    {"product_id": "cup", "category": "kitchen"},
    {"product_id": "lamp", "category": "light"},
    {"product_id": "postage", "category": "fees"},
    {"product_id": "mystery", "category": None},
]


@pytest.fixture
def shop(load_table):
    return load_table("orders", ORDERS), load_table("order_lines", LINES), load_table("products", PRODUCTS)


def test_two_orders_on_one_day_are_one_rung(load_table, rows):
    days = purchase_days(load_table("orders", ORDERS)).select("customer_id", "order_number", "order_value")
    assert rows(days, by=["customer_id", "order_number"]) == [
        ("anna", 1, 40.0),
        ("anna", 2, 20.0),
        ("anna", 3, 50.0),
        ("ben", 1, 12.0),
        ("cem", 1, 8.0),
        ("dora", 1, 20.0),
        ("dora", 2, 40.0),
    ]


def test_a_customer_of_last_week_is_not_counted_as_lost(shop):
    ladder = loyalty_ladder(*shop, as_of=AS_OF, within_days=180)
    # First order: Anna, Ben and Dora are followed, Cem is not yet; Anna came back within 180 days, Dora after a year.
    # Second order: Anna's lies 180 days back and her third came after 271 days; Dora's is too young.
    expected = pd.DataFrame(
        {
            "order_number": [1, 2, 3],
            "customers": [4, 2, 1],
            "at_risk": [3, 1, 0],
            "went_on": [1, 0, 0],
            "go_on_rate": [1 / 3, 0.0, math.nan],
            "go_on_low": [0.0614919, 0.0, math.nan],
            "go_on_high": [0.7923404, 0.7934568, math.nan],
            "mean_order_value": [20.0, 30.0, 50.0],
            "median_order_value": [16.0, 30.0, 50.0],
            "categories": [0.75, 1.5, 3.0],
            "new_categories": [0.75, 0.0, 1.0],
        }
    )
    pd.testing.assert_frame_equal(ladder, expected, atol=1e-6)


def test_the_day_that_completes_the_window_still_counts(load_table):
    empty = load_table("order_lines", []), load_table("products", [])
    orders = [
        {"order_id": "1", "customer_id": "eva", "order_date": "2026-10-01", "revenue": 1},
        {"order_id": "2", "customer_id": "eva", "order_date": "2026-10-31", "revenue": 1},
    ]
    followed = loyalty_ladder(load_table("orders", orders), *empty, as_of=AS_OF, within_days=30)
    assert followed[["at_risk", "went_on"]].to_numpy().tolist() == [[1, 1], [0, 0]]
    too_young = loyalty_ladder(load_table("orders", orders), *empty, as_of=AS_OF, within_days=31)
    assert too_young[["at_risk", "went_on"]].to_numpy().tolist() == [[0, 0], [0, 0]]


def test_without_categories_the_ladder_still_stands(load_table):
    ladder = loyalty_ladder(load_table("orders", ORDERS), load_table("order_lines", []), load_table("products", []), as_of=AS_OF)
    assert ladder["customers"].tolist() == [4, 2, 1]
    assert ladder[["categories", "new_categories"]].isna().all(axis=None)


def test_a_shop_without_orders_has_an_empty_ladder(load_table):
    ladder = loyalty_ladder(load_table("orders", []), load_table("order_lines", []), load_table("products", []), as_of=AS_OF)
    assert list(ladder.columns) == list(LADDER_COLUMNS) and ladder.empty
    dips = ladder_dips(ladder)
    assert dips.empty and bottleneck(dips) is None
    assert ladder_finding(ladder, dips).tone == "quiet"


def climb(*shares: float, at_risk: int = 1000) -> pd.DataFrame:
    """A ladder with these shares that go on."""
    went_on = [round(share * at_risk) for share in shares]
    steps = range(1, len(shares) + 1)
    return pd.DataFrame({"order_number": steps, "at_risk": at_risk, "went_on": went_on, "go_on_rate": [k / at_risk for k in went_on]})


def test_the_rung_that_falls_below_its_neighbours_is_the_bottleneck():
    dips = ladder_dips(climb(0.4, 0.55, 0.45, 0.65, 0.7))
    worst = bottleneck(dips)
    assert worst is not None and worst["order_number"] == 3
    # The mean log-odds of 55 % and 65 % are those of 60.1 %: the third order is 15.1 points below.
    assert worst["expected_rate"] == pytest.approx(0.6010, abs=0.0005)
    assert worst["gap"] == pytest.approx(-0.151, abs=0.001)
    assert worst["gap_low"] < worst["gap"] < worst["gap_high"] < 0


def test_a_steady_climb_has_no_bottleneck():
    assert bottleneck(ladder_dips(climb(0.4, 0.52, 0.6, 0.66, 0.7, 0.73))) is None


def test_a_dip_of_few_customers_is_no_bottleneck():
    assert bottleneck(ladder_dips(climb(0.4, 0.55, 0.45, 0.65, 0.7, at_risk=40))) is None
    assert ladder_dips(climb(0.4, 0.55, 0.45, 0.65, 0.7, at_risk=29)).empty


def test_a_window_of_no_days_is_refused(shop):
    with pytest.raises(ValueError, match="within_days and top must be 1 or more, not 0 and 10"):
        loyalty_ladder(*shop, as_of=AS_OF, within_days=0)
