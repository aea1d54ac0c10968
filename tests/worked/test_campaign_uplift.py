"""Uplift against a control group, worked by hand, and when a test is none."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.campaign_uplift import (
    BEFORE,
    BOUGHT,
    COLUMNS,
    FAIR,
    FEW,
    MARGIN,
    ORDERS,
    RETURN_COLUMNS,
    SIZES,
    SPEND,
    campaign_returns,
    campaign_uplift,
    detectable_share,
)
from custkit.analysis.campaigns import CONTROL, TREATMENT
from custkit.present.findings.campaigns import uplift_finding, uplift_table
from custkit.present.table import table

SPANS = pa.schema({
    "campaign_id": pa.string(), "campaign_name": pa.string(), "starts_at": pa.timestamp("us"), "has_control": pa.bool_(),
    "cost_amount": pa.decimal128(18, 4),
})  # fmt: skip
OUTCOMES = pa.schema({
    "campaign_id": pa.string(), "customer_id": pa.string(), "arm": pa.string(), "orders": pa.int64(), "spend": pa.float64(),
    "margin": pa.float64(), "orders_before": pa.int64(), "spend_before": pa.float64(),
})  # fmt: skip


def spans(load_table, *campaigns: str, cost: float | None = 50):
    rows = [
        {"campaign_id": name, "campaign_name": f"The {name}", "starts_at": f"2026-0{i + 1}-01", "has_control": True, "cost_amount": cost}
        for i, name in enumerate(campaigns)
    ]
    return load_table("campaigns", rows, schema=SPANS)


def group(campaign: str, arm: str, n: int, buyers: int, *, spend: float = 10, before: int = 0, margin: bool = True) -> list[dict[str, Any]]:
    """`n` customers of whom the first `buyers` buy once, for `spend`, half of which is margin; the first `before` had bought before."""
    return [
        {
            "campaign_id": campaign, "customer_id": f"{arm}{i}", "arm": arm, "orders": int(i < buyers), "spend": spend * (i < buyers),
            "margin": spend / 2 * (i < buyers) if margin else None, "orders_before": int(i < before), "spend_before": 1.0 * (i < before),
        }
        for i in range(n)
    ]  # fmt: skip


def asked(load_table, *groups: list[dict[str, Any]], **options: Any) -> tuple[pd.DataFrame, Any]:
    made = spans(load_table, *dict.fromkeys(row["campaign_id"] for rows in groups for row in rows))
    outcomes = load_table("campaign_contacts", [row for rows in groups for row in rows], schema=OUTCOMES)
    return campaign_uplift(made, outcomes, **options), made


def test_uplift_is_what_the_reached_do_beyond_those_kept_back(load_table):
    uplift, _spans = asked(load_table, group("e-mail", TREATMENT, 100, 30), group("e-mail", CONTROL, 100, 10))
    told = uplift.set_index("measure")
    assert told.index.tolist() == [BOUGHT, ORDERS, SPEND, MARGIN]
    assert told["uplift"].tolist() == pytest.approx([0.2, 20, 2.0, 1.0])
    # z = 0.2 / √(0.2 × 0.8 × 2 / 100); Student's t of spend: both groups' squares 2100 + 900 about their means, 198 degrees.
    assert told.loc[BOUGHT, "statistic"] == pytest.approx(0.2 / math.sqrt(0.16 * 0.02))
    assert told.loc[SPEND, "statistic"] == pytest.approx(2 / math.sqrt((2100 + 900) / 198 * 0.02))
    assert told["is_beyond_chance"].all() and set(told["test"]) == {FAIR}


def test_the_interval_of_means_is_the_wider_of_two(load_table):
    uplift, _spans = asked(load_table, group("e-mail", TREATMENT, 900, 90), group("e-mail", CONTROL, 100, 10), control_share=0.1)
    spend = uplift.set_index("measure").loc[SPEND]
    welch = math.sqrt(100 * (0.09 * 900 / 899 / 900 + 0.09 * 100 / 99 / 100))
    # All buyers spend 10; shares are taken with half a customer more and less: 90.5 of 901, 10.5 of 101.
    alike = math.sqrt(sum(100 * (p - p * p) / n for p, n in ((90.5 / 901, 900), (10.5 / 101, 100))))
    assert spend["high"] - spend["uplift"] == pytest.approx(1.959964 * max(welch, alike), rel=1e-6)


def test_the_detectable_share_is_found_four_times_in_five():
    from statsmodels.stats.proportion import power_proportions_2indep

    for control, n, m in ((0.1, 500, 500), (0.006, 21_000, 21_000), (0.3, 900, 100)):
        found = detectable_share(control, n, m)
        power = power_proportions_2indep(found, control, n, ratio=m / n, alpha=0.05, value=0).power
        assert power == pytest.approx(0.8, abs=2e-3)
    assert math.isnan(detectable_share(0.9, 3, 3))


def test_groups_of_several_offers_are_each_held_against_the_control_group(load_table):
    groups = [group("e-mail", "hats", 100, 30), group("e-mail", "shoes", 100, 11), group("e-mail", CONTROL, 100, 10)]
    uplift, _spans = asked(load_table, *groups)
    bought = uplift[uplift["measure"] == BOUGHT].set_index("arm")
    assert bought["uplift"].to_dict() == {"hats": pytest.approx(0.2), "shoes": pytest.approx(0.01)}
    assert bought["is_beyond_chance"].to_dict() == {"hats": True, "shoes": False}
    # Eight questions are asked, so each chance is held against more than itself.
    assert (uplift["adjusted_p"] >= uplift["p_value"] - 1e-12).all() and uplift["adjusted_p"].max() <= 1


def test_a_test_whose_groups_are_not_of_the_planned_sizes_is_none(load_table):
    groups = [group("e-mail", TREATMENT, 2100, 600), group("e-mail", CONTROL, 1850, 100)]
    assert set(asked(load_table, *groups)[0]["test"]) == {SIZES}  # nearly equal, so meant to be equal: 2100 to 1850 is no luck
    assert set(asked(load_table, *groups, control_share=0.47)[0]["test"]) == {FAIR}
    assert not asked(load_table, *groups)[0]["is_beyond_chance"].any()
    uneven = [group("e-mail", TREATMENT, 300, 60), group("e-mail", CONTROL, 100, 10)]
    assert asked(load_table, *uneven)[0]["sizes_p"].isna().all()  # no plan known, none guessed


def test_groups_that_bought_differently_before_were_not_drawn_by_chance(load_table):
    uplift, made = asked(load_table, group("e-mail", TREATMENT, 200, 60, before=80), group("e-mail", CONTROL, 200, 20, before=20))
    assert set(uplift["test"]) == {BEFORE} and not uplift["is_beyond_chance"].any()
    finding = uplift_finding(uplift, campaign_returns(made, uplift))
    assert finding.headline == "The e-mail cannot be judged: groups differed before." and finding.tone == "quiet"


def test_fewer_than_thirty_kept_back_prove_nothing(load_table):
    uplift, _spans = asked(load_table, group("e-mail", TREATMENT, 100, 90), group("e-mail", CONTROL, 29, 0))
    assert set(uplift["test"]) == {FEW} and not uplift["is_beyond_chance"].any()


def test_margin_is_left_out_where_a_cost_is_unknown(load_table):
    uplift, made = asked(load_table, group("e-mail", TREATMENT, 100, 30), group("e-mail", CONTROL, 100, 10, margin=False))
    assert uplift["measure"].tolist() == [BOUGHT, ORDERS, SPEND]
    assert campaign_returns(made, uplift)["net_margin"].isna().all()


def test_what_it_brought_in_all_is_held_against_what_it_cost(load_table):
    uplift, made = asked(load_table, group("e-mail", TREATMENT, 100, 30), group("e-mail", CONTROL, 100, 10))
    returns = campaign_returns(made, uplift).iloc[0]
    assert (returns["extra_buyers"], returns["extra_margin"], returns["net_margin"]) == (
        pytest.approx(20),
        pytest.approx(100),
        pytest.approx(50),
    )
    assert returns["cost_per_extra_buyer"] == pytest.approx(50 / 20)
    bought = uplift.set_index("measure").loc[BOUGHT]
    assert (returns["buyers_low"], returns["buyers_high"]) == (pytest.approx(100 * bought["low"]), pytest.approx(100 * bought["high"]))


def test_an_uplift_is_told_with_both_shares_its_price_and_what_is_left(load_table):
    uplift, made = asked(load_table, group("e-mail", TREATMENT, 200, 60), group("e-mail", CONTROL, 200, 20))
    finding = uplift_finding(uplift, campaign_returns(made, uplift))
    assert finding.headline == "The e-mail: 30.0% of those it reached bought, 10.0% of those kept back."
    assert "In all 40 more customers bought than would have anyway (25 to 55)." in finding.detail
    assert "Each of them cost $1.25." in finding.detail and "has paid for the campaign: $150 is left" in finding.detail
    shown = table(uplift_table(uplift), units_by={"treated": "unit", "control": "unit", "uplift": "gap_unit", "detectable": "gap_unit"})
    assert [cell["text"] for cell in shown.payload["rows"][0]] == [
        "The e-mail", "treatment", "bought", "200", "200", "30.0%", "10.0%", "+20.0 points", "+12.3 to +27.5", "+10.0 points",
    ]  # fmt: skip


def test_where_nothing_is_found_the_page_says_what_would_have_been(load_table):
    uplift, made = asked(load_table, group("e-mail", TREATMENT, 200, 24), group("e-mail", CONTROL, 200, 20))
    finding = uplift_finding(uplift, campaign_returns(made, uplift))
    assert finding.headline == "The e-mail: no uplift beyond chance." and finding.tone == "quiet"
    assert (
        finding.detail == "With 200 customers and 200 kept back, an uplift of 10.0 points or more would have been found four times in five."
    )


def test_a_campaign_that_keeps_buyers_away_does_harm(load_table):
    uplift, made = asked(load_table, group("e-mail", TREATMENT, 200, 20), group("e-mail", CONTROL, 200, 60))
    finding = uplift_finding(uplift, campaign_returns(made, uplift))
    assert finding.headline.startswith("The e-mail did harm: 10.0% of those it reached bought")


def test_without_a_control_group_there_is_no_uplift(load_table):
    made, outcomes = spans(load_table), load_table("campaign_contacts", [], schema=OUTCOMES)
    uplift = campaign_uplift(made, outcomes)
    assert uplift.empty and list(uplift.columns) == list(COLUMNS)
    returns = campaign_returns(made, uplift)
    assert returns.empty and list(returns.columns) == list(RETURN_COLUMNS)
    assert uplift_finding(uplift, returns).tone == "quiet"


def test_a_share_outside_nought_to_one_is_refused(load_table):
    with pytest.raises(ValueError, match=r"control_share is 1\.0"):
        campaign_uplift(spans(load_table), load_table("campaign_contacts", [], schema=OUTCOMES), control_share=1.0)
