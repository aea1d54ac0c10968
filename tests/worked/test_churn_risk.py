"""A shop whose customers either come every week or leave: the risk tells which, and is judged on 90 days it had not seen."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from custkit.analysis.churn_risk import (
    FEWEST,
    RISKS,
    TOO_FEW,
    TOO_SHORT,
    customer_risks,
    fit_churn_risk,
    risk_summary,
)
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)


def purchases(people, *, days=400):
    """people: (gap, last day before as_of) each; orders from `days` ago on, 10 each."""
    rows = []
    for i, (gap, last) in enumerate(people):
        for ago in range(days - i % 7, last - 1, -gap):
            at = AS_OF - timedelta(days=ago, hours=-9)
            rows.append({"order_id": f"o{i}-{ago}", "customer_id": f"c{i:04}", "ordered_at": at, "order_date": at.date(), "revenue": 10})
    return rows


# 260 who go on every 15 to 35 days; at each of three points 40 stop, at a time that tells nothing of it beforehand.
STAYS = [(15 + i % 21, 1) for i in range(260)]
STOPS = [(15 + i % 21, last + i % 40) for last in (200, 110, 20) for i in range(40)]


def told(expr):
    return fetch(expr).to_pandas().set_index("customer_id").sort_index()


@pytest.fixture
def fitted(load_table):
    return fit_churn_risk(load_table("orders", purchases([*STAYS, *STOPS])), as_of=AS_OF, model="plain")


def test_the_risk_is_judged_on_those_who_were_active_90_days_ago(fitted):
    assert fitted.refusal == "" and not fitted.with_alive
    assert fitted.cut == datetime(2026, 8, 3)
    assert fitted.classes.risk.tolist() == list(RISKS)
    assert fitted.classes.customers.sum() == fitted.customers == fitted.calibration.customers.sum()
    assert fitted.calibration.group.tolist() == sorted(fitted.calibration.group)


def test_it_tells_stayers_from_leavers_better_than_the_average_does(fitted):
    assert fitted.brier < 0.7 * fitted.brier_base
    by_class = fitted.classes.set_index("risk")
    assert by_class.left_share["low"] < 0.1 < 0.5 < by_class.left_share["high"]
    assert (by_class.low - 1e-12 <= by_class.left_share).all() and (by_class.left_share <= by_class.high + 1e-12).all()


def test_who_is_long_overdue_has_a_high_risk_and_the_dormant_have_none(load_table, fitted):
    risks = told(customer_risks(load_table("orders", purchases([*STAYS, *STOPS])), fitted=fitted))
    assert risks.risk_class["c0000"] == "low" and risks.risk["c0000"] < 1 / 3
    overdue = risks.index[(risks.waited > 100)]
    assert len(overdue) and (risks.risk_class[overdue] == "high").all()
    assert risks.waited.max() <= 180
    assert risks.p_alive.isna().all()


@pytest.mark.parametrize("days", [14, 31, 60])
def test_chances_of_as_many_days_as_one_asks_for_come_true(load_table, days):
    """Of all who were active then, as many buy within these days as were told to, where nothing changes from month to month."""
    rng = np.random.default_rng(days)
    rows = []
    for i in range(600):
        for day in np.unique(400 - rng.exponential(15 + 60 * (i % 3), 60).cumsum().astype(int)):
            if day >= 0:
                at = AS_OF - timedelta(days=int(day) + 1, hours=-9)
                rows.append(
                    {"order_id": f"o{i}-{day}", "customer_id": f"c{i:04}", "ordered_at": at, "order_date": at.date(), "revenue": 10}
                )
    shop = load_table("orders", rows)
    fitted = fit_churn_risk(shop, as_of=AS_OF, model="plain", horizon_days=days)
    assert fitted.cut == AS_OF - timedelta(days=days) and fitted.brier < fitted.brier_base
    active, foretold = fitted.customers, (fitted.classes.expected_share * fitted.classes.customers).sum()
    assert foretold / active == pytest.approx(fitted.classes.left.sum() / active, abs=0.05)
    risks = told(customer_risks(shop, fitted=fitted))
    assert risks.risk.between(0, 1).all() and len(risks) > 500


def test_classes_sum_to_the_active_and_their_revenue(load_table, fitted):
    orders = load_table("orders", purchases([*STAYS, *STOPS]))
    risks = customer_risks(orders, fitted=fitted)
    summary = risk_summary(risks, orders, as_of=AS_OF)
    assert summary.risk.tolist() == list(RISKS)
    assert summary.customers.sum() == len(told(risks))
    assert summary[["customer_share", "revenue_share"]].sum().tolist() == pytest.approx([1.0, 1.0])
    assert (summary.revenue_at_risk <= summary.revenue).all()


def test_with_a_purchase_model_p_alive_speaks_too(load_table):
    orders = load_table("orders", purchases([*STAYS, *STOPS]))
    fitted = fit_churn_risk(orders, as_of=AS_OF, model="bg_nbd")
    risks = told(customer_risks(orders, fitted=fitted))
    assert fitted.with_alive == risks.p_alive.notna().all()
    assert fitted.with_alive or risks.p_alive.isna().all()


def test_short_data_and_few_customers_are_told_nothing(load_table):
    short = load_table("orders", purchases(STAYS, days=269))
    refused = fit_churn_risk(short, as_of=AS_OF, model="plain")
    assert refused.refusal == TOO_SHORT and refused.classes.empty
    few = load_table("orders", purchases(STAYS[: FEWEST - 1]))
    refused = fit_churn_risk(few, as_of=AS_OF, model="plain")
    assert (refused.refusal, refused.customers) == (TOO_FEW, FEWEST - 1)
    empty = customer_risks(few, fitted=refused)
    assert len(told(empty)) == 0
    assert empty.columns == ("customer_id", "last_date", "waited", "usual_days", "p_alive", "risk", "risk_class")
    assert risk_summary(empty, few, as_of=AS_OF).empty


def test_where_everybody_comes_back_there_is_no_risk_to_learn(load_table):
    refused = fit_churn_risk(load_table("orders", purchases(STAYS)), as_of=AS_OF, model="plain")
    assert refused.refusal == TOO_FEW


def test_a_window_without_days_is_refused(load_table):
    with pytest.raises(ValueError, match="active_days is 0"):
        fit_churn_risk(load_table("orders", []), as_of=AS_OF, model="plain", active_days=0)
    with pytest.raises(ValueError, match="horizon_days is 0"):
        fit_churn_risk(load_table("orders", []), as_of=AS_OF, model="plain", horizon_days=0)
