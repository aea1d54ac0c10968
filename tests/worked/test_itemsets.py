"""Baskets of a small shop, counted by hand."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis import itemsets
from custkit.analysis.itemsets import basket_sizes, baskets, frequent_itemsets, item_counts, item_level, without_oversized

BASKETS = pa.schema([("basket_id", pa.string()), ("item", pa.string())])
TOY = ("abc", "ab", "abd", "be", "ac", "ce", "abde")
LINE = {"kind": "sale", "is_product": True, "ordered_at": "2026-10-03 10:00", "customer_id": "c1", "amount": 1, "revenue": 1}
PRODUCTS = [
    {"product_id": "p1", "product_name": "Tea", "category": "Drinks"},
    {"product_id": "p2", "product_name": "Tea", "category": "Drinks"},
    {"product_id": "p3", "product_name": "Cup", "category": "Kitchen"},
    {"product_id": "p4", "product_name": None, "category": None},
]


@pytest.fixture
def toy(load_table):
    rows = [{"basket_id": f"t{i}", "item": item} for i, items in enumerate(TOY) for item in items]
    return load_table("baskets", rows, schema=BASKETS)


def sold(order_id, product_id, **other):
    return {**LINE, "order_id": order_id, "product_id": product_id, **other}


def test_a_basket_holds_a_product_once_and_no_returns_postage_or_gifts(load_table, rows):
    lines = load_table(
        "order_lines",
        [
            sold("o1", "p1", line_number=1),
            sold("o1", "p1", line_number=2),
            sold("o1", "p3"),
            sold("o1", "post", is_product=False),
            sold("o2", "p3", kind="return"),
            sold("o2", "p4"),
            sold("o3", "p2", kind="free"),
            sold("o4", None),
            sold("o5", "p9"),
        ],
    )
    products = load_table("products", PRODUCTS)
    assert rows(baskets(lines, products), by=["basket_id", "item"]) == [("o1", "Cup"), ("o1", "Tea (p1)"), ("o2", "p4"), ("o5", "p9")]
    assert rows(baskets(lines, products, level="category"), by=["basket_id", "item"]) == [("o1", "Drinks"), ("o1", "Kitchen")]


def test_a_shop_of_few_products_is_read_by_product(load_table):
    lines = load_table("order_lines", [sold(f"o{i}", "p1") for i in range(40)])
    assert item_level(lines, load_table("products", PRODUCTS)) == "product_id"


def test_every_set_of_the_toy_shop_is_counted(toy):
    found = frequent_itemsets(toy, min_support=0.25)
    counted = {"".join(sorted(items)): orders for items, orders in zip(found["itemsets"], found["orders"], strict=True)}
    assert counted == {"a": 5, "b": 5, "c": 3, "e": 3, "d": 2, "ab": 4, "ac": 2, "ad": 2, "bd": 2, "be": 2, "abd": 2}
    assert list(found["length"]) == [1] * 5 + [2] * 5 + [3]
    assert set(found["baskets"]) == {7}
    assert list(found["support"]) == [orders / 7 for orders in found["orders"]]


def test_sets_can_be_kept_short(toy):
    assert frequent_itemsets(toy, min_support=0.25, max_length=2)["length"].max() == 2
    assert frequent_itemsets(toy, min_support=0.25, max_length=1)["length"].max() == 1


def test_a_set_at_exactly_the_threshold_is_frequent(toy):
    # 3/7 × 7 is 3.0000000000000004 in binary fractions: c lies in exactly three of seven orders.
    assert frozenset("c") in set(frequent_itemsets(toy, min_support=3 / 7)["itemsets"])


def test_counting_in_small_pieces_gives_the_same_sets(toy, monkeypatch):
    whole = frequent_itemsets(toy, min_support=0.1)
    monkeypatch.setattr(itemsets, "_BITMAP_BYTES", 8)
    pd.testing.assert_frame_equal(frequent_itemsets(toy, min_support=0.1), whole)


def test_a_wholesale_order_is_left_out_and_counted(load_table):
    small = [{"basket_id": f"o{i}", "item": item} for i in range(4) for item in ("tea", "cup")]
    wholesale = [{"basket_id": "w", "item": f"p{i}"} for i in range(100_000)]
    shop = load_table("baskets", small + wholesale, schema=BASKETS)
    assert basket_sizes(shop).to_dict("list") == {"size": [2, 100_000], "orders": [4, 1]}
    assert len(item_counts(without_oversized(shop))) == 2
    found = frequent_itemsets(shop, min_support=0.2)
    assert list(found["support"]) == [1.0, 1.0, 1.0]
    assert set(found["baskets"]) == {4}


def test_no_order_gives_no_sets(load_table):
    nothing = load_table("baskets", [], schema=BASKETS)
    found = frequent_itemsets(nothing, min_support=0.01)
    assert list(found) == ["itemsets", "length", "orders", "baskets", "support"]
    assert found.empty
    assert basket_sizes(nothing).empty


def test_a_support_that_is_no_share_is_refused(toy):
    with pytest.raises(ValueError, match="min_support=2"):
        frequent_itemsets(toy, min_support=2)
    with pytest.raises(ValueError, match="level='shelf'"):
        baskets(toy, toy, level="shelf")
