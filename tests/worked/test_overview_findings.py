"""What the overview says: with its number, silent within noise, and never of a month that is not over."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from custkit import words
from custkit.analysis.bridge import COLUMNS as BRIDGE
from custkit.analysis.changes import COLUMNS, changes
from custkit.analysis.kpis import COLUMNS as KPIS
from custkit.analysis.revenue_tree import revenue_tree
from custkit.analysis.structure import COLUMNS as STRUCTURE
from custkit.analysis.survival import kaplan_meier
from custkit.client import Lifecycle
from custkit.present import charts
from custkit.present.findings import overview as findings


@pytest.fixture(autouse=True)
def english():
    words.use("en", "USD")
    yield
    plt.close("all")


def months(*customers, complete=True, history=365):
    """Months in which every customer orders once, one item of 10."""
    rows = []
    for i, n in enumerate(customers):
        row = dict.fromkeys(KPIS, 0.0) | {
            "month": f"2026-{i + 1:02d}", "complete": complete or i < len(customers) - 1, "last_order_date": pd.Timestamp("2026-01-09"),
            "history_days": history, "customers": n, "orders": n, "items": n, "revenue": 10.0 * n, "known_revenue": 10.0 * n,
            "orders_orders": n, "items_items": n, "revenue_revenue": 100.0 * n, "orders_items": n, "orders_revenue": 10.0 * n,
            "items_revenue": 10.0 * n, "orders_per_customer": 1.0, "aov": 10.0, "spend_per_customer": 10.0, "items_per_order": 1.0,
            "price_per_item": 10.0, "repurchase_base": n, "repeat_customers": n // 2, "repurchase_rate": 0.5,
            "churn_base": n, "churned": n // 10, "churn_rate": 0.1, "customers_ever": n, "cumulative_spend_per_customer": 10.0,
        }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def test_a_change_in_customers_is_told_from_noise_by_its_size():
    told = changes(months(1000, 1100)).set_index("measure")
    # 100 more; chance alone moves the difference of two such counts by 1.96 × √2100 = 89.8.
    assert told.loc["customers", ["change", "low", "high"]].tolist() == pytest.approx([100, 100 - 89.817, 100 + 89.817], abs=0.01)
    assert told.loc["customers", "significant"]
    assert not changes(months(1000, 1080)).set_index("measure").loc["customers", "significant"]
    assert told.loc["revenue", ["low", "high"]].tolist() == pytest.approx([1000 - 898.17, 1000 + 898.17], abs=0.01)


def test_customers_who_are_all_alike_leave_no_doubt_about_their_mean():
    told = changes(months(1000, 1100)).set_index("measure")
    assert told.loc["aov", ["change", "low", "high"]].tolist() == pytest.approx([0, 0, 0])
    assert not told.loc["aov", "significant"]


def test_a_filling_window_and_an_incomplete_month_are_not_compared():
    filling = months(1000, 1000)
    filling.loc[0, "history_days"] = 334
    assert not changes(filling).set_index("measure").loc["repurchase_rate", "comparable"]
    assert not changes(months(1000, 100, complete=False)).significant.any()


def test_revenue_is_said_with_its_number_and_its_change():
    told = months(1000, 1200)
    finding = findings.revenue_finding(told, changes(told))
    assert finding.headline == "February 2026 brought $12,000, 20.0% more than January 2026."
    same = months(1000, 1001)
    assert findings.revenue_finding(same, changes(same)).headline.endswith("no significant change on January 2026.")
    assert findings.revenue_finding(same, changes(same)).tone == "quiet"


def test_tiles_carry_the_change_or_say_that_there_is_none():
    told = months(1000, 1200)
    by_name = {tile.name: tile for tile in findings.kpi_tiles(told, changes(told)).tiles}
    assert by_name["Customers"].change == "20.0% on " + words.short_month("2026-01")
    assert by_name["Order value"].change == "no significant change on " + words.short_month("2026-01")
    assert by_name["Churn"].fact.shown() == "10.0%"


def test_the_tree_names_no_mover_within_noise():
    same, moved = months(1000, 1010), months(1000, 1300)
    assert findings.tree_finding(revenue_tree(same), same, changes(same)).tone == "quiet"
    headline = findings.tree_finding(revenue_tree(moved), moved, changes(moved)).headline
    assert headline == "The largest mover is customers: +$3,000 on January 2026."


def test_every_sentence_and_chart_survives_having_nothing_to_say():
    nothing = months()
    nothing = nothing.reindex(columns=list(KPIS))
    unknown = changes(nothing)
    assert list(unknown.columns) == list(COLUMNS)
    bridge, structure = pd.DataFrame(columns=list(BRIDGE)), pd.DataFrame(columns=list(STRUCTURE))
    spells = pd.DataFrame({"duration_days": [], "observed": [], "n": []})
    told = [
        findings.revenue_finding(nothing, unknown),
        findings.spend_finding(nothing, unknown),
        findings.bridge_finding(bridge, nothing, unknown),
        findings.tree_finding(revenue_tree(nothing), nothing, unknown),
        findings.repurchase_finding(nothing, unknown),
        findings.churn_finding(nothing, unknown, rules=Lifecycle()),
        findings.structure_finding(structure),
    ]
    assert all(finding.tone == "quiet" and finding.headline and "nan" not in finding.headline for finding in told)
    charts.revenue_bridge(bridge, title="t", measure="m")
    charts.revenue_tree(revenue_tree(nothing), title="t", measure="m")
    charts.second_purchase_curve(kaplan_meier(spells), title="t", measure="m")
    charts.user_structure(structure, title="t", measure="m")
    charts.revenue_months(nothing, title="t", measure="m")


def test_charts_draw_on_the_axes_they_are_given_and_leave_the_frame_alone():
    told = months(1000, 1200)
    before = told.copy()
    _figure, ax = plt.subplots()
    assert charts.revenue_months(told, ax=ax, title="t") is ax
    assert ax.get_title(loc="left") == "t"
    pd.testing.assert_frame_equal(told, before)
