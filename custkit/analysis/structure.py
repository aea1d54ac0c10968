"""Value × headcount on one page: how customers and what they brought spread over stages of life and segments."""

from __future__ import annotations

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.lifecycle import CUSTOMER_STAGES, STAGE_NAMES
from custkit.engine import frame
from custkit.words import mark

STAGE, SEGMENT = "lifecycle stage", "segment"
GROUPINGS = {STAGE: mark("lifecycle stage"), SEGMENT: mark("segment")}
COLUMNS = ("grouping", "group", "customers", "customer_share", "revenue", "revenue_share")


def user_structure(stages: ir.Table, segmented: ir.Table) -> pd.DataFrame:
    """Count customers and what they brought in the trailing year, by lifecycle stage and by segment.

    customer_id | stage   and   customer_id | monetary_value, segment  →
    grouping, group | customers, customer_share, revenue, revenue_share

    Stages stand in the order of life and hold every customer; segments hold those who bought in the window, best first. Shares are of
    the grouping, so each grouping sums to one; shares of revenue are null where it is not above 0. [S49 S104]
    """
    spent = segmented.select("customer_id", "segment", revenue=_.monetary_value)
    joined = stages.select("customer_id", "stage").left_join(spent, "customer_id")
    by_stage = frame(joined.group_by(group="stage").aggregate(customers=_.count(), revenue=_.revenue.sum()))
    by_segment = frame(spent.group_by(group="segment").aggregate(customers=_.count(), revenue=_.revenue.sum()))
    by_stage["place"] = by_stage["group"].map({stage: i for i, stage in enumerate(CUSTOMER_STAGES)})
    by_stage["group"] = by_stage["group"].map(STAGE_NAMES)
    parts = [
        by_stage.sort_values("place").assign(grouping=STAGE),
        by_segment.sort_values(["revenue", "group"], ascending=[False, True]).assign(grouping=SEGMENT),
    ]
    whole = pd.concat([_with_shares(part) for part in parts], ignore_index=True)[list(COLUMNS)]
    return whole.astype({"grouping": "str", "group": "str", "customers": "int64", "revenue": "float64"})


def _with_shares(part: pd.DataFrame) -> pd.DataFrame:
    revenue = part["revenue"].fillna(0.0)
    total = float(revenue.sum())
    return part.assign(
        revenue=revenue,
        customer_share=part["customers"] / max(int(part["customers"].sum()), 1),
        revenue_share=revenue / total if total > 0 else float("nan"),
    )
