"""What a person answered beforehand: each answer is used, or refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from custkit.errors import BadInput
from custkit.intake.guess.fit import DICTIONARIES, NUMBERS
from custkit.intake.guess.vocabulary import FIELDS
from custkit.tables import source_fields

if TYPE_CHECKING:
    from custkit.intake.guess.proposal import Source

NONE = "none"


def refuse_unused(given: Mapping[str, str], sources: Sequence[Source]) -> None:
    """Raise BadInput for an answer that changes nothing, with the reason."""
    for key, answer in given.items():
        if key in ("currency", "time_zone", "language", "name", "duplicates"):
            continue
        kind, source, rest = _asked_of(key, sources)
        if why := _unused(kind, source, rest, answer, sources):
            raise BadInput(f"--answer {key}={answer}: {why}")


def _asked_of(key: str, sources: Sequence[Source]) -> tuple[str, Source | None, str]:
    """`date:FILE.COLUMN` → date, the source and the column."""
    for kind in ("table", "decimal", "encoding", "date", "values", "null", ""):
        front = f"{kind}:" if kind else ""
        for source in sorted(sources, key=lambda s: -len(s.sample.label)):
            label = f"{front}{source.sample.label}"
            if key == label and kind in ("table", "decimal", "encoding"):
                return kind, source, ""
            if key.startswith(f"{label}.") and kind in ("date", "values", "null", ""):
                return kind, source, key.removeprefix(f"{label}.")
    return key, None, ""


def _unused(kind: str, source: Source | None, rest: str, answer: str, sources: Sequence[Source]) -> str:
    """Why an answer changes nothing; empty where it does."""
    if kind == "statuses":
        return "" if any("order_status" in s.mapped for s in sources if s.is_used) else "no column is read as the orders' status"
    if source is None:
        return f"fits no question; files are known as {', '.join(s.sample.label for s in sources)}"
    label = source.sample.label
    if kind == "table":
        return ""
    if kind == "encoding":
        return "" if source.sample.format == "csv" and not source.sample.relation else f"{label} is no file of text"
    if source.table is None:
        return f"no table fits {label}; add --answer table:{label}=TABLE, one of {', '.join(FIELDS)}"
    if kind == "" and rest not in source_fields(source.table):
        return f"{label} is read as {source.table}, which has no {rest}; there are {', '.join(source_fields(source.table))}"
    if source.lacking and answer != NONE:
        return f"{label} is not read; {source.why_unused}"
    if kind == "decimal" and not any(f in NUMBERS for f in source.mapped):
        return f"{label} has no amounts that are read"
    if kind == "date" and not any(m.column == rest for f, m in source.mapped.items() if f.endswith("_at")):
        return f"{label} has no time in a column `{rest}`; add --answer '{label}.FIELD={rest}' where it is one"
    if kind == "null" and not (rest == "customer_id" and rest in source.mapped):
        return f"{label} has no {rest} that may stand for guests"
    if kind == "values" and not (rest in DICTIONARIES and rest in source.mapped):
        return f"{label} has no words to translate in {rest}"
    return ""
