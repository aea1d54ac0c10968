"""Groceries as arules and mlxtend publish it; Complete Journey against mlxtend itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ibis import _
from mlxtend.frequent_patterns import fpgrowth
from scipy.sparse import csr_matrix

from custkit.analysis.itemsets import basket_sizes, frequent_itemsets, item_counts
from custkit.analysis.rules import directional_pairs, rules, significant, without_redundant
from custkit.engine import connect, load


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


@pytest.fixture(scope="module")
def groceries(duck, real_data):
    lines = pd.read_csv(real_data("groceries/groceries_long.csv"), dtype=str)[["transaction_id", "item"]].drop_duplicates()
    return load(duck, "groceries", pa.table({"basket_id": list(lines["transaction_id"]), "item": list(lines["item"])}))


@pytest.fixture(scope="module")
def rare(groceries):
    return frequent_itemsets(groceries, min_support=0.001)


def test_groceries_are_9835_orders_of_169_items(groceries):
    sizes, counts = basket_sizes(groceries), item_counts(groceries)
    assert (sizes["orders"].sum(), (sizes["size"] * sizes["orders"]).sum(), sizes["size"].max()) == (9835, 43367, 32)
    assert sizes.loc[sizes["size"] == 1, "orders"].item() == 2159
    assert len(counts) == 169
    assert counts.head(5).to_numpy().tolist() == [
        ["whole milk", 2513],
        ["other vegetables", 1903],
        ["rolls/buns", 1809],
        ["soda", 1715],
        ["yogurt", 1372],
    ]


@pytest.mark.parametrize(("support", "itemsets"), [(0.01, 333), (0.006, 747), (0.005, 1001)])
def test_frequent_itemsets_of_groceries(groceries, support, itemsets):
    assert len(frequent_itemsets(groceries, min_support=support)) == itemsets


def test_rare_itemsets_of_groceries(rare):
    assert len(rare) == 13492


@pytest.mark.parametrize(
    ("support", "confidence", "of_one", "of_any"),
    [(0.001, 0.8, 410, 413), (0.001, 0.5, 5668, 5829), (0.006, 0.25, 463, 467), (0.01, 0.5, 15, 15)],
)
def test_rules_of_groceries(rare, support, confidence, of_one, of_any):
    itemsets = rare[rare["orders"] >= support * 9835]
    assert len(rules(itemsets, min_confidence=confidence)) == of_one
    assert len(rules(itemsets, min_confidence=confidence, max_consequent=None)) == of_any


def test_eighteen_of_410_rules_are_redundant(rare):
    found = rules(rare, min_confidence=0.8)
    assert found["antecedents"].map(len).add(1).value_counts().to_dict() == {3: 29, 4: 229, 5: 140, 6: 12}
    assert len(without_redundant(found)) == 392


def test_wine_and_liquor_lead_to_beer(rare):
    rule = rules(rare, min_confidence=0.8).set_index(["antecedent", "consequent"]).loc[("liquor + red/blush wine", "bottled beer")]
    assert rule["joint_orders"] == 19
    assert rule[["support", "confidence", "lift"]].tolist() == pytest.approx([0.001932, 0.904762, 11.235269], rel=1e-3)


def test_milk_and_vegetables_differ_by_direction(groceries):
    pairs = directional_pairs(groceries).set_index(["antecedent", "consequent"])
    milk = pairs.loc[("other vegetables", "whole milk")]
    assert milk[["confidence", "reverse_confidence", "lift"]].tolist() == pytest.approx([0.386758, 0.292877, 1.513634], abs=1e-6)
    herbs = pairs.loc[("herbs", "root vegetables")]
    assert herbs["joint_orders"] == 69
    assert herbs[["support", "confidence", "lift"]].tolist() == pytest.approx([0.007016, 0.43125, 3.9565], abs=1e-4)


def test_few_of_the_pairs_of_groceries_are_more_than_chance(groceries):
    # 1,140 pairs lie in 30 orders or more, nearly all with a lift above 1; the size of orders explains most.
    pairs = directional_pairs(groceries)
    assert len(pairs) == 1140
    assert len(pairs[pairs["lift"] > 1]) > 1000
    assert 15 < len(significant(pairs)) < 60


def test_itemsets_of_complete_journey_are_those_of_mlxtend(duck, real_data):
    transactions = load(duck, "transactions", real_data("completejourney/transactions.parquet"))
    distinct = transactions.select(basket_id=_.basket_id.cast("string"), item=_.product_id.cast("string")).distinct()
    shop = duck.create_table("journey", distinct, temp=True)
    ours = frequent_itemsets(shop, min_support=0.005)
    assert set(ours["baskets"]) == {155848}
    assert (len(ours), ours["length"].max()) == (151, 2)
    frequent = item_counts(shop, least=780)["item"]
    lines = shop.filter(shop.item.isin(list(frequent))).to_pyarrow().to_pandas()
    # Orders without a frequent item count in the denominator as well: empty rows of mlxtend's table.
    rows, items = pd.factorize(lines["basket_id"]), pd.factorize(lines["item"], sort=True)
    matrix = csr_matrix((np.ones(len(lines), dtype=bool), (rows[0], items[0])), shape=(155848, len(items[1])))
    theirs = fpgrowth(pd.DataFrame.sparse.from_spmatrix(matrix, columns=items[1]), min_support=0.005, use_colnames=True)
    assert dict(zip(ours["itemsets"], ours["support"], strict=True)) == dict(zip(theirs["itemsets"], theirs["support"], strict=True))
