"""Segment maps: rules that a consultant writes in a client file and reads aloud, and the maps of the field by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from custkit.words import mark

# What a rule may ask: scores from 1 to 5, and plain values in their own unit. Measure in the file: column of the customers' table.
SCORES = ("r", "f", "m", "fm")
MEASURES = {
    "recency_days": "recency_days",
    "orders": "frequency",
    "spend": "monetary_value",
    "order_value": "order_value",
    "tenure_days": "tenure_days",
    "offer_share": "offer_share",
    "saved_share": "saved_share",
}
MEDIAN, MEAN, TOP = "median", "mean", "top"
_SHARES, _DAYS = ("offer_share", "saved_share"), ("recency_days", "tenure_days")
_NUMBER = r"\d+(?:\.\d+)?"
_COMPARISON = re.compile(rf"(>=|<=|>|<) *({_NUMBER})(%?)|(>=|<=|>|<) *(median|mean)")
_RANGE = re.compile(rf"({_NUMBER})(%?)(?: *- *({_NUMBER})(%?))?")
_TOP = re.compile(rf"top ({_NUMBER})%")
_HOW = "write > 180, >= 3, 100-500, < median, > mean or top 20%, with `and` between two"
REST = mark("Need attention")


class Condition(NamedTuple):
    """One comparison. `sign`: > >= < <= with `bound` a number, `median` or `mean` of all customers; or `top` with a share of customers."""

    sign: str
    bound: float | str

    @property
    def is_relative(self) -> bool:
        """True where the border depends on the other customers."""
        return self.sign == TOP or isinstance(self.bound, str)


class Segment(BaseModel):
    """One row of a segment map. A customer belongs to the first row that fits; a row without conditions fits everybody left.

    r f m fm       scores from 1 to 5 for recency, orders, spend and the mean of the last two: `4-5` or `3`
    recency_days   days since the last order; `active_days` and `dormant_days` of the client file may stand for a number
    orders spend   in the last 365 days
    order_value    spend / orders
    tenure_days    days since the first order
    offer_share    share of orders on offer: `">= 50%"`
    saved_share    what coupons and reduced prices took off, as a share of list prices
    action         what to do, in the client's words
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    r: str | None = None
    f: str | None = None
    m: str | None = None
    fm: str | None = None
    recency_days: str | None = None
    orders: str | None = None
    spend: str | None = None
    order_value: str | None = None
    tenure_days: str | None = None
    offer_share: str | None = None
    saved_share: str | None = None
    action: str = ""

    @field_validator(*SCORES)
    @classmethod
    def _range(cls, given: str | None) -> str | None:
        if given is None:
            return None
        found = re.fullmatch(r"(\d+(?:\.5)?)(?:-(\d+(?:\.5)?))?", given)
        if not found:
            raise ValueError(f"`{given}` is not a range of scores; write 4-5 or 3")
        low, high = float(found[1]), float(found[2] or found[1])
        if not 1 <= low <= high <= 5:
            raise ValueError(f"`{given}` is not a range of scores: they go from 1, the worst, to 5")
        return given

    @field_validator(*MEASURES)
    @classmethod
    def _conditions(cls, given: str | None, info: ValidationInfo) -> str | None:
        if given is not None:
            measure = str(info.field_name)
            days = ("active_days", "dormant_days") if measure in _DAYS else ()
            for part in re.sub(rf"\b({'|'.join(days)})\b", "0", given).split(" and ") if days else given.split(" and "):
                _parsed(part.strip(), measure)
        return given

    def bounds(self, score: str) -> tuple[float, float] | None:
        """Lowest and highest score that fit, both inclusive; None: any."""
        given = getattr(self, score)
        if given is None:
            return None
        low, _, high = given.partition("-")
        return float(low), float(high or low)

    def conditions(self, measure: str) -> tuple[Condition, ...]:
        """What the row asks of a plain value; empty: anything."""
        given = getattr(self, measure)
        return tuple(condition for part in given.split(" and ") for condition in _parsed(part.strip(), measure)) if given else ()

    @property
    def is_rest(self) -> bool:
        """True for a row without conditions."""
        return all(getattr(self, name) is None for name in (*SCORES, *MEASURES))

    def settled(self, days: Mapping[str, int]) -> Segment:
        """The row with `active_days` and `dormant_days` as numbers."""
        changed = {}
        for measure in _DAYS:
            given = getattr(self, measure)
            for word, number in days.items():
                given = given and re.sub(rf"\b{word}\b", str(number), given)
            if given != getattr(self, measure):
                changed[measure] = given
        return self.model_copy(update=changed) if changed else self


