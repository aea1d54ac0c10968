"""A client's canonical tables as Parquet in a folder named by the hash of what they were made from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from custkit import keys, tables
from custkit.client import Client, workspace
from custkit.demo import prepare
from custkit.errors import BadInput
from custkit.intake import ledger, lines, others
from custkit.intake.copies import settle
from custkit.intake.inputs import Input, find_inputs, remember
from custkit.intake.merges import MERGES, merge_customers
from custkit.intake.notes import (
    ALL_TIME,
    Note,
    busiest_customers,
    changes,
    largest_sales,
    merged,
    note_on_busiest,
    note_on_jump,
    note_on_largest,
    notes_on_contacts,
    notes_on_customers,
    notes_on_totals,
    profile,
)
from custkit.intake.persons import Persons, name_persons, named_lines, persons_of
from custkit.intake.provided import provided
from custkit.intake.staging import QUARANTINE, Tick, stage
from custkit.intake.unread import Unread, unread
from custkit.intake.write import write_query, write_table
from custkit.locked import lock
from custkit.tables import MERGED_CUSTOMERS, TABLES

LONG = 20 << 20
SHAPE = 3
_LIMITS = {"quarantine_rows", "quarantine_revenue", "largest_amount", "longest_text"}


@dataclass(frozen=True)
class Snapshot:
    """`folder` holds one Parquet file per table the client sent, `quarantine.parquet` and `manifest.json`.

    `unread` is what lay beside the files that were read when the snapshot was asked for.
    """

    folder: Path
    manifest: dict[str, Any]
    unread: Unread = field(default_factory=Unread)

    @property
    def key(self) -> str:
        """Hash of inputs, mapping and kit version."""
        return str(self.manifest["key"])

    @property
    def provided(self) -> frozenset[str]:
        """Every `table` and `table.column` that the client file maps or intake derives from what it maps."""
        return frozenset(self.manifest["provided"])

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """First and last instant of an order; without order lines of an event, else of a loyalty entry; None, None without any."""
        first, last = self.manifest["span"]
        return (datetime.fromisoformat(first), datetime.fromisoformat(last)) if first else (None, None)

    @property
    def notes(self) -> list[Note]:
        """What was taken as it stands and a person should know."""
        return self.notes_before(ALL_TIME)

    def notes_before(self, month: str) -> list[Note]:
        """The notes as they stood at the beginning of `month` (`"2026-11"`): what comes later adds nothing."""
        told = merged((Note(**note) for note in self.manifest["notes"]), month)
        return [*told, *self._notes_on_shares(month), *note_on_jump(self.manifest["profile"], month)]

    def _notes_on_shares(self, month: str) -> list[Note]:
        sales, orders = self.manifest["largest_sales"], self.manifest["busiest_customers"]
        return [*note_on_largest(sales, month), *note_on_busiest(orders, month)]

    def unread_before(self, month: str) -> tuple[Note, ...]:
        """What no source takes, for the months in which the data end; what came later is no news of an older one."""
        _first, last = self.span
        return self.unread.notes if last is None or month >= f"{last:%Y-%m}" else ()

    @property
    def changes(self) -> list[Note]:
        """What differs from the delivery before this one, where there was one: columns, filled cells, months told otherwise."""
        before = self._profile_before
        return changes(before, self.manifest["profile"]) if before else []

    def changes_before(self, month: str) -> list[Note]:
        """The changes of months before `month`; none where the delivery before knew later months: an older state is no news."""
        before = self._profile_before
        if before is None or max(before["months"], default="") > max(self.manifest["profile"]["months"], default=""):
            return []
        return [note for note in self.changes if note.month < month]

    @property
    def _profile_before(self) -> dict[str, Any] | None:
        mine = self.folder.parent.parent / "profiles" / f"{self.key}.json"
        others_ = [path for path in mine.parent.glob("*.json") if path != mine and path.stat().st_mtime_ns <= mine.stat().st_mtime_ns]
        if not others_ or not mine.exists():
            return None
        last = max(others_, key=lambda path: (path.stat().st_mtime_ns, path.name))
        return dict(json.loads(last.read_text("utf-8")))

    def path(self, table: str) -> Path | None:
        """The table's Parquet file, or None where the client did not send it."""
        file = self.folder / f"{table}.parquet"
        return file if file.exists() else None


