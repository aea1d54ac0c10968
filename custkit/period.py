"""A reported month, `"2026-10"`, as the half-open interval of instants it covers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from custkit.errors import BadInput


@dataclass(frozen=True, order=True)
class Period:
    """One calendar month in the client's time zone. `end` is exclusive and is the report's `as_of`."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """`"2026-10"` → Period. Raises BadInput for anything else."""
        found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
        if not found:
            raise BadInput(f"`{text}` is not a period: write a year and a month, such as 2026-10")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, moment: datetime) -> Period:
        return cls(moment.year, moment.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    def __add__(self, months: int) -> Period:
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Period(year, month + 1)

    def __sub__(self, months: int) -> Period:
        return self + -months

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1)

    @property
    def end(self) -> datetime:
        return (self + 1).start
