"""A client's month from plan to published pack."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from custkit import __version__, words
from custkit.client import workspace
from custkit.errors import BAD_INPUT, BUSY, GOOD, INTERNAL, CustkitError
from custkit.present.finding import show
from custkit.reporting import publish
from custkit.reporting.execute import OUT, SENTINEL_CELL, Fault, Task, Verdict
from custkit.reporting.harvest import Told, harvest, results
from custkit.reporting.page import Change, Failure, Pack, render_index, render_page
from custkit.reporting.plan import Job, Plan, code_hash, digest, make_plan, page_name, versions
from custkit.reporting.provenance import provenance
from custkit.reporting.publish import Shelf
from custkit.reporting.run import Listener, kernel_environment, run_tasks, warm_up

_LONGEST_NAME = 90
_MOST_CHANGES = 15


@dataclass(frozen=True)
class Outcome:
    """How one client's month ended. `index` is the page to open: the published one, or that of the failed pack."""

    client: str
    period: str
    exit_code: int
    index: Path | None = None
    message: str = ""
    failures: tuple[Failure, ...] = ()
    nothing_to_do: bool = False
    warnings: tuple[str, ...] = ()


@dataclass
class _Building:
    """One client's month while its notebooks run."""

    plan: Plan
    shelf: Shelf
    run: str
    work: Path
    started: float
    ready: dict[str, tuple[Path, dict[str, Any]]] = field(default_factory=dict)
    waiting: dict[str, Job] = field(default_factory=dict)
    failed: dict[str, Fault] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.plan.client.slug


def run_packs(
    slugs: Sequence[str],
    *,
    period: str | None = None,
    notebooks: Sequence[str] = (),
    workers: int | None = None,
    force: bool = False,
    reports: Path | None = None,
    listen: Listener = lambda *_: None,
    planned: Callable[[Plan, Sequence[str], Sequence[str]], None] = lambda *_: None,
) -> list[Outcome]:
    """Plan, run and publish every client's month; one client's trouble does not stop the others.

    planned(plan, to_run, kept) is told what will be run and what stands from before.
    """
    place = (reports or workspace() / "reports").resolve()
    outcomes: list[Outcome] = []
    building: list[_Building] = []
    with contextlib.ExitStack() as locks:
        for slug in slugs:
            if len(slugs) == 1 and not (place / slug).is_dir():
                warm_up(workspace())
            try:
                begun = _begin(slug, period, notebooks, force, place, locks)
            except CustkitError as error:
                outcomes.append(Outcome(slug, period or "", error.exit_code, message=str(error)))
                continue
            if isinstance(begun, Outcome):
                outcomes.append(begun)
                continue
            building.append(begun)
            planned(begun.plan, list(begun.waiting), list(begun.ready))
        outcomes += _run(building, workers or os.cpu_count() or 1, listen)
    return sorted(outcomes, key=lambda outcome: list(slugs).index(outcome.client))


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The worst of them."""
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in (INTERNAL, BAD_INPUT, BUSY) if code in codes), GOOD)


def _begin(
    slug: str, period: str | None, notebooks: Sequence[str], force: bool, reports: Path, locks: contextlib.ExitStack
) -> _Building | Outcome:
    started = time.time()
    plan = make_plan(slug, period=period, notebooks=notebooks)
    month = str(plan.period)
    shelf = publish.shelf(reports, slug, month)
    locks.enter_context(publish.locked(shelf))
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(started))}-{digest(plan.key, os.getpid(), started)[:8]}"
    build = _Building(plan, shelf, name, shelf.folder / f".work-{name}", started)
    for job in plan.jobs:
        kept = None if force and job.notebook in plan.wanted else publish.kept_job(shelf, job.key)
        if kept:
            build.ready[job.notebook] = kept
        elif job.notebook in plan.wanted:
            build.waiting[job.notebook] = job
    published = shelf.manifest()
    if not build.waiting and published and published["key"] == _pack_key(build):
        return Outcome(slug, month, GOOD, shelf.current / publish.INDEX, nothing_to_do=True)
    return build


def _pack_key(build: _Building) -> str:
    """Changes whenever the pack's files would: its notebooks, last month's results, the code."""
    keys = [job.key for job in build.plan.jobs if job.notebook in build.ready]
    return digest(keys, code_hash(), _previous(build)[1])


def _previous(build: _Building) -> tuple[dict[str, Any] | None, str]:
    """Last month's results, where there are any, and their hash."""
    path = build.shelf.folder.parent / str(build.plan.period - 1) / "current" / publish.RESULTS
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text), digest(text)
    except (OSError, ValueError):
        return None, ""


