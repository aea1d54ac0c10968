"""Do they come back? Customers grouped by the month of their first order, followed month by month and day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.analysis.rates import wilson
from custkit.engine import frame
from custkit.period import Period

COHORT_COLUMNS = ("cohort", "period", "cohort_customers", "customers", "retention_rate", "orders", "revenue", "margin")
# First and last day after the first order, both counted.
DAY_WINDOWS = ((1, 30), (1, 60), (1, 90), (1, 180), (31, 60), (61, 90), (91, 180))


def cohorts(purchases: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Follow each month's new buyers through the calendar months since.

    one row a purchase  →  cohort ("2026-01"), period (whole calendar months since) | cohort_customers, customers, retention_rate,
    orders, revenue, margin

    `customers` are those of the cohort who bought in that month; `retention_rate` is of `cohort_customers`. A month that has not
    ended by `as_of` is null in every measure, never 0; a month that has ended without an order is 0. A month without a new buyer has
    no cohort. `margin` is null where the cost
    of one order is not known. Guests belong to no cohort. The first cohort of the data holds older customers too. [S6]
    """
    month_end = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    known = purchases.filter(_.customer_id.notnull(), _.ordered_at < month_end)
    first = known.group_by("customer_id").aggregate(first_date=_.order_date.min())
    month_number = _.order_date.year() * 12 + _.order_date.month()
    counted = frame(
        known.join(first, "customer_id")
        .mutate(month=month_number, cohort=_.first_date.year() * 12 + _.first_date.month())
        .group_by("cohort", "month")
        .aggregate(
            customers=_.customer_id.nunique(),
            orders=_.order_id.nunique(),
            revenue=_.revenue.sum(),
            cost=_.cost_amount.sum(),
            unknown_cost=_.cost_amount.isnull().ifelse(1, 0).sum(),
        )
    )
    return _triangle(counted, last=month_end.year * 12 + month_end.month - 1)


def _triangle(counted: pd.DataFrame, *, last: int) -> pd.DataFrame:
    """Every cohort from the first to the last month, every period to the longest; future null, quiet months 0."""
    if counted.empty:
        return _typed(pd.DataFrame(columns=list(COHORT_COLUMNS)))
    months = range(int(counted["cohort"].min()), last + 1)
    grid = pd.MultiIndex.from_product([months, range(len(months))], names=["cohort", "period"])
    filled = counted.assign(period=counted["month"] - counted["cohort"]).set_index(["cohort", "period"]).reindex(grid)
    filled["margin"] = (filled["revenue"] - filled["cost"]).where(filled["unknown_cost"] == 0)
    measures = ["customers", "orders", "revenue"]
    filled[measures] = filled[measures].fillna(0)
    filled["margin"] = filled["margin"].where(filled["unknown_cost"].notna(), 0.0)
    size = filled.xs(0, level="period")["customers"]
    filled = filled.reset_index()
    filled["cohort_customers"] = filled["cohort"].map(size)
    filled["retention_rate"] = filled["customers"] / filled["cohort_customers"].where(filled["cohort_customers"] > 0)
    future = filled["cohort"] + filled["period"] > last
    filled.loc[future, [*measures, "margin", "retention_rate"]] = None
    filled = filled[filled["cohort_customers"] > 0].reset_index(drop=True)
    filled["cohort"] = [_month(number) for number in filled["cohort"]]
    return _typed(filled[list(COHORT_COLUMNS)])


AGES = (0, 1, 2, 3, 6, 9, 12)


def cohort_ages(triangle: pd.DataFrame, *, ages: Sequence[int] = AGES) -> pd.DataFrame:
    """What a new customer has brought by so many months after the month of the first order.

    cohorts  →  age_months | cohort_customers, retention_rate, orders_per_customer, revenue_per_customer, margin_per_customer

    Each row rests on the cohorts that are so old (`cohort_customers` of them together), so that rows are of different customers.
    `retention_rate` is of that month alone, the others are summed up to its end; a month no cohort has reached has no row. `margin` is
    null where the cost of one order is not known.
    """
    ordered = triangle.sort_values(["cohort", "period"])
    sums = ordered.groupby("cohort")[["orders", "revenue", "margin"]].cumsum(skipna=False)
    reached = ordered[["period", "cohort_customers", "customers"]].join(sums)
    reached = reached[reached["customers"].notna() & reached["period"].isin(list(ages))]
    by_age = reached.groupby("period").agg(
        cohort_customers=("cohort_customers", "sum"),
        customers=("customers", "sum"),
        orders=("orders", "sum"),
        revenue=("revenue", "sum"),
        margin=("margin", lambda margins: margins.sum(skipna=False)),
    )
    told = by_age.rename_axis("age_months").reset_index()
    told = told.assign(retention_rate=told["customers"].astype("float64") / told["cohort_customers"])
    for name in ("orders", "revenue", "margin"):
        told[f"{name}_per_customer"] = told[name].astype("float64") / told["cohort_customers"]
    return told[["age_months", "cohort_customers", "retention_rate", *(f"{name}_per_customer" for name in ("orders", "revenue", "margin"))]]


