"""Blocks of cells → typed rows on the engine; what a grammar refuses is set aside with its place, value and reason."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from custkit.client import Client, Source
from custkit.errors import BadInput, CustkitError
from custkit.intake.ahead import ahead
from custkit.intake.block import BATCH, LINE, ROW_GROUP, Block, Reading, different_texts, encoded, is_encoded, rows_where
from custkit.intake.counters import count_records
from custkit.intake.delimited import read_delimited
from custkit.intake.excel import filled_sheets, number_text, read_excel
from custkit.intake.grammar import CHECKED, MINUS_BEHIND, SERIALS, TOTAL_WORDS, Grammar, field_type, is_as_read, lit, name
from custkit.intake.inputs import Input, written_to
from custkit.intake.notes import Note
from custkit.intake.parquet import read_parquet
from custkit.tables import SENT

READERS = {"csv": read_delimited, "excel": read_excel, "parquet": read_parquet}
MONEY_FIELDS = ("amount", "unit_price", "list_price", "unit_cost", "order_total")
_ZONED = r":\d\d(:\d\d)?(\.\d+)? ?(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)( BC)?$"
QUOTED_ID = "'[0-9A-Za-z_-]+"
_WRAPPED = '="[^"]*"'  # what a spreadsheet writes to keep a number as it is
_WRAPPERS = ((b"=", '="'), (b"'", "'"))  # a byte quickly told to be absent, and how a wrapped cell begins
# What one row of a table contradicts by itself: the field to name, when, and the reason.
CONFLICTS = {
    "campaigns": ("ends_at", ("starts_at", "ends_at"), "ends_at < date_trunc('day', starts_at)", "interval"),
    "marketing_spend": ("spend_amount", ("spend_amount",), "spend_amount < 0", "sign_conflict"),
}
STRUCTURAL = ("repeated_header", "total_row")
QUARANTINE = pa.schema(
    [
        ("table", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("amount", pa.decimal128(18, 4)),
        ("dated_at", pa.timestamp("us")),
    ]
)
CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 13)) + b"\x7f"
_DIGITS_LOST = "-?[0-9]([.,][0-9]+)?[eE][+][0-9]{2,3}"  # 1.23457E+15: a long number that a spreadsheet shortened
_EXCEL_ERROR = "#(N/A|REF!|DIV/0!|VALUE!|NAME[?]|NULL!|NUM!)"
FILE = "_file"
Row = tuple[int, int, str | None, str | None, str, object, object]
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
Tick = Callable[[str, int], None]  # a file and how many bytes more of it are read, or a step and 0


@dataclass
class FileCount:
    """One file in the ledger: records = blank + structural + accepted + quarantined, counted twice."""

    table: str
    source: int
    file: str
    sha256: str = ""
    records: int = 0
    blank: int = 0
    structural: int = 0
    accepted: int = 0
    quarantined: int = 0
    counted_by: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    months: dict[str, int] = field(default_factory=dict)  # accepted rows by the month of their time, "" where they have none
    amount: str = "0"
    header: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)  # `book.xlsx[Sheet]`: those of the workbook that hold something and no source takes

    @property
    def first_month(self) -> str:
        """The earliest month of the file's rows; empty where none has a time."""
        return min((month for month in self.months if month), default="")

    def check(self, second: int) -> None:
        """Raise CustkitError where the file's own sum or the second counter disagrees."""
        parts = self.blank + self.structural + self.accepted + self.quarantined
        if parts != self.records or second != self.records:
            raise CustkitError(
                f"{self.file}: the ledger does not balance: {self.records} records read, {second} counted by "
                f"{self.counted_by}, {self.blank} blank + "
                f"{self.structural} structural + {self.accepted} accepted + {self.quarantined} quarantined"
            )


SQL_TYPES = {
    "decimal": "DECIMAL(18, 4)",
    "timestamp": "TIMESTAMP",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
}


def required_fields(source: Source) -> tuple[str, ...]:
    """Mapped fields that no accepted row may lack."""
    mapped = source.columns
    keys = SENT[source.table].key if source.table != "order_lines" else ()
    needed = [c.name for c in SENT[source.table].columns if (c.required or c.name in keys) and c.name in mapped]
    if source.table == "campaign_contacts" or "amount" in mapped or source.table != "order_lines":
        return tuple(needed)
    if "gross_amount" in mapped:
        return (*needed, "gross_amount")
    return (*needed, *(f for f in ("quantity", "unit_price", "list_price") if f in mapped))


