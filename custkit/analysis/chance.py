"""What chance alone would put into one order, given how often each item sells and how large the orders are.

A large order holds more pairs of everything, so that plain lift finds every two items "associated" where order sizes differ. The
comparison here keeps both margins, within bands of order size: each item lies in as many small and large orders as it does, each
order holds as many items as it does, and nothing else is known. Orders of one size are sets drawn with chances in proportion to the
product of their items' weights, the weights being those that give each item its orders (the entropy-maximising null of Saracco et al.
2017, with sizes fixed as by Chen et al. 1994); bands then correct what one set of weights cannot say, as Mantel & Haenszel 1959 do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import betaln
from scipy.stats import hypergeom

_ROUNDS, _CLOSE = 200, 1e-9
# The recursion below loses about one digit for each tenfold growth of this product of odds; beyond it Hájek's approximation serves.
_EXACT_UNTIL = 1e7
_VAST = 1e9


def size_bands(sizes: pd.DataFrame) -> dict[int, int]:
    """Size of order → band: neighbouring sizes together until they are a thirtieth of all orders and 100 at least."""
    least = max(100.0, sizes["orders"].sum() / 30)
    bands, band, held = {}, 0, 0.0
    for size, orders in zip(sizes["size"].tolist(), sizes["orders"].tolist(), strict=True):
        bands[size], held = band, held + orders
        if held >= least:
            band, held = band + 1, 0.0
    if held and band:  # what is left over is too few on its own
        bands = {size: min(of, band - 1) for size, of in bands.items()}
    return bands


def expected_together(sizes: pd.DataFrame, popularity: pd.DataFrame, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """In how many orders the items of each pair would meet by chance.

    sizes: size, orders. popularity: orders, items: so many items lie in so many orders; all items count, rare ones too.
    first, second: one row a pair, one column a band of `size_bands`: in how many orders of the band the item lies.
    """
    if not len(first) or sizes.empty:
        return np.zeros(len(first))
    of_size = dict(zip(sizes["size"].tolist(), sizes["orders"].tolist(), strict=True))
    bands = size_bands(sizes)
    sold, of_sold = popularity["orders"].to_numpy(float), popularity["items"].to_numpy(float)
    weight = _weights(of_size, sold, of_sold)
    row = {count: i for i, count in enumerate(popularity["orders"].tolist())}
    a, b = (np.array([row[count] for count in given.sum(axis=1).tolist()]) for given in (first, second))
    drawn, met = np.zeros((first.shape[1], len(weight))), np.zeros((first.shape[1], len(a)))
    both = {0: np.zeros(len(a)), 1: np.zeros(len(a))}
    shares: dict[int, np.ndarray] = {0: np.zeros_like(weight)}
    scale_before = 0.0
    for size, share, scale, exact in _shares(weight, of_sold, max(of_size)):
        shares[size] = share
        if size >= 2:
            if exact:
                neither = 1 - shares[size - 2][a] - shares[size - 2][b] + both[size - 2]
                joint = weight[a] * weight[b] * scale * scale_before * neither
            else:
                spread = of_sold @ (share * (1 - share))
                joint = share[a] * share[b] * (1 - (1 - share[a]) * (1 - share[b]) / max(spread, 1e-9))
            both[size] = np.clip(joint, np.maximum(share[a] + share[b] - 1, 0), np.minimum(share[a], share[b]))
            both.pop(size - 2), shares.pop(size - 2)
        if size in of_size:
            drawn[bands[size]] += of_size[size] * share
            met[bands[size]] += of_size[size] * both[size]
        scale_before = scale
    as_found = (first.T / drawn[:, a]) * (second.T / drawn[:, b])
    return np.clip(met * as_found, 0.0, np.minimum(first.T, second.T)).sum(axis=0)


def _weights(of_size: dict[int, int], sold: np.ndarray, of_sold: np.ndarray) -> np.ndarray:
    """How strongly an item of each popularity is drawn, so that each lies in as many orders as it does."""
    weight = sold / (sold @ of_sold)
    for _round in range(_ROUNDS):
        drawn = np.zeros_like(weight)
        for size, share, _scale, _exact in _shares(weight, of_sold, max(of_size)):
            drawn += of_size.get(size, 0) * share
        step = sold / drawn
        weight = weight * step
        weight = weight / (weight @ of_sold)
        if np.max(np.abs(step - 1)) < _CLOSE:
            break
    return weight


def _shares(weight: np.ndarray, of_sold: np.ndarray, largest: int) -> Iterator[tuple[int, np.ndarray, float, bool]]:
    """For each size of order: its share that holds an item of each weight, the scale of the odds, and whether these are exact.

    Orders of one size are sets drawn with chances in proportion to the product of their items' weights. [Chen, Dempster & Liu 1994]
    """
    share, lost, exact, scale = np.zeros_like(weight), 1.0, True, 0.0
    items = of_sold.sum()
    for size in range(1, largest + 1):
        if size >= items:
            yield size, np.ones_like(weight), 0.0, False
            continue
        if exact:
            scale = size / (of_sold @ (weight * (1 - share)))
            share = np.minimum(scale * weight * (1 - share), 1.0)
            lost *= max(1.0, scale * weight.max())
            exact = lost < _EXACT_UNTIL
        else:
            scale = _scale(weight, of_sold, size, scale)
            share = scale * weight / (1 + scale * weight)
        yield size, share, scale, exact


def _scale(weight: np.ndarray, of_sold: np.ndarray, size: int, start: float) -> float:
    log_scale = np.log(start)
    for _round in range(60):
        odds = np.exp(log_scale) * weight
        share = odds / (1 + odds)
        step = (size - of_sold @ share) / (of_sold @ (share * (1 - share)))
        log_scale += np.clip(step, -2, 2)
        if abs(step) < 1e-10:
            break
    return float(np.exp(log_scale))


def chance_of_as_many(together: np.ndarray, expected: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Chance that two items meet in `together` orders or more, where `expected` are due by chance.

    Fisher's exact test on as many orders as give that expectation: where large orders bring items together, there are fewer
    independent occasions than orders.
    """
    occasions = np.maximum(np.floor(first * second / np.maximum(expected, 1e-12)), np.maximum(first, second))
    occasions = np.minimum(occasions, 2.0**53).astype(np.int64)
    return np.clip(_tail(*(np.asarray(given, dtype=float) for given in (together, occasions, first, second))), 0.0, 1.0)


