"""Rules by which purchases suggest something about a customer, as a client file writes them, and what no rule may suggest."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from custkit.calendar_days import EACH_YEAR, calendar_day
from custkit.tables import TABLES

# What nobody may be told to be by what they bought: the special categories of Article 9 GDPR, by words that name them.
SENSITIVE: dict[str, tuple[str, ...]] = {
    "health": (
        "pregnan", "fertil", "contracep", "menopaus", "diabet", "cancer", "hiv", "depress", "disab", "disease", "illness", "addict",
        "alcohol", "patient", "medical", "health",
        "怀孕", "孕妇", "备孕", "避孕", "疾病", "患者", "糖尿", "癌", "抑郁", "残疾", "健康状况", "酗酒",
    ),
    "religion": ("relig", "muslim", "christian", "jewish", "hindu", "buddhis", "atheis", "church",
        "宗教", "穆斯林", "基督", "佛教", "信徒"),
    "politics": ("politic", "voter", "party member", "left-wing", "right-wing", "trade union", "union member", "政治", "党员", "工会"),
    "origin": ("ethnic", "racial", "migrant", "nationality", "种族", "民族", "移民"),
    "sexual life": ("sexual", "gay", "lesbian", "homosex", "transgender", "性取向", "同性恋", "性生活"),
}  # fmt: skip
WEEKDAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class AttributeRule(BaseModel):
    """What purchases suggest about a customer: `{name: has a cat, buys: [cat litter*, cat food*], times: 2, within_days: 180}`.

    buys          names, ids or categories of products, * for any letters; any product where not given
    times         on so many days …
    within_days   … of those before the end of the month
    pace          pieces used up in 30 days, `>= 3` or `1-2`: what was bought from the first purchase up to the last, by the days between
    weekdays      only purchases on these: `sat-sun`, `mon, wed`
    hours         only purchases between these: `18-23`, from 18:00 to 22:59
    dates         only purchases on these days of the year: `02-07 to 02-14`
    share         such purchases are so much of the customer's shopping days, `60%`
    predicts      what they should buy next if it is true, for the check on the month; other products of the same categories where not given
    known         what the client knows of some of them, for a second check: `{household_size: [3, 4, 5]}`

    Names of health, religion, politics, origin and sexual life are refused: see docs/decisions.md.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    buys: tuple[str, ...] = ()
    times: int = Field(1, ge=1)
    within_days: int = Field(365, ge=1)
    pace: str | None = None
    weekdays: str | None = None
    hours: str | None = None
    dates: str | None = None
    share: str | None = None
    predicts: tuple[str, ...] = ()
    known: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("buys", "predicts", mode="before")
    @classmethod
    def _list(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("name")
    @classmethod
    def _nothing_sensitive(cls, given: str) -> str:
        for kind, words in SENSITIVE.items():
            for word in words:
                if re.search(rf"\b{word}" if word.isascii() else word, given.lower()):
                    raise ValueError(
                        f"`{given}` tells of {kind} (`{word}`): nobody is told to be that by what they bought; see docs/decisions.md"
                    )
        return given

    @field_validator("buys", "predicts")
    @classmethod
    def _patterns(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if any(not pattern.strip("* ") for pattern in given):
            raise ValueError("`*` alone is every product; write a name such as cat litter*")
        return given

    @field_validator("pace")
    @classmethod
    def _pace(cls, given: str | None) -> str | None:
        if given is not None:
            _bounds(given)
        return given

    @field_validator("weekdays")
    @classmethod
    def _weekdays(cls, given: str | None) -> str | None:
        if given is not None:
            _weekday_numbers(given)
        return given

    @field_validator("hours")
    @classmethod
    def _hours(cls, given: str | None) -> str | None:
        found = re.fullmatch(r"(\d{1,2})-(\d{1,2})", given) if given is not None else None
        if given is not None and not (found and int(found[1]) < int(found[2]) <= 24):
            raise ValueError(f"`{given}` is no stretch of the day; write 18-23 for 18:00 to 22:59")
        return given

    @field_validator("dates")
    @classmethod
    def _dates(cls, given: str | None) -> str | None:
        if given is not None:
            found = re.fullmatch(rf"({EACH_YEAR})(?: to ({EACH_YEAR}))?", given)
            if not found:
                raise ValueError(f"`{given}` is no stretch of the year; write 02-07 to 02-14")
            for text in filter(None, found.groups()):
                calendar_day(text)
        return given

    @field_validator("share")
    @classmethod
    def _share(cls, given: str | None) -> str | None:
        found = re.fullmatch(r"(?:>= *)?(\d{1,3}(?:\.\d+)?)%", given) if given is not None else None
        if given is not None and not (found and 0 < float(found[1]) <= 100):
            raise ValueError(f"`{given}` is no share; write 60%")
        return given

    @field_validator("known")
    @classmethod
    def _known(cls, given: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        allowed = [c.name for c in TABLES["customers"].columns if c.type == "string" and c.name != "customer_id"]
        for column in given:
            if column not in allowed:
                raise ValueError(
                    f"`{column}` is nothing known of customers{_did_you_mean(column, allowed)}; there are {', '.join(allowed)}"
                )
        if len(given) > 1:
            raise ValueError("write one column, with the values that fit")
        return given

    @model_validator(mode="after")
    def _something(self) -> AttributeRule:
        if not (self.buys or self.weekdays or self.hours or self.dates):
            raise ValueError("say what is bought (`buys`) or when (`weekdays`, `hours`, `dates`)")
        if self.pace and not self.buys:
            raise ValueError("`pace` counts the pieces of a product: say which in `buys`")
        return self

    @property
    def pace_bounds(self) -> tuple[float, float] | None:
        """Lowest and highest pieces in 30 days that fit, both inclusive."""
        return _bounds(self.pace) if self.pace else None

    @property
    def weekday_numbers(self) -> tuple[int, ...]:
        """Monday is 0; empty: any."""
        return _weekday_numbers(self.weekdays) if self.weekdays else ()

    @property
    def hour_bounds(self) -> tuple[int, int] | None:
        """First hour, and the one that no longer counts."""
        return (int(self.hours.split("-")[0]), int(self.hours.split("-")[1])) if self.hours else None

    @property
    def date_bounds(self) -> tuple[int, int] | None:
        """First and last day of the year as month × 100 + day; the last may lie before the first, across the new year."""
        if not self.dates:
            return None
        first, _to, last = self.dates.partition(" to ")
        return int(first.replace("-", "")), int((last or first).replace("-", ""))

    @property
    def least_share(self) -> float:
        return float(self.share.lstrip(">= ").rstrip("%")) / 100 if self.share else 0.0


def _bounds(given: str) -> tuple[float, float]:
    number = r"\d+(?:\.\d+)?"
    if found := re.fullmatch(rf">= *({number})", given):
        return float(found[1]), float("inf")
    if (found := re.fullmatch(rf"({number}) *- *({number})", given)) and float(found[1]) <= float(found[2]):
        return float(found[1]), float(found[2])
    raise ValueError(f"`{given}` is no pace; write >= 3 or 1-2")


def _weekday_numbers(given: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in re.split(r"[ ,]+", given.strip().lower()):
        first, _dash, last = part.partition("-")
        for name in (first, last or first):
            if name not in WEEKDAY_NAMES:
                raise ValueError(f"`{name}` is no weekday{_did_you_mean(name, WEEKDAY_NAMES)}; write sat-sun or mon, wed")
        start, stop = WEEKDAY_NAMES.index(first), WEEKDAY_NAMES.index(last or first)
        days |= {(start + i) % 7 for i in range((stop - start) % 7 + 1)}
    return tuple(sorted(days))


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
