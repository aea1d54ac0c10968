"""Which cells must be hidden beside a small one, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from custkit.analysis.disclosure import disclosed, one_way, suppressed, two_way

# One cell below ten, in the first row:      total
#    20   30    3                              53
#    40   25   60                             125
#    15   50   35                             100
#    75  105   98                             278
CROSS = np.array([[20, 30, 3], [40, 25, 60], [15, 50, 35]])


def test_one_small_cell_takes_three_others_with_it():
    """The least cell of its row (20), of its column (35), and the one that closes the rectangle (15): 3 may then be any of 1 to 22."""
    hidden = suppressed(two_way(CROSS), min_cell=10)
    assert hidden[:9].reshape(3, 3).tolist() == [[True, False, True], [False, False, False], [True, False, True]]
    assert not hidden[9:].any()


def test_the_small_cell_alone_is_given_away_by_the_totals_and_kept_without_them():
    alone = (CROSS == 3).ravel()
    whole = two_way(CROSS)
    assert np.flatnonzero(disclosed(whole, np.append(alone, [False] * 7), min_cell=10)).tolist() == [2]
    bare = two_way(CROSS, row_totals=False, column_totals=False)
    assert suppressed(bare, min_cell=10).tolist() == alone.tolist()


def test_with_totals_of_rows_alone_the_rows_least_cell_goes_with_it():
    hidden = suppressed(two_way(CROSS, column_totals=False), min_cell=10)
    assert np.flatnonzero(hidden).tolist() == [0, 2]


def test_of_two_small_cells_that_make_five_together_neither_may_stand_alone():
    """2 + 3 = 5 would show that both are below ten: the next least goes too."""
    assert suppressed(one_way([2, 3, 40, 30]), min_cell=10).tolist() == [True, True, False, True, False]


def test_a_total_below_ten_is_hidden_and_zeros_stay():
    assert suppressed(one_way([3, 4, 0]), min_cell=10).tolist() == [True, True, False, True]


def test_where_all_parts_are_small_the_total_goes_too():
    """Five times 2 make 10: with the total told, no part could be above 6."""
    assert suppressed(one_way([2, 2, 2, 2, 2]), min_cell=10).tolist() == [True] * 6


def test_each_whole_of_a_column_protects_its_own_parts():
    """5 of 100 by one map, 40 and 60 by another: 40 would not help 5, only 95 does."""
    hidden = suppressed(one_way([5, 95, 40, 60], splits=[["value", "value", "risk", "risk"]]), min_cell=10)
    assert hidden[:4].tolist() == [True, True, False, False]


def test_what_is_hidden_for_another_reason_is_protected_too():
    given = np.array([False, True, False, False, False])
    assert suppressed(one_way([50, 20, 30, 40]), min_cell=10, hidden=given).tolist() == [False, True, True, False, False]


def test_nothing_below_ten_hides_nothing():
    assert not suppressed(two_way(CROSS * 10), min_cell=10).any()
    assert not suppressed(one_way([]), min_cell=10).any()


def test_what_is_no_table_of_counts_is_refused():
    with pytest.raises(ValueError, match="min_cell is 0"):
        suppressed(one_way([3]), min_cell=0)
    with pytest.raises(ValueError, match="counts holds -1"):
        one_way([-1])
    with pytest.raises(ValueError, match="dimensions"):
        two_way(np.array([1, 2]))
    with pytest.raises(ValueError, match="a split names 1 parts for 2"):
        one_way([1, 2], splits=[["a"]])
