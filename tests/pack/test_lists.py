"""Lists of people as they leave the house."""

import csv
import stat
import zipfile
from datetime import datetime
from decimal import Decimal
from xml.etree import ElementTree

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from payloads import FORMULAS as PAYLOADS
from python_calamine import CalamineWorkbook

from custkit.reporting.lists import write_lists


@pytest.fixture
def source(tmp_path):
    n = len(PAYLOADS)
    rows = {
        "customer_id": [f"{i:05d}" for i in range(n)], "note": PAYLOADS, "spend": [Decimal("-1.50")] * n, "is_control": [False] * n,
        "last": [datetime(2026, 10, 31, 12)] * n, "risk": [None, *[0.25] * (n - 1)],
    }  # fmt: skip
    path = tmp_path / "kept.parquet"
    pq.write_table(pa.table(rows), path)
    return path


def test_nothing_a_customer_typed_is_a_formula_or_a_link(source, tmp_path):
    write_lists(source, tmp_path / "lists", "due")
    with zipfile.ZipFile(tmp_path / "lists" / "due.xlsx") as book:
        texts = [book.read(name).decode() for name in book.namelist()]
    assert not any(mark in text for text in texts for mark in ("<f>", "<f ", "hyperlink", "externalLink", 't="str"'))
    cells = CalamineWorkbook.from_path(str(tmp_path / "lists" / "due.xlsx")).get_sheet_by_index(0).to_python(skip_empty_area=False)
    assert [row[1] for row in cells[1:]] == PAYLOADS
    assert [row[0] for row in cells[1:3]] == ["00000", "00001"]
    read = pd.read_excel(tmp_path / "lists" / "due.xlsx", engine="calamine", dtype=str, keep_default_na=False)
    assert read["note"].tolist() == PAYLOADS
    sheet = openpyxl.load_workbook(tmp_path / "lists" / "due.xlsx").active
    assert [(row[1].value, row[1].data_type, row[1].hyperlink) for row in sheet.iter_rows(min_row=2)] == [(p, "s", None) for p in PAYLOADS]


def test_the_csv_holds_the_same_texts_with_an_apostrophe_where_one_would_act(source, tmp_path):
    write_lists(source, tmp_path / "lists", "due")
    path = tmp_path / "lists" / "due.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        notes = [row["note"] for row in csv.DictReader(file)]
    assert [note.removeprefix("'") if payload[0] != "'" else note for note, payload in zip(notes, PAYLOADS, strict=True)] == PAYLOADS
    for note in notes:
        assert note.strip()[:1] not in tuple("=+-@＝＋－＠|%\u2212")
    held = duckdb.sql(f"SELECT note FROM read_csv('{path}', all_varchar = true, header = true, quote = '\"')").fetchall()
    assert sorted(held) == sorted((note,) for note in notes)
    assert pd.read_csv(path, dtype=str)["customer_id"].iloc[1] == "00001"


def test_the_parquet_is_what_the_notebook_wrote(source, tmp_path):
    write_lists(source, tmp_path / "lists", "due")
    assert pq.read_table(tmp_path / "lists" / "due.parquet").equals(pq.read_table(source))


def test_the_same_people_are_the_same_bytes_and_only_the_owner_reads_them(source, tmp_path):
    once, again = write_lists(source, tmp_path / "one", "due"), write_lists(source, tmp_path / "two", "due")
    assert once == again and {file["format"] for file in once} == {"xlsx", "csv", "parquet"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "one").iterdir()} == {0o600}


def test_more_rows_than_a_sheet_holds_go_on_to_the_next(source, tmp_path):
    files = write_lists(source, tmp_path / "lists", "due", sheet_rows=10)
    book = CalamineWorkbook.from_path(str(tmp_path / "lists" / "due.xlsx"))
    sheets = [book.get_sheet_by_index(i).to_python() for i in range(len(book.sheet_names))]
    assert files[0]["sheets"] == 4 and [len(sheet) for sheet in sheets] == [11, 11, 11, 6]
    assert [row[1] for sheet in sheets for row in sheet[1:]] == PAYLOADS


