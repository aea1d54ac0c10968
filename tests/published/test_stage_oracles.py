"""Stages, moves, stays and cohorts of the demo shop, counted again in pandas and by statsmodels."""

from __future__ import annotations

import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from custkit import open_book
from custkit.analysis import lifecycle
from custkit.analysis.cohorts import cohort_ages, cohorts
from custkit.engine import frame


@pytest.fixture(scope="module")
def book(shops):
    with pytest.MonkeyPatch.context() as patch:
        found = shops("whole-planted", null=False)
        patch.setenv("CUSTKIT_HOME", str(found.home))
        yield open_book("whole-planted", "2026-10")


@pytest.fixture(scope="module")
def history(book):
    people = (book.customers, book.purchases, book.events)
    return lifecycle.stage_history(*people, as_of=book.as_of, rules=book.client.lifecycle, months=8)


def stages_in_pandas(book, as_of) -> pd.Series:
    """The stages by the words of the client file's rules, on frames."""
    rules = book.client.lifecycle
    people = frame(book.whole["customers"].select("customer_id", "registered_at", "closed_at")).set_index("customer_id")
    orders = frame(book.whole["orders"].filter(book.whole["orders"].is_purchase))
    orders = orders[orders["customer_id"].notna() & (orders["ordered_at"] < as_of)]
    events = frame(book.whole["events"].select("customer_id", "occurred_at", "event_type"))
    events = events[events["customer_id"].notna() & (events["occurred_at"] < as_of)]
    people = people[people["registered_at"] < as_of]
    bought = orders.groupby("customer_id").agg(last=("ordered_at", "max"), days=("order_date", "nunique"))
    year = orders[orders["ordered_at"] >= as_of - pd.Timedelta(days=365)].groupby("customer_id")["revenue"].sum()
    people = people.join(bought).join(year)
    people["revenue"] = people["revenue"].fillna(0.0)
    acts = events[events["event_type"] != "register"].merge(people["registered_at"], left_on="customer_id", right_index=True)
    acted = acts[acts["occurred_at"] > acts["registered_at"]].groupby("customer_id")["occurred_at"].max()
    seen = pd.concat([people["registered_at"], people["last"], events.groupby("customer_id")["occurred_at"].max()], axis=1).max(axis=1)
    best = people.loc[people["revenue"] > 0, "revenue"]
    cut = best.rank(method="min", ascending=False) - 1 < len(best) * rules.vip_share - 1e-9
    stage = pd.Series("registered", index=people.index)
    stage[acted.reindex(people.index) >= as_of - pd.Timedelta(days=rules.active_days)] = "active"
    stage[people["days"] == 1] = "first_payment"
    stage[people["days"] >= 2] = "regular"
    stage[stage.index.isin(cut[cut].index)] = "vip"
    stage[seen.reindex(people.index) < as_of - pd.Timedelta(days=rules.dormant_days)] = "dormant"
    closed = people["closed_at"] < as_of
    stage[closed & ~(people["last"] > people["closed_at"])] = "lost"
    return stage


def test_the_moves_of_the_month_are_what_pandas_counts(book):
    people = (book.customers, book.purchases, book.events)
    moves = lifecycle.month_moves(*people, as_of=book.as_of, rules=book.client.lifecycle)
    before, now = (stages_in_pandas(book, pd.Timestamp(end)) for end in (book.start, book.as_of))
    pairs = pd.DataFrame({"before": before.reindex(now.index).fillna(lifecycle.NEW), "now": now})
    counted = pairs.groupby(["before", "now"]).size()
    told = moves.set_index(["stage_before", "stage"])["customers"]
    assert told[told > 0].to_dict() == counted.to_dict()
    # Every customer of a month ago stands in one cell: a row sums to those who stood on its stage.
    assert moves.groupby("stage_before")["customers"].sum().drop(lifecycle.NEW).sum() == len(before)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_stays_have_the_median_and_the_interval_of_statsmodels(history):
    told = lifecycle.stage_dwell(history).set_index("stage")
    rows = frame(history).sort_values(["customer_id", "months_ago"], ascending=[True, False])
    rows["stay"] = ((rows["stage"] != rows["stage"].shift()) | (rows["customer_id"] != rows["customer_id"].shift())).cumsum()
    stays = rows.groupby("stay").agg(stage=("stage", "first"), first=("months_ago", "max"), last=("months_ago", "min"))
    begun = stays[stays["first"] < rows["months_ago"].max()]
    checked = 0
    for stage, of in begun.groupby("stage"):
        oracle = SurvfuncRight((of["first"] - of["last"] + 1).to_numpy(), (of["last"] > 0).astype(int).to_numpy())
        assert told.loc[stage, "n"] == len(of)
        if len(oracle.surv_prob) and oracle.surv_prob.min() < 0.5:
            assert told.loc[stage, "median_months"] == oracle.quantile(0.5)
            low, high = oracle.quantile_ci(0.5, method="cloglog")
            if low == low:  # statsmodels has no interval where the curve begins at the median
                assert told.loc[stage, "low"] == low
            if high == high and high != float("inf"):
                assert told.loc[stage, "high"] == high
            checked += 1
    assert checked >= 3


def test_what_new_customers_brought_is_what_pandas_counts(book):
    told = cohort_ages(cohorts(book.purchases, as_of=book.as_of)).set_index("age_months")
    orders = frame(book.purchases.select("customer_id", "order_id", "ordered_at", "revenue", "cost_amount")).dropna(subset="customer_id")
    month = orders["ordered_at"].dt.year * 12 + orders["ordered_at"].dt.month
    born = month.groupby(orders["customer_id"]).transform("min")
    last = book.period.year * 12 + book.period.month
    for age in (0, 3, 12):
        old = orders[(born + age <= last) & (month - born <= age)]
        n = old["customer_id"].nunique()
        assert told.loc[age, "cohort_customers"] == n
        assert told.loc[age, "orders_per_customer"] == pytest.approx(len(old) / n)
        assert told.loc[age, "revenue_per_customer"] == pytest.approx(old["revenue"].sum() / n)
        assert told.loc[age, "margin_per_customer"] == pytest.approx((old["revenue"] - old["cost_amount"]).sum() / n)
