"""How much of the revenue rests on how few customers: deciles, Gini, customers that make 80 %."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame, to_float

# The field's rule of thumb that the best 30 % of customers bring 83 % of revenue. [S13]
FIELD_TOP_30 = 0.83
_BEST_FIRST = (ibis.desc("monetary_value"), ibis.desc("frequency"), ibis.asc("recency_days"), ibis.asc("customer_id"))


def deciles(rfm: ir.Table) -> pd.DataFrame:
    """Ten groups of equal size, the customers who spend most first.

    customer_id | recency_days, frequency, monetary_value  →
    decile (1 best) | customers, revenue, revenue_share, cumulative_share, spend_per_customer, medians of recency_days, frequency

    Sizes differ by one at most. Where customers of equal spend stand on both sides of a border, sums are the same however
    they are told apart, and so are the medians: more orders, then fewer days, come first. Fewer than ten customers make
    fewer groups. [S13]
    """
    found = frame(
        rfm.mutate(decile=_part(10))
        .group_by("decile")
        .aggregate(
            customers=_.count(),
            revenue=_.monetary_value.sum(),
            recency_days=to_float(_.recency_days).quantile(0.5),
            frequency=to_float(_.frequency).quantile(0.5),
        )
    ).sort_values("decile", ignore_index=True)
    revenue = float(found.revenue.sum())
    share = found.revenue / revenue if revenue > 0 else found.revenue * float("nan")
    found.insert(3, "revenue_share", share)
    found.insert(4, "cumulative_share", share.cumsum())
    found.insert(5, "spend_per_customer", found.revenue / found.customers)
    return found


def lorenz(rfm: ir.Table) -> pd.DataFrame:
    """The Lorenz curve in at most 101 points, the customers who spend most first.

    customer_id | …, monetary_value  →  customer_share, revenue_share (both cumulative, 0 to 1)

    Begins at (0, 0) and ends at (1, 1); no point where revenue is not above 0. [Lorenz 1905; S13]
    """
    parts = frame(rfm.mutate(part=_part(100)).group_by("part").aggregate(customers=_.count(), revenue=_.monetary_value.sum()))
    parts = parts.sort_values("part", ignore_index=True)
    customers, revenue = int(parts.customers.sum()), float(parts.revenue.sum())
    if not revenue > 0:
        return pd.DataFrame({"customer_share": pd.Series(dtype="float64"), "revenue_share": pd.Series(dtype="float64")})
    return pd.DataFrame(
        {
            "customer_share": [0.0, *(parts.customers.cumsum() / customers)],
            "revenue_share": [0.0, *(parts.revenue.cumsum() / revenue)],
        }
    )


def concentration(rfm: ir.Table) -> pd.DataFrame:
    """The whole in one row: customers, revenue, gini, customers_to_80 and top_10_share, top_20_share, top_30_share.

    customer_id | …, monetary_value  →  one row

    gini is 0 when all spend the same and near 1 when one spends all; spend below 0 counts as 0 in it. customers_to_80 is the
    smallest number of best customers whose spend reaches 80 % of revenue. The top n % are rounded to whole customers, one at least.
    All but the counts are null where revenue is not above 0. [Gini 1912; S13]
    """
    n = _.customer_id.count().over(ibis.window())
    total = _.monetary_value.sum().over(ibis.window())
    before = _.monetary_value.sum().over(ibis.window(order_by=_BEST_FIRST, rows=(None, 0))) - _.monetary_value
    place = ibis.row_number().over(ibis.window(order_by=_BEST_FIRST))
    ranked = rfm.select("customer_id", "monetary_value", place=place, n=n, total=total, before=before)
    counted = ranked.mutate(spend=to_float(ranked.monetary_value).clip(lower=0.0), place_asc=to_float(ranked.n - ranked.place))
    top = {
        f"top_{p}": counted.monetary_value.sum(where=(counted.place == 0) | (counted.place * 100 + 50 <= counted.n * p))
        for p in (10, 20, 30)
    }
    row = frame(
        counted.aggregate(
            customers=counted.count(),
            revenue=counted.monetary_value.sum(),
            customers_to_80=counted.count(where=counted.before * 5 < counted.total * 4),
            spend=counted.spend.sum(),
            weighted=(counted.spend * counted.place_asc).sum(),
            **top,
        )
    ).iloc[0]
    return pd.DataFrame([_summary(row)])


def _summary(row: pd.Series) -> dict[str, float | int | None]:
    customers, revenue = int(row.customers), float(row.revenue if pd.notna(row.revenue) else 0)
    known = revenue > 0
    nothing = float("nan")
    return {
        "customers": customers,
        "revenue": revenue,
        "gini": 2 * row.weighted / (customers * row.spend) - (customers + 1) / customers if known else nothing,
        "customers_to_80": int(row.customers_to_80) if known else 0,
        "share_to_80": row.customers_to_80 / customers if known else nothing,
        **{f"top_{p}_share": row[f"top_{p}"] / revenue if known else nothing for p in (10, 20, 30)},
    }


def _part(parts: int) -> ir.IntegerValue:
    """1 for the best customers up to `parts`; borders lie at the nearest whole customer, as those of the top shares do."""
    place = ibis.row_number().over(ibis.window(order_by=_BEST_FIRST))
    n = _.customer_id.count().over(ibis.window())
    half = (n >= parts).ifelse(parts // 2, 0)
    return ibis.greatest((place * parts + half + n - 1) // n, 1)
