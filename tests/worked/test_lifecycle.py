"""Where customers stand, worked by hand."""

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from statsmodels.stats.proportion import proportion_confint

from custkit.analysis.lifecycle import (
    Acquired,
    acquired,
    customer_stages,
    stage_counts,
    stage_coverage,
    stage_dwell,
    stage_history,
    stage_rates,
    stage_transitions,
    vip_definitions,
    visitors,
)
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


@pytest.fixture
def shop(load_table):
    return load_table("customers", CUSTOMERS), load_table("orders", PURCHASES), load_table("events", EVENTS)


@pytest.fixture
def moves(shop):
    before = customer_stages(*shop, as_of=datetime(2026, 10, 1), rules=RULES)
    return stage_transitions(before, customer_stages(*shop, as_of=AS_OF, rules=RULES))


def test_stages_count_everyone_once_in_the_order_of_life(shop):
    counts = stage_counts(customer_stages(*shop, as_of=AS_OF, rules=RULES), visitors=1)
    assert list(zip(counts["stage"], counts["customers"], strict=True)) == [
        ("visitor", 1), ("registered", 2), ("active", 1), ("first_payment", 4), ("regular", 1), ("vip", 1), ("dormant", 1), ("lost", 1),
    ]  # fmt: skip
    assert counts["customer_share"].sum() == pytest.approx(1)
    assert counts.set_index("stage").loc["vip", ["revenue", "revenue_share"]].tolist() == [500, pytest.approx(500 / 1800)]


def test_every_move_of_the_month_is_told(moves):
    moved = moves[moves["customers"] > 0]
    assert list(moved[["stage_before", "stage", "customers", "share"]].itertuples(index=False, name=None)) == [
        ("new", "first_payment", 1, 1.0),
        ("registered", "registered", 2, 1.0),
        ("active", "active", 1, 1.0),
        ("first_payment", "first_payment", 2, 1.0),
        ("dormant", "regular", 1, 0.25),
        ("dormant", "vip", 1, 0.25),
        ("dormant", "dormant", 1, 0.25),
        ("dormant", "lost", 1, 0.25),
        ("lost", "first_payment", 1, 1.0),
    ]


def test_rows_sum_to_last_months_base_plus_the_new(moves):
    base = moves.groupby("stage_before")["customers"].sum()
    assert (base["new"], base.drop("new").sum(), base.sum()) == (1, 10, 11)


def test_rates_name_who_was_asked(moves):
    rates = stage_rates(moves, acquired=Acquired(visitors=200, customers=9)).set_index("measure")
    assert rates.loc["acquisition", ["n", "customers", "rate"]].tolist() == [200, 9, 0.045]
    assert rates.loc["acquisition", ["low", "high"]].tolist() == pytest.approx(proportion_confint(9, 200, method="wilson"))
    assert rates.loc["conversion", ["n", "customers", "rate"]].tolist() == [3, 0, 0]
    assert rates.loc["retention", ["n", "customers", "rate"]].tolist() == [2, 2, 1]
    assert rates.loc["win-back", ["n", "customers", "rate"]].tolist() == [4, 2, 0.5]


def test_a_visitor_is_whom_no_event_ties_to_a_customer(shop):
    assert visitors(shop[2], as_of=AS_OF, rules=RULES) == 1


def test_acquired_are_visitors_of_the_month_who_were_no_customers_at_its_start(load_table):
    customers = load_table(
        "customers", [{"customer_id": "old", "registered_at": "2026-01-01"}, {"customer_id": "new", "registered_at": "2026-10-05"}]
    )
    seen = [
        ("v1", "old", "2026-09-01"),
        ("v1", None, "2026-10-02"),
        ("v2", None, "2026-10-02"),
        ("v2", "new", "2026-10-05"),
        ("v3", None, "2026-10-09"),
        ("v4", None, "2026-09-09"),
    ]
    events = load_table(
        "events",
        [
            {"event_id": str(n), "visitor_id": v, "customer_id": c, "occurred_at": at, "event_type": "visit"}
            for n, (v, c, at) in enumerate(seen)
        ],
    )
    assert acquired(customers, events, start=datetime(2026, 10, 1), as_of=AS_OF) == (2, 1)


