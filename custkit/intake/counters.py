"""The second count of every file's records, by another route than the reader's: a mismatch stops intake."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

from custkit.client import Source
from custkit.intake.excel import sheet_name
from custkit.intake.inputs import Input

CHUNK = 8 << 20
_UTF8 = ("utf8", "utf8sig")


def count_records(one: Input, source: Source, blank: int, filled: int | None) -> tuple[int, str]:
    """Records after the header, blank ones included, and how they were counted.

    filled: rows that hold something, from the XML of a sheet, where `blank` rows cannot be seen.
    """
    if one.format == "parquet":
        return pq.read_metadata(one.path).num_rows, "the file's footer"
    if one.format == "excel":
        if filled is not None:
            return filled + blank, "the sheet's XML"
        return _area_rows(one.path, source) + blank, "a second reading"
    return _text_records(one.path, source) - source.skip_rows - (not source.header), "line ends outside quotes"


def _text_records(path: Path, source: Source) -> int:
    if source.encoding.lower().replace("-", "").replace("_", "") not in _UTF8:
        encoding = "gb18030" if source.encoding.lower() in ("gbk", "gb2312") else source.encoding
        return _records(path.read_bytes().decode(encoding).encode("utf-8"), source)
    if path.stat().st_size == 0:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _records(data, source)


def _records(data: bytes | mmap.mmap, source: Source) -> int:
    ends = _line_ends(data, 0, len(data)) + (len(data) > 0 and data[len(data) - 1 :] not in (b"\n", b"\r"))
    if source.delimiter == "whitespace" or data.find(b'"') < 0:
        return ends
    delimiter = {"tab": "\t"}.get(source.delimiter, source.delimiter).encode()
    inside = _inside_by_parity(data, delimiter)
    return ends - (_inside_by_field(data, delimiter) if inside is None else inside)


def _inside_by_parity(data: bytes | mmap.mmap, delimiter: bytes) -> int | None:
    """Line ends after an odd number of quotes; None where a quote stands within a bare field and the number tells nothing."""
    edges = (delimiter, b"\n", b"\r")
    found = odd = 0
    start = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    while start < len(data):
        end = data.find(b"\n", start + CHUNK) + 1 or len(data)
        pieces = data[start:end].split(b'"')
        text = b'"'.join(pieces[1 - odd :: 2])
        found += _line_ends(text, 0, len(text))
        outside = pieces[odd::2]
        odd = (odd + len(pieces) - 1) % 2
        if not all(not piece or piece.endswith(edges) for piece in (outside if odd else outside[:-1])):
            return None
        start = end
    return found


def _inside_by_field(data: bytes | mmap.mmap, delimiter: bytes) -> int:
    """Line ends within fields in quotes, field by field."""
    edges = re.escape(delimiter)
    inside = 0
    if first := re.compile(rb'(?:\xef\xbb\xbf)?"[^"]*(?:""[^"]*)*"').match(data):
        inside += _line_ends(data, 0, first.end())
    for field in re.compile(rb"(?:" + edges + rb'|[\r\n])"[^"]*(?:""[^"]*)*"').finditer(data, first.end() if first else 0):
        text = field[0]
        if b"\n" in text or b"\r" in text:
            inside += _line_ends(text, 1, len(text))
    return inside


def _line_ends(data: bytes | mmap.mmap, start: int, end: int) -> int:
    count = 0
    for at in range(start, end, CHUNK):
        piece = data[at : min(end, at + CHUNK)]
        count += piece.count(b"\n")
        if b"\r" not in piece:
            continue
        count += piece.count(b"\r") - piece.count(b"\r\n")
        count -= piece.endswith(b"\r") and data[at + len(piece) : at + len(piece) + 1] == b"\n" and at + len(piece) < end
    return count


def _area_rows(path: Path, source: Source) -> int:
    book = CalamineWorkbook.from_path(str(path))
    rows = book.get_sheet_by_name(sheet_name(path, source, book.sheet_names)).to_python(skip_empty_area=False)
    return sum(1 for row in rows[source.skip_rows + 1 :] if any(str(cell).strip() for cell in row))
