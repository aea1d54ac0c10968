"""A customer's first 30 days by hand: what counts, what does not yet, and what the client's data lack."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from custkit.analysis.early_features import (
    Column,
    design,
    early_features,
    early_sample,
    linear,
    model_columns,
    new_customers,
    split_by_time,
)
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)


def order(order_id, customer, at, revenue, **more):
    return {
        "order_id": order_id, "customer_id": customer, "ordered_at": at, "order_date": at[:10], "is_purchase": True, "revenue": revenue,
        "gross_amount": revenue, "items": 2, "products": 1, **more,
    }  # fmt: skip


ORDERS = [
    # Ann: two orders on her first day, one on day 29, one on day 30 and one on day 119, the last of the next 90.
    order("o1", "ann", "2026-03-01 09:00", 60, channel="web", discount_amount=6, coupon_amount=0),
    order("o2", "ann", "2026-03-01 20:00", 20, channel="shop", discount_amount=0, coupon_amount=4),
    order("o3", "ann", "2026-03-30 12:00", 20, items=8, products=4),
    order("o4", "ann", "2026-03-31 12:00", 7),
    order("o5", "ann", "2026-06-28 12:00", 5),
    order("o6", "ann", "2026-06-29 12:00", 3),
    # Bob sent goods back on day 10; his next 90 days are not over.
    order("o7", "bob", "2026-08-01 12:00", 40),
    order("r7", "bob", "2026-08-11 12:00", 0, is_purchase=False, return_amount=-10, gross_amount=None, items=None, products=None),
    # Cai's first 30 days end on the last day before as_of, Dee's a day later.
    order("o8", "cai", "2026-10-02 12:00", 9),
    order("o9", "dee", "2026-10-03 12:00", 9),
    order("g1", None, "2026-03-01 09:00", 99),
]
LINES = [
    {"order_id": "o1", "line_number": 1, "customer_id": "ann", "ordered_at": "2026-03-01 09:00", "product_id": "p1", "kind": "sale"},
    {"order_id": "o3", "line_number": 1, "customer_id": "ann", "ordered_at": "2026-03-30 12:00", "product_id": "p2", "kind": "sale"},
    {"order_id": "o4", "line_number": 1, "customer_id": "ann", "ordered_at": "2026-03-31 12:00", "product_id": "p3", "kind": "sale"},
]
PRODUCTS = [{"product_id": f"p{i}", "category": f"c{i}"} for i in (1, 2, 3)]
EVENTS = [
    {"event_id": "e1", "visitor_id": "v", "customer_id": "ann", "occurred_at": "2026-02-28 09:00", "event_type": "visit"},
    {"event_id": "e2", "visitor_id": "v", "customer_id": "ann", "occurred_at": "2026-03-02 09:00", "event_type": "visit"},
    {"event_id": "e3", "visitor_id": "v", "customer_id": "ann", "occurred_at": "2026-03-02 10:00", "event_type": "view"},
    {"event_id": "e4", "visitor_id": "v", "customer_id": "ann", "occurred_at": "2026-03-31 09:00", "event_type": "visit"},
]
CUSTOMERS = [{"customer_id": "ann", "acquisition_channel": "Referral"}, {"customer_id": "bob"}]


@pytest.fixture
def features(load_table):
    def get(*, events=EVENTS, customers=CUSTOMERS, orders=ORDERS):
        tables = (("orders", orders), ("order_lines", LINES), ("products", PRODUCTS), ("events", events), ("customers", customers))
        return early_features(*(load_table(name, rows) for name, rows in tables), as_of=AS_OF)

    return get


def by_customer(expr):
    return fetch(expr).to_pandas().set_index("customer_id")


def test_the_first_30_days_are_folded_from_the_first_purchase_on(features):
    ann = by_customer(features()).loc["ann"]
    told = {
        "first_date": date(2026, 3, 1), "early_spend": 100.0, "early_days": 2.0, "last_day": 29.0, "first_day_share": 0.8,
        "items_per_order": 4.0, "products_per_order": 2.0, "spend_per_item": 100 / 12, "categories": 2.0, "offer_share": 0.1,
        "return_share": 0.0, "visit_days": 1.0, "came_by": "Referral", "bought_via": "web",
    }  # fmt: skip
    for name, value in told.items():
        assert ann[name] == (pytest.approx(value) if isinstance(value, float) else value), name


def test_what_comes_after_is_counted_to_the_day_and_not_before_it_is_over(features):
    people = by_customer(features())
    assert people.loc["ann", ["next_spend_90", "next_spend_180"]].tolist() == [12.0, 15.0]
    assert people.loc["bob", ["next_spend_90", "next_spend_180"]].isna().all()


def test_nobody_is_told_before_the_first_30_days_are_over_and_guests_never(features):
    assert sorted(by_customer(features()).index) == ["ann", "bob", "cai"]


def test_goods_sent_back_early_are_a_share_of_what_was_bought(features):
    assert by_customer(features()).loc["bob", "return_share"] == 0.25


def test_who_left_no_trace_made_no_visit_only_where_the_client_has_events(features):
    assert by_customer(features()).loc["bob", "visit_days"] == 0.0
    assert by_customer(features(events=[])).visit_days.isna().all()


def test_nobody_bought_gives_no_rows_and_the_same_columns(features):
    assert features(orders=[]).columns == features().columns
    assert len(by_customer(features(orders=[]))) == 0


def test_engine_and_sample_agree_on_a_linear_score(features):
    columns = [Column("early_spend"), Column("last_day"), Column("visit_days"), Column("came_by", "Referral")]
    coefficients, means = [0.5, -0.1, 2.0, 1.0], [1.0, 3.0, 0.25, 0.5]
    table = features()
    on_engine = by_customer(table.select("customer_id", score=linear(table, columns, coefficients, means))).score
    sample = by_customer(table)
    expected = np.nan_to_num(design(sample, columns) - np.array(means)) @ np.array(coefficients)
    assert on_engine[sample.index].tolist() == pytest.approx(expected.tolist())
    assert on_engine["ann"] == pytest.approx(0.5 * (np.log(101) - 1) - 0.1 * 26 + 2.0 * (np.log(2) - 0.25) + 0.5)


def test_columns_that_tell_nobody_apart_are_left_out(features):
    sample = early_sample(features(), known="early_spend")
    columns = {column.name for column in model_columns(sample)}
    assert {"early_spend", "last_day", "visit_days", "return_share"} <= columns
    assert "came_by=Referral" not in columns, "everybody whose channel is known came the same way"


def crowd(first, second, third):
    starts = [("2026-01-01", first), ("2026-01-31", second), ("2026-03-02", third)]
    return [order(f"{at}-{i}", f"{at}-{i}", f"{at} 12:00", 5) for at, n in starts for i in range(n)]


@pytest.mark.parametrize(("months", "old"), [((7, 4, 1), 7), ((6, 4, 1), 0), ((7, 4, 0), 0), ((7, 0, 1), 0)])
def test_a_crowd_in_the_first_month_of_data_was_there_before(features, months, old):
    new, left_out = new_customers(features(orders=crowd(*months)))
    assert left_out == old
    assert len(by_customer(new)) == sum(months) - old


def test_time_parts_customers_between_two_days():
    sample = pd.DataFrame({"first_date": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-02", "2026-01-03"])})
    earlier, later = split_by_time(sample)
    assert (len(earlier), len(later)) == (1, 4)
