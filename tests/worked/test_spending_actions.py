"""Who gets what on Monday, and why: every position a customer can be in."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.spending_actions import action_summary, credit_history, spending_actions
from custkit.client import Credit
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)
SCORES = pa.schema(
    {
        "customer_id": pa.string(),
        "score": pa.float64(),
        "dimensions_present": pa.int64(),
        "weight_covered": pa.float64(),
        "level": pa.string(),
        "monetary_value": pa.decimal128(38, 4),
    }
)
SUSPECTED = pa.schema({"customer_id": pa.string(), "sold_amount": pa.decimal128(38, 4), "returned_amount": pa.decimal128(38, 4)})
SENSITIVITY = pa.schema({"customer_id": pa.string(), "price_sensitivity": pa.string()})
HISTORY = pa.schema({"customer_id": pa.string(), "credit_orders": pa.int64()})


def rows_of(schema, given):
    return [dict(zip(schema.names, row, strict=True)) for row in given]


def actions(load_table, scores, *, suspected=(), sensitivity=(), history=(), rules=None):
    filled = [(c, 50.0, 2, 0.8, level, spend) for c, level, spend in scores]
    return spending_actions(
        load_table("scores", rows_of(SCORES, filled), schema=SCORES),
        load_table("suspected", rows_of(SUSPECTED, suspected), schema=SUSPECTED),
        load_table("sensitivity", rows_of(SENSITIVITY, sensitivity), schema=SENSITIVITY),
        load_table("history", rows_of(HISTORY, history), schema=HISTORY),
        rules=rules,
    )


def told(found, *columns):
    listed = fetch(found.select("customer_id", *columns)).sort_by("customer_id").to_pylist()
    return {row.pop("customer_id"): tuple(row.values()) for row in listed}


def test_discounts_go_to_those_who_buy_on_offer_and_to_nobody_else(load_table):
    levels = ("high", "middle", "low", "not compared")
    kinds = ("price-driven", "mixed", "value-driven", "not told")
    people = [(f"{level}/{kind}", level, kind) for level in levels for kind in kinds]
    found = actions(load_table, [(c, level, 100) for c, level, _kind in people], sensitivity=[(c, kind) for c, _level, kind in people])
    offers = {name: offer for name, (offer,) in told(found, "offer").items()}
    assert offers["high/price-driven"] == "bundle" and offers["middle/price-driven"] == "step_up"
    assert {offers[f"high/{kind}"] for kind in kinds[1:]} == {"first_look"}
    assert {offers[f"middle/{kind}"] for kind in kinds[1:]} == {"something_new"}
    assert {offers[f"{level}/{kind}"] for level in levels[2:] for kind in kinds} == {"standard"}
    reasons = told(found, "offer_reason", "service_priority", "priority_reason")
    assert reasons["high/mixed"] == ("high+mixed", "first", "high")
    assert reasons["low/price-driven"] == ("low+price-driven", "normal", "low")


def test_who_was_never_asked_about_prices_counts_as_not_told(load_table):
    assert told(actions(load_table, [("ann", "high", 100)]), "offer", "offer_reason") == {"ann": ("first_look", "high+not told")}


def test_those_suspected_get_no_offer_and_no_limit_and_service_as_usual(load_table):
    found = actions(
        load_table, [("ann", "high", 1200)], suspected=[("bob", 9000, 500)], sensitivity=[("bob", "price-driven")], history=[("bob", 30)]
    )
    names = ("score", "dimensions_present", "weight_covered", "level", "offer", "offer_reason", "service_priority")
    assert told(found, *names)["bob"] == (None, 0, 0.0, "suspected", "no_offer", "suspected", "normal")
    assert told(found, "monetary_value", "credit_limit_suggestion", "credit_reason")["bob"] == (Decimal(8500), None, "suspected")


def test_a_limit_is_a_months_spend_rounded_down_to_tens_and_needs_a_history(load_table):
    people = [("ann", "low", 1200), ("bob", "low", "1319.99"), ("cai", "high", 1200), ("dee", "high", 119), ("eve", "high", -5)]
    found = actions(load_table, people, history=[("ann", 3), ("bob", 5), ("cai", 2), ("dee", 9), ("eve", 9)])
    assert told(found, "credit_limit_suggestion", "credit_reason") == {
        "ann": (100, "enough_history"),
        "bob": (100, "enough_history"),
        "cai": (None, "no_history"),
        "dee": (None, "too_little"),
        "eve": (None, "too_little"),
    }


def test_the_client_says_how_many_months_how_much_at_most_and_what_a_history_is(load_table):
    rules = Credit(months=2.5, cap=Decimal(455), min_orders=1)
    found = actions(load_table, [("ann", "low", 1200), ("bob", "low", 12000)], history=[("ann", 1), ("bob", 1)], rules=rules)
    assert told(found, "credit_limit_suggestion") == {"ann": (250,), "bob": (450,)}


def test_a_history_is_orders_whose_payment_holds_one_of_the_clients_words(load_table, rows):
    given = [
        ("o1", "ann", "2026-10-01", "Invoice, 30 days"), ("o2", "ann", "2026-10-02", "card"), ("o3", "ann", "2026-10-03", "3 instalments"),
        ("o4", "ann", "2025-10-31", "invoice"), ("o5", "bob", "2026-10-03", None), ("o6", None, "2026-10-03", "invoice"),
        ("o7", "cai", "2026-10-31 23:59", "花呗分期"), ("o8", "cai", "2026-11-01", "分期"),
    ]  # fmt: skip
    orders = load_table("orders", [{"order_id": o, "customer_id": c, "ordered_at": at, "payment_method": m} for o, c, at, m in given])
    assert rows(credit_history(orders, as_of=AS_OF), by="customer_id") == [("ann", 2), ("bob", 0), ("cai", 1)]
    own = Credit(methods=("card",))
    assert rows(credit_history(orders, as_of=AS_OF, rules=own), by="customer_id") == [("ann", 1), ("bob", 0), ("cai", 0)]


def test_every_customer_stands_once_under_each_action(load_table):
    found = action_summary(
        actions(
            load_table, [("ann", "high", 1200), ("bob", "middle", 600), ("cai", "low", 100)],
            suspected=[("dee", 100, 0)], history=[("ann", 3), ("bob", 4)],
        )
    )  # fmt: skip
    expected = pd.DataFrame(
        {
            "action": ["offer"] * 6 + ["service_priority"] * 2 + ["credit_limit"] * 2,
            "choice": [
                "first_look", "bundle", "something_new", "step_up", "standard", "no_offer", "first", "normal", "limit", "no_limit",
            ],
            "customers": [1, 0, 1, 0, 1, 1, 1, 3, 2, 2],
            "customer_share": [0.25, 0, 0.25, 0, 0.25, 0.25, 0.25, 0.75, 0.5, 0.5],
            "revenue": [1200.0, 0, 600, 0, 100, 100, 1200, 800, 1800, 200],
            "revenue_share": [0.6, 0, 0.3, 0, 0.05, 0.05, 0.6, 0.4, 0.9, 0.1],
            "credit_limit": [None] * 8 + [150.0, None],
        }
    )  # fmt: skip
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_nobody_to_act_on_gives_no_rows(load_table):
    found = actions(load_table, [])
    assert fetch(found).num_rows == 0 and action_summary(found).empty
    with pytest.raises(ValueError, match="window_days is 0"):
        credit_history(load_table("orders", []), as_of=AS_OF, window_days=0)
