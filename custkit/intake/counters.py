"""The second count of every file's records, by another route than the reader's: a mismatch stops intake."""

from __future__ import annotations

import mmap
import re
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO
from xml.etree import ElementTree

import pyarrow.parquet as pq
from python_calamine import CalamineWorkbook

from custkit.client import Source
from custkit.intake.excel import sheet_name
from custkit.intake.inputs import Input

CHUNK = 8 << 20
_UTF8 = ("utf8", "utf8sig")


def count_records(one: Input, source: Source, blank: int) -> tuple[int, str]:
    """Records after the header, blank ones included, and how they were counted. A sheet's `blank` rows cannot be seen in its XML."""
    if one.format == "parquet":
        return pq.read_metadata(one.path).num_rows, "the file's footer"
    if one.format == "excel":
        names = CalamineWorkbook.from_path(str(one.path)).sheet_names if zipfile.is_zipfile(one.path) else []
        if names and one.path.suffix.lower() in (".xlsx", ".xlsm"):
            return _filled_rows(one.path, sheet_name(one.path, source, names), source.skip_rows + 1) + blank, "the sheet's XML"
        return _area_rows(one.path, source) + blank, "a second reading"
    return _text_records(one.path, source) - source.skip_rows - 1, "line ends outside quotes"


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
    mark = re.escape({"tab": "\t"}.get(source.delimiter, source.delimiter).encode())
    quoted = re.compile(rb"(?:\A|\A\xef\xbb\xbf|(?<=[\r\n])|(?<=" + mark + rb'))"[^"]*(?:""[^"]*)*"')
    inside = sum(_line_ends(data, m.start(), m.end()) for m in quoted.finditer(data) if b"\n" in m[0] or b"\r" in m[0])
    return ends - inside


def _line_ends(data: bytes | mmap.mmap, start: int, end: int) -> int:
    count = 0
    for at in range(start, end, CHUNK):
        piece = data[at : min(end, at + CHUNK)]
        count += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
        count -= piece.endswith(b"\r") and data[at + len(piece) : at + len(piece) + 1] == b"\n" and at + len(piece) < end
    return count


def _filled_rows(path: Path, sheet: str, head: int) -> int:
    """Rows below the header with a cell that holds more than spaces, from the sheet's XML."""
    with zipfile.ZipFile(path) as archive:
        blank = _blank_strings(archive)
        with archive.open(_part_of(archive, sheet)) as part:
            return sum(1 for number, row in _rows(part) if number > head and _is_filled(row, blank))


_FILLED = re.compile(rb"<(?:\w+:)?(?:v|t)(?: [^>]*)?>\s*[^<\s]")
_NUMBER = re.compile(rb'[^>]*? r="(\d+)"')


def _is_filled(row: bytes, blank: re.Pattern[bytes] | None) -> bool:
    return _FILLED.search(blank.sub(b"", row) if blank else row) is not None


def _rows(part: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    opening = re.compile(rb"<(?:\w+:)?row(?=[ >/])")
    waiting, number = b"", 0
    while True:
        piece = part.read(CHUNK)
        waiting += piece
        starts = [found.start() for found in opening.finditer(waiting)]
        if not piece and starts:
            starts.append(len(waiting))
        for start, end in pairwise(starts):
            found = _NUMBER.match(waiting, start, end)
            number = int(found[1]) if found else number + 1
            yield number, waiting[start:end]
        if not piece:
            return
        waiting = waiting[starts[-1] :] if starts else waiting[-40:]


def _blank_strings(archive: zipfile.ZipFile) -> re.Pattern[bytes] | None:
    """A pattern of the cells that point to a shared string of nothing but spaces; None where there is no such string."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return None
    strings = re.split(rb"<(?:\w+:)?si(?=[ >/])", archive.read("xl/sharedStrings.xml"))[1:]
    blank = [str(i).encode() for i, text in enumerate(strings) if not re.search(rb"<(?:\w+:)?t(?: [^>]*)?>\s*[^<\s]", text)]
    if not blank:
        return None
    return re.compile(rb'<(?:\w+:)?c [^>]*t="s"[^>]*>\s*<(?:\w+:)?v>(?:' + b"|".join(blank) + rb")</(?:\w+:)?v>")


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = {link.get("Id"): link.get("Target", "") for link in links}
    for element in book.iter():
        if element.tag.endswith("}sheet") and element.get("name") == sheet:
            key = next(value for name, value in element.attrib.items() if name.endswith("}id"))
            where = target[key]
            return where.lstrip("/") if where.startswith("/") else str(PurePosixPath("xl") / where)
    raise KeyError(sheet)


def _area_rows(path: Path, source: Source) -> int:
    book = CalamineWorkbook.from_path(str(path))
    rows = book.get_sheet_by_name(sheet_name(path, source, book.sheet_names)).to_python(skip_empty_area=False)
    return sum(1 for row in rows[source.skip_rows + 1 :] if any(str(cell).strip() for cell in row))
