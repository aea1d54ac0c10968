"""Files of any kind → samples: encoding, dialect, header and some thousand rows as text, files of one shape together."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fnmatch import fnmatch
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from custkit.errors import BadInput
from custkit.intake.copies import LONGEST_CELL
from custkit.intake.database import (
    NUMBERS,  # fmt: skip
    REFERENCE,
    connection,
    copy_out,
    grants,
    select,
    table_columns,
    table_names,
    told,
    user_of,
)
from custkit.intake.grammar import TOTAL_WORDS
from custkit.intake.guess.encodings import Encoding, guess_encoding
from custkit.intake.guess.values import ENOUGH, SOME_TIMES, Column, is_number, lie_closer, looks_like_time, personal, read_times
from custkit.intake.inputs import ENDINGS, PACKED
from custkit.intake.unread import entries, what_to_do

ROWS = 8_000
HEAD, PIECE = 2 << 20, 512 << 10
OTHERS = (b"{", b"[", b"<", b"%PDF", b"SQLite format", b"\x1f\x8b", b"BZh", b"7z", b"Rar!")  # how JSON, XML, a database, an archive begin
DELIMITERS = (",", ";", "\t", "|", "，", "^")


@dataclass(frozen=True)
class Sample:
    """Some rows of one or more files of one shape (or one sheet): column names, and the cells of each column as text, empty where unknown.

    kinds     what the file itself says of a column: time, number, text, some times; empty for a file of text
    header    False where the first line is data and the names were made up
    relation  the table of a database, which `database` names as env:VARIABLE
    hidden    a sheet that the workbook does not show
    parts     of files of one shape, those sampled: their names, and how many of the rows are theirs
    """

    files: tuple[Path, ...]
    format: str
    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...] = field(repr=False)
    kinds: tuple[str, ...] = ()
    encoding: Encoding = field(default_factory=lambda: Encoding("utf-8", True))
    delimiter: str = ","
    skip_rows: int = 0
    sheet: str | None = None
    header: bool = True
    whole: bool = True
    relation: str = ""
    database: str = ""
    hidden: bool = False
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def has_rows(self) -> bool:
        return any(self.cells)

    @property
    def label(self) -> str:
        """How people know it: the file's name, with the sheet where there are several; `*` where files of one shape differ."""
        if self.relation:
            return self.relation
        name = self.files[0].name if len(self.files) == 1 else pattern_of([path.name for path in self.files])
        return f"{name}[{self.sheet}]" if self.sheet else name


def pattern_of(names: Sequence[str]) -> str:
    """`sales_2026-09.csv`, `sales_2026-10.csv` → `sales_*.csv`: what all begin and end with."""
    front = _shared(names)
    back = _shared([name[len(front) :][::-1] for name in names])[::-1]
    front = re.sub(r"[0-9]+[-_.]?[0-9]*$", "", front)
    back = re.sub(r"^[0-9]+", "", back)
    return f"{front}*{back}"


def _shared(names: Sequence[str]) -> str:
    """What all begin with."""
    return "".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


def read_samples(paths: Iterable[Path], encodings: Mapping[str, str] | None = None) -> list[Sample]:
    """Samples of every file, in the order of their names; a folder stands for the files in it.

    encodings: what a person said of files, by the names they are known by.

    Raises BadInput for a file that is not there, is empty, packed or damaged.
    """
    found: list[Sample] = []
    for path in _files(paths):
        kind = ENDINGS.get(path.suffix.lower())
        reader = {"csv": _text, "excel": _sheets, "parquet": _parquet}[kind or _by_content(path)]
        told = next((e for label, e in (encodings or {}).items() if fnmatch(path.name, label)), None)
        found += _text(path, told) if reader is _text else reader(path)
    return sorted(_together(found), key=lambda sample: sample.label)


