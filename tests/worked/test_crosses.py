"""Where the big spenders live and who buys a category again."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.crosses import UNKNOWN, category_loyalty, frequency_spend, region_amount
from custkit.analysis.rates import wilson

AS_OF = datetime(2026, 11, 1)
FREQUENT = pa.schema({"customer_id": pa.string(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4), "m_score": pa.int64()})
SCORES = pa.schema({"customer_id": pa.string(), "monetary_value": pa.decimal128(38, 4), "m_score": pa.int64()})


def test_big_spenders_are_counted_where_they_live(load_table):
    scores = load_table(
        "scores",
        [
            {"customer_id": c, "monetary_value": spend, "m_score": score}
            for c, spend, score in (("a", 90, 5), ("b", 10, 1), ("c", 80, 5), ("d", 5, 2))
        ],
        schema=SCORES,
    )
    homes = load_table("customers", [{"customer_id": c, "region": r} for c, r in (("a", "North"), ("b", "North"), ("c", "South"))])
    found = region_amount(scores, homes)
    expected = pd.DataFrame(
        {
            "region": ["North", "South", UNKNOWN],
            "customers": [2, 1, 1],
            "big_spenders": [1, 1, 0],
            "big_spender_share": [0.5, 1.0, 0.0],
            "low": [wilson(1, 2)[0], wilson(1, 1)[0], 0.0],
            "high": [wilson(1, 2)[1], 1.0, wilson(0, 1)[1]],
            "revenue": [100.0, 80.0, 5.0],
            "spend_per_customer": [50.0, 80.0, 5.0],
        }
    )
    pd.testing.assert_frame_equal(found, expected)


def test_customers_are_spread_by_orders_and_by_spend(load_table):
    people = [("a", 1, 5, 1), ("b", 1, 9, 2), ("c", 2, 9, 2), ("d", 4, 50, 5), ("e", 11, 90, 5)]
    given = [dict(zip(FREQUENT.names, person, strict=True)) for person in people]
    expected = pd.DataFrame(
        {
            "row": ["1", "1", "2", "3–5", "11+"],
            "column": [2, 1, 2, 5, 5],
            "customers": [1, 1, 1, 1, 1],
            "customer_share": [0.5, 0.5, 1.0, 1.0, 1.0],
            "revenue": [9.0, 5.0, 9.0, 50.0, 90.0],
            "lowest": [9.0, 5.0, 9.0, 50.0, 50.0],
            "highest": [9.0, 5.0, 9.0, 90.0, 90.0],
        }
    )
    pd.testing.assert_frame_equal(frequency_spend(load_table("scores", given, schema=FREQUENT)), expected)
    assert frequency_spend(load_table("scores", [], schema=FREQUENT)).empty


def line(customer, day, product, **more):
    given = {"order_id": f"{customer}{day}", "customer_id": customer, "ordered_at": f"2026-{day} 10:00", "product_id": product}
    return {**given, "kind": "sale", "is_product": True, "revenue": 2, **more}


LINES = [
    line("a", "10-01", "milk"), line("a", "10-05", "milk"), line("a", "10-09", "oat"),  # three days of dairy: loyal
    line("b", "10-01", "milk"), line("b", "10-01", "oat"), line("b", "10-02", "milk"),  # two days: occasional
    line("b", "10-03", "beer"), line("c", "10-03", "odd"),
    line("c", "10-04", "milk", kind="return", revenue=-2),
    line("c", "10-04", "milk", is_product=False),
    line(None, "10-04", "milk"),
    line("c", "11-01", "milk"),
]  # fmt: skip
PRODUCTS = [
    {"product_id": "milk", "category": "Dairy"},
    {"product_id": "oat", "category": "Dairy"},
    {"product_id": "beer", "category": "Drinks"},
]


def test_loyal_buyers_bought_a_category_on_three_days_or_more(load_table):
    found = category_loyalty(load_table("order_lines", LINES), load_table("products", PRODUCTS), as_of=AS_OF)
    assert found.category.tolist() == ["Dairy", "Drinks", UNKNOWN]
    assert found.customers.tolist() == [2, 1, 1]
    assert found.loyal.tolist() == [1, 0, 0]
    assert found.loyal_share.tolist() == [0.5, 0.0, 0.0]
    # Shopping days a 3, b 3, c 1: 12 ordered pairs of days. Dairy on 3 of a's days and 2 of b's: 3·2 + 2·2 pairs begin with it,
    # of which 3·2 + 2·1 end with it too.
    assert found.again_share.iloc[0] == pytest.approx(8 / 10)
    assert found.expected_share.iloc[0] == pytest.approx(10 / 12)
    assert found.revenue.tolist() == [12.0, 2.0, 2.0]
    assert found.revenue_share.tolist() == pytest.approx([0.75, 0.125, 0.125])


def test_no_lines_and_no_scores_give_empty_frames(load_table):
    categories = category_loyalty(load_table("order_lines", []), load_table("products", []), as_of=AS_OF)
    regions = region_amount(load_table("scores", [], schema=SCORES), load_table("customers", []))
    assert list(categories.columns) == [
        "category", "customers", "loyal", "loyal_share", "low", "high", "again_share", "expected_share", "p_value",
        "revenue", "revenue_share",
    ]  # fmt: skip
    assert list(regions.columns)[:4] == ["region", "customers", "big_spenders", "big_spender_share"]
    assert categories.empty
    assert regions.empty
