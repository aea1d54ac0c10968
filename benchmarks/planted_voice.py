"""What the page on customers' voice says about shops whose truth is known, and what it claims where nothing is planted.

python benchmarks/planted_voice.py [SHOPS] [CUSTOMERS] [FIRST]     20 planted shops of 5,000 customers, and as many with nothing
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from planted import Told, compare

from custkit.analysis import answers, causes, needs, recommendation, rfm, satisfaction, signals, unmet_searches
from custkit.analysis.rates import Z90, Z95, wilson
from custkit.analysis.tiers import NO_TIER
from custkit.book import Book
from custkit.demo.shop import Shop


def main(shops: int = 20, customers: int = 5000, first: int = 1) -> None:
    compare(recovered, claims, shops, customers, "90% intervals", first)


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """Every planted number that the page tells, as it tells it but with 90 % intervals."""
    start, as_of, planted = book.days_before(365), book.as_of, shop.planted
    moods = answers.answer_moods(book.surveys)
    scores = recommendation.nps_tiers(moods, book.loyalty_ledger, start=start, as_of=as_of, order=book.client.tiers, z=Z90)
    names = {NO_TIER: "none"}
    for row in scores.itertuples():
        tier = names.get(row.group, row.group)
        yield Told(f"NPS, tier {tier}", planted.nps[tier], row.nps, row.low, row.high)
    worst, share = planted.complaint_topic
    about = causes.answer_causes(moods, topics=book.client.topics)
    found = causes.complaint_causes(about, start=start, as_of=as_of, z=Z90).set_index("cause").loc[worst]
    yield Told(f"complaints about {worst}", share, found["complaint_share"], found["low"], found["high"])
    unmet = unmet_searches.unmet_share(book.events, book.purchases, start=start, as_of=as_of, z=Z90).iloc[0]
    yield Told("searches not found", planted.searches_not_found, unmet["not_found_share"], unmet["low"], unmet["high"])
    queries = unmet_searches.unmet_queries(book.events, start=start, as_of=as_of)
    top, n = queries.iloc[0], int(queries["not_found"].sum())
    # Three wishes in vain are equally common: each is a third of all searches in vain.
    for query in ("gluten-free pasta", "oat milk powder", "refill pouch"):
        k = int(queries.loc[queries["query"] == query, "not_found"].sum())
        yield Told(f"of them {query}", 1 / 3, k / n, *wilson(k, n, z=Z90))
    in_vain = top["query"] in ("gluten-free pasta", "oat milk powder", "refill pouch")
    yield Told("top wish in vain is one of those planted", 1, float(in_vain), float(in_vain), float(in_vain))


def claims(book: Book) -> Iterator[tuple[str, int, int]]:
    """What the page claims: claim, how many, of how many looked at."""
    start, middle, as_of = book.days_before(365), book.days_before(91), book.as_of
    moods = answers.answer_moods(book.surveys)
    change = recommendation.nps_change(moods, start=start, middle=middle, as_of=as_of)
    yield "NPS changed", int(change["is_change"].sum()), len(change)
    tiers = recommendation.nps_tiers(moods, book.loyalty_ledger, start=start, as_of=as_of, order=book.client.tiers)
    differ = recommendation.differences(tiers)
    yield "NPS differs by tier", int(differ["is_different"].sum()), len(differ)
    about = causes.answer_causes(moods, topics=book.client.topics)
    found = causes.complaint_causes(about, start=start, as_of=as_of)
    yield "complaints are about this more than other answers", int(found["is_more"].sum()), len(found)
    changed = causes.cause_changes(about, start=start, middle=middle, as_of=as_of)
    yield "cause changed", int(changed["is_change"].sum()), len(changed)
    products = satisfaction.product_satisfaction(moods, book.products, start=start, as_of=as_of)
    yield "product differs in satisfaction", int(products["is_different"].sum()), len(products)
    segmented = rfm.rfm_segments(rfm.rfm_scores(rfm.rfm(book.purchases, as_of=as_of)), segments=book.client.segments)
    wanted = needs.segment_needs(needs.mentions(about, book.events, book.products), segmented)
    yield "segment wants something more", int(wanted["is_more"].sum()), len(wanted)
    unmet = unmet_searches.unmet_share(book.events, book.purchases, start=start, as_of=as_of, z=Z95)
    yield "orders lost to searches in vain", int((unmet["lost_low"] > 0).sum()), 1
    # Carts lead to orders by how the shop is made; favourites, shares and questions do not.
    outcomes = signals.signal_outcomes(signals.product_looks(book.events, book.order_lines, start=start, as_of=as_of))
    idle = outcomes[outcomes["signal"] != "cart"]
    yield "favourite, share or question followed by more purchases", int(idle["is_different"].sum()), len(idle)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
