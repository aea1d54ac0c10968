"""What a person at the terminal, or a scheduler, is told."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from custkit.cli import main
from custkit.errors import BAD_INPUT, BUSY, GOOD, INTERNAL


def test_help_comes_at_once_without_the_stack() -> None:
    code = "import sys, custkit.cli; sys.exit(bool({'pandas', 'ibis', 'duckdb', 'papermill', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pages_are_written_without_what_draws_and_learns() -> None:
    """The process that plans and publishes starts in a second; kernels load the rest."""
    heavy = {"matplotlib", "seaborn", "scipy", "sklearn", "statsmodels", "nbformat", "papermill"}
    source = f"import sys, custkit.reporting.assemble, custkit.reporting.pack; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in main.commands)])
def test_every_command_has_help(words: list[str]) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0 and "Usage:" in result.output


def test_the_help_of_run_shows_examples() -> None:
    told = CliRunner().invoke(main, ["run", "--help"]).output
    assert "custkit run --all --workers 4" in told and "custkit run acme --shared" in told and "limits.min_cell" in told


def test_tables_are_printed_with_their_meaning() -> None:
    output = CliRunner().invoke(main, ["tables", "orders"]).output
    assert "order_number" in output and "1 for a customer's first purchase" in output
    assert CliRunner().invoke(main, ["tables", "order"]).exit_code == BAD_INPUT


@pytest.mark.parametrize("words", [["run"], ["run", "corner", "--all"], ["run", "corner", "--workers", "0"]])
def test_a_command_that_cannot_be_meant_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == BAD_INPUT


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "corne"], "did you mean `corner`?"),
        (["run", "../corner"], "is not a client name"),
        (["run", "corner", "--period", "2026-13"], "write a year and a month"),
        (["run", "corner", "--period", "2031-01"], "its data span 2026-08 to 2026-10"),
        (["run", "corner", "--notebook", "overvew"], "no notebook `overvew`"),
    ],
)
def test_bad_input_is_one_line_with_what_would_do_and_no_traceback(shop: Any, words: list[str], says: str) -> None:
    shop.notebook("one", "1")
    result = CliRunner().invoke(main, words)
    assert result.exit_code == BAD_INPUT
    assert says in result.output and "Traceback" not in result.output


def test_intake_shows_where_every_row_went(shop: Any) -> None:
    shop.sales(
        "order,customer,date,product,pieces,amount\n"
        + "".join(f"{i},anna,2026-10-03,tea,1,4.00\n" for i in range(300))
        + "x,anna,?,tea,1,0\n"
    )
    result = CliRunner().invoke(main, ["intake", "corner"])
    assert result.exit_code == GOOD, result.output
    assert result.output.splitlines()[1].split() == ["order_lines", "301", "0", "300", "1"]
    assert "1 × a date written another way" in result.output


def test_a_fault_of_our_own_is_one_line_and_a_log(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_options: Any) -> None:
        raise ZeroDivisionError("never")

    monkeypatch.setattr("custkit.reporting.pack.run_packs", broken)
    result = CliRunner().invoke(main, ["run", "corner"])
    assert result.exit_code == INTERNAL and "Traceback" not in result.output
    (log,) = (shop.root / ".custkit" / "logs").iterdir()
    assert str(log) in result.output and "Traceback" in log.read_text(encoding="utf-8")


def test_run_prints_the_page_to_open_and_names_what_failed(shop: Any) -> None:
    shop.sketch()
    good = CliRunner().invoke(main, ["run", "corner"])
    assert good.exit_code == GOOD, good.stderr
    assert good.stdout.splitlines() == [str(shop.current / "index.html")]
    shop.notebook("two", "{}['aov']")
    bad = CliRunner().invoke(main, ["run", "corner"])
    assert bad.exit_code == INTERNAL and not bad.stdout
    assert "notebook two cell 3 `{}['aov']`: KeyError" in bad.stderr


def test_run_names_what_no_source_takes_whether_there_is_something_to_do_or_not(shop: Any) -> None:
    shop.notebook("one", "1")
    (shop.root / "clients" / "corner" / "november.csv").write_text("order\n1\n", encoding="utf-8")
    for _turn in ("made", "nothing to do"):
        told = CliRunner().invoke(main, ["run", "corner"])
        assert told.exit_code == GOOD, told.stderr
        assert "corner 2026-10: not read: november.csv: add it to `files`, or to `ignore`" in told.stderr
    assert "nothing to do" in told.stderr


def test_kill_9_of_a_run_leaves_the_old_pack_whole_and_the_next_run_succeeds(shop: Any) -> None:
    reached = shop.root / "reached"
    os.mkfifo(reached)
    shop.notebook("slow", f"print(period)\nopen({str(reached)!r}, 'w').write('here')", "import time\ntime.sleep(60)")
    here = os.open(reached, os.O_RDONLY | os.O_NONBLOCK)
    running = shop.start("run", "corner")
    try:
        assert running.stderr is not None
        assert "1 to run" in running.stderr.readline()
        assert select.select([here], [], [], 60)[0], "the notebook was not reached"
        busy = shop.command("run", "corner")
        assert busy.returncode == BUSY and "another run" in busy.stderr
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate()
        os.close(here)
    assert not shop.current.exists()
    shop.notebook("slow", "1")
    again = CliRunner().invoke(main, ["run", "corner"])
    assert again.exit_code == GOOD, again.stderr
    assert not list(shop.month.glob(".work-*"))


def test_a_run_tells_of_sales_that_two_files_hold(shop, fact):
    """The export of the last two months overlaps: each month is told of its own lines, in English, beside the pack."""
    folder = shop.root / "clients" / "corner"
    path = folder / "client.yml"
    path.write_text(path.read_text("utf-8").replace("files: sales.csv", "files: '*.csv'"), "utf-8")
    rows = (folder / "sales.csv").read_text("utf-8").splitlines(keepends=True)
    (folder / "sales_later.csv").write_text("".join([rows[0], *rows[4:]]), "utf-8")
    shop.notebook("told", fact("told.one", "1"))
    said = shop.command("run", "corner", "--period", "2026-09")
    assert said.returncode == GOOD, said.stderr
    assert "note: order_lines, sales_later.csv = sales.csv: lines that stand in another file or sheet too" in said.stderr
    assert "(3 lines, €17.50)" in said.stderr
