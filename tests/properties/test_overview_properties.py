"""What must hold for any shop: the month's figures equal a plain recount, the bridge and the tree keep every cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custkit.analysis.bridge import revenue_bridge
from custkit.analysis.changes import changes
from custkit.analysis.kpis import monthly_kpis
from custkit.analysis.lifecycle import customer_stages
from custkit.analysis.revenue_tree import revenue_tree
from custkit.analysis.second_purchase import second_purchase_spells, second_purchase_summary
from custkit.client import Lifecycle
from custkit.engine import connect, fetch, load
from custkit.period import Period
from custkit.tables import TABLES

PERIOD = Period(2026, 10)
FIRST = datetime(2025, 6, 1)
DEAR = settings(max_examples=settings.default.max_examples // 2)

moment = st.integers(0, 519 * 4 - 1).map(lambda quarter: FIRST + timedelta(days=quarter // 4, hours=6 * (quarter % 4)))
people = st.sampled_from(["ann", "bob", "cai", "dee", "eve"])
one_order = st.tuples(
    people | st.none(), moment, st.integers(-5000, 9000).map(lambda cents: Decimal(cents) / 100), st.booleans() | st.just(True)
)
orders = st.lists(one_order, max_size=40)
one_event = st.tuples(people, moment)
accounts = st.dictionaries(people | st.just("ivy"), st.tuples(moment, moment | st.none()), max_size=6)
rules = st.sampled_from([Lifecycle(active_days=a, dormant_days=d) for a, d in ((10, 20), (20, 45), (90, 180))])


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def put(duck, name, rows):
    schema = TABLES[name].arrow_schema
    table = pa.table({f.name: pa.array([row.get(f.name) for row in rows], f.type) for f in schema}, schema)
    return load(duck, name, table, schema=TABLES[name].schema)


def bought(given):
    return [
        {
            "order_id": f"o{i:03}", "customer_id": who, "ordered_at": at, "order_date": at.date(), "revenue": money,
            "items": Decimal(1 + i % 3), "is_purchase": is_purchase,
        }
        for i, (who, at, money, is_purchase) in enumerate(given)
    ]  # fmt: skip


def shop(duck, given_orders, given_accounts=None, given_events=()):
    looked = [
        {"event_id": f"e{i}", "visitor_id": who, "customer_id": who, "occurred_at": at, "event_type": "visit"}
        for i, (who, at) in enumerate(given_events)
    ]
    opened = [{"customer_id": who, "registered_at": at, "closed_at": left} for who, (at, left) in (given_accounts or {}).items()]
    return put(duck, "orders", bought(given_orders)), put(duck, "customers", opened), put(duck, "events", looked)


@DEAR
@given(given_orders=orders, given_accounts=accounts, given_events=st.lists(one_event, max_size=10), life=rules)
def test_churn_and_activity_are_those_of_the_stages_of_life(duck, given_orders, given_accounts, given_events, life):
    tables = shop(duck, given_orders, given_accounts, given_events)
    kpis = monthly_kpis(*tables, period=PERIOD, rules=life, months=3).set_index("month")
    purchases = [(who, at) for who, at, _money, is_purchase in given_orders if who and is_purchase]
    for back in range(3):
        month = PERIOD - back
        row = kpis.loc[str(month)]
        if pd.isna(row.active_customers):
            continue
        now, then = (
            fetch(customer_stages(tables[1], tables[0].filter(tables[0].is_purchase), tables[2], as_of=at, rules=life)).to_pandas()
            for at in (month.end, month.start)
        )
        assert row.active_customers == now.is_active.sum()
        assert row.registered == len(now)
        if pd.isna(row.churn_rate) and pd.isna(row.churn_base):
            continue
        since = month.start - timedelta(days=life.dormant_days)
        live = {who for who, at in purchases if since <= at < month.start} - set(then[then.stage == "lost"].customer_id)
        stage = now.set_index("customer_id").stage
        assert row.churn_base == len(live)
        assert row.churned_dormant == sum(stage[who] == "dormant" for who in live)
        assert row.churned_lost == sum(stage[who] == "lost" for who in live)


@DEAR
@given(given_orders=orders, window=st.sampled_from([30, 90, 365]))
def test_repurchase_is_a_plain_recount_of_days(duck, given_orders, window):
    kpis = monthly_kpis(*shop(duck, given_orders), period=PERIOD, rules=Lifecycle(), months=4, window_days=window).set_index("month")
    purchases = [(who, at) for who, at, _money, is_purchase in given_orders if who and is_purchase]
    for back in range(4):
        month = PERIOD - back
        row = kpis.loc[str(month)]
        if pd.isna(row.repurchase_base):
            continue
        so_far = pd.DataFrame([(who, at, at.date()) for who, at in purchases if at < month.end], columns=["who", "at", "day"])
        inside = so_far[so_far["at"] >= month.end - timedelta(days=window)]
        days, orders_of = inside.groupby("who")["day"].nunique(), inside.groupby("who").size()
        first_days = so_far.groupby("who")["day"].min()
        mature = first_days[first_days <= (month.end - timedelta(days=90)).date()].index
        expected = (
            len(days), (days >= 2).sum(), (orders_of >= 2).sum(),
            days.index.isin(mature).sum(), (days[days.index.isin(mature)] >= 2).sum(),
            so_far.who.nunique(), (so_far.groupby("who")["day"].nunique() >= 2).sum(),
        )  # fmt: skip
        told = row[
            ["repurchase_base", "repeat_customers", "repeat_customers_by_order", "repurchase_base_mature", "repeat_customers_mature",
             "customers_ever", "repeat_customers_ever"]
        ]  # fmt: skip
        assert tuple(told) == expected


@DEAR
@given(given_orders=orders)
def test_the_bridge_keeps_every_cent(duck, given_orders):
    bridge = revenue_bridge(put(duck, "orders", bought(given_orders)), period=PERIOD)
    if bridge.empty:
        return
    start, before = PERIOD.start, (PERIOD - 1).start
    now = sum((money for _who, at, money, _is in given_orders if start <= at < PERIOD.end), Decimal(0))
    then = sum((money for _who, at, money, _is in given_orders if before <= at < start), Decimal(0))
    cents = sum(Decimal(str(round(change, 4))) for change in bridge.change)
    assert cents == now - then


@DEAR
@given(given_orders=orders)
def test_the_tree_leaves_nothing_over(duck, given_orders):
    kpis = monthly_kpis(*shop(duck, given_orders), period=PERIOD, rules=Lifecycle(), months=3)
    tree = revenue_tree(kpis)
    if len(tree):
        assert tree.effect.sum() == pytest.approx(kpis.revenue.iloc[-1] - kpis.revenue.iloc[-2], abs=1e-6)


@DEAR
@given(given_orders=orders, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(duck, given_orders, order):
    rows = bought(given_orders)
    shuffled = list(rows)
    order.shuffle(shuffled)
    empty = put(duck, "customers", []), put(duck, "events", [])

    def told(given):
        table = put(duck, "orders", given)
        kpis = monthly_kpis(table, *empty, period=PERIOD, rules=Lifecycle(), months=3)
        spells = second_purchase_spells(table.filter(table.is_purchase), as_of=PERIOD.end)
        return kpis, changes(kpis), revenue_bridge(table, period=PERIOD), spells, second_purchase_summary(spells)

    for one, other in zip(told(rows), told(shuffled), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


@DEAR
@given(given_orders=orders, later=orders)
def test_what_happens_after_the_month_changes_nothing(duck, given_orders, later):
    after = [(who, at + (PERIOD.end - FIRST), money, is_purchase) for who, at, money, is_purchase in later]
    empty = put(duck, "customers", []), put(duck, "events", [])

    def told(given):
        return monthly_kpis(put(duck, "orders", bought(given)), *empty, period=PERIOD, rules=Lifecycle(), months=3)

    pd.testing.assert_frame_equal(told(given_orders), told([*given_orders, *after]), rtol=1e-12)
