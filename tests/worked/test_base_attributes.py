"""What is known of customers and what each group buys, worked by hand."""

from __future__ import annotations

import math
from datetime import datetime

import pytest

from custkit.analysis.base_attributes import AGE, GENDER, HOUSEHOLD, OTHERS, group_categories, group_shares, known_groups
from custkit.analysis.crosses import UNKNOWN

AS_OF = datetime(2026, 11, 1)


def order(number, customer, revenue, *, at="2026-10-03 10:00"):
    return {"order_id": f"o{number}", "customer_id": customer, "ordered_at": at, "revenue": revenue, "is_purchase": True}


def test_age_comes_from_the_year_of_birth_or_the_clients_own_band(load_table, rows):
    people = [
        {"customer_id": "anna", "birth_year": 2008}, {"customer_id": "bob", "birth_year": 1961, "age_band": "30s"},
        {"customer_id": "cleo", "age_band": "30s"}, {"customer_id": "dan", "birth_year": 2020}, {"customer_id": "eve", "birth_year": 1900},
        {"customer_id": "fred"}, {"customer_id": "gail", "birth_year": 2002},
    ]  # fmt: skip
    known = known_groups(load_table("customers", people), as_of=AS_OF)
    told = rows(known.filter(known.attribute == AGE).select("customer_id", "group"), by="customer_id")
    assert told == [("anna", "18–24"), ("bob", "65+"), ("cleo", "30s"), ("gail", "18–24")]


def test_shares_are_of_those_known_and_the_others_are_counted(load_table):
    people = [{"customer_id": c, "gender": g} for c, g in (("anna", "f"), ("bob", "m"), ("cleo", "f"), ("dan", None), ("eve", "f"))]
    orders = [
        order(1, "anna", 10), order(2, "anna", 20), order(3, "bob", 100), order(4, "cleo", 30), order(5, "dan", 7), order(6, None, 999),
        order(7, "eve", 50, at="2025-10-31 10:00"),
    ]  # fmt: skip
    shares = group_shares(load_table("orders", orders), load_table("customers", people), as_of=AS_OF, least=1)
    assert list(zip(shares["attribute"], shares["group"], strict=True)) == [(GENDER, "f"), (GENDER, "m"), (GENDER, UNKNOWN)]
    women, men, unknown = (shares.iloc[i] for i in range(3))
    assert (women["customers"], women["revenue"], women["orders_per_customer"]) == (2, 60.0, 1.5)
    assert women["customer_share"] == pytest.approx(2 / 3) and women["revenue_share"] == pytest.approx(60 / 160)
    assert women["spend_per_customer"] == 30.0 and women["rest_spend"] == 100.0
    assert (unknown["customers"], unknown["revenue"], unknown["spend_per_customer"]) == (1, 7.0, 7.0)
    assert unknown["customer_share"] == pytest.approx(1 / 4) and math.isnan(unknown["revenue_share"])
    assert not shares["spend_differs"].any() and shares["spend_q"].isna().all()  # fewer than 30 are not judged
    assert women["low"] < 2 / 3 < women["high"] and men["low"] < 1 / 3 < men["high"]


def test_small_groups_stand_together_and_no_one_can_be_told_by_subtraction(load_table):
    sizes = {"1": 12, "2": 11, "3": 4, "4": 2, "5+": 3}
    people = [{"customer_id": f"c{g}{i}", "household_size": g} for g, n in sizes.items() for i in range(n)]
    orders = [order(i, person["customer_id"], 10) for i, person in enumerate(people)]
    shares = group_shares(load_table("orders", orders), load_table("customers", people), as_of=AS_OF, least=10)
    # Nine people of three sizes are still fewer than ten: the smallest of the others joins them.
    assert shares[["attribute", "group", "customers"]].values.tolist() == [[HOUSEHOLD, "1", 12], [HOUSEHOLD, OTHERS, 20]]
    alone = group_shares(load_table("orders", orders), load_table("customers", people), as_of=AS_OF, least=1)
    assert list(alone["group"]) == ["1", "2", "3", "4", "5+"]


def test_bands_stand_in_the_order_of_their_numbers(load_table):
    bands = ["50-74K", "Under 15K", "100-124K", "15-24K"]
    people = [{"customer_id": f"c{i}", "income_band": band} for i, band in enumerate(bands)]
    orders = [order(i, f"c{i}", 10) for i in range(4)]
    shares = group_shares(load_table("orders", orders), load_table("customers", people), as_of=AS_OF, least=1)
    assert list(shares["group"]) == ["Under 15K", "15-24K", "50-74K", "100-124K"]


def shop(tea_of_women, tea_of_men):
    """Forty women and forty men with ten lines each; so many of the ten are tea, the others cups, give or take one line by turns."""
    people, lines = [], []
    for gender, tea in (("f", tea_of_women), ("m", tea_of_men)):
        for i in range(40):
            customer = f"{gender}{i:02}"
            people.append({"customer_id": customer, "gender": gender})
            own = tea + (1 if i % 2 else -1)
            lines += [
                {
                    "order_id": f"{customer}o", "line_number": n, "customer_id": customer, "ordered_at": "2026-10-03 10:00", "kind": "sale",
                    "product_id": "tea" if n <= own else "cup", "is_product": True, "quantity": 1, "amount": 1, "revenue": 1,
                }
                for n in range(1, 11)
            ]  # fmt: skip
    return people, lines


def cells(load_table, people, lines):
    products = [{"product_id": "tea", "category": "Tea"}, {"product_id": "cup", "category": "Cups"}]
    return group_categories(
        *(load_table(n, r) for n, r in (("order_lines", lines), ("products", products), ("customers", people))), as_of=AS_OF
    )


def test_a_group_that_chooses_differently_stands_out(load_table):
    found = cells(load_table, *shop(6, 4)).set_index(["group", "category"])
    women = found.loc[("f", "Tea")]
    assert (women["customers"], women["line_share"], women["rest_share"]) == (40, pytest.approx(0.6), pytest.approx(0.4))
    assert women["times_rest"] == pytest.approx(1.5) and women["difference"] == pytest.approx(0.2)
    # Each customer strays by a tenth of the lines: the variance of each mean is 0.1² / 39.
    assert women["high"] - women["difference"] == pytest.approx(1.96 * (2 * 0.01 / 39) ** 0.5, rel=1e-3)
    assert found["is_significant"].all()


def test_a_group_that_buys_more_of_everything_stands_out_in_nothing(load_table):
    people, lines = shop(5, 5)
    twice = [dict(line, order_id=line["order_id"] + "2") for line in lines if line["customer_id"].startswith("f")]
    found = cells(load_table, people, [*lines, *twice])
    assert len(found) == 4 and not found["is_significant"].any()
    assert found["difference"].abs().max() < 1e-12


def test_groups_of_fewer_than_thirty_are_not_judged_and_nothing_known_is_nothing(load_table):
    people, lines = shop(9, 1)
    few = [person for person in people if person["gender"] == "f" or person["customer_id"] < "m29"]
    assert cells(load_table, few, lines).empty
    nobody = [{"customer_id": person["customer_id"]} for person in people]
    assert cells(load_table, nobody, lines).empty
    assert group_shares(load_table("orders", []), load_table("customers", nobody), as_of=AS_OF).empty
    with pytest.raises(ValueError, match="at least one day"):
        group_shares(load_table("orders", []), load_table("customers", nobody), as_of=AS_OF, window_days=0)
