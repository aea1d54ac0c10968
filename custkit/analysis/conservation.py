"""Conservation laws: parts add up to a whole that was counted another way, or nothing is published."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.answers import UNHAPPY
from custkit.engine import fetch
from custkit.errors import CustkitError
from custkit.period import Period
from custkit.words import mark

# Every law a page may state: what its parts are and what the whole is. Counts are kept exactly, money to the cent.
LAWS: dict[str, tuple[str, Literal["count", "money"]]] = {
    "bridge": (mark("lines of the revenue bridge against the change in revenue"), "money"),
    "bridge_customers": (mark("customers on the lines of the revenue bridge against those who bought in either month"), "count"),
    "month_customers": (mark("new, returning and staying customers against those who bought in the month"), "count"),
    "tree": (mark("factors of the revenue tree against the change in revenue"), "money"),
    "months": (mark("revenue month by month against all orders of these months"), "money"),
    "stage_customers": (mark("customers by stage of life against everybody registered or seen buying"), "count"),
    "stage_revenue": (mark("revenue by stage of life against purchases of the last 365 days"), "money"),
    "segment_customers": (mark("customers by segment against those who bought in the last 365 days"), "count"),
    "segment_revenue": (mark("revenue by segment against purchases of the last 365 days"), "money"),
    "score_customers": (mark("customers scored and suspected against those who bought in the last 365 days"), "count"),
    "offer_customers": (mark("customers by offer against those who bought in the last 365 days"), "count"),
    "waits": (mark("first-time buyers back and not back against everybody who ever bought"), "count"),
    "decile_customers": (mark("customers by tenth against those who bought in the last 365 days"), "count"),
    "decile_revenue": (mark("revenue by tenth against purchases of the last 365 days"), "money"),
    "migration_before": (mark("rows of the migration against each segment's customers of last month"), "count"),
    "migration_now": (mark("columns of the migration against each segment's customers of this month"), "count"),
    "line_rows": (mark("order lines left out by rule and those that count against those kept, file by file"), "count"),
    "lines_held": (mark("order lines of the ledger against those in the book"), "count"),
    "line_money": (mark("amounts of the ledger's order lines against those in the book"), "money"),
    "kind_money": (mark("amounts by kind of line against all lines that count"), "money"),
    "linked_revenue": (mark("revenue with and without a customer against all revenue"), "money"),
    "linked_orders": (mark("orders with and without a customer against all orders"), "count"),
    "consent_customers": (mark("customers by what they said about marketing against all customers"), "count"),
    "points_flow": (mark("opening points, and what came and went, against the points held at the end"), "money"),
    "points_age": (mark("points by age against the points held"), "money"),
    "tier_moves": (mark("members by their tier before and now against all who were members before"), "count"),
    "cohort_customers": (mark("customers by month of their first order against everybody who ever bought"), "count"),
    "source_answers": (mark("answers by source against all answers"), "count"),
    "month_answers": (mark("recommendations month by month against all of the last 365 days"), "count"),
    "cause_complaints": (mark("complaints by cause, and those that tell none, against all unhappy answers"), "count"),
    "answering_buyers": (mark("buyers by how often they bought against those who bought in the last 365 days"), "count"),
    "first_touches": (mark("orders by first touch against all orders with a visit that can be seen"), "count"),
    "last_touches": (mark("orders by last touch against all orders with a visit that can be seen"), "count"),
    "linear_touches": (mark("orders shared among their touches against all orders with a visit that can be seen"), "count"),
    "level_customers": (mark("customers by how often they came against everybody registered or seen"), "count"),
}
COLUMNS = ("law", "unit", "sums", "parts", "whole")
# Frames hold money as floats, which carry a cent through sums of some billions.
CENT = {"count": 0.0, "money": 0.005}

Numbers = Iterable[Any] | Mapping[Any, Any] | float | Decimal


class BrokenLaw(CustkitError):
    """Parts that do not sum to their whole: a figure on the page is wrong, so the pack must not be published."""


@dataclass(frozen=True)
class Base:
    """What a window's orders hold when they are counted straight: `buyers` are known customers, money is exact."""

    buyers: int
    orders: int
    known_revenue: Decimal
    revenue: Decimal


