"""What is kept of revenue: from the costs where they are known, else as the client says."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis.margins import kept_share

AS_OF = datetime(2026, 11, 1)
ORDERS = [
    {"order_id": "o1", "ordered_at": "2026-10-01", "revenue": 60, "cost_amount": 40},
    {"order_id": "o2", "ordered_at": "2026-10-02", "revenue": 40, "cost_amount": 20},
    {"order_id": "cost not known", "ordered_at": "2026-10-03", "revenue": 900},
    {"order_id": "before the window", "ordered_at": "2025-10-31", "revenue": 10, "cost_amount": 10},
    {"order_id": "after the month", "ordered_at": "2026-11-01", "revenue": 10, "cost_amount": 10},
]


def test_the_share_is_that_of_the_years_orders_whose_costs_are_known(load_table):
    assert kept_share(load_table("orders", ORDERS), as_of=AS_OF, given=0.9) == pytest.approx(0.4)


def test_without_costs_the_client_says_it_or_nobody_does(load_table):
    orders = load_table("orders", ORDERS[2:3])
    assert kept_share(orders, as_of=AS_OF, given=0.9) == 0.9
    assert kept_share(orders, as_of=AS_OF) is None


def test_goods_sold_below_their_cost_leave_no_share_to_reckon_with(load_table):
    orders = load_table("orders", [ORDERS[0] | {"cost_amount": 70}])
    assert kept_share(orders, as_of=AS_OF, given=0.9) is None
