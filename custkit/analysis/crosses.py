"""Customers crossed by region, frequency, amount and category: where big spenders live, how many orders make them, who is loyal."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

UNKNOWN = mark("not known")
LOYAL_DAYS = 3
ONCE = "1"
# Orders in the window: name and the lowest number in it.
TIMES = ((ONCE, 1), ("2", 2), ("3–5", 3), ("6–10", 6), ("11+", 11))
CROSS_COLUMNS = ("row", "column", "customers", "customer_share", "revenue", "lowest", "highest")


def region_amount(scores: ir.Table, customers: ir.Table) -> pd.DataFrame:
    """Big spenders by home region: customers whose spend has the best score.

    customer_id | …, monetary_value, m_score; customers  →
    region | customers, big_spenders, big_spender_share, low, high (95 % interval), revenue, spend_per_customer

    Most revenue first. Customers without a region stand under "not known"; where nobody has one there is no row. [Wilson 1927; S42]
    """
    homes = customers.select("customer_id", "region")
    placed = scores.left_join(homes, "customer_id").mutate(region=_.region.fill_null(UNKNOWN), best=_.m_score.max().over())
    found = frame(
        placed.group_by("region").aggregate(
            customers=_.count(), big_spenders=_.count(where=_.m_score == _.best), revenue=_.monetary_value.sum()
        )
    ).sort_values(["revenue", "region"], ascending=[False, True], ignore_index=True)
    if list(found.region) == [UNKNOWN]:
        found = found.iloc[:0]
    return _rated(found, "big_spenders", "big_spender_share").assign(spend_per_customer=found.revenue / found.customers)


def frequency_spend(scores: ir.Table) -> pd.DataFrame:
    """Orders against amount: how customers of one, two and more orders spread over the spend scores.

    customer_id | frequency, monetary_value, m_score  →  row ("1", "2", "3–5", "6–10", "11+" orders), column (spend score, best first) |
    customers, customer_share (of the row), revenue; lowest, highest (spend behind the score)   [S42]
    """
    spend, placed = to_float(_.monetary_value), scores.mutate(row=_times(scores.frequency))
    counts = frame(placed.group_by("row", column=_.m_score).aggregate(customers=_.count(), revenue=_.monetary_value.sum()))
    ranges = frame(scores.group_by(column=_.m_score).aggregate(lowest=spend.min(), highest=spend.max()))
    found = counts.merge(ranges, on="column", validate="many_to_one")
    found = found.assign(
        customer_share=found.customers / found.groupby("row").customers.transform("sum"),
        place=found.row.map({name: i for i, (name, _least) in enumerate(TIMES)}),
    )
    return found.sort_values(["place", "column"], ascending=[True, False], ignore_index=True)[list(CROSS_COLUMNS)]


def _times(number: ir.NumericColumn) -> ir.StringValue:
    return ibis.cases(*[(number >= least, name) for name, least in reversed(TIMES)], else_=ONCE)


def category_loyalty(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """Loyal and occasional buyers of each category: who bought it on three days or more, and who on one or two.

    order lines, products  →  category | customers, loyal, loyal_share, low, high (95 % interval),
    again_share, expected_share, p_value, revenue, revenue_share

    Popular categories have loyal buyers by luck. So again_share says on how many of their other shopping days buyers buy the
    category again, and expected_share how many it would be if everybody took it with the same chance each day; p_value is the
    chance of so much more by luck. Products only, in the window of `window_days` before `as_of`; guests are left out. One
    customer counts in every category bought. Most revenue first; products without a category stand under "not known". [S42]
    """
    named = _named_lines(order_lines, products, as_of=as_of, window_days=window_days)
    visits = named.group_by("customer_id").aggregate(days=to_float(_.day.nunique())).mutate(c=_.days * (_.days - 1))
    bought = named.group_by("category", "customer_id").aggregate(k=to_float(_.day.nunique()), revenue=_.revenue.sum())
    buyers = bought.join(visits, "customer_id").mutate(a=_.k * (_.k - 1), b=_.k * (_.days - 1))
    found = frame(
        buyers.group_by("category").aggregate(
            customers=_.count(), loyal=_.count(where=_.k >= LOYAL_DAYS), revenue=_.revenue.sum(),
            a=_.a.sum(), b=_.b.sum(), aa=(_.a * _.a).sum(), ab=(_.a * _.b).sum(), bb=(_.b * _.b).sum(),
            ac=(_.a * _.c).sum(), bc=(_.b * _.c).sum(),
        )
    ).sort_values(["revenue", "category"], ascending=[False, True], ignore_index=True)  # fmt: skip
    if list(found.category) == [UNKNOWN]:
        found = found.iloc[:0]
    everyone = frame(visits.aggregate(c=_.c.sum(), cc=(_.c * _.c).sum())).fillna(0.0).iloc[0]
    rated = _rated(found[["category", "customers", "loyal", "revenue"]], "loyal", "loyal_share")
    revenue = float(found.revenue.sum())
    bought_again = _bought_again(found, float(everyone.c), float(everyone.cc))
    columns = ["category", "customers", "loyal", "loyal_share", "low", "high", *bought_again.columns, "revenue", "revenue_share"]
    return rated.join(bought_again).assign(revenue_share=found.revenue / revenue if revenue > 0 else float("nan"))[columns]


def _named_lines(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int) -> ir.Table:
    """Known customers' lines of products in the window, with category and day."""
    start = as_of - timedelta(days=window_days)
    lines = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of
    )
    return lines.left_join(products.select("product_id", "category"), "product_id").mutate(
        category=_.category.fill_null(UNKNOWN), day=_.ordered_at.date()
    )


def _bought_again(found: pd.DataFrame, c: float, cc: float) -> pd.DataFrame:
    # Over pairs of shopping days of one customer: a, both with the category; b, the first with it; c, all. Customers are
    # independent, days are not, so the variance is over customers. [Cochran 1977, ratio estimators]
    again = found.a / found.b.where(found.b > 0)
    luck = found.b / c if c > 0 else found.b * float("nan")
    alpha, beta = 1 / found.b.where(found.b > 0), 1 / c if c > 0 else float("nan")
    gamma, delta = alpha * again + beta, beta * luck
    variance = (
        alpha**2 * found.aa + gamma**2 * found.bb + delta**2 * cc
        - 2 * alpha * gamma * found.ab + 2 * alpha * delta * found.ac - 2 * gamma * delta * found.bc
    )  # fmt: skip
    z = (again - luck) / variance.where(variance > 0) ** 0.5
    p_value = pd.Series(
        [0.5 * math.erfc(value / math.sqrt(2)) if value == value else 1.0 for value in z], index=found.index, dtype="float64"
    )
    return pd.DataFrame({"again_share": again, "expected_share": luck, "p_value": p_value})


def _rated(found: pd.DataFrame, part: str, share: str) -> pd.DataFrame:
    bounds = [wilson(int(k), int(n)) for k, n in zip(found[part], found.customers, strict=True)]
    rated = found.assign(
        **{share: found[part] / found.customers.clip(lower=1)},
        low=pd.Series([low for low, _high in bounds], index=found.index, dtype="float64"),
        high=pd.Series([high for _low, high in bounds], index=found.index, dtype="float64"),
    )
    first = [str(found.columns[0]), "customers", part, share, "low", "high"]
    return rated[[*first, *(column for column in found.columns if column not in first)]]
