"""What must hold for any shop: the month's figures equal a plain recount, the bridge and the tree keep every cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ibis import _

from custkit.analysis.bridge import revenue_bridge
from custkit.analysis.changes import changes
from custkit.analysis.conservation import BrokenLaw, base, laws, month_laws
from custkit.analysis.definitions import as_chosen
from custkit.analysis.kpis import monthly_kpis
from custkit.analysis.lifecycle import customer_stages
from custkit.analysis.noise import month_noise
from custkit.analysis.revenue_tree import revenue_tree
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments
from custkit.analysis.second_purchase import second_purchase_spells, second_purchase_summary
from custkit.analysis.structure import user_structure
from custkit.client import Definitions, Lifecycle
from custkit.engine import connect, fetch, frame, load
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
    tables = shop(duck, given_orders)
    kpis = monthly_kpis(*tables, period=PERIOD, rules=Lifecycle(), months=3)
    tree = revenue_tree(kpis, month_noise(tables[0], kpis, period=PERIOD))
    if len(tree):
        assert tree.effect.sum() == pytest.approx(kpis.revenue.iloc[-1] - kpis.revenue.iloc[-2], abs=1e-6)


@DEAR
@example(given_orders=[(None, FIRST, Decimal(0), True)])  # nobody is known
@given(given_orders=orders)
def test_the_noise_of_each_measure_is_a_plain_recount_customer_by_customer(duck, given_orders):
    tables = shop(duck, given_orders)
    kpis = monthly_kpis(*tables, period=PERIOD, rules=Lifecycle(), months=3)
    noise = month_noise(tables[0], kpis, period=PERIOD)
    if noise.empty:
        return
    told = noise.set_index(["measure", "name"])
    rows = [(i, who, at, float(money), bought) for i, (who, at, money, bought) in enumerate(given_orders) if at < PERIOD.end]
    frame = pd.DataFrame(rows, columns=["i", "who", "at", "money", "bought"])
    known = frame[frame.who.notna()]

    def brought(month):
        inside = known[(known["at"] >= month.start) & (known["at"] < month.end)]
        by = inside.groupby("who").agg(money=("money", "sum"), orders=("bought", "sum"))
        return by.reindex(sorted(known.who.unique()), fill_value=0)

    def recount(now, then):
        guests = frame[frame.who.isna() & (frame["at"] >= (PERIOD - (1 if then is not None else 0)).start)]
        difference = now.money - (0 if then is None else then.money)
        return (difference**2).sum() + (guests.money**2).sum()

    now, before = brought(PERIOD), brought(PERIOD - 1)
    assert told.loc[("revenue", ""), "variance"] == pytest.approx(recount(now, None))
    if not pd.isna(kpis.revenue.iloc[-2]):
        assert told.loc[("revenue", ""), "variance_before"] == pytest.approx(recount(now, before))
    buyers = now[now.orders > 0]
    if len(buyers) > 1:
        ratio = now.money.sum() / now.orders.sum()
        squares = ((now.money - ratio * now.orders) ** 2).sum() / now.orders.sum() ** 2
        assert told.loc[("aov", "known"), "variance"] == pytest.approx(squares * len(buyers) / (len(buyers) - 1))


@DEAR
@given(given_orders=orders, given_accounts=accounts)
def test_every_shop_adds_up(duck, given_orders, given_accounts):
    """Whatever was bought and given back, each sum of the page is kept, or this raises."""
    tables = shop(duck, given_orders, given_accounts)
    customers, purchases = tables[1], tables[0].filter(tables[0].is_purchase)
    kpis = monthly_kpis(*tables, period=PERIOD, rules=Lifecycle(), months=3)
    stages = customer_stages(customers, purchases, tables[2], as_of=PERIOD.end, rules=Lifecycle())
    segments = rfm_segments(rfm_scores(rfm(purchases, as_of=PERIOD.end)))
    held = month_laws(
        tables[0], customers, period=PERIOD, kpis=kpis, bridge=revenue_bridge(tables[0], period=PERIOD),
        tree=revenue_tree(kpis, month_noise(tables[0], kpis, period=PERIOD)), structure=user_structure(stages, segments),
        waits=second_purchase_spells(purchases, as_of=PERIOD.end),
    )  # fmt: skip
    assert held.whole.tolist() == pytest.approx(held.parts.tolist(), abs=0.005)


@DEAR
@given(given_orders=st.lists(one_order, min_size=5, max_size=40), lost=st.integers(0, 4))
def test_a_customer_who_slips_out_of_a_segment_breaks_a_law(duck, given_orders, lost):
    table = put(duck, "orders", bought(given_orders))
    purchases = table.filter(table.is_purchase)
    segments = frame(rfm_segments(rfm_scores(rfm(purchases, as_of=PERIOD.end))).group_by("segment").aggregate(customers=_.count()))
    year = base(purchases, start=PERIOD.end - timedelta(days=365), as_of=PERIOD.end)
    assert laws(segment_customers=(segments.customers, year.buyers)).parts.iloc[0] == year.buyers
    if lost:
        with pytest.raises(BrokenLaw):
            laws(segment_customers=([*segments.customers, -lost], year.buyers))


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
        noise = month_noise(table, kpis, period=PERIOD)
        months = as_chosen(kpis, definitions=Definitions())
        return kpis, noise, changes(months, noise), revenue_bridge(table, period=PERIOD), spells, second_purchase_summary(spells)

    for one, other in zip(told(rows), told(shuffled), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)


@DEAR
@given(given_orders=orders, later=orders)
def test_what_happens_after_the_month_changes_nothing(duck, given_orders, later):
    after = [(who, at + (PERIOD.end - FIRST), money, is_purchase) for who, at, money, is_purchase in later]
    empty = put(duck, "customers", []), put(duck, "events", [])

    def told(given):
        return monthly_kpis(put(duck, "orders", bought(given)), *empty, period=PERIOD, rules=Lifecycle(), months=3)

    pd.testing.assert_frame_equal(told(given_orders), told([*given_orders, *after]), rtol=1e-12)
