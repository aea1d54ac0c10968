"""Ratios over customers: of what a group of customers did, the part that was of one kind; and whether two groups differ in it.

A customer's orders are not independent of each other, customers are. So the spread of a ratio Σk / Σn is that of each customer's
k − ratio × n, from five sums that an engine folds. [Cochran 1977, ratio estimators]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as t_distribution

from custkit.analysis.rates import Z95

_P95 = 0.975


class Sums(NamedTuple):
    """Sums over the customers of each row: of k, n, k², k·n and n²; `cases` counts those with n above 0."""

    k: np.ndarray
    n: np.ndarray
    kk: np.ndarray
    kn: np.ndarray
    nn: np.ndarray
    cases: np.ndarray

    @classmethod
    def of(cls, k: pd.Series, n: pd.Series, kk: pd.Series, kn: pd.Series, nn: pd.Series, cases: pd.Series) -> Sums:
        return cls(*(part.to_numpy("float64") for part in (k, n, kk, kn, nn, cases)))

    @property
    def ratio(self) -> np.ndarray:
        """Σk / Σn; nan where nothing was done."""
        return self.k / np.where(self.n > 0, self.n, np.nan)

    def variance(self, ratio: np.ndarray) -> np.ndarray:
        """Of the ratio, if the true one were `ratio`; nan below two cases."""
        stray = np.maximum(self.kk - 2 * ratio * self.kn + ratio**2 * self.nn, 0)
        correction = np.divide(self.cases, self.cases - 1, out=np.full(len(self.cases), np.nan), where=self.cases > 1)
        return stray / np.where(self.n > 0, self.n, np.nan) ** 2 * correction


def difference(one: Sums, other: Sums, *, few: bool = False) -> pd.DataFrame:
    """The ratio of one less that of the other, independent groups  →  difference, low, high (95 % interval), p_value (two-sided).

    p_value is reckoned with the spread that both would have if their ratios were the same: with its own spread a group that did it hardly
    ever would seem to be sure of it. `few`: cases are so few that Student's t with those of the smaller group is due. nan where unknown.
    [Cochran 1977; the score test of Rao 1948]
    """
    gap = one.ratio - other.ratio
    same = (one.k + other.k) / np.where(one.n + other.n > 0, one.n + other.n, np.nan)
    free = np.maximum(np.minimum(one.cases, other.cases) - 1, 1)
    reach = t_distribution.ppf(_P95, free) if few else np.full(len(gap), Z95)
    half = reach * np.sqrt(one.variance(one.ratio) + other.variance(other.ratio))
    error = np.sqrt(one.variance(same) + other.variance(same))
    z = np.abs(gap) / np.where(error > 0, error, np.nan)
    p_value = 2 * (t_distribution.sf(z, free) if few else norm.sf(z))
    return pd.DataFrame({"difference": gap, "low": gap - half, "high": gap + half, "p_value": p_value})
