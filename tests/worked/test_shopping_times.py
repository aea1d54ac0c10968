"""The full hours of the week, worked by hand."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from custkit.analysis.shopping_times import WEEKDAYS, busiest_hours, weekday_hours, weekdays

SUNDAY = datetime(2026, 11, 1)  # the first instant after Saturday, 31 October


def order(at, *, revenue=10, customer="anna", number=[0]):  # noqa: B006
    number[0] += 1
    return {"order_id": f"o{number[0]}", "customer_id": customer, "ordered_at": at, "revenue": revenue, "is_purchase": True}


# Two whole weeks: three orders on one Monday and one on the next, one Tuesday, one Sunday.
ORDERS = [
    order("2026-10-18 09:10", customer=None),
    order("2026-10-19 09:00"), order("2026-10-19 10:30"), order("2026-10-19 18:00", customer=None),
    order("2026-10-26 09:59", revenue=40),
    order("2026-10-27 23:59:59"),
]  # fmt: skip


def put(load_table, rows):
    return load_table("orders", rows)


def test_a_weekday_is_averaged_over_its_days_whether_or_not_somebody_bought(load_table):
    days = weekdays(put(load_table, ORDERS), as_of=SUNDAY, window_days=14).set_index("weekday")
    assert list(days.index) == list(WEEKDAYS)
    assert list(days["days"]) == [2] * 7
    monday = days.loc["Monday"]
    # 3 and 1 orders: mean 2, standard deviation √2, and Student's t with one degree of freedom reaches 12.706.
    assert (monday["orders"], monday["orders_per_day"], monday["revenue"]) == (4, 2.0, 70.0)
    assert monday["per_day_low"] == 0.0 and monday["per_day_high"] == pytest.approx(2 + 12.7062, abs=1e-3)
    assert monday["revenue_share"] == pytest.approx(70 / 90) and monday["aov"] == 17.5
    assert days.loc["Wednesday", "orders"] == 0 and pd.isna(days.loc["Wednesday", "aov"])


def test_weeks_before_the_first_order_are_no_weeks_without_orders(load_table):
    days = weekdays(put(load_table, ORDERS), as_of=SUNDAY)
    assert list(days["days"]) == [2] * 7
    # The first order lies on the Monday: its week is not whole, and one week is left.
    days = weekdays(put(load_table, ORDERS[1:]), as_of=SUNDAY)
    assert list(days["days"]) == [1] * 7 and days["orders"].sum() == 2


def test_nothing_after_the_month_is_counted_and_no_week_is_no_row(load_table):
    late = [*ORDERS, order("2026-11-01 00:00"), order("2026-10-17 23:59")]
    assert weekdays(put(load_table, late), as_of=SUNDAY, window_days=14)["orders"].sum() == 6
    assert weekdays(put(load_table, ORDERS[4:]), as_of=SUNDAY).empty
    assert weekdays(put(load_table, []), as_of=SUNDAY).empty


def test_weekdays_that_are_alike_are_alike_and_those_that_differ_each_week_differ(load_table):
    alike = [order(f"2026-10-{day:02} 10:00") for day in range(4, 32)]
    assert weekdays(put(load_table, alike), as_of=SUNDAY)["p_value"].iloc[0] == 1.0
    more_on_mondays = [order(f"2026-10-{day:02} 11:00") for day in (5, 12, 19, 26) for _again in range(3)]
    assert weekdays(put(load_table, [*alike, *more_on_mondays]), as_of=SUNDAY)["p_value"].iloc[0] == 0.0
    assert pd.isna(weekdays(put(load_table, alike[7:]), as_of=SUNDAY)["p_value"].iloc[0])  # three weeks are too few


def test_every_hour_of_the_week_has_a_row(load_table):
    week = weekday_hours(put(load_table, ORDERS), as_of=SUNDAY)
    assert len(week) == 168 and week["orders"].sum() == 6 and week["order_share"].sum() == pytest.approx(1)
    full = week[week["orders"] > 0].set_index(["weekday", "hour"])["orders"].to_dict()
    assert full == {("Monday", 9): 2, ("Monday", 10): 1, ("Monday", 18): 1, ("Tuesday", 23): 1, ("Sunday", 9): 1}
    assert week.loc[week["orders"].idxmax(), "times_even"] == pytest.approx(2 * 168 / 6)


def test_a_client_that_records_dates_has_no_hours(load_table):
    dates = [order(f"2026-10-{day} 00:00") for day in (19, 20, 21)]
    assert weekday_hours(put(load_table, [*dates, order("2026-10-22 14:00")]), as_of=SUNDAY).empty
    # Half of them at midnight may be a shop that is open at midnight.
    assert len(weekday_hours(put(load_table, [*dates[:1], order("2026-10-22 14:00")]), as_of=SUNDAY)) == 168
    assert weekday_hours(put(load_table, []), as_of=SUNDAY).empty


def test_the_busiest_stretch_lies_within_one_day_and_is_the_first_of_equals(load_table):
    week = weekday_hours(put(load_table, ORDERS), as_of=SUNDAY)
    row = busiest_hours(week).iloc[0]
    assert (row["weekday"], row["from_hour"], row["to_hour"], row["orders"]) == ("Monday", 8, 11, 3)
    assert row["order_share"] == 0.5 and row["even_share"] == pytest.approx(3 / 168)
    assert row["low"] < 0.12  # one of 154 stretches is the busiest by luck
    assert busiest_hours(week.iloc[:0]).empty


def test_questions_that_cannot_be_meant_are_refused(load_table):
    orders = put(load_table, ORDERS)
    with pytest.raises(ValueError, match="a week has 7 days"):
        weekdays(orders, as_of=SUNDAY, window_days=6)
    with pytest.raises(ValueError, match="at least one day"):
        weekday_hours(orders, as_of=SUNDAY, window_days=0)
    with pytest.raises(ValueError, match="1 to 24 hours"):
        busiest_hours(weekday_hours(orders, as_of=SUNDAY), hours=25)
