"""What the page on purchase behaviour says, and that it says nothing where there is nothing to say."""

from __future__ import annotations

import math
from datetime import datetime

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from custkit.analysis.attributes import HOLDS, NO_BETTER, TOO_FEW
from custkit.analysis.base_attributes import AGE, GENDER
from custkit.analysis.demand import ALL, PIECES
from custkit.analysis.favourites import FALLING, RISING, STEADY
from custkit.analysis.shopping_times import WEEKDAYS
from custkit.analysis.special_days import CAMPAIGN, HOLIDAY
from custkit.present import charts
from custkit.present.findings import purchase_behaviour as findings

AS_OF = datetime(2026, 11, 1)


def text(finding):
    return f"{finding.headline} {finding.detail}"


def days(p_value=0.001, empty=0):
    orders = [100, 140, 90, 90, 90, 90, empty]
    return pd.DataFrame(
        {
            "weekday": WEEKDAYS, "days": 10, "orders": orders, "orders_per_day": [n / 10 for n in orders], "per_day_low": 5.0,
            "per_day_high": 15.0, "revenue": 1000.0, "revenue_share": 1 / 7, "aov": 10.0, "p_value": p_value,
        }
    )  # fmt: skip


BUSIEST = pd.DataFrame(
    [("Tuesday", 18, 21, 60, 0.1, 0.08, 0.12, 3 / 168)],
    columns=["weekday", "from_hour", "to_hour", "orders", "order_share", "low", "high", "even_share"],
)


def test_the_full_hours_are_named():
    told = findings.times_finding(days(), BUSIEST)
    assert told.headline == "Most orders come on Tuesday from 18:00 to 21:00." and told.tone == "plain"
    assert "10.0% of all orders" in told.detail and "Tuesday brings most orders, 14.0 a day; Sunday brings none." in told.detail
    assert {fact.key for fact in told.facts} == {"behaviour.busiest_weekday_orders", "behaviour.busiest_hours_share"}


def test_a_client_of_dates_is_told_that_hours_are_missing():
    told = findings.times_finding(days(), BUSIEST.iloc[:0])
    assert told.headline.startswith("Tuesday brings most orders") and "hold dates, no times" in told.detail
    assert findings.times_finding(days(p_value=0.4), BUSIEST.iloc[:0]).tone == "quiet"
    assert "no whole week" in findings.times_finding(days().iloc[:0], BUSIEST.iloc[:0]).headline


def season(p_value=0.001, years=2):
    index = [1.0] * 10 + [1.1, 1.3]
    return pd.DataFrame(
        {
            "calendar_month": range(1, 13), "years": years, "season_index": index, "index_low": [value - 0.05 for value in index],
            "index_high": [value + 0.05 for value in index], "revenue_index": index, "p_value": p_value,
        }
    )  # fmt: skip


DAILY = pd.DataFrame({"day": pd.date_range("2026-06-01", "2026-08-31").as_unit("us"), "orders": 1, "revenue": 1.0})


def test_a_season_names_its_months_and_two_years_are_doubted():
    told = findings.season_finding(season(), DAILY)
    assert told.headline == "The year has a season: December 30% more, November 10% more."
    assert "ask what happened then" in told.detail and len(told.facts) == 12
    assert "ask what happened then" not in findings.season_finding(season(years=4), DAILY).detail
    assert findings.season_finding(season(p_value=0.3), DAILY).tone == "quiet"


def test_too_short_a_history_says_how_long_it_is():
    told = findings.season_finding(season().iloc[:0], DAILY)
    assert told.headline.startswith("The season is not told: it takes 24 whole months and the data reach over 3;") and told.tone == "quiet"


def effects(*rows):
    """(occasion, kind, orders, expected, q of revenue, effect of the week before, its q)"""
    made = [
        {
            "occasion": name, "kind": kind, "times": 1, "days": int(orders == orders), "orders": orders, "expected_orders": expected,
            "orders_effect": orders / expected - 1, "orders_low": orders / expected - 1.1, "orders_high": orders / expected - 0.9,
            "revenue": 10 * orders, "expected_revenue": 10 * expected, "revenue_effect": orders / expected - 1,
            "revenue_low": orders / expected - 1.1, "revenue_high": orders / expected - 0.9, "before_effect": before,
            "before_low": before - 0.1, "before_high": before + 0.1, "orders_q": q, "revenue_q": q, "before_q": before_q,
            "is_significant": q <= 0.05 or before_q <= 0.05,
        }
        for name, kind, orders, expected, q, before, before_q in rows
    ]  # fmt: skip
    return pd.DataFrame(made)


