"""Use of offers, worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from custkit.analysis.offers import customer_offers, discount_strength, offer_only, offers_by_month
from custkit.present.findings.loyalty_tracking import offer_finding, offer_only_finding

# Anna's both orders are on offer, Ben's first is not, the guest has a coupon; amounts before any reduction are 10 each.
ORDERS = [
    {"order_id": order, "customer_id": customer, "ordered_at": at, "order_number": number, "gross_amount": 10, **offer}
    for order, customer, at, number, offer in (
        ("a1", "anna", "2026-08-03 10:00", 1, {"coupon_amount": 2, "discount_amount": 0}),
        ("a2", "anna", "2026-10-03 10:00", 2, {"coupon_amount": 0, "discount_amount": 3}),
        ("b1", "ben", "2026-08-09 23:59", 1, {"coupon_amount": 0, "discount_amount": 0}),
        ("b2", "ben", "2026-10-31 23:59", 2, {"coupon_amount": 1, "discount_amount": 1}),
        ("c1", "cem", "2026-10-01 00:00", 1, {}),
        ("g1", None, "2026-10-02 09:00", None, {"coupon_amount": 5, "discount_amount": 0}),
    )
]


def test_a_customers_orders_on_offer_are_counted_once_each(load_table, rows):
    told = customer_offers(load_table("orders", ORDERS), load_table("order_lines", []))
    names = ["customer_id", "orders", "offer_orders", "offer_share", "coupon_share", "discount_share"]
    assert rows(told.select(names), by="customer_id") == [
        ("anna", 2, 2, 1.0, 0.1, 0.15),
        ("ben", 2, 1, 0.5, 0.05, 0.05),
        ("cem", 1, 0, 0.0, 0.0, 0.0),
    ]


def test_the_same_coupons_look_larger_on_net_spend(load_table, rows):
    # Anna pays 15 of 20: coupons of 2 and reductions of 3 are a tenth and three twentieths of gross, more of net.
    told = customer_offers(load_table("orders", ORDERS), load_table("order_lines", []))
    names = ["customer_id", "gross_amount", "net_amount", "coupon_net_share", "discount_net_share"]
    assert rows(told.select(names), by="customer_id")[0] == ("anna", 20.0, 15.0, pytest.approx(2 / 15), pytest.approx(3 / 15))


def test_discounts_are_told_apart_and_together(load_table):
    strength = discount_strength(load_table("orders", ORDERS))
    # Six orders of 10: coupons 2, 1 and 5, reductions 3 and 1; Ben's order with both counts once in the last row.
    names = ["offer", "orders", "offer_orders", "offer_amount", "gross_share", "net_share"]
    expected = pd.DataFrame(
        [("coupons", 6, 3, 8.0, 8 / 60, 8 / 48), ("reduced prices", 6, 2, 4.0, 4 / 60, 4 / 48), ("both together", 6, 4, 12.0, 0.2, 0.25)],
        columns=names,
    ).astype({"offer": "str"})
    pd.testing.assert_frame_equal(strength[names], expected)
    # Wilson's interval of 3 of 6.
    assert strength.loc[0, ["offer_low", "offer_high"]].tolist() == pytest.approx([0.187616, 0.812384], abs=1e-6)


def test_a_customer_who_met_nothing_but_offers_is_on_the_list(load_table, rows):
    orders = [
        {"order_id": f"{name}{i}", "customer_id": name, "ordered_at": f"2026-10-0{i} 12:00", "gross_amount": 10, "coupon_amount": coupon}
        for name, coupon in (("hunter", 1), ("mixed", 1), ("once", 1))
        for i in ((1, 2, 3) if name != "once" else (1,))
    ]
    lines = lines_of({
        "hunter1": [(0, 1)], "hunter2": [(0, 1)], "hunter3": [(0, 1)], "mixed1": [(0, 1)], "mixed2": [(0, 0)], "mixed3": [(0, 0)],
        "once1": [(0, 1)],
    })  # fmt: skip
    told = customer_offers(load_table("orders", orders), load_table("order_lines", lines))
    names = ["customer_id", "whole_offer_orders", "whole_offer_share", "only_on_offer", "by_luck"]
    # Five of the month's seven orders of one line were on offer: three in a row are so by luck with (5/7)³.
    assert rows(told.select(names), by="customer_id") == [
        ("hunter", 3, 1.0, True, pytest.approx((5 / 7) ** 3)),
        ("mixed", 1, pytest.approx(1 / 3), False, pytest.approx((5 / 7) ** 3)),
        ("once", 1, 1.0, False, pytest.approx(5 / 7)),
    ]


def test_the_use_of_offers_adds_up_over_the_months(load_table):
    monthly = offers_by_month(load_table("orders", ORDERS))
    names = ["month", "orders", "offer_orders", "offer_share", "coupon_share", "cumulative_offer_share", "ever_offer_share"]
    expected = pd.DataFrame(
        [("2026-08", 2, 1, 0.5, 0.1, 0.5, 0.5), ("2026-10", 4, 3, 0.75, 0.15, 4 / 6, 2 / 3)],
        columns=names,
    ).astype({"month": "str"})
    pd.testing.assert_frame_equal(monthly[names], expected)


def lines_of(orders: dict[str, list[tuple[float, float]]]) -> list[dict[str, object]]:
    """{order: [(discount, coupon) of each line]} → order lines."""
    return [
        {"order_id": order, "kind": "sale", "is_product": True, "discount_amount": discount, "coupon_amount": coupon}
        for order, lines in orders.items()
        for discount, coupon in lines
    ]


def test_one_bargain_in_a_full_basket_is_no_bargain_hunter(load_table):
    # Hunter's every line is reduced or has a coupon. Mixed buys one line of each order at full price.
    purchases = [
        {"order_id": f"{name}{i}", "customer_id": name, "ordered_at": f"2026-10-0{i} 12:00"} for name in ("hunter", "mixed") for i in (1, 2)
    ]
    lines = lines_of({
        "hunter1": [(1, 0), (0, 1)], "hunter2": [(1, 1), (1, 0)],
        "mixed1": [(1, 0), (0, 0)], "mixed2": [(1, 0), (0, 0)],
    })  # fmt: skip
    only = offer_only(load_table("orders", purchases), load_table("order_lines", lines), min_orders=2)
    # Two of the month's four orders of two lines were wholly on offer: by luck 2 × ½ × ½ customers would meet nothing else.
    row = only.iloc[0]
    assert only[["orders", "customers", "offer_only"]].to_numpy().tolist() == [[2, 2, 1]]
    assert (row["by_chance"], row["excess"]) == (0.5, 0.5)
    half = 1.959963984540054 * math.sqrt(2 * 0.25 * 0.75)
    assert (row["excess_low"], row["excess_high"]) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_fees_and_returns_do_not_make_an_order_full_price(load_table):
    purchases = [{"order_id": f"h{i}", "customer_id": "hunter", "ordered_at": f"2026-10-0{i} 12:00"} for i in (1, 2)]
    lines = [
        *lines_of({"h1": [(1, 0)], "h2": [(1, 0)]}),
        {"order_id": "h1", "kind": "sale", "is_product": False, "discount_amount": 0, "coupon_amount": 0},
        {"order_id": "h2", "kind": "return", "is_product": True, "discount_amount": 0, "coupon_amount": 0},
    ]
    assert offer_only(load_table("orders", purchases), load_table("order_lines", lines), min_orders=2)["offer_only"].tolist() == [1]


def test_many_orders_stand_in_one_row(load_table):
    purchases = [
        {"order_id": f"{name}{i}", "customer_id": name, "ordered_at": "2026-10-01 12:00"}
        for name, n in (("three", 3), ("eight", 8), ("nine", 9), ("two", 2))
        for i in range(n)
    ]
    lines = lines_of({str(order["order_id"]): [(0, 0)] for order in purchases})
    only = offer_only(load_table("orders", purchases), load_table("order_lines", lines))
    assert only[["orders", "customers", "offer_only", "by_chance"]].to_numpy().tolist() == [[3, 1, 0, 0], [8, 2, 0, 0]]


def test_a_shop_without_offers_says_so(load_table):
    plain = [{**order, "coupon_amount": None, "discount_amount": None} for order in ORDERS]
    assert "no order" in offer_finding(offers_by_month(load_table("orders", plain))).headline
    nobody = load_table("orders", [])
    assert offers_by_month(nobody).empty
    assert discount_strength(nobody).empty and discount_strength(load_table("orders", plain)).empty
    assert offer_finding(offers_by_month(nobody)).tone == "quiet"
    assert offer_only_finding(offer_only(nobody, load_table("order_lines", []))).tone == "quiet"


def test_one_order_on_offer_says_nothing_about_a_customer(load_table):
    with pytest.raises(ValueError, match="min_orders must be 2 or more, not 1"):
        offer_only(load_table("orders", []), load_table("order_lines", []), min_orders=1)
    with pytest.raises(ValueError, match="min_orders must be 2 or more, not 1"):
        customer_offers(load_table("orders", []), load_table("order_lines", []), min_orders=1)


def test_one_customer_who_met_nothing_but_offers_is_no_pattern():
    """By luck 0.05 customers would: the first one is an accident, the tenth is not."""
    frame = pd.DataFrame({"orders": [3], "customers": [1000], "offer_only": [1], "by_chance": [0.05]})
    one = frame.assign(offer_only_share=0.001, excess=0.95, excess_low=0.51, excess_high=1.39)
    ten = frame.assign(offer_only=10, offer_only_share=0.01, excess=9.95, excess_low=9.51, excess_high=10.39)
    assert offer_only_finding(one).tone == "quiet"
    assert offer_only_finding(ten).tone == "plain"
