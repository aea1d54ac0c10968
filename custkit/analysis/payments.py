"""How customers pay: in full, by instalments or by subscription."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.rates import wilson
from custkit.client import Payments
from custkit.engine import frame, to_float
from custkit.words import mark

FULL, INSTALMENT, SUBSCRIPTION = mark("paid in full"), mark("instalments"), mark("subscription")
KINDS = {"full": FULL, "instalment": INSTALMENT, "subscription": SUBSCRIPTION, "unknown": UNKNOWN}


def payment_kinds(purchases: ir.Table, *, rules: Payments) -> ir.Table:
    """Say how each order was paid.

    purchases  →  purchases + payment_kind ("paid in full", "instalments", "subscription", "not known")

    The client's words are looked for in the name of the payment method, in small or capital letters: first those for paid in full,
    then instalments, then subscription. A method that none of them fits is paid in full; an order without one is not known. [S28, S77]
    """
    method = purchases.payment_method.lower()
    kind = ibis.cases(
        (method.isnull(), UNKNOWN),
        (_holds(method, rules.full), FULL),
        (_holds(method, rules.instalment), INSTALMENT),
        (_holds(method, rules.subscription), SUBSCRIPTION),
        else_=FULL,
    )
    return purchases.mutate(payment_kind=kind)


def payment_mix(purchases: ir.Table, *, rules: Payments) -> pd.DataFrame:
    """How much is paid which way.

    purchases  →  payment_kind | orders, order_share, low, high (95 % interval; of orders whose payment is known), customers (a customer
    counts in each kind used; guests do not count), revenue, revenue_share, aov

    The three kinds always, "not known" where there is such an order; no rows where no payment is known. [S28, S77]
    """
    found = frame(
        payment_kinds(purchases, rules=rules)
        .group_by("payment_kind")
        .aggregate(orders=_.count(), customers=_.customer_id.nunique(), revenue=_.revenue.sum())
    )
    rows = pd.DataFrame({"payment_kind": list(KINDS.values())}).merge(found, on="payment_kind", how="left", validate="one_to_one")
    counts = {name: rows[name].fillna(0).astype("int64") for name in ("orders", "customers")}
    rows = rows.assign(**counts, revenue=rows.revenue.fillna(0.0).astype("float64"))
    rows = rows[(rows.payment_kind != UNKNOWN) | (rows.orders > 0)]
    known = rows.payment_kind != UNKNOWN
    n, revenue = int(rows.orders[known].sum()), float(rows.revenue.sum())
    rows = rows if n else rows.iloc[:0]
    intervals = [wilson(int(k), n) if told else (float("nan"), float("nan")) for k, told in zip(rows.orders, known, strict=False)]
    return rows.assign(
        order_share=rows.orders.where(known) / (n or 1),
        low=pd.Series([low for low, _high in intervals], dtype="float64"),
        high=pd.Series([high for _low, high in intervals], dtype="float64"),
        revenue_share=rows.revenue / (revenue or float("nan")),
        aov=rows.revenue / rows.orders.where(rows.orders > 0),
    )[["payment_kind", "orders", "order_share", "low", "high", "customers", "revenue", "revenue_share", "aov"]]


def payment_months(purchases: ir.Table, *, rules: Payments) -> pd.DataFrame:
    """Follow the payment mix month by month.

    purchases  →  month ("2026-10") | orders, full_share, instalment_share, subscription_share, unknown_share (of orders; together 1)

    Months without an order have no row; no rows at all where no payment is known. [S28, S77]
    """
    kinds = payment_kinds(purchases, rules=rules).mutate(month=_.ordered_at.strftime("%Y-%m"))
    counted = frame(kinds.group_by("month").aggregate(orders=_.count(), **_counts("share"))).sort_values("month", ignore_index=True)
    counted = counted if (counted.orders > counted.unknown_share).any() else counted.iloc[:0]
    return counted.assign(**{f"{kind}_share": counted[f"{kind}_share"] / counted.orders for kind in KINDS})


def customer_payments(purchases: ir.Table, *, rules: Payments) -> ir.Table:
    """How each customer pays.

    purchases  →  customer_id | orders, full_orders, instalment_orders, subscription_orders, unknown_orders (together orders),
    instalment_share, subscription_share (of orders whose payment is known)

    Guests are left out. [S28, S77]
    """
    own = payment_kinds(purchases.filter(_.customer_id.notnull()), rules=rules)
    counted = own.group_by("customer_id").aggregate(orders=_.count(), **_counts("orders"))
    known = to_float(_.orders - _.unknown_orders).nullif(0.0)
    return counted.mutate(
        instalment_share=to_float(_.instalment_orders) / known, subscription_share=to_float(_.subscription_orders) / known
    )


def _counts(name: str) -> dict[str, ir.IntegerScalar]:
    return {f"{kind}_{name}": _.count(where=_.payment_kind == label) for kind, label in KINDS.items()}


def _holds(text: ir.StringValue, words: Iterable[str]) -> ir.BooleanValue:
    return reduce(or_, (text.contains(word.lower()) for word in words), ibis.literal(False))
