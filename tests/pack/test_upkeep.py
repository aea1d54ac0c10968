"""One person erased, everything old deleted, what killed runs left cleared: and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
import zipfile
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from held import figure, holding

from custkit import upkeep
from custkit.client import load_client
from custkit.errors import BadInput, Busy
from custkit.intake import take_snapshot
from custkit.intake.copies import switch
from custkit.intake.persons import home_of, key_of

NAMES = """
from custkit.book import open_book
from custkit.engine import frame
from custkit.present.table import table
table(frame(open_book(client, period).customers.order_by("customer_id"))[["customer_id"]].rename(columns={"customer_id": "region"}))
"""
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def told(request, shop):
    """A pack that names everybody, with a list of people in it."""
    ids = getattr(request, "param", "pseudonyms")
    file = shop.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text() + f"privacy: {{ids: {ids}, lists_days: 60, runs_months: 2}}\n")
    shop.notebook("people", NAMES)
    done = shop.command("run", "corner", "--period", "2026-10")
    assert done.returncode == 0, done.stderr
    client = load_client("corner")
    anna, ben = ((name, key_of("corner").pseudonym("customer_id", name)) for name in ("anna", "ben"))
    lists = shop.current / "lists"
    lists.mkdir(exist_ok=True)
    name = anna[ids == "pseudonyms"]
    pq.write_table(pa.table({"customer_id": [name]}), lists / "due.parquet")
    with zipfile.ZipFile(lists / "due.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", f"<t>{name}</t>")
    return shop, client, anna, ben


@pytest.mark.parametrize("told", ["pseudonyms", "as_sent"], indirect=True)
def test_one_person_is_erased_everywhere_and_does_not_come_in_again(told):
    shop, client, anna, ben = told
    before = take_snapshot(client)
    assert len(holding(shop.root, *anna)) >= 4, "tables, notebook, page and lists name her"
    planned = upkeep.erase(client, "anna", reports=shop.root / "reports", now=NOW, dry_run=True)
    assert planned.rows == {"order_lines": 4, "orders": 3, "customers": 1} and before.folder in planned.deleted and before.folder.exists()
    done = shop.command("erase", "corner", "--id", "anna")
    assert done.returncode == 0 and str(before.folder) in done.stdout, done.stderr
    left = [path for path in holding(shop.root, *anna) if path != home_of("corner") / "erased"]
    assert left == [] and not shop.current.exists() and not shop.current.is_symlink()
    again = shop.command("run", "corner", "--period", "2026-10")
    assert again.returncode == 0, again.stderr
    assert [path.name for path in holding(shop.root, *anna)] == ["erased"]
    figure(shop.root, "erased, and run again", *anna, kept=[home_of("corner") / "erased"])
    after = take_snapshot(client)
    assert after.manifest["ledger"]["tables"]["order_lines"]["excluded"][0]["rows"] == 4
    assert len(holding(shop.root, *ben)) >= 3, "nobody else is missing"
    (receipt,) = (home_of("corner") / "receipts").iterdir()
    assert json.loads(receipt.read_text())["rows"]["orders"] == 3 and not any(name in receipt.read_text() for name in anna)
    assert receipt.stat().st_mode & 0o077 == 0


def test_who_nobody_knows_is_not_erased(told):
    shop, client, *_ = told
    with pytest.raises(BadInput, match="has no customer 'ann'"):
        upkeep.erase(client, "ann", reports=shop.root / "reports", now=NOW)
    assert not (home_of("corner") / "erased").exists()


def test_a_run_that_is_alive_is_not_disturbed(told):
    shop, client, *_ = told
    with (shop.month / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Busy):
            upkeep.erase(client, "anna", reports=shop.root / "reports", now=NOW)
        (shop.month / ".work-alive").mkdir()
        assert upkeep.clear("corner", reports=shop.root / "reports").deleted == []
    assert shop.current.exists() and not (home_of("corner") / "erased").exists()


def test_all_that_is_held_of_a_person_is_shown(told):
    shop, _client, anna, _ben = told
    shown = json.loads(shop.command("subject", "corner", "--id", "anna").stdout)
    assert {table: len(rows) for table, rows in shown.items()} == {"order_lines": 4, "orders": 3, "customers": 1}
    assert {row["customer_id"] for rows in shown.values() for row in rows} <= set(anna)
    assert sum(float(row["amount"]) for row in shown["order_lines"]) == 29.5
    assert json.loads(shop.command("subject", "corner", "--id", anna[1]).stdout) == shown, "by the pseudonym too"


def test_what_is_old_is_deleted_and_nothing_younger(told):
    shop, client, *_ = told
    reports = shop.root / "reports"
    for month in ("2026-08", "2026-09"):
        (reports / "corner" / month).mkdir()
    today = date(2026, 11, 26)
    for path in (shop.current / "lists").iterdir():
        at = time.mktime((today - timedelta(days=61 if path.suffix == ".xlsx" else 59)).timetuple())
        os.utime(path, (at, at))
    for month in ("2026-08", "2026-09"):
        (reports / "corner" / f"{month}-shared").mkdir()
    planned = upkeep.purge(client, reports=reports, today=today, now=NOW, dry_run=True)
    assert [path.name for path in planned.deleted] == ["2026-08", "2026-08-shared", "due.xlsx"] and (
        shop.current / "lists" / "due.xlsx"
    ).exists()
    upkeep.purge(client, reports=reports, today=today, now=NOW)
    assert sorted(path.name for path in (shop.current / "lists").iterdir()) == ["due.parquet"]
    assert sorted(path.name for path in (reports / "corner").iterdir()) == ["2026-09", "2026-09-shared", "2026-10"]
    assert "lists/due.parquet" in json.loads((shop.current / "run.json").read_text())["outputs"]
    assert upkeep.purge(client, reports=reports, today=today, now=NOW).deleted == []


def test_rows_set_aside_go_after_their_days(told):
    shop, client, *_ = told
    shop.sales((shop.root / "clients" / "corner" / "sales.csv").read_text() + "8,ben,2026-10-31 19:00:00,tea,1,x\n")
    file = shop.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text() + "limits: {quarantine_rows: 1, quarantine_revenue: 1}\n")
    client = load_client("corner")
    path = take_snapshot(client).folder / "quarantine.parquet"
    made = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    for days, rows in ((30, 1), (31, 0)):
        upkeep.purge(client, reports=shop.root / "reports", today=made + timedelta(days=days), now=NOW)
        assert pq.read_metadata(path).num_rows == rows


def test_leftovers_and_forgotten_snapshots_are_cleared(told):
    shop, client, *_ = told
    shown = take_snapshot(client)
    for number in (1, 2):
        shop.sales((shop.root / "clients" / "corner" / "sales.csv").read_text() + f"9{number},dee,2026-10-31 19:00:00,tea,1,1\n")
        last = take_snapshot(client)
    (shop.month / ".work-killed").mkdir()
    (home_of("corner") / "snapshots" / ".making-killed").mkdir()
    done = upkeep.clear("corner", reports=shop.root / "reports")
    assert len(done.deleted) == 3
    assert {path.name for path in (home_of("corner") / "snapshots").iterdir()} == {shown.key, last.key}
    assert not list(shop.month.glob(".work-*")) and shop.current.exists()


COPIED = """
name: Corner
currency: EUR
time_zone: UTC
data: raw
sources:
- table: order_lines
  database: env:NOWHERE
  files: public.sales.csv
  columns: {order_id: no, ordered_at: at, customer_id: who, amount: paid}