def stage(con: duckdb.DuckDBPyConnection, client: Client, inputs: list[Input], tick: Tick) -> tuple[list[FileCount], list[Note]]:
    """Read every input into `staged_<table>` and the rows set aside into `quarantine`; the count of every file, and what is odd in cells.

    Raises BadInput for a file that changes while it is read, CustkitError where two counts of a file differ.
    """
    con.execute(
        'CREATE TABLE quarantine ("table" VARCHAR, file VARCHAR, line BIGINT, "column" VARCHAR, value VARCHAR, reason '
        "VARCHAR, amount DECIMAL(18, 4), dated_at TIMESTAMP)"
    )
    for table in dict.fromkeys(source.table for source in client.sources):
        fields = dict.fromkeys(f for source in client.sources if source.table == table for f in source.columns)
        columns = ", ".join(f"{name(f)} {SQL_TYPES[field_type(table, f)]}" for f in fields)
        con.execute(f"CREATE TABLE {name('staged_' + table)} (_source INTEGER, {FILE} INTEGER, {columns})")
    counts = [FileCount(client.sources[one.source].table, one.source, one.name) for one in inputs]
    typist = _Typist(con, client, inputs, counts)
    with ThreadPoolExecutor(1) as recounting:  # in another thread, while the files are read
        recounts = [_take_file(typist, number, recounting, tick) for number in range(len(inputs))]
        typist.flush()
        _count_accepted(con, client, counts)
    for one, count, recount in zip(inputs, counts, recounts, strict=True):
        count.sha256 = one.sha256
        second, count.counted_by = recount.result()
        count.check(second + (count.blank if one.format == "excel" else 0))  # a sheet does not show its blank rows
    return counts, typist.notes()


def _take_file(typist: _Typist, number: int, recounting: ThreadPoolExecutor, tick: Tick) -> Future[tuple[int, str]]:
    """Read one file; its second count, under way."""
    one, count = typist.inputs[number], typist.counts[number]
    source = typist.client.sources[one.source]
    reading: Reading = READERS[one.format](one.path, source)
    count.header = list(reading.header)
    count.sheets = _other_sheets(typist, one, reading)
    typist.note_padded(number, reading)
    recount = recounting.submit(count_records, one, source, reading.filled)
    for block in ahead(reading.blocks):
        count.records += block.records
        count.blank += block.blank
        typist.take(number, block, reading)
        tick(one.name, block.read_bytes)
    if not one.unchanged():
        raise written_to(one.path)
    if reading.trailing and count.reasons.get("field_count", 0) == count.records - count.blank:
        width = len(reading.header)
        raise BadInput(
            f"{one.path}: rows have {width + 1} fields, the header {width}: every row ends with one delimiter more; set "
            "`trailing_delimiter: true`"
        )
    if count.records == count.blank and source.table == "order_lines" and not source.optional:
        raise BadInput(f"{one.path}: has a header and no rows; export it again, or set `optional: true` for this source")
    return recount


def _other_sheets(typist: _Typist, one: Input, reading: Reading) -> list[str]:
    taken = {typist.client.sources[other.source].sheet for other in typist.inputs if other.path == one.path}
    others = [sheet for sheet in reading.sheets if sheet not in taken]
    return [f"{one.name}[{sheet}]" for sheet in filled_sheets(one.path, others)] if others and None not in taken else []


