"""Whether money grows with the pieces: the same product, one piece and several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from custkit.intake.guess.facts import SEVERAL

MOST, CLOSE = 0.9, 0.005


def is_of_one_piece(money: np.ndarray, pieces: np.ndarray, products: Sequence[str]) -> bool | None:
    """True where several pieces of a product show the price of one, False where they show as many times that; None where neither."""
    single: dict[str, list[float]] = defaultdict(list)
    for product, value, count in zip(products, money, pieces, strict=True):
        if product and count == 1 and value > 0:
            single[product].append(float(value))
    price = {product: float(np.median(values)) for product, values in single.items()}
    several = [
        (value / price[product], count) for product, value, count in zip(products, money, pieces, strict=True)
        if product in price and count > 1 and value > 0
    ]  # fmt: skip
    if len(several) < SEVERAL:
        return None
    times, counts = np.array(several).T
    if np.mean(np.abs(times - 1) <= CLOSE) >= MOST:
        return True
    return False if np.mean(np.abs(times / counts - 1) <= CLOSE) >= MOST else None
