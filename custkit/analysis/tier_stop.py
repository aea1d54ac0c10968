"""Whether members stop where they reach a tier: those who would have bought again and did not. [S65]"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import NormalDist

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE
from custkit.analysis.tiers import is_tier_move, tier_ranks
from custkit.engine import frame, to_float

NEAR = 0.6  # near-missers had spent at least so much of what the tier takes
COLUMNS = (
    "tier", "reached", "near_misses", "near_missers", "threshold", "again_reached", "again_missed", "stop_share", "stop_low", "stop_high",
)  # fmt: skip


def qualifying_orders(
    purchases: ir.Table, ledger: ir.Table, *, as_of: datetime, follow_days: int = 90, order: Sequence[str] = ()
) -> ir.Table:
    """List the order days that made a member reach a tier, and those of members who came near and did not.

    purchases, loyalty ledger  →  tier, customer_id, order_date | reached (boolean), spend_365 (currency, up to and with the day),
    orders_365, orders_90 (purchase days, likewise), threshold (currency), again (1: bought on a later day within `follow_days`)

    Every member is looked at from order to order for as long as they hold neither the tier nor a higher one; nothing that
    happens after an order decides whether it is listed. It reached the tier when the move came on that day, or within 31 days and before
    the next order. Whoever jumps over a tier has not reached it, and is no near-misser of it either. threshold: the 10th percentile
    of spend_365 among orders that reached the tier; near misses had at least 60 % of it. Only orders that are followed for the
    whole `follow_days` before `as_of`. [S65]

    Raises ValueError if follow_days < 1.
    """
    if follow_days < 1:
        raise ValueError(f"follow_days must be 1 or more, not {follow_days}")
    moves = _first_moves(ledger, order)
    near = (
        _order_days(purchases, ledger)
        .filter(_.order_date < (as_of - timedelta(days=follow_days)).date())
        .cross_join(moves.select("tier").distinct())
    )
    placed = near.left_join(moves, ["customer_id", "tier"]).select(*near.columns, "reached_day", "passed_day")
    free = placed.filter(_.passed_day.isnull() | (_.passed_day >= _.day))
    judged = free.mutate(
        reached=((_.reached_day <= _.day + 31) & (_.next_day.isnull() | (_.reached_day < _.next_day))).fill_null(False),
        waiting=(_.passed_day.isnull() | (_.passed_day >= _.next_day)).fill_null(False),
        again=((_.next_day - _.day) <= follow_days).fill_null(False).ifelse(1, 0),
    ).filter(_.reached | _.waiting)
    thresholds = judged.filter(_.reached).group_by("tier").aggregate(threshold=to_float(_.spend_365).quantile(0.1))
    return (
        judged.join(thresholds, "tier")
        .filter((_.threshold > 0) & (_.reached | (to_float(_.spend_365) >= NEAR * _.threshold)))
        .select(
            "tier", "customer_id", "order_date", "reached", "spend_365", "orders_365", "orders_90", "threshold", again=_.again.cast("int64")
        )
    )  # fmt: skip


def _order_days(purchases: ir.Table, ledger: ir.Table) -> ir.Table:
    """Members' purchase days since they joined, each with what it and the days before it hold and the day of the next."""
    days = (
        purchases.filter(_.customer_id.notnull())
        .group_by("customer_id", "order_date")
        .aggregate(spend=_.revenue.sum())
        .mutate(day=_.order_date.epoch_days().cast("int64"))
    )
    year, quarter = (ibis.window(group_by="customer_id", order_by="day", range=(-n + 1, 0)) for n in (365, 90))
    journey = ibis.window(group_by="customer_id", order_by="day")
    joined_on = ledger.group_by("customer_id").aggregate(joined_on=_.occurred_at.min().date())
    return (
        days.mutate(
            spend_365=_.spend.sum().over(year),
            orders_365=_.day.count().over(year),
            orders_90=_.day.count().over(quarter),
            next_day=_.day.lead().over(journey),
        )
        .join(joined_on, "customer_id")
        .filter(_.order_date >= _.joined_on)
        .drop("joined_on", "spend")
    )


def _first_moves(ledger: ir.Table, order: Sequence[str]) -> ir.Table:
    """customer_id, tier | reached_day (first move to it, unless a higher one came before), passed_day (first move to it or above)."""
    ranks = tier_ranks(ledger, order=order)
    moves = (
        ledger.filter(is_tier_move & _.tier.notnull())
        .select("customer_id", "tier", day=_.occurred_at.date().epoch_days().cast("int64"))
        .join(ranks, "tier")
    )
    first = moves.group_by("customer_id", "tier").aggregate(own_day=_.day.min())
    above = (
        moves.select("customer_id", "day", moved_rank="tier_rank")
        .cross_join(ranks)
        .filter(_.moved_rank >= _.tier_rank)
        .group_by("customer_id", "tier")
        .aggregate(passed_day=_.day.min())
    )
    both = above.left_join(first, ["customer_id", "tier"]).select("customer_id", "tier", "passed_day", "own_day")
    own = (both.own_day <= both.passed_day).fill_null(False)
    return both.select("customer_id", "tier", "passed_day", reached_day=own.ifelse(both.own_day, ibis.null("int64")))


