"""What a pack says of its data: rows read, kept and set aside, and why, from the snapshot's ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from custkit.words import _, mark

# Why intake set a row aside or passed over it, in words.
REASONS = {
    "amount_out_of_range": mark("an amount beyond what money can be"),
    "amount_unparsable": mark("an amount that is no number"),
    "boolean_unparsable": mark("neither yes nor no"),
    "control_character": mark("a character that is no text"),
    "currency_mismatch": mark("another currency"),
    "date_format": mark("a date written another way"),
    "date_out_of_range": mark("a date that cannot be"),
    "excel_error": mark("a cell with an Excel error"),
    "field_count": mark("too many or too few fields"),
    "missing_required": mark("a field that must be there is empty"),
    "not_a_money_value": mark("an amount with more than four decimals"),
    "number_unparsable": mark("a number that is none"),
    "repeated_header": mark("the header once more"),
    "total_row": mark("a total, no sale"),
    "unknown_value": mark("a word the client file does not know"),
}
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
