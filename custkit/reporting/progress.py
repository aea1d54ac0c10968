"""What the person at the terminal sees while notebooks run: a live table, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from custkit.reporting.execute import Task
from custkit.reporting.plan import Plan
from custkit.reporting.run import State

_LOOK: dict[State, tuple[str, str]] = {
    "waiting": ("waiting", "dim"),
    "running": ("running", "cyan"),
    "good": ("good", "green"),
    "failed": ("FAILED", "bold red"),
    "kept": ("unchanged", "dim"),
}


class Progress:
    """A context: `planned` and `listen` are handed to `run_packs`."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.rows: dict[tuple[str, str, str], tuple[State, int, int, float, float]] = {}
        self.live = Live(console=self.console, get_renderable=self._table, refresh_per_second=4, transient=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.live.is_started:
            self.live.stop()

    def planned(self, plan: Plan, to_run: Sequence[str], kept: Sequence[str]) -> None:
        slug, period = plan.client.slug, str(plan.period)
        for name in kept:
            self.rows[slug, period, name] = ("kept", 0, 0, 0.0, 0.0)
        for name in to_run:
            self.rows[slug, period, name] = ("waiting", 0, 0, 0.0, 0.0)
        if not self.console.is_terminal:
            self._say(f"{slug} {period}: {len(to_run)} to run, {len(kept)} unchanged")
        elif to_run and not self.live.is_started:
            self.live.start()

    def listen(self, task: Task, state: State, cell: int, cells: int, seconds: float) -> None:
        self.rows[task.client, task.period, task.name] = (state, cell, cells, seconds, time.monotonic())
        if not self.console.is_terminal and state in ("good", "failed"):
            self._say(f"{task.client} {task.period} {task.name}: {_LOOK[state][0]}, {seconds:.1f} s")

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for (slug, period, name), (state, cell, cells, seconds, at) in self.rows.items():
            word, style = _LOOK[state]
            if state == "running":
                seconds += time.monotonic() - at
            where = f"cell {cell} of {cells}" if state == "running" and cell else ""
            table.add_row(f"{slug} {period}", name, Text(word, style), f"{seconds:5.1f} s" if seconds else "", Text(where, "dim"))
        return table

    @staticmethod
    def _say(line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
