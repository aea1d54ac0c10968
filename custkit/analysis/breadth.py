"""How broadly customers buy: the categories in which each of them has bought, against what luck would give. [S26]"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.engine import frame
from custkit.tables import SALE

# Categories bought: name and the lowest number in it.
BANDS = (("1", 1), ("2", 2), ("3–5", 3), ("6–10", 6), ("11+", 11))
_COLUMNS = {
    "breadth": "str", "customers": "int64", "customer_share": "float64", "revenue": "float64", "revenue_share": "float64",
    "spend_per_customer": "float64", "orders_per_customer": "float64", "mean_categories": "float64", "expected_categories": "float64",
}  # fmt: skip


def category_breadth(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """Customers by the number of categories they bought from in the window.

    order lines, products  →  breadth ("1", "2", "3–5", "6–10", "11+") | customers, customer_share, revenue, revenue_share,
    spend_per_customer (currency), orders_per_customer, mean_categories, expected_categories

    Whoever orders more meets more categories, whatever the taste. So expected_categories says how many it would be if each line were of
    any category by its share of all lines: below it customers keep to their own, above it they seek variety. Products without a category
    and guests are left out; all five rows where anybody is left. [Hurlbert 1971, rarefaction; S26]
    """
    counted = _counted(order_lines, products, as_of, window_days)
    if counted.empty:
        return pd.DataFrame(columns=list(_COLUMNS)).astype(_COLUMNS)
    return _in_bands(counted)


def mean_breadth(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """How many categories the mean customer bought from, and how many luck would give for as many lines.

    order lines, products  →  one row: customers, mean_categories, expected_categories, difference, low, high (95 % interval of it)   [S26]
    """
    counted = _counted(order_lines, products, as_of, window_days)
    columns = ["customers", "mean_categories", "expected_categories", "difference", "low", "high"]
    n = int(counted["customers"].sum()) if len(counted) else 0
    if n < 2:
        return pd.DataFrame([(n, *[np.nan] * 5)], columns=columns)
    weight, gap = counted["customers"], counted["categories"] - counted["expected"]
    mean = float((gap * weight).sum()) / n
    error = float(np.sqrt((weight * (gap - mean) ** 2).sum() / (n - 1) / n))
    found, luck = (float((counted[name] * weight).sum()) / n for name in ("categories", "expected"))
    return pd.DataFrame([(n, found, luck, mean, mean - 1.96 * error, mean + 1.96 * error)], columns=columns)


def _counted(order_lines: ir.Table, products: ir.Table, as_of: datetime, window_days: int) -> pd.DataFrame:
    """lines, categories | customers, orders, revenue, expected: customers who bought as many lines from as many categories."""
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    sold = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.ordered_at >= as_of - timedelta(days=window_days),
        _.ordered_at < as_of,
    )  # fmt: skip
    named = sold.join(products.filter(_.category.notnull()).select("product_id", "category"), "product_id")
    people = named.group_by("customer_id").aggregate(
        lines=_.count(), categories=_.category.nunique(), orders=_.order_id.nunique(), revenue=_.revenue.sum()
    )
    counted = frame(
        people.group_by("lines", "categories").aggregate(customers=_.count(), orders=_.orders.sum(), revenue=_.revenue.sum())
    ).sort_values(["lines", "categories"], ignore_index=True)
    shares = frame(named.group_by("category").aggregate(n=_.count())).sort_values("category")["n"].to_numpy("float64")
    missed = np.log1p(-np.minimum(shares / shares.sum(), 1 - 1e-15)) if len(shares) else shares
    distinct = np.unique(counted["lines"].to_numpy("int64"))
    luck = {int(m): float((1 - np.exp(m * missed)).sum()) for m in distinct}
    return counted.assign(expected=counted["lines"].map(luck).astype("float64"))


def _in_bands(counted: pd.DataFrame) -> pd.DataFrame:
    edges = np.array([least for _name, least in BANDS])
    place = np.searchsorted(edges, counted["categories"].to_numpy(), side="right") - 1
    weighed = counted.assign(
        mean_categories=counted["categories"] * counted["customers"], expected_categories=counted["expected"] * counted["customers"]
    )
    sums = weighed.groupby(place)[["customers", "orders", "revenue", "mean_categories", "expected_categories"]].sum()
    sums = sums.reindex(range(len(BANDS)), fill_value=0)
    n = sums["customers"].where(sums["customers"] > 0).astype("float64")
    revenue = float(sums["revenue"].sum())
    made = sums.assign(
        breadth=[name for name, _least in BANDS],
        customer_share=sums["customers"] / sums["customers"].sum(),
        revenue_share=sums["revenue"] / (revenue if revenue > 0 else np.nan),
        spend_per_customer=sums["revenue"] / n,
        orders_per_customer=sums["orders"] / n,
        mean_categories=sums["mean_categories"] / n,
        expected_categories=sums["expected_categories"] / n,
    )
    return made[list(_COLUMNS)].astype(_COLUMNS).reset_index(drop=True)
