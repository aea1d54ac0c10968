"""Purchase histories in the form the models' likelihoods want: arrays in weeks, equal customers counted once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd

DAYS_A_WEEK = 7.0


def one_thread() -> AbstractContextManager[Any]:
    """Linear algebra on one thread: sums in one order whatever the machine, and no threads woken for four parameters."""
    return _threads().limit(limits=1)


@cache
def _threads() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True)
class Histories:
    """frequency repeat purchases; recency and T in weeks; n customers with that history."""

    frequency: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    n: np.ndarray

    @classmethod
    def of(cls, counts: pd.DataFrame) -> Histories:
        """From `purchase_counts`: frequency, recency, T (days) | customers. Without `customers` every row is one.

        Raises ValueError for missing columns, or for a last purchase after the customer's age.
        """
        if missing := sorted({"frequency", "recency", "T"} - set(counts.columns)):
            raise ValueError(f"missing columns {missing}; have {sorted(map(str, counts.columns))}")
        frequency, recency, T = (counts[name].to_numpy(dtype="float64") for name in ("frequency", "recency", "T"))
        if (recency > T).any() or (recency < 0).any() or (frequency < 0).any():
            raise ValueError("recency lies between 0 and T, frequency from 0 up; see clv_summary")
        n = counts["customers"].to_numpy(dtype="float64") if "customers" in counts else np.ones(len(counts))
        return cls(frequency, recency / DAYS_A_WEEK, T / DAYS_A_WEEK, n)

    @classmethod
    def new(cls, weeks: np.ndarray) -> Histories:
        """Customers who have just bought for the first time, seen for `weeks`."""
        nothing = np.zeros(len(weeks))
        return cls(nothing, nothing, weeks, np.ones(len(weeks)))

    @cached_property
    def customers(self) -> float:
        return float(self.n.sum())

    @property
    def repeaters(self) -> float:
        return float(self.n[self.frequency > 0].sum())

    @cached_property
    def _unique(self) -> tuple[np.ndarray, np.ndarray]:
        counts, at = np.unique(self.frequency, return_inverse=True)
        return counts, at.reshape(-1)

    @property
    def counts(self) -> np.ndarray:
        """The distinct frequencies: what depends on the frequency alone is worked out once for each."""
        return self._unique[0]

    @property
    def count_at(self) -> np.ndarray:
        """For each history the place of its frequency in `counts`."""
        return self._unique[1]

    @cached_property
    def per_count(self) -> np.ndarray:
        """Customers of each distinct frequency."""
        return np.bincount(self.count_at, weights=self.n, minlength=len(self.counts))

    def thinned(self, most: int) -> Histories:
        """Every k-th history, so that about `most` are left; all of them where there are no more."""
        step = -(-len(self.n) // most)
        return self if step <= 1 else Histories(*(part[step // 2 :: step] for part in (self.frequency, self.recency, self.T, self.n)))
