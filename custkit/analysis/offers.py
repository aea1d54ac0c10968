"""Use of offers: how much of what customers buy is bought with a coupon or at a reduced price, over time. [S8, S34]"""

from __future__ import annotations

import math

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import Z95, wilson
from custkit.engine import frame, to_float
from custkit.words import mark

# What an order's offer is. Orders without the column (null) were not on offer as far as the client's data tell.
with_coupon = (_.coupon_amount > 0).fill_null(False)
with_discount = (_.discount_amount > 0).fill_null(False)
on_offer = with_coupon | with_discount

MONTH_COLUMNS = (
    "month", "orders", "offer_orders", "offer_share", "offer_low", "offer_high", "coupon_orders", "coupon_order_share",
    "discount_orders", "discount_order_share", "coupon_share", "discount_share", "cumulative_offer_share", "ever_offer_share",
)  # fmt: skip
_OFFERS = {"coupon": mark("coupons"), "discount": mark("reduced prices"), "both": mark("both together")}


def _measures() -> dict[str, ir.Scalar]:
    return {
        "orders": _.count(),
        "offer_orders": _.count(where=on_offer),
        "coupon_orders": _.count(where=with_coupon),
        "discount_orders": _.count(where=with_discount),
        "coupon_amount": _.coupon_amount.sum(),
        "discount_amount": _.discount_amount.sum(),
        "gross_amount": _.gross_amount.sum(),
    }


def discount_strength(purchases: ir.Table) -> pd.DataFrame:
    """How much of what goods cost is given away, by coupon, by reduced price and by both.

    purchases  →  offer ("coupons", "reduced prices", "both together") | orders, offer_orders, offer_share, offer_low, offer_high
    (95 %), offer_amount (currency), gross_share (of what the list price asks), net_share (of what is left after both)

    The strength of discounts is the share of gross spend; measured on net spend the same coupons look larger. An order that had
    both counts once in the last row. Guests count; no offers or no orders: no rows. [S8]
    """
    either = _.coupon_amount.fill_null(0) + _.discount_amount.fill_null(0)
    found = frame(
        purchases.aggregate(
            **_measures(), both_orders=_.count(where=on_offer), both_amount=either.sum(), net_amount=(_.gross_amount - either).sum()
        )
    ).fillna(0.0)  # Spark counts nothing as null
    total = found.iloc[0]
    rows = pd.DataFrame(
        [(label, total[f"{kind}_orders"], total[f"{kind}_amount"]) for kind, label in _OFFERS.items()],
        columns=["offer", "offer_orders", "offer_amount"],
    ).astype({"offer": "str", "offer_orders": "int64", "offer_amount": "float64"})
    rows = rows if total["both_orders"] else rows.iloc[:0]
    intervals = [wilson(int(k), int(total["orders"])) for k in rows["offer_orders"]]
    return rows.assign(
        orders=int(total["orders"]),
        offer_share=_ratio(rows["offer_orders"], pd.Series(int(total["orders"]), index=rows.index)),
        offer_low=pd.Series([low for low, _high in intervals], dtype="float64"),
        offer_high=pd.Series([high for _low, high in intervals], dtype="float64"),
        gross_share=_ratio(rows["offer_amount"], pd.Series(total["gross_amount"], index=rows.index)),
        net_share=_ratio(rows["offer_amount"], pd.Series(total["net_amount"], index=rows.index)),
    )[["offer", "orders", "offer_orders", "offer_share", "offer_low", "offer_high", "offer_amount", "gross_share", "net_share"]]


