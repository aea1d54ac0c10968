"""Price tiers: which products of a category are cheap and which dear, and which tier each customer keeps to."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

LOW, MID, HIGH, NOT_TOLD = mark("low"), mark("mid"), mark("high"), mark("not told")
TIERS = (LOW, MID, HIGH)
NO_PREFERENCE = mark("no preference")
# Customers without any preference who seem to have one: at most one in twenty, over three tiers.
LUCK = 0.05
_Z = 2.128045234184984  # of a chance of LUCK / 3 on one side
# With very many lines the slightest leaning is beyond luck: a preference is also this much more, as a share of the lines.
CLEARLY = 0.1


def product_tiers(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365, min_products: int = 6) -> ir.Table:
    """Put each product sold into the low, mid or high price tier of its category.

    order lines, products  →  product_id | category, lines, usual_price (currency a piece), price_tier ("low", "mid", "high", "not told")

    The usual price is the median over the lines sold of the list price a piece: a bulk order is one vote, reductions and returns do
    not move it where the client tells list prices, and a short promotion does not where it does not. Tiers are equal thirds of the
    category's products, not of its sales: they say where a product stands in the range, whoever buys it. A product's place is the
    share of products cheaper plus half of those that cost the same, so products of one price share a tier. Not told: products
    without a category, in a category of fewer than `min_products` products, or of one price for all. [S29, S46]

    Raises ValueError if min_products < 3.
    """
    if min_products < 3:
        raise ValueError(f"min_products is {min_products}; three tiers need at least 3 products")
    priced = _sold(order_lines, as_of, window_days).filter(_.product_id.notnull(), _.quantity > 0, _.gross_amount > 0)
    usual = (
        priced.mutate(price=to_float(_.gross_amount) / to_float(_.quantity))
        .group_by("product_id")
        .aggregate(lines=_.count(), usual_price=_.price.quantile(0.5))
        # Two prices that print alike are alike, whatever their last binary digit.
        .mutate(usual_price=(_.usual_price * 10_000 + 0.5).floor() / 10_000)
    )
    named = usual.left_join(products.select("product_id", "category"), "product_id").drop("product_id_right")
    category = ibis.window(group_by="category")
    placed = named.mutate(
        products=_.product_id.count().over(category),
        cheaper=ibis.rank().over(ibis.window(group_by="category", order_by="usual_price")),
        dearer=ibis.rank().over(ibis.window(group_by="category", order_by=ibis.desc("usual_price"))),
        lowest=_.usual_price.min().over(category),
        highest=_.usual_price.max().over(category),
    )
    # In whole numbers: cheaper + half of the equals, out of `products`, is place / (2 × products).
    place = placed.cheaper + placed.products - placed.dearer
    told = placed.category.notnull() & (placed.products >= min_products) & (placed.lowest < placed.highest)
    tier = ibis.cases((~told, NOT_TOLD), (place * 3 < placed.products * 2, LOW), (place * 3 > placed.products * 4, HIGH), else_=MID)
    return placed.mutate(price_tier=tier).select("product_id", "category", "lines", "usual_price", "price_tier")


def tier_structure(order_lines: ir.Table, tiers: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """How each category's products and sales fall onto the price tiers.

    order lines, product_id | category, usual_price, price_tier  →  category | products, low_up_to, high_from (currency a piece),
    revenue, low_share, mid_share, high_share, not_told_share (of revenue; together 1)

    low_up_to is the dearest product of the low tier, high_from the cheapest of the high one. Products sold in the window; guests
    count. Most revenue first; products without a category, and lines without a product, stand under "not known"; where nothing else is
    left there is no row. [S29, S46]
    """
    kept = tiers.select("product_id", "usual_price", "price_tier", category=_.category.fill_null(UNKNOWN))
    ranges = frame(
        kept.group_by("category").aggregate(
            products=_.count(),
            low_up_to=_.usual_price.max(where=_.price_tier == LOW),
            high_from=_.usual_price.min(where=_.price_tier == HIGH),
        )
    )
    sold = _in_tiers(_sold(order_lines, as_of, window_days), tiers)
    sums = frame(
        sold.group_by("category").aggregate(revenue=_.revenue.sum(), **{f"{t}_share": _.revenue.sum(where=_[t] == 1) for t in _FLAGS})
    )
    found = sums.merge(ranges, on="category", how="left", validate="one_to_one")
    found = found.sort_values(["revenue", "category"], ascending=[False, True], ignore_index=True)
    if list(found.category) == [UNKNOWN]:
        found = found.iloc[:0]
    shares = {f"{t}_share": found[f"{t}_share"].fillna(0.0) / found.revenue.where(found.revenue > 0) for t in _FLAGS}
    found = found.assign(products=found.products.fillna(0).astype("int64"), **shares)
    return found[["category", "products", "low_up_to", "high_from", "revenue", *shares]]


def customer_tiers(order_lines: ir.Table, tiers: ir.Table, *, as_of: datetime, window_days: int = 365, min_lines: int = 5) -> ir.Table:
    """Which price tier each customer keeps to, within the categories bought.

    order lines, product_id | category, price_tier  →  customer_id | lines, pieces, revenue, low_lines, mid_lines, high_lines,
    not_told_lines, low_pieces, …, low_revenue, … (each four sum to the total), low_share, mid_share, high_share, not_told_share
    (of revenue), low_piece_share, … (of pieces), price_preference ("low", "mid", "high", "no preference", "not told")

    A tier is preferred where it holds a tenth more of the customer's lines than of all buyers' lines in the same categories, and luck
    would do that for one customer in twenty at most; half a line is taken off, since lines are counted in whole ones. Spend alone
    flatters the high tier, whose pieces cost more. Not told: fewer than `min_lines` lines in products whose tier is told. Guests are
    left out. [S29, S46]

    Raises ValueError if min_lines < 1.
    """
    if min_lines < 1:
        raise ValueError(f"min_lines is {min_lines}; a preference needs at least one line")
    sold = _in_tiers(_sold(order_lines, as_of, window_days), tiers)
    usual = sold.filter(_.not_told == 0).group_by("category").aggregate(**{f"usual_{t}": to_float(_[t].sum()) / _.count() for t in _TOLD})
    lines = sold.filter(_.customer_id.notnull()).left_join(usual, "category").drop("category_right")
    luck = {f"spread_{t}": (_[f"usual_{t}"] * (1 - _[f"usual_{t}"])).sum(where=_.not_told == 0) for t in _TOLD}
    due = {f"due_{t}": _[f"usual_{t}"].sum(where=_.not_told == 0) for t in _TOLD}
    sums = lines.group_by("customer_id").aggregate(
        lines=_.count(),
        pieces=_.quantity.sum(),
        revenue=_.revenue.sum(),
        **{f"{t}_lines": _[t].sum() for t in _FLAGS},
        **{f"{t}_pieces": _.quantity.sum(where=_[t] == 1).fill_null(0) for t in _FLAGS},
        **{f"{t}_revenue": _.revenue.sum(where=_[t] == 1).fill_null(0) for t in _FLAGS},
        **due,
        **luck,
    )
    kept = [column for column in sums.columns if not column.startswith(("due_", "spread_"))]
    return sums.mutate(price_preference=_preference(sums, min_lines)).select(
        *kept,
        *[(to_float(_[f"{t}_revenue"]) / to_float(_.revenue).nullif(0.0)).name(f"{t}_share") for t in _FLAGS],
        *[(to_float(_[f"{t}_pieces"]) / to_float(_.pieces).nullif(0.0)).name(f"{t}_piece_share") for t in _FLAGS],
        "price_preference",
    )


def _preference(sums: ir.Table, min_lines: int) -> ir.StringValue:
    told = sums.lines - sums.not_told_lines
    more = {t: to_float(sums[f"{t}_lines"]) - sums[f"due_{t}"] for t in _TOLD}
    beyond = {
        t: (more[t] >= to_float(told) * CLEARLY).ifelse((more[t] - 0.5) / sums[f"spread_{t}"].sqrt().nullif(0.0), 0.0).fill_null(0.0)
        for t in _TOLD
    }
    most = ibis.greatest(*beyond.values())
    return ibis.cases(
        (told < min_lines, NOT_TOLD),
        (most < _Z, NO_PREFERENCE),
        *[(z == most, tier) for tier, z in zip(TIERS, beyond.values(), strict=True)],
        else_=NO_PREFERENCE,
    )


def tier_preferences(customer_tiers: ir.Table) -> pd.DataFrame:
    """How many customers keep to one price tier.

    customer_id | revenue, price_preference  →  price_preference | customers, customer_share, low, high (95 % interval),
    revenue, revenue_share

    Shares of customers are of those whose preference is told; luck alone gives one of the tiers to `LUCK` of them at most. All five
    rows, or none where nobody's preference is told. [S29]
    """
    found = frame(customer_tiers.group_by("price_preference").aggregate(customers=_.count(), revenue=_.revenue.sum()))
    rows = pd.DataFrame({"price_preference": [*TIERS, NO_PREFERENCE, NOT_TOLD]}).merge(found, on="price_preference", how="left")
    rows = rows.assign(customers=rows.customers.fillna(0).astype("int64"), revenue=rows.revenue.fillna(0.0).astype("float64"))
    told = rows.price_preference != NOT_TOLD
    n, revenue = int(rows.customers[told].sum()), float(rows.revenue.sum())
    rows, told = (rows, told) if n else (rows.iloc[:0], told.iloc[:0])
    intervals = [wilson(int(k), n) if known else (float("nan"), float("nan")) for k, known in zip(rows.customers, told, strict=True)]
    return rows.assign(
        customer_share=rows.customers.where(told) / (n or 1),
        low=pd.Series([low for low, _high in intervals], dtype="float64"),
        high=pd.Series([high for _low, high in intervals], dtype="float64"),
        revenue_share=rows.revenue / (revenue or float("nan")),
    )[["price_preference", "customers", "customer_share", "low", "high", "revenue", "revenue_share"]]


def customer_categories(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """How broad each customer buys, and where most of the money goes.

    order lines, products  →  customer_id | categories (distinct), top_category, top_category_share (of revenue)

    Of two categories of equal revenue the first by name is the top. Products without a category count as one, "not known". Guests are
    left out. [S26, S46]
    """
    sold = _sold(order_lines, as_of, window_days).filter(_.customer_id.notnull())
    named = sold.left_join(products.select("product_id", "category"), "product_id").mutate(category=_.category.fill_null(UNKNOWN))
    spent = named.group_by("customer_id", "category").aggregate(revenue=_.revenue.sum())
    best = ibis.window(group_by="customer_id", order_by=[ibis.desc("revenue"), ibis.asc("category")])
    customer = ibis.window(group_by="customer_id")
    ranked = spent.mutate(
        place=ibis.row_number().over(best), categories=_.category.count().over(customer), total=_.revenue.sum().over(customer)
    )
    return ranked.filter(_.place == 0).select(
        "customer_id", "categories", top_category=_.category, top_category_share=to_float(_.revenue) / to_float(_.total).nullif(0.0)
    )


_TOLD = ("low", "mid", "high")
_FLAGS = (*_TOLD, "not_told")


def _sold(order_lines: ir.Table, as_of: datetime, window_days: int) -> ir.Table:
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    start = as_of - timedelta(days=window_days)
    return order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.ordered_at >= start, _.ordered_at < as_of)


def _in_tiers(sold: ir.Table, tiers: ir.Table) -> ir.Table:
    """Lines with the category of their product and a 1 in the column of its tier."""
    joined = sold.left_join(tiers.select("product_id", "category", "price_tier"), "product_id")
    return joined.select(
        "customer_id",
        "quantity",
        "revenue",
        category=_.category.fill_null(UNKNOWN),
        low=(_.price_tier == LOW).fill_null(False).ifelse(1, 0),
        mid=(_.price_tier == MID).fill_null(False).ifelse(1, 0),
        high=(_.price_tier == HIGH).fill_null(False).ifelse(1, 0),
        not_told=(_.price_tier == NOT_TOLD).fill_null(True).ifelse(1, 0),
    )