def _parsed(part: str, measure: str) -> tuple[Condition, ...]:
    if found := _TOP.fullmatch(part):
        if not 0 < float(found[1]) < 100:
            raise ValueError(f"`{part}`: between 0% and 100% of customers")
        return (Condition(TOP, float(found[1]) / 100),)
    if found := _COMPARISON.fullmatch(part):
        bound = found[5] or _number(found[2], found[3], measure)
        return (Condition(found[1] or found[4], bound),)
    if found := _RANGE.fullmatch(part):
        low = _number(found[1], found[2], measure)
        high = _number(found[3], found[4], measure) if found[3] else low
        if low > high:
            raise ValueError(f"`{part}` ends below its beginning")
        return Condition(">=", low), Condition("<=", high)
    raise ValueError(f"`{part}` is not a condition; {_HOW}")


def _number(text: str, percent: str, measure: str) -> float:
    if percent and measure not in _SHARES:
        raise ValueError(f"`{text}%`: {measure} is not a share")
    value = float(text) / 100 if percent else float(text)
    if measure in _SHARES and value > 1:
        raise ValueError(f"`{text}` is more than 100%; write {text}%")
    return value


def whole_map(given: Sequence[Segment]) -> tuple[Segment, ...]:
    """The rows with a row for the rest behind them, where they have none.

    Raises ValueError for a row that nobody can reach.
    """
    for at, segment in enumerate(given[:-1]):
        if segment.is_rest:
            raise ValueError(f"row {at + 1}, `{segment.name}`, has no condition and takes everybody: put it last")
    rows = tuple(given)
    return rows if rows and rows[-1].is_rest else (*rows, Segment(name=REST, action=_REST_ACTION))


def named_map(name: str) -> tuple[Segment, ...]:
    """A map of the field by its name.

    Raises ValueError naming those there are.
    """
    if name not in NAMED_MAPS:
        close = difflib.get_close_matches(name, NAMED_MAPS, n=1)
        meant = f"; did you mean `{close[0]}`?" if close else ""
        raise ValueError(f"`{name}` is no segment map{meant}; there are {', '.join(NAMED_MAPS)}, or write rows of your own")
    return NAMED_MAPS[name]


_REST_ACTION = mark("Give a reason to come back: news, the season, a small offer.")


def _rows(*rows: tuple[str, dict[str, str], str]) -> tuple[Segment, ...]:
    return tuple(Segment(**{"name": name, "action": action, **rule}) for name, rule, action in rows)


# The field's ten segments on recency and the mean of frequency and monetary value. They leave nobody out.
TEN_SEGMENTS = _rows(
    (mark("Champions"), {"r": "5", "fm": "4-5"}, mark("Reward them and ask for a recommendation; they need no discount.")),
    (mark("Cannot lose"), {"r": "1", "fm": "4.5-5"}, mark("Call in person and find out what keeps them away.")),
    (mark("At risk"), {"r": "1-2", "fm": "3-5"}, mark("Win back now, with what they used to buy.")),
    (mark("Loyal"), {"r": "3-5", "fm": "3.5-5"}, mark("Lead to a further category; show what the next tier brings.")),
    (mark("New"), {"r": "5", "fm": "1-1.5"}, mark("Welcome them and lead to the second order.")),
    (mark("Promising"), {"r": "4", "fm": "1-1.5"}, mark("Remind of the first order; show what goes with it.")),
    (mark("Potential loyal"), {"r": "4-5", "fm": "2-3"}, mark("Invite to the programme; lead to a second category.")),
    (REST, {"r": "3", "fm": "2.5-3"}, _REST_ACTION),
    (mark("About to sleep"), {"r": "3", "fm": "1-2"}, mark("Wake up with best sellers first, with a discount last.")),
    (mark("Hibernating"), {"r": "1-2", "fm": "1-2.5"}, mark("Little effort: a mailing in season.")),
)

