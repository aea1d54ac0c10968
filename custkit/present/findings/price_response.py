"""Prices, offers and payment, said in sentences: strength of discounts, price tiers, response, price-driven customers, payment, returns."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from custkit import words
from custkit.analysis import discount_response as response_of
from custkit.analysis import price_sensitivity as kinds
from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.payments import INSTALMENT, SUBSCRIPTION
from custkit.analysis.price_tiers import CLEARLY, HIGH, LOW, LUCK, MID, NOT_TOLD
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, shares_p_value, wilson
from custkit.present.finding import Fact, Finding, Unit
from custkit.present.table import Shown, table
from custkit.words import _, ngettext

_SURE = 0.05
_BEST_SELLING = 12
# A fall in price to say an elasticity by.
_CHEAPER = 0.1


def strength_finding(strength: pd.DataFrame) -> Finding:
    """How much of gross spend is given away, by coupon and by reduced price.

    discount_strength(…)  →  Finding [S8]
    """
    if strength.empty:
        return _quiet(_("Not estimated: no order in the client's data had a coupon or a reduced price."))
    coupons, reduced, both = (row for _i, row in strength.iterrows())
    headline = _("{share} of what the list prices ask is given away: {coupons} by coupon, {reduced} by reduced prices.").format(
        share=words.share(both.gross_share), coupons=words.share(coupons.gross_share), reduced=words.share(reduced.gross_share)
    )
    detail = _("Measured on what is left to pay it is {net}. {orders} of orders used an offer.").format(
        net=words.share(both.net_share), orders=words.share(both.offer_share)
    )
    facts = (
        _strength_fact("discounts.strength", both, _("Coupons and price reductions / list price of what was sold.")),
        _strength_fact("discounts.coupon_strength", coupons, _("Coupons redeemed / list price of what was sold.")),
        _strength_fact("discounts.reduction_strength", reduced, _("Price reductions / list price of what was sold.")),
        Fact(
            "discounts.net_strength", float(both.net_share), "share", numerator=float(both.offer_amount),
            denominator=float(both.offer_amount / both.net_share), n=int(both.orders),
            definition=_("Coupons and price reductions / what was paid after them."),
        ),
        Fact(
            "discounts.order_share", float(both.offer_share), "share", numerator=int(both.offer_orders), denominator=int(both.orders),
            n=int(both.orders), low=float(both.offer_low), high=float(both.offer_high),
            definition=_("Orders with a coupon or a reduced price / orders; 95% Wilson interval."),
        ),
    )  # fmt: skip
    return Finding(headline, detail, facts, "plain" if both.orders >= SMALL_SAMPLE else "quiet")


def _strength_fact(key: str, row: pd.Series, definition: str) -> Fact:
    gross = float(row.offer_amount / row.gross_share) if row.gross_share else None
    return Fact(
        key, float(row.gross_share), "share", numerator=float(row.offer_amount), denominator=gross, n=int(row.orders), definition=definition
    )


def structure_finding(structure: pd.DataFrame) -> Finding:
    """How much of revenue the dear third of each category's products brings, and where it brings most.

    tier_structure(…)  →  Finding [S29, S46]
    """
    told = structure[(structure.category != UNKNOWN) & (structure.not_told_share < 1) & (structure.revenue > 0)]
    if told.empty:
        return _quiet(_("Price tiers are not told: no category has enough products of different prices."))
    sums = {tier: float((told[f"{tier}_share"] * told.revenue).sum()) for tier in ("low", "mid", "high")}
    whole = sum(sums.values())
    products = int(told.products.sum())
    headline = _("The dearest third of products brings {high} of revenue, the cheapest third {low}.").format(
        high=words.share(sums["high"] / whole, 0), low=words.share(sums["low"] / whole, 0)
    )
    by_share = told.head(_BEST_SELLING).sort_values(["high_share", "category"], ascending=[False, True])
    most, least = by_share.iloc[0], by_share.iloc[-1]
    detail = (
        _("Of the best-selling categories the dearest third brings most in {most}, {share}, and least in {least}, {other}.").format(
            most=most.category, share=words.share(most.high_share, 0), least=least.category, other=words.share(least.high_share, 0)
        )
        if len(told) > 1
        else ""
    )
    facts = tuple(
        Fact(
            f"price_tiers.{tier}_share", amount / whole, "share", numerator=amount, denominator=whole, n=products,
            definition=_("Revenue of the products in the tier / revenue of all products whose tier is told; n counts products."),
        )
        for tier, amount in sums.items()
    )  # fmt: skip
    return Finding(headline, detail, facts)


def preference_finding(preferences: pd.DataFrame) -> Finding:
    """How many customers keep to one price tier, beyond luck.

    tier_preferences(…)  →  Finding [S29]
    """
    if preferences.empty:
        return _quiet(_("Nobody's preference is told: too few order lines, or no price tiers."))
    rows = preferences.set_index("price_preference")
    n = int(rows.customers.drop(NOT_TOLD).sum())
    if n < SMALL_SAMPLE:
        return _quiet(_("Not estimated: only {n} customers bought enough to tell the tier they prefer.").format(n=words.count(n)))
    keeping = int(rows.customers[[LOW, MID, HIGH]].sum())
    low, high = wilson(keeping, n)
    definition = _(
        "Customers with {part} more of their lines in one tier than buyers of the same categories, beyond luck / customers whose "
        "preference is told; 95% Wilson interval."
    ).format(part=words.points(CLEARLY, 0))
    facts = (
        Fact(
            "price_tiers.preferring", keeping / n, "share", numerator=keeping, denominator=n, n=n, low=low, high=high, definition=definition
        ),
        *(
            Fact(
                f"price_tiers.preferring_{tier}", int(rows.customers[tier]) / n, "share", numerator=int(rows.customers[tier]),
                denominator=n, n=n, low=float(rows.low[tier]), high=float(rows.high[tier]), definition=definition,
            )
            for tier in (LOW, MID, HIGH)
        ),
    )  # fmt: skip
    if low <= LUCK:
        return Finding(
            _("No more customers keep to one price tier than luck may explain: {share} of {n}, where it explains up to {luck}.").format(
                share=words.share(keeping / n), n=words.count(n), luck=words.share(LUCK, 0)
            ),
            "",
            facts,
            "quiet",
        )
    return Finding(
        _("{share} of customers keep to one price tier: {high} to the high one, {mid} to the mid one, {low} to the low one.").format(
            share=words.share(keeping / n, 0),
            **{tier: words.share(rows.customers[tier] / n, 0) for tier in (LOW, MID, HIGH)},
        ),
        _(
            "Held against buyers of the same categories; luck may explain {luck}. Those who keep to the high tier bring {share} of revenue."
        ).format(luck=words.share(LUCK, 0), share=words.share(rows.revenue_share[HIGH], 0)),
        facts,
    )


def response_finding(response: pd.DataFrame) -> Finding:
    """Whether the same customer takes more of the same product when it is cheaper, and what that does to the money.

    discount_response(…)  →  Finding [S27, S44]
    """
    rows = {row.response_of: row for row in response[response.customers >= SMALL_SAMPLE].itertuples()}
    if not rows:
        return _quiet(
            _("Not estimated: fewer than {n} customers bought the same product at different prices.").format(
                n=words.number(SMALL_SAMPLE, 0)
            )
        )
    facts = tuple(_response_fact(row) for row in rows.values())
    tests = [name for name in (response_of.DEPTH, response_of.COUPON) if name in rows] or [response_of.GOING]
    tests = [name for name in tests if name in rows]
    chances = dict(zip(tests, false_discovery([rows[name].p_value for name in tests]), strict=True))
    told = [name for name in tests if chances[name] <= _SURE]
    sentences = [sentence for name in tests for sentence in _about(name, rows, sure=name in told)]
    if not told:
        unsure = sentences or [_("A response to price cannot be told from price breaks: what is bought in bulk is cheaper by the piece.")]
        return Finding(unsure[0], _boundary(), facts, "quiet")
    first = _response_sentence(rows[told[0]])
    return Finding(first, " ".join([*[sentence for sentence in sentences if sentence != first], _boundary()]), facts)


def _about(name: str, rows: dict[str, Any], *, sure: bool) -> list[str]:
    """The sentences on one response; none on a coupon or a month's price that cannot be told."""
    if not sure:
        return [_depth_unsure(rows[name])] if name == response_of.DEPTH else []
    after = {response_of.DEPTH: lambda: _spend_sentence(rows[response_of.SPEND]), response_of.GOING: lambda: _price_breaks(rows)}
    more = after[name]() if name in after else ""
    return [_response_sentence(rows[name]), *([more] if more else [])]


