"""Tiers and points: what members hold, earn and let lapse, and who moves up or down. [S67]"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.engine import frame, to_float
from custkit.words import mark

NO_TIER = mark("no tier")
ACTIVITY_COLUMNS = (
    "tier", "members", "opening_points", "earned_points", "redeemed_points", "expired_points", "adjusted_points", "points_balance",
    "expiring_points", "idle_members", "upgrades", "downgrades",
)  # fmt: skip

is_tier_move = _.entry_type == "tier"
is_activity = _.entry_type.isin(("earn", "redeem")) & (_.points != 0).fill_null(True)
points_in = (_.points > 0).ifelse(_.points, 0)
points_out = (_.points < 0).ifelse(-_.points, 0)


def tier_moves(ledger: ir.Table) -> ir.Table:
    """List the tier moves of each member in order.

    loyalty ledger  →  customer_id, entry_id | moved_at, tier, previous_tier (null: the first), next_at (null: still held)

    A move to no tier leads to "no tier"; a move to the tier already held is none. Moves at one instant follow in the order of
    their entry ids. [S67]
    """
    told = ibis.window(group_by="customer_id", order_by=["moved_at", "entry_id"])
    moves = ledger.filter(is_tier_move).select("customer_id", "entry_id", tier=_.tier.fill_null(NO_TIER), moved_at=_.occurred_at)
    changed = moves.mutate(previous_tier=_.tier.lag().over(told)).filter(_.previous_tier.isnull() | (_.previous_tier != _.tier))
    return changed.mutate(next_at=_.moved_at.lead().over(told))


def member_tiers(ledger: ir.Table) -> ir.Table:
    """Say which tier each member holds at the ledger's end.

    loyalty ledger  →  customer_id | tier ("no tier" where there was no move), since

    The tier is the last move's and never an attribute of the customer, which would be today's. [S67]
    """
    held = tier_moves(ledger)
    latest = ibis.window(group_by="customer_id", order_by=[ibis.desc("moved_at"), ibis.desc("entry_id")])
    last = held.mutate(place=ibis.row_number().over(latest)).filter(_.place == 0)
    members = ledger.select("customer_id").distinct()
    return members.left_join(last, "customer_id").select("customer_id", tier=_.tier.fill_null(NO_TIER), since=_.moved_at)


def tier_ranks(ledger: ir.Table, *, order: Sequence[str] = ()) -> ir.Table:
    """Rank the tiers from the lowest, 1; "no tier" is lower than all.

    loyalty ledger  →  tier | tier_rank

    order: the client's own, lowest first; tiers it does not name come last. Without it tiers are ranked by the points that
    members had earned, on average, in the 365 days before they moved to them, then by name. [S67]
    """
    moves = tier_moves(ledger)
    earned = ledger.filter(_.entry_type == "earn").select("customer_id", "points", earned_at=_.occurred_at)
    recent = [moves.moved_at >= earned.earned_at, moves.moved_at < earned.earned_at + ibis.interval(days=365)]
    before = (
        moves.left_join(earned, ["customer_id", *recent])
        .group_by("entry_id", "tier")
        .aggregate(points=_.points.sum().fill_null(0))
        .group_by("tier")
        .aggregate(points=to_float(_.points).mean())
    )
    named = before.mutate(place=_named_place(before.tier, order))
    by_points = ibis.window(order_by=["place", "points", "tier"])
    return named.select("tier", tier_rank=ibis.row_number().over(by_points) + 1)


def _named_place(tier: ir.StringColumn, order: Sequence[str]) -> ir.IntegerValue:
    places = [(tier == NO_TIER, -1), *((tier == name, place) for place, name in enumerate(order))]
    return ibis.cases(*((fits, ibis.literal(place, "int64")) for fits, place in places), else_=ibis.literal(len(order), "int64"))


def tier_activity(ledger: ir.Table, *, start: datetime, as_of: datetime, order: Sequence[str] = ()) -> pd.DataFrame:
    """Tell, tier by tier, what its members earned, redeemed and let lapse in the period, and what they hold.

    loyalty ledger  →  tier (lowest first; "no tier" first of all) | members, opening_points, earned_points, redeemed_points,
    expired_points, adjusted_points, points_balance, expiring_points (points), idle_members, upgrades, downgrades

    Members stand in the tier they hold at `as_of`; upgrades and downgrades in the tier they led to, a first tier being
    neither. opening + earned − redeemed − expired + adjusted = balance. expiring_points: earned points that lapse within 90 days
    after `as_of` unless used, where points are used in the order in which they lapse; null where no entry says when points lapse.
    idle_members: earned and redeemed
    nothing in the 180 days before `as_of`. [S67]

    Raises ValueError if start is not before as_of.
    """
    if start >= as_of:
        raise ValueError(f"start {start} is not before as_of {as_of}")
    now = (_.occurred_at >= start).fill_null(False)
    kind = _.entry_type
    soon = as_of + timedelta(days=90)
    per_member = ledger.group_by("customer_id").aggregate(
        opening=_.points.sum(where=~now),
        earned=_.points.sum(where=now & (kind == "earn")),
        redeemed=-_.points.sum(where=now & (kind == "redeem")),
        expired=-_.points.sum(where=now & (kind == "expire")),
        adjusted=_.points.sum(where=now & ~kind.isin(("earn", "redeem", "expire"))),
        balance=_.points.sum(),
        used=points_out.sum(),
        lapsed=points_in.sum(where=(_.expires_at < as_of).fill_null(False)),
        lapsing=points_in.sum(where=(_.expires_at < soon).fill_null(False)),
        dated=_.expires_at.count(),
        active_at=_.occurred_at.max(where=is_activity),
    )
    zero = {name: per_member[name].fill_null(0) for name in per_member.columns if name not in ("customer_id", "active_at")}
    held = (
        per_member.mutate(**zero)
        .mutate(
            due=(_.lapsing - _.used).clip(lower=0) - (_.lapsed - _.used).clip(lower=0),
            idle=(_.active_at < as_of - timedelta(days=180)).fill_null(True),
        )
        .join(member_tiers(ledger), "customer_id")
    )
    activity = frame(
        held.group_by("tier").aggregate(
            members=_.count(),
            opening_points=_.opening.sum(),
            earned_points=_.earned.sum(),
            redeemed_points=_.redeemed.sum(),
            expired_points=_.expired.sum(),
            adjusted_points=_.adjusted.sum(),
            points_balance=_.balance.sum(),
            expiring_points=_.due.sum(),
            dated=_.dated.sum(),
            idle_members=_.count(where=_.idle),
        )
    )
    moved = _moved(ledger, start, order)
    ranks = frame(tier_ranks(ledger, order=order))
    merged = activity.merge(moved, on="tier", how="outer").merge(ranks, on="tier", how="left")
    counts = ["members", "idle_members", "upgrades", "downgrades"]
    merged = merged.fillna(dict.fromkeys(ACTIVITY_COLUMNS[1:], 0)).astype(dict.fromkeys(counts, "int64"))
    if not merged["dated"].any():
        merged["expiring_points"] = math.nan
    return merged.fillna({"tier_rank": 0}).sort_values(["tier_rank", "tier"], ignore_index=True)[list(ACTIVITY_COLUMNS)]


def _moved(ledger: ir.Table, start: datetime, order: Sequence[str]) -> pd.DataFrame:
    ranks = tier_ranks(ledger, order=order)
    before = ranks.select(previous_tier="tier", previous_rank="tier_rank")
    moves = tier_moves(ledger).filter((_.moved_at >= start) & _.previous_tier.notnull())
    ranked = moves.join(ranks, "tier").join(before, "previous_tier")
    return frame(
        ranked.group_by("tier").aggregate(
            upgrades=_.count(where=_.tier_rank > _.previous_rank), downgrades=_.count(where=_.tier_rank < _.previous_rank)
        )
    )
