"""What the segmentation page says, and that it says nothing where there is nothing to say."""

from __future__ import annotations

import math
from datetime import datetime

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from custkit.analysis.high_ticket import CATEGORY, HIGH, REGION, REST
from custkit.analysis.kmeans import Grouping
from custkit.analysis.migration import ARRIVED
from custkit.analysis.segment_maps import MapSummary
from custkit.analysis.value_angles import ACTIVE, ASLEEP, NEW, QUIET
from custkit.analysis.value_angles import HIGH as HIGH_VALUE
from custkit.present import charts
from custkit.present.charts import style
from custkit.present.findings import segmentation as findings
from custkit.present.findings.segment_rules import rule_text
from custkit.segments import EIGHT_SEGMENTS, NAMED_MAPS, TARGET_GROUPS, Segment, settled_map

AS_OF = datetime(2026, 11, 1)
SUMMARY = pd.DataFrame(
    {
        "segment": ["Champions", "Hibernating"],
        "customers": [24, 76],
        "customer_share": [0.24, 0.76],
        "revenue": [5200.0, 4800.0],
        "revenue_share": [0.52, 0.48],
        "recency_days": [2.0, 90.0],
        "frequency": [12.0, 1.0],
        "monetary_value": [200.0, 60.0],
    }
)
MATRIX = pd.DataFrame(
    [
        ("Champions", "Champions", 50, 0.5, 0, 0),
        ("Champions", "Hibernating", 50, 0.5, 45, 5),
        ("Hibernating", "Hibernating", 40, 1.0, 0, 0),
    ],
    columns=["segment_before", "segment", "customers", "customer_share", "moved_by_behaviour", "moved_by_borders"],
)  # fmt: skip
GRID = pd.DataFrame(
    {
        "row": [HIGH_VALUE] * 4, "column": [NEW, ACTIVE, QUIET, ASLEEP], "customers": [3, 60, 20, 17],
        "customer_share": [0.03, 0.6, 0.2, 0.17], "revenue": [30.0, 600.0, 200.0, 170.0], "revenue_share": [0.03, 0.6, 0.2, 0.17],
    }
)  # fmt: skip
ORDERS = pd.DataFrame(
    {
        "row": ["1", "1", "2"], "column": [2, 1, 2], "customers": [10, 30, 20], "customer_share": [0.25, 0.75, 1.0],
        "revenue": [100.0, 100.0, 800.0], "lowest": [10.0, 1.0, 10.0], "highest": [50.0, 9.0, 50.0],
    }
)  # fmt: skip
CURVE = pd.DataFrame({"customer_share": [0.0, 0.1, 0.2, 0.3, 1.0], "revenue_share": [0.0, 0.4, 0.6, 0.7, 1.0]})


def said(finding):
    return f"{finding.headline} {finding.detail}".strip()


def facts(finding):
    return {fact.key: fact.value for fact in finding.facts}


def grouping(k=2, *, agreement=1.0, silhouette=0.7, stability=math.nan):
    choice = pd.DataFrame({"k": [2, 3], "silhouette": [silhouette, 0.44], "near_tie": [False, True], "chosen": [True, False]})
    return Grouping(np.zeros((k, 3)), np.zeros(3), np.ones(3), choice if k > 1 else choice.head(0), agreement, 100, stability)


def test_the_segment_that_brings_most_is_named_with_its_shares():
    finding = findings.segments_finding(SUMMARY, as_of=AS_OF)
    assert said(finding) == "24% of customers bring 52% of revenue. Champions: 24 of 100 customers, $5,200 of $10,000."
    assert finding.facts[0].window == "2025-11-01 to 2026-10-31"
    assert facts(finding) == {"top_segment_revenue_share": 0.52, "top_segment_customer_share": 0.24}


def test_quiet_good_customers_are_to_be_called():
    quiet = pd.DataFrame({"customers": [101], "good_customers": [800], "recency_days": [16.0], "revenue": [5000.0]})
    finding = findings.quiet_finding(quiet, as_of=AS_OF)
    assert finding.headline == "101 good customers have gone quiet."
    assert finding.detail.endswith("not been seen for a median of 16 days: call them first.")
    nobody = findings.quiet_finding(quiet.assign(customers=0, recency_days=math.nan, revenue=0.0), as_of=AS_OF)
    assert (nobody.headline, nobody.tone) == ("No good customer has gone quiet.", "quiet")


