"""Demand by region and week, and whether a forecast has earned to be told, worked by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from custkit.analysis.demand import (
    ALL,
    ELSEWHERE,
    LEAST_WEEKS,
    ORDERS,
    PIECES,
    WEEKS,
    back_test,
    demand_forecast,
    demand_outlook,
    demand_skill,
    foretold,
    weekly_demand,
)

AS_OF = datetime(2026, 11, 1)


def order(days_back, *, region=None, pieces=1, number=[0]):  # noqa: B006
    number[0] += 1
    at = AS_OF - timedelta(days=days_back) + timedelta(hours=12)
    return {"order_id": f"o{number[0]}", "ordered_at": at.isoformat(), "region": region, "items": pieces, "is_purchase": True, "revenue": 1}


def weekly(*series, region=ALL):
    weeks = pd.date_range(end=pd.Timestamp(AS_OF) - pd.Timedelta(days=7), periods=len(series), freq="7D").as_unit("us")
    return pd.DataFrame({"region": region, "week": weeks, "demand": np.array(series, dtype=float), "unit": PIECES})


def test_weeks_are_counted_back_from_the_end_of_the_month(load_table):
    orders = [order(1, pieces=3), order(7, pieces=2), order(8, pieces=5), order(0, pieces=99), order(20, pieces=7)]
    found = weekly_demand(load_table("orders", orders), as_of=AS_OF)
    # The week of the order twenty days back is not whole, and left out with it.
    assert [(str(row.week.date()), row.demand) for row in found.itertuples()] == [("2026-10-18", 5.0), ("2026-10-25", 5.0)]
    assert set(found["region"]) == {ALL} and set(found["unit"]) == {PIECES}


def test_a_client_that_does_not_tell_pieces_is_counted_in_orders(load_table):
    found = weekly_demand(load_table("orders", [order(1, pieces=None), order(2, pieces=None), order(7, pieces=None)]), as_of=AS_OF)
    assert list(found["demand"]) == [3.0] and set(found["unit"]) == {ORDERS}


def test_regions_that_seldom_sell_stand_together(load_table):
    orders = [order(7 * week + 1, region="north", pieces=2) for week in range(30)]
    orders += [order(7 * week + 2, region="south") for week in range(0, 30, 2)]  # every second week
    orders += [order(3, region=None, pieces=10), order(210, region="north")]
    found = weekly_demand(load_table("orders", orders), as_of=AS_OF)
    last = found[found["week"] == found["week"].max()].set_index("region")["demand"].to_dict()
    assert last == {ALL: 13.0, "north": 2.0, ELSEWHERE: 1.0}
    assert list(found["region"].unique()) == [ALL, "north", ELSEWHERE]


def test_data_that_end_early_are_no_fall_of_demand(load_table):
    orders = [order(7 * week + 30) for week in range(30)]
    assert weekly_demand(load_table("orders", orders), as_of=AS_OF).empty
    # A shop that often pauses for as long goes on.
    pauses = [order(40 * week + 30) for week in range(8)]
    assert len(weekly_demand(load_table("orders", pauses), as_of=AS_OF)) == 44
    assert weekly_demand(load_table("orders", []), as_of=AS_OF).empty


def test_a_level_series_is_foretold_to_stay():
    assert foretold(np.full(30, 40.0)) == pytest.approx(np.full(WEEKS, 40.0))
    assert foretold(np.zeros(30)) == pytest.approx(np.zeros(WEEKS))
    # After a fall that Theta carries on, demand stops at nothing.
    assert (foretold(np.linspace(300, 1, 30)) >= 0).all()


def test_every_cut_knows_only_the_weeks_before_it():
    series = [10.0 + (week % 5) for week in range(60)]
    tested = back_test(weekly(*series))
    cuts = sorted(tested["cut"].unique())
    assert len(cuts) == 13 and len(tested) == 13 * WEEKS
    assert [(b - a).days for a, b in pairwise(cuts)] == [14] * 12
    # What comes after a cut changes nothing that was foretold at it.
    other = back_test(weekly(*series[:-8], *[500.0] * 8))
    last = tested["cut"] == cuts[-1]
    pd.testing.assert_series_equal(tested.loc[last, "forecast"], other.loc[last, "forecast"])
    assert list(other.loc[last, "actual"]) == [500.0] * 8
    first = tested[tested["cut"] == cuts[-1]].iloc[0]
    assert (first["naive"], first["actual"]) == (series[51], series[52])
    assert first["last_year"] == series[0]  # 52 weeks before the last cut
    assert tested[tested["cut"] == cuts[0]]["last_year"].isna().all()


def test_a_year_before_is_only_a_rival_where_the_data_reach():
    tested = back_test(weekly(*range(1, 53)))
    assert tested["last_year"].isna().all() and len(tested["cut"].unique()) == 10
    assert back_test(weekly(*range(LEAST_WEEKS + WEEKS - 1))).empty
    assert demand_skill(back_test(weekly(*range(10)))).empty


def made(forecast_off, naive_off, *, cuts=10, last_year_off=math.nan):
    """A back-test in which demand is 100 and forecasts miss by so much, a little more and a little less from cut to cut."""
    rows = []
    for cut in range(cuts):
        turn = 1 + 0.1 * (-1) ** cut
        for lead in range(1, WEEKS + 1):
            off = (forecast_off * turn, naive_off * turn, last_year_off * turn)
            when = pd.Timestamp("2026-01-04") + pd.Timedelta(weeks=2 * cut)
            rows.append((ALL, when, lead, 100.0, *(100.0 + miss for miss in off)))
    return pd.DataFrame(rows, columns=["region", "cut", "lead", "actual", "forecast", "naive", "last_year"])


def test_a_forecast_wins_by_beating_every_rival_and_by_more_than_luck():
    row = demand_skill(made(5, 10)).iloc[0]
    assert (row["forecast_error"], row["naive_error"]) == (pytest.approx(0.05), pytest.approx(0.1))
    assert math.isnan(row["last_year_error"]) and row["error_saved"] == pytest.approx(0.5) and row["wins"]
    assert not demand_skill(made(10, 5)).iloc[0]["wins"]
    # Better than last week's figure and worse than last year's is no win.
    beaten = demand_skill(made(5, 10, last_year_off=2)).iloc[0]
    assert beaten["error_saved"] == pytest.approx(1 - 5 / 2) and not beaten["wins"]
    assert not demand_skill(made(5, 10, cuts=4)).iloc[0]["wins"]  # too few to tell


def test_coverage_is_measured_with_the_errors_of_the_other_cuts():
    row = demand_skill(made(5, 10)).iloc[0]
    assert (row["weeks_tested"], row["weeks_covered"], row["coverage"]) == (80, 80, 1.0)
    surprised = made(5, 10)
    surprised.loc[surprised["cut"] == surprised["cut"].min(), "actual"] = 300.0
    assert demand_skill(surprised).iloc[0]["weeks_covered"] == 72


def test_nothing_is_told_where_nothing_is_won():
    rng = np.random.default_rng(7)
    level = weekly(*(100 + rng.normal(0, 10, 60)))
    tested = back_test(level)
    outlook = demand_outlook(level, tested).iloc[0]
    assert outlook["wins"] and outlook["last_weeks"] == pytest.approx(level["demand"].tail(4).sum())
    assert outlook["demand_low"] < outlook["next_weeks"] < outlook["demand_high"]
    assert outlook["next_weeks"] == pytest.approx(foretold(level["demand"].to_numpy())[:4].sum())
    ahead = demand_forecast(level, tested)
    assert list(ahead["lead"]) == list(range(1 - LEAST_WEEKS, WEEKS + 1))
    assert str(ahead.loc[ahead["lead"] == 1, "week"].iloc[0].date()) == "2026-11-01"
    walk = weekly(*(1000 + np.cumsum(np.random.default_rng(3).normal(0, 30, 60))))  # last week's figure is the best there is
    lost = back_test(walk)
    assert not demand_skill(lost).iloc[0]["wins"]
    assert demand_outlook(walk, lost)[["next_weeks", "demand_low", "demand_high", "change"]].isna().all(axis=None)
    assert (demand_forecast(walk, lost)["lead"] <= 0).all()
    assert demand_outlook(weekly(1, 2, 3), back_test(weekly(1, 2, 3))).empty
