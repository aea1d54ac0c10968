"""What customers like best: products and categories by buyers, orders and revenue, and which of them rise or fall. [S71 S72]"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, false_discovery
from custkit.analysis.ratios import Sums, difference
from custkit.engine import frame
from custkit.tables import SALE
from custkit.words import mark

RISING, FALLING, STEADY, NOT_TOLD = mark("rising"), mark("falling"), mark("steady"), mark("not told")
PRODUCT, CATEGORY = "product", "category"
QUARTER, YEAR = 91, 364  # days; whole weeks, so that weekdays balance
NOTABLE = 0.1  # a change of the share by less than a tenth is none
ALPHA = 0.05
_MOST = 500


def product_names(products: ir.Table) -> ir.Table:
    """product_id | product_name, category, item: the name, with the id behind it where two products share one, the id where it has none."""
    shared = products.mutate(sharing=_.product_id.count().over(ibis.window(group_by="product_name")))
    name = shared.product_name
    both = name + " (" + shared.product_id + ")"
    item = ibis.coalesce((shared.sharing > 1).ifelse(both, name), shared.product_id)
    return shared.select("product_id", "product_name", "category", item=item)


def favourites(order_lines: ir.Table, products: ir.Table, *, as_of: datetime, level: str = PRODUCT, window_days: int = 365) -> pd.DataFrame:
    """The products or categories bought by most customers in the window, and whether they rise or fall.

    order lines, products  →  item | customers, customer_share (of all who bought), orders, order_share, revenue, revenue_share,
    share_before, share_now (of orders), change (share_now / share_before − 1), q_value, trend ("rising", "falling", "steady", "not told")

    The trend sets the share of orders that hold the item in the last 91 days beside that of the same days a year before, or, where the
    data do not reach back so far, beside the 91 days before them: then a season may be in it. A share, because all items rise in a growing
    shop; told from 30 orders on, rising or falling by a tenth at least and beyond chance with at most 5 % false discoveries over all
    items, customers being independent and their orders not. Shares of customers leave guests out, all else counts them. Most buyers first,
    at most 500 rows; of equals the one with more revenue. [Cochran 1977; Benjamini & Hochberg 1995; S71, S72]

    Raises ValueError for a level that is neither "product" nor "category".
    """
    if level not in (PRODUCT, CATEGORY):
        raise ValueError(f"level={level!r}; have {PRODUCT}, {CATEGORY}")
    back = compared_days(order_lines, as_of=as_of)
    ends = {"now": as_of, "before": as_of - timedelta(days=back)}
    spans = {when: (end - timedelta(days=QUARTER), end) for when, end in ends.items()}
    spans["window"] = (as_of - timedelta(days=window_days), as_of)
    orders = _orders(order_lines, products, level, since=min(start for start, _end in spans.values()), as_of=as_of)
    with orders.cache() as held:
        found, totals = _counted(held, spans)
    told = found.assign(
        customer_share=found["customers"] / (totals["m_window"] - totals["guests"] or np.nan),
        order_share=found["k_window"] / (totals["n_window"] or np.nan),
        revenue_share=found["revenue"] / (float(totals["revenue"]) or np.nan),
    ).rename(columns={"k_window": "orders"})
    columns = ["item", "customers", "customer_share", "orders", "order_share", "revenue", "revenue_share"]
    return told[columns].join(_trend(found, totals, known=bool(back)))


def compared_days(order_lines: ir.Table, *, as_of: datetime) -> int:
    """How many days before the last 91 the ones lie that `favourites` compares them with: 364 a year before, 91 just before, 0 neither."""
    first = frame(order_lines.filter(_.ordered_at < as_of).aggregate(first=_.ordered_at.min()))["first"].iloc[0]
    reach = (pd.Timestamp(as_of) - first.normalize()).days if pd.notna(first) else 0
    return next((back for back in (YEAR, QUARTER) if reach >= back + QUARTER), 0)


def _orders(order_lines: ir.Table, products: ir.Table, level: str, *, since: datetime, as_of: datetime) -> ir.Table:
    """item (null: not known), buyer (a guest's order is one of its own), is_guest, order_id | at, revenue: one row an order and item."""
    sold = order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.ordered_at >= since, _.ordered_at < as_of)
    named = sold.left_join(product_names(products), "product_id")
    item = named.category if level == CATEGORY else ibis.coalesce(named.item, named.product_id)
    buyer = ibis.coalesce(named.customer_id, "order " + named.order_id)
    return (
        named.select("order_id", "ordered_at", "revenue", item=item, buyer=buyer, is_guest=named.customer_id.isnull())
        .group_by("item", "buyer", "is_guest", "order_id")
        .aggregate(at=_.ordered_at.min(), revenue=_.revenue.sum())
    )


