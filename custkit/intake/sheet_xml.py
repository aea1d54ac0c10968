"""What calamine does not tell of an .xlsx sheet, from its XML: rows that hold something, error cells, formulas without a value."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO
from xml.etree import ElementTree

from custkit.errors import BadInput

CHUNK = 8 << 20
_FILLED = re.compile(rb"<(?:\w+:)?(?:v|t)(?: [^>]*)?>\s*[^<\s]")
_NUMBER = re.compile(rb'[^>]*? r="(\d+)"')
_CELL = re.compile(rb'<(?:\w+:)?c r="([A-Z]+)(\d+)"([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)', re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v>(.*?)</(?:\w+:)?v>", re.DOTALL)


@dataclass
class SheetXml:
    """`filled`: rows below the header with a cell that holds more than spaces. Places are (row, column), both from 1."""

    filled: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    uncached: list[tuple[int, int]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first row and column, last row and column
    padded: dict[int, int] = field(default_factory=dict)  # column: cells that a format of zeros alone shows longer than they are


def read_sheet_xml(path: Path, sheet: str, head: int) -> SheetXml:
    """Scan the XML of one sheet, whose header ends in row `head`. Raises BadInput for XML with entities of its own."""
    found = SheetXml()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                with archive.open(name) as part:
                    if b"<!DOCTYPE" in part.read(4096):
                        raise BadInput(f"{path}: {name} declares entities, which no spreadsheet program writes; save the sheet as CSV")
        blank = _blank_strings(archive)
        padded = _zero_styles(archive)
        with archive.open(_part_of(archive, sheet)) as part:
            for number, row in _rows(part):
                found.merged += [] if b"mergeCell" not in row else _merged(row, head)
                if number <= head:
                    continue
                if padded:
                    for cell in padded.finditer(row):
                        found.padded[_column(cell[1])] = found.padded.get(_column(cell[1]), 0) + 1
                if b't="e"' in row or b"<f" in row or b":f>" in row:
                    _odd_cells(number, row, found)
                found.filled += _FILLED.search(blank.sub(b"", row) if blank else row) is not None
    return found


def _odd_cells(number: int, row: bytes, found: SheetXml) -> None:
    for cell in _CELL.finditer(row):
        letters, _row, attributes, inside = cell.groups()
        value = _VALUE.search(inside or b"")
        place = (number, _column(letters))
        if b't="e"' in attributes:
            found.errors[place] = (value[1] if value else b"#N/A").decode("utf-8", "replace")
        elif inside and re.search(rb"<(?:\w+:)?f[ >/]", inside) and value is None:
            found.uncached.append(place)


def _merged(row: bytes, head: int) -> list[tuple[int, int, int, int]]:
    found = re.findall(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"', row)
    ranges = [(int(top), _column(left), int(bottom), _column(right)) for left, top, right, bottom in found]
    return [one for one in ranges if one[2] > head]


def _zero_styles(archive: zipfile.ZipFile) -> re.Pattern[bytes] | None:
    """A pattern of the numbers that are shown by a format such as 000000; None where the workbook has no such format."""
    if "xl/styles.xml" not in archive.namelist():
        return None
    styles = archive.read("xl/styles.xml")
    if b"<!DOCTYPE" in styles:
        return None
    root = ElementTree.fromstring(styles)
    zeros = {one.get("numFmtId") for one in root.iter() if one.tag.endswith("}numFmt") and re.fullmatch("0{2,}", one.get("formatCode", ""))}
    formats = next((one for one in root if one.tag.endswith("}cellXfs")), None)
    numbers = [str(i).encode() for i, one in enumerate(formats if formats is not None else []) if one.get("numFmtId") in zeros]
    if not numbers:
        return None
    return re.compile(rb'<(?:\w+:)?c r="([A-Z]+)\d+"(?=[^>]* s="(?:' + b"|".join(numbers) + rb')")(?![^>]* t=")[^>]*>')


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


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
