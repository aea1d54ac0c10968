"""What looks like cash-out or abuse, so that the loudest spender is not taken for the best: evidence a customer, never a verdict."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.client import ABUSE_RULES, Abuse
from custkit.engine import frame, to_float
from custkit.tables import RETURN, SALE
from custkit.words import mark

RULE_NAMES = {
    "refund_loops": mark("refund loops"),
    "round_trips": mark("orders that come back whole"),
    "threshold_orders": mark("orders just above a threshold"),
    "resale": mark("resale quantities"),
    "coupons": mark("coupon farming"),
}
ANY_RULE = "any_rule"
# Of a product with fewer buyers nobody can say what buyers usually take.
FEWEST_BUYERS = 30
# So many false alarms a shop are expected of a rule on counts, were returns and order values a matter of luck.
FALSE_ALARMS = 0.05
_TINY = 1e-12


def abuse_evidence(order_lines: ir.Table, *, as_of: datetime, rules: Abuse | None = None, window_days: int = 365) -> ir.Table:
    """What there is against each customer who bought in the window, by the client's rules.

    order lines  →  customer_id | orders, sold_amount, returns (documents), returned_amount (currency, above 0), returned_share (of
    sold_amount), returns_by_luck, whole_returns (orders that came back whole), whole_return_amount, near_orders (just above a
    threshold), near_by_luck, usual_lines (of products of which it is known what is usual), bulk_lines, bulk_pieces, coupon_orders,
    coupon_share (of gross spend), refund_loops, round_trips, threshold_orders, resale, coupons (boolean, one a rule), is_suspected,
    reason (the first rule that fits)

    returns_by_luck, near_by_luck: no less than the chance of as many if every order were as likely to come back, or to lie above a
    threshold, as the shop's average order; times the customers it must not exceed one false alarm in twenty shops. [Chernoff 1952]
    A reason to look, never to act: a wedding, a school or a faulty batch looks the same. Several accounts of one person cannot be
    seen through pseudonyms. Guests are left out. [S35]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    rules = rules or Abuse()
    start = as_of - timedelta(days=window_days)
    lines = order_lines.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of)
    documents = _documents(lines)
    evidence = _per_customer(documents, rules)
    for more in (_whole_returns(documents, rules), _bulk(lines, rules)):
        evidence = evidence.left_join(more, "customer_id").drop("customer_id_right")
    shop = evidence.mutate(
        customers=to_float(_.customer_id.count().over(ibis.window())),
        usual_returns=_usual(evidence.returns, evidence.orders),
        usual_near=_usual(evidence.near_orders, evidence.orders),
        own_returns=_own(evidence.returns, evidence.orders),
        own_near=_own(evidence.near_orders, evidence.orders),
    )
    counted = shop.mutate(
        whole_returns=_.whole_returns.fill_null(0),
        whole_return_amount=_.whole_return_amount.fill_null(Decimal(0)),
        usual_lines=_.usual_lines.fill_null(0),
        bulk_lines=_.bulk_lines.fill_null(0),
        bulk_pieces=_.bulk_pieces.fill_null(Decimal(0)),
        returned_share=to_float(_.returned_amount) / to_float(_.sold_amount).nullif(0.0),
        coupon_share=to_float(_.coupon_amount) / to_float(_.gross_amount).nullif(0.0),
        returns_by_luck=_luck(shop.own_returns, shop.usual_returns, shop.orders),
        near_by_luck=_luck(shop.own_near, shop.usual_near, shop.orders),
    )
    flagged = counted.mutate(**_flags(counted, rules))
    return flagged.select(
        "customer_id", "orders", "sold_amount", "returns", "returned_amount", "returned_share", "returns_by_luck", "whole_returns",
        "whole_return_amount", "near_orders", "near_by_luck", "usual_lines", "bulk_lines", "bulk_pieces", "coupon_orders", "coupon_share",
        *ABUSE_RULES,
        is_suspected=_any(flagged),
        reason=ibis.cases(*[(flagged[rule], rule) for rule in ABUSE_RULES], else_=ibis.null("string")),
    )  # fmt: skip


def suspected_abuse(order_lines: ir.Table, *, as_of: datetime, rules: Abuse | None = None, window_days: int = 365) -> ir.Table:
    """The customers whom a rule fits, with the evidence: `abuse_evidence` of those suspected."""
    return abuse_evidence(order_lines, as_of=as_of, rules=rules, window_days=window_days).filter(_.is_suspected)