def base(orders: ir.Table, *, as_of: datetime, start: datetime | None = None) -> Base:
    """Count the whole that parts are held against: distinct ids and sums over the orders themselves, without folding to customers.

    one row an order  →  buyers, orders (known customers' purchases), known_revenue, revenue (currency); from `start` on, or from the first

    Give `book.purchases` where the parts leave return slips out, `book.orders` where they hold them.
    """
    inside = orders.filter(_.ordered_at < as_of)
    inside = inside if start is None else inside.filter(_.ordered_at >= start)
    known = _.customer_id.notnull()
    counted = inside.aggregate(
        buyers=_.customer_id.nunique(where=_.is_purchase & known),
        orders=_.order_id.count(where=_.is_purchase & known),
        known_revenue=_.revenue.sum(where=known),
        revenue=_.revenue.sum(),
    )
    (row,) = fetch(counted).to_pylist()
    zero = Decimal(0)
    return Base(int(row["buyers"]), int(row["orders"]), row["known_revenue"] or zero, row["revenue"] or zero)


def everyone(customers: ir.Table, purchases: ir.Table, *, as_of: datetime) -> int:
    """How many are registered or have bought: distinct ids of both tables, before any stage is given."""
    registered = customers.filter(_.registered_at.isnull() | (_.registered_at < as_of)).select("customer_id")
    bought = purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of).select("customer_id")
    (row,) = fetch(registered.union(bought).aggregate(n=_.customer_id.nunique())).to_pylist()
    return int(row["n"])


def month_laws(
    orders: ir.Table,
    customers: ir.Table,
    *,
    period: Period,
    kpis: pd.DataFrame,
    bridge: pd.DataFrame,
    tree: pd.DataFrame,
    structure: pd.DataFrame,
    waits: pd.DataFrame,
) -> pd.DataFrame:
    """The laws of the overview: months, bridge, tree, stages, segments and waits against the orders themselves. See `laws`.

    `waits` as `second_purchase_spells` gives them. What is empty because the data do not reach so far has nothing to keep.

    Raises BrokenLaw.
    """
    end, months = period.end, kpis.dropna(subset=["revenue"])
    purchases = orders.filter(_.is_purchase)
    now, before = base(orders, start=period.start, as_of=end), base(orders, start=(period - 1).start, as_of=period.start)
    both, year = base(orders, start=(period - 1).start, as_of=end), base(purchases, start=end - timedelta(days=365), as_of=end)
    change = now.revenue - before.revenue
    given: dict[str, tuple[Numbers, Numbers]] = {}
    if len(months):
        shown = base(orders, start=Period.parse(months["month"].iloc[0]).start, as_of=end)
        given["months"] = (months["revenue"], shown.revenue)
    if len(bridge):
        lines = bridge.set_index("line")["customers"].drop(["returns", "guests"])
        given["bridge"] = (bridge["change"], change)
        given["bridge_customers"] = (lines, both.buyers)
        given["month_customers"] = (lines.drop("lost"), now.buyers)
    if len(tree):
        given["tree"] = (tree["effect"], change)
    for grouping, name, people in (
        ("lifecycle stage", "stage", everyone(customers, purchases, as_of=end)),
        ("segment", "segment", year.buyers),
    ):
        part = structure[structure["grouping"] == grouping]
        given[f"{name}_customers"] = (part["customers"], people)
        given[f"{name}_revenue"] = (part["revenue"], year.known_revenue)
    given["waits"] = (waits["n"], base(purchases, as_of=end).buyers)
    return laws(**given)