def customer_offers(purchases: ir.Table, lines: ir.Table, *, min_orders: int = 3) -> ir.Table:
    """What offers mean to each customer: how often, how much, and whether anything is ever bought without.

    purchases, order lines  →  customer_id | orders, offer_orders (something in them on offer), offer_share, whole_offer_orders (every
    product in them on offer), whole_offer_share (of orders with a product), gross_amount, net_amount, coupon_amount,
    discount_amount (currency), coupon_share, discount_share (of gross), coupon_net_share, discount_net_share (of net), only_on_offer
    (boolean), by_luck (chance that anyone would have met nothing but offers in such orders)

    only_on_offer asks for `min_orders` orders with a product: one order on offer says nothing. Shares are null where the money they
    divide by is 0. Guests are left out. [S8, S34]

    Raises ValueError if min_orders < 2.
    """
    _check(min_orders)
    own = purchases.filter(_.customer_id.notnull())
    used = own.group_by("customer_id").aggregate(**_measures()).mutate(
        coupon_amount=_.coupon_amount.fill_null(0), discount_amount=_.discount_amount.fill_null(0)
    )  # fmt: skip
    wholly = (
        _with_luck(own, lines)
        .group_by("customer_id")
        .aggregate(whole_orders=_.count(), whole_offer_orders=_.count(where=_.all_on_offer), by_luck=_.luck.sum())
        .select("customer_id", "whole_orders", "whole_offer_orders", by_luck=_.by_luck.clip(-700.0, 0.0).exp())
    )
    both = used.left_join(wholly, "customer_id").drop("customer_id_right")
    both = both.mutate(
        net_amount=_.gross_amount - _.coupon_amount - _.discount_amount,
        whole_orders=_.whole_orders.fill_null(0),
        whole_offer_orders=_.whole_offer_orders.fill_null(0),
    )
    return both.select(
        "customer_id",
        "orders",
        "offer_orders",
        "whole_offer_orders",
        "gross_amount",
        "net_amount",
        "coupon_amount",
        "discount_amount",
        offer_share=to_float(_.offer_orders) / _.orders,
        whole_offer_share=to_float(_.whole_offer_orders) / to_float(_.whole_orders).nullif(0.0),
        coupon_share=to_float(_.coupon_amount) / to_float(_.gross_amount).nullif(0.0),
        discount_share=to_float(_.discount_amount) / to_float(_.gross_amount).nullif(0.0),
        coupon_net_share=to_float(_.coupon_amount) / to_float(_.net_amount).nullif(0.0),
        discount_net_share=to_float(_.discount_amount) / to_float(_.net_amount).nullif(0.0),
        only_on_offer=(_.whole_orders >= min_orders) & (_.whole_offer_orders == _.whole_orders),
        by_luck=_.by_luck,
    )


def offers_by_month(purchases: ir.Table) -> pd.DataFrame:
    """Follow the use of offers month by month, and what it has come to since the data begin.

    purchases  →  month ("2026-10") | orders, offer_orders, offer_share, offer_low, offer_high (95 %), coupon_orders,
    coupon_order_share, discount_orders, discount_order_share, coupon_share, discount_share (of gross spend),
    cumulative_offer_share (of all orders so far), ever_offer_share (of customers so far, those who ever used an offer)

    Months without an order have no row. Guests count as orders, not as customers. [S34]
    """
    month = _.ordered_at.strftime("%Y-%m")
    monthly = frame(purchases.group_by(month=month).aggregate(**_measures())).sort_values("month", ignore_index=True)
    started = (
        purchases.filter(_.customer_id.notnull())
        .group_by("customer_id")
        .aggregate(first_at=_.ordered_at.min(), first_offer_at=_.ordered_at.min(where=on_offer))
    )
    begun = frame(started.group_by(month=_.first_at.strftime("%Y-%m")).aggregate(customers=_.count()))
    users = frame(
        started.filter(_.first_offer_at.notnull()).group_by(month=_.first_offer_at.strftime("%Y-%m")).aggregate(customers=_.count())
    )
    so_far, used = (counts.set_index("month")["customers"].reindex(monthly["month"]).fillna(0).cumsum() for counts in (begun, users))
    monthly["cumulative_offer_share"] = _ratio(monthly["offer_orders"].cumsum(), monthly["orders"].cumsum())
    monthly["ever_offer_share"] = _ratio(used.reset_index(drop=True), so_far.reset_index(drop=True))
    monthly = monthly if monthly["offer_orders"].any() else monthly.iloc[:0]
    return _shares(monthly)[list(MONTH_COLUMNS)]


