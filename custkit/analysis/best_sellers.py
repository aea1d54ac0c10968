"""What best sellers have in common, and what may be wrong with slow ones. [S84]"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.favourites import product_names
from custkit.analysis.price_tiers import HIGH, LOW, NOT_TOLD, product_tiers
from custkit.analysis.rates import SMALL_SAMPLE, Z95, false_discovery, share_difference, shares_p_value
from custkit.analysis.ratios import Sums, difference
from custkit.analysis.returns import returned_lines
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

BEST, SLOW, OTHER = mark("best seller"), mark("slow seller"), mark("in between")
LEAST_PRODUCTS = 40  # in the range, before best and slow sellers are told apart
NEW_DAYS, LAUNCH_DAYS, LEAST_DAYS = 90, 180, 28
ALPHA = 0.05
NOTABLE = 0.1  # a difference of less than a tenth is nothing to act on, however many products prove it

# Why a product may sell slowly, the first that fits.
NEWLY, GONE, RETURNED, DEAR, ONCE, FEW = (
    mark("newly launched"), mark("no longer sold"), mark("returned often"), mark("dear within its category"),
    mark("buyers do not come back for it"), mark("few buyers"),
)  # fmt: skip
PROBLEMS = (NEWLY, GONE, RETURNED, DEAR, ONCE)
_FLAGS = {NEWLY: "is_new", GONE: "is_gone", RETURNED: "is_returned", DEAR: "is_dear", ONCE: "is_once"}
_SILENCE = 4.6  # −ln 0.01: so long without a sale, before the first or after the last, is one product in a hundred by luck
_EXPECTED_AGAIN = 2 * _SILENCE  # pairs of days, two a buyer who comes back once: none at all is one product in a hundred by luck

_COMPANIONS = mark("other products in the order")  # the other traits are shares
_AGAIN = mark("bought again beyond luck")
# Traits that are compared: name, sum over products, what it is divided by. Shares of products have products below.
TRAITS = (
    (mark("dear within their category"), "dear", "told"),
    (mark("cheap within their category"), "cheap", "told"),
    (mark("launched in the last half year"), "launched", "one"),
    (mark("lines on offer"), "offer_lines", "offer_base"),
    (_AGAIN, "again_more", "pairs"),
    (mark("lines returned"), "returned", "lines"),
    (_COMPANIONS, "companions", "orders"),
    (mark("gross margin"), "margin", "margin_base"),
)
_PRODUCTS = tuple(name for name, _top, base in TRAITS if base in ("told", "one"))
_TRAIT_COLUMNS = {
    "trait": "str", "best_value": "float64", "rest_value": "float64", "difference": "float64", "low": "float64", "high": "float64",
    "q_value": "float64", "is_significant": "bool", "best_products": "int64", "rest_products": "int64", "unit": "str",
}  # fmt: skip
_PROBLEM_COLUMNS = {
    "problem": "str", "slow_products": "int64", "slow_share": "float64", "rest_share": "float64", "difference": "float64", "low": "float64",
    "high": "float64", "q_value": "float64", "is_significant": "bool", "slow_in_all": "int64",
}  # fmt: skip


def product_sales(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """How each product sold in the window, and what is known of it.

    order lines, products  →  product_id | item, category, kind ("best seller", "slow seller", "in between"; null below 40 products),
    orders, customers, lines, revenue, pace (orders a day on sale), missing_orders (fewer than the usual product of its category in as many
    days), price_tier, offer_lines, returned (lines), again (pairs of one customer's shopping days that both hold it), again_luck (as many
    as luck would give) of pairs (with the first of both), companions (other products in its orders, summed), margin (currency, where the
    cost is known), launched_at (null: before the data begin, or too seldom sold to tell), last_at, is_new, is_gone, is_returned, is_dear,
    is_once, likely_reason

    Best sellers are the tenth of products with most orders a day on sale, slow sellers the quarter with fewest; equals together. By the
    day, so that a launch of last month is not slow for its youth; the days count from the launch, 28 at least, or the window's start. By
    orders and not by revenue, which dear products would lead by being dear. again_luck: popular products are bought again by luck alone,
    so it is reckoned from how many of its buyers' shopping days hold it and how many days they have, as if all took it with one chance.
    is_new: launched in the last 90 days; is_gone: not sold for so long that luck would leave it so one time in a hundred; is_returned:
    three lines or more came back, beyond chance more than of all products; is_dear: in the high price tier; is_once: no buyer came back
    for it, which luck would bring about one time in a hundred. likely_reason: the first of these that fits a slow seller, else "few
    buyers". [S84]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    ever = order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.product_id.notnull(), _.ordered_at < as_of)
    start = as_of - timedelta(days=window_days)
    sold = ever.filter(_.ordered_at >= start)
    first = ever.group_by("product_id").aggregate(first_at=_.ordered_at.min(), orders_ever=_.order_id.nunique())
    opened = ever.aggregate(opened_at=_.ordered_at.min())
    tiers = product_tiers(order_lines, products, as_of=as_of, window_days=window_days).select("product_id", "price_tier")
    back = returned_lines(order_lines, as_of=as_of, window_days=window_days).filter(_.product_id.notnull())
    joined = _sums(sold)
    for more in (
        first,
        _again(sold),
        _companions(sold),
        back.group_by("product_id").aggregate(returned=_.is_returned.ifelse(1, 0).sum()),
        product_names(products).select("product_id", "item", "category"),
        tiers,
    ):
        joined = joined.left_join(more, "product_id").drop("product_id_right")
    blank = {name: joined[name].fill_null(0) for name in ("again", "pairs", "companions", "returned")}
    known = joined.mutate(
        **blank, item=ibis.coalesce(joined.item, joined.product_id), price_tier=joined.price_tier.fill_null(NOT_TOLD)
    )  # fmt: skip
    return _placed(_paced(known.cross_join(opened), start, as_of))