FEAST = ("Thanksgiving", HOLIDAY, 60.0, 100.0, 0.01, 0.25, 0.01)
QUIET_DAY = ("Labor Day", HOLIDAY, 103.0, 100.0, 0.9, 0.0, 0.9)
SHUT = ("Christmas Day", HOLIDAY, 0.0, 100.0, 0.0, 0.1, 0.9)
UNTOLD = ("Mail", CAMPAIGN, math.nan, 100.0, math.nan, math.nan, math.nan)


def test_a_special_day_is_told_with_the_week_before_it():
    told = findings.special_finding(effects(FEAST, QUIET_DAY, SHUT, UNTOLD))
    assert told.headline == "Thanksgiving: 40% less revenue, and 25% more in the week before."
    assert "Nothing was sold on: Christmas Day." in told.detail and "no proof of cause" in told.detail
    assert "1 campaign cannot be told apart" in told.detail
    assert [fact.key for fact in told.facts] == ["behaviour.special_thanksgiving", "behaviour.before_thanksgiving"]


def test_special_days_within_chance_are_quiet():
    told = findings.special_finding(effects(QUIET_DAY))
    assert (told.headline, told.tone) == ("1 special day left no mark beyond chance.", "quiet")
    assert findings.special_finding(effects(SHUT)).headline == "Nothing was sold on: Christmas Day."
    assert "none has ordinary days on both sides" in findings.special_finding(effects(UNTOLD)).headline
    assert "name holidays" in findings.special_finding(effects(FEAST).iloc[:0]).headline
    shown = findings.special_table(effects(FEAST, UNTOLD)).payload
    assert [row[0]["text"] for row in shown["rows"]] == ["Thanksgiving"] and "1 could not be compared" in shown["note"]


def liked(*rows):
    """(item, customers, revenue, share before, share now, trend)"""
    made = pd.DataFrame(rows, columns=["item", "customers", "revenue", "share_before", "share_now", "trend"])
    return made.assign(
        customer_share=made["customers"] / 100, orders=made["customers"], order_share=0.1, revenue_share=made["revenue"] / 1000,
        change=made["share_now"] / made["share_before"] - 1, q_value=0.01,
    )  # fmt: skip


def test_favourites_are_named_and_so_are_the_movers():
    products = liked(("Tea", 60, 100.0, 0.1, 0.2, RISING), ("Cup", 40, 300.0, 0.3, 0.1, FALLING), ("Jar", 20, 50.0, 0.1, 0.1, STEADY))
    told = findings.favourites_finding(products, products.iloc[:0], compared=364)
    assert told.headline == "Tea is bought by most customers: 60% of them." and "Cup brings most revenue, 30.0% of it." in told.detail
    assert (
        "Products that moved beyond chance in the last 91 days, against the same weeks a year before: 1 up, 1 down: "
        "Tea 10.0% to 20.0%, Cup 30.0% to 10.0%" in told.detail
    )
    assert "so a season may be in it" in findings.favourites_finding(products, products, compared=91).detail
    assert "half a year of data" in findings.favourites_finding(products, products, compared=0).detail
    assert "name no products" in findings.favourites_finding(products.iloc[:0], products.iloc[:0], compared=364).headline
    steady = liked(("Tea", 60, 100.0, 0.1, 0.1, STEADY))
    assert "It also brings most revenue" in text(findings.favourites_finding(steady, steady, compared=91))


def test_where_no_customer_is_known_the_favourite_is_what_is_in_most_orders():
    # A grocer who sends stores' weeks and no customers: the page stopped at "cannot convert float NaN to integer".
    guests = liked(("Tea", 60, 100.0, 0.1, 0.1, STEADY), ("Cup", 40, 300.0, 0.1, 0.1, STEADY)).sort_values("revenue", ascending=False)
    told = findings.favourites_finding(*[guests.assign(customers=0, customer_share=math.nan)] * 2, compared=364)
    assert told.headline == "Tea is in most orders: 10% of them."
    assert "Of the categories, Tea is in most orders (10%)." in told.detail
    share = told.facts[0]
    assert (share.key, share.numerator, share.denominator) == ("behaviour.favourite_orders", 60, 600)


@pytest.mark.parametrize(
    ("mean", "luck", "says"),
    [(3.0, 4.0, "keep to their own"), (5.0, 4.0, "seek variety"), (4.0, 4.01, "as many as luck would give")],
)
def test_breadth_is_set_beside_luck(mean, luck, says):
    row = pd.DataFrame(
        [(200, mean, luck, mean - luck, mean - luck - 0.005, mean - luck + 0.005)],
        columns=["customers", "mean_categories", "expected_categories", "difference", "low", "high"],
    )
    bands = pd.DataFrame({"breadth": ["1", "6–10"], "customers": [150, 50], "customer_share": [0.75, 0.25], "revenue_share": [0.4, 0.6]})
    told = findings.breadth_finding(bands, row)
    assert says in told.headline and "25% of them buy from six categories or more and bring 60% of revenue" in told.detail
    assert "name no categories" in findings.breadth_finding(bands, row.assign(difference=math.nan)).headline