def offers_so_far(purchases: ir.Table) -> ir.Table:
    """Add up, order by order, what each customer has used of offers so far.

    purchases  →  customer_id, order_id | ordered_at, order_number, is_offer, offer_orders_so_far, offer_share_so_far, given_so_far
    (currency, coupons and reduced prices)

    Up to and with the order. Two orders on one day are two; guests are left out. [S34]
    """
    journey = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    until = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"], rows=(None, 0))
    own = purchases.filter(_.customer_id.notnull())
    marked = own.mutate(
        is_offer=on_offer.ifelse(1, 0), given=_.coupon_amount.fill_null(0) + _.discount_amount.fill_null(0)
    ).mutate(
        order_number=ibis.row_number().over(journey) + 1,
        offer_orders_so_far=_.is_offer.sum().over(until),
        given_so_far=_.given.sum().over(until),
    )  # fmt: skip
    return marked.select(
        "customer_id",
        "order_id",
        "ordered_at",
        "order_number",
        "is_offer",
        "offer_orders_so_far",
        "given_so_far",
        offer_share_so_far=to_float(_.offer_orders_so_far) / to_float(_.order_number),
    )


def offer_habit(so_far: ir.Table, *, top: int = 10) -> pd.DataFrame:
    """Follow the same customers through their first `top` orders: how much of what they have bought so far was on offer.

    offers_so_far(…)  →  order_number (1 … top) | customers, offer_orders, offer_share (of these orders), offer_low, offer_high (95 %),
    offer_share_so_far (mean over customers), given_per_customer (currency so far)

    Everyone in it placed `top` orders or more: a rise is a habit, not a change of who is left. [S34]

    Raises ValueError if top < 2.
    """
    if top < 2:
        raise ValueError(f"top must be 2 or more, not {top}")
    stayed = so_far.filter(_.order_number == top).select("customer_id")
    steps = frame(
        so_far.semi_join(stayed, "customer_id")
        .filter(_.order_number <= top)
        .group_by("order_number")
        .aggregate(
            customers=_.count(),
            offer_orders=_.is_offer.sum(),
            offer_share_so_far=_.offer_share_so_far.mean(),
            given_per_customer=to_float(_.given_so_far).mean(),
        )
    ).sort_values("order_number", ignore_index=True)
    intervals = [wilson(int(k), int(n)) for k, n in zip(steps["offer_orders"], steps["customers"], strict=True)]
    return steps.assign(
        offer_share=_ratio(steps["offer_orders"], steps["customers"]),
        offer_low=pd.Series([low for low, _high in intervals], dtype="float64"),
        offer_high=pd.Series([high for _low, high in intervals], dtype="float64"),
    )[["order_number", "customers", "offer_orders", "offer_share", "offer_low", "offer_high", "offer_share_so_far", "given_per_customer"]]


def wholly_on_offer(purchases: ir.Table, lines: ir.Table) -> ir.Table:
    """Mark the orders in which every product was bought on offer.

    purchases, order lines  →  purchases + sale_lines (lines), all_on_offer (boolean)

    An order counts when each of its product lines had a coupon or a reduced price: one bargain in a full basket is no
    bargain hunter. Orders without a product line are left out. [S8, S34]
    """
    sold = lines.filter((_.kind == "sale") & _.is_product)
    folded = sold.group_by("order_id").aggregate(sale_lines=_.count(), offer_lines=_.count(where=on_offer))
    marked = folded.select("order_id", "sale_lines", all_on_offer=_.offer_lines == _.sale_lines)
    return purchases.join(marked, "order_id").select(*purchases.columns, "sale_lines", "all_on_offer")