def abuse_summary(evidence: ir.Table, *, rules: Abuse | None = None) -> pd.DataFrame:
    """How many customers each rule fits, and what they spent.

    `abuse_evidence`  →  rule | customers, customer_share, revenue (sold_amount less what came back), revenue_share, is_looked_for: a row a
    rule that applies, then "any_rule": one customer may be suspected for several

    is_looked_for: false where the data hold nothing that the rule asks about. Shares are of all customers who bought, and null where
    there is no revenue. No customers: no rows. [S35]
    """
    wanted = [rule for rule in ABUSE_RULES if rule in (rules or Abuse()).rules]
    kept = evidence.sold_amount - evidence.returned_amount
    parts = {rule: evidence[rule] for rule in wanted} | {ANY_RULE: evidence.is_suspected}
    returned, thresholds = evidence.returns.sum(), len((rules or Abuse()).thresholds)
    asked = {
        "refund_loops": returned, "round_trips": returned, "threshold_orders": ibis.literal(thresholds),
        "resale": evidence.usual_lines.sum(), "coupons": evidence.coupon_orders.sum(),
    }  # fmt: skip
    found = frame(
        evidence.aggregate(
            everyone=evidence.count(),
            everything=kept.sum(),
            **{f"n_{rule}": evidence.count(where=part) for rule, part in parts.items()},
            **{f"kept_{rule}": kept.sum(where=part) for rule, part in parts.items()},
            **{f"asked_{rule}": asked[rule] for rule in wanted},
        )
    ).iloc[0]
    n, revenue = int(found["everyone"]), float(found["everything"] or 0) if pd.notna(found["everything"]) else 0.0
    rows = [(rule, int(found[f"n_{rule}"]), found[f"kept_{rule}"]) for rule in parts] if n else []
    summary = pd.DataFrame(rows, columns=["rule", "customers", "revenue"])
    summary = summary.astype({"rule": "str", "customers": "int64", "revenue": "float64"}).fillna({"revenue": 0.0})
    summary.insert(2, "customer_share", summary["customers"] / max(n, 1))
    looked = [any(found[f"asked_{w}"] > 0 for w in ([rule] if rule in asked else wanted)) for rule in summary["rule"]]
    return summary.assign(revenue_share=summary["revenue"] / revenue if revenue > 0 else float("nan"), is_looked_for=looked)


def _documents(lines: ir.Table) -> ir.Table:
    """One row an order or return slip: what it sold, what it took back, and when."""
    sold, back = _.kind == SALE, _.kind == RETURN
    return lines.group_by("customer_id", "order_id").aggregate(
        ordered_at=_.ordered_at.min(),
        sold_amount=_.amount.sum(where=sold).fill_null(Decimal(0)),
        returned_amount=-_.amount.sum(where=back).fill_null(Decimal(0)),
        gross_amount=_.gross_amount.sum(where=sold),
        coupon_amount=_.coupon_amount.sum(where=sold),
        has_sale=_.count(where=sold) > 0,
        has_return=_.count(where=back) > 0,
    )


def _per_customer(documents: ir.Table, rules: Abuse) -> ir.Table:
    return (
        documents.group_by("customer_id")
        .aggregate(
            orders=_.count(where=_.has_sale),
            sold_amount=_.sold_amount.sum(),
            returns=_.count(where=_.has_return),
            returned_amount=_.returned_amount.sum(),
            gross_amount=_.gross_amount.sum(),
            coupon_amount=_.coupon_amount.sum(),
            coupon_orders=_.count(where=_.has_sale & (_.coupon_amount > 0)),
            near_orders=_.count(where=_.has_sale & _above_a_threshold(documents, rules)),
        )
        .filter(_.orders > 0)
    )


def _above_a_threshold(documents: ir.Table, rules: Abuse) -> ir.BooleanValue:
    above: ir.BooleanValue = ibis.literal(False)
    for threshold in rules.thresholds:
        low, high = (ibis.literal(edge.quantize(Decimal("0.0001"))) for edge in (threshold, threshold * (1 + Decimal(str(rules.near)))))
        above = above | ((documents.sold_amount >= low) & (documents.sold_amount < high))
    return above