def loyalty_laws(ledger: ir.Table, *, start: datetime, flow: pd.DataFrame, ageing: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """The laws of the loyalty programme: flow and age of points, and tier moves since `start`, against the ledger itself. See `laws`.

    Raises BrokenLaw.
    """
    entries = ledger.aggregate(points=_.points.sum(), before=_.customer_id.nunique(where=_.occurred_at < start))
    (row,) = fetch(entries).to_pylist()
    held = row["points"] or Decimal(0)
    given: dict[str, tuple[Numbers, Numbers]] = {}
    if len(flow):
        first, total = flow.iloc[0], flow.sum(numeric_only=True)
        came = float(first["opening_points"] + total["earned_points"] + total["adjusted_points"])
        given["points_flow"] = (came - float(total["redeemed_points"] + total["expired_points"]), held)
        given["points_age"] = (ageing["points"], held)
    if len(moves):
        given["tier_moves"] = (moves["members"], int(row["before"] or 0))
    return laws(**given)


def voice_laws(
    moods: ir.Table,
    touches: ir.Table,
    interactions: ir.Table,
    purchases: ir.Table,
    *,
    start: datetime,
    as_of: datetime,
    sources: pd.DataFrame,
    months: pd.DataFrame,
    complaints: pd.DataFrame,
    who: pd.DataFrame,
    channels: pd.DataFrame,
    levels: pd.DataFrame,
) -> pd.DataFrame:
    """The laws of what customers say and seek: answers, complaints, touches and levels against answers, orders and people. See `laws`.

    Empty tables are parts of nothing and hold.

    Raises BrokenLaw.
    """
    inside = (_.answered_at >= start) & (_.answered_at < as_of)
    counted = moods.aggregate(
        answers=_.count(),
        recommend=_.count(where=inside & _.is_recommend),
        unhappy=_.count(where=(inside & (_.mood == UNHAPPY)).fill_null(False)),
    )
    (said,) = fetch(counted).to_pylist()
    (seen,) = fetch(touches.aggregate(orders=_.order_id.nunique())).to_pylist()
    (people,) = fetch(interactions.aggregate(n=_.customer_id.nunique())).to_pylist()
    return laws(
        source_answers=(sources["answers"], said["answers"]),
        month_answers=(months["answers"], said["recommend"]),
        cause_complaints=(complaints["complaints"], said["unhappy"]),
        answering_buyers=(who["buyers"], base(purchases, start=start, as_of=as_of).buyers),
        first_touches=(channels["first"], seen["orders"]),
        last_touches=(channels["last"], seen["orders"]),
        # Thirds of an order are floats: their sum is told to the millionth.
        linear_touches=(round(float(channels["linear"].sum()), 6), seen["orders"]),
        level_customers=(levels["customers"], people["n"]),
    )


def laws(**given: tuple[Numbers, Numbers]) -> pd.DataFrame:
    """Hold every law given as `name=(parts, whole)`, or stop.

    →  law | unit, sums, parts, whole: one row a law, all of which hold

    name       one of `LAWS`
    parts      the figures that a page shows; their sum must be the whole. A single number is a sum of one
    whole      a number counted independently of the parts; or a mapping or Series of group → number, where the parts are a mapping
               or Series too and each group must hold by itself (a group that only one side has counts 0 on the other)

    laws(segment_customers=(summary.customers, base.buyers), migration_before=(rows.groupby("segment_before").customers.sum(), before))

    A part that is missing (nan) breaks its law. [RELIABILITY: conservation]

    Raises BrokenLaw naming the law, the parts, the whole and the difference; ValueError for a law that is not in `LAWS`.
    """
    return pd.DataFrame([_held(name, parts, whole) for name, (parts, whole) in given.items()], columns=list(COLUMNS)).astype(
        {"law": "str", "unit": "str", "sums": "int64", "parts": "float64", "whole": "float64"}
    )


def _held(name: str, parts: Numbers, whole: Numbers) -> tuple[str, str, int, float, float]:
    if name not in LAWS:
        raise ValueError(f"`{name}` is no law; there are {', '.join(LAWS)}")
    meaning, unit = LAWS[name]
    pairs = _by_group(parts, whole) if _is_grouped(whole) else {"": (parts, whole)}
    sums = {group: (_total(some), _total(all_)) for group, (some, all_) in pairs.items()}
    for group, (told, owed) in sums.items():
        difference = float(told - owed)
        if not abs(difference) <= CENT[unit]:
            of = f" of {group}" if group else ""
            raise BrokenLaw(
                f"`{name}`{of} does not add up ({meaning}): parts {_shown(told)}, whole {_shown(owed)}, difference {_shown(told - owed)}"
            )
    told, owed = (sum((pair[side] for pair in sums.values()), Decimal(0)) for side in (0, 1))
    return name, unit, len(sums), float(told), float(owed)


def _is_grouped(numbers: Numbers) -> bool:
    return isinstance(numbers, Mapping | pd.Series)


def _by_group(parts: Any, whole: Any) -> dict[str, tuple[Any, Any]]:
    if not _is_grouped(parts):
        raise ValueError("a whole by group needs parts by group: a mapping or a Series with the group as its index")
    some, all_ = ({str(group): value for group, value in side.items()} for side in (parts, whole))
    return {group: (some.get(group, 0), all_.get(group, 0)) for group in sorted(some.keys() | all_.keys())}


def _total(numbers: Any) -> Decimal:
    """Exact where the numbers are; nan where one is missing."""
    values = numbers.values() if isinstance(numbers, Mapping) else numbers if isinstance(numbers, Iterable) else [numbers]
    return sum((Decimal("nan") if pd.isna(value) else Decimal(str(value)) for value in values), Decimal(0))


def _shown(amount: Decimal) -> str:
    if amount.is_nan():
        return "unknown"
    value = float(amount)
    return f"{value:,.0f}" if value.is_integer() and math.isfinite(value) else f"{value:,.4f}"
