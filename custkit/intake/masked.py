"""A cell of the client's as a message may show it: dates and numbers as they stand, of anything else only how it begins.

In a row whose cells are shifted any cell may name somebody. The whole cell stands in the rows set aside, for the owner alone.
"""

from __future__ import annotations

import re
from functools import cache

from babel.numbers import list_currencies

from custkit.client import Client

PERSONAL = ("customer_id", "visitor_id", "merged_into")
OF_PEOPLE = (*PERSONAL, "comment", "query")  # fields whose cells no message shows
_ENGLISH = (
    "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september october november "
    "december am pm cr dr utc gmt na nan nat nil null none true false yes no ja nein"
)
_HAN = set("年月日号號时時分秒点點上下午元圆圓円")
_EXCEL_ERROR = re.compile(r"#[A-Z/0]+[!?]?")
_LETTERS = re.compile(r"[^\W\d_]+")
_DATE = re.compile(
    r"\W{0,2}((19|20)\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](19|20)\d\d|\d{1,2}[-. ]{1,2}[a-z]{3,9}[-., ]{1,2}(19|20)\d\d"
    r"|[a-z]{3,9}\.? \d{1,2}, ?(19|20)\d\d)(?!\d)|(19|20)\d{6}(\d{4}|\d{6})?$",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"[^+\d]{0,4}(\d{1,9}|\d{1,3}([,. '’]\d{3})+)[.,]\d{1,4}\D{0,4}|\d([.,]\d+)?[eE][+-]?\d{1,3}")
_FEW_DIGITS = 6  # a telephone number has more
_WORD = re.compile("[a-z][a-z_-]{0,30}")
_OF_WORDS = ("unknown_value", "boolean_unparsable")
_OF_LINES = ("field_count", "truncated")  # what stands there is a count of ours


def printable(text: str) -> str:
    """A text of the client's as a terminal may show it: a character that would steer the terminal or turn the writing is a `\ufffd`."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def columns_of_ids(client: Client) -> frozenset[str]:
    """Columns of the client's files whose values tell who somebody is."""
    return frozenset(m.column for source in client.sources for f, m in source.columns.items() if f in PERSONAL and m.column is not None)


def masked(value: str, reason: str = "", *, is_id: bool = False, longest: int = 60) -> str:
    """The cell where it can name nobody, else its first letters; `reason` is why it was set aside.

    2026-02-30, 12.50 EUR, n/k  →  as they are;  Ann Lee, 0171 5550000  →  An…, 01…
    """
    if reason in _OF_LINES or (not is_id and (_is_plain(value) or (reason in _OF_WORDS and _WORD.fullmatch(value)))):
        return printable(value[:longest] + ("…" if len(value) > longest else ""))
    shown = value[: min(2 if value[:2].isascii() else 1, len(value) // 2)]
    return printable(f"{shown}…")


def _is_plain(value: str) -> bool:
    """Whether the cell is written with what dates and numbers are written with, and is no number that somebody is known by."""
    if _EXCEL_ERROR.fullmatch(value):
        return True
    runs = _LETTERS.findall(value)
    if not all(_says_nothing(run) for run in runs) or len(runs) > 3:
        return False
    return sum(map(str.isdigit, value)) <= _FEW_DIGITS or bool(_DATE.match(value) or _FRACTION.fullmatch(value))


def _says_nothing(letters: str) -> bool:
    if not letters.isascii():
        return set(letters) <= _HAN
    return len(letters) == 1 or letters.lower() in _ENGLISH.split() or letters in _currencies()


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())
