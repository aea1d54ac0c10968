"""What the client knows of its customers, and what each group buys differently: gender, age, household, region, income. [S45]"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from functools import reduce

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.crosses import UNKNOWN
from custkit.analysis.rates import SMALL_SAMPLE, false_discovery, wilson
from custkit.analysis.ratios import Sums, difference
from custkit.engine import frame
from custkit.tables import SALE
from custkit.words import mark

GENDER, AGE, HOUSEHOLD, REGION, INCOME, OCCUPATION = (
    mark("gender"), mark("age"), mark("household size"), mark("region"), mark("income"), mark("occupation"),
)  # fmt: skip
ATTRIBUTES = (GENDER, AGE, HOUSEHOLD, REGION, INCOME, OCCUPATION)
OTHERS = mark("others")
# Years of age: the first of each band; people below the first one are children by a slip of the pen, or not known.
_AGES = ((18, "18–24"), (25, "25–34"), (35, "35–44"), (45, "45–54"), (55, "55–64"), (65, "65+"))
_OLDEST = 110
_MOST_VALUES = 12
_EXPECTED_BUYERS = 10  # of a category in a group, if the group were as the others: below it the normal curve is no guide
ALPHA = 0.05
_SHARES = {
    "attribute": "str", "group": "str", "customers": "int64", "customer_share": "float64", "low": "float64", "high": "float64",
    "revenue": "float64", "revenue_share": "float64", "spend_per_customer": "float64", "rest_spend": "float64", "spend_q": "float64",
    "spend_differs": "bool", "orders_per_customer": "float64",
}  # fmt: skip
_CELLS = {
    "attribute": "str", "group": "str", "category": "str", "customers": "int64", "line_share": "float64", "rest_share": "float64",
    "times_rest": "float64", "difference": "float64", "low": "float64", "high": "float64", "q_value": "float64", "is_significant": "bool",
}  # fmt: skip


def known_groups(customers: ir.Table, *, as_of: datetime) -> ir.Table:
    """What is known of each customer, one row a fact.

    customers  →  customer_id, attribute ("gender", "age", "household size", "region", "income", "occupation") | group

    Age comes from the year of birth, in bands, where it is known and between 18 and 110 years ago, else as the client's own band. What is
    not known has no row. [S45]
    """
    age = ibis.literal(as_of.year) - customers.birth_year
    band = ibis.cases(*[(age.between(least, _OLDEST), name) for least, name in reversed(_AGES)], else_=customers.age_band)
    values = (
        (GENDER, customers.gender), (AGE, band), (HOUSEHOLD, customers.household_size), (REGION, customers.region),
        (INCOME, customers.income_band), (OCCUPATION, customers.occupation),
    )  # fmt: skip
    facts = [customers.select("customer_id", attribute=ibis.literal(name), group=value) for name, value in values]
    return reduce(lambda one, other: one.union(other), facts).filter(_.group.notnull())


def group_shares(purchases: ir.Table, customers: ir.Table, *, as_of: datetime, window_days: int = 365, least: int = 10) -> pd.DataFrame:
    """How those who bought in the window spread over the groups, and what each group spends.

    purchases, customers  →  attribute, group | customers, customer_share (of those known), low, high (95 %), revenue, revenue_share (of
    those known), spend_per_customer, rest_spend (of the other groups of the attribute), spend_q, spend_differs (beyond chance, at most
    5 % false discoveries over all groups), orders_per_customer

    The twelve groups with most customers, and with `least` or more, the others as "others", then "not known" with its share of all who
    bought. Nothing of an attribute of which nothing is known. Groups differ in more than their name: who is older has perhaps been a
    customer for longer. [Wilson 1927; Cochran 1977; S45]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    inside = purchases.filter(_.customer_id.notnull(), _.ordered_at >= as_of - timedelta(days=window_days), _.ordered_at < as_of)
    spent = inside.group_by("customer_id").aggregate(orders=_.count(), x=_.revenue.sum().cast("float64"))
    sums = _folded(spent.join(known_groups(customers, as_of=as_of), "customer_id"), {"orders": "orders"}, least)
    everyone = frame(spent.aggregate(customers=_.count(), revenue=_.x.sum(), orders=_.orders.sum())).fillna(0).iloc[0]
    rows = [part for attribute in ATTRIBUTES if len(part := _shares(sums[sums["attribute"] == attribute], everyone))]
    if not rows:
        return pd.DataFrame(columns=list(_SHARES)).astype(_SHARES)
    made = pd.concat(rows, ignore_index=True)
    p = made.pop("p_value").to_numpy("float64")
    made["spend_q"] = _adjusted(p)
    made["spend_differs"] = made["spend_q"] <= ALPHA
    return made[list(_SHARES)].astype(_SHARES)


