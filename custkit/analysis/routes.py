"""Shopping routes across orders: who bought A, what did they buy later, after how long, and does the order of the two matter?"""

from __future__ import annotations

from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _
from scipy.stats import binom

from custkit.analysis.itemsets import baskets
from custkit.analysis.rates import false_discovery
from custkit.analysis.rules import ALPHA, NOTABLE
from custkit.engine import beside, frame, to_float

Step = Literal["next-order", "any-later"]
STEPS: tuple[Step, ...] = ("next-order", "any-later")
# The most bought items are looked at; with 200 there are 39,800 routes.
MAX_PRODUCTS = 200
_MANY = 1000
_ROUTES = {
    "antecedent": "str",
    "consequent": "str",
    "antecedent_customers": "int64",
    "route_customers": "int64",
    "reverse_customers": "int64",
    "confidence": "float64",
    "expected_customers": "float64",
    "times_expected": "float64",
    "wait_first_quartile": "float64",
    "wait_median": "float64",
    "wait_third_quartile": "float64",
    "p_value": "float64",
    "q_value": "float64",
    "is_significant": "bool",
}


def visits(order_lines: ir.Table, products: ir.Table, *, level: str = "product_id") -> ir.Table:
    """What each customer bought on each day. Orders of one customer on one day are one visit; guests have no route.

    order_lines, products  →  customer_id | visit_date | item, visit_number (1 for the customer's first in these lines)
    """
    known = order_lines.filter(_.customer_id.notnull())
    when = known.group_by("order_id").aggregate(customer_id=_.customer_id.min(), visit_date=_.ordered_at.min().date())
    bought = baskets(known, products, level=level).rename(order_id="basket_id").join(when, "order_id")
    days = bought.select("customer_id", "visit_date", "item").distinct()
    number = ibis.dense_rank().over(group_by=days.customer_id, order_by=days.visit_date) + 1
    return days.mutate(visit_number=number)


def routes(visits: ir.Table, *, step: Step = "any-later", min_customers: int = 30, max_products: int = MAX_PRODUCTS) -> pd.DataFrame:
    """Routes from item to item in time, one row a direction, and whether their order is more than chance.

    customer_id | visit_date | item, visit_number  →  antecedent, consequent, antecedent_customers, route_customers, reverse_customers,
    confidence (route_customers / antecedent_customers), expected_customers, times_expected, wait_first_quartile, wait_median,
    wait_third_quartile (days), p_value, q_value, is_significant

    any-later: `route_customers`, whose first A lies before their first B, on another day. Expected is what a random order of each
    customer's own visits gives: with A in a visits, B in b and either in u, A alone comes first in (u − b) of u orders; where the
    items sell more in some months than in others, the order that fits the months is the likelier. That keeps what, how much and in
    which season customers buy, so that favourites, frequent products, Easter eggs and novelties make no route.
    next-order: `route_customers`, who took B in the visit right after A more often than A right after B. Expected is half of those who took
    either step more often, because a random order knows no direction. A trend over the months hardly touches it.

    Waiting times are those of the customers who made the step; who has not made it yet may still. Products in fewer than `min_customers`
    customers and those beyond the `max_products` most bought are not looked at, nor are routes that fewer than `min_customers` took.
    Significant: at least a tenth more than expected, one-sided, at most 5 % false discoveries over all routes that enough
    customers could have taken. Where more than a thousand routes are listed, only significant ones get their waiting times. [S12]

    Raises ValueError for a step that is none.
    """
    if step not in STEPS:
        raise ValueError(f"step={step!r}; have {', '.join(STEPS)}")
    counts = visits.group_by("item").aggregate(customers=_.customer_id.nunique()).filter(_.customers >= min_customers)
    buyers = frame(counts.order_by([ibis.desc("customers"), "item"]).limit(max_products))
    if len(buyers) < 2:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _ROUTES.items()})
    seen = visits.filter(visits.item.isin(sorted(buyers["item"])))
    per_customer = _later(seen, visits) if step == "any-later" else _next(seen)
    totals = per_customer.group_by(["a", "b"]).aggregate(
        forward=_.forward.sum(),
        backward=_.backward.sum(),
        both=_.count(),
        expected=_.expected_forward.sum(),
        expected_back=_.expected_backward.sum(),
    )
    # Whoever bought both says nothing about the order: pairs too rare for a claim are no test made.
    found = frame(totals.filter(_.both >= min_customers))
    ahead = found.rename(columns={"a": "antecedent", "b": "consequent", "forward": "route_customers", "backward": "reverse_customers"})
    back = found.drop(columns="expected").rename(
        columns={
            "b": "antecedent",
            "a": "consequent",
            "backward": "route_customers",
            "forward": "reverse_customers",
            "expected_back": "expected",
        }
    )
    listed = pd.concat([ahead.drop(columns="expected_back"), back], ignore_index=True).query("route_customers >= @min_customers")
    judged = _judged(listed, buyers, tests=2 * len(found))
    return _with_waits(judged, per_customer)


