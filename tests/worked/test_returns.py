"""Returns, worked by hand."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis.returns import (
    customer_returns,
    return_rates,
    returned_lines,
    returns_by_category,
    returns_by_segment,
    unmatched_returns,
)

AS_OF = datetime(2026, 11, 1)


def line(order, customer, product, at, amount, *, number=1):
    return {
        "order_id": order, "line_number": number, "customer_id": customer, "product_id": product, "ordered_at": f"2026-{at} 10:00",
        "amount": amount, "kind": "sale" if amount > 0 else "return", "is_product": True,
    }  # fmt: skip


LINES = [
    line("a1", "anna", "tea", "08-01", 10),
    line("a1", "anna", "cup", "08-01", 20, number=2),
    line("a2", "anna", "tea", "09-01", 10),
    line("r1", "anna", "tea", "09-10", -10),  # the later tea comes back
    line("b1", "ben", "cup", "10-01", 20),
    line("b2", "ben", "tea", "10-20", 10),
    line("r2", "ben", "cup", "10-21", -5),  # in two parts
    line("r3", "ben", "cup", "10-22", -5),
    line("g1", None, "cup", "10-02", 20),
    line("r4", None, "cup", "10-03", -20),  # a guest's
    line("r5", "cem", "pot", "10-05", -30),  # bought before the data begin
    {**line("a1", "anna", "post", "08-01", 5, number=3), "is_product": False},
]
PRODUCTS = [{"product_id": "tea", "category": "drinks"}, {"product_id": "cup", "category": "china"}]


def lines_of(load_table, rows=LINES, **options):
    return returned_lines(load_table("order_lines", rows), as_of=AS_OF, **options)


def test_a_return_is_put_to_the_customers_latest_purchase_of_the_product(load_table, rows):
    told = rows(lines_of(load_table).select("order_id", "line_number", "is_returned", "returned_amount"), by=["order_id", "line_number"])
    assert told == [
        ("a1", 1, False, 0.0),
        ("a1", 2, False, 0.0),
        ("a2", 1, True, 10.0),
        ("b1", 1, True, 10.0),
        ("b2", 1, False, 0.0),
        ("g1", 1, False, 0.0),
    ]


def test_a_return_before_the_purchase_is_of_an_earlier_one(load_table, rows):
    early = [line("a1", "anna", "tea", "08-01", 10), line("r1", "anna", "tea", "08-20", -10), line("a2", "anna", "tea", "09-01", 10)]
    told = rows(lines_of(load_table, early).select("order_id", "is_returned"), by="order_id")
    assert told == [("a1", True), ("a2", False)]


def test_orders_customers_and_money_that_come_back(load_table):
    row = return_rates(lines_of(load_table)).iloc[0]
    assert (row["orders"], row["returned_orders"], row["return_rate"]) == (5, 2, 0.4)
    assert (row["customers"], row["returning_customers"]) == (2, 2)
    assert (row["sold_amount"], row["returned_amount"]) == (90.0, 20.0)
    assert row["returned_share"] == pytest.approx(20 / 90)
    assert (row["low"], row["high"]) == (pytest.approx(0.11762, abs=1e-5), pytest.approx(0.76928, abs=1e-5))  # Wilson's of 2 of 5


def test_what_finds_no_purchase_is_counted_apart(load_table):
    row = unmatched_returns(load_table("order_lines", LINES), as_of=AS_OF).iloc[0]
    assert row.to_list() == [5, 70.0, 2, 50.0]
    assert unmatched_returns(load_table("order_lines", []), as_of=AS_OF).iloc[0].to_list() == [0, 0, 0, 0]


def test_the_window_is_of_the_sale(load_table, rows):
    # In the last 45 days Ben and the guest bought; Anna's tea of the first of September lies before.
    told = rows(lines_of(load_table, window_days=45).select("order_id", "is_returned"), by="order_id")
    assert told == [("b1", True), ("b2", False), ("g1", False)]
    with pytest.raises(ValueError, match="window_days is 0"):
        lines_of(load_table, window_days=0)


def test_each_customer_sends_back_a_share(load_table, rows):
    assert rows(customer_returns(lines_of(load_table)), by="customer_id") == [
        ("anna", 2, 1, 40.0, 10.0, 0.5, 0.25),
        ("ben", 2, 1, 30.0, 10.0, 0.5, pytest.approx(1 / 3)),
    ]


def test_categories_and_segments_that_come_back(load_table):
    marked = lines_of(load_table)
    by_category = returns_by_category(marked, load_table("products", PRODUCTS))
    names = ["lines", "returned_lines", "sold_amount", "returned_amount"]
    assert by_category[["category", *names]].to_numpy().tolist() == [["china", 3, 1, 60.0, 10.0], ["drinks", 3, 1, 30.0, 10.0]]
    segmented = load_table("customers", [{"customer_id": "anna", "region": "Loyal"}, {"customer_id": "ben", "region": "New"}])
    by_segment = returns_by_segment(marked, segmented.select("customer_id", segment="region"))
    assert by_segment[["segment", *names]].to_numpy().tolist() == [["New", 2, 1, 30.0, 10.0], ["Loyal", 3, 1, 40.0, 10.0]]
    assert returns_by_category(marked, load_table("products", [])).empty


def test_no_sales_are_no_rates(load_table, rows):
    nothing = lines_of(load_table, [])
    assert return_rates(nothing).empty and rows(customer_returns(nothing), by="customer_id") == []
