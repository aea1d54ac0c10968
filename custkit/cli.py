"""The command line: parses, calls, prints. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from custkit import __version__
from custkit.errors import GOOD, INTERNAL, CustkitError

SHOWN_ASIDE = 10

RUN_EXAMPLES = """
\b
Examples:
  custkit run demo                        the embedded shop, its last month
  custkit run acme --period 2026-10       one client, one month
  custkit run acme --notebook overview    one page of it
  custkit run --all --workers 4           every client, for the scheduler
  custkit run acme --shared               a copy to hand on, in reports/acme/2026-10-shared
"""

INIT_EXAMPLES = """
\b
Examples:
  custkit init acme ~/exports/acme                        every file of a folder
  custkit init acme sales.xlsx customers.csv              these files
  custkit init acme ~/exports --yes --answer currency=EUR --answer time_zone=Europe/Berlin
  custkit init acme ~/exports --answer sales.csv.amount=Net --answer "table:notes.csv=none"
  custkit init acme env:ACME_DB                           the tables of a database; $ACME_DB holds postgresql://user:password@host/name

\b
What --answer takes:
  currency, time_zone, language, name, statuses, duplicates   of the client
  table:FILE=TABLE                                        what a file holds, or none
  FILE.FIELD=COLUMN                                       the column of a field, or none; `custkit tables` lists fields
  date:FILE.COLUMN=FORMAT, null:FILE.FIELD=GUEST, decimal:FILE=",", encoding:FILE=big5
"""


def _guarded(command: Callable[..., int]) -> Callable[..., None]:
    """What went wrong as one line and an exit code; a traceback only in a file."""

    @wraps(command)
    def guarded(*args: Any, **options: Any) -> None:
        try:
            code = command(*args, **options)
        except CustkitError as error:
            click.echo(f"custkit: {error}", err=True)
            code = error.exit_code
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BrokenPipeError:  # whoever read the output, such as `head`, has what it wants
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 128 + signal.SIGPIPE
        except KeyboardInterrupt:
            click.echo("custkit: interrupted; nothing was published", err=True)
            code = 130
        except Exception as error:
            click.echo(f"custkit: a fault of its own, {type(error).__name__}: {error}; details in {_log(error)}", err=True)
            code = INTERNAL
        sys.exit(code)

    return guarded


def _log(error: BaseException) -> Path:
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    name = f"error-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.log"
    try:
        from custkit.client import workspace

        folder = workspace() / ".custkit" / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    except Exception:
        folder = Path(tempfile.mkdtemp(prefix="custkit-"))
        (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `custkit run demo`; then `custkit init NAME FILES` and `custkit run NAME`.",
)
@click.version_option(__version__, prog_name="custkit")
def main() -> None:
    """From a client's export to a monthly pack of customer reports."""
    os.umask(0o077)


@main.command(epilog=RUN_EXAMPLES)
@click.argument("client", required=False)
@click.option("--period", metavar="YYYY-MM", help="Month to report; the last complete month of the data if not given.")
@click.option("--notebook", "notebooks", metavar="NAME", multiple=True, help="Run only this notebook; may be given again.")
@click.option("--all", "everyone", is_flag=True, help="Every client there is.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Notebooks at a time; as many as there are cores if not given.")
@click.option("--force", is_flag=True, help="Run again what has not changed.")
@click.option(
    "--shared", is_flag=True, help="A copy that leaves the house: counts of few people (`limits.min_cell`) hidden, no lists of people."
)
@click.option("--time-limit", type=click.IntRange(1), metavar="SECONDS", help="Longest a cell may take; 1800 if not given.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where packs go; reports/ if not given.")
@_guarded
def run(
    client: str | None,
    period: str | None,
    notebooks: tuple[str, ...],
    everyone: bool,
    workers: int | None,
    force: bool,
    shared: bool,
    time_limit: int | None,
    reports: Path | None,
) -> int:
    """Make the report pack of CLIENT: run its notebooks, check them, render them, publish them at once."""
    if bool(client) == everyone:
        raise click.UsageError("name a client, or say --all; `custkit clients` lists them")
    from custkit.client import client_names
    from custkit.reporting.pack import exit_code, run_packs
    from custkit.reporting.progress import Progress

    slugs = client_names() if everyone else [str(client)]
    with Progress() as progress:
        outcomes = run_packs(
            slugs,
            period=period,
            notebooks=notebooks,
            workers=workers,
            force=force,
            shared=shared,
            time_limit=time_limit,
            reports=reports,
            listen=progress.listen,
            planned=progress.planned,
        )
    for outcome in outcomes:
        _tell(outcome)
    return exit_code(outcomes)


