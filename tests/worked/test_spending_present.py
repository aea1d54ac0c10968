"""Sentences, tables and the chart about spending power, with much, little and nothing to say."""

from __future__ import annotations

from decimal import Decimal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from custkit.analysis.abuse import ANY_RULE, RULE_NAMES
from custkit.analysis.hold_out import COLUMNS
from custkit.analysis.spending_actions import CHOICE_NAMES, LIMIT_NAMES, OFFER_NAMES, PRIORITY_NAMES
from custkit.analysis.spending_score import DIMENSION_NAMES, LEVEL_NAMES, PARTS, HeldOut
from custkit.client import ABUSE_RULES, Abuse, Credit
from custkit.present import charts
from custkit.present.findings.spending_power import (
    ASK,
    NOT_LOOKED,
    PART_NAMES,
    abuse_finding,
    abuse_table,
    action_finding,
    action_table,
    held_out_finding,
    held_out_table,
    parts_table,
    reason,
    score_finding,
    tenths_measure,
)
from custkit.present.mime import TABLE
from custkit.words import use


@pytest.fixture(autouse=True)
def reader():
    use("en", "EUR")


def shown(table):
    payload = table._repr_mimebundle_()[TABLE]
    names = [column["name"] for column in payload["columns"]]
    return pd.DataFrame([[cell["text"] for cell in row] for row in payload["rows"]], columns=names)


