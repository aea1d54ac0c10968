"""Ratios over customers: of what a group of customers did, the part that was of one kind; and whether two groups differ in it.

A customer's orders are not independent of each other, customers are. So the spread of a ratio Σk / Σn is that of each customer's
k − ratio × n, from five sums that an engine folds. [Cochran 1977, ratio estimators]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from custkit.analysis.rates import Z95


class Ratio(NamedTuple):
    """Σk / Σn of each row and its variance; nan where nothing was done or by fewer than two customers."""

    value: np.ndarray
    variance: np.ndarray


def ratio(k: pd.Series, n: pd.Series, kk: pd.Series, kn: pd.Series, nn: pd.Series, customers: pd.Series) -> Ratio:
    """The ratio of each row from sums over its customers: of k, n, k², k·n and n²; `customers` counts those with n above 0."""
    top, base = k.to_numpy("float64"), n.to_numpy("float64")
    base = np.where(base > 0, base, np.nan)
    m = customers.to_numpy("float64")
    value = top / base
    stray = kk.to_numpy("float64") - 2 * value * kn.to_numpy("float64") + value**2 * nn.to_numpy("float64")
    correction = np.divide(m, m - 1, out=np.full(len(m), np.nan), where=m > 1)
    return Ratio(value, np.maximum(stray, 0) / base**2 * correction)


def difference(one: Ratio, other: Ratio, *, z: float = Z95) -> pd.DataFrame:
    """one − other of independent groups  →  difference, low, high (95 % interval), p_value (two-sided normal); nan where unknown."""
    gap = one.value - other.value
    error = np.sqrt(one.variance + other.variance)
    known = np.where(error > 0, error, np.nan)
    p_value = 2 * norm.sf(np.abs(gap) / known)
    return pd.DataFrame({"difference": gap, "low": gap - z * error, "high": gap + z * error, "p_value": p_value})
