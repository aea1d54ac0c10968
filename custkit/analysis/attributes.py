"""What purchases suggest about a customer, by the client's own rules, and whether the suggestion holds in the month after. [S80 S81 S82]"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.favourites import product_names
from custkit.analysis.rates import SMALL_SAMPLE, Z95, wilson
from custkit.attribute_rules import AttributeRule
from custkit.engine import frame, to_float
from custkit.tables import SALE
from custkit.words import mark

HOLDS, NO_BETTER, TOO_FEW, NO_RULE = mark("holds"), mark("no better than chance"), mark("too few to tell"), mark("nothing to check by")
MONTH = 30  # days of a pace
PACE_TIMES = 3  # purchase days from which a pace is known
# Products in the month: customers are compared with others whose orders hold as many.
_BASKETS = (1, 2, 3, 5, 8, 13, 21)
_CHECKS = {
    "attribute": "str", "customers": "int64", "holders": "int64", "bought": "int64", "precision": "float64", "precision_low": "float64",
    "precision_high": "float64", "others": "int64", "base_rate": "float64", "others_rate": "float64", "attribute_lift": "float64",
    "lift_low": "float64", "lift_high": "float64", "verdict": "str",
}  # fmt: skip


def inferred_attributes(order_lines: ir.Table, products: ir.Table, *, rules: Sequence[AttributeRule], as_of: datetime) -> ir.Table:
    """Who fits which rule, with what speaks for it.

    order lines, products  →  customer_id, attribute | evidence (the fitting product bought on most days), evidence_days, last_evidence
    (date), pace (pieces used up in 30 days; null where the rule asks for none)

    A guess from purchases, which may have been gifts: nothing here is known of a customer. Two orders on one day are one time. A pace is
    what was bought from the first day up to, not with, the last, which is not used up yet, by the days between; it takes three days or
    more. Sales of products before `as_of`; guests left out; a customer may fit several rules. [S80, S81, S82]
    """
    lines = _lines(order_lines).filter(_.ordered_at < as_of)
    named = product_names(products)
    found = [_fitting(lines, named, rule, as_of) for rule in rules]
    return reduce(lambda one, other: one.union(other), found) if found else _nobody(lines)


def _lines(order_lines: ir.Table) -> ir.Table:
    sold = order_lines.filter(_.kind == SALE, _.is_product.fill_null(False), _.customer_id.notnull())
    return sold.select("customer_id", "ordered_at", "product_id", "quantity", day=_.ordered_at.date())


def _nobody(lines: ir.Table) -> ir.Table:
    nothing = (
        lines.filter(ibis.literal(False)).group_by("customer_id").aggregate(evidence=_.product_id.min(), n=_.count(), last=_.day.max())
    )
    return nothing.select(
        "customer_id", attribute=_.evidence, evidence=_.evidence, evidence_days=_.n, last_evidence=_.last, pace=ibis.null("float64")
    )  # fmt: skip


def _fitting(lines: ir.Table, named: ir.Table, rule: AttributeRule, as_of: datetime) -> ir.Table:
    window = lines.filter(_.ordered_at >= as_of - timedelta(days=rule.within_days))
    fits = _bought(_at_times(window, rule), named, rule.buys)
    days = fits.group_by("customer_id").aggregate(evidence_days=_.day.nunique(), first=_.day.min(), last_evidence=_.day.max())
    kept = days.filter(_.evidence_days >= rule.times)
    if rule.share:
        everyday = window.group_by("customer_id").aggregate(days=_.day.nunique())
        kept = kept.join(everyday, "customer_id").filter(to_float(_.evidence_days) >= to_float(_["days"]) * rule.least_share)
    kept = _at_pace(kept, fits, rule)
    most = ibis.window(group_by="customer_id", order_by=[ibis.desc("days"), ibis.asc("item")])
    items = fits.group_by("customer_id", "item").aggregate(days=_.day.nunique()).mutate(place=ibis.row_number().over(most))
    evidence = items.filter(_.place == 0).select("customer_id", evidence=_.item)
    both = kept.join(evidence, "customer_id").mutate(attribute=ibis.literal(rule.name))
    return both.select("customer_id", "attribute", "evidence", "evidence_days", "last_evidence", "pace")


def _bought(lines: ir.Table, named: ir.Table, patterns: Sequence[str]) -> ir.Table:
    """The lines with what the patterns name, and its name; all of them where there is no pattern."""
    if not patterns:
        return lines.left_join(named, "product_id").mutate(item=ibis.coalesce(_.item, _.product_id)).drop("product_id_right")
    return lines.join(named.filter(_matches(named, patterns)), "product_id")


def _at_pace(kept: ir.Table, fits: ir.Table, rule: AttributeRule) -> ir.Table:
    if rule.pace_bounds is None:
        return kept.mutate(pace=ibis.null("float64"))
    low, high = rule.pace_bounds
    dated = fits.join(kept.select("customer_id", "last_evidence"), "customer_id")
    used = dated.group_by("customer_id").aggregate(pieces=to_float(_.quantity.sum(where=_.day < _.last_evidence)))
    known = kept.filter(_.evidence_days >= max(rule.times, PACE_TIMES)).join(used, "customer_id")
    span = to_float(known.last_evidence.delta(known["first"], unit="day"))
    paced = known.mutate(pace=known.pieces * MONTH / span)
    return paced.filter(_.pace >= low, *([_.pace <= high] if math.isfinite(high) else []))


def _at_times(lines: ir.Table, rule: AttributeRule) -> ir.Table:
    held = []
    if rule.weekday_numbers:
        held.append(lines.day.day_of_week.index().isin(list(rule.weekday_numbers)))
    if rule.hour_bounds:
        hour = lines.ordered_at.hour()
        held.append((hour >= rule.hour_bounds[0]) & (hour < rule.hour_bounds[1]))
    if rule.date_bounds:
        first, last = rule.date_bounds
        day = lines.day.month().cast("int64") * 100 + lines.day.day().cast("int64")
        held.append((day >= first) & (day <= last) if first <= last else (day >= first) | (day <= last))
    return lines.filter(*held) if held else lines


def _matches(named: ir.Table, patterns: Sequence[str]) -> ir.BooleanValue:
    """Products by name, id or category, in small or capital letters, * for any letters."""
    found = [named[column].lower().re_search(_expression(p)) for column in ("product_name", "product_id", "category") for p in patterns]
    return reduce(lambda one, other: one | other, [match.fill_null(False) for match in found])


def _expression(pattern: str) -> str:
    return "^" + ".*".join(re.sub(r"([.^$+?()\[\]{}|\\])", r"\\\1", part) for part in pattern.strip().lower().split("*")) + "$"


def attribute_checks(
    order_lines: ir.Table, products: ir.Table, *, rules: Sequence[AttributeRule], start: datetime, as_of: datetime
) -> pd.DataFrame:
    """Does a rule foretell what is bought next? Who fitted it at `start` against who did not, by what they bought from then to `as_of`.

    order lines, products  →  attribute | customers (who fit it at as_of), holders (who fitted it at start and bought in the month), bought
    (of them, what the rule predicts), precision (bought / holders), precision_low, precision_high (95 %), others, base_rate (the same share
    of others), others_rate (of others with orders as full), attribute_lift (precision / others_rate), lift_low, lift_high (95 %),
    verdict ("holds", "no better than chance", "too few to tell", "nothing to check by")

    What a rule predicts are the products it says, else other products of the categories that it looks at, else a purchase at the same
    times. Never the products of the rule themselves: that somebody buys litter again proves no cat. Who fits a rule buys more of
    everything; so they are set beside customers whose orders of the month hold as many products (Mantel & Haenszel 1959; interval of
    Greenland & Robins 1985), all of whom bought in the days the rule looks at and again in the month. The month had no say in who fits.
    Fewer than 30 holders are too few. In the order of the rules. [S51, S81, S82]
    """
    lines, named = _lines(order_lines).filter(_.ordered_at < as_of), product_names(products)
    now = inferred_attributes(order_lines, products, rules=rules, as_of=as_of)
    fitting = dict(frame(now.group_by("attribute").aggregate(n=_.count())).itertuples(index=False)) if rules else {}
    earlier = lines.filter(_.ordered_at < start)
    with (
        lines.filter(_.ordered_at >= start).cache() as month,
        earlier.group_by("customer_id").aggregate(last_at=_.ordered_at.max()).cache() as known,
        named.cache() as names,
    ):
        rows = [(rule.name, int(fitting.get(rule.name, 0)), *_checked(month, earlier, known, names, rule, start)) for rule in rules]
    return pd.DataFrame(rows, columns=list(_CHECKS)).astype(_CHECKS)


def _checked(
    month: ir.Table, earlier: ir.Table, known: ir.Table, names: ir.Table, rule: AttributeRule, start: datetime
) -> tuple[object, ...]:
    seen = known.filter(_.last_at >= start - timedelta(days=rule.within_days))
    baskets = month.semi_join(seen, "customer_id").group_by("customer_id").aggregate(products=_.product_id.nunique())
    hits = _predicted(month, names, rule).select("customer_id", has=ibis.literal(1)).distinct()
    fitted = _fitting(earlier, names, rule, start).select("customer_id", holds=ibis.literal(1))
    marked = baskets.left_join(hits, "customer_id").drop("customer_id_right").left_join(fitted, "customer_id")
    cells = marked.select(
        stratum=ibis.cases(*[(_.products >= least, place) for place, least in reversed(list(enumerate(_BASKETS)))], else_=0),
        is_holder=_.holds.fill_null(0),
        has=_.has.fill_null(0),
    )
    return _compared(frame(cells.group_by("stratum", "is_holder").aggregate(n=_.count(), bought=_.has.sum())))


def _predicted(month: ir.Table, names: ir.Table, rule: AttributeRule) -> ir.Table:
    """The month's lines that bear the rule out."""
    if not rule.buys and not rule.predicts:
        return _at_times(month, rule)
    own = names.filter(_matches(names, rule.buys)) if rule.buys else names.filter(ibis.literal(False))
    if rule.predicts:
        wanted = names.filter(_matches(names, rule.predicts))
    else:
        wanted = names.semi_join(own.filter(_.category.notnull()).select("category").distinct(), "category")
    return month.semi_join(wanted.anti_join(own, "product_id"), "product_id")