def levels(high=20, rest=80):
    revenue = [high * 50.0, rest * 5.0, rest * 5.0, 0.0]
    customers = [high, rest // 2, rest // 2, 0]
    total = sum(customers)
    return pd.DataFrame(
        {
            "level": list(LEVEL_NAMES), "customers": customers, "customer_share": [n / total for n in customers],
            "revenue": revenue, "revenue_share": [r / sum(revenue) for r in revenue],
        }
    )  # fmt: skip


def coverage(*rows):
    return pd.DataFrame(rows, columns=["coverage", "dimensions_present", "weight_covered", "customers"])


def parts(**known):
    rows = [(dimension, part, known.get(part, 0)) for dimension, names in PARTS.items() for part in names]
    frame = pd.DataFrame(rows, columns=["dimension", "part", "customers"])
    return frame.assign(weight=[0.1 if n else np.nan for n in frame.customers], customer_share=frame.customers / 100)


BOUGHT = {"monetary_value": 100, "frequency": 100, "active_months": 100}


def test_who_stands_high_is_told_with_what_the_score_rests_on():
    finding = score_finding(levels(), coverage(("behaviour", 1, 0.4, 100)), parts(**BOUGHT))
    assert finding.headline == "20 customers stand high, 20% of all: they brought 56% of what customers spent in the last 365 days."
    assert finding.detail.startswith("All scores rest on 1 of 4 dimensions, 40% of the weight.")
    assert "Missing: means, expected value, engagement; missing is not 0." in finding.detail
    assert "these parts are not: breadth: categories, else products; bought without an offer;" in finding.detail
    assert "compared only" not in finding.detail
    scored, weight, share = finding.facts
    assert (scored.value, weight.value, weight.n) == (100, 0.4, 100)
    assert (share.numerator, share.denominator) == (1000.0, 1800.0)


def test_scores_made_of_different_things_are_said_to_be_compared_apart():
    told = coverage(("means+behaviour", 2, 0.5, 90), ("behaviour", 1, 0.4, 10))
    detail = score_finding(levels(), told, parts(income_place=90, **BOUGHT)).detail
    assert detail.startswith("The score of 90.0% of customers rests on 2 of 4 dimensions, 50% of the weight.")
    assert "Customers are compared only with those whose score is made of the same dimensions." in detail


def test_customers_who_cannot_be_told_apart_have_no_score_and_few_of_a_kind_no_level():
    alike = score_finding(levels(), coverage(("", 0, 0.0, 100)), parts())
    assert (alike.tone, alike.headline) == ("quiet", "Nobody has a spending score: customers are too few, or all alike.")
    assert score_finding(levels().iloc[:0], coverage(), parts()).tone == "quiet"
    few = score_finding(levels(high=0), coverage(("behaviour", 1, 0.4, 20)), parts(**BOUGHT))
    assert few.tone == "quiet" and few.headline.startswith("20 customers have a spending score, too few of a kind")


def test_the_table_of_parts_says_what_to_ask_for_and_what_tells_nobody_apart():
    has = {"customers.income_band", "customers.occupation", "orders.payment_method"}
    table = shown(parts_table(parts(**BOUGHT), has=has.__contains__)).set_index("part")
    assert table.loc["spend, after returns", ["weight", "lacks"]].tolist() == ["10.0%", ""]
    assert table.loc["occupation, in the client's order", "lacks"] == "its order, in the client file"
    assert table.loc["paid by subscription", "lacks"] == "nothing: it tells no two customers apart"
    assert table.loc["favourites", ["weight", "customers", "lacks"]].tolist() == ["", "0", "events"]
    assert table.loc["revenue expected of the next 12 months", "lacks"].startswith("nothing: no purchase model")


def test_every_part_dimension_rule_and_choice_has_words():
    every = [part for names in PARTS.values() for part in names]
    assert set(PART_NAMES) == set(every) and set(ASK) <= set(every) and set(DIMENSION_NAMES) == set(PARTS)
    assert set(RULE_NAMES) == set(ABUSE_RULES) and set(NOT_LOOKED) == {*ABUSE_RULES, ANY_RULE}
    assert set(CHOICE_NAMES) == {*OFFER_NAMES, *PRIORITY_NAMES, *LIMIT_NAMES}


def held(score, spend, lead, *, means=None):
    rows = [
        ("score", 500, score, score - 0.05, score + 0.05, *lead),
        ("means", 200 if means else 0, *([means, means - 0.1, means + 0.1, -0.3, -0.4, -0.2] if means else [np.nan] * 6)),
        ("behaviour", 500, 0.7, 0.6, 0.8, 0.0, -0.1, 0.1),
        ("predicted", 500, 0.72, 0.6, 0.8, 0.0, -0.1, 0.1),
        ("engagement", 0, *[np.nan] * 6),
        ("monetary_value", 500, spend, spend - 0.05, spend + 0.05, 0.0, 0.0, 0.0),
    ]
    tenths = pd.DataFrame(
        {"tenth": range(1, 11), "customers": 50, "next_share": np.linspace(0.19, 0.01, 10), "against_share": np.linspace(0.17, 0.03, 10)}
    )
    return HeldOut(6, pd.DataFrame(rows, columns=list(COLUMNS)), tenths)


def test_a_score_that_foretells_better_says_by_how_much_and_what_it_was_made_of():
    finding = held_out_finding(held(0.76, 0.7, (0.06, 0.02, 0.1)))
    assert finding.headline.endswith("the score finds 76% of the order in which customers spent; last year's spend alone finds 70%.")
    assert finding.tone == "plain"
    assert "The score of that time was made of behaviour, expected value." in finding.detail
    assert "Best by itself of the dimensions known of all: expected value, 72%." in finding.detail
    assert finding.facts[-1].key == "spending.order_lead" and (finding.facts[-1].low, finding.facts[-1].high) == (0.02, 0.1)


def test_a_score_that_loses_says_so_and_what_to_use_instead():
    finding = held_out_finding(held(0.66, 0.7, (-0.04, -0.06, -0.02)))
    assert "less than last year's spend alone: 70%." in finding.headline
    assert finding.detail.startswith("To foretell spend alone, order customers by last year's spend")
    assert finding.tone == "plain"


def test_a_difference_that_chance_explains_is_no_news():
    finding = held_out_finding(held(0.71, 0.7, (0.01, -0.01, 0.03)))
    assert finding.tone == "quiet" and "no more and no less" in finding.headline


def test_months_in_which_nobody_could_be_scored_judge_nothing():
    nothing = held(np.nan, np.nan, (np.nan, np.nan, np.nan))
    finding = held_out_finding(nothing)
    assert finding.tone == "quiet" and finding.headline.startswith("Not judged: 6 months ago fewer than 30 customers had a score")


def test_the_table_of_what_was_foretold_stands_best_first_and_leaves_out_what_was_not_judged():
    table = shown(held_out_table(held(0.76, 0.7, (0.06, 0.02, 0.1), means=0.3)))
    assert table.measure.tolist() == ["score", "expected value", "behaviour", "spend of the year before, alone", "means"]
    assert table.spend_order.tolist() == ["76.0%", "72.0%", "70.0%", "70.0%", "30.0%"]
    assert table.order_lead.tolist()[3] == "" and table.order_lead[0] == "+6.0 points"


def test_the_chart_draws_a_bar_a_tenth_and_a_stroke_for_last_years_spend():
    told = held(0.76, 0.7, (0.06, 0.02, 0.1))
    ax = charts.next_spend_by_tenth(told.tenths, title="t", measure=tenths_measure(told))
    assert len(ax.patches) == 10 and len(ax.lines) == 10
    assert [label.get_text() for label in ax.get_yticklabels()][:2] == ["best tenth", "tenth 2"]
    plt.close(ax.figure)
    empty = charts.next_spend_by_tenth(told.tenths.iloc[:0])
    assert not empty.patches
    plt.close("all")


def suspects(looked=True, **found):
    rows = [(rule, *found.get(rule, (0, 0.0))) for rule in ABUSE_RULES]
    n, revenue = found.get("any", (sum(row[1] for row in rows), sum(row[2] for row in rows)))
    frame = pd.DataFrame([*rows, (ANY_RULE, n, revenue)], columns=["rule", "customers", "revenue"])
    return frame.assign(customer_share=frame.customers / 1000, revenue_share=frame.revenue / 10_000, is_looked_for=looked)


def test_nobody_suspected_is_said_quietly_and_only_of_rules_that_could_be_looked_at():
    five = abuse_finding(suspects())
    assert (five.tone, five.headline) == ("quiet", "Nobody looks like cash-out or abuse by the 5 rules looked at.")
    one = suspects()
    one["is_looked_for"] = [False, False, False, True, False, True]
    assert abuse_finding(one).headline == "Nobody looks like cash-out or abuse by the one rule looked at."
    assert abuse_finding(suspects(looked=False)).headline.startswith("Abuse cannot be looked for")
    assert abuse_finding(suspects().iloc[:0]).tone == "quiet"


def test_those_suspected_are_counted_and_nobody_is_convicted():
    finding = abuse_finding(suspects(resale=(4, 300.0), coupons=(1, 50.0), any=(4, 300.0)))
    assert finding.headline == "4 customers are suspected of abuse and left out of the score."
    assert finding.detail == (
        "By rule: resale quantities 4, coupon farming 1. Look before you act: a school, a wedding or a faulty batch can look the same."
    )
    count, share = finding.facts
    assert (count.value, count.n, share.value) == (4, 1000, 0.03)


def test_a_rule_that_catches_much_of_the_spend_is_doubted_first():
    detail = abuse_finding(suspects(resale=(9, 2800.0))).detail
    assert "They hold 28% of spend, so doubt the rule first" in detail


def test_every_rule_is_told_in_words_with_the_clients_thresholds():
    rules = Abuse(thresholds=(Decimal(300), Decimal(500)), bulk_times=2.5)
    table = shown(abuse_table(suspects(resale=(4, 300.0)), rules=rules)).set_index("rule")
    assert table.rule_in_words["orders just above a threshold"] == (
        "5 orders or more at most 2% above €300.00, €500.00 and more than chance explains"
    )
    assert table.rule_in_words["resale quantities"].startswith("3 lines or more of 2.5 times what nine in ten buyers")
    silent = shown(abuse_table(suspects(looked=False), rules=Abuse())).set_index("rule")
    assert silent.rule_in_words["refund loops"] == "not looked for: the data hold no returns"


def summary(limits=0, total=None):
    choices = [*[("offer", name) for name in OFFER_NAMES], *[("service_priority", n) for n in PRIORITY_NAMES]]
    choices += [("credit_limit", name) for name in LIMIT_NAMES]
    customers = [10, 5, 30, 5, 49, 1, 15, 85, limits, 100 - limits]
    frame = pd.DataFrame(choices, columns=["action", "choice"]).assign(customers=customers)
    frame = frame.assign(customer_share=frame.customers / 100, revenue=frame.customers * 10.0, revenue_share=frame.customers / 100)
    return frame.assign(credit_limit=[np.nan] * 8 + [total if limits else 0.0, np.nan])


def test_who_gets_what_is_counted_and_the_formula_of_a_limit_is_named():
    finding = action_finding(summary(limits=12, total=1800.0), rules=Credit(months=1.5, cap=Decimal(400)))
    assert finding.headline == "50 of 100 customers get an offer of their own and 15 are served first."
    assert finding.detail == (
        "12 customers get a credit limit suggested, €1,800 in all. A limit is 1.5 × the spend of a month, the mean of the last twelve, "
        "rounded down to tens, after 3 orders on credit. It is €400.00 at most. Whether earlier invoices were paid in time, the data do "
        "not tell."
    )
    assert shown(action_table(summary(limits=12, total=1800.0))).credit_limit.tolist()[8] == "€1,800"


def test_without_a_history_no_limit_is_suggested_and_no_empty_column_shown():
    assert action_finding(summary(), rules=Credit()).detail.startswith("No credit limit is suggested")
    table = shown(action_table(summary()))
    assert "credit_limit" not in table and table.choice[0] == "first look at what is new, at full price"
    assert action_finding(summary().iloc[:0], rules=Credit()).tone == "quiet"


def test_reasons_are_words():
    assert reason("high+price-driven") == "high level, price-driven"
    assert reason("not compared+not told") == "not compared, not told"
    assert reason("middle") == "middle level"
    assert reason("suspected") == "suspected of abuse: look first"
    assert reason("no_history") == "too few orders on credit"
