"""What goes with what inside an order, in both directions: "who buys A takes B" is another statement than "who buys B takes A"."""

from __future__ import annotations

from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from mlxtend.frequent_patterns import association_rules
from scipy.stats import poisson

from custkit.analysis.chance import chance_of_as_many, expected_together, size_bands
from custkit.analysis.itemsets import MAX_ITEMS, basket_sizes, minimum_orders, pair_counts, sold_items, without_oversized
from custkit.analysis.rates import false_discovery
from custkit.engine import frame
from custkit.words import mark

# A pair is worth a sentence when it meets a tenth more often than chance brings it together; less is noise of the model.
NOTABLE = 1.1
ALPHA = 0.05
JOIN = " + "
HOLDS, WEAKER, GONE, TOO_FEW = mark("holds"), mark("holds, but weaker"), mark("no longer"), mark("too few orders to tell")
_TOLERANCE = 1e-9

_MEASURES = ("support", "confidence", "lift", "leverage", "conviction", "zhang")
_COUNTS = {
    "antecedent": "str",
    "consequent": "str",
    "antecedent_orders": "int64",
    "consequent_orders": "int64",
    "joint_orders": "int64",
    "baskets": "int64",
}
_RULES = {
    "antecedents": object,
    "consequents": object,
    **_COUNTS,
    **dict.fromkeys(_MEASURES, "float64"),
}
_PAIRS = {
    **_COUNTS,
    "support": "float64",
    "confidence": "float64",
    "reverse_confidence": "float64",
    "lift": "float64",
    "leverage": "float64",
    "conviction": "float64",
    "reverse_conviction": "float64",
    "zhang": "float64",
    "reverse_zhang": "float64",
    "expected_orders": "float64",
    "times_expected": "float64",
    "p_value": "float64",
    "q_value": "float64",
    "is_significant": "bool",
}


def rules(itemsets: pd.DataFrame, *, min_confidence: float = 0.5, max_consequent: int | None = 1) -> pd.DataFrame:
    """Every rule "orders with the antecedent hold the consequent too" that is true of `min_confidence` of them or more.

    itemsets, support, baskets  →  antecedents, consequents (frozensets), antecedent, consequent (text, sorted), antecedent_orders,
    consequent_orders, joint_orders, baskets, support, confidence, lift, leverage, conviction, zhang

    `max_consequent` items are promised at most; None for any number. A rule of exactly `min_confidence` is in, whatever binary
    fractions say. Nobody has said yet that a rule is more than chance. [mlxtend association_rules; S73]

    Raises ValueError for a confidence outside [0, 1].
    """
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence={min_confidence}; it is a share between 0 and 1")
    if itemsets.empty:
        return _empty(_RULES)
    with np.errstate(divide="ignore", invalid="ignore"):  # mlxtend divides everywhere before it looks where it may
        found = association_rules(itemsets[["support", "itemsets"]], metric="confidence", min_threshold=min_confidence - _TOLERANCE)
    if max_consequent is not None:
        found = found[found["consequents"].map(len) <= max_consequent]
    if found.empty:
        return _empty(_RULES)
    n = int(itemsets["baskets"].iloc[0])
    made = found.rename(columns={"zhangs_metric": "zhang"}).assign(
        antecedent=[JOIN.join(sorted(items)) for items in found["antecedents"]],
        consequent=[JOIN.join(sorted(items)) for items in found["consequents"]],
        antecedent_orders=(found["antecedent support"] * n).round(),
        consequent_orders=(found["consequent support"] * n).round(),
        joint_orders=(found["support"] * n).round(),
        baskets=n,
    )
    ordered = made.sort_values(
        ["confidence", "joint_orders", "antecedent", "consequent"], ascending=[False, False, True, True], ignore_index=True
    )
    return ordered[list(_RULES)].astype(_RULES)


