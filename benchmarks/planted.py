"""What the notebooks say about shops whose truth is known, and what they claim where nothing is planted.

python benchmarks/planted.py [SHOPS] [CUSTOMERS] [FIRST]     5 planted shops of 5,000 customers, and as many with nothing

FIRST is the first seed: 1 by default; what was tried out on some seeds is to be shown on others.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from custkit import open_book
from custkit.analysis import crosses, high_ticket, ladder, offers, rfm, second_purchase
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, shares_differ, shares_p_value, wilson
from custkit.analysis.survival import kaplan_meier, km_at, km_median, km_median_interval
from custkit.book import Book
from custkit.demo.export import write_shop
from custkit.demo.shop import Shop
from custkit.present.findings.loyalty_tracking import offer_only_finding

PERIOD = "2026-10"


class Told(NamedTuple):
    """One number that a notebook tells."""

    what: str
    planted: float
    estimate: float
    low: float
    high: float

    @property
    def covered(self) -> bool:
        return self.low <= self.planted <= self.high


def main(shops: int = 5, customers: int = 5000, first: int = 1) -> None:
    compare(recovered, alarms, shops, customers, "95% intervals", first)


def compare(
    recovered: Callable[[Book, Shop], Iterable[Told]],
    alarms: Callable[[Book], Iterable[tuple[str, int, int]]],
    shops: int,
    customers: int,
    intervals: str,
    first: int = 1,
) -> None:
    """Print what is told of planted shops beside what was planted, and what is claimed of as many null ones."""
    told, claims = defaultdict(list), defaultdict(list)
    for book, shop in shop_books(shops, customers, first):
        if shop.is_null:
            for what, made, tests in alarms(book):
                claims[what].append((made, tests))
        else:
            for one in recovered(book, shop):
                told[one.what].append(one)
    print(f"{shops} shops of {customers:,} customers, {PERIOD}; {intervals}\n")
    print_told(told)
    print_claims(claims)


def shop_books(shops: int, customers: int, first: int = 1) -> Iterator[tuple[Book, Shop]]:
    """A planted shop and a null shop for each seed, each with a book on what intake made of its exports."""
    for seed in range(first, first + shops):
        for null in (False, True):
            with tempfile.TemporaryDirectory(prefix="custkit-planted-") as home:
                os.environ["CUSTKIT_HOME"] = home
                folder = Path(home) / "clients" / "shop"
                folder.mkdir(parents=True)
                (folder / "client.yml").write_bytes((files("custkit") / "demo" / "client.yml").read_bytes())
                shop, _counts = write_shop(folder / "raw", seed=seed, null=null, customers=customers)
                yield open_book("shop", PERIOD), shop


def print_told(told: Mapping[str, Sequence[Told]]) -> None:
    print("| number | planted | mean estimate | mean interval | covered |\n|---|---|---|---|---|")
    for what, every in told.items():
        found = [one for one in every if not np.isnan(one.estimate)] or every  # what is not told covers nothing and misses nothing
        planted, estimate, low, high = (float(np.mean([getattr(one, name) for one in found])) for name in Told._fields[1:])
        covered = sum(one.covered for one in found)
        print(f"| {what} | {planted:.3f} | {estimate:.3f} | {low:.3f} to {high:.3f} | {covered} of {len(found)} |")
    found = [one for ones in told.values() for one in ones if one.low < one.high]
    print(f"\nin all {sum(one.covered for one in found)} of {len(found)} intervals cover ({np.mean([one.covered for one in found]):.1%})")


def print_claims(claims: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    print("\n| claim in the null shops | claims | looked at | shops with a claim |\n|---|---|---|---|")
    for what, counts in claims.items():
        made, tests = (sum(count[i] for count in counts) for i in (0, 1))
        print(f"| {what} | {made} | {tests} | {sum(count[0] > 0 for count in counts)} of {len(counts)} |")
    alarmed = sum(count[0] > 0 for counts in claims.values() for count in counts)
    told_in_all = sum(len(counts) for counts in claims.values())
    print(f"\nfalse alarms: {alarmed} of {told_in_all} findings claim something ({alarmed / told_in_all:.1%}; at most 5% are allowed)")


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """Planted numbers that no page's own benchmark tells: the wait for the second order, and who buys on offer only."""
    yield from _waits(book, shop)
    yield from _offers(book, shop)


