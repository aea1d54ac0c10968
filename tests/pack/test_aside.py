"""Rows set aside hold whatever a client's file holds: they lie, leave and go under the guards of lists of people."""

from __future__ import annotations

import csv
import os
import stat
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from payloads import FORMULAS, PAYLOADS
from python_calamine import CalamineWorkbook

from custkit import upkeep
from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, GOOD
from custkit.intake.persons import home_of, key_of
from custkit.present.findings.data_health import aside_table

# What stays itself when a CSV cell is trimmed.
TYPED = [text for text in (*FORMULAS, *PAYLOADS) if text == text.strip() and text not in ("007", "1E5")]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}\n"


@pytest.fixture
def spoilt(shop):
    """A payload where an amount should stand, one row each; a customer's id in a cell that is refused."""
    client(shop, LENIENT)
    path = shop.root / "clients" / "corner" / "sales.csv"
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([f"x{i}", "ben", "2026-10-03 10:00:00", "tea", 1, text] for i, text in enumerate(TYPED))
        writer.writerow(["y", "S3CRET\x1b[31mcleo", "2026-10-03 10:00:00", "tea", 1, 1])
    return shop


def client(shop, more):
    shop.client()
    file = shop.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text() + more)


def command(*words):
    done = CliRunner().invoke(main, list(words))
    return done.exit_code, done.output


def files(shop):
    return sorted(path for path in (home_of("corner") / "aside").iterdir())


def values(path: Path) -> list[str | None]:
    return pq.read_table(path)["value"].to_pylist()


def test_what_was_set_aside_is_written_for_its_owner_as_text(spoilt):
    code, said = command("aside", "corner")
    assert code == GOOD, said
    assert [path.name for path in files(spoilt)] == ["set_aside.csv", "set_aside.parquet", "set_aside.xlsx"]
    assert said.split() == [str(home_of("corner") / "aside" / f"set_aside.{ending}") for ending in ("xlsx", "csv", "parquet")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(spoilt)} == {0o600}
    sheet, parquet = files(spoilt)[2], files(spoilt)[1]
    told = pq.read_table(parquet).to_pylist()
    assert [row["value"] for row in told if row["reason"] != "control_character"] == TYPED
    assert all(row["file"] == "sales.csv" and row["remedy"] for row in told)
    with zipfile.ZipFile(sheet) as book:
        assert not [name for name in book.namelist() if b"<f" in book.read(name) or b"hyperlink" in book.read(name)]
    cells = CalamineWorkbook.from_path(str(sheet)).get_sheet_by_index(0).to_python()
    place = cells[0].index("value")
    assert [row[place] for row in cells[1:]] == values(parquet)
    with files(spoilt)[0].open(encoding="utf-8-sig", newline="") as file:
        for row, value in zip(csv.DictReader(file), values(parquet), strict=True):
            assert row["value"] in (value, f"'{value}") and row["value"].strip()[:1] not in tuple("=+-@＝＋－＠|%\u2212")


def test_an_id_in_a_row_set_aside_is_a_pseudonym_in_every_file(spoilt):
    command("aside", "corner")
    every = [path for path in (spoilt.root / ".custkit").rglob("*") if path.is_file()]
    held = [text for path in every for text in upkeep._texts(path)]
    assert not [text for text in held if "S3CRET" in text]
    assert key_of("corner").pseudonym("customer_id", "S3CRET\x1b[31mcleo") in values(files(spoilt)[1])
    client(spoilt, LENIENT + "privacy: {ids: as_sent}\n")
    command("aside", "corner")
    assert [value for value in values(files(spoilt)[1]) if "S3CRET" in str(value)], "the check itself"


@pytest.mark.parametrize("limits", ["", LENIENT])
def test_nobody_else_reads_them_whether_intake_stops_or_goes_on(spoilt, limits):
    """Under the open umask of a notebook's kernel too, not only that of the command."""
    client(spoilt, limits)
    before = os.umask(0o022)
    try:
        code, _said = command("intake", "corner")
        assert code == (GOOD if limits else BAD_INPUT)
        os.umask(0o022)
        assert command("aside", "corner")[0] == GOOD
    finally:
        os.umask(before)
    found = [*home_of("corner").rglob("*aside*"), *home_of("corner").rglob("quarantine.parquet")]
    assert len(found) >= 4
    for path in found:
        assert not path.stat().st_mode & 0o077, path


