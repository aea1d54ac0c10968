"""What the page on campaigns says about shops whose truth is known, and what it claims where nothing is planted.

python benchmarks/planted_campaigns.py [SHOPS] [CUSTOMERS] [FIRST]     20 planted shops of 5,000 customers, and as many with nothing
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import ibis.expr.types as ir
import pandas as pd
from planted import Told, compare

from custkit.analysis import before_after, campaign_uplift, campaigns, channel_value, price_fairness, rfm
from custkit.analysis import difference_in_differences as did
from custkit.book import Book
from custkit.demo.shop import Shop
from custkit.demo.truth import CAMPAIGN

SAID = (did.MORE, did.LESS)


def main(shops: int = 20, customers: int = 5000, first: int = 1) -> None:
    compare(recovered, claims, shops, customers, "95% intervals", first)


def recovered(book: Book, shop: Shop) -> Iterator[Told]:
    """The lift of the tested campaign, with its control group and without; that no other campaign is said to have one.

    What channels cost stands in `planted_funnel`.
    """
    row = uplift(book).set_index("measure").loc[campaign_uplift.BOUGHT]
    yield Told("lift against the control group", shop.planted.lift, row["uplift"], row["low"], row["high"])
    yield _count("of it: said to be beyond chance in a fair test", 1, int(row["is_beyond_chance"]))
    contacts = book.campaign_contacts
    told = differences(book, contacts.filter((contacts.arm != campaigns.CONTROL).fill_null(True)))
    mine = told[(told["campaign_id"] == CAMPAIGN) & (told["measure"] == campaign_uplift.BOUGHT)].iloc[0]
    yield Told("lift against like customers", shop.planted.lift, mine["difference"], mine["low"], mine["high"])
    yield _count("of it: said to be more than like customers", 1, int(mine["verdict"] == did.MORE))
    others = differences(book, contacts)
    yield _count("campaigns said to do something that do nothing", 0, others.loc[others["verdict"].isin(SAID), "campaign_id"].nunique())


def claims(book: Book) -> Iterator[tuple[str, int, int]]:
    """A campaign that did something, channels whose customers bring back more, a segment that is asked other prices."""
    tested = uplift(book)
    yield "uplift beyond chance", int(tested["is_beyond_chance"].any()), len(tested)
    told = differences(book, book.campaign_contacts)
    yield "difference from like customers", int(told["verdict"].isin(SAID).sum()), len(told)
    value = channel_value.channel_value(*_won(book), book.marketing_spend, as_of=book.as_of)
    yield "channel that brings back more or less", int(value["is_different"].sum()), int(value["adjusted_p"].notna().sum())
    start = book.days_before(90)
    segmented = rfm.rfm_segments(rfm.rfm_scores(rfm.rfm(book.purchases, as_of=start)), segments=book.client.segments)
    prices = price_fairness.price_fairness(price_fairness.day_prices(book.order_lines, segmented, start=start, as_of=book.as_of))
    yield "segment asked other prices", int(prices["is_apart"].sum()), int(prices["adjusted_p"].notna().sum())


def uplift(book: Book) -> pd.DataFrame:
    spans = _spans(book, book.campaign_contacts)
    outcomes = campaigns.campaign_outcomes(spans, book.campaign_contacts, book.orders, gross_margin=book.client.gross_margin)
    return campaign_uplift.campaign_uplift(spans, outcomes, control_share=book.client.campaigns.control_share)


def differences(book: Book, contacts: ir.Table) -> pd.DataFrame:
    spans = _spans(book, contacts)
    people = before_after.before_after_customers(spans, contacts, book.customers, book.orders, as_of=book.as_of)
    return did.difference_in_differences(spans, people)


def _spans(book: Book, contacts: ir.Table) -> ir.Table:
    follow_days = book.client.campaigns.follow_days
    return campaigns.campaign_spans(book.campaigns, contacts, book.orders, as_of=book.as_of, follow_days=follow_days)


def _won(book: Book) -> tuple[ir.Table, ir.Table]:
    return channel_value.won_customers(book.customers, book.orders, as_of=book.as_of), book.orders


def _count(what: str, planted: float, found: float) -> Told:
    return Told(what, planted, found, found, found)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
