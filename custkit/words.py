"""The reader's language: messages, numbers, money and months.

English is the source of every message; `locale/<language>/LC_MESSAGES/custkit.po` translates it. The language and currency
are those of the client whose book was opened last in this process (one kernel, one client).
"""

from __future__ import annotations

import gettext
import math
import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision

LANGUAGES = ("en", "zh_CN")
MISSING = "–"
_AFTER_WIDE_MARK = re.compile("(?<=[。！？；：，、）]) +")


@dataclass(frozen=True)
class Reader:
    """Who reads: a language, the currency that money is shown in, and the fewest people of whom they are told; 1 is the house itself."""

    language: str = "en"
    currency: str = "USD"
    min_cell: int = 1


_reader: ContextVar[Reader] = ContextVar("reader")


def use(language: str, currency: str, min_cell: int = 1) -> None:
    """Write for this reader from now on."""
    _reader.set(Reader(language, currency, min_cell))


def reader() -> Reader:
    return _reader.get(Reader())


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    source = files("custkit") / "locale" / language / "LC_MESSAGES" / "custkit.po"
    compiled = BytesIO()
    with source.open("rb") as po:
        write_mo(compiled, read_po(po, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(message: str) -> str:
    """`message` in the reader's language; English where the catalogue lacks it."""
    return _catalogue(reader().language).gettext(message) if message else ""


def ngettext(one: str, many: str, n: int) -> str:
    """`one` or `many` by the rules of the reader's language; "< 10" people are many, or the word would tell that it is one."""
    catalogue = _catalogue(reader().language)
    told = catalogue.ngettext(one, many, n)
    return _AsShown(catalogue.ngettext(one, many, reader().min_cell), told) if few(n) else told


class _AsShown(str):
    """A message for many, until it is filled with figures none of which is held back: then it is what it says of so few things."""

    told: str

    def __new__(cls, many: str, told: str) -> _AsShown:
        made = super().__new__(cls, many)
        made.told = told
        return made

    def format(self, *given: object, **named: object) -> str:
        hidden = any(fewer() in str(value) for value in (*given, *named.values()))
        return super().format(*given, **named) if hidden else self.told.format(*given, **named)


def close(text: str) -> str:
    """Sentences set one after another: a full-width mark brings its own space, and the one after it goes."""
    return _AFTER_WIDE_MARK.sub("", text)


def mark(message: str) -> str:
    """A message that is translated later, where it is shown: module-level tables of labels are made of these."""
    return message


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value)) and value == value


def few(value: Any) -> bool:
    """True for a number of people, on either side of 0, that this reader is not told; nobody is a number that is told."""
    return _known(value) and 0 < abs(_settle(value, 0)) < reader().min_cell


def count(value: Any) -> str:
    """1234 → 1,234; of people or what they did: 3 → < 10 for a reader who is not told of so few. Other things are `number(n, 0)`."""
    return fewer() if few(value) else number(value, 0)


def fewer() -> str:
    """< 10, in place of a number of people that this reader is not told."""
    return f"< {number(reader().min_cell, 0)}"


def number(value: Any, digits: int = 1) -> str:
    """3.14159 → 3.1"""
    return _figure(_settle(value, digits), digits) if _known(value) else MISSING


def p_value(value: Any) -> str:
    """0.0312 → 0.0312; 0.00001 → < 0.0001"""
    return f"< {number(0.0001, 4)}" if _known(value) and value < 0.0001 else number(value, 4)


def share(value: Any, digits: int = 1) -> str:
    """0.4832 → 48.3%"""
    return _figure(_settle(float(value) * 100, digits), digits) + "%" if _known(value) else MISSING


def points(value: Any, digits: int = 1) -> str:
    """0.012 → +1.2 points, the difference of two shares."""
    if not _known(value):
        return MISSING
    return _("{difference} points").format(difference=signed(float(value) * 100, digits))


def signed(value: Any, digits: int = 1) -> str:
    """1.2 → +1.2, -1.2 → −1.2"""
    if not _known(value):
        return MISSING
    settled = _settle(value, digits)
    return ("+" if settled > 0 else "−" if settled < 0 else "") + number(abs(settled), digits)


def money(value: Any, *, cents: bool | None = None) -> str:
    """1234.5 → $1,234 from a thousand up, $234.50 below; `cents` decides otherwise."""
    if not _known(value):
        return MISSING
    currency = reader().currency
    precision = get_currency_precision(currency)
    if cents is None:
        cents = 0 < abs(float(value)) < 1000
    digits = precision if cents else 0
    pattern = "¤#,##0" + ("." + "0" * digits if digits else "")
    settled = _settle(value, digits)
    sign = "−" if settled < 0 else ""
    return sign + format_currency(abs(settled), currency, format=pattern, locale=_locale(), currency_digits=False)


def days(value: Any) -> str:
    """45 → 45 days"""
    if not _known(value):
        return MISSING
    return _catalogue(reader().language).ngettext("{n} day", "{n} days", round(float(value))).format(n=number(value, 0))


def month(period: Any) -> str:
    """ "2026-10" → October 2026"""
    first = datetime.strptime(str(period)[:7], "%Y-%m").date()
    return format_date(first, "LLLL yyyy" if reader().language == "en" else "yyyy年M月", locale=_locale())


def short_month(period: Any) -> str:
    """ "2026-10" → Oct ’26, which nobody takes for a day"""
    first = datetime.strptime(str(period)[:7], "%Y-%m").date()
    return format_date(first, "LLL ’yy" if reader().language == "en" else "yy年M月", locale=_locale())


def calendar_month(number: int) -> str:
    """3 → March"""
    return format_date(date(2000, number, 1), "LLLL", locale=_locale())


def day(value: date) -> str:
    """2026-11-01, the same in every language."""
    return value.strftime("%Y-%m-%d")


def _figure(value: float, digits: int) -> str:
    return format_decimal(value, format="#,##0" + ("." + "0" * digits if digits else ""), locale=_locale()).replace("-", "−")


def _settle(value: Any, digits: int) -> float:
    # Half away from zero, as people round: 0.5 is 1 and 2.5 is 3; the small push undoes binary fractions such as 1.005.
    scaled = float(value) * 10**digits
    return math.copysign(math.floor(abs(scaled) * (1 + 1e-12) + 0.5), scaled) / 10**digits + 0.0  # −0 is 0


def _locale() -> Locale:
    return Locale.parse(reader().language)
