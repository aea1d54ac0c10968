"""Tiers and points: what members hold, earn and let lapse, who moves up or down, and whether reaching a tier stops them. [S65, S67]"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import NormalDist

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
STOP_COLUMNS = (
    "tier", "reached", "near_missers", "threshold", "before_reached", "after_reached", "before_missed", "after_missed",
    "effect", "effect_low", "effect_high", "again_reached", "again_missed", "again_effect", "again_low", "again_high",
)  # fmt: skip

is_tier_move = _.entry_type == "tier"
is_activity = _.entry_type.isin(("earn", "redeem"))
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
    after `as_of` unless used, where points are used in the order in which they lapse. idle_members: earned and redeemed
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
            idle_members=_.count(where=_.idle),
        )
    )
    moved = _moved(ledger, start, order)
    ranks = frame(tier_ranks(ledger, order=order))
    merged = activity.merge(moved, on="tier", how="outer").merge(ranks, on="tier", how="left")
    counts = ["members", "idle_members", "upgrades", "downgrades"]
    merged = merged.fillna(dict.fromkeys(ACTIVITY_COLUMNS[1:], 0)).astype(dict.fromkeys(counts, "int64"))
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


def tier_candidates(purchases: ir.Table, ledger: ir.Table, *, as_of: datetime, follow_days: int = 90, lookback_days: int = 365) -> ir.Table:
    """Find the orders that made a customer reach a tier, and like orders that just did not.

    purchases, loyalty ledger  →  tier, customer_id, order_date | reached (boolean), lookback_spend, threshold, before, after
    (currency), before_orders, after_orders (purchase days)

    An order day reached a tier when the member's first move to it fell on that day or before the next order, within 31 days.
    threshold: what those who reached it had spent in the `lookback_days` up to that day; its 10th percentile. A near-misser
    is a member who ordered, had not reached the tier by it, and stood as near to the threshold, from 25 % below to 25 % above;
    the first such order of each is taken, whatever came later. before and after: the `follow_days` up to and with the order
    day, and after it; only orders at least so long before `as_of`. [S65]
    """
    days = (
        purchases.filter(_.customer_id.notnull())
        .group_by("customer_id", "order_date")
        .aggregate(spend=_.revenue.sum())
        .mutate(day=_.order_date.epoch_days().cast("int64"))
    )
    journey = ibis.window(group_by="customer_id", order_by="day")
    spans = {
        "lookback_spend": (-(lookback_days - 1), 0),
        "before": (-(follow_days - 1), 0),
        "after": (1, follow_days),
    }
    spans_of = {
        name: days.spend.sum().over(ibis.window(group_by="customer_id", order_by="day", range=(low, high)))
        for name, (low, high) in spans.items()
    }
    joined_on = ledger.group_by("customer_id").aggregate(joined_on=_.occurred_at.min().date())
    seen = (
        days.mutate(**spans_of, next_day=_.day.lead().over(journey))
        .mutate(
            before_orders=_.day.count().over(ibis.window(group_by="customer_id", order_by="day", range=(-(follow_days - 1), 0))),
            after_orders=_.day.count().over(ibis.window(group_by="customer_id", order_by="day", range=(1, follow_days))),
        )
        .join(joined_on, "customer_id")
        .filter(_.order_date >= _.joined_on)
    )
    reached = (
        ledger.filter(is_tier_move & _.tier.notnull())
        .group_by("customer_id", "tier")
        .aggregate(reached_day=_.occurred_at.min().date().epoch_days().cast("int64"))
    )
    tiers = reached.select("tier").distinct()
    placed = (
        seen.cross_join(tiers)
        .left_join(reached, ["customer_id", "tier"])
        .select(*seen.columns, tier=_.tier, reached_day=_.reached_day)
        .filter(_.reached_day.isnull() | (_.reached_day >= _.day))
        .mutate(
            reached=((_.reached_day <= _.day + 31) & (_.next_day.isnull() | (_.reached_day < _.next_day))).fill_null(False),
            waiting=(_.reached_day.isnull() | (_.reached_day >= _.next_day)).fill_null(False),
        )
    )
    thresholds = placed.filter(_.reached).group_by("tier").aggregate(threshold=to_float(_.lookback_spend).quantile(0.1))
    spend = to_float(_.lookback_spend)
    near = (
        placed.join(thresholds, "tier")
        .filter((_.reached | _.waiting) & (spend >= 0.75 * _.threshold) & (spend <= 1.25 * _.threshold))
        .filter((_.threshold > 0) & (_.order_date < (as_of - timedelta(days=follow_days)).date()))
    )
    first = ibis.window(group_by=["tier", "customer_id", "reached"], order_by="day")
    return (
        near.mutate(place=ibis.row_number().over(first))
        .filter(_.place == 0)
        .mutate(after=_.after.fill_null(0))
        .select(
            "tier",
            "customer_id",
            "order_date",
            "reached",
            "lookback_spend",
            "threshold",
            "before",
            "after",
            "before_orders",
            "after_orders",
        )
    )


def stops_after_tier(candidates: ir.Table, *, order: Sequence[str] = ()) -> pd.DataFrame:
    """Compare what members buy after reaching a tier with near-missers who had bought as much and as often until then.

    tier_candidates(…)  →  tier | reached, near_missers (members), threshold, before_reached, after_reached, before_missed,
    after_missed, effect, effect_low, effect_high (currency a member), again_reached, again_missed, again_effect, again_low,
    again_high (shares that bought again)

    Whoever reaches a tier has just bought a lot and will buy less next, tier or no tier. So members are compared within groups of
    equal order count (1, 2, 3, 4 and more) and near-equal spend (tenths of the threshold) over the time before, and near-missers
    are weighted as the members who reached it. effect is the difference of the differences, below 0 when they stop;
    intervals are 95 % for all tiers together (Bonferroni). Near-missers may reach the tier later, which makes the effect on
    spend cautious; the share that bought again cannot be touched by that. A tier without both kinds of member, such as the one
    everybody begins in, has no row. [S65]
    """
    kept = candidates.mutate(
        group_orders=(_.before_orders < 4).ifelse(_.before_orders, 4),
        group_spend=(to_float(_.before) / _.threshold * 10).floor().cast("int64").clip(0, 12),
        change=to_float(_.after) - to_float(_.before),
        again=(_.after_orders > 0).ifelse(1, 0),
    )
    cells = frame(
        kept.group_by("tier", "threshold", "group_orders", "group_spend", "reached").aggregate(
            n=_.count(),
            before=to_float(_.before).sum(),
            after=to_float(_.after).sum(),
            squares=(_.change * _.change).sum(),
            again=_.again.sum(),
        )
    ).sort_values(["threshold", "tier", "group_orders", "group_spend"])
    groups = ["tier", "threshold", "group_orders", "group_spend"]
    both = cells[cells.groupby(groups)["reached"].transform("nunique") == 2]
    tiers = both[["tier", "threshold"]].drop_duplicates()
    z = NormalDist().inv_cdf(1 - 0.025 / max(1, len(tiers)))
    rows = [_compared(both[both["tier"] == tier], str(tier), float(threshold), z) for tier, threshold in tiers.itertuples(index=False)]
    compared = pd.DataFrame(rows, columns=list(STOP_COLUMNS))
    kinds = {"tier": "str", "reached": "int64", "near_missers": "int64"}
    compared = compared.astype({name: kinds.get(name, "float64") for name in STOP_COLUMNS})
    place = {name: i for i, name in enumerate(order)}
    by_rank = compared["tier"].map(lambda tier: place.get(tier, len(place))).astype("int64")
    return compared.assign(place=by_rank).sort_values(["place", "threshold", "tier"], ignore_index=True)[list(STOP_COLUMNS)]


def _compared(cells: pd.DataFrame, tier: str, threshold: float, z: float) -> tuple[object, ...]:
    """One tier, over groups that hold both kinds of member."""
    by_group = cells.assign(change=cells["after"] - cells["before"]).set_index(["group_orders", "group_spend"])
    figures = ["n", "before", "after", "change", "squares", "again"]
    yes, no = (by_group.loc[by_group["reached"] == arm, figures] for arm in (True, False))
    both = yes.add_suffix("_yes").join(no.add_suffix("_no"), how="inner").astype("float64")
    n_yes = both["n_yes"].sum()
    weight = both["n_yes"] / n_yes
    mean_yes = {name: float(both[f"{name}_yes"].sum() / n_yes) for name in figures}
    mean_no = {name: float((weight * both[f"{name}_no"] / both["n_no"]).sum()) for name in figures}
    spread_no = float((weight**2 / both["n_no"]).sum())
    effect = mean_yes["change"] - mean_no["change"]
    error = z * math.sqrt(_variance(both, "yes") / n_yes + _variance(both, "no") * spread_no)
    again_yes, again_no = mean_yes["again"], mean_no["again"]
    again = again_yes - again_no
    again_error = z * math.sqrt(again_yes * (1 - again_yes) / n_yes + again_no * (1 - again_no) * spread_no)
    spends = (mean_yes["before"], mean_yes["after"], mean_no["before"], mean_no["after"], effect, effect - error, effect + error)
    shares = (again_yes, again_no, again, again - again_error, again + again_error)
    return tier, int(n_yes), int(both["n_no"].sum()), threshold, *spends, *shares


def _variance(cells: pd.DataFrame, arm: str) -> float:
    """Variance of the change within the groups, pooled; nan where each group holds a single member."""
    n, total, squares = cells[f"n_{arm}"], cells[f"change_{arm}"], cells[f"squares_{arm}"]
    freedom = float((n - 1).sum())
    return float((squares - total**2 / n).clip(lower=0).sum()) / freedom if freedom > 0 else math.nan
