"""Itemsets against mlxtend, and shops without any pattern, where nothing may be claimed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth
from scipy.stats import hypergeom

from custkit.analysis.chance import chance_of_as_many, expected_together
from custkit.analysis.itemsets import frequent_itemsets
from custkit.analysis.routes import routes
from custkit.analysis.rules import directional_pairs, rules, significant
from custkit.engine import connect, load

SHOPS = st.lists(st.sets(st.sampled_from("abcdefg"), min_size=1), min_size=1, max_size=30)
DEAR = settings(max_examples=settings.default.max_examples // 2)


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def as_table(con, shop, name="shop"):
    rows = [(f"t{i}", item) for i, items in enumerate(shop) for item in items]
    return load(con, name, pa.table({"basket_id": [r[0] for r in rows], "item": [r[1] for r in rows]}))


def as_one_hot(shop):
    items = sorted(set().union(*shop))
    return pd.DataFrame([[item in basket for item in items] for basket in shop], columns=items)


@given(shop=SHOPS, support=st.sampled_from([0.05, 0.1, 0.2, 1 / 3, 0.5, 1.0]), length=st.sampled_from([None, 1, 2, 3]))
def test_itemsets_are_those_of_fpgrowth(duck, shop, support, length):
    ours = frequent_itemsets(as_table(duck, shop), min_support=support, max_length=length)
    theirs = fpgrowth(as_one_hot(shop), min_support=support - 1e-12, use_colnames=True, max_len=length)
    assert dict(zip(ours["itemsets"], ours["support"], strict=True)) == dict(zip(theirs["itemsets"], theirs["support"], strict=True))


@DEAR
@given(shop=SHOPS, seed=st.integers(0, 99))
def test_the_order_of_rows_and_the_names_of_orders_do_not_matter(duck, shop, seed):
    shuffled = [shop[i] for i in np.random.default_rng(seed).permutation(len(shop))]
    first = directional_pairs(as_table(duck, shop), min_orders=2)
    second = directional_pairs(as_table(duck, shuffled, "shuffled"), min_orders=2)
    pd.testing.assert_frame_equal(first, second)


@DEAR
@given(shop=SHOPS)
def test_the_measures_are_those_of_mlxtend_in_both_directions(duck, shop):
    pairs = directional_pairs(as_table(duck, shop), min_orders=1)
    itemsets = fpgrowth(as_one_hot(shop), min_support=1e-9, use_colnames=True, max_len=2)
    assert pairs.empty == (not (itemsets["itemsets"].map(len) > 1).any())
    if pairs.empty:
        return
    with np.errstate(divide="ignore", invalid="ignore"):  # mlxtend divides everywhere before it looks where it may
        theirs = association_rules(itemsets, metric="support", min_threshold=0.0)
    keyed = {(*a, *c): row for a, c, row in zip(theirs["antecedents"], theirs["consequents"], theirs.to_dict("records"), strict=True)}
    assert 2 * len(pairs) == len(keyed)
    for row in pairs.to_dict("records"):
        there, back = keyed[row["antecedent"], row["consequent"]], keyed[row["consequent"], row["antecedent"]]
        for measure in ("support", "confidence", "lift", "leverage", "conviction"):
            assert row[measure] == pytest.approx(there[measure])
        assert row["zhang"] == pytest.approx(there["zhangs_metric"])
        assert row["reverse_confidence"] == pytest.approx(back["confidence"])
        assert row["reverse_zhang"] == pytest.approx(back["zhangs_metric"])
        assert row["confidence"] >= row["reverse_confidence"] - 1e-12


@given(shop=SHOPS)
def test_chance_makes_as_many_pairs_as_there_are(shop):
    one_hot = as_one_hot(shop).to_numpy(float)
    sizes = pd.Series(one_hot.sum(1)).astype(int).value_counts().rename_axis("size").reset_index(name="orders")
    counts = one_hot.sum(0)
    popularity = pd.Series(counts).astype(int).value_counts().rename_axis("orders").reset_index(name="items")
    sizes = sizes.sort_values("size", ignore_index=True)
    i, j = np.triu_indices(len(counts), 1)
    expected = expected_together(sizes, popularity, counts[i, None], counts[j, None])  # so few orders are one band
    assert (expected <= np.minimum(counts[i], counts[j]) + 1e-9).all()
    assert (expected >= -1e-9).all()
    assert expected.sum() == pytest.approx((one_hot.T @ one_hot)[i, j].sum(), rel=0.05, abs=0.5)


def null_shop(seed, *, orders=8000, items=50, draw):
    """Orders of independent items, of very different sizes; no item has to do with another."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, items + 1) ** 0.8
    sizes = np.minimum(draw(rng, orders), items - 1)
    ranked = (-(np.log(weight) + rng.gumbel(size=(orders, items)))).argsort(axis=1)
    return [{f"i{item:02d}" for item in ranked[row, :size]} for row, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("items", "draw"),
    [
        (50, lambda rng, n: rng.geometric(0.3, n)),
        (50, lambda rng, n: np.maximum(1, np.exp(rng.normal(1.3, 0.9, n)).astype(int))),
        (50, lambda rng, n: np.full(n, 2)),
        (200, lambda rng, n: np.where(rng.random(n) < 0.9, 1, 20)),
    ],
    ids=["geometric", "lognormal", "all-pairs", "few-huge"],
)
def test_a_shop_without_pattern_has_no_significant_pair(duck, items, draw):
    pairs = directional_pairs(as_table(duck, null_shop(7, items=items, draw=draw)), min_orders=20)
    assert len(pairs) > 20
    assert significant(pairs).empty
    assert (pairs["p_value"] < 0.05).mean() < 0.06


