"""Numbers, dates, ids and what is missing (NUM, DAT, IDS, NUL)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from rows import row

HEADER = "order,date,customer,product,qty,amount\n"
GOOD = "g1,2026-10-01,c9,tea,1,5.00\n"
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"


def amount(lines, text, **options):
    return lines(GOOD + f'o1,2026-10-03,c1,tea,1,"{text}"\n', **options)


def dated(arrive, texts, how="", zone="UTC"):
    body = "".join(f"{i},{text},1\n" for i, text in enumerate(texts))
    return arrive(
        {"lines.csv": "order,at,amount\n" + body},
        zone=zone,
        columns=f"{{order_id: order, amount: amount, ordered_at: {{column: at{how}}}}}",
    )


@row("NUM-01", "NUM-03", "NUM-05")
@pytest.mark.parametrize(
    ("text", "value"),
    [("1,010.10", "1010.10"), ("１０.１０", "10.10"), ("−10.10", "-10.10"), ("1\u00a0010.10", "1010.10"), ("1\u2009010.10", "1010.10")],
)
def test_ways_to_write_an_amount_are_read_exactly(lines, text, value):
    assert amount(lines, text).rows("order_lines", "amount")[1] == (Decimal(value),)


@row("NUM-02")
def test_the_clients_currency_is_taken_off_and_another_is_refused(lines):
    for text in ("¥10.10", "￥10.10", "10.10元", "CNY 10.10"):
        assert amount(lines, text, currency="CNY").rows("order_lines", "amount")[1] == (Decimal("10.10"),)
    assert amount(lines, "$10.10", currency="CNY").aside() == [(3, "amount", "$10.10", "currency_mismatch")]


@row("NUM-09")
def test_an_amount_beyond_the_clients_limit_is_set_aside_and_one_that_outweighs_the_rest_is_noted(lines):
    limit = "limits: {quarantine_rows: 1, quarantine_revenue: 1, largest_amount: 100000}"
    assert amount(lines, "1000000000", more=limit).aside() == [(3, "amount", "1000000000", "amount_out_of_range")]
    assert amount(lines, "99999999999999999999").aside() == [(3, "amount", "99999999999999999999", "amount_out_of_range")]
    lines(GOOD * 20 + "o1,2026-10-03,c1,tea,1,1000000000\n").noted("one_line_dominates", amount="100%")
    lines(GOOD * 20).noted("duplicates")


@row("NUM-10")
@pytest.mark.parametrize("text", ["0x10", "1_0.10", "1e3", "0o7"])
def test_what_only_programmers_call_a_number_is_refused(lines, text):
    assert amount(lines, text).aside() == [(3, "amount", text, "amount_unparsable")]


@row("NUM-11")
def test_fractions_of_a_cent_are_kept_and_counted(lines):
    found = amount(lines, "10.105").noted("finer_than_currency", rows=1)
    assert found.rows("order_lines", "amount")[1] == (Decimal("10.105"),)


@row("NUM-12")
def test_money_in_doubles_is_what_was_meant_or_refused(arrive):
    table = pa.table({"order": ["a", "b"], "date": ["2026-10-01"] * 2, "amount": [19.989999999999998, 1.23456]})
    found = arrive({"p.parquet": table}, columns="{order_id: order, ordered_at: date, amount: amount}")
    assert found.rows("order_lines", "amount") == [(Decimal("19.99"),)]
    assert found.aside() == [(2, "amount", "1.23456", "not_a_money_value")]


@row("NUM-13")
def test_a_line_without_a_price_is_kept_and_makes_no_order_value(lines):
    found = lines(GOOD + "o1,2026-10-03,c1,tea,1,0\n")
    assert found.rows("order_lines", "order_id", "kind") == [("g1", "sale"), ("o1", "free")]
    assert found.rows("orders", "order_id", "is_purchase") == [("g1", True), ("o1", False)]


@row("NUM-14")
def test_a_price_below_zero_is_an_adjustment_outside_revenue(lines):
    found = lines(GOOD + "o1,2026-10-03,c1,tea,1,-5\n")
    assert found.rows("order_lines", "kind", "revenue") == [("sale", Decimal(5)), ("adjustment", Decimal(0))]


@row("NUM-15")
def test_quantity_times_price_is_compared_with_the_amount(arrive):
    columns = "{order_id: order, ordered_at: date, quantity: qty, unit_price: price, amount: amount}"
    text = "order,date,qty,price,amount\na,2026-10-01,3,10.00,29.00\nb,2026-10-01,2,5,10\n"
    found = arrive({"lines.csv": text}, columns=columns).noted("parts_differ", rows=1, amount="-1.00")
    assert found.ledger["revenue"] == "39.0000"


@row("NUM-16")
def test_an_orders_total_is_compared_with_its_lines(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount, order_total: total}"
    text = "order,date,amount,total\na,2026-10-01,60,100\na,2026-10-01,30,\nb,2026-10-01,5,5\n"
    found = arrive({"lines.csv": text}, columns=columns).noted("totals_differ", rows=1, amount="10.00")
    assert found.ledger["revenue"] == "95.0000"


@row("DAT-02")
def test_a_format_that_changes_in_a_column_is_set_aside(arrive):
    found = dated(arrive, ["10/03/2026", "13/10/2026"], ', format: "%m/%d/%Y"')
    assert found.aside() == [(3, "at", "13/10/2026", "date_format")]


@row("DAT-03")
def test_an_iso_date_is_never_turned_round(arrive):
    assert dated(arrive, ["2026-10-03"]).rows("order_lines", "ordered_at") == [(datetime(2026, 10, 3),)]
    assert dated(arrive, ["2026-10-03", "03/10/2026"], ', format: "%d/%m/%Y"').aside() == [(2, "at", "2026-10-03", "date_format")]


@row("DAT-04")
@pytest.mark.parametrize(("how", "serial"), [("excel_serial", "46298.5"), ("excel_serial_1904", "44836.5")])
def test_days_since_1900_or_1904_are_read_only_where_declared(arrive, how, serial):
    dated(arrive, [serial]).refused(f"`{serial}` (date_format")
    assert dated(arrive, [serial], f", format: {how}").rows("order_lines", "ordered_at") == [(datetime(2026, 10, 3, 12),)]
    assert dated(arrive, [serial, "1"], f", format: {how}").aside()[0][2:] == ("1", "date_out_of_range")


@row("DAT-05")
@pytest.mark.parametrize(("how", "zeros"), [("epoch_s", 0), ("epoch_ms", 3), ("epoch_us", 6)])
def test_seconds_since_1970_are_read_in_the_declared_unit_and_another_is_refused(arrive, how, zeros):
    right = "1790985600" + "0" * zeros
    assert dated(arrive, [right], f", format: {how}").rows("order_lines", "ordered_at") == [(datetime(2026, 10, 3),)]
    for other in {0, 3, 6} - {zeros}:
        dated(arrive, ["1790985600" + "0" * other], f", format: {how}").refused("none of its 1 rows could be read", "date_")


@row("DAT-06")
def test_chinese_dates_are_read_as_declared(arrive):
    found = dated(arrive, ["2026年10月3日 下午 2:05", "2026年10月3日 上午 2:05"], ', format: "%Y年%m月%d日 %p %I:%M"')
    assert sorted(found.rows("order_lines", "ordered_at")) == [(datetime(2026, 10, 3, 2, 5),), (datetime(2026, 10, 3, 14, 5),)]
    dated(arrive, ["2026年10月3日"]).refused("date_format", "set `format`")


@row("DAT-07")
def test_a_year_of_two_digits_is_asked_about(arrive):
    dated(arrive, ["03-10-26"]).refused("`03-10-26` (date_format", "set `format` to how this column writes dates")


@row("DAT-09")
@pytest.mark.parametrize("text", ["1900-01-01", "1970-01-01", "9999-12-31"])
def test_a_date_that_means_not_known_is_refused_until_it_is_named(arrive, text):
    assert dated(arrive, ["2026-10-03", text]).aside() == [(3, "at", text, "date_out_of_range")]
    sources = f"""
    - table: customers
      files: c.csv
      columns: {{customer_id: id, registered_at: {{column: since, null: ['{text}']}}}}
    """
    assert arrive({"c.csv": f"id,since\na,{text}\n"}, sources=sources).rows("customers", "registered_at") == [(None,)]


@row("DAT-12")
def test_hours_that_the_clock_skips_or_repeats_follow_one_rule_and_are_counted(arrive):
    found = dated(arrive, ["2026-03-08 02:30", "2026-11-01 01:30", "2026-06-01 12:00"], ", time_zone: America/New_York")
    found.noted("hour_skipped", rows=1, column="at").noted("hour_twice", rows=1, column="at")
    times = [at for (at,) in found.rows("order_lines", "ordered_at")]
    assert times == [datetime(2026, 3, 8, 7, 30), datetime(2026, 6, 1, 16), datetime(2026, 11, 1, 6, 30)]


@row("DAT-13")
def test_times_with_and_without_a_zone_in_one_column_are_asked_about(arrive):
    mixed = ["2026-10-03T10:00:00Z", "2026-10-03T10:00:00"]
    dated(arrive, mixed).refused("column at: 1 times with a zone and 1 without", "`time_zone`")
    assert len(dated(arrive, mixed, ", time_zone: UTC").rows("order_lines", "ordered_at")) == 2


@row("DAT-14")
def test_months_are_counted_not_added():
    """A birthday on 29 February needs no rule: a year of birth is all that custkit reads of it."""
    from custkit.period import Period

    january = Period(2026, 1)
    assert [str(january + n) for n in (1, 2, 13)] == ["2026-02", "2026-03", "2027-02"]
    assert january + 1 + 1 == january + 2
    assert (january + 1).end == datetime(2026, 3, 1)


@row("DAT-17")
def test_a_month_without_reach_is_refused_with_the_months_there_are_and_an_empty_one_is_zero(lines):
    from custkit.analysis.kpis import monthly_kpis
    from custkit.book import open_book
    from custkit.errors import BadInput

    lines("o1,2026-08-03,c1,tea,1,5\no2,2026-10-03,c1,tea,1,5\n").accepted()
    with pytest.raises(BadInput, match="its data span 2026-08 to 2026-10"):
        open_book("test", "2020-01")
    book = open_book("test", "2026-10")
    told = monthly_kpis(book.orders, book.customers, book.events, period=book.period, rules=book.client.lifecycle, months=3)
    assert told["orders"].tolist() == [1, 0, 1]


@row("DAT-18")
def test_a_month_told_otherwise_than_before_is_counted(lines):
    lines("o1,2026-09-03,c1,tea,1,5\n").unremarked()
    found = lines("o1,2026-09-03,c1,tea,1,5\no2,2026-09-04,c1,tea,1,7\no3,2026-10-04,c1,tea,1,7\n")
    found.noted("month_restated", rows=1, column="2026-09", amount="7.00")


@row("DAT-20")
def test_what_cannot_have_been_is_counted_and_kept(arrive):
    sources = """
    - table: order_lines
      files: lines.csv
      columns: {order_id: order, ordered_at: date, customer_id: customer, amount: amount, quantity: qty}
    - table: customers
      files: c.csv
      columns: {customer_id: id, registered_at: since}
    """
    files = {"lines.csv": HEADER + "o1,2026-10-03,c1,tea,-1,-5\no2,2026-10-04,c1,tea,1,5\n", "c.csv": "id,since\nc1,2026-10-20\n"}
    found = arrive(files, sources=sources).noted("registered_after_order", rows=1).noted("returns_without_sale", rows=1, amount="-5.00")
    assert len(found.rows("order_lines", "order_id")) == 2


@row("IDS-01", "IDS-05")
def test_ids_are_text_whatever_stands_in_them(lines):
    found = lines("000001,2026-10-03,9007199254740993123,007,1,5\n000002,2026-10-03,,007,1,5\n")
    assert found.rows("order_lines", "order_id", "customer_id", "product_id") == [
        ("000001", "9007199254740993123", "007"),
        ("000002", None, "007"),
    ]


@row("IDS-04")
def test_digits_that_a_spreadsheet_lost_are_refused(lines):
    """Set aside and over the limit an error, not an error at once: one such cell in a million rows should not cost the other rows."""
    body = GOOD + "1.23457E+15,2026-10-03,c1,tea,1,5\n"
    assert lines(body).aside() == [(3, "order", "1.23457E+15", "id_digits_lost")]
    lines(body, more="").refused("column order: `1.23457E+15` (id_digits_lost", "format the column as text")


@row("IDS-06")
@pytest.mark.parametrize("word", ["NA", "NULL", "nan", "None", "inf", "true"])
def test_words_that_programs_take_for_nothing_are_ids(lines, word):
    assert lines(f"{word},2026-10-03,{word},{word},1,5\n").rows("order_lines", "order_id", "customer_id", "product_id") == [(word,) * 3]


@row("IDS-07")
def test_a_spreadsheets_wrapper_is_taken_off_and_counted(lines):
    found = lines("=\"00123\",2026-10-03,'75008,\ttea,1,5\n=1+1,2026-10-04,O'Neill,'n tea',1,5\n")
    found.noted("unwrapped", rows=1, column="order").noted("unwrapped", rows=1, column="customer")
    ids = found.rows("order_lines", "order_id", "customer_id", "product_id")
    assert ids == [("00123", "75008", "tea"), ("=1+1", "O'Neill", "'n tea'")]


@row("IDS-08")
def test_ids_that_differ_only_in_case_stay_apart_and_are_counted(lines):
    found = lines("o1,2026-10-03,c001,tea,1,5\no2,2026-10-03,C001,tea,1,5\no3,2026-10-03, C001 ,tea,1,5\n")
    found.noted("ids_alike", rows=2, column="customer_id")
    assert sorted(set(found.rows("orders", "customer_id"))) == [("C001",), ("c001",)]


@row("NUL-02")
def test_guests_are_revenue_and_no_customers(lines):
    found = lines("o1,2026-10-03,c1,tea,1,4\no2,2026-10-03,,tea,1,2\n")
    assert found.ledger["revenue"] == "6.0000"
    assert (found.ledger["guests"]["rows"], found.ledger["guests"]["revenue"]) == (1, "2.0000")
    assert found.rows("customers", "customer_id") == [("c1",)]


@row("NUL-04")
@pytest.mark.parametrize("rows", [1, 40])
def test_what_an_order_says_once_counts_for_its_lines_and_its_money_once(arrive, rows):
    columns = (
        "{order_id: order, customer_id: {column: customer, fill_down: true}, ordered_at: {column: date, fill_down: true}, "
        "quantity: qty, unit_price: price, discount_amount: off}"
    )
    order = "a{i},2026-10-03,c1,1,4,1\na{i},,,2,3,\nb{i},2026-10-04,,1,5,\n"
    body = "".join(order.format(i=i) for i in range(rows))
    found = arrive({"lines.csv": "order,date,customer,qty,price,off\n" + body}, columns=columns)
    assert found.rows("orders", "customer_id", "discount_amount", "revenue")[0] == ("c1", Decimal(1), Decimal(10))
    assert found.rows("orders", "customer_id")[rows:] == [(None,)] * rows
    found.noted("filled_down", rows=rows, column="customer")
    columns = "{order_id: order, ordered_at: date, amount: {column: price, fill_down: true}}"
    arrive({"lines.csv": "order,date,price\na,2026-10-03,5\n"}, columns=columns).refused(
        "`fill_down` would count amount once for every line"
    )


@row("NUL-05")
def test_a_column_that_was_filled_and_is_empty_now_is_noted(arrive):
    columns = "{order_id: order, ordered_at: date, amount: amount, region: city}"
    text = "order,date,amount,city\n" + "a,2026-10-01,5,Bonn\nb,2026-10-02,6,Bonn\n"
    arrive({"lines.csv": text}, columns=columns).accepted()
    emptied = arrive({"lines.csv": text.replace("Bonn", "")}, columns=columns)
    emptied.noted("filled_less", column="region", amount="0%")


@row("IDS-11")
def test_merged_ids_are_one_customer_and_a_circle_is_refused(arrive):
    sources = """
    - {table: order_lines, files: lines.csv, columns: {order_id: order, ordered_at: date, customer_id: customer, amount: amount}}
    - {table: merged_customers, files: merges.csv, columns: {customer_id: old, merged_into: new}}
    """
    lines = HEADER + "o1,2026-10-01,c1,tea,1,5\no2,2026-10-02,c2,tea,1,6\no3,2026-10-03,c3,tea,1,7\no4,2026-10-04,c4,tea,1,8\n"
    found = arrive({"lines.csv": lines, "merges.csv": "old,new\nc1,c2\nc2,c3\n"}, sources=sources)
    assert found.rows("orders", "order_id", "customer_id", "order_number") == [
        ("o1", "c3", 1), ("o2", "c3", 2), ("o3", "c3", 3), ("o4", "c4", 1),
    ]  # fmt: skip
    assert found.rows("customers", "customer_id") == [("c3",), ("c4",)]
    found.noted("customers_merged", rows=3)
    found.noted("merged_into", rows=1)
    circle = {"lines.csv": lines, "merges.csv": "old,new\nc1,c2\nc2,c3\nc3,c1\n"}
    arrive(circle, sources=sources).refused("merges.csv: ids are merged in a circle: `c1` → `c2` → `c3` → `c1`; take out")
