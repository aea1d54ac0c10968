"""The client's rules decide what a line is and what counts; everything left out is counted."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from custkit.errors import BadInput

PRICED = """
- table: order_lines
  files: lines.csv
  columns: {order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, unit_price: price}
"""
HEADER = "order,date,customer,product,qty,price\n"


def test_kinds_of_line(take):
    body = (
        "1,2026-10-01,c1,tea,2,5\n"  # sale
        "2,2026-10-02,c1,tea,-1,5\n"  # goods came back
        "C3,2026-10-03,c1,tea,1,5\n"  # cancelled by its number
        "4,2026-10-04,c1,tea,3,0\n"  # a gift
        "5,2026-10-05,c1,tea,1,-5\n"  # a price below zero
        "A6,2026-10-06,,B,1,-90\n"  # a bad debt
        "7,2026-10-07,c1,tea,-4,0\n"  # broken goods
    )
    rules = "rules: {cancelled_order_prefixes: [C], adjustment_order_prefixes: [A]}"
    found = take({"lines.csv": HEADER + body}, sources=PRICED, more=rules)
    assert found.rows("order_lines", "order_id", "kind", "amount", "revenue") == [
        ("1", "sale", Decimal(10), Decimal(10)),
        ("2", "return", Decimal(-5), Decimal(0)),
        ("C3", "return", Decimal(5), Decimal(0)),
        ("4", "free", Decimal(0), Decimal(0)),
        ("5", "adjustment", Decimal(-5), Decimal(0)),
        ("A6", "adjustment", Decimal(-90), Decimal(0)),
        ("7", "return", Decimal(0), Decimal(0)),
    ]
    assert {one["kind"]: one["rows"] for one in found.lines["kinds"]} == {"sale": 1, "return": 3, "free": 1, "adjustment": 2}


def test_returns_are_taken_off_revenue_where_the_rule_says_so(lines):
    found = lines("1,2026-10-01,c1,tea,2,10\n2,2026-10-02,c1,tea,-1,-5\n3,2026-10-03,c1,tea,1,-1\n", more="rules: {returns: subtract}")
    assert found.rows("orders", "order_id", "is_purchase", "return_amount", "revenue") == [
        ("1", True, Decimal(0), Decimal(10)),
        ("2", False, Decimal(-5), Decimal(-5)),
        ("3", False, Decimal(0), Decimal(0)),
    ]


def test_a_line_without_a_price_makes_no_purchase_unless_the_rule_says_so(lines):
    body = "1,2026-10-01,c1,tea,1,0\n"
    assert lines(body).rows("orders", "is_purchase", "order_number") == [(False, None)]
    assert lines(body, more="rules: {free: sale}").rows("orders", "is_purchase", "order_number") == [(True, 1)]


def test_what_is_no_product_is_known_by_name_or_shape(lines):
    body = "".join(f"1,2026-10-01,c1,{product},1,1\n" for product in ("tea", "POST", "post", "gift_10", "Gift_20", "postcard"))
    found = lines(body, more="rules: {non_products: [POST, gift_*]}")
    assert set(found.rows("order_lines", "product_id", "is_product", "revenue")) == {
        ("tea", True, Decimal(1)),
        ("POST", False, Decimal(1)),
        ("post", False, Decimal(1)),
        ("gift_10", False, Decimal(1)),
        ("Gift_20", False, Decimal(1)),
        ("postcard", True, Decimal(1)),
    }
    assert found.rows("orders", "products", "items", "revenue") == [(2, Decimal(2), Decimal(6))]
    assert (found.lines["non_products"]["rows"], found.lines["non_products"]["revenue"]) == (4, "4.0000")


def test_what_is_no_product_is_no_revenue_where_the_rule_says_so(lines):
    found = lines(
        "1,2026-10-01,c1,tea,1,8\n1,2026-10-01,c1,POST,1,2\n", more="rules: {non_products: [POST], non_products_are_revenue: false}"
    )
    assert found.rows("orders", "gross_amount", "revenue") == [(Decimal(8), Decimal(8))]
    assert found.lines["amount"] == "10.0000"


def test_exact_duplicates_are_counted_and_kept(lines):
    found = lines("1,2026-10-01,c1,tea,1,5\n" * 3 + "1,2026-10-01,c1,tea,2,10\n")
    assert (found.lines["duplicates"]["rows"], found.lines["duplicates"]["revenue"]) == (2, "10.0000")
    assert found.lines["rows"] == 4


def test_exact_duplicates_are_dropped_where_the_rule_says_so(lines):
    found = lines("1,2026-10-01,c1,tea,1,5\n" * 3 + "1,2026-10-01,,tea,1,5\n", more="rules: {duplicates: drop}")
    assert found.lines["excluded"] == [{"reason": "duplicate", "rows": 2, "amount": "10.0000", "revenue": "10.0000"}]
    assert found.lines["rows"] == 2


def test_guests_are_kept_and_counted(lines):
    found = lines("1,2026-10-01,c1,tea,1,5\n2,2026-10-01,,tea,1,7\n")
    assert (found.lines["guests"]["rows"], found.lines["guests"]["revenue"]) == (1, "7.0000")
    assert found.rows("orders", "order_id", "customer_id", "order_number") == [("1", "c1", 1), ("2", None, None)]
    assert found.rows("customers", "customer_id") == [("c1",)]


def test_guests_are_left_out_where_the_rule_says_so(lines):
    found = lines("1,2026-10-01,c1,tea,1,5\n2,2026-10-01,,tea,1,7\n", more="rules: {guests: drop}")
    assert found.lines["excluded"] == [{"reason": "guest", "rows": 1, "amount": "7.0000", "revenue": "7.0000"}]


def test_staff_orders_and_open_orders_are_left_out_with_their_money(take):
    sources = """
    - table: order_lines
      files: lines.csv
      columns: {order_id: order, ordered_at: date, customer_id: customer, amount: amount, order_status: status}
    """
    rules = """
    rules:
      statuses: [paid]
      exclude: [{reason: staff, field: customer_id, starts_with: [staff], equals: [boss]}]
    """
    body = "1,2026-10-01,c1,5,paid\n2,2026-10-01,staff7,6,paid\n3,2026-10-01,c1,7,open\n4,2026-10-01,boss,8,open\n5,2026-10-01,c1,9,\n"
    found = take({"lines.csv": "order,date,customer,amount,status\n" + body}, sources=sources, more=rules)
    assert found.lines["excluded"] == [
        {"reason": "staff", "rows": 2, "amount": "14.0000", "revenue": "14.0000"},
        {"reason": "status", "rows": 2, "amount": "16.0000", "revenue": "16.0000"},
    ]
    assert found.rows("orders", "order_id") == [("1",)]


def test_three_columns_are_enough_and_one_day_is_one_order(take):
    sources = "- table: order_lines\n  files: lines.csv\n  columns: {customer_id: id, ordered_at: date, amount: value}"
    found = take(
        {"lines.csv": "id,date,value\nc1,2026-10-01,5\nc1,2026-10-01,6\nc1,2026-10-02,-7\n,2026-10-01,8\n,2026-10-01,8\n"}, sources=sources
    )
    assert sorted(found.rows("orders", "customer_id", "order_date", "revenue", "return_amount"), key=str) == sorted(
        [
            ("c1", date(2026, 10, 1), Decimal(11), Decimal(0)),
            ("c1", date(2026, 10, 2), Decimal(0), Decimal(-7)),
            (None, date(2026, 10, 1), Decimal(8), Decimal(0)),
            (None, date(2026, 10, 1), Decimal(8), Decimal(0)),
        ],
        key=str,
    )
    assert "order_lines.order_id" in found.snapshot.provided
    assert "order_lines.quantity" not in found.snapshot.provided


def test_the_parts_of_a_price_complete_each_other(take):
    columns = "order_id: order, ordered_at: date, amount: net"
    text = "order,date,net,list,off,coupon\n1,2026-10-01,7,10,2,1\n"

    def parts(more):
        found = take({"lines.csv": text}, sources=f"- table: order_lines\n  files: lines.csv\n  columns: {{{columns}{more}}}")
        return found.rows("order_lines", "gross_amount", "discount_amount", "coupon_amount", "amount")

    assert parts("") == [(Decimal(7), Decimal(0), Decimal(0), Decimal(7))]
    assert parts(", discount_amount: off, coupon_amount: coupon") == [(Decimal(10), Decimal(2), Decimal(1), Decimal(7))]
    assert parts(", gross_amount: list, coupon_amount: coupon") == [(Decimal(10), Decimal(2), Decimal(1), Decimal(7))]
    columns = "order_id: order, ordered_at: date, gross_amount: list, discount_amount: off, coupon_amount: coupon"
    assert parts("") == [(Decimal(10), Decimal(2), Decimal(1), Decimal(7))]


def test_orders_are_numbered_by_time_then_by_number_and_only_purchases_count(lines):
    body = (
        "b,2026-10-02,c1,tea,1,5\na,2026-10-02,c1,tea,1,5\nr,2026-10-01,c1,tea,-1,-5\nz,2026-09-30,c1,tea,1,5\n"
        "a,2026-10-02,c1,jam,1,5\nq,2026-10-01,c2,tea,1,5\n"
    )
    assert lines(body).rows("orders", "order_id", "order_number", "lines") == [
        ("z", 1, 1), ("q", 1, 1), ("r", None, 1), ("a", 2, 2), ("b", 3, 1),
    ]  # fmt: skip


def test_what_an_order_carries_is_told_whatever_the_row_order(take):
    sources = """
    - table: order_lines
      files: lines.csv
      columns:
        {order_id: order, ordered_at: date, customer_id: customer, product_id: product, product_name: name, region: region, amount: amount}
    """
    head = "order,date,customer,product,name,region,amount\n"
    body = ["1,2026-10-01,c1,p,Old tea,,5\n", "1,2026-10-01,c1,p,Old tea,North,5\n", "2,2026-10-05,c1,p,New tea,South,5\n"]
    one = take({"lines.csv": head + "".join(body)}, sources=sources)
    other = take({"lines.csv": head + "".join(reversed(body))}, sources=sources)
    assert one.rows("orders", "order_id", "region") == [("1", "North"), ("2", "South")]
    names = [("p", "Old tea", datetime(2026, 10, 1)), ("p", "New tea", datetime(2026, 10, 5))]
    assert sorted(one.rows("products", "product_id", "product_name", "named_at"), key=lambda row: row[2]) == names
    assert one.rows("customers", "customer_id", "region", "registered_at") == [("c1", "North", datetime(2026, 10, 1))]
    for table in ("order_lines", "orders", "customers", "products"):
        assert one.snapshot.path(table).read_bytes() == other.snapshot.path(table).read_bytes()
    assert one.snapshot.key != other.snapshot.key


def test_an_unmapped_amount_is_refused_with_what_to_map(take):
    sources = "- table: order_lines\n  files: lines.csv\n  columns: {order_id: order, ordered_at: date}"
    with pytest.raises(BadInput, match="map `amount`, or `quantity` and `unit_price`"):
        take({"lines.csv": "order,date\n1,2026-10-01\n"}, sources=sources)


TYPED = """
- table: order_lines
  files: lines.csv
  columns: {order_id: order, ordered_at: date, customer_id: customer, quantity: qty, amount: amount,
            line_type: {column: type, values: {Verkauf: sale, Retoure: return, Storno: void}}}
