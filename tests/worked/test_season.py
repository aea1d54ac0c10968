"""The year's season beside the trend, worked by hand."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from custkit.analysis.season import daily_sales, month_season


def daily(first, last, orders):
    """Every day from `first` to `last` with `orders(day)` orders of 5 each."""
    days = pd.date_range(first, last).as_unit("us")
    counts = np.array([orders(day) for day in days], dtype="int64")
    return pd.DataFrame({"day": days, "orders": counts, "revenue": counts * 5.0})


def test_every_day_since_the_first_purchase_has_a_row(load_table):
    orders = load_table(
        "orders",
        [
            {"order_id": "o1", "ordered_at": "2026-10-29 09:00", "revenue": 10},
            {"order_id": "o2", "ordered_at": "2026-10-29 23:59", "revenue": 2.5, "customer_id": "anna"},
            {"order_id": "o3", "ordered_at": "2026-11-01 00:00", "revenue": 99},
        ],
    )
    days = daily_sales(orders, as_of=datetime(2026, 11, 1))
    assert [day.day for day in days["day"]] == [29, 30, 31]
    assert list(days["orders"]) == [2, 0, 0] and list(days["revenue"]) == [12.5, 0.0, 0.0]
    assert daily_sales(load_table("orders", []), as_of=datetime(2026, 11, 1)).empty


def test_a_december_twice_as_full_stands_out_of_two_flat_years():
    season = month_season(daily("2024-01-01", "2025-12-31", lambda day: 20 if day.month == 12 else 10))
    # Logarithms average 0: December lies at ln 2 × 11/12 above, the others at ln 2 × 1/12 below.
    assert season["season_index"].iloc[11] == pytest.approx(2 ** (11 / 12), rel=0.01)
    assert season["season_index"].iloc[5] == pytest.approx(2 ** (-1 / 12), rel=0.01)
    assert season["revenue_index"].iloc[11] == pytest.approx(2 ** (11 / 12), rel=0.01)
    assert list(season["years"]) == [2] * 12 and season["p_value"].iloc[0] < 1e-6
    assert (season["index_low"] <= season["season_index"]).all() and (season["season_index"] <= season["index_high"]).all()


def test_growth_is_no_season():
    shop = daily("2024-01-01", "2025-12-31", lambda day: 10 + (day - pd.Timestamp("2024-01-01")).days // 30)
    season = month_season(shop)
    assert season["season_index"].between(0.96, 1.04).all()
    assert month_season(daily("2024-01-01", "2025-12-31", lambda day: 10))["p_value"].iloc[0] == 1.0


def test_a_fifth_saturday_makes_no_season():
    season = month_season(daily("2024-01-01", "2025-12-31", lambda day: 70 if day.day_of_week == 5 else 10))
    assert season["season_index"].to_numpy() == pytest.approx(np.ones(12), abs=1e-6)


def test_less_than_two_whole_years_tell_no_season():
    assert len(month_season(daily("2024-01-01", "2025-12-31", lambda day: 10))) == 12
    assert month_season(daily("2024-01-02", "2025-12-31", lambda day: 10)).empty  # January is not whole
    assert month_season(daily("2024-01-01", "2025-12-30", lambda day: 10)).empty
    assert month_season(daily("2024-01-01", "2025-12-31", lambda day: 0 if day.month == 3 else 10)).empty  # a month without any order
    assert month_season(daily("2024-01-01", "2025-12-31", lambda day: 10).iloc[:0]).empty