def _files(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    left: list[str] = []
    for path in paths:
        if path.is_dir():
            here = [one for one in entries(path) if one.is_file() and one.suffix.lower() in ENDINGS]
            files += here
            left += [] if here else what_to_do(path)
        elif not path.exists():
            raise BadInput(f"{path}: does not exist")
        elif path.suffix.lower() in PACKED:
            raise BadInput(f"{path}: is packed; unpack it first, custkit reads CSV, Excel and Parquet")
        else:
            files.append(path)
    if not files:
        there = "".join(f"\n  {line}" for line in left)
        raise BadInput(f"no file to read: name files, or a folder that holds CSV, Excel or Parquet files{there}")
    return list(dict.fromkeys(path.resolve() for path in files))


def _by_content(path: Path) -> str:
    with path.open("rb") as file:
        mark = file.read(4000)
    if mark.startswith(b"PAR1"):
        return "parquet"
    if mark.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "excel"
    wide = mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or mark.count(0) > len(mark) // 5
    if mark.removeprefix(codecs.BOM_UTF8).lstrip().startswith(OTHERS) or (0 in mark and not wide):
        raise BadInput(f"{path}: is neither CSV, Excel nor Parquet; export it as one of these")
    return "csv"


def _together(samples: list[Sample]) -> list[Sample]:
    """Files of one shape, their columns in any order, whose names differ in digits only are one sample, of the first, middle and last."""
    groups: dict[tuple[object, ...], list[Sample]] = {}
    for one in samples:
        path = one.files[0]
        stem = re.sub(r"[0-9]+", "0", path.stem + path.suffix.lower())
        names = tuple(sorted(one.names)) if one.header and len(set(one.names)) == len(one.names) else one.names
        shape = (path.parent, stem, names, one.encoding.name, one.delimiter, one.skip_rows, one.sheet)
        groups.setdefault(shape, []).append(one)
    merged = []
    for group in chain.from_iterable(_of_one_order(group) for group in groups.values()):
        group.sort(key=lambda one: one.files[0].name)
        some = [group[0], *([group[len(group) // 2]] if len(group) > 2 else []), *([group[-1]] if len(group) > 1 else [])]
        share = ROWS // len(some)
        cells = tuple(
            tuple(cell for one in some for cell in one.cells[place if one.names == group[0].names else one.names.index(name)][:share])
            for place, name in enumerate(group[0].names)
        )
        whole = all(one.whole for one in group) and len(group) <= 3 and all(len(one.cells[0]) <= share for one in some if one.cells)
        unsure = next((one.encoding for one in group if not one.encoding.certain), group[0].encoding)
        parts = tuple((one.files[0].name, min(share, len(one.cells[0]))) for one in some if one.cells)
        files = tuple(one.files[0] for one in group)
        merged.append(replace(group[0], files=files, cells=cells, whole=whole, encoding=unsure, parts=parts))
    return merged


def _of_one_order(group: list[Sample]) -> list[list[Sample]]:
    """The group, and each file apart whose days and months, read as those of the others are, would lie far from each other."""
    apart = [one for one in group if len(group) > 1 and any(_is_turned(one, group, i) for i in range(len(one.cells)))]
    return [*([rest] if (rest := [one for one in group if one not in apart]) else []), *([one] for one in apart)]


def _is_turned(one: Sample, group: list[Sample], place: int) -> bool:
    cells = [cell for cell in dict.fromkeys(one.cells[place]) if cell]
    mine = read_times(cells[:1]) and read_times(cells)
    if not mine or not mine[0].rival:
        return False
    others = [cell for other in group if other is not one for cell in other.cells[place] if cell]
    theirs = [time.format for time in read_times(others) if not time.rival and time.share >= ENOUGH]
    ways = {mine[0].format, mine[0].rival}
    return any(lie_closer(cells, way, *(ways - {way})) for way in theirs[:1] if way in ways)


def _text(path: Path, told: str | None = None) -> list[Sample]:
    data, more, whole = _pieces(path)
    if not data.strip():
        raise BadInput(f"{path}: is empty; export it again")
    encoding = Encoding(told, True) if told else guess_encoding(data, whole=whole)
    text = data.decode(encoding.name, errors="replace").removeprefix("﻿")
    if not whole:
        text = text[: text.rfind("\n") + 1] or text
    later = [piece.decode(encoding.name, errors="replace") for piece in more] if not encoding.name.startswith("utf-16") else []
    head = [line for line in text.splitlines()[:400] if line.strip()]
    skip = int(head[0].lower().startswith("sep="))
    delimiter = head[0][4:5] if skip else _delimiter(head)
    rows = [row for row in _rows(text, delimiter) if any(cell.strip() for cell in row)]
    width = Counter(len(row) for row in rows[skip : skip + 400]).most_common(1)[0][0]
    while skip < min(len(rows) - 1, 40) and (len(rows[skip]) != width or sum(bool(c.strip()) for c in rows[skip]) < (width + 1) // 2):
        skip += 1
    beyond = [row for piece in later for row in _rows(piece[piece.find("\n") + 1 : piece.rfind("\n") + 1], delimiter)[: ROWS // 4]]
    if beyond:
        rows = rows[: skip + 1 + ROWS // 2] + beyond
    # Blank lines before the header are records to intake.
    blank = sum(not line.strip() for line in text.splitlines()[:skip]) if skip else 0
    return [_sample(path, "csv", rows[skip:], skip + blank, width, encoding=encoding, delimiter=_named(delimiter), whole=whole)]


def _pieces(path: Path) -> tuple[bytes, list[bytes], bool]:
    """The file's first bytes, some from its middle and its end, and whether the first are all."""
    size = path.stat().st_size
    with path.open("rb") as file:
        data = file.read(HEAD)
        more = []
        for at in (size // 2, size - PIECE) if size > HEAD + 2 * PIECE else ():
            file.seek(at)
            more.append(file.read(PIECE))
        return data, more, len(data) == size


def _delimiter(head: list[str]) -> str:
    """The mark that splits the most lines into as many fields as the header, or blanks where none does."""

    def fit(delimiter: str) -> float:
        widths = [len(row) for row in _rows("\n".join(head), delimiter)]
        common, lines = Counter(widths).most_common(1)[0]
        agree = lines / len(widths)
        first = next((w for w in widths if w == common), 0)
        return 0.0 if common < 2 else agree * agree * (1 + min(common, 30) / 60) + 0.3 * (widths[0] == common) + 0.0 * first

    best = max(DELIMITERS, key=lambda d: fit(d))
    if fit(best) >= 0.5:
        return best
    widths = [len(line.split()) for line in head]
    return "whitespace" if Counter(widths).most_common(1)[0][0] > 1 and fit(best) < 0.3 else best


def _named(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter


def _rows(text: str, delimiter: str) -> list[list[str]]:
    if delimiter == "whitespace":
        return [line.split() for line in text.splitlines()[: ROWS * 2]]
    csv.field_size_limit(1 << 24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [row for row, _n in zip(reader, range(ROWS * 2), strict=False)]


def _sheets(path: Path) -> list[Sample]:
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(str(path))
        found = []
        hidden = {sheet.name for sheet in book.sheets_metadata if sheet.visible != SheetVisibleEnum.Visible}
        for name in book.sheet_names:
            rows = [row for row, _n in zip(book.get_sheet_by_name(name).iter_rows(), range(ROWS), strict=False)]
            width = max((len(row) for row in rows), default=0)
            filled = [sum(cell not in ("", None) for cell in row) for row in rows[:40]]
            if not any(filled):
                continue
            most = Counter(count for count in filled if count > 1).most_common(1)
            usual = most[0][0] if most else 1
            skip = next((i for i, count in enumerate(filled) if count >= usual * 0.6), 0)
            sheet = name if len(book.sheet_names) > 1 else None
            found.append(_sample(path, "excel", rows[skip:], skip, width, sheet=sheet, whole=len(rows) < ROWS, hidden=name in hidden))
    except (CalamineError, OSError) as error:
        raise BadInput(f"{path}: is not a whole workbook ({error}); save it again as .xlsx") from error
    return found


def _parquet(path: Path) -> list[Sample]:
    try:
        with pq.ParquetFile(path) as file:
            flat = [f.name for f in file.schema_arrow if not pa.types.is_nested(f.type)]
            batch = next(file.iter_batches(batch_size=ROWS, columns=flat), None)
            table = pa.table({name: pa.array([], pa.string()) for name in flat}) if batch is None else pa.Table.from_batches([batch])
            whole = file.metadata.num_rows <= ROWS
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path}: is not a whole Parquet file ({str(error).splitlines()[0]}); fetch it again") from error
    return [Sample((path,), "parquet", *table_cells(table), whole=whole)]


def table_cells(table: pa.Table) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Names, cells as text and kinds of a typed table."""
    columns = [column.to_pylist() for column in table.columns]
    kinds = tuple(
        "time" if pa.types.is_temporal(f.type) else "number" if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)
        or pa.types.is_decimal(f.type) else "text" for f in table.schema
    )  # fmt: skip
    return tuple(table.column_names), tuple(tuple(map(_cell, column)) for column in columns), kinds


def all_words(sample: Sample, name: str) -> list[str]:
    """Every different cell of one column of every file of a sample; nothing for a sheet."""
    if sample.format == "parquet":
        return sorted({_cell(v) for path in sample.files for v in pq.read_table(path, columns=[name])[name].unique().to_pylist()} - {""})
    if sample.relation or sample.format != "csv" or sample.whole or sample.delimiter == "whitespace" or not sample.header:
        return []
    found: set[str] = set()
    width = len(sample.names)
    for path in sample.files:
        with path.open(
            encoding={"utf-8": "utf-8-sig"}.get(sample.encoding.name, sample.encoding.name), errors="replace", newline=""
        ) as file:
            rows = csv.reader(file, delimiter="\t" if sample.delimiter == "tab" else sample.delimiter)
            header = [cell.strip() for cell in next(islice(rows, sample.skip_rows, None), [])]
            place = header.index(name) if name in header else sample.names.index(name)
            found |= {row[place].strip() for row in rows if len(row) == width}
    return sorted(found - {"", name})


def read_database(reference: str) -> list[Sample]:
    """A sample of every table and view of a database that may be read. Raises BadInput where there is none."""
    found = []
    csv.field_size_limit(LONGEST_CELL)
    with connection(reference) as con:
        relations = table_names(con)
        if not relations:
            raise BadInput(_none_to_read(con, reference))
        for relation in relations:
            columns = table_columns(con, relation)
            out = io.BytesIO()
            with told(f"{reference} {relation}", con):
                rows = copy_out(con, select(relation, columns, ROWS), out)
            names, *body = csv.reader(io.StringIO(out.getvalue().decode(), newline=""))
            cells = tuple(zip(*body, strict=True)) if body else ((),) * len(names)
            kinds = tuple(_sql_kind(kind) for _name, kind in columns)
            path = Path(f"{relation}.csv")
            found.append(Sample((path,), "csv", tuple(names), cells, kinds, whole=rows < ROWS, relation=relation, database=reference))
    return found


def _none_to_read(con: Any, reference: str) -> str:
    user, there = user_of(con), table_names(con, readable=False)
    if not there:
        return f"{reference}: the database has no table; correct the last part of ${reference.removeprefix(REFERENCE)}"
    others = f" and {len(there) - 1} others are" if there[1:] else " is"
    return f"{reference}: no table that {user} may read; {there[0]}{others} there; ask who runs the database for {grants(there[0], user)}"


def _sql_kind(kind: str) -> str:
    if kind in ("date", "timestamp with time zone", "timestamp without time zone"):
        return "time"
    return "number" if kind in NUMBERS else "text"


def _sample(path: Path, form: str, rows: list[list[Any]], skip: int, width: int, **more: Any) -> Sample:
    first, body = rows[0], [row for row in rows[1:] if len(row) == width or form == "excel"]
    named = [_cell(cell) for cell in first] + [""] * (width - len(first))
    header = _is_header(named, body)
    if not header:
        body = [first, *body]
    names = tuple(name.strip() for name in named) if header else tuple(f"column_{i + 1}" for i in range(width))
    # Titles again in the middle, and totals at the foot, say nothing about a column.
    body = [row for row in body[: ROWS + 99] if [_cell(cell) for cell in row] != named and not _is_total(row)][:ROWS]
    raw = [[row[i] if i < len(row) else "" for row in body] for i in range(width)]
    kinds = tuple(_kind(column) for column in raw) if form == "excel" else ()
    return Sample((path,), form, names, tuple(map(_cells, raw)), kinds, skip_rows=skip, header=header, **more)


def _is_total(row: list[Any]) -> bool:
    return any(isinstance(cell, str) and cell.strip(" :：").lower() in TOTAL_WORDS for cell in row[:3])


def _kind(cells: list[Any]) -> str:
    kinds = {type(cell) for cell in cells if cell not in ("", None)}
    if kinds - {datetime, date} and kinds & {datetime, date}:
        return SOME_TIMES
    return "time" if kinds and kinds <= {datetime, date} else "number" if kinds and kinds <= {float, int} else "text"


def _cells(column: list[Any]) -> tuple[str, ...]:
    """Cells as text; numbers among texts with the decimal mark that the texts have, as intake reads them."""
    cells = tuple(map(_cell, column))
    texts = tuple(cell.strip() for cell in column if isinstance(cell, str) and cell.strip())
    if not texts or not any(isinstance(cell, float) for cell in column):
        return cells
    beside = Column("", texts)
    if not beside.is_numeric or beside.decimal[0] == ".":
        return cells
    return tuple(text.replace(".", ",") if isinstance(cell, float) else text for cell, text in zip(column, cells, strict=True))


def _cell(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return str(cell)


def _is_header(first: list[str], body: list[list[Any]]) -> bool:
    """False where the first line has numbers or dates where those below it have them too, or somebody's address."""
    if any(personal(name) for name in first):
        return False
    if not body:
        return True
    typed = 0
    for i, name in enumerate(first):
        below = [_cell(row[i]) for row in body[:300] if i < len(row) and _cell(row[i])]
        if below and sum(is_number(c) or looks_like_time(c) for c in below) >= 0.9 * len(below):
            typed += 1
            if not (is_number(name) or looks_like_time(name)):
                return True
    return typed == 0
