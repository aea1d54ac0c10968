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
from custkit.intake.grammar import TOTAL_WORDS, Grammar, lit, name
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
    ]
)
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

    def check(self, second: int) -> None:
        """Raise CustkitError where the file's own sum or the second counter disagrees."""
        parts = self.blank + self.structural + self.accepted + self.quarantined
        if parts != self.records or second != self.records:
            raise CustkitError(
                f"{self.file}: the ledger does not balance: {self.records} records read, {second} counted by {self.counted_by}, {self.blank} blank + "
                f"{self.structural} structural + {self.accepted} accepted + {self.quarantined} quarantined"
            )


def field_type(table: str, canonical: str) -> str:
    """`decimal`, `timestamp`, `int64`, `float64`, `boolean` or `string` of a field that a file may feed."""
    if canonical in TABLES[table].by_name:
        return TABLES[table].by_name[canonical].type.split("(")[0]
    assert canonical in CARRIED[table]
    return "decimal" if canonical == "unit_price" else "string"


SQL_TYPES = {
    "decimal": "DECIMAL(18, 4)", "timestamp": "TIMESTAMP", "int64": "BIGINT", "float64": "DOUBLE", "boolean": "BOOLEAN", "string": "VARCHAR",
}  # fmt: skip


def required_fields(source: Source) -> tuple[str, ...]:
    """Mapped fields that no accepted row may lack."""
    mapped = source.columns
    needed = [c.name for c in TABLES[source.table].columns if c.required and c.name in mapped]
    if source.table == "campaign_contacts" or "amount" in mapped or source.table != "order_lines":
        return tuple(needed)
    if "gross_amount" in mapped:
        return (*needed, "gross_amount")
    return (*needed, *(f for f in ("quantity", "unit_price") if f in mapped))


def stage(con: duckdb.DuckDBPyConnection, client: Client, inputs: list[Input], tick: Tick) -> list[FileCount]:
    """Read every input into `staged_<table>` and the rows set aside into `quarantine`; the count of every file."""
    con.execute(
        'CREATE TABLE quarantine ("table" VARCHAR, file VARCHAR, line BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR, amount DECIMAL(18, 4))'
    )
    for table in dict.fromkeys(source.table for source in client.sources):
        fields = dict.fromkeys(f for source in client.sources if source.table == table for f in source.columns)
        columns = ", ".join(f"{name(f)} {SQL_TYPES[field_type(table, f)]}" for f in fields)
        con.execute(f"CREATE TABLE {name('staged_' + table)} (_source INTEGER, {columns})")
    return [_File(con, client, one, tick).read() for one in inputs]


