"""Copies of database tables: which files are ours, whose rows they hold, and how rows of the erased are kept out of them.

A client's own exports lie in the same folder and are never touched.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow as pa

from custkit.client import Client, ColumnMap
from custkit.errors import BadInput
from custkit.intake.block import fold
from custkit.intake.grammar import Grammar
from custkit.intake.persons import home_of, key_of
from custkit.intake.staging import meant
from custkit.locked import lock

PERSON = "customer_id"
LONGEST_CELL = 1 << 30  # PostgreSQL's own limit


def switch(client: Client, made: Path) -> None:
    """Take the files in the folder `made`, which is beside the others, for the copies: all of them from the moment it has its new name."""
    made.replace(_ready(client))
    settle(client)


def settle(client: Client) -> None:
    """Put the copies of a fetch that was cut off in the middle of its switch where they belong; every reader of copies does so first.

    What is on its way is recorded before it is moved, so that nothing depends on who moves it. Raises BadInput where it cannot be moved.
    """
    ready = _ready(client)
    if not ready.is_dir():
        return
    try:
        left = sorted(ready.iterdir())
        _record(client, {client.data_folder / path.name: _mark(path) for path in left})
        for path in left:
            with suppress(FileNotFoundError):  # somebody else moved it
                path.replace(client.data_folder / path.name)
    except OSError as error:
        raise BadInput(f"{error.filename or ready}: cannot be written: {error.strerror}; make room, or correct `data`") from error
    with suppress(OSError):
        ready.rmdir()


def _ready(client: Client) -> Path:
    """Where copies lie that are whole and not yet all in place."""
    return client.data_folder / f".fetched-{client.slug}"


def _record(client: Client, made: dict[Path, list[int]]) -> None:
    """Remember which files were copied from a database, and that nobody has changed them since."""
    kept = {str(path): mark for path, mark in _recorded(client.slug).items() if _mark(path) == mark}
    path = _record_path(client.slug)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    beside.write_text(json.dumps(kept | {str(one): mark for one, mark in made.items()}, ensure_ascii=False, indent=1), "utf-8")
    beside.chmod(0o600)
    beside.replace(path)


def passing(client: Client) -> str:
    """How the folders begin in which a fetch keeps what it has not finished."""
    return f".fetching-{client.slug}-"


def copies(client: Client) -> list[Path]:
    """Files that are copies of database tables: those that `fetch` made and nobody has changed, and those that a source names so."""
    settle(client)
    named = {client.data_folder / file for source in client.sources if source.database for file in source.files}
    made = {path for path, mark in _recorded(client.slug).items() if _mark(path) == mark}
    return sorted(path for path in named | made if path.is_file())


def forsaken(client: Client) -> list[Path]:
    """Copies that no source names any more, and what killed fetches left."""
    named = {client.data_folder / file for source in client.sources for file in source.files}
    return sorted({*copies(client)} - named) + sorted(client.data_folder.glob(f"{passing(client)}*"))


def missing(client: Client) -> bool:
    """Whether a table that intake needs is not copied, or no longer."""
    settle(client)
    needed = (client.data_folder / file for source in client.sources if source.database and not source.optional for file in source.files)
    return not all(path.is_file() for path in needed)


def cells_of(client: Client, path: Path, pseudonyms: Iterable[str]) -> set[str]:
    """How a copy names these people."""
    wanted = set(pseudonyms)
    found = (_cells_of(client, path, column, how, wanted) for column, how in _of_persons(client, path.name))
    return set().union(*found)


def forget_erased(client: Client, path: Path, erased: Iterable[str]) -> int:
    """Write a copy anew without the rows of the erased; how many they were."""
    gone: dict[int, set[str]] = {}
    for column, how in _of_persons(client, path.name) if erased else ():
        gone.setdefault(_place(path, column), set()).update(_cells_of(client, path, column, how, set(erased)))
    if not any(gone.values()):
        return 0
    without = path.with_name(f".{path.name}")
    forgotten = 0
    with without.open("w", encoding="utf-8", newline="") as file:
        without.chmod(0o600)
        rows = csv.writer(file, lineterminator="\n")
        for row in read_rows(path):
            if any(row[place] in cells for place, cells in gone.items()):
                forgotten += 1
            else:
                rows.writerow(row)
    without.replace(path)
    return forgotten


def read_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a copy, its header first."""
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file)


def _of_persons(client: Client, name: str) -> list[tuple[str, ColumnMap]]:
    """The columns of the file `name` that hold the ids of people, and how each is read."""
    return [
        (m.column, m)
        for source in client.sources
        if source.database and name in source.files and (m := source.columns.get(PERSON)) and m.column is not None
    ]


def _cells_of(client: Client, path: Path, column: str, how: ColumnMap, pseudonyms: set[str]) -> set[str]:
    """Cells of a column of ids that intake would read as one of these people."""
    place = _place(path, column)
    cells = sorted({row[place] for row in read_rows(path)})
    grammar = Grammar("string", how, PERSON, client.currency, client.time_zone, is_money=False)
    held = pa.table({"cell": cells, "text": [cell.strip() for cell in cells]})
    with duckdb.connect() as con:
        con.register("held", held)
        lock(con, spill=home_of(client.slug) / "snapshots" / f".spill-{uuid4().hex}")
        pairs = con.execute(f"SELECT cell, {meant('text', 'text', grammar)} FROM held").fetchall()
    key = key_of(client.slug)
    return {cell for cell, text in pairs if text is not None and key.pseudonym(PERSON, text) in pseudonyms}


def _place(path: Path, column: str) -> int:
    return [fold(name) for name in next(read_rows(path))].index(fold(column))


def _record_path(slug: str) -> Path:
    return home_of(slug) / "copies.json"


def _recorded(slug: str) -> dict[Path, list[int]]:
    with suppress(OSError, ValueError):
        return {Path(path): mark for path, mark in json.loads(_record_path(slug).read_text("utf-8")).items()}
    return {}


def _mark(path: Path) -> list[int]:
    with suppress(OSError):
        stat = path.stat()
        return [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    return []
