"""Sentences of the notebook association_rules: baskets, pairs in both directions, whether they hold, routes across orders."""

from __future__ import annotations

import pandas as pd

from custkit import words
from custkit.analysis.itemsets import MAX_ITEMS
from custkit.analysis.rates import wilson
from custkit.analysis.routes import Step
from custkit.analysis.rules import HOLDS, TOO_FEW, WEAKER, significant
from custkit.present.finding import Fact, Finding
from custkit.present.table import Shown, table
from custkit.words import _, ngettext


def baskets_finding(sizes: pd.DataFrame, *, max_items: int = MAX_ITEMS, window: str = "") -> Finding:
    """What there is to learn from: orders, how many different items they hold, how many are left out as too large.

    basket_sizes(…)  →  Finding [S11]
    """
    kept = sizes[sizes["size"] <= max_items]
    n, large = int(kept["orders"].sum()), int(sizes.loc[sizes["size"] > max_items, "orders"].sum())
    if not n:
        return Finding(_("Not estimated: no order with a known product lies in the window."), tone="quiet")
    items = int((kept["size"] * kept["orders"]).sum())
    several = int(kept.loc[kept["size"] > 1, "orders"].sum())
    headline = _("{share} of {n} orders hold two different items or more; only these can show what goes together.").format(
        share=words.share(several / n), n=words.count(n)
    )
    detail = [_("An order holds {mean} different items on average.").format(mean=words.number(items / n))]
    if large:
        detail.append(
            ngettext(
                "{n} order with more than {most} different items is left out.",
                "{n} orders with more than {most} different items are left out.",
                large,
            ).format(n=words.number(large, 0), most=words.number(max_items, 0))
        )
    if not several:
        headline = _("No order of {n} holds two different items, so nothing can be said about what goes together.").format(n=words.count(n))
        detail = detail[1:]
    low, high = wilson(several, n)
    facts = (
        Fact("baskets.several_items_share", several / n, "share", several, n, n, low, high, window),
        Fact("baskets.mean_items", items / n, "number", items, n, n, window=window),
        Fact("baskets.left_out", large, "count", n=n + large, window=window),
    )
    return Finding(headline, " ".join(detail), facts)


def pairs_finding(pairs: pd.DataFrame, *, window: str = "") -> Finding:
    """The strongest pair beyond chance, in its strong direction, with the other direction beside it.

    directional_pairs(…)  →  Finding [S11, S73]
    """
    if pairs.empty:
        return Finding(_("Not estimated: no two items lie together in enough orders."), tone="quiet")
    real = significant(pairs)
    counted = Fact(
        "pairs.significant",
        len(real),
        "count",
        n=len(pairs),
        window=window,
        definition=_(
            "Pairs in at least a tenth more orders than chance gives when items keep their popularity and orders their size; "
            "Fisher's test, at most 5% false discoveries"
        ),
    )
    looked = ngettext("{n} pair was looked at.", "{n} pairs were looked at.", len(pairs)).format(n=words.number(len(pairs), 0))
    if real.empty:
        return Finding(_("No two items lie together more often than chance explains."), looked, (counted,), tone="quiet")
    top = real.iloc[0]
    headline = _("{share} of the orders with {a} hold {b} too: {times} times as often as chance brings them together.").format(
        share=words.share(top["confidence"]), a=top["antecedent"], b=top["consequent"], times=words.number(top["times_expected"])
    )
    reverse = _("The other way round it is {share}: show {b} to who buys {a} rather than the reverse.").format(
        share=words.share(top["reverse_confidence"]), a=top["antecedent"], b=top["consequent"]
    )
    alike = _("The other way round it is {share}: either can be shown with the other.").format(share=words.share(top["reverse_confidence"]))
    only = _("It is the only pair in enough orders to be looked at.")
    more = ngettext(
        "{n} of {pairs} pairs looked at is more than chance.", "{n} of {pairs} pairs looked at are more than chance.", len(real)
    ).format(n=words.number(len(real), 0), pairs=words.number(len(pairs), 0))
    uneven = top["confidence"] > 1.2 * top["reverse_confidence"]
    return Finding(
        headline, " ".join([reverse if uneven else alike, only if len(pairs) == 1 else more]), (*_pair_facts(top, window), counted)
    )


