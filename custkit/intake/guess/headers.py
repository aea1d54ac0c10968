"""How well a column's name says what the column is: words compared, in any case, order, abbreviation and way of writing."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

from custkit.intake.guess.vocabulary import ABBREVIATIONS, CONCEPTS, FIELDS, GIVEN_BACK, TRADITIONAL

_SMALL = {"the", "of", "in", "a", "an", "per", "by", "for", "is", "and", "or"}
# Words that many headers share say less than those that few do.
_COMMON = {
    "id": 0.5,
    "total": 0.5,
    "date": 0.7,
    "time": 0.7,
    "name": 0.7,
    "amount": 0.7,
    "value": 0.6,
    "type": 0.7,
    "net": 0.6,
    "at": 0.3,
    "status": 0.5,
    "home": 0.4,
}
_HAN = re.compile(r"[㐀-鿿]")


def plain(text: str) -> str:
    """NFKC, simplified characters, small letters, no note in brackets."""
    folded = unicodedata.normalize("NFKC", text).translate(TRADITIONAL).strip()
    return re.sub(r"[(\[（【].*?[)\]）】]", " ", folded).strip() or folded


def header_score(header: str, table: str, field: str) -> float:
    """How well `header` names `field` of `table`, from 0 to 1 (the same words)."""
    return concept_score(header, FIELDS[table][field])


@cache
def concept_score(header: str, concept: str) -> float:
    """How well `header` names a concept of the vocabulary, from 0 to 1."""
    text = plain(header)
    han = [phrase for phrase in CONCEPTS[concept].split("|") if _HAN.search(phrase)]
    if _HAN.search(text):
        bare = re.sub(r"[\W_]+", "", text.lower())
        return max((_chinese(bare, phrase) for phrase in han), default=0.0)
    words = tokens(header)
    return max((_english(words, tokens(phrase)) for phrase in CONCEPTS[concept].split("|") if not _HAN.search(phrase)), default=0.0)


def _chinese(header: str, phrase: str) -> float:
    if header == phrase:
        return 1.0
    if phrase in header:
        return 0.45 + 0.45 * len(phrase) / len(header) + (0.05 if header.endswith(phrase) else 0.0)
    if header in phrase and len(header) > 1:
        return 0.4 + 0.4 * len(header) / len(phrase)
    mine, theirs = set(pairwise(header)), set(pairwise(phrase))
    return 0.8 * 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine and theirs else 0.0


def _english(header: tuple[str, ...], phrase: tuple[str, ...]) -> float:
    if set(header) == set(phrase):
        return 1.0
    both = _weight(set(header) & set(phrase))
    return 0.95 * both / (0.6 * _weight(set(phrase)) + 0.4 * _weight(set(header))) if both else 0.0


def _weight(words: set[str]) -> float:
    return sum(_COMMON.get(word, 1.0) for word in words)


@cache
def tokens(text: str) -> tuple[str, ...]:
    """`custNo`, `CUST_NO`, `customer number` → ("customer", "id"); words run together are taken apart."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain(text)).lower()
    spaced = re.sub(r"\bnumber of\b|\bno\.? of\b|\bnum(ber)?[ _]of[ _]", " count ", spaced)
    found: list[str] = []
    for word in re.findall(r"#|[^\W_]+", spaced):
        parts = [word] if word in ABBREVIATIONS or word in _known() or word.rstrip("s") in _known() else _apart(word)
        for part in parts:
            found += ABBREVIATIONS.get(part, part).split()
    singular = [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found]
    return tuple(word for word in singular if word not in _SMALL) or tuple(singular)


@cache
def _known() -> frozenset[str]:
    words = {word for phrases in CONCEPTS.values() for word in re.findall(r"[a-z]+", phrases)}
    return frozenset({word for word in words if len(word) > 1} | set(ABBREVIATIONS))


def _apart(word: str) -> list[str]:
    """`orderdate` → order, date; the word itself where it is not made of known ones."""
    known = _known()
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(end):
            front, part = best[start], word[start:end]
            if front is None or part not in known or (len(part) < 3 and part not in ("id", "no", "nr", "dt", "at")):
                continue
            if best[end] is None or len(front) + 1 < len(best[end] or ()):
                best[end] = [*front, part]
    return best[-1] or [word]


def speaks_of(header: str, words: str) -> bool:
    """Whether it has one of these words: a whole one, or in Chinese any part."""
    met, name = set(tokens(header)), plain(header)
    return any(word in met or (not word.isalnum() and word in header) or (not word.isascii() and word in name) for word in words.split())


def tells_of_giving_back(header: str) -> bool:
    """Whether it speaks of refunds, returns or cancellations, and is no id."""
    return "id" not in tokens(header) and speaks_of(header, GIVEN_BACK)
