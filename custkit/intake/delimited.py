"""Delimited text → blocks of cells, read strictly: every record kept, each with the physical line it starts on.

A block whose quotes follow the grammar exactly is parsed by Arrow; from the first block that does not, Python's strict csv module
takes over, which is slower and says where a quote went wrong.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from custkit.client import Source
from custkit.errors import BadInput
from custkit.intake.ahead import ahead
from custkit.intake.block import LINE, Aside, Block, Reading, codec, encoded, find_columns, fold, in_batches
from custkit.intake.grammar import field_type, is_as_read, is_iso_time, times_or_encoded
from custkit.intake.masked import OF_PEOPLE

BLOCK_BYTES = 4 << 20
ROWS = 65_536
FIELD_LIMIT = 16 << 20
NAMED = {"tab": "\t"}
GUESSES = ("gb18030", "big5", "cp932", "cp949", "cp1252")


def read_delimited(path: Path, source: Source, size: int | None = None) -> Reading:
    """Open a CSV file. Raises BadInput naming file and line for an empty file, a wrong encoding, a missing column or a broken quote."""
    lines = _Bytes(path, source)
    with ExitStack() as refused:  # a file that is refused is closed
        refused.callback(lines.file.close)
        reading = _begun(path, source, lines)
        refused.pop_all()
    return reading


def _begun(path: Path, source: Source, lines: _Bytes) -> Reading:
    """The header read and looked up, the rows still to come."""
    delimiter = NAMED.get(source.delimiter, source.delimiter)
    head = lines.first_records(source.skip_rows + (not source.header), delimiter)
    if len(head) < source.skip_rows + (not source.header) or not (head or lines.waiting.strip()):
        raise BadInput(f"{path}: is empty; export it again, or set `optional: true` and leave the file out")
    header = list(source.header) or head[-1]
    if [cell.strip() for cell in header][:1] and header[0].lower().startswith("sep="):
        raise BadInput(f'{path} line 1: `{header[0]}` is a note to Excel; set `skip_rows: 1` and `delimiter: "{header[0][4:5]}"`')
    peeked = lines.peek(delimiter)
    places = find_columns(header, source, path, first_lines=peeked)
    if source.trailing_delimiter:
        header = [*header, ""]
    trailing = bool(peeked) and all(len(cells) == len(header) + 1 and not cells[-1] for cells in peeked)
    wanted = sorted({0, *places.values()})
    blocks = in_batches(ahead(_blocks(lines, delimiter, header, wanted)), _ways(source, places))
    return Reading(tuple(header), places, blocks, trailing=trailing)


def _ways(source: Source, places: dict[str, int]) -> dict[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]]:
    """How the columns that are typed are handed over: times where they can be nothing else, or each different text once."""
    ways: dict[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {}
    for f, place in places.items():
        kind, how, column = field_type(source.table, f), source.columns[f], f"c{place}"
        if not is_as_read(kind, f, how):
            is_shared = list(places.values()).count(place) > 1
            ways[column] = times_or_encoded if is_iso_time(kind, how) and not is_shared else encoded
    return ways


class _Bytes:
    """The file as UTF-8 bytes, in blocks that end where a record ends; knows the line it has reached."""

    def __init__(self, path: Path, source: Source) -> None:
        encoding = codec(source.encoding)
        self.path, self.source, self.encoding, self.line = path, source, encoding, 1
        self.offset = 0
        try:
            if encoding == "utf-8":
                self.file: io.BufferedIOBase = path.open("rb")
                self.transcoded = False
                mark = self.file.read(3)
                if mark[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    self.file.close()
                    raise BadInput(f"{path}: begins with a UTF-16 byte order mark; set `encoding: utf-16`")
                if mark != b"\xef\xbb\xbf":
                    self.file.seek(0)
                else:
                    self.offset = 3
            else:
                raw = path.read_bytes()
                text = _decode(path, raw, encoding)
                _refuse_other_encoding(path, source, raw, encoding)
                self.file = io.BytesIO(text.encode("utf-8"))
                self.transcoded = True
        except OSError as error:
            raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
        self.waiting = b""
        self.ended = False

    def fill(self, size: int = BLOCK_BYTES) -> bytes:
        """More bytes, checked to be UTF-8; empty at the end."""
        got = self.file.read(size)
        if len(got) < size:
            self.ended = True
        return got

    def first_records(self, count: int, delimiter: str) -> list[list[str]]:
        """The first `count` records, read by the strict csv module, and removed from what is still to be read."""
        self.waiting = self.fill()
        self.check(self.waiting, whole=self.ended)
        text = self.waiting.decode("utf-8", errors="ignore")
        records: list[list[str]] = []
        while len(records) < count and text.strip("\r\n \t﻿"):
            stream = io.StringIO(text, newline="")
            rows = _rows(stream, delimiter)
            try:
                cells = next(rows)
            except StopIteration:
                break
            except csv.Error as error:
                raise BadInput(f"{self.path} line {self.line}: {error}") from error
            used = text[: stream.tell()]
            text = text[stream.tell() :]
            records.append(cells)
            self.line += _line_ends(used.encode())
            self.waiting = self.waiting[len(used.encode()) :]
        self.head_records = len(records)
        return records

    def peek(self, delimiter: str) -> list[list[str]]:
        """The next lines as cells, for hints in messages."""
        text = self.waiting[:20_000].decode("utf-8", errors="ignore")
        return [_split(line, delimiter) for line in text.splitlines()[:20]]

    def check(self, data: bytes, *, whole: bool) -> None:
        """Raise BadInput where `data` is not UTF-8; a character cut at the end is fine unless `whole`."""
        if self.transcoded or data.isascii():
            return
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            if not whole and error.start >= len(data) - 3 and error.reason == "unexpected end of data":
                return
            raise BadInput(_not_utf8(self, data, error)) from error


def _decode(path: Path, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding).removeprefix("﻿")
    except LookupError as error:
        raise BadInput(f"{path}: `{encoding}` is not an encoding that Python knows; write utf-8, gb18030, big5, utf-16 …") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadInput(f"{path} line {line}, byte {error.start}: not {encoding}; correct `encoding` in the client file") from error


# Where the characters stand that a language uses most: the first level of each standard, by first and second byte.
_COMMON = {"gb18030": (range(0xB0, 0xD8), range(0xA1, 0xFF)), "big5": (range(0xA4, 0xC7), range(0x40, 0xFF))}
_COMMON_SHARE, _COMMON_GAIN = 0.8, 0.2


def _refuse_other_encoding(path: Path, source: Source, raw: bytes, encoding: str) -> None:
    """Big5 always decodes as GB18030, and often the other way round: told by the share of characters in common use."""
    lines = [line for line in raw.splitlines() if not line.isascii()][:200]
    other = {"gb18030": "big5", "big5": "gb18030"}.get(encoding.lower())
    if other is None or not lines:
        return
    mine, theirs = _common_share(lines, encoding), _common_share(lines, other)
    if theirs >= _COMMON_SHARE and theirs > mine + _COMMON_GAIN:
        mine_read, theirs_read = (_cells_beyond_ascii(path, source, lines, way) for way in (encoding, other))
        samples = ", ".join(f"`{here}` would be `{there}`" for here, there in zip(mine_read, theirs_read, strict=False))
        says = f"; as {other} {samples}" if samples else ""
        raise BadInput(f"{path}: read as {encoding} the text is made of rare characters{says}. Set `encoding: {other}`?")


def _common_share(lines: list[bytes], encoding: str) -> float:
    first, second = _COMMON[encoding.lower()]
    common = seen = 0
    for line in lines:
        try:
            letters = [char.encode(encoding) for char in line.decode(encoding) if char > "\u2fff"]
        except UnicodeDecodeError:
            return 0.0
        ideographs = [code for code in letters if len(code) > 1 and code[0] not in range(0xA1, 0xA4)]
        seen += len(ideographs)
        common += sum(len(code) == 2 and code[0] in first and code[1] in second for code in ideographs)
    return common / seen if seen else 0.0


def _not_utf8(lines: _Bytes, data: bytes, error: UnicodeDecodeError) -> str:
    line = lines.line + _line_ends(data[: error.start])
    samples = []
    sample = [text for text in data[max(0, data.rfind(b"\n", 0, error.start) + 1) :].splitlines()[:200] if not text.isascii()]
    for guess in GUESSES:
        try:
            read = _cells_beyond_ascii(lines.path, lines.source, sample, guess)
        except UnicodeDecodeError:
            continue
        samples.append(f"{guess} would read {', '.join(f'`{cell}`' for cell in read)}" if read else f"{guess} reads it")
    place = f"{lines.path} line {line}, byte {lines.offset + error.start}"
    said = f"{place}: not UTF-8. Set `encoding` in the client file to the one that reads right"
    return said + (": " + "; ".join(samples) if samples else "")


def _cells_beyond_ascii(path: Path, source: Source, lines: list[bytes], encoding: str) -> list[str]:
    """What three cells would be that are read and name nobody, else the header's own words. Raises UnicodeDecodeError."""
    delimiter = NAMED.get(source.delimiter, source.delimiter)
    with path.open("rb") as file:
        head = b"".join(islice(file, source.skip_rows, source.skip_rows + 1)).decode(encoding).strip()
    header = list(source.header) or _split(head, delimiter)
    wanted = {fold(m.column) for f, m in source.columns.items() if m.column is not None and f not in OF_PEOPLE}
    cells = [
        cell.strip()
        for line in lines
        for name, cell in zip(header, _split(line.decode(encoding), delimiter), strict=False)
        if fold(name) in wanted
    ]
    return [cell[:40] for cell in [*dict.fromkeys(cells), *header] if not cell.isascii()][:3]


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + (data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0)


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of a line for a message, whatever the line holds."""
    if delimiter == "whitespace":
        return line.split()
    try:
        return next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _rows(stream: io.TextIOBase, delimiter: str) -> Iterator[list[str]]:
    if delimiter == "whitespace":
        return (line.split() for line in iter(stream.readline, ""))
    csv.field_size_limit(FIELD_LIMIT)
    return csv.reader(iter(stream.readline, ""), delimiter=delimiter, strict=True)


def _blocks(lines: _Bytes, delimiter: str, header: list[str], wanted: list[int]) -> Iterator[Block]:
    with lines.file:
        strict = delimiter == "whitespace" or len(delimiter.encode()) != 1 or len(header) == 1
        data = lines.waiting
        while True:
            if strict:
                yield from _slow(lines, data, delimiter, header, wanted)
                return
            end = len(data) if lines.ended else _last_end(data)
            piece = data[:end]
            if piece:
                quotes = _Quotes(piece, delimiter)
                if not quotes.well_formed:
                    strict = True
                    continue
                lines.check(piece, whole=True)
                yield _fast(lines, piece, quotes, delimiter, header, wanted)
                lines.offset += len(piece)
            if lines.ended:
                return
            data = data[end:] + lines.fill()


def _last_end(data: bytes) -> int:
    """Just after the last line end that is outside quotes; 0 where there is none."""
    mark = b"\n" if b"\n" in data else b"\r"
    end = len(data) if mark == b"\n" else len(data) - 1  # a final \r may be half of a line end
    while (end := data.rfind(mark, 0, end)) >= 0:
        if data.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return 0


class _Quotes:
    """Whether the quotes of a block follow the grammar exactly, and where records begin."""

    def __init__(self, data: bytes, delimiter: str) -> None:
        self.data = data
        self.none = b'"' not in data
        self.well_formed = True
        if self.none:
            return
        cells = np.frombuffer(data, np.uint8)
        self.places = places = np.flatnonzero(cells == 34)
        self.well_formed = len(places) % 2 == 0
        if not self.well_formed:
            return
        edges = np.array([ord(delimiter), 10, 13], np.uint8)
        opening, closing = places[0::2], places[1::2]
        before = np.where(opening > 0, cells[np.maximum(opening - 1, 0)], 10)
        after = np.where(closing < len(cells) - 1, cells[np.minimum(closing + 1, len(cells) - 1)], 10)
        doubled_open = np.zeros(len(opening), bool)
        doubled_open[1:] = closing[:-1] == opening[1:] - 1
        doubled_close = np.zeros(len(closing), bool)
        doubled_close[:-1] = opening[1:] == closing[:-1] + 1
        self.well_formed = bool((np.isin(before, edges) | doubled_open).all() and (np.isin(after, edges) | doubled_close).all())

    def record_starts(self, count: int, physical: int) -> np.ndarray:
        """Line, counted from 0, on which each of `count` records begins in a block of so many physical lines."""
        if self.none or physical == count:
            return np.arange(count, dtype=np.int64)
        cells = np.frombuffer(self.data, np.uint8)
        ends = cells == 10
        if b"\r" in self.data:
            returns = cells == 13
            ends[:-1] |= returns[:-1] & (cells[1:] != 10)
            ends[-1] |= returns[-1]
        at = np.flatnonzero(ends)
        lines = np.flatnonzero(np.searchsorted(self.places, at) % 2 == 0) + 1
        return np.concatenate([[0], lines])[:count].astype(np.int64)


def _fast(lines: _Bytes, data: bytes, quotes: _Quotes, delimiter: str, header: list[str], wanted: list[int]) -> Block:
    aside: list[tuple[int, str]] = []
    hollow: list[int] = []

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        if any(next(csv.reader(io.StringIO(row.text, newline=""), delimiter=delimiter), [])):
            aside.append((row.number - 1, _count_text(row.actual_columns, row.expected_columns)))
        else:
            hollow.append(row.number - 1)
        return "skip"

    table = _parse(data, delimiter, len(header), wanted, set_aside)
    records = table.num_rows + len(aside) + len(hollow)
    physical = _line_ends(data) + (0 if data.endswith((b"\n", b"\r")) else 1)
    starts = quotes.record_starts(records, physical) + lines.line
    lost = np.array([number for number, _text in aside] + hollow, np.int64)
    kept = np.delete(starts, lost) if len(lost) else starts
    table = table.append_column(LINE, pa.array(kept))
    set_apart = [Aside(int(starts[number]), text, "field_count") for number, text in aside]
    if lines.ended and aside and aside[-1][0] == records - 1 and not data.endswith((b"\n", b"\r")):
        set_apart[-1] = _cut_off(set_apart[-1])
    lines.line += physical
    empty = _all_empty(table)
    if (maybe := np.flatnonzero(empty)).size and len(wanted) < len(header):
        whole = _parse(data, delimiter, len(header), list(range(len(header))), lambda _row: "skip").take(pa.array(maybe))
        empty[maybe] = _all_empty(whole)
    blank = int(empty.sum())
    if blank:
        table = table.filter(pa.array(~empty))
    return Block(table, records, blank + len(hollow), set_apart, read_bytes=len(data))


def _parse(data: bytes, delimiter: str, width: int, wanted: list[int], set_aside: object) -> pa.Table:
    names = [f"c{i}" for i in range(width)]
    return arrow_csv.read_csv(
        pa.py_buffer(data),
        arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
        arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=set_aside),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, include_columns=[f"c{i}" for i in wanted]
        ),
    )


def _all_empty(table: pa.Table) -> np.ndarray:
    empty = np.ones(table.num_rows, bool)
    for name in table.column_names:
        if name != LINE and empty.any():
            empty &= np.concatenate([pc.binary_length(chunk).to_numpy() for chunk in table[name].chunks]) == 0
    return empty


def _count_text(actual: int, expected: int) -> str:
    return f"{actual} of {expected}"


def _slow(lines: _Bytes, waiting: bytes, delimiter: str, header: list[str], wanted: list[int]) -> Iterator[Block]:
    """Record by record through the strict csv module, from the start of a record."""
    lines.check(waiting, whole=lines.ended)
    rest = io.BufferedReader(_Chain(waiting, lines.file))
    stream = io.TextIOWrapper(rest, encoding="utf-8", newline="")
    first = lines.line
    reader = _Numbered(stream, delimiter)
    columns: list[list[str]] = [[] for _ in wanted]
    starts: list[int] = []
    aside: list[Aside] = []
    records = blank = last = 0
    width = len(header)
    while True:
        start = first + reader.line
        try:
            cells = next(reader)
        except StopIteration:
            if aside and aside[-1].line == last and not reader.ended:
                aside[-1] = _cut_off(aside[-1])
            break
        except csv.Error as error:
            raise BadInput(_broken(lines.path, start, first + reader.line, error)) from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{lines.path} after line {start}: not UTF-8; set `encoding` in the client file") from error
        records += 1
        last = start
        if not any(cells):
            blank += 1
        elif len(cells) != width:
            aside.append(Aside(start, _count_text(len(cells), width), "field_count"))
        else:
            starts.append(start)
            for column, place in zip(columns, wanted, strict=True):
                column.append(cells[place])
        if records == ROWS:
            yield _gathered(columns, starts, wanted, records, blank, aside)
            columns, starts, aside, records, blank = [[] for _ in wanted], [], [], 0, 0
    if records:
        yield _gathered(columns, starts, wanted, records, blank, aside)


def _cut_off(one: Aside) -> Aside:
    """The last record of a file that does not end with a line end lacks fields: the file was cut off."""
    found, wanted = (int(number) for number in one.value.split(" of "))
    return replace(one, reason="truncated") if found < wanted else one


def _gathered(columns: list[list[str]], starts: list[int], wanted: list[int], records: int, blank: int, aside: list[Aside]) -> Block:
    cells = {f"c{i}": pa.array(column, pa.string()) for i, column in zip(wanted, columns, strict=True)}
    table = pa.table({**cells, LINE: pa.array(starts, pa.int64())})
    size = sum(array.nbytes for array in cells.values())
    return Block(table, records, blank, aside, read_bytes=size)


class _Numbered:
    """Records of a text stream, with the number of physical lines used so far."""

    def __init__(self, stream: io.TextIOBase, delimiter: str) -> None:
        self.line = 0
        self.ended = True  # the last line read had a line end
        self.rows = _rows(_Counting(stream, self), delimiter)

    def __next__(self) -> list[str]:
        return next(self.rows)


class _Counting(io.TextIOBase):
    def __init__(self, stream: io.TextIOBase, owner: _Numbered) -> None:
        self.stream, self.owner = stream, owner

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        text = self.stream.readline()
        self.owner.line += bool(text)
        self.owner.ended = text.endswith(("\n", "\r")) if text else self.owner.ended
        return text


class _Chain(io.RawIOBase):
    """Bytes already read, then the rest of the file."""

    def __init__(self, first: bytes, rest: io.BufferedIOBase) -> None:
        self.first, self.rest = memoryview(first), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer)  # type: ignore[arg-type]
        if len(self.first):
            taken = min(len(target), len(self.first))
            target[:taken] = self.first[:taken]
            self.first = self.first[taken:]
            return taken
        got = self.rest.read(len(target))
        target[: len(got)] = got
        return len(got)


def _broken(path: Path, start: int, reached: int, error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return (
            f"{path} line {start}: a quote opens in the record that begins here and never closes; it would swallow {reached - start} "
            "physical lines. Close or double the quote in the export"
        )
    if "field larger" in str(error):
        return f"{path} line {start}: a field is longer than {FIELD_LIMIT >> 20} MiB; a quote may be missing before it"
    return (
        f'{path} line {start}: {error}. Inside quotes a quote is written twice (""); a backslash before it does not do: export again, '
        "or double it"
    )
