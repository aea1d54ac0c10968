"""What the analyses say about the demo shop is what was planted in it; about the null shop they say nothing."""

from __future__ import annotations

import pytest

from custkit import open_book
from custkit.analysis.before_after import before_after_customers
from custkit.analysis.campaign_uplift import campaign_uplift
from custkit.analysis.campaigns import campaign_outcomes, campaign_spans
from custkit.analysis.channel_value import channel_value, won_customers
from custkit.analysis.difference_in_differences import LESS, MORE, difference_in_differences
from custkit.analysis.discount_response import discount_response
from custkit.analysis.funnel import funnel_by
from custkit.analysis.itemsets import baskets, item_level
from custkit.analysis.offers import offer_only
from custkit.analysis.payments import payment_mix
from custkit.analysis.price_sensitivity import price_sensitivity, sensitivity_summary
from custkit.analysis.price_tiers import customer_tiers, product_tiers, tier_preferences
from custkit.analysis.registrations import registration_quality
from custkit.analysis.returns import return_rates, returned_lines, returns_by_category, unmatched_returns
from custkit.analysis.routes import routes, visits
from custkit.analysis.rules import directional_pairs, significant
from custkit.analysis.tier_stop import qualifying_orders, tier_stops
from custkit.present.findings.campaigns import channel_finding
from custkit.present.findings.price_response import preference_finding, response_finding, returns_finding, sensitivity_finding


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


def test_price_driven_customers_are_counted_within_the_interval(case):
    book, planted = case
    summary = sensitivity_summary(price_sensitivity(book.order_lines, book.products))
    driven = summary.set_index("price_sensitivity").loc["price-driven"]
    if planted.price_driven:
        assert driven["low"] <= planted.price_driven <= driven["high"]
        assert driven["own_offer_share"] > 0.97
    else:
        assert driven["customers"] == 0
        assert sensitivity_finding(summary).tone == "quiet"


def test_coupons_make_people_pile_up_and_the_depth_of_a_reduction_does_nothing(case):
    book, planted = case
    rows = discount_response(book.order_lines).set_index("response_of")
    assert rows.loc["depth", "response_low"] < 0 < rows.loc["depth", "response_high"]
    if planted.stockpile_pieces > 1:
        # Not all who redeem pile up: the mean lies between nothing and the planted two pieces for one.
        assert rows.loc["coupon", "response_low"] > 0 and rows.loc["coupon", "response"] < planted.stockpile_pieces - 1
    else:
        assert response_finding(rows.reset_index()).tone == "quiet"


def test_nobody_was_planted_to_keep_to_a_price_tier_but_those_who_live_on_one_product(case):
    book, planted = case
    tiers = product_tiers(book.order_lines, book.products, as_of=book.as_of)
    preferences = tier_preferences(customer_tiers(book.order_lines, tiers, as_of=book.as_of))
    if not planted.cycles:
        assert preference_finding(preferences).tone == "quiet"
    assert preferences.set_index("price_preference").loc["no preference", "customer_share"] > 0.9


def test_what_comes_back_is_the_same_in_every_category(case):
    # One line of goods in 83 comes back, in at most one slip an order; the last three weeks' may yet.
    book, _planted = case
    returned = returned_lines(book.order_lines, as_of=book.as_of)
    by_category = returns_by_category(returned, book.products)
    share = by_category["returned_lines"].sum() / by_category["lines"].sum()
    assert share == pytest.approx(0.012, abs=0.002)
    told = returns_finding(return_rates(returned), unmatched_returns(book.order_lines, as_of=book.as_of), by_category)
    assert "No category comes back more often" in told.detail


def test_subscriptions_are_those_who_live_on_a_product(case):
    book, planted = case
    mix = payment_mix(book.purchases, rules=book.client.payments).set_index("payment_kind")
    assert (mix.loc["subscription", "orders"] > 0) == bool(planted.cycles)
    assert mix.loc["instalments", "order_share"] == pytest.approx(0.04, abs=0.01)


def test_members_stop_after_gold_and_not_after_silver(case):
    book, planted = case
    listed = qualifying_orders(book.purchases, book.loyalty_ledger, as_of=book.as_of, order=book.client.tiers)
    stops = tier_stops(listed, order=book.client.tiers).set_index("tier")
    assert stops.loc["silver", "stop_low"] <= 0
    assert (stops.loc["gold", "stop_low"] > 0) == bool(planted.tier_stop)


def test_channels_cost_what_was_planted(case):
    book, planted = case
    quality = registration_quality(book.customers, book.purchases, book.marketing_spend, as_of=book.as_of).set_index("acquisition_channel")
    for channel in planted.channels:
        if channel.cost_per_registration:
            assert quality.loc[channel.name, "cost_per_new"] == pytest.approx(channel.cost_per_registration, rel=0.1)
        assert quality.loc[channel.name, "low"] - 0.02 <= 1 - channel.never_buy <= quality.loc[channel.name, "high"] + 0.02


def test_the_tested_campaign_lifts_conversion_by_what_was_planted(case):
    book, planted = case
    spans = campaign_spans(book.campaigns, book.campaign_contacts, book.orders, as_of=book.as_of)
    outcomes = campaign_outcomes(spans, book.campaign_contacts, book.orders)
    bought = campaign_uplift(spans, outcomes).set_index("measure").loc["bought"]
    assert bought["uplift"] == pytest.approx(planted.lift, abs=0.003) and bought["low"] <= planted.lift <= bought["high"]
    assert bought["is_beyond_chance"] == bool(planted.lift) and bought["test"] == "fair"


def test_campaigns_without_effect_are_not_told_to_have_one(case):
    """Nobody was kept back from them, and they change nothing but the money a used offer takes off."""
    book, _planted = case
    spans = campaign_spans(book.campaigns, book.campaign_contacts, book.orders, as_of=book.as_of)
    people = before_after_customers(spans, book.campaign_contacts, book.customers, book.orders, as_of=book.as_of)
    told = difference_in_differences(spans, people)
    assert told["campaign_id"].nunique() == 4 and not set(told["verdict"]) & {MORE, LESS}  # three campaigns, and all together


def test_without_its_control_group_the_tested_campaign_is_found_among_like_customers(case):
    book, planted = case
    contacts = book.campaign_contacts.filter((book.campaign_contacts.arm != "control").fill_null(True))
    spans = campaign_spans(book.campaigns, contacts, book.orders, as_of=book.as_of)
    told = difference_in_differences(spans, before_after_customers(spans, contacts, book.customers, book.orders, as_of=book.as_of))
    row = told[told["campaign_id"] == "K2609"].set_index("measure").loc["bought"]
    assert row["verdict"] == MORE if planted.lift else row["verdict"] not in (MORE, LESS)
    if planted.lift:
        assert row["low"] <= planted.lift <= row["high"]


def test_a_customer_won_costs_what_was_planted_and_only_unlike_channels_are_told_apart(case):
    book, planted = case
    won = won_customers(book.customers, book.orders, as_of=book.as_of)
    told = channel_value(won, book.orders, book.marketing_spend, as_of=book.as_of).set_index("acquisition_channel")
    for channel in planted.channels:
        if channel.cost_per_registration:
            cost = channel.cost_per_registration / (1 - channel.never_buy)
            assert told.loc[channel.name, "cost_per_customer"] == pytest.approx(cost, rel=0.15)
    finding = channel_finding(told.reset_index())
    if planted.lift:  # the shop where something is planted
        assert "customers from Referral" in finding.headline and "from Affiliates" in finding.headline
    else:
        assert finding.tone == "quiet" and not told["is_different"].any()
