"""A client whose delivery is odd in one way: `arrive` takes it in through the command line, as a scheduler would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from exports import Content, put

from custkit import words
from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, GOOD
from custkit.intake import Snapshot, take_snapshot
from custkit.intake.notes import SAYS

HEADER = "order,date,customer,product,qty,amount\n"
COLUMNS = "{order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}"
GOOD_LINE = "g1,2026-10-01,c9,tea,1,5.00\n"
LENIENT = "limits: {quarantine_rows: 1, quarantine_revenue: 1}"


@dataclass(frozen=True)
class Arrival:
    """What the command said and left."""

    code: int
    output: str
    home: Path

    @property
    def snapshot(self) -> Snapshot:
        return take_snapshot(load_client("test"), progress=False)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """The accepted rows, these columns, in the snapshot's order."""
        self.accepted()
        path = self.snapshot.path(table)
        assert path is not None, f"no {table}"
        return [tuple(row.values()) for row in pq.read_table(path, page_checksum_verification=True).select(list(columns)).to_pylist()]

    def accepted(self) -> Arrival:
        """Intake went through."""
        assert self.code == GOOD, self.output
        return self

    def refused(self, *says: str) -> Arrival:
        """Intake stopped for a person to act, said where and what would do, and showed no traceback."""
        assert self.code == BAD_INPUT, self.output
        assert "Traceback" not in self.output
        for text in says:
            assert text in self.output, f"`{text}` is not in: {self.output}"
        return self

    def aside(self) -> list[tuple[Any, ...]]:
        """Line, column, value and reason of every row set aside."""
        self.accepted()
        found = pq.read_table(self.snapshot.folder / "quarantine.parquet").select(["line", "column", "value", "reason"])
        return [tuple(row.values()) for row in found.to_pylist()]

    def noted(self, code: str, *, rows: int | None = None, column: str | None = None, amount: str | None = None) -> Arrival:
        """The command told this remark, with its count."""
        self.accepted()
        told = [note for note in [*self.snapshot.notes, *self.snapshot.changes] if note.code == code]
        assert told, f"no {code} in: {self.output}"
        found = [{"rows": note.rows, "column": note.column, "amount": note.worth if SAYS[code].is_share else note.amount} for note in told]
        wanted = {"rows": rows, "column": column, "amount": amount}
        assert any(all(value is None or one[key] == value for key, value in wanted.items()) for one in found), told
        words.use("en", load_client("test").currency)
        assert all(f"note: {note.text()}" in self.output for note in told)
        return self

    def unremarked(self) -> Arrival:
        """Intake went through and had nothing to remark."""
        self.accepted()
        assert self.snapshot.notes == [], self.snapshot.notes
        return self

    @property
    def ledger(self) -> dict[str, Any]:
        return self.snapshot.manifest["ledger"]["tables"]["order_lines"]

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """Records, blank, structural, accepted, quarantined of the first file."""
        one = self.snapshot.manifest["ledger"]["files"][0]
        return one["records"], one["blank"], one["structural"], one["accepted"], one["quarantined"]


@pytest.fixture
def arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Arrival]:
    """`arrive({"lines.csv": text}, sources=…, more=…)`: `custkit intake` of these files under this mapping."""
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()

    def run(
        files: Mapping[str, Content],
        *,
        sources: str | None = None,
        columns: str = COLUMNS,
        extra: str = "",
        more: str = LENIENT,
        currency: str = "EUR",
        zone: str = "UTC",
        ids: str = "as_sent",
    ) -> Arrival:
        folder = tmp_path / "clients" / "test"
        put(folder / "raw", files)
        if sources is None:
            sources = f"- table: order_lines\n  files: {next(iter(files))}\n  columns: {columns}\n{indent(dedent(extra), '  ')}"
        head = f"name: Test\ncurrency: {currency}\ntime_zone: {zone}\ndata: raw\nprivacy: {{ids: {ids}}}\nsources:\n"
        text = f"{head}{indent(dedent(sources).strip(), '  ')}\n{dedent(more)}\n"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "client.yml").write_text(text, "utf-8")
        result = CliRunner().invoke(main, ["intake", "test"])
        return Arrival(result.exit_code, result.output, tmp_path)

    return run


@pytest.fixture
def lines(arrive: Callable[..., Arrival]) -> Callable[..., Arrival]:
    """`lines("o1,2026-10-03,c1,tea,1,10.10\\n…")`: order lines under the usual header."""
    return lambda body, **options: arrive({"lines.csv": HEADER + body}, **options)
