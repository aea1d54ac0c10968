"""Who of a segment was offered or asked what, worked by hand."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from custkit.analysis.offer_fairness import COLUMNS as OFFER_COLUMNS
from custkit.analysis.offer_fairness import NO_SEGMENT, offer_fairness
from custkit.analysis.price_fairness import COLUMNS, day_prices, price_fairness
from custkit.present.findings.campaigns import fairness_finding, fairness_table

START, AS_OF = datetime(2026, 8, 1), datetime(2026, 11, 1)
SEGMENTS = pa.schema({"customer_id": pa.string(), "segment": pa.string()})


def segmented(load_table, **segments: str):
    rows = [{"customer_id": name, "segment": segment} for segment, names in segments.items() for name in names]
    return load_table("customers", rows, schema=SEGMENTS)


def contact(campaign: str, customer: str, offer: str | None = None, arm: str | None = None) -> dict[str, Any]:
    return {"campaign_id": campaign, "customer_id": customer, "offer": offer, "arm": arm}


def test_who_gets_another_offer_than_most_of_the_segment_is_counted(load_table):
    contacts = [
        contact("autumn", "a", "5 off"), contact("autumn", "b", "5 off"), contact("autumn", "c", "10 off"), contact("autumn", "d"),
        contact("autumn", "x", "10 off"),
        contact("letter", "a"), contact("letter", "b"),  # names no offer
        *(contact("codes", name, f"code {name}") for name in "abcdefghi"),  # a code for each
        contact("test", "a", "hats"), contact("test", "b", "shoes"), contact("test", "e", arm="control"),  # chance decides
    ]  # fmt: skip
    told = offer_fairness(load_table("campaign_contacts", contacts), segmented(load_table, Loyal="abcde"))
    assert told.to_dict("records") == [
        # c got more than most, and d nothing.
        {"segment": "Loyal", "contacts": 7, "in_tests": 3, "offers": 3, "other_offers": 2, "other_share": 0.5},
        {"segment": NO_SEGMENT, "contacts": 1, "in_tests": 0, "offers": 1, "other_offers": 0, "other_share": 0.0},
    ]


def line(
    customer: str | None,
    product: str,
    amount: float,
    *,
    quantity: float = 1,
    coupon: float = 0,
    day: str = "2026-09-01",
    kind: str = "sale",
):
    return {
        "customer_id": customer, "product_id": product, "amount": amount, "quantity": quantity, "coupon_amount": coupon, "ordered_at": day,
        "kind": kind, "is_product": True,
    }  # fmt: skip


def prices(load_table, lines: list[dict[str, Any]], **segments: str):
    return day_prices(load_table("order_lines", lines), segmented(load_table, **segments), start=START, as_of=AS_OF)


def test_several_lines_of_a_day_are_one_purchase_at_their_mean_price(load_table, rows):
    lines = [
        line("a", "tea", 10), line("a", "tea", 8, quantity=2, coupon=2), line("a", "tea", 5, day="2026-09-02"),
        line(None, "tea", 1), line("a", "tea", -5, kind="return"), line("a", "tea", 7, day="2026-07-31"), line("a", None, 7),
    ]  # fmt: skip
    assert rows(prices(load_table, lines, Loyal="a").drop("product_id", "day", "segment"), by="quantity") == [
        ("a", 1.0, 5.0, 5.0),
        ("a", 3.0, pytest.approx(20 / 3), 6.0),
    ]


def test_dearer_than_another_of_the_segment_paid_that_day_is_counted(load_table):
    lines = [
        line("a", "tea", 10), line("b", "tea", 10.05), line("c", "tea", 24, quantity=2),  # 12 a piece against 10; 10.05 is the same price
        line("x", "tea", 5),  # of another segment
        line("a", "pan", 30, coupon=10), line("b", "pan", 40),  # both were asked 40: a coupon made the difference
        line("c", "cup", 9),  # nobody to compare with
    ]  # fmt: skip
    told = price_fairness(prices(load_table, lines, Loyal="abc", New="x")).set_index("segment")
    loyal = told.loc["Loyal"]
    assert (loyal["customers"], loyal["comparable"], loyal["paid_more"], loyal["by_coupon"]) == (3, 5, 2, 1)
    assert loyal["paid_more_share"] == pytest.approx(2 / 5) and loyal["extra_amount"] == pytest.approx(2 * 2 + 10)
    assert told.loc["New", "comparable"] == 0 and math.isnan(told.loc["New", "paid_more_share"])
    assert told["price_index"].isna().all()  # far too few customers


def crowd(price: float, name: str, n: int = 120) -> list[dict[str, Any]]:
    """On each of `n` days a customer of the segment buys tea at this price, give or take a little."""
    return [line(f"{name}{i}", f"tea {i}", price * (1 + 0.02 * ((i * 7) % 5 - 2))) for i in range(n)]


def test_a_segment_that_is_asked_more_for_the_same_stands_out(load_table):
    lines = [*crowd(11, "old"), *crowd(10, "new")]
    names = {"Old": [f"old{i}" for i in range(120)], "New": [f"new{i}" for i in range(120)]}
    told = price_fairness(prices(load_table, lines, **names))
    index = told.set_index("segment")["price_index"]
    assert index.to_dict() == {"New": pytest.approx(10 / 11), "Old": pytest.approx(11 / 10)} and told["is_apart"].all()
    finding = fairness_finding(offer_fairness(load_table("campaign_contacts", []), segmented(load_table)), told)
    assert "not compared" in finding.headline.lower() and finding.tone == "quiet"  # no two of one segment bought the same that day
    same = price_fairness(prices(load_table, [*crowd(10, "old"), *crowd(10, "new")], **names))
    assert not same["is_apart"].any() and same["price_index"].tolist() == pytest.approx([1, 1])


def test_the_count_is_told_without_a_verdict(load_table):
    lines = [line("a", "tea", 10), line("b", "tea", 12), line("a", "pan", 30, coupon=10), line("b", "pan", 40)]
    asked = price_fairness(prices(load_table, lines, Loyal="ab"))
    contacts = load_table(
        "campaign_contacts", [contact("autumn", "a", "5 off"), contact("autumn", "b", "5 off"), contact("autumn", "c", "9 off")]
    )
    offers = offer_fairness(contacts, segmented(load_table, Loyal="abc"))
    finding = fairness_finding(offers, asked)
    assert finding.headline == "Same product, same day, same segment: 50.0% of purchases were dearer than somebody else's."
    assert "2 of 4 that can be compared; in 1 of them the other used a coupon." in finding.detail
    assert "In campaigns 1 of 3 customers were offered something else than most of their segment." in finding.detail
    assert finding.detail.endswith("a count, no verdict.")
    assert fairness_table(offers, asked)["segment"].tolist() == ["Loyal"]


def test_no_lines_and_no_campaigns_no_rows(load_table):
    asked = price_fairness(prices(load_table, []))
    offers = offer_fairness(load_table("campaign_contacts", []), segmented(load_table))
    assert asked.empty and list(asked.columns) == list(COLUMNS)
    assert offers.empty and list(offers.columns) == list(OFFER_COLUMNS)
    assert fairness_finding(offers, asked).tone == "quiet" and fairness_table(offers, asked).empty
