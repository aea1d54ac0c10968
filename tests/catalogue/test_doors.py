"""No text that reaches the engine opens a file, loads an extension or unlocks a door; pages and intake go on behind it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from rows import row

import custkit
from custkit.analysis.rfm import rfm
from custkit.book import open_book
from custkit.client import load_client
from custkit.engine import fetch
from custkit.intake import dry_run, snapshot, take_snapshot
from custkit.locked import lock

LINE = "o1,2026-10-03,c1,tea,1,10.10\n"
# {0} is a file that is there, {1} a folder that may be written to.
ATTEMPTS = (
    "SELECT * FROM read_text('{0}')",
    "SELECT * FROM read_blob('{0}')",
    "SELECT * FROM read_csv('{0}')",
    "SELECT * FROM '{0}'",
    "SELECT * FROM glob('{1}/*')",
    "SELECT * FROM read_text('/etc/passwd')",
    "COPY (SELECT 1) TO '{1}/out.csv'",
    "COPY (SELECT 1) TO '{1}/out.parquet' (FORMAT parquet, USE_TMP_FILE false)",
    "EXPORT DATABASE '{1}/out'",
    "ATTACH '{1}/out.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{1}/out.duckdb_extension'",
    "CREATE PERSISTENT SECRET s (TYPE http)",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '{1}'",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SELECT * FROM of_this_process",
)


def try_all(con: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Statements that went through, or showed the file in their error."""
    secret = folder / "secret.csv"
    secret.write_text("name\ncanary-7f3a\n")
    of_this_process = duckdb.sql("SELECT 1").to_arrow_table()
    assert of_this_process.num_rows
    through = []
    for attempt in ATTEMPTS:
        try:
            con.execute(attempt.format(secret, folder)).fetchall()
        except duckdb.Error as error:
            if "canary-7f3a" not in str(error):
                continue
        through.append(attempt)
    assert [path.name for path in folder.iterdir()] == ["secret.csv"]
    return through


@row("SEC-16")
def test_a_cell_opens_no_file_by_name_and_its_page_still_runs(lines, tmp_path):
    lines(LINE).accepted()
    book = open_book("test", "2026-10")
    before = len(fetch(rfm(book.purchases, as_of=book.as_of)))
    assert try_all(book.con.con, folder_of(tmp_path)) == []
    assert len(fetch(rfm(book.purchases, as_of=book.as_of))) == before == 1
    assert len(fetch(book.previous.orders)) == 0


def test_the_snapshot_of_a_page_may_be_read_and_not_written(lines, tmp_path):
    held = lines(LINE).accepted().snapshot
    book = open_book("test", "2026-10")
    path = held.path("orders")
    assert path.stat().st_mode & 0o777 == 0o400, "who is not root cannot write to it at all"
    assert book.con.con.execute(f"SELECT count(*) FROM read_parquet('{path}')").fetchone() == (1,)
    for target in (path, path.with_name("new.parquet")):
        with pytest.raises(duckdb.PermissionException):
            book.con.con.execute(f"COPY (SELECT 1) TO '{target}' (FORMAT parquet)")
    with pytest.raises(duckdb.PermissionException):
        book.con.con.execute(f"SELECT * FROM read_parquet('{held.folder}/quarantine.parquet')")


@pytest.mark.parametrize("reader", [snapshot, dry_run], ids=["intake", "check"])
def test_intake_and_check_open_no_file_by_name(lines, tmp_path, monkeypatch, reader):
    lines(LINE).accepted()
    through = []

    def stage(con, *given):
        through.extend(try_all(con, folder_of(tmp_path)))
        return reader_stage(con, *given)

    reader_stage = reader.stage
    monkeypatch.setattr(reader, "stage", stage)
    if reader is snapshot:
        lines(LINE + "o2,2026-10-04,c2,tea,1,5.00\n").accepted()
    else:
        assert reader.dry_run(load_client("test")).stops == ""
    assert (tmp_path / "elsewhere" / "secret.csv").exists(), "the statements were tried"
    assert through == []
    assert take_snapshot(load_client("test")).manifest["tables"]["orders"] == (2 if reader is snapshot else 1)


def test_what_memory_does_not_hold_still_goes_to_the_folder_for_it(tmp_path):
    with duckdb.connect(config={"memory_limit": "60MB", "threads": 2}) as con:
        lock(con, spill=tmp_path / "spill")
        rows = "SELECT range AS n, md5(range::VARCHAR) AS text FROM range(1_500_000)"
        seen = con.execute(f"SELECT n FROM ({rows}) ORDER BY text DESC, n").to_arrow_reader(100_000)
        first = seen.read_next_batch()
        assert len(first) and any((tmp_path / "spill").iterdir())
        assert len(first) + sum(len(batch) for batch in seen) == 1_500_000
    assert not (tmp_path / "spill").exists()


def test_a_connection_of_the_consultant_s_own_is_as_it_was(lines, tmp_path):
    lines(LINE).accepted()
    open_book("test", "2026-10")
    (tmp_path / "own.csv").write_text("a\n1\n")
    assert duckdb.sql(f"SELECT a FROM read_csv('{tmp_path}/own.csv')").fetchall() == [(1,)]


def test_no_module_opens_duckdb_without_locking_it():
    package = Path(custkit.__file__).parent
    opens = {path: path.read_text("utf-8") for path in package.rglob("*.py") if "duckdb.connect(" in path.read_text("utf-8")}
    assert len(opens) >= 4
    assert [str(path) for path, text in opens.items() if "from custkit.locked import lock" not in text] == []


def folder_of(tmp_path: Path) -> Path:
    """An empty folder beside the workspace's own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    return folder
