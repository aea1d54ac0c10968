"""Every record of a text file is accounted for: accepted, blank, structural or set aside with its line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from custkit.errors import BadInput

COLUMNS = "{order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}"
HEADER = "order,date,customer,product,qty,amount\n"
GOOD = "g1,2026-10-01,c9,tea,1,5.00\n"
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"


def test_an_unquoted_comma_sets_its_line_aside_and_shifts_nothing(lines):
    found = lines("o1,2026-10-03,c1,tea,green,1,10.10\no2,2026-10-03,c1,tea,1,10.10\n")
    assert found.aside == [(2, None, "7 of 6", "field_count")]
    assert found.rows("order_lines", "order_id", "amount") == [("o2", Decimal("10.10"))]


def test_a_last_record_cut_off_is_set_aside(lines):
    found = lines(GOOD + "o2,2026-10-03,c1,te")
    assert found.aside == [(3, None, "4 of 6", "truncated")]
    assert found.counts == (2, 0, 0, 1, 1)


def test_a_repeated_header_is_structure(lines):
    found = lines(GOOD + HEADER + GOOD.replace("g1", "g2"))
    assert found.counts == (3, 0, 1, 2, 0)
    assert found.aside == [(3, "date", "date", "repeated_header")]


@pytest.mark.parametrize("row", ["Total,,,,,15.00", "合计,,,,2,15.00", "小计：,,,,2,15.00", ",,,Grand total,2,15.00"])
def test_a_total_row_is_structure_and_doubles_nothing(lines, row):
    found = lines(GOOD + row + "\n")
    assert found.counts == (2, 0, 1, 1, 0)
    assert found.lines["revenue"] == "5.0000"


def test_a_product_called_total_is_sold_like_any_other(lines):
    assert lines("o1,2026-10-03,c1,Total,1,10.10\n").counts == (1, 0, 0, 1, 0)


def test_a_row_that_begins_with_a_hash_is_data(lines):
    assert lines("#11,2026-10-03,c1,tea,1,10.10\n").rows("order_lines", "order_id") == [("#11",)]


def test_blank_records_are_counted(lines):
    assert lines("\n" + GOOD + "\n,,,,,\n\n").counts == (5, 4, 0, 1, 0)


def test_a_line_break_inside_quotes_keeps_line_numbers_right(lines):
    found = lines('o1,2026-10-03,c1,"te\na",1,10.10\no2,2026-10-03,c1,"a ""b"", c",1,x\n')
    assert found.rows("order_lines", "product_id") == [("te\na",)]
    assert found.aside == [(4, "amount", "x", "amount_unparsable")]


def test_a_quote_inside_an_unquoted_field_is_text(lines):
    found = lines('o1,2026-10-03,c1,5" pipe,1,10.10\no2,2026-10-03,c1,"te\na",1,x\n')
    assert found.rows("order_lines", "product_id") == [('5" pipe',)]
    assert found.aside == [(3, "amount", "x", "amount_unparsable")]


def test_a_quote_that_never_closes_is_named_with_what_it_would_swallow(lines):
    with pytest.raises(BadInput, match=r"lines\.csv line 3: a quote opens .* swallow 3 physical lines"):
        lines(GOOD + 'o1,2026-10-03,c1,"tea,1,10.10\n' + GOOD + GOOD)


def test_a_backslash_does_not_escape_a_quote(lines):
    with pytest.raises(BadInput, match=r"lines\.csv line 3: .*backslash"):
        lines(GOOD + 'o1,2026-10-03,c1,"te\\"a",1,10.10\n')


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_kind_are_read_alike(take, end):
    text = (HEADER + GOOD + "\n" + GOOD.replace("5.00", "x")).replace("\n", end)
    found = take({"lines.csv": text}, more=LENIENT)
    assert found.counts == (3, 1, 0, 1, 1)
    assert found.aside == [(4, "amount", "x", "amount_unparsable")]


def test_mixed_line_ends_are_read_alike(take):
    assert take({"lines.csv": HEADER + GOOD.replace("\n", "\r\n") + GOOD + GOOD.rstrip()}).counts == (3, 0, 0, 3, 0)


@pytest.mark.parametrize(("control", "shown"), [("\x00", "t\x00ea"), ("\x1a", "t\x1aea")])
def test_a_control_character_sets_only_its_row_aside(lines, control, shown):
    found = lines(f"o1,2026-10-03,c1,t{control}ea,1,10.10\n{GOOD}")
    assert found.aside == [(2, "product", shown, "control_character")]
    assert found.counts == (2, 0, 0, 1, 1)


def test_ids_are_text_and_null_words_are_ids(lines):
    body = "".join(
        f"{order},2026-10-03,{customer},00{i},1,1\n"
        for i, (order, customer) in enumerate([("0001", "NA"), ("0002", "null"), ("1E5", "nan")])
    )
    assert lines(body).rows("order_lines", "order_id", "customer_id", "product_id") == [
        ("0001", "NA", "000"),
        ("0002", "null", "001"),
        ("1E5", "nan", "002"),
    ]


def test_ids_are_trimmed(lines):
    assert lines(" o1 ,2026-10-03,\u3000c1\u00a0,tea , 1 , 10.10 \n").rows(
        "order_lines", "order_id", "customer_id", "product_id", "amount"
    ) == [("o1", "c1", "tea", Decimal("10.10"))]


def test_columns_are_found_by_name_in_any_order_and_case(take):
    text = "AMOUNT ,unused,Date,order,CUSTOMER,qty,Product\n5,x,2026-10-03,o1,c1,1,tea\n"
    assert take({"lines.csv": text}).rows("order_lines", "order_id", "product_id", "amount") == [("o1", "tea", Decimal(5))]


def test_columns_that_differ_only_in_case_are_refused(take):
    with pytest.raises(BadInput, match="the columns `amount` and `Amount ` are the same but for case"):
        take({"lines.csv": "order,date,customer,product,qty,amount,Amount \n"})


def test_a_file_without_its_header_is_refused_not_robbed_of_a_row(take):
    with pytest.raises(BadInput, match="ask for one"):
        take({"lines.csv": GOOD + GOOD})


def test_title_lines_are_found_and_the_setting_is_named(take):
    with pytest.raises(BadInput, match="The header stands on line 3: set `skip_rows: 2`"):
        take({"lines.csv": "Sales of October\nAcme Ltd\n" + HEADER + GOOD})


def test_title_lines_are_skipped_where_declared(take):
    sources = f"- table: order_lines\n  files: lines.csv\n  skip_rows: 2\n  columns: {COLUMNS}"
    found = take({"lines.csv": "Sales of October\nAcme Ltd\n" + HEADER + GOOD + "o,2026-10-01,c,t,1,x\n"}, sources=sources, more=LENIENT)
    assert found.counts == (2, 0, 0, 1, 1)
    assert found.aside[0][0] == 5


@pytest.mark.parametrize(("mark", "hint"), [(";", "`;`"), ("\t", "tab"), ("，", "full-width comma")])
def test_another_delimiter_is_suggested(take, mark, hint):
    with pytest.raises(BadInput, match=hint):
        take({"lines.csv": (HEADER + GOOD).replace(",", mark)})


@pytest.mark.parametrize(("declared", "mark"), [('";"', ";"), ("tab", "\t"), ('"|"', "|"), ("whitespace", "  ")])
def test_a_declared_delimiter_is_used(take, declared, mark):
    sources = f"- table: order_lines\n  files: lines.csv\n  delimiter: {declared}\n  columns: {COLUMNS}"
    assert take({"lines.csv": (HEADER + GOOD).replace(",", mark)}, sources=sources).counts == (1, 0, 0, 1, 0)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"  \n\n"])
def test_an_empty_file_is_refused(take, content):
    with pytest.raises(BadInput, match=r"lines\.csv: is empty"):
        take({"lines.csv": content})


def test_a_header_without_rows_is_refused_for_order_lines(take):
    with pytest.raises(BadInput, match="has a header and no rows"):
        take({"lines.csv": HEADER})


def test_a_byte_order_mark_is_no_part_of_the_first_column(take):
    assert take({"lines.csv": b"\xef\xbb\xbf" + (HEADER + GOOD).encode()}).counts == (1, 0, 0, 1, 0)


def test_a_second_byte_order_mark_is_named(take):
    with pytest.raises(BadInput, match="second byte order mark"):
        take({"lines.csv": b"\xef\xbb\xbf" * 2 + (HEADER + GOOD).encode()})


def test_chinese_text_that_is_not_declared_names_byte_line_and_candidates(take):
    text = HEADER + GOOD + "o2,2026-10-03,c1,绿茶,1,10.10\n"
    with pytest.raises(BadInput, match=r"lines\.csv line 3, byte \d+: not UTF-8\. .*gb18030 would read `绿茶`"):
        take({"lines.csv": text.encode("gbk")})


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "utf-16"])
def test_a_declared_encoding_gives_what_utf8_gives(take, encoding):
    text = HEADER + GOOD + 'o2,2026-10-03,c1,"綠茶, 二兩",1,10.10\n'
    if encoding == "gbk":
        text = text.replace("綠茶", "绿茶")
    sources = f"- table: order_lines\n  files: lines.csv\n  encoding: {encoding}\n  columns: {COLUMNS}"
    one = take({"lines.csv": text.encode(encoding)}, sources=sources)
    twin = take({"lines.csv": text})
    assert one.rows("order_lines") == twin.rows("order_lines")
    assert one.counts == twin.counts == (2, 0, 0, 2, 0)


def test_an_encoding_that_changes_late_in_a_file_is_found(take):
    body = GOOD * 3000 + "o2,2026-10-03,c1,"
    with pytest.raises(BadInput, match="line 3002, byte "):
        take({"lines.csv": HEADER.encode() + body.encode() + "绿茶".encode("gbk") + b",1,10.10\n"})


def test_more_than_one_row_in_a_hundred_stops_intake_and_keeps_what_was_set_aside(take, tmp_path):
    with pytest.raises(BadInput) as caught:
        take({"lines.csv": HEADER + GOOD * 50 + "o2,2026-10-03,c1,tea,1,N/K\n"})
    message = str(caught.value)
    assert "order_lines: 1 of 51 rows could not be read, over the limit of 1.00%" in message
    assert "lines.csv line 52 column amount: `N/K` (amount_unparsable, 1 row; name texts that mean" in message
    kept = tmp_path / "home" / ".custkit" / "test" / "set_aside.parquet"
    assert str(kept) in message
    assert kept.exists()


def test_few_rows_of_much_money_stop_intake(take):
    with pytest.raises(BadInput, match=r"rows worth 1,000\.00 of 2,000\.00 EUR could not be read"):
        take({"lines.csv": HEADER + GOOD * 200 + "o2,never,c1,tea,1,1000\n"})


def test_customers_are_not_named_in_messages(take):
    sources = """
    - table: customers
      files: c.csv
      columns: {customer_id: id, birth_year: born}
    """
    with pytest.raises(BadInput, match="column born: `x`") as caught:
        take({"c.csv": "id,born\njohn@example.com,x\n"}, sources=sources)
    assert "john@" not in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"order,date,customer,product,qt\ry,amount\n1,2026-10-03,c1,tea,1,10.10\n5,2026-10-06,c2,two\xecines,1,3.50\n",
        b'"order,date\r\n1,2026-10-03,\xec\n',
        b"\xec",
        b"order,date\n" + b"\xec" * 200_000,
    ],
)
def test_a_file_that_is_not_utf8_is_refused_whatever_else_is_broken(take, raw):
    """The hint of what an encoding would read ended in a fault of csv's own, for a line end within the header."""
    with pytest.raises(BadInput):
        take({"lines.csv": raw})
