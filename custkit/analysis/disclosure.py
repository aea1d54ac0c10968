"""Which cells of a table of counts must be hidden so that nobody can tell how few people one of them holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cells:
    """The counts of a table, its totals among them, as one vector with the sums that everybody knows to hold.

    counts: people in each cell, inner cells first. sums: the places of parts, and the place of their total.
    """

    counts: np.ndarray
    sums: tuple[tuple[tuple[int, ...], int], ...]


def one_way(counts: Sequence[int] | np.ndarray, *, splits: Sequence[Sequence[object]] = ()) -> Cells:
    """Cells of a column of counts, then its total, then the totals of its parts by each of `splits`.

    splits: names of the part that each count belongs to; counts with one name sum to a total that is known.
    """
    parts = _counts(counts)
    if wrong := [len(split) for split in splits if len(split) != len(parts)]:
        raise ValueError(f"a split names {wrong[0]} parts for {len(parts)} counts; one for each would do")
    lines = [tuple(range(len(parts)))]
    for split in splits:
        lines += [tuple(i for i, other in enumerate(split) if other == name) for name in dict.fromkeys(split)]
    return _with_totals(parts, lines)


def two_way(counts: np.ndarray, *, row_totals: bool = True, column_totals: bool = True) -> Cells:
    """Cells of a cross table (rows × columns) row by row, then the totals of its rows, of its columns, and the grand total beside either.

    Without any total no sum is known.
    """
    inner = _counts(counts)
    if inner.ndim != 2:
        raise ValueError(f"counts has {inner.ndim} dimensions; a cross table has rows and columns")
    places = np.arange(inner.size).reshape(inner.shape)
    sides = [[tuple(int(i) for i in line) for line in side] for side, told in ((places, row_totals), (places.T, column_totals)) if told]
    cells = _with_totals(inner.ravel(), [line for side in sides for line in side])
    ends = np.cumsum([inner.size, *(len(side) for side in sides)])
    across = tuple((tuple(range(start, end)), len(cells.counts)) for start, end in itertools.pairwise(ends.tolist()))
    return Cells(np.append(cells.counts, [inner.sum()] * bool(sides)).astype("int64"), cells.sums + across)


def _with_totals(parts: np.ndarray, lines: Sequence[tuple[int, ...]]) -> Cells:
    totals = [parts[list(line)].sum() for line in lines]
    return Cells(np.append(parts, totals).astype("int64"), tuple((line, len(parts) + n) for n, line in enumerate(lines)))


def _counts(given: Sequence[int] | np.ndarray) -> np.ndarray:
    values = np.asarray(given, dtype="int64")
    if (values < 0).any():
        raise ValueError(f"counts holds {values.min()}; people are counted from 0 up")
    return values


def suppressed(cells: Cells, *, min_cell: int, hidden: np.ndarray | None = None) -> np.ndarray:
    """Places to hide, as booleans: the counts from 1 to `min_cell` − 1, and as many others as it takes to keep those from being worked out.

    hidden: places that are hidden anyway. Zeros stay. The other cells are chosen one at a time, the least count of the sum that gives a
    disclosed cell away, until an attack finds none: primary and complementary cell suppression. The choice is greedy, so that now and then
    a cell is hidden without need, and never hangs on chance. [Willenborg & de Waal 2001; Hundepool et al. 2012]

    Raises ValueError if min_cell < 1.
    """
    if min_cell < 1:
        raise ValueError(f"min_cell is {min_cell}; 1 hides nothing, 10 is usual")
    counts = cells.counts
    kept_back = (counts > 0) & (counts < min_cell)
    if hidden is not None:
        kept_back |= hidden & (counts > 0)
    attack = _Attack(cells, min_cell)
    while (place := next(attack.disclosed(kept_back), None)) is not None:
        kept_back[_partner(cells, kept_back, place)] = True
    return kept_back


def disclosed(cells: Cells, hidden: np.ndarray, *, min_cell: int) -> np.ndarray:
    """Hidden places whose count can be worked out, or be shown to lie below `min_cell`, by whoever solves all known sums.

    The attacker knows every published cell, every sum, that people are whole, and that no zero is hidden; not which of the hidden cells are
    the small ones. For each hidden cell the least and the largest count that fit are sought by integer programmes, as far as they matter.
    """
    answer = np.zeros(len(cells.counts), dtype=bool)
    answer[list(_Attack(cells, min_cell).disclosed(hidden))] = True
    return answer


class _Attack:
    """Tables that fit what is published. What fitted once fits when more is hidden, so that no cell is attacked twice in vain."""

    def __init__(self, cells: Cells, min_cell: int) -> None:
        self.cells, self.min_cell = cells, min_cell
        self.low, self.high = cells.counts.copy(), cells.counts.copy()
        self.sums = np.zeros((len(cells.sums), len(cells.counts)))
        for line, (parts, total) in zip(self.sums, cells.sums, strict=True):
            line[list(parts)], line[total] = 1, -1

    def disclosed(self, hidden: np.ndarray) -> Iterator[int]:
        """Hidden places that cannot be kept, the least count first."""
        places = np.flatnonzero(hidden)
        for place in places[np.argsort(self.cells.counts[places], kind="stable")]:
            for sign in (-1, 1):  # up, then down
                if not self._safe(place):
                    self._fit(places, place, sign)
            if not self._safe(place):
                yield int(place)

    def _safe(self, place: int) -> bool:
        return bool(self.high[place] >= self.min_cell and self.low[place] < self.high[place])

    def _fit(self, places: np.ndarray, place: int, sign: int) -> None:
        """The table that fits with the largest count in `place` (sign −1), or the least (1)."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        system, truth = self.sums[:, places], self.cells.counts[places]
        aimed = (places == place).astype(float)
        enough = max(self.cells.counts[place] + 1, self.min_cell)  # further up nothing changes
        bounds = Bounds(1, np.where(aimed > 0, enough, np.inf))
        known = LinearConstraint(system, system @ truth, system @ truth)
        found = milp(sign * aimed, constraints=known, integrality=1, bounds=bounds)
        if found.x is not None:
            fits = np.rint(found.x).astype("int64")
            self.low[places], self.high[places] = np.minimum(self.low[places], fits), np.maximum(self.high[places], fits)


def _partner(cells: Cells, hidden: np.ndarray, place: int) -> int:
    """What to hide next where `place` is disclosed, of the sums that bear on it: those it stands in, and those of cells hidden there.

    A cell of the sum with the fewest hidden cells; of these one that begins no new sum with a single hidden cell; of these the least.
    """
    lines = [{*parts, total} for parts, total in cells.sums]
    held = [sum(hidden[i] for i in line) for line in lines]
    near = {place}
    while (wider := near.union(i for line in lines if line & near for i in line if hidden[i])) != near:
        near = wider
    found = []
    for line, holds in zip(lines, held, strict=True):
        for i in line if line & near else ():
            if not hidden[i] and cells.counts[i] > 0:
                begun = sum(i in other and other_holds == 0 for other, other_holds in zip(lines, held, strict=True))
                found.append((holds, begun, cells.counts[i], i))
    return int(min(found)[-1])  # there is one: with all hidden, twice the table fits too
