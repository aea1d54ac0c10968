"""How much of the revenue rests on how few customers: deciles, Gini, customers that make 80 %."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, Z95
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

Index = Literal["spend", "margin"]
INDICES: dict[Index, str] = {"spend": "monetary_value", "margin": "margin"}
_NAMES: dict[Index, dict[str, str]] = {
    "spend": {"total": "revenue", "share": "revenue_share", "per_customer": "spend_per_customer"},
    "margin": {"total": "margin", "share": "margin_share", "per_customer": "margin_per_customer"},
}
BEST, MIDDLE, LAST = mark("best 30%"), mark("middle 40%"), mark("last 30%")
GROUP_COLUMNS = (
    "group", "customers", "revenue", "revenue_share", "spend_per_customer", "recency_days", "frequency", "order_value", "offer_share",
    "main_category", "main_category_share",
)  # fmt: skip
# The field's rule of thumb that the best 30 % of customers bring 83 % of revenue. [S13]
FIELD_TOP_30 = 0.83
_BEST_FIRST = (ibis.desc("worth"), ibis.asc("customer_id"))


def deciles(values: ir.Table, *, index: Index = "spend") -> pd.DataFrame:
    """Ten groups of equal size, the customers who bring most first.

    customer_id | recency_days, frequency, monetary_value, margin  →
    decile (1 best) | customers, revenue, revenue_share, cumulative_share, spend_per_customer, medians of recency_days, frequency

    By margin the columns are margin, margin_share, cumulative_share, margin_per_customer; customers whose costs are not known are left
    out. Sizes differ by one at most, unless customers of equal spend stand on both sides of a border: equals stay in the better
    tenth, and the next ones may be empty. Fewer than ten customers make fewer groups. [S13]
    """
    found = frame(
        _placed(values, index)
        .group_by("decile")
        .aggregate(
            customers=_.count(),
            total=_.worth.sum(),
            recency_days=to_float(_.recency_days).quantile(0.5),
            frequency=to_float(_.frequency).quantile(0.5),
        )
    ).sort_values("decile", ignore_index=True)
    whole = float(found.total.sum())
    share = found.total / whole if whole > 0 else found.total * float("nan")
    found.insert(3, "share", share)
    found.insert(4, "cumulative_share", share.cumsum())
    found.insert(5, "per_customer", found.total / found.customers)
    return found.rename(columns=_NAMES[index])


def tenths(values: ir.Table) -> pd.DataFrame:
    """The tenths by spend with the tenths by margin beside them.

    customer_id | …  →  as `deciles` by spend, and margin, margin_share, margin_per_customer of the same place among customers ordered by
    margin; null where costs are not known. A tenth that only the other order has holds 0 customers. [S13]
    """
    by_margin = deciles(values, index="margin")[["decile", "margin", "margin_share", "margin_per_customer"]]
    both = deciles(values).merge(by_margin, on="decile", how="outer", validate="one_to_one").sort_values("decile", ignore_index=True)
    return both.fillna({"customers": 0, "revenue": 0.0, "revenue_share": 0.0}).astype({"customers": "int64"})


def value_groups(values: ir.Table, order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """The tenths merged into the best three, the middle four and the last three, each with what its customers do.

    customer_id | measures as `rfm` gives them; order lines; products  →  group | customers, revenue, revenue_share, spend_per_customer,
    medians of recency_days, frequency, order_value; offer_share (of the group's orders), main_category, main_category_share

    main_category is the one with most of the group's revenue in the window; null where products have none, as offers are where the
    data tell none. Equal customers are in one group. [S13]
    """
    grouped = _placed(values, "spend").mutate(group=ibis.cases((_.decile <= 3, BEST), (_.decile <= 7, MIDDLE), else_=LAST))
    found = frame(
        grouped.group_by("group").aggregate(
            customers=_.count(),
            revenue=_.monetary_value.sum(),
            recency_days=to_float(_.recency_days).quantile(0.5),
            frequency=to_float(_.frequency).quantile(0.5),
            order_value=_.order_value.quantile(0.5),
            offers=(_.offer_share * _.frequency).sum(),
            orders=_.frequency.sum(),
        )
    )
    found = found.assign(place=found.group.map({BEST: 0, MIDDLE: 1, LAST: 2})).sort_values("place", ignore_index=True)
    revenue = float(found.revenue.sum())
    found = found.assign(
        revenue_share=found.revenue / revenue if revenue > 0 else float("nan"),
        spend_per_customer=found.revenue / found.customers,
        offer_share=found.offers / found.orders.clip(lower=1),
    )
    bought = _main_categories(grouped, order_lines, products, as_of=as_of, window_days=window_days)
    return found.merge(bought, on="group", how="left", validate="one_to_one")[list(GROUP_COLUMNS)]


def _main_categories(grouped: ir.Table, order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int) -> pd.DataFrame:
    """group | main_category, main_category_share: the category with most of the group's revenue."""
    start = as_of - timedelta(days=window_days)
    lines = order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.ordered_at >= start, _.ordered_at < as_of)
    named = lines.join(products.filter(_.category.notnull()).select("product_id", "category"), "product_id")
    spent = frame(
        named.join(grouped.select("customer_id", "group"), "customer_id").group_by("group", "category").aggregate(revenue=_.revenue.sum())
    ).sort_values(["group", "revenue", "category"], ascending=[True, False, True])
    whole = spent.groupby("group").revenue.transform("sum")
    main = spent.assign(main_category_share=spent.revenue / whole.where(whole > 0)).drop_duplicates("group")
    return main.rename(columns={"category": "main_category"})[["group", "main_category", "main_category_share"]]


