"""A sentence for people with its receipt: value, numerator, denominator, n, window, definition."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from custkit import words
from custkit.present import few
from custkit.present.mime import FINDING

Unit = Literal["count", "share", "points", "money", "number", "days", "text"]
_SIGNIFICANT = 9
_HELD_BACK: dict[str, Any] = {"value": None, "numerator": None, "denominator": None, "n": None, "low": None, "high": None, "hidden": True}


@dataclass(frozen=True)
class Fact:
    """One number that a sentence or tile tells. `key` is stable across months: `results.json` is compared by it.

    low, high: 90 % or 95 % interval as the definition says; n: what the value rests on. counted: by which of several definitions, as the
    client file names it; months told by different ones are not compared. hidden: held back from a reader outside the house, as it rests
    on few people; no figure is left in it.
    """

    key: str
    value: float | int | str | None
    unit: Unit
    numerator: float | int | None = None
    denominator: float | int | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    window: str = ""
    definition: str = ""
    counted: str = ""
    hidden: bool = False

    def __post_init__(self) -> None:
        if self.hidden or (few.shared() and few.counts_people(self.key) and self._rests_on_few()):
            for name, nothing in _HELD_BACK.items():
                object.__setattr__(self, name, nothing)

    def _rests_on_few(self) -> bool:
        top, base = self.numerator, self.denominator
        rest = base - top if top is not None and base is not None else None
        counts = [part for part in (top, base, rest, self.n) if part is not None and float(part).is_integer()]
        return any(map(words.few, counts)) or few.few_behind(self.value, self.unit, base if base is not None else self.n)

    def held_back(self) -> Fact:
        """The fact without its figures."""
        return replace(self, **_HELD_BACK)

    def as_dict(self) -> dict[str, Any]:
        """Only what is known, floats to nine significant digits: enough for cents, few enough to be the same on every run."""
        return {name: settle(value) for name, value in asdict(self).items() if value not in (None, "") and value is not False}

    def shown(self) -> str:
        """The value as people read it."""
        return words._(few.HIDDEN) if self.hidden else show(self.value, self.unit)

    def receipt(self) -> str:
        """One line: how the value comes about."""
        parts = []
        if self.numerator is not None and self.denominator is not None:
            unit: Unit = "count" if self.unit == "share" and float(self.numerator).is_integer() else "number"
            parts.append(f"{self.shown()} = {show(self.numerator, unit)} / {show(self.denominator, unit)}")
        elif self.value is not None or self.hidden:
            parts.append(self.shown())
        if self.low is not None and self.high is not None:
            parts.append(words._("interval {low} to {high}").format(low=show(self.low, self.unit), high=show(self.high, self.unit)))
        if self.n is not None:
            parts.append(f"n = {words.number(self.n, 0)}")
        if self.window:
            parts.append(words._("window: {window}").format(window=self.window))
        if self.definition:
            parts.append(self.definition)
        return words._("; ").join(parts)


@dataclass(frozen=True)
class Finding:
    """What was found: `headline` is the bold sentence, `detail` goes on in plain type, `facts` are the receipt.

    tone: quiet for "nothing changed" and "not estimated"; it is set in grey.
    """

    headline: str
    detail: str = ""
    facts: tuple[Fact, ...] = ()
    tone: Literal["plain", "quiet"] = "plain"

    def __post_init__(self) -> None:
        """Where one fact is held back, or a sentence tells of few, all of it is: what is left would give them away."""
        if any(fact.hidden for fact in self.facts) or (few.shared() and words.fewer() in f"{self.headline} {self.detail}"):
            kept = {"headline": few.withheld(), "detail": "", "tone": "quiet", "facts": tuple(fact.held_back() for fact in self.facts)}
            for name, value in kept.items():
                object.__setattr__(self, name, value)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        headline, detail = words.close(self.headline), words.close(self.detail)
        plain = words.close(f"{headline} {detail}".strip())
        return {
            "text/plain": plain,
            # In Markdown the space stays: without it the second ** would not close.
            "text/markdown": f"**{headline}** {detail}".strip() if self.tone == "plain" else plain,
            FINDING: {
                "headline": headline,
                "detail": detail,
                "tone": self.tone,
                "facts": [fact.as_dict() for fact in self.facts],
                "receipt": [line for fact in self.facts if (line := fact.receipt())],
            },
        }


def show(value: Any, unit: str) -> str:
    """`value` in the reader's language and the unit's format."""
    if unit == "text":
        return words.MISSING if value is None else str(value)
    if unit == "number":
        known = value is not None and value == value
        return words.number(value, 0 if known and float(value).is_integer() else 2)
    return {"count": lambda n: words.number(n, 0), "share": words.share, "points": words.points, "money": words.money, "days": words.days}[
        unit
    ](value)


def settle(value: Any) -> Any:
    """A float at nine significant digits, None for what is no number; everything else as it is."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = float(f"{value:.{_SIGNIFICANT}g}")
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value