def without_redundant(found: pd.DataFrame) -> pd.DataFrame:
    """The rules of `rules` without those that a shorter one says as well: same consequent, part of the antecedent, no less confidence.

    A rule that promises no more than the consequent's share of all orders is redundant too: it needs no antecedent. [Bayardo 2000; S11]
    """
    by_key = dict(zip(zip(found["antecedents"], found["consequents"], strict=True), found["confidence"], strict=True))
    shorter: dict[frozenset[str], list[frozenset[str]]] = {}
    for antecedents, consequents in by_key:
        shorter.setdefault(consequents, []).append(antecedents)
    kept = [
        lift > 1 + _TOLERANCE
        and not any(
            other < antecedents and by_key[other, consequents] >= confidence - _TOLERANCE
            for other in shorter[consequents]
            if len(other) < len(antecedents)
        )
        for antecedents, consequents, confidence, lift in zip(
            found["antecedents"], found["consequents"], found["confidence"], found["lift"], strict=True
        )
    ]
    return found[np.array(kept, dtype=bool)].reset_index(drop=True)


def directional_pairs(baskets: ir.Table, *, min_support: float = 0.001, min_orders: int = 30, max_items: int = MAX_ITEMS) -> pd.DataFrame:
    """Pairs of items that lie in the same orders, one row a pair with both directions, and whether that is more than chance.

    basket_id | item (distinct)  →  antecedent, consequent, antecedent_orders, consequent_orders, joint_orders (with both), baskets,
    support, confidence (of antecedent → consequent), reverse_confidence, lift, leverage, conviction, reverse_conviction, zhang,
    reverse_zhang, expected_orders, times_expected (joint_orders / expected_orders), p_value, q_value, is_significant

    The antecedent is the item whose direction is the stronger, that is the rarer one; names decide ties. `lift` compares with
    independent items, as everywhere; `expected_orders` is what chance gives where items keep their popularity, in small and in
    large orders, and orders their size: large orders alone make no association. A pair is significant when it meets at least a
    tenth more often than that by Fisher's test, with at most 5 % false discoveries over all pairs of frequent items, and has a lift
    above 1: else the consequent alone promises as much. Pairs in fewer than `min_orders` orders are not looked at. [S11, S73]
    """
    with baskets.cache() as all_baskets, without_oversized(all_baskets, max_items=max_items).cache() as kept:
        return _directional_pairs(kept, min_support, min_orders, max_items)


