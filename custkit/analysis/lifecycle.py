"""Where each customer stands on the way from first visit to farewell, and how many move on each month."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

from custkit.client import Lifecycle
from custkit.words import mark

# In the order of a customer's life; each customer stands on exactly one of them. A visitor is nobody's customer yet.
VISITOR, REGISTERED, ACTIVE, FIRST_PAYMENT, REGULAR, VIP, DORMANT, LOST = STAGES = (
    "visitor", "registered", "active", "first_payment", "regular", "vip", "dormant", "lost",
)  # fmt: skip
CUSTOMER_STAGES = STAGES[1:]
LIVE_BUYERS = (FIRST_PAYMENT, REGULAR, VIP)

# What people read.
STAGE_NAMES = {
    VISITOR: mark("visitor"),
    REGISTERED: mark("registered"),
    ACTIVE: mark("active"),
    FIRST_PAYMENT: mark("first payment"),
    REGULAR: mark("regular"),
    VIP: mark("VIP"),
    DORMANT: mark("dormant"),
    LOST: mark("lost"),
}
VIP_WINDOW_DAYS = 365


def customer_stages(customers: ir.Table, purchases: ir.Table, events: ir.Table, *, as_of: datetime, rules: Lifecycle) -> ir.Table:
    """Give each customer the one stage of life they stand on at `as_of`.

    one row a customer, purchase, event  →  customer_id | stage, registered_at, closed_at, last_seen_at, first_purchase_at,
    last_purchase_at, orders, order_days, monetary_value, is_vip, is_active

    The first line that fits decides:
    lost           said farewell (`closed_at`) and has not bought since
    dormant        no purchase, event or registration in the last `rules.dormant_days`: silent, but reachable
    vip            by `rules.vip_by`: net spend in the last 365 days (at least `vip_spend`, or the top `vip_share` of those who
                   spent, ties kept), money paid in ahead, or the client's own mark
    regular        purchases on two or more days
    first_payment  purchases on one day
    active         no purchase yet, but an event other than registering in the last `rules.active_days`
    registered     the rest

    Buyers missing from `customers` are customers; rows at or after `as_of` are not read; guests belong to nobody.
    `monetary_value` is the spend of the last 365 days, `is_active` means not lost and seen in the last `rules.active_days`.
    [S5, S56–S60, S63]
    """
    registered = _registered(customers, as_of)
    bought = _bought(purchases, as_of)
    acted = _acted(events, registered, as_of)
    everyone = registered.select("customer_id").union(bought.select("customer_id"), distinct=True)
    known = (
        everyone.left_join(registered, "customer_id")
        .drop("customer_id_right")
        .left_join(bought, "customer_id")
        .drop("customer_id_right")
        .left_join(acted, "customer_id")
        .drop("customer_id_right")
        .mutate(
            orders=_.orders.fill_null(0),
            order_days=_.order_days.fill_null(0),
            monetary_value=_.monetary_value.fill_null(0).cast("decimal(38, 4)"),
        )
        .mutate(last_seen_at=ibis.greatest(_.registered_at, _.last_purchase_at, _.last_event_at))
    )
    active_from, dormant_before = as_of - timedelta(days=rules.active_days), as_of - timedelta(days=rules.dormant_days)
    has_left = _.closed_at.notnull() & (_.last_purchase_at.isnull() | (_.last_purchase_at <= _.closed_at))
    return (
        _with_vip(known, rules)
        .mutate(
            is_active=~has_left.fill_null(False) & (_.last_seen_at >= active_from).fill_null(False),
            stage=ibis.cases(
                (has_left, LOST),
                (_.last_seen_at < dormant_before, DORMANT),
                (_.is_vip, VIP),
                (_.order_days >= 2, REGULAR),
                (_.order_days == 1, FIRST_PAYMENT),
                (_.last_act_at >= active_from, ACTIVE),
                else_=REGISTERED,
            ),
        )
        .select(
            "customer_id", "stage", "registered_at", "closed_at", "last_seen_at", "first_purchase_at", "last_purchase_at",
            "orders", "order_days", "monetary_value", "is_vip", "is_active",
        )
    )  # fmt: skip


def _registered(customers: ir.Table, as_of: datetime) -> ir.Table:
    return customers.filter(_.registered_at.isnull() | (_.registered_at < as_of)).select(
        "customer_id",
        "registered_at",
        "prepaid_amount",
        closed_at=(_.closed_at < as_of).ifelse(_.closed_at, None),
        named_vip=_.is_vip.fill_null(False),
    )


def _bought(purchases: ir.Table, as_of: datetime) -> ir.Table:
    window_start = as_of - timedelta(days=VIP_WINDOW_DAYS)
    return (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(
            first_purchase_at=_.ordered_at.min(),
            last_purchase_at=_.ordered_at.max(),
            orders=_.order_id.nunique(),
            order_days=_.order_date.nunique(),
            monetary_value=_.revenue.sum(where=_.ordered_at >= window_start),
        )
    )


def _acted(events: ir.Table, registered: ir.Table, as_of: datetime) -> ir.Table:
    """customer_id | last_event_at, last_act_at: any event; an event after registering that is not the registration itself."""
    joined = events.filter(_.customer_id.notnull(), _.occurred_at < as_of).left_join(
        registered.select("customer_id", "registered_at"), "customer_id"
    )
    is_act = (_.event_type != "register") & (_.registered_at.isnull() | (_.occurred_at > _.registered_at))
    return joined.group_by("customer_id").aggregate(last_event_at=_.occurred_at.max(), last_act_at=_.occurred_at.max(where=is_act))


def _with_vip(known: ir.Table, rules: Lifecycle) -> ir.Table:
    """… + is_vip, by the client's definition."""
    if rules.vip_by == "identity":
        return known.mutate(is_vip=_.named_vip.fill_null(False))
    if rules.vip_by == "prepaid":
        return known.mutate(is_vip=(_.prepaid_amount >= rules.vip_prepaid).fill_null(False))
    if rules.vip_spend is not None:
        return known.mutate(is_vip=_.monetary_value >= rules.vip_spend)
    ranked = known.mutate(
        better=ibis.rank().over(ibis.window(order_by=ibis.desc(known.monetary_value))),
        spenders=(known.monetary_value > 0).ifelse(1, 0).sum().over(ibis.window()),
    )
    # The small subtraction undoes binary fractions: 0.1 × 30 is a hair above 3.
    return ranked.mutate(is_vip=(_.monetary_value > 0) & (_.better.cast("float64") < _.spenders.cast("float64") * rules.vip_share - 1e-9))
