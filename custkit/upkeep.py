"""What is kept of people, and for how long: erase one, show what is held of one, delete what is old, clear what crashed runs left.

The client's own exports are never touched: whoever asks to be erased must be erased there too, but does not come in again from them.
Copies that `custkit fetch` made of a database are ours, though they lie beside exports.
Every command tells what it will delete before it does (`dry_run`), and leaves a receipt without ids below `.custkit/<client>/receipts/`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from custkit.client import Client, load_client
from custkit.errors import BadInput, Busy
from custkit.intake import Snapshot, take_snapshot
from custkit.intake.copies import cells_of, copies, forsaken, missing
from custkit.intake.persons import erased_path, home_of, key_of
from custkit.intake.staging import QUARANTINE
from custkit.keys import PREFIX
from custkit.reporting import aside, publish
from custkit.tables import MERGED_CUSTOMERS, TABLES

MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
LEFTOVERS = (".making-*", ".spill-*", ".work-*", ".current-*")


@dataclass
class Deed:
    """What a command deleted, or would delete: paths, and counts for the receipt. `fetch` where a copy of a database went with them."""

    what: str
    client: str
    deleted: list[Path] = field(default_factory=list)
    emptied: list[Path] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    fetch: bool = False

    def receipt(self, at: datetime, extra: dict[str, Any] | None = None) -> Path:
        """Write what was done, without an id."""
        folder = home_of(self.client) / "receipts"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{self.what}-{at:%Y%m%dT%H%M%S%f}Z.json"
        told = {
            "what": self.what, "client": self.client, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "rows": self.rows, **(extra or {}),
            "deleted": [str(one) for one in self.deleted], "emptied": [str(one) for one in self.emptied],
        }  # fmt: skip
        publish.write_whole(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        return path


def subject(client: Client, customer: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of the client's snapshot that is about one person, by table; from the exports as they lie there now.

    customer: the id as the client knows it, or its pseudonym.
    """
    snapshot = take_snapshot(client, progress=False)
    names = _names(client, customer, snapshot)
    found = {}
    for table in TABLES:
        path = snapshot.path(table)
        if path is None or "customer_id" not in TABLES[table].by_name:
            continue
        rows = pq.read_table(path, filters=pc.field("customer_id").isin(sorted(names)))
        if rows.num_rows:
            found[table] = rows.to_pylist()
    return found


def erase(client: Client, customer: str, *, reports: Path, now: datetime, dry_run: bool = False) -> Deed:
    """Forget one person: every file of ours that names them is deleted, and their rows stay out of every snapshot from now on.

    Snapshots, finished notebooks and whole report packs with their id or a mail address of theirs go, and copies of a database; the next
    run, and the next fetch, make them again without the person. Rows set aside go whoever they are about. Numbers that counted the person
    among many stay as they were signed.

    customer: the id as the client knows it, or its pseudonym. Raises BadInput where nothing of ours and nothing in the exports knows it.
    """
    unread = missing(client)  # an erasure before this one deleted copies, and nobody has fetched them again
    names = _names(client, customer, None if unread else take_snapshot(client, progress=False))
    pseudonyms = sorted(name for name in names if name.startswith(PREFIX))
    home, copied = home_of(client.slug), copies(client)
    names |= {cell for path in copied for cell in cells_of(client, path, pseudonyms)}
    deed = Deed("erase", client.slug)
    known = {} if unread else subject(client, customer)
    deed.rows = {table: len(rows) for table, rows in known.items()}
    names |= _mails(known)
    folders = [*_snapshots(client.slug), *_packs(reports / client.slug)]
    deed.deleted += [folder for folder in folders if any(_names_any(path, names) for path in _files(folder))]
    loose = [*_files(reports / client.slug, "*/.jobs/*"), *_files(home, "*.parquet"), *_files(home / "profiles"), *copied]
    deed.deleted += [path for path in loose if _names_any(path, names)]
    before = erased_path(client.slug).read_text("ascii").split() if erased_path(client.slug).exists() else []
    if not deed.rows and not deed.deleted and not {*pseudonyms} & {*before}:
        first = f"run `custkit fetch {client.slug}` first; " if unread else ""
        raise BadInput(f"client {client.slug} has no customer {customer!r}: {first}write the id as it stands in the exports")
    deed.deleted += [path for path in _aside(client.slug) if path not in deed.deleted]
    deed.fetch = bool({*copied} & {*deed.deleted})
    if dry_run:
        return deed
    with _held(*_locks(client, reports)):
        # First the list: whatever stops the rest, the person does not come in again.
        publish.write_whole(erased_path(client.slug), "".join(f"{one}\n" for one in sorted({*before, *pseudonyms})))
        _delete(deed.deleted)
        _drop_dangling(reports / client.slug)
    deed.receipt(now, {"pseudonyms": [one[:8] + "…" for one in pseudonyms]})
    return deed


