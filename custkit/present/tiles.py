"""Tiles: one measure each, with its change on last month and on last year, or "no significant change"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from custkit import words
from custkit.present import few
from custkit.present.finding import Fact, Unit, settle, show
from custkit.present.mime import TILES
from custkit.present.table import SMALL_SAMPLE


@dataclass(frozen=True)
class Tile:
    """`change` is the sentence under the value, `direction` its sign, `good` whether up is good news; `year` the same against last year.

    spark: the months' values; `breaks` are the places at which they begin to be counted by another definition: the line is drawn apart
    there. The interval of the fact stands under its value; one that rests on fewer than 30 says so.
    """

    name: str
    fact: Fact
    change: str = ""
    direction: Literal["up", "down", "none"] = "none"
    good: Literal["up", "down", "neither"] = "neither"
    spark: tuple[float | None, ...] = ()
    year: str = ""
    year_direction: Literal["up", "down", "none"] = "none"
    breaks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Where the value of any month is held back, so are the line and the changes from which it could be drawn."""
        whole = self.fact.denominator if self.fact.denominator is not None else self.fact.n
        if self.fact.hidden or any(few.few_behind(value, self.fact.unit, whole) for value in self.spark if value is not None):
            kept = {"change": "", "direction": "none", "spark": (), "year": "", "year_direction": "none", "breaks": ()}
            for name, nothing in kept.items():
                object.__setattr__(self, name, nothing)

    def as_dict(self) -> dict[str, Any]:
        verdict = "neutral" if "none" in (self.direction,) or self.good == "neither" else "good" if self.good == self.direction else "bad"
        return {
            "name": self.name,
            "value": self.fact.shown(),
            "range": self._range(),
            "small": _small(self.fact.n),
            "change": self.change,
            "direction": self.direction,
            "verdict": verdict,
            "year": self.year,
            "year_direction": self.year_direction,
            "spark": [settle(value) for value in self.spark],
            "breaks": list(self.breaks),
            "fact": self.fact.as_dict(),
            "receipt": self.fact.receipt(),
        }

    def _range(self) -> str:
        fact = self.fact
        if fact.low is None or fact.high is None:
            return ""
        return words._("{low} to {high}").format(low=show(fact.low, fact.unit), high=show(fact.high, fact.unit))


def _small(n: int | None) -> str:
    if n is None or n >= SMALL_SAMPLE:
        return ""
    return words._("small sample: {n}").format(n=words.count(n))


@dataclass(frozen=True)
class Tiles:
    """A row of tiles."""

    tiles: tuple[Tile, ...]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        lines = [
            " · ".join(part for part in (t.name, t.fact.shown(), t._range(), _small(t.fact.n), t.change, t.year) if part)
            for t in self.tiles
        ]
        return {
            "text/plain": "\n".join(lines),
            "text/markdown": "\n".join(f"- {line}" for line in lines),
            TILES: {"tiles": [tile.as_dict() for tile in self.tiles]},
        }


def tiles(given: Sequence[Tile]) -> Tiles:
    return Tiles(tuple(given))


def change_sentence(
    now: float | None, before: float | None, *, significant: bool, against: str, unit: Unit = "number"
) -> tuple[str, Literal["up", "down", "none"]]:
    """ "9.4% on November" and its direction, in points for a share; "no significant change on November" within noise."""
    if now is None or before is None or now != now or before != before:
        return "", "none"
    if not significant:
        return words._("no significant change on {month}").format(month=against), "none"
    direction: Literal["up", "down"] = "up" if now > before else "down"
    if unit == "share":
        return words._("{points} on {month}").format(points=words.points(now - before), month=against), direction
    if before == 0:
        return words._("nothing in {month}").format(month=against), "none"
    return words._("{share} on {month}").format(share=words.share(abs(now / before - 1)), month=against), direction
