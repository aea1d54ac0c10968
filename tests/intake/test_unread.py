"""Nothing beside the files that are read is left out without a word: files, folders and sheets that no source takes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from exports import put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sheets import workbook

from custkit import words
from custkit.book import Book
from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, GOOD, BadInput
from custkit.intake import take_snapshot
from custkit.period import Period
from custkit.present.findings import data_health as findings
from custkit.reporting.plan import make_plan

COLUMNS = "{order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}"
HEADER = "order,date,customer,product,qty,amount\n"


def month(number: int, header: str = HEADER) -> str:
    """Three sales of one month."""
    return header + "".join(f"o{number}{i},2026-{number:02}-0{i},c{i},tea,1,{number}.50\n" for i in (1, 2, 3))


def unread(taken) -> dict[str, str]:
    return {note.column: note.code for note in taken.snapshot.unread.notes}


def sources(files: str) -> str:
    return f"- table: order_lines\n  files: {files}\n  columns: {COLUMNS}"


MONTHS = {"sales_01.csv": month(1), "sales_02.csv": month(2)}
BESIDE = {
    "Sales_May.csv": month(5),
    "sales_03.csv.gz": gzip.compress(month(3).encode()),
    "sales_04.ZIP": b"PK\x03\x04",
    "orders.ndjson": '{"order": 1}\n',
    "sales_06.dat": month(6),
    "2025/sales_01.csv": month(7),
    "2025/sales_02.csv": month(8),
}


def test_every_file_that_no_source_takes_is_named_with_what_to_do(take):
    taken = take(MONTHS | BESIDE, sources=sources("sales_*.csv"))
    assert unread(taken) == {
        "2025/": "unread_folder", "Sales_May.csv": "unread", "orders.ndjson": "unread_other", "sales_03.csv.gz": "unread_packed",
        "sales_04.ZIP": "unread_packed", "sales_06.dat": "unread_other"}  # fmt: skip
    lines = taken.snapshot.unread.lines
    assert "not read: Sales_May.csv: add it to `files`, or to `ignore`" in lines and "not read: sales_03.csv.gz: unpack it" in lines
    assert len(lines) == 6 and taken.counts[0] == 3


def test_what_is_no_data_or_hidden_or_dealt_with_is_no_news(take):
    """A lock file, a picture, an empty folder, and an archive whose content lies beside it and is read."""
    quiet = {".sales.csv.swp": "x", "~$sales.xlsx": "x", "Thumbs.db": "x", "sales_02.csv.gz": b"x", "sales_01.zip": b"x", "logo.PNG": b"x"}
    taken = take(MONTHS | quiet | {"old/.keep": ""}, sources=sources("sales_*.csv"))
    assert taken.snapshot.unread.notes == ()
    assert taken.snapshot.unread.lines == ["left out, as `ignore` says or because it is no data: logo.PNG, sales_01.zip, sales_02.csv.gz"]


@pytest.mark.parametrize("ignore", ['["2025/", "*.csv", orders.ndjson, "sales_0?.*"]', '"*"', '["2025", "Sales*", "*s.nd*", "*.??*"]'])
def test_what_the_client_file_leaves_out_is_one_line(take, ignore):
    """`ignore` names what is no longer told, not what is read."""
    taken = take(MONTHS | BESIDE, sources=sources("sales_*.csv"), more=f"ignore: {ignore}")
    assert taken.snapshot.unread.notes == () and len(taken.snapshot.unread.lines) == 1
    assert taken.snapshot.unread.lines[-1].startswith("left out, as `ignore` says or because it is no data: 2025/, Sales_May.csv")
    assert sum(file["accepted"] for file in taken.files) == 6


def test_a_file_cannot_be_read_and_left_out(take):
    with pytest.raises(BadInput, match=r"sales_01.csv stands under `ignore` and in `files` of order_lines"):
        take(MONTHS, sources=sources("sales_*.csv"), more="ignore: sales_01.csv")


def test_a_file_that_two_names_of_a_source_fit_is_read_once(take):
    taken = take(MONTHS, sources=sources("[sales_*.csv, sales_01.csv]"))
    assert [(file["file"], file["accepted"]) for file in taken.files] == [("sales_01.csv", 3), ("sales_02.csv", 3)]


def test_folders_are_those_that_sources_look_into(take):
    """What lies elsewhere below the data folder, such as another client's exports, is no concern of this one."""
    files = {"acme/2026/sales.csv": month(1), "acme/notes.csv": "x\n", "acme/2025/sales.csv": month(2), "acme/2026/more.csv": "x\n",
             "other/sales.csv": month(3), "top.csv": "x\n"}  # fmt: skip
    assert unread(take(files, sources=sources("acme/2026/sales.csv"))) == {"acme/2026/more.csv": "unread"}
    assert set(unread(take(files, sources=sources("acme/*/sales.csv")))) == {"acme/2026/more.csv"}
    both = sources("acme/2026/sales.csv") + "\n" + sources("top.csv").replace("order_lines", "order_lines\n  optional: true")
    files["top.csv"] = month(4)
    assert set(unread(take(files, sources=both))) == {"acme/2025/", "acme/2026/more.csv", "acme/notes.csv", "other/"}


