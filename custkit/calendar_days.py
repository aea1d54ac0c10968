"""Days of the calendar that a client file names: holidays by country and region, and promotions of the client's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, field_validator

_DAY, EACH_YEAR = r"\d{4}-\d{2}-\d{2}", r"\d{2}-\d{2}"


class PromotionDay(BaseModel):
    """Days of the client's own: a sale, an anniversary.

    days   one day or a span, `2026-07-01 to 2026-07-14`; without a year, such as `11-11`, they come back each year
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    days: str

    @field_validator("days")
    @classmethod
    def _read(cls, given: str) -> str:
        for form in (_DAY, EACH_YEAR):
            if found := re.fullmatch(rf"({form})(?: to ({form}))?", given):
                first, last = (calendar_day(text) for text in (found[1], found[2] or found[1]))
                if form == _DAY and last < first:
                    raise ValueError(f"`{given}` ends before it begins")
                return given
        raise ValueError(f"`{given}` is no day; write 2026-07-01, 2026-07-01 to 2026-07-14, or 11-11 for each year")

    def spans(self, first: date, last: date) -> list[tuple[date, date]]:
        """The spans that touch `first` … `last`, both days inclusive, in order; 12-20 to 01-06 ends in the next year."""
        begin, _to, end = self.days.partition(" to ")
        end = end or begin
        if re.fullmatch(_DAY, begin):
            found = [(calendar_day(begin), calendar_day(end))]
        else:
            found = []
            for year in range(first.year - 1, last.year + 1):
                with suppress(ValueError):  # 29 February stands only in leap years
                    found.append((calendar_day(begin, year), calendar_day(end, year + (end < begin))))
        return [(one, other) for one, other in found if other >= first and one <= last]


def calendar_day(text: str, year: int = 2000) -> date:
    """`2026-07-01`, or `07-01` in that year.

    Raises ValueError for what is not in the calendar.
    """
    try:
        return date.fromisoformat(text if len(text) == 10 else f"{year}-{text}")
    except ValueError:
        raise ValueError(f"`{text}` is not in the calendar") from None


def known_place(place: str) -> None:
    """Raises ValueError with a suggestion where `place`, such as DE or DE-BY, has no calendar of holidays."""
    from holidays import list_supported_countries

    country, _dash, region = place.partition("-")
    known = list_supported_countries()
    if country not in known:
        raise ValueError(
            f"`{country}` is no country with a calendar{_did_you_mean(country.upper(), known)}; write its two letters, such as DE"
        )
    if region and region not in known[country]:
        there = ", ".join(known[country]) or "none"
        raise ValueError(
            f"`{place}` is no region with a calendar{_did_you_mean(region.upper(), known[country])}; of {country} there are {there}"
        )


def country_of(zone: str, currency: str) -> tuple[str, ...]:
    """The country of a time zone where it is the only one and pays in `currency`; nothing otherwise."""
    from babel.numbers import get_territory_currencies
    from holidays import list_supported_countries

    rows = (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines()
    found = {row.split("\t")[0] for row in rows if not row.startswith("#") and row.split("\t")[2] == zone}
    pays = [country for country in found if currency in get_territory_currencies(country, tender=True)]
    return tuple(pays) if len(found) == 1 and pays and pays[0] in list_supported_countries() else ()


def _did_you_mean(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""
