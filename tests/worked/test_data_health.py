"""Data health by hand: what is filled, what contradicts, who is not linked, what to ask for."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from custkit.analysis.conservation import BrokenLaw
from custkit.analysis.fields import CANNOT, CARRIES, LIMITS, Reach, empty_fields, field_requests, page_verdicts
from custkit.analysis.health_laws import health_laws
from custkit.analysis.one_view import consent_counts, customer_links
from custkit.analysis.quality import consistency, timeliness
from custkit.analysis.unlinked import unlinked_months, unlinked_orders
from custkit.period import Period
from custkit.present.findings import data_health as findings
from custkit.tables import TABLES

OCTOBER, END = Period(2026, 10), datetime(2026, 11, 1)
EVERYTHING = {f"{t.name}.{c.name}" for t in TABLES.values() for c in t.columns} | set(TABLES)


def order(number, customer, day, revenue, **more):
    return {"order_id": number, "customer_id": customer, "ordered_at": day, "is_purchase": True, "revenue": revenue, **more}


@pytest.fixture
def orders(load_table):
    return load_table(
        "orders",
        [
            order("1", "anna", "2026-08-05", 40),
            order("2", None, "2026-08-06", 60),
            order("3", "ben", "2026-10-01", 30),
            order("4", None, "2026-10-31 23:59:59", 10),
            order("5", None, "2026-11-01", 99),
            order("6", "ben", "2026-10-09", -5, is_purchase=False),
        ],
    )


def test_orders_without_a_customer_are_counted_and_keep_their_revenue(orders):
    told = unlinked_orders(orders, period=OCTOBER).set_index("window")
    assert told.loc["month", ["orders", "unlinked_orders", "revenue", "unlinked_revenue"]].tolist() == [2, 1, 35.0, 10.0]
    assert told.loc["ever", ["orders", "unlinked_orders", "revenue", "unlinked_revenue"]].tolist() == [4, 2, 135.0, 70.0]
    assert told.loc["month", "unlinked_revenue_share"] == pytest.approx(10 / 35)
    months = unlinked_months(orders, period=OCTOBER)
    assert months["month"].tolist() == ["2026-08", "2026-09", "2026-10"]
    assert months["orders"].tolist() == [2, 0, 2]
    assert months["unlinked_share"].isna().tolist() == [False, True, False]


def test_tables_that_contradict_each_other_are_counted(load_table, orders):
    lines = [
        {
            "order_id": "1",
            "customer_id": "anna",
            "kind": "sale",
            "gross_amount": 50,
            "discount_amount": 10,
            "coupon_amount": 0,
            "amount": 40,
        },
        {"order_id": "1", "customer_id": "ben", "kind": "sale", "gross_amount": 50, "discount_amount": 0, "coupon_amount": 5, "amount": 40},
        {"order_id": "2", "kind": "sale", "gross_amount": 60, "discount_amount": 0, "coupon_amount": 0, "amount": 60},
    ]
    customers = [
        {"customer_id": "anna", "registered_at": "2026-08-06", "closed_at": "2026-09-01"},
        {"customer_id": "ben", "registered_at": "2026-09-01", "closed_at": "2026-09-30"},
    ]
    contacts = [
        {"campaign_id": "K1", "customer_id": "anna", "contacted_at": "2026-08-02", "redeemed_at": "2026-08-01"},
        {"campaign_id": "K9", "customer_id": "zoe", "contacted_at": "2026-08-02"},
    ]
    tables = {name: load_table(name, []) for name in TABLES} | {
        "orders": orders, "order_lines": load_table("order_lines", lines), "customers": load_table("customers", customers),
        "campaigns": load_table("campaigns", [{"campaign_id": "K1", "starts_at": "2026-08-02", "ends_at": "2026-08-01"}]),
        "campaign_contacts": load_table("campaign_contacts", contacts),
    }  # fmt: skip
    unlisted = pd.DataFrame({"table": ["customers"], "lines": [1], "revenue": [40.0]})
    told = consistency(tables, EVERYTHING, unlisted).set_index("check")
    asked = {name: (int(row.checked), int(row.failed)) for name, row in told.iterrows()}
    assert asked == {
        "amounts": (3, 1), "order_customers": (1, 1), "unknown_customers": (2, 1), "before_registration": (2, 1), "after_closing": (2, 1),
        "contacts_campaigns": (2, 1), "contacts_customers": (2, 1), "redeemed_early": (1, 1), "campaign_ends": (1, 1),
    }  # fmt: skip
    assert told["failed_share"].between(0, 1).all()


def test_a_table_that_stops_longer_than_ever_is_late(load_table):
    days = ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-20"]
    tables = {name: load_table(name, []) for name in TABLES}
    tables["order_lines"] = load_table("order_lines", [{"order_id": d, "ordered_at": d, "amount": 1} for d in days])
    tables["surveys"] = load_table("surveys", [{"response_id": d, "answered_at": d} for d in days[:3]])
    told = timeliness(tables, EVERYTHING, as_of=END).set_index("table")
    assert told.loc["order_lines", ["rows", "last_day", "lag_days", "longest_gap", "late"]].tolist() == [4, "2026-10-20", 11, 14, False]
    assert told.loc["surveys", ["lag_days", "longest_gap", "late"]].tolist() == [26, 2, True]


def test_one_view_says_whom_each_table_holds(load_table, orders):
    tables = {name: load_table(name, []) for name in TABLES} | {"orders": orders}
    tables["events"] = load_table(
        "events", [{"event_id": str(i), "customer_id": c, "occurred_at": "2026-10-01"} for i, c in enumerate(["anna", "anna", "zoe", None])]
    )
    told = customer_links(tables, {"orders", "orders.customer_id", "events", "events.customer_id"}, as_of=END).set_index("table")
    assert told.loc["events", ["rows", "linked_rows", "customers", "also_buyers"]].tolist() == [4, 3, 2, 1]
    assert told.loc["events", "buyers_covered"] == pytest.approx(1 / 2)
    assert told.loc["events", "customer_share"] == pytest.approx(2 / 3)


def test_consent_that_is_not_known_stands_apart_from_declined(load_table, orders):
    said = [("anna", True), ("ben", None), ("cleo", False), ("dora", None)]
    customers = load_table("customers", [{"customer_id": name, "consent": consent} for name, consent in said])
    told = consent_counts(customers, orders, as_of=END).set_index("consent")
    assert told["customers"].to_dict() == {"yes": 1, "no": 1, "unknown": 2}
    assert told["recent_buyers"].to_dict() == {"yes": 1, "no": 0, "unknown": 1}


def test_what_completes_most_is_asked_for_first():
    sent = EVERYTHING - {"surveys"} - {f"surveys.{c}" for c in TABLES["surveys"].by_name} - {"customers.consent"}
    asked = field_requests(sent, ("events.query",))
    assert asked["field"].tolist() == ["surveys", "customers.consent", "events.query"]
    assert asked["state"].tolist() == ["not sent", "not sent", "empty"]
    assert asked["completes"].tolist() == [3, 1, 1]
    assert field_requests(EVERYTHING, ()).empty
    # either year of birth or band of age is enough
    assert field_requests(EVERYTHING - {"customers.age_band"}, ()).empty


def test_a_page_is_carried_with_limits_or_not_at_all():
    nothing = pd.DataFrame(columns=["table", "told"])
    reach = Reach(unlinked_share=0.0, days=400, buyers=10)
    assert set(page_verdicts(EVERYTHING, (), nothing, reach=reach)["verdict"]) == {CARRIES}
    three = {"order_lines", "order_lines.customer_id", "order_lines.ordered_at", "order_lines.amount", "orders", "orders.customer_id"}
    told = page_verdicts(three, (), nothing, reach=reach).set_index("page")["verdict"].to_dict()
    assert told["association_rules"] == told["campaigns"] == told["voice"] == CANNOT
    assert told["overview"] == told["lifetime_value"] == LIMITS
    changed = pd.DataFrame({"table": ["events"], "told": [True]})
    told = page_verdicts(EVERYTHING, (), changed, reach=Reach(0.06, 40, 10)).set_index("page")
    assert told.loc["campaigns", "verdict"] == LIMITS and told.loc["campaigns", "reasons"] == ("unlinked",)
    assert told.loc["spending_power", "reasons"] == ("unlinked", "short", "changed")
    assert told.loc["spending_power", "tables"] == ("events",)


def test_visits_alone_carry_a_page_that_has_something_to_say_of_them():
    nothing = pd.DataFrame(columns=["table", "told"])
    visits = {"events", *(f"events.{name}" for name in TABLES["events"].by_name)}
    told = page_verdicts(visits, (), nothing, reach=Reach(0.0, 0, 0)).set_index("page")
    carried = told.index[told["verdict"] == LIMITS].tolist()
    assert carried == ["lifecycle_funnel", "voice"] and (told.drop(carried)["verdict"] == CANNOT).all()
    assert "surveys.score" in told.loc["voice", "missing"] and "order_lines.customer_id" in told.loc["lifecycle_funnel", "missing"]
    assert page_verdicts(visits, ("events.results", "events.customer_id"), nothing, reach=Reach(0.0, 0, 0))["verdict"].iloc[9] == CANNOT


def test_a_loyalty_programme_alone_carries_the_page_on_it():
    nothing = pd.DataFrame(columns=["table", "told"])
    ledger = {"loyalty_ledger", "loyalty_ledger.points", "loyalty_ledger.tier"}
    told = page_verdicts(ledger, (), nothing, reach=Reach(0.0, 0, 0)).set_index("page")
    assert told.index[told["verdict"] == LIMITS].tolist() == ["loyalty_tracking"]
    assert {"order_lines.customer_id", "loyalty_ledger.expires_at"} <= set(told.loc["loyalty_tracking", "missing"])


def test_a_column_without_a_value_counts_as_missing():
    columns = pd.DataFrame({"table": ["events", "events"], "column": ["query", "device"], "rows": [9, 9], "filled": [0, 3]})
    assert empty_fields(columns) == ("events.query",)


def test_a_ledger_that_lost_a_line_stops_the_report(load_table, orders):
    lines = load_table("order_lines", [{"order_id": "1", "kind": "sale", "amount": 40, "revenue": 40, "ordered_at": "2026-08-05"}])
    customers = load_table("customers", [{"customer_id": "anna"}])
    files = pd.DataFrame({"table": ["order_lines"], "accepted": [2]})
    account = pd.DataFrame(
        [("accepted", "", 2, 45, 45), ("excluded", "status", 1, 5, 5), ("analysed", "", 1, 40, 40), ("kind", "sale", 1, 40, 40)],
        columns=["part", "of", "rows", "amount", "revenue"],
    )  # fmt: skip
    given = {"lines": lines, "orders": orders, "customers": customers, "as_of": END}
    lone, said = unlinked_orders(orders, period=OCTOBER), consent_counts(customers, orders, as_of=END)
    assert health_laws(files, account, lone, said, **given)["sums"].sum() == 7
    with pytest.raises(BrokenLaw, match="line_rows"):
        health_laws(files.assign(accepted=3), account, lone, said, **given)
    with pytest.raises(BrokenLaw, match="linked_orders"):
        health_laws(files, account, lone.assign(unlinked_orders=0), said, **given)


def test_a_client_without_order_lines_has_a_ledger_that_adds_up(load_table):
    # Previously the page stopped with KeyError 'analysed': without order lines the account of them has no rows at all.
    lines, orders = load_table("order_lines", []), load_table("orders", [])
    customers = load_table("customers", [{"customer_id": "anna"}])
    files = pd.DataFrame({"table": ["loyalty_ledger"], "accepted": [2]})
    account = pd.DataFrame([], columns=["part", "of", "rows", "amount", "revenue"]).astype({"rows": "int64", "amount": "float64"})
    lone, said = unlinked_orders(orders, period=OCTOBER), consent_counts(customers, orders, as_of=END)
    # Previously told: "Every order has a customer", and of buyers "– are found".
    assert findings.unlinked_finding(lone).headline == "Not told: there are no orders."
    links = customer_links({"customers": customers, "orders": orders}, {"customers", "customers.customer_id"}, as_of=END)
    assert findings.view_finding(links).detail == ""
    told = health_laws(files, account, lone, said, lines=lines, orders=orders, customers=customers, as_of=END).set_index("law")
    assert told.loc["consent_customers", "whole"] == 1
    assert not told.drop(index="consent_customers")["whole"].any()


def test_a_value_that_tells_who_somebody_is_is_cut_short():
    aside = pd.DataFrame(
        [
            ("order_lines", "b.csv", 7, "Customer", "1.23457E+15", "id_digits_lost", None),
            ("order_lines", "a.csv", 3, "Net", "n/k", "amount_unparsable", None),
        ],
        columns=["table", "file", "line", "column", "value", "reason", "amount"],
    )  # fmt: skip
    shown = findings.aside_table(aside, frozenset({"Customer"}))._repr_mimebundle_()["text/plain"]
    assert "1.…" in shown and "1.23457" not in shown
    assert "a.csv, Net | n/k" in shown


def test_nobody_known_to_agree_is_not_told_as_zero_percent(load_table, orders):
    customers = load_table("customers", [{"customer_id": "anna"}])
    told = findings.consent_finding(consent_counts(customers, orders, as_of=END))
    assert told.tone == "quiet" and not told.facts
