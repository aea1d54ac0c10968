"""A client of tiny files: write them, take the snapshot, look at what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pyarrow.parquet as pq
import pytest
from exports import Content, put

from custkit.client import load_client
from custkit.intake import Snapshot, take_snapshot

COLUMNS = "{order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}"
HEADER = "order,date,customer,product,qty,amount\n"
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"


@dataclass(frozen=True)
class Taken:
    """A snapshot with short ways to its tables and counts."""

    snapshot: Snapshot

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        path = self.snapshot.path(table)
        assert path is not None, f"no {table}"
        found = pq.read_table(path, page_checksum_verification=True)
        return [tuple(row.values()) for row in found.select(list(columns or found.column_names)).to_pylist()]

    @property
    def aside(self) -> list[tuple[int, str | None, str | None, str]]:
        """Line, column, value and reason of every row set aside."""
        found = pq.read_table(self.snapshot.folder / "quarantine.parquet").select(["line", "column", "value", "reason"]).to_pylist()
        return [tuple(row.values()) for row in found]

    @property
    def files(self) -> list[dict[str, Any]]:
        return self.snapshot.manifest["ledger"]["files"]

    @property
    def lines(self) -> dict[str, Any]:
        return self.snapshot.manifest["ledger"]["tables"]["order_lines"]

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """Records, blank, structural, accepted, quarantined of the first file."""
        one = self.files[0]
        return one["records"], one["blank"], one["structural"], one["accepted"], one["quarantined"]


@pytest.fixture
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Taken]:
    """`take({"lines.csv": text}, sources=…, more=…)`: a snapshot of these files under this mapping."""
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path / "home"))

    def run(
        files: Mapping[str, Content],
        *,
        sources: str | None = None,
        more: str = "",
        currency: str = "EUR",
        zone: str = "UTC",
        ids: str = "as_sent",
    ) -> Taken:
        put(tmp_path / "data", files)
        if sources is None:
            sources = f"- table: order_lines\n  files: {next(iter(files))}\n  columns: {COLUMNS}"
        head = f"name: Test\ncurrency: {currency}\ntime_zone: {zone}\ndata: data\nprivacy: {{ids: {ids}}}\nsources:\n"
        text = f"{head}{indent(dedent(sources).strip(), '  ')}\n{dedent(more)}\n"
        path = tmp_path / "client.yml"
        path.write_text(text, "utf-8")
        return Taken(take_snapshot(load_client("test", path=path), progress=False))

    return run


@pytest.fixture
def lines(take: Callable[..., Taken]) -> Callable[..., Taken]:
    """`lines("o1,2026-10-03,c1,tea,1,10.10\\n…")`: order lines under the usual header; nothing set aside stops it."""

    def run(body: str, *, more: str = "", **options: Any) -> Taken:
        limits = "" if "limits:" in more else LENIENT
        return take({"lines.csv": HEADER + body}, more=f"{dedent(more)}\n{limits}", **options)

    return run
