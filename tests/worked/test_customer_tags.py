"""One row a customer with every tag, and the sums that must hold."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis.concentration import tenths
from custkit.analysis.conservation import BrokenLaw
from custkit.analysis.customer_tags import TAGS, customer_tags, main_categories, tag_counts
from custkit.analysis.migration import month_moves
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments, segment_summary
from custkit.analysis.segment_laws import segment_laws
from custkit.client import load_client

AS_OF, SINCE = datetime(2026, 11, 1), datetime(2026, 10, 1)
CLIENT = """
name: Corner Shop
currency: EUR
sources: [{table: order_lines, files: sales.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]
segments:
  - {name: Sleeping, recency_days: "> dormant_days"}
  - {name: Big, spend: ">= 100"}
  - {name: The rest}
high_ticket_spend: 100
gross_margin: 0.5
"""
ORDERS = [
    {"order_id": "o1", "customer_id": "ann", "ordered_at": "2026-10-30 09:00", "revenue": 150},
    {"order_id": "o2", "customer_id": "ann", "ordered_at": "2026-06-10 09:00", "revenue": 50},
    {"order_id": "o3", "customer_id": "bob", "ordered_at": "2026-01-05 09:00", "revenue": 120},
    {"order_id": "o4", "customer_id": "cai", "ordered_at": "2026-10-02 09:00", "revenue": 30},
    {"order_id": "o5", "customer_id": "dee", "ordered_at": "2025-10-05 09:00", "revenue": 900},  # out of this month's year, in last month's
    {"order_id": "o6", "customer_id": None, "ordered_at": "2026-10-02 09:00", "revenue": 70},
]
PRODUCTS = [{"product_id": "tea", "category": "Tea"}, {"product_id": "cup", "category": "Cups"}, {"product_id": "odd"}]


def line(order, customer, product, revenue, **more):
    given = {"order_id": order, "line_number": 1, "customer_id": customer, "product_id": product, "revenue": revenue}
    return {**given, "ordered_at": "2026-10-30 09:00", "kind": "sale", "is_product": True, **more}


LINES = [
    line("o1", "ann", "cup", 40), line("o1", "ann", "tea", 110, line_number=2), line("o4", "cai", "odd", 30),
    line("o3", "bob", "tea", 60, ordered_at="2026-01-05 09:00"),
    line("o3", "bob", "cup", 60, ordered_at="2026-01-05 09:00", line_number=2),
    line("o6", None, "tea", 70), line("o7", "cai", "cup", 5, kind="return"),
]  # fmt: skip


@pytest.fixture
def orders(load_table):
    return load_table("orders", [{**order, "is_purchase": True} for order in ORDERS])


@pytest.fixture
def client(tmp_path):
    path = tmp_path / "client.yml"
    path.write_text(CLIENT, encoding="utf-8")
    return load_client("corner", path=path)


@pytest.fixture
def tags(load_table, orders, client):
    return customer_tags(orders, load_table("order_lines", LINES), load_table("products", PRODUCTS), as_of=AS_OF, client=client)


def test_every_customer_has_one_row_with_every_tag(tags, rows):
    shown = tags.select(
        "customer_id", "segment", "target_group", "value_level", "position", "decile", "is_high_ticket", "is_quiet_good", "main_category"
    )
    assert rows(shown, by="customer_id") == [
        ("ann", "Big", "High-value loyal", "high value", "active", 1, True, False, "Tea"),
        ("bob", "Sleeping", "Churn risk", "middle value", "asleep", 4, True, True, "Cups"),  # of two equal categories the first by name
        ("cai", "The rest", "Potential new", "low value", "new", 7, False, False, None),
    ]
    assert set(TAGS) <= set(tags.columns)


def test_tags_are_counted_and_those_that_nobody_has_are_left_out(tags):
    found = tag_counts(tags).set_index("tag")
    assert found.customers.to_dict() == {
        "segment": 3, "target_group": 3, "value_level": 3, "position": 3, "decile": 3, "is_high_ticket": 2, "is_quiet_good": 1,
        "effectiveness": 3, "potential": 1, "main_category": 2,
    }  # fmt: skip
    assert found.customer_share["is_high_ticket"] == pytest.approx(2 / 3)


def test_nobody_bought_and_there_are_no_tags(load_table, client, rows):
    tables = [load_table(name, []) for name in ("orders", "order_lines", "products")]
    none = customer_tags(*tables, as_of=AS_OF, client=client)
    assert rows(none, by="customer_id") == []
    assert tag_counts(none).empty


def test_the_main_category_is_the_one_with_most_spend(load_table, rows):
    bought = main_categories(load_table("order_lines", LINES), load_table("products", PRODUCTS), as_of=AS_OF)
    assert rows(bought, by="customer_id") == [("ann", "Tea"), ("bob", "Cups")]


def told(orders, client):
    values = rfm(orders, as_of=AS_OF)
    summary = segment_summary(rfm_segments(rfm_scores(values), segments=client.segments))
    return summary, tenths(values), month_moves(values, orders, since=SINCE, segments=client.segments)


def test_segments_tenths_and_moves_add_up_to_the_orders(orders, client):
    laws = segment_laws(*told(orders, client), purchases=orders, as_of=AS_OF, since=SINCE)
    assert laws.set_index("law").whole.to_dict() == {
        "segment_customers": 3, "segment_revenue": 350, "decile_customers": 3, "decile_revenue": 350,
        "migration_before": 3, "migration_now": 3,
    }  # fmt: skip


@pytest.mark.parametrize("broken", ["summary", "tenths", "moves"])
def test_a_customer_or_a_cent_that_is_lost_stops_the_page(orders, client, broken):
    summary, tens, moves = told(orders, client)
    if broken == "summary":
        summary = summary.assign(revenue=summary.revenue - [0.01, 0, 0])
    elif broken == "tenths":
        tens = tens.assign(customers=tens.customers - [1, 0, 0])
    else:
        moves = moves[1:]
    with pytest.raises(BrokenLaw):
        segment_laws(summary, tens, moves, purchases=orders, as_of=AS_OF, since=SINCE)