def _pair_facts(top: pd.Series, window: str) -> tuple[Fact, ...]:
    joint, n = int(top["joint_orders"]), int(top["baskets"])
    facts = []
    for key, share, of in (
        ("pairs.top.confidence", "confidence", "antecedent_orders"),
        ("pairs.top.reverse_confidence", "reverse_confidence", "consequent_orders"),
    ):
        low, high = wilson(joint, int(top[of]))
        facts.append(Fact(key, float(top[share]), "share", joint, int(top[of]), int(top[of]), low, high, window))
    return (
        *facts,
        Fact("pairs.top.times_expected", float(top["times_expected"]), "number", joint, float(top["expected_orders"]), n, window=window),
        Fact("pairs.top.lift", float(top["lift"]), "number", n=n, window=window),
        Fact("pairs.top.names", _("{a} → {b}").format(a=top["antecedent"], b=top["consequent"]), "text", window=window),
    )


def held_finding(held: pd.DataFrame, *, month: str) -> Finding:
    """How many pairs found up to last month hold in this month's orders, which had no say in finding them.

    pairs_held(…), "2026-10"  →  Finding [S11]
    """
    if held.empty:
        return Finding(_("There was no pair beyond chance up to the month before, so none to hold."), tone="quiet")
    n, few = len(held), int((held["verdict"] == TOO_FEW).sum())
    holds = int(held["verdict"].isin([HOLDS, WEAKER]).sum())
    told = n - few
    facts = (
        Fact("pairs.held", holds, "count", n=n, window=words.month(month)),
        Fact("pairs.too_few_orders", few, "count", n=n, window=words.month(month)),
    )
    if not told:
        return Finding(
            _("Not estimated: {month} has too few orders to tell whether the pairs found before still hold.").format(
                month=words.month(month)
            ),
            facts=facts,
            tone="quiet",
        )
    headline = ngettext(
        "The one pair found before and testable in {month}: {holds} held.",
        "Of {told} pairs found before and testable in {month}, {holds} held.",
        told,
    ).format(told=words.number(told, 0), month=words.month(month), holds=words.number(holds, 0))
    detail = []
    if few:
        untold = ngettext("{n} more pair had too few orders to tell.", "{n} more pairs had too few orders to tell.", few)
        detail.append(untold.format(n=words.number(few, 0)))
    gone = held[~held["verdict"].isin([HOLDS, WEAKER, TOO_FEW])]
    if len(gone):
        first = gone.iloc[0]
        detail.append(_("No longer more than chance: {a} → {b}.").format(a=first["antecedent"], b=first["consequent"]))
    return Finding(headline, " ".join(detail), facts)


