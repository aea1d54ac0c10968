"""Blocks of cells → typed rows on the engine; what a grammar refuses is set aside with its place, value and reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from custkit.client import Client, Source
from custkit.errors import BadInput, CustkitError
from custkit.intake.block import LINE, Block, Reading
from custkit.intake.counters import count_records
from custkit.intake.delimited import read_delimited
from custkit.intake.excel import number_text, read_excel
from custkit.intake.grammar import TOTAL_WORDS, WORDS, Grammar, lit, name
from custkit.intake.inputs import Input
from custkit.intake.parquet import read_parquet
from custkit.tables import CARRIED, TABLES

READERS = {"csv": read_delimited, "excel": read_excel, "parquet": read_parquet}
MONEY_FIELDS = ("amount", "unit_price", "unit_cost")
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
BATCH = 250_000
Row = tuple[int, int, str | None, str | None, str, object, object]
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
Tick = Callable[[str, int], None]


@dataclass
class FileCount:
    """One file in the ledger: records = blank + structural + accepted + quarantined, counted twice."""

    table: str
    source: int
    file: str
    sha256: str
    records: int = 0
    blank: int = 0
    structural: int = 0
    accepted: int = 0
    quarantined: int = 0
    counted_by: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    months: dict[str, int] = field(default_factory=dict)  # accepted rows by the month of their time, "" where they have none

    def check(self, second: int) -> None:
        """Raise CustkitError where the file's own sum or the second counter disagrees."""
        parts = self.blank + self.structural + self.accepted + self.quarantined
        if parts != self.records or second != self.records:
            raise CustkitError(
                f"{self.file}: the ledger does not balance: {self.records} records read, {second} counted by "
                f"{self.counted_by}, {self.blank} blank + "
                f"{self.structural} structural + {self.accepted} accepted + {self.quarantined} quarantined"
            )


def field_type(table: str, canonical: str) -> str:
    """`decimal`, `timestamp`, `int64`, `float64`, `boolean` or `string` of a field that a file may feed."""
    if canonical in TABLES[table].by_name:
        return TABLES[table].by_name[canonical].type.split("(")[0]
    assert canonical in CARRIED[table]
    return "decimal" if canonical == "unit_price" else "string"


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
    keys = TABLES[source.table].key if source.table != "order_lines" else ()
    needed = [c.name for c in TABLES[source.table].columns if (c.required or c.name in keys) and c.name in mapped]
    if source.table == "campaign_contacts" or "amount" in mapped or source.table != "order_lines":
        return tuple(needed)
    if "gross_amount" in mapped:
        return (*needed, "gross_amount")
    return (*needed, *(f for f in ("quantity", "unit_price") if f in mapped))


def stage(con: duckdb.DuckDBPyConnection, client: Client, inputs: list[Input], tick: Tick) -> list[FileCount]:
    """Read every input into `staged_<table>` and the rows set aside into `quarantine`; the count of every file.

    Raises BadInput for a file that changes while it is read, CustkitError where two counts of a file differ.
    """
    con.execute(
        'CREATE TABLE quarantine ("table" VARCHAR, file VARCHAR, line BIGINT, "column" VARCHAR, value VARCHAR, reason '
        "VARCHAR, amount DECIMAL(18, 4), dated_at TIMESTAMP)"
    )
    for table in dict.fromkeys(source.table for source in client.sources):
        fields = dict.fromkeys(f for source in client.sources if source.table == table for f in source.columns)
        columns = ", ".join(f"{name(f)} {SQL_TYPES[field_type(table, f)]}" for f in fields)
        con.execute(f"CREATE TABLE {name('staged_' + table)} (_source INTEGER, {columns})")
    counts = [FileCount(client.sources[one.source].table, one.source, one.name, one.sha256) for one in inputs]
    typist = _Typist(con, client, inputs, counts)
    filled: dict[int, int | None] = {}
    for number, (one, count) in enumerate(zip(inputs, counts, strict=True)):
        source = client.sources[one.source]
        reading: Reading = READERS[one.format](one.path, source)
        filled[number] = reading.filled
        for block in reading.blocks:
            count.records += block.records
            count.blank += block.blank
            typist.take(number, block, reading)
            tick(one.name, block.read_bytes)
        if not one.unchanged():
            raise BadInput(f"{one.path}: was written to while it was read; run again when the export is complete")
        if count.records == count.blank and source.table == "order_lines" and not source.optional:
            raise BadInput(f"{one.path}: has a header and no rows; export it again, or set `optional: true` for this source")
    typist.flush()
    for number, (one, count) in enumerate(zip(inputs, counts, strict=True)):
        second, count.counted_by = count_records(one, client.sources[one.source], count.blank, filled[number])
        count.check(second)
    return counts