def _response_sentence(row: Any) -> str:
    change = float(row.response)
    name = row.response_of
    if name == response_of.GOING:
        change = (1 - _CHEAPER) ** change - 1
    more = {
        response_of.DEPTH: _("With ten points more discount the same customer takes {change} more pieces of the same product."),
        response_of.COUPON: _("With a coupon the same customer takes {change} more pieces of the same product than at full price."),
        response_of.GOING: _("In months in which a product is a tenth cheaper the same customer takes {change} more pieces of it."),
    }
    fewer = {
        response_of.DEPTH: _("With ten points more discount the same customer takes {change} fewer pieces of the same product."),
        response_of.COUPON: _("With a coupon the same customer takes {change} fewer pieces of the same product than at full price."),
        response_of.GOING: _("In months in which a product is a tenth cheaper the same customer takes {change} fewer pieces of it."),
    }
    return (more if change > 0 else fewer)[name].format(change=words.share(abs(change)))


def _depth_unsure(row: Any) -> str:
    low, high = float(row.response_low), float(row.response_high)
    return _("No response to the depth of reductions can be told: ten points more change the pieces taken by {low} to {high}.").format(
        low=_percent(low), high=_percent(high)
    )


def _spend_sentence(row: Any) -> str:
    low, high, change = float(row.response_low), float(row.response_high), float(row.response)
    filled = {"change": words.share(abs(change))}
    if high < 0:
        return _("That does not make up for the lower price: the line brings {change} less money.").format(**filled)
    if low > 0:
        return _("That more than makes up for the lower price: the line brings {change} more money.").format(**filled)
    return _("The line brings about as much money as before.")


