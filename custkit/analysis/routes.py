"""Shopping routes across orders: who bought A, what did they buy later, after how long, and does the order of the two matter?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy.stats import binom

from custkit.analysis.itemsets import sold_items
from custkit.analysis.rates import false_discovery
from custkit.analysis.rules import ALPHA, NOTABLE
from custkit.engine import fetch, frame

Step = Literal["next-order", "any-later"]
STEPS: tuple[Step, ...] = ("next-order", "any-later")
# The most bought items are looked at; with 200 there are 39,800 routes.
MAX_PRODUCTS = 200
_MANY = 1000
# What is held in memory at once, however many customers there are: visited items read from the engine, and pairs made of them.
_READ, _MADE = 10_000_000, 2_000_000
_LONGEST = 1 << 20  # days; more than any shop has been open
_REVERSED = {
    "antecedent": "consequent",
    "consequent": "antecedent",
    "route_customers": "reverse_customers",
    "reverse_customers": "route_customers",
    "expected": "expected_back",
    "expected_back": "expected",
}
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

    Worked out once and kept on the engine for as long as the answer is: every route asks it several times.
    """
    known = order_lines.filter(_.customer_id.notnull())
    when = known.group_by("order_id").aggregate(customer_id=_.customer_id.min(), visit_date=_.ordered_at.min().date())
    bought = sold_items(known, products, level=level).select("order_id", "item").join(when, "order_id")
    with bought.select("customer_id", "visit_date", "item").distinct().cache() as items:
        days = items.select("customer_id", "visit_date").distinct()
        number = ibis.row_number().over(group_by=days.customer_id, order_by=days.visit_date) + 1
        number = ops.Cast(number, to="int64").to_expr()  # Spark counts rows in 32 bits, and what is kept has the engine's type
        return items.join(days.mutate(visit_number=number), ["customer_id", "visit_date"]).cache()


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
    codes = counts.mutate(code=ibis.row_number().over(order_by=[ibis.desc("customers"), "item"])).filter(_.code < max_products)
    buyers = frame(codes).sort_values("code", ignore_index=True)
    if len(buyers) < 2:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _ROUTES.items()})
    customers = visits.select("customer_id").distinct().mutate(customer=ibis.row_number().over(order_by=_.customer_id))
    bought = visits.inner_join(codes, "item").inner_join(customers, "customer_id")
    coded = bought.select(
        customer=bought.customer,
        visit=bought.visit_number,
        day=bought.visit_date.epoch_days(),
        month=_month(bought.visit_date),
        item=bought.code,
    )
    with coded.cache() as seen:
        share = _seasons(seen, visits, len(buyers)) if step == "any-later" else None
        found = _totals(_moves(seen, share), buyers["item"], min_customers)
        listed = pd.concat([found, found.rename(columns=_REVERSED)], ignore_index=True).query("route_customers >= @min_customers")
        # Whoever bought both says nothing about the order: pairs too rare for a claim are no test made.
        judged = _judged(listed, buyers, tests=2 * len(found))
        timed = judged if len(judged) <= _MANY else judged[judged["is_significant"]]
        return _ordered(judged, _waits(seen, share, timed, buyers["item"]))


class _Moves(NamedTuple):
    """One row for each customer and pair of items a < b: which came first (wait in days, negative where b did), and what chance gives."""

    a: np.ndarray
    b: np.ndarray
    wait: np.ndarray
    ahead: np.ndarray
    back: np.ndarray


