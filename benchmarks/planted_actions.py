"""How last month's lists and tags did in shops whose truth is known, and what is claimed of them where nothing tells customers apart.

python benchmarks/planted_actions.py [SHOPS] [CUSTOMERS] [FIRST]     10 planted shops of 5,000 customers, and as many with nothing

In a shop with nothing planted everybody buys at one rate for ever, so no list can be better than the people it passed over.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import pandas as pd
from planted import Told, compare

from custkit.analysis import list_scores, tag_register
from custkit.analysis.action_lists import LISTS, standings_by_month
from custkit.analysis.rates import Z95
from custkit.book import Book
from custkit.demo.shop import Shop


def main(shops: int = 10, customers: int = 5000, first: int = 1) -> None:
    compare(recovered, claims, shops, customers, "95% intervals", first)


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """Lift of each list and tag that picks people, against 1; and who did as foretold, over the sum of the chances told."""
    for row in scores(book).itertuples():
        if row.verdict in (list_scores.BETTER, list_scores.NO_BETTER, list_scores.WORSE):
            yield Told(f"lift of {row.list} (interval above 1: better)", 1, row.lift, row.lift_low, row.lift_high)
        if row.expected_hits == row.expected_hits and row.members:
            rate = row.expected_hits / row.members
            half = Z95 * math.sqrt(row.members * rate * (1 - rate)) / row.expected_hits
            yield Told(f"{row.list}: came over foretold", 1, row.hits / row.expected_hits, *_around(row.hits / row.expected_hits, half))


def claims(book: Book) -> Iterator[tuple[str, int, int]]:
    """A list or a tag said to be better or worse than the others."""
    told = scores(book)
    judged = told[told["verdict"].isin([list_scores.BETTER, list_scores.NO_BETTER, list_scores.WORSE])]
    for name, rows in judged.groupby("list"):
        yield f"{name} better or worse", int(rows["verdict"].isin([list_scores.BETTER, list_scores.WORSE]).sum()), len(rows)


def scores(book: Book) -> pd.DataFrame:
    known = standings_by_month(book, months=3)
    tags = book.client.tags
    names = {f"tag{i}": rule.name for i, rule in enumerate(tags)}
    of_tags = list_scores.past_scores(known, book, lists=tag_register.tag_lists(tags))
    return pd.concat([list_scores.past_scores(known, book, lists=LISTS), of_tags.assign(list=of_tags["list"].map(names))])


def _around(middle: float, half: float) -> tuple[float, float]:
    return middle - half, middle + half


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