def _run(building: Sequence[_Building], workers: int, listen: Listener) -> list[Outcome]:
    outcomes = [_finish(build) for build in building if not build.waiting]
    tasks = {task.folder: (build, job) for build in building for job in build.waiting.values() for task in [_task(build, job)]}
    if not tasks:
        return outcomes
    order = [_task(build, job) for build, job in tasks.values()]

    def finish(task: Task, verdict: Verdict) -> None:
        build, job = tasks[task.folder]
        del build.waiting[job.notebook]
        _settle(build, job, task, verdict)
        if not build.waiting:
            outcomes.append(_finish(build))

    run_tasks(order, workers=workers, warm=warm_up(workspace()), listen=listen, finish=finish)
    return outcomes


def _task(build: _Building, job: Job) -> Task:
    return Task(
        source=str(job.path),
        name=job.notebook,
        client=build.slug,
        period=str(build.plan.period),
        folder=str(build.work / "private" / job.notebook),
        sockets="",
        run_id=build.run,
        environment=kernel_environment(build.plan.client, workspace()),
    )


def _settle(build: _Building, job: Job, task: Task, verdict: Verdict) -> None:
    if verdict.fault:
        build.failed[job.notebook] = verdict.fault
        return
    notebook = json.loads((Path(task.folder) / OUT).read_text(encoding="utf-8"))
    told = {"seconds": verdict.seconds, "cells": verdict.cells, "run": build.run}
    kept = publish.keep_job(build.shelf, job.key, _without_traces(notebook), told)
    build.ready[job.notebook] = (kept, told)


def _without_traces(notebook: dict[str, Any]) -> dict[str, Any]:
    """The executed notebook without the sentinel and without what papermill notes: paths, times."""
    cells = [cell for cell in notebook["cells"] if cell.get("id") != SENTINEL_CELL]
    for cell in cells:
        for trace in ("papermill", "execution"):
            cell["metadata"].pop(trace, None)
    metadata = {name: value for name, value in notebook["metadata"].items() if name != "papermill"}
    return {**notebook, "cells": cells, "metadata": metadata}


def _finish(build: _Building) -> Outcome:
    """Render, write and publish; or set the pack aside when a notebook is not good."""
    client, snapshot, month = build.plan.client, build.plan.snapshot, str(build.plan.period)
    words.use(client.language, client.currency)
    build.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    pages: list[Told] = []
    for job in build.plan.jobs:
        if job.notebook in build.ready:
            source, _told = build.ready[job.notebook]
            publish.link(source, build.work / "notebooks" / f"{job.notebook}.ipynb")
            pages.append(harvest(job.notebook, json.loads(source.read_text(encoding="utf-8"))))
    found = results(pages)
    before, _hash = _previous(build)
    pack = Pack(
        client=client.name,
        period=month,
        as_of=words.day(build.plan.period.end),
        provenance=provenance(snapshot.manifest),
        pages=pages,
        changes=None if before is None else changes(before, found, pages),
        previous=words.month(build.plan.period - 1),
        absent=[page_name(job.notebook) for job in build.plan.jobs if job.notebook not in build.ready and job.notebook not in build.failed],
    )
    pack = _render_pages(build, pack)
    (build.work / publish.RESULTS).write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (build.work / publish.INDEX).write_text(render_index(pack), encoding="utf-8")
    _keep_logs(build)
    manifest = _manifest(build, pack)
    warnings = tuple(warning for told in pages for warning in told.warnings)
    if pack.failures:
        final = publish.set_aside(build.shelf, build.work, build.run, manifest)
        code = BAD_INPUT if all(failure.fault.error == "BadInput" for failure in pack.failures) else INTERNAL
        return Outcome(build.slug, month, code, final / publish.INDEX, failures=tuple(pack.failures), warnings=warnings)
    publish.publish(build.shelf, build.work, build.run, manifest)
    return Outcome(build.slug, month, GOOD, build.shelf.current / publish.INDEX, warnings=warnings)