def _tell(outcome: Any) -> None:
    for warning in outcome.warnings:
        click.echo(f"note: {warning}", err=True)
    for line in outcome.unread:
        click.echo(f"{outcome.client} {outcome.period}: {line}", err=True)
    for failure in outcome.failures:
        fault = failure.fault
        where = f" cell {fault.cell}" if fault.cell else ""
        line = f" `{fault.line}`" if fault.line else ""
        click.echo(f"{outcome.client} {outcome.period}: notebook {failure.notebook}{where}{line}: {fault.error}: {fault.message}", err=True)
        if fault.remedy:
            click.echo(f"  {fault.remedy}", err=True)
    if outcome.message:
        click.echo(f"custkit: {outcome.message}", err=True)
    if outcome.nothing_to_do:
        click.echo(f"{outcome.client} {outcome.period}: nothing to do", err=True)
    if outcome.failures:
        click.echo(f"{outcome.client} {outcome.period}: not published; what came out: {outcome.index}", err=True)
    elif outcome.index:
        click.echo(outcome.index)


@main.command(epilog=INIT_EXAMPLES)
@click.argument("name")
@click.argument("files", nargs=-1, required=True)
@click.option("--answer", "answers", metavar="KEY=VALUE", multiple=True, help="Answer a question beforehand; may be given again.")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is likeliest, and mark in the file what was not settled.")
@click.option("--force", is_flag=True, help="Write over a client file that is there.")
@click.option("--dry-run", is_flag=True, help="Print the client file and write nothing.")
@_guarded
def init(name: str, files: tuple[str, ...], answers: tuple[str, ...], yes: bool, force: bool, dry_run: bool) -> int:
    """Make clients/NAME/client.yml from samples of FILES, read them, and show the ledger.

    FILES are CSV, Excel and Parquet files, folders of them, or the address of a PostgreSQL database (env:VARIABLE keeps it out of sight).
    What a column is follows from its name, in English or Chinese, and from its values. What only a person knows is asked; where nobody
    sits at a terminal the likeliest is taken and marked in the file.
    """
    from custkit.intake.guess.command import begin_client

    made = begin_client(
        name, files, answers, ask=None if yes or not sys.stdin.isatty() else _ask, tell=click.echo, force=force, dry_run=dry_run
    )
    if made is None:
        return GOOD
    from custkit.client import load_client
    from custkit.intake import take_snapshot

    client = load_client(name)
    try:
        snapshot = take_snapshot(client, progress=sys.stderr.isatty())
    except CustkitError:
        click.echo(f"\n{made} stays as it is: correct it, and try it with `custkit check {name}`.", err=True)
        raise
    click.echo()
    _tell_ledger(snapshot, client)
    click.echo(f"\nRead {made}, correct what is wrong, then: custkit run {name}")
    return GOOD


def _ask(question: Any) -> str:
    from custkit.intake.masked import printable

    click.echo()
    if question.choices:
        click.echo(f"  One of: {', '.join(question.choices)}")
    try:
        if question.shows:
            click.echo(f"  {printable(question.shows)}")
        return str(click.prompt(question.text, default=question.proposed or "", show_default=bool(question.proposed))).strip()
    except click.Abort:
        raise KeyboardInterrupt from None