def put(folder, *texts):
    """A list of these texts, written: what its files are told to hold, and the cells of the workbook as its XML has them."""
    pq.write_table(pa.table({"customer_id": [f"{i}" for i in range(len(texts))], "note": list(texts)}), folder / "kept.parquet")
    files = {file["format"]: file for file in write_lists(folder / "kept.parquet", folder / "lists", "due")}
    with zipfile.ZipFile(folder / "lists" / "due.xlsx") as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    return files, [row[1].findtext(f"{space}is/{space}t") for row in list(sheet.iter(f"{space}row"))[1:]]


def read_csv(folder):
    csv.field_size_limit(1 << 20)
    with (folder / "lists" / "due.csv").open(encoding="utf-8-sig", newline="") as file:
        return [row["note"] for row in csv.DictReader(file)]


LONG = ("x" * 32_767, "x" * 32_768, "好" * 40_000, "😀" * 16_383, "😀" * 16_384, "a" + "😀" * 20_000, "=" + "y" * 40_000)


def test_a_text_longer_than_a_cell_is_cut_with_a_mark_and_counted(tmp_path):
    files, cells = put(tmp_path, *LONG)
    assert files["xlsx"]["cut"] == 5 and files["csv"]["cut"] == files["parquet"]["cut"] == 0
    for text, cell in zip(LONG, cells, strict=True):
        assert len(cell.encode("utf-16-le")) // 2 <= 32_767
        if len(text.encode("utf-16-le")) // 2 <= 32_767:
            assert cell == text
        else:
            assert cell.endswith("… [cut]") and text.startswith(cell.removesuffix("… [cut]")) and len(cell) > 16_000
    assert pq.read_table(tmp_path / "lists" / "due.parquet")["note"].to_pylist() == list(LONG)
    assert [note.removeprefix("'") for note in read_csv(tmp_path)] == list(LONG)
    read = CalamineWorkbook.from_path(str(tmp_path / "lists" / "due.xlsx")).get_sheet_by_index(0).to_python()
    assert [row[1] for row in read[1:]] == cells


def test_openpyxl_reads_a_cut_text(tmp_path):
    _files, cells = put(tmp_path, *LONG)
    sheet = openpyxl.load_workbook(tmp_path / "lists" / "due.xlsx").active
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == cells


def test_characters_that_are_no_text_are_replaced_and_counted(tmp_path):
    odd = ("a\0b", "\x01\x02", "bell\x07 and \x1b[31m", "\ufffe\uffff", "tab\tand\nline\rstay", "plain")
    files, cells = put(tmp_path, *odd)
    assert cells == ["a�b", "��", "bell� and �[31m", "��", "tab\tand\nline\rstay", "plain"]
    assert (files["xlsx"]["replaced"], files["csv"]["replaced"], files["parquet"]["replaced"]) == (4, 1, 0)
    assert pq.read_table(tmp_path / "lists" / "due.parquet")["note"].to_pylist() == list(odd)
    assert read_csv(tmp_path) == ["a�b", *odd[1:]]


def test_a_text_that_looks_like_the_code_of_a_character_stays_that_text(tmp_path):
    """A workbook reads `_x003D_` as `=` unless its underscore is written as a code itself; a second reader undoes that."""
    put(tmp_path, "_x003D_1+1", "_x0041_", "a_xyz_b", "_x005F_x0041_")
    read = CalamineWorkbook.from_path(str(tmp_path / "lists" / "due.xlsx")).get_sheet_by_index(0).to_python()
    assert [row[1] for row in read[1:]] == ["_x003D_1+1", "_x0041_", "a_xyz_b", "_x005F_x0041_"]


def test_the_page_and_the_command_say_what_a_workbook_could_not_hold(shop):
    shop.notebook(
        "people",
        "import ibis, pandas as pd\nfrom custkit.present.lists import people_list\n"
        "rows = ibis.memtable(pd.DataFrame({'customer_id': ['a', 'b'], 'note': ['z' * 40_000, 'c\\x07']}))\n"
        "people_list(rows, name='due', title='Due', order_by=['customer_id'])",
    )
    done = shop.command("run", "corner", "--period", "2026-10")
    assert done.returncode == 0, done.stderr
    assert "note: lists/due.xlsx: texts cut because a cell holds no more: 1; the Parquet file holds them whole" in done.stderr
    assert "note: lists/due.xlsx: cells in which � stands for what is no text: 1; the" in done.stderr
    page = (shop.current / "people.html").read_text("utf-8")
    assert "Due: texts that the workbook holds only in part, with a mark at their end: 1." in page
    assert "Due, XLSX: cells in which characters that are no text were replaced: 1." in page
