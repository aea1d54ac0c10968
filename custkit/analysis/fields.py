"""What each page of the pack needs, what the client's data cannot carry, which field to ask for first, and which ones feed nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.client import Client
from custkit.engine import fetch
from custkit.tables import COMPUTED, SENT, TABLES
from custkit.words import mark

CARRIES, LIMITS, CANNOT = mark("carries"), mark("carries, with limits"), mark("cannot")
UNLINKED_LIMIT = 0.05
YEAR_DAYS, MONTH_DAYS = 365, 31


class Page(NamedTuple):
    """A page of the pack: fields without which it says nothing, fields without which parts of it fall away, days of orders it asks for.

    instead: fields of which any one gives the page something to say, whatever `must` lacks and even if nobody bought.
    """

    must: tuple[str, ...]
    parts: tuple[str, ...] = ()
    days: int = YEAR_DAYS
    of_customers: bool = True
    instead: tuple[str, ...] = ()


BUYER = ("order_lines.customer_id",)
PAGES: dict[str, Page] = {
    "overview": Page(BUYER, ("customers.registered_at", "customers.closed_at", "marketing_spend.spend_amount", "order_lines.cost_amount")),
    "segmentation": Page(BUYER, ("customers.region", "products.category", "order_lines.cost_amount")),
    "spending_power": Page(
        BUYER,
        (
            "order_lines.discount_amount", "order_lines.coupon_amount", "products.category", "orders.payment_method",
            "customers.income_band", "customers.occupation", "events.event_type", "surveys.score",
        ),
    ),
    "lifetime_value": Page(BUYER, ("order_lines.cost_amount", "customers.acquisition_channel")),
    "purchase_behaviour": Page(
        ("order_lines.amount",), ("order_lines.product_id", "products.category", "orders.region"), of_customers=False
    ),
    "association_rules": Page(
        ("order_lines.product_id",), ("order_lines.customer_id", "order_lines.quantity", "order_lines.cost_amount"), of_customers=False
    ),
    "lifecycle_funnel": Page(
        BUYER,
        (
            "customers.registered_at", "customers.closed_at", "customers.acquisition_channel", "marketing_spend.spend_amount",
            "events.session_id", "events.channel", "events.device",
        ),
        instead=("events.session_id",),
    ),
    "loyalty_tracking": Page(
        BUYER,
        (
            "loyalty_ledger.points", "loyalty_ledger.tier", "loyalty_ledger.expires_at", "order_lines.discount_amount",
            "order_lines.coupon_amount", "products.category", "surveys.score",
        ),
        instead=("loyalty_ledger.points", "loyalty_ledger.tier"),
    ),
    "campaigns": Page(
        ("campaign_contacts.customer_id", "campaigns.starts_at"),
        (
            "campaign_contacts.arm", "campaign_contacts.offer", "campaigns.cost_amount", "customers.acquisition_channel",
            "marketing_spend.spend_amount", "order_lines.cost_amount", "order_lines.product_id",
        ),
        days=MONTH_DAYS,
    ),
    "voice": Page(
        ("surveys.score",),
        ("surveys.topic", "surveys.product_id", "surveys.comment", "events.query", "events.results", "events.customer_id"),
        days=MONTH_DAYS,
        of_customers=False,
        instead=("events.results", "events.customer_id"),
    ),
    "actions": Page(BUYER, ("customers.consent", "order_lines.cost_amount", "products.category")),
}  # fmt: skip

# What a promise gives, in words: those that some field feeds (`feeds` in custkit.tables), with the page that keeps it.
PROMISES: dict[str, tuple[str, str]] = {
    "S97": ("data_health", mark("orders told by customer")),
    "S1": ("overview", mark("repurchase rate")),
    "S2": ("overview", mark("spend per customer")),
    "S3": ("overview", mark("cost of winning a customer")),
    "S5": ("overview", mark("active customers, of those registered")),
    "S22": ("overview", mark("first purchases of those registered")),
    "S40": ("segmentation", mark("segments by recency, frequency and value")),
    "S42": ("segmentation", mark("segments by region, amount and category")),
    "S46": ("spending_power", mark("price tiers and categories preferred")),
    "S8": ("spending_power", mark("strength of discounts")),
    "S24": ("spending_power", mark("income and occupation in the spending score")),
    "S27": ("spending_power", mark("driven by price or by value")),
    "S28": ("spending_power", mark("how customers pay")),
    "S21": ("lifetime_value", mark("lifetime value in margin")),
    "S45": ("purchase_behaviour", mark("age, gender and household of buyers")),
    "S9": ("association_rules", mark("when a product is bought again")),
    "S10": ("association_rules", mark("more of the same product")),
    "S11": ("association_rules", mark("what goes with what")),
    "S12": ("association_rules", mark("what comes next")),
    "S19": ("lifecycle_funnel", mark("bounces and time spent on visits")),
    "S56": ("lifecycle_funnel", mark("stages of a customer's life")),
    "S57": ("lifecycle_funnel", mark("registrations by quality")),
    "S59": ("lifecycle_funnel", mark("the client's own best customers")),
    "S60": ("lifecycle_funnel", mark("lost customers told from quiet ones")),
    "S75": ("lifecycle_funnel", mark("where visits break off, by channel and device")),
    "S34": ("loyalty_tracking", mark("use of offers over time")),
    "S64": ("loyalty_tracking", mark("categories by number of orders")),
    "S65": ("loyalty_tracking", mark("what reaching a tier does")),
    "S67": ("loyalty_tracking", mark("points and moves between tiers")),
    "S7": ("campaigns", mark("purchases after a campaign")),
    "S15": ("campaigns", mark("cost and return of a channel")),
    "S16": ("campaigns", mark("return on campaign costs")),
    "S91": ("campaigns", mark("lift against a control group")),
    "S92": ("campaigns", mark("who was offered what")),
    "S14": ("voice", mark("willingness to recommend")),
    "S74": ("voice", mark("touch points before a purchase")),
    "S83": ("voice", mark("searched and not found")),
    "S84": ("voice", mark("complaints by cause and product")),
    "S85": ("voice", mark("comments in customers' words")),
    "S102": ("actions", mark("lists with consent")),
}
# Feed no figure, but are read: names, and what tells one row from another or links tables.
_READ = {"product_name", "campaign_name", "ends_at", "named_at", "contacted_at", "department", "campaign_type", "question", "brand"}


# One of the two is enough.
_EITHER = {"customers.age_band": "customers.birth_year", "customers.birth_year": "customers.age_band"}


def empty_fields(columns: pd.DataFrame) -> tuple[str, ...]:
    """Fields that the client file maps and no row fills: `table.column`, from `quality.column_quality`."""
    none = columns[(columns["filled"] == 0) & (columns["rows"] > 0)]
    return tuple(f"{row.table}.{row.column}" for row in none.itertuples())


def lacking(provided: Collection[str], empty: Collection[str], fields: Collection[str]) -> tuple[str, ...]:
    """Those of `fields` that are not sent, or sent empty. A field of `products` counts where order lines carry it."""
    return tuple(field for field in fields if field not in provided or field in empty)


def field_requests(provided: Collection[str], empty: Collection[str]) -> pd.DataFrame:
    """Rank what to ask the client for: asked first is what brings most promises within reach.

    →  rank, field | meaning, state (not sent, empty), completes, feeds (promises), gains (in words), pages

    A promise is complete when every field that feeds it is there; `completes` counts those for which this field is the last one
    missing, `feeds` all that it feeds. A table that was not sent is one request. Ties by the order of the canonical tables.
    [S106 S107 S108]
    """
    feeders: dict[str, set[str]] = {}
    for name, spec in TABLES.items():
        for column in spec.columns:
            for promise in column.feeds:
                feeders.setdefault(promise, set()).add(f"{name}.{column.name}")
    gone = {field for fields in feeders.values() for field in lacking(provided, empty, sorted(fields))}
    gone -= {field for field, other in _EITHER.items() if other not in gone}
    asks: dict[str, set[str]] = {}
    for name, spec in TABLES.items():
        whole = name not in provided and not spec.derived and name != "order_lines"
        for column in spec.columns:
            field = f"{name}.{column.name}"
            if field in gone:
                asks.setdefault(name if whole else field, set()).add(field)
    rows = []
    for place, (asked, fields) in enumerate(asks.items()):
        feeds = sorted((p for p, needed in feeders.items() if needed & fields), key=lambda p: int(p[1:]))
        complete = [p for p in feeds if feeders[p] & gone <= fields]
        table, _dot, name = asked.partition(".")
        meaning = TABLES[table].by_name[name].meaning if name else TABLES[table].grain
        state = "empty" if asked in empty else "not sent"
        pages = tuple(dict.fromkeys(PROMISES[p][0] for p in feeds))
        gains = tuple(PROMISES[p][1] for p in (*complete, *(p for p in feeds if p not in complete)))
        rows.append((place, asked, meaning, state, len(complete), len(feeds), gains, pages))
    names = ["place", "field", "meaning", "state", "completes", "feeds", "gains", "pages"]
    found = pd.DataFrame(rows, columns=names).sort_values(
        ["completes", "feeds", "place"], ascending=[False, False, True], ignore_index=True
    )
    return found.assign(rank=range(1, len(found) + 1))[["rank", *names[1:]]]


def idle_fields(client: Client) -> tuple[str, ...]:
    """Fields that the client file maps and that feed no promise, name nothing and link nothing: they need not be sent. [S112]"""
    found = []
    for source in client.sources:
        spec = SENT[source.table]
        for column in source.columns:
            known = spec.by_name.get(column)
            needed = known is None or known.required or known.feeds or column in spec.key or column.endswith("_id") or column in _READ
            if not needed and column not in COMPUTED.get(source.table, ()) and column not in ("amount", spec.time):
                found.append(f"{source.table}.{column}")
    return tuple(dict.fromkeys(found))


class Reach(NamedTuple):
    """What the orders allow: the share of the last 365 days' revenue without a customer, days of orders so far, who ever bought."""

    unlinked_share: float
    days: int
    buyers: int