@main.command(epilog="\b\nExample:\n  custkit fetch acme && custkit run acme")
@click.argument("client")
@_guarded
def fetch(client: str) -> int:
    """Copy the tables that CLIENT's sources take from a database, the mapped columns only, into its data folder."""
    from custkit.client import load_client
    from custkit.errors import BadInput
    from custkit.intake.database import fetch

    made = fetch(load_client(client))
    if not made:
        raise BadInput(f"{client}: no source names a `database`; its files are read where they lie")
    for copied in made:
        without = f", {copied.forgotten:,} of people who were erased left out" if copied.forgotten else ""
        click.echo(f"{copied.path}: {copied.rows:,} rows{without}")
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit check acme")
@click.argument("client")
@_guarded
def check(client: str) -> int:
    """Read the exports of CLIENT as its file says and keep nothing: what would be mapped, set aside and missing."""
    from custkit.client import load_client
    from custkit.errors import BAD_INPUT
    from custkit.intake.dry_run import dry_run

    loaded = load_client(client)
    if loaded.is_embedded:
        from custkit.demo import prepare

        prepare(loaded)
    found = dry_run(loaded)
    for number, source in enumerate(loaded.sources):
        read = [file for file in found.files if file.source == number]
        rows = sum(file.records for file in read)
        click.echo(f"{source.table}: {', '.join(source.files)} ({len(read)} {'file' if len(read) == 1 else 'files'}, {rows:,} rows)")
        for name, column in source.columns.items():
            click.echo(f"  {name:<20} {column.column if column.column is not None else 'always ' + str(column.value)}")
        kept, aside, passed = (sum(getattr(file, part) for file in read) for part in ("accepted", "quarantined", "structural"))
        blank = sum(file.blank for file in read)
        click.echo(f"  would keep {kept:,} rows, set {aside:,} aside, pass over {passed + blank:,} blank lines, titles and totals\n")
    if found.aside:
        click.echo("Set aside:")
        for reason, rows, place, value, remedy in found.aside:
            click.echo(f"  {rows:,} × {reason}, first {place}: {value}" + (f". To mend: {remedy}" if remedy else ""))
        click.echo()
    if found.missing:
        click.echo("Not mapped; a report that needs one says so:")
        for table, name, meaning in found.missing:
            click.echo(f"  {table}.{name}: {meaning}")
    if found.absent:
        click.echo(f"Tables not sent: {', '.join(found.absent)}")
    if found.unread.lines:
        click.echo("\n" + "\n".join(found.unread.lines))
    if found.stops:
        click.echo(f"\ncustkit: intake would stop: {found.stops}", err=True)
        return BAD_INPUT
    click.echo("\nIntake would go through.")
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit intake acme")
@click.argument("client")
@_guarded
def intake(client: str) -> int:
    """Read and clean the exports of CLIENT and show the ledger: what was read, kept and set aside, and why."""
    from custkit.client import load_client
    from custkit.intake import take_snapshot

    loaded = load_client(client)
    _tell_ledger(take_snapshot(loaded, progress=sys.stderr.isatty()), loaded)
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit aside acme")
@click.argument("client")
@_guarded
def aside(client: str) -> int:
    """Write the rows of CLIENT that intake sets aside as a workbook, CSV and Parquet: where each stands, its value, why, what would do.

    The files lie below .custkit/CLIENT/aside, for you alone; `custkit purge` deletes them after `privacy.quarantine_days`.
    """
    from custkit.client import load_client
    from custkit.reporting.aside import write_aside

    written = write_aside(load_client(client))
    if not written.rows:
        click.echo(f"{client}: nothing was set aside")
    for path in written.files:
        click.echo(path)
    return GOOD


def _tell_ledger(snapshot: Any, client: Any) -> None:
    from custkit import words
    from custkit.intake.masked import columns_of_ids, masked
    from custkit.intake.report import money_frame, quarantine_frame
    from custkit.intake.staging import STRUCTURAL
    from custkit.reporting.provenance import provenance

    words.use("en", client.currency)  # the command line speaks English; pages speak the client's language
    told = provenance(snapshot.manifest)
    click.echo(f"{'table':<20}{'rows read':>12}{'passed over':>13}{'kept':>12}{'set aside':>11}")
    for read in told.tables:
        click.echo(f"{read.table:<20}{read.rows:>12,}{read.passed:>13,}{read.kept:>12,}{read.aside:>11,}")
    for reason, rows in told.reasons:
        click.echo(f"  {rows:,} × {reason}")
    aside = quarantine_frame(snapshot)
    aside = aside[~aside.reason.isin(STRUCTURAL)]
    ids = columns_of_ids(client)
    for row in aside.head(SHOWN_ASIDE).itertuples():
        where = f" column {row.column}" if isinstance(row.column, str) else ""  # a whole line has no column, nor a value
        cell = f': "{masked(row.value, row.reason, is_id=row.column in ids)}"' if isinstance(row.value, str) else ""
        click.echo(f"  {row.file} line {row.line}{where}{cell} ({row.reason})")
    if len(aside) > SHOWN_ASIDE:
        click.echo(f"  … and {len(aside) - SHOWN_ASIDE:,} more; `custkit aside NAME` writes all of them as files")
    click.echo(f"\n{'order lines':<28}{'lines':>12}{'amount':>18}{'revenue':>18}")
    for part in money_frame(snapshot).itertuples():
        name = f"  {part.part}: {part.of.replace('_', ' ')}" if part.of else part.part
        click.echo(f"{name:<28}{part.rows:>12,}{part.amount:>18,.2f}{part.revenue:>18,.2f}")
    for note in [*snapshot.notes, *snapshot.changes]:
        click.echo(f"note: {note.text()}", err=True)
    for line in snapshot.unread.lines:
        click.echo(line, err=True)
    click.echo(f"\n{snapshot.folder}")


