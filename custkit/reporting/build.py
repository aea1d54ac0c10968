"""One client's month while its pack is made, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from custkit.reporting import publish
from custkit.reporting.execute import Failure, Fault
from custkit.reporting.plan import Job, Plan, code_hash, digest
from custkit.reporting.publish import Shelf


@dataclass(frozen=True)
class Outcome:
    """How one client's month ended. `index` is the page to open: the published one, or that of the failed pack."""

    client: str
    period: str
    exit_code: int
    index: Path | None = None
    message: str = ""
    failures: tuple[Failure, ...] = ()
    nothing_to_do: bool = False
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()  # lines on what lay beside the files that were read


@dataclass
class Build:
    """One client's month while its notebooks run."""

    plan: Plan
    shelf: Shelf
    run: str
    work: Path
    started: float
    ready: dict[str, tuple[Path, dict[str, Any]]] = field(default_factory=dict)
    waiting: dict[str, Job] = field(default_factory=dict)
    failed: dict[str, Fault] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.plan.client.slug

    @property
    def unread(self) -> tuple[str, ...]:
        return tuple(self.plan.snapshot.unread.lines)

    @property
    def key(self) -> str:
        """Changes whenever the pack's files would: its notebooks, last month's results, the code."""
        keys = [job.key for job in self.plan.jobs if job.notebook in self.ready]
        return digest(keys, code_hash(), self.previous[1])

    @property
    def previous(self) -> tuple[dict[str, Any] | None, str]:
        """Last month's results, where there are any, and their hash."""
        last = publish.shelf(self.shelf.folder.parents[1], self.slug, str(self.plan.period - 1), shared=self.plan.shared)
        path = last.current / publish.RESULTS
        try:
            text = path.read_text(encoding="utf-8")
            return json.loads(text), digest(text)
        except (OSError, ValueError):
            return None, ""
