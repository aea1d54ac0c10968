"""Holidays, promotions and campaigns against the same weekdays around them, worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from custkit.analysis.special_days import CAMPAIGN, HOLIDAY, PROMOTION, special_day_effects, special_days
from custkit.client import Client

SOURCES = ({"table": "order_lines", "files": "x", "columns": {"amount": "a"}},)
FIRST = pd.Timestamp("2026-01-05")  # a Monday


def client(**settings):
    return Client(**{"name": "Tiny", "currency": "EUR", "time_zone": "UTC", "sources": SOURCES, **settings})


def daily(weeks, orders):
    """Whole weeks from a Monday on with `orders(place)` orders of 10 each on the day at `place`."""
    days = pd.date_range(FIRST, periods=7 * weeks).as_unit("us")
    counts = np.array([orders(place) for place in range(len(days))], dtype="int64")
    return pd.DataFrame({"day": days, "orders": counts, "revenue": counts * 10.0})


def marked(*rows):
    """(occasion, kind, first place, last place) of a run of days."""
    made = [(name, kind, FIRST + pd.Timedelta(days=first), FIRST + pd.Timedelta(days=last)) for name, kind, first, last in rows]
    return pd.DataFrame(made, columns=["occasion", "kind", "first_day", "last_day"])


def noisy(place):
    """About 100 orders, 110 and 90 in turn from week to week: chance moves a comparison by some percent."""
    return 110 if (place // 7) % 2 else 90


def row(sales, days, occasion="Feast"):
    return special_day_effects(sales, days).set_index("occasion").loc[occasion]


def test_a_day_is_compared_with_four_of_its_weekday_on_each_side():
    # Day 70 is the Monday of the eleventh week. Four Mondays before it and four after have 110 and 90 in turn: 100 are expected.
    sales = daily(20, lambda place: 150 if place == 70 else noisy(place))
    found = row(sales, marked(("Feast", HOLIDAY, 70, 70)))
    assert (found["times"], found["days"], found["orders"], found["expected_orders"]) == (1, 1, 150.0, 100.0)
    assert found["orders_effect"] == pytest.approx(0.5) and found["revenue_effect"] == pytest.approx(0.5)
    assert found["orders_low"] < 0.5 < found["orders_high"] and found["orders_q"] < 0.05 and found["is_significant"]
    assert found["before_effect"] == pytest.approx(0.1)  # the week before is one of 110 among 90 and 110


def test_a_straight_trend_cancels():
    sales = daily(20, lambda place: 1000 + 7 * place)
    found = row(sales, marked(("Feast", HOLIDAY, 70, 70)))
    assert found["orders_effect"] == pytest.approx(0.0, abs=1e-12)
    # Also where a neighbour is missing on one side: the other holiday in the week before is no comparison.
    both = row(sales, marked(("Feast", HOLIDAY, 70, 70), ("Eve", HOLIDAY, 63, 63)))
    assert both["orders_effect"] == pytest.approx(0.0, abs=1e-12)


def test_another_special_day_is_no_comparison_and_a_campaign_is_none_for_a_campaign():
    sales = daily(24, lambda place: 900 if place in (63, 77) else 100)
    lonely = row(sales, marked(("Feast", HOLIDAY, 70, 70)))
    assert lonely["expected_orders"] == pytest.approx((900 + 3 * 100) / 4)  # the promotion next to it is not known
    known = marked(("Feast", HOLIDAY, 70, 70), ("Sale", PROMOTION, 63, 63), ("Sale", PROMOTION, 77, 77))
    assert row(sales, known)["expected_orders"] == 100.0
    # For a holiday a campaign around it is no matter; for another campaign it is.
    around = marked(("Feast", HOLIDAY, 70, 70), ("Mail", CAMPAIGN, 0, 24 * 7 - 1), ("Call", CAMPAIGN, 70, 76))
    effects = special_day_effects(sales, around).set_index("occasion")
    assert effects.loc["Feast", "days"] == 1
    assert effects.loc["Call", "days"] == 0 and np.isnan(effects.loc["Call", "orders_effect"])


def test_a_day_too_close_to_either_end_is_not_told():
    sales = daily(20, noisy)
    days = marked(("First", HOLIDAY, 8, 8), ("Last", HOLIDAY, 20 * 7 - 8, 20 * 7 - 8), ("Third", HOLIDAY, 14, 14))
    effects = special_day_effects(sales, days).set_index("occasion")
    assert effects.loc["First", "days"] == effects.loc["Last", "days"] == 0
    assert effects.loc["Third", "days"] == 1  # two Mondays before it, and four after


def test_a_day_on_which_the_shop_was_shut_lost_everything():
    found = row(daily(20, lambda place: 0 if place == 70 else noisy(place)), marked(("Feast", HOLIDAY, 70, 70)))
    assert found["orders_effect"] == found["revenue_effect"] == -1.0 and found["is_significant"]
    assert found["orders_low"] == -1.0 and -1.0 <= found["orders_high"] < -0.9


def test_a_holiday_that_comes_twice_is_told_once_and_more_surely():
    sales = daily(30, lambda place: 130 if place in (70, 140) else noisy(place))
    once, twice = (row(sales, marked(*[("Feast", HOLIDAY, place, place) for place in places])) for places in ((70,), (70, 140)))
    assert (twice["times"], twice["days"], twice["orders"], twice["expected_orders"]) == (2, 2, 260.0, 200.0)
    assert twice["orders_high"] - twice["orders_low"] < once["orders_high"] - once["orders_low"]


def test_without_enough_ordinary_days_there_is_no_interval_and_without_days_no_row():
    found = row(daily(20, lambda place: 100), marked(("Feast", HOLIDAY, 70, 70)))  # nothing ever moves: chance is not known
    assert np.isnan(found["orders_low"]) and not found["is_significant"]
    assert special_day_effects(daily(20, noisy), marked()).empty
    assert special_day_effects(daily(0, noisy), marked()).empty


def test_holidays_come_from_the_calendar_of_the_client(load_table):
    campaigns = load_table("campaigns", [])
    year = daily(52, lambda place: 1)
    german = special_days(year, campaigns, client=client(holidays=["DE"]))
    assert ("German Unity Day", "2026-10-03") in {(row.occasion, str(row.first_day.date())) for row in german.itertuples()}
    assert "Corpus Christi" not in set(german["occasion"])
    bavarian = special_days(year, campaigns, client=client(holidays=["DE-BY"]))
    assert "Corpus Christi" in set(bavarian["occasion"]) and set(german["occasion"]) < set(bavarian["occasion"])
    # Without a line in the file: the country of time zone and currency, or none.
    named = special_days(year, campaigns, client=client(time_zone="Europe/Berlin"))
    pd.testing.assert_frame_equal(named, german)
    assert special_days(year, campaigns, client=client()).empty
    chinese = special_days(year, campaigns, client=client(holidays=["CN"], language="zh_CN"))
    assert "国庆节" in set(chinese["occasion"])


def test_a_shifted_holiday_bears_its_name_and_runs_of_days_are_one(load_table):
    days = pd.date_range("2022-12-01", "2023-01-31").as_unit("us")
    winter = pd.DataFrame({"day": days, "orders": 1, "revenue": 1.0})
    found = special_days(winter, load_table("campaigns", []), client=client(holidays=["US"]))
    new_year = found[found["occasion"] == "New Year's Day"]  # Sunday the first, and Monday the second in its stead
    assert [(str(row.first_day.date()), str(row.last_day.date())) for row in new_year.itertuples()] == [("2023-01-01", "2023-01-02")]


def test_promotions_and_campaigns_are_special_days_too(load_table):
    campaigns = load_table(
        "campaigns",
        [
            {"campaign_id": "k1", "campaign_name": "Spring", "starts_at": "2026-03-02 00:00", "ends_at": "2026-03-09 00:00"},
            {"campaign_id": "k2", "starts_at": "2026-04-01 09:00", "ends_at": "2026-04-02 09:00"},
            {"campaign_id": "k3", "campaign_name": "Without end", "starts_at": "2026-05-01 00:00"},
        ],
    )
    shop = client(promotion_days=[{"name": "Birthday", "days": "02-01 to 02-03"}, {"name": "Once", "days": "2025-01-01"}])
    found = special_days(daily(52, lambda place: 1), campaigns, client=shop)
    told = [(row.occasion, row.kind, str(row.first_day.date()), str(row.last_day.date())) for row in found.itertuples()]
    assert told == [
        ("Birthday", PROMOTION, "2026-02-01", "2026-02-03"),
        ("Spring", CAMPAIGN, "2026-03-02", "2026-03-08"),
        ("k2", CAMPAIGN, "2026-04-01", "2026-04-02"),
    ]
