"""Returns: how many of the orders and how much of the goods come back, by customer, category and segment."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.tables import RETURN, SALE


def returned_lines(order_lines: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """Mark the lines sold in the window of which something came back by `as_of`.

    order lines  →  order_id, line_number, customer_id, product_id, ordered_at, amount (currency) | is_returned (boolean),
    returned_amount (currency, 0 or more)

    Return slips seldom name the order. So each is put to the customer's latest purchase of the same product before it; where there is
    none, as for guests, it is put to nothing and `unmatched_returns` counts it. Sales of the last weeks may yet come back. Products
    only. [S28, S77]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    goods = order_lines.filter(_.is_product.fill_null(False), _.ordered_at < as_of)
    back = _latest(goods).group_by("order_id", "line_number").aggregate(returned_amount=_.returned_amount.sum())
    sold = goods.filter(_.kind == SALE, _.ordered_at >= as_of - timedelta(days=window_days))
    both = sold.left_join(back, ["order_id", "line_number"])
    names = ["order_id", "line_number", "customer_id", "product_id", "ordered_at", "amount"]
    return both.select(*names, is_returned=_.returned_amount.notnull(), returned_amount=_.returned_amount.fill_null(0))


def _latest(goods: ir.Table) -> ir.Table:
    """One row a return that finds a purchase: the purchase's order_id and line_number, and what was returned."""
    slips = goods.filter(_.kind == RETURN, _.customer_id.notnull(), _.product_id.notnull()).select(
        "customer_id", "product_id", slip_id="order_id", slip_line="line_number", slip_at="ordered_at", returned_amount=-_.amount
    )
    sold = goods.filter(_.kind == SALE).select("customer_id", "product_id", "order_id", "line_number", "ordered_at")
    before = slips.join(sold, ["customer_id", "product_id"]).filter(_.ordered_at <= _.slip_at)
    latest = ibis.window(
        group_by=["slip_id", "slip_line"], order_by=[ibis.desc("ordered_at"), ibis.desc("order_id"), ibis.desc("line_number")]
    )
    return before.mutate(place=ibis.row_number().over(latest)).filter(_.place == 0)


def unmatched_returns(order_lines: ir.Table, *, as_of: datetime, window_days: int = 365) -> pd.DataFrame:
    """Count the returns in the window for which no purchase is found.

    order lines  →  one row: returns, returned_amount, unmatched_returns, unmatched_amount (currency, 0 or more)

    Returns of goods bought before the data begin, by guests, or under another product number. [S77]
    """
    goods = order_lines.filter(_.is_product.fill_null(False), _.ordered_at < as_of)
    slips = goods.filter(_.kind == RETURN, _.ordered_at >= as_of - timedelta(days=window_days))
    found = _latest(goods).select("slip_id", "slip_line", found=ibis.literal(True))
    both = slips.left_join(found, [("order_id", "slip_id"), ("line_number", "slip_line")])
    alone = both.found.isnull()
    counted = frame(
        both.aggregate(
            returns=both.count(),
            returned_amount=-both.amount.sum(),
            unmatched_returns=both.count(where=alone),
            unmatched_amount=-both.amount.sum(where=alone),
        )
    )
    return counted.fillna(0.0).astype({"returned_amount": "float64", "unmatched_amount": "float64"})


def return_rates(returned: ir.Table) -> pd.DataFrame:
    """How many orders, customers and how much of the goods sold come back.

    lines sold with is_returned  →  one row: orders, returned_orders, return_rate, low, high (95 % interval), customers,
    returning_customers, sold_amount, returned_amount (currency), returned_share (of what was sold)

    An order counts as returned when anything in it came back. Guests count as orders, not as customers; nobody knows what they
    returned. No orders: no row. [S28, S77]
    """
    orders = returned.group_by("order_id").aggregate(
        customer_id=_.customer_id.max(), came_back=_.is_returned.any(), sold=_.amount.sum(), back=_.returned_amount.sum()
    )
    counted = frame(
        orders.aggregate(
            orders=_.count(),
            returned_orders=_.count(where=_.came_back),
            customers=_.customer_id.nunique(),
            returning_customers=_.customer_id.nunique(where=_.came_back),
            sold_amount=_.sold.sum(),
            returned_amount=_.back.sum(),
        )
    )
    return _rated(counted[counted.orders > 0], "orders", "returned_orders")