def test_concentration_is_told_beside_the_rule_of_thumb():
    row = pd.DataFrame(
        {
            "customers": [50], "revenue": [900.0], "gini": [0.5], "gini_low": [0.4], "gini_high": [0.6],
            "customers_to_80": [20], "share_to_80": [0.4],
            "top_10_share": [0.3], "top_20_share": [0.55], "top_30_share": [0.68],
        }
    )  # fmt: skip
    finding = findings.concentration_finding(row, as_of=AS_OF)
    assert finding.headline == "The best 20% of customers bring 55% of revenue."
    assert "It takes 20 of 50 customers (40%) to make 80% of revenue" in finding.detail
    assert "68%; the field's rule of thumb is 83%" in finding.detail
    assert [fact.n for fact in finding.facts[:3]] == [5, 10, 15]
    assert (finding.facts[4].key, finding.facts[4].low, finding.facts[4].high) == ("gini", 0.4, 0.6)
    assert "margin" not in finding.detail
    with_margin = pd.concat([row, row.assign(top_20_share=0.61, gini=0.58)], ignore_index=True)
    told = findings.concentration_finding(with_margin, as_of=AS_OF)
    assert told.detail.endswith("By margin, the best 20% bring 61% of it.")
    assert facts(told)["margin_gini"] == 0.58


def test_groups_that_change_with_the_start_or_when_fitted_anew_are_not_stable():
    holds = findings.groups_finding(grouping(stability=0.95))
    assert holds.headline == "2 groups stand out by themselves, and they hold."
    assert "Almost as well told apart: 3 groups." in holds.detail
    assert "fitted anew on this month's customers they agree to 0.950" in holds.detail
    assert "(2: 0.70, 3: 0.44)" in holds.facts[0].definition
    assert "no earlier fit" in findings.groups_finding(grouping()).detail
    for unstable in (findings.groups_finding(grouping(stability=0.89)), findings.groups_finding(grouping(agreement=0.5))):
        assert unstable.headline == "The 2 groups are not stable: plan with the segments instead."
        assert unstable.tone == "quiet"
    assert "not estimated" in findings.groups_finding(grouping(1, agreement=math.nan)).headline


def test_a_crowd_cut_in_two_is_not_called_two_groups():
    finding = findings.groups_finding(grouping(silhouette=0.45, stability=0.95), agreement=0.2)
    assert finding.headline == "The customers are one crowd without clear groups, here cut into 2."
    assert finding.detail.endswith("They agree with the segments to 0.200.")
    assert finding.tone == "quiet"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"r": "5", "fm": "4-5"}, "recency score 5; orders and spend score 4 to 5 on average"),
        ({"f": "1.5-3", "m": "2"}, "orders score 1.5 to 3; spend score 2"),
        ({"recency_days": "> 180"}, "days since last order: over 180"),
        ({"spend": ">= 1200 and < 99999.5"}, "spend: $1,200 or more and under $100,000"),
        ({"orders": "3-5", "order_value": "<= 20"}, "orders: 3 to 5; order value: $20.00 or less"),
        ({"orders": "2", "offer_share": ">= 12.5%"}, "orders: 2; share of orders on offer: 12.5% or more"),
        (
            {"spend": "> median", "orders": "> median", "recency_days": "< median"},
            "under the median: days since last order; over the median: orders, spend",
        ),
        (
            {"spend": "> mean", "saved_share": "top 20% and >= 10%"},
            "over the mean: spend; saved by offers: among the top 20% and 10% or more",
        ),
        ({}, "everyone else"),
    ],
)  # fmt: skip
def test_a_rule_can_be_read_aloud(rule, told):
    assert rule_text(Segment(name="any", **rule)) == told


def summary_of(segments, *, name="", borders=()):
    rows = list(dict.fromkeys(segment.name for segment in segments))
    sizes = pd.DataFrame(
        {"segment": rows, "customers": 10, "customer_share": 1 / len(rows), "revenue": 5.0, "revenue_share": 1 / len(rows)}
    )
    return MapSummary(name, tuple(segments), sizes, pd.DataFrame(list(borders), columns=["measure", "border", "value", "customers"]))


def texts(shown):
    return [[cell["text"] for cell in row] for row in shown.payload["rows"]]


def test_each_name_stands_beside_its_rule_and_what_to_do():
    own = (Segment(name="Big", spend="> 100", action="Call."), Segment(name="Big", m="5"), Segment(name="Rest"))
    assert texts(findings.rules_table(summary_of(own))) == [
        ["Big", "spend: over $100.00; or spend score 5", "10", "Call."],
        ["Rest", "everyone else", "10", "–"],
    ]