def _counted(orders: ir.Table, spans: dict[str, tuple[datetime, datetime]]) -> tuple[pd.DataFrame, pd.Series]:
    """By item, in each span: k orders, and Σk², Σk·n over buyers who had n orders in all; and the totals of everybody."""
    inside = {when: (_.at >= start) & (_.at < end) for when, (start, end) in spans.items()}
    everything = orders.group_by("buyer", "is_guest", "order_id").aggregate(at=_.at.min(), revenue=_.revenue.sum())
    n = everything.group_by("buyer", "is_guest").aggregate(
        revenue=_.revenue.sum(where=inside["window"]).fill_null(0), **{f"n_{w}": _.count(where=held) for w, held in inside.items()}
    )
    k = orders.filter(_.item.notnull()).group_by("item", "buyer", "is_guest")
    both = k.aggregate(
        revenue=_.revenue.sum(where=inside["window"]).fill_null(0), **{f"k_{w}": _.count(where=held) for w, held in inside.items()}
    ).join(n.drop("is_guest", "revenue"), "buyer")
    sums = both.group_by("item").aggregate(
        customers=_.count(where=(_.k_window > 0) & ~_.is_guest),
        revenue=_.revenue.sum(),
        **{f"k_{w}": _[f"k_{w}"].sum() for w in spans},
        **{f"kk_{w}": (_[f"k_{w}"] * _[f"k_{w}"]).sum() for w in spans},
        **{f"kn_{w}": (_[f"k_{w}"] * _[f"n_{w}"]).sum() for w in spans},
    )
    best = ibis.window(order_by=[ibis.desc("customers"), ibis.desc("revenue"), ibis.asc("item")])
    placed = sums.filter(_.k_window > 0).mutate(place=ibis.row_number().over(best)).filter(_.place < _MOST)
    totals = n.aggregate(
        guests=_.count(where=_.is_guest & (_.n_window > 0)),
        revenue=_.revenue.sum().fill_null(0),
        **{f"n_{w}": _[f"n_{w}"].sum().fill_null(0) for w in spans},
        **{f"nn_{w}": (_[f"n_{w}"] * _[f"n_{w}"]).sum().fill_null(0) for w in spans},
        **{f"m_{w}": _.count(where=_[f"n_{w}"] > 0) for w in spans},
    )
    return frame(placed).sort_values("place", ignore_index=True), frame(totals).iloc[0]


def _trend(sums: pd.DataFrame, totals: pd.Series, *, known: bool) -> pd.DataFrame:
    now, before = (_sums(sums, totals, when) for when in ("now", "before"))
    tested = (known & (sums[["k_now", "k_before"]].max(axis=1) >= SMALL_SAMPLE)).to_numpy()
    p = difference(now, before)["p_value"].where(tested)
    q = np.full(len(p), np.nan)
    q[p.notna()] = false_discovery(p.dropna().tolist())
    change = np.divide(now.ratio, before.ratio, out=np.full(len(p), np.nan), where=before.k > 0) - 1
    clear, gap = (q <= ALPHA) & ~(np.abs(change) < NOTABLE), now.ratio - before.ratio
    trend = np.select([~tested, clear & (gap > 0), clear & (gap < 0)], [NOT_TOLD, RISING, FALLING], STEADY)
    told = {"share_before": before.ratio, "share_now": now.ratio, "change": change, "q_value": q}
    made = pd.DataFrame(told if known else dict.fromkeys(told, np.nan), index=sums.index, dtype="float64")
    return made.assign(trend=pd.Series(trend, index=made.index, dtype="str"))


def _sums(sums: pd.DataFrame, totals: pd.Series, when: str) -> Sums:
    whole = {name: pd.Series(float(totals[f"{name}_{when}"]), index=sums.index) for name in ("n", "nn", "m")}
    return Sums.of(sums[f"k_{when}"], whole["n"], sums[f"kk_{when}"], sums[f"kn_{when}"], whole["nn"], whole["m"])
