"""What purchases suggest, and whether it holds in the month after, worked by hand."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest

from custkit.analysis.attributes import HOLDS, NO_BETTER, NO_RULE, TOO_FEW, attribute_checks, attributes_known, inferred_attributes
from custkit.attribute_rules import AttributeRule

AS_OF, START = datetime(2026, 11, 1), datetime(2026, 10, 1)
PRODUCTS = [
    {"product_id": "lit", "product_name": "Cat litter 15 l", "category": "Pets"},
    {"product_id": "tray", "product_name": "Cat food (24 trays)", "category": "Pets"},
    {"product_id": "toy", "product_name": "Rope toy", "category": "Pets"},
    {"product_id": "cup", "product_name": "Cup", "category": "Table"},
    {"product_id": "cat", "product_name": "Catalogue", "category": "Table"},
]


def rule(**settings):
    return AttributeRule(**{"name": "has a cat", **settings})


def sale(customer, product, at, *, pieces=1, **more):
    line = {"order_id": f"{customer}{at}{product}", "line_number": 1, "customer_id": customer, "ordered_at": at, "product_id": product}
    return {**line, "quantity": pieces, "amount": 5, "revenue": 5, "kind": "sale", "is_product": True, **more}


def fits(load_table, rows, lines, *rules):
    found = inferred_attributes(load_table("order_lines", lines), load_table("products", PRODUCTS), rules=rules, as_of=AS_OF)
    return rows(found, by=["attribute", "customer_id"])


def test_a_rule_asks_for_a_product_so_many_times_within_so_many_days(load_table, rows):
    lines = [
        sale("anna", "lit", "2026-10-05 10:00"), sale("anna", "tray", "2026-10-20 10:00"), sale("anna", "lit", "2026-10-25 10:00"),
        sale("bob", "lit", "2026-10-05 10:00"), sale("bob", "lit", "2026-10-05 18:00"),  # one day is one time
        sale("cleo", "lit", "2026-04-01 10:00"), sale("cleo", "lit", "2026-10-05 10:00"),  # the first lies too far back
        sale("dan", "toy", "2026-10-05 10:00"), sale("dan", "cat", "2026-10-06 10:00"),
        sale("eve", "lit", "2026-10-05 10:00"), sale("eve", "lit", "2026-10-06 10:00", kind="return"),
        sale(None, "lit", "2026-10-05 10:00"), sale(None, "lit", "2026-10-06 10:00"),
        sale("fred", "lit", "2026-10-31 10:00"), sale("fred", "lit", "2026-11-01 00:00"),
    ]  # fmt: skip
    found = fits(load_table, rows, lines, rule(buys=["cat litter*", "Cat food*"], times=2, within_days=180))
    assert found == [("anna", "has a cat", "Cat litter 15 l", 3, date(2026, 10, 25), None)]


def test_a_product_is_named_by_name_id_or_category(load_table, rows):
    lines = [sale("anna", "lit", "2026-10-05 10:00"), sale("bob", "tray", "2026-10-05 10:00"), sale("dan", "cat", "2026-10-05 10:00")]

    def who(*patterns):
        return [row[0] for row in fits(load_table, rows, lines, rule(buys=patterns))]

    assert who("cat*") == ["anna", "bob", "dan"] and who("cat l*") == ["anna"] and who("*15 L") == ["anna"]
    assert who("cat food (24 trays)") == ["bob"]  # brackets are letters
    assert who("lit") == ["anna"] and who("PETS") == ["anna", "bob"] and who("c.p") == []


def test_a_pace_is_what_was_used_up_between_the_first_and_the_last_purchase(load_table, rows):
    # anna: 2 + 4 pieces in 60 days are three in thirty; what she bought last is not used up yet. bob bought on two days only.
    lines = [
        sale("anna", "lit", "2026-07-01 10:00", pieces=2), sale("anna", "lit", "2026-08-10 10:00", pieces=4),
        sale("anna", "lit", "2026-08-30 10:00", pieces=50),
        sale("bob", "lit", "2026-07-01 10:00", pieces=9), sale("bob", "lit", "2026-07-31 10:00"),
    ]  # fmt: skip
    found = fits(load_table, rows, lines, rule(buys="cat litter*", pace=">= 3"))
    assert [(row[0], row[3], row[5]) for row in found] == [("anna", 3, 3.0)]
    assert fits(load_table, rows, lines, rule(buys="cat litter*", pace="1-2.9")) == []


def test_a_rule_may_ask_when_and_for_a_share_of_shopping_days(load_table, rows):
    saturday, sunday, monday = "2026-10-03 10:00", "2026-10-04 19:30", "2026-10-05 10:00"
    lines = [
        sale("anna", "cup", saturday), sale("anna", "cup", sunday), sale("anna", "cup", monday),
        sale("bob", "cup", saturday), sale("bob", "cup", monday), sale("bob", "cup", "2026-10-06 10:00"),
        sale("cleo", "cup", "2025-12-30 10:00"),
    ]  # fmt: skip

    def who(**settings):
        return [row[0] for row in fits(load_table, rows, lines, rule(**settings))]

    assert who(weekdays="sat-sun", share="60%") == ["anna"]
    assert who(weekdays="sat, sun") == ["anna", "bob"] and who(weekdays="sat-sun", times=2) == ["anna"]
    assert who(hours="19-24") == ["anna"] and who(hours="10-19", weekdays="mon") == ["anna", "bob"]
    assert who(dates="12-24 to 01-06") == ["cleo"] and who(dates="10-03") == ["anna", "bob"]


def test_without_rules_nobody_is_anything(load_table, rows):
    assert fits(load_table, rows, [sale("anna", "lit", "2026-10-05 10:00")]) == []
    checks = attribute_checks(load_table("order_lines", []), load_table("products", []), rules=(), start=START, as_of=AS_OF)
    assert checks.empty and "verdict" in checks


def tried(load_table, holders, others, **settings):
    """`holders`, `others`: how many bought a toy, and how many only a cup, in the month; holders had bought litter before."""
    lines = []
    for kind, (toys, cups) in (("h", holders), ("o", others)):
        for i in range(toys + cups):
            customer = f"{kind}{i:03}"
            lines.append(sale(customer, "lit" if kind == "h" else "cup", "2026-09-10 10:00"))
            lines.append(sale(customer, "toy" if i < toys else "cup", "2026-10-10 10:00"))
    tables = load_table("order_lines", lines), load_table("products", PRODUCTS)
    checks = attribute_checks(*tables, rules=[rule(buys="cat litter*", **settings)], start=START, as_of=AS_OF)
    return checks.iloc[0]


def test_a_rule_holds_where_those_it_fits_buy_related_things_more_often(load_table):
    row = tried(load_table, (20, 20), (10, 90))
    assert (row["customers"], row["holders"], row["bought"], row["others"]) == (40, 40, 20, 100)
    assert (row["precision"], row["base_rate"], row["others_rate"]) == (0.5, 0.1, pytest.approx(0.1))
    assert row["attribute_lift"] == pytest.approx(5.0)
    # One stratum: the variance of the logarithm is 1/20 − 1/40 + 1/10 − 1/100.
    assert row["lift_low"] == pytest.approx(5 / math.exp(1.959964 * (1 / 20 - 1 / 40 + 1 / 10 - 1 / 100) ** 0.5))
    assert row["verdict"] == HOLDS


@pytest.mark.parametrize(
    ("holders", "others", "verdict"),
    [((4, 36), (10, 90), NO_BETTER), ((15, 10), (5, 95), TOO_FEW), ((0, 40), (0, 100), NO_RULE)],
)
def test_a_rule_that_does_no_better_or_cannot_be_told_says_so(load_table, holders, others, verdict):
    assert tried(load_table, holders, others)["verdict"] == verdict


def test_that_somebody_buys_litter_again_proves_no_cat(load_table):
    assert tried(load_table, (0, 40), (0, 100), predicts="cat litter*")["verdict"] == NO_RULE
    assert tried(load_table, (20, 20), (10, 90), predicts="table")["precision"] == 0.5  # cups, in the other half


def test_fuller_orders_are_compared_with_orders_as_full(load_table):
    # Holders' orders hold two products, others' one or two; whoever buys two buys a toy. Against orders as full holders are no better.
    lines = []
    for kind, n, full in (("h", 40, 40), ("o", 100, 50)):
        for i in range(n):
            customer = f"{kind}{i:03}"
            lines.append(sale(customer, "lit" if kind == "h" else "cup", "2026-09-10 10:00"))
            lines.append(sale(customer, "cup", "2026-10-10 10:00"))
            lines += [sale(customer, "toy", "2026-10-10 10:00")] if i < full else []
    checks = attribute_checks(
        load_table("order_lines", lines), load_table("products", PRODUCTS), rules=[rule(buys="cat litter*")], start=START, as_of=AS_OF
    ).iloc[0]
    assert (checks["precision"], checks["base_rate"], checks["others_rate"]) == (1.0, 0.5, 1.0)
    assert checks["attribute_lift"] == pytest.approx(1.0) and checks["verdict"] == NO_BETTER


def test_the_month_has_no_say_in_whom_a_rule_fits(load_table):
    lines = [sale("anna", "cup", "2026-09-10 10:00"), sale("anna", "lit", "2026-10-05 10:00"), sale("anna", "toy", "2026-10-06 10:00")]
    lines += [sale("new", "lit", "2026-10-05 10:00"), sale("gone", "lit", "2026-09-10 10:00")]
    row = attribute_checks(
        load_table("order_lines", lines), load_table("products", PRODUCTS), rules=[rule(buys="cat litter*")], start=START, as_of=AS_OF
    ).iloc[0]
    assert (row["customers"], row["holders"], row["others"]) == (3, 0, 1)  # only anna bought before and in the month


def test_a_guess_is_set_beside_what_the_client_knows(load_table):
    people = [{"customer_id": c, "household_size": h} for c, h in (("anna", "4"), ("bob", "1"), ("cleo", "4"), ("dan", None), ("eve", "2"))]
    asked = rule(buys="cat litter*", known={"household_size": ["3", "4"]})
    lines = [sale(c, "lit", "2026-10-05 10:00") for c in ("anna", "bob", "dan")]
    inferred = inferred_attributes(load_table("order_lines", lines), load_table("products", PRODUCTS), rules=[asked], as_of=AS_OF)
    row = attributes_known(inferred, load_table("customers", people), rules=[asked, rule(buys="cup")]).iloc[0]
    assert (row["known_customers"], row["right"], row["known_share"], row["base_share"]) == (2, 1, 0.5, 0.5)
    nobody = attributes_known(inferred, load_table("customers", []), rules=[asked]).iloc[0]
    assert nobody["known_customers"] == 0 and math.isnan(nobody["known_share"]) and math.isnan(nobody["base_share"])