def _price_breaks(rows: dict[str, Any]) -> str:
    paid, going = rows.get(response_of.PRICE), rows[response_of.GOING]
    if paid is None or float(paid.response) >= float(going.response):
        return ""
    return _(
        "By the price each paid the elasticity would be {paid} instead of {going}: price breaks for bulk look like a response."
    ).format(
        paid=words.number(paid.response, 2),
        going=words.number(going.response, 2),
    )


def _boundary() -> str:
    return _(
        "Prices and discounts are not set at random: what is bought ahead, and who would not have bought at all, is not told apart here."
    )


def _response_fact(row: Any) -> Fact:
    unit: Unit = "share" if row.unit == "share" else "number"
    definitions = {
        response_of.DEPTH: _("Pieces a line per ten points of discount, as a share; same customer, same product; 95% interval."),
        response_of.SPEND: _("Money a line per ten points of discount, as a share; same customer, same product; 95% interval."),
        response_of.COUPON: _("Pieces a line with a coupon against full price, as a share; same customer, same product; 95% interval."),
        response_of.PRICE: _("Per cent more pieces per cent of price paid; same customer, same product; 95% interval."),
        response_of.GOING: _("Per cent more pieces per cent of the month's usual price; same customer, same product; 95% interval."),
    }
    return Fact(
        f"response.{row.response_of}", float(row.response), unit, n=int(row.customers), low=float(row.response_low),
        high=float(row.response_high), definition=definitions[row.response_of],
    )  # fmt: skip


def response_table(response: pd.DataFrame) -> Shown:
    """Every response with its interval and what it rests on."""
    shown = response[["measure", "response", "response_low", "response_high", "customers", "products", "lines", "unit"]]
    return table(shown, units_by=dict.fromkeys(["response", "response_low", "response_high"], "unit"), small="customers")


