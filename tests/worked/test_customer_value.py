"""The brief's formula beside the corrected one, and who stands where with what money."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.customer_value import AS_BRIEFED, CORRECTED, customer_value
from custkit.analysis.intervals import skewed_interval
from custkit.analysis.rates import wilson
from custkit.analysis.structure import COLUMNS, user_structure

AS_OF = datetime(2026, 11, 1)
ORDERS = [
    ("o1", "ann", "2026-01-01", 100, None, True),
    ("o2", "ann", "2026-02-01", 60, None, True),
    ("o3", "ann", "2026-02-05", -10, None, False),  # a return: less revenue, no order
    ("o4", "bob", "2026-03-01", 50, None, True),
    ("o5", "cai", "2025-10-31", 70, None, True),  # bought before the window, and once in it: no new customer
    ("o6", "cai", "2026-04-01", 40, None, True),
    ("o7", None, "2026-04-01", 40, None, True),
]
SPENT = [("2025-10-31 23:00", 999), ("2025-11-01", 10), ("2026-10-31", 30)]


def value(load_table, *, orders=ORDERS, spent=SPENT, **options):
    bought = [
        {"order_id": o, "customer_id": c, "ordered_at": at, "revenue": money, "cost_amount": cost, "is_purchase": is_purchase}
        for o, c, at, money, cost, is_purchase in orders
    ]
    spend = [{"spent_at": at, "channel": f"c{i}", "spend_amount": money} for i, (at, money) in enumerate(spent)]
    return customer_value(load_table("orders", bought), load_table("marketing_spend", spend), as_of=AS_OF, **options)


def test_the_corrected_value_counts_orders_once(load_table):
    # In the window 240 of three customers in four orders; two of them are new and cost 40 to win.
    told = value(load_table, gross_margin=0.5).set_index("definition")
    assert told.loc[AS_BRIEFED].tolist()[:5] == pytest.approx([80, 1 / 3, 0.5, 20, 80 / 3 * 0.5 - 20])
    assert told.loc[CORRECTED].tolist()[:5] == pytest.approx([60, 4 / 3, 0.5, 20, 60 * 4 / 3 * 0.5 - 20])
    assert told.loc[CORRECTED, ["customers", "new_customers"]].tolist() == [3, 2]


def test_the_value_has_the_interval_of_customers_drawn_anew(load_table):
    told = value(load_table, gross_margin=0.5).set_index("definition")
    # ann brought 150, bob 50, cai 40 of the mean 80: half of (70, -30, -40) / 3, and ann and bob each make winning one cheaper by 20 / 2.
    added = [70 / 3 * 0.5 + 10, -30 / 3 * 0.5 + 10, -40 / 3 * 0.5]
    square, cube = sum(u**2 for u in added), sum(u**3 for u in added)
    low, high = skewed_interval(60 * 4 / 3 * 0.5 - 20, square, cube / square**1.5)
    assert told.loc[CORRECTED, ["low", "high"]].tolist() == pytest.approx([low, high])
    assert low < told.loc[CORRECTED, "customer_value"] < high


def test_costs_on_the_orders_come_before_a_given_margin(load_table):
    costed = [(*row[:4], 20 if row[0] == "o4" else None, row[5]) for row in ORDERS]
    assert value(load_table, orders=costed, gross_margin=0.5).gross_margin.tolist() == pytest.approx([0.6, 0.6])


def test_what_is_unknown_makes_the_value_unknown(load_table):
    for told in (value(load_table), value(load_table, spent=[], gross_margin=0.5), value(load_table, orders=[], gross_margin=0.5)):
        assert told.customer_value.isna().all()
        assert len(told) == 2
    with pytest.raises(ValueError, match="window_days is 0"):
        value(load_table, window_days=0)


STAGED = pa.schema({"customer_id": pa.string(), "stage": pa.string()})
SEGMENTED = pa.schema({"customer_id": pa.string(), "monetary_value": pa.decimal128(38, 4), "segment": pa.string()})


def put(load_table, staged, segmented):
    stages = [dict(zip(STAGED.names, row, strict=True)) for row in staged]
    segments = [dict(zip(SEGMENTED.names, row, strict=True)) for row in segmented]
    return load_table("stages", stages, schema=STAGED), load_table("segments", segments, schema=SEGMENTED)


def test_every_customer_stands_in_one_stage_and_buyers_in_one_segment(load_table):
    staged = [("ann", "vip"), ("bob", "dormant"), ("cai", "registered"), ("dee", "vip")]
    segmented = [("ann", 75, "Champions"), ("bob", 15, "Hibernating"), ("dee", 10, "Champions")]
    told = user_structure(*put(load_table, staged, segmented))
    expected = pd.DataFrame(
        [
            ("lifecycle stage", "registered", 1, 0.25, 0.0, 0.0),
            ("lifecycle stage", "VIP", 2, 0.5, 85.0, 0.85),
            ("lifecycle stage", "dormant", 1, 0.25, 15.0, 0.15),
            ("segment", "Champions", 2, 2 / 3, 85.0, 0.85),
            ("segment", "Hibernating", 1, 1 / 3, 15.0, 0.15),
        ],
        columns=["grouping", "group", "customers", "customer_share", "revenue", "revenue_share"],
    ).astype({"grouping": "str", "group": "str"})
    assert list(told.columns) == list(COLUMNS)
    pd.testing.assert_frame_equal(told[list(expected.columns)], expected)


def test_shares_of_customers_and_of_revenue_have_their_intervals(load_table):
    staged = [("ann", "vip"), ("bob", "dormant"), ("cai", "registered"), ("dee", "vip")]
    segmented = [("ann", 75, "Champions"), ("bob", 15, "Hibernating"), ("dee", 10, "Champions")]
    vip = user_structure(*put(load_table, staged, segmented)).set_index("group").loc["VIP"]
    assert (vip.customer_low, vip.customer_high) == pytest.approx(wilson(2, 4))
    # Of 100 in all the two VIPs brought 75 and 10: each adds 15 % of their own, bob takes 85 % of his 15 away.
    added = [0.15 * 0.75, 0.15 * 0.10, -0.85 * 0.15]
    square, cube = sum(u**2 for u in added), sum(u**3 for u in added)
    assert (vip.revenue_low, vip.revenue_high) == pytest.approx(skewed_interval(0.85, square, cube / square**1.5))


def test_nobody_has_no_structure(load_table):
    told = user_structure(*put(load_table, [], []))
    assert told.empty
    assert list(told.columns) == list(COLUMNS)
    only_registered = user_structure(*put(load_table, [("ann", "registered")], []))
    assert math.isnan(only_registered.revenue_share.iloc[0])
