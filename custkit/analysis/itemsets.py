"""Which items lie in the same orders, and how often: frequent itemsets, counted on the engine.

Items and pairs are counted on the engine, where the data are. Sets of three and more are counted on bitmaps of the few items and
orders that can still hold one, a bounded piece at a time: measured, that is faster than a join per length and than FP-growth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from custkit.engine import fetch, frame
from custkit.tables import MONEY, SALE

LEVELS = ("product_id", "category", "department", "brand")
# More distinct items than this is a wholesaler's order or a test, not a shopping basket; its pairs alone would outnumber all others.
MAX_ITEMS = 500
# Above this many products that sell often enough, a page is about categories.
MANY_PRODUCTS = 300
MAX_ITEMSETS = 1_000_000
_BITMAP_BYTES = 1 << 28
_EMPTY = {"itemsets": object, "length": "int64", "orders": "int64", "baskets": "int64", "support": "float64"}


def baskets(order_lines: ir.Table, products: ir.Table, *, level: str = "product_id") -> ir.Table:
    """What lies in each order, each item once, whatever the quantity.

    order_lines, products  →  basket_id | item

    Returns, gifts and postage are no items. Products go by their name; where two share one, the id stands behind it. Lines whose
    product has no category (department, brand) are left out at that level. [S11]

    Raises ValueError for a level that is none.
    """
    return sold_items(order_lines, products, level=level).select(basket_id=_.order_id, item=_.item).distinct()


def sold_items(order_lines: ir.Table, products: ir.Table, *, level: str = "product_id") -> ir.Table:
    """The lines behind `baskets`: order_id | item, revenue, cost_amount (of the line, else of the product; null where neither is known).

    Raises ValueError for a level that is none.
    """
    if level not in LEVELS:
        raise ValueError(f"level={level!r}; have {', '.join(LEVELS)}")
    sold = order_lines.filter((_.kind == SALE) & _.is_product & _.product_id.notnull())
    items = _named(products) if level == "product_id" else products.select("product_id", item=products[level])
    costs = products.filter(_.unit_cost.notnull()).select("product_id", "unit_cost")
    costed = sold.select("order_id", "product_id", "quantity", "revenue", "cost_amount").left_join(costs, "product_id")
    cost = ibis.coalesce(costed.cost_amount, (costed.quantity * costed.unit_cost).cast(MONEY))
    lines = costed.select("order_id", "product_id", "revenue", cost_amount=cost).left_join(items, "product_id")
    item = ibis.coalesce(lines.item, lines.product_id) if level == "product_id" else lines.item
    return lines.select("order_id", "revenue", "cost_amount", item=item).filter(_.item.notnull())


def _named(products: ir.Table) -> ir.Table:
    shared = products.group_by("product_name").aggregate(sharing=_.count())
    named = products.select("product_id", "product_name").left_join(shared, "product_name")
    unique = named.product_name + " (" + named.product_id + ")"
    return named.select("product_id", item=(named.sharing > 1).ifelse(unique, named.product_name))


def item_categories(products: ir.Table) -> ir.Table:
    """item (as `baskets` names products) | category; products without one are left out."""
    return (
        _named(products)
        .join(products.select("product_id", "category"), "product_id")
        .filter(_.category.notnull())
        .select("item", "category")
    )


def item_level(order_lines: ir.Table, products: ir.Table) -> str:
    """At what level this shop's baskets are best read: `"product_id"`, or `"category"` where very many products sell often.

    Often is in one order of a thousand and in 30 orders at least; many is more than 300. Without categories it is products.
    """
    sold = order_lines.filter((_.kind == SALE) & _.is_product & _.product_id.notnull())
    orders = sold.aggregate(n=_.order_id.nunique())
    by_product = sold.group_by("product_id").aggregate(orders=_.order_id.nunique())
    n = int(frame(orders)["n"].iloc[0])
    often = frame(by_product.filter(_.orders >= minimum_orders(n, min_support=0.001, least=30)).aggregate(n=_.count()))["n"].iloc[0]
    categories = frame(products.aggregate(n=_.category.nunique()))["n"].iloc[0]
    return "category" if often > MANY_PRODUCTS and categories > 1 else "product_id"


def minimum_orders(n: int, *, min_support: float, least: int = 1) -> int:
    """How many orders of `n` a share of `min_support` is; 0.01 of 9,800 is 98, whatever binary fractions say."""
    return max(least, math.ceil(min_support * n - 1e-9))


def basket_sizes(baskets: ir.Table) -> pd.DataFrame:
    """How many orders hold how many distinct items.

    basket_id | item  →  size (items), orders
    """
    sizes = baskets.group_by("basket_id").aggregate(size=_.count()).group_by("size").aggregate(orders=_.count())
    return frame(sizes.order_by("size")).astype({"size": "int64", "orders": "int64"})


def without_oversized(baskets: ir.Table, *, max_items: int = MAX_ITEMS) -> ir.Table:
    """The baskets of at most `max_items` distinct items; `basket_sizes` counts the others."""
    large = baskets.group_by("basket_id").aggregate(size=_.count()).filter(_.size > max_items)
    return baskets.anti_join(large, "basket_id")


def item_counts(baskets: ir.Table, *, least: int = 1) -> pd.DataFrame:
    """In how many orders each item lies, where these are `least` or more; the most frequent first.

    basket_id | item  →  item, orders
    """
    counts = frame(baskets.group_by("item").aggregate(orders=_.count()).filter(_.orders >= least))
    return counts.sort_values(["orders", "item"], ascending=[False, True], ignore_index=True).astype({"orders": "int64"})


def frequent_itemsets(baskets: ir.Table, *, min_support: float, max_length: int | None = None, max_items: int = MAX_ITEMS) -> pd.DataFrame:
    """Every set of items that lies together in at least `min_support` of all orders, exactly as mlxtend's fpgrowth finds them.

    basket_id | item (distinct)  →  itemsets (frozenset), length, orders, baskets (all orders counted), support (orders / baskets)

    Orders of more than `max_items` items are left out, of `baskets` too; `basket_sizes` counts them. Longer sets follow shorter
    ones, frequent ones rare ones, then by name. [Agrawal & Srikant 1994; S11]

    Raises ValueError for a support outside (0, 1] and where more than a million sets are frequent.
    """
    if not 0 < min_support <= 1:
        raise ValueError(f"min_support={min_support}; it is a share of orders above 0 and up to 1")
    kept = without_oversized(baskets, max_items=max_items)
    n = int(fetch(kept.aggregate(n=_.basket_id.nunique()))["n"][0].as_py())
    least = minimum_orders(n, min_support=min_support)
    items = kept.group_by("item").aggregate(orders=_.count()).filter(_.orders >= least)
    coded_items = fetch(items.mutate(code=ibis.row_number().over(order_by=_.item))).to_pandas()
    singles = coded_items.sort_values("code")
    names = singles["item"].to_numpy(dtype=object)
    counted: dict[tuple[int, ...], int] = {(i,): int(orders) for i, orders in enumerate(singles["orders"])}
    if (max_length is None or max_length > 1) and len(names) > 1:
        longer = _longer(kept, items, least, max_length)
        counted.update(longer)
    return _as_frame(counted, names, n)


def pair_counts(baskets: ir.Table, *, least: int) -> tuple[pd.DataFrame, int]:
    """Every pair of items that lies together in `least` orders or more; and how many items lie in so many.

    basket_id | item (distinct, no oversized baskets)  →  first, second (item), first_orders, second_orders, joint_orders

    The first of two is the one in fewer orders; of equals, the first by name.

    Raises ValueError where more than a million pairs are frequent.
    """
    items = baskets.group_by("item").aggregate(orders=_.count()).filter(_.orders >= least)
    coded_items = fetch(items.mutate(code=ibis.row_number().over(order_by=[_.orders, _.item]))).to_pandas().sort_values("code")
    with _coded(baskets, items, order_by=[_.orders, _.item]).cache() as lines:
        found = _frequent_pairs(lines, least)
    first, second = (found[name].to_numpy().astype(np.int64) for name in ("a", "b"))
    names, orders = coded_items["item"].to_numpy(dtype=object), coded_items["orders"].to_numpy().astype(np.int64)
    counted = {"first": names[first], "second": names[second], "first_orders": orders[first], "second_orders": orders[second]}
    made = pd.DataFrame({**counted, "joint_orders": found["orders"].to_numpy().astype(np.int64)})
    return made.sort_values(["first", "second"], ignore_index=True), len(names)


def _coded(kept: ir.Table, items: ir.Table, *, order_by: list[Any]) -> ir.Table:
    """order, code: whole numbers for orders and frequent items, in the order asked for."""
    codes = items.mutate(code=ibis.row_number().over(order_by=order_by)).select("item", "code")
    joined = kept.join(codes, "item")
    return joined.select(order=ibis.dense_rank().over(order_by=joined.basket_id), code=joined.code)


def _longer(kept: ir.Table, items: ir.Table, least: int, max_length: int | None) -> dict[tuple[int, ...], int]:
    with _coded(kept, items, order_by=[_.item]).cache() as lines:
        counted = _pairs(lines, least)
        level, length = sorted(counted), 2
        while level and (max_length is None or length < max_length):
            candidates = _candidates(level)
            if not candidates:
                break
            if length == 2:
                pieces = _Bitmaps(lines, sorted({code for candidate in candidates for code in candidate}))
            found = pieces.count(candidates)
            new = {candidate: int(orders) for candidate, orders in zip(candidates, found, strict=True) if orders >= least}
            counted.update(new)
            if len(counted) > MAX_ITEMSETS:
                raise ValueError(f"more than {MAX_ITEMSETS} itemsets are frequent; raise min_support or give max_length")
            level, length = sorted(new), length + 1
    return counted


def _frequent_pairs(lines: ir.Table, least: int) -> pa.Table:
    left, right = lines.select("order", a=_.code), lines.select("order", b=_.code)
    together = left.join(right, ["order", left.a < right.b]).group_by(["a", "b"]).aggregate(orders=_.count())
    found = fetch(together.filter(_.orders >= least))
    if len(found) > MAX_ITEMSETS:
        raise ValueError(f"more than {MAX_ITEMSETS} pairs are frequent; raise min_support")
    return found


def _pairs(lines: ir.Table, least: int) -> dict[tuple[int, ...], int]:
    found = _frequent_pairs(lines, least)
    columns = (found[name].to_pylist() for name in ("a", "b", "orders"))
    return {(a, b): orders for a, b, orders in zip(*columns, strict=True)}


def _candidates(level: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Sets one longer whose every part is frequent, in order."""
    known = set(level)
    by_prefix: dict[tuple[int, ...], list[int]] = {}
    for itemset in level:
        by_prefix.setdefault(itemset[:-1], []).append(itemset[-1])
    return [
        (*prefix, a, b)
        for prefix, lasts in by_prefix.items()
        for a, b in combinations(lasts, 2)
        if all((*prefix[:i], *prefix[i + 1 :], a, b) in known for i in range(len(prefix)))
    ]