def _sums(sold: ir.Table) -> ir.Table:
    offered = (_.coupon_amount.fill_null(0) > 0) | (_.discount_amount.fill_null(0) > 0)
    costed = _.cost_amount.notnull()
    return sold.group_by("product_id").aggregate(
        orders=_.order_id.nunique(),
        customers=_.customer_id.nunique(),
        lines=_.count(),
        revenue=_.revenue.sum(),
        offer_lines=_.count(where=offered),
        offer_base=_.count(where=_.coupon_amount.notnull() | _.discount_amount.notnull()),
        margin=to_float((_.revenue - _.cost_amount).sum(where=costed)).fill_null(0.0),
        margin_base=to_float(_.revenue.sum(where=costed)).fill_null(0.0),
        last_at=_.ordered_at.max(),
    )


def _again(sold: ir.Table) -> ir.Table:
    """product_id | again (Σ k (k − 1) over customers who bought it on k days), pairs (Σ k (D − 1), D their shopping days), all_pairs."""
    dated = sold.filter(_.customer_id.notnull()).mutate(day=_.ordered_at.date())
    days = dated.group_by("customer_id").aggregate(days=_.day.nunique())
    bought = dated.group_by("product_id", "customer_id").aggregate(k=_.day.nunique()).join(days, "customer_id")
    everyone = days.aggregate(all_pairs=to_float((_["days"] * (_["days"] - 1)).sum()))
    sums = bought.group_by("product_id").aggregate(
        again=to_float((_.k * (_.k - 1)).sum()), pairs=to_float((_.k * (_["days"] - 1)).sum())
    )  # fmt: skip
    return sums.cross_join(everyone)


def _companions(sold: ir.Table) -> ir.Table:
    items = sold.select("order_id", "product_id").distinct()
    sizes = items.group_by("order_id").aggregate(size=_.count())
    return items.join(sizes, "order_id").group_by("product_id").aggregate(companions=(_.size - 1).sum())


def _paced(known: ir.Table, start: datetime, as_of: datetime) -> ir.Table:
    today = ibis.literal(as_of.date())
    age = ibis.greatest(today.delta(known.first_at.date(), unit="day").cast("int64"), ibis.literal(1))
    before = known.first_at.date().delta(known.opened_at.date(), unit="day").cast("int64")
    # The first sale of what seldom sells is no launch: luck would leave such a product unsold for as long before it.
    launched = (known.orders_ever >= 3) & (known.orders_ever * (1 + before / to_float(age)).ln() > _SILENCE)
    dated = known.mutate(launched_at=launched.ifelse(known.first_at, None), age_days=launched.ifelse(age, None))
    window = ibis.literal((as_of - start).days)
    dated = dated.mutate(
        days_on_sale=ibis.greatest(ibis.least(_.age_days.fill_null(window), window), ibis.literal(LEAST_DAYS)),
        silent_days=today.delta(dated.last_at.date(), unit="day").cast("int64") - 1,
    )
    paced = dated.mutate(pace=to_float(_.orders) / _.days_on_sale, again_luck=_.pairs * _.pairs / _.all_pairs.nullif(0.0))
    usual = paced.filter(_.category.notnull()).group_by("category").aggregate(usual_pace=_.pace.quantile(0.5))
    overall = paced.aggregate(all_pace=paced.pace.quantile(0.5), all_returned=to_float(paced.returned.sum()) / paced.lines.sum())
    both = paced.left_join(usual, "category").drop("category_right").cross_join(overall)
    return both.mutate(missing_orders=(_.usual_pace.coalesce(_.all_pace) - _.pace) * _.days_on_sale)