"""
SALES = "no,at,who,paid\n1,2026-10-01,anna,5\n2,2026-10-02,ben,6\n"


@pytest.fixture
def copied(shop):
    """A client whose lines were copied from a database, and who put an export of their own beside the copy."""
    folder = shop.root / "clients" / "corner"
    (folder / "client.yml").write_text(COPIED)
    made = folder / "raw" / ".made"
    made.mkdir(parents=True)
    (made / "public.sales.csv").write_text(SALES)
    (folder / "raw" / "own.csv").write_text("anna\n")
    home_of("corner").mkdir(parents=True)
    switch(load_client("corner"), made)
    take_snapshot(load_client("corner"))
    return shop, folder / "raw", shop.root / "reports"


def test_a_copy_is_deleted_with_the_person_and_an_export_is_not(copied):
    shop, raw, _reports = copied
    pq.write_table(pa.table({"value": ["whoever"]}), home_of("corner") / "set_aside.parquet")
    before = json.loads((home_of("corner") / "copies.json").read_text())
    done = shop.command("erase", "corner", "--id", "anna")
    assert done.returncode == 0, done.stderr
    assert "`custkit fetch corner` brings them back, without the person" in done.stdout
    assert [path.name for path in raw.iterdir()] == ["own.csv"] and len(before) == 1
    assert not (home_of("corner") / "set_aside.parquet").exists()
    again = shop.command("intake", "corner")
    assert again.returncode == 2 and "the table is not copied; run `custkit fetch corner`" in again.stderr
    second = shop.command("erase", "corner", "--id", "nobody")
    assert second.returncode == 2 and "run `custkit fetch corner` first" in second.stderr


def test_a_person_known_by_the_pseudonym_alone_is_found_in_a_copy(copied):
    _shop, raw, reports = copied
    client = load_client("corner")
    shop_file = raw / "public.sales.csv"
    shop_file.write_text(SALES.replace("anna", " ａnna"))  # wide letters are the same person
    upkeep.erase(client, key_of("corner").pseudonym("customer_id", "anna"), reports=reports, now=NOW)
    assert not shop_file.exists()


def test_copies_and_profiles_go_with_the_packs_of_their_month(copied):
    _shop, raw, reports = copied
    client = load_client("corner")
    kept = [raw / "public.sales.csv", *(home_of("corner") / "profiles").iterdir()]
    for days, gone in ((394, False), (426, True)):  # 13 months
        at = datetime(2026, 11, 26, tzinfo=UTC).timestamp() - days * 86_400
        for path in kept:
            os.utime(path, (at, at))
        deed = upkeep.purge(client, reports=reports, today=date(2026, 11, 26), now=NOW)
        assert (set(kept) <= set(deed.deleted), deed.fetch, any(path.exists() for path in kept)) == (gone, gone, not gone)
    assert (raw / "own.csv").exists()


def test_a_copy_no_source_names_and_a_fetch_that_was_killed_are_cleared(copied):
    shop, raw, reports = copied
    (raw / ".fetching-corner-abc").mkdir()
    (raw / ".fetching-corner-abc" / "public.sales.csv").write_text(SALES)
    assert [path.name for path in upkeep.clear("corner", reports=reports).deleted] == [".fetching-corner-abc"]
    (shop.root / "clients" / "corner" / "client.yml").write_text(COPIED.replace("public.sales", "public.sales_2"))
    before = (raw / "public.sales.csv").stat()
    (raw / "public.sales.csv").write_text(SALES + "3,2026-10-03,ben,1\n")
    assert upkeep.clear("corner", reports=reports).deleted == [], "somebody wrote to it: it is theirs now"
    (raw / "public.sales.csv").write_text(SALES)
    os.utime(raw / "public.sales.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert upkeep.clear("corner", reports=reports).deleted == [raw / "public.sales.csv"]
    assert sorted(path.name for path in raw.iterdir()) == ["own.csv"]


def test_gc_leaves_the_spill_of_an_open_page_and_clears_that_of_a_dead_one(copied):
    _shop, _raw, reports = copied
    snapshots = home_of("corner") / "snapshots"
    dead = subprocess.Popen(["true"])
    dead.wait()
    for pid in (os.getpid(), dead.pid):
        (snapshots / f".spill-{pid}-0a").mkdir()
    assert [path.name for path in upkeep.clear("corner", reports=reports).deleted] == [f".spill-{dead.pid}-0a"]