def test_the_borders_that_a_map_rests_on_are_printed():
    borders = [
        ("recency_days", "median", 83.0, 9), ("recency_days", "mean", 117.9, 9),
        ("spend", "median", 126.32, 9), ("spend", "mean", 238.6, 9),
    ]  # fmt: skip
    shown = findings.maps_table([summary_of(EIGHT_SEGMENTS, name="eight", borders=borders)])
    assert shown.payload["note"] == (
        "The first rule that fits counts. Medians: days since last order 83, spend $126.32. "
        "Means: days since last order 117.9, spend $238.60."
    )
    assert [row[0] for row in texts(shown)] == ["Eight groups", *[""] * 7]


def test_a_group_that_the_data_cannot_tell_is_named():
    groups = settled_map(TARGET_GROUPS, {"active_days": 90, "dormant_days": 180})
    known = summary_of(groups, name="target_groups", borders=[("saved_share", "top 20%", 0.095, 9)])
    assert "The top 20% begins at: saved by offers 9.5%." in findings.maps_table([known]).payload["note"]
    unknown = summary_of(groups, name="target_groups", borders=[("saved_share", "top 20%", math.nan, 0)])
    assert findings.maps_table([unknown]).payload["note"].endswith("Not told here: Price-sensitive; the data do not hold saved by offers.")
    assert findings.maps_table([]).payload["rows"] == []


def test_every_segment_of_the_field_has_a_colour_of_its_meaning():
    named = {segment.name for rows in NAMED_MAPS.values() for segment in rows}
    assert named <= set(charts.segmentation.SEGMENT_COLOURS)


HIGH_TICKET = pd.DataFrame(
    {
        "line": [HIGH, REST], "customers": [40, 360], "customer_share": [0.1, 0.9], "revenue": [4000.0, 6000.0],
        "revenue_share": [0.4, 0.6], "lowest_spend": [564.85, 1.0], "orders_per_customer": [10.5, 2.7], "orders_low": [9.0, 2.0],
        "orders_high": [11.0, 3.0], "aov": [91.74, 57.9], "aov_low": [80.0, 50.0], "aov_high": [99.0, 60.0],
    }
)  # fmt: skip
TRAITS = pd.DataFrame(
    [
        (REGION, "North", 90, 0.50, 0.30, 0.20, 0.1, 0.3, 0.001, 0.01),
        (REGION, "South", 90, 0.20, 0.40, -0.20, -0.3, -0.1, 0.001, 0.01),
        (CATEGORY, "Tea", 90, 0.305, 0.30, 0.005, 0.001, 0.009, 0.002, 0.02),
        (CATEGORY, "Cups", 90, 0.3, 0.30, 0.0, -0.1, 0.1, 0.9, 0.9),
    ],
    columns=["trait", "value", "customers", "high_ticket_share", "rest_share", "difference", "low", "high", "p_value", "q_value"],
)  # fmt: skip


def test_high_ticket_customers_are_told_with_what_sets_them_apart():
    finding = findings.high_ticket_finding(HIGH_TICKET, TRAITS, as_of=AS_OF)
    assert finding.headline == "10% of customers spend $564.85 or more and bring 40% of revenue."
    assert finding.detail == (
        "They order 10.5 times a year at $91.74; the rest 2.7 times at $57.90. "
        "What sets them apart: home region North (50%, 30% of the rest)."
    )
    assert facts(finding)["high_ticket_revenue_share"] == 0.4
    alike = findings.high_ticket_finding(HIGH_TICKET, TRAITS.assign(q_value=0.5), as_of=AS_OF)
    assert alike.detail.endswith("Nothing else that the data tell sets them apart beyond chance.")
    assert "hold nothing to compare" in findings.high_ticket_finding(HIGH_TICKET, TRAITS[:0], as_of=AS_OF).detail
    assert findings.high_ticket_finding(HIGH_TICKET.assign(customers=[20, 180]), TRAITS, as_of=AS_OF).tone == "quiet"
    assert findings.high_ticket_finding(HIGH_TICKET[:1], TRAITS, as_of=AS_OF).tone == "quiet"


def test_only_differences_beyond_chance_are_shown():
    assert [row[:2] for row in texts(findings.high_ticket_table(TRAITS))] == [
        ["home region", "North"], ["home region", "South"], ["category", "Tea"],
    ]  # fmt: skip
    assert findings.high_ticket_rows(TRAITS.assign(q_value=1.0)).empty


