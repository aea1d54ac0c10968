"""What holds for whatever table is hidden in part, and the attack on it: all that is published, solved by an independent programme.

The attack runs on 1,000 random tables in `make test-deep`, on 300 otherwise; the seed is fixed.
"""

from __future__ import annotations

import os

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from custkit.analysis.disclosure import Cells, disclosed, one_way, suppressed, two_way

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep" or "CUSTKIT_DEEP" in os.environ
TABLES = 1000 if DEEP else 300
LEAST = 10
COUNTS = st.one_of(st.integers(0, 12), st.integers(0, 400))


@st.composite
def tables(draw: st.DrawFn) -> Cells:
    """Up to four rows and columns, with or without totals; or one column with totals by up to two splits."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    if draw(st.booleans()):
        counts = draw(st.lists(COUNTS, max_size=6))
        names = st.lists(st.sampled_from("ab"), min_size=len(counts), max_size=len(counts))
        return one_way(counts, splits=draw(st.lists(names, max_size=2)))
    inner = np.array(draw(st.lists(COUNTS, min_size=rows * columns, max_size=rows * columns))).reshape(rows, columns)
    return two_way(inner, row_totals=draw(st.booleans()), column_totals=draw(st.booleans()))


@given(tables())
def test_every_small_count_is_hidden_no_zero_is_and_the_audit_finds_nothing(cells):
    before = cells.counts.copy()
    hidden = suppressed(cells, min_cell=LEAST)
    assert hidden[(cells.counts > 0) & (cells.counts < LEAST)].all()
    assert not hidden[cells.counts == 0].any()
    assert not disclosed(cells, hidden, min_cell=LEAST).any()
    assert (cells.counts == before).all()


@given(tables())
def test_the_sums_hold_and_without_a_small_count_nothing_is_hidden(cells):
    assert all(cells.counts[list(parts)].sum() == cells.counts[total] for parts, total in cells.sums)
    assert not suppressed(cells, min_cell=1).any()
    large = Cells(cells.counts * LEAST, cells.sums)
    assert not suppressed(large, min_cell=LEAST).any()


@given(st.lists(COUNTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_hides_no_more_and_no_less(counts, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    one, other = (suppressed(one_way(each), min_cell=LEAST) for each in (counts, [counts[i] for i in order]))
    assert one.sum() == other.sum()


def bounds_of(cells: Cells, hidden: np.ndarray, place: int) -> tuple[float, float]:
    """The least and the largest count that fit what is published, by linear programmes: a cross table's bounds are whole numbers."""
    names = {int(i): n for n, i in enumerate(np.flatnonzero(hidden))}
    system, known = [], []
    for parts, total in cells.sums:
        row, rest = np.zeros(len(names)), 0
        for i, sign in [*((part, 1) for part in parts), (total, -1)]:
            if i in names:
                row[names[i]] += sign
            else:
                rest -= sign * int(cells.counts[i])
        system.append(row)
        known.append(rest)
    aim = np.eye(len(names))[names[place]]
    ends = []
    for sign in (1, -1):
        found = linprog(sign * aim, A_eq=np.array(system) if system else None, b_eq=known or None, bounds=(1, None))
        ends.append(np.inf if found.status == 3 else float(round(sign * found.fun, 6)))
    return ends[0], ends[1]


def random_table(random: np.random.Generator) -> Cells:
    rows, columns = random.integers(1, 7, 2)
    inner = np.floor(random.lognormal(random.uniform(2, 5), 1.3, (rows, columns))).astype(int)
    return two_way(inner, row_totals=bool(random.integers(4)), column_totals=bool(random.integers(4)))


def test_who_solves_all_that_is_published_learns_of_no_count_below_ten():
    random = np.random.default_rng(20261126)
    given_away, small = [], 0
    for n in range(TABLES):
        cells = random_table(random)
        hidden = suppressed(cells, min_cell=LEAST)
        small += int(((cells.counts > 0) & (cells.counts < LEAST)).sum())
        for place in np.flatnonzero(hidden):
            low, high = bounds_of(cells, hidden, int(place))
            if high < LEAST or low == high:
                given_away.append((n, int(place), low, high))
    assert small > TABLES  # the attack had something to find
    assert given_away == []


def test_the_attack_finds_what_hiding_the_small_counts_alone_gives_away():
    random = np.random.default_rng(1)
    found = 0
    for _n in range(20):
        cells = random_table(random)
        hidden = (cells.counts > 0) & (cells.counts < LEAST)
        ours = disclosed(cells, hidden, min_cell=LEAST)
        bounds = {int(i): bounds_of(cells, hidden, int(i)) for i in np.flatnonzero(hidden)}
        assert np.flatnonzero(ours).tolist() == [i for i, (low, high) in bounds.items() if high < LEAST or low == high]
        found += int(ours.sum())
    assert found > 20