@main.command(epilog="\b\nExample:\n  custkit subject acme --id 10482 > what-we-hold.json")
@click.argument("client")
@click.option("--id", "customer", metavar="ID", required=True, help="The customer's id as the client knows it, or its pseudonym.")
@_guarded
def subject(client: str, customer: str) -> int:
    """Print every row that custkit holds of one person of CLIENT, as JSON by table."""
    import json

    from custkit import upkeep
    from custkit.client import load_client

    held = upkeep.subject(load_client(client), customer)
    click.echo(json.dumps(held, indent=1, ensure_ascii=False, default=str))
    click.echo(", ".join(f"{table}: {len(rows):,}" for table, rows in held.items()) or "nothing is held of this person", err=True)
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit erase acme --id 10482 --dry-run")
@click.argument("client")
@click.option("--id", "customer", metavar="ID", required=True, help="The customer's id as the client knows it, or its pseudonym.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where packs are; reports/ if not given.")
@_guarded
def erase(client: str, customer: str, dry_run: bool, reports: Path | None) -> int:
    """Forget one person of CLIENT: whatever of ours names them is deleted, and they do not come in again.

    The client's own exports stay as they are. Report packs that named the person are made anew by the next run, and copies of a database
    by the next `custkit fetch`.
    """
    from custkit import upkeep
    from custkit.client import load_client

    deed = upkeep.erase(load_client(client), customer, reports=_reports(reports), now=_now(), dry_run=dry_run)
    for table, rows in deed.rows.items():
        click.echo(f"{table}: {rows:,} rows")
    _tell_deed(deed, dry_run)
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit purge --all --dry-run")
@click.argument("client", required=False)
@click.option("--all", "everyone", is_flag=True, help="Every client there is.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Count ages from this day.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where packs are; reports/ if not given.")
@_guarded
def purge(client: str | None, everyone: bool, dry_run: bool, today: Any, reports: Path | None) -> int:
    """Delete what CLIENT's file says is old: rows set aside, lists of people, report packs (`privacy` in client.yml)."""
    from custkit import upkeep
    from custkit.client import load_client

    for slug in _named(client, everyone):
        day = (today or _now()).date()
        _tell_deed(upkeep.purge(load_client(slug), reports=_reports(reports), today=day, now=_now(), dry_run=dry_run), dry_run)
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit gc --all")
@click.argument("client", required=False)
@click.option("--all", "everyone", is_flag=True, help="Every client there is.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--reports", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where packs are; reports/ if not given.")
@_guarded
def gc(client: str | None, everyone: bool, dry_run: bool, reports: Path | None) -> int:
    """Delete what no report of CLIENT needs: leftovers of runs that were killed, snapshots of exports that have changed since."""
    from custkit import upkeep

    for slug in _named(client, everyone):
        _tell_deed(upkeep.clear(slug, reports=_reports(reports), dry_run=dry_run), dry_run)
    return GOOD


def _named(client: str | None, everyone: bool) -> list[str]:
    from custkit.client import client_names, load_client

    if bool(client) == everyone:
        raise click.UsageError("name a client, or say --all; `custkit clients` lists them")
    return client_names() if everyone else [load_client(str(client)).slug]


def _reports(given: Path | None) -> Path:
    from custkit.client import workspace

    return (given or workspace() / "reports").resolve()


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _tell_deed(deed: Any, dry_run: bool) -> None:
    for path in deed.deleted:
        click.echo(f"{'would delete' if dry_run else 'deleted'} {path}")
    for path in deed.emptied:
        click.echo(f"{'would empty' if dry_run else 'emptied'} {path}")
    if not (deed.deleted or deed.emptied):
        click.echo(f"{deed.client}: nothing to {deed.what}")
    if deed.fetch:
        without = ", without the person" if deed.what == "erase" else ""
        click.echo(f"Copies of a database are among them; `custkit fetch {deed.client}` brings them back{without}.")


@main.command()
@_guarded
def clients() -> int:
    """List the clients there are."""
    from custkit.client import client_names

    for name in client_names():
        click.echo(name)
    return GOOD


@main.command(epilog="\b\nExample:\n  custkit tables orders")
@click.argument("name", required=False)
@_guarded
def tables(name: str | None) -> int:
    """Print the canonical tables, or the one NAMEd: every column, its type, unit and meaning."""
    from custkit.errors import BadInput
    from custkit.tables import CARRIED, SENT

    if name and name not in SENT:
        raise BadInput(f"no table `{name}`; there are {', '.join(SENT)}")
    for table in [SENT[name]] if name else list(SENT.values()):
        click.echo(f"{table.name}: {table.grain}" + (" (made by intake)" if table.derived else ""))
        for column in table.columns:
            need = "required" if column.required else ""
            meaning = f"{column.meaning} [{column.unit}]" if column.unit else column.meaning
            click.echo(f"  {column.name:<20} {column.type:<15} {need:<9} {meaning}")
        for carried, meaning in CARRIED.get(table.name, {}).items():
            click.echo(f"  + {carried:<18} {'':<15} {'':<9} {meaning}")
        click.echo()
    return GOOD


if __name__ == "__main__":
    main()
