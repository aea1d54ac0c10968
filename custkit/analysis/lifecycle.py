"""Where each customer stands on the way from first visit to farewell, and how many move on each month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.analysis.survival import kaplan_meier, km_median, km_median_interval
from custkit.client import Lifecycle
from custkit.engine import fetch, frame
from custkit.period import Period
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
NEW = "new"


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


# What the field calls a VIP, and the column each way of counting needs.
VIP_DEFINITIONS = {
    "spend": (mark("by spend"), "orders"),
    "prepaid": (mark("by money paid in ahead"), "customers.prepaid_amount"),
    "identity": (mark("by the client's own mark"), "customers.is_vip"),
}


def vip_definitions(
    customers: ir.Table, purchases: ir.Table, events: ir.Table, *, as_of: datetime, rules: Lifecycle, has: Callable[[str], bool]
) -> pd.DataFrame:
    """How many customers each of the three definitions of a VIP names.

    one row a customer, purchase, event  →  vip_by | customers, customer_share, revenue, revenue_share, is_used

    Null where the client's data lack the column. Lost and dormant customers count too: a definition names people, a stage says where
    they stand. `revenue` is that of the last 365 days. [S59]
    """
    rows: list[tuple[Any, ...]] = []
    for vip_by, (_name, column) in VIP_DEFINITIONS.items():
        used = vip_by == rules.vip_by
        if not has(column):
            rows.append((vip_by, None, None, None, None, used))
            continue
        told = customer_stages(customers, purchases, events, as_of=as_of, rules=rules.model_copy(update={"vip_by": vip_by}))
        is_vip = told.is_vip.fill_null(False)
        counts = frame(
            told.aggregate(
                people=_.count(),
                spent=_.monetary_value.sum(),
                customers=is_vip.ifelse(1, 0).sum(),
                revenue=told.monetary_value.sum(where=is_vip),
            )
        ).fillna(0)
        people, spent, vips, revenue = (float(counts[name].iloc[0]) for name in ("people", "spent", "customers", "revenue"))
        rows.append((vip_by, vips, vips / people if people else None, revenue, revenue / spent if spent else None, used))
    told_columns = ["vip_by", "customers", "customer_share", "revenue", "revenue_share", "is_used"]
    shares = dict.fromkeys(("customer_share", "revenue", "revenue_share"), "float64")
    return pd.DataFrame(rows, columns=told_columns).astype({"customers": "Int64", **shares})


class Acquired(NamedTuple):
    """Visitors of a month who were no customers at its start, and how many of them were by its end."""

    visitors: int
    customers: int


def visitors(events: ir.Table, *, as_of: datetime, rules: Lifecycle) -> int:
    """Count the visitors of the last `rules.active_days` whom no event ever ties to a customer. [S56]"""
    seen = (
        events.filter(_.occurred_at < as_of)
        .group_by("visitor_id")
        .aggregate(last_at=_.occurred_at.max(), known=_.customer_id.count())
        .filter(_.known == 0, _.last_at >= as_of - timedelta(days=rules.active_days))
    )
    return int(fetch(seen.aggregate(n=_.visitor_id.count()))["n"][0].as_py())


def acquired(customers: ir.Table, events: ir.Table, *, start: datetime, as_of: datetime) -> Acquired:
    """Count the visitors seen between `start` and `as_of` who were nobody's customer at `start`, and those who became one.

    A visitor is known once any of their events carries the id of a customer, registered before that event or not. [S62]
    """
    registered = customers.select("customer_id", "registered_at")
    seen = (
        events.filter(_.occurred_at < as_of)
        .left_join(registered, "customer_id")
        .group_by("visitor_id")
        .aggregate(
            here=_.occurred_at.max() >= start,
            was_customer=(_.registered_at < start).fill_null(False).ifelse(1, 0).max(),
            is_customer=(_.registered_at < as_of).fill_null(False).ifelse(1, 0).max(),
        )
        .filter(_.here, _.was_customer == 0)
        .aggregate(visitors=_.count(), customers=_.is_customer.sum())
    )
    row = fetch(seen).to_pylist()[0]
    return Acquired(row["visitors"], row["customers"] or 0)


def stage_coverage(has: Callable[[str], bool], *, rules: Lifecycle) -> pd.DataFrame:
    """Which stages the client's data can show, and where the customers of the others stand instead.

    `Book.has`  →  stage | is_known, merged_into, lacks (canonical columns, a comma between)   (one row a stage)

    Without the opening of accounts every customer is known by an order; without events nobody is seen browsing; without farewells
    who left stands among the dormant. [S56–S60]
    """
    vip_column = {"identity": "customers.is_vip", "prepaid": "customers.prepaid_amount"}.get(rules.vip_by)
    needs: dict[str, tuple[str, tuple[str, ...]]] = {
        VISITOR: ("", ("events",)),
        REGISTERED: (FIRST_PAYMENT, ("customers.registered_at",)),
        ACTIVE: (REGISTERED, ("customers.registered_at", "events", "events.customer_id")),
        VIP: (REGULAR, (vip_column,) if vip_column else ()),
        LOST: (DORMANT, ("customers.closed_at",)),
    }
    lacks = {stage: ", ".join(column for column in columns if not has(column)) for stage, (_other, columns) in needs.items()}
    rows = []
    for stage in STAGES:
        other = needs[stage][0] if lacks.get(stage) else ""
        while lacks.get(other):
            other = needs[other][0]
        rows.append((stage, not lacks.get(stage), other, lacks.get(stage, "")))
    return pd.DataFrame(rows, columns=["stage", "is_known", "merged_into", "lacks"])


def stage_counts(stages: ir.Table, *, visitors: int | None = None, coverage: pd.DataFrame | None = None) -> pd.DataFrame:
    """Customers and their spend by stage, in the order of life.

    customer_stages  →  stage | customers, customer_share, revenue, revenue_share

    `revenue` is the spend of the last 365 days; visitors stand in the first row and are in no share. Stages that `coverage` says the
    client's data cannot show are left out where nobody stands on them. [S49, S56–S60]
    """
    counted = frame(stages.group_by("stage").aggregate(customers=_.count(), revenue=_.monetary_value.sum())).set_index("stage")
    counted = counted.reindex(list(CUSTOMER_STAGES)).fillna(0).astype({"customers": "int64", "revenue": "float64"})
    people, revenue = int(counted["customers"].sum()), float(counted["revenue"].sum())
    counted["customer_share"] = counted["customers"] / people if people else float("nan")
    counted["revenue_share"] = counted["revenue"] / revenue if revenue else float("nan")
    if visitors is not None:
        counted.loc[VISITOR, "customers"] = visitors
    counted = counted.reindex([stage for stage in STAGES if stage in counted.index])
    if coverage is not None:
        known = set(coverage.loc[coverage["is_known"], "stage"])
        counted = counted[[stage in known or n > 0 for stage, n in counted["customers"].items()]]
    counted = counted.astype({"customers": "int64"}).reset_index()
    return counted[["stage", "customers", "customer_share", "revenue", "revenue_share"]]


def stage_transitions(before: ir.Table, now: ir.Table) -> pd.DataFrame:
    """How many moved from which stage to which.

    customer_stages a month ago, customer_stages now  →  stage_before, stage | customers, share (of stage_before)

    Every pair has a row; `stage_before` is "new" for who was no customer yet. Rows sum to last month's base plus the new.
    """
    moved = frame(
        now.select("customer_id", "stage")
        .left_join(before.select("customer_id", stage_before=_.stage), "customer_id")
        .group_by(stage_before=_.stage_before.fill_null(NEW), stage=_.stage)
        .aggregate(customers=_.count())
    )
    grid = pd.MultiIndex.from_product([(NEW, *CUSTOMER_STAGES), CUSTOMER_STAGES], names=["stage_before", "stage"])
    pairs = moved.set_index(["stage_before", "stage"]).reindex(grid).fillna(0).astype({"customers": "int64"}).reset_index()
    base = pairs.groupby("stage_before")["customers"].transform("sum")
    return pairs.assign(share=pairs["customers"] / base.where(base > 0))


def month_moves(customers: ir.Table, purchases: ir.Table, events: ir.Table, *, as_of: datetime, rules: Lifecycle) -> pd.DataFrame:
    """`stage_transitions` of the month that ends at `as_of`."""
    before, now = (customer_stages(customers, purchases, events, as_of=end, rules=rules) for end in (_month_before(as_of).start, as_of))
    return stage_transitions(before, now)


def _month_before(as_of: datetime) -> Period:
    """The month that ends at `as_of`."""
    return Period.of(as_of - timedelta(microseconds=1))


# What moving on means for each stage: the rate's name, who is asked (stages a month ago), who has moved on (stages now).
_STEPS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (REGISTERED, mark("activation"), (REGISTERED,), (ACTIVE, *LIVE_BUYERS)),
    (ACTIVE, mark("conversion"), (REGISTERED, ACTIVE), LIVE_BUYERS),
    (FIRST_PAYMENT, mark("second purchase"), (FIRST_PAYMENT,), (REGULAR, VIP)),
    (REGULAR, mark("retention"), LIVE_BUYERS, LIVE_BUYERS),
    (VIP, mark("VIP retention"), (VIP,), LIVE_BUYERS),
    (DORMANT, mark("win-back"), (DORMANT,), (REGISTERED, ACTIVE, *LIVE_BUYERS)),
)
ACQUISITION = mark("acquisition")


def stage_rates(transitions: pd.DataFrame, *, acquired: Acquired | None = None) -> pd.DataFrame:
    """The share that moved on in the month, stage by stage, or stayed where staying is the aim.

    stage_transitions  →  stage, measure | n, customers, rate, low, high

    acquisition  visitors who were no customers → customers            activation  registered → active or bought
    conversion   registered or active, not bought yet → bought          second purchase  first payment → regular or VIP
    retention    buyers (first payment, regular, VIP) → still so        win-back  dormant → alive again
    `n` is who was asked: customers on the stage a month ago, newcomers left out. low, high: 95 % Wilson interval. [S61, S62]
    """
    rows = [(VISITOR, ACQUISITION, acquired.visitors, acquired.customers)] if acquired else []
    for stage, measure, asked, aim in _STEPS:
        base = transitions[transitions["stage_before"].isin(asked)]
        rows.append((stage, measure, int(base["customers"].sum()), int(base.loc[base["stage"].isin(aim), "customers"].sum())))
    return pd.DataFrame(
        [(stage, measure, n, k, k / n if n else float("nan"), *wilson(k, n)) for stage, measure, n, k in rows],
        columns=["stage", "measure", "n", "customers", "rate", "low", "high"],
    )


def month_rates(customers: ir.Table, purchases: ir.Table, events: ir.Table, *, as_of: datetime, rules: Lifecycle) -> pd.DataFrame:
    """`stage_rates` of the month that ends at `as_of`, acquisition included. [S61, S62]"""
    moves = month_moves(customers, purchases, events, as_of=as_of, rules=rules)
    return stage_rates(moves, acquired=acquired(customers, events, start=_month_before(as_of).start, as_of=as_of))


def stage_history(
    customers: ir.Table, purchases: ir.Table, events: ir.Table, *, as_of: datetime, rules: Lifecycle, months: int = 12
) -> ir.Table:
    """Each customer's stage at `as_of` and at the ends of the `months` months before.

    one row a customer, purchase, event  →  customer_id, months_ago (0 is `as_of`) | stage

    Raises ValueError if months < 1.
    """
    if months < 1:
        raise ValueError(f"months is {months}; a history has at least one month before `as_of`")
    last = _month_before(as_of)
    ends = [as_of, *((last - ago).end for ago in range(1, months + 1))]
    return ibis.union(
        *(
            customer_stages(customers, purchases, events, as_of=end, rules=rules).select(
                "customer_id", months_ago=ibis.literal(ago, "int64"), stage=_.stage
            )
            for ago, end in enumerate(ends)
        )
    )


def stage_dwell(history: ir.Table) -> pd.DataFrame:
    """How many months customers stay on a stage.

    stage_history  →  stage | customers, months_so_far, n, median_months, low, high

    `customers` stand on the stage now, half of them for `months_so_far` months or longer (never longer than the history is). `n` stays
    began inside the history; `median_months` is their Kaplan–Meier median with its 95 % interval, which counts stays that go on; null
    where fewer than half have ended.
    """
    counted = frame(_stays(history))
    oldest = int(counted["oldest"].max()) if len(counted) else 0
    rows = []
    for stage in CUSTOMER_STAGES:
        stays = counted[counted["stage"] == stage]
        current, begun = stays[stays["last_ago"] == 0], stays[stays["first_ago"] < oldest]
        spells = begun.assign(duration_days=begun["months"], observed=begun["last_ago"] > 0)
        curve = kaplan_meier(spells)
        median = (km_median(curve), *km_median_interval(curve))
        rows.append((stage, int(current["n"].sum()), _median(current), int(begun["n"].sum()), *median))
    return pd.DataFrame(rows, columns=["stage", "customers", "months_so_far", "n", "median_months", "low", "high"])


def _stays(history: ir.Table) -> ir.Table:
    """stage, first_ago, last_ago, months, oldest | n: unbroken stays, counted."""
    journey = ibis.window(group_by="customer_id", order_by=ibis.desc("months_ago"))
    running = ibis.window(group_by="customer_id", order_by=ibis.desc("months_ago"), rows=(None, 0))
    return (
        history.mutate(stage_before=_.stage.lag().over(journey), oldest=_.months_ago.max().over(ibis.window()))
        .mutate(begins=(_.stage_before.isnull() | (_.stage_before != _.stage)).ifelse(1, 0))
        .mutate(stay=_.begins.sum().over(running))
        .group_by("customer_id", "stay", "stage", "oldest")
        .aggregate(first_ago=_.months_ago.max(), last_ago=_.months_ago.min(), months=_.count())
        .group_by("stage", "oldest", "first_ago", "last_ago", "months")
        .aggregate(n=_.count())
    )


def _median(counted: pd.DataFrame) -> float:
    """Lower median of `months`, each row standing for `n` customers."""
    if counted.empty:
        return float("nan")
    ordered = counted.sort_values("months")
    return float(ordered.loc[ordered["n"].cumsum() >= ordered["n"].sum() / 2, "months"].iloc[0])
