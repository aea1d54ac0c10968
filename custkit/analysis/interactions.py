"""How close customers are to the shop between purchases: levels of interaction, and long contact without a purchase. [S78, S79]"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.unmet_searches import with_visit
from custkit.engine import frame, to_float
from custkit.words import mark

NONE, LIGHT, MEDIUM, HEAVY = mark("no visit"), mark("light"), mark("medium"), mark("heavy")
LEVELS = (HEAVY, MEDIUM, LIGHT, NONE)
LEVEL_COLUMNS = ("level", "customers", "customer_share", "visits_per_customer", "seconds_per_visit", "buyers", "buyer_share")
NO_FIT = mark("searched for what is not there")
OFFER = mark("waits for an offer")
RETURNS = mark("comes back to one product")
UNCLEAR = mark("no sign in the data")
REASONS = (NO_FIT, OFFER, RETURNS, UNCLEAR)
REASON_COLUMNS = ("reason", "customers", "customer_share", "visits_per_customer", "known_customers")


def with_person(events: ir.Table) -> ir.Table:
    """… + known_id (the customer: signed in, or on a device that only one customer ever signed in on; else null), person_id (else the
    visitor)."""
    signed = events.filter(_.customer_id.notnull()).group_by("visitor_id").aggregate(least=_.customer_id.min(), most=_.customer_id.max())
    owners = signed.filter(_.least == _.most).select("visitor_id", owner=_.least)
    told = events.left_join(owners, "visitor_id").drop("visitor_id_right")
    named = told.mutate(known_id=ibis.coalesce(told.customer_id, told.owner)).drop("owner")
    return named.mutate(person_id=ibis.coalesce(named.known_id, named.visitor_id))


def interactions(customers: ir.Table, events: ir.Table, *, as_of: datetime, days: int = 90, medium: int = 3, heavy: int = 8) -> ir.Table:
    """How often each customer came in the last `days`, for how long, and the level that makes.

    customers, events  →  customer_id | visits, visit_days, seconds (of all visits; null where not recorded), last_visit_at, level

    Levels by visits: none, light (below `medium`), medium, heavy (`heavy` or more). Everybody who is registered or was seen with their
    id has one. A device that only one customer ever signed in on is theirs when they do not. [S78]

    Raises ValueError unless 1 < medium < heavy.
    """
    if not 1 < medium < heavy:
        raise ValueError(f"levels begin at {medium} and {heavy} visits; give 1 < medium < heavy")
    known = with_person(events.filter(_.occurred_at < as_of)).filter(_.known_id.notnull())
    known = known.mutate(customer_id=known.known_id)
    everyone = customers.select("customer_id").union(known.select("customer_id"), distinct=True)
    visits = with_visit(known.filter(_.occurred_at >= as_of - timedelta(days=days), _.event_type != "register"))
    folded = visits.group_by("customer_id").aggregate(
        visits=_.visit_id.nunique(),
        visit_days=_.occurred_at.date().nunique(),
        seconds=_.dwell_seconds.sum(),
        last_visit_at=_.occurred_at.max(),
    )
    both = everyone.left_join(folded, "customer_id").drop("customer_id_right")
    both = both.mutate(visits=_.visits.fill_null(0), visit_days=_.visit_days.fill_null(0))
    return both.mutate(level=ibis.cases((_.visits == 0, NONE), (_.visits < medium, LIGHT), (_.visits < heavy, MEDIUM), else_=HEAVY))


def interaction_levels(interactions: ir.Table, purchases: ir.Table, *, as_of: datetime, days: int = 90) -> pd.DataFrame:
    """Count customers by level, heavy first, with how often they come, how long they stay and how many bought.

    interactions(…), purchases  →  level | customers, customer_share, visits_per_customer, seconds_per_visit, buyers, buyer_share

    `seconds_per_visit` is all their time / all their visits. Buyers bought in the same days: who buys online visits, so the share must
    rise with the level and proves nothing. [S78]
    """
    bought = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at >= as_of - timedelta(days=days), _.ordered_at < as_of)
        .select("customer_id")
        .distinct()
        .mutate(hit=ibis.literal(1, "int64"))
    )
    both = interactions.left_join(bought, "customer_id")
    counts = frame(
        both.group_by("level").aggregate(
            customers=_.count(), visits=_.visits.sum(), seconds=_.seconds.sum(), buyers=_.hit.sum().fill_null(0)
        )
    ).set_index("level")
    counts = counts.reindex([level for level in LEVELS if level in counts.index])
    n = counts["customers"].astype("int64")
    shown = counts.assign(
        customers=n,
        customer_share=n / n.sum(),
        visits_per_customer=counts["visits"] / n,
        seconds_per_visit=counts["seconds"] / counts["visits"].where(counts["visits"] > 0),
        buyers=counts["buyers"].astype("int64"),
        buyer_share=counts["buyers"] / n,
    )
    return shown.reset_index()[list(LEVEL_COLUMNS)]


def long_contact(
    events: ir.Table, purchases: ir.Table, *, as_of: datetime, days: int = 90, min_visits: int = 3, offer_share: float = 0.5
) -> ir.Table:
    """People who come again and again and do not buy, and what keeps them by the traces they leave.

    events, purchases  →  person_id | customer_id (null: a visitor nobody knows), visits, visit_days, last_visit_at, searches_not_found,
    product_id (the one they came back to most), product_days (days they looked at it), left_in_cart (1 or 0), orders (ever), offer_share
    (of their orders), reason

    They made `min_visits` visits on two days or more within `days` and bought nothing in them. The first reason that fits:
    searched for what is not there   a search of theirs showed nothing: no fitting product
    waits for an offer               looked at one product on two days or left one in the cart, and `offer_share` of what they ever
                                     ordered was on offer
    comes back to one product        the same, of people without that habit, or who never bought
    no sign in the data              nothing of the kind
    Guesses from traces, to be asked about; nobody is told why. Rows with a customer_id are ready for a list of whom to write to. [S79]
    """
    start = as_of - timedelta(days=days)
    before = purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    recent = before.filter(_.ordered_at >= start).select("customer_id").distinct()
    acts = with_visit(with_person(events.filter(_.occurred_at < as_of)))
    seen = acts.filter(_.occurred_at >= start, _.event_type != "register")
    people = (
        seen.group_by("person_id")
        .aggregate(
            customer_id=_.known_id.max(),
            visits=_.visit_id.nunique(),
            visit_days=_.occurred_at.date().nunique(),
            last_visit_at=_.occurred_at.max(),
            bought=(_.event_type == "order").ifelse(1, 0).sum(),
            searches_not_found=((_.event_type == "search") & (_.results == 0)).fill_null(False).ifelse(1, 0).sum(),
        )
        .filter(_.visits >= min_visits, _.visit_days >= 2, _.bought == 0)
        .anti_join(recent, "customer_id")
        .drop("bought")
    )
    at = seen.filter(_.product_id.notnull(), _.event_type.isin(["view", "cart", "favourite"]))
    looked = at.group_by("person_id", "product_id").aggregate(
        product_days=_.occurred_at.date().nunique(), left_in_cart=(_.event_type == "cart").ifelse(1, 0).max()
    )
    first = ibis.window(group_by="person_id", order_by=[ibis.desc("product_days"), ibis.desc("left_in_cart"), "product_id"])
    most = looked.mutate(nth=ibis.row_number().over(first)).filter(_.nth == 0).drop("nth")
    on_offer = (_.discount_amount.fill_null(0) > 0) | (_.coupon_amount.fill_null(0) > 0)
    habits = before.group_by("customer_id").aggregate(orders=_.count(), offers=on_offer.ifelse(1, 0).sum())
    whole = people.left_join(most, "person_id").drop("person_id_right").left_join(habits, "customer_id").drop("customer_id_right")
    whole = whole.mutate(
        product_days=_.product_days.fill_null(0),
        left_in_cart=_.left_in_cart.fill_null(0),
        orders=_.orders.fill_null(0),
        offer_share=to_float(_.offers) / _.orders.nullif(0),
    ).drop("offers")
    hangs = (whole.product_days >= 2) | (whole.left_in_cart == 1)
    return whole.mutate(
        reason=ibis.cases(
            (whole.searches_not_found > 0, NO_FIT),
            (hangs & (whole.offer_share >= offer_share).fill_null(False), OFFER),
            (hangs, RETURNS),
            else_=UNCLEAR,
        )
    )


def contact_reasons(long_contact: ir.Table) -> pd.DataFrame:
    """Count them by what seems to keep them.

    long_contact(…)  →  reason | customers, customer_share, visits_per_customer, known_customers   (in the order of the rule) [S79]
    """
    counts = frame(
        long_contact.group_by("reason").aggregate(customers=_.count(), visits=_.visits.sum(), known_customers=_.customer_id.count())
    ).set_index("reason")
    counts = counts.reindex([reason for reason in REASONS if reason in counts.index])
    n = counts["customers"].astype("int64")
    shown = counts.assign(
        customers=n,
        customer_share=n / max(n.sum(), 1),
        visits_per_customer=counts["visits"] / n,
        known_customers=counts["known_customers"].astype("int64"),
    )
    return shown.reset_index()[list(REASON_COLUMNS)]
