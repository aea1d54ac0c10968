"""Ten customers gone quiet, each for a reason of their own."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.lifecycle import customer_stages
from custkit.analysis.next_order import Cycle, customer_gaps
from custkit.analysis.win_back import CAUSES, cause_summary, dormant_causes, win_back
from custkit.client import Lifecycle
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)
CYCLE = Cycle(centre=math.log(30), between=1.0, within=0.5, usual=0.05, backing=4.0, customers=100, gaps=400)
# Days before as_of; spend 10 an order.
BOUGHT = {
    "farewell": (400, 300), "sent_back": (400, 300), "complained": (400, 300), "slow": (1085, 785, 485, 185), "seasonal": (720, 350),
    "one_offer": (300,), "once": (300,), "drifted": (700, 690, 680, 670, 660, 560, 460), "stopped": (440, 420, 400, 380), "here": (10,),
}  # fmt: skip


def orders():
    rows = [(customer, ago) for customer, agos in BOUGHT.items() for ago in agos]
    made = [order(f"o{i}", customer, ago) for i, (customer, ago) in enumerate(rows)]
    for row in made:
        row["discount_amount"] = 1 if row["customer_id"] == "one_offer" else 0.5
    back = order("r1", "sent_back", 250) | {"is_purchase": False, "revenue": 0, "return_amount": -4}
    too_late = order("r2", "once", 200) | {"is_purchase": False, "revenue": 0, "return_amount": -4}
    return [*made, back, too_late]


def order(order_id, customer, ago):
    at = AS_OF - timedelta(days=ago, hours=-9)
    return {
        "order_id": order_id, "customer_id": customer, "ordered_at": at, "order_date": at.date(), "is_purchase": True, "revenue": 10,
        "gross_amount": 10, "return_amount": 0,
    }  # fmt: skip


SURVEYS = [
    {"response_id": "s1", "customer_id": "complained", "answered_at": AS_OF - timedelta(days=280), "score": 6.0},
    {"response_id": "s2", "customer_id": "once", "answered_at": AS_OF - timedelta(days=280), "score": 7.0},
    {"response_id": "s3", "customer_id": "stopped", "answered_at": AS_OF - timedelta(days=30), "score": 1.0},
]
CUSTOMERS = [
    {"customer_id": "farewell", "registered_at": "2025-01-01", "closed_at": "2026-06-01"},
    {"customer_id": "never", "registered_at": "2025-01-01"},
]


@pytest.fixture
def causes(load_table):
    def get(*, given=None, surveys=SURVEYS):
        table = load_table("orders", orders() if given is None else given)
        bought = table.filter(table.is_purchase)
        stages = customer_stages(load_table("customers", CUSTOMERS), bought, load_table("events", []), as_of=AS_OF, rules=Lifecycle())
        gaps = customer_gaps(bought, as_of=AS_OF)
        return dormant_causes(stages, table, load_table("surveys", surveys), gaps, cycle=CYCLE, as_of=AS_OF)

    return get


def told(expr):
    return fetch(expr).to_pandas().set_index("customer_id").sort_index()


def test_each_has_gone_quiet_for_a_reason_of_their_own(causes):
    found = told(causes())
    assert found.cause.to_dict() == {name: name for name in CAUSES}


def test_without_answers_nobody_has_complained(causes):
    assert told(causes(surveys=[])).cause["complained"] == "stopped"


def test_spend_is_that_of_the_year_up_to_the_last_order_less_what_was_sent_back(causes):
    found = told(causes())
    assert found.last_year_spend["stopped"] == 40.0
    assert found.last_year_spend["slow"] == 20.0, "the order of 300 days before the last one counts, the one of 600 does not"
    assert found.last_year_spend["sent_back"] == 16.0
    assert math.isnan(found.last_year_spend["never"])


def lifetimes(load_table, expected):
    schema = pa.schema({"customer_id": pa.string(), "expected_revenue_12_months": pa.float64()})
    return load_table("lifetimes", [dict(zip(schema.names, row, strict=True)) for row in expected], schema=schema)


def test_at_stake_is_what_they_brought_less_what_is_expected_anyway(causes, load_table):
    listed = told(win_back(causes(), lifetimes(load_table, [("stopped", 15.0), ("once", 12.0), ("drifted", None)])))
    assert listed.value_at_stake.to_dict() == {"complained": 20.0, "drifted": 70.0, "one_offer": 10.0, "sent_back": 16.0, "stopped": 25.0}


def test_causes_sum_to_the_dormant_and_the_lost(causes, load_table):
    found = causes()
    summary = cause_summary(found, win_back(found, lifetimes(load_table, [])))
    assert summary.cause.tolist() == list(CAUSES)
    assert summary.customers.sum() == 10 and summary.customer_share.sum() == pytest.approx(1)
    assert summary.to_win_back.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 1, 1]
    assert summary.set_index("cause").waited["stopped"] == 380


def test_nobody_gone_gives_no_rows_and_the_same_columns(causes, load_table):
    here = [row for row in orders() if row["customer_id"] == "here"]
    found = causes(given=here)
    # The two registered customers of the file are gone all the same: one said so, one never bought.
    assert told(found).cause.to_dict() == {"farewell": "farewell", "never": "never"}
    empty = win_back(found, lifetimes(load_table, []))
    assert len(told(empty)) == 0
    assert isinstance(cause_summary(found, empty), pd.DataFrame)