"""


def test_returns_by_a_word_count_below_zero_however_they_are_written(take):
    body = (
        "1,2026-10-01,c1,2,10,Verkauf\n"
        "2,2026-10-02,c1,1,4,Retoure\n"  # above zero
        "3,2026-10-03,c1,-1,-3,Retoure\n"  # below it already
        "4,2026-11-04,c1,1,-2,RETURN\n"  # our own word; the amount alone is below zero
        "5,2026-11-05,c1,1,7,Storno\n"
        "6,2026-11-06,c1,1,8,\n"
    )
    found = take({"lines.csv": "order,date,customer,qty,amount,type\n" + body}, sources=TYPED)
    assert found.rows("order_lines", "order_id", "kind", "quantity", "amount", "revenue") == [
        ("1", "sale", 2, 10, 10), ("2", "return", -1, -4, 0), ("3", "return", -1, -3, 0), ("4", "return", -1, -2, 0), ("6", "sale", 1, 8, 8)
    ]  # fmt: skip
    assert found.lines["excluded"] == [{"reason": "void", "rows": 1, "amount": "7.0000", "revenue": "7.0000"}]
    assert {one["kind"]: (one["rows"], one["amount"]) for one in found.lines["kinds"]} == {"sale": (2, "18.0000"), "return": (3, "-9.0000")}
    (note,) = [note for note in found.snapshot.notes_before("2026-11") if note.code == "returns_turned"]
    assert (note.rows, note.amount) == (1, "4.00")
    net = take({"lines.csv": "order,date,customer,qty,amount,type\n" + body}, sources=TYPED, more="rules: {returns: subtract}")
    assert net.lines["revenue"] == "9.0000"


def test_every_way_to_an_amount_is_turned_by_the_word(take):
    head = "order,date,qty,price,list,off,cost,type\n1,2026-10-01,3,5,15,6,8,return\n"
    ways = {
        "quantity: qty, unit_price: price": (-3, -15, -15, 0, None),
        "unit_price: price": (-1, -5, -5, 0, None),
        "quantity: qty, list_price: price, discount_amount: off": (-3, -9, -15, -6, None),
        "list_price: list, discount_amount: off": (-1, -9, -15, -6, None),
        "gross_amount: list, discount_amount: off, cost_amount: cost": (-1, -9, -15, -6, -8),
    }
    for way, figures in ways.items():
        sources = f"- {{table: order_lines, files: lines.csv, columns: {{order_id: order, ordered_at: date, line_type: type, {way}}}}}"
        found = take({"lines.csv": head}, sources=sources)
        columns = ("quantity", "amount", "gross_amount", "discount_amount", "cost_amount")
        assert found.rows("order_lines", "kind", *columns) == [("return", *figures)], way
        assert [(note.code, note.rows, note.amount) for note in found.snapshot.notes] == [("returns_turned", 1, f"{-figures[1]:.2f}")]


def test_a_word_that_is_no_kind_of_line_is_set_aside(take):
    body = "order,date,customer,qty,amount,type\n1,2026-10-01,c1,1,5,Verkauf\n2,2026-10-02,c1,1,6,Umtausch\n"
    limits = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"
    assert take({"lines.csv": body}, sources=TYPED, more=limits).aside == [(3, "type", "Umtausch", "unknown_value")]


def test_a_quantity_below_zero_with_an_amount_above_it_is_no_return_and_is_told(lines):
    found = lines("1,2026-10-01,c1,tea,1,10\n2,2026-10-02,c1,tea,-1,4\n3,2026-10-03,c1,tea,-1,-3\n", more="rules: {returns: subtract}")
    assert found.rows("order_lines", "order_id", "kind", "revenue") == [("1", "sale", 10), ("2", "adjustment", 0), ("3", "return", -3)]
    assert [(note.rows, note.amount) for note in found.snapshot.notes if note.code == "sign_conflict"] == [(1, "4.00")]
    told = lines("1,2026-10-01,c1,tea,1,10\nA2,2026-10-02,c1,tea,-1,4\n", more="rules: {adjustment_order_prefixes: [A]}")
    assert "sign_conflict" not in {note.code for note in told.snapshot.notes}, "the client's rule knows it"


CURRENCIES = """
- table: order_lines
  files: "*.csv"
  columns: {order_id: order, ordered_at: date, customer_id: customer, amount: amount, currency: currency}