def _later(seen: ir.Table, visits: ir.Table) -> ir.Table:
    """customer, a < b: did the first a come before the first b, and how likely is that if the visits came in any order?

    The order that fits the months better is the likelier one: what sells in spring comes before what sells in summer.
    """
    firsts = seen.group_by(["customer_id", "item"]).aggregate(first=_.visit_date.min(), n=_.count())
    left = firsts.select("customer_id", a=_.item, first_a=_.first, n_a=_.n)
    right = firsts.select("customer_id", b=_.item, first_b=_.first, n_b=_.n)
    pairs = left.join(right, ["customer_id", left.a < right.b])
    left, right = seen.select("customer_id", "visit_date", a=_.item), seen.select("customer_id", "visit_date", b=_.item)
    met = left.join(right, ["customer_id", "visit_date", left.a < right.b]).group_by(["customer_id", "a", "b"]).aggregate(n_both=_.count())
    joined = pairs.left_join(met, ["customer_id", "a", "b"])
    both = joined.n_both.fill_null(0)
    early = (joined.first_a <= joined.first_b).ifelse(joined.first_a, joined.first_b)
    late = (joined.first_a <= joined.first_b).ifelse(joined.first_b, joined.first_a)
    dated = joined.select(
        "a",
        "b",
        only_a=to_float(joined.n_a - both),
        only_b=to_float(joined.n_b - both),
        either=to_float(joined.n_a + joined.n_b - both),
        early=_month(early),
        late=_month(late),
        wait=joined.first_b.epoch_days() - joined.first_a.epoch_days(),
    ).view()  # or Ibis takes the next join for part of this one and loses the columns computed here
    seasons = _seasons(seen, visits)
    of_a = beside(seen, seasons.rename_columns({"item": "a", "fits": "fits_a"}))
    of_b = beside(seen, seasons.rename_columns({"item": "b", "fits": "fits_b"}))
    dated = dated.join(of_a, ["a", "early", "late"]).select(*dated.columns, "fits_a").view()
    dated = dated.join(of_b, ["b", "early", "late"]).select(*dated.columns, "fits_b")
    # a early and b late against b early and a late, each as likely as the months and the number of visits make it
    weight_a, weight_b = dated.only_a * dated.fits_a, dated.only_b * dated.fits_b
    apart = (dated.only_a + dated.only_b) / dated.either
    split = (weight_a + weight_b).nullif(0.0)
    return dated.select(
        "a",
        "b",
        forward=(dated.wait > 0).ifelse(1, 0),
        backward=(dated.wait < 0).ifelse(1, 0),
        expected_forward=(apart * weight_a / split).fill_null(0.0),
        expected_backward=(apart * weight_b / split).fill_null(0.0),
        wait=dated.wait,
    )


def _month(day: ir.DateColumn) -> ir.IntegerColumn:
    return day.year().cast("int64") * 12 + day.month().cast("int64")


def _seasons(seen: ir.Table, visits: ir.Table) -> pa.Table:
    """item, early, late (months) | fits: how much more of the visits of the early month hold the item than of the late one."""
    days = visits.select("customer_id", "visit_date").distinct()
    all_visits = frame(days.group_by(month=_month(days.visit_date)).aggregate(visits=_.count())).set_index("month")["visits"].sort_index()
    sold = frame(seen.group_by("item", month=_month(seen.visit_date)).aggregate(held=_.count()))
    held = sold.pivot_table(index="item", columns="month", values="held", fill_value=0).reindex(columns=all_visits.index, fill_value=0)
    share = (held.to_numpy(float) + 0.5) / (all_visits.to_numpy(float) + 1.0)
    fits = share[:, :, None] / share[:, None, :]
    item, early, late = (axis.ravel() for axis in np.indices(fits.shape))
    months = all_visits.index.to_numpy()
    columns = {"item": held.index.to_numpy(dtype=object)[item], "early": months[early], "late": months[late], "fits": fits.ravel()}
    return pa.table(columns)


