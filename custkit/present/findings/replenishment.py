"""Sentences and tables on what is bought again: cycles, who is due, more pieces at once, and what to recommend."""

from __future__ import annotations

import math

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _ as row

from custkit import words
from custkit.analysis.action_lists import approachable
from custkit.analysis.incremental_sales import ALL, COUPON, GROWING, NO_MORE, PILING
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.analysis.recommendations import EVERYTHING, NEW_ONLY, REASONS
from custkit.present.finding import Fact, Finding
from custkit.present.lists import People, people_list
from custkit.present.table import Shown, table
from custkit.words import _, ngettext


def cycles_table(cycles: pd.DataFrame) -> Shown:
    """The products with a cycle, the most bought first; where there is none, those that come nearest.

    replenishment_cycles(…)  →  table
    """
    shown = cycles[cycles["is_regular"]] if cycles["is_regular"].any() else cycles.head(5)
    told = pd.DataFrame(
        {
            "product": shown["product_name"],
            "cycle_customers": shown["customers"],
            "cycle_gaps": shown["gaps"],
            "observed_median": shown["observed_median"],
            "days_per_piece": shown["days_per_piece"],
            "days_low": shown["low"],
            "days_high": shown["high"],
            "km_median": shown["km_median"],
            "return_share": shown["return_share"],
            "regularity": shown["regularity"],
        }
    )
    note = _("Days are days per piece. Where all-in days are missing, fewer than half have come back in the time there is to see.")
    return table(told, note=note, small="cycle_customers", limit=12)


def cycles_finding(cycles: pd.DataFrame) -> Finding:
    """The product with a cycle that most customers live on, and how many there are.

    replenishment_cycles(…)  →  Finding [S9]
    """
    if cycles.empty:
        return Finding(_("Not estimated: no product was bought again by enough customers."), tone="quiet")
    regular = cycles[cycles["is_regular"]]
    counted = Fact(
        "replenishment.regular",
        len(regular),
        "count",
        n=len(cycles),
        definition=_("Products that customers buy more evenly in time than at random moments; at most 5% false discoveries"),
    )
    looked = ngettext("{n} product was looked at.", "{n} products were looked at.", len(cycles)).format(n=words.number(len(cycles), 0))
    if regular.empty:
        return Finding(_("No product is bought on a cycle: customers come back for each at any time."), looked, (counted,), tone="quiet")
    top = regular.iloc[0]
    headline = _("A piece of {product} lasts {days} with half of those who come back for it.").format(
        product=top["product_name"], days=words.days(top["days_per_piece"])
    )
    detail = [
        _("With 90% confidence it is {low} to {high} days, from {gaps} purchases of {n} customers.").format(
            low=words.number(top["low"]), high=words.number(top["high"]), gaps=words.count(top["gaps"]), n=words.count(top["customers"])
        ),
        ngettext(
            "{n} of {products} products looked at has a cycle beyond chance.",
            "{n} of {products} products looked at have a cycle beyond chance.",
            len(regular),
        ).format(n=words.number(len(regular), 0), products=words.number(len(cycles), 0)),
    ]
    facts = (
        Fact(
            "replenishment.top.days", float(top["days_per_piece"]), "days", n=int(top["gaps"]), low=float(top["low"]),
            high=float(top["high"]), definition=_("Median days per piece of those who come back, by Kaplan–Meier; 90% interval"),
        ),
        Fact("replenishment.top.product", str(top["product_name"]), "text"),
        counted,
    )  # fmt: skip
    return Finding(headline, " ".join(detail), facts, "plain" if top["customers"] >= SMALL_SAMPLE else "quiet")


def due_table(totals: pd.DataFrame) -> Shown:
    """due_totals(…)  →  table"""
    return table(
        pd.DataFrame(
            {
                "product": totals["product_name"],
                "due_customers": totals["customers"],
                "overdue": totals["overdue"],
                "due_soon": totals["due_soon"],
                "expected_purchases": totals["expected"].round(),
            }
        ),
        bars=["expected_purchases"],
        limit=12,
    )


