"""Gaps between purchase days by hand: what a customer goes by, when the next order is due, and whether that came true."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import pytest

from custkit.analysis.next_order import (
    TOO_FEW,
    Cycle,
    customer_gaps,
    fit_cycle,
    next_order_check,
    next_orders,
    with_cycle,
)
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)
CYCLE = Cycle(centre=math.log(30), between=0.5, within=1.0, usual=0.3, backing=4.0, customers=100, gaps=400)


def purchases(days_ago):
    """{"ann": (40, 20, 10)} → orders so many days before as_of"""
    rows = [(customer, ago) for customer, agos in days_ago.items() for ago in agos]
    return [
        {
            "order_id": f"o{i}", "customer_id": customer, "ordered_at": AS_OF - timedelta(days=ago, hours=-9),
            "order_date": (AS_OF - timedelta(days=ago)).date(), "revenue": 10,
        }
        for i, (customer, ago) in enumerate(rows)
    ]  # fmt: skip


def by_customer(expr):
    return fetch(expr).to_pandas().set_index("customer_id").sort_index()


def test_gaps_are_counted_between_days_and_two_orders_on_one_day_are_one(load_table):
    gaps = by_customer(customer_gaps(load_table("orders", purchases({"ann": (70, 30, 30, 20), "bob": (5,)})), as_of=AS_OF))
    ann, bob = gaps.loc["ann"], gaps.loc["bob"]
    assert (ann.last_date, ann.waited, ann.gaps) == (date(2026, 10, 12), 20, 2)
    assert ann.mean_log == pytest.approx((math.log(40) + math.log(10)) / 2)
    assert ann.squares_log == pytest.approx(2 * (math.log(2) ** 2))
    assert (bob.waited, bob.gaps) == (5, 0)
    assert math.isnan(bob.mean_log) and bob.squares_log == 0


def test_only_gaps_begun_long_ago_teach_what_is_usual(load_table):
    # The data span 100 days, so a gap counts that began more than 50 days ago, however long it was.
    gaps = by_customer(customer_gaps(load_table("orders", purchases({"ann": (100, 60, 20, 10)})), as_of=AS_OF)).loc["ann"]
    assert (gaps.gaps, gaps.settled) == (3, 2)
    assert gaps.settled_log == pytest.approx(math.log(40))
    assert gaps.recent_log == pytest.approx((math.log(40) + math.log(10)) / 2)
    assert gaps.earlier_log == pytest.approx(math.log(40))


def test_a_customer_leans_on_everybody_by_two_gaps_here(load_table):
    # within 1.0 over between 0.5: two own gaps weigh as much as everybody's.
    assert CYCLE.gaps_that_weigh_half == 2.0
    table = load_table("orders", purchases({"ann": (70, 50, 30, 10), "bob": (5,), "cai": (25, 5)}))
    told = by_customer(with_cycle(customer_gaps(table, as_of=AS_OF), cycle=CYCLE))
    assert told.own_share.tolist() == pytest.approx([3 / 5, 0.0, 1 / 3])
    assert math.exp(told.usual_log["bob"]) == pytest.approx(30)
    assert told.usual_log["ann"] == pytest.approx(0.6 * math.log(20) + 0.4 * math.log(30))
    variance = (0.3 * 4 + 0.0) / (2 + 4) * (1 + 1 / 5)
    assert told.spread["ann"] == pytest.approx(math.sqrt(3 * variance) / math.pi)


def test_the_next_order_is_due_after_the_usual_gap_and_never_in_the_past(load_table):
    table = load_table("orders", purchases({"new": (1,), "late": (120,)}))
    due = by_customer(next_orders(customer_gaps(table, as_of=AS_OF), cycle=CYCLE, as_of=AS_OF))
    # Half of the gaps that outlast the first half day are over by a little more than 30 days.
    assert due.next_date["new"] == date(2026, 10, 31) + timedelta(days=30)
    assert due.next_low["new"] < due.next_date["new"] < due.next_high["new"]
    assert due.next_low["late"] >= AS_OF.date()
    assert due.overdue["late"] > 0.9 > 0.1 > due.overdue["new"]


def test_eight_in_ten_gaps_lie_between_the_outer_dates(load_table):
    table = load_table("orders", purchases({"new": (1,)}))
    due = by_customer(next_orders(customer_gaps(table, as_of=AS_OF), cycle=CYCLE, as_of=AS_OF)).loc["new"]
    variance = 0.3 * (1 + 1 / 2)
    spread = math.sqrt(3 * variance) / math.pi
    for name, odds in (("next_low", 1 / 9), ("next_high", 9.0)):
        days = (due[name] - due.last_date).days
        assert days == pytest.approx(30 * odds**spread, abs=1.0)


def test_the_dormant_have_no_next_order(load_table):
    table = load_table("orders", purchases({"ann": (181,), "bob": (180,)}))
    assert by_customer(next_orders(customer_gaps(table, as_of=AS_OF), cycle=CYCLE, as_of=AS_OF)).index.tolist() == ["bob"]


def test_too_few_customers_teach_nothing(load_table, rows):
    table = load_table("orders", purchases({f"c{i}": (100, 90, 80) for i in range(49)}))
    gaps = customer_gaps(table, as_of=AS_OF)
    cycle = fit_cycle(gaps)
    assert cycle.refusal == TOO_FEW and cycle.customers == 49
    assert rows(next_orders(gaps, cycle=cycle, as_of=AS_OF), by="customer_id") == []


def test_customers_who_are_all_alike_are_as_regular_as_each_other(load_table):
    # 60 customers with gaps of 20 and 45 days: the mean of a customer varies by nothing but what two gaps vary by.
    table = load_table("orders", purchases({f"c{i:02}": (100, 80, 35) for i in range(60)}))
    cycle = fit_cycle(customer_gaps(table, as_of=AS_OF))
    within = (math.log(45) - math.log(20)) ** 2 / 2
    assert cycle.centre == pytest.approx((math.log(20) + math.log(45)) / 2)
    assert cycle.within == pytest.approx(within)
    assert cycle.between == 0.01 and cycle.gaps_that_weigh_half == pytest.approx(within / 0.01)
    assert cycle.backing == 1e6


def test_what_was_said_half_a_year_ago_is_held_against_what_came(load_table):
    """Everyone came every 20 days, some more evenly than others; after the cut one stops, one comes at once, the rest go on."""
    agos = {f"c{i:02}": tuple(range(360 + i % 20, 180, -20)) for i in range(60)}
    later = {name: (*days, *range(days[-1] - 20, 0, -20)) for name, days in agos.items()}
    later["c00"] = agos["c00"]
    later["c01"] = (*agos["c01"], 180)
    later["c02"] = (*agos["c02"], 60)
    check = next_order_check(load_table("orders", purchases(later)), as_of=AS_OF).iloc[0]
    assert (check.days, check.customers, check.told, check.open) == (180, 60, 60, 0)
    assert (check.inside, check.early, check.late, check.not_back) == (57, 1, 1, 1)
    assert check.inside_share == pytest.approx(57 / 59)
    assert check.low < 57 / 59 < check.high


def test_short_data_are_held_against_nothing(load_table):
    assert next_order_check(load_table("orders", purchases({"ann": (150, 3)})), as_of=AS_OF).empty
    assert next_order_check(load_table("orders", []), as_of=AS_OF).empty


def test_windows_that_make_no_sense_are_refused(load_table):
    gaps = customer_gaps(load_table("orders", []), as_of=AS_OF)
    with pytest.raises(ValueError, match="active_days is 0"):
        next_orders(gaps, cycle=CYCLE, as_of=AS_OF, active_days=0)
