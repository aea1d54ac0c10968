"""Touch points before a purchase: by which channels and after which steps customers came to buy. [S74]"""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.funnel import NOT_KNOWN
from custkit.analysis.rates import wilson
from custkit.analysis.unmet_searches import with_visit
from custkit.engine import frame, to_float

CHANNEL_COLUMNS = ("channel", "orders", "order_share", "first", "last", "linear", "first_share", "last_share", "linear_share")
STEP_COLUMNS = ("step", "orders", "order_share", "low", "high")
BEFORE = ("search", "view", "favourite", "share", "question", "cart")


def order_touches(events: ir.Table, purchases: ir.Table, *, start: datetime, as_of: datetime, window_days: int = 30) -> ir.Table:
    """List the visits that lie before each purchase of the window: since the customer's purchase before, `window_days` at most.

    events, purchases  →  order_id, visit_id | channel, place (0 the first visit), touches (visits of the order), search, view,
    favourite, share, question, cart (1 where the visit held one)

    Only visits of customers who were known at the time are seen; orders without any are not in the table. [S74]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; give at least one day")
    journey = ibis.window(group_by="customer_id", order_by=["ordered_at", "order_id"])
    bought = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
        .select("order_id", "customer_id", "ordered_at")
        .mutate(previous_at=_.ordered_at.lag().over(journey))
        .filter(_.ordered_at >= start)
    )
    acts = with_visit(events.filter(_.customer_id.notnull(), _.occurred_at < as_of))
    begun = ibis.window(group_by=["customer_id", "visit_id"], order_by=["occurred_at", "event_type", "channel"])
    first = acts.mutate(nth=ibis.row_number().over(begun)).filter(_.nth == 0)
    came = first.select("customer_id", "visit_id", channel=_.channel.fill_null(NOT_KNOWN), began_at=_.occurred_at)
    joined = came.join(bought, "customer_id")
    reached = joined.filter(
        _.began_at <= _.ordered_at,
        _.began_at >= _.ordered_at - ibis.interval(days=window_days),
        _.previous_at.isnull() | (_.began_at > _.previous_at),
    )
    path = ibis.window(group_by="order_id", order_by=["began_at", "visit_id"])
    placed = reached.mutate(place=ibis.row_number().over(path), touches=_.count().over(ibis.window(group_by="order_id")))
    held = acts.join(placed.select("order_id", "visit_id", "customer_id", "ordered_at"), ["customer_id", "visit_id"])
    steps = (
        held.filter(_.occurred_at <= _.ordered_at)
        .group_by("order_id", "visit_id")
        .aggregate(**{step: (_.event_type == step).ifelse(1, 0).max() for step in BEFORE})
    )
    told = placed.select("order_id", "visit_id", "channel", "place", "touches").left_join(steps, ["order_id", "visit_id"])
    return told.select("order_id", "visit_id", "channel", "place", "touches", **{step: _[step].fill_null(0) for step in BEFORE})


def touch_channels(touches: ir.Table) -> pd.DataFrame:
    """Count orders by channel three ways: who came first, who came last, and each visit by its part.

    order_touches(…)  →  channel | orders, order_share (with any visit by it), first, last, linear, first_share, last_share, linear_share

    First, last and linear each add up to all orders with a visit. They tell where customers were met, not what made them buy: a channel
    that is last was not therefore the cause. [S74]
    """
    weighed = touches.mutate(
        first=(_.place == 0).ifelse(1, 0), last=(_.place == _.touches - 1).ifelse(1, 0), linear=1.0 / to_float(_.touches)
    )
    counts = frame(
        weighed.group_by("channel").aggregate(
            orders=_.order_id.nunique(), first=_["first"].sum(), last=_["last"].sum(), linear=_.linear.sum()
        )
    ).sort_values(["last", "channel"], ascending=[False, True], ignore_index=True)  # fmt: skip
    all_orders = float(counts["first"].sum())
    shares = {f"{name}_share": counts[name] / all_orders for name in ("first", "last", "linear")}
    return counts.assign(order_share=counts["orders"] / all_orders, **shares)[list(CHANNEL_COLUMNS)]


def touch_steps(touches: ir.Table) -> pd.DataFrame:
    """What customers did before they bought: the share of orders with each step on their way.

    order_touches(…)  →  step | orders, order_share, low, high (95 %), the most frequent first, steps that nobody took left out

    Of orders with a visit of a known customer. [S74]
    """
    each = touches.group_by("order_id").aggregate(**{step: _[step].max() for step in BEFORE})
    counts = frame(each.aggregate(everyone=_.count(), **{step: _[step].sum() for step in BEFORE})).fillna(0).iloc[0]
    n = int(counts["everyone"])
    rows = [(step, int(counts[step]), int(counts[step]) / n, *wilson(int(counts[step]), n)) for step in BEFORE if counts[step] > 0]
    return pd.DataFrame(rows, columns=list(STEP_COLUMNS)).sort_values(["orders", "step"], ascending=[False, True], ignore_index=True)


def touch_coverage(touches: ir.Table, purchases: ir.Table, *, start: datetime, as_of: datetime) -> pd.DataFrame:
    """How many purchases of the window have a way that can be seen.

    →  orders, seen, guests, touches (visits an order, of those seen)   (one row)
    """
    inside = purchases.filter(_.ordered_at >= start, _.ordered_at < as_of)
    whole = frame(inside.aggregate(orders=_.count(), guests=_.count(where=_.customer_id.isnull()))).iloc[0]
    seen = frame(touches.aggregate(seen=_.order_id.nunique(), visits=_.count())).iloc[0]
    n = int(seen["seen"])
    row = (int(whole["orders"]), n, int(whole["guests"]), seen["visits"] / n if n else float("nan"))
    return pd.DataFrame([row], columns=["orders", "seen", "guests", "touches"])