def _folded(facts: ir.Table, more: dict[str, str], least: int) -> pd.DataFrame:
    """attribute, group | customers, x, xx and the sums of `more`; small groups of an attribute together."""
    sums = frame(
        facts.group_by("attribute", "group").aggregate(
            customers=_.count(), x=_.x.sum(), xx=(_.x * _.x).sum(), **{name: _[column].sum() for name, column in more.items()}
        )
    )
    return _without_tail(sums, least)


def _without_tail(sums: pd.DataFrame, least: int) -> pd.DataFrame:
    return sums.assign(group=sums["group"].where(_kept(sums, least), OTHERS)).groupby(["attribute", "group"], as_index=False).sum()


def _kept(sums: pd.DataFrame, least: int) -> pd.Series:
    """True for the groups that stand alone: the largest of each attribute, none of fewer than `least` customers, nor is what is left."""
    order = sums.sort_values(["attribute", "customers", "group"], ascending=[True, False, True])
    alone = (order.groupby("attribute").cumcount() < _MOST_VALUES) & (order["customers"] >= least)
    for _attribute, customers in order.groupby("attribute")["customers"]:
        together = customers[~alone[customers.index]].sum()
        if 0 < together < least and alone[customers.index].any():  # one group more, or who is left could be told by subtraction
            alone[alone[customers.index][lambda kept: kept].index[-1]] = False
    return alone.reindex(sums.index)


def _shares(sums: pd.DataFrame, everyone: pd.Series) -> pd.DataFrame:
    """One attribute's rows with the p-value of each group's spend against the rest."""
    if sums.empty:
        return sums
    ordered = sums.iloc[sorted(range(len(sums)), key=lambda i: _rank(str(sums["group"].iloc[i])))].reset_index(drop=True)
    n, revenue = int(ordered["customers"].sum()), float(ordered["x"].sum())
    rest = {name: ordered[name].sum() - ordered[name] for name in ("customers", "x", "xx")}
    tested = difference(_mean(ordered), _mean(pd.DataFrame(rest)))["p_value"]
    enough = (ordered["customers"] >= SMALL_SAMPLE) & (rest["customers"] >= SMALL_SAMPLE)
    bounds = [wilson(int(k), n) for k in ordered["customers"]]
    made = ordered.assign(
        customer_share=ordered["customers"] / n, low=[low for low, _high in bounds], high=[high for _low, high in bounds],
        revenue=ordered["x"], revenue_share=ordered["x"] / (revenue if revenue > 0 else math.nan),
        spend_per_customer=ordered["x"] / ordered["customers"], rest_spend=rest["x"] / rest["customers"].where(rest["customers"] > 0),
        p_value=tested.where(enough), orders_per_customer=ordered["orders"] / ordered["customers"],
    )  # fmt: skip
    unknown = int(everyone["customers"]) - n
    if not unknown:
        return made
    money, orders = float(everyone["revenue"]) - revenue, float(everyone["orders"]) - float(ordered["orders"].sum())
    blank = {
        "attribute": ordered["attribute"].iloc[0], "group": UNKNOWN, "customers": unknown,
        "customer_share": unknown / float(everyone["customers"]), "revenue": money, "spend_per_customer": money / unknown,
        "orders_per_customer": orders / unknown,
    }  # fmt: skip
    return pd.concat([made, pd.DataFrame([blank])], ignore_index=True)


def _rank(group: str) -> tuple[bool, float, bool, str]:
    """Bands by the first number in their names, "under 15" before "15 to 24"; other names by the alphabet; "others" last."""
    number = re.search(r"\d+", group)
    return group == OTHERS, float(number[0]) if number else math.inf, group[0].isdigit(), group


def _mean(sums: pd.DataFrame) -> Sums:
    n = sums["customers"].astype("float64")
    return Sums.of(sums["x"], n, sums["xx"], sums["x"], n, n)


