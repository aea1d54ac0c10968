"""An Ibis connection and the two ways out of it: `fetch` (exact, Arrow) and `frame` (small, for people).

What DuckDB, Spark and PostgreSQL do differently is met here once; docs/engines.md lists the rest.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis.backends import BaseBackend
from ibis.common.deferred import deferrable

from custkit.client import Engine
from custkit.errors import BadInput


def connect(engine: Engine | None = None) -> BaseBackend:
    """A connection of the kind the client file names; DuckDB inside the process by default.

    Raises BadInput naming the extra to install or the environment variable to set.
    """
    engine = engine or Engine()
    if engine.kind == "duckdb":
        con = ibis.duckdb.connect()
        con.raw_sql("SET preserve_insertion_order = false").fetchall()
        # Off in a notebook anyway, where DuckDB refuses to touch the setting unless ipywidgets are there.
        if con.raw_sql("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
            con.raw_sql("SET enable_progress_bar = false").fetchall()
        return con
    try:
        if engine.kind == "spark":
            return ibis.pyspark.connect(_spark_session(engine.master))
        return ibis.postgres.connect(**_postgres_address(engine))
    except ImportError as error:
        raise BadInput(f"engine {engine.kind} is not installed; run: pip install 'custkit[{engine.kind}]'") from error


def _spark_session(master: str) -> Any:
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master(master)
        .appName("custkit")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "2g")
        .getOrCreate()
    )


def _postgres_address(engine: Engine) -> dict[str, Any]:
    from urllib.parse import unquote, urlsplit

    variable = (engine.url or "").removeprefix("env:")
    address = os.environ.get(variable)
    if not address:
        raise BadInput(
            f"engine postgres: set `engine.url: env:NAME` in client.yml and NAME in the environment ({variable or 'none'} is empty)"
        )
    parts = urlsplit(address)
    return {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "database": parts.path.lstrip("/") or None,
    }


def load(con: BaseBackend, name: str, data: Path | pa.Table, *, schema: ibis.Schema | None = None) -> ir.Table:
    """Put a Parquet file or an Arrow table on the engine under `name`; nulls, decimals and times survive.

    DuckDB and Spark read the file in place; PostgreSQL gets a temporary table by COPY.
    """
    if con.name == "duckdb" and isinstance(data, Path):
        return con.read_parquet(data, table_name=name)
    if con.name == "pyspark":
        return _load_spark(con, name, data)
    table = pq.read_table(data) if isinstance(data, Path) else data
    schema = schema or ibis.Schema.from_pyarrow(table.schema)
    if con.name == "postgres":
        return _load_postgres(con, name, table, schema)
    return con.create_table(name, table, schema=schema, overwrite=True)


def _load_spark(con: Any, name: str, data: Path | pa.Table) -> ir.Table:
    if isinstance(data, Path):
        view = con._session.read.parquet(str(data))
    else:
        view = con._session.createDataFrame(data)
    view.createOrReplaceTempView(name)
    return con.table(name)


def _load_postgres(con: Any, name: str, table: pa.Table, schema: ibis.Schema) -> ir.Table:
    from io import BytesIO

    from pyarrow import csv

    con.create_table(name, schema=schema, temp=True, overwrite=True)
    text = BytesIO()
    csv.write_csv(table, text, csv.WriteOptions(include_header=False, quoting_style="needed"))
    columns = ", ".join('"' + column.replace('"', '""') + '"' for column in table.column_names)
    with con.con.cursor() as cursor, cursor.copy(f'COPY "{name}" ({columns}) FROM STDIN (FORMAT csv)') as copy:
        copy.write(text.getvalue())
    con.con.commit()
    return con.table(name)


def fetch(expr: ir.Table) -> pa.Table:
    """Run `expr` and return it exactly: decimals stay decimals. NaN becomes null.

    Floats are cast on the engine first, because PostgreSQL answers some of them as numeric.
    """
    types = expr.schema()
    finished = expr.select(
        **{name: ops.Cast(expr[name], to="float64").to_expr() if types[name].is_floating() else expr[name] for name in types}
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)  # ibis 12 calls duckdb by its old name
        table = finished.to_pyarrow()
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table[field.name]
            table = table.set_column(i, field.name, pc.if_else(pc.is_nan(column), None, column))
    return table


def frame(expr: ir.Table) -> pd.DataFrame:
    """Run `expr` and return a small frame for people: money and quantities as float64, counts as int64 where none is missing."""
    table = fetch(expr)
    for i, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(i, field.name, table[field.name].cast(pa.float64()))
    return table.to_pandas(date_as_object=False)


@deferrable
def to_float(value: Any) -> Any:
    """`value` (a column or `_.name`) as float64, before any arithmetic: the portable spelling of a division's numerator and of a mean."""
    return ops.Cast(value, to="float64").to_expr()
