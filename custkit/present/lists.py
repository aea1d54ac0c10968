"""Lists of people: their rows go into a Parquet file beside the notebook, the page is told their name, size and fingerprint."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from custkit import words
from custkit.present import few
from custkit.present.mime import LISTS_FOLDER, PEOPLE

_ROWS = 50_000


@dataclass(frozen=True)
class People:
    """A list of people, written; the report gathers the file that `payload` names. Empty for a reader outside the house."""

    payload: dict[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        told = self.payload
        if not told:
            return {"text/plain": words._("Lists of people are not in a copy to hand on."), PEOPLE: {}}
        said = words.ngettext("{title}: {n} person", "{title}: {n} people", told["rows"])
        return {"text/plain": said.format(title=told["title"], n=words.count(told["rows"])), PEOPLE: told}


def people_list(rows: ir.Table, *, name: str, title: str, order_by: Sequence[str], note: str = "") -> People:
    """Write a list of people, one row each, and show its name and size.

    name: of the files, in small letters. order_by: columns that end in a unique one, so that the same people are the same bytes. The rows
    go from the engine to the file in pieces. Nothing is written or counted where the report leaves the house.
    """
    if few.shared():
        return People({})
    folder = os.environ.get(LISTS_FOLDER)
    n, mark = 0, ""
    if folder:
        path = Path(folder) / f"{name}.parquet"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        n = _write(rows, path, order_by)
        with path.open("rb") as file:
            mark = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        n = rows.count().to_pyarrow().as_py()
    return People({"name": name, "title": title, "rows": n, "sha256": mark, "note": note})


def _write(rows: ir.Table, path: Path, order_by: Sequence[str]) -> int:
    types = rows.schema()
    exact = rows.select(**{c: ops.Cast(rows[c], to="float64").to_expr() if types[c].is_floating() else rows[c] for c in types})
    n, waiting = 0, []
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        schema = exact.schema().to_pyarrow()
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in exact.order_by(list(order_by)).to_pyarrow_batches(chunk_size=_ROWS):
                waiting.append(pa.Table.from_batches([batch]).cast(schema))
                n += batch.num_rows
                if sum(part.num_rows for part in waiting) >= _ROWS:
                    whole = pa.concat_tables(waiting)
                    full = whole.num_rows - whole.num_rows % _ROWS
                    writer.write_table(whole.slice(0, full), row_group_size=_ROWS)
                    waiting = [whole.slice(full)]
            if waiting:
                writer.write_table(pa.concat_tables(waiting), row_group_size=_ROWS)
    return n