def take_snapshot(client: Client, *, progress: bool | None = None) -> Snapshot:
    """Read, clean and fold the client's exports, or reuse the snapshot of the same inputs, mapping and kit version.

    progress: show a bar on stderr; None where somebody looks (a terminal, a notebook) and there is much to read.

    Raises BadInput where a file or the client file needs a person, CustkitError where the ledger does not balance.
    """
    inputs, snapshot = _taken(client, progress)
    sheets = (sheet for one in snapshot.manifest["ledger"]["files"] for sheet in one["sheets"])
    return replace(snapshot, unread=unread(client, [one.path for one in inputs], sheets))


def _taken(client: Client, progress: bool | None) -> tuple[list[Input], Snapshot]:
    home = workspace() / ".custkit" / client.slug
    if client.is_embedded:
        prepare(client)
    settle(client)
    inputs = find_inputs(client, home / "inputs.json")
    persons = persons_of(client)
    (home / "snapshots").mkdir(parents=True, exist_ok=True)
    home.chmod(home.stat().st_mode & 0o700)  # nobody else's, from a notebook too
    try:
        if found := _known(client, inputs, persons, home):
            return inputs, found
        with alone(home / "intake.lock"):
            if found := _known(client, inputs, persons, home):
                return inputs, found
            with _progress(inputs, progress) as tick:
                _build(client, inputs, persons, home, tick)
    finally:
        remember(inputs, home / "inputs.json")
    made = _known(client, inputs, persons, home)
    assert made is not None
    return inputs, made


def _known(client: Client, inputs: list[Input], persons: Persons, home: Path) -> Snapshot | None:
    """The snapshot of these inputs, where there is one and the inputs are hashed already: nobody waits for a hash to know."""
    if not all(one.digest.done() for one in inputs):
        return None
    return _open(home / "snapshots" / snapshot_key(client, inputs, persons))


def snapshot_key(client: Client, inputs: list[Input], persons: Persons) -> str:
    """Hash of every input's bytes, of what the client file says about reading them, of who was erased, and of the code that reads them."""
    says = client.model_dump(
        mode="json",
        include={
            "currency": True,
            "time_zone": True,
            "sources": True,
            "rules": True,
            "limits": {"quarantine_rows", "quarantine_revenue", "largest_amount", "longest_text"},
        },
    )
    who = [persons.pseudonyms, persons.key_id, sorted(persons.erased)]
    parts = [SHAPE, code_hash(), who, [(one.source, one.name, one.format, one.sha256) for one in inputs], says]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]