def offer_only(purchases: ir.Table, lines: ir.Table, *, min_orders: int = 3) -> pd.DataFrame:
    """Count customers who never bought anything but on offer, beside how many there would be by luck.

    purchases, order lines  →  orders (min_orders, … "and more" at min_orders + 5) | customers, offer_only,
    offer_only_share, by_chance, excess (customers), excess_low, excess_high (95 %)

    by_chance: if everyone were as fond of offers as the average order of that month and of that many lines, so many would
    still have met nothing but offers. Bargain hunters raise that average, so the excess is cautious. Customers with
    fewer orders than `min_orders` are left out: one order on offer says nothing. [S8, S34]

    Raises ValueError if min_orders < 2.
    """
    _check(min_orders)
    own = _with_luck(purchases.filter(_.customer_id.notnull()), lines)
    per_customer = (
        own.group_by("customer_id")
        .aggregate(orders=_.count(), offer_orders=_.count(where=_.all_on_offer), luck=_.luck.sum())
        .filter(_.orders >= min_orders)
        .mutate(always=_.offer_orders == _.orders, luck=_.luck.clip(-700.0, 0.0).exp())
        .mutate(orders=(_.orders < min_orders + 5).ifelse(_.orders, min_orders + 5))
    )
    counted = frame(
        per_customer.group_by("orders").aggregate(
            customers=_.count(), offer_only=_.count(where=_.always), by_chance=_.luck.sum(), spread=(_.luck * (1 - _.luck)).sum()
        )
    ).sort_values("orders", ignore_index=True)
    counted["by_chance"] = counted["by_chance"].astype("float64").round(9)
    margin = Z95 * counted["spread"].astype("float64").round(9).clip(lower=0).map(math.sqrt).astype("float64")
    counted["offer_only_share"] = _ratio(counted["offer_only"], counted["customers"])
    counted["excess"] = counted["offer_only"] - counted["by_chance"]
    counted["excess_low"], counted["excess_high"] = counted["excess"] - margin, counted["excess"] + margin
    names = ["orders", "customers", "offer_only", "offer_only_share", "by_chance", "excess", "excess_low", "excess_high"]
    return counted[names]


def _with_luck(purchases: ir.Table, lines: ir.Table) -> ir.Table:
    """customer_id, all_on_offer of each order, and the log of the chance that an order of its month and size is wholly on offer."""
    own = wholly_on_offer(purchases, lines).select(
        "customer_id", "all_on_offer", month=_.ordered_at.strftime("%Y-%m"), size=(_.sale_lines < 5).ifelse(_.sale_lines, 5)
    )
    usual = own.group_by("month", "size").aggregate(usual=to_float(_.count(where=_.all_on_offer)) / _.count())
    # The log of 0 is not known on every engine; a month without offers rules luck out, and 1e-300 does that too.
    luck = usual.select("month", "size", luck=(_.usual > 0).ifelse(_.usual, 1e-300).ln())
    return own.join(luck, ["month", "size"])


def _check(min_orders: int) -> None:
    if min_orders < 2:
        raise ValueError(f"min_orders must be 2 or more, not {min_orders}: one order on offer says nothing about a customer")


def _shares(counted: pd.DataFrame) -> pd.DataFrame:
    intervals = [wilson(k, n) for k, n in zip(counted["offer_orders"], counted["orders"], strict=True)]
    return counted.assign(
        offer_share=_ratio(counted["offer_orders"], counted["orders"]),
        offer_low=pd.Series([low for low, _high in intervals], dtype="float64"),
        offer_high=pd.Series([high for _low, high in intervals], dtype="float64"),
        coupon_order_share=_ratio(counted["coupon_orders"], counted["orders"]),
        discount_order_share=_ratio(counted["discount_orders"], counted["orders"]),
        coupon_share=_ratio(counted["coupon_amount"], counted["gross_amount"]),
        discount_share=_ratio(counted["discount_amount"], counted["gross_amount"]),
    )


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part.astype("float64") / whole.astype("float64").where(whole != 0)
