"""What the lifetime value page says, and that it says nothing where there is nothing to say."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from custkit.analysis import churn_risk, early_value, look_alikes, next_order
from custkit.analysis.buy_till_you_die import Fit
from custkit.analysis.churn_risk import ChurnRisk
from custkit.analysis.early_features import Column
from custkit.analysis.early_value import EarlyValue, Rule
from custkit.analysis.gamma_gamma import SpendFit
from custkit.analysis.lifetime import OFF, PLAIN, Lifetime
from custkit.analysis.look_alikes import LookAlike
from custkit.analysis.next_order import Cycle
from custkit.analysis.win_back import CAUSES
from custkit.present import charts
from custkit.present.charts import style
from custkit.present.findings import lifetime_value as findings

AS_OF = datetime(2026, 11, 1)
CUT = datetime(2026, 5, 3)
FIT = Fit("bg_nbd", np.array([0.8, 7.0, 0.8, 4.0]), np.eye(4) / 100, -1000.0, 4000, 3000)
SPEND = SpendFit(5.0, 4.0, 40.0, -1000.0, 3000, 0.1, np.eye(3) / 100)
CANDIDATES = pd.DataFrame(
    [
        ("bg_nbd", -1000.0, 1050.0, 1000.0, 0.05, "", True),
        ("mbg_nbd", -1001.0, 1300.0, 1000.0, 0.3, OFF, False),
        (PLAIN, math.nan, 1100.0, 1000.0, 0.1, "", False),
    ],
    columns=["model", "log_likelihood", "expected_orders", "actual_orders", "off", "refusal", "chosen"],
)
HOLDOUT = pd.DataFrame(
    {
        "frequency": [0, 7], "customers": [100, 10], "actual_orders": [50.0, 60.0], "expected_orders": [48.0, 40.0], "low": [40.0, 30.0],
        "high": [56.0, 50.0],
    }
)  # fmt: skip
TRACKING = pd.DataFrame(
    {
        "week_end": pd.to_datetime(["2026-04-20", "2026-04-27", "2026-05-04"]), "actual": [1.0, 2.0, 3.0], "expected": [1.5, 2.0, 2.5],
        "cumulative_actual": [1.0, 3.0, 6.0], "cumulative_expected": [1.5, 3.5, 6.0], "held_out": [False, False, True],
    }
)  # fmt: skip
AHEAD = pd.DataFrame(
    [
        (3, 4000, 900.0, 800.0, 1000.0, 90_000.0, 80_000.0, 100_000.0, 36_000.0, 32_000.0, 40_000.0),
        (12, 4000, 3000.0, 2500.0, 3500.0, 301_234.0, 250_000.0, 350_000.0, 120_000.0, 100_000.0, 140_000.0),
    ],
    columns=[
        "months", "customers", "expected_orders", "orders_low", "orders_high", "expected_revenue", "revenue_low", "revenue_high",
        "expected_margin", "margin_low", "margin_high",
    ],
)  # fmt: skip
CLASSES = pd.DataFrame(
    [("low", 400, 0.2, 80, 0.2, 0.16, 0.24), ("medium", 500, 0.5, 260, 0.52, 0.48, 0.56), ("high", 100, 0.8, 75, 0.75, 0.66, 0.82)],
    columns=["risk", "customers", "expected_share", "left", "left_share", "low", "high"],
)
TENTHS = pd.DataFrame(
    {"group": [1, 2], "customers": [500, 500], "expected_share": [0.2, 0.6], "left_share": [0.22, 0.61], "low": [0.18, 0.57],
     "high": [0.26, 0.65]}
)  # fmt: skip
RISK = ChurnRisk("", AS_OF, datetime(2026, 8, 3), (("gaps", 0.5),), 0.0, "bg_nbd", 180, 1000, CLASSES, TENTHS, 0.20, 0.25)
SUMMARY = pd.DataFrame(
    [("low", 500, 0.5, 0.2, 60_000.0, 0.6, 12_000.0), ("medium", 300, 0.3, 0.5, 30_000.0, 0.3, 15_000.0),
     ("high", 200, 0.2, 0.8, 10_000.0, 0.1, 8_000.0)],
    columns=["risk", "customers", "customer_share", "risk_mean", "revenue", "revenue_share", "revenue_at_risk"],
)  # fmt: skip
QUIET = pd.DataFrame(
    {
        "cause": list(CAUSES), "customers": range(10, 110, 10), "customer_share": [0.1] * 10, "waited": [200.0] * 10,
        "last_year_spend": [1000.0] * 10, "to_win_back": [0, 0, 30, 40, 0, 0, 70, 80, 90, 100],
        "value_at_stake": [0.0, 0.0, 300.0, 400.0, 0.0, 0.0, 70.0, 80.0, 900.0, 5000.0],
    }
)  # fmt: skip
CYCLE = Cycle(centre=math.log(45), between=0.5, within=1.0, usual=0.3, backing=4.0, customers=500, gaps=2000)
WEEKS = pd.DataFrame(
    {
        "week": [1, 2, 3, 4, 5], "week_start": pd.date_range("2026-11-01", periods=5, freq="7D"),
        "customers": [5.0, 10.0, 20.0, 15.2, 30.0], "by_now": [5.0, 15.0, 35.0, 50.2, 80.0], "by_now_low": [1.0, 8.0, 22.0, 36.0, 60.0],
        "by_now_high": [9.0, 22.0, 48.0, 64.4, 100.0],
    }
)  # fmt: skip
TRIED = pd.DataFrame({"start": [pd.Timestamp("2026-10-04")], "told": [47.6], "came": [52]})
CHECK = pd.DataFrame(
    {
        "days": [180], "customers": [200], "told": [120], "inside": [80], "early": [8], "late": [12], "not_back": [20], "open": [80],
        "inside_share": [0.8], "low": [0.71], "high": [0.87], "usual_days": [44.0],
    }
)  # fmt: skip
QUALITY = pd.DataFrame(
    [
        ("model", 300, 0.5, 0.4, 0.6, 0.06, 0.02, 0.1, 30_000.0, 31_000.0, 0.85, 0.3, True),
        ("spend alone", 300, 0.44, 0.34, 0.54, math.nan, math.nan, math.nan, 29_000.0, 31_000.0, 0.86, 0.27, False),
    ],
    columns=list(early_value.QUALITY_COLUMNS),
)
GROUPS = pd.DataFrame(
    {"group": [1, 2], "customers": [150, 150], "expected_spend": [150.0, 50.0], "next_spend": [160.0, 46.0], "low": [130.0, 30.0],
     "high": [190.0, 60.0]}
)  # fmt: skip
RULE = Rule((Column("early_spend"),), (1.0,), (3.0,), 4.0, 1e6, pd.DataFrame({"at_least": [0.0], "low": [0.0], "high": [2.0]}))
EARLY = EarlyValue("", 180, "model", RULE, 250.0, QUALITY, GROUPS, 900, date(2024, 11, 1), date(2025, 10, 1), date(2026, 4, 5), 0)
LIKE = LookAlike(
    "", 180, (Column("early_days"),), (1.0,), (1.0,), 2.0, 500.0, pd.DataFrame(columns=list(look_alikes.BAND_COLUMNS)),
    pd.DataFrame([(300, 24, 0.08, 30, 9, 0.3, 0.17, 0.48, 3.75, 0.28)], columns=list(look_alikes.QUALITY_COLUMNS)),
    pd.DataFrame([("early_days", 2.5, 1.4, 0.8), ("came_by=Referral", 0.2, 0.1, 0.3)], columns=list(look_alikes.LOOKS_COLUMNS)), 900, 90,
    date(2025, 10, 1),
)  # fmt: skip


def lifetime(*, fitted=FIT, reason="", gaps=None, model="bg_nbd", candidates=CANDIDATES, spend=SPEND):
    counts = pd.DataFrame({"frequency": [0], "recency": [0], "T": [10], "customers": [4000]})
    return Lifetime(AS_OF, model, reason, gaps or {}, fitted, spend, counts, pd.DataFrame(), candidates, HOLDOUT, TRACKING, CUT)


REFUSED = lifetime(
    fitted=None, reason=OFF, gaps={"share": 0.3, "most": 0.25}, model=PLAIN, candidates=CANDIDATES.assign(chosen=[False, False, True])
)


def said(finding):
    return f"{finding.headline} {finding.detail}".strip()


def facts(finding):
    return {fact.key: fact.value for fact in finding.facts}


def cells(shown):
    return [[cell["text"] for cell in row] for row in shown.payload["rows"]]


def test_worth_is_told_for_the_longest_time_with_its_range():
    finding = findings.worth_finding(AHEAD, lifetime())
    assert finding.headline == "Today's customers will bring $301,000 in the next 12 months ($250,000 to $350,000)."
    assert finding.detail == "That is 3,000 orders of 4,000 customers; who is new by then comes on top. Of it $120,000 is margin."
    assert facts(finding) == {
        "expected_orders_12_months": 3000.0, "expected_revenue_12_months": 301_234.0, "expected_margin_12_months": 120_000.0,
    }  # fmt: skip


def test_without_a_margin_none_is_told():
    unknown = AHEAD.assign(expected_margin=math.nan, margin_low=math.nan, margin_high=math.nan)
    finding = findings.worth_finding(unknown, lifetime())
    assert "margin" not in said(finding) and "expected_margin_12_months" not in facts(finding)
    assert [column["name"] for column in findings.forecast_table(unknown).payload["columns"]] == [
        "horizon", "orders_ahead", "orders_range", "revenue_ahead", "revenue_range",
    ]  # fmt: skip
    assert cells(findings.forecast_table(AHEAD))[0][:3] == ["3 months", "900", "800 to 1,000"]


def test_the_plain_rule_says_why_it_stands_in():
    assert "as no model may be believed: in the held-out weeks it missed by 30%, where 25% is allowed." in said(
        findings.worth_finding(AHEAD, REFUSED)
    )
    trust = findings.trust_finding(REFUSED)
    assert trust.tone == "quiet"
    assert trust.headline.startswith("No purchase model may be believed: in the held-out weeks it missed by 30%")
    assert trust.detail.endswith("it would have missed the held-out weeks by 10%.")
    nothing = findings.worth_finding(AHEAD.iloc[:0], REFUSED)
    assert nothing.tone == "quiet" and nothing.headline.startswith("What customers will bring is not estimated")


def test_trust_rests_on_weeks_the_model_had_not_seen():
    finding = findings.trust_finding(lifetime())
    assert finding.headline == "The model foretold 1,050 orders of 26 weeks it had not seen; 1,000 came (5.0% too many)."
    assert "everybody's mean of $66.67 (Gamma-Gamma)" in finding.detail
    assert facts(finding) == {"held_out_miss": 0.05}
    own = findings.trust_finding(lifetime(spend=replace(SPEND, refusal="the likelihood has no single peak")))
    assert own.detail.endswith("each customer's own mean, because the likelihood has no single peak.")
    assert findings.held_out_title(lifetime()) == "In 1 of 2 groups the purchases lie within the range foretold."
    assert [row[-1] for row in cells(findings.candidates_table(lifetime()))] == [
        "chosen", "in the held-out weeks it missed by 30%, where 25% is allowed", "",
    ]  # fmt: skip


def test_those_at_high_risk_are_counted_with_what_they_bring():
    finding = findings.leaving_finding(SUMMARY, RISK)
    assert finding.headline == "200 of 1,000 active customers are at high risk of leaving."
    assert finding.detail.startswith("They brought $10,000 in the last year, 10% of what active customers brought.")
    assert facts(finding) == {"high_risk_customers": 200, "revenue_at_risk": 35_000.0}
    nobody = findings.leaving_finding(SUMMARY.assign(customers=[500, 300, 0]), RISK)
    assert (nobody.tone, nobody.headline) == ("quiet", "No active customer is at high risk of leaving.")


def test_what_was_told_of_the_risk_is_held_against_what_came():
    finding = findings.calibration_finding(RISK)
    assert finding.headline == "Of those told a high risk 90 days ago 75% bought nothing since, of those told a low one 20%."
    assert "high risk 80% and 75% (66% to 82%, n = 100)" in finding.detail
    assert finding.detail.endswith("Its squared error is 20% smaller than if all were told the average.")
    assert facts(finding)["brier"] == 0.2 and facts(finding)["left_share_high"] == 0.75
    worse = findings.calibration_finding(replace(RISK, brier=0.3))
    assert (worse.tone, worse.headline) == ("quiet", "The risk tells no more than the average for all does.")
    # Half a per cent less squared error is luck where the tenth with the most risk left no more often than the one with the least.
    alike = findings.calibration_finding(replace(RISK, brier=0.249, calibration=TENTHS.assign(left_share=[0.22, 0.23])))
    assert (alike.tone, alike.headline) == ("quiet", "The risk tells no more than the average for all does.")
    few = findings.calibration_finding(replace(RISK, classes=CLASSES.assign(customers=[400, 500, 10])))
    assert few.headline == "The risk told 90 days ago came true better than the average for all would have."


def test_without_a_risk_the_page_says_why():
    short, few = replace(RISK, refusal=churn_risk.TOO_SHORT), replace(RISK, refusal=churn_risk.TOO_FEW)
    assert said(findings.leaving_finding(SUMMARY, short)) == (
        "Churn risk is not estimated: the data begin less than 270 days before the month's end."
    )
    assert "fewer than 200 customers were active 90 days ago" in said(findings.calibration_finding(few))


def test_what_is_at_stake_lies_with_a_cause():
    finding = findings.win_back_finding(QUIET)
    assert finding.headline == "410 customers gone quiet are worth winning back: $6,750 a year is at stake."
    assert finding.detail.startswith("Most of it lies with those who stopped in mid-rhythm: 100 customers, $5,000.")
    assert finding.detail.endswith("In all 550 customers are dormant or lost.")
    assert facts(finding) == {"win_back_customers": 410, "value_at_stake": 6750.0}
    assert cells(findings.causes_table(QUIET))[4][0] == "slow rhythm, not late yet"
    assert findings.win_back_finding(QUIET.iloc[:0]).headline == "Nobody has gone quiet."
    assert findings.win_back_finding(QUIET.iloc[:2]).tone == "quiet"


def test_due_orders_are_told_with_how_good_such_dates_were():
    finding = findings.due_finding(WEEKS, CYCLE, CHECK, TRIED)
    assert finding.headline == "50 customers of today are expected to order in the coming four weeks (36 to 64)."
    assert "not corrected, was 48; 52 came." in finding.detail
    assert "The usual gap between two purchases is 45 days" in finding.detail and "from 2.0 gaps on" in finding.detail
    assert (
        "of the 100 who ordered again 80% did so within it (71% to 87%; 80% was the aim), 8 earlier, 12 later; 20 have not."
        in finding.detail
    )
    assert facts(finding)["next_order_inside"] == 0.8
    assert "ordered again" not in said(findings.due_finding(WEEKS, CYCLE, CHECK.iloc[:0], TRIED))
    refused = findings.due_finding(WEEKS, replace(CYCLE, refusal=next_order.TOO_FEW), CHECK, TRIED)
    assert refused.headline == "When customers order next is not estimated: fewer than 50 customers have come back twice or more."


def test_the_first_30_days_are_believed_only_where_they_beat_their_spend():
    finding = findings.early_finding(EARLY)
    assert finding.headline == "The first 30 days tell more about the next 180 days than their spend alone."
    assert "finds 50% of the perfect order of spend, spend alone 44% (lead +6.0 points, +2.0 points to +10.0 points)" in finding.detail
    assert facts(finding)["early_gini_lead"] == 0.06
    simple = findings.early_finding(replace(EARLY, chosen="spend alone", old=50))
    assert simple.headline.endswith("as well as anything else: the simple rule is used.")
    assert simple.detail.endswith("50 first seen in the first month of the data are left out: most of them were customers before.")
    luck = findings.early_finding(replace(EARLY, chosen="spend alone", quality=QUALITY.assign(gini_low=[0.1, -0.02])))
    assert (luck.tone, luck.headline) == ("quiet", "Nothing in the first 30 days tells what is spent in the next 180 days, beyond chance.")
    nothing = findings.early_finding(replace(EARLY, refusal=early_value.TOO_FEW, days=90))
    assert nothing.headline == (
        "What newcomers will spend is not estimated: fewer than 400 new customers have been followed for 120 days, "
        "or fewer than 100 of them came back."
    )


def test_newcomers_about_to_spend_big_are_counted():
    row = pd.DataFrame({"customers": [100], "early_spend": [5000.0], "expected_spend": [9000.0], "big": [12], "big_expected": [4000.0]})
    finding = findings.newcomers_finding(row, EARLY)
    assert said(finding) == (
        "12 newcomers are about to spend big. "
        "All 100 newcomers spent $5,000 in their first days and will spend $9,000 in the next 180 days, these $4,000."
    )
    luck = findings.newcomers_finding(row, replace(EARLY, quality=QUALITY.assign(gini_low=-0.02)))
    assert said(luck) == (
        "No list of newcomers who are about to spend big: nothing in their first 30 days tells later spend, beyond chance."
    )
    none = findings.newcomers_finding(row * 0, EARLY)
    assert none.headline.endswith("nobody's first 30 days ended in the last 90 days.")


def test_look_alikes_are_told_with_how_often_that_came_true_and_why():
    row = pd.DataFrame({"customers": [200], "look_alikes": [20], "expected": [6.0], "low": [3.0], "high": [9.0]})
    finding = findings.alike_finding(row, LIKE)
    assert finding.headline == "20 of 200 newcomers look like today's best did."
    assert finding.detail == (
        "About 6 of them will be as good (3 to 9). Of 30 earlier customers who looked most like them, 9 are among the best today: "
        "30% (17% to 48%), where 8% of all are. Of the tenth that spent most in their first 30 days it is 28%."
    )
    assert cells(findings.looks_table(LIKE)) == [["days with a purchase", "2.50", "1.40"], ["came by Referral", "20.0%", "10.0%"]]
    counts = pd.DataFrame({"reason": ["early_days high", "bought_via=app"], "customers": [15, 5]})
    assert [row[0] for row in cells(findings.reasons_table(counts))] == ["bought on several days", "bought first via app"]
    luck = findings.alike_finding(row, replace(LIKE, quality=LIKE.quality.assign(low=0.07)))
    assert (luck.tone, luck.headline) == ("quiet", "Nothing in the first 30 days tells who will be among the best, beyond chance.")
    refused = findings.alike_finding(row, replace(LIKE, refusal=look_alikes.TOO_FEW, best=2, customers=456))
    assert "only 2 of today's best customers, of 456 new ones" in refused.headline


def test_every_reason_that_can_be_given_has_words():
    features = [name for name in findings.FEATURES if name != "early_spend"]
    assert {f"{name} {way}" for name in features for way in ("high", "low")} == set(findings.REASONS)
    assert set(features) | {"early_spend", "came_by", "bought_via"} == {*look_alikes.WANTED, "early_spend"}


def test_the_model_card_says_whether_the_model_drifted():
    card = FIT.table().assign(before=[0.8, 7.0, 0.8, 3.0], moved=[False, False, False, True])
    drifted = findings.card_finding(card, lifetime(), lifetime(), against="September 2026")
    assert drifted.headline == "The model has drifted since September 2026: b moved out of their range."
    held = findings.card_finding(card.assign(moved=False), lifetime(), lifetime(), against="September 2026")
    assert (held.tone, held.headline) == ("quiet", "The model has not drifted since September 2026.")
    assert [row[-1] for row in cells(findings.card_table(card, lifetime()))] == ["held", "held", "held", "moved"]
    other = lifetime(fitted=replace(FIT, model="pareto_nbd"), model="pareto_nbd")
    assert "Pareto/NBD then, BG/NBD now" in findings.card_finding(card, lifetime(), other, against="September 2026").headline
    assert findings.card_finding(card, REFUSED, lifetime(), against="September 2026").tone == "quiet"
    new = findings.card_finding(card.assign(before=math.nan), lifetime(), REFUSED, against="September 2026")
    assert "new this month" in new.headline
    assert len(findings.card_table(card.assign(before=math.nan), lifetime()).payload["columns"]) == 4


CHARTS = [
    (charts.purchases_foretold, TRACKING), (charts.held_out_orders, HOLDOUT), (charts.risk_told_and_come, TENTHS),
    (charts.spend_told_and_come, GROUPS), (charts.why_quiet, QUIET), (charts.orders_due, WEEKS),
]  # fmt: skip


@pytest.mark.parametrize(("chart", "frame"), CHARTS, ids=lambda part: getattr(part, "__name__", ""))
def test_charts_draw_on_the_axes_given_and_leave_the_rest_alone(chart, frame):
    before, original = {name: mpl.rcParams[name] for name in style.RC}, frame.copy()
    figure, (ax, other) = plt.subplots(1, 2)
    assert chart(frame, ax=ax, title="What was found", measure="what is drawn") is ax
    assert ax.get_title(loc="left") == "What was found" and not other.has_data()
    assert {name: mpl.rcParams[name] for name in style.RC} == before
    pd.testing.assert_frame_equal(frame, original)
    assert ax.get_legend() is None
    plt.close(figure)


@pytest.mark.parametrize(("chart", "frame"), CHARTS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_drawing_of_nothing_is_not_shown(chart, frame):
    open_before = len(plt.get_fignums())
    ax = chart(frame.iloc[:0])
    assert ax.get_title(loc="left") == "" and len(plt.get_fignums()) == open_before


def test_only_those_worth_winning_back_are_in_colour():
    ax = charts.why_quiet(QUIET)
    colours = [mpl.colors.to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert [colour == style.ACCENT for colour in colours] == [n > 0 for n in QUIET.to_win_back]
    plt.close(ax.figure)


def test_a_point_on_the_line_came_true_as_told():
    ax = charts.risk_told_and_come(TENTHS.assign(left_share=TENTHS.expected_share))
    (line,) = ax.lines
    assert np.allclose(*line.get_data())
    assert np.allclose(*ax.collections[-1].get_offsets().T)
    plt.close(ax.figure)