def _tail(found: np.ndarray, occasions: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """P(X ≥ found) of hypergeometric X, all at once: its first term, then the others by the ratio of neighbours until they are nothing."""
    least, most = np.maximum(first + second - occasions, 0.0), np.minimum(first, second)
    total = np.where(found <= least, 1.0, 0.0)
    # Logarithms of factorials of very many occasions lose their last digits; SciPy takes those, which are few.
    vast = (occasions > _VAST) & (total < 1)
    total[vast] = hypergeom.sf(found[vast] - 1, occasions[vast].astype(np.int64), first[vast], second[vast])
    # Below the middle most terms are there: they are what is left of the terms before.
    lower = found <= first * second / occasions
    some = np.flatnonzero(~vast & (found > least) & (found <= most))
    at, n, a, b, down = found[some], occasions[some], first[some], second[some], lower[some]
    at = np.where(down, at - 1, at)
    term = np.exp(
        -betaln(a + 1 - at, at + 1)
        - np.log(a + 1)
        - betaln(n - a - b + at + 1, b - at + 1)
        - np.log(n - a + 1)
        + betaln(n + 1 - b, b + 1)
        + np.log(n + 1)
    )
    summed = np.zeros(len(some))
    alive = np.arange(len(some))
    while len(alive):
        summed[alive] += term[alive]
        x, way = at[alive], down[alive]
        up = (a[alive] - x) * (b[alive] - x) / ((x + 1) * (n[alive] - a[alive] - b[alive] + x + 1))
        back = x * (n[alive] - a[alive] - b[alive] + x) / ((a[alive] - x + 1) * (b[alive] - x + 1))
        term[alive] *= np.where(way, back, up)
        at[alive] += np.where(way, -1, 1)
        alive = alive[term[alive] > summed[alive] * 1e-17]
    total[some] = np.where(down, 1 - summed, summed)
    return total
