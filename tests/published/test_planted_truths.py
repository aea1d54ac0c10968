"""What the analyses say about the demo shop is what was planted in it; about the null shop they say nothing."""

from __future__ import annotations

import pytest

from custkit import open_book
from custkit.analysis.funnel import funnel_by
from custkit.analysis.itemsets import baskets, item_level
from custkit.analysis.offers import offer_only
from custkit.analysis.registrations import registration_quality
from custkit.analysis.routes import routes, visits
from custkit.analysis.rules import directional_pairs, significant
from custkit.analysis.tiers import stops_after_tier, tier_candidates


@pytest.fixture(scope="module", params=["planted", "null"])
def case(request, shops):
    """A book on each shop, and the numbers that were planted."""
    found = shops(f"whole-{request.param}", null=request.param == "null")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(found.home))
        yield open_book(f"whole-{request.param}", "2026-10"), found.shop.planted


def test_the_planted_pairs_are_found_in_their_direction_and_no_other_pair_is(case):
    book, planted = case
    level = item_level(book.order_lines, book.products)
    found = significant(directional_pairs(baskets(book.order_lines, book.products, level=level)))
    assert {(row.antecedent, row.consequent) for row in found.itertuples()} == {(p.antecedent, p.consequent) for p in planted.pairs}
    for pair in planted.pairs:
        row = found.set_index("antecedent").loc[pair.antecedent]
        assert row["confidence"] == pytest.approx(pair.confidence, abs=0.02)
        assert row["reverse_confidence"] < pair.confidence / 2


def test_the_planted_route_is_found_and_no_other_route_is(case):
    book, planted = case
    level = item_level(book.order_lines, book.products)
    found = significant(routes(visits(book.order_lines, book.products, level=level), step="next-order"))
    expected = {(planted.route.antecedent, planted.route.consequent)} if planted.route else set()
    assert {(row.antecedent, row.consequent) for row in found.itertuples()} == expected


def test_only_the_phones_checkout_breaks_the_funnel(case):
    book, planted = case
    steps = funnel_by(book.events, "device").set_index(["group", "step"])
    for device in planted.steps:
        for step in ("view", "cart", "checkout", "order"):
            row = steps.loc[(device.device, step)]
            assert row["low"] <= getattr(device, step) <= row["high"], (device.device, step)
    worst = steps["excess_lost"].idxmax()
    if planted.lift:  # the shop where something is planted
        assert worst == ("phone", "order")
    else:
        assert not steps["is_different"].any()


def test_those_who_buy_on_offer_only_are_counted_beyond_luck(case):
    book, planted = case
    only = offer_only(book.purchases, book.order_lines)
    excess = only["excess"].sum() / only["customers"].sum()
    assert excess == pytest.approx(planted.price_driven, abs=0.02)


def test_members_stop_after_gold_and_not_after_silver(case):
    book, planted = case
    stops = stops_after_tier(tier_candidates(book.purchases, book.loyalty_ledger, as_of=book.as_of), order=book.client.tiers)
    effect = stops.set_index("tier")
    assert effect.loc["silver", "again_low"] < 0 < effect.loc["silver", "again_high"]
    if planted.tier_stop:
        assert effect.loc["gold", "again_high"] < 0 and effect.loc["gold", "effect_high"] < 0
    else:
        assert effect.loc["gold", "again_low"] < 0 < effect.loc["gold", "again_high"]


def test_channels_cost_what_was_planted(case):
    book, planted = case
    quality = registration_quality(book.customers, book.purchases, book.marketing_spend, as_of=book.as_of).set_index("acquisition_channel")
    for channel in planted.channels:
        if channel.cost_per_registration:
            assert quality.loc[channel.name, "cost_per_new"] == pytest.approx(channel.cost_per_registration, rel=0.1)
        assert quality.loc[channel.name, "low"] - 0.02 <= 1 - channel.never_buy <= quality.loc[channel.name, "high"] + 0.02
