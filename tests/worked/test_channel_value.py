"""Channels worked by hand: what winning a customer cost, what they brought, and when the money was back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from custkit.analysis.channel_value import COLUMNS, CURVE_COLUMNS, channel_curves, channel_value, won_customers
from custkit.present.findings.campaigns import channel_finding, channel_table

AS_OF = datetime(2026, 11, 1)
# Followed for two months: customers count whose first order lies in the three months from June to August.
OPTIONS = {"as_of": AS_OF, "months": 3, "horizon": 2}


def order(customer: str | None, day: str, revenue: float, *, cost: float | None = 0, slip: bool = False) -> dict[str, Any]:
    return {
        "order_id": f"{customer} {day}", "customer_id": customer, "ordered_at": day, "order_date": day, "is_purchase": not slip,
        "revenue": revenue, "cost_amount": cost,
    }  # fmt: skip


CUSTOMERS = [
    {"customer_id": "anna", "acquisition_channel": "Ads", "registered_at": "2026-06-01"},
    {"customer_id": "ben", "acquisition_channel": "Ads", "registered_at": "2026-08-01"},
    {"customer_id": "cem", "acquisition_channel": "Friends", "registered_at": "2026-07-01"},
    {"customer_id": "dora", "acquisition_channel": "Ads", "registered_at": "2026-09-01"},
    {"customer_id": "eva", "acquisition_channel": "Ads", "registered_at": "2024-01-01"},
    {"customer_id": "fay", "registered_at": "2026-06-01"},
]
ORDERS = [
    order("old", "2026-01-05", 1),
    order("anna", "2026-06-10", 100, cost=60),
    order("anna", "2026-08-31", 50, cost=30),  # the second month since
    order("anna", "2026-09-01", 70, cost=30),  # the third: beyond the horizon
    order("ben", "2026-08-20", 40, cost=30),
    order("ben", "2026-10-05", -10, cost=-6, slip=True),  # takes back goods that had cost 6
    order("cem", "2026-07-31", 20, cost=5),
    order("dora", "2026-09-01", 99),  # won too late to be followed
    order("eva", "2026-06-20", 99),  # registered before the data begin: an old customer
    order("fay", "2026-06-30", 8, cost=2),
    order(None, "2026-07-01", 5),
]
SPEND = [
    {"spent_at": "2026-05-31", "channel": "Ads", "spend_amount": 1000},
    {"spent_at": "2026-06-01", "channel": "Ads", "spend_amount": 30},
    {"spent_at": "2026-08-31", "channel": "Ads", "spend_amount": 10},
    {"spent_at": "2026-09-01", "channel": "Ads", "spend_amount": 1000},
]


def won(load_table, orders=None):
    bought = load_table("orders", ORDERS if orders is None else orders)
    return won_customers(load_table("customers", CUSTOMERS), bought, **OPTIONS), bought


def value(load_table, orders=None) -> pd.DataFrame:
    return channel_value(*won(load_table, orders), load_table("marketing_spend", SPEND), as_of=AS_OF, horizon=2)


def test_customers_are_won_in_the_months_that_leave_time_to_follow_them(load_table, rows):
    people, _orders = won(load_table)
    assert rows(people.select("customer_id", "acquisition_channel"), by="customer_id") == [
        ("anna", "Ads"), ("ben", "Ads"), ("cem", "Friends"), ("fay", "not known"),
    ]  # fmt: skip


def test_cost_and_margin_are_of_the_same_customers(load_table):
    ads = value(load_table).set_index("acquisition_channel").loc["Ads"]
    assert (ads["customers"], ads["spend_amount"], ads["cost_per_customer"]) == (2, 40, 20)
    # Anna: 40 + 20; Ben: 10 less the 4 lost with the goods that came back.
    assert ads["margin_per_customer"] == pytest.approx((60 + 6) / 2)
    assert ads["revenue_per_customer"] == pytest.approx((150 + 30) / 2)
    assert ads["revenue_return"] == pytest.approx(180 / 40) and ads["margin_return"] == pytest.approx(66 / 40)


def test_a_channel_without_spend_has_no_cost_and_no_return(load_table):
    told = value(load_table).set_index("acquisition_channel")
    assert told.index.tolist() == ["Ads", "Friends", "not known"]
    assert told.loc["Friends", ["spend_amount", "cost_per_customer", "margin_return", "payback_month"]].isna().all()
    assert told.loc["Friends", "margin_per_customer"] == 15


def test_one_order_of_unknown_cost_leaves_the_channels_margin_open(load_table):
    told = value(load_table, [*ORDERS[:4], order("ben", "2026-08-20", 40, cost=None), *ORDERS[6:]]).set_index("acquisition_channel")
    assert told.loc["Ads", ["margin_per_customer", "margin_return", "return_low"]].isna().all()
    assert told.loc["Ads", "revenue_return"] == pytest.approx(190 / 40) and told.loc["Friends", "margin_per_customer"] == 15


def many(channel: str, n: int, amounts: list[float]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`n` customers of a channel won on 1 June, each of whom leaves these margins in June, July …; every second one a little more."""
    customers = [{"customer_id": f"{channel}{i}", "acquisition_channel": channel, "registered_at": "2026-06-01"} for i in range(n)]
    orders = [
        order(f"{channel}{i}", f"2026-{6 + month:02d}-01", amount + i % 2)
        for i in range(n)
        for month, amount in enumerate(amounts)
        if amount
    ]
    return customers, orders