def tier_stops(orders: ir.Table, *, order: Sequence[str] = ()) -> pd.DataFrame:
    """Estimate, of the members who would have bought again after reaching a tier, the share who did not.

    qualifying_orders(…)  →  tier (lowest first) | reached (members), near_misses (orders), near_missers (members), threshold
    (currency), again_reached, again_missed (shares that bought again), stop_share, stop_low, stop_high

    again_missed is what members who reached the tier would do had they gone on as near-missers do who had ordered as often in
    the last 365 and the last 90 days: it is averaged over these groups as the members who reached the tier stand in them.
    stop_share = 1 − again_reached / again_missed. Below 0 they bought again more often, which proves nothing: whoever buys a lot may
    be about to buy more, and leavers whom a higher tier draws to jump over this one are missing among who stops here. Size of the
    orders is left free, because a stretched order is how one stops. Members in groups without a near-misser are left out. The interval
    is 95 % for all tiers together (Bonferroni), over members, since one may come near many times. A tier that fewer than 30 members
    reached, or came near, has no row. [Abbott 1925; S65]
    """
    grouped = orders.mutate(year=_band(_.orders_365, (1, 2, 3, 4, 6, 9)), quarter=_band(_.orders_90, (1, 2, 3)))
    cells = grouped.group_by("tier", "year", "quarter").aggregate(
        yes=_.count(where=_.reached),
        no=_.count(where=~_.reached),
        again_no=to_float(_.again.sum(where=~_.reached).fill_null(0)),
    )
    useful = cells.filter((_.yes > 0) & (_.no > 0)).mutate(expected=_.again_no / to_float(_.no), weight=to_float(_.yes) / to_float(_.no))
    weighed = grouped.join(useful, ["tier", "year", "quarter"]).mutate(own=to_float(_.again))
    members = weighed.group_by("tier", "threshold", "customer_id").aggregate(
        yes=_.count(where=_.reached),
        no=_.count(where=~_.reached),
        own=_.own.sum(where=_.reached).fill_null(0.0),
        due=_.expected.sum(where=_.reached).fill_null(0.0),
        off=(_.weight * (_.own - _.expected)).sum(where=~_.reached).fill_null(0.0),
    )
    sums = frame(
        members.group_by("tier", "threshold").aggregate(
            reached=_.count(where=_.yes > 0), near_misses=_.no.sum(), near_missers=_.count(where=_.no > 0),
            own=_.own.sum(), due=_.due.sum(), oo=(_.own * _.own).sum(), dd=(_.due * _.due).sum(), ff=(_.off * _.off).sum(),
            od=(_.own * _.due).sum(), of=(_.own * _.off).sum(), df=(_.due * _.off).sum(),
        )
    )  # fmt: skip
    told = sums[(sums["reached"] >= SMALL_SAMPLE) & (sums["near_missers"] >= SMALL_SAMPLE) & (sums["due"] > 0)]
    z = NormalDist().inv_cdf(1 - 0.025 / max(1, len(told)))
    ratio = told["own"] / told["due"]
    # What each member adds: own − ratio × (due + off), squared and summed.
    squares = told["oo"] + ratio**2 * (told["dd"] + told["ff"] + 2 * told["df"]) - 2 * ratio * (told["od"] + told["of"])
    error = z * squares.clip(lower=0).map(math.sqrt) / told["due"]
    shown = told.assign(
        again_reached=told["own"] / told["reached"], again_missed=told["due"] / told["reached"],
        stop_share=1 - ratio, stop_low=1 - ratio - error, stop_high=1 - ratio + error,
    )  # fmt: skip
    place = {name: i for i, name in enumerate(order)}
    rank = shown["tier"].map(lambda tier: place.get(tier, len(place))).astype("int64")
    kinds = {"tier": "str", "reached": "int64", "near_misses": "int64", "near_missers": "int64"}
    ordered = shown.assign(place=rank).sort_values(["place", "threshold", "tier"], ignore_index=True)[list(COLUMNS)]
    return ordered.astype({name: kinds.get(name, "float64") for name in COLUMNS})


def _band(count: ir.IntegerValue, tops: Sequence[int]) -> ir.IntegerValue:
    """0 for up to the first top, 1 for up to the second, …"""
    return ibis.cases(*((count <= top, ibis.literal(i, "int64")) for i, top in enumerate(tops)), else_=ibis.literal(len(tops), "int64"))
