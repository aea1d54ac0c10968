"""Small frames as tables for people: labels, units, right-aligned figures, bars, a source note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from custkit import words
from custkit.present.finding import Unit, settle, show
from custkit.present.labels import LABELS, VALUES, Label
from custkit.present.mime import TABLE

SMALL_SAMPLE = 30


@dataclass(frozen=True)
class Shown:
    """A table ready to be shown; the report draws it from `payload`, a notebook from the HTML."""

    payload: dict[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        rows = self.payload["rows"]
        if not rows:  # the finding beside it says why
            return {"text/plain": ""}
        labels = [column["label"] for column in self.payload["columns"]]
        head = "".join(f"<th>{escape(label)}</th>" for label in labels)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell['text'])}</td>" for cell in row) + "</tr>" for row in rows)
        plain = "\n".join(" | ".join(line) for line in [labels, *[[cell["text"] for cell in row] for row in rows]])
        title = self.payload["title"]
        caption = f"<caption>{escape(title)}</caption>" if title else ""
        return {
            "text/plain": plain,
            "text/html": f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>",
            TABLE: self.payload,
        }


def table(
    frame: pd.DataFrame,
    *,
    title: str = "",
    note: str = "",
    units: dict[str, Unit] | None = None,
    units_by: dict[str, str] | None = None,
    bars: Sequence[str] = (),
    small: str | None = None,
    limit: int | None = 20,
) -> Shown:
    """Show `frame`, its columns in their order; the first is the row's name.

    units: overrides of `labels.LABELS`. units_by: a column's unit row by row, held in another column, which is not shown.
    bars: columns with a bar behind the figure; those of one unit share a scale, so that bars can be compared across columns.
    small: a count column; rows with fewer than 30 are set in grey. limit: rows shown, the rest is counted in the note.

    Raises ValueError for a column without a label.
    """
    by_row = units_by or {}
    unit_columns = set(by_row.values())
    columns = [column for column in frame.columns if column not in unit_columns]
    unknown = [column for column in columns if column not in LABELS]
    if unknown:
        raise ValueError(f"no label for columns {unknown}; add them to custkit.present.labels")
    labels = {column: LABELS[column]._replace(unit=(units or {}).get(column, LABELS[column].unit)) for column in columns}
    kept = frame if limit is None else frame.head(limit)
    largest = {column: float(frame[column].abs().max()) if len(frame) else 0.0 for column in bars}
    peak = {column: max(largest[other] for other in bars if labels[other].unit == labels[column].unit) for column in bars}
    rows = [
        [_cell(row[column], labels[column], column, peak, unit=row[by_row[column]] if column in by_row else None) for column in columns]
        for _i, row in kept.iterrows()
    ]
    if len(kept) < len(frame):
        rest = words._("{shown} of {total} rows are shown.").format(shown=words.count(len(kept)), total=words.count(len(frame)))
        note = f"{note} {rest}".strip()
    payload = {
        "title": title,
        "note": words.close(note),
        "columns": [{"name": name, "label": words._(label.text), "unit": label.unit} for name, label in labels.items()],
        "rows": rows,
        "quiet_rows": [i for i, n in enumerate(kept[small]) if n < SMALL_SAMPLE] if small else [],
    }
    return Shown(payload)


def _cell(value: Any, label: Label, column: str, peak: dict[str, float], *, unit: Unit | None = None) -> dict[str, Any]:
    if pd.isna(value):
        return {"text": "" if label.unit != "text" else words.MISSING}
    text = show(value, unit or label.unit)
    cell: dict[str, Any] = {"text": words._(VALUES.get(text, text)) if label.unit == "text" else text}
    if label.unit != "text":
        cell["value"] = settle(value)
    if peak.get(column):
        cell["bar"] = settle(round(abs(float(value)) / peak[column], 4))
    return cell
