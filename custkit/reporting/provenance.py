"""What a pack says of its data: rows read, kept and set aside, and why, from the snapshot's ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from custkit.present.titles import REASONS
from custkit.words import _

LINES = "order_lines"


@dataclass(frozen=True)
class Read:
    """One table: rows in its files, passed over (blank, headers, totals), kept, set aside."""

    table: str
    rows: int
    passed: int
    kept: int
    aside: int


@dataclass(frozen=True)
class Provenance:
    """What stands in every header (`lines_read`, `set_aside`: order lines) and on the first page (`tables`, `reasons`)."""

    key: str
    lines_read: int | None = None
    set_aside: int | None = None
    tables: tuple[Read, ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()


def provenance(manifest: dict[str, Any]) -> Provenance:
    """From the snapshot's manifest; what it does not tell stays empty."""
    files = (manifest.get("ledger") or {}).get("files", [])
    reads = tuple(_read(table, [file for file in files if file["table"] == table]) for table in dict.fromkeys(f["table"] for f in files))
    reasons: Counter[str] = Counter()
    for file in files:
        reasons.update(file["reasons"])
    told = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    lines = next((read for read in reads if read.table == LINES), None)
    return Provenance(
        str(manifest["key"]),
        lines.rows if lines else None,
        lines.aside if lines else None,
        reads,
        tuple((_(REASONS[code]) if code in REASONS else code.replace("_", " "), n) for code, n in told),
    )


def _read(table: str, files: list[dict[str, Any]]) -> Read:
    rows, blank, structural, kept, aside = (
        sum(file[name] for file in files) for name in ("records", "blank", "structural", "accepted", "quarantined")
    )
    return Read(table, rows, blank + structural, kept, aside)
