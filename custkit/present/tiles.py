"""Tiles: one measure each, with its change on last month and on last year, or "no significant change"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from custkit import words
from custkit.present.finding import Fact, Unit, settle
from custkit.present.mime import TILES


@dataclass(frozen=True)
class Tile:
    """`change` is the sentence under the value, `direction` its sign, `good` whether up is good news; `year` the same against last year."""

    name: str
    fact: Fact
    change: str = ""
    direction: Literal["up", "down", "none"] = "none"
    good: Literal["up", "down", "neither"] = "neither"
    spark: tuple[float | None, ...] = ()
    year: str = ""
    year_direction: Literal["up", "down", "none"] = "none"

    def as_dict(self) -> dict[str, Any]:
        verdict = "neutral" if "none" in (self.direction,) or self.good == "neither" else "good" if self.good == self.direction else "bad"
        return {
            "name": self.name,
            "value": self.fact.shown(),
            "change": self.change,
            "direction": self.direction,
            "verdict": verdict,
            "year": self.year,
            "year_direction": self.year_direction,
            "spark": [settle(value) for value in self.spark],
            "fact": self.fact.as_dict(),
            "receipt": self.fact.receipt(),
        }


@dataclass(frozen=True)
class Tiles:
    """A row of tiles."""

    tiles: tuple[Tile, ...]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        lines = [" · ".join(part for part in (t.name, t.fact.shown(), t.change, t.year) if part) for t in self.tiles]
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
