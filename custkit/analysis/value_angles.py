"""What customers are worth today from three angles, kept apart from where they stand on their way."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.effectiveness import PARTS
from custkit.client import Lifecycle
from custkit.engine import frame, to_float
from custkit.words import mark

# Value today: by the spend score.
HIGH, MIDDLE, LOW = VALUES = (mark("high value"), mark("middle value"), mark("low value"))
# Place on the way, by the client's own days.
NEW, ACTIVE, QUIET, ASLEEP = POSITIONS = (mark("new"), mark("active"), mark("quiet"), mark("asleep"))
POSITION_COLUMNS = ("row", "column", "customers", "customer_share", "revenue", "revenue_share")
POINTS = ("effectiveness", *(part for part, _measure, _more in PARTS))
ANGLE_COLUMNS = (
    "segment", "customers", "revenue", "revenue_share", "margin", "margin_share", "potential", "potential_share", *POINTS,
)  # fmt: skip


def positions(scores: ir.Table, *, rules: Lifecycle) -> ir.Table:
    """Value today and place on the way, one beside the other.

    customer_id | recency_days, tenure_days, m_score  →  … + value_level, position

    value_level   high: spend score 5, about the best fifth; middle: 3 or 4; low: 1 or 2
    position      new: first order within `rules.active_days`; active: last order within them; quiet: within `rules.dormant_days`;
                  asleep: longer ago. By purchases alone, whatever else a customer did. [S48]
    """
    return scores.mutate(
        value_level=ibis.cases((scores.m_score >= 5, HIGH), (scores.m_score >= 3, MIDDLE), else_=LOW),
        position=ibis.cases(
            (scores.tenure_days <= rules.active_days, NEW),
            (scores.recency_days <= rules.active_days, ACTIVE),
            (scores.recency_days <= rules.dormant_days, QUIET),
            else_=ASLEEP,
        ),
    )


def value_by_position(placed: ir.Table) -> pd.DataFrame:
    """Value today against place on the way.

    positions  →  row (value_level), column (position) | customers, customer_share (of the row), revenue, revenue_share (of all)

    Every pair has a row. [S48]
    """
    counted = frame(placed.group_by("value_level", "position").aggregate(customers=_.count(), revenue=_.monetary_value.sum()))
    grid = pd.MultiIndex.from_product([VALUES, POSITIONS], names=["value_level", "position"])
    found = counted.set_index(["value_level", "position"]).reindex(grid).fillna(0).astype({"customers": "int64"}).reset_index()
    of_row, whole = found.groupby("value_level").customers.transform("sum"), float(found.revenue.sum())
    found = found.assign(
        customer_share=found.customers / of_row.where(of_row > 0), revenue_share=found.revenue / whole if whole > 0 else float("nan")
    )
    return found.rename(columns={"value_level": "row", "position": "column"})[list(POSITION_COLUMNS)]


def value_angles(scores: ir.Table, *, rules: Lifecycle, gross_margin: float | None = None) -> ir.Table:
    """Each customer's value from three angles: what they bring, what is left of it, what more there may be.

    customer_id | frequency, monetary_value, order_value, margin, recency_days, f_score  →  … + margin, potential (currency)

    margin      revenue less cost where costs are known, else revenue × `gross_margin`, else null
    potential   what they would add in a year if their orders were as large as those of the best quarter of customers who order about as
                often (same frequency score); 0 for who has not bought within `rules.dormant_days`. A gap to others, no forecast. [S50]
    """
    assumed = to_float(scores.monetary_value) * ibis.literal(gross_margin, "float64")
    peers = scores.group_by("f_score").aggregate(best_quarter=scores.order_value.quantile(0.75))
    beside = scores.mutate(margin=ibis.coalesce(to_float(scores.margin), assumed)).join(peers, "f_score")
    gap = (beside.best_quarter - beside.order_value).clip(lower=0.0) * beside.frequency
    potential = (beside.recency_days <= rules.dormant_days).ifelse(gap, 0.0)
    return beside.mutate(potential=potential).select(*scores.columns, "potential")


def value_by_segment(tags: ir.Table) -> pd.DataFrame:
    """The three angles and the effectiveness of buying by segment, most revenue first.

    value_angles + effectiveness + segment  →  segment | customers, revenue, revenue_share, margin, margin_share, potential,
    potential_share; means of effectiveness, frequency_points, ticket_points, cycle_points (0 to 100)

    margin and its share are null where neither costs nor a margin are known. [S47 S50]
    """
    found = frame(
        tags.group_by("segment").aggregate(
            customers=_.count(),
            revenue=_.monetary_value.sum(),
            margin=_.margin.sum(),
            potential=_.potential.sum(),
            **{name: to_float(tags[name]).mean() for name in POINTS},
        )
    ).sort_values(["revenue", "segment"], ascending=[False, True], ignore_index=True)
    for name in ("revenue", "margin", "potential"):
        whole = float(found[name].sum())
        found[f"{name}_share"] = found[name] / whole if whole > 0 else float("nan")
    return found[list(ANGLE_COLUMNS)]
