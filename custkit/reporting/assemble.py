"""Finished notebooks → pages, results, manifest → published."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from custkit import __version__, words
from custkit.client import DEFINITIONS
from custkit.errors import BAD_INPUT, GOOD, INTERNAL
from custkit.intake.notes import SENT_AGAIN
from custkit.present.finding import show
from custkit.present.labels import LABELS
from custkit.reporting import publish
from custkit.reporting.build import Build, Outcome
from custkit.reporting.execute import Failure, Fault
from custkit.reporting.harvest import Told, harvest, results
from custkit.reporting.lists import FOLDER, write_lists
from custkit.reporting.page import Change, Pack, Recount, render_index, render_page
from custkit.reporting.plan import code_hash, digest, page_name, versions
from custkit.reporting.provenance import provenance
from custkit.reporting.subtraction import told_by_subtraction

_LONGEST_NAME = 90
_MOST_CHANGES = 15


def assemble(build: Build) -> Outcome:
    """Render, write and publish; or set the pack aside when a notebook is not good."""
    client, snapshot, month = build.plan.client, build.plan.snapshot, str(build.plan.period)
    twice = _sent_again(build)
    words.use(client.language, client.currency, build.plan.min_cell)
    build.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    pages: list[Told] = []
    for job in build.plan.jobs:
        if job.notebook in build.ready:
            source, _told = build.ready[job.notebook]
            publish.link(source, build.work / "notebooks" / f"{job.notebook}.ipynb")
            pages.append(harvest(job.notebook, json.loads(source.read_text(encoding="utf-8"))))
            _write_lists(build, pages[-1], job.key)
    found = results(pages)
    before, _hash = build.previous
    pack = Pack(
        client=client.name,
        period=month,
        as_of=words.day(build.plan.period.end),
        provenance=provenance(snapshot.manifest),
        pages=pages,
        changes=None if before is None else changes(before, found, pages),
        recounts=[] if before is None else recounts(before, found),
        previous=words.month(build.plan.period - 1),
        absent=[page_name(job.notebook) for job in build.plan.jobs if job.notebook not in build.ready and job.notebook not in build.failed],
    )
    pack = _render_pages(build, pack)
    (build.work / publish.RESULTS).write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (build.work / publish.INDEX).write_text(render_index(pack), encoding="utf-8")
    _keep_logs(build)
    subtracted = told_by_subtraction(build.shelf, pack.pages) if build.plan.shared else []
    warnings = (*twice, *(warning for told in pages for warning in told.warnings), *subtracted)
    manifest = _manifest(build, pack, warnings)
    if pack.failures:
        final = publish.set_aside(build.shelf, build.work, build.run, manifest)
        code = BAD_INPUT if all(failure.fault.error in ("BadInput", "InputChanged") for failure in pack.failures) else INTERNAL
        page, failures = final / publish.INDEX, tuple(pack.failures)
        return Outcome(build.slug, month, code, page, failures=failures, warnings=warnings, unread=build.unread)
    publish.publish(build.shelf, build.work, build.run, manifest)
    return Outcome(build.slug, month, GOOD, build.shelf.current / publish.INDEX, warnings=warnings, unread=build.unread)


def _sent_again(build: Build) -> list[str]:
    """Lines that two files hold, as the command line tells of them."""
    words.use("en", build.plan.client.currency, build.plan.min_cell)
    return [note.text() for note in build.plan.snapshot.notes_before(str(build.plan.period + 1)) if note.code == SENT_AGAIN]


def _write_lists(build: Build, told: Told, key: str) -> None:
    """Every list of people of a page, in all formats; one that is not what its notebook wrote fails the page."""
    for given in told.lists:
        source = publish.kept_list(build.shelf, key, given["name"])
        if not source.exists() or publish.sha256(source) != given["sha256"]:
            build.failed[told.name] = Fault("ListChanged", f"the list `{given['name']}` is not what the notebook wrote; run with --force")
            return
        given["files"] += write_lists(source, build.work / FOLDER, given["name"])
        told.warnings += _texts_changed(given)


def _texts_changed(given: dict[str, Any]) -> list[str]:
    """What a file of a list could not hold as it is."""
    says = {"cut": "texts cut because a cell holds no more: {n}", "replaced": "cells in which � stands for what is no text: {n}"}
    return [
        f"{file['file']}: {text.format(n=file[what])}; the Parquet file holds them whole"
        for file in given["files"]
        for what, text in says.items()
        if file[what]
    ]


def _render_pages(build: Build, pack: Pack) -> Pack:
    for told in pack.pages:
        try:
            (build.work / f"{told.name}.html").write_text(render_page(pack, told), encoding="utf-8")
        except ValueError as error:
            build.failed[told.name] = Fault(type(error).__name__, str(error))
    failures = [Failure(name, fault) for name, fault in build.failed.items()]
    rendered = [told for told in pack.pages if told.name not in build.failed]
    return Pack(**{**vars(pack), "failures": failures, "pages": rendered})


def _keep_logs(build: Build) -> None:
    """Of a failed notebook keep what its kernel said and how far it came; of the others nothing."""
    private = build.work / "private"
    for name in build.failed:
        for log in (private / name).glob("*.log"):
            if log.stat().st_size:
                publish.link(log, build.work / "logs" / f"{name}-{log.name}")
    shutil.rmtree(private, ignore_errors=True)


def _manifest(build: Build, pack: Pack, warnings: Sequence[str]) -> dict[str, Any]:
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
        "key": build.key,
        "client": build.slug,
        "period": str(plan.period),
        "shared": plan.shared,
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
        "warnings": list(warnings),
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
            if (
                not old
                or old.get("hidden")
                or fact.get("hidden")
                or _counted(key, old) != _counted(key, fact)
                or ("name" not in fact and old.get("definition") != fact.get("definition"))
            ):
                continue
            if 0 < len(name) <= _LONGEST_NAME and fact["unit"] != "text" and _moved(old, fact, said.get(key)):
                moved.append(
                    Change(name, show(old.get("value"), fact["unit"]), show(fact.get("value"), fact["unit"]), page_name(told.name))
                )
    return moved[:_MOST_CHANGES]


def recounts(before: dict[str, Any], now: dict[str, Any]) -> list[Recount]:
    """Measures that last month's pack told by another definition: what stood there then and what stands here now are not one series."""
    found = []
    for page, facts in now.items():
        for key, fact in facts.items():
            old = before.get(page, {}).get(key)
            if old and not old.get("hidden") and not fact.get("hidden") and _counted(key, old) != _counted(key, fact):
                then, here = (show(side.get("value"), fact["unit"]) for side in (old, fact))
                name = fact.get("name") or words._(LABELS[key].text)
                found.append(Recount(name[:1].upper() + name[1:], then, here, fact.get("definition", ""), page_name(page)))
    return found


def _counted(key: str, fact: dict[str, Any]) -> str:
    """The name of the definition; a pack from before there was a choice has the kit's own."""
    return fact.get("counted") or (DEFINITIONS[key][0] if key in DEFINITIONS else "")


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