def test_many_files_are_a_few_lines(take):
    taken = take(MONTHS | {f"x{i:03}.csv": "x\n" for i in range(300)}, sources=sources("sales_*.csv"))
    assert len(taken.snapshot.unread.notes) == 300 and taken.snapshot.unread.lines[-1] == "not read: 290 more"
    assert len(taken.snapshot.unread.lines) == 11


NAMES = [f"{stem}_{i}.{end}" for stem in ("sales", "Sales", "x") for i in (1, 2) for end in ("csv", "CSV", "pq", "zip", "js")]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(present=st.sets(st.sampled_from(NAMES)))
def test_every_file_is_read_or_told_or_left_out_on_purpose(take, tmp_path, present):
    """The three together are what lies there, and no two overlap."""
    for old in (tmp_path / "data").glob("*"):
        old.unlink()
    files = {name: f"{HEADER}{name},2026-01-01,c1,tea,1,1.00\n" for name in {*present, "sales_0.csv"}}
    taken = take(files, sources=sources("sales_?.csv"), more="ignore: x_1.*")
    read, told, left = {file["file"] for file in taken.files}, set(unread(taken)), set(taken.snapshot.unread.left_out)
    assert read | told | left == present | {"sales_0.csv"} and not (read & told or read & left or told & left)
    assert {name for name in present if name.startswith("x_1.")} <= left


def test_a_sheet_that_no_source_takes_is_named_and_an_empty_one_is_not(take):
    rows = [HEADER.strip().split(","), *[[f"o{i}", f"2026-01-0{i}", "c1", "tea", 1, 2.5] for i in (1, 2, 3)]]
    book = workbook({"Jan": rows, "Feb": rows, "Notes": [["by hand"]], "Sheet4": []})
    sheets = f"- table: order_lines\n  files: book.xlsx\n  sheet: Jan\n  columns: {COLUMNS}"
    assert unread(take({"book.xlsx": book}, sources=sheets)) == {"book.xlsx[Feb]": "unread_sheet", "book.xlsx[Notes]": "unread_sheet"}
    left = take({"book.xlsx": book}, sources=sheets, more='ignore: ["*[Notes]", "book.xlsx[Feb]"]')
    assert left.snapshot.unread.notes == () and left.snapshot.unread.left_out == ("book.xlsx[Feb]", "book.xlsx[Notes]")
    both = f"{sheets}\n{sheets.replace('Jan', 'Feb')}"
    assert set(unread(take({"book.xlsx": book}, sources=both))) == {"book.xlsx[Notes]"}


