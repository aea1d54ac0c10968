"""Value × headcount on one page: how customers and what they brought spread over stages of life and segments."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.intervals import skewed_interval
from custkit.analysis.lifecycle import CUSTOMER_STAGES, STAGE_NAMES
from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.words import mark

STAGE, SEGMENT = "lifecycle stage", "segment"
GROUPINGS = {STAGE: mark("lifecycle stage"), SEGMENT: mark("segment")}
COLUMNS = (
    "grouping", "group", "customers", "customer_share", "customer_low", "customer_high",
    "revenue", "revenue_share", "revenue_low", "revenue_high",
)  # fmt: skip


def user_structure(stages: ir.Table, segmented: ir.Table) -> pd.DataFrame:
    """Count customers and what they brought in the trailing year, by lifecycle stage and by segment.

    customer_id | stage   and   customer_id | monetary_value, segment  →
    grouping, group | customers, customer_share, revenue, revenue_share, and the 95 % intervals of both shares

    Stages stand in the order of life and hold every customer; segments hold those who bought in the window, best first. Shares are of
    the grouping, so each grouping sums to one; shares of revenue are null where it is not above 0. A share of customers has Wilson's
    interval; a share of revenue one that knows how few may hold it (`skewed_interval`). [S49 S104]
    """
    spent = segmented.select("customer_id", "segment", revenue=_.monetary_value, money=to_float(_.monetary_value))
    joined = stages.select("customer_id", "stage").left_join(spent, "customer_id")
    sums = {
        "customers": _.count(), "revenue": _.revenue.sum(), "squares": (_.money * _.money).sum(),
        "cubes": (_.money * _.money * _.money).sum(),
    }  # fmt: skip
    by_stage, by_segment = frame(joined.group_by(group="stage").aggregate(**sums)), frame(spent.group_by(group="segment").aggregate(**sums))
    by_stage["place"] = by_stage["group"].map({stage: i for i, stage in enumerate(CUSTOMER_STAGES)})
    by_stage["group"] = by_stage["group"].map(STAGE_NAMES)
    parts = [
        by_stage.sort_values("place").assign(grouping=STAGE),
        by_segment.sort_values(["revenue", "group"], ascending=[False, True]).assign(grouping=SEGMENT),
    ]
    whole = pd.concat([_with_shares(part) for part in parts], ignore_index=True)[list(COLUMNS)]
    return whole.astype({"grouping": "str", "group": "str", "customers": "int64", "revenue": "float64"})


def _with_shares(part: pd.DataFrame) -> pd.DataFrame:
    part = part.assign(**{name: part[name].fillna(0.0).astype("float64") for name in ("revenue", "squares", "cubes")})
    total, everyone = float(part["revenue"].sum()), int(part["customers"].sum())
    share = part["revenue"] / total if total > 0 else part["revenue"] * float("nan")
    heads = [wilson(int(n), everyone) for n in part["customers"]]
    money = [_revenue_interval(part, row, total) if total > 0 else (float("nan"),) * 2 for row in part.assign(share=share).itertuples()]
    return part.assign(
        customer_share=part["customers"] / max(everyone, 1),
        customer_low=[low for low, _high in heads],
        customer_high=[high for _low, high in heads],
        revenue_share=share,
        revenue_low=[low for low, _high in money],
        revenue_high=[high for _low, high in money],
    )


def _revenue_interval(part: pd.DataFrame, row: Any, total: float) -> tuple[float, float]:
    """A customer of the group adds (1 − share) × spend / total to the share, any other −share × spend / total."""
    inside, outside = 1 - row.share, -row.share
    squares, cubes = (
        (inside**power * getattr(row, name) + outside**power * (part[name].sum() - getattr(row, name))) / total**power
        for power, name in ((2, "squares"), (3, "cubes"))
    )
    return skewed_interval(row.share, squares, cubes / squares**1.5 if squares > 0 else 0.0)