class _File:
    def __init__(self, con: duckdb.DuckDBPyConnection, client: Client, one: Input, tick: Tick) -> None:
        self.con, self.client, self.input, self.tick = con, client, one, tick
        self.source = client.sources[one.source]
        self.count = FileCount(self.source.table, one.source, one.name, one.sha256)
        self.failures: dict[str, int] = {}

    def read(self) -> FileCount:
        reading: Reading = READERS[self.input.format](self.input.path, self.source)
        for block in reading.blocks:
            self._take(block, reading)
            self.tick(self.input.name, block.read_bytes)
        if not self.input.unchanged():
            raise BadInput(f"{self.input.path}: was written to while it was read; run again when the export is complete")
        if self.count.records == self.count.blank and self.source.table == "order_lines" and not self.source.optional:
            raise BadInput(f"{self.input.path}: has a header and no rows; export it again, or set `optional: true` for this source")
        second, how = count_records(self.input, self.source, self.count.blank)
        self.count.counted_by = how
        self.count.check(second)
        return self.count

    def _take(self, block: Block, reading: Reading) -> None:
        count = self.count
        count.records += block.records
        count.blank += block.blank
        if block.aside:
            self._set_aside([(a.line, None, a.value, a.reason, None) for a in block.aside])
        if not block.table.num_rows:
            return
        table, kinds = _prepared(text_of_floats(block.table, self._read_as_text(reading)))
        self.con.register("block", pa.Table.from_batches(table.to_batches(max_chunksize=122_880), table.schema))
        try:
            self._type(table.num_rows, kinds, block.has_control, reading)
        finally:
            self.con.unregister("block")

    def _read_as_text(self, reading: Reading) -> set[str]:
        """Columns whose numbers are names or need the client's dictionary."""
        return {
            f"c{place}"
            for f, place in reading.places.items()
            if field_type(self.source.table, f) == "string" or self.source.columns[f].null or self.source.columns[f].values
        }

    def _type(self, rows: int, kinds: dict[str, str], has_control: bool, reading: Reading) -> None:
        texts, values, failures = [], [], []
        grammars: dict[str, Grammar] = {}
        raws: dict[str, str] = {}
        required = required_fields(self.source)
        for i, (canonical, given) in enumerate(self.source.columns.items()):
            kind = field_type(self.source.table, canonical)
            grammar = Grammar(kind, given, canonical, self.client.currency, self.client.time_zone, _is_money(canonical, kind))
            grammars[canonical] = grammar
            text, value = f"t{i}", name(canonical)
            if given.column is None:
                raw, raw_kind = lit(given.value or ""), "text"
            else:
                raw = f"c{reading.places[canonical]}"
                raw_kind = kinds[raw]
            raws[canonical] = raw
            direct = None if given.null or given.values else grammar.direct(text, raw_kind)
            if direct is not None:
                texts.append(f"{raw} AS {text}")
                values.append(f"{direct} AS {value}")
            else:
                texts.append(f"{_meant(raw, raw_kind, grammar)} AS {text}")
                values.append(f"{grammar.value(text)} AS {value}")
            if kind != "string" or grammar.value("t") != "t":
                failures.append(f"WHEN {text} IS NOT NULL AND {value} IS NULL THEN {2 * i}")
            if has_control and raw_kind == "text" and kind == "string" and given.column is not None:
                failures.insert(0, f"WHEN regexp_matches({text}, {lit(_CONTROL)}) THEN {2 * i}")
            if canonical in required:
                failures.append(f"WHEN {text} IS NULL THEN {2 * i + 1}")
        bad = f"CASE {' '.join(failures)} END" if failures else "CAST(NULL AS INTEGER)"
        fields = ", ".join(name(f) for f in self.source.columns)
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE piece AS SELECT *, {bad} AS _bad FROM "
            f"(SELECT *, {', '.join(values)} FROM (SELECT {LINE}, {', '.join(texts)} FROM block))"
        )
        self.con.execute(
            f"INSERT INTO {name('staged_' + self.source.table)} BY NAME SELECT {self.input.source}::INTEGER AS _source, {fields} FROM piece WHERE _bad IS NULL"
        )
        (failed,) = self.con.execute("SELECT count(_bad) FROM piece").fetchone() or (0,)
        self.count.accepted += rows - failed
        if failed:
            self._explain(grammars, raws, kinds, reading)

    def _explain(self, grammars: dict[str, Grammar], raws: dict[str, str], kinds: dict[str, str], reading: Reading) -> None:
        """Name the reason of every row that failed; titles repeated and totals are structure, not data."""
        reasons, columns, shown = [], [], []
        for i, (canonical, grammar) in enumerate(grammars.items()):
            text, raw = f"p.t{i}", raws[canonical]
            control = f"WHEN regexp_matches(CAST({text} AS VARCHAR), {lit(_CONTROL)}) THEN 'control_character' "
            excel = f"WHEN regexp_full_match(CAST({text} AS VARCHAR), '#(N/A|REF!|DIV/0!|VALUE!|NAME[?]|NULL!|NUM!)') THEN 'excel_error' "
            given = grammar.reason(f"CAST({text} AS VARCHAR)")
            reasons.append(f"WHEN {2 * i} THEN CASE {control}{excel}ELSE {given} END WHEN {2 * i + 1} THEN 'missing_required'")
            column = lit(grammar.map.column or canonical)
            columns.append(f"WHEN {2 * i} THEN {column} WHEN {2 * i + 1} THEN {column}")
            at = f"b.{raw}" if grammar.map.column is not None else raw
            shown.append(f"WHEN {2 * i} THEN CAST({at} AS VARCHAR) WHEN {2 * i + 1} THEN CAST({at} AS VARCHAR)")
        header = " AND ".join(
            f"CAST(b.c{place} AS VARCHAR) = {lit(reading.header[place].strip())}" for place in sorted(set(reading.places.values()))
        )
        cells = [f"lower(rtrim(CAST(b.{c} AS VARCHAR), ':： '))" for c in kinds]
        total = " OR ".join(f"{cell} IN ({', '.join(lit(w) for w in TOTAL_WORDS)})" for cell in cells)
        case = "CASE p._bad {} END"
        rows = self.con.execute(
            f"SELECT p.{LINE}, {case.format(' '.join(columns))}, {case.format(' '.join(shown))}, "
            f"CASE WHEN {header} THEN 'repeated_header' WHEN {total} THEN 'total_row' ELSE {case.format(' '.join(reasons))} END, "
            f"{self._known_amount()} FROM piece p JOIN block b USING ({LINE}) WHERE p._bad IS NOT NULL"
        ).fetchall()
        self._set_aside(rows)

    def _known_amount(self) -> str:
        if self.source.table != "order_lines":
            return "CAST(NULL AS DECIMAL(18, 4))"
        mapped = self.source.columns
        if "amount" in mapped:
            return "p.amount"
        if "unit_price" in mapped:
            quantity = "p.quantity" if "quantity" in mapped else "1"
            return f"CAST({quantity} * p.unit_price AS DECIMAL(18, 4))"
        return "p.gross_amount" if "gross_amount" in mapped else "CAST(NULL AS DECIMAL(18, 4))"

    def _set_aside(self, rows: list[tuple[int, str | None, str | None, str, object]]) -> None:
        for _line, _column, _value, reason, _amount in rows:
            self.count.reasons[reason] = self.count.reasons.get(reason, 0) + 1
            if reason in STRUCTURAL:
                self.count.structural += 1
            else:
                self.count.quarantined += 1
        lines, columns, values, reasons, amounts = (list(part) for part in zip(*rows, strict=True))
        aside = pa.table(
            [
                [self.source.table] * len(rows),
                [self.input.name] * len(rows),
                lines,
                columns,
                [v if v is None else v[:200] for v in values],
                reasons,
                amounts,
            ],
            schema=QUARANTINE,
        )
        self.con.register("aside", aside)
        self.con.execute("INSERT INTO quarantine SELECT * FROM aside")
        self.con.unregister("aside")


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


