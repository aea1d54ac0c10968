"""Rows on the engine → Parquet with page checksums, in one fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from custkit.intake.ahead import ahead
from custkit.intake.grammar import name
from custkit.tables import SENT

ROW_GROUP = 262_144
ORDER_BY = {
    "order_lines": "",  # as they stand
    "orders": "ORDER BY ordered_at, order_id",
}


def write_table(con: duckdb.DuckDBPyConnection, table: str, rows: str, folder: Path) -> int:
    """Write `rows` as the canonical `table`; how many there are."""
    schema = SENT[table].arrow_schema
    has = {c for (c,) in con.execute(f"SELECT column_name FROM (DESCRIBE {name(rows)})").fetchall()}
    columns = ", ".join(f"CAST({name(f.name) if f.name in has else 'NULL'} AS {_sql_type(f.type)}) AS {name(f.name)}" for f in schema)
    keys = SENT[table].key
    usual = ", ".join(name(k) for k in ((SENT[table].time,) if SENT[table].time in has else ()) + keys if k)
    return write_query(
        con, f"SELECT {columns} FROM {name(rows)} {ORDER_BY.get(table, f'ORDER BY {usual}')}", schema, folder / f"{table}.parquet"
    )


def write_query(con: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema, path: Path) -> int:
    """Write the rows of `query`, in its order, to `path` in row groups of equal size."""
    rows = 0
    how = {"compression": "zstd", "compression_level": 1, "write_page_checksum": True, "store_decimal_as_integer": True}
    with pq.ParquetWriter(path, schema, **how) as writer:
        for group in ahead(_groups(con.execute(query).to_arrow_reader(ROW_GROUP), schema)):
            writer.write_table(group, ROW_GROUP)
            rows += group.num_rows
        if not rows:
            writer.write_table(schema.empty_table(), ROW_GROUP)
    return rows


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Batches of any size → tables of ROW_GROUP rows, the last one of the rest."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        waiting.append(batch)
        held += batch.num_rows
        while held >= ROW_GROUP:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, ROW_GROUP).cast(schema).combine_chunks()
            waiting = table.slice(ROW_GROUP).to_batches()
            held -= ROW_GROUP
    if held:
        yield pa.Table.from_batches(waiting).cast(schema).combine_chunks()


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    return {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "date32[day]": "DATE"}[str(kind)]


def file_sum(path: Path, column: str) -> Decimal:
    """Sum of a decimal column of a written file, by Arrow, page checksums verified."""
    total = Decimal(0)
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(columns=[column]):
            total += pc.sum(batch.column(0).cast(pa.decimal128(38, 4))).as_py() or Decimal(0)
    return total