def shop(load_table, spend: dict[str, float], **channels: tuple[int, list[float]]):
    made = [many(channel, n, amounts) for channel, (n, amounts) in channels.items()]
    customers = load_table("customers", [row for rows, _orders in made for row in rows])
    orders = load_table("orders", [row for _customers, rows in made for row in rows])
    spent = load_table(
        "marketing_spend", [{"spent_at": "2026-06-01", "channel": name, "spend_amount": amount} for name, amount in spend.items()]
    )
    people = won_customers(customers, orders, **OPTIONS)
    channels_told = channel_value(people, orders, spent, as_of=AS_OF, horizon=2)
    return channels_told, channel_curves(people, orders, channels_told, as_of=AS_OF)


def test_the_money_is_back_when_the_margin_so_far_covers_the_cost(load_table):
    told, curves = shop(load_table, {"Ads": 40 * 25.5, "Mail": 40 * 99}, Ads=(40, [10, 0, 15]), Mail=(40, [10, 10, 10]))
    assert told.set_index("acquisition_channel")["payback_month"].to_dict() == {"Mail": pytest.approx(float("nan"), nan_ok=True), "Ads": 2}
    ads = curves[curves["acquisition_channel"] == "Ads"]
    # June to October have happened, and no month more; every second customer leaves one more in each month with an order.
    assert ads["period"].tolist() == [0, 1, 2, 3, 4]
    assert ads["cumulative_margin"].tolist() == pytest.approx([10.5, 10.5, 26, 26, 26])


def test_months_that_few_have_lived_through_are_blank(load_table):
    customers, orders = many("Ads", 40, [10])
    late = [row | {"order_date": "2026-08-01", "ordered_at": "2026-08-01"} for row in orders[:20]]
    people = won_customers(load_table("customers", customers), loaded := load_table("orders", [*late, *orders[20:]]), **OPTIONS)
    told = channel_value(people, loaded, load_table("marketing_spend", []), as_of=AS_OF, horizon=2)
    curves = channel_curves(people, loaded, told, as_of=AS_OF)
    # All forty have seen two months since theirs; only the twenty of June a third and a fourth.
    assert curves[["period", "customers"]].to_numpy().tolist() == [[0, 40], [1, 40], [2, 40]]


def test_a_channel_that_brings_back_less_is_told_with_care(load_table):
    told, _curves = shop(load_table, {"Ads": 400, "Mail": 400}, Ads=(100, [10]), Mail=(40, [10]))
    assert told["is_different"].all()
    finding = channel_finding(told, horizon=2)
    assert finding.headline == "For each $1 spent, customers from Ads had brought back $2.63 of margin within 2 months, from Mail $1.05."
    assert finding.detail.startswith("Worth a test: move a part of what Mail gets to Ads")
    assert "came from last" in finding.detail


def test_a_channel_that_loses_money_is_named_first(load_table):
    told, _curves = shop(load_table, {"Ads": 400, "Mail": 900}, Ads=(100, [10]), Mail=(40, [10]))
    assert channel_finding(told, horizon=2).detail.startswith("Mail does not bring its money back in that time")


def test_equal_channels_are_no_finding(load_table):
    told, _curves = shop(load_table, {"Ads": 400, "Mail": 410}, Ads=(40, [10]), Mail=(40, [10]))
    finding = channel_finding(told, horizon=2)
    assert finding.tone == "quiet" and finding.headline.startswith("No paid channel brings back more or less")


def test_without_channels_or_costs_nothing_is_compared(load_table):
    nobody = channel_value(*won(load_table, ORDERS[:1]), load_table("marketing_spend", SPEND), as_of=AS_OF)
    assert nobody.empty and list(nobody.columns) == list(COLUMNS)
    curves = channel_curves(*won(load_table, ORDERS[:1]), nobody, as_of=AS_OF)
    assert curves.empty and list(curves.columns) == list(CURVE_COLUMNS)
    assert "do not say how customers came" in channel_finding(nobody).headline
    free = channel_value(*won(load_table), load_table("marketing_spend", []), as_of=AS_OF, horizon=2)
    assert "is not estimated" in channel_finding(free, horizon=2).headline
    quality = pd.DataFrame({"acquisition_channel": ["Ads"], "share_90": [0.5]})
    assert channel_table(free, quality).columns.tolist() == [
        "acquisition_channel", "customers", "share_90", "revenue_per_customer", "margin_per_customer",
    ]  # fmt: skip


def test_following_nobody_is_refused(load_table):
    with pytest.raises(ValueError, match="months is 0 and horizon 2"):
        won_customers(load_table("customers", []), load_table("orders", []), as_of=AS_OF, months=0, horizon=2)
