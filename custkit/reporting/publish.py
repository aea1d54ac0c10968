"""A pack is built in a folder of its own and shown by swapping one pointer: readers see the old pack or the new one, never a mix.

reports/<client>/<period>/
    current -> run-…       the only thing people are shown
    run-…/                 whole packs, the last few
    failed-…/              a pack with a failed notebook: to be read by whoever mends it, never pointed at
    .jobs/                 finished notebooks by key, so that nothing is run twice
    .lock
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custkit.errors import BadInput, Busy

KEPT_RUNS, KEPT_FAILED = 3, 1
MANIFEST, RESULTS, INDEX = "run.json", "results.json", "index.html"


@dataclass(frozen=True)
class Shelf:
    """The folder of one client and month."""

    folder: Path

    @property
    def current(self) -> Path:
        return self.folder / "current"

    @property
    def jobs(self) -> Path:
        return self.folder / ".jobs"

    def manifest(self) -> dict[str, Any] | None:
        """What stands in the published pack, when it is whole: every file there with the hash the manifest names."""
        try:
            manifest = json.loads((self.current / MANIFEST).read_text(encoding="utf-8"))
            whole = all(sha256(self.current / name) == output["sha256"] for name, output in manifest["outputs"].items())
        except (OSError, ValueError, KeyError):
            return None
        return manifest if whole else None


def shelf(reports: Path, slug: str, period: str, *, shared: bool = False) -> Shelf:
    """What leaves the house stands beside the house's own, in `<period>-shared`."""
    return Shelf(reports / slug / (f"{period}-shared" if shared else period))


@contextlib.contextmanager
def locked(place: Shelf) -> Iterator[None]:
    """Hold the client's month. Raises Busy while another run holds it; a killed run holds nothing."""
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(place.folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise BadInput(f"{place.folder}: {error.strerror}; choose another folder with --reports") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(lock, 200, 0).decode(errors="replace").strip()
            raise Busy(
                f"{place.folder} is being made by another run{f' ({holder})' if holder else ''}; try again when it is done"
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()}\n".encode(), 0)
        for left in place.folder.glob(".work-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def keep_job(place: Shelf, key: str, notebook: dict[str, Any], told: dict[str, Any], lists: Path | None = None) -> Path:
    """Put a good notebook on the shelf under its key, at once and whole, the lists of people in the folder `lists` with it."""
    place.jobs.mkdir(mode=0o700, exist_ok=True)
    for path in sorted(lists.glob("*.parquet")) if lists else ():
        path.replace(kept_list(place, key, path.stem))
    target = place.jobs / f"{key}.ipynb"
    write_whole(target, json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    write_whole(target.with_suffix(".json"), json.dumps({**told, "sha256": sha256(target)}))
    return target


def kept_list(place: Shelf, key: str, name: str) -> Path:
    """Where the list `name` of a finished notebook lies."""
    return place.jobs / f"{key}.{name}.parquet"


def kept_job(place: Shelf, key: str) -> tuple[Path, dict[str, Any]] | None:
    """A good notebook that was kept under this key and is still what it was."""
    target = place.jobs / f"{key}.ipynb"
    try:
        told = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        return (target, told) if told["sha256"] == sha256(target) else None
    except (OSError, ValueError, KeyError):
        return None


def publish(place: Shelf, work: Path, name: str, manifest: dict[str, Any]) -> Path:
    """Write the manifest last, make everything durable, give the folder its name and swap the pointer."""
    _seal(work, manifest)
    final = place.folder / f"run-{name}"
    work.rename(final)
    _sync(place.folder)
    pointer = place.folder / f".current-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        pointer.unlink()
    pointer.symlink_to(final.name)
    pointer.replace(place.current)
    _sync(place.folder)
    prune(place, keys={job["key"] for job in manifest["jobs"].values()})
    return final


def set_aside(place: Shelf, work: Path, name: str, manifest: dict[str, Any]) -> Path:
    """Keep a pack with a failed notebook for whoever mends it; the pointer stays where it is."""
    _seal(work, manifest)
    final = place.folder / f"failed-{name}"
    work.rename(final)
    _sync(place.folder)
    prune(place)
    return final


def prune(place: Shelf, *, keys: set[str] | None = None) -> None:
    """Keep the published pack, the few before it, and the last failed one. `keys`: the finished notebooks still wanted."""
    shown = place.current.resolve()
    runs = sorted(place.folder.glob("run-*"), reverse=True)
    for old in [run for run in runs if run != shown][KEPT_RUNS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    for old in sorted(place.folder.glob("failed-*"), reverse=True)[KEPT_FAILED:]:
        shutil.rmtree(old, ignore_errors=True)
    for left in place.folder.glob(".current-*"):
        left.unlink(missing_ok=True)
    if keys is not None:
        for old in place.jobs.glob("*"):
            if old.name.partition(".")[0] not in keys:
                old.unlink(missing_ok=True)


def link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_whole(path: Path, text: str) -> None:
    """Write so that the file is there whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def outputs(folder: Path) -> dict[str, dict[str, Any]]:
    """Every file of a pack but its manifest, with its hash and size."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size} for path in found}


def _seal(work: Path, manifest: dict[str, Any]) -> None:
    for path in work.rglob("*"):
        if path.is_file():
            _sync(path)
    write_whole(work / MANIFEST, json.dumps({**manifest, "outputs": outputs(work)}, ensure_ascii=False, indent=1) + "\n")
    for folder in [work, *(path for path in work.rglob("*") if path.is_dir())]:
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
