"""Six customers whose histories can be read off their orders."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pyarrow as pa

from custkit.analysis.clv_summary import clv_summary, held_out_purchases, purchase_counts, repeat_purchases

AS_OF = datetime(2026, 11, 1)
ORDERS = [
    {"order_id": "o1", "customer_id": "ann", "ordered_at": "2026-10-01 09:00", "order_date": "2026-10-01", "revenue": 10},
    {"order_id": "o2", "customer_id": "ann", "ordered_at": "2026-10-01 21:00", "order_date": "2026-10-01", "revenue": 5},
    {"order_id": "o3", "customer_id": "ann", "ordered_at": "2026-10-11 09:00", "order_date": "2026-10-11", "revenue": 30},
    {"order_id": "o4", "customer_id": "ann", "ordered_at": "2026-10-21 08:00", "order_date": "2026-10-21", "revenue": 20.5},
    {"order_id": "o5", "customer_id": "ann", "ordered_at": "2026-10-21 09:00", "order_date": "2026-10-21", "revenue": 1},
    {"order_id": "o6", "customer_id": "bob", "ordered_at": "2026-10-31 23:59", "order_date": "2026-10-31", "revenue": 7},
    {"order_id": "o7", "customer_id": "cai", "ordered_at": "2026-01-01 00:00", "order_date": "2026-01-01", "revenue": 5},
    {"order_id": "o8", "customer_id": "dee", "ordered_at": "2026-11-01 00:00", "order_date": "2026-11-01", "revenue": 900},
    {"order_id": "o9", "customer_id": None, "ordered_at": "2026-10-02 12:00", "order_date": "2026-10-02", "revenue": 50},
    {"order_id": "oa", "customer_id": "eve", "ordered_at": "2026-10-11 12:00", "order_date": "2026-10-11", "revenue": 8},
    {"order_id": "ob", "customer_id": "eve", "ordered_at": "2026-10-14 12:00", "order_date": "2026-10-14", "revenue": 9},
]


def test_days_after_the_first_are_counted_and_two_orders_on_one_day_are_one(load_table, rows):
    found = rows(clv_summary(load_table("orders", ORDERS), as_of=AS_OF), by="customer_id")
    assert found == [
        ("ann", 2, 20, 30, 25.75, date(2026, 10, 1)),
        ("bob", 0, 0, 0, None, date(2026, 10, 31)),
        ("cai", 0, 0, 303, None, date(2026, 1, 1)),
        ("eve", 1, 3, 20, 9.0, date(2026, 10, 11)),
    ]


def test_nobody_bought_gives_no_rows_and_the_same_columns(load_table, rows):
    empty = clv_summary(load_table("orders", []), as_of=AS_OF)
    assert rows(empty, by="customer_id") == []
    assert empty.columns == ("customer_id", "frequency", "recency", "T", "monetary_value", "first_date")


def test_equal_customers_are_counted_in_one_row(load_table):
    twin = [{**order, "order_id": f"{order['order_id']}-2", "customer_id": "ann-2"} for order in ORDERS if order["customer_id"] == "ann"]
    counts = purchase_counts(clv_summary(load_table("orders", [*ORDERS, *twin]), as_of=AS_OF))
    expected = pd.DataFrame({"frequency": [0, 0, 1, 2], "recency": [0, 0, 3, 20], "T": [0, 303, 20, 30], "customers": [1, 1, 1, 2]})
    pd.testing.assert_frame_equal(counts, expected)


def test_purchases_after_the_cut_are_held_against_the_customers_known_at_it(load_table, rows):
    found = rows(held_out_purchases(load_table("orders", ORDERS), cut=datetime(2026, 10, 12), as_of=AS_OF), by="customer_id")
    # ann came back on one day though with two orders; bob and dee were not known; cai stayed away.
    assert [(row[0], *row[1:4], row[-1]) for row in found] == [("ann", 1, 10, 10, 1), ("cai", 0, 0, 283, 0), ("eve", 0, 0, 0, 1)]


def test_repeats_by_day_leave_out_customers_who_came_after_the_cut(load_table):
    daily = repeat_purchases(load_table("orders", ORDERS), first=date(2026, 10, 1), known_by=datetime(2026, 10, 11), as_of=AS_OF)
    expected = pd.DataFrame({"day": [-273, 0, 10, 20], "new_customers": [1, 1, 0, 0], "repeats": [0, 0, 1, 1]})
    pd.testing.assert_frame_equal(daily, expected)


def test_a_history_says_its_types(load_table):
    schema = clv_summary(load_table("orders", ORDERS), as_of=AS_OF).schema().to_pyarrow()
    assert [schema.field(name).type for name in ("frequency", "recency", "T", "monetary_value")] == [pa.int64()] * 3 + [pa.float64()]