def test_intake_that_stops_from_a_notebook_leaves_its_rows_to_the_owner(spoilt):
    from custkit.errors import BadInput
    from custkit.intake import take_snapshot

    client(spoilt, "")
    before = os.umask(0o022)
    try:
        with pytest.raises(BadInput, match="could not be read"):
            take_snapshot(load_client("corner"), progress=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((home_of("corner") / "set_aside.parquet").stat().st_mode) == 0o600


def test_they_go_after_their_days_and_when_the_person_is_erased(spoilt):
    client(spoilt, "")
    command("aside", "corner")
    kept = [*files(spoilt), home_of("corner") / "set_aside.parquet"]
    today = date(2026, 11, 26)
    for path, days in zip(kept, (31, 30, 31, 31), strict=True):
        at = time.mktime((today - timedelta(days=days)).timetuple())
        os.utime(path, (at, at))
    reports = spoilt.root / "reports"
    upkeep.purge(load_client("corner"), reports=reports, today=today, now=NOW)
    assert [path for path in kept if path.exists()] == [kept[1]]
    client(spoilt, LENIENT)
    command("aside", "corner")
    upkeep.erase(load_client("corner"), "S3CRET\x1b[31mcleo", reports=reports, now=NOW)
    assert not files(spoilt)


def test_nothing_set_aside_writes_nothing_and_takes_away_what_lay_there(spoilt):
    command("aside", "corner")
    spoilt.sales("order,customer,date,product,pieces,amount\n1,anna,2026-10-03 10:00:00,tea,1,4.00\n")
    code, said = command("aside", "corner")
    assert code == GOOD and "nothing was set aside" in said and files(spoilt) == []


def test_a_file_that_is_not_there_is_told_not_the_rows_of_last_time(spoilt):
    client(spoilt, "")
    command("aside", "corner")
    (spoilt.root / "clients" / "corner" / "sales.csv").unlink()
    code, said = command("aside", "corner")
    assert code == BAD_INPUT and "sales.csv" in said


@pytest.mark.parametrize("words", [("intake",), ("check",)])
@pytest.mark.parametrize("limits", ["", LENIENT])
def test_no_value_steers_the_terminal(spoilt, words, limits):
    client(spoilt, limits + "privacy: {ids: as_sent}\n")
    path = spoilt.root / "clients" / "corner" / "sales.csv"
    path.write_text(
        "order,customer,date,product,pieces,amount\n1,anna,2026-10-03 10:00:00,tea,1,4.00\n2,a,2026-10-03,t,1,\x1b]0;x\x07\n", "utf-8"
    )
    _code, said = command(*words, "corner")
    assert "\x1b" not in said and "\x07" not in said and "�" in said


def test_a_page_and_a_pack_hold_an_example_as_text_and_no_file_of_rows(spoilt):
    spoilt.notebook(
        "health",
        "from custkit import open_book\nfrom custkit.present.findings.data_health import aside_table\nbook = open_book(client, period)",
        "aside_table(book.set_aside, personal=book.personal_columns)",
    )
    done = spoilt.command("run", "corner", "--period", "2026-10")
    assert done.returncode == GOOD, done.stderr
    held = {path: path.read_text("utf-8") for path in spoilt.current.resolve().rglob("*") if path.is_file()}
    assert not [path for path in held if "aside" in path.name or "quarantine" in path.name]
    page = held[spoilt.current.resolve() / "health.html"]
    assert "sales.csv, amount" in page and "S3CRET" not in "".join(held.values())
    assert sum(text in whole for text in TYPED for whole in held.values() if len(text) > 20) <= 3, "one example a reason, not the rows"


@pytest.mark.parametrize("text", [text for text in PAYLOADS if "<" in text])
def test_an_example_on_the_page_is_escaped(text):
    import pandas as pd

    row = {"table": "order_lines", "file": text, "column": text, "value": text, "reason": "not_a_money_value", "amount": None}
    shown = aside_table(pd.DataFrame([row]))._repr_mimebundle_()["text/html"]
    assert "<script" not in shown.lower() and "<img" not in shown.lower() and "<svg" not in shown.lower() and "&lt;" in shown