def customer_returns(returned: ir.Table) -> ir.Table:
    """How much each customer sends back.

    lines sold with is_returned  →  customer_id | orders, returned_orders, return_rate (of orders), sold_amount, returned_amount
    (currency), returned_share (of what was sold)

    Guests are left out. A rate over few orders says little: `orders` stands beside it. [S28, S77]
    """
    orders = (
        returned.filter(_.customer_id.notnull())
        .group_by("customer_id", "order_id")
        .aggregate(came_back=_.is_returned.any(), sold=_.amount.sum(), back=_.returned_amount.sum())
    )
    return (
        orders.group_by("customer_id")
        .aggregate(orders=_.count(), returned_orders=_.count(where=_.came_back), sold_amount=_.sold.sum(), returned_amount=_.back.sum())
        .mutate(
            return_rate=to_float(_.returned_orders) / _.orders,
            returned_share=to_float(_.returned_amount) / to_float(_.sold_amount).nullif(0.0),
        )
    )


def returns_by_category(returned: ir.Table, products: ir.Table) -> pd.DataFrame:
    """Which categories come back.

    lines sold with is_returned, products  →  category | lines, returned_lines, return_rate, low, high (95 % interval), sold_amount,
    returned_amount (currency), returned_share (of what was sold)

    Highest rate first. Products without a category stand under "not known"; where nothing has a category or nothing came back there is
    no row. [S77]
    """
    named = returned.left_join(products.select("product_id", "category"), "product_id").mutate(group=_.category.fill_null(UNKNOWN))
    return _by_group(named, "category")


def returns_by_segment(returned: ir.Table, segmented: ir.Table) -> pd.DataFrame:
    """Which segments send back.

    lines sold with is_returned; customer_id | segment  →  segment | lines, returned_lines, return_rate, low, high (95 % interval),
    sold_amount, returned_amount (currency), returned_share (of what was sold)

    Highest rate first. Guests and customers without a segment are left out; where nothing came back there is no row. [S77]
    """
    return _by_group(returned.join(segmented.select("customer_id", group="segment"), "customer_id"), "segment")


def _by_group(lines: ir.Table, name: str) -> pd.DataFrame:
    counted = frame(
        lines.group_by("group").aggregate(
            lines=_.count(),
            returned_lines=_.count(where=_.is_returned),
            sold_amount=_.amount.sum(),
            returned_amount=_.returned_amount.sum(),
        )
    ).rename(columns={"group": name})
    counted = counted.iloc[:0] if list(counted[name]) == [UNKNOWN] or not counted.returned_lines.any() else counted
    rated = _rated(counted, "lines", "returned_lines")
    return rated.sort_values(["return_rate", name], ascending=[False, True], ignore_index=True)


def _rated(counted: pd.DataFrame, whole: str, part: str) -> pd.DataFrame:
    bounds = [wilson(int(k), int(n)) for k, n in zip(counted[part], counted[whole], strict=True)]
    rated = counted.assign(
        return_rate=counted[part] / counted[whole],
        low=pd.Series([low for low, _high in bounds], index=counted.index, dtype="float64"),
        high=pd.Series([high for _low, high in bounds], index=counted.index, dtype="float64"),
        returned_share=counted.returned_amount / counted.sold_amount.where(counted.sold_amount > 0),
    )
    first = [*([counted.columns[0]] if counted.columns[0] != whole else []), whole, part, "return_rate", "low", "high"]
    return rated[[*first, *(column for column in rated.columns if column not in first)]]
