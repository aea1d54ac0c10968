"""Where October's revenue came from, customer by customer."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custkit.analysis.bridge import COLUMNS, revenue_bridge
from custkit.analysis.intervals import skewed_interval
from custkit.analysis.kpis import monthly_kpis
from custkit.analysis.noise import month_noise
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
        columns=list(COLUMNS[:5]),
    ).astype({"line": "str"})
    pd.testing.assert_frame_equal(bridge[list(COLUMNS[:5])], expected, check_exact=True)
    assert round(bridge.change.sum(), 2) == round((bridge.now.sum() - bridge.before.sum()), 2) == -99.75


def test_without_a_month_before_there_is_no_bridge(load_table):
    for given in ([], [("o1", "ann", "2026-10-02", 10, 1, True)]):
        bridge = revenue_bridge(shop(load_table, given), period=PERIOD)
        assert bridge.empty
        assert list(bridge.columns) == list(COLUMNS)


def test_a_month_without_orders_loses_everybody(load_table):
    bridge = revenue_bridge(shop(load_table, [("o1", "ann", "2026-09-02", 10, 1, True)]), period=PERIOD).set_index("line")
    assert bridge.loc["lost", "change"] == bridge.change.sum() == -10


def test_how_far_chance_moves_a_line_is_told_by_its_customers(load_table):
    bridge = revenue_bridge(shop(load_table), period=PERIOD).set_index("line")
    # bob took 50 and eve 70 + 10 away; guests brought 25 now and 15 before.
    lost, guests = (skewed_interval(t, v, c / v**1.5) for t, v, c in ((-130, 50**2 + 80**2, -(50**3) - 80**3), (10, 850, 25**3 - 15**3)))
    assert bridge.loc["lost", ["low", "high"]].tolist() == pytest.approx(lost)
    assert bridge.loc["guests", ["low", "high"]].tolist() == pytest.approx(guests)
    assert bridge.loc["returns", "low"] < -5 < bridge.loc["returns", "high"]


def monthly(load_table, **spent):
    """Every month one customer of old and one who is new buy; the new ones never again."""
    rows = []
    for i, month in enumerate(spent, 1):
        rows += [(f"a{i}", "ann", f"{month[1:].replace('_', '-')}-05", 20, 1, True)]
        rows += [(f"n{i}", f"new{i}", f"{month[1:].replace('_', '-')}-07", spent[month], 1, True)]
    return shop(load_table, rows)


def test_a_line_is_usual_against_the_months_before_and_unusual_where_none_was_like_it(load_table):
    spent = {"m2026_01": 900, "m2026_02": 500, "m2026_03": 10, "m2026_04": 12, "m2026_05": 8, "m2026_06": 10, "m2026_07": 11, "m2026_08": 9}
    calm = revenue_bridge(monthly(load_table, **spent, m2026_09=10, m2026_10=11), period=PERIOD).set_index("line")
    # January may be cut short, so what is new in it and in February is no measure: 10, 12, 8, 10, 11, 9 and 10 are.
    assert (calm.loc["new", "change"], calm.loc["new", "usual"], calm.loc["new", "unusual"]) == (11, 10, False)
    odd = revenue_bridge(monthly(load_table, **spent, m2026_09=10, m2026_10=40), period=PERIOD).set_index("line")
    assert (odd.loc["new", "usual"], odd.loc["new", "unusual"]) == (10, True)
    assert not odd.loc["expansion", "unusual"]


def test_three_months_make_a_usual_change_and_six_make_an_unusual_one(load_table):
    few = revenue_bridge(monthly(load_table, m2026_06=5, m2026_07=5, m2026_08=10, m2026_09=12, m2026_10=99), period=PERIOD).set_index(
        "line"
    )
    assert math.isnan(few.loc["new", "usual"])
    some = {f"m2026_{month:02}": 10 for month in range(4, 10)}
    told = revenue_bridge(monthly(load_table, **some, m2026_10=99), period=PERIOD).set_index("line")
    assert (told.loc["new", "usual"], told.loc["new", "unusual"]) == (10, False)


def test_a_line_needs_another_month_to_be_usual_against(load_table):
    with pytest.raises(ValueError, match="months is 1"):
        revenue_bridge(shop(load_table), period=PERIOD, months=1)


def tree_of(load_table, given=ORDERS):
    told = kpis(load_table, given)
    return revenue_tree(told, month_noise(shop(load_table, given), told, period=PERIOD))


def test_the_factors_of_revenue_leave_nothing_over(load_table):
    tree = tree_of(load_table)
    assert tree.factor.tolist() == ["customers", "orders_per_customer", "items_per_order", "price_per_item", "guest_revenue"]
    # 250.10 of 4 customers, 4 orders, 5 items in September; 140.35 of 4 customers, 4 orders, 7 items in October.
    weight = (140.35 - 250.10) / math.log(140.35 / 250.10)
    effects = [0, 0, weight * math.log(7 / 5), weight * math.log((140.35 / 7) / (250.10 / 5)), 10]
    assert tree.effect.tolist() == pytest.approx(effects)
    assert tree.effect.sum() == pytest.approx(-99.75)
    assert tree.growth.tolist() == pytest.approx([0, 0, 7 / 5 - 1, (140.35 / 7) / (250.10 / 5) - 1, 10 / 15])


def test_without_quantities_the_tree_ends_at_order_value(load_table):
    given = [(*row[:4], None, row[5]) for row in ORDERS]
    tree = tree_of(load_table, given)
    assert tree.factor.tolist() == ["customers", "orders_per_customer", "aov", "guest_revenue"]
    assert tree.effect.sum() == pytest.approx(-99.75)


def test_a_tree_needs_two_months_with_revenue(load_table):
    assert tree_of(load_table, [("o1", "ann", "2026-10-02", 10, 1, True)]).empty
    assert tree_of(load_table, []).empty


def test_a_factor_has_the_interval_of_its_change(load_table):
    tree = tree_of(load_table).set_index("factor")
    # Four bought in each month, ann and ben in both: bob and eve went, cai and dee came. The count may move by 1.96 × 2.
    weight = (140.35 - 250.10) / math.log(140.35 / 250.10) / 4
    assert tree.loc["customers", ["low", "high"]].tolist() == pytest.approx([weight * -2 * 1.959964, weight * 2 * 1.959964])
    assert (tree.low <= tree.effect).all() and (tree.effect <= tree.high).all()
