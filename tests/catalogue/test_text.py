"""Encodings, dialects, line ends, quotes and the structure of text files (ENC, STR)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rows import row

HEADER = "order,date,customer,product,qty,amount\n"
GOOD = "g1,2026-10-01,c9,tea,1,5.00\n"
CHINESE = HEADER + GOOD + "o2,2026-10-03,c1,绿茶二两,1,10.10\n"
SIMPLIFIED = "今天我们在这里买了很多东西因为价格非常便宜质量也好"
TRADITIONAL = "今天我們在這裡買了很多東西因為價格非常便宜品質也好"


@row("ENC-01")
def test_gbk_that_is_not_declared_is_asked_about_and_declared_is_read(arrive):
    arrive({"lines.csv": CHINESE.encode("gbk")}).refused("lines.csv line 3, byte ", "not UTF-8", "gb18030 would read `绿茶二两`")
    declared = arrive({"lines.csv": CHINESE.encode("gbk")}, extra="encoding: gb18030").rows("order_lines", "order_id", "product_id")
    assert declared == arrive({"lines.csv": CHINESE}).rows("order_lines", "order_id", "product_id")


@row("ENC-03")
@pytest.mark.parametrize(("written", "declared", "text"), [("big5", "gb18030", TRADITIONAL), ("gb18030", "big5", SIMPLIFIED)])
def test_one_chinese_encoding_read_as_the_other_is_refused_with_samples(arrive, written, declared, text):
    raw = (HEADER + f"o1,2026-10-03,c1,{text},1,5\n").encode(written)
    told = arrive({"lines.csv": raw}, extra=f"encoding: {declared}").refused("lines.csv", "encod")
    assert text[:4] in told.output or "not big5" in told.output
    arrive({"lines.csv": raw}, extra=f"encoding: {written}").unremarked()


@row("ENC-05")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named_and_read_where_declared(arrive, encoding):
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    raw = marks.get(encoding, b"") + CHINESE.replace(",", "\t").encode(encoding)
    arrive({"lines.csv": raw}).refused("lines.csv", "UTF-16 byte order mark", "`encoding: utf-16`")
    read = arrive({"lines.csv": raw}, extra="encoding: utf-16\ndelimiter: tab")
    assert read.rows("order_lines", "product_id") == [("tea",), ("绿茶二两",)]


@row("ENC-07")
def test_a_second_byte_order_mark_is_named(arrive):
    arrive({"lines.csv": b"\xef\xbb\xbf" * 2 + CHINESE.encode()}).refused("line 1", "second byte order mark", "`order`")


@row("ENC-08")
def test_mojibake_is_counted_by_column_and_left_alone(lines):
    broken = "grün".encode().decode("latin-1")
    found = lines(f"o1,2026-10-03,c1,{broken},1,5\no2,2026-10-03,c1,{broken},1,5\no3,2026-10-03,c1,grün,1,5\n")
    found.noted("mojibake", rows=2, column="product")
    assert (broken,) in found.rows("order_lines", "product_id")
    lines("o1,2026-10-03,c1,Ä für São Paulo,1,5\no2,2026-10-03,c1,绿茶,1,5\n").unremarked()


@row("ENC-09")
def test_an_encoding_that_changes_at_two_megabytes_is_found(arrive):
    raw = (HEADER + GOOD * 72_000).encode() + "o2,2026-10-03,c1,绿茶,1,5\n".encode("gbk")
    arrive({"lines.csv": raw}).refused("line 72002, byte ", "not UTF-8")


@row("ENC-10")
@pytest.mark.parametrize("control", ["\x00", "\x07", "\x7f"])
def test_a_control_character_sets_its_row_aside(lines, control):
    assert lines(GOOD + f"o1,2026-10-03,c1,t{control}ea,1,5\n").aside() == [(3, "product", f"t{control}ea", "control_character")]


@row("ENC-11")
def test_the_old_end_of_file_mark_ends_nothing(lines):
    found = lines(GOOD + "o1,2026-10-03,c1,t\x1aea,1,5\n" + GOOD * 3)
    assert found.aside() == [(3, "product", "t\x1aea", "control_character")]
    assert found.counts == (5, 0, 0, 4, 1)


@row("STR-01")
def test_semicolons_and_decimal_commas_are_asked_about_and_read_as_declared(arrive):
    text = (HEADER + "o1,2026-10-03,c1,tea,1,10.10\n").replace(",", ";").replace("10.10", "10,10")
    arrive({"lines.csv": text}).refused("separated by `;`", "set `delimiter`")
    assert "none of its 1 rows could be read" in arrive({"lines.csv": text}, extra='delimiter: ";"').refused("`10,10`", "`decimal`").output
    columns = '{order_id: order, ordered_at: date, amount: {column: amount, decimal: ","}}'
    found = arrive({"lines.csv": text}, columns=columns, extra='delimiter: ";"')
    assert found.rows("order_lines", "amount") == [(Decimal("10.10"),)]


@row("STR-03")
def test_a_full_width_comma_is_named(arrive):
    arrive({"lines.csv": (HEADER + GOOD).replace(",", "，")}).refused("first line seems to be separated by the full-width comma `，`")


@row("STR-04")
def test_excels_note_is_no_header(arrive):
    text = "sep=;\n" + (HEADER + GOOD).replace(",", ";")
    arrive({"lines.csv": text}).refused("line 1", "note to Excel", "skip_rows: 1", 'delimiter: ";"')
    arrive({"lines.csv": text}, extra='skip_rows: 1\ndelimiter: ";"').unremarked()


@row("STR-05", "STR-06")
@pytest.mark.parametrize("ends", [("\r",), ("\r\n", "\r\n", "\n")])
def test_line_ends_of_any_kind_give_the_same_rows_and_lines(arrive, ends):
    body = (HEADER + GOOD * 6 + "o1,2026-10-03,c1,tea,1,x\n").split("\n")[:-1]
    text = "".join(line + ends[i % len(ends)] for i, line in enumerate(body))
    assert arrive({"lines.csv": text.encode()}).aside() == [(8, "amount", "x", "amount_unparsable")]


@row("STR-07")
def test_a_line_break_in_quotes_is_text_and_the_record_is_named_by_its_first_line(lines):
    found = lines('o1,2026-10-03,c1,"te\na",1,5\no2,2026-10-03,c1,"te\na",1,x\n')
    assert found.rows("order_lines", "product_id") == [("te\na",)]
    assert found.aside() == [(4, "amount", "x", "amount_unparsable")]


@row("STR-09")
def test_an_open_quote_is_named_with_the_lines_it_would_swallow(lines):
    lines(GOOD + 'o1,2026-10-03,c1,"tea,1,5\n' + GOOD * 3).refused("line 3: a quote opens", "swallow 4 physical lines")


@row("STR-11")
def test_a_backslash_before_a_quote_is_named(lines):
    lines(GOOD + 'o1,2026-10-03,c1,"te\\"a",1,5\n').refused("line 3", "a quote is written twice", "backslash")


@row("STR-12")
def test_a_field_too_many_shifts_nothing(lines):
    found = lines("o1,2026-10-03,c1,tea,green,1,10.10\n" + GOOD)
    assert found.aside() == [(2, None, "7 of 6", "field_count")]
    assert found.rows("order_lines", "amount") == [(Decimal(5),)]


@row("STR-13")
def test_a_delimiter_at_the_end_of_every_row_is_named_and_read_where_declared(arrive):
    text = HEADER + GOOD.replace("\n", ",\n") * 3
    arrive({"lines.csv": text}).refused("rows have 7 fields, the header 6", "`trailing_delimiter: true`")
    assert arrive({"lines.csv": text}, extra="trailing_delimiter: true").rows("order_lines", "amount") == [(Decimal(5),)] * 3


@row("STR-15")
@pytest.mark.parametrize("quoted", [False, True])
def test_a_record_cut_off_by_the_end_of_the_file_is_told_apart(lines, quoted):
    first = GOOD.replace("tea", '5" tea') if quoted else GOOD  # the slow reader counts too
    found = lines(first + "o2,2026-10-03,c1,te")
    assert found.aside() == [(3, None, "4 of 6", "truncated")]
    assert lines(first + "o2,2026-10-03,c1,te\n").aside() == [(3, None, "4 of 6", "field_count")]


@row("STR-16")
def test_a_header_met_again_is_structure(lines):
    found = lines(GOOD + HEADER + GOOD)
    assert found.counts == (3, 0, 1, 2, 0)
    assert found.aside()[0][3] == "repeated_header"


@row("STR-17")
@pytest.mark.parametrize("word", ["Total", "合计", "总计", "小计"])
def test_a_total_doubles_nothing_and_is_compared(lines, word):
    found = lines(GOOD * 2 + f"{word},,,,2,10.00\n").noted("control_total_matched", amount="10.00")
    assert found.counts == (3, 0, 1, 2, 0) and found.ledger["revenue"] == "10.0000"
    lines(GOOD * 2 + f"{word},,,,2,12.50\n").noted("control_total_differs", amount="2.50")


@row("STR-19")
def test_titles_on_top_are_found_and_the_setting_is_named(arrive):
    arrive({"lines.csv": "Acme\nSales\nOctober\n" + HEADER + GOOD}).refused("The header stands on line 4: set `skip_rows: 3`")


@row("STR-20")
def test_a_missing_header_costs_no_row(arrive):
    arrive({"lines.csv": GOOD * 3}).refused("the file has `g1`", "lacks its header row")


@row("STR-21")
def test_a_header_without_rows_is_refused_for_order_lines_and_taken_for_other_tables(arrive, lines):
    lines("").refused("lines.csv: has a header and no rows", "`optional: true`")
    sources = """
    - table: order_lines
      files: lines.csv
      columns: {order_id: order, ordered_at: date, amount: amount}
    - table: surveys
      files: s.csv
      columns: {customer_id: who, answered_at: at, score: score}
    """
    assert arrive({"lines.csv": HEADER + GOOD, "s.csv": "who,at,score\n"}, sources=sources).rows("surveys", "score") == []


@row("STR-22")
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n \n"])
def test_an_empty_file_is_named(arrive, content):
    arrive({"lines.csv": content}).refused("lines.csv: is empty")


@row("STR-24")
def test_a_row_that_begins_with_a_hash_is_data(lines):
    assert lines(GOOD + "#11,2026-10-03,c1,tea,1,5\n").rows("order_lines", "order_id") == [("g1",), ("#11",)]


@row("STR-26")
def test_a_text_late_in_a_column_of_numbers_costs_one_row(lines):
    assert lines(GOOD * 60_000 + "o1,2026-10-03,c1,tea,1,N/K\n").aside() == [(60_002, "amount", "N/K", "amount_unparsable")]


@row("STR-27")
def test_a_field_beyond_the_limit_is_set_aside_and_the_limit_is_the_clients(lines):
    long = "x" * 3_000_000
    found = lines(GOOD + f"o1,2026-10-03,c1,{long},1,5\n")
    assert [(line, column, reason) for line, column, _value, reason in found.aside()] == [(3, "product", "field_too_long")]
    wide = lines(f"o1,2026-10-03,c1,{long},1,5\n", more="limits: {longest_text: 4000000}")
    assert wide.counts == (1, 0, 0, 1, 0)
