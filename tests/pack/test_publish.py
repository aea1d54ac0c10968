"""Readers see the old pack or the new one, whatever fails and whenever."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custkit.errors import Busy
from custkit.reporting import publish
from custkit.reporting.publish import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    place = publish.shelf(tmp_path, "corner", "2026-10")
    place.folder.mkdir(parents=True)
    return place


def put(place: Shelf, name: str, text: str) -> None:
    work = place.folder / f".work-{name}"
    (work / "notebooks").mkdir(parents=True)
    for file in ("index.html", "overview.html", "notebooks/overview.ipynb"):
        (work / file).write_text(text, encoding="utf-8")
    publish.publish(place, work, name, {"key": text, "jobs": {}})


def shown(place: Shelf) -> str:
    """What a reader sees; the pack must be whole."""
    manifest = place.manifest()
    assert manifest is not None
    texts = {(place.current / name).read_text(encoding="utf-8") for name in manifest["outputs"]}
    assert texts == {manifest["key"]}
    return str(manifest["key"])


def test_a_new_pack_takes_the_old_ones_place(shelf: Shelf) -> None:
    put(shelf, "1", "old")
    put(shelf, "2", "new")
    assert shown(shelf) == "new"
    assert shelf.current.readlink().name == "run-2"


def test_the_last_few_packs_are_kept(shelf: Shelf) -> None:
    for i in range(6):
        put(shelf, str(i), f"text {i}")
    assert sorted(path.name for path in shelf.folder.glob("run-*")) == ["run-3", "run-4", "run-5"]


def test_a_pack_with_a_failed_notebook_is_set_aside_and_never_shown(shelf: Shelf) -> None:
    put(shelf, "1", "old")
    work = shelf.folder / ".work-2"
    work.mkdir()
    publish.set_aside(shelf, work, "2", {"key": "failed", "jobs": {}})
    assert shown(shelf) == "old"
    assert (shelf.folder / "failed-2" / "run.json").exists()


def test_a_pack_that_somebody_changed_is_not_whole(shelf: Shelf) -> None:
    put(shelf, "1", "old")
    (shelf.current / "overview.html").write_text("mended by hand", encoding="utf-8")
    assert shelf.manifest() is None


def calls(monkeypatch: pytest.MonkeyPatch, fail_at: int | None) -> Iterator[int]:
    """Count every write, sync and rename of a publication; the one with number `fail_at` fails as on a full disk."""
    count = 0

    def counted(real: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == fail_at:
                raise OSError(28, "No space left on device")
            return real(*args, **options)

        return call

    for owner, name in ((os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "symlink_to")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    while True:
        yield count


def test_whichever_step_fails_the_reader_sees_a_whole_pack(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        place = Shelf(tmp_path / "count")
        place.folder.mkdir()
        counter = calls(patch, None)
        next(counter)
        put(place, "1", "old")
        steps = next(counter)
    assert steps > 8
    for step in range(1, steps + 1):
        place = Shelf(tmp_path / str(step))
        place.folder.mkdir()
        put(place, "1", "old")
        with pytest.MonkeyPatch.context() as patch:
            next(calls(patch, step))
            with pytest.raises(OSError, match="No space"):
                put(place, "2", "new")
        assert shown(place) in ("old", "new")
        put(place, "3", "newest")
        assert shown(place) == "newest"


def test_two_runs_of_one_month_one_wins_and_the_other_is_told(shelf: Shelf) -> None:
    with publish.locked(shelf), pytest.raises(Busy, match="another run"), publish.locked(shelf):
        pass
    with publish.locked(shelf):
        pass


def test_what_a_killed_run_left_is_cleared(shelf: Shelf) -> None:
    (shelf.folder / ".work-dead").mkdir()
    with publish.locked(shelf):
        assert not (shelf.folder / ".work-dead").exists()


def test_a_kept_notebook_is_taken_only_while_it_is_what_it_was(shelf: Shelf) -> None:
    kept = publish.keep_job(shelf, "key", {"cells": []}, {"seconds": 1})
    assert publish.kept_job(shelf, "key") is not None
    kept.write_text(json.dumps({"cells": ["other"]}), encoding="utf-8")
    assert publish.kept_job(shelf, "key") is None
    assert publish.kept_job(shelf, "unknown") is None
