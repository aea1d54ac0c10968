"""Breadth against luck, worked by hand."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis.breadth import category_breadth, mean_breadth

AS_OF = datetime(2026, 11, 1)
PRODUCTS = [{"product_id": p, "category": c} for p, c in (("t1", "Tea"), ("t2", "Tea"), ("c1", "Cups"), ("x", None))]


def sale(order, product, customer, *, at="2026-10-03 10:00", revenue=10, **more):
    line = {"order_id": order, "line_number": 1, "customer_id": customer, "ordered_at": at, "product_id": product, "quantity": 1}
    return {**line, "amount": revenue, "revenue": revenue, "kind": "sale", "is_product": True, **more}


# Half of the eight lines are tea, half cups. anna buys four lines of tea alone, bob two of each kind in two orders, cleo two of cups.
LINES = [
    sale("a1", "t1", "anna"), sale("a1", "t2", "anna", line_number=2), sale("a2", "t1", "anna"), sale("a2", "t2", "anna", line_number=2),
    sale("b1", "c1", "bob", revenue=25), sale("b2", "c1", "bob", revenue=25),
    sale("c1", "c1", "cleo"), sale("c1", "c1", "cleo", line_number=2),
]  # fmt: skip


def ask(load_table, question, lines=LINES):
    return question(load_table("order_lines", lines), load_table("products", PRODUCTS), as_of=AS_OF)


def test_luck_would_give_as_many_categories_as_lines_drawn_blindly_hold(load_table):
    bands = ask(load_table, category_breadth).set_index("breadth")
    one = bands.loc["1"]
    # Four lines of halves hold 2 × (1 − 1/2⁴) = 1.875 categories, two lines 1.5: (1.875 + 1.5 + 1.5) / 3.
    assert (one["customers"], one["mean_categories"]) == (3, 1.0) and one["expected_categories"] == pytest.approx(4.875 / 3)
    assert (one["revenue"], one["orders_per_customer"]) == (110.0, pytest.approx(5 / 3))
    assert list(bands["customers"]) == [3, 0, 0, 0, 0] and bands["revenue_share"].sum() == pytest.approx(1)


def test_who_buys_both_kinds_is_broader(load_table):
    bands = ask(load_table, category_breadth, [*LINES, sale("b3", "t1", "bob")]).set_index("breadth")
    assert (bands.loc["1", "customers"], bands.loc["2", "customers"]) == (2, 1)
    assert bands.loc["2", "spend_per_customer"] == 60.0


def test_the_mean_customer_keeps_to_one_kind(load_table):
    row = ask(load_table, mean_breadth).iloc[0]
    assert (row["customers"], row["mean_categories"]) == (3, 1.0)
    assert row["difference"] == pytest.approx(1 - 4.875 / 3)
    # Of −0.875, −0.5, −0.5 the standard deviation is 0.2165.
    assert row["high"] - row["difference"] == pytest.approx(1.96 * 0.21651 / 3**0.5, rel=1e-3)


def test_guests_returns_and_products_without_a_category_are_left_out(load_table):
    more = [
        sale("g", "c1", None), sale("r", "c1", "anna", kind="return", revenue=-10), sale("x", "x", "anna"), sale("n", "gone", "anna"),
        sale("old", "c1", "anna", at="2025-10-31 10:00"), sale("late", "c1", "anna", at="2026-11-01 00:00"),
    ]  # fmt: skip
    assert ask(load_table, category_breadth, [*LINES, *more]).equals(ask(load_table, category_breadth))
    assert ask(load_table, category_breadth, more[:2]).empty
    assert ask(load_table, mean_breadth, more[:2])["difference"].isna().all()
