"""What every reader hands over: the header met, and blocks of cells with the place each row came from."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from custkit.client import Source
from custkit.errors import BadInput

LINE = "_line"
# A column is held and typed text by text, not cell by cell, where at most this share of its cells are different texts.
DISTINCT_SHARE = 0.5
# Whole row groups of the engine, which keeps these as they come and puts others together anew.
ROW_GROUP = 122_880
BATCH = 4 * ROW_GROUP


@dataclass(frozen=True)
class Aside:
    """One record that never became a row of cells: where it starts, what was read, why it was set aside."""

    line: int
    value: str
    reason: str


@dataclass
class Block:
    """Some thousand rows: columns `c0`, `c1` … by place in the header, and `_line`, the physical line (or sheet row) a record starts on."""

    table: pa.Table
    records: int
    blank: int = 0
    aside: list[Aside] = field(default_factory=list)
    read_bytes: int = 0


@dataclass(frozen=True)
class Reading:
    """An opened file: its header, the place of each mapped field in it, the blocks to be read.

    `trailing`: the first rows have one field more than the header, and nothing in it.
    Of a sheet: the rows that hold something, the cells of each place that a number format shows longer than they are, and the sheets of
    its workbook.
    """

    header: tuple[str, ...]
    places: dict[str, int]
    blocks: Iterator[Block]
    filled: int | None = None
    padded: dict[int, int] = field(default_factory=dict)
    trailing: bool = False
    sheets: tuple[str, ...] = ()


def in_batches(blocks: Iterator[Block], ways: dict[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]) -> Iterator[Block]:
    """The same rows in blocks of `BATCH`, but for the last; the columns that `ways` names are turned into what it gives, batch by batch."""
    waiting: list[Block] = []
    rows = 0
    for block in blocks:
        waiting.append(block)
        rows += block.table.num_rows
        if rows >= BATCH:
            whole = _together(waiting)
            yield replace(whole, table=_turned(whole.table.slice(0, BATCH), ways))
            waiting = [Block(whole.table.slice(BATCH), 0)]
            rows -= BATCH
    if waiting:
        whole = _together(waiting)
        yield replace(whole, table=_turned(whole.table, ways))


def _together(blocks: list[Block]) -> Block:
    return Block(
        pa.concat_tables([block.table for block in blocks]),
        sum(block.records for block in blocks),
        sum(block.blank for block in blocks),
        [one for block in blocks for one in block.aside],
        sum(block.read_bytes for block in blocks),
    )


def _turned(table: pa.Table, ways: dict[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]) -> pa.Table:
    columns = zip(table.column_names, table.columns, strict=True)
    return pa.table({column: ways[column](data) if column in ways else data for column, data in columns}).combine_chunks()


def encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that come again → each different one held once, and its number a cell; in one chunk. Other columns as they are."""
    column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_string(column.type):
        held = pc.dictionary_encode(column, "encode")
        if len(held.dictionary) <= DISTINCT_SHARE * len(column):
            column = held
    return pa.chunked_array([column])


def is_encoded(column: pa.ChunkedArray) -> bool:
    """Whether the column holds its different texts once."""
    return pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type)


def different_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts of a column, each at least once."""
    return pa.chunked_array([chunk.dictionary for chunk in column.chunks], pa.string()) if is_encoded(column) else column


def rows_where(column: pa.ChunkedArray, test: Callable[[pa.ChunkedArray], pa.Array]) -> int:
    """Rows whose text passes a test; each different text is tested once."""
    if not is_encoded(column):
        return pc.sum(test(column)).as_py() or 0
    passed = [test(pa.chunked_array([chunk.dictionary])) for chunk in column.chunks]
    return sum(
        pc.sum(marks.take(chunk.indices)).as_py() or 0 for marks, chunk in zip(passed, column.chunks, strict=True) if pc.any(marks).as_py()
    )


def codec(encoding: str) -> str:
    """Python's name of the encoding that a client file means: `utf-8` with or without a byte order mark, and the whole of GBK's family."""
    plain = encoding.lower().replace("-", "").replace("_", "")
    return {"utf8": "utf-8", "utf8sig": "utf-8", "gbk": "gb18030", "gb2312": "gb18030"}.get(plain, encoding)


def fold(text: str) -> str:
    """A header as it is matched: NFKC, trimmed, case folded."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def find_columns(header: list[str], source: Source, path: Path, *, first_lines: list[list[str]] | None = None) -> dict[str, int]:
    """Place of every mapped field in `header`. Raises BadInput for headers that collide or columns that are not there."""
    places: dict[str, int] = {}
    for i, name in enumerate(header):
        if name.startswith("﻿"):
            raise BadInput(
                f"{path} line 1: a second byte order mark stands before the column `{name.lstrip(chr(0xFEFF))}`; export the file again"
            )
        key = fold(name)
        if key and key in places:
            raise BadInput(
                f"{path}: the columns `{header[places[key]]}` and `{name}` are the same but for case, width or spaces; "
                "rename one in the export"
            )
        places[key] = i
    wanted = {f: m.column for f, m in source.columns.items() if m.column is not None}
    missing = [column for column in wanted.values() if fold(column) not in places]
    if missing:
        raise BadInput(_missing(missing, wanted, header, source, path, first_lines or []))
    return {f: places[fold(column)] for f, column in wanted.items()}


def _missing(
    missing: list[str], wanted: dict[str, str], header: list[str], source: Source, path: Path, first_lines: list[list[str]]
) -> str:
    text = f"{path}: no column {', '.join(f'`{m}`' for m in missing)}; the file has {', '.join(f'`{h}`' for h in header) or 'nothing'}"
    keys = {fold(c) for c in wanted.values()}
    for i, cells in enumerate(first_lines, start=1):
        if keys <= {fold(cell) for cell in cells}:
            return f"{text}. The header stands on line {source.skip_rows + 1 + i}: set `skip_rows: {source.skip_rows + i}`"
    if len(header) == 1 and len(wanted) > 1:
        for mark, name in ((",", "`,`"), (";", "`;`"), ("\t", "tab"), ("|", "`|`"), ("，", "the full-width comma `，`")):
            if mark in header[0] and mark != source.delimiter:
                return f"{text}. Its first line seems to be separated by {name}: set `delimiter` in the client file"
    if len(missing) == len(wanted):
        text += ". If the first line is data, the export lacks its header row: ask for one"
    return text
