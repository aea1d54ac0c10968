"""Workbooks small enough to write by hand."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True)
class Day:
    """A date cell, as days since 1899-12-30."""

    serial: float


@dataclass(frozen=True)
class Broken:
    """An error cell."""

    text: str


@dataclass(frozen=True)
class Uncached:
    """A formula that was never calculated."""

    formula: str


Cell = str | int | float | bool | None | Day | Broken | Uncached


def workbook(sheets: dict[str, Sequence[Sequence[Cell]]], hidden: Sequence[str] = ()) -> Callable[[Path], None]:
    """A writer of an .xlsx file with these rows on these sheets, some of them hidden."""

    def write(path: Path) -> None:
        numbers = range(1, len(sheets) + 1)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            parts = "".join(f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_TYPES}.worksheet+xml"/>' for i in numbers)
            archive.writestr(
                "[Content_Types].xml",
                '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
                'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
                f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>{parts}</Types>',
            )
            archive.writestr("_rels/.rels", _links([("rId1", "officeDocument", "xl/workbook.xml")]))
            state = dict.fromkeys(hidden, ' state="hidden"')
            names = "".join(
                f'<sheet name="{escape(name)}" sheetId="{i}"{state.get(name, "")} r:id="rId{i}"/>' for i, name in enumerate(sheets, start=1)
            )
            archive.writestr("xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>')
            links = [(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in numbers]
            archive.writestr("xl/_rels/workbook.xml.rels", _links([*links, ("rId99", "styles", "styles.xml")]))
            archive.writestr(
                "xl/styles.xml",
                f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
            )
            for i, rows in enumerate(sheets.values(), start=1):
                body = "".join(
                    f'<row r="{r}">{"".join(_cell(r, c, cell) for c, cell in enumerate(row))}</row>' for r, row in enumerate(rows, start=1)
                )
                archive.writestr(f"xl/worksheets/sheet{i}.xml", f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>')

    return write


def _links(links: Sequence[tuple[str, str, str]]) -> str:
    found = "".join(f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for key, kind, target in links)
    return f'<Relationships xmlns="{_LINKS}">{found}</Relationships>'


def _cell(row: int, column: int, cell: Cell) -> str:
    at = f"{chr(65 + column)}{row}"
    if cell is None:
        return ""
    if isinstance(cell, Broken):
        return f'<c r="{at}" t="e"><v>{cell.text}</v></c>'
    if isinstance(cell, Uncached):
        return f'<c r="{at}"><f>{cell.formula}</f></c>'
    if isinstance(cell, Day):
        return f'<c r="{at}" s="1"><v>{cell.serial}</v></c>'
    if isinstance(cell, bool):
        return f'<c r="{at}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float):
        return f'<c r="{at}"><v>{cell}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