class _Bitmaps:
    """One bit for each order and item, of the orders with three or more of `codes`; a piece is at most 256 MB."""

    def __init__(self, lines: ir.Table, codes: list[int]) -> None:
        wanted = lines.filter(lines.code.isin(codes))
        rich = wanted.group_by("order").aggregate(items=_.count()).filter(_.items > 2)
        rich = rich.select("order", bit=ibis.row_number().over(order_by=_.order))
        self._lines = wanted.join(rich, "order").select("bit", "code")
        self._row = {code: row for row, code in enumerate(codes)}
        self._codes = np.array(codes)
        self._orders = int(fetch(rich.aggregate(n=_.count()))["n"][0].as_py())
        self._piece = max(64, _BITMAP_BYTES * 8 // len(codes) // 64 * 64)
        self._only: np.ndarray | None = None

    def count(self, candidates: list[tuple[int, ...]]) -> np.ndarray:
        """In how many orders each candidate lies whole. Candidates that share all but the last item stand together."""
        rows = [tuple(self._row[code] for code in candidate) for candidate in candidates]
        starts = [i for i, row in enumerate(rows) if i == 0 or row[:-1] != rows[i - 1][:-1]]
        total = np.zeros(len(rows), dtype=np.int64)
        for bits in self._pieces():
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
                shared = np.bitwise_and.reduce(bits[list(rows[start][:-1])], axis=0)
                lasts = [row[-1] for row in rows[start:end]]
                total[start:end] += np.bitwise_count(bits[lasts] & shared).sum(axis=1, dtype=np.int64)
        return total

    def _pieces(self) -> Iterator[np.ndarray]:
        if self._orders <= self._piece:
            if self._only is None:
                self._only = self._bits(self._lines, 0, self._orders)
            yield self._only
            return
        for low in range(0, self._orders, self._piece):
            high = min(low + self._piece, self._orders)
            yield self._bits(self._lines.filter((_.bit >= low) & (_.bit < high)), low, high)

    def _bits(self, lines: ir.Table, low: int, high: int) -> np.ndarray:
        read = fetch(lines)
        bit = read["bit"].to_numpy() - low
        row = np.searchsorted(self._codes, read["code"].to_numpy())
        width = -(-(high - low) // 64)
        bits = np.zeros((len(self._codes), width), dtype=np.uint64)
        np.bitwise_or.at(bits, (row, bit >> 6), np.uint64(1) << (bit & 63).astype(np.uint64))
        return bits


def _as_frame(counted: dict[tuple[int, ...], int], names: np.ndarray, n: int) -> pd.DataFrame:
    if not counted:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _EMPTY.items()})
    named = ((tuple(sorted(names[code] for code in codes)), orders) for codes, orders in counted.items())
    ordered = sorted(named, key=lambda row: (len(row[0]), -row[1], row[0]))
    made = pd.DataFrame(
        {
            "itemsets": pd.Series([frozenset(itemset) for itemset, _orders in ordered], dtype=object),
            "length": [len(itemset) for itemset, _orders in ordered],
            "orders": [orders for _itemset, orders in ordered],
        }
    )
    return made.assign(baskets=n, support=made["orders"] / n)
