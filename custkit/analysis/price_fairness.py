"""Prices side by side: the same product on the same day, at different prices to customers of one segment and of different ones. [S92]"""

from __future__ import annotations

import math
from datetime import datetime

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.offer_fairness import NO_SEGMENT
from custkit.analysis.rates import Z95, false_discovery
from custkit.engine import frame, to_float
from custkit.tables import SALE

# Prices are lumpy, at list or well below: fewer customers may well be alike by luck.
ENOUGH = 100
# That some are asked more than others is no small thing to say: one in a hundred, and by more than a hundredth.
SURE = 0.01
# Rounding to the cent makes the third of a bundle cost a little more: prices within a hundredth are one price.
SAME_PRICE = 1.01
COLUMNS = (
    "segment", "customers", "comparable", "paid_more", "paid_more_share", "by_coupon", "extra_amount", "price_index", "index_low",
    "index_high", "adjusted_p", "is_apart",
)  # fmt: skip


def day_prices(order_lines: ir.Table, segmented: ir.Table, *, start: datetime, as_of: datetime) -> ir.Table:
    """What each customer paid for a piece of a product on a day, and what the shop asked before coupons.

    order lines, customer_id | segment  →  product_id, day, customer_id | segment, quantity, asked_price, paid_price (currency a piece)

    Sales of products to known customers from `start` on. Several lines of one product on one day are one purchase at their mean price.
    """
    sold = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.product_id.notnull(), _.quantity > 0,
        _.ordered_at >= start, _.ordered_at < as_of,
    )  # fmt: skip
    paid = to_float(sold.amount)
    folded = sold.group_by("product_id", "customer_id", day=sold.ordered_at.date()).aggregate(
        quantity=to_float(sold.quantity).sum(), paid=paid.sum(), coupons=to_float(sold.coupon_amount.fill_null(0)).sum()
    )
    placed = folded.left_join(segmented.select("customer_id", "segment"), "customer_id").drop("customer_id_right")
    return placed.filter(_.paid > 0).select(
        "product_id", "day", "customer_id", "quantity",
        segment=_.segment.fill_null(NO_SEGMENT),
        asked_price=(_.paid + _.coupons) / _.quantity,
        paid_price=_.paid / _.quantity,
    )  # fmt: skip


def price_fairness(prices: ir.Table) -> pd.DataFrame:
    """Count purchases at a higher price than another customer of the segment paid that day, and compare segments with each other.

    day_prices(…)  →  segment | customers, comparable (purchases of a product on a day that another customer of the segment bought too),
    paid_more (of them: dearer than the cheapest by more than a hundredth), paid_more_share, by_coupon (of those: the shop asked the same, a
    coupon made the difference), extra_amount (paid beyond the cheapest price), price_index (what the segment was asked, before coupons,
    over what other customers were asked for the same products on the same days), index_low, index_high (95 %), adjusted_p, is_apart
    (boolean: off 1 by more than a hundredth, beyond chance at one in a hundred); no index below 100 customers with something to compare

    Counted, not judged: reductions for all who ask, bundles, shops and channels with prices of their own make such differences too. Most
    customers first. [S92]
    """
    in_segment = ("product_id", "day", "segment")
    cells = prices.group_by(in_segment).aggregate(buyers=_.count(), least_paid=_.paid_price.min(), least_asked=_.asked_price.min())
    met = prices.join(cells.filter(_.buyers > 1), list(in_segment))
    dearer, asked_dearer = met.paid_price > met.least_paid * SAME_PRICE, met.asked_price > met.least_asked * SAME_PRICE
    counted = met.group_by("segment").aggregate(
        comparable=met.count(),
        paid_more=dearer.ifelse(1, 0).sum(),
        by_coupon=(dearer & ~asked_dearer).ifelse(1, 0).sum(),
        extra_amount=dearer.ifelse((met.paid_price - met.least_paid) * met.quantity, 0.0).sum(),
    )
    everybody = prices.group_by("segment").aggregate(customers=_.customer_id.nunique())
    found = frame(everybody.left_join(counted, "segment").drop("segment_right"))
    found = found.fillna(dict.fromkeys(("comparable", "paid_more", "by_coupon", "extra_amount"), 0))
    found = found.merge(_indices(prices), on="segment", how="left")
    found["paid_more_share"] = found["paid_more"] / found["comparable"].where(found["comparable"] > 0)
    found = found.sort_values(["customers", "segment"], ascending=[False, True], ignore_index=True)
    kinds = {"segment": "str", "is_apart": "bool"} | dict.fromkeys(("customers", "comparable", "paid_more", "by_coupon"), "int64")
    return found.fillna({"is_apart": False})[list(COLUMNS)].astype({name: kinds.get(name, "float64") for name in COLUMNS})


def _indices(prices: ir.Table) -> pd.DataFrame:
    """segment | price_index with interval: what was asked over what others were asked, product by product and day by day.

    In logs, so that what one pays more another pays less, and dear products count as much as cheap ones. Customers are the independent
    ones. A few of them may be alike by luck, so the interval is the wider of their own and of one by the spread among all customers.
    """
    logs = prices.mutate(asked=prices.asked_price.ln())
    days = logs.group_by("product_id", "day").aggregate(buyers=_.count(), total=_.asked.sum())
    beside = logs.join(days.filter(_.buyers > 1), ["product_id", "day"])
    others = (beside.total - beside.asked) / to_float(beside.buyers - 1)
    of_customer = beside.mutate(off=beside.asked - others).group_by("segment", "customer_id").aggregate(off=_.off.sum(), bought=_.count())
    bought = to_float(of_customer.bought)
    sums = frame(
        of_customer.group_by("segment").aggregate(
            n=_.count(), off=_.off.sum(), bought=bought.sum(), squares=(_.off * _.off).sum(), crossed=(_.off * bought).sum(),
            bought_squares=(bought * bought).sum(),
        )
    )  # fmt: skip
    mean = sums["off"] / sums["bought"]
    spread = (sums["squares"] - 2 * mean * sums["crossed"] + mean**2 * sums["bought_squares"]).clip(lower=0.0)
    drawn = sums["n"] / (sums["n"] - 1).where(sums["n"] >= ENOUGH)
    among_all = sums["squares"].sum() / max(sums["bought"].sum(), 1.0) * sums["bought"]
    error = np.maximum(spread, among_all) ** 0.5 * drawn**0.5 / sums["bought"]
    chances = pd.Series([math.erfc(abs(off) / se / math.sqrt(2)) if se > 0 else math.nan for off, se in zip(mean, error, strict=True)])
    known = chances.dropna()
    adjusted = pd.Series(false_discovery(known.tolist()), index=known.index, dtype="float64").reindex(sums.index)
    is_apart = (adjusted <= SURE) & (mean.abs() > math.log(SAME_PRICE))
    return pd.DataFrame(
        {
            "segment": sums["segment"], "price_index": np.exp(mean.where(error.notna())), "index_low": np.exp(mean - Z95 * error),
            "index_high": np.exp(mean + Z95 * error), "adjusted_p": adjusted, "is_apart": is_apart,
        }
    )  # fmt: skip