def due_finding(totals: pd.DataFrame, checked: pd.DataFrame, *, ahead_days: int = 30) -> Finding:
    """How many purchases are due, and whether those said to be due last month came.

    due_totals(…), due_check(…)  →  Finding [S9]
    """
    if totals.empty:
        return Finding(_("Nobody is due: no product is bought on a cycle, or nobody waits for one."), tone="quiet")
    soon, expected = int(totals["due_soon"].sum()), float(totals["expected"].sum())
    days = words.days(ahead_days)
    headline = ngettext(
        "{n} purchase falls due within {days}; about {expected} purchases of products with a cycle are expected in them.",
        "{n} purchases fall due within {days}; about {expected} purchases of products with a cycle are expected in them.",
        soon,
    ).format(n=words.count(soon), days=days, expected=words.count(expected))
    facts = [Fact("replenishment.due", soon, "count"), Fact("replenishment.expected", expected, "number", n=int(totals["customers"].sum()))]
    detail = _("Last month's list could not be tested.")
    if len(checked) and checked["expected"].sum() > 0:
        told, came = float(checked["expected"].sum()), int(checked["came"].sum())
        detail = _("Last month's list, made the same way, expected {told} purchases; {came} came.").format(
            told=words.count(told), came=words.count(came)
        )
        sure = checked[checked["chance_low"] >= 0.8]
        if len(sure):
            detail += " " + _("Of {n} said to be all but sure, {came} came.").format(
                n=words.count(sure["due"].sum()), came=words.count(sure["came"].sum())
            )
        facts += [
            Fact("replenishment.expected_last", told, "number"),
            Fact("replenishment.came_last", came, "count", n=int(checked["due"].sum())),
        ]
    return Finding(headline, detail, tuple(facts))


def due_people(due: ir.Table, customers: ir.Table, *, consent: bool) -> People:
    """Whoever is due for something, one row a customer with the likeliest product, ready to leave.

    due_list, customers  →  customer_id | product, last_date, pieces, due_date, order_chance_30_days, other_products (number of)
    """
    by_chance = ibis.window(group_by="customer_id", order_by=[ibis.desc("probability"), "product_id"])
    placed = approachable(due, customers, consent=consent).mutate(
        place=ibis.row_number().over(by_chance), products=row.product_id.count().over(ibis.window(group_by="customer_id"))
    )
    held = placed.filter(row.place == 0).select(
        "customer_id", "last_date", "pieces", "due_date", product=row.product_name, order_chance_30_days=row.probability.round(4),
        other_products=row.products - 1,
    )  # fmt: skip
    return people_list(held, name="due_products", title=_("Due for a product"), order_by=["customer_id"])


def pulled_table(sales: pd.DataFrame) -> Shown:
    """incremental_sales(…)  →  table of what can be told"""
    told = sales[(sales["product_name"] == ALL) | sales["pulled_forward"].notna()]
    shown = pd.DataFrame(
        {
            "product": told["product_name"].replace(ALL, _("all with a cycle")),
            "bought_how": told["bought"].map(_),
            "cycle_customers": told["customers"],
            "larger_purchases": told["purchases"],
            "extra_pieces": told["extra_pieces"],
            "gap_stretch": told["gap_stretch"],
            "pulled_forward": told["pulled_forward"],
            "pulled_low": told["pulled_low"],
            "pulled_high": told["pulled_high"],
            "judgement": told["verdict"].map(_),
        }
    )
    return table(shown, small="cycle_customers", limit=12)


def pulled_finding(sales: pd.DataFrame) -> Finding:
    """Of the pieces sold more with a coupon, how many were only bought ahead.

    incremental_sales(…)  →  Finding [S10]
    """
    whole = sales[sales["product_name"] == ALL].set_index("bought") if len(sales) else pd.DataFrame()
    told = whole[whole["pulled_forward"].notna()] if len(whole) else whole
    if told.empty:
        verdicts = set(whole["verdict"]) if len(whole) else set()
        sentence = (
            _("No more pieces than usual are bought at once, so nothing is bought ahead.")
            if NO_MORE in verdicts
            else _("Not estimated: too few customers bought more pieces than usual of a product with a cycle.")
        )
        return Finding(sentence, tone="quiet")
    name = COUPON if COUPON in told.index else told.index[0]
    row = told.loc[name]
    ahead = words.share(min(max(row["pulled_forward"], 0.0), 1.0), 0)
    message = {
        PILING: _("{ahead} of the pieces bought beyond the usual {how} are only bought ahead: it is stock-piling."),
        GROWING: _("Only {ahead} of the pieces bought beyond the usual {how} are bought ahead: the need is growing."),
    }.get(row["verdict"], _("{ahead} of the pieces bought beyond the usual {how} are bought ahead; the rest is new need."))
    headline = message.format(ahead=ahead, how=_(str(name)))
    detail = [
        _("With 90% confidence it is {low} to {high}: the next purchase comes that much later.").format(
            low=words.share(row["pulled_low"], 0), high=words.share(row["pulled_high"], 0)
        ),
        ngettext(
            "It rests on {n} purchase of {customers} customers, each held against the customer's own others.",
            "It rests on {n} purchases of {customers} customers, each held against the customer's own others.",
            int(row["purchases"]),
        ).format(n=words.number(row["purchases"], 0), customers=words.count(row["customers"])),
    ]
    facts = (
        Fact(
            "incremental.pulled_forward", float(row["pulled_forward"]), "share", n=int(row["purchases"]),
            low=float(row["pulled_low"]), high=float(row["pulled_high"]),
            definition=_("Days by which the next purchase moves / days that the extra pieces last; 90% interval by customers"),
        ),
        Fact("incremental.extra_pieces", float(row["extra_pieces"]), "number", n=int(row["purchases"])),
    )  # fmt: skip
    return Finding(headline, " ".join(detail), facts)


