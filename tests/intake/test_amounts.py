"""What counts as an amount, exactly."""

from __future__ import annotations

import re
from decimal import Decimal

import pyarrow as pa
import pytest

from custkit.errors import BadInput

SOURCE = """
- table: order_lines
  files: lines.csv
  columns:
    order_id: order
    ordered_at: date
    customer_id: customer
    amount: {column: amount%s}
"""
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"


def read(take, text, *, mark="", currency="EUR"):
    body = f'order,date,customer,amount\ng,2026-10-01,c,7\na,2026-10-02,c,"{text}"\n'
    return take({"lines.csv": body}, sources=SOURCE % mark, more=LENIENT, currency=currency)


AMOUNTS = [
    ("10.10", "10.10"),
    ("+3", "3"),
    ("-0.05", "-0.05"),
    (".50", "0.50"),
    ("1,010.10", "1010.10"),
    ("1,234,567", "1234567"),
    ("12 345.60", "12345.60"),
    ("12\u00a0345.60", "12345.60"),
    ("1\u2009010.10", "1010.10"),
    ("1'010.10", "1010.10"),
    ("−10.10", "-10.10"),
    ("１０.１０", "10.10"),
    ("－１，０１０.１０", "-1010.10"),
    ("€10.10", "10.10"),
    ("-€ 10.10", "-10.10"),
    ("10.10 EUR", "10.10"),
    ("10.1050", "10.105"),
    ("(24.75)", "-24.75"),
    ("24.75-", "-24.75"),
    ("(€1,024.75)", "-1024.75"),
    ("€(24.75)", "-24.75"),
    ("(24.75) EUR", "-24.75"),
    ("€24.75-", "-24.75"),
    ("24.75- EUR", "-24.75"),
    ("24.75 €-", "-24.75"),
    ("（２４.７５）", "-24.75"),
    ("1,00,000.00", "100000"),
    ("12,34,567", "1234567"),
    ("19.989999999999998", "19.99"),
    ("10.10000000", "10.10"),
    ("999999999999.99", "999999999999.99"),
]
NO_AMOUNTS = [
    ("1e3", "amount_unparsable"),
    ("0x10", "amount_unparsable"),
    ("1_0.10", "amount_unparsable"),
    ("NaN", "amount_unparsable"),
    ("inf", "amount_unparsable"),
    ("N/K", "amount_unparsable"),
    ("10,10", "amount_unparsable"),
    ("1,01", "amount_unparsable"),
    ("1.010,10", "amount_unparsable"),
    ("1.2.3", "amount_unparsable"),
    ("--1", "amount_unparsable"),
    ("-(5)", "amount_unparsable"),
    ("(5-)", "amount_unparsable"),
    ("(-5)", "amount_unparsable"),
    ("((5))", "amount_unparsable"),
    ("(5", "amount_unparsable"),
    ("5--", "amount_unparsable"),
    ("-5-", "amount_unparsable"),
    ("24.75 CR", "amount_unparsable"),
    ("€24.75 CR", "amount_unparsable"),
    ("1,00,00", "amount_unparsable"),
    ("10,00,000,00", "amount_unparsable"),
    ("($10.10)", "currency_mismatch"),
    ("$10.10", "currency_mismatch"),
    ("10.10 USD", "currency_mismatch"),
    ("99999999999999999999", "amount_out_of_range"),
    ("10.12345", "not_a_money_value"),
    ("#DIV/0!", "excel_error"),
]


def test_an_amount_is_read_to_the_last_digit(take):
    body = "".join(f'{i:02d},2026-10-01,c,"{text}"\n' for i, (text, _amount) in enumerate(AMOUNTS))
    found = take({"lines.csv": "order,date,customer,amount\n" + body}, sources=SOURCE % "", more=LENIENT)
    assert found.aside == []
    assert found.rows("order_lines", "order_id", "amount") == [(f"{i:02d}", Decimal(amount)) for i, (_text, amount) in enumerate(AMOUNTS)]


def test_what_is_no_amount_is_set_aside_with_its_place_and_reason(take):
    body = "".join(f'a,2026-10-01,c,"{text}"\n' for text, _reason in NO_AMOUNTS)
    found = take({"lines.csv": "order,date,customer,amount\n" + body + "g,2026-10-01,c,7\n"}, sources=SOURCE % "", more=LENIENT)
    assert found.aside == [(line, "amount", text, reason) for line, (text, reason) in enumerate(NO_AMOUNTS, start=2)]
    assert found.counts == (len(NO_AMOUNTS) + 1, 0, 0, 1, len(NO_AMOUNTS))


@pytest.mark.parametrize(("text", "amount"), [("10,10", "10.10"), ("1.010,10", "1010.10"), ("10", "10"), ("1.010", "1010")])
def test_a_decimal_comma_counts_only_where_it_is_declared(take, text, amount):
    assert read(take, text, mark=', decimal: ","').rows("order_lines", "amount")[1] == (Decimal(amount),)


def test_a_point_is_no_decimal_mark_where_the_comma_is(take):
    assert read(take, "10.10", mark=', decimal: ","').aside == [(3, "amount", "10.10", "amount_unparsable")]


