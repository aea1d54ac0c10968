"""Shares with their uncertainty: a rate on its own is no statement anyone can act on."""

from __future__ import annotations

import math

Z90, Z95 = 1.6448536269514722, 1.959963984540054
SMALL_SAMPLE = 30


def wilson(successes: int, n: int, *, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of the share successes / n; (nan, nan) where n is 0. [Wilson 1927]

    0 of 5 is 0 to 43 %, where the normal approximation says 0 to 0.
    """
    if n == 0:
        return math.nan, math.nan
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))


def shares_differ(k1: int, n1: int, k2: int, n2: int, *, z: float = Z95) -> bool:
    """True when two shares of independent groups differ by more than chance. [Newcombe 1998, method 10]"""
    if not n1 or not n2:
        return False
    p1, p2 = k1 / n1, k2 / n2
    low1, high1 = wilson(k1, n1, z=z)
    low2, high2 = wilson(k2, n2, z=z)
    difference = p1 - p2
    low = difference - math.sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    high = difference + math.sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    return low > 0 or high < 0
