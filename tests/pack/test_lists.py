"""Lists of people as they leave the house."""

import csv
import stat
import zipfile
from datetime import datetime
from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from custkit.reporting.lists import write_lists

PAYLOADS = [
    "=1+1", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://evil.example\",\"x\")", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1",
    " =1+1", "\u3000=1+1", "\u00a0=1+1", "＝1+1", "＋1+1", "－1+1", "＠SUM(A1)", "\u22121+1", "=IMPORTXML(\"http://x\",\"//a\")", "|calc",
    "%0A=1", "=DDE(\"a\";\"b\")", "http://evil.example", "https://evil.example/=1", "mailto:a@evil.example", "www.evil.example",
    "\\\\host\\share", "javascript:alert(1)", "<script>alert(1)</script>", "a;=1+1", "a,=1+1", "a\n=1+1", "\"=1+1\"", "'=1+1", "007", "1E5",
]  # fmt: skip


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
    openpyxl = pytest.importorskip("openpyxl")
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
