"""The rows set aside as files that a person can open and send back, under the guards of lists of people."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from custkit.client import Client
from custkit.errors import BadInput
from custkit.intake import take_snapshot
from custkit.intake.ledger import remedy
from custkit.intake.persons import home_of
from custkit.intake.staging import STRUCTURAL
from custkit.reporting.lists import write_lists

FOLDER, NAME = "aside", "set_aside"


@dataclass(frozen=True)
class Aside:
    """How many rows of the client's files were set aside, and where they were written."""

    rows: int
    files: tuple[Path, ...]


def write_aside(client: Client) -> Aside:
    """Write every row that intake sets aside, also where it stops because there are too many, as XLSX, CSV and Parquet.

    →  table, file, line, column, value, reason, amount, dated_at, remedy   (below `.custkit/<client>/aside/`, for the owner alone)

    Ids are pseudonyms where the client file wants them, a line that could not be told apart into cells shows its place only. `custkit
    purge` deletes the files when `privacy.quarantine_days` are over. Nothing is written where nothing was set aside.

    Raises BadInput where a file cannot be read at all.
    """
    found = pq.read_table(_source(client))
    found = found.filter(pc.invert(pc.is_in(found["reason"], pa.array(STRUCTURAL))))
    rows = found.select(["reason", "value", "file"]).to_pylist()
    remedies = pa.array([remedy(**row) or None for row in rows], pa.string())
    folder = home_of(client.slug) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob(f"{NAME}*"):
        old.unlink()
    if not found.num_rows:
        return Aside(0, ())
    part = folder / f"{NAME}.part"
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
        pq.write_table(found.append_column("remedy", remedies), file)
    try:
        written = write_lists(part, folder, NAME)
    finally:
        part.unlink()
    return Aside(found.num_rows, tuple(folder / Path(one["file"]).name for one in written))


def _source(client: Client) -> Path:
    """The snapshot's quarantine, or what intake left where it stopped just now for the number of rows it set aside."""
    kept = home_of(client.slug) / f"{NAME}.parquet"
    before = kept.stat().st_mtime_ns if kept.exists() else None
    try:
        return take_snapshot(client, progress=False).folder / "quarantine.parquet"
    except BadInput:
        if kept.exists() and kept.stat().st_mtime_ns != before:
            return kept
        raise
