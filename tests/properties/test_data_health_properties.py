"""Changes in the data: every fault planted is told, and months in which nothing happened raise no alarm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custkit.analysis.data_changes import COLUMNS, FALSE_ALARMS, changes_told, data_changes, slips
from custkit.analysis.fields import field_requests
from custkit.analysis.unlinked import unlinked_months, unlinked_orders
from custkit.book import Book
from custkit.client import Engine
from custkit.engine import connect, load
from custkit.intake import take_snapshot
from custkit.period import Period
from custkit.present.findings.data_health import changes_finding
from custkit.tables import TABLES

PERIOD = Period(2026, 10)
LINE_FIELDS = ("order_id", "customer_id", "ordered_at", "quantity", "amount", "product_id")
SENT = {"order_lines", "orders", *(f"order_lines.{c}" for c in LINE_FIELDS), "orders.ordered_at", "orders.channel", "orders.customer_id"}


def shop(seed: int = 0, months: int = 14) -> pd.DataFrame:
    """One line an order: noisy days with a weekday pattern, shut on Sundays; a price each, three channels, a fifth guests."""
    draw = np.random.default_rng(seed)
    days = pd.date_range((PERIOD - (months - 1)).start, PERIOD.end - timedelta(days=1))
    means = np.array([8, 7, 7, 8, 12, 15, 0])[days.day_of_week] * draw.gamma(20, 1 / 20, len(days))
    at = np.repeat(days.to_numpy(), draw.poisson(means))
    n = len(at)
    frame = pd.DataFrame({"ordered_at": pd.to_datetime(at) + pd.to_timedelta(draw.normal(15, 2.5, n).clip(8, 21) * 60 // 1, unit="min")})
    frame["order_id"] = [f"{i:06d}" for i in range(n)]
    frame["customer_id"] = np.where(draw.random(n) < 0.2, None, [f"c{k}" for k in draw.integers(0, 300, n)])
    frame["product_id"] = [f"p{k}" for k in draw.integers(0, 9, n)]
    frame["quantity"] = 1 + draw.poisson(1.0, n)
    frame["amount"] = (frame["quantity"] * np.exp(draw.normal(2.5, 0.6, n))).round(2)
    frame["channel"] = draw.choice(["web", "app", "shop"], n, p=[0.5, 0.3, 0.2])
    return frame


@pytest.fixture(scope="module")
def changes() -> Callable[[pd.DataFrame], pd.DataFrame]:
    con, made = connect(Engine()), iter(range(10_000))

    def ask(lines: pd.DataFrame, period: Period = PERIOD) -> pd.DataFrame:
        number = next(made)
        orders = lines.assign(is_purchase=True, revenue=lines["amount"])
        tables = {
            "order_lines": load(
                con, f"l{number}", typed("order_lines", lines.assign(kind="sale", is_product=True, revenue=lines["amount"]))
            ),
            "orders": load(con, f"o{number}", typed("orders", orders)),
        }
        return data_changes(tables, SENT, period=period)

    return ask


def typed(name: str, frame: pd.DataFrame) -> pa.Table:
    columns = []
    for field in TABLES[name].arrow_schema:
        if field.name not in frame:
            columns.append(pa.nulls(len(frame), field.type))
        elif pa.types.is_decimal(field.type):
            columns.append(pa.array([None if pd.isna(v) else Decimal(f"{v:.4f}") for v in frame[field.name]], field.type))
        else:
            columns.append(pa.array([None if pd.isna(v) else v for v in frame[field.name]], field.type))
    return pa.table(columns, schema=TABLES[name].arrow_schema)


def in_month(frame: pd.DataFrame) -> pd.Series:
    return frame["ordered_at"] >= PERIOD.start


def told(found: pd.DataFrame) -> set[tuple[str, str]]:
    return set(map(tuple, changes_told(found)[["kind", "column"]].to_numpy()))


def test_amounts_ten_times_as_large_are_told_as_a_slip_of_the_unit(changes):
    lines = shop()
    lines.loc[in_month(lines), "amount"] *= 10
    found = changes(lines)
    assert told(found) == {("size", "amount")}
    assert slips(found)["power"].tolist() == [1]
    assert "has its unit changed?" in changes_finding(found).detail


def test_a_column_that_vanished_is_told(changes):
    lines = shop()
    lines.loc[in_month(lines), "product_id"] = None
    assert told(changes(lines)) == {("filled", "product_id")}


def test_a_customer_id_half_empty_is_told(changes):
    lines = shop()
    lost = in_month(lines) & (np.arange(len(lines)) % 2 == 0)
    lines.loc[lost, "customer_id"] = None
    assert told(changes(lines)) == {("filled", "customer_id")}


def test_a_missing_week_is_told_with_its_days(changes):
    lines = shop()
    week = (lines["ordered_at"] >= "2026-10-12") & (lines["ordered_at"] < "2026-10-19")
    found = changes_told(changes(lines[~week]))
    gap = found[found["kind"] == "gap"]
    # The Sunday before, when the shop is always shut, belongs to the silence and is not counted.
    assert gap["which"].tolist() == ["2026-10-11 – 2026-10-18"] and gap["now"].tolist() == [6.0]


def test_a_month_sent_twice_a_clock_that_slipped_and_a_new_word_are_told(changes):
    lines = shop()
    later = lines.assign(ordered_at=lines["ordered_at"] - pd.to_timedelta(np.where(in_month(lines), 7, 0), unit="h"))
    assert ("hour", "ordered_at") in told(changes(later))
    renamed = lines.assign(channel=np.where(in_month(lines) & (lines["channel"] == "web"), "WEB", lines["channel"]))
    assert {("new_value", "channel"), ("gone_value", "channel")} <= told(changes(renamed))
    twice = pd.concat([lines, lines[in_month(lines)].assign(order_id=lambda t: "x" + t["order_id"])])
    assert ("rows", "") in told(changes(twice))


def test_weekdays_on_which_the_shop_is_always_shut_are_no_gap(changes):
    assert not (changes(shop())["kind"] == "gap").any()


def test_months_in_which_nothing_happened_raise_few_alarms(changes):
    """30 months of shops without a change: no more alarms than promised, counted one by one."""
    alarms = [bool(changes(shop(seed, months), PERIOD)["told"].any()) for seed in range(15) for months in (9, 14)]
    assert len(alarms) == 30
    assert sum(alarms) <= FALSE_ALARMS * len(alarms)


@pytest.mark.parametrize("null", [True, False])
def test_undisturbed_months_of_the_demo_shop_raise_few_alarms(shops, null):
    made = shops(f"health_{'null' if null else 'planted'}", null=null, customers=600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(made.home))
        book = Book.of(made.client, take_snapshot(made.client, progress=False), PERIOD)
    found = {}
    for back in range(10):
        at = book.at(PERIOD - back)
        found[str(at.period)] = changes_told(data_changes(at.tables, book.snapshot.provided, period=at.period, client=made.client))
    assert {month for month, changed in found.items() if len(changed)} == set()


def test_too_short_a_history_says_nothing(changes):
    lines = shop(months=4)
    found = changes(lines)
    assert set(found["kind"]) <= {"gap"}
    assert list(found.columns) == list(COLUMNS)


def test_the_order_of_rows_leaves_no_trace(changes):
    lines = shop(1, 9)
    mixed = lines.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(changes(lines), changes(mixed))


@given(guests=st.lists(st.booleans(), min_size=1, max_size=12))
def test_linked_and_unlinked_make_up_all_orders(guests):
    rows = [
        {
            "order_id": str(i),
            "customer_id": None if guest else "c",
            "ordered_at": datetime(2026, 1 + i % 10, 3),
            "is_purchase": True,
            "revenue": 1,
        }
        for i, guest in enumerate(guests)
    ]
    orders = load(connect(Engine()), "orders", typed("orders", pd.DataFrame(rows)))
    ever = unlinked_orders(orders, period=PERIOD).set_index("window").loc["ever"]
    assert ever["orders"] == len(guests) and ever["unlinked_orders"] == sum(guests)
    months = unlinked_months(orders, period=PERIOD)
    assert months["orders"].sum() == len(guests) and months["unlinked_orders"].sum() == sum(guests)


@given(gone=st.sets(st.sampled_from(sorted(f"{t.name}.{c.name}" for t in TABLES.values() for c in t.columns if c.feeds)), max_size=8))
def test_what_is_there_is_never_asked_for(gone):
    everything = {f"{t.name}.{c.name}" for t in TABLES.values() for c in t.columns} | set(TABLES)
    asked = field_requests(everything - gone, ())
    assert set(asked["field"]) <= gone
    assert (asked["completes"] <= asked["feeds"]).all() and asked["completes"].is_monotonic_decreasing
