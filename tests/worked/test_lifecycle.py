"""Where customers stand, worked by hand."""

from datetime import datetime
from decimal import Decimal

import pytest

from custkit.analysis.lifecycle import customer_stages
from custkit.client import Lifecycle

AS_OF = datetime(2026, 11, 1)
RULES = Lifecycle(active_days=90, dormant_days=180, vip_by="spend", vip_spend=Decimal(500))


def bought(order_id, customer_id, day, revenue=50):
    return {
        "order_id": order_id, "customer_id": customer_id, "ordered_at": f"{day} 10:00", "order_date": day,
        "is_purchase": True, "revenue": revenue,
    }  # fmt: skip


CUSTOMERS = [
    {"customer_id": "newly", "registered_at": "2026-09-20"},
    {"customer_id": "looker", "registered_at": "2026-09-20"},
    {"customer_id": "once", "registered_at": "2026-09-01"},
    {"customer_id": "same-day", "registered_at": "2026-09-01"},
    {"customer_id": "twice", "registered_at": "2026-01-05"},
    {"customer_id": "big", "registered_at": "2025-12-01", "prepaid_amount": 20},
    {"customer_id": "silent", "registered_at": "2025-01-05", "is_vip": True},
    {"customer_id": "closed", "registered_at": "2025-01-05", "closed_at": "2026-10-02"},
    {"customer_id": "came-back", "registered_at": "2025-01-05", "closed_at": "2026-09-02"},
    {"customer_id": "future", "registered_at": "2026-11-01"},
    {"customer_id": "closes-later", "registered_at": "2026-09-20", "closed_at": "2026-11-01"},
]
PURCHASES = [
    bought("o1", "once", "2026-09-02"),
    bought("o2", "same-day", "2026-09-02"),
    bought("o3", "same-day", "2026-09-02"),
    bought("o4", "twice", "2026-02-01"),
    bought("o5", "twice", "2026-10-01"),
    bought("o6", "big", "2026-10-01", revenue=500),
    bought("o7", "silent", "2026-02-01", revenue=900),
    bought("o8", "closed", "2026-10-01"),
    bought("o9", "came-back", "2026-10-01"),
    bought("o10", None, "2026-10-01"),
    bought("o11", "no-card", "2026-10-01"),
    bought("o12", "no-card", "2026-11-01"),
]
EVENTS = [
    {"event_id": "e1", "visitor_id": "v1", "customer_id": "newly", "occurred_at": "2026-09-20", "event_type": "register"},
    {"event_id": "e2", "visitor_id": "v2", "customer_id": "looker", "occurred_at": "2026-09-21", "event_type": "view"},
    {"event_id": "e3", "visitor_id": "v3", "customer_id": None, "occurred_at": "2026-10-21", "event_type": "visit"},
    {"event_id": "e4", "visitor_id": "v4", "customer_id": "newly", "occurred_at": "2026-11-01", "event_type": "view"},
]
BY_SPEND = [
    ("big", "vip"),
    ("came-back", "first_payment"),
    ("closed", "lost"),
    ("closes-later", "registered"),
    ("looker", "active"),
    ("newly", "registered"),
    ("no-card", "first_payment"),
    ("once", "first_payment"),
    ("same-day", "first_payment"),
    ("silent", "dormant"),
    ("twice", "regular"),
]


@pytest.fixture
def stages(load_table, rows):
    def get(*columns, customers=CUSTOMERS, purchases=PURCHASES, events=EVENTS, rules=RULES):
        tables = load_table("customers", customers), load_table("orders", purchases), load_table("events", events)
        return rows(customer_stages(*tables, as_of=AS_OF, rules=rules)[["customer_id", *columns]], by="customer_id")

    return get


def test_each_customer_stands_on_one_stage(stages):
    assert stages("stage") == BY_SPEND


def test_two_orders_on_one_day_are_a_first_payment(stages):
    assert ("same-day", 2, 1) in stages("orders", "order_days")


def test_a_client_without_events_has_nobody_active_without_a_purchase(stages):
    assert dict(stages("stage", events=[]))["looker"] == "registered"


def test_vip_by_identity_is_what_the_client_declares(stages):
    at = dict(stages("stage", rules=Lifecycle(vip_by="identity", dormant_days=300)))
    assert (at["silent"], at["big"]) == ("vip", "first_payment")


def test_vip_by_prepaid_money(stages):
    at = dict(stages("stage", rules=Lifecycle(vip_by="prepaid", vip_prepaid=Decimal(20))))
    assert (at["big"], at["twice"]) == ("vip", "regular")


def test_vip_by_top_share_keeps_ties(stages):
    tied = [bought(f"o{n}", f"c{n}", "2026-10-01", revenue=100 if n < 3 else 10) for n in range(10)]
    at = stages("is_vip", customers=[], purchases=tied, events=[], rules=Lifecycle(vip_share=0.2))
    assert [customer for customer, is_vip in at if is_vip] == ["c0", "c1", "c2"]


def test_a_tenth_of_thirty_is_three(stages):
    spread = [bought(f"o{n}", f"c{n:02}", "2026-10-01", revenue=n + 1) for n in range(30)]
    at = stages("is_vip", customers=[], purchases=spread, events=[], rules=Lifecycle(vip_share=0.1))
    assert [customer for customer, is_vip in at if is_vip] == ["c27", "c28", "c29"]


def test_nobody_in_nobody_out(stages):
    assert stages("stage", customers=[], purchases=[], events=[]) == []
