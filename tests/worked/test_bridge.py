"""Where October's revenue came from, customer by customer."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custkit.analysis.bridge import COLUMNS, revenue_bridge
from custkit.analysis.kpis import monthly_kpis
from custkit.analysis.revenue_tree import revenue_tree
from custkit.client import Lifecycle
from custkit.period import Period

PERIOD = Period(2026, 10)
ORDERS = [
    ("o01", "ann", "2026-09-10", 40.10, 1, True),  # in both months, more in October
    ("o02", "ann", "2026-10-05", 65.35, 3, True),
    ("o03", "ben", "2026-09-11", 90, 2, True),  # in both months, less
    ("o04", "ben", "2026-10-06", 10, 1, True),
    ("o05", "bob", "2026-09-20", 50, 1, True),  # September only
    ("o06", "cai", "2026-10-12", 60, 2, True),  # first order ever
    ("o07", "dee", "2026-03-15", 80, 4, True),  # skipped September
    ("o08", "dee", "2026-10-31 23:59", 20, 1, True),
    ("o09", "eve", "2026-09-05", 70, 1, True),  # returned a part in October: did not buy again
    ("o10", "eve", "2026-10-20", -10, 0, False),
    ("o11", "gus", "2026-04-10", 90, 1, True),  # only a return in October
    ("o12", "gus", "2026-10-02", -5, 0, False),
    ("o13", None, "2026-09-03", 15, 1, True),
    ("o14", None, "2026-10-03", 25, 1, True),
    ("o15", "ann", "2026-11-01 00:00", 999, 9, True),  # after the period
]


def shop(load_table, given=ORDERS):
    return load_table(
        "orders",
        [
            {
                "order_id": order_id, "customer_id": customer, "ordered_at": at, "order_date": at[:10],
                "revenue": revenue, "items": items, "is_purchase": bought,
            }
            for order_id, customer, at, revenue, items, bought in given
        ],
    )  # fmt: skip


def kpis(load_table, given=ORDERS):
    orders, customers, events = shop(load_table, given), load_table("customers", []), load_table("events", [])
    return monthly_kpis(orders, customers, events, period=PERIOD, rules=Lifecycle())


def test_every_customer_stands_on_one_line_and_the_lines_sum_to_the_change(load_table):
    bridge = revenue_bridge(shop(load_table), period=PERIOD)
    expected = pd.DataFrame(
        [
            ("new", 1, 0.0, 60.0, 60.0),
            ("reactivated", 1, 0.0, 20.0, 20.0),
            ("expansion", 1, 40.10, 65.35, 25.25),
            ("contraction", 1, 90.0, 10.0, -80.0),
            ("lost", 2, 120.0, -10.0, -130.0),
            ("returns", 1, 0.0, -5.0, -5.0),
            ("guests", 0, 15.0, 25.0, 10.0),
        ],
        columns=list(COLUMNS),
    ).astype({"line": "str"})
    pd.testing.assert_frame_equal(bridge, expected, check_exact=True)
    assert round(bridge.change.sum(), 2) == round((bridge.now.sum() - bridge.before.sum()), 2) == -99.75


def test_without_a_month_before_there_is_no_bridge(load_table):
    for given in ([], [("o1", "ann", "2026-10-02", 10, 1, True)]):
        bridge = revenue_bridge(shop(load_table, given), period=PERIOD)
        assert bridge.empty
        assert list(bridge.columns) == list(COLUMNS)


def test_a_month_without_orders_loses_everybody(load_table):
    bridge = revenue_bridge(shop(load_table, [("o1", "ann", "2026-09-02", 10, 1, True)]), period=PERIOD).set_index("line")
    assert bridge.loc["lost", "change"] == bridge.change.sum() == -10


def test_the_factors_of_revenue_leave_nothing_over(load_table):
    tree = revenue_tree(kpis(load_table))
    assert tree.factor.tolist() == ["customers", "orders_per_customer", "items_per_order", "price_per_item", "guest_revenue"]
    # 250.10 of 4 customers, 4 orders, 5 items in September; 140.35 of 4 customers, 4 orders, 7 items in October.
    weight = (140.35 - 250.10) / math.log(140.35 / 250.10)
    effects = [0, 0, weight * math.log(7 / 5), weight * math.log((140.35 / 7) / (250.10 / 5)), 10]
    assert tree.effect.tolist() == pytest.approx(effects)
    assert tree.effect.sum() == pytest.approx(-99.75)
    assert tree.growth.tolist() == pytest.approx([0, 0, 7 / 5 - 1, (140.35 / 7) / (250.10 / 5) - 1, 10 / 15])


def test_without_quantities_the_tree_ends_at_order_value(load_table):
    given = [(*row[:4], None, row[5]) for row in ORDERS]
    tree = revenue_tree(kpis(load_table, given))
    assert tree.factor.tolist() == ["customers", "orders_per_customer", "aov", "guest_revenue"]
    assert tree.effect.sum() == pytest.approx(-99.75)


def test_a_tree_needs_two_months_with_revenue(load_table):
    assert revenue_tree(kpis(load_table, [("o1", "ann", "2026-10-02", 10, 1, True)])).empty
    assert revenue_tree(kpis(load_table, [])).empty
    with pytest.raises(ValueError, match="back is 0"):
        revenue_tree(kpis(load_table, []), back=0)
