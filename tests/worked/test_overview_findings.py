"""What the overview says: with its number and its range, silent within noise, and never of a month that is not over."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from custkit.analysis.bridge import COLUMNS as BRIDGE
from custkit.analysis.bridge import LINES
from custkit.analysis.changes import changes
from custkit.analysis.customer_value import AS_BRIEFED, CORRECTED
from custkit.analysis.customer_value import COLUMNS as VALUE
from custkit.analysis.definitions import WAYS, as_chosen, passport
from custkit.analysis.kpis import COLUMNS as KPIS
from custkit.analysis.lifetime_ways import COLUMNS as FORESEEN
from custkit.analysis.noise import COLUMNS as NOISE
from custkit.analysis.revenue_tree import revenue_tree
from custkit.analysis.second_purchase import second_purchase_summary
from custkit.analysis.structure import COLUMNS as STRUCTURE
from custkit.analysis.survival import kaplan_meier
from custkit.client import Definitions, Lifecycle
from custkit.period import Period
from custkit.present import charts
from custkit.present.findings import overview as findings

OCTOBER = Period(2026, 10)


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def kpis(*customers, complete=True, history=365, first=1):
    """Months from January on in which every customer orders once, one item of 10; nobody of one month buys in another."""
    rows = []
    for i, n in enumerate(customers):
        row = dict.fromkeys(KPIS, 0.0) | {
            "month": f"2026-{i + first:02d}", "complete": complete or i < len(customers) - 1,
            "last_order_date": pd.Timestamp(f"2026-{i + first:02d}-09"), "history_days": history, "revenue_to_day": 3.0 * n,
            "customers": n, "new_customers": n, "orders": n, "all_orders": n, "items": n, "revenue": 10.0 * n, "known_revenue": 10.0 * n,
            "orders_per_customer": 1.0, "aov": 10.0, "aov_with_guests": 10.0, "spend_per_customer": 10.0, "items_per_order": 1.0,
            "price_per_item": 10.0, "average_spend_per_customer": 10.0, "cumulative_spend_per_customer": 12.0, "cumulative_aov": 11.0,
            "repurchase_base": n, "repeat_customers": n // 2, "repurchase_rate": 0.5, "repurchase_base_mature": n // 2,
            "repeat_customers_mature": n // 4, "repurchase_rate_mature": 0.5, "repeat_customers_by_order": n * 3 // 5,
            "repurchase_rate_by_order": 0.6, "repeat_customers_ever": n // 5, "repurchase_rate_all_time": 0.2,
            "churn_base": n, "churned": n // 10, "churn_rate": 0.1, "churned_dormant": n // 10, "dormant_rate": 0.1,
            "customers_ever": n, "orders_ever": n, "revenue_ever": 12.0 * n, "registered": 2 * n, "active_customers": n,
            "activity_rate": 0.5, "active_buyers": n // 2, "activity_rate_by_purchase": 0.25, "first_buyers": n,
            "first_purchase_rate": 0.5, "first_purchase_rate_mature": 0.25, "registered_mature": n, "first_buyers_mature": n // 4,
        }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows, columns=list(KPIS))


def noise(told):
    """Customers who are all alike and come once: totals vary as their number does, ratios not at all."""
    if told.empty:
        return pd.DataFrame(columns=list(NOISE))
    now, before = told.customers.iloc[-1], told.customers.iloc[-2] if len(told) > 1 else float("nan")
    sums = [("revenue", "", 100), ("customers", "", 1), ("orders", "", 1)]
    rows = [(m, n, s * now, 0.0, s * (now + before), 0.0, float("nan"), float("nan")) for m, n, s in sums]
    ratios = [("orders_per_customer", ""), ("items_per_order", ""), ("price_per_item", ""), ("guest_revenue", "")]
    ratios += [(measure, name) for measure in ("aov", "spend_per_customer") for name in WAYS[measure]]
    return pd.DataFrame([*rows, *((m, n, 0.0, 0.0, 0.0, 0.0, float("nan"), float("nan")) for m, n in ratios)], columns=list(NOISE))


def told(*customers, definitions=None, **options):
    counted = kpis(*customers, **options)
    months = as_chosen(counted, definitions=Definitions.model_validate(definitions or {}))
    return months, changes(months, noise(counted))


def bridge(**changes_of):
    rows = [(line, 5, 0.0, 0.0, *changes_of.get(line, (0.0, float("nan"), False))) for line in LINES]
    frame = pd.DataFrame(rows, columns=["line", "customers", "before", "now", "change", "usual", "unusual"])
    return frame.assign(low=frame.change - 1, high=frame.change + 1)[list(BRIDGE)]


def structure(dormant_revenue=0.0):
    rows = [
        ("lifecycle stage", "VIP", 10, 0.1, 0.05, 0.15, 800.0, 0.8, 0.7, 0.9),
        ("lifecycle stage", "dormant", 90, 0.9, 0.85, 0.95, dormant_revenue, 0.2, 0.1, 0.3),
        ("segment", "Champions", 20, 1.0, 0.8, 1.0, 1000.0, 1.0, 1.0, 1.0),
    ]
    return pd.DataFrame(rows, columns=list(STRUCTURE))


def test_a_change_in_customers_is_told_from_noise_by_its_size():
    row = told(1000, 1150)[1].set_index("measure").loc["customers"]
    # 150 more; chance alone moves the difference of two such counts by 1.96 × √2150 = 90.9.
    assert row[["change", "low", "high"]].tolist() == pytest.approx([150, 150 - 90.879, 150 + 90.879], abs=0.01)
    assert row.significant
    assert not told(1000, 1080)[1].set_index("measure").loc["customers", "significant"]


def test_customers_who_are_all_alike_leave_no_doubt_about_their_mean():
    row = told(1000, 1100)[1].set_index("measure").loc["aov"]
    assert row[["change", "low", "high"]].tolist() == pytest.approx([0, 0, 0])
    assert not row.significant


def test_revenue_is_said_with_its_number_its_change_and_its_change_a_day():
    finding = findings.revenue_finding(*told(1000, 1200))
    assert finding.headline == "February 2026 brought $12,000, 20.0% more than January 2026."
    assert finding.detail == "Per day it is 32.9% more (28 days against 31 days)."
    assert [fact.key for fact in finding.facts] == ["revenue", "revenue_change"]
    assert finding.facts[0].low < 12_000 < finding.facts[0].high
    same = findings.revenue_finding(*told(1000, 1001))
    assert same.headline.endswith("no significant change on January 2026.")
    assert same.tone == "quiet"


def test_a_month_that_is_not_over_is_set_beside_the_same_days():
    finding = findings.revenue_finding(*told(1000, 400, complete=False))
    assert finding.headline == "February 2026 brought $4,000 so far; the month looks incomplete."
    assert finding.detail.endswith("By that day of the month January 2026 had brought $3,000.")
    assert len(findings.in_one_minute(*told(1000, 400, complete=False), bridge(), structure()).lines) == 2


def test_tiles_carry_the_range_and_the_change_or_say_that_there_is_none():
    by_name = {tile.name: tile for tile in findings.kpi_tiles(*told(1000, 1200)).tiles}
    customers = by_name["Customers"].as_dict()
    assert (customers["change"], customers["direction"], customers["verdict"]) == ("20.0% on Jan ’26", "up", "good")
    assert (customers["value"], customers["range"], customers["small"]) == ("1,200", "1,134 to 1,270", "")
    assert by_name["Order value"].change == "no significant change on Jan ’26"
    assert by_name["Churn"].fact.shown() == "10.0%"


def test_a_tile_that_rests_on_few_says_so_and_claims_nothing():
    tile = {tile.name: tile for tile in findings.kpi_tiles(*told(1000, 12)).tiles}["Order value"].as_dict()
    assert (tile["small"], tile["change"], tile["direction"]) == ("small sample: 12", "not compared: fewer than 30", "none")


def test_what_rests_on_few_is_set_in_grey_with_the_number():
    few = told(20, 12)
    revenue = findings.revenue_finding(*few)
    assert (revenue.headline, revenue.tone) == ("February 2026 brought $120.00; too few bought to compare it with January 2026.", "quiet")
    said = [
        findings.spend_finding(*few),
        findings.repurchase_finding(*few),
        findings.churn_finding(*few, rules=Lifecycle()),
        findings.activity_finding(*few, rules=Lifecycle()),
        findings.bridge_finding(bridge(new=(600.0, 500.0, False)), *few),
    ]
    assert all(finding.tone == "quiet" for finding in said)
    assert all("Small sample: 12 customers." in finding.detail for finding in said[:3])
    assert "Small sample: 24 customers." in said[3].detail and "too few bought to say more" in said[4].headline


def test_a_change_of_definition_breaks_the_line_and_the_comparison():
    months, changed = told(1000, 1100, 1200, definitions={"repurchase_rate": "two_orders; all_time from 2026-03"})
    tile = {tile.name: tile for tile in findings.kpi_tiles(months, changed).tiles}["Repurchase rate"].as_dict()
    assert (tile["value"], tile["spark"], tile["breaks"]) == ("20.0%", [0.6, 0.6, 0.2], [2])
    assert (tile["change"], tile["year"]) == ("not compared: counted differently since March 2026", "")
    assert tile["fact"]["counted"] == "all_time" and "since the data begin" in tile["receipt"]
    rows = findings.changes_table(changed).payload["rows"]
    verdict = {row[0]["text"]: row[7]["text"] for row in rows}["repurchase rate"]
    assert verdict == "counted differently since March 2026"


@pytest.mark.parametrize(
    ("name", "headline", "detail"),
    [
        ("two_days", "50.0% of customers came back on another day.", "600 of 1,200 who bought in the last 365 days."),
        ("two_orders", "60.0% of customers ordered twice or more.", "720 of 1,200 who bought in the last 365 days; two orders on one day"),
        ("mature", "50.0% of customers who have had the time came back", "300 of 600 who bought in the last 365 days and first bought"),
        ("all_time", "20.0% of all who ever bought came back", "240 of 1,200 since the data begin."),
    ],
)
def test_the_sentence_and_the_receipt_follow_the_definition(name, headline, detail):
    finding = findings.repurchase_finding(*told(1000, 1200, definitions={"repurchase_rate": name}))
    assert finding.headline.startswith(headline) and finding.detail.startswith(detail)
    assert (finding.facts[0].counted, finding.facts[0].definition) == (name, WAYS["repurchase_rate"][name].text)


def test_spend_and_order_value_stand_side_by_side_by_their_definitions():
    assert findings.spend_finding(*told(1000, 1200)).headline == "A customer spent $10.00 in the month. An order brought $10.00."
    other = findings.spend_finding(*told(1000, 1200, definitions={"spend_per_customer": "cumulative", "aov": "with_guests"}))
    assert other.headline == "A customer has spent $12.00 since the data begin. An order brought $10.00, those of guests included."


def test_churn_and_activity_say_what_was_counted():
    rules = Lifecycle()
    churn = findings.churn_finding(*told(1000, 1200, definitions={"churn_rate": "dormant"}), rules=rules)
    assert churn.headline == "10.0% of live customers went quiet in the month."
    activity = findings.activity_finding(*told(1000, 1200), rules=rules)
    assert activity.headline == "50.0% of 2,400 registered customers bought, were seen or registered in the last 90 days."
    assert "50.0% of all registered have bought at least once. Buyers of the month ordered 1.00 times" in activity.detail
    bought = findings.activity_finding(*told(1000, 1200, definitions={"activity_rate": "purchases"}), rules=rules)
    assert bought.headline == "25.0% of 2,400 registered customers bought in the last 90 days."


def test_only_what_changed_beyond_chance_is_listed():
    assert findings.beyond_finding(*told(1000, 1010)).headline == "Nothing else changed by more than chance since January 2026."
    moved = findings.beyond_finding(*told(1000, 1300))
    assert moved.headline == "Beyond chance since January 2026: customers up 30.0%; new customers up 30.0%; orders up 30.0%."
    assert {fact.key for fact in moved.facts} == {"customers_change", "orders_change", "new_customers_change"}
    assert "January" in moved.facts[0].definition


def test_the_worry_is_the_clearest_turn_for_the_worse_then_an_unusual_loss_then_the_silent():
    calm, worse = told(1000, 1010), told(1000, 700)
    odd = bridge(lost=(-500.0, -100.0, True), new=(900.0, 100.0, True))
    assert findings.worry_finding(*worse, odd, structure(200.0)).headline.startswith("Look at this: revenue down 30.0% on January 2026.")
    assert findings.worry_finding(*calm, odd, structure(200.0)).headline == (
        "Look at this: customers who did not buy again, −$500.00, where −$100.00 is usual."
    )
    silent = findings.worry_finding(*calm, bridge(), structure(200.0))
    assert silent.headline == "Keep an eye on the silent: 90 customers are dormant now and brought $200.00 in the last year."
    assert (silent.facts[0].value, silent.facts[0].low, silent.facts[0].high) == (0.2, 0.1, 0.3)
    assert findings.worry_finding(*calm, bridge(), structure()).tone == "quiet"


def test_the_bridge_says_what_is_usual_and_what_never_was():
    split = bridge(new=(600.0, 500.0, False), lost=(-100.0, -90.0, False), guests=(90.0, 1.0, True))
    finding = findings.bridge_finding(split, *told(1000, 1200))
    assert "Most came from new customers: +$600.00 (usually +$500.00)." in finding.detail
    assert finding.detail.endswith("Unlike any of the months before: guests +$90.00 (usually +$1.00).")
    assert {fact.key: (fact.low, fact.high) for fact in finding.facts}["bridge_new"] == (599, 601)


def test_the_tree_names_no_mover_within_noise():
    for n, tone in ((1010, "quiet"), (1300, "plain")):
        counted = kpis(1000, n)
        finding = findings.tree_finding(revenue_tree(counted, noise(counted)), *told(1000, n))
        assert finding.tone == tone
    assert finding.headline == "The largest mover is customers: +$3,000 on January 2026."


def waits():
    return second_purchase_summary(pd.DataFrame({"duration_days": [10, 30, 95], "observed": [True, True, False], "n": [40, 60, 100]}))


def test_the_second_purchase_leads_with_the_number_that_counts_and_tells_all_four():
    for name, headline in (
        ("km_median", "Half of first-time buyers are back within 30 days."),
        ("median", "Half of those who came back did so within 30 days."),
        ("mean", "Those who came back took 22 days on average."),
    ):
        finding = findings.second_purchase_finding(
            waits(), definitions=Definitions.model_validate({"second_purchase": name}), period=OCTOBER
        )
        assert finding.headline == headline
        assert [fact.key for fact in finding.facts[:1]] == ["second_purchase"]
        assert finding.facts[0].counted == name
        keys = {"second_purchase_km_median_days", "second_purchase_median_days", "second_purchase_mean_days", "second_purchase_in_90_days"}
        assert keys <= {fact.key for fact in finding.facts if fact.low is not None and fact.n}


def values():
    rows = [(AS_BRIEFED, 40.0, 1.0, 0.5, 5.0, 15.0, 10.0, 20.0, 100, 50), (CORRECTED, 20.0, 2.0, 0.5, 5.0, 15.5, 12.0, 19.0, 100, 50)]
    return pd.DataFrame(rows, columns=list(VALUE))


def test_the_value_is_that_of_the_formula_that_counts_and_names_the_other():
    corrected = findings.value_finding(values(), definitions=Definitions(), period=OCTOBER)
    assert corrected.headline == "A customer is worth $15.50 a year, less what it cost to win them."
    assert (corrected.facts[0].key, corrected.facts[0].counted, corrected.facts[0].low) == ("customer_value", "corrected", 12.0)
    briefed = findings.value_finding(values(), definitions=Definitions.model_validate({"customer_value": "as_briefed"}), period=OCTOBER)
    assert "$15.00 a year" in briefed.headline and "counted once it is $15.50" in briefed.detail
    assert briefed.facts[0].counted == "as_briefed"


def test_the_passport_holds_every_definition_with_the_chosen_one_first():
    counted = kpis(*[1000] * 10)
    chosen = Definitions.model_validate({"repurchase_rate": "two_days; mature from 2026-07", "lifetime_value": "plain"})
    foreseen = pd.DataFrame([("auto", "bg_nbd", 50.0, 40.0, 60.0, 900), ("plain", "plain", 70.0, 30.0, 90.0, 900)], columns=list(FORESEEN))
    ways = passport(counted, noise(counted), waits(), values(), foreseen, definitions=chosen, period=OCTOBER)
    assert ways.groupby("measure").chosen.sum().eq(1).all()
    assert ways.groupby("measure").chosen.first().all()
    assert set(ways.measure) == {
        "repurchase_rate", "spend_per_customer", "aov", "churn_rate", "activity_rate", "first_purchase_rate", "second_purchase",
        "customer_value", "lifetime_value",
    }  # fmt: skip
    first = ways[ways.measure == "repurchase_rate"].iloc[0]
    assert (first["name"], first.since, first.value, first.n) == ("mature", "2026-07", 0.5, 500)
    assert first.low < 0.5 < first.high
    by_name = ways.set_index(["measure", "name"])
    assert by_name.loc[("lifetime_value", "auto"), "definition"].endswith("here BG/NBD.")
    assert by_name.loc[("lifetime_value", "plain"), "chosen"]
    shown = [[cell["text"] for cell in row] for row in findings.passport_table(ways).payload["rows"]]
    assert shown[0][:3] == ["repurchase rate", "since July 2026", "50.0%"] and shown[0][-1] == WAYS["repurchase_rate"]["mature"].text
    assert shown[1][1] == ""


def test_the_first_purchase_rate_is_silent_where_registrations_are_unknown():
    counted = kpis(1000).assign(first_buyers=2000)
    ways = passport(
        counted, noise(counted), waits(), values(), pd.DataFrame(columns=list(FORESEEN)), definitions=Definitions(), period=OCTOBER
    )
    assert "first_purchase_rate" not in set(ways.measure)
    months = as_chosen(counted, definitions=Definitions())
    finding = findings.activity_finding(months, changes(months, noise(counted)), rules=Lifecycle())
    assert finding.headline == "50.0% of the 2,000 customers who ever bought were seen or bought in the last 90 days."
    assert finding.detail.startswith("Accounts without a purchase are not in the data.")


def test_every_sentence_and_chart_survives_having_nothing_to_say():
    nothing = kpis()
    months = as_chosen(nothing, definitions=Definitions())
    unknown = changes(months, noise(nothing))
    no_bridge, no_structure = bridge().head(0), structure().head(0)
    spells = pd.DataFrame({"duration_days": [], "observed": [], "n": []})
    tree = revenue_tree(nothing, noise(nothing))
    said = [
        *findings.in_one_minute(months, unknown, no_bridge, no_structure).lines,
        findings.spend_finding(months, unknown),
        findings.tree_finding(tree, months, unknown),
        findings.repurchase_finding(months, unknown),
        findings.churn_finding(months, unknown, rules=Lifecycle()),
        findings.activity_finding(months, unknown, rules=Lifecycle()),
        findings.second_purchase_finding(second_purchase_summary(spells), definitions=Definitions(), period=OCTOBER),
        findings.structure_finding(no_structure),
    ]
    assert all(finding.tone == "quiet" and finding.headline and "nan" not in finding.headline for finding in said)
    assert findings.kpi_tiles(months, unknown).tiles == ()
    charts.revenue_bridge(no_bridge, title="t", measure="m")
    charts.revenue_tree(tree, title="t", measure="m")
    charts.second_purchase_curve(kaplan_meier(spells), title="t", measure="m")
    charts.user_structure(no_structure, title="t", measure="m")
    charts.revenue_months(nothing, title="t", measure="m")


def test_charts_draw_on_the_axes_they_are_given_and_leave_the_frame_alone():
    counted = kpis(1000, 1200)
    before = counted.copy()
    _figure, ax = plt.subplots()
    assert charts.revenue_months(counted, ax=ax, title="t") is ax
    assert ax.get_title(loc="left") == "t"
    pd.testing.assert_frame_equal(counted, before)
