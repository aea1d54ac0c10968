"""The columns of one file against the fields of one table, settled together: each column to at most one field, the likeliest whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from custkit.intake.guess.facts import Facts
from custkit.intake.guess.fit import fit
from custkit.intake.guess.headers import header_score
from custkit.intake.guess.vocabulary import FIELDS
from custkit.tables import SENT

NEVER = -50.0
UNSEEN, NAMELESS = -2.6, -1.2  # log odds before anything is known: a name that says something else, and no name at all
# What a file without names is likeliest to hold; anything else needs an identity of money to show it.
_PLAIN = {
    ("order_lines", f): more for f, more in {"ordered_at": 1.2, "customer_id": 1.6, "amount": 1.6, "quantity": 1.5, "order_id": 0.8}.items()
}
ANYWAY = -1.2  # a field that must be there is asked about from here on
MUST: dict[str, tuple[tuple[str, ...], ...]] = {
    "order_lines": (("ordered_at",), ("order_id", "customer_id"), ("amount", "unit_price", "gross_amount", "list_price")),
    "campaign_contacts": (("campaign_id",), ("customer_id",)),
    "products": (("product_id",),),
    **{
        name: tuple((c.name,) for c in SENT[name].columns if c.required)
        for name in ("customers", "events", "campaigns", "loyalty_ledger", "surveys", "marketing_spend", "merged_customers")
    },
}


@dataclass(frozen=True)
class Fit:
    """`places`: field → place of its column; `sure`: field → how likely that is; `lacking`: alternatives of which one must be mapped.

    `denied`: fields a person said no column is.
    """

    table: str
    places: Mapping[str, int]
    sure: Mapping[str, float]
    lacking: tuple[tuple[str, ...], ...]
    rivals: Mapping[str, int] = field(default_factory=dict)
    denied: int = 0

    @property
    def weight(self) -> float:
        """How much of the table the file explains, and how well."""
        must = {f for group in MUST[self.table] for f in group}
        return (
            sum(p * (1.8 if f in must else 1.0) for f, p in self.sure.items())
            + self.denied
            - 2.4 * len(self.lacking)
            - 2.5 * (("customer_id",) in self.lacking or ("product_id",) in self.lacking)
        )


def assign(table: str, facts: Facts, more: Mapping[tuple[str, int], float], told: Mapping[str, int | None] | None = None) -> Fit:
    """The likeliest mapping of the columns of `facts` to `table`. `more` adds to the log odds of (field, place).

    `told`: field → the place a person named, whatever stands there, or None where they said there is none.
    """
    told = told or {}
    fields = [f for f in FIELDS[table] if f not in told]
    must = {f for group in MUST[table] for f in group}
    odds = np.array(
        [
            [NEVER if place in told.values() else _odds(table, f, place, facts) + more.get((f, place), 0.0) for f in fields]
            for place in range(len(facts.columns))
        ]
    )
    floors = np.array([ANYWAY if f in must else 0.0 for f in fields])
    named = {f: place for f, place in told.items() if place is not None}
    if not odds.size:
        return Fit(table, named, dict.fromkeys(named, 1.0), tuple(group for group in MUST[table] if not set(group) & set(named)))
    # The likeliest whole first; only then the order of names, so that no order of columns leaves a trace.
    gain = np.where(odds > floors, odds - floors, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    places = {fields[j]: int(i) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0}
    sure = {f: _sure(odds, fields, places, f, facts) for f in places}
    rivals = {f: rival for f, place in places.items() if (rival := _rival(odds[:, fields.index(f)], place)) is not None}
    places, sure = {**places, **named}, {**sure, **dict.fromkeys(named, 1.0)}
    lacking = tuple(group for group in MUST[table] if not any(f in places for f in group))
    return Fit(table, places, sure, lacking, rivals, len(told) - len(named))


def _rival(odds: np.ndarray, chosen: int) -> int | None:
    """The likeliest other column for a field, where one may be it at all."""
    others = np.where(np.arange(len(odds)) == chosen, NEVER, odds)
    best = int(np.argmax(others))
    return best if others[best] > ANYWAY else None


def _odds(table: str, field: str, place: int, facts: Facts) -> float:
    values = fit(table, field, place, facts)
    if values is None:
        return NEVER
    if not facts.informative:
        return NAMELESS + 1.3 * values + _PLAIN.get((table, field), -3.0 if not facts.role(place) else 0.0)
    score = header_score(facts.columns[place].name, table, field)
    return UNSEEN + 6.4 * (score if score >= 0.3 else 0.0) + values


def _sure(odds: np.ndarray, fields: list[str], places: Mapping[str, int], field: str, facts: Facts) -> float:
    """Probability of the column chosen for `field`, against none of them and against the columns left over."""
    j, i = fields.index(field), places[field]
    taken = {place for f, place in places.items() if f != field}
    left = [k for k in range(len(odds)) if k != i and k not in taken and not _same(i, k, field, facts)]
    mine = math.exp(min(odds[i, j], 30))
    return mine / (1 + mine + sum(math.exp(min(odds[k, j], 30)) for k in left))


def _same(a: int, b: int, field: str, facts: Facts) -> bool:
    """True for two names of one thing, or a town and its country: either would do."""
    ways = ((a, b) in facts.decides) + ((b, a) in facts.decides)
    return ways == 2 or (ways == 1 and field == "region")
