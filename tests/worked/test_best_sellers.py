"""Best sellers' common traits and slow sellers' problems, worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from custkit.analysis.best_sellers import (
    BEST,
    DEAR,
    FEW,
    GONE,
    NEWLY,
    ONCE,
    OTHER,
    RETURNED,
    SLOW,
    best_seller_traits,
    listed_sellers,
    product_sales,
    slow_seller_problems,
)
from custkit.engine import frame

AS_OF = datetime(2026, 11, 1)


def sale(product, days_back, *, customer="anna", order=None, price=10, number=[0], **more):  # noqa: B006
    number[0] += 1
    at = (AS_OF - timedelta(days=days_back) + timedelta(hours=12)).isoformat()
    line = {"order_id": order or f"o{number[0]:05}", "line_number": number[0], "customer_id": customer, "ordered_at": at}
    money = {"gross_amount": price, "amount": price, "revenue": price}
    return {**line, **money, "product_id": product, "quantity": 1, "kind": "sale", "is_product": True, **more}


def spread(product, orders, **more):
    """So many orders of a product, evenly over the year before, each by another customer."""
    return [sale(product, 1 + i * 364 // max(orders, 1), customer=f"{product}c{i:03}", **more) for i in range(orders)]


def shop(**orders):
    """Products p00 … p39 with 20 orders each; `orders` says otherwise."""
    wanted = {f"p{i:02}": 20 for i in range(40)} | orders
    return [line for product, n in wanted.items() for line in spread(product, n)]


def ask(load_table, lines, *, categories=None):
    products = [
        {"product_id": p, "product_name": p.upper(), "category": (categories or {}).get(p, "All")} for p in {x["product_id"] for x in lines}
    ]
    return product_sales(load_table("order_lines", lines), load_table("products", products), as_of=AS_OF)


def told(load_table, lines, **options):
    return frame(ask(load_table, lines, **options)).set_index("product_id")


def test_best_sellers_are_the_tenth_with_most_orders_and_slow_ones_the_quarter_with_fewest(load_table):
    orders = {f"p{i:02}": 60 for i in range(4)} | {f"p{i:02}": 5 for i in range(30, 40)}
    found = told(load_table, shop(**orders))
    assert (found.loc["p00", "kind"], found.loc["p10", "kind"], found.loc["p35", "kind"]) == (BEST, OTHER, SLOW)
    assert found["kind"].value_counts().to_dict() == {OTHER: 26, SLOW: 10, BEST: 4}
    assert found.loc["p00", "pace"] == pytest.approx(60 / 365) and found.loc["p00", "item"] == "P00"
    # The usual product has 20 orders in the year: a slow one lacks fifteen.
    assert found.loc["p35", "missing_orders"] == pytest.approx(15) and found.loc["p35", "likely_reason"] == FEW
    assert found.loc["p00", "likely_reason"] is None or found["likely_reason"].isna()["p00"]


def test_equals_stand_together_and_a_small_range_has_neither(load_table):
    assert set(told(load_table, shop())["kind"]) == {BEST}  # all are alike: nobody sells faster
    small = told(load_table, [line for i in range(39) for line in spread(f"p{i:02}", i + 1)])
    assert small["kind"].isna().all() and best_seller_traits(ask(load_table, spread("p", 3))).empty


def test_a_launch_is_judged_by_the_days_it_was_on_sale(load_table):
    launched = [sale("new", 1 + i, customer=f"n{i}") for i in range(40)]  # forty orders in the last forty days, none in a year before
    seldom = [sale("rare", 20)]  # one order twenty days ago is no launch
    found = told(load_table, [*shop(), *launched, *seldom])
    assert found.loc["new", "pace"] == pytest.approx(1.0) and found.loc["new", "is_new"] and found.loc["new", "kind"] == BEST
    assert str(found.loc["new", "launched_at"])[:10] == "2026-09-22"
    assert found.loc["rare", "pace"] == pytest.approx(1 / 365) and not found.loc["rare", "is_new"] and found.loc["rare", "kind"] == SLOW
    assert found["launched_at"].isna()["rare"] and found["launched_at"].isna()["p00"]


def test_a_slow_seller_has_the_first_reason_that_fits(load_table):
    lines = shop(**{f"p{i:02}": 0 for i in range(30, 40)})
    lines += [sale("p30", back, customer=f"n{back}") for back in (5, 30, 60, 85)]  # four orders since a launch in August
    lines += [sale("p31", 200 + i, customer=f"g{i}") for i in range(6)]  # six orders within a week, and none for half a year
    back = [
        (sale("p32", 20 + 30 * i, customer=f"r{i}"), sale("p32", 10 + 30 * i, customer=f"r{i}", kind="return", price=-10)) for i in range(4)
    ]
    lines += [line for pair in back for line in pair]
    lines += spread("p33", 4, price=99)
    lines += [line for i in range(34, 40) for line in spread(f"p{i}", 5)]
    found = told(load_table, lines)
    assert found.loc[["p30", "p31", "p32", "p33", "p34"], "likely_reason"].tolist() == [NEWLY, GONE, RETURNED, DEAR, FEW]
    assert (found.loc["p32", "returned"], found.loc["p32", "lines"]) == (4, 4)


def test_buyers_who_never_come_back_are_a_reason_where_luck_would_bring_them(load_table):
    # Twenty customers shop on ten days. Each day all buy bread; four of five take jam on one day and never again.
    lines = [line for line in shop() if line["product_id"] < "p38"]
    for i in range(20):
        lines += [sale("bread", 30 * day + 5, customer=f"r{i}") for day in range(10)]
        lines += [sale("jam", 30 * (i % 10) + 5, customer=f"r{i}")] if i < 16 else []
    found = told(load_table, lines)
    jam = found.loc["jam"]
    assert jam["again"] == 0 and jam["pairs"] == 16 * 9
    # 20 × 90 pairs of shopping days in all: 144 × 144 / 1800 of them would hold jam twice by luck.
    assert jam["again_luck"] == pytest.approx(144 * 144 / 1800) and jam["is_once"]
    assert found.loc["bread", "again"] == found.loc["bread", "pairs"] == 1800 and not found.loc["bread", "is_once"]
    assert not found.loc["p00", "is_once"]  # its buyers have one day each: luck would bring nobody back
    assert listed_sellers(ask(load_table, lines), SLOW)["likely_reason"].isin([FEW, ONCE]).all()


def fifty(offers_of_best, offers_of_rest):
    """Ten best sellers and ninety others; so many of twenty lines each, give or take one, are on offer."""
    lines = []
    for i in range(100):
        best = i < 10
        share = (offers_of_best if best else offers_of_rest) + (1 if i % 2 else -1)
        for n, line in enumerate(spread(f"p{i:02}", 40 if best else 20)):
            lines.append({**line, "discount_amount": 2 if n % 20 < share else 0, "coupon_amount": 0})
    return lines


def test_best_sellers_stand_out_by_what_they_have_more_of(load_table):
    traits = best_seller_traits(ask(load_table, fifty(12, 4))).set_index("trait")
    row = traits.loc["lines on offer"]
    assert (row["best_products"], row["rest_products"]) == (10, 90)
    assert (row["best_value"], row["rest_value"]) == (pytest.approx(0.6), pytest.approx(0.2)) and row["is_significant"]
    assert row["low"] < 0.4 < row["high"]
    assert "lines returned" not in traits.index and "gross margin" not in traits.index  # nothing is known of them
    same = best_seller_traits(ask(load_table, fifty(4, 4))).set_index("trait")
    assert not same["is_significant"].any()


def test_a_problem_of_all_products_is_none_of_slow_sellers(load_table):
    # Of 120 products 40 are slow. Half of the slow ones are dear, or half of all.
    def lines(dear_of_slow, dear_of_rest):
        found = []
        for i in range(160):
            slow = i < 39
            dear = i % 10 < (dear_of_slow if slow else dear_of_rest)
            found += spread(f"p{i:03}", 5 if slow else 20, price=90 + i % 3 if dear else 10 + i % 3)
        return found

    problems = slow_seller_problems(ask(load_table, lines(7, 2))).set_index("problem")
    assert problems.loc[DEAR, "is_significant"] and problems.loc[DEAR, "slow_in_all"] == 39
    assert problems.loc[DEAR, "slow_share"] > 0.6 and problems.loc[DEAR, "rest_share"] < 0.35
    alike = slow_seller_problems(ask(load_table, lines(3, 3))).set_index("problem")
    assert not alike["is_significant"].any()


def test_lists_lead_with_what_can_be_acted_on(load_table):
    orders = {f"p{i:02}": 60 for i in range(4)} | {f"p{i:02}": 5 for i in range(30, 39)} | {"p39": 0}
    lines = [*shop(**orders), *spread("p39", 6, price=99)]
    sales = ask(load_table, lines)
    assert list(listed_sellers(sales, BEST)["item"]) == ["P00", "P01", "P02", "P03"]
    slow = listed_sellers(sales, SLOW, top=3)
    assert list(slow["item"]) == ["P39", "P30", "P31"] and slow["likely_reason"].tolist() == [DEAR, FEW, FEW]


def test_a_shop_without_products_has_none(load_table):
    nothing = ask(load_table, [])
    assert frame(nothing).empty and best_seller_traits(nothing).empty and slow_seller_problems(nothing).empty
    assert listed_sellers(nothing, SLOW).empty
    with pytest.raises(ValueError, match="at least one day"):
        product_sales(load_table("order_lines", []), load_table("products", []), as_of=AS_OF, window_days=0)
