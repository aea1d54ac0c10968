"""The definition passport: how each word can be counted, which way this client counts it, and what the others would say."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import pandas as pd

from custkit.analysis.intervals import skewed_interval
from custkit.analysis.rates import wilson
from custkit.client import Definitions
from custkit.period import Period
from custkit.words import mark


class Definition(NamedTuple):
    """One way to count a measure: the columns of `monthly_kpis` that hold its value, numerator and denominator, and how it is told."""

    value: str
    top: str
    base: str
    text: str


# Every measure that the field counts in several ways, by the name of the client file. The first is the kit's own.
WAYS: dict[str, dict[str, Definition]] = {
    "repurchase_rate": {
        "two_days": Definition(
            "repurchase_rate", "repeat_customers", "repurchase_base",
            mark("Customers who bought on two or more days of the last 365 / customers who bought in them."),
        ),
        "two_orders": Definition(
            "repurchase_rate_by_order", "repeat_customers_by_order", "repurchase_base",
            mark("Customers with two or more orders in the last 365 days, on one day too / customers who bought in them."),
        ),
        "mature": Definition(
            "repurchase_rate_mature", "repeat_customers_mature", "repurchase_base_mature",
            mark("Of customers of the last 365 days who first bought at least 90 days ago: those who bought on two or more days of them."),
        ),
        "all_time": Definition(
            "repurchase_rate_all_time", "repeat_customers_ever", "customers_ever",
            mark("Customers who bought on two or more days since the data begin / all who ever bought."),
        ),
    },
    "spend_per_customer": {
        "month": Definition(
            "spend_per_customer", "known_revenue", "customers",
            mark("Revenue of known customers in the month / customers who bought in it."),
        ),
        "average_month": Definition(
            "average_spend_per_customer", "revenue_year", "customer_months",
            mark("Revenue of known customers in the last 12 months / the months in which each of them bought: an average month."),
        ),
        "cumulative": Definition(
            "cumulative_spend_per_customer", "revenue_ever", "customers_ever",
            mark("All revenue of known customers since the data begin / all who ever bought."),
        ),
    },
    "aov": {
        "known": Definition(
            "aov", "known_revenue", "orders",
            mark("Revenue of known customers in the month / their orders; never the mean of order lines."),
        ),
        "with_guests": Definition(
            "aov_with_guests", "revenue", "all_orders",
            mark("All revenue of the month / all its orders, guests included; never the mean of order lines."),
        ),
        "cumulative": Definition(
            "cumulative_aov", "revenue_ever", "orders_ever",
            mark("All revenue of known customers since the data begin / all their orders."),
        ),
    },
    "churn_rate": {
        "dormant_or_lost": Definition(
            "churn_rate", "churned", "churn_base",
            mark("Of those who bought in the time before the month after which a customer counts as dormant: dormant or lost at its end."),
        ),
        "dormant": Definition(
            "dormant_rate", "churned_dormant", "churn_base",
            mark("Of those who bought in the time before the month after which a customer counts as dormant: dormant at its end."),
        ),
        "lost": Definition(
            "lost_rate", "churned_lost", "churn_base",
            mark("Of those who bought in the time before the month after which a customer counts as dormant: gone for good at its end."),
        ),
    },
    "activity_rate": {
        "any_event": Definition(
            "activity_rate", "active_customers", "registered",
            mark("Customers who bought, were seen or registered in the days that the client file calls active / all registered."),
        ),
        "purchases": Definition(
            "activity_rate_by_purchase", "active_buyers", "registered",
            mark("Customers who bought in the days that the client file calls active / all registered."),
        ),
    },
    "first_purchase_rate": {
        "all_registered": Definition(
            "first_purchase_rate", "first_buyers", "registered",
            mark("Registered customers who have bought at least once / all registered."),
        ),
        "mature": Definition(
            "first_purchase_rate_mature", "first_buyers_mature", "registered_mature",
            mark("Of those who registered at least 90 days ago: customers who have bought at least once."),
        ),
    },
}  # fmt: skip
# Measures told in one row, not month by month: definition → how it is told.
PLAIN_WAYS: dict[str, dict[str, str]] = {
    "second_purchase": {
        "km_median": mark("Days until half of all first-time buyers are back, counting those who are not yet (Kaplan–Meier)."),
        "median": mark("Median days of those who came back; who has not is left out."),
        "mean": mark("Mean days of those who came back; who has not is left out."),
    },
    "customer_value": {
        "corrected": mark("Order value × orders per customer × gross margin − cost of winning a customer, over the last 365 days."),
        "as_briefed": mark("Spend per customer × repurchases × gross margin − cost of winning a customer; counts orders twice."),
    },
}
# By the name in the client file; `auto` by the model it comes to.
LIFETIME_WAYS: dict[str, str] = {
    "bg_nbd": mark("Expected revenue per customer in the next 12 months: purchases by BG/NBD, money by Gamma-Gamma."),
    "mbg_nbd": mark("Expected revenue per customer in the next 12 months: purchases by MBG/NBD, money by Gamma-Gamma."),
    "pareto_nbd": mark("Expected revenue per customer in the next 12 months: purchases by Pareto/NBD, money by Gamma-Gamma."),
    "plain": mark("Expected revenue per customer in the next 12 months: as those brought who stood there before, without a model."),
}
AUTO_WAYS: dict[str, str] = {
    "bg_nbd": mark("Expected revenue per customer in the next 12 months by the model that holds best, here BG/NBD."),
    "mbg_nbd": mark("Expected revenue per customer in the next 12 months by the model that holds best, here MBG/NBD."),
    "pareto_nbd": mark("Expected revenue per customer in the next 12 months by the model that holds best, here Pareto/NBD."),
    "plain": mark("Expected revenue per customer in the next 12 months; no model holds, so as those brought who stood there before."),
}
COLUMNS = ("measure", "name", "definition", "chosen", "since", "unit", "value", "low", "high", "n")
UNITS: dict[str, Literal["share", "money", "days"]] = {
    "repurchase_rate": "share", "spend_per_customer": "money", "aov": "money", "churn_rate": "share", "activity_rate": "share",
    "first_purchase_rate": "share", "second_purchase": "days", "customer_value": "money", "lifetime_value": "money",
}  # fmt: skip


def as_chosen(kpis: pd.DataFrame, *, definitions: Definitions) -> pd.DataFrame:
    """Put into each measure's column the value by the definition that the client counts by in that month.

    monthly_kpis  →  the same rows and columns | repurchase_rate, repurchase_rate_top, _base, _definition (a name), _since (a month), …

    Where the definition changes from one month to the next the series breaks: `_definition` says so, and `changes` compares nothing
    across it.
    """
    if kpis.empty:
        return kpis.assign(**{f"{m}_{part}": [] for m in WAYS for part in ("top", "base", "definition", "since")})
    made: dict[str, pd.Series] = {}
    for measure, ways in WAYS.items():
        months = [Period.parse(month) for month in kpis["month"]]
        names = pd.Series([definitions.at(measure, month) for month in months], index=kpis.index, dtype="str")
        made[f"{measure}_definition"] = names
        made[f"{measure}_since"] = pd.Series([definitions.since(measure, month) for month in months], index=kpis.index, dtype="str")
        for part, column in (("", "value"), ("_top", "top"), ("_base", "base")):
            made[f"{measure}{part}"] = _picked(kpis, names, {name: getattr(way, column) for name, way in ways.items()})
    return kpis.assign(**made)


def _picked(kpis: pd.DataFrame, names: pd.Series, columns: dict[str, str]) -> pd.Series:
    picked = pd.Series(float("nan"), index=kpis.index, dtype="Float64")
    for name in names.unique():
        picked = picked.mask(names == name, kpis[columns[name]].astype("Float64"))
    return picked.astype("float64")


def passport(
    kpis: pd.DataFrame,
    noise: pd.DataFrame,
    waits: pd.DataFrame,
    worth: pd.DataFrame,
    lifetimes: pd.DataFrame,
    *,
    definitions: Definitions,
    period: Period,
) -> pd.DataFrame:
    """Set every way to count a measure side by side with what it says for this client; the way that counts comes first.

    monthly_kpis, month_noise, second_purchase_summary, customer_value, lifetime_ways  →  measure, name, definition | chosen (bool),
    since (a month, or empty), unit, value, low, high (95 % interval), n

    A way whose value is unknown is left out, unless it is the chosen one. The first-purchase rate is left out where everybody who is
    registered has bought: then the registrations are unknown. [S1–S6, S18, S21, S22]
    """
    rows = [row for measure in WAYS for row in _month_ways(measure, kpis, noise)]
    rows += [*_wait_ways(waits), *_worth_ways(worth), *_lifetime_ways(lifetimes)]
    told = pd.DataFrame(rows, columns=["measure", "name", "definition", "value", "low", "high", "n"])
    told["chosen"] = [definitions.at(row.measure, period) == row.name for row in told.itertuples(index=False)]
    told["since"] = [definitions.since(row.measure, period) if row.chosen else "" for row in told.itertuples(index=False)]
    told["unit"] = told["measure"].map(UNITS)
    order = {measure: i for i, measure in enumerate(UNITS)}
    kept = told[told["value"].notna() | told["chosen"]]
    return kept.sort_values(
        ["measure", "chosen"],
        key=lambda column: column.map(order) if column.name == "measure" else ~column,
        kind="stable",
        ignore_index=True,
    )[list(COLUMNS)]


def _month_ways(measure: str, kpis: pd.DataFrame, noise: pd.DataFrame) -> list[tuple[object, ...]]:
    if kpis.empty:
        return []
    now, spread = kpis.iloc[-1], noise.set_index(["measure", "name"])
    if measure == "first_purchase_rate" and pd.notna(now["registered"]) and now["first_buyers"] == now["registered"]:
        return []
    rows: list[tuple[object, ...]] = []
    for name, way in WAYS[measure].items():
        value, top, base = (math.nan if pd.isna(now[column]) else float(now[column]) for column in (way.value, way.top, way.base))
        low = high = math.nan
        if not math.isnan(value) and UNITS[measure] == "share":
            low, high = wilson(int(top), int(base))
        elif (measure, name) in spread.index:
            low, high = skewed_interval(value, *spread.loc[(measure, name), ["variance", "skewness"]])
        rows.append((measure, name, way.text, value, low, high, base))
    return rows


def _wait_ways(waits: pd.DataFrame) -> list[tuple[object, ...]]:
    if waits.empty:
        return []
    row, texts = waits.iloc[0], PLAIN_WAYS["second_purchase"]
    return [
        ("second_purchase", name, text, row[f"{name}_days"], row[f"{name}_low"], row[f"{name}_high"],
         row["customers"] if name == "km_median" else row["repeaters"])
        for name, text in texts.items()
    ]  # fmt: skip


def _worth_ways(worth: pd.DataFrame) -> list[tuple[object, ...]]:
    by_name = worth.set_index("definition")
    return [
        ("customer_value", name, text, row["customer_value"], row["low"], row["high"], row["customers"])
        for name, text in PLAIN_WAYS["customer_value"].items()
        if name.replace("_", " ") in by_name.index
        for row in [by_name.loc[name.replace("_", " ")]]
    ]


def _lifetime_ways(lifetimes: pd.DataFrame) -> list[tuple[object, ...]]:
    return [
        ("lifetime_value", row.name_, AUTO_WAYS[row.model] if row.name_ == "auto" else LIFETIME_WAYS[row.name_], row.value, row.low,
         row.high, row.customers)
        for row in lifetimes.rename(columns={"name": "name_"}).itertuples(index=False)
    ]  # fmt: skip
