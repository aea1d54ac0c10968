"""Price tiers, worked by hand."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from custkit.analysis.price_tiers import customer_categories, customer_tiers, product_tiers, tier_preferences, tier_structure

AS_OF = datetime(2026, 11, 1)


def sale(product, price, *, customer="anna", pieces=1, order="o1", at="2026-10-03 10:00", **more):
    amount = price * pieces
    line = {"order_id": order, "line_number": 1, "customer_id": customer, "ordered_at": at, "product_id": product, "quantity": pieces}
    return {**line, "gross_amount": amount, "amount": amount, "revenue": amount, "kind": "sale", "is_product": True, **more}


def cups(*prices):
    """A product a price, c1 the first: one line sold of each."""
    return [sale(f"c{i}", price) for i, price in enumerate(prices, 1)]


def in_category(category, *products):
    return [{"product_id": product, "category": category} for product in products]


def tiers_of(load_table, lines, products, **options):
    return product_tiers(load_table("order_lines", lines), load_table("products", products), as_of=AS_OF, **options)


def test_a_category_is_cut_into_thirds_of_its_products(load_table, rows):
    tiers = tiers_of(load_table, cups(1, 2, 3, 4, 5, 6), in_category("cups", "c1", "c2", "c3", "c4", "c5", "c6"))
    assert rows(tiers.select("product_id", "usual_price", "price_tier"), by="product_id") == [
        ("c1", 1.0, "low"), ("c2", 2.0, "low"), ("c3", 3.0, "mid"), ("c4", 4.0, "mid"), ("c5", 5.0, "high"), ("c6", 6.0, "high"),
    ]  # fmt: skip


def test_products_of_one_price_share_a_tier(load_table, rows):
    # Four of six cups cost 2: half of them stand above the rest's middle, so all four are in the middle of the range.
    tiers = tiers_of(load_table, cups(1, 2, 2, 2, 2, 9), in_category("cups", "c1", "c2", "c3", "c4", "c5", "c6"))
    assert [tier for _id, tier in rows(tiers.select("product_id", "price_tier"), by="product_id")] == ["low", *["mid"] * 4, "high"]


def test_prices_that_print_alike_are_alike(load_table, rows):
    # 0.30 for three and 0.10 for one are the same price a piece, whatever the division leaves in the last binary digit.
    lines = [sale("c1", 0.1, pieces=3), sale("c2", 0.1), *[sale(f"c{i}", 0.1 * i) for i in (3, 4, 5, 6)]]
    tiers = tiers_of(load_table, lines, in_category("cups", "c1", "c2", "c3", "c4", "c5", "c6"))
    told = rows(tiers.select("product_id", "usual_price", "price_tier"), by="product_id")
    assert told[0] == ("c1", 0.1, "low") and told[1] == ("c2", 0.1, "low")


def test_the_usual_price_is_not_moved_by_a_bulk_order_a_reduction_or_a_return(load_table, rows):
    lines = [
        *cups(1, 2, 3, 4, 5, 6),
        sale("c6", 6, order="o2"),
        sale("c6", 2, order="o3", pieces=500),  # one trader's price
        sale("c6", 6, order="o4", discount_amount=5, amount=1, revenue=1),  # the list price stays
        sale("c6", 1, order="o5", pieces=-1, kind="return"),
        sale("c6", 0, order="o6", kind="free"),
        sale("c6", 1, order="o7", at="2025-10-31 23:59"),  # a year and a day ago
        sale("c6", 1, order="o8", at="2026-11-01 00:00"),  # not yet
    ]
    tiers = tiers_of(load_table, lines, in_category("cups", "c1", "c2", "c3", "c4", "c5", "c6"))
    assert rows(tiers.select("product_id", "lines", "usual_price", "price_tier"), by="product_id")[-1] == ("c6", 4, 6.0, "high")


def test_a_small_category_one_price_and_no_category_are_not_told(load_table, rows):
    lines = [*cups(1, 2, 3, 4, 5), *[sale(f"p{i}", 2) for i in range(6)], *[sale(f"x{i}", i + 1) for i in range(6)]]
    products = [*in_category("cups", "c1", "c2", "c3", "c4", "c5"), *in_category("pens", *[f"p{i}" for i in range(6)])]
    assert {tier for _id, tier in rows(tiers_of(load_table, lines, products).select("product_id", "price_tier"), by="product_id")} == {
        "not told"
    }
    # Whoever wants tiers of five products may have them.
    told = rows(tiers_of(load_table, lines, products, min_products=5).select("product_id", "price_tier"), by="product_id")
    assert [tier for _id, tier in told[:5]] == ["low", "low", "mid", "high", "high"]


# Six cups and six pens at 1 to 6. Anna buys cheap cups, Ben the dearest, Cem this and that; a guest buys a hat without a category.
SHELF = [*in_category("cups", "c1", "c2", "c3", "c4", "c5", "c6"), *in_category("pens", "p1", "p2", "p3", "p4", "p5", "p6")]
BASKETS = {
    "anna": ("c1", "c1", "c2", "c2", "c1", "c2"),
    "ben": ("c5", "c6", "c6", "c5", "c6", "c5"),
    "cem": ("c3", "c4", "p1", "p2", "p3", "p4", "p5", "p6"),
}
SALES = [
    sale(product, int(product[1]), customer=customer, order=f"{customer}{i}")
    for customer, basket in BASKETS.items()
    for i, product in enumerate(basket)
]
SALES.append(sale("hat", 30, customer=None, order="g1"))


@pytest.fixture
def shelf(load_table):
    lines, products = load_table("order_lines", SALES), load_table("products", SHELF)
    return lines, products, product_tiers(lines, products, as_of=AS_OF)


def test_a_categorys_sales_fall_onto_its_tiers(shelf):
    lines, _products, tiers = shelf
    structure = tier_structure(lines, tiers, as_of=AS_OF)
    # Cups: 9 low, 7 mid, 33 high; pens: 3, 7 and 11.
    expected = pd.DataFrame(
        [
            ("cups", 6, 2.0, 5.0, 49.0, 9 / 49, 7 / 49, 33 / 49, 0.0),
            ("not known", 1, None, None, 30.0, 0.0, 0.0, 0.0, 1.0),
            ("pens", 6, 2.0, 5.0, 21.0, 3 / 21, 7 / 21, 11 / 21, 0.0),
        ],
        columns=["category", "products", "low_up_to", "high_from", "revenue", "low_share", "mid_share", "high_share", "not_told_share"],
    )
    expected = expected.astype({"category": "str", "low_up_to": "float64", "high_from": "float64"})
    pd.testing.assert_frame_equal(structure, expected)
    assert structure.revenue.sum() == sum(line["amount"] for line in SALES)


def test_a_customer_prefers_the_tier_beyond_what_buyers_of_the_category_take(shelf, rows):
    lines, _products, tiers = shelf
    own = customer_tiers(lines, tiers, as_of=AS_OF)
    # Of the 14 cups sold 6 are low, 2 mid and 6 high. Anna's 6 low ones beyond the 2.57 due: (3.43 − ½) / √(6 × 6/14 × 8/14) = 2.42.
    assert rows(own.select("customer_id", "lines", "low_lines", "mid_lines", "high_lines", "price_preference"), by="customer_id") == [
        ("anna", 6, 6, 0, 0, "low"),
        ("ben", 6, 0, 0, 6, "high"),
        ("cem", 8, 2, 4, 2, "no preference"),
    ]
    named = own.select("customer_id", "revenue", "low_share", "mid_share", "high_share", "high_piece_share", "not_told_revenue")
    assert rows(named, by="customer_id")[2] == ("cem", 28.0, pytest.approx(3 / 28), 0.5, pytest.approx(11 / 28), 0.25, 0.0)
    assert tier_preferences(own)[["price_preference", "customers"]].to_numpy().tolist() == [
        ["low", 1], ["mid", 0], ["high", 1], ["no preference", 1], ["not told", 0],
    ]  # fmt: skip


def test_few_lines_tell_no_preference(load_table, rows):
    lines = load_table("order_lines", [*SALES, *[sale("c1", 1, customer="dana", order=f"d{i}") for i in range(4)]])
    tiers = product_tiers(lines, load_table("products", SHELF), as_of=AS_OF)
    own = customer_tiers(lines, tiers, as_of=AS_OF)
    assert rows(own.select("customer_id", "price_preference"), by="customer_id")[3] == ("dana", "not told")
    summary = tier_preferences(own).set_index("price_preference")
    # Shares are of the three whose preference is told.
    assert summary.loc["not told", "customers"] == 1 and pd.isna(summary.loc["not told", "customer_share"])
    assert summary["customer_share"].sum() == pytest.approx(1)


def test_a_customers_categories_and_the_one_that_takes_most(load_table, shelf, rows):
    lines, products, _tiers = shelf
    own = customer_categories(lines, products, as_of=AS_OF)
    assert rows(own, by="customer_id") == [("anna", 1, "cups", 1.0), ("ben", 1, "cups", 1.0), ("cem", 2, "pens", 0.75)]
    # Of two categories of equal revenue the first by name is the top.
    tie = load_table("order_lines", [sale("p3", 3), sale("c3", 3)])
    assert rows(customer_categories(tie, products, as_of=AS_OF), by="customer_id") == [("anna", 2, "cups", 0.5)]


def test_a_client_without_categories_has_no_tiers(load_table, rows):
    lines = load_table("order_lines", cups(1, 2, 3, 4, 5, 6))
    tiers = product_tiers(lines, load_table("products", []), as_of=AS_OF)
    assert tier_structure(lines, tiers, as_of=AS_OF).empty
    assert rows(customer_tiers(lines, tiers, as_of=AS_OF).select("price_preference", "not_told_share"), by="price_preference") == [
        ("not told", 1.0)
    ]
    nothing = load_table("order_lines", [])
    none = product_tiers(nothing, load_table("products", []), as_of=AS_OF)
    assert tier_structure(nothing, none, as_of=AS_OF).empty
    assert tier_preferences(customer_tiers(nothing, none, as_of=AS_OF)).empty


def test_three_tiers_need_three_products(load_table):
    with pytest.raises(ValueError, match="min_products is 2; three tiers need at least 3 products"):
        tiers_of(load_table, [], [], min_products=2)
    with pytest.raises(ValueError, match="window_days is 0"):
        tiers_of(load_table, [], [], window_days=0)
    empty = tiers_of(load_table, [], [])
    with pytest.raises(ValueError, match="min_lines is 0"):
        customer_tiers(load_table("order_lines", []), empty, as_of=AS_OF, min_lines=0)
