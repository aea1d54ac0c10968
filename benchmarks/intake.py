"""Intake of a generated export: time and peak memory, beside DuckDB's own lenient reading of the same file.

python benchmarks/intake.py [LINES]     2,000,000 by default
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

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
    rows, total = duckdb.sql(f"SELECT count(*), sum(pieces * price) FROM (SELECT * FROM read_csv('{path}'))").fetchone() or (0, 0)
    return f"{rows:,} lines, {total:,.2f}"


def intake(path: Path) -> str:
    from custkit.client import load_client
    from custkit.intake import take_snapshot

    (path.parent / "client.yml").write_text(CLIENT)
    client = load_client("benchmark", path=path.parent / "client.yml")
    lines = take_snapshot(client, progress=False).manifest["ledger"]["tables"]["order_lines"]
    return f"{lines['rows']:,} lines, {float(lines['revenue']):,.2f}"


def main() -> None:
    if len(sys.argv) > 2:
        start = time.perf_counter()
        found = {"lenient": lenient, "intake": intake}[sys.argv[1]](Path(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{sys.argv[1]:8} {time.perf_counter() - start:6.1f} s {peak:7,.0f} MiB  {found}")
        return
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lines.csv")
        write(path, lines)
        print(f"{lines:,} lines, {path.stat().st_size / 1e6:,.0f} MB")
        for what in ("lenient", "intake", "intake"):
            subprocess.run([sys.executable, __file__, what, str(path)], check=True, env={**os.environ, "CUSTKIT_HOME": folder})


if __name__ == "__main__":
    main()
