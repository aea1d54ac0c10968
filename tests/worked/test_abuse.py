"""Who looks like a cash-out, and who only looks like it: a shop of forty customers and a few loud ones."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pandas as pd
import pytest

from custkit.analysis.abuse import ANY_RULE, abuse_evidence, abuse_summary, suspected_abuse
from custkit.client import ABUSE_RULES, Abuse
from custkit.engine import fetch

AS_OF = datetime(2026, 11, 1)


def sale(order, customer, day, amount, **more):
    line = {"order_id": order, "line_number": 1, "customer_id": customer, "ordered_at": f"2026-{day}", "product_id": "p", "quantity": 1}
    line |= {"amount": amount, "gross_amount": amount, "revenue": amount, "kind": "sale", "is_product": True}
    return line | more


def back(order, customer, day, amount, **more):
    return sale(order, customer, day, -amount, kind="return", revenue=0, quantity=-1, gross_amount=-amount) | more


def crowd(n=40, orders=10):
    """Forty who buy ten times each, one piece at a time; every fourth sent something back once."""
    lines = []
    for i in range(n):
        lines += [sale(f"c{i:02}-{k}", f"c{i:02}", f"{k + 1:02}-15", 20 + i) for k in range(orders)]
        lines += [back(f"r{i:02}", f"c{i:02}", "09-20", 20 + i)] if i % 4 == 0 else []
    return lines


def evidence(load_table, lines, rules=None):
    return abuse_evidence(load_table("order_lines", lines), as_of=AS_OF, rules=rules)


def one(load_table, lines, customer, rules=None):
    found = fetch(evidence(load_table, lines, rules).filter(lambda t: t.customer_id == customer)).to_pylist()
    assert len(found) == 1
    return found[0]


def test_a_shop_of_ordinary_customers_has_nobody_to_suspect(load_table, rows):
    lines = crowd()
    assert rows(suspected_abuse(load_table("order_lines", lines), as_of=AS_OF), by="customer_id") == []
    row = one(load_table, lines, "c00")
    assert (row["orders"], row["sold_amount"], row["returns"], row["returned_amount"]) == (10, Decimal(200), 1, Decimal(20))
    assert (row["returned_share"], row["whole_returns"], row["reason"], row["is_suspected"]) == (0.1, 1, None, False)


def test_whoever_sends_nearly_everything_back_again_and_again_is_suspected(load_table):
    loop = [sale(f"x{k}", "loop", f"{k + 1:02}-03", 100) for k in range(8)]
    loop += [back(f"y{k}", "loop", f"{k + 1:02}-27", 95) for k in range(7)]  # less a fee, so no order came back whole
    row = one(load_table, crowd() + loop, "loop")
    assert (row["returns"], row["returned_share"], row["whole_returns"]) == (7, 0.83125, 0)
    # 17 returns of 408 orders in the shop: 7 of 8 are no luck, whatever bound is taken.
    assert row["returns_by_luck"] < 1e-6
    assert (row["refund_loops"], row["round_trips"], row["reason"]) == (True, False, "refund_loops")


def test_the_bound_on_luck_is_no_less_than_the_chance_itself(load_table):
    from scipy.stats import binom

    loop = [sale(f"x{k}", "loop", f"{k + 1:02}-03", 100) for k in range(8)] + [back(f"y{k}", "loop", "09-27", 95) for k in range(3)]
    row = one(load_table, crowd() + loop, "loop")
    share = (10 + 3) / (400 + 8)
    assert binom.sf(2, 8, share) <= row["returns_by_luck"] <= 30 * binom.sf(2, 8, share)
    assert not row["refund_loops"]  # 3 of 8: not half of the value, and among 41 customers luck may do it


def test_one_large_order_that_came_back_is_no_loop(load_table):
    row = one(load_table, [*crowd(), sale("x", "big", "05-03", 9000), back("y", "big", "05-04", 9000)], "big")
    assert (row["returned_share"], row["whole_returns"], row["whole_return_amount"]) == (1.0, 1, Decimal(9000))
    assert not row["is_suspected"]


def test_money_that_goes_back_and_forth_is_a_round_trip(load_table):
    trips = [sale(f"x{k}", "trip", f"0{k + 1}-03", 500) for k in range(4)] + [back(f"y{k}", "trip", f"0{k + 1}-09", 500) for k in range(3)]
    trips += [sale("z", "trip", "08-03", 40)]
    row = one(load_table, crowd() + trips, "trip")
    assert (row["whole_returns"], row["whole_return_amount"], row["sold_amount"]) == (3, Decimal(1500), Decimal(2040))
    assert row["round_trips"]
    late = Abuse(round_trip_days=5)
    assert one(load_table, crowd() + trips, "trip", late)["whole_returns"] == 0


def test_a_slip_takes_back_one_order_only(load_table):
    lines = [sale(f"x{k}", "ann", f"0{k + 1}-03", 50) for k in range(4)] + [back("y", "ann", "04-09", 50)]
    assert one(load_table, lines, "ann")["whole_returns"] == 1
    twice = [sale("x", "ann", "04-03", 50), back("y1", "ann", "04-05", 50), back("y2", "ann", "04-06", 50)]
    assert one(load_table, twice, "ann")["whole_returns"] == 1
    before = [back("y", "ann", "04-02", 50), sale("x", "ann", "04-03", 50)]
    assert one(load_table, before, "ann")["whole_returns"] == 0


def test_orders_just_above_a_threshold_are_counted_only_where_the_client_names_one(load_table):
    near = [sale(f"x{k}", "near", f"0{k + 1}-03", 300 + k) for k in range(6)]
    row = one(load_table, crowd() + near, "near")
    assert (row["near_orders"], row["threshold_orders"]) == (0, False)
    row = one(load_table, crowd() + near, "near", Abuse(thresholds=(Decimal(300),)))
    assert (row["near_orders"], row["threshold_orders"]) == (6, True)
    row = one(load_table, crowd() + near, "near", Abuse(thresholds=(Decimal(300),), near=0.01))
    assert (row["near_orders"], row["threshold_orders"]) == (3, False)  # 300, 301, 302; 303 is one hundredth above


def test_a_threshold_that_everybody_meets_accuses_nobody(load_table):
    lines = [sale(f"c{i}-{k}", f"c{i}", f"{k + 1:02}-15", 300) for i in range(30) for k in range(8)]
    assert not one(load_table, lines, "c7", Abuse(thresholds=(Decimal(300),)))["threshold_orders"]


def test_lines_of_ten_times_what_nine_in_ten_buyers_take_look_like_resale(load_table):
    resale = [sale(f"x{k}", "dealer", f"0{k + 1}-03", 200, quantity=10) for k in range(3)]
    row = one(load_table, crowd() + resale, "dealer")
    assert (row["bulk_lines"], row["bulk_pieces"], row["resale"], row["reason"]) == (3, Decimal(30), True, "resale")
    assert not one(load_table, crowd() + resale[:2], "dealer")["resale"]
    nine = [line | {"quantity": 9} for line in resale]
    assert one(load_table, crowd() + nine, "dealer")["bulk_lines"] == 0


def test_what_is_usual_is_not_known_of_a_product_with_few_buyers(load_table):
    resale = [sale(f"x{k}", "dealer", f"0{k + 1}-03", 200, quantity=100) for k in range(3)]
    assert one(load_table, crowd(n=28) + resale, "dealer")["bulk_lines"] == 0
    assert one(load_table, crowd(n=29) + resale, "dealer")["bulk_lines"] == 3  # thirty buyers with the dealer


def test_trade_customers_who_take_a_few_more_pieces_are_no_dealers(load_table):
    trade = [sale(f"t{i}-{k}", f"t{i}", f"0{k + 1}-03", 90, quantity=3 + (i + k) % 4) for i in range(6) for k in range(9)]
    assert fetch(suspected_abuse(load_table("order_lines", crowd() + trade), as_of=AS_OF)).num_rows == 0


def test_postage_and_lines_without_a_product_are_no_quantity(load_table):
    post = [sale(f"x{k}", "ann", f"0{k + 1}-03", 5, quantity=50, is_product=False) for k in range(5)]
    other = [sale(f"z{k}", "ann", f"0{k + 1}-04", 5, quantity=50, product_id=None) for k in range(5)]
    assert one(load_table, crowd() + post + other, "ann")["bulk_lines"] == 0


def test_coupons_that_pay_for_half_of_five_orders_look_like_farming(load_table):
    farm = [sale(f"x{k}", "farm", f"0{k + 1}-03", 40, gross_amount=100, coupon_amount=60) for k in range(5)]
    row = one(load_table, crowd() + farm, "farm")
    assert (row["coupon_orders"], row["coupon_share"], row["coupons"]) == (5, 0.6, True)
    assert not one(load_table, crowd() + farm[:4], "farm")["coupons"]


def test_bargain_hunters_are_no_farmers(load_table):
    hunter = [sale(f"x{k}", "hunter", f"0{k + 1}-03", 80, gross_amount=100, coupon_amount=20) for k in range(9)]
    assert not one(load_table, crowd() + hunter, "hunter")["is_suspected"]


def test_the_client_chooses_which_rules_apply(load_table):
    resale = [sale(f"x{k}", "dealer", f"0{k + 1}-03", 200, quantity=10) for k in range(3)]
    row = one(load_table, crowd() + resale, "dealer", Abuse(rules=("coupons",)))
    assert (row["bulk_lines"], row["resale"], row["is_suspected"]) == (3, False, False)


def test_guests_other_years_and_who_only_returned_are_left_out(load_table, rows):
    lines = [
        sale("o1", None, "05-01", 10),
        sale("o2", "ann", "05-01", 10) | {"ordered_at": "2025-10-31 23:59"},
        sale("o3", "bob", "05-01", 10) | {"ordered_at": "2025-11-01 00:00"},
        sale("o4", "cai", "05-01", 10) | {"ordered_at": "2026-11-01 00:00"},
        back("o5", "dee", "05-01", 10),
    ]
    assert [row[0] for row in rows(evidence(load_table, lines), by="customer_id")] == ["bob"]


def test_nobody_bought_gives_the_same_columns_and_no_rows(load_table):
    full, empty = fetch(evidence(load_table, crowd())), fetch(evidence(load_table, []))
    assert empty.num_rows == 0 and empty.schema == full.schema
    summary = abuse_summary(evidence(load_table, []))
    assert summary.empty and list(summary.columns) == ["rule", "customers", "customer_share", "revenue", "revenue_share", "is_looked_for"]


def test_the_summary_counts_each_customer_once_in_the_last_row(load_table):
    both = [sale(f"x{k}", "both", f"0{k + 1}-03", 40, gross_amount=100, coupon_amount=60, quantity=10) for k in range(5)]
    dealer = [sale(f"z{k}", "dealer", f"0{k + 1}-03", 200, quantity=10) for k in range(3)]
    lines = crowd(n=38, orders=1) + both + dealer
    summary = abuse_summary(evidence(load_table, lines))
    kept = sum(line["amount"] for line in lines)
    expected = pd.DataFrame(
        {
            "rule": [*ABUSE_RULES, ANY_RULE],
            "customers": [0, 0, 0, 2, 1, 2],
            "customer_share": [0, 0, 0, 2 / 40, 1 / 40, 2 / 40],
            "revenue": [0.0, 0.0, 0.0, 800.0, 200.0, 800.0],
            "revenue_share": [0.0, 0.0, 0.0, 800 / kept, 200 / kept, 800 / kept],
            "is_looked_for": [True, True, False, True, True, True],  # no threshold is named
        }
    )
    pd.testing.assert_frame_equal(summary, expected)
    told = abuse_summary(evidence(load_table, lines, Abuse(rules=("coupons",))), rules=Abuse(rules=("coupons",)))
    assert told.rule.tolist() == ["coupons", ANY_RULE] and told.customers.tolist() == [1, 1]


def test_a_rule_about_which_the_data_say_nothing_is_not_said_to_have_been_looked_for(load_table):
    bare = [sale(f"c{i}", f"c{i}", "05-01", 10, product_id=None, coupon_amount=None) for i in range(40)]
    found = abuse_summary(evidence(load_table, bare)).set_index("rule")
    assert not found.is_looked_for.any() and found.customers.sum() == 0


def test_a_window_without_a_day_is_refused(load_table):
    with pytest.raises(ValueError, match="window_days is 0"):
        abuse_evidence(load_table("order_lines", []), as_of=AS_OF, window_days=0)
