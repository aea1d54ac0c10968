"""Business cases that intake decides (BUS)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from rows import row
from sheets import workbook

HEADER = "order,date,customer,product,qty,amount\n"
GOOD = "g1,2026-10-01,c9,tea,1,5.00\n"


@row("BUS-01")
def test_exact_copies_are_counted_with_their_money_and_dropped_only_where_the_rule_says_so(lines):
    body = GOOD * 3 + GOOD.replace(",1,5", ",2,10")
    assert lines(body).noted("duplicates", rows=2, amount="10.00").ledger["rows"] == 4
    dropped = lines(body, more="rules: {duplicates: drop}")
    assert dropped.ledger["excluded"] == [{"reason": "duplicate", "rows": 2, "amount": "10.0000", "revenue": "10.0000"}]


def test_a_sheet_that_holds_the_sales_of_a_file_is_told_with_both_names(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount}"
    sheets = workbook({"May": [["order", "date", "amount"], ["g1", "2026-10-01", 5.0]], "Notes": [["x"], ["y"]]})
    sources = (
        f"- {{table: order_lines, files: a.csv, columns: {columns}}}\n"
        f"- {{table: order_lines, files: b.xlsx, sheet: May, columns: {columns}}}"
    )
    arrive({"a.csv": "order,date,amount\ng1,2026-10-01,5.00\n", "b.xlsx": sheets}, sources=sources).noted(
        "sent_again", rows=1, column="b.xlsx[May] = a.csv", amount="5.00"
    )


@row("BUS-02")
def test_one_file_under_two_names_is_refused(arrive):
    sources = "- table: order_lines\n  files: '*.csv'\n  columns: {order_id: order, ordered_at: date, amount: amount}"
    arrive({"a.csv": HEADER + GOOD, "b.csv": HEADER + GOOD}, sources=sources).refused("b.csv: the same bytes as", "remove one")


@row("BUS-04", "BUS-06")
def test_what_came_back_stands_beside_what_was_sold_also_where_the_sale_is_not_in_the_data(lines):
    body = GOOD + "o2,2026-10-02,c9,tea,-2,-10\nC3,2026-10-03,c7,tea,1,7\n"
    found = lines(body, more="rules: {cancelled_order_prefixes: [C]}").noted("returns_without_sale", rows=1)
    assert found.rows("orders", "order_id", "revenue", "return_amount", "is_purchase") == [
        ("g1", Decimal(5), Decimal(0), True),
        ("o2", Decimal(0), Decimal(-10), False),
        ("C3", Decimal(0), Decimal(7), False),
    ]
    net = lines(body, more="rules: {returns: subtract}")
    assert net.rows("orders", "order_id", "revenue")[1] == ("o2", Decimal(-10))


@row("BUS-07")
def test_staff_and_test_orders_are_left_out_with_their_money(lines):
    rules = "rules: {exclude: [{reason: test_order, field: customer_id, starts_with: [test]}]}"
    found = lines(GOOD + "o2,2026-10-02,test7,tea,1,7\n", more=rules)
    assert found.ledger["excluded"] == [{"reason": "test_order", "rows": 1, "amount": "7.0000", "revenue": "7.0000"}]


@row("BUS-08")
def test_postage_is_revenue_and_no_product(lines):
    found = lines(GOOD + "g1,2026-10-01,c9,POST,1,2\n", more="rules: {non_products: [POST, AMAZONFEE, B]}")
    assert found.rows("orders", "products", "revenue") == [(1, Decimal(7))]
    assert (found.ledger["non_products"]["rows"], found.ledger["non_products"]["revenue"]) == (1, "2.0000")


@row("BUS-10")
def test_amounts_with_tax_and_without_are_asked_about(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount, tax_basis: tax}"
    text = "order,date,amount,tax\n1,2026-10-01,5,gross\n2,2026-10-01,5,%s\n"
    arrive({"lines.csv": text % "net"}, columns=columns).refused("differ in `tax_basis` (`gross` 1, `net` 1 rows)")
    arrive({"lines.csv": text % "gross"}, columns=columns).accepted()


@row("BUS-12")
def test_a_status_that_the_rule_does_not_name_is_left_out_and_named(arrive):
    """Left out and named, not kept: the list promises that only these count, and an unpaid order is no revenue until somebody says so."""
    columns = "{order_id: order, ordered_at: date, amount: amount, order_status: status}"
    text = "order,date,amount,status\n1,2026-10-01,5,paid\n2,2026-10-01,6,open\n3,2026-10-01,7,shipped\n"
    found = arrive({"lines.csv": text}, columns=columns, more="rules: {statuses: [paid]}")
    found.noted("status_left_out", column="open", rows=1, amount="6.00").noted("status_left_out", column="shipped", rows=1)
    assert found.ledger["revenue"] == "5.0000"


@row("BUS-19")
def test_renamed_products_and_shared_names_are_counted_and_told_apart_by_id(arrive):
    columns = "{order_id: order, ordered_at: date, product_id: sku, product_name: name, amount: amount}"
    text = "order,date,sku,name,amount\n1,2026-10-01,a,Tea,5\n2,2026-10-02,a,Green tea,5\n3,2026-10-03,b,Tea,5\n"
    found = arrive({"lines.csv": text}, columns=columns).noted("product_renamed", rows=1).noted("name_shared", rows=1)
    assert ("a", "Green tea", datetime(2026, 10, 2)) in found.rows("products", "product_id", "product_name", "named_at")


@row("BUS-21")
def test_a_campaign_that_ends_before_it_begins_and_money_spent_below_zero_are_set_aside(arrive):
    """Campaigns that overlap are taken: they are no mistake."""
    sources = """
    - table: campaigns
      files: k.csv
      columns: {campaign_id: id, starts_at: from, ends_at: to}
    - table: marketing_spend
      files: s.csv
      columns: {spent_at: at, channel: channel, spend_amount: spent}
    """
    files = {
        "k.csv": "id,from,to\na,2026-10-05,2026-10-01\nb,2026-10-01,2026-10-07\nc,2026-10-02 10:00,2026-10-02\n",
        "s.csv": "at,channel,spent\n2026-10-01,mail,-5\n2026-10-01,mail,7\n",
    }
    found = arrive(files, sources=sources)
    assert found.aside() == [(2, "to", "2026-10-01", "interval"), (2, "spent", "-5", "sign_conflict")]
    assert found.rows("campaigns", "campaign_id") == [("b",), ("c",)]