def routes_finding(routes: pd.DataFrame, *, step: Step = "any-later", window: str = "") -> Finding:
    """The clearest route from one item to the next, with its waiting time.

    routes(…)  →  Finding [S12]
    """
    key = "routes.next_order" if step == "next-order" else "routes.any_later"
    if routes.empty:
        return Finding(_("Not estimated: no route from one item to another was taken by enough customers."), tone="quiet")
    real = significant(routes)
    counted = Fact(
        f"{key}.significant",
        len(real),
        "count",
        n=len(routes),
        window=window,
        definition=_(
            "Routes that at least a tenth more customers took than if each customer's visits had come in any order, season by season; "
            "at most 5% false discoveries"
        ),
    )
    if real.empty:
        sentence = (
            _("No item is followed by another in the next order more often than the other way round.")
            if step == "next-order"
            else _("Beyond the next order, no item leads to another more than seasons and habit explain.")
        )
        looked = ngettext("{n} route was looked at.", "{n} routes were looked at.", len(routes)).format(n=words.number(len(routes), 0))
        return Finding(sentence, looked, (counted,), tone="quiet")
    top = real.iloc[0]
    taken = int(top["route_customers"])
    message = (
        _("{n} customers took {b} in the order right after {a}, {times} times as many as if the order did not matter.")
        if step == "next-order"
        else _("{n} customers bought {b} some time after their first {a}, {times} times as many as if the order did not matter.")
    )
    headline = message.format(n=words.count(taken), a=top["antecedent"], b=top["consequent"], times=words.number(top["times_expected"]))
    wait = _("Half of them waited {median} or less; the middle half {low} to {high}.").format(
        median=words.days(top["wait_median"]), low=words.number(top["wait_first_quartile"], 0), high=words.days(top["wait_third_quartile"])
    )
    only = _("It is the only route that enough customers took to be looked at.")
    more = ngettext(
        "{n} of {routes} routes looked at is more than chance.", "{n} of {routes} routes looked at are more than chance.", len(real)
    ).format(n=words.number(len(real), 0), routes=words.number(len(routes), 0))
    n = int(top["antecedent_customers"])
    low, high = wilson(taken, n)
    facts = (
        Fact(f"{key}.top.confidence", float(top["confidence"]), "share", taken, n, n, low, high, window),
        Fact(
            f"{key}.top.times_expected", float(top["times_expected"]), "number", taken, float(top["expected_customers"]), n, window=window
        ),
        Fact(f"{key}.top.wait_median", float(top["wait_median"]), "days", n=taken, window=window),
        Fact(f"{key}.top.names", _("{a} → {b}").format(a=top["antecedent"], b=top["consequent"]), "text", window=window),
        counted,
    )
    return Finding(headline, " ".join([wait, only if len(routes) == 1 else more]), facts)


def strongest_title(pairs: pd.DataFrame) -> str:
    """What the chart of times chance says: how far above chance the pairs shown stand.

    directional_pairs(…), significant  →  one sentence [S11, S73]
    """
    shown = pairs["times_expected"].head(10)
    if shown.empty:
        return _("No two items lie together more often than chance explains.")
    if len(shown) == 1:
        return _("The only pair beyond chance meets {times} times as often as chance explains.").format(times=words.number(shown.max()))
    return _("The strongest pair meets {high} times as often as chance explains, the last one shown {low} times.").format(
        low=words.number(shown.min()), high=words.number(shown.max())
    )


def directions_measure() -> str:
    return _("share of the orders with the one that hold the other; green: first → second, orange: second → first")


def strongest_measure() -> str:
    return _("orders with both, as a multiple of what popularity and the size of orders explain")


def waits_measure() -> str:
    return _("days from the first to the second: dot the median, bar the middle half of the customers who took the route")


def pairs_table(real: pd.DataFrame) -> Shown:
    """directional_pairs(…), significant, with_value  →  table, both directions on one row"""
    shown = [
        "antecedent",
        "consequent",
        "joint_orders",
        "confidence",
        "reverse_confidence",
        "times_expected",
        "extra_revenue",
        *_known(real, "extra_margin"),
    ]
    return table(real[shown], bars=["confidence", "reverse_confidence"], limit=15)


def measures_table(real: pd.DataFrame) -> Shown:
    """directional_pairs(…), significant, with_value  →  table of the other measures of the same pairs"""
    measures = ["support", "lift", "leverage", "conviction", "reverse_conviction", "zhang", "reverse_zhang", "q_value"]
    return table(real[["antecedent", "consequent", *measures, "consequent_revenue", *_known(real, "consequent_margin")]], limit=15)


def _known(rows: pd.DataFrame, column: str) -> list[str]:
    """The column, where a row fills it: a client without costs has no margins."""
    return [column] if rows[column].notna().any() else []


def held_table(held: pd.DataFrame) -> Shown:
    """pairs_held(…)  →  table"""
    shown = ["antecedent", "consequent", "confidence_before", "confidence", "joint_orders", "times_expected", "verdict"]
    return table(held[shown], small="joint_orders", limit=15)


def routes_table(routes: pd.DataFrame, *, step: Step = "any-later") -> Shown:
    """routes(…)  →  table of those beyond chance"""
    taken = ["route_customers", "reverse_customers"] if step == "next-order" else ["antecedent_customers", "route_customers", "confidence"]
    shown = ["antecedent", "consequent", *taken, "times_expected", "wait_median", "wait_third_quartile"]
    return table(significant(routes)[shown], small="route_customers", limit=15)
