"""A sheet of a workbook → blocks of cells; rows are numbered as the sheet numbers them."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from custkit.client import Source
from custkit.errors import BadInput
from custkit.intake.block import LINE, Block, Reading, find_columns
from custkit.intake.sheet_xml import SheetXml, read_sheet_xml

ROWS = 65_536
EXACT = 1e15
RATIO_LIMIT, SIZE_LIMIT = 100, 4 << 30


def read_excel(path: Path, source: Source) -> Reading:
    """Open one sheet. Raises BadInput for an encrypted or broken workbook and where the sheet is not named and there are several."""
    _refuse_bombs(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError) as error:
        raise BadInput(f"{path}: is not a whole workbook ({error}); save it again as .xlsx") from error
    sheet = sheet_name(path, source, book.sheet_names)
    try:
        rows = book.get_sheet_by_name(sheet).iter_rows()
    except CalamineError as error:
        raise BadInput(f"{path} sheet `{sheet}`: cannot be read ({error}); save the workbook again") from error
    start = 1
    head: list[Any] = []
    skip = source.skip_rows
    for skipped in range(skip + 1):
        head = next(rows, [])
        start = skipped + 2
    if not any(cell not in ("", None) for cell in head):
        raise BadInput(f"{path} sheet `{sheet}` row {skip + 1}: is empty where the header should stand; set `skip_rows` or `sheet`")
    header = [_text(cell) for cell in head]
    places = find_columns(header, source, path)
    xml = read_sheet_xml(path, sheet, source.skip_rows + 1) if path.suffix.lower() in (".xlsx", ".xlsm") else SheetXml(filled=-1)
    mapped = set(places.values())
    if at := next((f"{_letters(column)}{row}" for row, column in xml.uncached if column - 1 in mapped), None):
        raise BadInput(
            f"{path} sheet `{sheet}` cell {at}: a formula without a stored value; open the workbook, let it calculate, and save it"
        )
    wide = [one for one in xml.merged if one[:2] != one[2:] and any(one[1] <= place + 1 <= one[3] for place in mapped)]
    if wide and not source.fill_merged:
        shown = ", ".join(f"{_letters(left)}{top}:{_letters(right)}{bottom}" for top, left, bottom, right in wide[:5])
        raise BadInput(
            f"{path} sheet `{sheet}`: {len(wide)} merged ranges among the rows, such as {shown}: all but the first cell of each are empty; "
            "split them, or set `fill_merged: true` where all of a range hold what its first cell shows"
        )
    marks = {place: source.columns[f].decimal for f, place in places.items()}
    blocks = _blocks(rows, {place: marks.get(place, ".") for place in sorted({0, *mapped})}, start, xml.errors, wide)
    padded = {column - 1: cells for column, cells in xml.padded.items() if column - 1 in mapped}
    filled = xml.filled if xml.filled >= 0 else None
    return Reading(tuple(header), places, blocks, filled=filled, padded=padded, sheets=tuple(book.sheet_names))


def sheet_name(path: Path, source: Source, names: list[str]) -> str:
    """The sheet the client file names, or the only one."""
    if source.sheet is not None:
        if source.sheet not in names:
            raise BadInput(f"{path}: has no sheet `{source.sheet}`; it has {', '.join(f'`{n}`' for n in names)}")
        return source.sheet
    if len(names) != 1:
        raise BadInput(f"{path}: has {len(names)} sheets, {', '.join(f'`{n}`' for n in names)}; name one with `sheet` in the client file")
    return names[0]


def filled_sheets(path: Path, names: Iterable[str]) -> list[str]:
    """Those of these sheets that hold something."""
    with CalamineWorkbook.from_path(str(path)) as book:
        cells = {sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet}
        return [name for name in names if name in cells and book.get_sheet_by_name(name).height]


def _refuse_bombs(path: Path) -> None:
    with path.open("rb") as file:
        mark = file.read(8)
    if mark.startswith(b"\xd0\xcf\x11\xe0") and path.suffix.lower() in (".xlsx", ".xlsm"):
        raise BadInput(f"{path}: the workbook is encrypted or an old .xls under a new name; save it without a password as .xlsx")
    if not mark:
        raise BadInput(f"{path}: is empty; export it again")
    if mark[:2] != b"PK":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise BadInput(f"{path}: is cut off or damaged; fetch the workbook again") from error
    for part in parts:
        if part.file_size > 10 << 20 and part.file_size > RATIO_LIMIT * max(1, part.compress_size):
            raise BadInput(
                f"{path}: {part.filename} unpacks to {part.file_size >> 20} MiB, over {RATIO_LIMIT} times its size; save the sheet as CSV"
            )
    if sum(part.file_size for part in parts) > SIZE_LIMIT:
        raise BadInput(f"{path}: unpacks to more than {SIZE_LIMIT >> 30} GiB; save the sheet as CSV")


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _blocks(
    rows: Iterator[list[Any]],
    wanted: dict[int, str],
    start: int,
    errors: dict[tuple[int, int], str],
    merged: list[tuple[int, int, int, int]],
) -> Iterator[Block]:
    """Blocks of the `wanted` columns, each with its decimal mark.

    Calamine gives an error cell as nothing at all; its text is put back, so that it is refused and not taken for an empty cell.
    """
    shown: dict[tuple[int, int, int, int], Any] = {}
    while True:
        taken = [row for _i, row in zip(range(ROWS), rows, strict=False)]
        if not taken:
            return
        for row, column in [place for place in errors if start <= place[0] < start + len(taken)]:
            if column <= len(taken[row - start]):
                taken[row - start][column - 1] = errors[row, column]
        filled = [i for i, row in enumerate(taken) if any(cell != "" and not (isinstance(cell, str) and not cell.strip()) for cell in row)]
        for place in merged:
            _fill(taken, start, place, shown)
        kept = taken if len(filled) == len(taken) else [taken[i] for i in filled]
        columns = list(zip(*kept, strict=True)) if kept else [()] * (max(wanted) + 1)
        cells = {f"c{i}": column_of(list(columns[i]), mark) for i, mark in wanted.items()}
        table = pa.table({**cells, LINE: pa.array(np.asarray(filled, np.int64) + start)})
        yield Block(table, len(taken), len(taken) - len(filled), read_bytes=table.nbytes)
        start += len(taken)


def _fill(taken: list[list[Any]], start: int, place: tuple[int, int, int, int], shown: dict[tuple[int, int, int, int], Any]) -> None:
    """Put what the first cell of a merged range shows into the others; `shown` carries it to the next block."""
    top, left, bottom, right = place
    if start <= top < start + len(taken) and left <= len(taken[top - start]):
        shown[place] = taken[top - start][left - 1]
    for row in range(max(top, start), min(bottom, start + len(taken) - 1) + 1):
        cells = taken[row - start]
        for column in range(left, min(right, len(cells)) + 1):
            cells[column - 1] = shown.get(place, "")


def column_of(cells: list[Any], mark: str = ".") -> pa.Array:
    """Cells as calamine gives them → times where all are times, numbers where all are numbers, else text as exact as the cell was.

    A number among texts gets the decimal `mark` by which the texts are read.
    """
    kinds = set(map(type, cells))
    if kinds <= {str}:
        return pa.array(cells, pa.string())
    only_blanks = all(cell == "" for cell in cells if type(cell) is str)
    if kinds <= {datetime, str} and only_blanks:
        return pa.array([None if cell == "" else cell for cell in cells], pa.timestamp("us"))
    if kinds <= {float, int, str} and only_blanks:
        return pa.array([None if cell == "" else float(cell) for cell in cells], pa.float64())
    return pa.array([_text(cell).replace(".", mark) if type(cell) is float else _text(cell) for cell in cells], pa.string())


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float | int) and not math.isfinite(cell):
        return str(cell)
    if isinstance(cell, float | int):
        return f"{Decimal(repr(cell)):f}".removesuffix(".0") if abs(cell) < EXACT else f"{float(cell)!r}".replace("e+", "E+")
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return f"{Decimal(repr(cell.total_seconds())):f}"
    return "" if cell is None else str(cell)


def number_text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Float column → the shortest text that means the same number, whole numbers without `.0`; NaN is null.

    From 1e15 on a double no longer holds every digit: such numbers keep an exponent, and are no names.
    """
    text = pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.string())
    if pc.any(pc.or_(pc.match_substring(text, "e"), pc.greater_equal(pc.abs(column), EXACT))).as_py():
        text = pa.array(
            [t if t is None else _text(value) for t, value in zip(text.to_pylist(), column.to_pylist(), strict=True)], pa.string()
        )
    return text