def response_measure() -> str:
    """What the chart of responses shows, as a line under its title."""
    return _("change within the same customer and product; 95% interval")


def structure_measure() -> str:
    """What the chart of price tiers shows, as a line under its title."""
    return _("share of the category's revenue by price tier, each a third of its products")


def sensitivity_finding(summary: pd.DataFrame, *, min_orders: int = 3) -> Finding:
    """How many customers are price-driven, how many value-driven, and what they bring.

    sensitivity_summary(…)  →  Finding [S27, S44]
    """
    rows = summary.set_index("price_sensitivity")
    n = int(rows.customers.drop(kinds.NOT_TOLD, errors="ignore").sum())
    if n < SMALL_SAMPLE:
        return _quiet(
            _("Not estimated: the data hold no offers, or fewer than {n} customers with enough orders.").format(
                n=words.number(SMALL_SAMPLE, 0)
            )
        )
    driven, value = rows.loc[kinds.PRICE_DRIVEN], rows.loc[kinds.VALUE_DRIVEN]
    facts = tuple(
        Fact(
            key, float(row.customer_share), "share", numerator=int(row.customers), denominator=n, n=n, low=float(row.low),
            high=float(row.high), definition=definition,
        )
        for key, row, definition in (
            (
                "price_driven", driven,
                _("Customers who surely buy on offer far more often than others who buy the same / customers told; 95% Wilson interval."),
            ),
            (
                "value_driven", value,
                _("Customers who surely buy on offer far less often than others who buy the same / customers told; 95% Wilson interval."),
            ),
        )
    )  # fmt: skip
    if not driven.customers and not value.customers:
        return Finding(
            _("Nobody stands out as price-driven: customers differ in their use of offers by no more than luck and habit explain."),
            "",
            facts,
            "quiet",
        )
    headline = _("Of {n} customers with {orders} orders or more {driven} are price-driven and {value} value-driven.").format(
        n=words.count(n),
        orders=words.number(min_orders, 0),
        driven=words.share(driven.customer_share),
        value=words.share(value.customer_share),
    )
    return Finding(headline, " ".join(_spends(kind, row) for kind, row in (("driven", driven), ("value", value)) if row.customers), facts)


def _spends(kind: str, row: pd.Series) -> str:
    sentence = {
        "driven": _("Price-driven customers ({n}) buy {offers} of an order on offer and bring {share} of revenue, {spend} each."),
        "value": _("Value-driven customers ({n}) buy {offers} of an order on offer and bring {share} of revenue, {spend} each."),
    }[kind]
    return sentence.format(
        n=words.count(row.customers),
        offers=words.share(row.own_offer_share),
        share=words.share(row.revenue_share, 0),
        spend=words.money(row.spend_per_customer),
    )


def payment_finding(mix: pd.DataFrame) -> Finding:
    """How much is paid by instalments and by subscription, and how these orders differ in value.

    payment_mix(…)  →  Finding [S28, S77]
    """
    if mix.empty:
        return _quiet(_("Not estimated: the client's data do not say how orders were paid."))
    rows = mix.set_index("payment_kind")
    n = int(rows.orders.drop(UNKNOWN, errors="ignore").sum())
    facts = tuple(
        Fact(
            f"payments.{key}_share", float(rows.order_share[kind]), "share", numerator=int(rows.orders[kind]), denominator=n, n=n,
            low=float(rows.low[kind]), high=float(rows.high[kind]), definition=definition,
        )
        for key, kind, definition in (
            ("instalment", INSTALMENT, _("Orders paid by instalments / orders whose payment is known; 95% Wilson interval.")),
            ("subscription", SUBSCRIPTION, _("Orders paid by subscription / orders whose payment is known; 95% Wilson interval.")),
        )
    )  # fmt: skip
    if not rows.orders[[INSTALMENT, SUBSCRIPTION]].sum():
        return Finding(_("All {n} orders whose payment is known were paid in full.").format(n=words.count(n)), "", facts, "quiet")
    headline = _("{instalments} of orders are paid by instalments, {subscription} by subscription.").format(
        instalments=words.share(rows.order_share[INSTALMENT]), subscription=words.share(rows.order_share[SUBSCRIPTION])
    )
    values = [(_(kind), rows.aov[kind]) for kind in rows.index if kind != UNKNOWN and rows.orders[kind] >= SMALL_SAMPLE]
    detail = (
        _("An order is worth: {values}.").format(
            values=_(", ").join(_("{kind} {value}").format(kind=kind, value=words.money(value)) for kind, value in values)
        )
        if len(values) > 1
        else ""
    )
    return Finding(headline, detail, facts, "plain" if n >= SMALL_SAMPLE else "quiet")


