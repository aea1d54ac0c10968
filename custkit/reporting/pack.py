"""Every client's month from plan to published pack."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from custkit.book import SHARED
from custkit.client import workspace
from custkit.errors import BAD_INPUT, BUSY, GOOD, INTERNAL, CustkitError
from custkit.intake import take_snapshot
from custkit.present.mime import LISTS_FOLDER
from custkit.reporting import publish
from custkit.reporting.build import Build, Outcome
from custkit.reporting.execute import CELL_SECONDS, OUT, SENTINEL_CELL, Fault, Task, Verdict
from custkit.reporting.plan import Job, Plan, digest, make_plan
from custkit.reporting.run import Listener, kernel_environment, run_tasks, warm_up
from custkit.words import mark

LISTS = "lists"


def run_packs(
    slugs: Sequence[str],
    *,
    period: str | None = None,
    notebooks: Sequence[str] = (),
    workers: int | None = None,
    force: bool = False,
    shared: bool = False,
    time_limit: int | None = None,
    reports: Path | None = None,
    listen: Listener = lambda *_: None,
    planned: Callable[[Plan, Sequence[str], Sequence[str]], None] = lambda *_: None,
) -> list[Outcome]:
    """Plan, run and publish every client's month; one client's trouble does not stop the others.

    shared: packs that leave the house, beside the house's own: few people are not told of, and no list of people is written.
    time_limit: seconds that a cell may take before its kernel is ended; half an hour where none is given.
    planned(plan, to_run, kept) is told what will be run and what stands from before.
    """
    place = (reports or workspace() / "reports").resolve()
    outcomes: list[Outcome] = []
    building: list[Build] = []
    with contextlib.ExitStack() as locks:
        for slug in slugs:
            if len(slugs) == 1 and not (place / slug).is_dir():
                warm_up(workspace())
            try:
                begun = _begin(slug, period, notebooks, force, shared, place, locks)
            except CustkitError as error:
                outcomes.append(Outcome(slug, period or "", error.exit_code, message=str(error)))
                continue
            if isinstance(begun, Outcome):
                outcomes.append(begun)
                continue
            building.append(begun)
            planned(begun.plan, list(begun.waiting), list(begun.ready))
        outcomes += _run(building, workers or os.cpu_count() or 1, time_limit or CELL_SECONDS, listen)
    return sorted(outcomes, key=lambda outcome: list(slugs).index(outcome.client))


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The worst of them."""
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in (INTERNAL, BAD_INPUT, BUSY) if code in codes), GOOD)


def _begin(
    slug: str, period: str | None, notebooks: Sequence[str], force: bool, shared: bool, reports: Path, locks: contextlib.ExitStack
) -> Build | Outcome:
    started = time.time()
    plan = make_plan(slug, period=period, notebooks=notebooks, shared=shared)
    month = str(plan.period)
    shelf = publish.shelf(reports, slug, month, shared=shared)
    locks.enter_context(publish.locked(shelf))
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(started))}-{digest(plan.key, os.getpid(), started)[:8]}"
    build = Build(plan, shelf, name, shelf.folder / f".work-{name}", started)
    for job in plan.jobs:
        kept = None if force and job.notebook in plan.wanted else publish.kept_job(shelf, job.key)
        if kept:
            build.ready[job.notebook] = kept
        elif job.notebook in plan.wanted:
            build.waiting[job.notebook] = job
    published = shelf.manifest()
    if not build.waiting and published and published["key"] == build.key:
        return Outcome(slug, month, GOOD, shelf.current / publish.INDEX, nothing_to_do=True, unread=build.unread)
    return build


def _run(building: Sequence[Build], workers: int, time_limit: int, listen: Listener) -> list[Outcome]:
    outcomes = [_assemble(build) for build in building if not build.waiting]
    tasks = {task.folder: (build, job) for build in building for job in build.waiting.values() for task in [_task(build, job, time_limit)]}
    if not tasks:
        return outcomes
    # The longest first, so that none is left alone at the end.
    order = [_task(build, job, time_limit) for build, job in sorted(tasks.values(), key=lambda work: -work[1].cells)]

    def finish(task: Task, verdict: Verdict) -> None:
        build, job = tasks[task.folder]
        del build.waiting[job.notebook]
        _settle(build, job, task, verdict)
        if not build.waiting:
            outcomes.append(_assemble(build))

    run_tasks(order, workers=workers, warm=warm_up(workspace()), listen=listen, finish=finish)
    return outcomes


def _task(build: Build, job: Job, time_limit: int) -> Task:
    folder = build.work / "private" / job.notebook
    return Task(
        source=str(job.path),
        name=job.notebook,
        client=build.slug,
        period=str(build.plan.period),
        folder=str(folder),
        sockets="",
        run_id=build.run,
        environment={
            **kernel_environment(build.plan.client, workspace()),
            LISTS_FOLDER: str(folder / LISTS),
            **({SHARED: "1"} if build.plan.shared else {}),
        },
        cell_seconds=time_limit,
    )


def _settle(build: Build, job: Job, task: Task, verdict: Verdict) -> None:
    fault = verdict.fault or _input_fault(build)
    if fault:
        build.failed[job.notebook] = fault
        return
    notebook = json.loads((Path(task.folder) / OUT).read_text(encoding="utf-8"))
    told = {"seconds": verdict.seconds, "cells": verdict.cells, "run": build.run}
    kept = publish.keep_job(build.shelf, job.key, _without_traces(notebook), told, Path(task.folder) / LISTS)
    build.ready[job.notebook] = (kept, told)


def _input_fault(build: Build) -> Fault | None:
    """Notebooks of one pack must have read the same data."""
    try:
        same = take_snapshot(build.plan.client, progress=False).key == build.plan.snapshot.key
    except CustkitError as error:
        return Fault("InputChanged", str(error), mark("The client's files changed while the pack was made: run again."))
    text = mark("the client's files are no longer those that the pack began with")
    return None if same else Fault("InputChanged", text, mark("The client's files changed while the pack was made: run again."))


def _without_traces(notebook: dict[str, Any]) -> dict[str, Any]:
    """The executed notebook without the sentinel and without what papermill notes: paths, times."""
    cells = [cell for cell in notebook["cells"] if cell.get("id") != SENTINEL_CELL]
    for cell in cells:
        for trace in ("papermill", "execution"):
            cell["metadata"].pop(trace, None)
    metadata = {name: value for name, value in notebook["metadata"].items() if name != "papermill"}
    return {**notebook, "cells": cells, "metadata": metadata}


def _assemble(build: Build) -> Outcome:
    # Loads what draws pages: not needed where there is nothing to do.
    from custkit.reporting.assemble import assemble

    return assemble(build)
