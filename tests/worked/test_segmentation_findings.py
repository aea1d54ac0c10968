"""What the segmentation page says, and that it says nothing where there is nothing to say."""

from __future__ import annotations

import math
from datetime import datetime

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from custkit.analysis.kmeans import Grouping
from custkit.analysis.migration import ARRIVED
from custkit.present import charts
from custkit.present.charts import style
from custkit.present.findings import segmentation as findings

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
PROFILE = SUMMARY.rename(columns={"segment": "group"}).assign(group=["Group 1", "Group 2"])
CURVE = pd.DataFrame({"customer_share": [0.0, 0.1, 0.2, 0.3, 1.0], "revenue_share": [0.0, 0.4, 0.6, 0.7, 1.0]})


def said(finding):
    return f"{finding.headline} {finding.detail}".strip()


def facts(finding):
    return {fact.key: fact.value for fact in finding.facts}


def grouping(k=2, *, agreement=1.0, silhouette=0.7):
    choice = pd.DataFrame({"k": [2, 3], "silhouette": [silhouette, 0.44], "near_tie": [False, True], "chosen": [True, False]})
    return Grouping(np.zeros((k, 3)), np.zeros(3), np.ones(3), choice if k > 1 else choice.head(0), agreement, 100)


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
            "customers": [50], "revenue": [900.0], "gini": [0.5], "customers_to_80": [20], "share_to_80": [0.4],
            "top_10_share": [0.3], "top_20_share": [0.55], "top_30_share": [0.68],
        }
    )  # fmt: skip
    finding = findings.concentration_finding(row, as_of=AS_OF)
    assert finding.headline == "The best 20% of customers bring 55% of revenue."
    assert "It takes 20 of 50 customers (40%) to make 80% of revenue" in finding.detail
    assert "68%; the field's rule of thumb is 83%" in finding.detail
    assert [fact.n for fact in finding.facts[:3]] == [5, 10, 15]


def test_groups_that_change_with_the_start_or_the_month_are_not_stable():
    assert findings.groups_finding(grouping(), stability=0.95).headline == "2 groups stand out by themselves, and they hold."
    assert "Almost as well told apart: 3 groups." in findings.groups_finding(grouping(), stability=0.95).detail
    assert "no month before" in findings.groups_finding(grouping()).detail
    for unstable in (findings.groups_finding(grouping(), stability=0.89), findings.groups_finding(grouping(agreement=0.5))):
        assert unstable.headline == "The 2 groups are not stable: plan with the segments instead."
        assert unstable.tone == "quiet"
    assert "not estimated" in findings.groups_finding(grouping(1, agreement=math.nan)).headline


def test_a_crowd_cut_in_two_is_not_called_two_groups():
    finding = findings.groups_finding(grouping(silhouette=0.45), stability=0.95)
    assert finding.headline == "The customers are one crowd without clear groups, here cut into 2."
    assert finding.tone == "quiet"


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
    (charts.segment_shares, SUMMARY), (charts.lorenz_curve, CURVE), (charts.segment_migration, MATRIX), (charts.group_profile, PROFILE),
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