def _placed(paced: ir.Table) -> ir.Table:
    everyone = paced.product_id.count().over(ibis.window())
    faster = ibis.rank().over(ibis.window(order_by=ibis.desc(paced.pace)))
    slower = ibis.rank().over(ibis.window(order_by=ibis.asc(paced.pace)))
    kind = ibis.cases(
        (everyone < LEAST_PRODUCTS, ibis.null("string")), (faster * 10 < everyone, BEST), (slower * 4 < everyone, SLOW), else_=OTHER
    )  # fmt: skip
    n, rate, z = to_float(paced.lines), paced.all_returned, Z95
    # Wilson's lower end of the product's own rate lies above everybody's.
    share = to_float(paced.returned) / n
    low = (share + z * z / (2 * n) - z * ((share * (1 - share) + z * z / (4 * n)) / n).sqrt()) / (1 + z * z / n)
    held = to_float(ibis.greatest(paced.days_on_sale - paced.silent_days, ibis.literal(1)))
    silence = to_float(paced.orders) * (1 + paced.silent_days / held).ln()
    flagged = paced.mutate(
        kind=kind,
        is_new=(paced.age_days <= NEW_DAYS).fill_null(False),
        is_gone=(paced.orders >= 3) & (paced.silent_days >= LEAST_DAYS) & (silence > _SILENCE),
        is_returned=(paced.returned >= 3) & (low > rate),
        is_dear=paced.price_tier == HIGH,
        is_once=(paced.again == 0.0) & (paced.again_luck >= _EXPECTED_AGAIN).fill_null(False),
    )
    reason = ibis.cases(*[(flagged[_FLAGS[name]], name) for name in PROBLEMS], else_=FEW)
    slow = (flagged.kind == SLOW).fill_null(False)
    columns = (
        "product_id", "item", "category", "kind", "orders", "customers", "lines", "revenue", "pace", "missing_orders", "price_tier",
        "offer_lines", "offer_base", "returned", "again", "again_luck", "pairs", "companions", "margin", "margin_base",
        "launched_at", "last_at", "age_days", *_FLAGS.values(),
    )  # fmt: skip
    return flagged.select(*columns, likely_reason=slow.ifelse(reason, ibis.null("string")))


def best_seller_traits(sales: ir.Table) -> pd.DataFrame:
    """What best sellers have more or less of than all other products.

    product_sales(…)  →  trait | best_value, rest_value (shares, but a number for "other products in the order"), difference, low, high
    (95 %), q_value, is_significant (by a tenth at least, at most 5 % false discoveries), best_products, rest_products, unit

    Shares of sums over products, each product one independent case; a trait that no product has, or of which nothing is known, has no row.
    "Bought again beyond luck" is of the other shopping days of a product's buyers: the share that holds it again, less what luck would
    give. All this goes with selling well; whether it is why, a trial says. Below ten best sellers nothing is significant. [Cochran 1977;
    S84]
    """
    parts = sales.filter(_.kind.notnull()).mutate(
        is_best=_.kind == BEST, one=1, told=(_.price_tier != NOT_TOLD).ifelse(1, 0), dear=_.is_dear.ifelse(1, 0),
        cheap=(_.price_tier == LOW).ifelse(1, 0), launched=(_.age_days <= LAUNCH_DAYS).fill_null(False).ifelse(1, 0),
        offer_lines=(_.offer_base > 0).ifelse(_.offer_lines, 0), again_more=_.again - _.again_luck.fill_null(0.0),
    )  # fmt: skip
    made: dict[str, ir.Scalar] = {}
    for at, (_name, top, base) in enumerate(TRAITS):
        k, n = to_float(parts[top]), to_float(parts[base])
        made |= {f"k{at}": k.sum(), f"n{at}": n.sum(), f"kk{at}": (k * k).sum(), f"kn{at}": (k * n).sum(), f"nn{at}": (n * n).sum()}
        made[f"m{at}"] = parts.count(where=n > 0)
    sums = frame(parts.group_by("is_best").aggregate(products=parts.count(), **made)).set_index("is_best").reindex([True, False])
    products = [int(value) for value in sums["products"].fillna(0)]
    rows = [row for at, (name, *_sums) in enumerate(TRAITS) if (row := _trait(sums, at, name, products)) is not None]
    found = pd.DataFrame(rows, columns=[*list(_TRAIT_COLUMNS)[:6], "p_value", "best_products", "rest_products", "unit"])
    q = np.array(false_discovery(found["p_value"].fillna(1.0).tolist()))
    # Beyond luck is around 0 where nothing is bought again: there a tenth of a tenth is the least to act on.
    least = found["rest_value"].abs().where(found["trait"] != _AGAIN, 0.1)
    clear = (q <= ALPHA) & (found["difference"].abs() > NOTABLE * least) & (products[0] >= 10)
    return found.assign(q_value=q, is_significant=clear)[list(_TRAIT_COLUMNS)].astype(_TRAIT_COLUMNS)


