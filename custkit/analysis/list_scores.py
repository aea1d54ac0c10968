"""What became of the people on earlier lists: precision, lift over those not on them, and chances told against shares come."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.action_lists import BIG, BOUGHT, LISTS, SILENT, ActionList, listed
from custkit.analysis.rates import Z95, wilson
from custkit.book import Book
from custkit.engine import frame, to_float
from custkit.period import Period
from custkit.words import mark

FEWEST, FEWEST_HITS = 30, 5
BETTER, NO_BETTER, WORSE, FEW, WHOLE = "better", "no_better", "worse", "few", "whole"
VERDICT_NAMES = {
    BETTER: mark("better than the base"), NO_BETTER: mark("no better than chance"), WORSE: mark("worse than the base"),
    FEW: mark("too few to tell"), WHOLE: mark("everybody of the stage: nothing to be better than"),
}  # fmt: skip
COLUMNS = (
    "list", "outcome", "members", "hits", "precision", "precision_low", "precision_high", "others", "others_rate", "lift", "lift_low",
    "lift_high", "verdict", "expected_hits",
)  # fmt: skip
MONTH_COLUMNS = ("list", "members", "bought", "orders", "orders_squares", "revenue", "revenue_squares")


def list_scores(
    known: ir.Table, purchases: ir.Table, *, start: datetime, end: datetime, lists: Sequence[ActionList] = LISTS
) -> pd.DataFrame:
    """Hold lists against what happened from `start` to `end`; `known` is how customers stood at `start`.

    standings, orders  →  list | outcome, members, hits, precision (hits / members), precision_low, precision_high (95 %), others (of the
    base, not on the list), others_rate (the same share of them), lift (precision / others_rate), lift_low, lift_high (95 %), verdict,
    expected_hits (sum of the chances told; null where none was)

    Everybody who fits, whether contacted or not; a list is judged before it is shortened by consent and by other lists. A list of fewer
    than 30, or with fewer than 5 hits or 5 misses expected, tells nothing. [Wilson 1927; Katz et al. 1978; S51]
    """
    later = _later(purchases, start=start, end=end).mutate(
        spend_rank=ibis.rank().over(ibis.window(order_by=ibis.desc("later_revenue"))), buyers=_.count().over(ibis.window())
    )
    both = known.left_join(later, "customer_id").drop("customer_id_right")
    came = both.later_orders.notnull()
    happened = {BOUGHT: came, SILENT: ~came, BIG: (to_float(both.spend_rank) < 0.1 * to_float(both.buyers)).fill_null(False)}
    measures: dict[str, Any] = {}
    for rule in lists:
        on = rule.who(both).fill_null(False) & rule.among(both).fill_null(False)
        off = rule.among(both).fill_null(False) & ~on
        hit = happened[rule.outcome]
        measures |= {
            f"{rule.name}_members": both.count(where=on), f"{rule.name}_hits": both.count(where=on & hit),
            f"{rule.name}_others": both.count(where=off), f"{rule.name}_other_hits": both.count(where=off & hit),
            f"{rule.name}_expected": both[rule.chance].sum(where=on) if rule.chance else ibis.null("float64"),
        }  # fmt: skip
    row = frame(both.aggregate(**measures)).iloc[0]
    return pd.DataFrame([_scored(rule, row) for rule in lists], columns=list(COLUMNS))


def past_scores(known: Mapping[Period, ir.Table], book: Book, *, lists: Sequence[ActionList] = LISTS) -> pd.DataFrame:
    """The last lists whose time is over, held against it: those of a month ago, and of three months ago where a list looks so far.

    standings_by_month, its book  →  list_scores, lists in their order; lists of months before the data carry one are left out
    """
    found = []
    for months in sorted({rule.months for rule in lists}):
        then, wanted = book.at(book.period - months), [rule for rule in lists if rule.months == months]
        if then.period in known:
            found.append(list_scores(known[then.period], book.purchases, start=then.as_of, end=book.as_of, lists=wanted))
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    order = [rule.name for rule in lists]
    return pd.concat(found, ignore_index=True).sort_values("list", key=lambda names: names.map(order.index), ignore_index=True)


def month_scores(
    known: Mapping[Period, ir.Table], book: Book, *, lists: Sequence[ActionList] = LISTS, max_lists: int = 1, consent: bool = False
) -> pd.DataFrame:
    """What the people did in the month whom the lists would have held when it began, shortened by order and consent as today's are.

    standings_by_month, its book  →  list | members, bought (of them), orders, revenue (currency), and their sums of squares

    Consent is as it is known now. Without a month before there is no row.
    """
    if book.period - 1 not in known:
        return pd.DataFrame(columns=list(MONTH_COLUMNS))
    on = listed(known[book.period - 1], lists=lists, max_lists=max_lists, consent=consent)
    return month_of(on, book.purchases, start=book.start, end=book.as_of)


def month_of(on: ir.Table, purchases: ir.Table, *, start: datetime, end: datetime) -> pd.DataFrame:
    """What the people of each list did from `start` to `end`; the columns are those of `month_scores`.

    listed, orders  →  list | members, bought, orders, orders_squares, revenue, revenue_squares
    """
    both = on.left_join(_later(purchases, start=start, end=end), "customer_id").drop("customer_id_right")
    orders, revenue = to_float(both.later_orders).fill_null(0.0), both.later_revenue.fill_null(0.0)
    held = both.select("list", bought=both.later_orders.notnull(), orders=orders, revenue=revenue)
    return frame(
        held.group_by("list").aggregate(
            members=_.count(), bought=_.count(where=_.bought), orders=_.orders.sum(), orders_squares=(_.orders * _.orders).sum(),
            revenue=_.revenue.sum(), revenue_squares=(_.revenue * _.revenue).sum(),
        ).order_by("list")
    )  # fmt: skip


def _later(purchases: ir.Table, *, start: datetime, end: datetime) -> ir.Table:
    within = purchases.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < end)
    return within.group_by("customer_id").aggregate(later_orders=_.count(), later_revenue=to_float(_.revenue.sum()))


def _scored(rule: ActionList, row: pd.Series) -> tuple[Any, ...]:
    def of(part: str) -> Any:
        return row[f"{rule.name}_{part}"]

    members, hits, others, other_hits = (int(of(part)) for part in ("members", "hits", "others", "other_hits"))
    low, high = wilson(hits, members)
    lift, lift_low, lift_high = risk_ratio(hits, members, other_hits, others)
    verdict = judged(hits, members, other_hits, others) if rule.picks else WHOLE
    expected = float(of("expected")) if pd.notna(of("expected")) else math.nan
    return (
        rule.name, rule.outcome, members, hits, hits / members if members else math.nan, low, high, others,
        other_hits / others if others else math.nan, lift, lift_low, lift_high, verdict, expected,
    )  # fmt: skip


def risk_ratio(hits: int, n: int, other_hits: int, others: int) -> tuple[float, float, float]:
    """Ratio of two shares with its 95 % interval on the log; null where a side is empty or had no hit. [Katz et al. 1978]"""
    if not n or not others or not other_hits:
        return math.nan, math.nan, math.nan
    ratio = hits / n / (other_hits / others)
    if not hits:
        return ratio, math.nan, math.nan
    spread = Z95 * math.sqrt(max(1 / hits - 1 / n + 1 / other_hits - 1 / others, 0.0))
    return ratio, ratio * math.exp(-spread), ratio * math.exp(spread)


def judged(hits: int, n: int, other_hits: int, others: int) -> str:
    """Whether the list does better than those of its base who are not on it, beyond chance."""
    if n < FEWEST or others < FEWEST:
        return FEW
    share = (hits + other_hits) / (n + others)
    if min(share, 1 - share) * min(n, others) < FEWEST_HITS:
        return FEW
    _lift, low, high = risk_ratio(hits, n, other_hits, others)
    if not math.isnan(low) and low > 1:
        return BETTER
    return WORSE if (not math.isnan(high) and high < 1) or not hits else NO_BETTER


def expected_without_contact(sizes: pd.DataFrame, scores: pd.DataFrame, *, margin: float | None = None) -> pd.DataFrame:
    """What the people of each list will bring in a month by themselves, if they do as those on last month's list did.

    list_sizes, month_scores  →  list | customers, measured (people on last month's list), expected_orders, orders_low,
    orders_high, expected_revenue, revenue_low, revenue_high (95 %), expected_margin (null where no margin is known)

    Null where fewer than 30 were on last month's list: not measured yet. What a contact adds to it is not known before a list has had a
    control. [S93 S94]
    """
    rows = []
    by_list = scores.set_index("list")
    for name, n in zip(sizes["list"], sizes["customers"], strict=True):
        told = by_list.loc[name] if name in by_list.index else None
        measured = int(told["members"]) if told is not None else 0
        if told is None or measured < FEWEST:
            rows.append((name, int(n), measured, *[math.nan] * 7))
            continue
        orders = _range(n, measured, told["orders"], told["orders_squares"])
        revenue = _range(n, measured, told["revenue"], told["revenue_squares"])
        rows.append((name, int(n), measured, *orders, *revenue, revenue[0] * margin if margin is not None else math.nan))
    columns = [
        "list", "customers", "measured", "expected_orders", "orders_low", "orders_high", "expected_revenue", "revenue_low", "revenue_high",
        "expected_margin",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _range(n: int, measured: int, total: float, squares: float) -> tuple[float, float, float]:
    """n people at the measured mean, with what chance does to the mean and to them."""
    mean = total / measured
    variance = max(squares / measured - mean**2, 0.0) * measured / max(measured - 1, 1)
    half = Z95 * np.sqrt(variance * (n * n / measured + n))
    return n * mean, max(n * mean - float(half), 0.0), n * mean + float(half)
