"""Who moves between tiers, month by month and from start to end, and who lacks little to the next tier. [S67]"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.tiers import NO_TIER, member_tiers, tier_moves, tier_ranks
from custkit.engine import frame, to_float

CHANGE_COLUMNS = ("month", "first_moves", "upgrades", "downgrades")


def changes_by_month(ledger: ir.Table, *, start: datetime, as_of: datetime, order: Sequence[str] = ()) -> pd.DataFrame:
    """Count moves to a higher and to a lower tier, month by month.

    loyalty ledger  →  month ("2026-10") | first_moves (to a member's first tier), upgrades, downgrades

    Months without a move are there with 0. [S67]

    Raises ValueError if start is not before as_of.
    """
    if start >= as_of:
        raise ValueError(f"start {start} is not before as_of {as_of}")
    ranks = tier_ranks(ledger, order=order)
    before = ranks.select(previous_tier="tier", previous_rank="tier_rank")
    moves = tier_moves(ledger).filter((_.moved_at >= start) & (_.moved_at < as_of))
    ranked = moves.join(ranks, "tier").left_join(before, "previous_tier")
    counts = frame(
        ranked.group_by(month=_.moved_at.strftime("%Y-%m")).aggregate(
            first_moves=_.count(where=_.previous_rank.isnull()),
            upgrades=_.count(where=_.tier_rank > _.previous_rank),
            downgrades=_.count(where=_.tier_rank < _.previous_rank),
        )
    ).set_index("month")
    months = [str(month) for month in pd.period_range(start, pd.Timestamp(as_of) - pd.Timedelta(microseconds=1), freq="M")]
    filled = counts.reindex(pd.Index(months, name="month", dtype="str")).fillna(0).reset_index()
    return filled.astype(dict.fromkeys(CHANGE_COLUMNS[1:], "int64"))[list(CHANGE_COLUMNS)]


def tier_matrix(ledger: ir.Table, *, start: datetime, order: Sequence[str] = ()) -> pd.DataFrame:
    """Set the tier that members held at `start` against the one they hold at the ledger's end.

    loyalty ledger  →  tier_before, tier (both lowest first; every pair) | members, member_share (of those with tier_before)

    Members are those who had an entry before `start`; over all tiers they sum to that base. [S67]
    """
    earlier = ledger.filter(_.occurred_at < start)
    pairs = frame(
        member_tiers(earlier)
        .select("customer_id", tier_before="tier")
        .join(member_tiers(ledger).select("customer_id", "tier"), "customer_id")
        .group_by("tier_before", "tier")
        .aggregate(members=_.count())
    )
    ranks = frame(tier_ranks(ledger, order=order)).sort_values("tier_rank")["tier"].tolist()
    seen = set(pairs["tier_before"]) | set(pairs["tier"])
    tiers = [tier for tier in [NO_TIER, *(tier for tier in ranks if tier != NO_TIER)] if tier in seen]
    every = pd.MultiIndex.from_product([tiers, tiers], names=["tier_before", "tier"])
    matrix = pairs.set_index(["tier_before", "tier"]).reindex(every).fillna(0).astype({"members": "int64"}).reset_index()
    base = matrix.groupby("tier_before")["members"].transform("sum")
    return matrix.assign(member_share=matrix["members"] / base.where(base > 0)).astype(
        {"tier_before": "str", "tier": "str", "member_share": "float64"}
    )


def near_upgrade(
    purchases: ir.Table, ledger: ir.Table, qualifying: ir.Table, *, as_of: datetime, order: Sequence[str] = (), within: float = 0.2
) -> ir.Table:
    """List the members who lack little to the next tier.

    purchases, loyalty ledger, qualifying_orders(…)  →  customer_id | tier, next_tier, spend_365 (currency), threshold (currency), lacking
    (currency), last_order_on

    next_tier is the lowest above the one held; lacking at most `within` of its threshold, which is learnt from those who
    reached it. Spend is of the 365 days before `as_of`; who has bought nothing in 180 days is left out, for they lack
    more than money. [S65, S67]

    Raises ValueError if within is not between 0 and 1.
    """
    if not 0 < within < 1:
        raise ValueError(f"within must lie between 0 and 1, not {within}")
    ranks = tier_ranks(ledger, order=order)
    held = member_tiers(ledger).select("customer_id", "tier").left_join(ranks, "tier").select("customer_id", "tier", "tier_rank")
    thresholds = qualifying.group_by("tier").aggregate(threshold=_.threshold.max())
    ladder = thresholds.join(ranks, "tier").select(next_tier="tier", next_rank="tier_rank", threshold="threshold")
    since, active = (as_of - timedelta(days=days) for days in (365, 180))
    spent = (
        purchases.filter(_.customer_id.notnull() & (_.ordered_at >= since))
        .group_by("customer_id")
        .aggregate(spend_365=_.revenue.sum(), last_order_on=_.order_date.max())
    )
    above = held.cross_join(ladder).filter(
        (_.next_rank > _.tier_rank.fill_null(0)) | ((_.tier == NO_TIER) & (_.next_tier != NO_TIER))
    )  # fmt: skip
    nearest = ibis.window(group_by="customer_id", order_by=["next_rank", "next_tier"])
    following = above.mutate(place=ibis.row_number().over(nearest)).filter(_.place == 0)
    lacking = following.join(spent, "customer_id").mutate(lacking=_.threshold - to_float(_.spend_365))
    return lacking.filter((_.lacking > 0) & (_.lacking <= within * _.threshold) & (_.last_order_on >= active.date())).select(
        "customer_id", "tier", "next_tier", "spend_365", "threshold", "lacking", "last_order_on"
    )


def near_upgrade_summary(near: ir.Table, *, order: Sequence[str] = ()) -> pd.DataFrame:
    """Count the members near each tier and what they lack.

    near_upgrade(…)  →  next_tier (in the client's order) | members, threshold, median_lacking, lacking_in_all (currency) [S67]
    """
    found = frame(
        near.group_by("next_tier").aggregate(
            members=_.count(), threshold=_.threshold.max(), median_lacking=_.lacking.quantile(0.5), lacking_in_all=_.lacking.sum()
        )
    )
    place = {name: i for i, name in enumerate(order)}
    rank = found["next_tier"].map(lambda tier: place.get(tier, len(place))).astype("int64")
    return found.assign(place=rank).sort_values(["place", "next_tier"], ignore_index=True).drop(columns="place")
