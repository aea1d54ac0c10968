"""What customers like best, worked by hand."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis.favourites import FALLING, NOT_TOLD, RISING, STEADY, compared_days, favourites, product_names
from custkit.engine import frame

AS_OF = datetime(2026, 11, 1)
NAMES = [
    {"product_id": "p1", "product_name": "Tea", "category": "Drinks"},
    {"product_id": "p2", "product_name": "Cup", "category": "Table"},
    {"product_id": "p3", "product_name": "Cup", "category": "Table"},
    {"product_id": "p4"},
]


def sale(order, product, *, customer="anna", at="2026-10-03 10:00", revenue=10, **more):
    line = {"order_id": order, "line_number": 1, "customer_id": customer, "ordered_at": at, "product_id": product, "quantity": 1}
    return {**line, "amount": revenue, "revenue": revenue, "kind": "sale", "is_product": True, **more}


def ask(load_table, lines, **options):
    return favourites(load_table("order_lines", lines), load_table("products", NAMES), as_of=AS_OF, **options)


def test_products_that_share_a_name_bear_their_id_and_nameless_ones_are_their_id(load_table):
    named = frame(product_names(load_table("products", NAMES))).sort_values("product_id")
    assert list(named["item"]) == ["Tea", "Cup (p2)", "Cup (p3)", "p4"]


def test_the_favourite_is_what_most_customers_buy_not_what_is_bought_most(load_table):
    lines = [
        *[sale(f"a{i}", "p1", customer="anna", revenue=100) for i in range(4)],
        sale("b1", "p2", customer="bob"), sale("c1", "p2", customer="cleo"), sale("c1", "p1", customer="cleo", line_number=2, revenue=5),
        sale("g1", "p4", customer=None), sale("g2", "p4", customer=None, at="2026-10-04 10:00"),
        sale("c2", "p1", customer="cleo", kind="return", revenue=-5), sale("c3", "post", is_product=False),
        sale("old", "p3", at="2025-10-31 23:59"), sale("late", "p3", at="2026-11-01 00:00"),
    ]  # fmt: skip
    liked = ask(load_table, lines)
    assert list(liked["item"]) == ["Tea", "Cup (p2)", "p4"]  # two customers each, and Tea brings more
    tea = liked.iloc[0]
    # Three customers bought a product, in eight orders: four of anna, one of bob, one of cleo, two of guests.
    assert (tea["customers"], tea["orders"], tea["revenue"]) == (2, 5, 405.0)
    assert tea["customer_share"] == pytest.approx(2 / 3) and tea["order_share"] == pytest.approx(5 / 8)
    assert tea["revenue_share"] == pytest.approx(405 / 445)
    assert liked["customers"].iloc[2] == 0 and liked["orders"].iloc[2] == 2  # guests are no customers, their orders are orders


def test_categories_hold_what_their_products_do_and_an_order_counts_once(load_table):
    lines = [
        sale("a1", "p2"),
        sale("a1", "p3", line_number=2),
        sale("b1", "p1", customer="bob"),
        sale("b1", "p4", customer="bob", line_number=2),
    ]
    liked = ask(load_table, lines, level="category")
    assert liked[["item", "orders", "revenue"]].values.tolist() == [["Table", 1, 20.0], ["Drinks", 1, 10.0]]
    assert liked["revenue_share"].sum() == pytest.approx(0.75)  # a product without a category is in none, but in the whole


def half_a_year(of_tea_before, of_tea_now, *, other=("p2",)):
    """100 customers with an order of cups each in both windows of 91 days; so many of them hold tea."""
    lines = []
    for when, at, held in (("before", "2026-05-10 09:00", of_tea_before), ("now", "2026-10-10 09:00", of_tea_now)):
        for i in range(100):
            lines += [sale(f"{when}{i}", product, customer=f"c{i:03}", at=at, line_number=n) for n, product in enumerate(other, 1)]
            lines += [sale(f"{when}{i}", "p1", customer=f"c{i:03}", at=at, line_number=9)] if i < held else []
    return lines


@pytest.mark.parametrize(
    ("before", "now", "trend"), [(20, 60, RISING), (60, 20, FALLING), (40, 43, STEADY), (40, 40, STEADY), (5, 10, NOT_TOLD)]
)
def test_an_item_rises_or_falls_beyond_chance_or_not_at_all(load_table, before, now, trend):
    # The first order lies 182 days before the end and more: the 91 days before the last 91 are compared.
    lines = [sale("first", "p2", customer="zoe", at="2026-05-01 09:00"), *half_a_year(before, now)]
    tea = ask(load_table, lines).set_index("item").loc["Tea"]
    assert tea["trend"] == trend
    assert tea["share_now"] == pytest.approx(now / 100) and tea["share_before"] == pytest.approx(before / 100)
    assert tea["change"] == pytest.approx(now / before - 1)


def test_a_shop_that_grows_does_not_make_everything_rise(load_table):
    lines = [sale("first", "p2", customer="zoe", at="2026-05-01 09:00")]
    lines += [line for line in half_a_year(40, 40) if line["ordered_at"] > "2026-08" or int(line["customer_id"][1:]) % 2]
    liked = ask(load_table, lines)
    assert set(liked["trend"]) == {STEADY}


def test_the_trend_is_against_last_year_where_the_data_reach(load_table):
    def reach(first):
        return compared_days(load_table("order_lines", [sale("a", "p1", at=first)]), as_of=AS_OF)

    assert reach("2025-08-03 12:00") == 364  # 455 days
    assert reach("2025-08-04 12:00") == 91
    assert reach("2026-05-03 10:00") == 91  # 182 days
    assert reach("2026-05-04 10:00") == 0
    assert compared_days(load_table("order_lines", []), as_of=AS_OF) == 0
    liked = ask(load_table, [sale("a", "p1")])
    assert list(liked["trend"]) == [NOT_TOLD] and liked["share_now"].isna().all()


def test_a_shop_without_products_has_no_favourites(load_table):
    assert ask(load_table, []).empty
    assert ask(load_table, [sale("a", None)]).empty
    with pytest.raises(ValueError, match="have product, category"):
        ask(load_table, [], level="brand")
