"""Lists of people leave as Parquet, CSV and XLSX: text is text in all three, never a formula; same rows, same bytes."""

from __future__ import annotations

import csv
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow.parquet as pq

from custkit.reporting import publish

FOLDER = "lists"
FORMATS = ("xlsx", "csv", "parquet")
SHEET_ROWS = 1_048_575  # under the header
# What a spreadsheet takes for the beginning of a formula, also at full width, after what it passes over.
_FORMULA = re.compile("^[\\s\\u00a0\\u200b\\ufeff]*[=+\\-@\\t\\r\\n|%\uff1d\uff0b\uff0d\uff20\u2212]")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # what a workbook takes for the code of a character
CELL_LENGTH = 32_767  # of a workbook, in UTF-16 units
CUT, NO_TEXT = "… [cut]", "\ufffd"


def write_lists(source: Path, folder: Path, name: str, *, sheet_rows: int = SHEET_ROWS) -> list[dict[str, Any]]:
    """A list's Parquet → `folder`/name.xlsx, .csv, .parquet, readable by the owner only.

    →  for each file: format, file, sha256, bytes, sheets (of the workbook), cut and replaced (texts of this file)

    CSV is UTF-8 with a byte order mark, all text in quotes; text that a spreadsheet would take for a formula has an apostrophe before it.
    XLSX holds text as text cells, so nothing is put before it; more rows than a sheet holds go on to the next sheet. A text longer than
    its cells hold is cut and ends in a mark that says so; control characters, which it cannot hold, become `\ufffd`, as NUL does in CSV.
    Parquet holds every text as it is.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with pq.ParquetFile(source) as file:
        header, rows = file.schema_arrow.names, file.metadata.num_rows
    sheets = max(1, -(-rows // sheet_rows))
    _copy(source, folder / f"{name}.parquet")
    changed = {ending: Counter[str]() for ending in FORMATS}
    _csv(header, _rows(source), folder / f"{name}.csv", changed["csv"])
    _xlsx(header, _rows(source), folder / f"{name}.xlsx", changed["xlsx"], sheets=sheets, sheet_rows=sheet_rows)
    paths = [folder / f"{name}.{ending}" for ending in FORMATS]
    return [
        {
            "format": path.suffix[1:],
            "file": f"{FOLDER}/{path.name}",
            "sha256": publish.sha256(path),
            "bytes": path.stat().st_size,
            "sheets": sheets,
            "cut": changed[path.suffix[1:]]["cut"],
            "replaced": changed[path.suffix[1:]]["replaced"],
        }
        for path in paths
    ]


def _rows(source: Path) -> Iterator[Sequence[Any]]:
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=10_000):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb")


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, _private(target) as file:
        while piece := read.read(1 << 20):
            file.write(piece)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]], target: Path, changed: Counter[str]) -> None:
    with _private(target) as file, TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        writer.writerow([_harmless(name, changed) for name in header])
        writer.writerows([_plain(value, changed) for value in row] for row in rows)


def _plain(value: Any, changed: Counter[str]) -> Any:
    if value is None or isinstance(value, bool):
        return "" if value is None else int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    return _harmless(value, changed) if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat() if isinstance(value, date) else str(value)


def _harmless(text: str, changed: Counter[str]) -> str:
    changed["replaced"] += "\0" in text
    text = text.replace("\0", NO_TEXT)
    return f"'{text}" if _FORMULA.match(text) else text


def _xlsx(
    header: Sequence[str], rows: Iterator[Sequence[Any]], target: Path, changed: Counter[str], *, sheets: int, sheet_rows: int
) -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, sheets + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packed}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        + "".join(f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kind}.worksheet+xml"/>' for i in numbers)
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="rId1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="list {i}" sheetId="{i}" r:id="rId{i}"/>' for i in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}/relationships">'
        + "".join(f'<Relationship Id="rId{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in numbers)
        + "</Relationships>",
    }
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    with _private(target) as file, zipfile.ZipFile(file, "w") as book:
        for name, text in parts.items():
            book.writestr(_entry(name), head + text)
        for i in numbers:
            with book.open(_entry(f"xl/worksheets/sheet{i}.xml"), "w", force_zip64=True) as sheet:
                sheet.write(f'{head}<worksheet xmlns="{space}"><sheetData>{_row(header, changed)}'.encode())
                for _n, row in zip(range(sheet_rows), rows, strict=False):
                    sheet.write(_row(row, changed).encode())
                sheet.write(b"</sheetData></worksheet>")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o600 << 16
    return entry


def _row(values: Sequence[Any], changed: Counter[str]) -> str:
    return "<row>" + "".join(_cell(value, changed) for value in values) + "</row>"


def _cell(value: Any, changed: Counter[str]) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | Decimal):
        return f"<c><v>{value}</v></c>"
    text, replaced = _ILLEGAL.subn(NO_TEXT, _written(value))
    whole = _that_fits(text)
    changed.update({"replaced": bool(replaced), "cut": whole != text})
    coded = escape(_ESCAPE.sub("_x005F_", whole), {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})
    return f'<c t="inlineStr"><is><t xml:space="preserve">{coded}</t></is></c>'


def _that_fits(text: str) -> str:
    """The text, or as much of it as a cell holds with the mark that it was cut; no character is cut in two."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * CELL_LENGTH:
        return text
    return units[: 2 * (CELL_LENGTH - len(CUT))].decode("utf-16-le", "ignore") + CUT
