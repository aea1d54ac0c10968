"""Tables beside the order lines: one row per key, whatever the exports repeat."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from custkit.client import Source
from custkit.tables import SENT, source_fields

LINES = """
- table: order_lines
  files: lines.csv
  columns: {order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}
"""
ORDERS = "order,date,customer,product,qty,amount\n1,2026-10-02,c1,tea,2,5\n2,2026-10-03,c2,jam,1,9\n"


def test_customers_are_those_registered_and_those_seen(take):
    sources = (
        LINES + "- table: customers\n  files: c.csv\n  columns: "
        "{customer_id: id, registered_at: since, is_vip: {column: vip, values: {J: true}}, region: city}\n"
    )
    found = take({"lines.csv": ORDERS, "c.csv": "id,since,vip,city\nc1,2025-01-01,J,Bonn\nc3,2026-01-01,no,\nc4,,,\n"}, sources=sources)
    assert found.rows("customers", "customer_id", "registered_at", "is_vip", "region") == [
        ("c1", datetime(2025, 1, 1), True, "Bonn"),
        ("c3", datetime(2026, 1, 1), False, None),
        ("c2", datetime(2026, 10, 3), None, None),
        ("c4", None, None, None),
    ]


def test_a_customer_in_two_exports_is_one_and_gaps_are_filled(take):
    sources = """
    - table: customers
      files: crm.csv
      columns: {customer_id: id, registered_at: since, gender: sex}
    - table: customers
      files: shop.csv
      columns: {customer_id: id, registered_at: since, birth_year: born}
    """
    files = {
        "crm.csv": "id,since,sex\nc1,2025-01-01,\nc1,2024-01-01,f\n",
        "shop.csv": "id,since,born\nc1,2020-01-01,1980\nc2,2021-01-01,1990\n",
    }
    found = take(files, sources=sources)
    assert sorted(found.rows("customers", "customer_id", "registered_at", "gender", "birth_year")) == [
        ("c1", datetime(2025, 1, 1), "f", 1980),
        ("c2", datetime(2021, 1, 1), None, 1990),
    ]
    assert found.snapshot.manifest["ledger"]["tables"]["customers"] == {"accepted": 4, "rows": 2, "merged": 2}


def test_what_goods_cost_comes_from_the_product_list(take):
    sources = LINES + "- table: products\n  files: p.csv\n  columns: {product_id: id, product_name: name, unit_cost: cost}\n"
    found = take({"lines.csv": ORDERS, "p.csv": "id,name,cost\ntea,Tea,1.25\ncake,Cake,3\n"}, sources=sources)
    assert found.rows("orders", "order_id", "cost_amount") == [("1", Decimal("2.5")), ("2", None)]
    assert found.rows("products", "product_id", "product_name") == [("cake", "Cake"), ("jam", None), ("tea", "Tea")]
    assert {"order_lines.cost_amount", "orders.cost_amount", "products.unit_cost"} <= found.snapshot.provided


def test_a_contact_begins_with_its_campaign_and_keeps_the_first_use_of_the_offer(take):
    sources = """
    - table: campaigns
      files: k.csv
      columns: {campaign_id: id, starts_at: from}
    - table: campaign_contacts
      files: contacts.csv
      columns: {campaign_id: id, customer_id: customer, arm: group}
    - table: campaign_contacts
      files: used.csv
      columns: {campaign_id: id, customer_id: customer, redeemed_at: at}
    """
    files = {
        "k.csv": "id,from\nk1,2026-10-01\n",
        "contacts.csv": "id,customer,group\nk1,c1,Treatment\nk1,c2,control\n",
        "used.csv": "id,customer,at\nk1,c1,2026-10-09\nk1,c1,2026-10-05\n",
    }
    found = take(files, sources=sources)
    assert found.rows("campaign_contacts", "customer_id", "contacted_at", "arm", "redeemed_at") == [
        ("c1", datetime(2026, 10, 1), "treatment", datetime(2026, 10, 5)),
        ("c2", datetime(2026, 10, 1), "control", None),
    ]


def test_spend_of_one_channel_and_month_is_added_up(take):
    sources = """
    - table: marketing_spend
      files: s.csv
      columns: {spent_at: {column: month, format: "%Y-%m"}, channel: channel, spend_amount: spent}
    """
    found = take({"s.csv": "month,channel,spent\n2026-10,search,5\n2026-10,search,7\n2026-10,mail,1\n"}, sources=sources)
    assert found.rows("marketing_spend") == [(datetime(2026, 10, 1), "mail", Decimal(1)), (datetime(2026, 10, 1), "search", Decimal(12))]


def test_events_without_ids_are_numbered_by_time_and_content(take):
    sources = "- table: events\n  files: e.csv\n  columns: {visitor_id: v, occurred_at: at, event_type: what, dwell_seconds: s}"
    head, body = "v,at,what,s\n", ["b,2026-10-01 10:00,VISIT,1.5\n", "a,2026-10-01 10:00,view,\n", "c,2026-09-01,cart,3\n"]
    found = take({"e.csv": head + "".join(body)}, sources=sources)
    assert found.rows("events", "event_id", "visitor_id", "event_type", "dwell_seconds") == [
        ("e0000000001", "c", "cart", 3.0),
        ("e0000000002", "a", "view", None),
        ("e0000000003", "b", "visit", 1.5),
    ]
    again = take({"e.csv": head + "".join(reversed(body))}, sources=sources)
    assert found.snapshot.path("events").read_bytes() == again.snapshot.path("events").read_bytes()
    assert "events.event_id" in found.snapshot.provided


def test_a_word_that_no_table_knows_is_set_aside(take):
    sources = (
        "- table: events\n  files: e.csv\n  columns: {visitor_id: v, occurred_at: at, event_type: {column: what, values: {kauf: order}}}"
    )
    found = take(
        {"e.csv": "v,at,what\na,2026-10-01,kauf\na,2026-10-01,poke\n"},
        sources=sources,
        more="limits: {quarantine_rows: 1}",
    )
    assert found.rows("events", "event_type") == [("order",)]
    assert found.aside == [(3, "what", "poke", "unknown_value")]


def test_a_constant_fills_a_field(take):
    sources = LINES.replace("amount: amount}", "amount: amount, channel: {value: web}}")
    found = take({"lines.csv": ORDERS}, sources=sources)
    assert found.rows("orders", "channel") == [("web",), ("web",)]
    assert "orders.channel" in found.snapshot.provided


def test_what_is_provided_follows_from_the_client_file(take):
    found = take({"lines.csv": ORDERS}, sources=LINES)
    assert {
        "order_lines",
        "orders",
        "orders.products",
        "orders.items",
        "customers.customer_id",
        "products.product_id",
    } <= found.snapshot.provided
    assert (
        not {"customers", "products", "events", "orders.coupon_amount", "order_lines.gross_amount", "orders.channel"}
        & found.snapshot.provided
    )


def test_a_table_without_files_is_not_provided_where_optional(take):
    sources = LINES + "- table: events\n  files: e*.csv\n  optional: true\n  columns: {visitor_id: v, occurred_at: at, event_type: what}\n"
    found = take({"lines.csv": ORDERS}, sources=sources)
    assert "events" not in found.snapshot.provided


NEEDED = [
    (name, c.name) for name, table in SENT.items() if not table.derived and name != "order_lines" for c in table.columns if c.required
]


@pytest.mark.parametrize(("table", "field"), NEEDED)
def test_a_source_that_leaves_out_what_every_row_needs_is_refused_with_what_to_map(table, field):
    others = {name: name for name in source_fields(table) if name != field}
    with pytest.raises(ValueError, match=f"map `{field}`, which every row of {table} needs"):
        Source(table=table, files=("x.csv",), columns=others)
    Source(table=table, files=("x.csv",), columns={**others, field: field})