@pytest.mark.parametrize("text", ["¥10.10", "￥10.10", "10.10元", "CNY 10.10", "人民币10.10", "１０.１０元"])
def test_a_chinese_client_writes_its_currency_in_many_ways(take, text):
    assert read(take, text, currency="CNY").rows("order_lines", "amount")[1] == (Decimal("10.10"),)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("CHF 4'750.36", "CHF", "4750.36"), ("4'750.36CHF", "CHF", "4750.36"), ("12.50 kr", "SEK", "12.50"), ("kr. 12.50", "DKK", "12.50"),
        ("R$ 12.50", "BRL", "12.50"), ("12.50 zł", "PLN", "12.50"), ("₹1,00,000.00", "INR", "100000"), ("$12.50", "AUD", "12.50"),
        ("12.50 SEK", "SEK", "12.50"), ("AED12.50", "AED", "12.50"),
    ],
)  # fmt: skip
def test_the_code_and_the_sign_of_the_clients_currency_stand_on_either_side(take, text, currency, amount):
    assert read(take, text, currency=currency).rows("order_lines", "amount")[1] == (Decimal(amount),)


def test_negatives_as_accountants_write_them_are_counted_and_other_negatives_are_not(take):
    body = "".join(f'{i},2026-10-01,c,"{text}"\n' for i, text in enumerate(["(5)", "5-", "-5", "$-5", "5", "$(1,000.50)"]))
    found = take({"lines.csv": "order,date,customer,amount\n" + body}, sources=SOURCE % "", more=LENIENT, currency="USD")
    assert found.aside == [] and sum(amount for (amount,) in found.rows("order_lines", "amount")) == Decimal("-1015.50")
    notes = [(note.column, note.rows) for note in found.snapshot.notes if note.code == "accounting_negative"]
    assert notes == [("amount", 3)]


def test_a_trailing_minus_and_a_decimal_comma(take):
    assert read(take, "1.228,00-", mark=', decimal: ","').rows("order_lines", "amount")[1] == (Decimal("-1228"),)


def test_a_mark_at_school_is_no_negative_number(take):
    """In a school's marks 3- is a little worse than 3, and no number below zero."""
    source = "\n- table: surveys\n  files: answers.csv\n  columns: {response_id: id, answered_at: date, score: score}\n"
    found = take({"answers.csv": "id,date,score\na,2026-10-01,3-\nb,2026-10-01,2\n"}, sources=source, more=LENIENT)
    assert found.aside == [(2, "score", "3-", "number_unparsable")]


@pytest.mark.parametrize(
    ("text", "says"),
    [("10,10", "set `decimal` if"), ("24.75 CR", "CR and DR mean"), ("N/K", "name texts that mean"), ("$5", "correct `currency`")],
)
def test_the_remedy_goes_by_the_value(take, text, says):
    with pytest.raises(BadInput, match=re.escape(says)):
        take({"lines.csv": f'order,date,customer,amount\na,2026-10-02,c,"{text}"\n'}, sources=SOURCE % "")


def test_a_word_for_not_known_is_null_only_where_the_client_file_names_it(take):
    found = read(take, "N/K", mark=", null: [N/K]")
    assert found.aside == [(3, "amount", "N/K", "missing_required")]


def test_a_sign_turns_discounts_counted_below_zero_around(take):
    source = """
    - table: order_lines
      files: lines.csv
      columns: {order_id: order, ordered_at: date, amount: amount, discount_amount: {column: off, sign: -1}}
    """
    found = take({"lines.csv": "order,date,amount,off\na,2026-10-01,8,-2\nb,2026-10-01,8,\n"}, sources=source)
    assert found.rows("order_lines", "discount_amount", "gross_amount") == [(Decimal(2), Decimal(10)), (Decimal(0), Decimal(8))]


def test_money_in_doubles_is_the_decimal_that_was_meant(take):
    table = pa.table(
        {
            "order": ["a", "b", "c"],
            "date": ["2026-10-01"] * 3,
            "customer": ["c"] * 3,
            "amount": pa.array([19.99, 0.1 + 0.2, 1.23456], pa.float64()),
        }
    )
    found = take({"lines.parquet": table}, sources=(SOURCE % "").replace("lines.csv", "lines.parquet"), more=LENIENT)
    assert found.rows("order_lines", "amount") == [(Decimal("19.99"),), (Decimal("0.30"),)]
    assert found.aside == [(3, "amount", "1.23456", "not_a_money_value")]


def test_every_price_of_a_shop_survives_a_double(take):
    cents = range(1, 20_000, 7)
    table = pa.table({"order": [str(c) for c in cents], "date": ["2026-10-01"] * len(cents), "amount": [c / 100 for c in cents]})
    source = "- table: order_lines\n  files: p.parquet\n  columns: {order_id: order, ordered_at: date, amount: amount}"
    found = take({"p.parquet": table}, sources=source)
    assert found.lines["amount"] == f"{Decimal(sum(cents)) / 100:.4f}"


def test_a_column_that_fails_whole_stops_intake_whatever_the_limits(take):
    with pytest.raises(BadInput, match=r"none of its 2 rows could be read.*(?s:.)*line 2 column amount: `x` \(amount_unparsable, 2 rows"):
        take({"lines.csv": "order,date,customer,amount\na,2026-10-01,c,x\nb,2026-10-01,c,y\n"}, sources=SOURCE % "", more=LENIENT)