# Recency, orders and spend each better than the median customer's, or not.
_RECENT, _LONG = {"recency_days": "< median"}, {"recency_days": ">= median"}
_MANY, _FEW = {"orders": "> median"}, {"orders": "<= median"}
_MUCH, _LITTLE = {"spend": "> median"}, {"spend": "<= median"}
EIGHT_SEGMENTS = _rows(
    (mark("Key"), _RECENT | _MANY | _MUCH, mark("Keep them: first served, first told.")),
    (mark("Key, to develop"), _RECENT | _FEW | _MUCH, mark("Bring them in more often: reminders, subscriptions, things that run out.")),
    (mark("Key, to keep"), _LONG | _MANY | _MUCH, mark("Ask what keeps them away; invite in person.")),
    (mark("Key, to win back"), _LONG | _FEW | _MUCH, mark("Win back with what they bought; worth a call.")),
    (mark("Ordinary"), _RECENT | _MANY | _LITTLE, mark("Raise the order: sets, free delivery from an amount.")),
    (mark("Ordinary, to develop"), _RECENT | _FEW | _LITTLE, mark("Lead to the second order.")),
    (mark("Ordinary, to keep"), _LONG | _MANY | _LITTLE, mark("Remind of the small things they used to buy.")),
    (mark("Ordinary, to win back"), _LONG | _FEW | _LITTLE, mark("A mailing in season, no more.")),
)

_SLIPPING = {"recency_days": "> active_days", "fm": "3-5"}
_EVERYONE_ELSE = (mark("Everyone else"), dict[str, str](), mark("Include in what goes to all; spend nothing extra."))

# Value against frequency.
VALUE_FREQUENCY = _rows(
    (mark("Dormant buyers"), {"recency_days": "> dormant_days"}, mark("Win back those who spent most; leave the others to the season.")),
    (
        mark("High frequency, low ticket"),
        {"orders": "> median", "order_value": "< median"},
        mark("Raise the order: sets, bigger packs, free delivery from an amount."),
    ),
    (mark("High value, high frequency"), {"orders": "> median", "spend": "> median"}, mark("Keep them: first served, first told.")),
    (mark("High value, high potential"), {"spend": "> median"}, mark("Few but large orders: give reasons to come in between.")),
    (mark("Low value, low frequency"), {}, mark("One good reason for the next order, at little cost.")),
)

# Value against risk.
VALUE_RISK = _rows(
    (mark("Churn risk"), _SLIPPING, mark("Win back before they sleep: ask, remind, then offer.")),
    (mark("High value"), {"m": "5", "recency_days": "<= active_days"}, mark("Keep them: first served, first told.")),
    (mark("Potential"), {"recency_days": "<= active_days"}, mark("Lead to a further category and the next order.")),
    _EVERYONE_ELSE,
)

# Whom campaigns are planned for.
TARGET_GROUPS = _rows(
    (mark("Churn risk"), _SLIPPING, mark("Win back before they sleep: ask, remind, then offer.")),
    (
        mark("Price-sensitive"),
        {"orders": ">= 3", "saved_share": "top 20% and >= 10%"},
        mark("Sets and tiered offers; keep them out of mailings for the others."),
    ),
    (mark("High-value loyal"), {"m": "4-5", "f": "4-5"}, mark("Reward with service and early access, not with discounts.")),
    (mark("Potential new"), {"tenure_days": "<= active_days"}, mark("Welcome them and lead to the second order.")),
    _EVERYONE_ELSE,
)

NAMED_MAPS: dict[str, tuple[Segment, ...]] = {
    "ten": TEN_SEGMENTS,
    "eight": EIGHT_SEGMENTS,
    "value_frequency": VALUE_FREQUENCY,
    "value_risk": VALUE_RISK,
    "target_groups": TARGET_GROUPS,
}
MAP_NAMES = {
    "ten": mark("Ten segments"),
    "eight": mark("Eight groups"),
    "value_frequency": mark("Value and frequency"),
    "value_risk": mark("Value and risk"),
    "target_groups": mark("Groups to plan for"),
}


def settled_map(given: Any, days: Mapping[str, int]) -> tuple[Segment, ...]:
    """The rows with the client's own days in them."""
    return tuple(segment.settled(days) for segment in given)