def _render_pages(build: _Building, pack: Pack) -> Pack:
    for told in pack.pages:
        try:
            (build.work / f"{told.name}.html").write_text(render_page(pack, told), encoding="utf-8")
        except ValueError as error:
            build.failed[told.name] = Fault(type(error).__name__, str(error))
    failures = [Failure(name, fault) for name, fault in build.failed.items()]
    rendered = [told for told in pack.pages if told.name not in build.failed]
    return Pack(**{**vars(pack), "failures": failures, "pages": rendered})


def _keep_logs(build: _Building) -> None:
    """Of a failed notebook keep what its kernel said and how far it came; of the others nothing."""
    private = build.work / "private"
    for name in build.failed:
        for log in (private / name).glob("*.log"):
            if log.stat().st_size:
                publish.link(log, build.work / "logs" / f"{name}-{log.name}")
    shutil.rmtree(private, ignore_errors=True)


def _manifest(build: _Building, pack: Pack) -> dict[str, Any]:
    plan = build.plan
    snapshot = {name: plan.snapshot.manifest.get(name) for name in ("key", "inputs", "ledger", "span")}
    jobs = {
        job.notebook: {"key": job.key, **build.ready[job.notebook][1], "reused": build.ready[job.notebook][1]["run"] != build.run}
        for job in plan.jobs
        if job.notebook in build.ready
    }
    return {
        "schema": 1,
        "run": build.run,
        "status": "failed" if pack.failures else "good",
        "key": _pack_key(build),
        "client": build.slug,
        "period": str(plan.period),
        "as_of": plan.period.end.isoformat(),
        "time_zone": plan.client.time_zone,
        "language": plan.client.language,
        "custkit": __version__,
        "code": code_hash(),
        "versions": dict(versions()),
        "client_file": digest(plan.client.model_dump_json()),
        "snapshot": snapshot,
        "jobs": jobs,
        "failures": {failure.notebook: asdict(failure.fault) for failure in pack.failures},
        "warnings": [warning for told in pack.pages for warning in told.warnings],
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(build.started)),
        "seconds": round(time.time() - build.started, 2),
    }


def changes(before: dict[str, Any], now: dict[str, Any], pages: Sequence[Told]) -> list[Change]:
    """Measures that moved beyond noise: their intervals of the two months do not meet, or their tile says so."""
    moved = []
    for told in pages:
        said = _tile_directions(told)
        for key, fact in now.get(told.name, {}).items():
            old = before.get(told.name, {}).get(key)
            name = fact.get("name") or fact.get("definition", "")
            if old and 0 < len(name) <= _LONGEST_NAME and fact["unit"] != "text" and _moved(old, fact, said.get(key)):
                moved.append(
                    Change(name, show(old.get("value"), fact["unit"]), show(fact.get("value"), fact["unit"]), page_name(told.name))
                )
    return moved[:_MOST_CHANGES]


def _tile_directions(told: Told) -> dict[str, str]:
    tiles = [tile for section in told.sections for item in section.items if item.kind == "tiles" for tile in item.content]
    return {tile["fact"]["key"]: tile["direction"] for tile in tiles}


def _moved(old: dict[str, Any], new: dict[str, Any], direction: str | None) -> bool:
    if direction is not None:
        return direction != "none"
    bounds = [side.get(end) for side in (old, new) for end in ("low", "high")]
    if any(not isinstance(bound, int | float) for bound in bounds):
        return False
    return bool(new["low"] > old["high"] or new["high"] < old["low"])
