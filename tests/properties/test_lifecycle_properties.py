"""Whatever the shop: one stage each, nobody lost between months, funnels that only narrow, cohorts without a future."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custkit.analysis.cohorts import churn_spells, cohorts, day_retention
from custkit.analysis.funnel import STEPS, funnel, funnel_by
from custkit.analysis.lifecycle import CUSTOMER_STAGES, customer_stages, stage_rates, stage_transitions
from custkit.analysis.rates import false_discovery, shares_p_value
from custkit.client import Lifecycle
from custkit.engine import connect, fetch, frame, load
from custkit.tables import TABLES

AS_OF = datetime(2026, 11, 1)
FIRST = datetime(2026, 1, 1)
RULES = st.builds(
    Lifecycle,
    active_days=st.sampled_from([10, 30]),
    dormant_days=st.sampled_from([30, 90]),
    vip_by=st.sampled_from(["spend", "prepaid", "identity"]),
    vip_spend=st.sampled_from([None, Decimal(150)]),
    vip_share=st.sampled_from([0.1, 0.5]),
)
WHO = st.sampled_from(["ann", "bob", "cas", "dan", "eve"])
DAY = st.integers(0, 340)
CUSTOMERS = st.dictionaries(WHO, st.tuples(DAY, st.none() | DAY, st.booleans(), st.sampled_from([None, 0, 5])), max_size=5)
PURCHASES = st.lists(st.tuples(st.none() | WHO, DAY, st.sampled_from([10, 100, 100])), max_size=14)
EVENTS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.none() | WHO, DAY, st.sampled_from([*STEPS, "register"]), st.sampled_from([None, "phone"])),
    max_size=14,
)

DEAREST, DEAR, CHEAP = (settings(max_examples=int(part * settings.default.max_examples)) for part in (0.25, 0.5, 3))


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def at(day):
    return FIRST + timedelta(days=day, hours=day % 24)


def shop(con, customers, purchases, events, *, backwards=False):
    rows = {
        "customers": [
            {"customer_id": who, "registered_at": at(d), "closed_at": None if c is None else at(c), "is_vip": v, "prepaid_amount": p}
            for who, (d, c, v, p) in customers.items()
        ],
        "orders": [
            {
                "order_id": str(n), "customer_id": who, "ordered_at": at(d), "order_date": at(d).date(), "revenue": money,
                "is_purchase": True,
            }
            for n, (who, d, money) in enumerate(purchases)
        ],
        "events": [
            {
                "event_id": str(n), "visitor_id": v, "customer_id": who, "session_id": f"{v}{d // 3}", "occurred_at": at(d),
                "event_type": kind, "device": device,
            }
            for n, (v, who, d, kind, device) in enumerate(events)
        ],
    }  # fmt: skip
    step = -1 if backwards else 1
    return [
        load(con, name, pa.Table.from_pylist(given[::step], TABLES[name].arrow_schema), schema=TABLES[name].schema)
        for name, given in rows.items()
    ]


@DEAR
@given(customers=CUSTOMERS, purchases=PURCHASES, events=EVENTS, rules=RULES)
def test_each_customer_stands_on_exactly_one_stage(duck, customers, purchases, events, rules):
    tables = shop(duck, customers, purchases, events)
    stages = fetch(customer_stages(*tables, as_of=AS_OF, rules=rules)).to_pydict()
    known = {who for who, (day, *_rest) in customers.items() if at(day) < AS_OF}
    known |= {who for who, day, _money in purchases if who and at(day) < AS_OF}
    assert sorted(stages["customer_id"]) == sorted(known)
    assert set(stages["stage"]) <= set(CUSTOMER_STAGES)
    for who, stage in zip(stages["customer_id"], stages["stage"], strict=True):
        closed = customers.get(who, (0, None))[1]
        assert stage != "lost" or (closed is not None and at(closed) < AS_OF)


@DEAREST
@given(customers=CUSTOMERS, purchases=PURCHASES, events=EVENTS, rules=RULES)
def test_moves_conserve_customers_whatever_the_order_of_rows(duck, customers, purchases, events, rules):
    tables = shop(duck, customers, purchases, events)
    before, now = (customer_stages(*tables, as_of=end, rules=rules) for end in (datetime(2026, 10, 1), AS_OF))
    moves = stage_transitions(before, now)
    base = frame(before.group_by("stage").aggregate(n=before.count())).set_index("stage")["n"]
    people = moves.groupby("stage_before")["customers"].sum()
    for stage in CUSTOMER_STAGES:
        assert people[stage] == base.get(stage, 0)
    assert moves["customers"].sum() == len(fetch(now))
    rates = stage_rates(moves)
    assert (rates["customers"] <= rates["n"]).all()
    again = shop(duck, customers, purchases, events, backwards=True)
    before, now = (customer_stages(*again, as_of=end, rules=rules) for end in (datetime(2026, 10, 1), AS_OF))
    pd.testing.assert_frame_equal(stage_transitions(before, now), moves)


@DEAREST
@given(events=EVENTS, per=st.sampled_from(["session", "visitor"]))
def test_funnels_only_narrow_and_groups_sum_to_the_whole(duck, events, per):
    table = shop(duck, {}, [], events)[2]
    whole = funnel(table, steps=STEPS, per=per)
    assert whole["visits"].is_monotonic_decreasing
    assert (whole["visits"] <= whole["n"]).all()
    assert whole["visits"].tolist() == walked(events, per)
    groups = funnel_by(table, "device", steps=STEPS, per=per)
    if len(groups):
        assert groups.groupby("step", sort=False)["visits"].sum().tolist() == whole["visits"].tolist()


def walked(events, per):
    """How many come to each step, walking through each visit by hand."""
    reached = [0] * len(STEPS)
    visits = {}
    for visitor, _who, day, kind, _device in events:
        visits.setdefault(visitor if per == "visitor" else (visitor, day // 3), []).append((at(day), kind))
    for acts in visits.values():
        now = FIRST
        for i, step in enumerate(STEPS):
            later = [when for when, kind in acts if kind == step and when >= now]
            if not later:
                break
            now = min(later)
            reached[i] += 1
    return reached


@DEAR
@given(purchases=PURCHASES, as_of=st.sampled_from([AS_OF, datetime(2026, 10, 15), datetime(2026, 3, 1)]))
def test_cohorts_hold_everyone_once_and_no_future(duck, purchases, as_of):
    triangle = cohorts(shop(duck, {}, purchases, [])[1], as_of=as_of)
    whole_months = as_of.replace(day=1)
    bought = pd.DataFrame([(who, at(day)) for who, day, _money in purchases if who and at(day) < whole_months], columns=["who", "at"])
    bought["at"] = pd.to_datetime(bought["at"])
    assert triangle.drop_duplicates("cohort")["cohort_customers"].sum() == bought["who"].nunique()
    born = bought.groupby("who")["at"].min().dt.to_period("M")
    last = pd.Period(whole_months, "M") - 1
    for row in triangle.itertuples():
        month = pd.Period(row.cohort, "M") + row.period
        assert pd.isna(row.customers) == pd.isna(row.retention_rate) == pd.isna(row.revenue) == (month > last)
        if month <= last:
            theirs = bought[bought["who"].map(born) == pd.Period(row.cohort, "M")]
            assert row.customers == theirs.loc[theirs["at"].dt.to_period("M") == month, "who"].nunique()


@DEAR
@given(customers=CUSTOMERS, purchases=PURCHASES, silence=st.sampled_from([20, 60]))
def test_every_buyer_has_one_life_and_one_answer_a_window(duck, customers, purchases, silence):
    people, bought, _events = shop(duck, customers, purchases, [])
    buyers = {who for who, day, _money in purchases if who and at(day) < AS_OF}
    lives = churn_spells(people, bought, as_of=AS_OF, dormant_days=silence)
    assert lives["n"].sum() == len(buyers)
    assert (lives["duration_days"] >= 0).all()
    asked = day_retention(bought, as_of=AS_OF)
    assert (asked["customers"] <= asked["n"]).all() and (asked["n"] <= len(buyers)).all()


@CHEAP
@given(p_values=st.lists(st.floats(0, 1), max_size=20))
def test_adjusted_p_values_are_those_of_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    ours = false_discovery(p_values)
    assert ours == pytest.approx(list(multipletests(p_values, method="fdr_bh")[1]) if p_values else [])


@CHEAP
@given(n1=st.integers(100, 5000), n2=st.integers(100, 5000), share1=st.floats(0.1, 0.9), share2=st.floats(0.1, 0.9))
def test_the_chance_of_two_shares_is_that_of_statsmodels(n1, n2, share1, share2):
    from statsmodels.stats.proportion import proportions_ztest

    k1, k2 = round(n1 * share1), round(n2 * share2)
    assert shares_p_value(k1, n1, k2, n2) == pytest.approx(float(proportions_ztest([k1, k2], [n1, n2])[1]), abs=1e-12)
