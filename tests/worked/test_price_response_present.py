"""Sentences and charts about prices, offers and payment, with much, little and nothing to say."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from custkit.analysis.discount_response import COLUMNS, MEASURES
from custkit.present import charts
from custkit.present.findings.price_response import (
    payment_finding,
    preference_finding,
    response_finding,
    response_table,
    returns_finding,
    sensitivity_finding,
    strength_finding,
    structure_finding,
)
from custkit.present.mime import TABLE
from custkit.words import use


@pytest.fixture(autouse=True)
def reader():
    use("en", "EUR")


def response(**rows):
    """name=(response, low, high, p_value, customers)"""
    told = [
        (name, MEASURES[name], *numbers[:4], numbers[4], 40, 900, "number" if name in ("price", "going") else "share")
        for name, numbers in rows.items()
    ]
    return pd.DataFrame(told, columns=list(COLUMNS))


DEEPER = {"depth": (0.03, 0.026, 0.034, 1e-9, 800), "spend": (-0.088, -0.091, -0.085, 1e-9, 800)}


def test_a_response_is_told_with_what_it_does_to_the_money():
    finding = response_finding(response(**DEEPER))
    assert finding.headline == "With ten points more discount the same customer takes 3.0% more pieces of the same product."
    assert finding.detail.startswith("That does not make up for the lower price: the line brings 8.8% less money.")
    assert "who would not have bought at all" in finding.detail
    (depth, spend) = finding.facts
    assert (depth.key, depth.value, depth.low, depth.high, depth.n) == ("response.depth", 0.03, 0.026, 0.034, 800)
    assert spend.unit == "share"


def test_the_money_is_told_as_it_is():
    grown = response(**DEEPER | {"spend": (0.02, 0.01, 0.03, 1e-9, 800)})
    assert "the line brings 2.0% more money." in response_finding(grown).detail
    even = response(**DEEPER | {"spend": (0.001, -0.01, 0.01, 0.8, 800)})
    assert "about as much money as before" in response_finding(even).detail


def test_a_coupon_that_works_is_told_beside_reductions_that_do_not():
    finding = response_finding(
        response(depth=(-0.01, -0.034, 0.014, 0.4, 646), spend=DEEPER["spend"], coupon=(0.67, 0.52, 0.84, 1e-9, 425))
    )
    assert finding.headline == "With a coupon the same customer takes 67.0% more pieces of the same product than at full price."
    assert finding.detail.startswith(
        "No response to the depth of reductions can be told: ten points more change the pieces taken by −3.4% to +1.4%."
    )


def test_no_response_is_told_quietly():
    finding = response_finding(response(depth=(-0.01, -0.034, 0.014, 0.4, 646), spend=DEEPER["spend"], coupon=(0.1, -0.1, 0.2, 0.5, 425)))
    assert finding.tone == "quiet" and finding.headline.startswith("No response to the depth of reductions can be told")
    assert len(finding.facts) == 3


def test_two_chances_are_not_one():
    """Each at 0.04 is a find; one at 0.04 beside another at 0.9 may be luck."""
    assert response_finding(response(depth=(0.02, 0.001, 0.04, 0.04, 99), spend=DEEPER["spend"])).tone == "plain"
    beside = response(depth=(0.02, 0.001, 0.04, 0.04, 99), spend=DEEPER["spend"], coupon=(0.0, -0.1, 0.1, 0.9, 99))
    assert response_finding(beside).tone == "quiet"


def test_a_client_without_reductions_hears_of_the_months_price_and_of_price_breaks():
    finding = response_finding(response(price=(-1.38, -1.72, -1.05, 1e-9, 1327), going=(-0.37, -0.5, -0.24, 1e-6, 1031)))
    assert finding.headline == "In months in which a product is a tenth cheaper the same customer takes 4.0% more pieces of it."
    assert finding.detail.startswith(
        "By the price each paid the elasticity would be −1.38 instead of −0.37: price breaks for bulk look like"
    )
    alone = response_finding(response(price=(-1.38, -1.72, -1.05, 1e-9, 1327)))
    assert alone.tone == "quiet" and "cannot be told from price breaks" in alone.headline


def test_few_customers_tell_no_response():
    few = response(depth=(3.0, 1.0, 9.0, 0.001, 29))
    assert response_finding(few).tone == "quiet" and response_finding(few).facts == ()
    assert "fewer than 30 customers" in response_finding(few.iloc[:0]).headline


def test_each_row_of_the_response_has_its_own_unit():
    rows = response_table(response(**DEEPER, price=(-0.17, -0.2, -0.13, 1e-9, 29))).payload
    assert [row[1]["text"] for row in rows["rows"]] == ["3.0%", "−8.8%", "−0.17"]
    assert rows["quiet_rows"] == [2]
    assert "unit" not in [column["name"] for column in rows["columns"]]
    assert TABLE in response_table(response(**DEEPER))._repr_mimebundle_()


STRENGTH = pd.DataFrame(
    {
        "offer": ["coupons", "reduced prices", "both together"], "orders": 1000, "offer_orders": [170, 400, 480],
        "offer_share": [0.17, 0.4, 0.48], "offer_low": 0.1, "offer_high": 0.5, "offer_amount": [1500.0, 3200.0, 4700.0],
        "gross_share": [0.015, 0.032, 0.047], "net_share": [0.0157, 0.0336, 0.0493],
    }
)  # fmt: skip


def test_the_strength_of_discounts_is_told_on_gross_and_net():
    finding = strength_finding(STRENGTH)
    assert finding.headline == "4.7% of what the list prices ask is given away: 1.5% by coupon, 3.2% by reduced prices."
    assert finding.detail == "Measured on what is left to pay it is 4.9%. 48.0% of orders used an offer."
    first = finding.facts[0]
    assert (first.numerator, first.denominator) == (4700.0, pytest.approx(100_000))
    assert strength_finding(STRENGTH.iloc[:0]).tone == "quiet"
    only_reduced = STRENGTH.assign(offer_amount=[0.0, 3200.0, 3200.0], gross_share=[0.0, 0.032, 0.032])
    assert strength_finding(only_reduced).facts[1].denominator is None


STRUCTURE = pd.DataFrame(
    {
        "category": ["Garden", "Pantry", "not known"], "products": [15, 15, 2],
        "low_up_to": [8.9, 3.9, None], "high_from": [19.9, 6.9, None], "revenue": [300.0, 100.0, 50.0],
        "low_share": [0.1, 0.3, 0.0], "mid_share": [0.1, 0.3, 0.0], "high_share": [0.8, 0.4, 0.0],
        "not_told_share": [0.0, 0.0, 1.0],
    }
)  # fmt: skip


def test_tiers_are_told_by_revenue():
    finding = structure_finding(STRUCTURE)
    assert finding.headline == "The dearest third of products brings 70% of revenue, the cheapest third 15%."
    assert finding.detail.endswith("brings most in Garden, 80%, and least in Pantry, 40%.")
    assert sum(fact.numerator for fact in finding.facts) == pytest.approx(400)
    assert structure_finding(STRUCTURE.iloc[:1]).detail == ""
    assert structure_finding(STRUCTURE.iloc[2:]).tone == structure_finding(STRUCTURE.iloc[:0]).tone == "quiet"


def preferences(low, mid, high, none, not_told):
    counts = [low, mid, high, none, not_told]
    told = sum(counts[:4])
    frame = pd.DataFrame({"price_preference": ["low", "mid", "high", "no preference", "not told"], "customers": counts})
    return frame.assign(customer_share=frame.customers / told, low=0.0, high=1.0, revenue=10.0, revenue_share=0.2)


def test_preferences_are_told_beyond_luck_only():
    finding = preference_finding(preferences(17, 4, 11, 68, 5))
    assert finding.headline == "32% of customers keep to one price tier: 11% to the high one, 4% to the mid one, 17% to the low one."
    luck = preference_finding(preferences(2, 2, 2, 94, 5))
    assert luck.tone == "quiet" and "6.0% of 100, where it explains up to 5%" in luck.headline
    assert "only 29 customers" in preference_finding(preferences(1, 1, 1, 26, 500)).headline
    assert preference_finding(preferences(1, 1, 1, 26, 500).iloc[:0]).tone == "quiet"


def sensitivity(driven, mixed, value, not_told=0):
    frame = pd.DataFrame(
        {"price_sensitivity": ["price-driven", "mixed", "value-driven", "not told"], "customers": [driven, mixed, value, not_told]}
    )
    told = max(driven + mixed + value, 1)
    return frame.assign(
        customer_share=frame.customers / told, low=0.1, high=0.3, own_offer_share=[1.0, 0.2, 0.04, 0.3], revenue=1.0, revenue_share=0.25,
        spend_per_customer=333.0,
    )  # fmt: skip


def test_price_driven_customers_are_counted_among_those_told():
    finding = sensitivity_finding(sensitivity(30, 150, 20, 400))
    assert finding.headline == "Of 200 customers with 3 orders or more 15.0% are price-driven and 10.0% value-driven."
    assert finding.detail.startswith("Price-driven customers (30) buy 100.0% of an order on offer and bring 25% of revenue, €333.00 each.")
    assert (finding.facts[0].numerator, finding.facts[0].denominator) == (30, 200)
    nobody = sensitivity_finding(sensitivity(0, 200, 0))
    assert nobody.tone == "quiet" and nobody.headline.startswith("Nobody stands out as price-driven")
    assert "Value-driven" not in sensitivity_finding(sensitivity(30, 150, 0)).detail
    assert sensitivity_finding(sensitivity(20, 5, 4, 900)).tone == sensitivity_finding(sensitivity(1, 1, 1).iloc[:0]).tone == "quiet"


def mix(full, instalment, subscription):
    orders = [full, instalment, subscription]
    frame = pd.DataFrame({"payment_kind": ["paid in full", "instalments", "subscription"], "orders": orders})
    return frame.assign(order_share=frame.orders / sum(orders), low=0.0, high=1.0, aov=[60.0, 70.0, 80.0])


def test_instalments_and_subscriptions_are_told_with_the_value_of_an_order():
    finding = payment_finding(mix(140, 20, 40))
    assert finding.headline == "10.0% of orders are paid by instalments, 20.0% by subscription."
    assert finding.detail == "An order is worth: paid in full €60.00, subscription €80.00."  # 20 orders tell no mean
    assert payment_finding(mix(200, 0, 0)).headline == "All 200 orders whose payment is known were paid in full."
    assert payment_finding(mix(1, 0, 0).iloc[:0]).tone == "quiet"


RATES = pd.DataFrame(
    [{"orders": 1000, "returned_orders": 30, "return_rate": 0.03, "low": 0.02, "high": 0.04, "customers": 400, "returning_customers": 25,
      "sold_amount": 50_000.0, "returned_amount": 1000.0, "returned_share": 0.02}]
)  # fmt: skip
LOST = pd.DataFrame([{"returns": 40, "returned_amount": 1300.0, "unmatched_returns": 1, "unmatched_amount": 30.0}])


def by_category(*returned):
    names = ["Shoes", "Hats", "Scarves"]
    frame = pd.DataFrame({"category": names, "lines": 500, "returned_lines": returned})
    return frame.assign(return_rate=frame.returned_lines / 500).sort_values("return_rate", ascending=False, ignore_index=True)


def test_returns_are_told_with_the_category_that_stands_out():
    finding = returns_finding(RATES, LOST, by_category(90, 6, 5))
    assert finding.headline == "Something came back from 3.0% of orders, 2.0% of what was sold."
    assert finding.detail == (
        "25 of 400 customers sent something back. Shoes comes back most: 18.0% of its lines, 1.1% elsewhere. "
        "Not counted: 1 return without a purchase before it, €30.00."
    )
    even = returns_finding(RATES, LOST.assign(unmatched_returns=0), by_category(6, 5, 7))
    assert even.detail.endswith("No category comes back more often than the others beyond chance.")
    assert (
        returns_finding(RATES, LOST.assign(unmatched_returns=0), by_category(6, 5, 7).iloc[:0]).detail
        == "25 of 400 customers sent something back."
    )
    none = returns_finding(RATES.assign(returned_orders=0), LOST.assign(returns=0), by_category(0, 0, 0))
    assert none.tone == returns_finding(RATES.iloc[:0], LOST, by_category(0, 0, 0)).tone == "quiet"


DRAWN = [(charts.price_tier_shares, STRUCTURE), (charts.discount_response, response(**DEEPER, price=(-0.17, -0.2, -0.13, 1e-9, 29)))]


@pytest.mark.parametrize(("draw", "frame"), DRAWN)
def test_charts_draw_on_the_axes_given_and_change_nothing_else(draw, frame):
    draw(frame)  # in a notebook the first chart of all turns figures to SVG
    _figure, (ax, other) = plt.subplots(ncols=2)
    before, settings = frame.copy(), dict(plt.rcParams)
    assert draw(frame, ax=ax, title="A title", measure="a measure") is ax
    assert ax.get_title(loc="left") == "A title" and not other.has_data() and ax.get_legend() is None
    pd.testing.assert_frame_equal(frame, before)
    assert dict(plt.rcParams) == settings
    draw(frame.iloc[:0], ax=other)
    plt.close("all")


def test_each_tier_is_named_once_and_bars_add_up():
    ax = charts.price_tier_shares(STRUCTURE)
    texts = [text.get_text() for text in ax.texts]
    assert [texts.count(name) for name in ("low tier", "mid tier", "high tier", "not told")] == [1, 1, 1, 1]
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(len(STRUCTURE))
    plt.close("all")


def test_elasticities_are_drawn_where_nothing_else_is():
    shares = charts.discount_response(response(**DEEPER, price=(-0.17, -0.2, -0.13, 1e-9, 800)))
    assert [label.get_text() for label in shares.get_yticklabels()] == [
        "pieces, per ten points of discount",
        "spend, per ten points of discount",
    ]
    alone = charts.discount_response(response(price=(-0.17, -0.2, -0.13, 1e-9, 800)))
    assert [label.get_text() for label in alone.get_yticklabels()] == ["price elasticity, by the price paid"]
    plt.close("all")