def reasons_table(reasons: pd.DataFrame) -> Shown:
    """reason_counts(…)  →  table"""
    shown = pd.DataFrame(
        {
            "recommended_for": reasons["reason"].map(_),
            "recommended": reasons["items"],
            "customers": reasons["customers"],
            "mean_probability": reasons["probability"],
            "most_shown": reasons["item"],
        }
    )
    return table(shown, bars=["recommended"])


def next_people(shown: ir.Table, customers: ir.Table, *, consent: bool) -> People:
    """What to show each customer next, one row a customer with five items and why each, ready to leave.

    recommendations, customers  →  customer_id | item_1, why_1, because_1, chance_1, … item_5, why_5, because_5, chance_5
    """
    why = ibis.cases(*((row.reason == reason, _(reason)) for reason in REASONS))
    told = approachable(shown, customers, consent=consent).mutate(why=why, chance=row.probability.round(4))
    held = told.group_by("customer_id").aggregate(
        **{f"{name}_{i}": told[name].max(where=told["rank"] == i) for i in range(1, 6) for name in ("item", "why", "because", "chance")}
    )
    return people_list(held, name="show_next", title=_("What to show next"), order_by=["customer_id"])


def tested_table(tested: pd.DataFrame) -> Shown:
    """recommendation_test(…)  →  table"""
    shown = pd.DataFrame(
        {
            "list_of": tested["shown"].map(_),
            "customers": tested["customers"],
            "hit_rate": tested["hit_rate"],
            "hit_low": tested["hit_low"],
            "hit_high": tested["hit_high"],
            "best_seller_rate": tested["best_seller_rate"],
            "hit_gain": tested["gain"],
            "hit_gain_low": tested["gain_low"],
            "hit_gain_high": tested["gain_high"],
        }
    )
    return table(shown, small="customers")


def tested_finding(tested: pd.DataFrame) -> Finding:
    """Would the lists have beaten the best-sellers this month?

    recommendation_test(…)  →  Finding [S88 S53]
    """
    rows = tested.set_index("shown") if len(tested) else tested
    if not len(rows) or not int(rows.loc[EVERYTHING, "customers"]):
        return Finding(_("Not estimated: nobody known from before bought in the month."), tone="quiet")
    every = rows.loc[EVERYTHING]
    headline = _(
        "Five recommendations would have held something that {share} of {n} customers bought this month; five best-sellers, {plain}."
    ).format(share=words.share(every["hit_rate"]), n=words.count(every["customers"]), plain=words.share(every["best_seller_rate"]))
    detail = [_beyond(every)]
    new = rows.loc[NEW_ONLY]
    if int(new["customers"]):
        told = _("Of items new to the customer alone, it is {share} against {plain}.")
        alone = told.format(share=words.share(new["hit_rate"]), plain=words.share(new["best_seller_rate"]))
        detail = [alone, _beyond(new, both=True)] if _beyond(new) == _beyond(every) else [*detail, alone, _beyond(new)]
    facts = tuple(
        fact for key, row in (("everything", every), ("new", new)) for fact in _test_facts(key, row) if not math.isnan(row["hit_rate"])
    )
    return Finding(headline, " ".join(detail), facts, "plain" if every["gain_low"] > 0 else "quiet")


def _beyond(row: pd.Series, *, both: bool = False) -> str:
    if row["gain_low"] > 0:
        return _("Both are better than luck explains.") if both else _("That is better than luck explains.")
    if row["gain_high"] < 0:
        return _("Both are worse: show best-sellers.") if both else _("That is worse: show best-sellers there.")
    return _("Neither is a difference beyond luck.") if both else _("That is no difference beyond luck.")


def _test_facts(key: str, row: pd.Series) -> tuple[Fact, ...]:
    n = int(row["customers"])
    return (
        Fact(
            f"recommendations.{key}.hit_rate", float(row["hit_rate"]), "share", int(row["hits"]), n, n, float(row["hit_low"]),
            float(row["hit_high"]),
            definition=_("Customers who bought one of five items or more / customers who bought; 95% Wilson interval"),
        ),
        Fact(
            f"recommendations.{key}.gain", float(row["gain"]), "share", n=n, low=float(row["gain_low"]), high=float(row["gain_high"]),
            definition=_("Hit rate less that of the five best-sellers, same customers; 95% interval"),
        ),
    )  # fmt: skip


def cycles_measure() -> str:
    return _("days that one piece lasts: dot the median of those who come back, bar its 90% interval")