def purge(client: Client, *, reports: Path, today: date, now: datetime, dry_run: bool = False) -> Deed:
    """Delete what has been kept longer than the client file's `privacy` says: rows set aside, lists of people, report packs.

    Copies of a database, and what is remembered of former deliveries, go with the report packs of their month.
    """
    keep = client.privacy
    deed = Deed("purge", client.slug)

    def older(path: Path, days: int) -> bool:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).date() < today - timedelta(days=days)

    first = today.replace(day=1)
    months = first.year * 12 + first.month - 1 - keep.runs_months
    oldest = f"{months // 12:04d}-{months % 12 + 1:02d}"
    for month in sorted((reports / client.slug).glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]*")):
        if month.name[: len(oldest)] < oldest:
            deed.deleted.append(month)
        else:
            deed.deleted += [
                path for pack in _packs(month.parent, month.name) for path in _files(pack, "lists/*") if older(path, keep.lists_days)
            ]
    kept = [*copies(client), *_files(home_of(client.slug) / "profiles")]
    deed.deleted += [path for path in kept if f"{datetime.fromtimestamp(path.stat().st_mtime, UTC):%Y-%m}" < oldest]
    deed.fetch = bool({*copies(client)} & {*deed.deleted})
    deed.deleted += [path for path in _aside(client.slug) if older(path, keep.quarantine_days)]
    for folder in _snapshots(client.slug):
        path = folder / "quarantine.parquet"
        if path.exists() and older(path, keep.quarantine_days) and pq.read_metadata(path).num_rows:
            deed.emptied.append(path)
    if dry_run or not (deed.deleted or deed.emptied):
        return deed
    packs = {pack for pack in _packs(reports / client.slug) for path in deed.deleted if path.is_relative_to(pack)}
    with _held(*_locks(client, reports)):
        _delete(deed.deleted)
        for path in deed.emptied:
            part = path.with_suffix(".part")
            pq.write_table(QUARANTINE.empty_table(), part)
            part.chmod(0o600)
            part.replace(path)
        for pack in packs:
            _tell_what_is_left(pack)
    deed.receipt(now)
    return deed


def clear(slug: str, *, reports: Path, dry_run: bool = False) -> Deed:
    """Delete what no report needs: what killed runs left, and snapshots that are neither the last nor that of a pack people are shown.

    Copies of tables that the client file no longer names go too; where it cannot be read, they stay. What a run that is alive holds is
    left alone.
    """
    deed = Deed("gc", slug)
    shown = {_snapshot_of(path) for path in (reports / slug).glob("*/current/run.json")}
    with contextlib.suppress(Busy), _held(home_of(slug) / "intake.lock"):
        snapshots = sorted(_snapshots(slug), key=lambda folder: (folder / "manifest.json").stat().st_mtime)
        unneeded = [folder for folder in snapshots[:-1] if folder.name not in shown]
        with contextlib.suppress(BadInput):
            unneeded += forsaken(load_client(slug))
        _clear(deed, home_of(slug) / "snapshots", unneeded, dry_run)
    for month in sorted((reports / slug).glob("*")):
        with contextlib.suppress(Busy), _held(month / ".lock"):
            _clear(deed, month, [], dry_run)
    return deed


def _clear(deed: Deed, root: Path, also: list[Path], dry_run: bool) -> None:
    found = [*also, *(left for pattern in LEFTOVERS for left in sorted(root.glob(pattern)) if not _is_of_the_living(left))]
    deed.deleted += found
    if not dry_run:
        _delete(found)