def _trait(sums: pd.DataFrame, at: int, name: str, products: list[int]) -> tuple[object, ...] | None:
    columns = [sums[f"{part}{at}"].astype("float64") for part in ("k", "n", "kk", "kn", "nn", "m")]
    if not (columns[1] > 0).all() or not (columns[0] != 0).any():
        return None
    best, rest = (Sums.of(*[column.iloc[[side]] for column in columns]) for side in (0, 1))
    gap = difference(best, rest, few=True).iloc[0]
    low, high, p_value = float(gap["low"]), float(gap["high"]), float(gap["p_value"])
    if name in _PRODUCTS:  # products that have it, of all: few, and counted
        counts = [int(part.iloc[side]) for side in (0, 1) for part in columns[:2]]
        (low, high), p_value = share_difference(*counts), shares_p_value(*counts)
    unit = "number" if name == _COMPANIONS else "share"
    return name, best.ratio[0], rest.ratio[0], gap["difference"], low, high, p_value, *products, unit


def slow_seller_problems(sales: ir.Table) -> pd.DataFrame:
    """What may be wrong with slow sellers, and whether it is wrong with them more often than with the other products.

    product_sales(…)  →  problem | slow_products (slow sellers that have it), slow_share, rest_share (of all other products), difference,
    low, high (95 %), q_value, is_significant (more often by a tenth at least, at most 5 % false discoveries), slow_in_all

    A problem that other products have as often is none of slow sellers: dear products sell slowly only where fewer of the others are
    dear. A product may have several. [Newcombe 1998; S84]
    """
    flags = sales.filter(_.kind.notnull()).mutate(is_slow=_.kind == SLOW)
    counts = flags.group_by("is_slow").aggregate(n=_.count(), **{flag: _.count(where=_[flag]) for flag in _FLAGS.values()})
    sums = frame(counts).set_index("is_slow").reindex([True, False]).fillna(0).astype("int64")
    slow, rest = int(sums["n"].iloc[0]), int(sums["n"].iloc[1])
    if not slow or not rest:
        return pd.DataFrame(columns=list(_PROBLEM_COLUMNS)).astype(_PROBLEM_COLUMNS)
    rows = []
    for problem in PROBLEMS:
        k, other = (int(value) for value in sums[_FLAGS[problem]])
        low, high = share_difference(k, slow, other, rest)
        rows.append((problem, k, k / slow, other / rest, k / slow - other / rest, low, high, shares_p_value(k, slow, other, rest), slow))
    found = pd.DataFrame(rows, columns=[*list(_PROBLEM_COLUMNS)[:7], "p_value", "slow_in_all"])
    q = np.array(false_discovery(found["p_value"].tolist()))
    clear = (q <= ALPHA) & (found["difference"] > NOTABLE * found["rest_share"]) & (slow >= SMALL_SAMPLE)
    return found.assign(q_value=q, is_significant=clear)[list(_PROBLEM_COLUMNS)].astype(_PROBLEM_COLUMNS)


def listed_sellers(sales: ir.Table, kind: str, *, top: int = 10) -> pd.DataFrame:
    """The best sellers with most orders, or the slow ones that lag furthest behind their category, those with a reason to act on first.

    product_sales(…)  →  item | category, orders, customers, revenue, price_tier, missing_orders, likely_reason
    """
    chosen = sales.filter((_.kind == kind).fill_null(False))
    behind = [(_.likely_reason == FEW).ifelse(1, 0), ibis.desc("missing_orders"), ibis.desc("orders"), ibis.asc("product_id")]
    order = [ibis.desc("orders"), ibis.asc("product_id")] if kind == BEST else behind
    columns = ["item", "category", "orders", "customers", "revenue", "price_tier", "missing_orders", "likely_reason"]
    placed = chosen.mutate(place=ibis.row_number().over(ibis.window(order_by=order))).filter(_.place < top)
    return frame(placed.select("place", *columns)).sort_values("place", ignore_index=True)[columns]
