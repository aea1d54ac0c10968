"""Do 95 % intervals hold the truth 95 times in 100, where a few customers spend as much as all the others? Simulated, then counted."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from custkit.analysis.intervals import count_interval, median_interval, skewed_interval, skewed_p_value
from custkit.analysis.rates import Z95, false_discovery

TRIES = 2_000


def spenders(rng, mean, spread):
    """A month's customers: how many come is luck, how much each spends is log-normal, and who orders more spends more."""
    n = rng.poisson(mean)
    orders = 1 + rng.poisson(0.4, n)
    return orders, np.exp(rng.normal(0.0, spread, n)) * orders


def truth(mean, spread):
    spend = math.exp(spread**2 / 2)
    return {"total": mean * 1.4 * spend, "spend per customer": 1.4 * spend, "order value": spend}


def ends(orders, money, measure, interval):
    n, top = len(money), money.sum()
    if measure == "total":
        value, u, correction = top, money, 1.0
    else:
        base = np.ones(n) if measure == "spend per customer" else orders
        value = top / base.sum()
        u, correction = (money - value * base) / base.sum(), n / (n - 1)
    square, cube = (u**2).sum(), (u**3).sum()
    return interval(value, square * correction, cube / square**1.5)


def plain(value, variance, _skewness):
    half = Z95 * math.sqrt(variance)
    return value - half, value + half


def coverage(mean, spread, measure, interval, seed):
    rng, owed = np.random.default_rng(seed), truth(mean, spread)[measure]
    held = 0
    for _ in range(TRIES):
        low, high = ends(*spenders(rng, mean, spread), measure, interval)
        held += low <= owed <= high
    return held / TRIES


@pytest.mark.parametrize("measure", ["total", "spend per customer", "order value"])
@pytest.mark.parametrize(
    ("mean", "spread", "least"), [(30, 0.8, 0.89), (100, 1.0, 0.92), (400, 1.0, 0.93), (400, 1.3, 0.92), (2000, 1.3, 0.93)]
)
def test_intervals_of_totals_and_ratios_hold_the_truth(mean, spread, least, measure):
    """Log-normal with spread 1.3: one customer in a hundred spends twenty times the median."""
    assert least <= coverage(mean, spread, measure, skewed_interval, 11) <= 0.975


@pytest.mark.parametrize("measure", ["total", "spend per customer"])
def test_where_few_spend_much_they_hold_it_more_often_than_plain_ones(measure):
    skewed, straight = (coverage(60, 1.4, measure, interval, 5) for interval in (skewed_interval, plain))
    assert straight < 0.87
    assert skewed > straight + 0.04


def test_the_interval_of_a_count_holds_the_truth_from_the_smallest_on():
    rng = np.random.default_rng(3)
    for mean in (2, 7, 30, 400):
        held = np.mean([low <= mean <= high for low, high in map(count_interval, rng.poisson(mean, 4_000))])
        assert 0.925 <= held <= 0.985, mean


def test_the_interval_of_a_median_holds_the_truth_whatever_the_shape():
    rng = np.random.default_rng(4)
    for n in (15, 60, 400):
        held = 0
        for _ in range(1_000):
            waits = pd.Series(np.exp(rng.normal(3.0, 1.5, n)))
            low, high = median_interval(waits, pd.Series(np.ones(n, dtype="int64")))
            held += low <= math.exp(3.0) <= high
        assert 0.94 <= held / 1_000 <= 0.995, n


def test_the_changes_of_shops_in_which_nothing_changes_hold_zero():
    """The same 150 customers come each month with the same habits, so every true change is 0. They are followed: months are not apart."""
    rng, shops = np.random.default_rng(6), 1_500
    held = dict.fromkeys(("revenue", "customers", "orders", "order value", "spend per customer"), 0)
    for _ in range(shops):
        taste = np.exp(rng.normal(3.0, 0.8, 150))
        orders = rng.poisson(0.9, (2, 150))
        money = np.array([[(taste[who] * np.exp(rng.normal(0.0, 0.5, n))).sum() for who, n in enumerate(month)] for month in orders])
        bought = (orders > 0).astype(float)
        sums = {"revenue": money, "customers": bought, "orders": orders.astype(float)}
        ratios = {"order value": (money, orders), "spend per customer": (money, bought)}
        for name, values in sums.items():
            held[name] += holds_zero(values[1].sum() - values[0].sum(), values[1] - values[0], 1.0)
        for name, (top, base) in ratios.items():
            rates = top.sum(axis=1) / base.sum(axis=1)
            added = (top - rates[:, None] * base) / base.sum(axis=1)[:, None]
            n = bought.sum(axis=1).min()
            held[name] += holds_zero(rates[1] - rates[0], added[1] - added[0], n / (n - 1))
    for name, times in held.items():
        assert 0.905 <= times / shops <= 0.97, (name, times / shops)


def test_months_in_which_nothing_changes_name_a_change_once_in_twenty():
    """Five measures are looked at each month; only what stands out among all of them is called a change."""
    rng, months = np.random.default_rng(8), 1_500
    named = alone = 0
    for _ in range(months):
        taste = np.exp(rng.normal(3.0, 0.8, 200))
        orders = rng.poisson(0.9, (2, 200))
        money = taste * orders * np.exp(rng.normal(0.0, 0.4, (2, 200)))
        bought = (orders > 0).astype(float)
        p_values = []
        for top, base in ((money, None), (bought, None), (orders, None), (money, orders), (money, bought)):
            rates = top.sum(axis=1) / (1 if base is None else base.sum(axis=1))
            added = top if base is None else (top - rates[:, None] * base) / base.sum(axis=1)[:, None]
            u = (added[1] - added[0]).astype(float)
            square, cube = (u**2).sum(), (u**3).sum()
            p_values.append(skewed_p_value(float(rates[1] - rates[0]), square, cube / square**1.5))
        named += min(false_discovery(p_values)) <= 0.05
        alone += min(p_values) <= 0.05
    assert 0.02 <= named / months <= 0.075
    assert alone / months > 0.10  # what each range by itself would have named


def holds_zero(change, added, correction):
    square, cube = (added**2).sum(), (added**3).sum()
    low, high = skewed_interval(change, square * correction, cube / square**1.5)
    return low <= 0 <= high