def group_categories(
    order_lines: ir.Table, products: ir.Table, customers: ir.Table, *, as_of: datetime, window_days: int = 365, least: int = 10
) -> pd.DataFrame:
    """What each group buys more or less of than the other groups of its attribute.

    order lines, products, customers  →  attribute, group, category | customers (of the group), line_share (of the group's lines, those in
    the category), rest_share (of the others'), times_rest (line_share / rest_share), difference, low, high (95 %), q_value, is_significant

    A share of lines, so that a group that buys more of everything stands out in nothing; customers are independent, their lines are not.
    Looked at are groups and rests of 30 customers or more, and categories of which the group would hold ten buyers if it were as the
    others; significant with at most 5 % false discoveries over all of them. Clearest first. Products without a category are left out.
    [Cochran 1977; Benjamini & Hochberg 1995; S45]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    sold = order_lines.filter(
        _.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull(), _.ordered_at >= as_of - timedelta(days=window_days),
        _.ordered_at < as_of,
    )  # fmt: skip
    named = sold.join(products.filter(_.category.notnull()).select("product_id", "category"), "product_id")
    bought = named.group_by("customer_id", "category").aggregate(k=_.count())
    with bought.cache() as held:
        people = held.group_by("customer_id").aggregate(n=_.k.sum())
        facts = known_groups(customers, as_of=as_of)
        of_group = frame(
            people.join(facts, "customer_id")
            .group_by("attribute", "group")
            .aggregate(customers=_.count(), n=_.n.sum(), nn=(_.n * _.n).sum())
        )
        cells = held.join(people, "customer_id").join(facts, "customer_id").group_by("attribute", "group", "category")
        of_cell = frame(cells.aggregate(buyers=_.count(), k=_.k.sum(), kk=(_.k * _.k).sum(), kn=(_.k * _.n).sum()))
    return _cells(of_group, of_cell, least)


def _cells(of_group: pd.DataFrame, of_cell: pd.DataFrame, least: int) -> pd.DataFrame:
    kept = of_group.assign(kept=_kept(of_group, least))[["attribute", "group", "kept"]]
    of_cell = of_cell.merge(kept, on=["attribute", "group"])
    of_cell = of_cell.assign(group=of_cell["group"].where(of_cell["kept"], OTHERS)).drop(columns="kept")
    of_cell = of_cell.groupby(["attribute", "group", "category"], as_index=False).sum()
    groups = _without_tail(of_group, least)
    everyone = groups.groupby("attribute")[["customers", "n", "nn"]].sum().add_prefix("all_")
    totals = of_cell.groupby(["attribute", "category"])[["buyers", "k", "kk", "kn"]].sum().add_prefix("all_").reset_index()
    # Every group with every category of its attribute: what a group never buys is told too.
    grid = groups.merge(totals, on="attribute").merge(of_cell, on=["attribute", "group", "category"], how="left")
    grid = grid.merge(everyone, on="attribute").fillna(dict.fromkeys(("buyers", "k", "kk", "kn"), 0))
    rest = {name: grid[f"all_{name}"] - grid[name] for name in ("customers", "n", "nn", "k", "kk", "kn")}
    expected = grid["customers"] * (grid["all_buyers"] - grid["buyers"]) / rest["customers"].where(rest["customers"] > 0)
    tested = (grid["customers"] >= SMALL_SAMPLE) & (rest["customers"] >= SMALL_SAMPLE) & (expected >= _EXPECTED_BUYERS)
    one, other = (
        Sums.of(side["k"], side["n"], side["kk"], side["kn"], side["nn"], side["customers"]) for side in (grid, pd.DataFrame(rest))
    )
    gap = difference(one, other)
    made = pd.concat([grid[["attribute", "group", "category", "customers"]], gap], axis=1).assign(
        line_share=one.ratio,
        rest_share=other.ratio,
        times_rest=np.divide(one.ratio, other.ratio, out=np.full(len(grid), np.nan), where=other.k > 0),
    )[tested.to_numpy()]
    made["q_value"] = _adjusted(made["p_value"].to_numpy("float64"))
    made["is_significant"] = made["q_value"] <= ALPHA
    order = made.sort_values(["q_value", "attribute", "group", "category"], ignore_index=True)
    return order[list(_CELLS)].astype(_CELLS)


def _adjusted(p: np.ndarray) -> np.ndarray:
    q = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    q[known] = false_discovery(p[known].tolist())
    return q
