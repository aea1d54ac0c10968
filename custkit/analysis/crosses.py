"""Where the big spenders live, and which categories have loyal buyers: customers crossed by region, amount, frequency and category."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.engine import frame
from custkit.tables import SALE
from custkit.words import mark

UNKNOWN = mark("not known")
LOYAL_DAYS = 3


def region_amount(scores: ir.Table, customers: ir.Table) -> pd.DataFrame:
    """Big spenders by home region: customers whose spend has the best score.

    customer_id | …, monetary_value, m_score; customers  →
    region | customers, big_spenders, big_spender_share, low, high (95 % interval), revenue, spend_per_customer

    Most revenue first. Customers without a region stand under "not known". [Wilson 1927; S42]
    """
    homes = customers.select("customer_id", "region")
    placed = scores.left_join(homes, "customer_id").mutate(region=_.region.fill_null(UNKNOWN), best=_.m_score.max().over())
    found = frame(
        placed.group_by("region").aggregate(
            customers=_.count(), big_spenders=_.count(where=_.m_score == _.best), revenue=_.monetary_value.sum()
        )
    ).sort_values(["revenue", "region"], ascending=[False, True], ignore_index=True)
    return _rated(found, "big_spenders", "big_spender_share").assign(spend_per_customer=found.revenue / found.customers)


def category_loyalty(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """Loyal and occasional buyers of each category: who bought it on three days or more, and who on one or two.

    order lines, products  →
    category | customers, loyal, loyal_share, low, high (95 % interval), expected_share, revenue, revenue_share

    expected_share is the share if every customer took the category with equal chance each time, however popular: what is
    above it is loyalty, not popularity. Products only, in the window of `window_days` before `as_of`; guests are left out. One
    customer counts in every category bought. Most revenue first; products without a category stand under "not known". [S42]
    """
    start = as_of - timedelta(days=window_days)
    lines = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of
    )
    named = lines.left_join(products.select("product_id", "category"), "product_id").mutate(
        category=_.category.fill_null(UNKNOWN), day=_.ordered_at.date()
    )
    buyers = named.group_by("category", "customer_id").aggregate(days_bought=_.day.nunique(), revenue=_.revenue.sum())
    found = frame(
        buyers.group_by("category").aggregate(
            customers=_.count(), loyal=_.count(where=_.days_bought >= LOYAL_DAYS), days_bought=_.days_bought.sum(), revenue=_.revenue.sum()
        )
    ).sort_values(["revenue", "category"], ascending=[False, True], ignore_index=True)
    visits = frame(named.group_by("customer_id").aggregate(days=_.day.nunique()).group_by("days").aggregate(customers=_.count()))
    revenue = float(found.revenue.sum())
    expected = _expected(found.days_bought, visits)
    rated = _rated(found.drop(columns="days_bought"), "loyal", "loyal_share")
    rated.insert(list(rated.columns).index("high") + 1, "expected_share", expected)
    return rated.assign(revenue_share=found.revenue / revenue if revenue > 0 else float("nan"))


def _expected(days_bought: pd.Series, visits: pd.DataFrame) -> pd.Series:
    """Share of buyers who would be loyal if each shopping day of anybody brought the category with the same chance."""
    from scipy.stats import binom

    days, customers = visits.days.to_numpy(), visits.customers.to_numpy()
    everyone = float((days * customers).sum())
    shares = []
    for bought in days_bought:
        chance = min(float(bought) / everyone, 1.0)
        once, often = ((binom.sf(least - 1, days, chance) * customers).sum() for least in (1, LOYAL_DAYS))
        shares.append(float(often / once))
    return pd.Series(shares, index=days_bought.index, dtype="float64")


def _rated(found: pd.DataFrame, part: str, share: str) -> pd.DataFrame:
    bounds = [wilson(int(k), int(n)) for k, n in zip(found[part], found.customers, strict=True)]
    rated = found.assign(
        **{share: found[part] / found.customers.clip(lower=1)},
        low=pd.Series([low for low, _high in bounds], index=found.index, dtype="float64"),
        high=pd.Series([high for _low, high in bounds], index=found.index, dtype="float64"),
    )
    first = [str(found.columns[0]), "customers", part, share, "low", "high"]
    return rated[[*first, *(column for column in found.columns if column not in first)]]
