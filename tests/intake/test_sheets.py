"""A sheet's cells are read for what they are, not for what a spreadsheet shows."""

from __future__ import annotations

import zipfile
from datetime import datetime
from decimal import Decimal

import pytest
from sheets import Broken, Day, Uncached, workbook

from custkit.errors import BadInput

SOURCE = """
- table: order_lines
  files: book.xlsx%s
  columns: {order_id: Order, ordered_at: {column: Date, format: excel}, customer_id: Customer, product_id: Product, amount: Amount}
"""
HEAD = ["Order", "Date", "Customer", "Product", "Amount"]
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"
GOOD = ["o9", Day(46298), 17850, "85123A", 2.55]


def read(take, rows, extra=""):
    return take({"book.xlsx": workbook({"Sales": [HEAD, *rows]})}, sources=SOURCE % extra, more=LENIENT)


def test_numbers_that_are_names_lose_their_point_and_dates_are_dates(take):
    found = read(take, [[536365, Day(46298.5), 17850, "007", 2.55], ["C536366", Day(46299), "017850", 22.5, 19.99]])
    assert found.rows("order_lines", "order_id", "ordered_at", "customer_id", "product_id", "amount") == [
        ("536365", datetime(2026, 10, 3, 12), "17850", "007", Decimal("2.55")),
        ("C536366", datetime(2026, 10, 4), "017850", "22.5", Decimal("19.99")),
    ]


def test_blank_rows_are_blank_and_rows_keep_the_sheets_numbers(take):
    found = read(take, [GOOD, [None, None], ["  ", None, " "], ["o1", "soon", "c1", "tea", 1], GOOD])
    assert found.counts == (5, 2, 0, 2, 1)
    assert found.aside == [(5, "Date", "soon", "date_format")]
    assert found.files[0]["counted_by"] == "the sheet's XML"


def test_an_error_cell_is_not_an_empty_cell(take):
    found = read(take, [GOOD, ["o1", Day(46298), "c1", "tea", Broken("#N/A")], ["o2", Day(46298), Broken("#REF!"), "tea", 1]])
    assert found.aside == [(3, "Amount", "#N/A", "excel_error"), (4, "Customer", "#REF!", "excel_error")]


def test_a_formula_that_was_never_calculated_is_named_by_its_cell(take):
    with pytest.raises(BadInput, match=r"sheet `Sales` cell E3: a formula without a stored value"):
        read(take, [GOOD, ["o1", Day(46298), "c1", "tea", Uncached("E2*2")]])


def test_a_serial_number_is_no_date_cell(take):
    assert read(take, [GOOD, ["o1", 46298, "c1", "tea", 1]]).aside == [(3, "Date", "46298", "date_format")]


MIXED = SOURCE.replace("format: excel", 'format: [excel, "%%d.%%m.%%Y"]')


def test_date_cells_and_texts_in_the_one_declared_format_stand_in_one_column(take):
    rows = [
        ["o1", Day(46298), "c", "tea", 1],
        ["o2", "13.10.2026", "c", "tea", 1],
        ["o3", "10/14/2026", "c", "tea", 1],
        ["o4", 46298, "c", "tea", 1],
    ]
    found = take({"book.xlsx": workbook({"Sales": [HEAD, *rows]})}, sources=MIXED % "", more=LENIENT)
    assert found.rows("order_lines", "order_id", "ordered_at") == [("o1", datetime(2026, 10, 3)), ("o2", datetime(2026, 10, 13))]
    assert [(line, value, reason) for line, _column, value, reason in found.aside] == [
        (4, "10/14/2026", "date_format"),
        (5, "46298", "date_format"),
    ]


@pytest.mark.parametrize("format", ['["%d.%m.%Y", "%m/%d/%Y"]', '[excel, "%d.%m.%Y", "%m/%d/%Y"]', "[excel, iso]", '[excel, "%Y-%d-%m"]'])
def test_two_ways_to_write_a_text_are_no_format(take, format):
    with pytest.raises(BadInput, match=r"write one, or \[excel, PATTERN\]"):
        take(
            {"book.xlsx": workbook({"Sales": [HEAD, GOOD]})},
            sources=SOURCE.replace("format: excel", f"format: {format}".replace("%", "%%")) % "",
        )


def test_the_remedy_for_a_text_among_date_cells_names_both(take):
    with pytest.raises(BadInput, match=r'`\[excel, "%d.%m.%Y"\]` reads this one'):
        take({"book.xlsx": workbook({"Sales": [HEAD, GOOD, ["o1", "13.10.2026", "c", "tea", 1]]})}, sources=SOURCE % "")


def test_a_number_among_texts_is_the_number_whatever_mark_the_texts_have(take):
    source = SOURCE.replace("amount: Amount", 'amount: {column: Amount, decimal: ","}')
    rows = [["o1", Day(46298), "c", "tea", 1234.5], ["o2", Day(46299), "c", "tea", "3.477,82"], ["o3", Day(46300), "c", "tea", 7]]
    found = take({"book.xlsx": workbook({"Sales": [HEAD, *rows]})}, sources=source % "")
    assert found.rows("order_lines", "amount") == [(Decimal("1234.5"),), (Decimal("3477.82"),), (Decimal(7),)]


def test_an_id_that_lost_its_last_digits_is_refused(take):
    found = read(take, [GOOD, [1234567890123456789, Day(46298), "c1", "tea", 1]])
    assert found.aside == [(3, "Order", "1.2345678901234568E+18", "id_digits_lost")]


def test_several_sheets_are_listed_unless_one_is_named(take):
    book = workbook({"Notes": [["hello"]], "Sales": [HEAD, GOOD]})
    with pytest.raises(BadInput, match="has 2 sheets, `Notes`, `Sales`; name one"):
        take({"book.xlsx": book}, sources=SOURCE % "")
    with pytest.raises(BadInput, match="has no sheet `Sale`; it has `Notes`, `Sales`"):
        take({"book.xlsx": book}, sources=SOURCE % "\n  sheet: Sale")
    assert take({"book.xlsx": book}, sources=SOURCE % "\n  sheet: Sales").counts == (1, 0, 0, 1, 0)


def test_titles_on_top_and_a_total_at_the_foot(take):
    rows = [["Sales of October"], [None], HEAD, GOOD, ["合计", None, None, None, 2.55]]
    found = take({"book.xlsx": workbook({"Sales": rows})}, sources=SOURCE % "\n  skip_rows: 2", more=LENIENT)
    assert found.counts == (2, 0, 1, 1, 0)
    assert found.aside[0][0] == 5


def test_a_workbook_cut_off_is_refused(take, tmp_path):
    def cut(path):
        workbook({"Sales": [HEAD, GOOD]})(path)
        path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(BadInput, match="cut off or damaged"):
        take({"book.xlsx": cut}, sources=SOURCE % "")


def test_an_encrypted_workbook_is_named(take):
    with pytest.raises(BadInput, match="encrypted"):
        take({"book.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600}, sources=SOURCE % "")


def test_a_workbook_that_unpacks_to_a_mountain_is_refused_unread(take):
    def bomb(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", b" " * (30 << 20))

    with pytest.raises(BadInput, match="unpacks to 30 MiB"):
        take({"book.xlsx": bomb}, sources=SOURCE % "")
