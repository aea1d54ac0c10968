"""Which notebooks are to be run for which client and month, and the key by which a finished one is known again."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.resources import files
from pathlib import Path

from custkit.client import Client, load_client, workspace
from custkit.errors import BadInput
from custkit.intake import Snapshot, take_snapshot
from custkit.period import Period
from custkit.present.titles import PAGES
from custkit.words import _

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Job:
    """One notebook of one client and month. `key` changes whenever its outcome could; `cells` says roughly how long it takes."""

    notebook: str
    path: Path
    key: str
    cells: int = 0


@dataclass(frozen=True)
class Plan:
    """One client's month: `jobs` in the order of the pack, `wanted` the names that were asked for. shared: it leaves the house."""

    client: Client
    snapshot: Snapshot
    period: Period
    jobs: tuple[Job, ...]
    wanted: frozenset[str]
    shared: bool = False

    @property
    def min_cell(self) -> int:
        """The fewest people of whom its readers are told."""
        return self.client.limits.min_cell if self.shared else 1

    @property
    def key(self) -> str:
        return digest([job.key for job in self.jobs if job.notebook in self.wanted], sorted(self.wanted))


def make_plan(
    slug: str, *, period: str | None = None, notebooks: Sequence[str] = (), shared: bool = False, progress: bool | None = None
) -> Plan:
    """Take the client's snapshot and plan its month.

    period: the last complete month of the data where none is given. notebooks: names; all where none is given. shared: for
    readers outside the house.

    Raises BadInput for a client, period or notebook that is not there.
    """
    there = notebook_paths()
    if unknown := [name for name in notebooks if name not in there]:
        raise BadInput(f"no notebook `{unknown[0]}`; there are {', '.join(there) or 'none'}")
    wanted_period = Period.parse(period) if period else None
    client = load_client(slug)
    snapshot = take_snapshot(client, progress=progress)
    month = wanted_period or last_month(client, snapshot)
    _check_reach(client, snapshot, month)
    jobs = tuple(Job(name, path, job_key(client, snapshot, month, path, shared=shared), len(_source(path))) for name, path in there.items())
    return Plan(client, snapshot, month, jobs, frozenset(notebooks or there), shared)


def notebook_paths() -> dict[str, Path]:
    """Every notebook by name, in the order of the pack: those of the workspace, or else those that came with custkit."""
    folders = (workspace() / "notebooks", Path(str(files("custkit"))) / "notebooks", Path(str(files("custkit"))).parent / "notebooks")
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    found = {path.stem: path for path in folder.glob("*.ipynb") if _NAME.fullmatch(path.stem)}
    order = list(PAGES)
    return dict(sorted(found.items(), key=lambda item: (order.index(item[0]) if item[0] in order else len(order), item[0])))


def page_name(notebook: str) -> str:
    """What the page is called in lists, in the reader's language."""
    return _(PAGES[notebook]) if notebook in PAGES else notebook.replace("_", " ").capitalize()


def last_month(client: Client, snapshot: Snapshot) -> Period:
    """The last month that the data cover to its last day, or the last with an order where none is covered."""
    first, last = snapshot.span
    if first is None or last is None:
        raise BadInput(
            f"client {client.slug}: no orders were accepted, nor events or points in their place; see `custkit intake {client.slug}`"
        )
    month = Period.of(last)
    complete = (last + timedelta(days=1)).month != last.month
    return month if complete or Period.of(first) == month else month - 1


def _check_reach(client: Client, snapshot: Snapshot, period: Period) -> None:
    first, last = snapshot.span
    if first is None or last is None:
        raise BadInput(
            f"client {client.slug}: no orders were accepted, nor events or points in their place; see `custkit intake {client.slug}`"
        )
    if not Period.of(first) <= period <= Period.of(last):
        raise BadInput(
            f"client {client.slug} has no orders in reach of {period}: its data span {Period.of(first)} to {Period.of(last)}; "
            f"run with --period {last_month(client, snapshot)}"
        )


def job_key(client: Client, snapshot: Snapshot, period: Period, notebook: Path, *, shared: bool = False) -> str:
    """Hash of the data, the month, the client file, the notebook's source, custkit's code and catalogues, and the versions under it.

    shared: for readers outside the house, whose notebook is another.
    """
    told = (snapshot.key, snapshot.unread_before(f"{period.end:%Y-%m}"))
    return digest(told, str(period), client.model_dump_json(), _source(notebook), code_hash(reporting=False), versions(), shared)


def digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _source(notebook: Path) -> list[list[str]]:
    # Outputs and run counts are no part of what a notebook does.
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [[cell["cell_type"], "".join(cell["source"]), *sorted(cell["metadata"].get("tags", ()))] for cell in cells]


@cache
def code_hash(*, reporting: bool = True) -> str:
    """Hash of every file of the package but its compiled ones: code, templates, catalogues.

    reporting: False leaves out what draws pages and prints, which no notebook can see.
    """
    root = Path(str(files("custkit")))
    names = {path.relative_to(root).as_posix(): path for path in _package_files(root)}
    kept = {name for name in names if reporting or not name.startswith(("reporting/", "cli.py"))}
    return digest([[name, _sha256(names[name])] for name in sorted(kept)])


def _package_files(root: Path) -> Iterable[Path]:
    kinds = {".py", ".j2", ".css", ".po", ".yml"}
    return (path for path in root.rglob("*") if path.suffix in kinds)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Python and every distribution that custkit asks for, with its version."""
    names = {re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in requires("custkit") or () if "extra ==" not in line}
    found = []
    for name in sorted(names):
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "missing"))
    return (("python", platform.python_version()), *found)
