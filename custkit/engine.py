"""An Ibis connection and the two ways out of it: `fetch` (exact, Arrow) and `frame` (small, for people).

What DuckDB, Spark and PostgreSQL do differently is met here once; docs/engines.md lists the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import deque
from collections.abc import Iterable
from io import BytesIO
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
from custkit.errors import BadInput, with_extra
from custkit.locked import lock

# In Spark, what makes its answers those of the other engines …
_SPARK_ANSWERS = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
# … and what keeps it on this machine and quick there.
_SPARK_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",  # it writes into notebooks
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "2g",
}
_BATCH = 100_000


def connect(engine: Engine | None = None) -> BaseBackend:
    """A connection of the kind the client file names; DuckDB inside the process by default.

    Connections do not see each other's tables, and leave those that the client has in Spark or PostgreSQL as they are.

    Raises BadInput naming the extra to install, the environment variable to set, or why the engine does not answer.
    """
    engine = engine or Engine()
    if engine.kind == "duckdb":
        warnings.filterwarnings("ignore", "fetch_arrow_table", DeprecationWarning)  # ibis 12 calls duckdb by its old name
        con = ibis.duckdb.connect()
        con.raw_sql("SET preserve_insertion_order = false").fetchall()
        # Off in a notebook anyway, where DuckDB refuses to touch the setting unless ipywidgets are there.
        if con.raw_sql("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
            con.raw_sql("SET enable_progress_bar = false").fetchall()
        return con
    try:
        return _dropping_between_queries(_connect_spark(engine) if engine.kind == "spark" else _connect_postgres(engine))
    except ImportError as error:
        raise BadInput(f"engine {engine.kind} is not installed; {with_extra(engine.kind)}") from error


def _dropping_between_queries(con: BaseBackend) -> BaseBackend:
    """Cached tables that are let go are dropped when the next one is made.

    Ibis drops them where the garbage collector finds them. That may be while an answer is read over the same line, which neither Spark's
    nor PostgreSQL's is made for.
    """
    gone: deque[str] = deque()
    drop, create = con._drop_cached_table, con._create_cached_table

    def create_after(name: str, expr: ir.Table) -> ir.Table:
        while gone:
            drop(gone.popleft())
        return create(name, expr)

    vars(con).update(_drop_cached_table=gone.append, _create_cached_table=create_after)
    return con


def _connect_spark(engine: Engine) -> BaseBackend:
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(engine.master).appName("custkit")
    for key, value in (_SPARK_ANSWERS | _SPARK_LOCAL if engine.master.startswith("local") else _SPARK_ANSWERS).items():
        builder = builder.config(key, value)
    try:
        # A session of its own: in a shared one the second client's `orders` would be the first one's too.
        session = builder.getOrCreate().newSession()
        session.sparkContext.setLogLevel("ERROR")
    except PySparkRuntimeError as error:
        raise BadInput("engine spark does not start; it needs Java 17 or newer (see JAVA_HOME)") from error
    return ibis.pyspark.connect(session, **_SPARK_ANSWERS)


def _connect_postgres(engine: Engine) -> BaseBackend:
    address = _postgres_address(engine)
    from psycopg import OperationalError

    try:
        return ibis.postgres.connect(**address)
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"engine postgres, {engine.url}: no connection: {reason}") from error


def _postgres_address(engine: Engine) -> dict[str, Any]:
    from urllib.parse import parse_qsl, unquote, urlsplit

    variable = (engine.url or "").removeprefix("env:")
    address = os.environ.get(variable)
    if not address:
        raise BadInput(
            f"engine postgres: set `engine.url: env:NAME` in client.yml and NAME in the environment ({variable or 'none'} is empty)"
        )
    parts = urlsplit(address)
    try:
        port = parts.port or 5432
    except ValueError:  # a password with a / in it: the error would show a part of it
        port = 0
    if parts.scheme not in ("postgresql", "postgres") or not port:
        raise BadInput(
            f"engine postgres: ${variable} is no address; write postgresql://user:password@host:5432/database; in a password write "
            "%40 for @, %3A for :, %2F for / and %25 for %"
        )
    return {
        "host": parts.hostname,
        "port": port,
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "database": unquote(parts.path.lstrip("/")) or None,
        **dict(parse_qsl(parts.query)),
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
        view = con._session.read.parquet(re.sub(r"([\[\]{}*?\\])", r"\\\1", str(data)))  # a folder's name, not a pattern
    else:
        view = con._session.createDataFrame(data)
    view.createOrReplaceTempView(name)
    return con.table(name)


def _load_postgres(con: Any, name: str, table: pa.Table, schema: ibis.Schema) -> ir.Table:
    from pyarrow import csv

    # Not `create_table(overwrite=True)`: that drops the client's own table of this name.
    target = f'pg_temp."{_doubled(name)}"'
    with con.con.cursor() as cursor, con.con.transaction():
        cursor.execute(f"DROP TABLE IF EXISTS {target}")
        cursor.execute(f"CREATE TEMPORARY TABLE {target} ({', '.join(_postgres_columns(schema))})")
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)") as copy:
            for batch in table.select(list(schema)).to_batches(max_chunksize=_BATCH):
                text = BytesIO()
                csv.write_csv(batch, text, csv.WriteOptions(include_header=False, quoting_style="needed"))
                copy.write(text.getvalue())
        cursor.execute(f"ANALYZE {target}")  # nobody else does for a temporary table, and joins are planned blindly without
    return ops.DatabaseTable(name=name, schema=schema, source=con, namespace=ops.Namespace(database="pg_temp")).to_expr()


def _postgres_columns(schema: ibis.Schema) -> list[str]:
    # Text by code point, whatever the database's language sorts by: as in the other engines.
    return [
        definition.sql("postgres") + (' COLLATE "C"' if schema[definition.name].is_string() else "")
        for definition in schema.to_sqlglot_column_defs("postgres")
    ]


def _doubled(name: str) -> str:
    return name.replace('"', '""')


def keep_to(con: BaseBackend, files: Iterable[Path], spill: Path) -> None:
    """Shut DuckDB in with the `files` it has loaded: SQL from here on opens no other, and what memory does not hold goes to `spill`.

    Spark and PostgreSQL are the client's own and keep their own doors.
    """
    if con.name == "duckdb":
        lock(con.con, spill=spill, reads=files)


def beside(expr: ir.Table, data: pa.Table) -> ir.Table:
    """A small Arrow table on the engine where `expr` is computed, to be joined to it; the same data are put there once."""
    con = expr.get_backend()
    if con.name not in ("pyspark", "postgres"):
        return ibis.memtable(data)
    sink = BytesIO()
    with pa.ipc.new_stream(sink, data.schema) as stream:
        stream.write_table(data)
    return load(con, f"custkit_{hashlib.sha256(sink.getbuffer()).hexdigest()[:16]}", data)


def fetch(expr: ir.Table) -> pa.Table:
    """Run `expr` and return it exactly: decimals stay decimals. NaN becomes null.

    Floats are cast on the engine first, because PostgreSQL answers some of them as numeric.
    """
    types = expr.schema()
    finished = expr.select(
        **{name: ops.Cast(expr[name], to="float64").to_expr() if types[name].is_floating() else expr[name] for name in types}
    )
    con = finished.get_backend()
    table = _fetch_spark(con, finished) if con.name == "pyspark" else finished.to_pyarrow()
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table[field.name]
            table = table.set_column(i, field.name, pc.if_else(pc.is_nan(column), None, column))
    return table


def _fetch_spark(con: Any, expr: ir.Table) -> pa.Table:
    # Ibis goes through pandas here: slower, and a column of counts with a null in it becomes floats.
    con._run_pre_execute_hooks(expr)
    return con.raw_sql(con.compile(expr)).toArrow().cast(expr.schema().to_pyarrow())


def frame(expr: ir.Table) -> pd.DataFrame:
    """Run `expr` and return a small frame for people: money and quantities as float64, counts as int64 where none is missing."""
    table = fetch(expr)
    for i, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(i, field.name, table[field.name].cast(pa.float64()))
    return table.to_pandas(date_as_object=False)


@deferrable
def clipped(value: Any, lower: Any = None, upper: Any = None) -> Any:
    """`value` kept between the bounds, null where it is null. Ibis' own `clip` writes its value nine times, one inside another 81 times."""
    kept = value if lower is None else ibis.greatest(value, lower)
    return ibis.cases((value.notnull(), kept if upper is None else ibis.least(kept, upper)))


@deferrable
def to_float(value: Any) -> Any:
    """`value` (a column or `_.name`) as float64, before any arithmetic: the portable spelling of a division's numerator and of a mean."""
    return ops.Cast(value, to="float64").to_expr()