def _compared(cells: pd.DataFrame) -> tuple[object, ...]:
    table = cells.pivot_table(index="stratum", columns="is_holder", values=["n", "bought"], aggfunc="sum", fill_value=0)
    table = table.reindex(columns=pd.MultiIndex.from_product([["n", "bought"], [0, 1]]), fill_value=0)
    n1, n0 = (table["n", side].to_numpy("float64") for side in (1, 0))
    a, c = (table["bought", side].to_numpy("float64") for side in (1, 0))
    holders, bought, others = int(n1.sum()), int(a.sum()), int(n0.sum())
    precision = bought / holders if holders else math.nan
    low, high = wilson(bought, holders)
    both = (n1 > 0) & (n0 > 0)
    rate = np.divide(c, n0, out=np.zeros(len(n0)), where=n0 > 0)
    met = float(n1[both].sum())
    expected = float((n1 * rate)[both].sum()) / met if met else math.nan
    lift, lift_low, lift_high = _risk_ratio(a[both], c[both], n1[both], n0[both])
    verdict = TOO_FEW if met < SMALL_SAMPLE else NO_RULE if a.sum() + c.sum() == 0 else HOLDS if lift_low > 1 else NO_BETTER
    base_rate = float(c.sum()) / others if others else math.nan
    return holders, bought, precision, low, high, others, base_rate, expected, lift, lift_low, lift_high, verdict