def test_the_titles_of_grids_are_what_they_show():
    assert findings.position_title(GRID) == "Of 100 customers of high value 63 are active, 20 quiet and 17 asleep"
    assert findings.position_title(GRID.assign(customers=0)) == "Value today and place on the way"
    assert findings.frequency_title(ORDERS) == "67% of customers ordered once and bring 20% of revenue"
    assert findings.frequency_title(ORDERS[:0]) == "Orders and spend"


def by_segment(**more):
    given = {
        "segment": ["Champions", "New"], "customers": [50, 50], "revenue": [90.0, 10.0], "revenue_share": [0.9, 0.1],
        "margin": [math.nan] * 2, "margin_share": [math.nan] * 2, "potential": [60.0, 40.0], "potential_share": [0.6, 0.4],
        "effectiveness": [70.4, 20.0], "frequency_points": [80.0, 20.0], "ticket_points": [60.0, 30.0], "cycle_points": [70.0, 0.0],
    }  # fmt: skip
    return pd.DataFrame({**given, **more})


def test_a_segment_with_more_potential_than_revenue_is_named():
    finding = findings.value_finding(by_segment())
    assert (
        said(finding) == "New bring 10% of revenue and hold 40% of the potential. Larger orders would be worth up to $40.00 a year there."
    )
    assert findings.value_finding(by_segment(potential_share=[0.9, 0.1])).tone == "quiet"
    assert findings.value_finding(by_segment(potential=[0.0, 0.0])).tone == "quiet"
    assert findings.value_finding(by_segment(customers=[50, 29])).tone == "quiet"


def test_what_the_data_do_not_tell_has_no_column():
    assert "margin_share" not in findings.value_rows(by_segment()).columns
    assert "margin_share" in findings.value_rows(by_segment(margin_share=[0.5, 0.5])).columns
    shown = findings.value_table(by_segment()).payload
    assert [column["label"] for column in shown["columns"]][-1] == "part: coming again"
    tens = pd.DataFrame({"decile": [1], "customers": [9], "revenue": [9.0], "revenue_share": [1.0], "cumulative_share": [1.0],
                         "spend_per_customer": [1.0], "recency_days": [4.0], "frequency": [2.0], "margin": [math.nan],
                         "margin_share": [math.nan], "margin_per_customer": [math.nan]})  # fmt: skip
    assert findings.tenths_table(tens).payload["columns"][-1]["name"] == "frequency"
    assert findings.tenths_table(tens.assign(margin_share=1.0)).payload["columns"][-1]["name"] == "margin_per_customer"


def test_tags_have_the_names_that_lists_use():
    counts = pd.DataFrame(
        {"tag": ["segment", "is_quiet_good"], "definition": ["a", "b"], "customers": [2, 1], "customer_share": [1.0, 0.5]}
    )
    assert findings.tag_rows(counts).tag.tolist() == ["segment", "good, gone quiet"]


def test_a_segment_that_shrank_by_more_than_chance_is_named():
    finding = findings.migration_finding(MATRIX, against="September 2026")
    assert finding.headline == "Champions shrank from 100 to 50 customers."
    assert finding.detail == "50 of 140 customers changed segment: 45 by what they did or left undone, 5 because the borders shifted."
    assert facts(finding) == {"moved_share": 50 / 140, "moved_by_behaviour": 45, "moved_by_borders": 5}


def test_as_many_who_come_as_go_are_no_significant_change():
    swapped = pd.concat([MATRIX, MATRIX[1:2].assign(segment_before="Hibernating", segment="Champions", customers=48)])
    finding = findings.migration_finding(swapped, against="September 2026")
    assert finding.headline == "Segment sizes: no significant change on September 2026."
    assert finding.tone == "quiet"


def test_the_first_month_is_not_compared():
    finding = findings.migration_finding(MATRIX.assign(segment_before=ARRIVED), against="September 2026")
    assert "not estimated" in finding.headline


def regions(big):
    return pd.DataFrame(
        {
            "region": ["North", "South", "not known"], "customers": [200, 200, 50], "big_spenders": [big, 40, 50],
            "big_spender_share": [big / 200, 0.2, 1.0], "low": [0.1] * 3, "high": [0.5] * 3,
        }
    )  # fmt: skip


def test_a_region_stands_out_only_beyond_chance():
    assert findings.region_finding(regions(80)).headline == "Big spenders are most common in North: 40% of its customers, 20% elsewhere."
    assert findings.region_finding(regions(48)).headline == "Big spenders: no region stands out, among 2 regions."
    assert "not compared" in findings.region_finding(regions(48)[1:]).headline


