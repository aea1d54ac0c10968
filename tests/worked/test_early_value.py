"""New customers whose later spend is known by rule: the model finds it, and gives way where first spend alone tells as much."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from custkit.analysis.early_value import MODEL, SPEND_ALONE, TOO_FEW, early_values, fit_early_value
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)
FLOATS = (
    "early_spend", "early_days", "last_day", "first_day_share", "items_per_order", "products_per_order", "spend_per_item", "offer_share",
    "return_share", "next_spend_90", "next_spend_180", "categories", "visit_days",
)  # fmt: skip
SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("first_date", pa.date32()), *((name, pa.float64()) for name in FLOATS), ("came_by", pa.string()),
     ("bought_via", pa.string())]
)  # fmt: skip


def shop(n, *, by="spend", days=180, oldest=700, seed=3):
    """n customers with a first purchase a day apart, over and over; later spend by early spend, or by visits too; half buy nothing."""
    rng = np.random.default_rng(seed)
    ages = 1 + np.arange(n) % oldest
    spend, visits = np.round(rng.gamma(2.0, 40.0, n), 2) + 1, rng.integers(1, 9, n).astype(float)
    mean = spend * (visits / 4 if by == "visits" else 1.0)
    later = np.where(rng.random(n) < 0.5, 2 * mean * rng.gamma(4.0, 0.25, n), 0.0)
    rows = [
        dict.fromkeys(FLOATS)
        | {
            "customer_id": f"c{i:05}", "first_date": AS_OF.date() - timedelta(days=int(ages[i])), "early_spend": spend[i],
            "visit_days": visits[i], f"next_spend_{days}": float(later[i]) if ages[i] >= 30 + days else None, "came_by": None,
        }
        for i in range(n)
        if ages[i] >= 30
    ]  # fmt: skip
    return rows


@pytest.fixture
def put(load_table):
    return lambda rows: load_table("features", rows, schema=SCHEMA)


def told(expr):
    return fetch(expr).to_pandas().set_index("customer_id").sort_index()


def test_what_else_the_first_30_days_hold_is_used_where_it_tells_more_than_spend(put):
    features = put(shop(3000, by="visits"))
    fitted = fit_early_value(features)
    quality = fitted.quality.set_index("rule")
    assert (fitted.chosen, fitted.days) == (MODEL, 180)
    assert quality.lead_low[MODEL] > 0
    assert quality.chosen[MODEL] and not quality.chosen[SPEND_ALONE]
    slopes = {column.name: slope for column, slope in zip(fitted.rule.columns, fitted.rule.coefficients, strict=True)}
    assert slopes["visit_days"] > 0.5 and slopes["early_spend"] == pytest.approx(1.0, abs=0.15)
    values = told(early_values(features, fitted=fitted, as_of=AS_OF))
    assert values.expected_spend.mean() == pytest.approx(90, rel=0.15), "half of them spend twice their early spend of 81, times 9/8"


def test_spend_alone_stands_where_nothing_else_tells_more(put):
    fitted = fit_early_value(put(shop(3000)))
    assert fitted.chosen == SPEND_ALONE
    assert [column.name for column in fitted.rule.columns] == ["early_spend"]
    assert fitted.quality.gini.between(0.1, 0.9).all()


def test_a_range_of_80_per_cent_holds_80_where_half_spend_nothing(put):
    fitted = fit_early_value(put(shop(6000)))
    assert (fitted.rule.bands["low"] == 0).all()
    assert fitted.quality.inside_share.between(0.76, 0.84).all()
    assert fitted.tells


def test_where_later_spend_is_luck_the_first_30_days_tell_nothing(put):
    rows = shop(3000)
    spends = [row["next_spend_180"] for row in rows if row["next_spend_180"] is not None]
    luck = iter(np.random.default_rng(53).permutation(spends).tolist())
    lucky = [row | {"next_spend_180": next(luck) if row["next_spend_180"] is not None else None} for row in rows]
    assert not fit_early_value(put(lucky)).tells


def test_the_held_out_are_the_latest_customers_and_each_group_says_what_came(put):
    fitted = fit_early_value(put(shop(3000)))
    assert fitted.first < fitted.split < fitted.last == AS_OF.date() - timedelta(days=210)
    assert fitted.calibration.customers.sum() == fitted.quality.customers.iloc[0]
    assert fitted.followed == sum(row["next_spend_180"] is not None for row in shop(3000))
    near = (fitted.calibration.low <= fitted.calibration.expected_spend) & (fitted.calibration.expected_spend <= fitted.calibration.high)
    assert near.mean() >= 0.7
    assert fitted.quality.inside_share.between(0.75, 0.99).all()


def test_where_half_a_year_is_too_long_90_days_are_foretold(put):
    fitted = fit_early_value(put(shop(900, days=90, oldest=250)))
    assert (fitted.refusal, fitted.days) == ("", 90)


def test_too_few_customers_are_told_nothing(put):
    features = put(shop(390, days=90))
    fitted = fit_early_value(features)
    assert fitted.refusal == TOO_FEW and fitted.rule is None
    values = early_values(features, fitted=fitted, as_of=AS_OF)
    assert len(told(values)) == 0
    assert values.columns == ("customer_id", "first_date", "early_spend", "expected_spend", "expected_low", "expected_high", "is_big")


def test_new_are_those_whose_first_30_days_ended_lately(put):
    features = put(shop(3000))
    values = told(early_values(features, fitted=fit_early_value(features), as_of=AS_OF, window_days=10))
    assert values.first_date.min() == date(2026, 9, 22)
    assert values.first_date.max() == date(2026, 10, 2)
    assert (values.expected_low <= values.expected_spend).all() and (values.expected_spend <= values.expected_high).all()


def test_who_spent_more_early_is_expected_to_spend_more_and_the_big_are_the_top(put):
    features = put(shop(3000))
    values = told(early_values(features, fitted=fit_early_value(features), as_of=AS_OF)).sort_values("early_spend")
    assert values.expected_spend.is_monotonic_increasing
    assert 0.02 < values.is_big.mean() < 0.25
    assert values.is_big.is_monotonic_increasing


def test_a_window_without_days_is_refused(put):
    features = put([])
    with pytest.raises(ValueError, match="window_days is 0"):
        early_values(features, fitted=fit_early_value(features), as_of=AS_OF, window_days=0)