def data_reach(orders: ir.Table, unlinked: pd.DataFrame, *, as_of: datetime) -> Reach:
    """Count what the verdicts ask of the orders themselves; `unlinked` as `unlinked.unlinked_orders` gives it."""
    bought = orders.filter(_.is_purchase, _.ordered_at < as_of)
    (counted,) = fetch(bought.aggregate(first=_.ordered_at.min(), buyers=_.customer_id.nunique())).to_pylist()
    share = unlinked.set_index("window").loc["year", "unlinked_revenue_share"]
    return Reach(
        float(share) if share == share else 0.0, (as_of - counted["first"]).days if counted["first"] else 0, int(counted["buyers"])
    )


def page_verdicts(provided: Collection[str], empty: Collection[str], changes: pd.DataFrame, *, reach: Reach) -> pd.DataFrame:
    """Judge for each page of the pack whether these data can carry it, and name what limits it.

    what is sent, what is empty, what changed beyond chance, what the orders allow  →  page | verdict, missing (fields),
    reasons (codes), tables (whose change was told)

    cannot   a field that all of the page rests on is missing, or nobody bought, and nothing else gives it something to say
    limits   parts of it fall away, more than 5 % of revenue has no customer, fewer days than it looks back on, or a table it rests on
             changed this month beyond chance
    """
    told = changes[changes["told"]] if len(changes) else changes
    rows = []
    for page, wanted in PAGES.items():
        must, parts = lacking(provided, empty, wanted.must), lacking(provided, empty, wanted.parts)
        other = len(lacking(provided, empty, wanted.instead)) < len(wanted.instead)
        if other:
            must, parts = (), must + parts
        reasons = []
        if wanted.of_customers and not must and not reach.buyers:
            reasons.append("nobody")
        if parts:
            reasons.append("parts")
        if wanted.of_customers and reach.unlinked_share > UNLINKED_LIMIT:
            reasons.append("unlinked")
        if reach.days < wanted.days:
            reasons.append("short")
        used = {field.partition(".")[0] for field in (*wanted.must, *wanted.parts)} | {"order_lines", "orders"}
        changed = tuple(dict.fromkeys(name for name in told["table"] if name in used))
        if changed:
            reasons.append("changed")
        verdict = CANNOT if must or ("nobody" in reasons and not other) else LIMITS if reasons else CARRIES
        rows.append((page, verdict, must or parts, tuple(["must"] if must else reasons), changed))
    return pd.DataFrame(rows, columns=["page", "verdict", "missing", "reasons", "tables"])
