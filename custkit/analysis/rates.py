"""Shares with their uncertainty: a rate on its own is no statement anyone can act on."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z90, Z95 = 1.6448536269514722, 1.959963984540054
SMALL_SAMPLE = 30


def wilson(successes: float, n: float, *, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of the share successes / n; (nan, nan) where n is 0. [Wilson 1927]

    0 of 5 is 0 to 43 %, where the normal approximation says 0 to 0.
    """
    if n == 0:
        return math.nan, math.nan
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))


def share_difference(k1: int, n1: int, k2: int, n2: int, *, z: float = Z95) -> tuple[float, float]:
    """Interval of k1 / n1 − k2 / n2 for independent groups; (nan, nan) where one is empty. [Newcombe 1998, method 10]"""
    if not n1 or not n2:
        return math.nan, math.nan
    p1, p2 = k1 / n1, k2 / n2
    low1, high1 = wilson(k1, n1, z=z)
    low2, high2 = wilson(k2, n2, z=z)
    difference = p1 - p2
    low = difference - math.sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    high = difference + math.sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    return low, high


def shares_differ(k1: int, n1: int, k2: int, n2: int, *, z: float = Z95) -> bool:
    """True when two shares of independent groups differ by more than chance. [Newcombe 1998, method 10]"""
    low, high = share_difference(k1, n1, k2, n2, z=z)
    return low > 0 or high < 0


def shares_p_value(k1: int, n1: int, k2: int, n2: int) -> float:
    """Chance of a difference at least this large if both shares were equal, two-sided; 1.0 where a group is empty.

    Pooled normal approximation; Fisher's exact test where a cell is expected below 5. [Pearson 1900; Fisher 1935]
    """
    if not n1 or not n2 or k1 + k2 in (0, n1 + n2):
        return 1.0
    pooled = (k1 + k2) / (n1 + n2)
    if min(n1, n2) * min(pooled, 1 - pooled) < 5:
        from scipy.stats import fisher_exact

        return float(fisher_exact([[k1, n1 - k1], [k2, n2 - k2]])[1])
    z = (k1 / n1 - k2 / n2) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    return math.erfc(abs(z) / math.sqrt(2))


def false_discovery(p_values: Sequence[float], *, tests: int | None = None) -> list[float]:
    """Adjust p-values of many comparisons: keeping those at most 0.05 lets about one in twenty of the kept be chance.

    tests: how many could have been made, where those given were chosen by looking at the data. [Benjamini & Hochberg 1995]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    made = max(tests or 0, len(p_values))
    adjusted, least = [1.0] * len(p_values), 1.0
    for place, i in enumerate(order):
        least = min(least, p_values[i] * made / (len(p_values) - place))
        adjusted[i] = least
    return adjusted


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of many comparisons: keeping those at most 0.05 claims anything false at all one time in twenty. [Holm 1979]"""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, most = [1.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        most = max(most, min(1.0, p_values[i] * (len(p_values) - place)))
        adjusted[i] = most
    return adjusted
