"""What the lifecycle page says, and what it says when there is nothing to say."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from custkit.analysis.cohorts import COHORT_COLUMNS
from custkit.analysis.funnel import COLUMNS, SPLIT_COLUMNS, VISIT_COLUMNS
from custkit.analysis.lifecycle import CUSTOMER_STAGES, NEW, Acquired, stage_coverage, stage_rates
from custkit.analysis.registrations import COLUMNS as REGISTRATION_COLUMNS
from custkit.client import Lifecycle
from custkit.period import Period
from custkit.present import charts
from custkit.present.findings import lifecycle_funnel as findings
from custkit.present.table import table

OCTOBER = Period(2026, 10)


def moves(**people):
    """`moves(regular__dormant=3)`: a transition matrix with zeros elsewhere."""
    rows = [(before, stage, people.get(f"{before}__{stage}", 0)) for before in (NEW, *CUSTOMER_STAGES) for stage in CUSTOMER_STAGES]
    frame = pd.DataFrame(rows, columns=["stage_before", "stage", "customers"])
    base = frame.groupby("stage_before")["customers"].transform("sum")
    return frame.assign(share=frame["customers"] / base.where(base > 0))


COUNTS = pd.DataFrame(
    {
        "stage": ["visitor", "registered", "first_payment", "regular", "vip", "dormant", "lost"],
        "customers": [900, 10, 20, 25, 5, 30, 10],
        "customer_share": [None, 0.1, 0.2, 0.25, 0.05, 0.3, 0.1],
        "revenue": [None, 0.0, 100.0, 400.0, 400.0, 100.0, 0.0],
        "revenue_share": [None, 0, 0.1, 0.4, 0.4, 0.1, 0],
    }
)
OCTOBER_MOVES = moves(regular__regular=80, regular__dormant=20, dormant__regular=5, dormant__dormant=95, new__first_payment=7)
SPELLS = pd.DataFrame({"duration_days": [10, 40, 300], "observed": [True, True, False], "n": [60, 20, 20]})
TRIANGLE = pd.DataFrame(
    [("2026-08", 0, 50, 50, 1.0), ("2026-08", 1, 50, 30, 0.6), ("2026-09", 0, 40, 40, 1.0), ("2026-09", 1, 40, 10, 0.25),
     ("2026-10", 0, 30, 30, 1.0),
     ("2026-10", 1, 30, None, None)],
    columns=["cohort", "period", "cohort_customers", "customers", "retention_rate"],
)  # fmt: skip
STEPS = pd.DataFrame(
    [("visit", 200, 200, 1.0, 1.0, 0.98, 1.0, 0), ("cart", 200, 100, 0.5, 0.5, 0.43, 0.57, 100),
     ("order", 100, 20, 0.1, 0.2, 0.13, 0.29, 80)],
    columns=list(COLUMNS),
)  # fmt: skip
SPLIT = pd.DataFrame(
    [("device", "phone", *STEPS.iloc[0], 1.0, None, False, 0.0, 0.0), ("device", "phone", *STEPS.iloc[2], 0.5, 0.0001, True, 30.0, 30.0),
     ("device", "desktop", *STEPS.iloc[2], 0.5, 0.0001, False, -3.0, -3.0)],
    columns=list(SPLIT_COLUMNS),
)  # fmt: skip


def told(finding):
    return f"{finding.headline} {finding.detail}".strip()


def test_the_dormant_and_lost_come_first():
    assert told(findings.stage_finding(COUNTS)) == (
        "40.0% of customers are dormant or lost: 40 of 100. 50 are buying (50.0%). "
        "VIPs are 5.0% of customers and brought 40.0% of the last 365 days' revenue."
    )


def test_moves_are_told_with_their_base():
    assert told(findings.moves_finding(OCTOBER_MOVES, period=OCTOBER)) == (
        "20.0% of buying customers fell silent or left in October 2026. "
        "That is 20 of 100. 5 dormant customers bought again; 7 customers were new."
    )


def test_the_same_rates_are_no_news():
    rates = stage_rates(OCTOBER_MOVES, acquired=Acquired(100, 5))
    same = findings.rates_finding(rates, rates, against=OCTOBER - 1)
    assert told(same) == "Rates between stages: no significant change on September 2026. 80.0% of 100 buying customers stayed."
    assert same.tone == "quiet"


def test_a_rate_that_fell_is_named_with_both_values():
    earlier = stage_rates(moves(regular__regular=98, regular__dormant=2, dormant__regular=5, dormant__dormant=95))
    fell = findings.rates_finding(stage_rates(OCTOBER_MOVES), earlier, against=OCTOBER - 1)
    assert fell.headline == "The rate of retention went from 98.0% to 80.0%."


def test_every_stage_has_a_strategy_and_is_shown_in_words():
    dwell = pd.DataFrame({"stage": CUSTOMER_STAGES, "median_months": 2.0, "n": 40, "customers": 40, "months_so_far": 3.0})
    strategies = findings.strategy_table(COUNTS, stage_rates(OCTOBER_MOVES), dwell)
    assert strategies["strategy"].notna().all()
    assert "first payment" in table(strategies)._repr_mimebundle_()["text/plain"]
    assert findings.dwell_finding(dwell).headline.startswith("Half of those on their first payment move on within 2 months")


def test_merged_stages_are_said_with_the_field_to_ask_for():
    coverage = stage_coverage(lambda name: name != "customers.closed_at", rules=Lifecycle())
    assert told(findings.coverage_finding(coverage)) == (
        "The stage “lost” is counted as “dormant”: the data lack `customers.closed_at`."
    )  # fmt: skip
    assert told(findings.coverage_finding(stage_coverage(lambda name: True, rules=Lifecycle()))) == (
        "Every stage can be told from the client's data."
    )


def test_the_funnel_names_its_narrowest_point():
    assert told(findings.funnel_finding(STEPS)) == (
        "10.0% of 200 visits come to the step “order”. The narrowest point lies between “cart” and “order”: 20.0% go on, 80 do not."
    )


def test_the_device_that_breaks_is_told_with_what_it_costs():
    assert told(findings.split_finding(SPLIT)) == (
        "“phone” breaks at “order”: 20.0% go on, elsewhere 50.0%. "
        "At the others' rate 30 more visits of the month would have come to the last step."
    )
    quiet = findings.split_finding(SPLIT.assign(is_different=False))
    assert told(quiet) == "No group loses more visits on any step than the others do, beyond chance."


def test_cohorts_leave_the_first_month_of_the_data_out():
    assert findings.cohort_finding(TRIANGLE).headline == "25.0% of new customers buy again in the month after their first."


def test_those_still_awaited_count():
    got = findings.return_finding(SPELLS)
    assert got.headline == "Half of new customers are back within 10 days of their first order."
    slow = findings.return_finding(SPELLS.assign(n=[40, 20, 40]))
    assert slow.headline == "Half of new customers are back within 40 days of their first order."
    assert "Of the 60 who did come back, half took 10 days or less" in slow.detail
    assert "flattering" not in got.detail


def test_a_median_that_is_never_reached_is_not_made_up():
    few = findings.return_finding(SPELLS.assign(n=[10, 5, 85]))
    assert few.headline == "Fewer than half of new customers come back: 15.0% within 300 days."
    assert "second_purchase.km_median_days" not in [fact.key for fact in few.facts]


def test_who_stays_is_told_as_far_as_the_data_reach():
    assert told(findings.stay_finding(SPELLS, dormant_days=9)) == (
        "Half of buyers are gone 10 days after their first order. The silence of 9 days that counts as leaving is included. "
        "300 days after the first order 20.0% are still customers."
    )
    assert told(findings.stay_finding(SPELLS.assign(n=[5, 5, 90]), dormant_days=9)) == (
        "300 days after the first order 90.0% are still customers."
    )
    assert findings.stay_finding(SPELLS, dormant_days=300).tone == "quiet"


def nothing(columns):
    return pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})


EMPTY_COUNTS = COUNTS.assign(customers=0)
NO_STAYS = pd.DataFrame({"stage": CUSTOMER_STAGES, "median_months": float("nan"), "n": 0, "customers": 0, "months_so_far": float("nan")})
NO_SEARCH = pd.DataFrame({"visits": [0], "searches": [0]})


@pytest.mark.parametrize(
    "finding",
    [
        findings.stage_finding(EMPTY_COUNTS),
        findings.moves_finding(moves(), period=OCTOBER),
        findings.rates_finding(stage_rates(moves()), stage_rates(moves()), against=OCTOBER),
        findings.dwell_finding(NO_STAYS),
        findings.registration_finding(nothing(REGISTRATION_COLUMNS)),
        findings.funnel_finding(nothing(COLUMNS)),
        findings.split_finding(nothing(SPLIT_COLUMNS)),
        findings.visit_finding(nothing(VISIT_COLUMNS), NO_SEARCH),
        findings.cohort_finding(nothing(COHORT_COLUMNS)),
        findings.return_finding(SPELLS.head(0)),
        findings.stay_finding(SPELLS.head(0), dormant_days=90),
    ],
)  # fmt: skip
def test_without_data_a_sentence_says_so(finding):
    assert finding.tone == "quiet"
    assert "nan" not in told(finding) and told(finding)


DRAWN = [
    (charts.stage_bars, COUNTS),
    (charts.stage_moves, OCTOBER_MOVES),
    (charts.funnel_bars, STEPS),
    (charts.funnel_by_group, SPLIT),
    (charts.cohort_heat, TRIANGLE),
    (charts.return_curve, SPELLS),
    (charts.stay_curve, SPELLS),
    (charts.registrations_that_buy, nothing(REGISTRATION_COLUMNS)),
]


@pytest.mark.parametrize(("draw", "frame"), DRAWN, ids=[draw.__name__ for draw, _frame in DRAWN])
@pytest.mark.parametrize("rows", [None, 0], ids=["full", "empty"])
def test_charts_draw_on_the_axes_given_and_leave_the_frame_alone(draw, frame, rows):
    given = frame.copy() if rows is None else frame.head(rows)
    before = given.copy()
    _figure, axes = plt.subplots(1, 2)
    # The first chart of a process may turn on SVG for notebooks.
    draw(given, ax=plt.figure().add_subplot())
    settings = dict(mpl.rcParams)
    try:
        assert draw(given, ax=axes[0], title="A finding.") is axes[0]
        assert axes[0].has_data() or axes[0].texts
        assert not axes[1].has_data()
        pd.testing.assert_frame_equal(given, before)
        assert dict(mpl.rcParams) == settings
    finally:
        plt.close("all")


def test_the_future_of_a_cohort_is_drawn_blank():
    ax = charts.cohort_heat(TRIANGLE)
    cells = [text.get_text() for text in ax.texts]
    plt.close(ax.figure)
    assert [cell for cell in cells if "%" in cell] == ["60%", "25%"]


def test_a_chart_without_data_is_not_shown_in_a_notebook():
    charts.stage_bars(COUNTS.head(0))
    assert plt.get_fignums() == []
