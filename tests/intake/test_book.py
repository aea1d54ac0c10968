"""A book shows the tables as they stood at the end of its month."""

from __future__ import annotations

from dataclasses import replace

import pytest

from custkit.book import Book
from custkit.client import Client
from custkit.engine import fetch
from custkit.errors import BadInput
from custkit.period import Period

SOURCES = """
- table: order_lines
  files: lines.csv
  columns:
    {order_id: order, ordered_at: date, customer_id: customer, product_id: product, product_name: name, amount: amount, quantity: qty}
- table: customers
  files: people.csv
  columns: {customer_id: customer, registered_at: joined, closed_at: left}
"""
LINES = (
    "order,date,customer,product,name,qty,amount\n"
    "1,2026-09-30,c1,p,Old tea,1,5\n2,2026-10-05,c1,p,New tea,1,5\n3,2026-10-06,c2,p,damaged,-1,-5\n4,2026-10-31 23:59:59,c2,q,Jam,1,4\n"
)
PEOPLE = "customer,joined,left\nc1,2026-09-01,2026-10-20\nc2,2026-10-02,\n"


@pytest.fixture
def book(take, tmp_path, monkeypatch):
    taken = take({"lines.csv": LINES, "people.csv": PEOPLE}, sources=SOURCES)
    client = Client(name="Tiny", currency="EUR", sources=({"table": "order_lines", "files": "x", "columns": {"amount": "a"}},))
    return lambda period: Book.of(client, taken.snapshot, Period.parse(period))


def column(table, name):
    return sorted(fetch(table)[name].to_pylist(), key=str)


def test_nothing_after_the_month_is_read(book):
    assert column(book("2026-09").orders, "order_id") == ["1"]
    assert column(book("2026-10").orders, "order_id") == ["1", "2", "3", "4"]
    assert column(book("2026-09").customers, "customer_id") == ["c1"]


def test_a_farewell_still_to_come_is_not_known_yet(book):
    assert column(book("2026-09").customers, "closed_at") == [None]
    assert [left for left in column(book("2026-10").customers, "closed_at") if left] != []


def test_a_product_has_the_name_it_was_last_sold_under_by_then(book):
    assert column(book("2026-09").products, "product_name") == ["Old tea"]
    assert column(book("2026-10").products, "product_name") == ["Jam", "New tea"]
    assert column(book("2026-10").previous.products, "product_name") == ["Old tea"]


def test_a_month_out_of_reach_names_the_months_there_are(book):
    with pytest.raises(BadInput, match=r"2026-09 to 2026-10; run with --period 2026-10"):
        book("2025-01")


def test_what_is_missing_is_said_with_what_it_means(book):
    october = book("2026-10")
    assert not october.needs("order_lines.product_id")
    need = october.needs("events", "order_lines.coupon_amount")
    assert need.missing == ("events", "order_lines.coupon_amount")
    assert "`order_lines.coupon_amount` (coupons redeemed on the line, 0 or more)" in need.sentence
    with pytest.raises(ValueError, match="no canonical table"):
        october.needs("order_lines.colour")


def test_a_table_that_was_not_sent_is_empty_with_all_columns(book):
    events = book("2026-10").events
    assert fetch(events).num_rows == 0
    assert "visitor_id" in events.columns


def test_the_same_book_at_another_month_keeps_its_snapshot(book):
    october = book("2026-10")
    assert october.at(Period(2026, 9)) == replace(october, period=Period(2026, 9))
