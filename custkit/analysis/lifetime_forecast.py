"""What customers will bring: orders, revenue and margin over 3, 6 and 12 months, one by one and in all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from custkit.analysis.buy_till_you_die import expected_purchases, p_alive, purchase_moments, purchase_range
from custkit.analysis.clv_summary import clv_summary
from custkit.analysis.lifetime import Lifetime
from custkit.analysis.like_for_like import with_cell
from custkit.analysis.rates import Z90
from custkit.engine import beside, clipped, frame, to_float

# Months people speak of, and the whole weeks they are reckoned as.
HORIZONS = {3: 91, 6: 182, 12: 364}
RANGE_LEVEL = 0.8
_DRAWS, _THINNED = 40, 2_000
# Gamma-Gamma: orders spread without bound where what is below this would be 0 or less.
_LEAST_SPREAD = 0.2

FORECAST_COLUMNS = (
    "months", "customers", "expected_orders", "orders_low", "orders_high",
    "expected_revenue", "revenue_low", "revenue_high", "expected_margin", "margin_low", "margin_high",
)  # fmt: skip


def customer_lifetimes(purchases: ir.Table, *, lifetime: Lifetime, margin: float | None = None, discount_rate: float = 0.1) -> ir.Table:
    """Say for each customer what is to be expected.

    orders, fit_lifetime  →  customer_id | frequency, recency, T (days), monetary_value, p_alive, expected_spend (an order),
    expected_orders_3_months, _6_, _12_, orders_low_12_months, orders_high_12_months (80 %), expected_revenue_3_months, _6_, _12_,
    expected_margin_3_months, _6_, _12_, lifetime_value (margin of 12 months in today's money)

    Where no model may be believed, the plain rule gives the orders: p_alive and the range are null, and so is what lies further ahead than
    twice the weeks it was tested on; where not even weeks could be held out, everything expected is. `margin`: share of revenue that is
    kept; without it margins are null. `discount_rate` is a year's.
    [Fader, Hardie & Lee 2005; Fader & Hardie 2013; S21 S30]

    Raises ValueError if margin lies outside 0 to 1 or discount_rate below 0.
    """
    if margin is not None and not 0 < margin <= 1:
        raise ValueError(f"margin is {margin}; a share of revenue lies above 0 and up to 1")
    if discount_rate < 0:
        raise ValueError(f"discount_rate is {discount_rate}; it is 0 or more a year")
    scored = _scored(purchases, lifetime)
    kept = ibis.null("float64") if margin is None or math.isnan(margin) else ibis.literal(float(margin))
    revenue = {f"expected_revenue_{m}_months": scored[f"expected_orders_{m}_months"] * scored.expected_spend for m in HORIZONS}
    margins = {f"expected_margin_{m}_months": revenue[f"expected_revenue_{m}_months"] * kept for m in HORIZONS}
    told = scored.mutate(**revenue, **margins)
    so_far = [told[f"expected_margin_{m}_months"] for m in HORIZONS]
    flows = [so_far[0], *(later - earlier for earlier, later in pairwise(so_far))]
    value = present_value(flows, years=[m / 12 for m in HORIZONS], rate=discount_rate)
    return told.mutate(lifetime_value=value).select(
        "customer_id", "frequency", "recency", "T", "monetary_value", "p_alive", "expected_spend",
        *(f"expected_orders_{m}_months" for m in HORIZONS), "orders_low_12_months", "orders_high_12_months", *revenue, *margins,
        "lifetime_value",
    )  # fmt: skip


def present_value(flows: Sequence[Any], *, years: Sequence[float], rate: float) -> Any:
    """Money that comes after so many `years`, in today's money: each flow / (1 + rate)^years, summed.

    One flow a year away at a rate of 1 is worth half, two of them a year apart three quarters.
    """
    return sum((flow / (1 + rate) ** year for flow, year in zip(flows[1:], years[1:], strict=True)), flows[0] / (1 + rate) ** years[0])


def _scored(purchases: ir.Table, lifetime: Lifetime) -> ir.Table:
    """clv_summary + p_alive, expected_orders_…, variance_…, range, expected_spend, spend_variance, mean_variance."""
    summary = clv_summary(purchases, as_of=lifetime.as_of)
    if lifetime.accepted:
        keys = ["frequency", "recency", "T"]
        scored = summary.left_join(beside(summary, _model_scores(lifetime)), keys)
        scored = scored.drop(*(f"{key}_right" for key in keys))
    else:
        scored = _plain_scores(summary, lifetime)
    return _with_spend(scored, purchases, lifetime)


def _model_scores(lifetime: Lifetime) -> pa.Table:
    fitted, counts = lifetime.fitted, lifetime.counts
    assert fitted is not None
    scores: dict[str, Any] = {name: counts[name].to_numpy("int64") for name in ("frequency", "recency", "T")}
    scores["p_alive"] = p_alive(fitted, counts)
    for months, days in HORIZONS.items():
        scores[f"expected_orders_{months}_months"], scores[f"variance_{months}"] = purchase_moments(fitted, counts, days=days)
    scores["orders_low_12_months"], scores["orders_high_12_months"] = purchase_range(fitted, counts, days=HORIZONS[12], level=RANGE_LEVEL)
    return pa.table(scores)


def _plain_scores(summary: ir.Table, lifetime: Lifetime) -> ir.Table:
    cells = lifetime.cells
    table = pa.table(
        {
            "cell_frequency": cells["frequency"].to_numpy("int64"),
            "cell_silence": cells["silence"].to_numpy("int64"),
            "orders_per_day": cells["orders_per_day"].to_numpy("float64"),
        }
    )
    placed = with_cell(summary).left_join(beside(summary, table), ["cell_frequency", "cell_silence"])
    tested = (lifetime.as_of - lifetime.cut).days if lifetime.cut else 0
    orders = {
        f"expected_orders_{months}_months": placed.orders_per_day * float(days) if days <= 2 * tested else ibis.null("float64")
        for months, days in HORIZONS.items()
    }
    return placed.select(
        *summary.columns,
        p_alive=ibis.null("float64"),
        **orders,
        # By chance alone they would vary as their mean; how far the rule itself lies off is added in `forecast`.
        **{f"variance_{months}": orders[f"expected_orders_{months}_months"] for months in HORIZONS},
        orders_low_12_months=ibis.null("int64"),
        orders_high_12_months=ibis.null("int64"),
    )


def _with_spend(scored: ir.Table, purchases: ir.Table, lifetime: Lifetime) -> ir.Table:
    spend = lifetime.spend
    if not spend.refusal:
        shape = to_float(scored.frequency) * spend.p + spend.q
        scale = to_float(scored.frequency) * clipped(scored.monetary_value.fill_null(0.0), 0.0) + spend.v
        mean = scale * spend.p / (shape - 1.0)
        spread = scale * scale / ((shape - 1.0) * clipped(shape - 2.0, _LEAST_SPREAD))
        return scored.mutate(expected_spend=mean, spend_variance=spread * spend.p, mean_variance=spread * spend.p**2 / (shape - 1.0))
    own = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at < lifetime.as_of)
        .group_by("customer_id")
        .aggregate(expected_spend=to_float(_.revenue.sum()) / _.order_date.nunique())
    )
    joined = scored.left_join(own, "customer_id").drop("customer_id_right")
    return joined.mutate(spend_variance=joined.expected_spend * joined.expected_spend, mean_variance=ibis.literal(0.0))


def forecast(purchases: ir.Table, *, lifetime: Lifetime, margin: float | None = None) -> pd.DataFrame:
    """What all customers of today will bring, with 90 % intervals.

    orders, fit_lifetime  →  months (3, 6, 12) | customers, expected_orders, orders_low, orders_high, the same of revenue and margin

    Customers yet to come are not in it. The interval holds three pieces of luck: what each customer does, what the parameters might be,
    and how far the model lay off in the held-out weeks beyond chance, so that a model is never told to be surer than it has shown to be.
    No row for what is not estimated. [S21 S30]
    """
    scored = _scored(purchases, lifetime)
    sums = {"customers": scored.count()}
    for months in HORIZONS:
        mean, variance = scored[f"expected_orders_{months}_months"], scored[f"variance_{months}"]
        spend = scored.expected_spend
        sums[f"orders_{months}"], sums[f"orders_variance_{months}"] = mean.sum(), variance.sum()
        sums[f"revenue_{months}"] = (mean * spend).sum()
        sums[f"revenue_variance_{months}"] = (
            mean * scored.spend_variance + (variance + mean * mean) * scored.mean_variance + variance * spend * spend
        ).sum()
    row = frame(scored.aggregate(**sums)).iloc[0]
    if not row["customers"] or pd.isna(row["orders_3"]):
        return pd.DataFrame(columns=list(FORECAST_COLUMNS), dtype="float64")
    model_off, spend_off = _beyond_chance(lifetime), _spend_uncertainty(lifetime)
    told = []
    for months in (m for m in HORIZONS if not pd.isna(row[f"orders_{m}"])):
        doubt = math.hypot(_parameter_uncertainty(lifetime, days=HORIZONS[months]), model_off)
        orders, revenue = float(row[f"orders_{months}"]), float(row[f"revenue_{months}"])
        orders_off = Z90 * math.hypot(math.sqrt(row[f"orders_variance_{months}"]), doubt * orders)
        revenue_off = Z90 * math.hypot(math.sqrt(row[f"revenue_variance_{months}"]), math.hypot(doubt, spend_off) * revenue)
        kept = math.nan if margin is None else margin
        bounds = (revenue, max(revenue - revenue_off, 0.0), revenue + revenue_off)
        told.append(
            (
                months,
                int(row["customers"]),
                orders,
                max(orders - orders_off, 0.0),
                orders + orders_off,
                *bounds,
                *(b * kept for b in bounds),
            )
        )
    return pd.DataFrame(told, columns=list(FORECAST_COLUMNS))


def _beyond_chance(lifetime: Lifetime) -> float:
    """How far the expected purchases of the held-out weeks lay off, as a share, less what chance explains."""
    off = lifetime.off
    if math.isnan(off):
        return 0.0
    held = lifetime.holdout
    chance = (((held["high"] - held["expected_orders"]) / Z90) ** 2).sum() / max(float(held["actual_orders"].sum()), 1.0) ** 2
    return math.sqrt(max(off**2 - (float(chance) if len(held) else 0.0), 0.0))


def _parameter_uncertainty(lifetime: Lifetime, *, days: int) -> float:
    """Standard error of the expected purchases in all, as a share, from parameters drawn as uncertain as they are."""
    if lifetime.fitted is None:
        return 0.0
    counts = lifetime.counts.iloc[:: -(-len(lifetime.counts) // _THINNED)]
    n = counts["customers"].to_numpy("float64")
    totals = [
        float(np.dot(expected_purchases(lifetime.fitted, counts, days=days, parameters=at), n)) for at in lifetime.fitted.drawn(_DRAWS)
    ]
    return float(np.std(totals, ddof=1) / np.mean(totals))


def _spend_uncertainty(lifetime: Lifetime) -> float:
    """Standard error of the mean spend per order, as a share."""
    spend = lifetime.spend
    if spend.refusal:
        return 0.0
    slopes = np.array([1.0, -spend.q / (spend.q - 1), 1.0])  # of log(p v / (q − 1)) in the logs of p, q, v
    return math.sqrt(float(slopes @ spend.covariance @ slopes))


def model_card(now: Lifetime, before: Lifetime) -> pd.DataFrame:
    """Set this month's parameters beside last month's.

    two of fit_lifetime  →  parameter | estimate, standard_error, low, high (95 %), before, moved: one row a parameter

    moved: last month's value lies outside this month's interval. Both months share most of their data, so that is no chance: the
    customers have changed, or the model no longer suits them. No rows for the plain rule; before is null where the model was another.
    [S95]
    """
    if now.fitted is None:
        return pd.DataFrame(columns=["parameter", "estimate", "standard_error", "low", "high", "before", "moved"])
    card = now.fitted.table()
    same = before.fitted is not None and before.model == now.model
    card["before"] = before.fitted.parameters if same and before.fitted is not None else np.nan
    return card.assign(moved=(card["before"] < card["low"]) | (card["before"] > card["high"]))