def _count_accepted(con: duckdb.DuckDBPyConnection, client: Client, counts: list[FileCount]) -> None:
    """Rows, money and months of what was typed, by file; `staged_<table>` then names the source only, but for order lines."""
    for number, source in enumerate(client.sources):
        at = _time(source)
        months = con.execute(
            f"SELECT {FILE}, year({at}) * 100 + month({at}), count(*), coalesce(sum({_known_amount(source)}), 0) "
            f"FROM {name('staged_' + source.table)} WHERE _source = {number} GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
        for file, month, rows, money in months:
            count = counts[file]
            count.accepted += rows
            count.amount = f"{Decimal(count.amount) + Decimal(money):f}"
            count.months[f"{month // 100}-{month % 100:02}" if month else ""] = rows
    for table in dict.fromkeys(source.table for source in client.sources if source.table != "order_lines"):
        con.execute(f"ALTER TABLE {name('staged_' + table)} DROP COLUMN {FILE}")


class _Typist:
    """Gathers blocks of one source and shape, over several files where they are small, and types them in one go."""

    def __init__(self, con: duckdb.DuckDBPyConnection, client: Client, inputs: list[Input], counts: list[FileCount]) -> None:
        self.con, self.client, self.inputs, self.counts = con, client, inputs, counts
        self.shape: tuple[int, tuple[tuple[str, str], ...]] | None = None
        self.waiting: list[pa.Table] = []
        self.with_control: set[str] = set()
        self.with_exponent: set[str] = set()
        self.with_error: set[str] = set()
        self.with_wrapper: set[str] = set()
        self.with_length: set[str] = set()
        self.with_gap: set[str] = set()
        self.with_bracket: set[str] = set()  # amounts that may be negative as accountants write it
        self.carried: dict[str, Any] = {}
        self.met: dict[tuple[str, str, str, int], int] = {}  # what is odd, table, column, file: rows
        self.zones: dict[tuple[int, str], list[int]] = {}  # source and field: times with a zone, times without

    def notes(self) -> list[Note]:
        """What was met in cells that were taken, in the order of tables and columns; a cell belongs to the first month of its file."""
        told = sorted(self.met.items(), key=lambda one: (one[0][1:], one[0][0]))
        return [Note(code, table, column, rows, month=self.counts[number].first_month) for (code, table, column, number), rows in told]

    def _meet(self, code: str, number: int, f: str, rows: int) -> None:
        """Count `rows` of file `number` in which field `f` is odd in this way."""
        if rows:
            source = self.client.sources[self.inputs[number].source]
            key = (code, source.table, source.columns[f].column or f, number)
            self.met[key] = self.met.get(key, 0) + rows

    def note_padded(self, number: int, reading: Reading) -> None:
        """Count numbers that a sheet shows with leading zeros it does not hold, in columns of ids."""
        source = self.client.sources[self.inputs[number].source]
        for f, place in reading.places.items():
            if f.endswith("_id") and source.columns[f].width is None:
                self._meet("zeros_only_shown", number, f, reading.padded.get(place, 0))

    def take(self, number: int, block: Block, reading: Reading) -> None:
        if block.aside:
            self._set_aside([(number, a.line, None, a.value, a.reason, None, None) for a in block.aside])
        if not block.table.num_rows:
            return
        source = self.client.sources[self.inputs[number].source]
        table, kinds = _prepared(block.table, source, reading.places)
        if any(m.fill_down for m in source.columns.values()):
            table = self._filled_down(number, table, source)
        shape = (self.inputs[number].source, tuple(kinds.items()))
        if shape != self.shape:
            self.flush()
            self.shape = shape
        self.waiting.append(table.append_column(FILE, pa.repeat(pa.scalar(number, pa.int32()), table.num_rows)))
        self._look(number, table, source, [f"c_{f}" for f in reading.places if kinds[f"c_{f}"] == "text"])
        for f in (f for f in reading.places if kinds[f"c_{f}"] == "timestamp" and self.inputs[number].format == "csv"):
            self._count_zones(number, f, 0, table.num_rows)
        if sum(t.num_rows for t in self.waiting) >= BATCH:
            self.flush()

    def _look(self, number: int, table: pa.Table, source: Source, texts: list[str]) -> None:
        """Mark the columns of this block that need a closer look when they are typed, so that plain ones cost nothing."""
        for column in texts:
            f, data = column.removeprefix("c_"), table[column]
            different = different_texts(data)
            whole = _bytes_of(different)
            if not _lie_between(" ", "~", np.frombuffer(whole, np.uint8)):
                if len(whole.translate(None, CONTROLS)) != len(whole):
                    self.with_control.add(column)
                if not whole.isascii():
                    self._meet("mojibake", number, f, rows_where(encoded(data), _misread))
            lengths = pc.min_max(pc.binary_length(different)).as_py()
            longest = lengths["max"] or 0
            if data.null_count or not lengths["min"]:
                self.with_gap.add(column)
            if longest > self.client.limits.longest_text:
                self.with_length.add(column)
            kind = field_type(source.table, f)
            if kind == "string" and any(bytes_ in whole and pc.any(pc.starts_with(different, mark)).as_py() for bytes_, mark in _WRAPPERS):
                self.with_wrapper.add(column)
            brackets = not whole.isascii() or b")" in whole or b"-" in whole
            if kind == "decimal" and brackets and pc.any(pc.match_substring_regex(different, MINUS_BEHIND)).as_py():
                self.with_bracket.add(column)
            if kind == "timestamp" and source.columns[f].time_zone is None and source.columns[f].format in (None, "iso", "excel"):
                zoned = _with_zone(data, longest)
                self._count_zones(number, f, zoned, rows_where(data, lambda texts: pc.greater(pc.binary_length(texts), 10)) - zoned)
            if self.inputs[number].format == "excel" and b"#" in whole:
                self.with_error.add(column)
            if column.endswith("_id") and b"+" in whole:
                self.with_exponent.add(column)

    def _count_zones(self, number: int, f: str, zoned: int, plain: int) -> None:
        """Times with and without a zone in one column mean two things; the client has to say which."""
        seen = self.zones.setdefault((self.inputs[number].source, f), [0, 0])
        seen[0] += zoned
        seen[1] += plain
        if all(seen):
            column = self.client.sources[self.inputs[number].source].columns[f].column
            raise BadInput(
                f"{self.inputs[number].path} column {column}: {seen[0]} times with a zone and {seen[1]} without; say with `time_zone` "
                "whose clock those without show, or export one kind"
            )

    def _filled_down(self, number: int, table: pa.Table, source: Source) -> pa.Table:
        """Cells left empty after an order's first line take over its value."""
        order = table["c_order_id"].to_pylist()
        before = self.carried.get("file") == number
        for f in (f for f, m in source.columns.items() if m.fill_down):
            place = table.column_names.index(f"c_{f}")
            cells = table[f"c_{f}"].to_pylist()
            last = (self.carried["order"], self.carried[f]) if before else (None, None)
            filled = 0
            for i, (key, cell) in enumerate(zip(order, cells, strict=True)):
                if cell in (None, "") and key == last[0] and last[1] not in (None, ""):
                    cells[i] = last[1]
                    filled += 1
                last = (key, cells[i])
            self.carried[f] = last[1]
            self._meet("filled_down", number, f, filled)
            table = table.set_column(place, f"c_{f}", encoded(pa.chunked_array([pa.array(cells, pa.string())])))
        self.carried |= {"file": number, "order": order[-1]}
        return table

    def flush(self) -> None:
        """Type what is waiting."""
        if not self.waiting or self.shape is None:
            return
        table = _joined(self.waiting)
        number, kinds = self.shape
        self._register(table)
        try:
            self._type(number, dict(kinds), table)
        finally:
            self.con.unregister("block")
            self.waiting, self.with_control, self.with_exponent, self.with_error = [], set(), set(), set()
            self.with_wrapper, self.with_length, self.with_gap, self.with_bracket = set(), set(), set(), set()

    def _register(self, table: pa.Table) -> None:
        self.con.register("block", pa.Table.from_batches(table.to_batches(max_chunksize=ROW_GROUP), table.schema))

    def _type(self, number: int, kinds: dict[str, str], table: pa.Table) -> None:
        source = self.client.sources[number]
        largest = f"{self.client.limits.largest_amount:f}"
        fields = {f: Grammar(k, m, f, self.client.currency, self.client.time_zone, _is_money(f, k), largest)
                  for f, m in source.columns.items() for k in (field_type(source.table, f),)}  # fmt: skip
        columns: list[_Column] = []
        required = required_fields(source)
        for i, (f, grammar) in enumerate(fields.items()):
            t, at = f"t{i}", f"c_{f}"
            kind, means = kinds.get(at, "text"), bool(grammar.map.null or grammar.map.values)
            cell = lit(grammar.map.value or "") if grammar.map.column is None else name(at)
            if at in self.with_wrapper:
                cell = self._unwrapped(f, cell)
            column = _Column(i, f, cell, kind, grammar)
            if f in required and (means or kinds.get(at) != "text" or at in self.with_gap or at in self.with_wrapper):
                column.refuse(f"{t} IS NULL", 1)
            if at in self.with_control and grammar.kind == "string":
                column.refuse(f"regexp_matches({t}, {lit(_CONTROL)})")
            if at in self.with_length:
                column.refuse(f"length({t}) > {self.client.limits.longest_text}")
            if at in self.with_error and grammar.kind == "string":
                column.refuse(f"regexp_full_match({t}, {lit(_EXCEL_ERROR)})")
            if at in self.with_exponent and f.endswith("_id"):
                column.refuse(f"regexp_full_match({t}, {lit(_DIGITS_LOST)})")
            if grammar.kind != "string" or f in CHECKED:
                column.refuse(f"{t} IS NOT NULL AND {name(f)} IS NULL")
            if at in self.with_bracket:
                self._count(f, meant(cell, kind, grammar), {"accounting_negative": grammar.negated("t")})
            if kind == "text" and (turned := grammar.turned("t")):  # a rule decides such times, no fact
                self._count(f, meant(cell, kind, grammar), dict(zip(("hour_skipped", "hour_twice"), turned, strict=True)))
            columns.append(column)
        table, columns = self._by_text(table, columns)
        failures = [when for column in columns for when in column.failures]
        conflict, needs, when, _reason = CONFLICTS.get(source.table, ("", (), "", ""))
        if conflict and all(f in fields for f in needs):
            failures.append(f"WHEN {when} THEN {2 * list(fields).index(conflict)}")
        names = ", ".join(name(f) for f in fields)
        typed = f"(SELECT {FILE}, {LINE}, {names}, {_first(failures)} AS _bad FROM ({_typed(columns, 'block', f'{FILE}, {LINE}')}))"
        (accepted,) = self.con.execute(
            f"INSERT INTO {name('staged_' + source.table)} BY NAME SELECT {number}::INTEGER AS _source, {FILE}, {names} FROM {typed} "
            "WHERE _bad IS NULL"
        ).fetchone() or (0,)
        if accepted < table.num_rows:
            self.con.execute(f"CREATE OR REPLACE TABLE piece AS FROM {typed} WHERE _bad IS NOT NULL")
            self._explain(source, fields, kinds)

    def _by_text(self, table: pa.Table, columns: list[_Column]) -> tuple[pa.Table, list[_Column]]:
        """Type once a text what holds few different texts; the block gets the values, and the code of the refusal where there is one."""
        done = []
        for column in columns:
            at = f"c_{column.canonical}"
            done.append(column)
            if column.is_as_read or at not in table.column_names or not pa.types.is_dictionary(table[at].type):
                continue
            (cells,) = table[at].chunks
            self.con.register("texts", pa.table({at: cells.dictionary}))
            value = f"{name(column.canonical)} AS value, {_first(column.failures)} AS bad"
            # A projection keeps the order of its rows.
            texts = self.con.execute(f"SELECT {value} FROM ({_typed([column], 'texts', name(at))})").to_arrow_table().combine_chunks()
            self.con.unregister("texts")
            done[-1] = held = replace(column, failures=[], is_held=True)
            table = table.append_column(f"v_{column.canonical}", texts["value"].take(cells.indices))
            if texts["bad"].null_count < len(texts):
                table = table.append_column(f"x{column.number}", texts["bad"].take(cells.indices))
                held.failures.append(f"WHEN x{column.number} IS NOT NULL THEN x{column.number}")
        self._register(table)
        return table, done

    def _unwrapped(self, f: str, cell: str) -> str:
        """SQL of a cell without the wrapper that keeps a spreadsheet from reading it as a number; counted."""
        wrapped = f"regexp_full_match({cell}, {lit(_WRAPPED)})"
        quoted = f"regexp_full_match({cell}, {lit(QUOTED_ID)})" if f.endswith("_id") else "false"
        for number, rows in self.con.execute(f"SELECT {FILE}, count(*) FROM block WHERE {wrapped} OR {quoted} GROUP BY 1").fetchall():
            self._meet("unwrapped", number, f, rows)
        return f"CASE WHEN {wrapped} THEN trim({cell}[3:-2]) WHEN {quoted} THEN {cell}[2:] ELSE {cell} END"

    def _count(self, f: str, text: str, odd: dict[str, str]) -> None:
        """Count the cells that are odd in each way: SQL of whether `t`, their text, is."""
        ways = ", ".join(f"count(*) FILTER ({when})" for when in odd.values())
        for number, *counts in self.con.execute(
            f"SELECT {FILE}, {ways} FROM (SELECT {FILE}, {text} AS t FROM block) GROUP BY 1"
        ).fetchall():
            for code, rows in zip(odd, counts, strict=True):
                self._meet(code, number, f, rows)

    def _explain(self, source: Source, fields: dict[str, Grammar], kinds: dict[str, str]) -> None:
        """Name the reason of every row that failed; titles repeated and totals are structure, not data."""
        self.con.execute(
            f"CREATE OR REPLACE TABLE failed AS SELECT b.*, p.* EXCLUDE ({FILE}, {LINE}), {_known_amount(source)} AS _amount, "
            f"{_time(source)} AS _at FROM block b JOIN piece p USING ({FILE}, {LINE})"
        )
        header = " AND ".join(
            f"lower(CAST({name('c_' + f)} AS VARCHAR)) = {lit((g.map.column or '').strip().lower())}"
            for f, g in fields.items()
            if g.map.column is not None
        )
        words = ", ".join(lit(word) for word in TOTAL_WORDS)
        total = " OR ".join(f"lower(rtrim(CAST({name(c)} AS VARCHAR), ':： ')) IN ({words})" for c in kinds)
        structure = f"CASE WHEN {header or 'false'} THEN 'repeated_header' WHEN {total or 'false'} THEN 'total_row' ELSE {{}} END"
        rows: list[Row] = []
        for (bad,) in self.con.execute("SELECT DISTINCT _bad FROM failed ORDER BY 1").fetchall():
            f, grammar = list(fields.items())[bad // 2]
            cell = lit(grammar.map.value or "") if grammar.map.column is None else name(f"c_{f}")
            text = meant(cell, kinds.get(f"c_{f}", "text"), grammar)
            conflict, _needs, _when, clash = CONFLICTS.get(source.table, ("", (), "", ""))
            known = f"WHEN {name(f)} IS NOT NULL THEN {lit(clash)} " if f == conflict else ""
            reason = (
                "'missing_required'"
                if bad % 2
                else (
                    f"CASE WHEN regexp_matches({text}, {lit(_CONTROL)}) THEN 'control_character' "
                    f"WHEN regexp_full_match({text}, {lit(_DIGITS_LOST)}) THEN 'id_digits_lost' "
                    f"WHEN regexp_full_match({text}, {lit(_EXCEL_ERROR)}) THEN 'excel_error' "
                    f"WHEN length({text}) > {self.client.limits.longest_text} THEN 'field_too_long' {known}ELSE {grammar.reason(text)} END"
                )
            )
            rows += self.con.execute(
                f"SELECT {FILE}, {LINE}, {lit(grammar.map.column or f)}, CAST({cell} AS VARCHAR), "
                f"{structure.format(reason)}, _amount, _at FROM failed WHERE _bad = {bad}"
            ).fetchall()
        self._set_aside(rows)

    def _set_aside(self, rows: list[Row]) -> None:
        for file, _line, _column, _value, reason, _amount, _at in rows:
            count = self.counts[file]
            count.reasons[reason] = count.reasons.get(reason, 0) + 1
            if reason in STRUCTURAL:
                count.structural += 1
            else:
                count.quarantined += 1
        files, lines, columns, cells, reasons, amounts, times = (list(part) for part in zip(*rows, strict=True))
        tables = [self.counts[file].table for file in files]
        names = [self.counts[file].file for file in files]
        shown = [cell if cell is None else cell[:200] for cell in cells]
        self.con.register("aside", pa.table([tables, names, lines, columns, shown, reasons, amounts, times], schema=QUARANTINE))
        self.con.execute("INSERT INTO quarantine SELECT * FROM aside")
        self.con.unregister("aside")


@dataclass
class _Column:
    """One field of a block: its cell as SQL, and when that is refused (a code of twice its number, one more where a cell is missing)."""

    number: int
    canonical: str
    cell: str
    kind: str
    grammar: Grammar
    failures: list[str] = field(default_factory=list)
    is_held: bool = False  # the block holds its values already

    def refuse(self, when: str, missing: int = 0) -> None:
        self.failures.append(f"WHEN {when} THEN {2 * self.number + missing}")

    @property
    def is_as_read(self) -> bool:
        """The text is the value."""
        as_sent = self.cell == name(f"c_{self.canonical}")
        return as_sent and is_as_read(self.grammar.kind, self.canonical, self.grammar.map)

    def steps(self) -> tuple[str, str, str, str]:
        """SQL of text, plain form, raw value and value, each over the one before."""
        t, p, r = (f"{letter}{self.number}" for letter in "tpr")
        grammar = self.grammar
        direct = None if grammar.map.null or grammar.map.values else grammar.direct(t, self.kind)
        return (
            f"{self.cell if direct is not None else meant(self.cell, self.kind, grammar)} AS {t}",
            f"{'NULL' if direct is not None else grammar.plain(t)} AS {p}",
            f"{direct if direct is not None else grammar.raw(p)} AS {r}",
            f"{grammar.value(r)} AS {name(self.canonical)}",
        )


def _typed(columns: list[_Column], block: str, kept: str) -> str:
    """SQL of the values of `columns`, and the steps that lead to them."""
    held = "".join(
        f", {name(f'v_{c.canonical}')} AS {name(c.canonical)}" + f", x{c.number}" * bool(c.failures) for c in columns if c.is_held
    )
    query = f"FROM {block}"
    for number, step in enumerate(zip(*(c.steps() for c in columns if not c.is_held), strict=True)):
        query = f"SELECT {'*' if number else kept + held}, {', '.join(step)} {query if not number else f'FROM ({query})'}"
    return query if query.startswith("SELECT") else f"SELECT {kept}{held} {query}"


def _first(failures: list[str]) -> str:
    return f"CASE {' '.join(failures)} END" if failures else "CAST(NULL AS INTEGER)"


def _known_amount(source: Source) -> str:
    """SQL of what a failed line would have brought in, where that much can be read."""
    mapped = source.columns
    if source.table == "order_lines":
        if "amount" in mapped:
            return "amount"
        found = next((f for f in ("unit_price", "gross_amount", "list_price") if f in mapped), "")
        if found.endswith("_price"):
            return f"CAST({'quantity' if 'quantity' in mapped else '1'} * {found} AS DECIMAL(18, 4))"
        if found:
            return found
    return "CAST(NULL AS DECIMAL(18, 4))"


def _time(source: Source) -> str:
    """SQL of the time by which a row lies before or after the end of a month; null where the file has none."""
    time = SENT[source.table].time
    return name(time) if time and time in source.columns else "CAST(NULL AS TIMESTAMP)"


def _is_money(canonical: str, kind: str) -> bool:
    return kind == "decimal" and (canonical in MONEY_FIELDS or canonical.endswith("_amount"))


def meant(raw: str, kind: str, grammar: Grammar) -> str:
    """SQL of a cell's text, null where it is empty or says "not known", in our words where the client file has a dictionary."""
    text = raw if kind == "text" else f"CAST({raw} AS VARCHAR)"
    text = f"nullif({text}, '')"
    if grammar.map.null:
        text = f"CASE WHEN {text} IN ({', '.join(lit(t) for t in grammar.map.null)}) THEN NULL ELSE {text} END"
    if grammar.map.width is not None:
        width = grammar.map.width
        text = f"CASE WHEN regexp_full_match({text}, '[0-9]+') AND length({text}) < {width} THEN lpad({text}, {width}, '0') ELSE {text} END"
    if grammar.map.values:
        pairs = " ".join(f"WHEN {lit(theirs)} THEN {lit(ours)}" for theirs, ours in grammar.map.values.items())
        text = f"CASE {text} {pairs} ELSE {text} END"
    return text


def _prepared(table: pa.Table, source: Source, places: dict[str, int]) -> tuple[pa.Table, dict[str, str]]:
    """Cells by field (`c_<field>`, and `c_` for the file's first column), and their kinds.

    Text is trimmed, dictionaries are unfolded. Kinds: text, float, int, bool, date, timestamp, timestamptz.
    """
    columns: dict[str, pa.ChunkedArray] = {LINE: table[LINE]}
    kinds: dict[str, str] = {}
    made: dict[tuple[int, bool, bool], tuple[pa.ChunkedArray, str]] = {}
    for f, place in {"": 0, **places}.items():
        data = table[f"c{place}"] if f"c{place}" in table.column_names else pa.nulls(table.num_rows, pa.string())
        given = source.columns.get(f)
        kind = field_type(source.table, f) if f else "string"
        as_text = given is None or kind == "string" or bool(given.null or given.values or given.text_format in SERIALS)
        how = (place, as_text, given is None or is_as_read(kind, f, given))
        if how not in made:
            made[how] = _cells(data, *how[1:])
        columns[f"c_{f}"], kinds[f"c_{f}"] = made[how]
    return pa.table(columns), kinds


def _cells(data: pa.ChunkedArray, as_text: bool, as_read: bool) -> tuple[pa.ChunkedArray, str]:
    held_once = (lambda texts: texts) if as_read else encoded
    if is_encoded(data):
        trimmed = [pa.DictionaryArray.from_arrays(chunk.indices, pc.utf8_trim_whitespace(chunk.dictionary)) for chunk in data.chunks]
        return pa.chunked_array(trimmed, data.type), "text"
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    kind = data.type
    if pa.types.is_floating(kind):
        return (held_once(number_text(data)), "text") if as_text else (pc.if_else(pc.is_nan(data), None, data.cast(pa.float64())), "float")
    if pa.types.is_integer(kind):
        return data, "int"
    if pa.types.is_boolean(kind):
        return data, "bool"
    if pa.types.is_date(kind):
        return data.cast(pa.date32()), "date"
    if pa.types.is_timestamp(kind):
        return data.cast(pa.timestamp("us", kind.tz), safe=False), "timestamptz" if kind.tz else "timestamp"
    return held_once(_trimmed(data.cast(pa.string()))), "text"


def _trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without white space at either end. Texts that begin and end with printable ASCII, as nearly all do, are told at a look."""
    return texts if all(_has_plain_ends(chunk) for chunk in texts.chunks) else pc.utf8_trim_whitespace(texts)


def _has_plain_ends(texts: pa.StringArray) -> bool:
    _valid, places, held = texts.buffers()
    if not len(texts) or not held:
        return True
    at = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    cells = np.frombuffer(held, np.uint8)
    # Beside an empty text the end of a neighbour is looked at, once more.
    return _lie_between("!", "~", cells[np.minimum(at[:-1], len(cells) - 1)]) and _lie_between("!", "~", cells[at[1:] - 1])


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Tables of the same columns as one, each column in one chunk."""
    if len(tables) == 1:
        return tables[0].combine_chunks()
    plain = [
        table.cast(pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]))
        for table in tables
    ]
    whole = pa.concat_tables(plain).combine_chunks()
    held_once = {column for table in tables for column in table.column_names if is_encoded(table[column])}
    columns = zip(whole.column_names, whole.columns, strict=True)
    return pa.table({column: encoded(data) if column in held_once else data for column, data in columns})


