"""Did a score rank customers by what they spent next? Measured on months that the score had not seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.kmeans import md5
from custkit.analysis.rates import SMALL_SAMPLE, Z95
from custkit.engine import frame, to_float
from custkit.tables import RETURN

# Ranking more customers than these changes nothing that a reader sees.
SAMPLE = 50_000
COLUMNS = ("measure", "customers", "gini", "gini_low", "gini_high", "gini_lead", "lead_low", "lead_high")


def next_spend(order_lines: ir.Table, *, start: datetime, as_of: datetime) -> ir.Table:
    """What customers kept of what they bought from `start` to `as_of`.

    order lines  →  customer_id | next_spend (currency, after returns)

    Guests are left out, and so is who bought nothing: to be joined from the left.
    """
    inside = order_lines.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of)
    taken_back = (_.kind == RETURN) & _.is_product.fill_null(False)
    return inside.mutate(kept=taken_back.ifelse(_.amount, _.revenue)).group_by("customer_id").aggregate(next_spend=_.kept.sum())


def ranking_power(scored: ir.Table, next_spend: ir.Table, *, measures: Sequence[str], against: str) -> pd.DataFrame:
    """How well each measure orders customers by what they spent next, beside `against`.

    customer_id | measures, against; `next_spend`  →  measure | customers, gini (1 is the perfect order, 0 is no order), gini_low,
    gini_high, gini_lead (over `against`, for the same customers), lead_low, lead_high (95 %)

    The normalised Gini: spend by rank of the measure over spend by rank of spend, both from the middle; ties share a rank. A measure is
    judged on the customers for whom it is known; who bought nothing spent 0, who returned more than they bought did too. Above 50,000
    customers a sample drawn by a hash of the id is ranked. Fewer than 30 customers, or none who bought: null. [Gini 1912; Lerman &
    Yitzhaki 1984; intervals by Hoeffding 1948]
    """
    wanted = list(dict.fromkeys([*measures, against]))
    joined = scored.select("customer_id", **{name: to_float(scored[name]) for name in wanted})
    joined = joined.left_join(next_spend, "customer_id").mutate(next_spend=to_float(_.next_spend).fill_null(0.0), draw=md5(_.customer_id))
    sample = frame(joined.order_by(["draw", "customer_id"]).limit(SAMPLE))
    return pd.DataFrame([_judged(sample, name, against) for name in measures], columns=list(COLUMNS)).astype(
        dict.fromkeys(COLUMNS[2:], "float64") | {"measure": "str", "customers": "int64"}
    )


def _judged(sample: pd.DataFrame, measure: str, against: str) -> tuple[str | int | float, ...]:
    known = sample[sample[measure].notna() & sample[against].notna()]
    spend = known["next_spend"].to_numpy("float64").clip(min=0.0)
    n = len(known)
    best, best_parts = _ordered(spend, spend)
    if n < SMALL_SAMPLE or not best > 0:
        return measure, n, *[float("nan")] * 6
    own, own_parts = _ordered(spend, known[measure].to_numpy("float64"))
    other, other_parts = _ordered(spend, known[against].to_numpy("float64"))
    gini, lead = own / best, (own - other) / best
    gini_half = Z95 * _deviation(own_parts - gini * best_parts) / best
    lead_half = Z95 * _deviation(own_parts - other_parts - lead * best_parts) / best
    return measure, n, gini, gini - gini_half, min(gini + gini_half, 1.0), lead, lead - lead_half, lead + lead_half


def _ordered(spend: np.ndarray, by: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of (yᵢ − yⱼ) sign(xᵢ − xⱼ) over pairs, and what each customer adds to it, from the mean."""
    n = len(spend)
    if n < 2:
        return 0.0, np.zeros(n)
    _values, place = np.unique(by, return_inverse=True)
    place = place.reshape(-1)
    count, total = np.bincount(place), np.bincount(place, weights=spend)
    lower = (np.cumsum(count) - count)[place]
    higher = n - lower - count[place]
    below = (np.cumsum(total) - total)[place]
    above = total.sum() - below - total[place]
    each = (spend * (lower - higher) - (below - above)) / (n - 1)
    mean = float(each.mean())
    return mean, 2 * (each - mean)


def _deviation(parts: np.ndarray) -> float:
    return float(np.sqrt((parts**2).sum() / len(parts)) / np.sqrt(len(parts)))


def tenths_next(scored: ir.Table, next_spend: ir.Table, *, measure: str, against: str) -> pd.DataFrame:
    """What each tenth of customers spent next: by the measure, and by `against` beside it.

    customer_id | measure, against; `next_spend`  →  tenth (1 best) | customers, next_spend, next_share (of all next spend),
    spend_per_customer, against_share

    Customers of equal score stay together, so tenths may differ in size. Customers whom the measure does not know are left out. [S33]
    """
    known = scored.filter(scored[measure].notnull(), scored[against].notnull())
    joined = known.left_join(next_spend, "customer_id").mutate(next_spend=_.next_spend.fill_null(0))
    placed = joined.select("next_spend", tenth=_tenth(joined[measure]), other=_tenth(joined[against]))
    own = frame(placed.group_by("tenth").aggregate(customers=_.count(), next_spend=_.next_spend.sum()))
    other = frame(placed.group_by(tenth="other").aggregate(against_spend=_.next_spend.sum()))
    found = own.merge(other, on="tenth", how="left", validate="one_to_one").sort_values("tenth", ignore_index=True)
    total = float(found["next_spend"].sum())
    share = found[["next_spend", "against_spend"]] / (total if total > 0 else float("nan"))
    return found[["tenth", "customers", "next_spend"]].assign(
        next_share=share["next_spend"], spend_per_customer=found["next_spend"] / found["customers"], against_share=share["against_spend"]
    )


def _tenth(column: ir.NumericColumn) -> ir.IntegerValue:
    """1 for the best tenth by the middle of the ranks that equals share."""
    higher = ibis.rank().over(ibis.window(order_by=ibis.desc(column)))
    equal = column.count().over(ibis.window(group_by=column))
    known = column.count().over(ibis.window())
    return (2 * higher + equal - 1) * 5 // known + 1
