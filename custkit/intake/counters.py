"""The second count of every file's records, by another route than the reader's: a mismatch stops intake."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

from custkit.client import Source
from custkit.intake.block import codec
from custkit.intake.excel import sheet_name
from custkit.intake.inputs import Input

CHUNK = 1 << 20
QUOTE, NEW_LINE, RETURN = b'"\n\r'


def count_records(one: Input, source: Source, filled: int | None) -> tuple[int, str]:
    """Records after the header, and how they were counted; of a sheet only those that hold something, `filled` by its XML."""
    if one.format == "parquet":
        return pq.read_metadata(one.path).num_rows, "the file's footer"
    if one.format == "excel":
        return (filled, "the sheet's XML") if filled is not None else (_area_rows(one.path, source), "a second reading")
    with _as_utf8(one.path, codec(source.encoding)) as file:
        return _records(file, source) - source.skip_rows - (not source.header), "line ends outside quotes"


def _as_utf8(path: Path, encoding: str) -> BinaryIO:
    return path.open("rb") if encoding == "utf-8" else io.BytesIO(path.read_bytes().decode(encoding).encode("utf-8"))


def _records(file: BinaryIO, source: Source) -> int:
    if source.delimiter == "whitespace":
        return sum(_line_ends(piece) + _is_open(piece) for piece in _pieces(file))
    delimiter = {"tab": "\t"}.get(source.delimiter, source.delimiter).encode()
    records = _records_by_parity(file, delimiter) if len(delimiter) == 1 else None
    if records is None:
        file.seek(0)
        data = file.read()
        records = _line_ends(data) + _is_open(data) - _inside_by_field(data, delimiter)
    return records


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The file in parts that end with \\n, without its byte order mark."""
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
    while piece := file.read(CHUNK):
        yield piece + file.readline()


def _is_open(data: bytes) -> bool:
    """Whether the last line lacks its end."""
    return data[-1:] not in (b"", b"\n", b"\r")


def _records_by_parity(file: BinaryIO, delimiter: bytes) -> int | None:
    """Line ends after an even number of quotes; None where a quote stands within a bare field and the number tells nothing."""
    before_quotes = np.frombuffer(delimiter + b'"\n\r', np.uint8)
    found = odd = 0
    for piece in _pieces(file):
        found += _is_open(piece)
        if not odd and b'"' not in piece:
            found += _line_ends(piece)
            continue
        cells = np.frombuffer(piece, np.uint8)
        quotes = np.flatnonzero(cells == QUOTE)
        opening = quotes[odd::2]
        if not np.isin(cells[opening[opening > 0] - 1], before_quotes).all():
            return None
        ends = _ends(cells)
        before = np.searchsorted(ends, quotes)
        found += int(before[odd::2].sum()) - int(before[1 - odd :: 2].sum())
        odd = (odd + len(quotes)) % 2
        found += 0 if odd else len(ends)
    return found


def _ends(cells: np.ndarray) -> np.ndarray:
    """Where a line ends: on every \\n, and every \\r that no \\n follows."""
    ends = cells == NEW_LINE
    if (returns := np.flatnonzero(cells == RETURN)).size:
        ends[returns] = np.append(cells, 0)[returns + 1] != NEW_LINE
    return np.flatnonzero(ends)


def _inside_by_field(data: bytes, delimiter: bytes) -> int:
    """Line ends within fields in quotes, field by field."""
    edges = re.escape(delimiter)
    inside = 0
    if first := re.compile(rb'(?:\xef\xbb\xbf)?"[^"]*(?:""[^"]*)*"').match(data):
        inside += _line_ends(first[0])
    for field in re.compile(rb"(?:" + edges + rb'|[\r\n])("[^"]*(?:""[^"]*)*")').finditer(data, first.end() if first else 0):
        inside += _line_ends(field[1])
    return inside


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + (data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0)


def _area_rows(path: Path, source: Source) -> int:
    book = CalamineWorkbook.from_path(str(path))
    rows = book.get_sheet_by_name(sheet_name(path, source, book.sheet_names)).to_python(skip_empty_area=False)
    return sum(1 for row in rows[source.skip_rows + 1 :] if any(str(cell).strip() for cell in row))