def with_decile(values: ir.Table) -> ir.Table:
    """Put each customer into a tenth by spend, 1 the best: customer_id | …, monetary_value  →  … + decile.   [S13]"""
    return _placed(values, "spend").drop("worth")


def _placed(values: ir.Table, index: Index) -> ir.Table:
    """… + worth, decile: by how many customers bring more, so that equals share one; borders lie at the nearest whole customer."""
    known = values.mutate(worth=values[INDICES[index]]).filter(_.worth.notnull())
    n, more = known.worth.count().over(ibis.window()), ibis.rank().over(ibis.window(order_by=ibis.desc(known.worth)))
    half = (n >= 10).ifelse(5, 0)
    return known.mutate(decile=ibis.greatest((more * 10 + half + n - 1) // n, 1))


def lorenz(values: ir.Table) -> pd.DataFrame:
    """The Lorenz curve in at most 101 points, the customers who spend most first.

    customer_id | …, monetary_value  →  customers (up from the point before), customer_share, revenue_share (both cumulative, 0 to 1)

    Begins at (0, 0) and ends at (1, 1); no point where revenue is not above 0. [Lorenz 1905; S13]
    """
    ranked = values.select("customer_id", worth=_.monetary_value)
    place, n = ibis.row_number().over(ibis.window(order_by=_BEST_FIRST)), _.customer_id.count().over(ibis.window())
    half = (n >= 100).ifelse(50, 0)
    part = ibis.greatest((place * 100 + half + n - 1) // n, 1)
    parts = frame(ranked.mutate(part=part).group_by("part").aggregate(customers=_.count(), revenue=_.worth.sum()))
    parts = parts.sort_values("part", ignore_index=True)
    customers, revenue = int(parts.customers.sum()), float(parts.revenue.sum())
    if not revenue > 0:
        shares = {name: pd.Series(dtype="float64") for name in ("customer_share", "revenue_share")}
        return pd.DataFrame({"customers": pd.Series(dtype="int64"), **shares})
    return pd.DataFrame(
        {
            "customers": [0, *parts.customers],
            "customer_share": [0.0, *(parts.customers.cumsum() / customers)],
            "revenue_share": [0.0, *(parts.revenue.cumsum() / revenue)],
        }
    )


def concentration(values: ir.Table, *, index: Index = "spend") -> pd.DataFrame:
    """The whole in one row: customers, revenue, gini with its interval, customers_to_80 and top_10_share, top_20_share, top_30_share.

    customer_id | …, monetary_value, margin  →  one row

    gini is 0 when all spend the same and near 1 when one spends all; spend below 0 counts as 0 in it. gini_low, gini_high: 95 %
    interval for customers drawn by chance, null below 30. customers_to_80 is the smallest number of best customers whose spend
    reaches 80 % of revenue. The top n % are rounded to whole customers, one at least. All but the counts are null where revenue is
    not above 0. By margin `revenue` is the margin, of customers whose costs are known. [Gini 1912; Davidson 2009; S13]
    """
    known = values.select("customer_id", worth=values[INDICES[index]]).filter(_.worth.notnull())
    so_far = ibis.window(order_by=_BEST_FIRST, rows=(None, 0))
    ranked = known.mutate(
        place=ibis.row_number().over(ibis.window(order_by=_BEST_FIRST)),
        n=_.customer_id.count().over(ibis.window()),
        total=_.worth.sum().over(ibis.window()),
        upto=_.worth.sum().over(so_far),
        spend=to_float(_.worth).clip(lower=0.0),
    )
    # Davidson's terms, from the least spender up: (2i − 1) / n × spend − 2 / n × what the first i spend together.
    counted = ranked.mutate(rank=ranked.n - ranked.place, whole=_.spend.sum().over(ibis.window()), above=_.spend.sum().over(so_far)).mutate(
        before=_.upto - _.worth,
        term=(to_float(_.rank * 2 - 1) * _.spend - (_.whole - _.above + _.spend) * 2.0) / _.n,
    )
    top = {f"top_{p}": _.worth.sum(where=(_.place == 0) | (_.place * 100 + 50 <= _.n * p)) for p in (10, 20, 30)}
    row = frame(
        counted.aggregate(
            customers=_.count(),
            revenue=_.worth.sum(),
            customers_to_80=_.count(where=_.before * 5 < _.total * 4),
            spend=_.spend.sum(),
            weighted=(_.spend * to_float(_.rank)).sum(),
            spend_squares=(_.spend * _.spend).sum(),
            term=_.term.sum(),
            term_squares=(_.term * _.term).sum(),
            term_spend=(_.term * _.spend).sum(),
            **top,
        )
    ).iloc[0]
    return pd.DataFrame([_summary(row)])


def concentrations(values: ir.Table) -> pd.DataFrame:
    """`concentration` by spend, and by margin below it where costs are known: index ("spend", "margin") | as `concentration`.   [S13]"""
    found = pd.concat([concentration(values, index=index) for index in INDICES], ignore_index=True)
    found.insert(0, "index", list(INDICES))
    return found[(found["index"] == "spend") | (found.revenue > 0)].reset_index(drop=True)


def _summary(row: pd.Series) -> dict[str, float | int | None]:
    customers, revenue = int(row.customers), float(row.revenue if pd.notna(row.revenue) else 0)
    known = revenue > 0
    nothing = float("nan")
    gini = 2 * row.weighted / (customers * row.spend) - (customers + 1) / customers if known else nothing
    half = Z95 * _gini_error(row, gini) if known and customers >= SMALL_SAMPLE else nothing
    return {
        "customers": customers,
        "revenue": revenue,
        "gini": gini,
        "gini_low": max(gini - half, 0.0),  # nan stays nan in this order
        "gini_high": min(gini + half, 1.0),
        "customers_to_80": int(row.customers_to_80) if known else 0,
        "share_to_80": row.customers_to_80 / customers if known else nothing,
        **{f"top_{p}_share": row[f"top_{p}"] / revenue if known else nothing for p in (10, 20, 30)},
    }


def _gini_error(row: pd.Series, gini: float) -> float:
    """Standard error of the Gini: the deviation of each customer's influence, term − (gini + 1) × spend. [Davidson 2009]"""
    n, slope = row.customers, gini + 1
    mean = (row.term - slope * row.spend) / n
    squares = row.term_squares - 2 * slope * row.term_spend + slope * slope * row.spend_squares
    return math.sqrt(max(0.0, squares / n - mean * mean) / n) / (row.spend / n)