def _is_of_the_living(path: Path) -> bool:
    """Whether a page that is open in a kernel of this machine put it there: it holds no lock, but says by its name whose it is."""
    owner = re.fullmatch(r"[.]spill-([0-9]+)-[0-9a-f]+", path.name)
    if owner is None:
        return False
    try:
        os.kill(int(owner[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _snapshot_of(manifest: Path) -> str:
    return str(json.loads(manifest.read_text("utf-8")).get("snapshot", {}).get("key", ""))


@contextlib.contextmanager
def _held(*locks: Path) -> Iterator[None]:
    """Hold the locks that runs hold while they work. Raises Busy where one is alive; a killed run holds nothing."""
    with contextlib.ExitStack() as files:
        for lock in locks:
            if lock.exists():
                file = files.enter_context(lock.open("r+"))
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise Busy(f"{lock.parent} is in use by a run; try again when it is done") from error
        yield


def _locks(client: Client, reports: Path) -> list[Path]:
    return [home_of(client.slug) / "intake.lock", *sorted((reports / client.slug).glob("*/.lock"))]


def _names(client: Client, customer: str, snapshot: Snapshot | None) -> set[str]:
    """How one person may stand in our files: the id as sent and its pseudonym, those of every id that is merged with it too."""
    names = {customer} if customer.startswith(PREFIX) else {customer.strip(), key_of(client.slug).pseudonym("customer_id", customer)}
    if snapshot and (path := snapshot.path(MERGED_CUSTOMERS.name)):
        theirs = pc.field("customer_id").isin(sorted(names)) | pc.field("merged_into").isin(sorted(names))
        survivors = pq.read_table(path, filters=theirs)["merged_into"].unique()
        joined = pq.read_table(path, filters=pc.field("merged_into").isin(survivors))
        names |= {*survivors.to_pylist(), *joined["customer_id"].to_pylist()}
    sent = [name for name in names if not name.startswith(PREFIX)]
    return names | set(key_of(client.slug).pseudonyms("customer_id", sent)) if sent else names


def _aside(slug: str) -> list[Path]:
    """Rows that were set aside when intake stopped, and those that somebody asked for as files."""
    return [*_files(home_of(slug), "set_aside.parquet"), *_files(home_of(slug) / aside.FOLDER, "*")]


def _snapshots(slug: str) -> list[Path]:
    return sorted(path.parent for path in (home_of(slug) / "snapshots").glob("*/manifest.json"))


def _packs(folder: Path, month: str = "*") -> list[Path]:
    return sorted(path for kind in ("run-*", "failed-*") for path in folder.glob(f"{month}/{kind}") if path.is_dir())


def _files(folder: Path, pattern: str = "**/*") -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())


def _names_any(path: Path, names: Iterable[str]) -> bool:
    """True where a file of ours names the person: as a word of a text, or within a cell of a table."""
    word = re.compile("|".join(rf"(?<![0-9A-Za-z]){re.escape(name)}(?![0-9A-Za-z])" for name in sorted(names)))
    return any(word.search(text) for text in _texts(path))


def _texts(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        for column in pq.read_table(path).columns:
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                yield from (value for value in pc.unique(column).to_pylist() if value is not None)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            for name in parts.namelist():
                yield parts.read(name).decode("utf-8", "replace")
    else:
        with path.open("rb") as file:  # an id stands on one line; a copy of a database may be larger than memory
            yield from (line.decode("utf-8", "replace") for line in file)


def _mails(rows: dict[str, list[dict[str, Any]]]) -> set[str]:
    """Mail addresses in what a person wrote or is known by."""
    cells = (cell for table in rows.values() for row in table for cell in row.values() if isinstance(cell, str))
    return {mail for cell in cells for mail in MAIL.findall(cell)}


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _drop_dangling(folder: Path) -> None:
    """A pointer whose pack went shows nothing rather than an error."""
    for month in folder.glob("*"):
        pointer = publish.Shelf(month).current
        if pointer.is_symlink() and not pointer.exists():
            pointer.unlink()


def _tell_what_is_left(pack: Path) -> None:
    """The manifest of a pack names the files that are there."""
    if (pack / publish.MANIFEST).exists():
        manifest = json.loads((pack / publish.MANIFEST).read_text("utf-8"))
        publish.write_whole(
            pack / publish.MANIFEST, json.dumps({**manifest, "outputs": publish.outputs(pack)}, ensure_ascii=False, indent=1) + "\n"
        )