"""


def test_lines_in_another_currency_are_set_aside_with_their_count_and_sum(take):
    said = enumerate(["EUR", "usd", "€", "", "$"], start=1)
    body = "order,date,customer,amount,currency\n" + "".join(f"{i},2026-10-0{i},c1,{i + 4},{word}\n" for i, word in said)
    limits = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"
    found = take({"lines.csv": body}, sources=CURRENCIES, more=limits)
    assert found.aside == [(3, "currency", "usd", "currency_mismatch"), (6, "currency", "$", "currency_mismatch")]
    aside = pq.read_table(found.snapshot.folder / "quarantine.parquet")["amount"].to_pylist()
    assert (len(aside), sum(aside)) == (2, Decimal(15)) and found.lines["revenue"] == "20.0000"


def test_a_currency_that_first_comes_in_the_third_month_stops_intake(take):
    files = {f"{month}.csv": f"order,date,customer,amount,currency\n{month},2026-{month}-01,c1,5,EUR\n" for month in ("08", "09")}
    assert take(files, sources=CURRENCIES).lines["revenue"] == "10.0000"
    files["10.csv"] = "order,date,customer,amount,currency\n10,2026-10-01,c1,5,EUR\n11,2026-10-02,c1,6,USD\n"
    with pytest.raises(BadInput, match=r"10\.csv line 3 column currency: `USD` \(currency_mismatch, 1 row; convert the amount"):
        take(files, sources=CURRENCIES)


def test_discounts_come_off_a_list_price(take):
    """gross = pieces × list price, amount = gross − discount − coupon; an unread price is set aside."""
    sources = PRICED.replace("unit_price: price", "list_price: price, discount_amount: off, coupon_amount: coupon")
    body = "1,2026-10-01,c1,tea,2,5,1,0.5\n1,2026-10-01,c1,cup,1,4,,\n2,2026-10-02,c1,tea,-1,5,,\n"
    found = take({"lines.csv": HEADER.replace("price", "price,off,coupon") + body}, sources=sources)
    assert sorted(found.rows("order_lines", "product_id", "gross_amount", "discount_amount", "coupon_amount", "amount")) == [
        ("cup", Decimal(4), Decimal(0), Decimal(0), Decimal(4)),
        ("tea", Decimal(-5), Decimal(0), Decimal(0), Decimal(-5)),
        ("tea", Decimal(10), Decimal(1), Decimal("0.5"), Decimal("8.5")),
    ]
    plain = PRICED.replace("unit_price: price", "list_price: price, amount: paid")
    paid = take({"lines.csv": HEADER.replace("price", "price,paid") + "1,2026-10-01,c1,tea,2,5,8\n"}, sources=plain)
    assert paid.rows("order_lines", "gross_amount", "discount_amount", "amount") == [(Decimal(10), Decimal(2), Decimal(8))]


def two_files(take, first: str, second: str, more: str = ""):
    sources = "- table: order_lines\n  files: '*.csv'\n  columns: {order_id: order, ordered_at: date, product_id: product, amount: amount}"
    head = "order,date,product,amount\n"
    return take({"a.csv": head + first, "b.csv": head + second}, sources=sources, more=more)


JUNE = "1,2026-06-01,tea,5\n1,2026-06-01,tea,5\n2,2026-06-02,mug,8\n3,2026-06-30,tea,5\n"
JULY = "3,2026-06-30,tea,5\n1,2026-06-01,tea,5\n1,2026-06-01,tea,5\n4,2026-07-02,mug,7\n"


def test_lines_of_another_file_are_told_apart_from_repeats_within_one(take):
    """Two teas of one order are two sales, and stand in both files: three lines come again, one is repeated in its own file."""
    found = two_files(take, JUNE, JULY)
    told = {note.code: (note.column, note.rows, note.amount) for note in found.snapshot.notes}
    assert told == {"sent_again": ("b.csv = a.csv", 3, "15.00"), "duplicates": ("", 1, "5.00")}
    assert found.lines["revenue"] == "45.0000" and found.lines["duplicates"]["rows"] == 4


def test_of_lines_that_two_files_hold_one_is_left_out_where_the_rule_says_so(take):
    found = two_files(take, JUNE, JULY, "rules: {duplicates: drop_across_files}")
    assert found.lines["excluded"] == [{"reason": "duplicate", "rows": 3, "amount": "15.0000", "revenue": "15.0000"}]
    assert found.lines["revenue"] == "30.0000"
    assert [note.code for note in found.snapshot.notes] == ["duplicates"]


def test_tills_that_use_the_same_numbers_are_no_copies_of_each_other(take):
    """Ten receipts of one day in each till: two happen to be alike."""
    one = "".join(f"{i},2026-06-01,tea,{5 + i}\n" for i in range(10))
    other = "".join(f"{i},2026-06-01,tea,{5 + i if i < 2 else 40 + i}\n" for i in range(10))
    assert {note.code: note.rows for note in two_files(take, one, other).snapshot.notes} == {"duplicates": 2}


def test_lines_that_the_file_numbers_are_two_however_alike(take):
    columns = "{order_id: order, line_id: no, ordered_at: date, amount: amount}"
    sources = f"- table: order_lines\n  files: l.csv\n  columns: {columns}"
    text = "order,no,date,amount\n1,1,2026-06-01,5\n1,2,2026-06-01,5\n1,2,2026-06-01,5\n"
    found = take({"l.csv": text}, sources=sources, more="rules: {duplicates: drop}")
    assert (found.lines["rows"], found.lines["excluded"][0]["rows"]) == (2, 1)
    assert found.rows("order_lines", "line_number") == [(1,), (2,)]
