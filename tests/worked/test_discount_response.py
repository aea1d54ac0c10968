"""Response to price, worked by hand."""

from __future__ import annotations

import math

import pytest

from custkit.analysis.discount_response import COLUMNS, discount_response


def bought(customer, product, pieces, depth=0.0, *, price=10, coupon=0, month="10", **more):
    """One line: `pieces` at the list price less `depth` of it."""
    gross = pieces * price
    line = {"order_id": f"{customer}{product}{month}{pieces}{depth}{coupon}", "customer_id": customer, "product_id": product}
    amounts = {"gross_amount": gross, "discount_amount": gross * depth, "coupon_amount": coupon}
    return {**line, "ordered_at": f"2026-{month}-03 10:00", "quantity": pieces, **amounts, "kind": "sale", "is_product": True, **more}


# Anna takes twice the tea at 20 points off, Ben takes as much; both buy the same product at two prices.
TEA = [bought("anna", "tea", 1), bought("anna", "tea", 2, 0.2), bought("ben", "tea", 1), bought("ben", "tea", 1, 0.2)]


def row_of(response, name):
    return response.set_index("response_of").loc[name]


def test_the_response_is_the_mean_of_what_each_customer_does_at_another_depth(load_table):
    # Logs less their means: Anna ±ln 2 / 2 at ±0.1, Ben 0 at ±0.1. Slope = 0.1 ln 2 / 0.04 = 2.5 ln 2, per ten points 2^¼.
    row = row_of(discount_response(load_table("order_lines", TEA)), "depth")
    assert row["response"] == pytest.approx(2**0.25 - 1)
    assert (row["customers"], row["products"], row["lines"]) == (2, 1, 4)
    # Each customer's part of the error is ±0.05 ln 2; √(2 × 0.05² × 2 / 1) ln 2 / 0.04 = 2.5 ln 2, one degree of freedom.
    half = 12.706204736 * 2.5 * math.log(2)
    assert row["response_low"] == pytest.approx(math.expm1(0.1 * (2.5 * math.log(2) - half)))
    assert row["response_high"] == pytest.approx(math.expm1(0.1 * (2.5 * math.log(2) + half)))
    assert row["p_value"] == pytest.approx(0.5)  # t = 1 with one degree of freedom


def test_spend_is_pieces_times_what_is_left_of_the_price(load_table):
    response = discount_response(load_table("order_lines", TEA))
    # From full price to 20 points off pieces go up by √2 on average and the price down to 0.8.
    per_ten = math.exp((math.log(2) / 2 + math.log(0.8)) / 2)
    assert row_of(response, "spend")["response"] == pytest.approx(per_ten - 1)
    assert row_of(response, "price")["response"] == pytest.approx(math.log(2) / 2 / math.log(0.8))
    assert row_of(response, "price")["unit"] == "number" and row_of(response, "spend")["unit"] == "share"


def test_who_buys_only_at_a_discount_says_nothing_about_what_it_does(load_table):
    """A trader takes ten at a time and only on offer: pooled, discounts would seem to sell tenfold."""
    trader = [bought("trader", "tea", 10, 0.2), bought("trader", "tea", 10, 0.2, month="11")]
    response, plain = (discount_response(load_table("order_lines", rows)) for rows in ([*TEA, *trader], TEA))
    assert row_of(response, "depth").to_dict() == row_of(plain, "depth").to_dict()


def test_another_product_is_another_comparison(load_table):
    # Dear wine full price, one bottle; cheap tea reduced, many: the same customer, but no line of one product at two prices.
    lines = [bought(name, *line) for name in ("anna", "ben") for line in (("wine", 1, 0.0), ("tea", 9, 0.3))]
    assert discount_response(load_table("order_lines", lines)).empty


def test_a_coupon_of_a_fixed_value_is_no_depth(load_table):
    # 5 off is half of one piece and a tenth of five: by depth, deeper coupons would sell less.
    lines = [
        *[bought("anna", "tea", 1), bought("anna", "tea", 1, coupon=5), bought("anna", "tea", 5, coupon=5, month="11")],
        *[bought("ben", "tea", 1), bought("ben", "tea", 1, coupon=5), bought("ben", "tea", 5, coupon=5, month="11")],
    ]
    response = discount_response(load_table("order_lines", lines))
    assert response["response_of"].tolist() == ["coupon"]
    # Two lines with a coupon against one without, in logs: the mean of ln 1 and ln 5.
    assert response.loc[0, "response"] == pytest.approx(math.sqrt(5) - 1)


def test_reductions_and_coupons_do_not_mix(load_table):
    # Anna's reduced line is no full price to hold her coupon against, and her coupon is no line without a reduction.
    lines = [*TEA, bought("anna", "tea", 4, coupon=3), bought("ben", "tea", 4, coupon=3)]
    response = discount_response(load_table("order_lines", lines))
    assert row_of(response, "depth")["response"] == pytest.approx(2**0.25 - 1)
    assert row_of(response, "coupon")["response"] == pytest.approx(3.0)  # four pieces for one


def test_cents_that_were_rounded_are_no_other_price(load_table):
    lines = [bought(name, "pen", n, price=0.99, discount_amount=off) for name in ("anna", "ben") for n, off in ((1, 0.1), (3, 0.3))]
    assert discount_response(load_table("order_lines", lines)).empty


def test_a_price_break_moves_the_price_paid_and_not_the_months_usual_price(load_table):
    """Tens are cheaper by the piece: by the price paid, low prices sell tens; in no month was the usual price another."""
    lines = [
        bought(name, "nail", pieces, price=price, month=month)
        for month in ("08", "09", "10")
        for name in ("anna", "ben", "cem")
        for pieces, price in ((1, 1.0), (1, 1.0), (10, 0.8))
    ]
    response = discount_response(load_table("order_lines", lines))
    assert response["response_of"].tolist() == ["price"]
    assert response.loc[0, "response"] == pytest.approx(math.log(10) / math.log(0.8))


def test_the_months_usual_price_asks_what_all_pay(load_table):
    # 1 in September, 2 in October, and everybody takes half as much: elasticity −1.
    lines = [
        bought(name, "nail", pieces, price=price, month=month)
        for month, pieces, price in (("09", 4, 1), ("10", 2, 2))
        for name in ("anna", "ben", "cem", "dana", "eve")
    ]
    response = discount_response(load_table("order_lines", lines))
    assert row_of(response, "going")["response"] == pytest.approx(-1)
    # Four lines a month are too few to tell a usual price from their own.
    few = discount_response(load_table("order_lines", [line for line in lines if line["customer_id"] != "eve"]))
    assert few["response_of"].tolist() == ["price"]


def test_returns_gifts_postage_and_guests_are_no_response(load_table):
    noise = [
        bought("anna", "tea", -1, kind="return"),
        bought("anna", "tea", 7, 0.5, kind="free", gross_amount=0),
        bought("anna", "tea", 7, 0.5, is_product=False),
        bought(None, "tea", 7, 0.5),
        bought("anna", None, 7, 0.5),
        bought("anna", "tea", 7, 1.0),
    ]
    response, plain = (discount_response(load_table("order_lines", rows)) for rows in ([*TEA, *noise], TEA))
    assert response.to_dict() == plain.to_dict()


def test_one_customer_is_no_response_and_no_lines_are_no_rows(load_table):
    assert discount_response(load_table("order_lines", TEA[:2])).empty
    nothing = discount_response(load_table("order_lines", []))
    assert nothing.empty and tuple(nothing.columns) == COLUMNS
