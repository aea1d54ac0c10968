"""The page on losses finds what was planted in the demo shop; about the null shop it claims nothing.

One shop each of what benchmarks/planted_funnel.py does over twenty.
"""

from __future__ import annotations

import pytest
from planted_funnel import RECOVERED, claims, not_planted, worst

from custkit import open_book

# Twice as wide as a 90 % interval: one number in a thousand lies outside by chance.
WIDER = 2


@pytest.fixture(scope="module")
def opened(shops):
    """`opened("planted")`, `opened("null")`: a book on the shop, and what was planted."""
    with pytest.MonkeyPatch.context() as patch:

        def opened(kind: str):
            found = shops(f"whole-{kind}", null=kind == "null")
            patch.setenv("CUSTKIT_HOME", str(found.home))
            return open_book(f"whole-{kind}", "2026-10"), found.shop

        yield opened


def test_planted_numbers_lie_in_the_intervals_that_are_told(opened):
    told = [one for recover in RECOVERED.values() for one in recover(*opened("planted"))]
    assert len(told) >= 20
    for one in told:
        half = (one.high - one.low) / 2
        assert one.low - half * (WIDER - 1) <= one.planted <= one.high + half * (WIDER - 1), one
    assert sum(one.covered for one in told) >= 0.75 * len(told)


def test_the_break_on_the_phone_is_named_and_no_other(opened):
    book, _shop = opened("planted")
    assert worst(book) == ("phone", "order")
    assert not_planted(book) == []


def test_where_nothing_is_planted_nothing_is_claimed(opened):
    book, _shop = opened("null")
    made = {what: claimed for what, claimed, _of in claims(book)}
    assert len(made) >= 5
    assert {what for what, claimed in made.items() if claimed} == set()