def _prepared(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """Text trimmed, dictionaries and odd types unfolded; each column's kind: text, float, int, bool, date, timestamp, timestamptz, other."""
    columns: dict[str, pa.ChunkedArray] = {}
    kinds: dict[str, str] = {}
    for column in table.column_names:
        data = table[column]
        if pa.types.is_dictionary(data.type):
            data = data.cast(data.type.value_type)
        kind = data.type
        if column == LINE:
            columns[column] = data
            continue
        if (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
            or pa.types.is_null(kind)
        ):
            columns[column], kinds[column] = pc.utf8_trim_whitespace(data.cast(pa.string())), "text"
        elif pa.types.is_floating(kind):
            columns[column], kinds[column] = pc.if_else(pc.is_nan(data), None, data), "float"
        elif pa.types.is_integer(kind):
            columns[column], kinds[column] = data, "int"
        elif pa.types.is_boolean(kind):
            columns[column], kinds[column] = data, "bool"
        elif pa.types.is_date(kind):
            columns[column], kinds[column] = data.cast(pa.date32()), "date"
        elif pa.types.is_timestamp(kind):
            columns[column] = data.cast(pa.timestamp("us", kind.tz), safe=False)
            kinds[column] = "timestamptz" if kind.tz else "timestamp"
        else:
            columns[column], kinds[column] = data.cast(pa.string()), "text"
    return pa.table(columns), kinds


def text_of_floats(table: pa.Table, columns: set[str]) -> pa.Table:
    """The float columns named, as exact text."""
    for i, column in enumerate(table.column_names):
        if column in columns and pa.types.is_floating(table[column].type):
            table = table.set_column(i, column, number_text(table[column]))
    return table
