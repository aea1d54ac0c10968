"""Points of a loyalty programme: how they flow, how old what is held is, what it is worth and how much lapses unused. [S67]"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import Z95
from custkit.engine import frame, to_float
from custkit.words import mark

FLOW_COLUMNS = ("month", "opening_points", "earned_points", "redeemed_points", "expired_points", "adjusted_points", "closing_points")
AGE_COLUMNS = ("age", "members", "points", "point_share", "liability")
BREAKAGE_COLUMNS = ("members", "due_points", "lapsed_points", "breakage_rate", "breakage_low", "breakage_high")
OVERDRAWN = mark("overdrawn")
OLDEST = mark("over 365 days")
AGES = ((mark("up to 90 days"), 90), (mark("91 to 180 days"), 180), (mark("181 to 365 days"), 365), (OLDEST, None))


def points_by_month(ledger: ir.Table, *, as_of: datetime, months: int = 13) -> pd.DataFrame:
    """Follow the points month by month: what was held, came, went and is held.

    loyalty ledger  →  month ("2026-10") | opening_points, earned_points, redeemed_points, expired_points, adjusted_points,
    closing_points

    opening + earned − redeemed − expired + adjusted = closing, and closing opens the next month. Months without an entry are there. [S67]

    Raises ValueError if months < 1.
    """
    if months < 1:
        raise ValueError(f"months must be 1 or more, not {months}")
    kind = _.entry_type
    flows = frame(
        ledger.filter(_.occurred_at < as_of)
        .group_by(month=_.occurred_at.strftime("%Y-%m"))
        .aggregate(
            earned_points=_.points.sum(where=kind == "earn"),
            redeemed_points=_.points.sum(where=kind == "redeem"),
            expired_points=_.points.sum(where=kind == "expire"),
            adjusted_points=_.points.sum(where=~kind.isin(("earn", "redeem", "expire"))),
        )
    )
    if flows.empty:
        return pd.DataFrame(columns=list(FLOW_COLUMNS)).astype(dict.fromkeys(FLOW_COLUMNS[1:], "float64"))
    last = pd.Period(as_of - timedelta(microseconds=1), "M")
    span = [str(month) for month in pd.period_range(min(flows["month"]), last, freq="M")]
    flows = flows.set_index("month").astype("float64").reindex(span).fillna(0.0)
    closing = flows.sum(axis=1).cumsum()
    flows[["redeemed_points", "expired_points"]] *= -1.0
    flows = flows + 0.0  # no minus zero
    told = flows.assign(opening_points=closing.shift(fill_value=0.0), closing_points=closing).rename_axis("month").reset_index()
    return told[list(FLOW_COLUMNS)].tail(months).reset_index(drop=True)


def points_held(ledger: ir.Table) -> ir.Table:
    """Say what is left of every point that came in, where those that lapse first are used first.

    loyalty ledger  →  entry_id | customer_id, came_at, expires_at, points, left_points

    Whatever went out, redeemed, lapsed or taken back, uses up the points that lapse first, then the oldest. Points without a date
    of lapse are used last. [S67]
    """
    gone = ledger.group_by("customer_id").aggregate(gone=(_.points < 0).ifelse(-_.points, 0).sum())
    queue = ibis.window(group_by="customer_id", order_by=["expires_at", "occurred_at", "entry_id"], rows=(None, 0))
    came = (
        ledger.filter(_.points > 0)
        .select("entry_id", "customer_id", "points", "expires_at", "occurred_at")
        .mutate(so_far=_.points.sum().over(queue))
        .join(gone, "customer_id")
    )
    free = (_.so_far - _.gone).clip(lower=0)
    return came.mutate(free=free).select(
        "entry_id",
        "customer_id",
        "expires_at",
        "points",
        came_at=_.occurred_at,
        left_points=(_.free < _.points).ifelse(_.free, _.points),
    )


def points_ageing(ledger: ir.Table, *, as_of: datetime, point_value: float | None = None) -> pd.DataFrame:
    """Say how old the points are that members hold, and what they are worth.

    loyalty ledger  →  age (of the points; "overdrawn": more used than came in) | members, points, point_share (of what is held),
    liability (currency; null where the client file has no point_value)

    The liability is what redeeming every point would cost: breakage is not taken off. Rows add up to all members' balances. [S67]
    """
    held = points_held(ledger).filter(_.left_points > 0)
    bucket = ibis.cases(
        *((held.came_at >= as_of - timedelta(days=days), name) for name, days in AGES if days is not None), else_=OLDEST
    )  # fmt: skip
    ages = frame(
        held.mutate(age=bucket).group_by("age").aggregate(members=_.customer_id.nunique(), points=to_float(_.left_points.sum()))
    ).set_index("age")
    balances = ledger.group_by("customer_id").aggregate(balance=_.points.sum()).filter(_.balance < 0)
    under = frame(balances.aggregate(members=_.count(), points=to_float(_.balance.sum()))).fillna(0.0).iloc[0]
    names = [name for name, _days in AGES]
    told = ages.reindex(names).fillna(0.0).rename_axis("age").reset_index()
    if under["members"]:
        told.loc[len(told)] = [OVERDRAWN, under["members"], under["points"]]
    total = told.loc[told["points"] > 0, "points"].sum()
    told["point_share"] = told["points"].clip(lower=0) / total if total else math.nan
    told["liability"] = told["points"] * point_value if point_value is not None else math.nan
    return told.astype({"age": "str", "members": "int64", "points": "float64", "point_share": "float64"})[list(AGE_COLUMNS)]


def breakage(ledger: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Of the points whose time has run out, the share that lapsed unused.

    loyalty ledger  →  members, due_points (were to lapse before `as_of`), lapsed_points (did), breakage_rate, breakage_low,
    breakage_high (95 %)   (one row; none where no point lapses, or no lapse is recorded)

    Points still valid are not in it: counting them as used would make breakage look small while a programme is young. The
    interval is over members, whose points rise and fall together. [S67]
    """
    per = ledger.group_by("customer_id").aggregate(
        due=to_float(_.points.sum(where=(_.points > 0) & (_.expires_at < as_of).fill_null(False))),
        lapsed=to_float(-_.points.sum(where=(_.entry_type == "expire") & (_.occurred_at < as_of))),
    )
    zeros = per.mutate(due=_.due.fill_null(0.0), lapsed=_.lapsed.fill_null(0.0)).filter((_.due > 0) | (_.lapsed > 0))
    sums = frame(
        zeros.aggregate(
            n=_.count(),
            due=_.due.sum(),
            lapsed=_.lapsed.sum(),
            dd=(_.due * _.due).sum(),
            dl=(_.due * _.lapsed).sum(),
            ll=(_.lapsed * _.lapsed).sum(),
        )
    ).fillna(0.0)
    row = sums.iloc[0]
    empty = pd.DataFrame(columns=list(BREAKAGE_COLUMNS)).astype(dict.fromkeys(BREAKAGE_COLUMNS[1:], "float64") | {"members": "int64"})
    if not (row["due"] > 0 and row["lapsed"] > 0):
        return empty
    rate = row["lapsed"] / row["due"]
    error = Z95 * math.sqrt(max(0.0, row["ll"] - 2 * rate * row["dl"] + rate**2 * row["dd"])) / row["due"]
    told = (int(row["n"]), row["due"], row["lapsed"], rate, max(0.0, rate - error), min(1.0, rate + error))
    return pd.DataFrame([told], columns=list(BREAKAGE_COLUMNS)).astype(empty.dtypes)
