"""Intake of a generated export: time and peak memory, beside DuckDB's own lenient reading of the same file.

python benchmarks/intake.py [LINES]     2,000,000 by default

What strictness costs: `strict`, our reading into typed tables with every record counted twice, beside `lenient`, DuckDB's into a table.
What intake costs: the whole of it beside `count`, a count and a sum that keep nothing, and `written`, the table a consultant would write,
typed and in the order of time, which numbers no order, names no customer otherwise and folds nothing. Seconds by the clock and of all
cores, without imports. The two readings take turns, five times; the ratio is the middle one of the five.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
import pandas  # noqa: F401  Arrow imports it with its first array

from custkit.client import Client, load_client
from custkit.intake import take_snapshot
from custkit.intake.inputs import find_inputs
from custkit.intake.staging import stage

CLIENT = """
name: Benchmark
currency: EUR
data: .
sources:
  - table: order_lines
    files: lines.csv
    columns:
      {order_id: order, ordered_at: at, customer_id: customer, product_id: product, quantity: pieces, unit_price: price, channel: channel}
"""


MONEY = {"quantity": "pieces", "unit_price": "price", "amount": "pieces * price"}


def write(path: Path, lines: int) -> None:
    """Some four lines an order, one customer in eight orders, one product name in five in quotes."""
    duckdb.sql(
        f"""COPY (SELECT printf('%08d', i // 4) AS "order",
        strftime(TIMESTAMP '2024-01-01' + to_seconds((i // 4) * 100), '%Y-%m-%d %H:%M:%S') AS at,
        printf('c%06d', hash(i // 4) % greatest(1, {lines} // 32)) AS customer,
        CASE WHEN i % 5 = 0 THEN 'tea, ' ELSE 'jam ' END || hash(i) % 2000 AS product,
        1 + hash(i + 7) % 5 AS pieces, printf('%d.%02d', hash(i + 1) % 90, hash(i + 2) % 100) AS price,
        CASE WHEN hash(i // 4) % 3 = 0 THEN 'web' ELSE 'shop' END AS channel FROM range({lines}) t(i)) TO '{path}' (HEADER)"""
    )


def lenient(path: Path) -> str:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE lines AS FROM read_csv('{path}')")
        rows, total = con.execute("SELECT count(*), sum(pieces * price) FROM lines").fetchone() or (0, 0)
    return f"{rows:,} lines, {total:,.2f}"


def counted(path: Path) -> str:
    rows, total = duckdb.sql(f"SELECT count(*), sum(pieces * price) FROM (SELECT * FROM read_csv('{path}'))").fetchone() or (0, 0)
    return f"{rows:,} lines, {total:,.2f}"


def written(path: Path) -> str:
    """The same reading kept: money as DECIMAL(18, 4), lines in the order of time, Parquet as intake packs it."""
    money = ", ".join(f"CAST({what} AS DECIMAL(18, 4)) AS {name}" for name, what in MONEY.items())
    out = path.with_suffix(".parquet")
    duckdb.sql(
        f"""COPY (SELECT "order" AS order_id, "at" AS ordered_at, customer AS customer_id, product AS product_id, channel, {money}
        FROM read_csv('{path}') ORDER BY ordered_at, order_id) TO '{out}' (COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    )
    rows, total = duckdb.sql(f"SELECT count(*), sum(amount) FROM '{out}'").fetchone() or (0, 0)
    return f"{rows:,} lines, {total:,.2f}"


def client_of(path: Path) -> Client:
    (path.parent / "client.yml").write_text(CLIENT)
    return load_client("benchmark", path=path.parent / "client.yml")


def strict(path: Path) -> str:
    client = client_of(path)
    with duckdb.connect() as con:
        (file,), _notes = stage(con, client, find_inputs(client, path.with_suffix(".inputs")), lambda _label, _bytes: None)
        (total,) = con.execute("SELECT sum(quantity * unit_price) FROM staged_order_lines").fetchone() or (0,)
    return f"{file.accepted:,} lines, {total:,.2f}"


def intake(path: Path) -> str:
    lines = take_snapshot(client_of(path), progress=False).manifest["ledger"]["tables"]["order_lines"]
    return f"{lines['rows']:,} lines, {float(lines['revenue']):,.2f}"


TURNS = 5
RUNS = {"count": counted, "lenient": lenient, "strict": strict, "written": written, "intake": intake}


def main() -> None:
    if len(sys.argv) > 2:
        start, used = time.perf_counter(), time.process_time()
        found = RUNS[sys.argv[1]](Path(sys.argv[2]))
        clock, cores = time.perf_counter() - start, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{clock} {cores} {peak} {found}")
        return
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines.csv")
        write(path, lines)
        print(f"{lines:,} lines, {path.stat().st_size / 1e6:,.0f} MB")
        took: dict[str, list[tuple[float, float]]] = {what: [] for what in RUNS}
        for what in ("count", *TURNS * ("lenient", "strict"), "written", "intake"):
            took[what].append(_run(what, what, path))
        _run("again", "intake", path)
    for mine, rival, says in (
        ("strict", "lenient", "strict reading takes {} times as long as lenient reading"),
        ("intake", "count", "intake takes {} times as long as a count and a sum"),
        ("intake", "written", "intake takes {} times as long as a lenient reading that is written"),
    ):
        clock, cores = (median(one[i] / other[i] for one, other in zip(took[mine], took[rival], strict=True)) for i in (0, 1))
        print(f"{says.format(f'{clock:.1f}')} by the clock, {cores:.1f} times in seconds of all cores")


def _run(label: str, what: str, path: Path) -> tuple[float, float]:
    settings = {**os.environ, "CUSTKIT_HOME": str(path.parent), "CUSTKIT_KEYS": str(path.parent / "keys")}
    told = subprocess.run([sys.executable, __file__, what, str(path)], check=True, env=settings, capture_output=True, text=True).stdout
    clock, cores, peak, found = told.split(" ", 3)
    print(f"{label:8} {float(clock):6.1f} s {float(cores):6.1f} s of all cores {float(peak):7,.0f} MiB  {found.strip()}", flush=True)
    return float(clock), float(cores)


if __name__ == "__main__":
    main()
