"""Nine customers and two guests, whose month can be worked out by hand; the rows of `SHOP` serve the overview's other tests too."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custkit.analysis.kpis import COLUMNS, monthly_kpis
from custkit.client import Lifecycle
from custkit.period import Period

PERIOD = Period(2026, 10)
RULES = Lifecycle(active_days=90, dormant_days=180)


def order(order_id, customer_id, ordered_at, revenue, items, *, is_purchase=True):
    return {
        "order_id": order_id, "customer_id": customer_id, "ordered_at": ordered_at, "order_date": ordered_at[:10],
        "is_purchase": is_purchase, "revenue": revenue, "items": items,
    }  # fmt: skip


SHOP = [
    order("o01", "ann", "2025-11-02 10:00", 100, 2),
    order("o02", "ann", "2026-09-10 10:00", 40, 1),
    order("o03", "ann", "2026-09-10 18:00", 20, 1),  # the second order of a day
    order("o04", "ann", "2026-10-05 09:00", 65, 3),
    order("o05", "bob", "2026-09-20 12:00", 50, 1),
    order("o06", "cai", "2026-10-12 08:00", 30, 1),  # new, two orders on one day: no repurchase
    order("o07", "cai", "2026-10-12 20:00", 30, 2),
    order("o08", "dee", "2026-03-15 12:00", 80, 4),
    order("o09", "dee", "2026-10-31 23:59", 20, 1),  # back in the last minute of the month
    order("o10", None, "2026-10-03 12:00", 25, 1),
    order("o11", None, "2026-09-03 12:00", 15, 1),
    order("o12", "eve", "2026-09-05 12:00", 70, 1),
    order("o13", "eve", "2026-10-20 12:00", -10, 0, is_purchase=False),  # only returned something in October
    order("o14", "fay", "2025-10-31 23:59", 200, 1),  # a minute before the trailing year
    order("o15", "gus", "2026-04-10 12:00", 90, 1),  # live on 1 October, dormant on 1 November
    order("o16", "hal", "2026-06-01 12:00", 30, 1),  # closed the account in October
    order("o17", "gus", "2026-10-02 12:00", -5, 0, is_purchase=False),
    order("o18", "ann", "2026-11-01 00:00", 999, 9),  # the first instant after the period
]
ACCOUNTS = [
    {"customer_id": "hal", "registered_at": "2026-05-01", "closed_at": "2026-10-15"},
    {"customer_id": "ivy", "registered_at": "2026-10-10"},  # registered, never bought
]


@pytest.fixture
def months(load_table):
    def tell(orders=SHOP, accounts=ACCOUNTS, events=(), **options):
        tables = load_table("orders", orders), load_table("customers", accounts), load_table("events", list(events))
        return monthly_kpis(*tables, **{"period": PERIOD, "rules": RULES, **options})

    return tell


def test_a_month_is_told_by_hand(months):
    october = months().iloc[-1]
    told = {
        "month": "2026-10", "complete": True, "history_days": 365,
        "revenue": 155, "known_revenue": 130, "guest_revenue": 25, "guest_revenue_share": 25 / 155,
        "revenue_to_day": 155, "revenue_year": 610, "revenue_ever": 810,
        "customers": 3, "new_customers": 1, "orders": 4, "guest_orders": 1, "all_orders": 5, "items": 7,
        "orders_per_customer": 4 / 3, "aov": 130 / 4, "aov_with_guests": 155 / 5, "spend_per_customer": 130 / 3,
        "items_per_order": 7 / 4, "price_per_item": 130 / 7,
        "customer_months": 10, "average_spend_per_customer": 61, "cumulative_spend_per_customer": 810 / 8, "cumulative_aov": 810 / 13,
        "repurchase_base": 7, "repeat_customers": 2, "repurchase_rate": 2 / 7,
        "repeat_customers_by_order": 3, "repurchase_rate_by_order": 3 / 7,
        "repurchase_base_mature": 4, "repeat_customers_mature": 2, "repurchase_rate_mature": 2 / 4,
        "customers_ever": 8, "repeat_customers_ever": 2, "repurchase_rate_all_time": 2 / 8,
        "churn_base": 5, "churned": 2, "churned_dormant": 1, "churned_lost": 1, "churn_rate": 2 / 5, "dormant_rate": 0.2, "lost_rate": 0.2,
        "registered": 9, "active_customers": 6, "activity_rate": 6 / 9, "first_buyers": 8, "first_purchase_rate": 8 / 9,
        "active_buyers": 5, "activity_rate_by_purchase": 5 / 9,
        "registered_mature": 5, "first_buyers_mature": 5, "first_purchase_rate_mature": 1,
    }  # fmt: skip
    assert {name: october[name] for name in told} == pytest.approx(told)
    assert october.last_order_date == pd.Timestamp("2026-10-31")


def test_order_value_is_never_the_mean_of_lines_nor_spend_per_customer(months):
    one_customer = [order("a", "ann", "2026-10-02", 10, 5), order("b", "ann", "2026-10-03", 30, 1), order("c", "bob", "2026-10-04", 20, 1)]
    october = months(one_customer, []).iloc[-1]
    assert (october.aov, october.spend_per_customer) == (20, 30)


def test_months_before_the_data_begin_are_blank_and_quiet_months_are_zero(months):
    told = months(months=13).set_index("month")
    assert list(told.index) == [str(PERIOD - back) for back in range(12, -1, -1)]
    earlier = months(months=14).set_index("month").loc["2025-09"]
    assert earlier.drop(["complete", "last_order_date"]).isna().all()
    assert not earlier.complete
    assert (told.loc["2025-12", "customers"], told.loc["2025-12", "revenue"]) == (0, 0)
    assert pd.isna(told.loc["2025-12", "aov"])


def test_churn_is_blank_until_the_data_reach_back_far_enough(months):
    told = months(months=13).set_index("month")
    assert told.loc["2026-04", ["churn_rate", "churn_base"]].isna().all()  # 180 days before April the data had not begun
    assert told.loc["2026-05", "churn_base"] == 3  # ann in November, dee and gus later; fay's 182 days are too many


def test_a_customer_who_does_anything_is_active_and_not_dormant(months):
    looked = [{"event_id": "e1", "visitor_id": "v", "customer_id": "gus", "occurred_at": "2026-10-28", "event_type": "visit"}]
    october = months(events=looked).iloc[-1]
    assert (october.active_customers, october.churned_dormant, october.churned_lost) == (7, 0, 1)


def test_an_account_counts_as_mature_ninety_days_after_it_was_opened(months):
    opened = [("eva", "2026-08-03 23:59"), ("fin", "2026-08-04 00:00"), ("gil", None)]  # 90 days before November begins
    accounts = [{"customer_id": who, "registered_at": at} for who, at in opened]
    october = months([order("o1", "gil", "2026-10-02", 5, 1)], accounts).iloc[-1]
    assert (october.registered, october.registered_mature, october.first_buyers_mature) == (3, 1, 0)


def test_a_month_that_is_not_over_is_set_beside_the_same_days_of_the_month_before(months):
    daily = [order(f"o{day}", "ann", f"2026-09-{day:02d} 12:00", 10, 1) for day in range(1, 31)]
    october = [order(f"p{day}", "ann", f"2026-10-{day:02d} 12:00", 7, 1) for day in range(1, 10)]
    returned = [order("r", "ann", "2026-09-09 18:00", -4, 0, is_purchase=False)]
    assert months(daily + october + returned, []).revenue_to_day.tail(2).tolist() == [86, 63]


def test_a_month_that_stops_early_is_incomplete(months):
    daily = [order(f"o{day}", "ann", f"2026-09-{day:02d} 12:00", 1, 1) for day in range(1, 31)]
    october = [order(f"p{day}", "ann", f"2026-10-{day:02d} 12:00", 1, 1) for day in range(1, 10)]
    assert months(daily + october, []).complete.tail(2).tolist() == [True, False]
    through = [order(f"q{day}", "ann", f"2026-10-{day:02d} 12:00", 1, 1) for day in range(10, 29)]
    assert months(daily + october + through, []).complete.tail(2).tolist() == [True, True]


def test_a_month_that_begins_late_is_incomplete(months):
    daily = [order(f"o{day}", "ann", f"2026-09-{day:02d} 12:00", 1, 1) for day in range(12, 31)]
    october = [order(f"p{day}", "ann", f"2026-10-{day:02d} 12:00", 1, 1) for day in range(1, 32)]
    assert months(daily + october, []).complete.tail(2).tolist() == [False, True]


def test_two_orders_on_one_day_are_no_repurchase(months):
    one_day = [order("a", "ann", "2026-10-02 09:00", 1, 1), order("b", "ann", "2026-10-02 21:00", 1, 1)]
    october = months(one_day, []).iloc[-1]
    assert (october.repurchase_rate, october.repurchase_rate_by_order) == (0, 1)


def test_without_orders_every_month_is_blank(months):
    told = months([], [])
    assert list(told.columns) == list(COLUMNS)
    assert len(told) == 25
    assert told.drop(columns=["month", "complete"]).isna().all(axis=None)
    assert not told.complete.any()


def test_a_shop_of_guests_has_revenue_and_no_customers(months):
    october = months([order("a", None, "2026-10-02", 10, 1)], []).iloc[-1]
    assert (october.revenue, october.customers, october.guest_revenue_share) == (10, 0, 1)
    assert math.isnan(october.aov)
    assert pd.isna(october.repurchase_rate)


def test_without_quantities_items_are_unknown(months):
    october = months([order("a", "ann", "2026-10-02", 10, None)], []).iloc[-1]
    assert october.aov == 10
    assert pd.isna(october["items"])
    assert pd.isna(october.items_per_order)


@pytest.mark.parametrize("wrong", [{"months": 0}, {"window_days": 0}])
def test_windows_have_a_length(months, wrong):
    with pytest.raises(ValueError, match="at least 1"):
        months(**wrong)
