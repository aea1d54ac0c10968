"""What the cells of a column say by themselves: numbers and their decimal mark, ways to write a time, how many differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np

from custkit.intake.grammar import CODES, DATE_CELL_TEXT, FALSE_WORDS, NARROW, SIGNS, TRUE_WORDS, WIDE

ENOUGH = 0.9
SOME_TIMES = "some times"  # the kind of a column of a workbook that holds date cells and others
DATE_CELL = re.compile(DATE_CELL_TEXT)
_MONEY = rf"(?:(?:[A-Z]{{1,3}})?[{SIGNS}]|{'|'.join(CODES)}|Euro|人民币|[Kk]r\.?|Fr\.|Rs\.?|zł|Kč|Ft|lei)"
_FRONT, _BEHIND = re.compile(rf"^([+-]?\(?)\s*{_MONEY}\s*([+-]?\(?)"), re.compile(rf"([)-]?)\s*{_MONEY}\s*([)-]?)$")
_SIGNED = re.compile(r"(?:(?P<minus>-)|\+)?(?P<plain>[^-+()]+)|\((?P<within>[^-+()]+)\)|(?P<before>[^-+()]+)-")
_POINT = re.compile(
    r"^[0-9]{1,15}(\.[0-9]+)?$|^\.[0-9]+$|^[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}(\.[0-9]+)?$|"
    r"^[0-9]{1,3}([, \u00a0\u2009\u202f’'][0-9]{3})+(\.[0-9]+)?$"
)
_COMMA = re.compile(r"^[0-9]{1,15}(,[0-9]+)?$|^[0-9]{1,3}([. \u00a0\u2009\u202f’'][0-9]{3})+(,[0-9]+)?$|^,[0-9]+$")
_CLOCK = r"(?:[T ]+(?P<h>\d{1,2}):(?P<min>\d{2})(?P<s>:\d{2})?(?P<f>\.\d{1,9})?(?: ?(?P<p>[AaPp][Mm]))?)?"
_ZONE = r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
_YMD = re.compile(r"^(?P<y>\d{4})(?P<a>[-/.])(?P<m>\d{1,2})(?P=a)(?P<d>\d{1,2})" + _CLOCK + _ZONE + "$")
_XXY = re.compile(r"^(?P<first>\d{1,2})(?P<a>[-/.])(?P<second>\d{1,2})(?P=a)(?P<y>\d{4}|\d{2})" + _CLOCK + "$")
_CHINESE = re.compile(r"^(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日" + _CLOCK + "$")
_WORD = re.compile(r"^(?P<d>\d{1,2})(?P<a>[- ])(?P<m>[A-Za-z]{3,9})\.?[- ,]+(?P<y>\d{4}|\d{2})" + _CLOCK + "$")
_WORD_FIRST = re.compile(r"^(?P<m>[A-Za-z]{3,9})\.? (?P<d>\d{1,2}), ?(?P<y>\d{4})" + _CLOCK + "$")
_MONTHS = {m: i for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_NARROW = str.maketrans(WIDE, NARROW)
PERSONAL = (
    ("mail address", re.compile(r"^[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}$")),
    ("phone number", re.compile(r"^(\+\d{1,3}[ -]?)(\(?\d{1,4}\)?[ -]?){2,5}$|^1[3-9]\d{9}$|^0\d{1,4}[ /-]\d{4,8}$")),
    ("identity card", re.compile(r"^\d{17}[\dXx]$")),
)


def personal(text: str) -> str:
    """What of a person the text is by its shape, or nothing."""
    return next((what for what, shape in PERSONAL if shape.match(text)), "")


def is_number(text: str, marks: str = ".,") -> bool:
    """Whether `text` is an amount by one of these decimal marks."""
    bare = _bare(text)
    return any((_COMMA if mark == "," else _POINT).match(bare) for mark in marks)


def _bare(text: str) -> str:
    return _signed(text)[1]


def _signed(text: str) -> tuple[bool, str]:
    """Whether an amount is below zero, also as accountants write it, and its digits and marks; a text that is none as it is."""
    plain = text.strip().translate(_NARROW)
    bare = _BEHIND.sub(r"\1\2", _FRONT.sub(r"\1\2", plain))
    found = _SIGNED.fullmatch(bare)
    if not found:
        return False, text
    return not found["plain"] or bool(found["minus"]), (found["plain"] or "").strip() or found["within"] or found["before"]


def looks_like_time(text: str) -> bool:
    return any(shape.match(text) for shape in (_YMD, _XXY, _CHINESE, _WORD, _WORD_FIRST))


@dataclass(frozen=True)
class Time:
    """One way to read a column as times: the `format` the client file takes, the share it reads, and another that fits as well."""

    format: str
    share: float
    rival: str = ""
    has_clock: bool = False
    zoned: bool = False


@dataclass(frozen=True)
class Column:
    """The cells of one column. `kind` is what the file itself says of it, where it does."""

    name: str
    cells: tuple[str, ...]
    kind: str = ""

    @cached_property
    def filled(self) -> list[str]:
        return [cell for cell in self.cells if cell]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.filled)

    @property
    def fill(self) -> float:
        return len(self.filled) / len(self.cells) if self.cells else 0.0

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @property
    def distinct_share(self) -> float:
        return self.distinct / len(self.filled) if self.filled else 0.0

    @property
    def unique(self) -> bool:
        return self.fill > 0.99 and self.distinct_share > 0.999

    @cached_property
    def decimal(self) -> tuple[str, bool]:
        """The decimal mark, and whether the cells prove it."""
        if self.kind == "number":
            return ".", True
        bare = [_bare(cell) for cell in self.filled]
        point = sum(bool(_POINT.match(b)) for b in bare)
        comma = sum(bool(_COMMA.match(b)) for b in bare)
        if point != comma:
            return (".", True) if point > comma else (",", True)
        marked = [b for b in bare if "," in b or "." in b]
        if not marked:
            return ".", True
        if any("." in b for b in marked) and all("," not in b for b in marked):
            # 1.234 alone may be one thousand or one; a leading zero can only be a fraction.
            return ".", any(re.match(r"^0\.", b) for b in marked)
        return ",", any(re.match(r"^0,", b) for b in marked)

    def read(self, decimal: str) -> np.ndarray:
        """Numbers, NaN where a cell is none."""
        return np.array([_number(cell, decimal) for cell in self.cells])

    @cached_property
    def numbers(self) -> np.ndarray:
        return self.read(self.decimal[0])

    @cached_property
    def numeric(self) -> float:
        """Share of filled cells that are numbers."""
        return float(np.isfinite(self.numbers).sum() / len(self.filled)) if self.filled else 0.0

    @property
    def is_numeric(self) -> bool:
        return self.numeric >= ENOUGH

    @cached_property
    def known(self) -> np.ndarray:
        return self.numbers[np.isfinite(self.numbers)]

    @property
    def whole(self) -> bool:
        """True where every number is a whole one."""
        return self.is_numeric and bool(np.all(self.known == np.floor(self.known)))

    @cached_property
    def times(self) -> list[Time]:
        """Ways to read the column as times, best first; none where it is something else."""
        if self.kind == SOME_TIMES:
            return self._beside_date_cells()
        if self.kind == "time":
            return [Time("iso", 1.0, has_clock=any(not cell.endswith("00:00:00") and len(cell) > 10 for cell in self.filled[:2000]))]
        return read_times(self.filled)

    def _beside_date_cells(self) -> list[Time]:
        """Date cells, and the way most of the texts among them are written, where there is one."""
        texts = [cell for cell in self.filled if not DATE_CELL.fullmatch(cell)]
        share = 1 - len(texts) / len(self.filled)
        if self.is_turned:
            return []
        ways = [way for way in read_times(texts) if "%" in way.format and not way.format.startswith("%Y-")]
        return [replace(way, share=share + (1 - share) * way.share) for way in ways] or [Time("iso", share)]

    @property
    def is_turned(self) -> bool:
        """True where days up to the 12th are date cells and the others texts: a spreadsheet took the day for the month."""
        dated = [int(cell[8:10]) for cell in self.filled if DATE_CELL.fullmatch(cell)]
        days = [int(found["first"]) for cell in self.filled if (found := _XXY.match(cell))]
        return self.kind == SOME_TIMES and min(len(dated), len(days)) >= 3 and max(dated) <= 12 < min(days)

    @property
    def is_time(self) -> bool:
        return bool(self.times) and self.times[0].share >= (0.5 if self.kind == SOME_TIMES else ENOUGH)

    @property
    def is_serial(self) -> bool:
        """A number that may be a date: days since 1900, or seconds since 1970."""
        return self.is_time and self.times[0].format in ("excel_serial", "epoch_s", "epoch_ms")

    @cached_property
    def length(self) -> float:
        return sum(map(len, self.filled)) / len(self.filled) if self.filled else 0.0

    @cached_property
    def spaces(self) -> float:
        """Share of filled cells of more than one word."""
        some = self.filled[:2000]
        return sum(" " in cell or (len(cell) > 4 and not cell.isascii()) for cell in some) / len(some) if some else 0.0

    @cached_property
    def is_boolean(self) -> bool:
        words = {cell.lower() for cell in self.counts}
        return 1 <= len(words) <= 2 and words <= {*TRUE_WORDS, *FALSE_WORDS}

    @cached_property
    def personal(self) -> str:
        """What of a person stands here that custkit never reads, or nothing."""
        some = self.filled[:500]
        for what, shape in PERSONAL:
            if some and sum(bool(shape.match(cell)) for cell in some) >= 0.8 * len(some):
                return what
        return ""


def _number(cell: str, decimal: str) -> float:
    negative, bare = _signed(cell)
    if not (_COMMA if decimal == "," else _POINT).match(bare):
        return np.nan
    digits = re.sub(r"[^0-9,.]", "", bare)
    digits = digits.replace(".", "").replace(",", ".") if decimal == "," else digits.replace(",", "")
    return -float(digits) if negative else float(digits)


def read_times(cells: list[str]) -> list[Time]:
    """Every way to read `cells` as times."""
    some = cells[:: max(1, len(cells) // 4000)]
    if not some:
        return []
    made: list[Time] = []
    for reader in (_year_first, _year_last, _chinese, _month_word, _numbers):
        made += reader(some)
    return sorted((time for time in made if time.share >= 0.5), key=lambda time: -time.share)


def _clock(found: re.Match[str]) -> str:
    if not found["h"]:
        return ""
    hour = "%I" if found["p"] else "%H"
    return f" {hour}:%M" + (":%S" if found["s"] else "") + (".%f" if found["f"] else "") + (" %p" if found["p"] else "")


def _most(formats: Counter[str], n: int) -> tuple[str, float]:
    form, count = formats.most_common(1)[0]
    return form, count / n


def _year_first(cells: list[str]) -> list[Time]:
    found = [m for cell in cells if (m := _YMD.match(cell)) and 1 <= int(m["m"]) <= 12 and 1 <= int(m["d"]) <= 31]
    if not found:
        return []
    share, clock = len(found) / len(cells), any(m["h"] for m in found)
    iso = all(m["a"] == "-" and len(m["m"]) == len(m["d"]) == 2 and not m["p"] and (not m["h"] or len(m["h"]) == 2) for m in found)
    if iso:
        return [Time("iso", share, has_clock=clock, zoned=any(m["z"] for m in found))]
    form, share = _most(Counter(f"%Y{m['a']}%m{m['a']}%d{_clock(m)}" for m in found), len(cells))
    return [Time(form, share, has_clock=clock)]


def _year_last(cells: list[str]) -> list[Time]:
    found = [m for cell in cells if (m := _XXY.match(cell))]
    if not found:
        return []
    day_first = sum(int(m["first"]) <= 31 and 1 <= int(m["second"]) <= 12 for m in found)
    month_first = sum(1 <= int(m["first"]) <= 12 and int(m["second"]) <= 31 for m in found)
    form, share = _most(Counter(f"{{}}{m['a']}{{}}{m['a']}{'%Y' if len(m['y']) == 4 else '%y'}{_clock(m)}" for m in found), len(cells))
    clock = any(m["h"] for m in found)
    ways = [(form.format("%d", "%m"), day_first), (form.format("%m", "%d"), month_first)]
    if day_first == month_first:
        first, second = ways if "." in form[:4] or "-" in form[:4] else ways[::-1]
        # Only where both orders read every cell is the order unknown; with full stops it is day first wherever people write so.
        return [Time(first[0], share * first[1] / len(found), "" if "." in form[:4] else second[0], clock)]
    return [Time(way, share * reads / len(found), "", clock) for way, reads in ways]


def _chinese(cells: list[str]) -> list[Time]:
    found = [m for cell in cells if (m := _CHINESE.match(cell))]
    if not found:
        return []
    form, share = _most(Counter(f"%Y年%m月%d日{_clock(m)}" for m in found), len(cells))
    return [Time(form, share, has_clock=any(m["h"] for m in found))]


def _month_word(cells: list[str]) -> list[Time]:
    formats: Counter[str] = Counter()
    for cell in cells:
        if (m := _WORD.match(cell)) and m["m"][:3].lower() in _MONTHS:
            month = "%b" if len(m["m"]) == 3 else "%B"
            formats[f"%d{m['a']}{month}{m['a']}{'%Y' if len(m['y']) == 4 else '%y'}{_clock(m)}"] += 1
        elif (m := _WORD_FIRST.match(cell)) and m["m"][:3].lower() in _MONTHS:
            formats[f"{'%b' if len(m['m']) == 3 else '%B'} %d, %Y{_clock(m)}"] += 1
    if not formats:
        return []
    form, share = _most(formats, len(cells))
    return [Time(form, share, has_clock="%M" in form)]


def _numbers(cells: list[str]) -> list[Time]:
    """Numbers that may be times; only what the column is called, or that nothing else is one, makes them so."""
    found: Counter[str] = Counter()
    for cell in cells:
        if re.fullmatch(r"(19[7-9]\d|20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", cell):
            found["%Y%m%d"] += 1
        elif re.fullmatch(r"(19[7-9]\d|20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d", cell):
            found["%Y%m%d%H%M%S"] += 1
        elif re.fullmatch(r"(19[7-9]\d|20\d\d)-(0[1-9]|1[0-2])", cell):
            found["%Y-%m"] += 1
        elif re.fullmatch(r"\d{9,10}", cell) and 631152000 <= int(cell) < 2208988800:
            found["epoch_s"] += 1
        elif re.fullmatch(r"\d{12,13}", cell) and 631152000000 <= int(cell) < 2208988800000:
            found["epoch_ms"] += 1
        elif re.fullmatch(r"[345]\d{4}(\.\d+)?", cell):
            found["excel_serial"] += 1
    return [Time(form, count / len(cells), has_clock=form not in ("%Y%m%d", "%Y-%m")) for form, count in found.items()]


def formats_of(text: str) -> list[str]:
    """Every format by which `text` is a day that there is."""
    ways = [way for time in read_times([text]) for way in (time.format, time.rival) if way]
    return [way for way in ways if _reads(way, text)]


def _reads(form: str, text: str) -> bool:
    if form != "iso" and "%" not in form:
        return True
    try:
        return bool(datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form))
    except ValueError:
        return False


def days_read(form: str, cells: Iterable[str]) -> tuple[datetime, datetime] | None:
    """The first and the last of the cells that `form` reads."""
    found = []
    for cell in cells:
        with suppress(ValueError):
            found.append(datetime.strptime(cell, form))
    return (min(found), max(found)) if found else None


def lie_closer(cells: Collection[str], form: str, other: str) -> bool:
    """Whether the days lie within less than half the time if read as `other`."""
    mine, theirs = days_read(form, cells), days_read(other, cells)
    return mine is not None and theirs is not None and 2 * (theirs[1] - theirs[0]) < mine[1] - mine[0]


def shown(time: Time, cell: str) -> str:
    """What `cell` means when read so, for a person to compare; the cell itself where it cannot be read."""
    try:
        return f"{datetime.strptime(cell, time.format):%-d %B %Y}"
    except ValueError:
        return cell
