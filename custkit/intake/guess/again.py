"""Sales that come again: files, sheets or parts of one whose rows another holds too, or whose orders another tells line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from itertools import accumulate, combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from custkit.intake.guess.fit import MONEY

if TYPE_CHECKING:
    from custkit.intake.guess.proposal import Source

LEAST = 3  # rows, orders or customers: fewer may be chance
MOST = 0.8  # of the orders that two files tell of, those that must agree
CENT = 0.011
SURE = 0.8
Row = tuple[object, ...]
Part = tuple[str, list[Row]]


class Again(NamedTuple):
    """Why a source is left out; `certain` where it is plainly a copy, else it is asked."""

    source: int
    why: str
    certain: bool


def sales_again(sources: Sequence[Source], kept: Container[str]) -> list[Again]:
    """Sources of order lines that hold what another holds. `kept`: labels of those that a person said are sales."""
    found: dict[int, Again] = {}
    for a, b in combinations(_sales(sources), 2):
        if a.number in found or b.number in found:
            continue
        for less, more in sorted(((a, b), (b, a)), key=lambda pair: pair[0].worth):
            if less.label not in kept and (said := _held(less, more)):
                found[less.number] = Again(less.number, *said)
                break
    return list(found.values())


def overlaps(sources: Sequence[Source]) -> list[str]:
    """What two files of order lines have in common and chance does not explain, in words."""
    said = []
    used = _sales(sources)
    for one, other in combinations(used, 2):
        fields = one.shared(other)
        said += _in_both([(one.label, one.rows(fields)), (other.label, other.rows(fields))], fields)
    for one in used:
        said += _in_both(one.parts(), list(one.source.mapped))
    return said


def _in_both(parts: Sequence[Part], fields: Sequence[str]) -> list[str]:
    return [
        f"{n:,} rows sampled stand in {first} and in {second}"
        for (first, one), (second, other) in combinations(parts, 2)
        if (n := _alike(one, other, fields)) >= LEAST
    ]


def _held(less: _Sales, more: _Sales) -> tuple[str, bool] | None:
    """How `more` holds all that `less` does, and whether that is certain."""
    fields = less.shared(more)
    one, other = less.rows(fields), more.rows(fields)
    alike = _alike(one, other, fields)
    if alike >= LEAST and alike == len(one):
        whole = less.source.sample.whole and more.source.sample.whole and len(one) == len(other)
        if whole and set(less.source.mapped) <= set(more.source.mapped):
            return f"a copy of {more.label}: the same {alike:,} rows", True
        return f"all its {alike:,} rows sampled stand in {more.label} too", False
    if "order_id" in fields:
        return _told_finer(less, more)
    if "order_id" in more.source.mapped and len(one) < len(other):
        at = less.source.mapped["ordered_at"]
        if at.options.get("format") == "%Y-%m" or at.sure < SURE or _same_sums(less.sums("customer_id"), more.sums("customer_id")):
            return f"it has no order numbers and fewer rows than {more.label}: it may only sum up what stands there", False
    return None


def _told_finer(less: _Sales, more: _Sales) -> tuple[str, bool] | None:
    """Whether the orders of `less` stand in `more`, in as many lines or more, for about the same money."""
    one, other = less.sums("order_id", "ordered_at"), more.sums("order_id", "ordered_at")
    both = one.keys() & other.keys()
    if len(both) < max(LEAST, min(len(one), len(other)) / 2) or less.size > more.size:
        return None
    if _same_sums(one, other):
        return f"its orders stand in {more.label} too, for the same money", False
    mine, theirs = (sum(sums[key] for key in both) for sums in (one, other))
    if "product_id" in more.source.mapped and "product_id" not in less.source.mapped and 0.5 < mine / (theirs or np.inf) < 2:
        return f"its orders stand in {more.label} too, for {mine:,.2f} against {theirs:,.2f}", False
    return None


def _same_sums(one: dict[Row, float], other: dict[Row, float]) -> bool:
    both = one.keys() & other.keys()
    return len(both) >= LEAST and sum(abs(one[key] - other[key]) < CENT for key in both) >= MOST * len(both)


def _alike(one: list[Row], other: list[Row], fields: Sequence[str]) -> int:
    """Rows that both hold, where at least half of those that have an order (or a customer) and a day in common agree in all else."""
    who = next((f for f in ("order_id", "customer_id") if f in fields), None)
    if who is None or "ordered_at" not in fields or not MONEY.intersection(fields):
        return 0
    places = (fields.index(who), fields.index("ordered_at"))
    met = {_days(row[place] for place in places) for row in one}
    alike = (Counter(one) & Counter(other)).total()
    return alike if 2 * alike >= sum(_days(row[place] for place in places) in met for row in other) else 0


def _days(row: Iterable[object]) -> Row:
    return tuple(cell.date() if isinstance(cell, datetime) else cell for cell in row)


class _Sales:
    """The rows sampled of a source of order lines, as what they mean, so that files written in two ways can be compared."""

    def __init__(self, number: int, source: Source) -> None:
        self.number, self.source, self.label = number, source, source.sample.label
        self.size = len(source.sample.cells[0])
        self.read: dict[str, list[object]] = {}

    @property
    def worth(self) -> tuple[object, ...]:
        """Of two that hold the same, the one that tells less, or is a workbook, or has the longer name, is left out."""
        return len(self.source.mapped), self.size, self.source.sample.format != "excel", -len(self.label), self.label

    def shared(self, other: _Sales) -> list[str]:
        return sorted(set(self.source.mapped) & set(other.source.mapped))

    def rows(self, fields: Iterable[str]) -> list[Row]:
        return list(zip(*(self.values(f) for f in fields), strict=True))

    def parts(self) -> list[Part]:
        """The rows of each file sampled."""
        rows, ends = self.rows(self.source.mapped), accumulate(size for _name, size in self.source.sample.parts)
        return [(name, rows[end - size : end]) for (name, size), end in zip(self.source.sample.parts, ends, strict=True)]

    def sums(self, *key: str) -> dict[Row, float]:
        """Money by these fields, times by their day; nothing where one is not mapped."""
        sums: dict[Row, float] = defaultdict(float)
        for of, money in zip(self.rows(key), self._money(), strict=True) if set(key) <= set(self.source.mapped) else ():
            sums[_days(of)] += money
        return sums

    def values(self, f: str) -> list[object]:
        if f not in self.read:
            self.read[f] = self._values(f)
        return self.read[f]

    def _values(self, f: str) -> list[object]:
        cells = self.source.columns[self.source.mapped[f].column].cells
        if f in MONEY or f == "quantity":
            return [None if n != n else round(float(n), 4) for n in self._numbers(f)]
        if not f.endswith("_at"):
            return list(cells)
        form = str(self.source.mapped[f].options.get("format", "iso"))
        read = {cell: _time(cell, form) for cell in set(cells)}
        return [read[cell] for cell in cells]

    def _numbers(self, f: str) -> np.ndarray:
        column = self.source.columns[self.source.mapped[f].column]
        return column.read(self.source.decimal) if self.source.sample.format == "csv" else column.numbers

    def _money(self) -> np.ndarray:
        mapped = self.source.mapped
        if "amount" in mapped or "unit_price" not in mapped:
            return np.nan_to_num(self._numbers("amount" if "amount" in mapped else "gross_amount"))
        price = np.nan_to_num(self._numbers("unit_price"))
        return price * np.nan_to_num(self._numbers("quantity")) if "quantity" in mapped else price


def _sales(sources: Sequence[Source]) -> list[_Sales]:
    return [_Sales(i, source) for i, source in enumerate(sources) if source.table == "order_lines" and source.is_used]


def _time(cell: str, form: str) -> object:
    try:
        return datetime.fromisoformat(cell) if form in ("iso", "excel") else datetime.strptime(cell, form)
    except ValueError:
        return cell