class _Typist:
    """Gathers blocks of one source and shape, over several files where they are small, and types them in one go."""

    def __init__(self, con: duckdb.DuckDBPyConnection, client: Client, inputs: list[Input], counts: list[FileCount]) -> None:
        self.con, self.client, self.inputs, self.counts = con, client, inputs, counts
        self.shape: tuple[int, tuple[tuple[str, str], ...]] | None = None
        self.waiting: list[pa.Table] = []
        self.with_control: set[str] = set()
        self.with_exponent: set[str] = set()
        self.with_error: set[str] = set()

    def take(self, number: int, block: Block, reading: Reading) -> None:
        if block.aside:
            self._set_aside([(number, a.line, None, a.value, a.reason, None, None) for a in block.aside])
        if not block.table.num_rows:
            return
        source = self.client.sources[self.inputs[number].source]
        table, kinds = _prepared(block.table, source, reading.places)
        shape = (self.inputs[number].source, tuple(kinds.items()))
        if shape != self.shape:
            self.flush()
            self.shape = shape
        self.waiting.append(table.append_column(FILE, pa.repeat(pa.scalar(number, pa.int32()), table.num_rows)))
        texts = [column for column, kind in kinds.items() if kind == "text"]
        self.with_control |= {column for column in texts if _has_control(table[column])}
        if self.inputs[number].format == "excel":
            self.with_error |= {column for column in texts if pc.any(pc.match_substring(table[column], "#")).as_py()}
        self.with_exponent |= {column for column in texts if pc.any(pc.match_substring(table[column], "+")).as_py()}
        if sum(t.num_rows for t in self.waiting) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Type what is waiting."""
        if not self.waiting or self.shape is None:
            return
        table = pa.concat_tables(self.waiting)
        number, kinds = self.shape
        self.con.register("block", pa.Table.from_batches(table.to_batches(max_chunksize=61_440), table.schema))
        try:
            self._type(number, dict(kinds))
        finally:
            self.con.unregister("block")
            self.waiting, self.with_control, self.with_exponent, self.with_error = [], set(), set(), set()

    def _type(self, number: int, kinds: dict[str, str]) -> None:
        source = self.client.sources[number]
        fields = {f: Grammar(k, m, f, self.client.currency, self.client.time_zone, _is_money(f, k))
                  for f, m in source.columns.items() for k in (field_type(source.table, f),)}  # fmt: skip
        texts, plains, raws, values, failures = [], [], [], [], []
        required = required_fields(source)
        for i, (f, grammar) in enumerate(fields.items()):
            t, p, r, v = f"t{i}", f"p{i}", f"r{i}", name(f)
            kind = kinds.get(f"c_{f}", "text")
            cell = lit(grammar.map.value or "") if grammar.map.column is None else name(f"c_{f}")
            direct = None if grammar.map.null or grammar.map.values else grammar.direct(t, kind)
            texts.append(f"{cell if direct is not None else _meant(cell, kind, grammar)} AS {t}")
            plains.append(f"{'NULL' if direct is not None else grammar.plain(t)} AS {p}")
            raws.append(f"{direct if direct is not None else grammar.raw(p)} AS {r}")
            values.append(f"{grammar.value(r)} AS {v}")
            if f in required:
                failures.append(f"WHEN {t} IS NULL THEN {2 * i + 1}")
            if f"c_{f}" in self.with_control and grammar.kind == "string":
                failures.append(f"WHEN regexp_matches({t}, {lit(_CONTROL)}) THEN {2 * i}")
            if f"c_{f}" in self.with_error and grammar.kind == "string":
                failures.append(f"WHEN regexp_full_match({t}, {lit(_EXCEL_ERROR)}) THEN {2 * i}")
            if f"c_{f}" in self.with_exponent and f.endswith("_id"):
                failures.append(f"WHEN regexp_full_match({t}, {lit(_DIGITS_LOST)}) THEN {2 * i}")
            if grammar.kind != "string" or f in WORDS:
                failures.append(f"WHEN {t} IS NOT NULL AND {v} IS NULL THEN {2 * i}")
        bad = f"CASE {' '.join(failures)} END" if failures else "CAST(NULL AS INTEGER)"
        layers = f"SELECT {FILE}, {LINE}, {', '.join(texts)} FROM block"
        for layer in (plains, raws, values):
            layers = f"SELECT *, {', '.join(layer)} FROM ({layers})"
        columns = ", ".join(name(f) for f in fields)
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE piece AS SELECT {FILE}, {LINE}, {columns}, {bad} AS _bad FROM ({layers})")
        self.con.execute(
            f"INSERT INTO {name('staged_' + source.table)} BY NAME SELECT {number}::INTEGER AS _source, {columns} FROM piece "
            "WHERE _bad IS NULL"
        )
        month = f"strftime({_time(source)}, '%Y-%m')"
        good = self.con.execute(f"SELECT {FILE}, coalesce({month}, ''), count(*), count(_bad) FROM piece GROUP BY 1, 2").fetchall()
        for file, month, rows, failed in good:
            count = self.counts[file]
            count.accepted += rows - failed
            if rows > failed:
                count.months[month] = count.months.get(month, 0) + rows - failed
        if any(failed for _file, _month, _rows, failed in good):
            self._explain(source, fields, kinds)

    def _explain(self, source: Source, fields: dict[str, Grammar], kinds: dict[str, str]) -> None:
        """Name the reason of every row that failed; titles repeated and totals are structure, not data."""
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE failed AS SELECT b.*, p._bad, {_known_amount(source)} AS _amount, {_time(source, 'p.')} AS _at "
            f"FROM block b JOIN piece p USING ({FILE}, {LINE}) WHERE p._bad IS NOT NULL"
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
            text = _meant(cell, kinds.get(f"c_{f}", "text"), grammar)
            reason = (
                "'missing_required'"
                if bad % 2
                else (
                    f"CASE WHEN regexp_matches({text}, {lit(_CONTROL)}) THEN 'control_character' "
                    f"WHEN regexp_full_match({text}, {lit(_DIGITS_LOST)}) THEN 'id_digits_lost' "
                    f"WHEN regexp_full_match({text}, {lit(_EXCEL_ERROR)}) THEN 'excel_error' ELSE {grammar.reason(text)} END"
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


def _known_amount(source: Source) -> str:
    """SQL of what a failed line would have brought in, where that much can be read."""
    mapped = source.columns
    if source.table == "order_lines":
        if "amount" in mapped:
            return "p.amount"
        if "unit_price" in mapped:
            return f"CAST({'p.quantity' if 'quantity' in mapped else '1'} * p.unit_price AS DECIMAL(18, 4))"
        if "gross_amount" in mapped:
            return "p.gross_amount"
    return "CAST(NULL AS DECIMAL(18, 4))"


def _time(source: Source, prefix: str = "") -> str:
    """SQL of the time by which a row lies before or after the end of a month; null where the file has none."""
    time = TABLES[source.table].time
    return f"{prefix}{name(time)}" if time and time in source.columns else "CAST(NULL AS TIMESTAMP)"


def _is_money(canonical: str, kind: str) -> bool:
    return kind == "decimal" and (canonical in MONEY_FIELDS or canonical.endswith("_amount"))


def _meant(raw: str, kind: str, grammar: Grammar) -> str:
    """SQL of a cell's text, null where it is empty or says "not known", in our words where the client file has a dictionary."""
    text = raw if kind == "text" else f"CAST({raw} AS VARCHAR)"
    text = f"nullif({text}, '')"
    if grammar.map.null:
        text = f"CASE WHEN {text} IN ({', '.join(lit(t) for t in grammar.map.null)}) THEN NULL ELSE {text} END"
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
    for f, place in {"": 0, **places}.items():
        data = table[f"c{place}"] if f"c{place}" in table.column_names else pa.nulls(table.num_rows, pa.string())
        given = source.columns.get(f)
        as_text = given is None or field_type(source.table, f) == "string" or bool(given.null or given.values)
        column = f"c_{f}"
        columns[column], kinds[column] = _cells(data, as_text=as_text)
    return pa.table(columns), kinds


def _cells(data: pa.ChunkedArray, *, as_text: bool) -> tuple[pa.ChunkedArray, str]:
    if pa.types.is_dictionary(data.type):
        data = data.cast(data.type.value_type)
    kind = data.type
    if pa.types.is_floating(kind):
        return (number_text(data), "text") if as_text else (pc.if_else(pc.is_nan(data), None, data.cast(pa.float64())), "float")
    if pa.types.is_integer(kind):
        return data, "int"
    if pa.types.is_boolean(kind):
        return data, "bool"
    if pa.types.is_date(kind):
        return data.cast(pa.date32()), "date"
    if pa.types.is_timestamp(kind):
        return data.cast(pa.timestamp("us", kind.tz), safe=False), "timestamptz" if kind.tz else "timestamp"
    return pc.utf8_trim_whitespace(data.cast(pa.string())), "text"


def _has_control(column: pa.ChunkedArray | pa.Array) -> bool:
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    buffers = [chunk.buffers()[2] for chunk in chunks]
    return any(len(data.translate(None, CONTROLS)) != len(data) for data in (buffer.to_pybytes() for buffer in buffers if buffer))