def _moves(seen: ir.Table, share: np.ndarray | None) -> Iterator[_Moves]:
    """The moves of all customers, some customers at a time: any-later where the seasons' `share` is given, next-order otherwise."""
    n = int(fetch(seen.aggregate(n=_.count()))["n"][0].as_py())
    pieces = -(-n // _READ)
    for piece in range(pieces):
        read = fetch(seen.filter(_.customer % pieces == piece) if pieces > 1 else seen)
        rows = {name: read[name].to_numpy().astype(np.int64) for name in read.column_names}
        order = np.lexsort((rows["item"], rows["visit"], rows["customer"]))
        rows = {name: values[order] for name, values in rows.items()}
        # A customer of k visited items makes k² pairs at most.
        starts = _starts(rows["customer"])
        lengths = np.diff(np.append(starts, len(order)))
        block = np.cumsum(lengths**2) // _MADE
        ends = np.append(starts[1:][np.diff(block) > 0], len(order))
        for start, end in zip(np.append(0, ends[:-1]), ends, strict=True):
            some = {name: values[start:end] for name, values in rows.items()}
            yield _next(some) if share is None else _later(some, share)


def _later(rows: dict[str, np.ndarray], share: np.ndarray) -> _Moves:
    """Did the first a come before the first b, and how likely is that if the visits came in any order?

    The order that fits the months better is the likelier one: what sells in spring comes before what sells in summer.
    """
    bought = _Bought(rows)
    left, right = bought.left, bought.right
    one, other = _pairs(_starts(rows["customer"], rows["visit"]), len(rows["item"]))
    both = np.bincount(bought.place(bought.of_row[one], bought.of_row[other]), minlength=len(left))
    a, b, wait = bought.item[left], bought.item[right], bought.day[right] - bought.day[left]
    early = np.where(wait >= 0, bought.month[left], bought.month[right])
    late = np.where(wait >= 0, bought.month[right], bought.month[left])
    only_a, only_b = bought.visits[left] - both, bought.visits[right] - both
    # a early and b late against b early and a late, each as likely as the months and the number of visits make it
    weight_a = only_a * (share[a, early] / share[a, late])
    weight_b = only_b * (share[b, early] / share[b, late])
    apart = (only_a + only_b) / (only_a + only_b + both)
    split = weight_a + weight_b
    split[split == 0] = 1.0
    return _Moves(a, b, wait, apart * weight_a / split, apart * weight_b / split)


def _next(rows: dict[str, np.ndarray]) -> _Moves:
    """Did b follow right after a more often than a after b?"""
    bought = _Bought(rows)
    starts = _starts(rows["customer"], rows["visit"])
    sizes = np.diff(np.append(starts, len(rows["item"])))
    customer, visit = rows["customer"][starts], rows["visit"][starts]
    follows = (customer[1:] == customer[:-1]) & (visit[1:] == visit[:-1] + 1)
    partners = np.repeat(np.append(np.where(follows, sizes[1:], 0), 0), sizes)  # how many items each row's next visit holds
    first = np.repeat(np.append(starts[1:], 0), sizes)
    left = np.repeat(np.arange(len(partners)), partners)
    right = np.repeat(first - (np.cumsum(partners) - partners), partners) + np.arange(len(left))
    moved = rows["item"][left] != rows["item"][right]
    left, right = left[moved], right[moved]
    one, other = bought.of_row[left], bought.of_row[right]
    ahead, days = one < other, rows["day"][right] - rows["day"][left]
    place = bought.place(np.minimum(one, other), np.maximum(one, other))
    n = len(bought.left)
    net = np.bincount(place[ahead], minlength=n) - np.bincount(place[~ahead], minlength=n)
    shortest = np.full((2, n), np.iinfo(np.int64).max)
    for row, way in enumerate((ahead, ~ahead)):
        np.minimum.at(shortest[row], place[way], days[way])
    uneven = np.flatnonzero(net)
    wait = np.where(net[uneven] > 0, shortest[0, uneven], -shortest[1, uneven])
    half = np.full(len(uneven), 0.5)
    return _Moves(bought.item[bought.left[uneven]], bought.item[bought.right[uneven]], wait, half, half)


class _Bought:
    """What each customer bought (item, first day and month, visits), and every pair of two items of one customer: left and right."""

    def __init__(self, rows: dict[str, np.ndarray]) -> None:
        order = np.lexsort((rows["day"], rows["item"], rows["customer"]))
        starts = _starts(rows["customer"][order], rows["item"][order])
        first = order[starts]
        self.visits = np.diff(np.append(starts, len(order)))
        self.of_row = np.empty(len(order), dtype=np.int64)
        self.of_row[order] = np.repeat(np.arange(len(starts)), self.visits)
        self.item, self.day, self.month = (rows[name][first] for name in ("item", "day", "month"))
        customers = _starts(rows["customer"][first])
        self.left, self.right = _pairs(customers, len(first))
        after = np.bincount(self.left, minlength=len(first))
        self._offset = np.cumsum(after) - after

    def place(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Where the pair of these two stands in `left` and `right`."""
        return self._offset[left] + right - left - 1


def _starts(*keys: np.ndarray) -> np.ndarray:
    """Where a new run of equal keys begins."""
    changed = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.append(0, np.flatnonzero(changed) + 1) if len(keys[0]) else np.zeros(0, dtype=np.int64)


def _pairs(starts: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of places in one run, the earlier place first."""
    ends = np.append(starts[1:], n)
    after = np.repeat(ends, ends - starts) - np.arange(n) - 1
    left = np.repeat(np.arange(n), after)
    return left, left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(after) - after, after)


def _month(day: ir.DateColumn) -> ir.IntegerColumn:
    return day.year().cast("int64") * 12 + day.month().cast("int64")


def _seasons(seen: ir.Table, visits: ir.Table, items: int) -> np.ndarray:
    """Item × month: what share of all visits of the month hold the item. Only ratios of one item's months are used."""
    days = visits.select("customer_id", "visit_date").distinct()
    every = frame(days.group_by(month=_month(days.visit_date)).aggregate(visits=_.count()))
    held = frame(seen.group_by(["item", "month"]).aggregate(held=_.count()))
    share = np.zeros((items, int(every["month"].max()) + 1))
    share[held["item"], held["month"]] = held["held"]
    all_visits = np.zeros(share.shape[1])
    all_visits[every["month"]] = every["visits"]
    return (share + 0.5) / (all_visits + 1.0)


def _totals(moves: Iterator[_Moves], items: pd.Series, min_customers: int) -> pd.DataFrame:
    n = len(items)
    total = np.zeros((5, n * n))
    for move in moves:
        pair = move.a * n + move.b
        for row, weight in enumerate((move.wait > 0, move.wait < 0, None, move.ahead, move.back)):
            total[row] += np.bincount(pair, weights=weight, minlength=n * n)
    enough = np.flatnonzero(total[2] >= min_customers)
    forward, backward, both, ahead, back = total[:, enough]
    names = items.to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "antecedent": names[enough // n],
            "consequent": names[enough % n],
            "route_customers": forward.astype("int64"),
            "reverse_customers": backward.astype("int64"),
            "both": both.astype("int64"),
            "expected": ahead,
            "expected_back": back,
        }
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


def _waits(seen: ir.Table, share: np.ndarray | None, timed: pd.DataFrame, items: pd.Series) -> pd.DataFrame:
    """Days from the first item to the second of each route in `timed`: quartiles of those who took it."""
    if timed.empty:
        return pd.DataFrame({"wait_first_quartile": [], "wait_median": [], "wait_third_quartile": []}, index=timed.index)
    n, code = len(items), {item: i for i, item in enumerate(items)}
    route = timed["antecedent"].map(code).to_numpy() * n + timed["consequent"].map(code).to_numpy()
    number = np.full(n * n, -1)
    number[route] = np.arange(len(route))
    named = seen.filter(seen.item.isin(sorted({int(i) for i in (*(route // n), *(route % n))})))
    counted: list[tuple[np.ndarray, np.ndarray]] = []
    for move in _moves(named, share):
        taken = number[np.where(move.wait > 0, move.a * n + move.b, move.b * n + move.a)]
        wanted = (taken >= 0) & (move.wait != 0)
        counted.append(np.unique(taken[wanted] * _LONGEST + np.abs(move.wait[wanted]), return_counts=True))
    keys, place = np.unique(np.concatenate([keys for keys, _counts in counted]), return_inverse=True)
    upto = np.cumsum(np.bincount(place, weights=np.concatenate([counts for _keys, counts in counted])).astype(np.int64))
    total = upto[np.searchsorted(keys, np.arange(len(route)) * _LONGEST + _LONGEST) - 1]
    start = np.append(0, total[:-1])

    def quantile(q: float) -> np.ndarray:
        rank = q * (total - start - 1)
        below, above = (keys[np.searchsorted(upto, start + end, side="right")] % _LONGEST for end in (np.floor(rank), np.ceil(rank)))
        return below + (above - below) * (rank - np.floor(rank))

    waits = {"wait_first_quartile": quantile(0.25), "wait_median": quantile(0.5), "wait_third_quartile": quantile(0.75)}
    return pd.DataFrame(waits, index=timed.index)


def _ordered(judged: pd.DataFrame, waits: pd.DataFrame) -> pd.DataFrame:
    ordered = judged.join(waits).sort_values(
        ["is_significant", "times_expected", "route_customers", "antecedent", "consequent"], ascending=[False, False, False, True, True]
    )
    return ordered[list(_ROUTES)].astype(_ROUTES).reset_index(drop=True)