def _bytes_of(texts: pa.ChunkedArray) -> bytes:
    """All texts one after another; what stands in none of them stands here only where two of them meet."""
    return b"".join(buffer.to_pybytes() for chunk in texts.chunks if (buffer := chunk.buffers()[2]))


def _with_zone(texts: pa.ChunkedArray, longest: int) -> int:
    """Times that name their zone."""
    different = different_texts(texts)
    if longest > 19 or pc.any(pc.or_(pc.ends_with(different, "Z"), pc.match_substring(different, "+"))).as_py():
        return rows_where(texts, lambda some: pc.match_substring_regex(some, _ZONED))
    return 0


def _lie_between(first: str, last: str, cells: np.ndarray) -> bool:
    """Whether every byte is an ASCII character of this range."""
    return bool(cells.min(initial=ord(first)) >= ord(first) and cells.max(initial=ord(last)) <= ord(last))


def _misread(texts: pa.ChunkedArray) -> pa.Array:
    """Where a text is UTF-8 that somebody read as Latin-1 or Windows-1252 and saved again."""
    return pa.array([bool(text) and _was_misread(text) for text in texts.to_pylist()], pa.bool_())


def _was_misread(text: str) -> bool:
    if text.isascii() or max(text) > "\u2122" or not any("\xc2" <= char <= "\xf4" for char in text):
        return False
    for encoding in ("latin-1", "cp1252"):
        try:
            return not text.encode(encoding).decode("utf-8").isascii()
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return False