def _directional_pairs(kept: ir.Table, min_support: float, min_orders: int, max_items: int) -> pd.DataFrame:
    sizes = basket_sizes(kept)
    n = int(sizes["orders"].sum())
    least = minimum_orders(n, min_support=min_support, least=min_orders)
    if least > n or not n:
        return _empty(_PAIRS)
    counted, frequent = pair_counts(kept, least=least)
    if counted.empty:
        return _empty(_PAIRS)
    pairs = _measured(counted, n)
    return _judged(pairs, _expected(pairs, kept, sizes), tests=frequent * (frequent - 1) // 2)


def _measured(counted: pd.DataFrame, n: int) -> pd.DataFrame:
    """The measures of both directions of each pair, the same as `rules` gives for one at a time."""
    first, second, joint = (counted[name].to_numpy(float) / n for name in ("first_orders", "second_orders", "joint_orders"))
    leverage = joint - first * second
    pairs = counted.rename(
        columns={"first": "antecedent", "second": "consequent", "first_orders": "antecedent_orders", "second_orders": "consequent_orders"}
    ).assign(baskets=n, support=joint, lift=joint / (first * second), leverage=leverage)
    for way, of, to in (("", first, second), ("reverse_", second, first)):
        confidence = joint / of
        sure = np.full(len(joint), np.inf)
        pairs[f"{way}confidence"] = confidence
        pairs[f"{way}conviction"] = np.divide(1 - to, 1 - confidence, out=sure, where=confidence < 1)
        most = np.maximum(joint * (1 - of), of * (to - joint))
        pairs[f"{way}zhang"] = np.divide(leverage, most, out=np.zeros(len(joint)), where=most > 0)
    return pairs


def _expected(pairs: pd.DataFrame, kept: ir.Table, sizes: pd.DataFrame) -> np.ndarray:
    """Orders that chance gives each pair, from how many orders of each size hold its items."""
    names = sorted({*pairs["antecedent"], *pairs["consequent"]})
    of_order = kept.group_by("basket_id").aggregate(size=_.count())
    counts = kept.filter(kept.item.isin(names)).join(of_order, "basket_id").group_by(["item", "size"]).aggregate(orders=_.count())
    bands = size_bands(sizes)
    place = {name: i for i, name in enumerate(names)}
    by_band = np.zeros((len(names), 1 + max(bands.values())))
    for item, size, orders in frame(counts).itertuples(index=False):
        by_band[place[item], bands[size]] += orders
    first, second = (by_band[[place[name] for name in pairs[end]]] for end in ("antecedent", "consequent"))
    return expected_together(sizes, _popularity(kept), first, second)


def _popularity(baskets: ir.Table) -> pd.DataFrame:
    """How many items lie in how many orders: orders, items."""
    counts = baskets.group_by("item").aggregate(orders=_.count()).group_by("orders").aggregate(items=_.count())
    return frame(counts.order_by("orders"))


def _judged(pairs: pd.DataFrame, expected: np.ndarray, *, tests: int) -> pd.DataFrame:
    first, second = pairs["antecedent_orders"].to_numpy(), pairs["consequent_orders"].to_numpy()
    together = pairs["joint_orders"].to_numpy()
    notable = np.minimum(expected * NOTABLE, np.minimum(first, second))
    p = chance_of_as_many(together, notable, first, second)
    q = np.array(false_discovery(p.tolist(), tests=tests))
    judged = pairs.assign(
        expected_orders=expected,
        times_expected=np.divide(together, expected, out=np.full(len(pairs), np.nan), where=expected > 0),
        p_value=p,
        q_value=q,
        is_significant=(q <= ALPHA) & (pairs["lift"] > 1).to_numpy() & (together > notable),
    )
    ordered = judged.sort_values(["is_significant", "times_expected", "antecedent", "consequent"], ascending=[False, False, True, True])
    return ordered[list(_PAIRS)].astype(_PAIRS).reset_index(drop=True)


def significant(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs or routes that are more than chance, in their order."""
    return pairs[pairs["is_significant"]].reset_index(drop=True)


def pairs_held(pairs: pd.DataFrame, baskets: ir.Table, *, max_items: int = MAX_ITEMS) -> pd.DataFrame:
    """Do the significant pairs of an earlier window hold in the orders that came after it, which had no say in choosing them?

    pairs of `directional_pairs`; later basket_id | item  →  antecedent, consequent, confidence_before, times_expected_before,
    antecedent_orders, consequent_orders, joint_orders, confidence, expected_orders, times_expected, verdict

    verdict: "holds" when the pair meets more often than chance (one-sided 5 %), "holds, but weaker" when also less often than
    before, "no longer" when less often than before and not more than chance, "too few orders to tell" otherwise. [S11]
    """
    before = significant(pairs)[["antecedent", "consequent", "confidence", "times_expected"]]
    before = before.rename(columns={"confidence": "confidence_before", "times_expected": "times_expected_before"})
    with baskets.cache() as held:
        return _held(before, held, max_items)


def _held(before: pd.DataFrame, baskets: ir.Table, max_items: int) -> pd.DataFrame:
    kept = without_oversized(baskets, max_items=max_items)
    sizes = basket_sizes(baskets).query("size <= @max_items")
    counts, together = _counts_of(kept, before)
    now = before.assign(
        antecedent_orders=before["antecedent"].map(counts).fillna(0).astype("int64"),
        consequent_orders=before["consequent"].map(counts).fillna(0).astype("int64"),
        joint_orders=[together.get((min(a, b), max(a, b)), 0) for a, b in zip(before["antecedent"], before["consequent"], strict=True)],
    ).astype({"joint_orders": "int64"})
    met = (now["antecedent_orders"] > 0) & (now["consequent_orders"] > 0)
    expected = np.zeros(len(now))
    if met.any():
        expected[met.to_numpy()] = _expected(now[met], kept, sizes)
    more = poisson.sf(now["joint_orders"] - 1, expected) <= ALPHA
    fewer = poisson.cdf(now["joint_orders"], expected * now["times_expected_before"]) <= ALPHA
    verdict = np.select([more & fewer, more, fewer], [WEAKER, HOLDS, GONE], default=TOO_FEW)
    return now.assign(
        confidence=_ratio(now["joint_orders"], now["antecedent_orders"]),
        expected_orders=expected,
        times_expected=_ratio(now["joint_orders"], expected),
        verdict=pd.Series(verdict, index=now.index, dtype="str"),
    )


def with_value(
    pairs: pd.DataFrame, order_lines: ir.Table, products: ir.Table, *, level: str = "product_id", gross_margin: float | None = None
) -> pd.DataFrame:
    """What a pair is worth: the consequent's revenue and margin, and those of the orders that chance does not explain.

    directional_pairs  →  … + consequent_revenue, consequent_margin (currency per order with it), extra_revenue, extra_margin (currency)

    Extra revenue = (joint_orders − expected_orders) × consequent_revenue: what goes with the pair, not what a campaign would add. Costs
    are those of the lines, else of the products; where one is missing, the client's `gross_margin` of revenue stands in, and without it
    the margin is missing. Give the same lines that the pairs were found in. [S11]
    """
    lines = sold_items(order_lines, products, level=level)
    named = lines.filter(lines.item.isin(sorted(set(pairs["consequent"])))) if len(pairs) else lines.limit(0)
    sums = named.group_by("item").aggregate(
        orders=_.order_id.nunique(),
        revenue=_.revenue.sum(),
        cost=_.cost_amount.sum(),
        unknown=_.cost_amount.isnull().ifelse(1, 0).sum(),
    )
    worth = frame(sums).set_index("item").reindex(pairs["consequent"])
    per_order = (worth["revenue"] / worth["orders"]).to_numpy(float)
    usual = worth["revenue"] * (np.nan if gross_margin is None else gross_margin)
    margin = ((worth["revenue"] - worth["cost"]).where(worth["unknown"] == 0, usual) / worth["orders"]).to_numpy(float)
    extra = (pairs["joint_orders"] - pairs["expected_orders"]).to_numpy(float)
    return pairs.assign(
        consequent_revenue=per_order, consequent_margin=margin, extra_revenue=extra * per_order, extra_margin=extra * margin
    )


def _counts_of(kept: ir.Table, pairs: pd.DataFrame) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    names = sorted({*pairs["antecedent"], *pairs["consequent"]})
    if not names:
        return {}, {}
    lines = kept.filter(kept.item.isin(names))
    counts = frame(lines.group_by("item").aggregate(orders=_.count()))
    left, right = lines.select("basket_id", a=_.item), lines.select("basket_id", b=_.item)
    joined = left.join(right, ["basket_id", left.a != right.b]).group_by(["a", "b"]).aggregate(orders=_.count())
    met = frame(joined)
    together = {(a, b): int(orders) for a, b, orders in zip(met["a"], met["b"], met["orders"], strict=True) if a < b}
    return dict(zip(counts["item"], counts["orders"], strict=True)), together


def _ratio(numerator: pd.Series, denominator: pd.Series | np.ndarray) -> np.ndarray:
    over, under = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    return np.divide(over, under, out=np.full(len(over), np.nan), where=under > 0)


def _empty(columns: Mapping[str, object]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
