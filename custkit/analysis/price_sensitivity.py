"""Price-driven or value-driven: which customers buy on offer far more often, and which far less, than others who buy the same."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.offers import on_offer
from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

PRICE_DRIVEN, MIXED, VALUE_DRIVEN, NOT_TOLD = mark("price-driven"), mark("mixed"), mark("value-driven"), mark("not told")
KINDS = (PRICE_DRIVEN, MIXED, VALUE_DRIVEN, NOT_TOLD)
# So far from usual, of the way to always and of the way to never, and so surely (nine chances in ten) are the two kinds.
PART = 0.25
_SURE = 1.2815515655446004
# How sure it must be that customers differ at all: nineteen chances in twenty.
_DIFFER = 1.6448536269514722
# Floats that differ in the last digits stand on the same side of a border.
_HAIR = 1e-9


def price_sensitivity(order_lines: ir.Table, products: ir.Table, *, min_orders: int = 3) -> ir.Table:
    """Say of each customer whether offers decide what is bought.

    order lines, products  →  customer_id | orders, revenue (currency), own_offer_share, usual_offer_share, settled_offer_share (0 to 1),
    price_sensitivity ("price-driven", "mixed", "value-driven", "not told")

    own: the mean over the customer's orders of the share of their lines bought on offer. usual: the same had every line been on offer
    as often as lines of its category are in its month, whoever buys them. settled: own drawn towards usual, the more the fewer orders
    there are and the less customers differ from each other beyond luck (credibility: empirical Bayes by moments). An order is one
    observation, since one coupon may cover all of it. Where it is not sure that customers differ, settled is usual for everybody.

    Price-driven: with nine chances in ten the customer lies more than a quarter of the way from usual to always. Value-driven: with
    nine chances in ten more than a quarter below usual. Mixed: neither is that sure. Not told: fewer than `min_orders` orders, or
    lines that are always or never on offer for anyone. Guests are left out. [Bühlmann 1967; Efron & Morris 1975; S27, S44]

    Raises ValueError if min_orders < 2.
    """
    if min_orders < 2:
        raise ValueError(f"min_orders must be 2 or more, not {min_orders}: one order on offer says nothing about a customer")
    people = _people(order_lines, products)
    weighed = people.cross_join(_differ(people))
    weights = weighed.mutate(known=_.differ * _.orders / (_.differ * _.orders + 1 - _.differ))
    settled = weights.mutate(
        settled_offer_share=_.known * _.own_offer_share + (1 - _.known) * _.usual_offer_share,
        unsure=(_.between * (1 - _.known)).clip(lower=0.0).sqrt() * _SURE,
    )
    usual, own = settled.usual_offer_share, settled.settled_offer_share
    kind = ibis.cases(
        ((settled.orders < min_orders) | (usual <= _HAIR) | (usual >= 1 - _HAIR), NOT_TOLD),
        (own - settled.unsure > usual + (1 - usual) * PART + _HAIR, PRICE_DRIVEN),
        (own + settled.unsure < usual * (1 - PART) - _HAIR, VALUE_DRIVEN),
        else_=MIXED,
    )
    shares = ("own_offer_share", "usual_offer_share", "settled_offer_share")
    return settled.mutate(price_sensitivity=kind).select("customer_id", "orders", "revenue", *shares, "price_sensitivity")


def _people(order_lines: ir.Table, products: ir.Table) -> ir.Table:
    """One row a known customer: orders, revenue, own and usual share of offers, and sums of what orders differ by."""
    sold = (
        order_lines.filter(_.kind == SALE, _.is_product.fill_null(False))
        .left_join(products.select("product_id", "category"), "product_id")
        .select(
            "customer_id",
            "order_id",
            "revenue",
            category=_.category.fill_null(""),
            month=_.ordered_at.strftime("%Y-%m"),
            offered=to_float(on_offer.ifelse(1, 0)),
        )
    )
    usual = sold.group_by("category", "month").aggregate(usual=_.offered.mean())
    orders = (
        sold.filter(_.customer_id.notnull())
        .join(usual, ["category", "month"])
        .group_by("customer_id", "order_id")
        .aggregate(own=_.offered.mean(), usual=_.usual.mean(), revenue=_.revenue.sum())
        .mutate(beyond=_.own - _.usual)
    )
    return orders.group_by("customer_id").aggregate(
        orders=_.count(),
        revenue=_.revenue.sum(),
        own_offer_share=_.own.mean(),
        usual_offer_share=_.usual.mean(),
        beyond=_.beyond.sum(),
        squares=(_.beyond * _.beyond).sum(),
    )


def _differ(people: ir.Table) -> ir.Table:
    """One row: differ, how far customers differ in their fondness of offers, 0 to 1; between, the variance of that fondness.

    The intraclass correlation of what orders are beyond usual: products of different orders of one customer (`alike`) against those
    and the spread inside customers (`apart`), each a mean over the customer's orders. Both 0 unless that is surely above 0; customers
    are independent, so `alike` spreads by its squares.
    """
    parts = people.mutate(
        alike=(_.beyond * _.beyond - _.squares) / to_float(_.orders), apart=_.squares - _.beyond * _.beyond / to_float(_.orders)
    )
    sums = parts.aggregate(
        alike=_.alike.sum(), apart=_.apart.sum().clip(lower=0.0), spread=(_.alike * _.alike).sum().sqrt(), more=(_.orders - 1).sum()
    )
    sure = ((sums.alike > _HAIR) & (sums.alike > _DIFFER * sums.spread)).fill_null(False)
    return sums.select(
        differ=sure.ifelse(sums.alike / (sums.alike + sums.apart).nullif(0.0), 0.0),
        between=sure.ifelse(sums.alike / to_float(sums.more).nullif(0.0), 0.0),
    )


def sensitivity_summary(sensitivity: ir.Table) -> pd.DataFrame:
    """How many customers are price-driven, mixed or value-driven, and what they bring.

    customer_id | revenue, own_offer_share, price_sensitivity  →  price_sensitivity | customers, customer_share, low, high (95 %
    interval), own_offer_share (mean over customers), revenue, revenue_share, spend_per_customer

    Shares of customers are of those told. All four rows, an empty one without means; no rows where nobody is told. [S27, S44]
    """
    found = frame(
        sensitivity.group_by("price_sensitivity").aggregate(
            customers=_.count(), own_offer_share=_.own_offer_share.mean(), revenue=_.revenue.sum()
        )
    )
    rows = pd.DataFrame({"price_sensitivity": list(KINDS)}).merge(found, on="price_sensitivity", how="left", validate="one_to_one")
    rows = rows.assign(customers=rows.customers.fillna(0).astype("int64"), revenue=rows.revenue.fillna(0.0).astype("float64"))
    told = rows.price_sensitivity != NOT_TOLD
    n, revenue = int(rows.customers[told].sum()), float(rows.revenue.sum())
    rows, told = (rows, told) if n else (rows.iloc[:0], told.iloc[:0])
    intervals = [wilson(int(k), n) if known else (float("nan"), float("nan")) for k, known in zip(rows.customers, told, strict=True)]
    return rows.assign(
        customer_share=rows.customers.where(told) / (n or 1),
        low=pd.Series([low for low, _high in intervals], dtype="float64"),
        high=pd.Series([high for _low, high in intervals], dtype="float64"),
        own_offer_share=rows.own_offer_share.astype("float64"),
        revenue_share=rows.revenue / (revenue or float("nan")),
        spend_per_customer=rows.revenue / rows.customers.where(rows.customers > 0),
    )[
        [
            "price_sensitivity",
            "customers",
            "customer_share",
            "low",
            "high",
            "own_offer_share",
            "revenue",
            "revenue_share",
            "spend_per_customer",
        ]
    ]