def test_a_copy_of_a_database_that_no_source_names_any_more_is_ours(take, tmp_path):
    """`custkit gc` clears it; a file that somebody put beside it is the client's."""
    put(tmp_path / "data", {"public.old.csv": "x\n", "new.csv": "x\n"})
    stat = (tmp_path / "data" / "public.old.csv").stat()
    record = {str(tmp_path / "data" / "public.old.csv"): [stat.st_size, stat.st_mtime_ns, stat.st_ino]}
    put(tmp_path / "home" / ".custkit" / "test", {"copies.json": json.dumps(record)})
    taken = take({"public.sales.csv": month(1)}, sources=sources("public.sales.csv") + "\n  database: env:SHOP_DB")
    assert unread(taken) == {"new.csv": "unread"}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A client whose sources name two months; the third has come."""
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    put(tmp_path / "data", {"sales_1.csv": month(1), "sales_2.csv": month(2) + "o99,2026-02-28,c1,tea,1,1.00\n"})
    source = f"{{table: order_lines, files: [sales_1.csv, sales_2.csv], columns: {COLUMNS}}}"
    text = f"name: Shop\ncurrency: EUR\ntime_zone: UTC\ndata: {tmp_path / 'data'}\nsources:\n  - {source}\n"
    put(tmp_path / "clients" / "shop", {"client.yml": text})
    return tmp_path / "data" / "sales_3.csv"


def test_check_intake_and_the_page_tell_of_a_month_that_no_source_takes(shop):
    """A newcomer added July's file; everything went well, without July."""
    assert "not read" not in CliRunner().invoke(main, ["check", "shop"]).output
    assert "not read" not in CliRunner().invoke(main, ["intake", "shop"]).output
    shop.write_text(month(3))
    for command in ("check", "intake"):
        result = CliRunner().invoke(main, [command, "shop"])
        assert result.exit_code == GOOD and "not read: sales_3.csv: add it to `files`, or to `ignore`" in result.output
    client = load_client("shop")
    notes = Book.of(client, take_snapshot(client, progress=False), Period.parse("2026-02")).notes
    (row,) = findings.notes_table([note for note in notes if note.code == "unread"]).payload["rows"]
    assert [cell["text"] for cell in row] == [
        "files left unread: no source takes them", "1 file", "", "sales_3.csv",
        "Name them under files in the client file, or under ignore."]  # fmt: skip
    assert "files left unread" in findings.notes_finding(notes).headline


def test_an_unread_file_is_no_news_of_older_months_and_makes_the_newer_pages_again(shop):
    put(shop.parents[1] / "notebooks", {"data_health.ipynb": '{"cells": []}'})
    put(shop.parent, {"sales_2.csv": month(2).replace("2026-02", "2026-04")})
    before = {period: make_plan("shop", period=period).key for period in ("2026-02", "2026-03", "2026-04")}
    shop.write_text(month(3))
    after = {period: make_plan("shop", period=period).key for period in before}
    assert {period for period in before if before[period] != after[period]} == {"2026-03", "2026-04"}
    client = load_client("shop")
    snapshot = take_snapshot(client, progress=False)
    told = {period: any(note.code == "unread" for note in Book.of(client, snapshot, Period.parse(period)).notes) for period in before}
    assert told == {"2026-02": False, "2026-03": True, "2026-04": True}


def test_a_reader_outside_the_house_learns_no_name_of_what_lies_beside(shop):
    shop.with_name("Globex list.csv").write_text("x\n")
    client = load_client("shop")
    notes = Book.of(client, take_snapshot(client, progress=False), Period.parse("2026-02")).notes
    assert "Globex" in json.dumps(findings.notes_table(notes).payload)
    words.use("en", "EUR", 10)
    page = json.dumps(findings.notes_table(notes).payload)
    assert "files left unread" in page and "Globex" not in page


def test_a_closed_pipe_ends_quietly(shop):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "custkit", "check", "shop"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env=os.environ
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "") and not (shop.parents[1] / ".custkit" / "logs").exists()


def test_files_of_other_kinds_are_refused_with_what_would_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path / "home"))
    content = {"orders.ndjson": b'{"order": 1, "total": 2.5}\n', "shop.db": b"SQLite format 3\0" + b"\1" * 90, "page.aspx": b"<html>",
               "a.jsonl": b"\xef\xbb\xbf [1]", "stock.sav": b"$FL2\0@(#) STATS"}  # fmt: skip
    put(tmp_path / "data", {**content, "sales.csv.gz": b"\x1f\x8b", "2026/sales.csv": month(1)})
    for name in content:
        result = CliRunner().invoke(main, ["init", "x", str(tmp_path / "data" / name), "--yes"])
        assert result.exit_code == BAD_INPUT and f"{name}: is neither CSV, Excel nor Parquet; export it as one of these" in result.output
    result = CliRunner().invoke(main, ["init", "x", str(tmp_path / "data"), "--yes"])
    assert result.exit_code == BAD_INPUT and "no file to read" in result.output
    assert "sales.csv.gz: unpack it\n" in result.output and "shop.db: export it as CSV, Excel or Parquet" in result.output
    assert "2026: name it where the files are in it" in result.output