def test_a_client_of_sales_records_alone_has_fewer_stages_and_is_told():
    coverage = stage_coverage(lambda name: name == "order_lines", rules=RULES).set_index("stage")
    assert list(coverage.index[coverage["is_known"]]) == ["first_payment", "regular", "vip", "dormant"]
    assert coverage.loc["lost", ["merged_into", "lacks"]].tolist() == ["dormant", "customers.closed_at"]
    # Neither is there a stage of the registered: who looks around is known by a first payment only.
    assert coverage.loc["active", ["merged_into", "lacks"]].tolist() == [
        "first_payment", "customers.registered_at, events, events.customer_id",
    ]  # fmt: skip


def test_vip_by_prepaid_money_needs_its_column():
    coverage = stage_coverage(lambda name: False, rules=Lifecycle(vip_by="prepaid")).set_index("stage")
    assert coverage.loc["vip", ["merged_into", "lacks"]].tolist() == ["regular", "customers.prepaid_amount"]


def test_stages_the_data_cannot_show_are_left_out(shop):
    coverage = stage_coverage(lambda name: False, rules=RULES)
    empty = customer_stages(shop[0].limit(0), shop[1].limit(0), shop[2].limit(0), as_of=AS_OF, rules=RULES)
    assert list(stage_counts(empty, coverage=coverage)["stage"]) == ["first_payment", "regular", "vip", "dormant"]


def test_history_is_the_stages_of_each_month_end(shop, rows):
    history = stage_history(*shop, as_of=AS_OF, rules=RULES, months=8)
    of_twice = [(ago, stage) for customer, ago, stage in rows(history, by=["customer_id", "months_ago"]) if customer == "twice"]
    assert of_twice == [
        (0, "regular"), (1, "dormant"), (2, "dormant"), (3, "dormant"), (4, "first_payment"), (5, "first_payment"),
        (6, "first_payment"), (7, "first_payment"), (8, "first_payment"),
    ]  # fmt: skip


def test_stays_that_go_on_count_in_the_median(load_table):
    stays = [
        # Two months a first payment, then regular for good; one month, two months so far; there before the history began.
        ("a", 5, "registered"), ("a", 4, "first_payment"), ("a", 3, "first_payment"),
        ("a", 2, "regular"), ("a", 1, "regular"), ("a", 0, "regular"),
        ("b", 2, "first_payment"), ("b", 1, "regular"), ("b", 0, "regular"),
        ("c", 1, "first_payment"), ("c", 0, "first_payment"),
        ("d", 5, "dormant"), ("d", 4, "dormant"), ("d", 3, "dormant"), ("d", 2, "dormant"), ("d", 1, "dormant"), ("d", 0, "dormant"),
    ]  # fmt: skip
    columns = ("customer_id", "months_ago", "stage")
    history = load_table(
        "history", pa.table({name: list(values) for name, values in zip(columns, zip(*stays, strict=True), strict=True)}), schema=True
    )
    dwell = stage_dwell(history).set_index("stage")
    assert dwell.loc["first_payment", ["customers", "months_so_far", "n", "median_months"]].tolist() == [1, 2, 3, 2]
    assert dwell.loc["regular", ["customers", "months_so_far", "n"]].tolist() == [2, 2, 2]
    assert dwell.loc["dormant", ["customers", "months_so_far", "n"]].tolist() == [1, 6, 0]
    assert dwell.loc["regular", "median_months"] != dwell.loc["regular", "median_months"]


def test_each_definition_of_a_vip_names_its_own_people(shop):
    told = vip_definitions(*shop, as_of=AS_OF, rules=RULES, has=lambda name: name != "customers.prepaid_amount").set_index("vip_by")
    # Eleven customers spent 1,800: 500 by `big`, 900 by `silent`, who is dormant and marked by the client.
    assert told.loc["spend"].tolist() == [2, pytest.approx(2 / 11), 1400, pytest.approx(1400 / 1800), True]
    assert told.loc["identity"].tolist() == [1, pytest.approx(1 / 11), 900, 0.5, False]
    assert told.loc["prepaid"].drop("is_used").isna().all()