def _risk_ratio(a: np.ndarray, c: np.ndarray, n1: np.ndarray, n0: np.ndarray) -> tuple[float, float, float]:
    """Ratio of shares over strata with its 95 % interval; nan where one side bought nothing at all."""
    n = n1 + n0
    top, base = float((a * n0 / n).sum()), float((c * n1 / n).sum())
    if not top or not base:
        return (0.0 if base else math.nan), math.nan, math.nan
    variance = float((((a + c) * n1 * n0 - a * c * n) / n**2).sum()) / (top * base)
    spread = Z95 * math.sqrt(max(variance, 0.0))
    return top / base, top / base * math.exp(-spread), top / base * math.exp(spread)


def attributes_known(inferred: ir.Table, customers: ir.Table, *, rules: Sequence[AttributeRule]) -> pd.DataFrame:
    """Does a rule agree with what the client knows of some customers?

    customer_id, attribute; customers  →  attribute | known_customers (who fit the rule and of whom it is known), right, known_share
    (right / known_customers), known_low, known_high (95 %), base_share (of all of whom it is known)

    Rules that say `known` only. [Wilson 1927; S51]
    """
    rows = []
    for rule in rules:
        for column, values in rule.known.items():
            told = customers.filter(customers[column].notnull()).mutate(right=customers[column].isin(list(values)).ifelse(1, 0))
            mine = inferred.filter(_.attribute == rule.name).select("customer_id", fits=ibis.literal(1))
            counts = told.left_join(mine, "customer_id").aggregate(
                n=_.count(), right=_.right.sum(), fits=_.fits.sum(), both=_.right.sum(where=_.fits == 1)
            )
            row = frame(counts).fillna(0).iloc[0]
            fits, both = int(row["fits"]), int(row["both"])
            share = both / fits if fits else math.nan
            rows.append((rule.name, fits, both, share, *wilson(both, fits), row["right"] / row["n"] if row["n"] else math.nan))
    columns = {"attribute": "str", "known_customers": "int64", "right": "int64", **dict.fromkeys(_KNOWN, "float64")}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


_KNOWN = ("known_share", "known_low", "known_high", "base_share")
