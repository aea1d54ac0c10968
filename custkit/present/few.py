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
    "campaigns.shown", "campaigns.tested", "checked", "closing_points", "column", "comparable", "completes", "consequent_orders",
    "cumulative_actual", "cycle_gaps", "days", "decile", "demand_high", "demand_low", "due_points", "duration_days", "earned_points",
    "expired_points", "expiring_points", "failed", "feeds", "files", "filled", "frequency", "from_day", "gaps", "group",
    "health.quarantined", "health.records", "hour", "items", "joint_orders", "k", "lag_days", "lapsed_points", "larger_purchases",
    "last_weeks", "lead", "lines", "linked_rows", "lists_short", "longest_gap", "looks", "missing_orders", "months", "next_weeks",
    "not_found", "offer_orders", "opening_points", "order_number", "orders", "orders_ahead", "orders_alone", "orders_foretold",
    "orders_made", "pairs.held", "pairs.significant", "pairs.too_few_orders", "payback_month", "period", "points", "points_balance",
    "products", "quarantined", "recency_days", "recommended", "records", "redeemed_points", "replenishment.regular", "request",
    "returned_lines", "routes.next_order.significant", "rows", "score", "searches", "searching_visits", "seconds_per_visit",
    "spellings", "structural", "sums", "tags_kept", "tenth", "times", "to_day", "unlinked_orders", "visits", "voice.needs", "week",
    "weeks", "without_result", "years",
})  # fmt: skip
# Texts that say what a row is, whoever stands in it: their numbers are days, dates, sums of a rule and parts of names, and stay.
NAMES = frozenset({
    "advice", "age", "antecedent", "campaign_name", "category", "channel", "check", "consequent", "definition", "feature",
    "first_day", "group", "horizon", "item", "last_day", "law", "list", "list_rule", "meaning", "measure", "month", "next_tier",
    "offer", "part", "payment_kind", "price_tier", "product", "quarter", "ran", "region", "remedy", "rule", "rule_in_words",
    "segment", "stage", "stage_before", "strategy", "tier", "tier_before", "tier_held", "trait_value",
})  # fmt: skip
_THINGS = ("behaviour.season_", "health.fields_", "health.lag.", "health.notes", "health.pages_")
_DIFFERENCES = ("change", "change_low", "change_high", "change_year")
# Rates of the people on whom a row rests: times their number they are a count.
RATES = frozenset(
    """activity_rate again_missed again_reached big_spender_share bought_share buyer_share churn_rate confidence ever_offer_share
    first_purchase_rate go_on_rate high_ticket_share hit_rate list_precision loyal_share offer_only_share paid_more_share passed_over_rate
    precision rate redemption_rate repurchase_rate response_rate rest_share retention_rate return_share returned_in_90_days share_30
    share_90 stop_share unhappy_share""".split()  # noqa: SIM905
)


def counts_people(name: str) -> bool:
    """True for a column or fact whose count is of people, as far as is known; the difference of two counts is no group of people."""
    return name not in THINGS and not name.startswith(_THINGS) and not name.endswith(_DIFFERENCES)


def shared() -> bool:
    """True where the report leaves the house."""
    return words.reader().min_cell > 1


def hidden_rows(
    counts: pd.DataFrame, names: pd.DataFrame, *, given_away: np.ndarray | None = None, rest: pd.Series | None = None
) -> np.ndarray:
    """Rows to hide, as booleans, so that no count of few people can be read or worked out, whichever column it stands in.

    counts: columns that count people. names: columns of text; where a name stands in several rows, those are taken for the parts of one
    whole whose total is known, as all rows are. An empty name is that of the row above. given_away: rows to hide for another reason.
    rest: what the rows that are not shown hold, by column. A row is hidden in all columns or in none, as columns may add up to each other.
    """
    n = len(counts)
    hidden = np.zeros(n, dtype=bool) if given_away is None else given_away.copy()
    if not shared():
        return hidden
    columns = {name: _whole_numbers(counts[name], rest[name] if rest is not None else 0) for name in counts}
    blocks = next((_wholes(names[name]) for name in names if (names[name] == "").any()), None) or [""] * n
    for block in dict.fromkeys(blocks):  # each as if it stood alone, so that every table hides of the same counts at least the same rows
        inside = np.array([other == block for other in blocks])
        for parts in columns.values():
            alone = [part for part, within in zip(parts, [*inside, True], strict=True) if within]
            hidden[inside] |= _protected(alone, np.zeros(inside.sum(), dtype=bool), [])
    splits = [whole for name in names if (whole := _wholes(names[name])) is not None]
    while True:
        wider = np.logical_or.reduce([hidden, *(_protected(parts, hidden, splits) for parts in columns.values())])
        if (wider == hidden).all():
            return hidden
        hidden = wider


def _whole_numbers(column: pd.Series, rest: float) -> list[int]:
    return [round(abs(value)) if pd.notna(value) else 0 for value in [*column, rest]]


def _protected(parts: list[int], hidden: np.ndarray, splits: list[list[str]]) -> np.ndarray:
    """Rows of one column to hide beside those that are; the last of `parts` is what is not shown."""
    if not hidden.any() and not any(map(words.few, parts)):
        return hidden
    cells = one_way(parts, splits=[[*whole, None] for whole in splits])
    kept_back = np.zeros(len(cells.counts), dtype=bool)
    kept_back[: len(parts)] = [*hidden, True]
    return suppressed(cells, min_cell=words.reader().min_cell, hidden=kept_back)[: len(hidden)]


def _wholes(names: pd.Series) -> list[str] | None:
    """Each row's name, where names repeat; None where every row has one of its own, or all have the same."""
    told = names.astype("object").replace("", None).ffill().astype(str)
    return list(told) if 1 < told.nunique() < len(told) else None


def tells_few(frames: Iterable[Any], people: Sequence[str] | None = None) -> bool:
    """True when a frame to be drawn holds a whole number that may count few people; people: the columns to look at, all where not given."""
    known = [frame for frame in frames if isinstance(frame, pd.DataFrame)]
    return shared() and any(_holds_few(frame[name]) for frame in known for name in frame if people is None or name in people)


def _holds_few(column: pd.Series) -> bool:
    if not counts_people(str(column.name)) or not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    known = column.dropna().astype(float)
    return bool((known % 1 == 0).all()) and any(map(words.few, known))


def few_behind(value: Any, unit: str, whole: float | int | None) -> bool:
    """True when `value`, or the people it stands for or leaves out as a share of `whole`, are few."""
    if unit == "count" and words.few(value):
        return True
    if unit != "share" or whole is None or pd.isna(value) or pd.isna(whole) or not 0 < value < 1:
        return False
    return words.few(value * whole) or words.few(whole - value * whole)


def withheld() -> str:
    """The sentence in place of one that tells of few people."""
    return _("Not told here: it rests on fewer than {n} people.").format(n=words.number(words.reader().min_cell, 0))


def rule() -> str:
    """What a page says of itself that leaves the house."""
    return _(
        "This copy is for readers outside the house: it tells of no group of fewer than {n} people, and holds no list of people. "
        "Who sets it beside a copy of another month, or another copy of this month, may find smaller groups in the differences."
    ).format(n=words.number(words.reader().min_cell, 0))


def note() -> str:
    """What stands under a table with hidden cells."""
    return _("Hidden: fewer than {n} people, or a figure from which so few could be worked out.").format(
        n=words.number(words.reader().min_cell, 0)
    )
