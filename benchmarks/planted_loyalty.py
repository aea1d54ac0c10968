"""What the page on loyalty says about shops whose truth is known, and what it claims where nothing is planted.

python benchmarks/planted_loyalty.py [SHOPS] [CUSTOMERS] [FIRST]     20 planted shops of 5,000 customers, and as many with nothing
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator

from planted import PERIOD, Told, print_claims, print_told, shop_books

from custkit.analysis import answers, recommendation, tier_stop
from custkit.analysis.tiers import NO_TIER
from custkit.book import Book
from custkit.demo.shop import Shop
from custkit.engine import frame


def main(shops: int = 20, customers: int = 5000, first: int = 1) -> None:
    told, claimed = defaultdict(list), defaultdict(list)
    for book, shop in shop_books(shops, customers, first):
        for one in recovered(book, shop):
            told[f"{'null' if shop.is_null else 'planted'}: {one.what}"].append(one)
        if shop.is_null:
            for what, made, tests in claims(book):
                claimed[what].append((made, tests))
    print(f"{shops} shops of {customers:,} customers, {PERIOD}; 95% intervals, for the tiers 95% for all together\n")
    print_told(told)
    print_claims(claimed)


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """The share that stops after each tier, and the score by the tier held when answering.

    Nobody is planted to stop at silver. Where gold is planted to be reached by a stretched last order, though, those who leave jump over
    silver, and are missing among who stopped there: the shops with nothing planted tell whether the estimate of silver is true.
    """
    orders = tier_stop.qualifying_orders(book.purchases, book.loyalty_ledger, as_of=book.as_of, order=book.client.tiers)
    reached = frame(orders.filter(orders.reached).select("tier", "customer_id"))
    stopped = set(shop.customers.loc[shop.customers["stopped"], "id"].astype(str))
    for row in tier_stop.tier_stops(orders, order=book.client.tiers).itertuples():
        members = reached.loc[reached["tier"] == row.tier, "customer_id"]
        planted = float(members.isin(stopped).mean()) if row.tier == "gold" else 0.0
        yield Told(f"stop after {row.tier}", planted, row.stop_share, row.stop_low, row.stop_high)
    for row in scores(book).itertuples():
        planted = shop.planted.nps["none" if row.group == NO_TIER else row.group]
        yield Told(f"net promoter score, {row.group}", planted, row.nps, row.low, row.high)


def scores(book: Book):
    """The score by tier over all that was ever answered."""
    moods = answers.answer_moods(book.surveys)
    start = book.days_before(3650)
    return recommendation.nps_tiers(moods, book.loyalty_ledger, start=start, as_of=book.as_of, order=book.client.tiers)


def claims(book: Book) -> Iterator[tuple[str, int, int]]:
    """A tier that stops its members, and tiers whose scores differ, where there is neither."""
    orders = tier_stop.qualifying_orders(book.purchases, book.loyalty_ledger, as_of=book.as_of, order=book.client.tiers)
    stops = tier_stop.tier_stops(orders, order=book.client.tiers)
    yield "members stop after a tier", int((stops["stop_low"] > 0).sum()), len(stops)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
