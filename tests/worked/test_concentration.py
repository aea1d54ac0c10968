"""Ten customers who spend 10, 20 … 100: half the revenue rests on the best three."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.concentration import (
    BEST,
    LAST,
    MIDDLE,
    concentration,
    concentrations,
    deciles,
    lorenz,
    tenths,
    value_groups,
    with_decile,
)

VALUES = pa.schema(
    {
        "customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4),
        "order_value": pa.float64(), "margin": pa.decimal128(38, 4), "offer_share": pa.float64(),
    }
)  # fmt: skip
AS_OF = datetime(2026, 11, 1)


@pytest.fixture
def spenders(load_table):
    def put(spend, *, margin=None, offers=None):
        rows = [
            {
                "customer_id": f"c{i:02}", "recency_days": i, "frequency": 1, "monetary_value": amount, "order_value": float(amount),
                "margin": margin[i] if margin else None, "offer_share": offers[i] if offers else None,
            }
            for i, amount in enumerate(spend)
        ]  # fmt: skip
        return load_table("values", rows, schema=VALUES)

    return put


def test_the_best_tenth_fifth_and_third_of_ten_customers(spenders):
    found = concentration(spenders(range(10, 110, 10))).iloc[0]
    assert (found.customers, found.revenue, found.customers_to_80) == (10, 550.0, 6)  # 100 + 90 + … + 60 = 450 ≥ 440 > 400
    assert found[["top_10_share", "top_20_share", "top_30_share"]].tolist() == pytest.approx([100 / 550, 190 / 550, 270 / 550])
    assert found.gini == pytest.approx(0.3)  # (n − 1) / 3n for 1, 2 … n
    assert found.share_to_80 == pytest.approx(0.6)


def test_equal_spend_is_a_gini_of_zero(spenders):
    found = concentration(spenders([25, 25, 25, 25])).iloc[0]
    assert found.gini == pytest.approx(0)
    assert found.customers_to_80 == 4  # three make 75 %


def test_one_who_spends_all_is_a_gini_near_one(spenders):
    found = concentration(spenders([0] * 99 + [10])).iloc[0]
    assert found.gini == pytest.approx(0.99)
    assert found.customers_to_80 == 1
    assert found.top_10_share == 1


def test_one_customer_alone_has_it_all(spenders):
    found = concentration(spenders([12.5])).iloc[0]
    assert (found.customers, found.customers_to_80, found.top_10_share, found.gini) == (1, 1, 1.0, 0.0)


def test_exactly_eighty_percent_is_enough(spenders):
    assert concentration(spenders([80, 10, 10])).customers_to_80.item() == 1


@pytest.mark.parametrize("spend", [[], [0, 0], [-5]])
def test_without_revenue_nothing_is_claimed(spenders, spend):
    found = concentration(spenders(spend))
    assert found.customers.item() == len(spend)
    assert found[["gini", "share_to_80", "top_10_share", "top_20_share", "top_30_share"]].isna().all(axis=None)
    assert lorenz(spenders(spend)).empty


def test_tenths_are_of_equal_size_and_add_up(spenders):
    found = deciles(spenders(range(1, 26)))
    assert found.decile.tolist() == list(range(1, 11))
    assert found.customers.tolist() == [3, 2, 3, 2, 3, 2, 3, 2, 3, 2]
    assert found.revenue.iloc[0] == 25 + 24 + 23
    assert found.revenue.sum() == 325
    assert found.cumulative_share.iloc[-1] == pytest.approx(1)
    assert found.spend_per_customer.tolist() == sorted(found.spend_per_customer, reverse=True)


def test_three_customers_make_three_tenths(spenders):
    found = deciles(spenders([5, 3, 2]))
    expected = pd.DataFrame(
        {
            "decile": [1, 4, 7],
            "customers": [1, 1, 1],
            "revenue": [5.0, 3.0, 2.0],
            "revenue_share": [0.5, 0.3, 0.2],
            "cumulative_share": [0.5, 0.8, 1.0],
            "spend_per_customer": [5.0, 3.0, 2.0],
            "recency_days": [0.0, 1.0, 2.0],
            "frequency": [1.0, 1.0, 1.0],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_customers_who_spend_the_same_are_in_one_tenth(spenders, rows):
    # Seven of ten spend 5 and stand in the place of the best of them; the tenths behind are empty.
    found = deciles(spenders([9, 8, 7, *[5] * 7]))
    assert found.decile.tolist() == [1, 2, 3, 4]
    assert found.customers.tolist() == [1, 1, 1, 7]
    placed = rows(with_decile(spenders([9, 8, 7, *[5] * 7])).select("customer_id", "decile"), by="customer_id")
    assert [decile for _name, decile in placed] == [1, 2, 3] + [4] * 7


def test_tenths_by_margin_stand_beside_those_by_spend(spenders):
    # Who spends most leaves least: the order turns around. The last customer's costs are not known.
    found = tenths(spenders([50, 40, 30, 20, 10, 5], margin=[1, 2, 3, 4, 10, None]))
    assert found.decile.tolist() == [1, 2, 4, 5, 6, 7, 8, 9]  # six customers by spend, five by margin: 1, 2, 4, 6 and 8
    assert found.revenue.tolist() == [50, 40, 30, 20, 0, 10, 0, 5]
    assert found.customers.tolist() == [1, 1, 1, 1, 0, 1, 0, 1]
    assert found.margin.fillna(0).tolist() == [10, 4, 3, 0, 2, 0, 1, 0]
    assert concentrations(spenders([50, 40], margin=[1, 3]))[["index", "customers", "revenue"]].to_dict("records") == [
        {"index": "spend", "customers": 2, "revenue": 90.0},
        {"index": "margin", "customers": 2, "revenue": 4.0},
    ]
    assert concentrations(spenders([50, 40]))["index"].tolist() == ["spend"]
    assert tenths(spenders([50, 40])).margin.isna().all()


def test_margins_alone_make_tenths_of_their_own(spenders):
    expected = pd.DataFrame(
        {
            "decile": [1, 5],
            "customers": [1, 1],
            "margin": [30.0, 10.0],
            "margin_share": [0.75, 0.25],
            "cumulative_share": [0.75, 1.0],
            "margin_per_customer": [30.0, 10.0],
            "recency_days": [1.0, 0.0],
            "frequency": [1.0, 1.0],
        }
    )
    pd.testing.assert_frame_equal(deciles(spenders([99, 50, 7], margin=[10, 30, None]), index="margin"), expected)


def test_tenths_merge_into_the_best_three_the_middle_four_and_the_last_three(spenders, load_table):
    values = spenders(range(100, 0, -10), offers=[1.0, 0.0, 0.5, *[0.0] * 7])
    products = load_table("products", [{"product_id": "tea", "category": "Tea"}, {"product_id": "cup", "category": "Cups"}])
    sold = {"ordered_at": "2026-10-03 10:00", "kind": "sale", "is_product": True, "line_number": 1}
    lines = [
        {**sold, "order_id": "o1", "customer_id": "c00", "product_id": "tea", "revenue": 60},
        {**sold, "order_id": "o2", "customer_id": "c01", "product_id": "cup", "revenue": 40},
        {**sold, "order_id": "o3", "customer_id": "c05", "product_id": "cup", "revenue": 5},
        {**sold, "order_id": "o4", "customer_id": "c05", "product_id": "tea", "revenue": 9, "ordered_at": "2025-10-03 10:00"},
        {**sold, "order_id": "o5", "customer_id": None, "product_id": "tea", "revenue": 900},
    ]
    found = value_groups(values, load_table("order_lines", lines), products, as_of=AS_OF)
    assert found.group.tolist() == [BEST, MIDDLE, LAST]
    assert found.customers.tolist() == [3, 4, 3]
    assert found.revenue.tolist() == [270.0, 220.0, 60.0]
    assert found.spend_per_customer.tolist() == [90.0, 55.0, 20.0]
    assert found.recency_days.tolist() == [1.0, 4.5, 8.0]
    assert found.offer_share.tolist() == [0.5, 0.0, 0.0]
    assert found.main_category.tolist()[:2] == ["Tea", "Cups"] and found.main_category.isna().tolist() == [False, False, True]
    assert found.main_category_share.tolist()[:2] == [0.6, 1.0]


def test_few_customers_have_a_gini_without_an_interval(spenders):
    assert concentration(spenders(range(1, 30)))[["gini_low", "gini_high"]].isna().all(axis=None)
    row = concentration(spenders(range(1, 31))).iloc[0]
    assert 0 < row.gini_low < row.gini < row.gini_high < 1


def test_the_lorenz_curve_runs_from_nobody_to_everybody(spenders):
    shares = {"customer_share": [0.0, 0.25, 0.5, 0.75, 1.0], "revenue_share": [0.0, 0.7, 0.9, 1.0, 1.0]}
    expected = pd.DataFrame({"customers": [0, 1, 1, 1, 1], **shares})
    pd.testing.assert_frame_equal(lorenz(spenders([0, 10, 70, 20])), expected)