def test_plain_lift_would_claim_hundreds_of_pairs_there(duck):
    # Why chance keeps the sizes of orders: Fisher's test against independent items calls nearly every pair of this shop an association.
    pairs = directional_pairs(as_table(duck, null_shop(7, draw=lambda rng, n: rng.geometric(0.3, n))), min_orders=20)
    n, a, b = (pairs[name].to_numpy() for name in ("baskets", "antecedent_orders", "consequent_orders"))
    plain = hypergeom.sf(pairs["joint_orders"] - 1, n, a, b)
    assert (plain < 0.05 / len(pairs)).sum() > 100
    assert (chance_of_as_many(pairs["joint_orders"].to_numpy(), a * b / n, a, b) < 0.05 / len(pairs)).sum() > 100


def test_a_planted_pair_is_found_in_its_direction_and_no_other(duck):
    shop = null_shop(7, draw=lambda rng, n: rng.geometric(0.3, n))
    rng = np.random.default_rng(1)
    for basket in shop:
        if "i30" in basket and rng.random() < 0.4:
            basket.add("i10")
    found = significant(directional_pairs(as_table(duck, shop), min_orders=20))
    assert [(a, c) for a, c in zip(found["antecedent"], found["consequent"], strict=True)] == [("i30", "i10")]
    assert found["confidence"].iloc[0] == pytest.approx(0.4, abs=0.12)


def visiting(seed, *, follow=0.0, customers=900, items=25):
    """Customers with tastes of their own who visit at random; with `follow`, i08 draws i12 into the next visit."""
    rng = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, items + 1) ** 0.8
    rows = []
    for customer in range(customers):
        taste = popularity * rng.gamma(0.7, size=items)
        days = np.sort(rng.choice(365, size=1 + min(rng.geometric(0.12), 60), replace=False))
        before: set[int] = set()
        for number, day in enumerate(days, start=1):
            basket = set(rng.choice(items, size=1 + rng.poisson(1.5), p=taste / taste.sum()).tolist())
            if 8 in before and rng.random() < follow:
                basket.add(12)
            before = basket
            rows += [(f"c{customer}", pd.Timestamp("2026-01-01").date() + pd.Timedelta(days=int(day)), f"i{i:02d}", number) for i in basket]
    columns = zip(*rows, strict=True)
    return pa.table(dict(zip(("customer_id", "visit_date", "item", "visit_number"), (list(c) for c in columns), strict=True)))


def test_tastes_and_favourites_make_no_route(duck):
    seen = load(duck, "tastes", visiting(5))
    for step in ("next-order", "any-later"):
        found = routes(seen, step=step, min_customers=20)
        assert len(found) > 100
        assert significant(found).empty


def test_a_planted_route_is_found_both_ways_and_no_other(duck):
    seen = load(duck, "planted", visiting(5, follow=0.35))
    for step in ("next-order", "any-later"):
        found = significant(routes(seen, step=step, min_customers=20))
        assert list(zip(found["antecedent"], found["consequent"], strict=True)) == [("i08", "i12")]


@DEAR
@given(shop=SHOPS, confidence=st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_rules_keep_what_stands_exactly_at_the_threshold(duck, shop, confidence):
    found = rules(frequent_itemsets(as_table(duck, shop), min_support=0.01), min_confidence=confidence, max_consequent=None)
    kept = {(frozenset(a), frozenset(c)) for a, c in zip(found["antecedents"], found["consequents"], strict=True)}
    for (a, c), (together, of) in _all_rules(shop).items():
        assert ((a, c) in kept) == (together >= confidence * of - 1e-9)


def _all_rules(shop):
    held = {subset for basket in shop for subset in _subsets(frozenset(basket))}
    count = {subset: sum(subset <= basket for basket in shop) for subset in held}
    return {(a, whole - a): (count[whole], count[a]) for whole in held for a in _subsets(whole) if a != whole}


def _subsets(items):
    found = [frozenset()]
    for item in items:
        found += [subset | {item} for subset in found]
    return [subset for subset in found if subset]