def _waits(book: Book, shop: Shop) -> Iterator[Told]:
    r, alpha, _a, _b = shop.planted.bgnbd
    curve = kaplan_meier(second_purchase.second_purchase_spells(book.purchases, as_of=book.as_of))
    at = curve[curve["duration_days"] <= 90].iloc[-1]
    back = 1 - (alpha / (alpha + 90 / 7)) ** r
    yield Told("new customers back within 90 days", back, 1 - km_at(curve, 90), 1 - at["high"], 1 - at["low"])
    half = 7 * alpha * (2 ** (1 / r) - 1)
    yield Told("days until half of new customers are back", half, km_median(curve), *km_median_interval(curve))
    first = ladder.loyalty_ladder(book.purchases, book.order_lines, book.products, as_of=book.as_of).iloc[0]
    go_on = 1 - (alpha / (alpha + 180 / 7)) ** r
    yield Told("first order to the second within 180 days", go_on, first["go_on_rate"], first["go_on_low"], first["go_on_high"])


def _offers(book: Book, shop: Shop) -> Iterator[Told]:
    only = offers.offer_only(book.purchases, book.order_lines)
    n, always, luck = (float(only[name].sum()) for name in ("customers", "offer_only", "by_chance"))
    low, high = wilson(int(always), int(n))
    yield Told("buy on offer only, beyond luck", shop.planted.price_driven, (always - luck) / n, low - luck / n, high - luck / n)


def alarms(book: Book) -> Iterator[tuple[str, int, int]]:
    """What each finding claims: claim, how many, of how many looked at.

    Left out is what truly changes there: people register and nobody leaves, so revenue, customers and segments grow.
    """
    only = offers.offer_only(book.purchases, book.order_lines)
    yield "customers who buy on offer only", int(offer_only_finding(only).tone == "plain"), 1
    dips = ladder.ladder_dips(ladder.loyalty_ladder(book.purchases, book.order_lines, book.products, as_of=book.as_of))
    yield "order that holds customers back", int(ladder.bottleneck(dips) is not None), len(dips)
    yield "use of offers against last year", int(_offers_changed(offers.offers_by_month(book.purchases))), 1
    scores = rfm.rfm_scores(rfm.rfm(book.purchases, as_of=book.as_of))
    people = (book.customers, book.purchases, book.order_lines, book.products)
    traits = high_ticket.high_ticket_traits(high_ticket.high_ticket(scores), *people, as_of=book.as_of)
    traits = traits[traits["trait"] != high_ticket.TENURE]  # who came lately has had less time to spend, in any shop
    yield "trait of high-ticket customers", int((traits["q_value"] <= 0.05).sum()), len(traits)
    yield "region with more big spenders", *_regions(crosses.region_amount(scores, book.customers))
    loyal = crosses.category_loyalty(book.order_lines, book.products, as_of=book.as_of)
    loyal = loyal[(loyal["customers"] >= SMALL_SAMPLE) & loyal["again_share"].notna()].head(10)
    yield "category with loyal buyers", sum(p <= 0.05 for p in false_discovery(list(loyal["p_value"]))), len(loyal)


def _offers_changed(monthly: pd.DataFrame) -> bool:
    last, before = monthly.iloc[-1], monthly.iloc[-13]
    return shares_differ(int(last["offer_orders"]), int(last["orders"]), int(before["offer_orders"]), int(before["orders"]))


def _regions(regions: pd.DataFrame) -> tuple[int, int]:
    known = regions[regions["customers"] >= SMALL_SAMPLE]
    n, big = int(known["customers"].sum()), int(known["big_spenders"].sum())
    rows = known[["big_spenders", "customers"]].astype("int64").to_numpy().tolist()
    chances = false_discovery([shares_p_value(k, m, big - k, n - m) for k, m in rows])
    above = [p <= 0.05 and k / m > (big - k) / (n - m) for p, (k, m) in zip(chances, rows, strict=True)]
    return sum(above), len(rows)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
