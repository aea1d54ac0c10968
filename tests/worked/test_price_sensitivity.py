"""Price-driven or value-driven, worked by hand."""

from __future__ import annotations

import pytest

from custkit.analysis.price_sensitivity import price_sensitivity, sensitivity_summary


def orders(customer, *baskets, month="10"):
    """Lines of a customer's orders: 1 on offer, 0 not; each basket one order."""
    return [
        {
            "order_id": f"{customer}{month}{number}", "line_number": line, "customer_id": customer, "product_id": "tea", "kind": "sale",
            "ordered_at": f"2026-{month}-{number:02d} 10:00", "is_product": True, "discount_amount": offer, "coupon_amount": 0,
            "revenue": 10,
        }
        for number, basket in enumerate(baskets, 1)
        for line, offer in enumerate(basket, 1)
    ]  # fmt: skip


TEA = [{"product_id": "tea", "category": "drinks"}]
ALWAYS, NEVER = [(1,)] * 6, [(0,)] * 6
# Two of eight customers buy on offer only, the others never do.
SHOP = [line for i in range(2) for line in orders(f"hunter{i}", *ALWAYS)] + [line for i in range(6) for line in orders(f"usual{i}", *NEVER)]


def told(load_table, rows, lines, **options):
    names = ["customer_id", "price_sensitivity"]
    kinds = price_sensitivity(load_table("order_lines", lines), load_table("products", TEA), **options)
    return dict(rows(kinds.select(names), by="customer_id"))


def test_who_always_buys_on_offer_is_price_driven_and_who_never_does_value_driven(load_table, rows):
    kinds = told(load_table, rows, SHOP)
    assert kinds == {**{f"hunter{i}": "price-driven" for i in range(2)}, **{f"usual{i}": "value-driven" for i in range(6)}}


def test_a_customers_share_is_drawn_towards_what_is_usual(load_table, rows):
    # Orders of one customer are all alike, so nothing is left inside customers and each keeps the own share.
    lines = load_table("order_lines", SHOP)
    names = ["customer_id", "orders", "own_offer_share", "usual_offer_share", "settled_offer_share"]
    shares = rows(price_sensitivity(lines, load_table("products", TEA)).select(names), by="customer_id")
    assert shares[0] == ("hunter0", 6, 1.0, 0.25, pytest.approx(1.0))
    assert shares[-1] == ("usual5", 6, 0.0, 0.25, pytest.approx(0.0))
    # With a mixed customer customers differ less than they could: the fewer orders, the further from the own share.
    mixed = [*SHOP, *orders("mixed", *[(1,), (0,)] * 3), *orders("new", (1,))]
    shares = {
        row[0]: row
        for row in rows(price_sensitivity(load_table("order_lines", mixed), load_table("products", TEA)).select(names), by="customer_id")
    }
    usual = shares["new"][3]
    assert usual == pytest.approx(16 / 55)
    assert usual < shares["new"][4] < shares["hunter0"][4] < 1
    # Worked by hand: what orders are beyond usual, alike and apart.
    beyond = {"hunter0": 6 * (1 - usual), "usual0": -6 * usual, "mixed": 3 - 6 * usual, "new": 1 - usual}
    squares = {
        "hunter0": 6 * (1 - usual) ** 2,
        "usual0": 6 * usual**2,
        "mixed": 3 * (1 - usual) ** 2 + 3 * usual**2,
        "new": (1 - usual) ** 2,
    }
    size = {"hunter0": 6, "usual0": 6, "mixed": 6, "new": 1}
    many = {"hunter0": 2, "usual0": 6, "mixed": 1, "new": 1}
    alike = sum(many[c] * (beyond[c] ** 2 - squares[c]) / size[c] for c in many)
    apart = sum(many[c] * (squares[c] - beyond[c] ** 2 / size[c]) for c in many)
    differ = alike / (alike + apart)
    known = 6 * differ / (6 * differ + 1 - differ)
    assert shares["hunter0"][4] == pytest.approx(known + (1 - known) * usual)


def test_where_customers_do_not_differ_everybody_is_mixed(load_table, rows):
    # Each customer meets offers as luck has it: one or two of four orders. The luckiest is no bargain hunter.
    lines = [line for i in range(10) for line in orders(f"c{i}", *([(1,), (0,), (0,), (1,)] if i % 2 else [(0,), (1,), (0,), (0,)]))]
    assert set(told(load_table, rows, lines).values()) == {"mixed"}


def test_one_coupon_over_a_full_basket_is_one_observation(load_table, rows):
    """Every customer once had a coupon over an order of ten lines: lines are alike, customers are not."""
    lines = [line for i in range(12) for line in orders(f"c{i}", *[(1,) * 10 if n == i % 4 else (0,) * 10 for n in range(4)])]
    assert set(told(load_table, rows, lines).values()) == {"mixed"}


def test_offers_that_everybody_meets_make_nobody_price_driven(load_table, rows):
    # In November everything is on offer. Who buys then buys on offer.
    november = [line for i in range(6) for line in orders(f"late{i}", *ALWAYS, month="11")]
    kinds = told(load_table, rows, [*SHOP, *november])
    assert {kinds[f"late{i}"] for i in range(6)} == {"not told"}
    assert kinds["hunter0"] == "price-driven"


def test_few_orders_and_a_shop_without_offers_tell_nothing(load_table, rows):
    kinds = told(load_table, rows, [*SHOP, *orders("new", (1,), (1,))])
    assert kinds["new"] == "not told"
    assert told(load_table, rows, [*SHOP, *orders("new", (1,), (1,))], min_orders=2)["new"] == "price-driven"
    plain = [{**line, "discount_amount": None, "coupon_amount": None} for line in SHOP]
    assert set(told(load_table, rows, plain).values()) == {"not told"}
    assert told(load_table, rows, []) == {}
    with pytest.raises(ValueError, match="min_orders must be 2 or more, not 1"):
        told(load_table, rows, [], min_orders=1)


def test_guests_and_postage_are_nobodys_orders(load_table, rows):
    guest = [{**line, "customer_id": None, "order_id": f"g{i}"} for i, line in enumerate(SHOP[:3])]
    postage = [{**line, "is_product": False, "line_number": 9, "discount_amount": 0} for line in SHOP[:6]]
    kinds = price_sensitivity(load_table("order_lines", [*SHOP, *guest, *postage]), load_table("products", TEA))
    shares = rows(kinds.select("customer_id", "own_offer_share", "usual_offer_share"), by="customer_id")
    assert len(shares) == 8 and shares[0] == ("hunter0", 1.0, pytest.approx(15 / 51))


def test_the_summary_shares_out_those_who_are_told(load_table):
    lines = load_table("order_lines", [*SHOP, *orders("new", (1,))])
    summary = sensitivity_summary(price_sensitivity(lines, load_table("products", TEA)))
    assert summary[["price_sensitivity", "customers", "revenue"]].to_numpy().tolist() == [
        ["price-driven", 2, 120.0], ["mixed", 0, 0.0], ["value-driven", 6, 360.0], ["not told", 1, 10.0],
    ]  # fmt: skip
    assert summary["customer_share"].tolist()[:3] == [0.25, 0.0, 0.75]
    assert summary["revenue_share"].sum() == pytest.approx(1)
    assert summary.loc[0, ["low", "high"]].tolist() == pytest.approx([0.07148, 0.59072], abs=1e-5)  # Wilson's of 2 of 8
    nobody = sensitivity_summary(price_sensitivity(load_table("order_lines", []), load_table("products", [])))
    assert nobody.empty and list(nobody.columns) == list(summary.columns)
