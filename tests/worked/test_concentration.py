"""Ten customers who spend 10, 20 … 100: half the revenue rests on the best three."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.concentration import concentration, deciles, lorenz

VALUES = pa.schema(
    {"customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4)}
)


@pytest.fixture
def spenders(load_table):
    def put(spend):
        rows = [{"customer_id": f"c{i:02}", "recency_days": i, "frequency": 1, "monetary_value": amount} for i, amount in enumerate(spend)]
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


def test_the_lorenz_curve_runs_from_nobody_to_everybody(spenders):
    expected = pd.DataFrame({"customer_share": [0.0, 0.25, 0.5, 0.75, 1.0], "revenue_share": [0.0, 0.7, 0.9, 1.0, 1.0]})
    pd.testing.assert_frame_equal(lorenz(spenders([0, 10, 70, 20])), expected)
