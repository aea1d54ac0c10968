"""What a campaign did to the value that is still to be expected of those it reached, against like customers. [S90]"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.clv_summary import clv_summary, purchase_counts
from custkit.analysis.difference_in_differences import difference_in_differences
from custkit.analysis.lifetime import AUTO, Lifetime, fit_lifetime
from custkit.analysis.lifetime_forecast import customer_lifetimes
from custkit.engine import frame, to_float

_EPOCH = date(1970, 1, 1)


def value_difference(
    spans: ir.Table, people: ir.Table, purchases: ir.Table, *, as_of: datetime, gross_margin: float | None = None, model: str = AUTO
) -> pd.DataFrame:
    """How the value expected of the next 12 months changed for those whom the latest campaign reached, less that of like customers.

    campaign_spans(…), before_after_customers(…), purchases  →  as `difference_in_differences`, with the measure "expected value of the next
    12 months" of one campaign: the latest that can be followed; no row where there is none, or where no purchase model may be believed

    One model, fitted to everything up to `as_of`, looks at each customer's history twice: up to the campaign's first day, and up to as many
    days later. So the value moves with what customers did and not with the model. It is the margin in today's money, or the revenue where
    neither costs nor `gross_margin` are known; 0 for who has not ordered yet. [S21 S90]
    """
    followed = frame(
        people.filter(_.bought_later.notnull())
        .group_by("campaign_id", "is_placebo")
        .aggregate(start_day=_.start_day.min(), middle_day=_.middle_day.min(), later_day=_.later_day.min())
    )
    both = followed[followed.groupby("campaign_id")["is_placebo"].transform("count") == 2]
    if both.empty:
        return difference_in_differences(spans, people.limit(0)).iloc[:0]
    latest = both.sort_values(["later_day", "campaign_id"]).iloc[-1]["campaign_id"]
    lifetime = fit_lifetime(purchases, as_of=as_of, model=model)
    if not lifetime.accepted:
        return difference_in_differences(spans, people.limit(0)).iloc[:0]
    kept = _margin(purchases, as_of, gross_margin)
    valued = [
        _valued(people.filter(_.campaign_id == latest, _.is_placebo == bool(row.is_placebo)), purchases, lifetime, kept, row)
        for row in both[both["campaign_id"] == latest].itertuples()
    ]
    return difference_in_differences(spans.filter(_.campaign_id == latest), valued[0].union(valued[1]).cache())


def _valued(people: ir.Table, purchases: ir.Table, lifetime: Lifetime, margin: float, days: object) -> ir.Table:
    told = people.select("campaign_id", "is_placebo", "customer_id", "contacted", "cell", "is_best", "bought_later")
    for when, number in (("before", days.start_day), ("after", days.middle_day), ("later", days.later_day)):  # type: ignore[attr-defined]
        value = _value_at(purchases, lifetime, margin, datetime.combine(_EPOCH + timedelta(days=int(number)), datetime.min.time()))
        told = told.left_join(value, "customer_id").drop("customer_id_right")
        told = told.mutate(**{f"value_{when}": told.value.fill_null(0.0)}).drop("value")
    return told


def _value_at(purchases: ir.Table, lifetime: Lifetime, margin: float, at: datetime) -> ir.Table:
    """customer_id | value: what the model expects of the 12 months after `at`, knowing nothing later."""
    known = purchases.filter(_.ordered_at < at)
    moved = replace(lifetime, as_of=at, counts=purchase_counts(clv_summary(known, as_of=at)))
    return customer_lifetimes(known, lifetime=moved, margin=margin).select("customer_id", value="lifetime_value")


def _margin(purchases: ir.Table, as_of: datetime, gross_margin: float | None) -> float:
    """Share of the last 365 days' revenue that was left after the cost of goods, where known; else as given; else all of it."""
    costed = purchases.filter(_.ordered_at < as_of, _.ordered_at >= as_of - timedelta(days=365), _.cost_amount.notnull())
    row = frame(costed.aggregate(revenue=to_float(_.revenue).sum(), cost=to_float(_.cost_amount).sum())).iloc[0]
    if pd.notna(row["revenue"]) and row["revenue"] > row["cost"]:
        return float(1 - row["cost"] / row["revenue"])
    return 1.0 if gross_margin is None else gross_margin