def returns_finding(rates: pd.DataFrame, unmatched: pd.DataFrame, by_category: pd.DataFrame) -> Finding:
    """How many orders and how much money come back, and which category stands out.

    return_rates(…), unmatched_returns(…), returns_by_category(…)  →  Finding [S28, S77]
    """
    if rates.empty or not (rates.returned_orders.iloc[0] or unmatched.returns.iloc[0]):
        return _quiet(_("The client's data hold no returns."))
    row, lost = rates.iloc[0], unmatched.iloc[0]
    headline = _("Something came back from {rate} of orders, {share} of what was sold.").format(
        rate=words.share(row.return_rate), share=words.share(row.returned_share)
    )
    facts = (
        Fact(
            "returns.order_share", float(row.return_rate), "share", numerator=int(row.returned_orders), denominator=int(row.orders),
            n=int(row.orders), low=float(row.low), high=float(row.high),
            definition=_("Orders of which anything came back / orders of the window; 95% Wilson interval."),
        ),
        Fact(
            "returns.value_share", float(row.returned_share), "share", numerator=float(row.returned_amount),
            denominator=float(row.sold_amount), n=int(row.orders), definition=_("Value of returned goods / value of goods sold."),
        ),
    )  # fmt: skip
    customers = ngettext("{n} of {all} customers sent something back.", "{n} of {all} customers sent something back.", int(row.customers))
    sentences = [customers.format(n=words.count(row.returning_customers), all=words.count(row.customers)), _standing_out(by_category)]
    if lost.unmatched_returns:
        sentences.append(
            ngettext(
                "Not counted: {n} return without a purchase before it, {amount}.",
                "Not counted: {n} returns without a purchase before them, {amount}.",
                int(lost.unmatched_returns),
            ).format(n=words.number(lost.unmatched_returns, 0), amount=words.money(lost.unmatched_amount))
        )
    return Finding(
        headline, " ".join(sentence for sentence in sentences if sentence), facts, "plain" if row.orders >= SMALL_SAMPLE else "quiet"
    )


def _standing_out(by_category: pd.DataFrame) -> str:
    """The category that comes back more often than the others beyond chance; "" where fewer than two can be compared."""
    known = by_category[(by_category.category != UNKNOWN) & (by_category.lines >= SMALL_SAMPLE)].reset_index(drop=True)
    if len(known) < 2:
        return ""
    lines, returned = int(known.lines.sum()), int(known.returned_lines.sum())
    elsewhere, elsewhere_lines = returned - known.returned_lines, lines - known.lines
    chances = false_discovery(
        [
            shares_p_value(int(k), int(n), int(other), int(rest))
            for k, n, other, rest in zip(known.returned_lines, known.lines, elsewhere, elsewhere_lines, strict=True)
        ]
    )
    above = known[(pd.Series(chances) <= _SURE) & (known.return_rate > elsewhere / elsewhere_lines)]
    if above.empty:
        return _("No category comes back more often than the others beyond chance.")
    top = above.iloc[0]
    return _("{category} comes back most: {rate} of its lines, {elsewhere} elsewhere.").format(
        category=top.category,
        rate=words.share(top.return_rate),
        elsewhere=words.share(float(elsewhere[top.name] / elsewhere_lines[top.name])),
    )


def _percent(value: float) -> str:
    return words.signed(value * 100) + "%" if math.isfinite(value) else words.MISSING


def _quiet(sentence: str) -> Finding:
    return Finding(sentence, tone="quiet")
