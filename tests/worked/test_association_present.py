"""Sentences and charts about pairs and routes, with much, little and nothing to say."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from custkit.analysis.routes import _ROUTES
from custkit.analysis.rules import _PAIRS, HOLDS, TOO_FEW
from custkit.present import charts
from custkit.present.findings.association_rules import baskets_finding, held_finding, pairs_finding, routes_finding, strongest_title

PAIR = {"antecedent": "Razor", "consequent": "Blades", "antecedent_orders": 300, "consequent_orders": 860, "joint_orders": 217}
PAIR |= {"baskets": 12000, "support": 0.018, "confidence": 217 / 300, "reverse_confidence": 217 / 860, "lift": 10.1, "is_significant": True}
PAIR |= {"expected_orders": 27.7, "times_expected": 7.84}
ROUTE = {"antecedent": "Maker", "consequent": "Descaler", "antecedent_customers": 180, "route_customers": 77, "reverse_customers": 5}
ROUTE |= {"confidence": 77 / 180, "expected_customers": 41.0, "times_expected": 1.88, "is_significant": True}
ROUTE |= {"wait_first_quartile": 12.0, "wait_median": 25.0, "wait_third_quartile": 48.0}
PAIRS, ROUTES = pd.DataFrame([PAIR]), pd.DataFrame([ROUTE])
NO_PAIRS = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _PAIRS.items()})
NO_ROUTES = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _ROUTES.items()})


def test_a_pair_is_told_in_its_strong_direction_with_its_receipt():
    finding = pairs_finding(PAIRS)
    assert finding.headline == "72.3% of the orders with Razor hold Blades too: 7.8 times as often as chance brings them together."
    assert finding.detail.startswith("The other way round it is 25.2%: show Blades to who buys Razor rather than the reverse.")
    assert (finding.facts[0].numerator, finding.facts[0].denominator) == (217, 300)


def test_pairs_within_chance_are_told_quietly():
    finding = pairs_finding(PAIRS.assign(is_significant=False))
    assert (finding.tone, finding.headline) == ("quiet", "No two items lie together more often than chance explains.")


def test_a_route_is_told_with_its_waiting_time():
    finding = routes_finding(ROUTES, step="next-order")
    assert finding.headline.startswith("77 customers took Descaler in the order right after Maker, 1.9 times")
    assert finding.detail.startswith("Half of them waited 25 days or less; the middle half 12 to 48 days.")
    assert routes_finding(ROUTES.assign(is_significant=False)).tone == "quiet"


def test_one_of_several_and_the_only_one_are_said_differently():
    quiet = ROUTES.assign(antecedent="Cup", is_significant=False)
    assert routes_finding(pd.concat([ROUTES, quiet])).detail.endswith("1 of 2 routes looked at is more than chance.")
    assert routes_finding(pd.concat([ROUTES, ROUTES])).detail.endswith("2 of 2 routes looked at are more than chance.")
    assert routes_finding(ROUTES).detail.endswith("It is the only route that enough customers took to be looked at.")
    assert pairs_finding(PAIRS).detail.endswith("It is the only pair in enough orders to be looked at.")


def test_the_chart_of_times_chance_has_a_title_of_its_own():
    both = pd.concat([PAIRS, PAIRS.assign(times_expected=1.3)])
    assert strongest_title(both) == "The strongest pair meets 7.8 times as often as chance explains, the last one shown 1.3 times."
    assert strongest_title(PAIRS) == "The only pair beyond chance meets 7.8 times as often as chance explains."
    assert strongest_title(NO_PAIRS) == "No two items lie together more often than chance explains."


def test_pairs_that_held_are_counted_among_those_that_could_be_tested():
    held = pd.DataFrame({"antecedent": list("abc"), "consequent": list("xyz"), "verdict": [HOLDS, TOO_FEW, "no longer"]})
    finding = held_finding(held, month="2026-10")
    assert finding.headline == "Of 2 pairs found before and testable in October 2026, 1 held."
    assert finding.detail == "1 more pair had too few orders to tell. No longer more than chance: c → z."


def test_oversized_orders_are_counted():
    finding = baskets_finding(pd.DataFrame({"size": [1, 2, 900], "orders": [5, 15, 1]}))
    assert finding.headline.startswith("75.0% of 20 orders")
    assert "1 order with more than 500 different items is left out." in finding.detail


@pytest.mark.parametrize(
    "finding",
    [
        baskets_finding(pd.DataFrame({"size": pd.Series(dtype=int), "orders": pd.Series(dtype=int)})),
        pairs_finding(NO_PAIRS),
        routes_finding(NO_ROUTES),
        held_finding(pd.DataFrame({"verdict": pd.Series(dtype=str)}), month="2026-10"),
    ],
)
def test_nothing_to_tell_is_said_so(finding):
    assert finding.tone == "quiet"
    assert finding.headline
    assert "nan" not in f"{finding.headline} {finding.detail}".lower().split()


@pytest.mark.parametrize(
    ("chart", "full", "empty"),
    [
        (charts.pair_directions, PAIRS, NO_PAIRS),
        (charts.strongest_pairs, PAIRS, NO_PAIRS),
        (charts.route_waits, ROUTES, NO_ROUTES),
    ],
)
def test_charts_name_both_items_and_say_when_there_is_nothing(chart, full, empty):
    before = full.copy()
    labels = [label.get_text() for label in chart(full, title="Found", measure="days").get_yticklabels()]
    assert labels[0].splitlines()[0] == full["antecedent"].iloc[0]
    assert full["consequent"].iloc[0] in labels[0]
    assert [text.get_text() for text in chart(empty).texts] == ["Nothing here is more than chance."]
    pd.testing.assert_frame_equal(full, before)
    plt.close("all")