def shares(differs):
    return pd.DataFrame(
        {
            "attribute": GENDER, "group": ["f", "m"], "customers": [50, 60], "spend_per_customer": [30.0, 20.0], "rest_spend": [20.0, 30.0],
            "spend_q": [0.01, 0.01], "spend_differs": differs,
        }
    )  # fmt: skip


def cell(clear):
    return pd.DataFrame(
        [(AGE, "65+", "Tea", 80, 0.3, 0.2, 1.5, 0.1, 0.05, 0.15, 0.01, clear)],
        columns=[
            "attribute", "group", "category", "customers", "line_share", "rest_share", "times_rest", "difference", "low", "high", "q_value",
            "is_significant",
        ],
    )  # fmt: skip


def test_groups_are_told_where_they_differ_and_left_in_peace_where_not():
    told = findings.groups_finding(shares(True), cell(True))
    assert told.headline == "Gender f spend $30.00 each, the others $20.00."
    assert "Tea is 30.0% of what age 65+ buy, 20.0% of what the others do." in told.detail
    alike = findings.groups_finding(shares(False), cell(False))
    assert alike.tone == "quiet" and "Do not plan by these attributes." in alike.detail
    assert "hold no gender" in findings.groups_finding(shares(False).iloc[:0], cell(False).iloc[:0]).headline
    assert findings.groups_finding(shares(False), cell(True)).headline.startswith("Tea is")
    assert findings.differences_table(cell(False)).payload["rows"] == []


def checks(*verdicts):
    rows = [(f"rule {i}", 90, 60, 30, 0.5, 0.4, 0.6, 500, 0.2, 0.25, 2.0, 1.5, 2.5, verdict) for i, verdict in enumerate(verdicts)]
    return pd.DataFrame(
        rows,
        columns=[
            "attribute", "customers", "holders", "bought", "precision", "precision_low", "precision_high", "others", "base_rate",
            "others_rate", "attribute_lift", "lift_low", "lift_high", "verdict",
        ],
    )  # fmt: skip


KNOWN = pd.DataFrame(
    [("rule 0", 40, 20, 0.5, 0.35, 0.65, 0.3)],
    columns=["attribute", "known_customers", "right", "known_share", "known_low", "known_high", "base_share"],
)


def test_guesses_are_told_by_how_they_did():
    told = findings.attributes_finding(checks(HOLDS, NO_BETTER, TOO_FEW), KNOWN)
    assert told.headline == "1 of 2 guesses from purchases hold in the month after." and "A guess, no fact" in told.detail
    assert "“rule 0”: 50.0% bought what it predicts, 25.0% of others with orders as full." in told.detail
    assert "“rule 0”: of 40 whose answer is known it is right for 50.0%, of all customers for 30.0%." in told.detail
    assert "rule 2" not in told.detail
    none = findings.attributes_finding(checks(NO_BETTER), KNOWN.iloc[:0])
    assert none.tone == "quiet" and none.detail.endswith("Send nothing by them.")
    assert "too few of those concerned" in findings.attributes_finding(checks(TOO_FEW), KNOWN.iloc[:0]).headline
    assert "no rule under “attributes”" in findings.attributes_finding(checks(), KNOWN.iloc[:0]).headline


def outlook(*rows):
    made = pd.DataFrame(rows, columns=["region", "wins"])
    told = made["wins"]
    return made.assign(
        last_weeks=100.0, next_weeks=np.where(told, 110.0, np.nan), demand_low=np.where(told, 90.0, np.nan),
        demand_high=np.where(told, 130.0, np.nan), change=np.where(told, 0.1, np.nan), forecast_error=0.1, error_saved=0.2,
    )  # fmt: skip


SKILL = pd.DataFrame(
    {
        "region": [ALL, "north"], "cuts": 13, "forecast_error": 0.1, "naive_error": 0.2, "last_year_error": math.nan, "error_saved": 0.5,
        "wins": [True, False], "coverage": 0.8, "weeks_covered": 80, "weeks_tested": 100,
    }
)  # fmt: skip
WEEKLY = pd.DataFrame({"region": [ALL], "week": [pd.Timestamp(AS_OF)], "demand": [1.0], "unit": [PIECES]})