def _next(seen: ir.Table) -> ir.Table:
    """customer, a < b: did b follow right after a more often than a after b?"""
    left = seen.select("customer_id", x=_.item, at=_.visit_number + 1, day=_.visit_date)
    right = seen.select("customer_id", y=_.item, at=_.visit_number, next_day=_.visit_date)
    steps = left.join(right, ["customer_id", "at", left.x != right.y])
    ahead = steps.x < steps.y
    folded = steps.select(
        "customer_id",
        a=ahead.ifelse(steps.x, steps.y),
        b=ahead.ifelse(steps.y, steps.x),
        direction=ahead.ifelse(1, -1),
        wait=steps.next_day.epoch_days() - steps.day.epoch_days(),
    )
    each = folded.group_by(["customer_id", "a", "b"]).aggregate(
        net=_.direction.sum(), wait_ab=_.wait.min(where=_.direction == 1), wait_ba=_.wait.min(where=_.direction == -1)
    )
    either = each.filter(each.net != 0)
    half = ibis.literal(0.5, type="float64")
    return either.select(
        a=either.a,
        b=either.b,
        forward=(either.net > 0).ifelse(1, 0),
        backward=(either.net < 0).ifelse(1, 0),
        expected_forward=half,
        expected_backward=half,
        wait=(either.net > 0).ifelse(either.wait_ab, -either.wait_ba),
    )


def _judged(listed: pd.DataFrame, buyers: pd.DataFrame, *, tests: int) -> pd.DataFrame:
    bought = dict(zip(buyers["item"], buyers["customers"], strict=True))
    taken = listed["route_customers"].to_numpy(float)
    expected, both = listed["expected"].to_numpy(float), listed["both"].to_numpy(float)
    # Customers differ in how likely they are to make the step; a binomial of the same mean is at least as wide.
    p = binom.sf(taken - 1, both, np.minimum(expected * NOTABLE / both, 1.0))
    q = np.array(false_discovery(p.tolist(), tests=tests))
    antecedent_customers = listed["antecedent"].map(bought)
    return listed.assign(
        antecedent_customers=antecedent_customers,
        confidence=taken / antecedent_customers.to_numpy(float),
        expected_customers=expected,
        times_expected=np.divide(taken, expected, out=np.full(len(taken), np.nan), where=expected > 0),
        p_value=p,
        q_value=q,
        is_significant=(q <= ALPHA) & (taken > expected * NOTABLE),
    )


def _with_waits(judged: pd.DataFrame, per_customer: ir.Table) -> pd.DataFrame:
    timed = judged if len(judged) <= _MANY else judged[judged["is_significant"]]
    names = sorted({*timed["antecedent"], *timed["consequent"]})
    wanted = (
        per_customer.filter(per_customer.a.isin(names) & per_customer.b.isin(names) & (per_customer.wait != 0))
        if names
        else per_customer.limit(0)
    )
    directed = wanted.select(
        antecedent=(wanted.wait > 0).ifelse(wanted.a, wanted.b),
        consequent=(wanted.wait > 0).ifelse(wanted.b, wanted.a),
        days=to_float(wanted.wait.abs()),
    )
    waits = directed.group_by(["antecedent", "consequent"]).aggregate(
        wait_first_quartile=_.days.quantile(0.25), wait_median=_.days.quantile(0.5), wait_third_quartile=_.days.quantile(0.75)
    )
    whole = judged.merge(frame(waits), on=["antecedent", "consequent"], how="left")
    ordered = whole.sort_values(
        ["is_significant", "times_expected", "route_customers", "antecedent", "consequent"], ascending=[False, False, False, True, True]
    )
    return ordered[list(_ROUTES)].astype(_ROUTES).reset_index(drop=True)