def _month(number: int) -> str:
    year, month = divmod(number - 1, 12)
    return str(Period(year, month + 1))


def _typed(triangle: pd.DataFrame) -> pd.DataFrame:
    counts = {"period": "int64", "cohort_customers": "int64", "customers": "Int64", "orders": "Int64"}
    shares = dict.fromkeys(("retention_rate", "revenue", "margin"), "float64")
    return triangle.astype({"cohort": "str", **counts, **shares}).reset_index(drop=True)


def day_retention(purchases: ir.Table, *, as_of: datetime, windows: Sequence[tuple[int, int]] = DAY_WINDOWS) -> pd.DataFrame:
    """Share of customers who bought again between two days after their first order.

    one row a purchase  →  from_day, to_day | n, customers, retention_rate, low, high   (one row a window, in the order given)

    Only customers whose window has ended are asked (`n`): who came last week cannot have returned within 90 days. The day of the first
    order is day 0 and does not count. low, high: 95 % Wilson interval. [S1, N-day and n..m-day retention]

    Raises ValueError for a window that ends before it begins or begins before day 1.
    """
    for start, end in windows:
        if not 1 <= start <= end:
            raise ValueError(f"window {(start, end)} is none: its first day is 1 or later and its last not before it")
    # as_of is exclusive: an order of its own day has not happened yet.
    today = ibis.literal((as_of - timedelta(microseconds=1)).date())
    known = purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of)
    first = known.group_by("customer_id").aggregate(first_date=_.order_date.min())
    waited = known.join(first, "customer_id").mutate(days_since=_.order_date.delta(_.first_date, unit="day"))
    returned = {f"back_{start}_{end}": _.days_since.between(start, end).ifelse(1, 0).max() for start, end in windows}
    people = waited.group_by("customer_id", "first_date").aggregate(**returned)
    aged = people.mutate(age=today.delta(people.first_date, unit="day"))
    counts = frame(
        aged.aggregate(
            **{f"n_{start}_{end}": (_.age >= end).ifelse(1, 0).sum() for start, end in windows},
            **{f"back_{start}_{end}": _[f"back_{start}_{end}"].sum(where=_.age >= end) for start, end in windows},
        )
    ).fillna(0)
    return pd.DataFrame(
        [_rate(start, end, int(counts[f"n_{start}_{end}"].iloc[0]), int(counts[f"back_{start}_{end}"].iloc[0])) for start, end in windows],
        columns=["from_day", "to_day", "n", "customers", "retention_rate", "low", "high"],
    )


def _rate(start: int, end: int, n: int, customers: int) -> tuple[int, int, int, int, float, float, float]:
    return start, end, n, customers, customers / n if n else float("nan"), *wilson(customers, n)


def churn_spells(customers: ir.Table, purchases: ir.Table, *, as_of: datetime, dormant_days: int) -> pd.DataFrame:
    """Count the days from the first order until a customer falls silent for `dormant_days` or says farewell.

    one row a customer, purchase  →  duration_days, observed | n   for `survival.kaplan_meier`

    The spell ends `dormant_days` after the last order before the first long silence, or at `closed_at` where that comes first, so
    nobody's ends sooner than after `dormant_days` but by farewell. Who is still within reach is cut off at `as_of`. [S4, S60]
    """
    today = ibis.literal((as_of - timedelta(microseconds=1)).date())
    bought = purchases.filter(_.customer_id.notnull(), _.ordered_at < as_of).select("customer_id", "order_date").distinct()
    journey = ibis.window(group_by="customer_id", order_by="order_date")
    silences = (
        bought.mutate(next_date=_.order_date.lead().over(journey))
        .mutate(gap=ibis.coalesce(_.next_date, today).delta(_.order_date, unit="day"))
        .group_by("customer_id")
        .aggregate(
            first_date=_.order_date.min(),
            silent_from=_.order_date.min(where=_.gap > dormant_days),
        )
    )
    farewells = customers.filter(_.closed_at < as_of).select("customer_id", closed_date=_.closed_at.date())
    lives = (
        silences.left_join(farewells, "customer_id")
        .drop("customer_id_right")
        .mutate(silent_date=_.silent_from + ibis.interval(days=dormant_days))
        .mutate(end_date=ibis.least(_.silent_date.cast("date"), (_.closed_date >= _.first_date).ifelse(_.closed_date, None)))
        .mutate(observed=_.end_date.notnull(), duration_days=ibis.coalesce(_.end_date, today).delta(_.first_date, unit="day"))
    )
    return _counted(lives)


def _counted(waits: ir.Table) -> pd.DataFrame:
    spells = frame(waits.group_by("duration_days", "observed").aggregate(n=_.count()))
    return spells.astype({"duration_days": "int64", "observed": "bool", "n": "int64"}).sort_values(
        ["duration_days", "observed"], ignore_index=True
    )
