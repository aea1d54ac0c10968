"""Campaigns worked by hand: when they ran, who was in which group, what was bought meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from custkit.analysis.campaigns import (
    CONTACTED,
    CONTROL,
    NO_OFFER,
    SUMMARY_COLUMNS,
    TREATMENT,
    campaign_arms,
    campaign_outcomes,
    campaign_spans,
    campaign_summary,
)
from custkit.client import load_client
from custkit.errors import BadInput
from custkit.present.findings.campaigns import reach_note

AS_OF = datetime(2026, 11, 1)
# Spring ran ten days and kept cem and dora back; the flyer kept nobody back and has no end; the letter is still running.
CAMPAIGNS = [
    {"campaign_id": "spring", "campaign_name": "Spring", "starts_at": "2026-04-11", "ends_at": "2026-04-21", "cost_amount": 100},
    {"campaign_id": "flyer", "starts_at": "2026-06-01"},
    {"campaign_id": "letter", "campaign_name": "Letter", "starts_at": "2026-10-20", "ends_at": "2026-11-20"},
]
CONTACTS = [
    {"campaign_id": "spring", "customer_id": "anna", "arm": "treatment", "contacted_at": "2026-04-12", "redeemed_at": "2026-04-13"},
    {"campaign_id": "spring", "customer_id": "ben", "arm": "treatment", "contacted_at": "2026-04-12"},
    {"campaign_id": "spring", "customer_id": "cem", "arm": "control", "contacted_at": "2026-04-12"},
    {"campaign_id": "spring", "customer_id": "dora", "arm": "control", "contacted_at": "2026-04-12"},
    {"campaign_id": "flyer", "customer_id": "anna", "contacted_at": "2026-06-01"},
    {"campaign_id": "flyer", "customer_id": "eva", "contacted_at": "2026-06-01"},
    {"campaign_id": "letter", "customer_id": "eva", "contacted_at": "2026-10-20"},
]


def order(order_id: str, customer: str | None, at: str, revenue: float, *, cost: float | None = None, slip: bool = False) -> dict[str, Any]:
    return {
        "order_id": order_id, "customer_id": customer, "ordered_at": at, "order_date": at[:10], "is_purchase": not slip, "revenue": revenue,
        "cost_amount": cost,
    }  # fmt: skip


ORDERS = [
    order("1", "anna", "2026-01-05", 10, cost=4),
    order("2", "anna", "2026-04-11 00:00", 30, cost=12),  # the first instant of Spring
    order("3", "anna", "2026-04-20 23:59", 20, cost=8),  # its last evening
    order("4", "anna", "2026-04-21 00:00", 99, cost=9),  # over
    order("5", "ben", "2026-04-10", 50, cost=20),  # the day before it
    order("6", "cem", "2026-04-15", 40, cost=16),
    order("7", "cem", "2026-04-16", -5, cost=None, slip=True),  # a return that lowers revenue: its cost is not known
    order("8", None, "2026-04-15", 7, cost=3),  # a guest
    order("9", "eva", "2026-06-30", 60, cost=30),  # the thirtieth day of the flyer
    order("10", "eva", "2026-07-01", 60, cost=30),
]


def loaded(load_table, *, contacts=None, as_of: datetime = AS_OF, orders=None):
    tables = (load_table("campaigns", CAMPAIGNS), load_table("campaign_contacts", CONTACTS if contacts is None else contacts))
    bought = load_table("orders", ORDERS if orders is None else orders)
    return campaign_spans(*tables, bought, as_of=as_of), tables[1], bought


def test_a_campaign_runs_to_its_end_or_for_thirty_days_or_until_now(load_table, rows):
    spans, _contacts, _orders = loaded(load_table)
    names = ["campaign_id", "campaign_name", "ends_at", "window_days", "is_over", "has_control", "reached"]
    assert rows(spans.select(names), by="campaign_id") == [
        ("flyer", "flyer", datetime(2026, 7, 1), 30, True, False, 2),
        ("letter", "Letter", datetime(2026, 11, 1), 12, False, False, 1),
        ("spring", "Spring", datetime(2026, 4, 21), 10, True, True, 2),
    ]


def test_a_campaign_before_the_first_order_or_a_year_ago_is_left_out(load_table, rows):
    late = [row for row in ORDERS if row["ordered_at"] >= "2026-04-15"]
    assert rows(loaded(load_table, orders=late)[0].select("campaign_id"), by="campaign_id") == [("flyer",), ("letter",)]
    assert rows(loaded(load_table, as_of=datetime(2027, 7, 1))[0].select("campaign_id"), by="campaign_id") == [("letter",)]


def test_a_campaign_of_no_list_begins_with_its_first_contact(load_table, rows):
    contacts = [{"campaign_id": "call", "customer_id": "anna", "contacted_at": "2026-09-03"}]
    spans = loaded(load_table, contacts=contacts)[0].select("campaign_id", "starts_at", "ends_at")
    assert rows(spans, by="campaign_id") == [("call", datetime(2026, 9, 3), datetime(2026, 10, 3))]


def test_following_for_no_day_is_refused(load_table):
    with pytest.raises(ValueError, match="follow_days is 0"):
        campaign_spans(*(load_table(name, []) for name in ("campaigns", "campaign_contacts", "orders")), as_of=AS_OF, follow_days=0)


def test_groups_are_named_after_their_offers_where_a_campaign_makes_several(load_table, rows):
    def contact(campaign: str, customer: str, arm: str | None, offer: str | None = None) -> dict[str, Any]:
        return {"campaign_id": campaign, "customer_id": customer, "arm": arm, "offer": offer}

    contacts = [
        contact("two offers", "a", "treatment", "shoes"), contact("two offers", "b", "treatment", "hats"),
        contact("two offers", "c", "treatment"), contact("two offers", "d", "control"), contact("two offers", "e", None, "hats"),
        contact("one offer", "a", None, "shoes"), contact("one offer", "b", "control"), contact("one offer", "c", "both", "shoes"),
        *(contact("codes", f"k{i}", "treatment", f"code {i}") for i in range(9)), contact("codes", "z", "control"),
        contact("for all", "a", None, "shoes"), contact("for all", "b", "treatment", "hats"),
    ]  # fmt: skip
    arms = rows(
        campaign_arms(load_table("campaign_contacts", contacts)).select("campaign_id", "customer_id", "arm"),
        by=["campaign_id", "customer_id"],
    )
    told = {(campaign, customer): arm for campaign, customer, arm in arms}
    # e is in neither group although both are marked, and is left out; so is c, who is in both groups of the other.
    assert {key[1]: arm for key, arm in told.items() if key[0] == "two offers"} == {"a": "shoes", "b": "hats", "c": NO_OFFER, "d": CONTROL}
    assert {key[1]: arm for key, arm in told.items() if key[0] == "one offer"} == {"a": TREATMENT, "b": CONTROL}
    assert {arm for key, arm in told.items() if key[0] == "codes"} == {TREATMENT, CONTROL}
    assert {arm for key, arm in told.items() if key[0] == "for all"} == {CONTACTED}


def test_what_is_bought_in_the_campaigns_days_counts_whoever_was_reached_when(load_table, rows):
    outcomes = campaign_outcomes(*loaded(load_table))
    told = rows(outcomes.filter(outcomes.campaign_id == "spring").drop("campaign_id"), by="customer_id")
    # customer, arm, orders, spend, margin, orders and spend of the ten days before, redeemed, in others
    assert told == [
        ("anna", TREATMENT, 2, 50.0, 30.0, 0, 0.0, True, False),
        ("ben", TREATMENT, 0, 0.0, 0.0, 1, 50.0, False, False),
        ("cem", CONTROL, 1, 35.0, None, 0, 0.0, False, False),
        ("dora", CONTROL, 0, 0.0, 0.0, 0, 0.0, False, False),
    ]


def test_a_margin_given_stands_in_where_a_cost_is_missing(load_table, rows):
    outcomes = campaign_outcomes(*loaded(load_table), gross_margin=0.5)
    cem = outcomes.filter(outcomes.customer_id == "cem").select("customer_id", "margin")
    assert rows(cem, by="customer_id") == [("cem", pytest.approx(40 - 16 - 5 * 0.5))]


def test_customers_in_two_campaigns_at_once_are_counted(load_table, rows):
    contacts = [
        *CONTACTS,
        {"campaign_id": "letter", "customer_id": "anna"},
        {"campaign_id": "call", "customer_id": "anna", "contacted_at": "2026-06-20"},
    ]
    outcomes = campaign_outcomes(*loaded(load_table, contacts=contacts))
    told = outcomes.filter(outcomes.in_others).select("campaign_id", "customer_id")
    # The flyer and the call overlap; the letter comes months later.
    assert rows(told, by="campaign_id") == [("call", "anna"), ("flyer", "anna")]


def test_the_summary_tells_buyers_and_offers_used(load_table):
    spans, contacts, orders = loaded(load_table)
    summary = campaign_summary(spans, campaign_outcomes(spans, contacts, orders))
    columns = ["campaign_id", "arm", "customers", "buyers", "orders", "spend", "redeemed", "bought_without"]
    assert summary[columns].to_numpy().tolist() == [
        ["letter", CONTACTED, 1, 0, 0, 0.0, 0, 0],
        ["flyer", CONTACTED, 2, 1, 1, 60.0, 0, 1],
        ["spring", TREATMENT, 2, 1, 2, 50.0, 1, 0],
        ["spring", CONTROL, 2, 1, 1, 35.0, 0, 1],
    ]
    assert summary["conversion_rate"].tolist() == [0, 0.5, 0.5, 0.5] and summary["has_control"].tolist() == [False, False, True, True]


def test_where_nobody_bought_nobody_bought_without_the_offer(load_table):
    # "0 of 0 buyers did not use the offer" stood under a mailing whose file tells answers and no prices.
    spans, contacts, orders = loaded(load_table)
    summary = campaign_summary(spans, campaign_outcomes(spans, contacts, orders))
    assert reach_note(summary).startswith("1 of 2 buyers did not use the offer.")
    assert reach_note(summary.assign(buyers=0, bought_without=0, in_others=0)) == ""


def test_no_campaigns_no_rows(load_table):
    spans, contacts, orders = loaded(load_table, contacts=[])
    summary = campaign_summary(spans, campaign_outcomes(spans, contacts, orders))
    assert summary.empty and list(summary.columns) == list(SUMMARY_COLUMNS)


@pytest.fixture
def client(tmp_path):
    """`client("{control_share: 0.1}")`: a client file with this line under `campaigns`."""

    def get(line: str):
        path = tmp_path / "client.yml"
        path.write_text(
            f"name: A\ncurrency: EUR\nsources:\n  - {{table: order_lines, files: a.csv, columns: {{amount: a}}}}\ncampaigns: {line}\n",
            "utf-8",
        )
        return load_client("a", path=path)

    return get


def test_a_client_says_in_one_line_how_many_were_to_be_kept_back(client):
    rules = client("{control_share: 0.1, follow_days: 14}").campaigns
    assert (rules.control_share, rules.follow_days, rules.payback_months) == (0.1, 14, 6)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{control_shares: 0.1}", "`control_shares` is not a setting; did you mean `control_share`?"),
        ("{control_share: 1}", "campaigns.control_share: Input should be less than 1, not `1`"),
        ("{payback_months: 0}", "campaigns.payback_months: Input should be greater than or equal to 1, not `0`"),
    ],
)
def test_a_misspelt_rule_is_refused_with_its_line_and_a_suggestion(client, line, says):
    with pytest.raises(BadInput) as refused:
        client(line)
    assert says in str(refused.value) and "client.yml line 5" in str(refused.value)
