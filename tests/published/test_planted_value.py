"""What the pages on worth say about the demo shop holds what was planted in it; about the null shop they claim nothing.

One shop each of what benchmarks/planted_value.py does over twenty.
"""

from __future__ import annotations

import pytest
from planted_value import RECOVERED, Case, claims

from custkit import open_book

# Twice as wide as a 90 % interval: one number in a thousand lies outside by chance.
WIDER = 2


@pytest.fixture(scope="module")
def opened(shops):
    """`opened("planted")`, `opened("null")`: a book on the shop, and what was planted."""
    with pytest.MonkeyPatch.context() as patch:

        def opened(kind: str) -> Case:
            found = shops(f"whole-{kind}", null=kind == "null")
            patch.setenv("CUSTKIT_HOME", str(found.home))
            return Case(open_book(f"whole-{kind}", "2026-10"), found.shop)

        yield opened


def test_planted_numbers_lie_in_the_intervals_that_are_told(opened):
    case = opened("planted")
    told = [one for recover in RECOVERED.values() for one in recover(case)]
    assert len(told) >= 20
    for one in told:
        half = (one.high - one.low) / 2
        assert one.low - half * (WIDER - 1) <= one.planted <= one.high + half * (WIDER - 1), one
    assert sum(one.covered for one in told) >= 0.8 * len(told)


def test_where_nothing_is_planted_nothing_is_claimed(opened):
    made = {what: claimed for what, claimed, _of in claims(opened("null").book)}
    assert len(made) >= 12
    assert {what for what, claimed in made.items() if claimed} == set()
