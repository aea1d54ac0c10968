"""What the columns of one file say together: which numbers make up which, and which column decides which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations

import numpy as np

from custkit.intake.guess.headers import header_score, speaks_of
from custkit.intake.guess.values import Column
from custkit.intake.guess.vocabulary import ON_TOP, PROFIT

ROWS = 1_500
CENT = 0.0151
HOLDS = 0.97
SEVERAL = 8  # so many orders of several lines tell what is the order's own


@dataclass(frozen=True)
class Facts:
    """`roles`: what a column is in an identity of money that holds, by its place; `decides`: pairs (a, b) where equal a means equal b.

    `orders`: the place of what groups lines to orders, where orders have several; `of_order`: columns that are the same on every line of
    an order, though its lines differ; `once`: those that only its first line holds; `counters`: those that number its lines.
    """

    columns: tuple[Column, ...]
    roles: dict[int, set[str]] = field(default_factory=dict)
    decides: frozenset[tuple[int, int]] = frozenset()
    orders: int | None = None
    of_order: frozenset[int] = frozenset()
    once: frozenset[int] = frozenset()
    counters: frozenset[int] = frozenset()
    identities: tuple[str, ...] = ()
    informative: bool = True

    def role(self, place: int) -> set[str]:
        return self.roles.get(place, set())

    @property
    def times(self) -> int:
        return sum(column.is_time and not column.is_serial for column in self.columns)


def facts_of(columns: Sequence[Column], *, informative: bool = True) -> Facts:
    """Identities of money and functional dependence among `columns`, from some of their rows."""
    roles: dict[int, set[str]] = {}
    said: list[str] = []
    numbers = [i for i, c in enumerate(columns) if c.is_numeric and c.fill > 0.5 and not (c.is_time and not c.is_serial)][:14]
    step = max(1, len(columns[0].cells) // ROWS) if columns else 1
    read = {i: columns[i].numbers[::step] for i in numbers}
    moving = {i for i in numbers if len(np.unique(read[i][np.isfinite(read[i])])) > 3}
    # Two or three prices are prices too; rates of tax are below 1.
    few = {i for i in set(numbers) - moving if columns[i].distinct > 1 and np.nanmedian(np.abs(read[i])) > 1}
    for pieces, price in combinations(sorted(moving | few | {i for i in numbers if columns[i].whole}), 2):
        if {pieces, price} & few and not (columns[pieces].whole or columns[price].whole):
            continue
        for total in moving - {pieces, price}:
            _product(columns, read, pieces, price, total, roles, said)
    for gross, net in permutations(sorted(moving), 2):
        _difference(columns, read, numbers, gross, net, roles, said)
    return Facts(tuple(columns), roles, _decides(columns), *_orders(columns), tuple(said), informative)


def _product(
    columns: Sequence[Column], read: dict[int, np.ndarray], a: int, b: int, total: int, roles: dict[int, set[str]], said: list[str]
) -> None:
    x, y, z = read[a], read[b], read[total]
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
    several = known & (np.abs(x) != 1) & (np.abs(y) != 1) & (z != 0)
    if several.sum() < 8 or np.mean(np.abs(x * y - z)[known] <= CENT) < HOLDS or np.mean(np.abs(x * y - z)[several] <= CENT) < HOLDS:
        return
    pieces, price = (a, b) if columns[a].whole and (not columns[b].whole or np.nanmedian(np.abs(x)) <= np.nanmedian(np.abs(y))) else (b, a)
    roles.setdefault(pieces, set()).add("quantity")
    roles.setdefault(price, set()).add("unit_price")
    roles.setdefault(total, set()).add("total")
    said.append(f"{columns[pieces].name} × {columns[price].name} = {columns[total].name}")


def _difference(
    columns: Sequence[Column],
    read: dict[int, np.ndarray],
    numbers: list[int],
    gross: int,
    net: int,
    roles: dict[int, set[str]],
    said: list[str],
) -> None:
    g, n = read[gross], read[net]
    gap = g - n
    known = np.isfinite(gap)
    apart = known & (np.abs(gap) > CENT)
    if apart.sum() < 8 or np.mean(np.abs(g[known]) >= np.abs(n[known]) - CENT) < HOLDS:
        return
    others = [i for i in numbers if i not in (gross, net)]
    for parts in [*combinations(others, 1), *combinations(others, 2)]:
        values = [np.abs(read[i]) for i in parts]
        if any(np.nanmax(v, initial=0) <= CENT for v in values):
            continue
        total = np.sum(values, axis=0)
        fits = np.abs(np.sign(g) * total - gap) <= CENT
        both = known & np.isfinite(total)
        if (
            np.mean(fits[both]) >= HOLDS
            and np.mean(fits[both & apart]) >= HOLDS
            and all((np.abs(v[both & apart]) > CENT).any() for v in values)
        ):
            # A difference of two columns is also the sum of the other two: the larger reduction is no reduction.
            if np.mean(np.max(values, axis=0)[both] > np.abs(n[both]) + CENT) > 0.5:
                continue
            said.append(f"{columns[gross].name} − {' − '.join(columns[i].name for i in parts)} = {columns[net].name}")
            if any(speaks_of(columns[i].name, PROFIT) for i in parts):
                continue
            if any(speaks_of(columns[i].name, ON_TOP) for i in parts):
                roles.setdefault(gross, set()).add("topped")
                roles.setdefault(net, set()).add("bare")
                continue
            roles.setdefault(gross, set()).add("gross")
            roles.setdefault(net, set()).add("net")
            for i in parts:
                roles.setdefault(i, set()).add("reduction")


def _orders(columns: Sequence[Column]) -> tuple[int | None, frozenset[int], frozenset[int], frozenset[int]]:
    """What groups lines to orders: the finest column whose equal cells share a time; and the columns that say one thing an order."""
    rows = min(4_000, len(columns[0].cells)) if columns else 0
    filled = [np.array([bool(cell) for cell in c.cells[:rows]]) for c in columns]
    codes = [np.unique(np.array(c.cells[:rows], dtype=object).astype(str), return_inverse=True)[1] for c in columns]
    times = [i for i, c in enumerate(columns) if c.is_time and not c.is_serial]
    best: tuple[int, int, frozenset[int], frozenset[int], frozenset[int]] | None = None
    for i, c in enumerate(columns):
        kinds = len(np.unique(codes[i]))
        if i in times or c.fill < 0.99 or not rows * 0.02 < kinds < rows * 0.98:
            continue
        new = np.append(True, codes[i][1:] != codes[i][:-1])
        several = np.isin(codes[i], np.flatnonzero(np.bincount(codes[i]) > 1))
        if len(np.unique(codes[i][several])) < SEVERAL:
            continue
        others = [j for j in range(len(columns)) if j != i and filled[j].any()]
        once = frozenset(j for j in others if _stands_once(filled[j], new))
        same = frozenset(j for j in others if _is_same(codes[i][several], codes[j][several], filled[j][several])) - once
        # Copies, and an order told again in another state, are no lines of it: those differ in what was bought.
        if not any(_names_goods(columns[j].name) and j not in once | same for j in others):
            continue
        if (once | same) & set(times) and (best is None or kinds > best[0]):
            best = kinds, i, same, once, frozenset(j for j in others if columns[j].whole and _counts(columns[j].numbers[:rows], new))
    return best[1:] if best else (None, frozenset(), frozenset(), frozenset())


def _stands_once(filled: np.ndarray, new: np.ndarray) -> bool:
    """True where the first line of (nearly) each order has a value, and no other line."""
    later = ~new
    return bool(later.sum() >= SEVERAL and filled[new].mean() >= HOLDS and (filled & later).sum() <= (1 - HOLDS) * later.sum())


def _names_goods(header: str) -> bool:
    return any(header_score(header, "order_lines", f) >= 0.6 for f in ("product_id", "product_name", "quantity", "unit_price"))


def _counts(numbers: np.ndarray, new: np.ndarray) -> bool:
    """True where the lines of (nearly) each order are numbered from one on."""
    rows = np.arange(len(new))
    rank = rows - np.maximum.accumulate(np.where(new, rows, 0)) + 1
    return bool((~new).sum() >= SEVERAL and np.mean(numbers == rank) >= HOLDS)


def _is_same(orders: np.ndarray, cells: np.ndarray, filled: np.ndarray) -> bool:
    """True where orders of several lines have one value each, though not all the same."""
    if len(np.unique(cells[filled])) < 2:
        return False
    pairs = np.unique(orders[filled].astype(np.int64) * (int(cells.max()) + 1) + cells[filled]).size
    return bool(pairs <= len(np.unique(orders[filled])) * 1.01)


def _decides(columns: Sequence[Column]) -> frozenset[tuple[int, int]]:
    """Pairs of columns where rows that share the first share the second, and rows do share the first."""
    found = set()
    rows = min(4_000, len(columns[0].cells)) if columns else 0
    codes = [np.unique(np.array(c.cells[:rows], dtype=object).astype(str), return_inverse=True) for c in columns]
    for i, c in enumerate(columns):
        kinds = len(codes[i][0])
        if kinds < 2 or kinds > 0.98 * rows or c.fill < 0.3:
            continue
        for j in range(len(columns)):
            if i == j or len(codes[j][0]) < 2:
                continue
            together = np.unique(codes[i][1].astype(np.int64) * (len(codes[j][0]) + 1) + codes[j][1]).size
            if together <= kinds * 1.01:
                found.add((i, j))
    return frozenset(found)