def categories(chance):
    return pd.DataFrame(
        {
            "category": ["Dairy", "Drinks"], "customers": [200, 200], "loyal": [120, 40], "loyal_share": [0.6, 0.2],
            "low": [0.1] * 2, "high": [0.5] * 2, "again_share": [0.6, 0.2], "expected_share": [0.5, 0.2], "p_value": [chance, 0.5],
        }
    )  # fmt: skip


def test_a_category_is_loyal_only_beyond_luck():
    finding = findings.category_finding(categories(0.001))
    assert finding.headline == "Dairy has the most loyal buyers: they buy it again on 60% of their other shopping days; luck gives 50%."
    assert finding.detail == "Least loyal of the best-selling categories: Drinks, 20% where luck gives 20%."
    assert findings.category_finding(categories(0.04)).tone == "quiet"  # two were asked
    assert "not compared" in findings.category_finding(categories(0.001).assign(customers=29)).headline


def test_a_month_without_customers_is_said_and_not_nan():
    empty = [
        findings.segments_finding(SUMMARY[:0], as_of=AS_OF),
        findings.quiet_finding(pd.DataFrame(columns=["customers"]), as_of=AS_OF),
        findings.concentration_finding(pd.DataFrame({"revenue": [0.0]}), as_of=AS_OF),
        findings.migration_finding(MATRIX[:0], against="September 2026"),
        findings.region_finding(regions(9)[:0]),
        findings.category_finding(categories(1.0)[:0]),
        findings.segments_finding(SUMMARY[:1], as_of=AS_OF),
    ]
    assert all(finding.tone == "quiet" and "nan" not in said(finding) for finding in empty)


def test_scores_that_ties_leave_empty_are_noted():
    thresholds = pd.DataFrame(
        {
            "measure": ["frequency"] * 5, "score": [5, 4, 3, 2, 1], "lowest": [3.0, 1.0] + [math.nan] * 3,
            "highest": [4.0, 2.0] + [math.nan] * 3, "customers": [2, 8, 0, 0, 0],
        }
    )  # fmt: skip
    assert findings.ties_note(thresholds) == "orders: so many customers are equal that nobody has score 1, 2, 3."
    assert findings.ties_note(thresholds[:2]) == ""


DRAWN = [
    (charts.segment_shares, SUMMARY), (charts.lorenz_curve, CURVE), (charts.segment_migration, MATRIX),
    (charts.cross_heat, GRID), (charts.cross_heat, ORDERS),
]  # fmt: skip


@pytest.mark.parametrize(("draw", "frame"), DRAWN, ids=lambda given: getattr(given, "__name__", ""))
@pytest.mark.parametrize("rows", [None, 0, 1])
def test_charts_draw_on_their_axes_and_leave_all_else_as_it_was(draw, frame, rows):
    given = frame.copy() if rows is None else frame[:rows].copy()
    before = {name: mpl.rcParams[name] for name in style.RC}
    figure, (mine, neighbour) = plt.subplots(1, 2)
    shown = given.copy()
    assert draw(shown, ax=mine, title="What it says", measure="of whom") is mine
    assert mine.get_title(loc="left") == "What it says"
    assert mine.get_legend() is None
    assert not neighbour.has_data()
    pd.testing.assert_frame_equal(shown, given)
    assert {name: mpl.rcParams[name] for name in style.RC} == before
    plt.close(figure)


def test_a_segment_keeps_its_colour_whatever_the_month():
    colours = []
    for frame in (SUMMARY, SUMMARY[::-1].assign(revenue_share=[0.6, 0.4])):
        ax = charts.segment_shares(frame)
        names = [label.get_text() for label in ax.get_yticklabels()]
        dots = [line.get_color() for line in ax.get_lines()]
        colours.append(dict(zip(names, dots, strict=True)))
        plt.close(ax.figure)
    assert colours[0] == colours[1]


def test_a_row_of_few_customers_is_grey_and_without_shade():
    ax = charts.cross_heat(ORDERS)
    grey = [text.get_text() for text in ax.texts if text.get_color() == style.SOFT]
    assert grey == ["100%"]  # the second row has 20 customers, the first 40
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1, n = 40", "2, n = 20"]
    assert {"$10 to $50", "$1 to $9"} <= {text.get_text() for text in ax.texts}
    plt.close(ax.figure)