def test_demand_is_a_range_with_its_proof():
    told = findings.demand_finding(outlook((ALL, True), ("north", False)), SKILL, WEEKLY)
    assert told.headline == "90 to 130 pieces will be asked for in the next four weeks, eight times in ten."
    assert "Tried on 13 past cuts: better than last week's figure, beyond chance, in 1 of 2 series; 80% of past weeks" in told.detail
    assert "Not foretold, for want of a win: north." in told.detail and "run short one time in ten" in told.detail
    part = findings.demand_finding(outlook((ALL, False), ("north", True)), SKILL, WEEKLY)
    assert part.headline == "Demand can be foretold for 1 of 1 regions, not for all together."


def test_a_forecast_that_lost_says_so_and_too_short_a_history_too():
    lost = findings.demand_finding(outlook((ALL, False)), SKILL, WEEKLY)
    assert lost.tone == "quiet" and "plan with what the last weeks brought" in lost.headline
    assert "It was 10% off, the last week's figure 20%." in lost.detail
    assert "takes 26 whole weeks" in findings.demand_finding(outlook().iloc[:0], SKILL.iloc[:0], WEEKLY.iloc[:0]).headline


TRAITS = pd.DataFrame(
    [("lines on offer", 0.6, 0.2, 0.4, 0.3, 0.5, 0.001, True, 10, 90, "share")],
    columns=[
        "trait", "best_value", "rest_value", "difference", "low", "high", "q_value", "is_significant", "best_products", "rest_products",
        "unit",
    ],
)  # fmt: skip
PROBLEMS = pd.DataFrame(
    [("no longer sold", 20, 0.5, 0.1, 0.4, 0.3, 0.5, 0.001, True, 40)],
    columns=[
        "problem",
        "slow_products",
        "slow_share",
        "rest_share",
        "difference",
        "low",
        "high",
        "q_value",
        "is_significant",
        "slow_in_all",
    ],
)


def test_best_and_slow_sellers_are_told_by_what_stands_out():
    told = findings.sellers_finding(TRAITS, PROBLEMS)
    assert told.headline == "What best sellers have in common: 60.0% lines on offer (20.0% of the rest)."
    assert "the 40 slow sellers more often than with others: 50% no longer sold (10% of the others)" in told.detail
    nothing = findings.sellers_finding(TRAITS.assign(is_significant=False), PROBLEMS.assign(is_significant=False))
    assert nothing.tone == "quiet" and "nothing in common" in nothing.headline and "few buyers" in nothing.detail
    assert "forty products" in findings.sellers_finding(TRAITS.iloc[:0], PROBLEMS.iloc[:0]).headline


WEEK = pd.DataFrame(
    [(day, hour, 1, 1 / 168) for day in WEEKDAYS for hour in range(24)], columns=["weekday", "hour", "orders", "order_share"]
)
AHEAD = pd.DataFrame(
    {
        "region": ALL, "week": pd.date_range("2026-09-06", periods=10, freq="7D").as_unit("us"), "lead": range(-7, 3),
        "demand": [10.0] * 8 + [math.nan] * 2, "forecast": [math.nan] * 8 + [11.0, 12.0], "low": [math.nan] * 8 + [8.0, 9.0],
        "high": [math.nan] * 8 + [14.0, 15.0],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("draw", "frame"),
    [
        (charts.busy_hours, WEEK), (charts.season_months, season()), (charts.special_day_effects, effects(FEAST, QUIET_DAY, SHUT)),
        (charts.demand_weeks, AHEAD),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)  # fmt: skip
def test_charts_draw_on_their_own_axes_and_leave_the_rest_as_it_was(draw, frame):
    before, kept = _settings(), frame.copy()
    figure, (mine, other) = plt.subplots(2)
    assert draw(frame, ax=mine, title="A finding", measure="of whom") is mine
    assert mine.get_legend() is None and not other.lines and not other.patches
    pd.testing.assert_frame_equal(frame, kept)
    plt.close(figure)
    ax = draw(frame.iloc[:0])
    plt.close(ax.get_figure())
    assert _settings() == before


def _settings():
    """What a chart must leave alone; how SVG is written is set once a kernel."""
    return {name: value for name, value in mpl.rcParams.items() if not name.startswith(("svg.", "_"))}


def test_the_fullest_hours_are_framed_and_a_shut_day_is_not_drawn():
    fullest = WEEK.assign(orders=np.where((WEEK["weekday"] == "Friday") & WEEK["hour"].between(17, 19), 50, 1))
    fullest["order_share"] = fullest["orders"] / fullest["orders"].sum()
    ax = charts.busy_hours(fullest, title="x")
    frame = ax.patches[-1]
    assert (round(frame.get_x()), round(frame.get_y()), round(frame.get_width())) == (17, 4, 3)
    plt.close(ax.get_figure())
    ax = charts.special_day_effects(effects(FEAST, SHUT), title="x")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Thanksgiving"]
    plt.close(ax.get_figure())
