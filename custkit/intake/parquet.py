"""Parquet → blocks of cells, typed as the file has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from custkit.client import Source
from custkit.errors import BadInput
from custkit.intake.block import LINE, Block, Reading, find_columns

ROWS = 262_144


def read_parquet(path: Path, source: Source) -> Reading:
    """Open a Parquet file; its rows are numbered from 1. Raises BadInput for a broken file or a nested column that is mapped."""
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path}: is not a whole Parquet file ({str(error).splitlines()[0]}); fetch it again") from error
    header = [field.name for field in file.schema_arrow]
    places = find_columns(header, source, path)
    for place in places.values():
        field = file.schema_arrow.field(place)
        if pa.types.is_nested(field.type):
            raise BadInput(f"{path}: the column `{field.name}` is nested ({field.type}); flatten it in the export")
    return Reading(tuple(header), places, _blocks(file, path, header, sorted({0, *places.values()})))


def _blocks(file: pq.ParquetFile, path: Path, header: list[str], wanted: list[int]) -> Iterator[Block]:
    wanted = [i for i in wanted if not pa.types.is_nested(file.schema_arrow.field(i).type)]
    done = 0
    try:
        with file:
            for batch in file.iter_batches(batch_size=ROWS, columns=[header[i] for i in wanted]):
                table = pa.Table.from_batches([batch]).rename_columns([f"c{i}" for i in wanted])
                table = table.append_column(LINE, pa.array(range(done + 1, done + 1 + batch.num_rows), pa.int64()))
                done += batch.num_rows
                yield Block(table, batch.num_rows, read_bytes=table.nbytes)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path} after row {done}: is damaged ({str(error).splitlines()[0]}); fetch it again") from error
