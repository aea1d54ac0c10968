"""What is held back from a reader outside the house: counts of few people, and the figures that rest on them.

Who reads, and how few people are too few, says `words.reader()`. In the house nothing is held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from custkit import words
from custkit.analysis.disclosure import one_way, suppressed
from custkit.words import _, mark

HIDDEN = mark("hidden")
# Counts of what is no person: a column or fact that is not here counts people, and is held back when they are few.
THINGS = frozenset({
    "accepted", "actual", "adjusted_points", "age_months", "antecedent_orders", "baskets", "blank", "bounces", "calendar_month",
    "closing_points", "column", "comparable", "completes", "consequent_orders", "cumulative_actual", "cycle_gaps", "days", "decile",
    "demand_high", "demand_low", "due_points", "duration_days", "earned_points", "expired_points", "expiring_points", "failed",
    "feeds", "files", "filled", "frequency", "from_day", "gaps", "group", "hour", "items", "joint_orders", "k", "lag_days",
    "lapsed_points", "larger_purchases", "last_weeks", "lead", "lines", "linked_rows", "longest_gap", "looks", "missing_orders",
    "months", "next_weeks", "not_found", "offer_orders", "opening_points", "order_number", "orders", "orders_ahead", "orders_alone",
    "orders_foretold", "orders_made", "payback_month", "period", "points", "points_balance", "products", "quarantined",
    "recency_days", "recommended", "records", "redeemed_points", "request", "returned_lines", "rows", "score", "searches",
    "searching_visits", "seconds_per_visit", "spellings", "structural", "sums", "tenth", "times", "to_day", "unlinked_orders",
    "visits", "week", "weeks", "without_result", "years",
})  # fmt: skip


def shared() -> bool:
    """True where the report leaves the house."""
    return words.reader().min_cell > 1


def hidden_rows(counts: pd.DataFrame, names: pd.DataFrame, *, rest: pd.Series | None = None) -> np.ndarray:
    """Rows to hide, as booleans, so that no count of few people can be read or worked out, whichever column it stands in.

    counts: columns that count people. names: columns of text; where a name stands in several rows, those are taken for the parts of one
    whole whose total is known, as all rows are. An empty name is that of the row above. rest: what the rows that are not shown hold, by
    column. A row is hidden in all columns or in none, as columns may add up to each other.
    """
    n = len(counts)
    hidden = np.zeros(n, dtype=bool)
    splits = [whole for name in names if (whole := _wholes(names[name])) is not None]
    settled = not shared()
    while not settled:
        before = hidden
        for column in counts:
            parts = [round(abs(value)) if pd.notna(value) else 0 for value in counts[column]]
            more = round(abs(rest[column])) if rest is not None else 0
            if not hidden.any() and not any(map(words.few, [*parts, more])):
                continue
            cells = one_way([*parts, more], splits=[[*whole, None] for whole in splits])
            kept_back = np.zeros(len(cells.counts), dtype=bool)
            kept_back[: n + 1] = [*hidden, True]
            hidden = suppressed(cells, min_cell=words.reader().min_cell, hidden=kept_back)[:n] | hidden
        settled = bool((hidden == before).all())
    return hidden


def _wholes(names: pd.Series) -> list[str] | None:
    """Each row's name, where names repeat; None where every row has one of its own, or all have the same."""
    told = names.astype("object").replace("", None).ffill().astype(str)
    return list(told) if 1 < told.nunique() < len(told) else None


def tells_few(frames: Iterable[Any]) -> bool:
    """True when a frame to be drawn holds a whole number that may count few people."""
    return shared() and any(_holds_few(frame[name]) for frame in frames if isinstance(frame, pd.DataFrame) for name in frame)


def _holds_few(column: pd.Series) -> bool:
    if column.name in THINGS or not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    known = column.dropna().astype(float)
    return bool((known % 1 == 0).all()) and any(map(words.few, known))


def few_behind(value: Any, unit: str, whole: Sequence[float | int | None]) -> bool:
    """True when `value`, or the people it leaves out of a `whole` it is a share of, are few."""
    if unit == "count" and words.few(value):
        return True
    if unit != "share" or not isinstance(value, int | float):
        return False
    return any(words.few(part) for n in whole if n for part in (value * n, n - value * n))


def withheld() -> str:
    """The sentence in place of one that tells of few people."""
    return _("Not told here: it rests on fewer than {n} people.").format(n=words.number(words.reader().min_cell, 0))


def rule() -> str:
    """What a page says of itself that leaves the house."""
    return _(
        "This copy is for readers outside the house: it tells of no group of fewer than {n} people, and holds no list of people."
    ).format(n=words.number(words.reader().min_cell, 0))


def note() -> str:
    """What stands under a table with hidden cells."""
    return _("Hidden: fewer than {n} people, or a figure from which so few could be worked out.").format(
        n=words.number(words.reader().min_cell, 0)
    )
