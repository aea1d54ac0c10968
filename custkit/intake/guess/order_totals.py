"""What the lines of an order add up to: the column that says so, and whether discounts are still to come off their prices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from custkit.intake.guess.facts import CENT, HOLDS, SEVERAL, Facts


def sums_of(facts: Facts, columns: Mapping[str, int]) -> tuple[int | None, bool]:
    """The place of the order's total, and whether its lines are quantity × price less discounts. `columns`: field → place."""
    numbers = {f: facts.columns[place].numbers for f, place in columns.items()}
    if "amount" in numbers:
        return _total(facts, numbers["amount"]), False
    if "unit_price" not in numbers:
        return None, False
    lines = numbers["unit_price"] * numbers.get("quantity", np.array(1.0))
    off = sum((np.abs(np.nan_to_num(numbers[f])) for f in ("discount_amount", "coupon_amount") if f in numbers), np.zeros(len(lines)))
    if off.any() and (total := _total(facts, lines - off)) is not None:
        return total, True
    return _total(facts, lines), False


def _total(facts: Facts, lines: np.ndarray) -> int | None:
    """The column of orders that equals the sum of their lines, in orders of several lines."""
    if facts.orders is None:
        return None
    codes = np.unique(np.array(facts.columns[facts.orders].cells, dtype=object).astype(str), return_inverse=True)[1]
    sums, several = np.bincount(codes, np.nan_to_num(lines)), np.bincount(codes) > 1
    for place in sorted(facts.of_order | facts.once):
        column = facts.columns[place]
        if not column.is_numeric or column.is_time:
            continue
        said = np.full(len(sums), np.nan)
        known = np.isfinite(column.numbers)
        said[codes[known]] = column.numbers[known]
        compared = several & np.isfinite(said)
        if compared.sum() >= SEVERAL and np.mean(np.abs(said - sums)[compared] <= CENT) >= HOLDS:
            return place
    return None
