"""What two copies that leave the house tell together: figures of the same people that differ by fewer than may be told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from custkit import words
from custkit.present import few
from custkit.reporting import publish
from custkit.reporting.harvest import Told, harvest

# Who registered, who ever bought: nobody leaves these, so that the difference of two months is a group.
GROWING = ("first_purchase_rate", "cumulative_spend_per_customer")
_PEOPLE = ("value", "numerator", "denominator", "n")
_NAMED = 5


def told_by_subtraction(shelf: publish.Shelf, pages: Sequence[Told]) -> list[str]:
    """Warnings, a line for each other copy of the client from which the new one, made of `pages`, can be subtracted to find few people.

    Of the same month, made of other data, every figure counts; of another month only `GROWING`, as in the others people come and go.
    """
    now, warnings = dict(_figures(pages)), []
    for folder in sorted(shelf.folder.parent.glob("*-shared")):
        other, same = publish.Shelf(folder), folder == shelf.folder
        before = dict(_figures(_pages(other.current))) if other.manifest() else {}
        near = [
            name
            for name, figure in now.items()
            if name in before and words.few(figure - before[name]) and (same or name.split(" ")[1] in GROWING)
        ]
        if near:
            others = f" and {len(near) - _NAMED} more" if len(near) > _NAMED else ""
            what = "the copy of this month that stood here, made of other data" if same else f"the copy {folder.name}"
            warnings.append(
                f"{what}: who has both can subtract them and finds fewer than {words.reader().min_cell} people: "
                f"{', '.join(near[:_NAMED])}{others}. Hand on one of the two, or take the other back"
            )
    return warnings


def _pages(pack: Path) -> list[Told]:
    return [harvest(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted((pack / "notebooks").glob("*.ipynb"))]


def _figures(pages: Sequence[Told]) -> Iterator[tuple[str, float]]:
    """Counts of people that the pages tell, each under a name that is the same in every copy."""
    for told in pages:
        for key, fact in told.facts.items():
            if few.counts_people(key):
                parts = [part for part in _PEOPLE if part != "value" or fact["unit"] == "count"]
                yield from ((f"{told.name} {key} {part}", fact[part]) for part in parts if _is_whole(fact.get(part)))
        tables = [item.content for section in told.sections for item in section.items if item.kind == "table"]
        for at, table in enumerate(tables, 1):
            for row in table["rows"]:
                name = " ".join(cell["text"] for cell, column in zip(row, table["columns"], strict=True) if column["unit"] == "text")
                for cell, column in zip(row, table["columns"], strict=True):
                    if column["unit"] == "count" and few.counts_people(column["name"]) and _is_whole(cell.get("value")):
                        yield f"{told.name} table {at} {name} {column['name']}", cell["value"]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and float(value).is_integer()
