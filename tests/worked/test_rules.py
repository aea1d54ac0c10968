"""Rules of a small shop by hand: both directions, redundancy, and whether they hold a month later."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from scipy.stats import hypergeom

from custkit.analysis.itemsets import frequent_itemsets
from custkit.analysis.rules import (
    GONE,
    HOLDS,
    TOO_FEW,
    directional_pairs,
    pairs_held,
    rules,
    significant,
    with_value,
    without_redundant,
)

BASKETS = pa.schema([("basket_id", pa.string()), ("item", pa.string())])
TOY = ("abc", "ab", "abd", "be", "ac", "ce", "abde")
LINE = {"kind": "sale", "is_product": True, "ordered_at": "2026-10-03 10:00", "customer_id": "c1", "amount": 1}


@pytest.fixture
def put(load_table):
    def of(shop):
        rows = [{"basket_id": f"t{i}", "item": item} for i, items in enumerate(shop) for item in items]
        return load_table("baskets", rows, schema=BASKETS)

    return of


def planted(orders, together):
    """`orders` orders of two different items each, `together` of them wine with cheese, the rest of two of eight others."""
    others = [(f"x{i}", f"x{j}") for i in range(8) for j in range(i + 1, 8)]
    rest = [others[i % len(others)] for i in range(orders - together)]
    return [("cheese", "wine")] * together + rest + [("cheese", "x1"), ("wine", "x2")] * 10 + [("cheese", "x3")] * 20


def test_the_toy_shop_has_thirteen_rules(put):
    found = rules(frequent_itemsets(put(TOY), min_support=0.25), min_confidence=0)
    assert len(found) == 13
    assert all(len(consequents) == 1 for consequents in found["consequents"])


def test_the_measures_of_one_rule(put):
    found = rules(frequent_itemsets(put(TOY), min_support=0.25), min_confidence=0)
    rule = found[(found["antecedent"] == "d") & (found["consequent"] == "a")].iloc[0]
    assert (rule["antecedent_orders"], rule["consequent_orders"], rule["joint_orders"], rule["baskets"]) == (2, 5, 2, 7)
    assert rule["confidence"] == 1
    assert rule["lift"] == pytest.approx(7 / 5)
    assert rule["leverage"] == pytest.approx(2 / 7 - 2 / 7 * 5 / 7)
    assert rule["conviction"] == math.inf
    assert rule["zhang"] == pytest.approx((2 / 7 - 10 / 49) / max(2 / 7 * 5 / 7, 2 / 7 * (5 / 7 - 2 / 7)))


def test_several_items_are_written_in_the_order_of_their_names(put):
    found = rules(frequent_itemsets(put(TOY), min_support=0.25), min_confidence=0)
    assert {"a + b", "a + d", "b + d"} == {name for name in found["antecedent"] if len(name) > 1}


def test_a_longer_rule_that_promises_no_more_is_redundant(put):
    found = rules(frequent_itemsets(put(TOY), min_support=0.25), min_confidence=0)
    kept = {(a, c) for a, c in without_redundant(found)[["antecedent", "consequent"]].itertuples(index=False)}
    assert ("d", "a") in kept
    assert ("b + d", "a") not in kept  # d alone promises a already
    assert ("b", "e") not in kept  # a lift below 1 needs no antecedent


def test_no_itemsets_give_no_rules(put):
    found = rules(frequent_itemsets(put([]), min_support=0.25))
    assert found.empty
    assert without_redundant(found).empty
    assert rules(frequent_itemsets(put(["a", "b"]), min_support=0.25)).empty
    with pytest.raises(ValueError, match="min_confidence=80"):
        rules(found, min_confidence=80)


def test_both_directions_stand_on_one_row_the_stronger_first(put):
    pairs = directional_pairs(put(planted(300, 40)), min_orders=30)
    top = pairs.iloc[0]
    assert (top["antecedent"], top["consequent"]) == ("wine", "cheese")
    assert (top["antecedent_orders"], top["consequent_orders"], top["joint_orders"], top["baskets"]) == (50, 70, 40, 340)
    assert (top["confidence"], top["reverse_confidence"]) == pytest.approx((40 / 50, 40 / 70))
    assert top["lift"] == pytest.approx(40 * 340 / (50 * 70))
    assert top["is_significant"]
    assert list(significant(pairs)["antecedent"]) == ["wine"]


def test_where_all_orders_are_alike_in_size_chance_is_that_of_two_draws_without_replacement(put):
    # Four items, each in half of the orders of two: each of six pairs is due in a sixth of them.
    shop = [pair for pair in ("ab", "ac", "ad", "bc", "bd", "cd") for _ in range(100)]
    pairs = directional_pairs(put(shop))
    assert list(pairs["expected_orders"]) == pytest.approx([100] * 6)
    assert not pairs["is_significant"].any()
    assert pairs["p_value"].min() > hypergeom.sf(99, 600, 300, 300) / 2


def test_large_orders_do_not_make_their_items_associated(put):
    # Every item sells alike; half of the orders hold one item, half hold all ten. Plain lift says 1.8 for every pair.
    items = [f"i{i}" for i in range(10)]
    shop = [(item,) for item in items for _ in range(20)] + [tuple(items)] * 200
    pairs = directional_pairs(put(shop))
    assert pairs["lift"].min() > 1.5
    assert list(pairs["times_expected"]) == pytest.approx([1] * 45)
    assert significant(pairs).empty


def test_pairs_too_rare_to_tell_are_not_listed(put):
    assert directional_pairs(put(TOY)).empty
    assert directional_pairs(put([])).empty
    assert list(directional_pairs(put([]))) == list(directional_pairs(put(planted(300, 40))))


def test_a_pair_holds_when_next_months_orders_say_so_too(put):
    before = directional_pairs(put(planted(300, 40)))
    same, few = put(planted(300, 40)), put([("wine", "x1"), ("cheese", "x2"), ("x3",)])
    gone = put([*planted(300, 0), *[("wine", "x4")] * 40, *[("cheese", "x5")] * 40])
    assert list(pairs_held(before, same)["verdict"]) == [HOLDS]
    assert list(pairs_held(before, gone)["verdict"]) == [GONE]
    assert list(pairs_held(before, few)["verdict"]) == [TOO_FEW]
    assert list(pairs_held(before, put([]))["verdict"]) == [TOO_FEW]
    held = pairs_held(before, same).iloc[0]
    assert (held["antecedent_orders"], held["joint_orders"], held["confidence"]) == (50, 40, 0.8)


def test_without_earlier_pairs_there_is_nothing_to_hold(put):
    assert pairs_held(directional_pairs(put([])), put(TOY)).empty


def test_a_pair_is_worth_what_its_consequent_brings_in(put, load_table):
    pairs = directional_pairs(put(planted(300, 40))).head(1)
    lines = [
        {**LINE, "order_id": "t1", "product_id": "cheese", "line_number": 1, "revenue": 4, "cost_amount": 1},
        {**LINE, "order_id": "t1", "product_id": "cheese", "line_number": 2, "revenue": 2, "cost_amount": 1},
        {**LINE, "order_id": "t2", "product_id": "cheese", "line_number": 1, "revenue": 8, "cost_amount": 4},
        {**LINE, "order_id": "t2", "product_id": "wine", "line_number": 2, "revenue": 9, "cost_amount": None},
    ]
    worth = with_value(pairs, load_table("order_lines", lines), load_table("products", [])).iloc[0]
    assert (worth["consequent_revenue"], worth["consequent_margin"]) == (7, 4)
    assert worth["extra_revenue"] == pytest.approx((40 - worth["expected_orders"]) * 7)
    unknown = load_table("order_lines", [{**lines[0], "cost_amount": None}])
    assert math.isnan(with_value(pairs, unknown, load_table("products", []))["consequent_margin"].iloc[0])