@cache
def code_hash() -> str:
    """Hash of the code that makes a snapshot: intake, the canonical tables, pseudonyms."""
    digest = hashlib.sha256()
    for path in sorted([*Path(__file__).parent.glob("*.py"), Path(tables.__file__), Path(keys.__file__)]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _open(folder: Path) -> Snapshot | None:
    try:
        return Snapshot(folder, json.loads((folder / "manifest.json").read_text("utf-8")))
    except (OSError, ValueError):
        return None


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One taker at a time; the others wait and find the snapshot made."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(client: Client, inputs: list[Input], persons: Persons, home: Path, tick: Tick) -> None:
    beside = Path(tempfile.mkdtemp(prefix=".making-", dir=home / "snapshots"))
    try:
        manifest = _make(client, inputs, persons, beside, home, tick)
        if manifest is None:
            return
        folder = home / "snapshots" / manifest["key"]
        (beside / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")
        for path in beside.iterdir():
            path.chmod(0o400)  # what is signed is not written again
            _sync(path)
        if folder.exists():
            shutil.rmtree(folder)
        beside.replace(folder)
        _sync(folder.parent)
        _keep_profile(home, manifest["key"], manifest["profile"])
    except OSError as error:
        raise BadInput(
            f"{error.filename or beside}: cannot be written: {error.strerror}; make room or set CUSTKIT_HOME to a folder you may write to"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _keep_profile(home: Path, key: str, told: dict[str, Any]) -> None:
    """Profiles outlive the snapshots that `gc` clears, so that the next delivery has something to be compared with."""
    folder = home / "profiles"
    folder.mkdir(exist_ok=True)
    beside = folder / f".{key}"
    beside.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    beside.chmod(0o600)
    beside.replace(folder / f"{key}.json")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make(client: Client, inputs: list[Input], persons: Persons, folder: Path, home: Path, tick: Tick) -> dict[str, Any] | None:
    """The tables, into `folder`, and the manifest; None where the inputs, hashed by now, turn out to be those of a snapshot there is."""
    with duckdb.connect() as con, tempfile.TemporaryDirectory(prefix=".spill-", dir=folder.parent) as spill:
        con.execute("SET TimeZone = 'UTC'")
        # Off in a notebook anyway, where DuckDB refuses to touch the setting unless ipywidgets are there.
        if con.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
            con.execute("SET enable_progress_bar = false")
        lock(con, spill=Path(spill))
        files, notes = stage(con, client, inputs, tick)
        if _known(client, inputs, persons, home):
            return None
        has_lines = any(source.table == "order_lines" for source in client.sources)
        sent = {client.sources[one.source].table for one in inputs}
        folded, remarks = merge_customers(con, client)
        notes += remarks
        apart = ("order_lines", MERGED_CUSTOMERS.name)
        for table in dict.fromkeys(source.table for source in client.sources if source.table not in apart):
            target = {"customers": "customer_rows", "products": "product_rows"}.get(table, table)
            folded.append(others.make_table(con, client, table, target))
        has_costs = "unit_cost" in lines.mapped_fields(client, "products")
        if has_lines:
            tick("Judging lines", 0)
            notes += lines.make_lines(con, client, files, unit_costs=has_costs)
        made_ids = has_lines and "order_id" not in lines.mapped_fields(client, "order_lines")
        gone = name_persons(con, client, persons)
        kept = home / "set_aside.parquet"
        order = 'SELECT * FROM quarantine ORDER BY "table", file, line'
        try:
            ledger.stop_past_limits(con, client, files, kept)
        except BadInput:
            write_query(con, order, QUARANTINE, kept)
            kept.chmod(0o600)
            raise
        accounts: dict[str, dict[str, Any]] = {f.table: _account(f, gone.get(f.target, 0)) for f in folded}
        if has_lines:
            tick("Numbering lines", 0)
            accounts["order_lines"] = ledger.line_ledger(con)
            lines.rank_lines(con, named_lines(persons, made_ids))
            sent_lists = {f.table for f in folded}
            for table, number, listed in (("customers", "customer_id", "customer_rows"), ("products", "product_id", "product_rows")):
                if table in sent_lists:
                    accounts[table]["unlisted"] = ledger.unlisted(con, number, listed)
            tick("Folding orders", 0)
            lines.fold_orders(con, client)
            accounts["order_lines"]["orders_of_two_customers"] = ledger.orders_of_two_customers(con)
            lines.fold_customers(con, "customers" in {f.table for f in folded})
            lines.fold_products(con, "products" in {f.table for f in folded})
            notes += [*notes_on_customers(con), *notes_on_totals(con, files)]
        elif {"customers", "events"} <= {f.table for f in folded}:
            others.date_customers(con)
        if "campaign_contacts" in sent:
            others.fill_contacts(con, "campaigns" in {f.table for f in folded})
            notes += notes_on_contacts(con)
        targets = {"order_lines": "lines", "orders": "order_rows", "customers": "customer_rows", "products": "product_rows"}
        made = {t for (t,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        tick("Writing", 0)
        with ThreadPoolExecutor(2) as pool:  # one table is packed by one core
            packed = {
                table: pool.submit(write_table, con.cursor(), table, rows, folder)
                for table in TABLES
                if (rows := targets.get(table, table)) in made
            }
            written = {table: one.result() for table, one in packed.items()}
        write_query(con, order, QUARANTINE, folder / "quarantine.parquet")
        if MERGES in made:
            write_table(con, MERGED_CUSTOMERS.name, MERGES, folder)
        told = profile(con, files, written) | {"filled": _filled(folder, written)}
        largest, busiest = (largest_sales(con), busiest_customers(con)) if has_lines else ([], [])
        if has_lines:
            ledger.check_money(accounts["order_lines"], folder)
        first, last = _span(con, sent)
    return {
        "key": snapshot_key(client, inputs, persons),
        "pseudonyms": persons.key_id if persons.pseudonyms else None,
        "provided": provided(client, {one.source for one in inputs}),
        "span": [first.isoformat() if first else None, last.isoformat() if last else None],
        "tables": written,
        "profile": told,
        "largest_sales": largest,
        "busiest_customers": busiest,
        "notes": [asdict(note) for note in notes],
        "ledger": {"files": [asdict(one) for one in files], "tables": accounts},
        "inputs": [
            {"table": client.sources[one.source].table, "file": one.name, "sha256": one.sha256, "bytes": one.size} for one in inputs
        ],
    }


def _filled(folder: Path, tables: dict[str, int]) -> dict[str, float]:
    """Share of rows in which each column holds something, from the footers of the written files."""
    found: dict[str, float] = {}
    for table, rows in tables.items():
        footer = pq.read_metadata(folder / f"{table}.parquet")
        for i, column in enumerate(footer.schema.names):
            groups = [(footer.row_group(group).num_rows, footer.row_group(group).column(i)) for group in range(footer.num_row_groups)]
            empty = sum(part.statistics.null_count if part.statistics else group for group, part in groups)
            found[f"{table}.{column}"] = round(1 - empty / rows, 4) if rows else 0.0
    return found


def _account(folded: others.Folded, erased: int) -> dict[str, Any]:
    """accepted = rows + merged + erased"""
    told = {"accepted": folded.accepted, "rows": folded.rows - erased, "merged": folded.accepted - folded.rows}
    return {**told, "erased": erased} if erased else told


def _span(con: duckdb.DuckDBPyConnection, sent: set[str]) -> tuple[datetime | None, datetime | None]:
    """The months a book may be opened on: orders say it; without them what visitors did, or the entries of a loyalty programme."""
    spans = (
        ("order_lines", "order_rows", "ordered_at"),
        ("events", "events", "occurred_at"),
        ("loyalty_ledger", "loyalty_ledger", "occurred_at"),
    )
    for table, rows, time in spans:
        if table in sent:
            first, last = con.execute(f"SELECT min({time}), max({time}) FROM {rows}").fetchone() or (None, None)
            return first, last
    return None, None


@contextmanager
def _progress(inputs: list[Input], wanted: bool | None) -> Iterator[Tick]:
    total = sum(one.size for one in inputs)
    if wanted is None:
        wanted = total > LONG and (sys.stderr.isatty() or "ipykernel" in sys.modules)
    if not wanted:
        yield lambda _label, _bytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    look = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*look, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=total)
        sizes = {one.name: one.size for one in inputs}
        read: dict[str, int] = {}

        def tick(label: str, size: int) -> None:
            if label not in sizes:
                bar.update(task, completed=total, description=label)
                return
            read[label] = min(sizes[label], read.get(label, 0) + size)  # as UTF-8 a file may be longer than it is
            whole = sum(sizes[name] for name in read if name != label)
            bar.update(task, completed=whole + read[label], description=f"Reading {label}")

        yield tick
