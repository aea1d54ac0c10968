"""Small frames as tables for people: labels, units, right-aligned figures, bars, a source note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from custkit import words
from custkit.present import few
from custkit.present.finding import Unit, settle, show
from custkit.present.labels import LABELS, VALUES, Label
from custkit.present.mime import TABLE

SMALL_SAMPLE = 30
_MONTH = re.compile("[0-9]{4}-[0-9]{2}")


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
    rests_on: str | None = None,
    limit: int | None = 20,
) -> Shown:
    """Show `frame`, its columns in their order; the first is the row's name.

    units: overrides of `labels.LABELS`. units_by: a column's unit row by row, held in another column, which is not shown.
    bars: columns with a bar behind the figure; those of one unit share a scale, so that bars can be compared across columns.
    small: a count column; rows with fewer than 30 are set in grey. rests_on: a column that is not shown, of the people on whom a row rests.
    limit: rows shown, the rest is counted in the note.

    Where the report leaves the house, rows that hold few people, and those from which so few could be worked out, keep their name and no
    figure.

    Raises ValueError for a column without a label.
    """
    by_row = units_by or {}
    unit_columns = {*by_row.values(), rests_on}
    columns = [column for column in frame.columns if column not in unit_columns]
    unknown = [column for column in columns if column not in LABELS]
    if unknown:
        raise ValueError(f"no label for columns {unknown}; add them to custkit.present.labels")
    labels = {column: LABELS[column]._replace(unit=(units or {}).get(column, LABELS[column].unit)) for column in columns}
    kept = frame if limit is None else frame.head(limit)
    counts = [name for name, label in labels.items() if label.unit == "count" and few.counts_people(name)]
    people = rests_on or small or next(iter(counts), None)
    rates = {name: ["share"] * len(kept) for name in few.RATES & set(labels)}
    told = rates | {name: list(kept[unit]) for name, unit in by_row.items() if few.counts_people(name)}
    given_away = np.zeros(len(kept), dtype=bool)
    for name, its_units in told.items():
        whole = kept[people] if people and few.counts_people(people) else [None] * len(kept)
        given_away |= np.array([few.few_behind(*cell) for cell in zip(kept[name], its_units, whole, strict=True)], dtype=bool)
    if given_away.any() and people:  # what is counted of the same people may add up
        same = list(zip(kept[columns[0]], kept[people], strict=True))
        given_away = np.array([one in {other for other, gone in zip(same, given_away, strict=True) if gone} for one in same], dtype=bool)
    rest = frame.iloc[len(kept) :][counts].abs().sum() if len(kept) < len(frame) else None
    names = [name for name, label in labels.items() if label.unit == "text"]
    hidden = few.hidden_rows(kept[counts], kept[names], given_away=given_away, rest=rest)
    shown = frame.drop(frame.index[: len(kept)][hidden]) if hidden.any() else frame
    largest = {column: float(shown[column].abs().max()) if len(shown) else 0.0 for column in bars}
    peak = {column: max(largest[other] for other in bars if labels[other].unit == labels[column].unit) for column in bars}
    rows = [
        [_cell(row[column], labels[column], column, peak, unit=row[by_row[column]] if column in by_row else None) for column in columns]
        for _i, row in kept.iterrows()
    ]
    if len(kept) < len(frame):
        rest = words._("{shown} of {total} rows are shown.").format(shown=words.number(len(kept), 0), total=words.number(len(frame), 0))
        note = f"{note} {rest}".strip()
    order = list(range(len(rows)))
    if hidden.any():
        rows = [[row[0], *map(_withheld, row[1:], columns[1:])] if gone else row for row, gone in zip(rows, hidden, strict=True)]
        note = f"{note} {few.note()}".strip()
        if any(kept[name].is_monotonic_increasing or kept[name].is_monotonic_decreasing for name in counts):  # the order would tell
            order.sort(key=lambda i: (hidden[i], rows[i][0]["text"] if hidden[i] else ""))
    payload = {
        "title": title,
        "note": words.close(note),
        "columns": [{"name": name, "label": words._(label.text), "unit": label.unit} for name, label in labels.items()],
        "rows": [rows[i] for i in order],
        "quiet_rows": [at for at, i in enumerate(order) if small and kept[small].iloc[i] < SMALL_SAMPLE and not hidden[i]],
    }
    return Shown(payload)


def _withheld(cell: dict[str, Any], column: str) -> dict[str, Any]:
    """A cell without its figure; words stay, and so do numbers in a text that says what the row is."""
    told = "value" in cell or (column not in few.NAMES and any(character.isdigit() for character in cell["text"]))
    return {"text": words._(few.HIDDEN), "hidden": True} if told else cell


def _cell(value: Any, label: Label, column: str, peak: dict[str, float], *, unit: Unit | None = None) -> dict[str, Any]:
    if pd.isna(value):
        return {"text": "" if label.unit != "text" else words.MISSING}
    unit = unit or label.unit
    text = words.number(value, 0) if unit == "count" else show(value, unit)
    if column == "month" and _MONTH.fullmatch(text):
        text = words.short_month(text)
    cell: dict[str, Any] = {"text": words._(VALUES.get(text, text)) if label.unit == "text" else text}
    if label.unit != "text":
        cell["value"] = settle(value)
    if peak.get(column):
        cell["bar"] = settle(round(abs(float(value)) / peak[column], 4))
    return cell