def _whole_returns(documents: ir.Table, rules: Abuse) -> ir.Table:
    """Orders that a later slip took back to the cent. A slip answers the latest order of its amount, and an order counts once."""
    orders = documents.filter(_.sold_amount > 0).select("customer_id", "order_id", "ordered_at", amount=_.sold_amount)
    slips = documents.filter(_.returned_amount > 0).select(
        "customer_id", slip_id=_.order_id, returned_at=_.ordered_at, amount=_.returned_amount
    )
    pairs = orders.join(slips, ["customer_id", "amount"]).filter(
        _.returned_at >= _.ordered_at,
        _.returned_at.date().delta(_.ordered_at.date(), unit="day") <= rules.round_trip_days,
    )
    latest = ibis.window(group_by=["customer_id", "slip_id"], order_by=[ibis.desc("ordered_at"), ibis.desc("order_id")])
    answered = pairs.mutate(place=ibis.row_number().over(latest)).filter(_.place == 0)
    once = answered.group_by("customer_id", "order_id").aggregate(amount=_.amount.max())
    return once.group_by("customer_id").aggregate(whole_returns=_.count(), whole_return_amount=_.amount.sum())


def _bulk(lines: ir.Table, rules: Abuse) -> ir.Table:
    """Lines of many times what nine in ten buyers of the product take at most."""
    goods = lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.product_id.notnull(), _.quantity > 0)
    most = goods.group_by("product_id", "customer_id").aggregate(pieces=to_float(_.quantity.max()))
    usual = most.group_by("product_id").aggregate(buyers=_.count(), usual=_.pieces.quantile(0.9)).filter(_.buyers >= FEWEST_BUYERS)
    told = goods.join(usual.select("product_id", "usual"), "product_id")
    many = to_float(told.quantity) >= told.usual * float(rules.bulk_times)
    return told.group_by("customer_id").aggregate(
        usual_lines=told.count(), bulk_lines=told.count(where=many), bulk_pieces=told.quantity.sum(where=many)
    )


def _usual(found: ir.IntegerColumn, of: ir.IntegerColumn) -> ir.FloatingValue:
    """The shop's share, away from 0 and 1."""
    everyone = ibis.window()
    return (to_float(found.sum().over(everyone)) / to_float(of.sum().over(everyone)).nullif(0.0)).clip(_TINY, 1 - _TINY)


def _own(found: ir.IntegerColumn, of: ir.IntegerColumn) -> ir.FloatingValue:
    return (to_float(found) / to_float(of)).clip(0.0, 1.0)


def _luck(own: ir.FloatingColumn, usual: ir.FloatingColumn, of: ir.IntegerColumn) -> ir.FloatingValue:
    """No less than the chance of a share of `own` or more among `of` if each came with the usual share. [Chernoff 1952]"""
    more = own * _log(own / usual) + (1.0 - own) * _log((1.0 - own) / (1.0 - usual))
    return (own > usual).ifelse((-to_float(of) * more).clip(-700.0, 0.0).exp(), 1.0)


def _log(value: ir.FloatingValue) -> ir.FloatingValue:
    return (value > _TINY).ifelse(value, _TINY).ln()


def _flags(counted: ir.Table, rules: Abuse) -> dict[str, ir.BooleanValue]:
    half = float(rules.returned)
    fits = {
        "refund_loops": (counted.returns >= rules.returns)
        & (counted.returned_share >= half)
        & (counted.returns_by_luck * counted.customers <= FALSE_ALARMS),
        "round_trips": (counted.whole_returns >= rules.round_trips)
        & (to_float(counted.whole_return_amount) >= to_float(counted.sold_amount) * half),
        "threshold_orders": (counted.near_orders >= rules.threshold_orders) & (counted.near_by_luck * counted.customers <= FALSE_ALARMS),
        "resale": counted.bulk_lines >= rules.bulk_lines,
        "coupons": (counted.coupon_orders >= rules.coupon_orders) & (counted.coupon_share >= rules.coupon_share),
    }
    return {rule: fits[rule].fill_null(False) if rule in rules.rules else ibis.literal(False) for rule in ABUSE_RULES}


def _any(flagged: ir.Table) -> ir.BooleanValue:
    found: ir.BooleanValue = ibis.literal(False)
    for rule in ABUSE_RULES:
        found = found | flagged[rule]
    return found
