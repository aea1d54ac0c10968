"""The words a report uses, explained once. A page prints the entries whose columns and words it shows."""

from __future__ import annotations

from typing import NamedTuple

from custkit.words import mark


class Entry(NamedTuple):
    """A term, its definition in one sentence, and the promises it belongs to."""

    term: str
    definition: str
    promises: tuple[str, ...] = ()


GLOSSARY: dict[str, Entry] = {
    "aov": Entry(mark("order value"), mark("Revenue divided by orders; never the mean of order lines."), ("S2",)),
    "spend_per_customer": Entry(mark("spend per customer"), mark("Revenue divided by the customers who bought."), ("S2", "S18")),
}
