"""How the shop does, said in sentences: revenue, spend, where the change came from, who comes back, who goes quiet, what they are worth."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

import pandas as pd

from custkit import words
from custkit.analysis.bridge import GUESTS, LINE_NAMES, RETURNS
from custkit.analysis.customer_value import AS_BRIEFED, CORRECTED, DEFINITION_NAMES
from custkit.analysis.kpis import MATURE_DAYS
from custkit.analysis.lifecycle import STAGE_NAMES, VIP
from custkit.analysis.rates import SMALL_SAMPLE, wilson
from custkit.analysis.second_purchase import HORIZON_DAYS
from custkit.analysis.structure import SEGMENT, STAGE
from custkit.client import Lifecycle
from custkit.period import Period
from custkit.present.finding import Fact, Finding, Unit
from custkit.present.labels import LABELS
from custkit.present.table import Shown, table
from custkit.present.tiles import Tile, Tiles, change_sentence, tiles
from custkit.words import _, mark, ngettext

Good = Literal["up", "down", "neither"]
# The tiles, in the order a director asks.
TILES: tuple[tuple[str, str, Good], ...] = (
    ("revenue", mark("Revenue"), "up"),
    ("customers", mark("Customers"), "up"),
    ("aov", mark("Order value"), "up"),
    ("spend_per_customer", mark("Spend per customer"), "up"),
    ("orders_per_customer", mark("Orders per customer"), "up"),
    ("repurchase_rate", mark("Repurchase rate"), "up"),
    ("churn_rate", mark("Churn"), "down"),
)
SPARK_MONTHS = 13
UP, DOWN, SAME, UNKNOWN = mark("up"), mark("down"), mark("no significant change"), mark("not compared")

# value, numerator, denominator, definition: what the receipt of a measure says.
RECEIPTS: dict[str, tuple[str, str, str]] = {
    "revenue": ("", "", mark("All revenue of the month, guests included, after the client's rules for returns.")),
    "customers": ("", "", mark("Customers known by an id who bought in the month.")),
    "aov": ("known_revenue", "orders", mark("Revenue of known customers / their orders; never the mean of order lines.")),
    "spend_per_customer": ("known_revenue", "customers", mark("Revenue of known customers / customers who bought.")),
    "orders_per_customer": ("orders", "customers", mark("Orders of known customers / customers who bought.")),
    "repurchase_rate": (
        "repeat_customers", "repurchase_base",
        mark("Customers who bought on two or more days of the last 365 / customers who bought in them."),
    ),
    "churn_rate": (
        "churned", "churn_base",
        mark("Of those who bought in the time before the month after which a customer counts as dormant: dormant or lost at its end."),
    ),
    "activity_rate": ("active_customers", "registered", mark("Customers seen lately / all registered.")),
    "first_purchase_rate": ("first_buyers", "registered", mark("Registered customers who have bought at least once / all registered.")),
}  # fmt: skip
# What each definition is called in the table that sets them side by side; the first of a measure is ours.
PASSPORT: tuple[tuple[str, str, str, str], ...] = (
    ("repurchase_rate", "repurchase_rate", "repurchase_base", mark("two or more purchase days in the last 365 (our default)")),
    ("repurchase_rate", "repurchase_rate_by_order", "repurchase_base", mark("two or more orders in the last 365 days, on one day too")),
    (
        "repurchase_rate",
        "repurchase_rate_mature",
        "repurchase_base_mature",
        mark("our default, of those who first bought at least 90 days ago"),
    ),
    ("repurchase_rate", "repurchase_rate_all_time", "customers_ever", mark("two or more purchase days since the data begin")),
    ("aov", "aov", "orders", mark("revenue / orders of the month, known customers (our default)")),
    ("aov", "aov_with_guests", "all_orders", mark("revenue / orders of the month, guests included")),
    ("aov", "cumulative_aov", "orders_ever", mark("cumulative: all revenue so far / all orders so far")),
    ("spend_per_customer", "spend_per_customer", "customers", mark("revenue / customers of the month (our default)")),
    ("spend_per_customer", "average_spend_per_customer", "customer_months", mark("average month: the same over the last 12 months")),
    (
        "spend_per_customer",
        "cumulative_spend_per_customer",
        "customers_ever",
        mark("cumulative: all revenue so far / all customers so far"),
    ),
    ("churn_rate", "churn_rate", "churn_base", mark("dormant or lost at the month's end, of those live at its start (our default)")),
    ("churn_rate", "dormant_rate", "churn_base", mark("gone dormant only")),
    ("churn_rate", "lost_rate", "churn_base", mark("said farewell only")),
    ("activity_rate", "activity_rate", "registered", mark("seen lately, of all registered")),
    ("first_purchase_rate", "first_purchase_rate", "registered", mark("bought at least once, of all registered")),
)


def kpi_tiles(kpis: pd.DataFrame, changes: pd.DataFrame) -> Tiles:
    """One tile a measure: the month's value, its change on the month before and on last year, thirteen months as a sparkline."""
    if kpis.empty:
        return tiles([])
    now, by_measure = kpis.iloc[-1], changes.set_index("measure")
    made = []
    for name, title, good in TILES:
        row = by_measure.loc[name]
        change, direction = _change(kpis, row, back=1, unit=row.unit)
        year, year_direction = _change(kpis, row, back=12, unit=row.unit)
        spark = tuple(None if pd.isna(value) else float(value) for value in kpis[name].tail(SPARK_MONTHS))
        made.append(Tile(_(title), _fact(now, name, row.unit), change, direction, good, spark, year, year_direction))
    return tiles(made)


def _change(kpis: pd.DataFrame, row: pd.Series, *, back: int, unit: Unit) -> tuple[str, Literal["up", "down", "none"]]:
    if len(kpis) <= back or pd.isna(row.now):
        return "", "none"
    now, then = kpis.iloc[-1], kpis.iloc[-1 - back]
    suffix = "" if back == 1 else "_year"
    before, comparable, significant = row["before" if back == 1 else "year_ago"], row[f"comparable{suffix}"], row[f"significant{suffix}"]
    if pd.isna(before):
        return "", "none"
    if not comparable:
        if back > 1:
            return "", "none"
        complete = bool(now.complete) and bool(then.complete)
        return _("not compared: the data cover less than a year") if complete else _("not compared: a month is incomplete"), "none"
    return change_sentence(row.now, before, significant=bool(significant), against=words.short_month(then.month), unit=unit)


def _fact(now: pd.Series, name: str, unit: Unit) -> Fact:
    numerator, denominator, definition = RECEIPTS[name]
    top, bottom = _number(now, numerator), _number(now, denominator)
    low = high = None
    if unit == "share" and bottom:
        low, high = wilson(int(top or 0), int(bottom))
    n = _number(now, denominator or ("orders" if name == "revenue" else name))
    window = words.month(now.month) if unit != "share" else _("at the end of {month}").format(month=words.month(now.month))
    return Fact(
        name, _number(now, name), unit, numerator=top, denominator=bottom, n=None if n is None else int(n), low=low, high=high,
        window=window, definition=_(definition),
    )  # fmt: skip


def _number(row: pd.Series, name: str) -> float | None:
    return None if not name or pd.isna(row[name]) else float(row[name])


def revenue_finding(kpis: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """What the month brought, against the month before and last year; says so when the month is not over in the data."""
    if kpis.empty or pd.isna(kpis.iloc[-1].revenue):
        return _quiet(_("Revenue is not told: the data hold no orders up to then."))
    now = kpis.iloc[-1]
    row = changes.set_index("measure").loc["revenue"]
    facts = (_fact(now, "revenue", "money"), *_change_facts(kpis, row))
    month, revenue = words.month(now.month), words.money(now.revenue)
    guests = _guests(now)
    if not now.complete:
        if pd.isna(now.last_order_date):
            return _quiet(_("{month} has no orders: either none were made or they are not in the data.").format(month=month), facts)
        told = _("{month} brought {revenue} so far; the month looks incomplete.").format(month=month, revenue=revenue)
        why = _("Its last order is of {day}, so it is not compared with other months.").format(day=words.day(now.last_order_date))
        return Finding(told, f"{why} {guests}".strip(), facts)
    year = _year_sentence(kpis, row)
    if pd.isna(row.before) or row.before <= 0:
        return Finding(_("{month} brought {revenue}.").format(month=month, revenue=revenue), f"{year} {guests}".strip(), facts)
    before = words.month(kpis.iloc[-2].month)
    if not kpis.iloc[-2].complete:
        told = _("{month} brought {revenue}; {before} is incomplete and not compared.").format(month=month, revenue=revenue, before=before)
        return Finding(told, f"{year} {guests}".strip(), facts)
    if not row.significant:
        told = _("Revenue was {revenue} in {month}: no significant change on {before}.").format(revenue=revenue, month=month, before=before)
        return Finding(told, f"{year} {guests}".strip(), facts, tone="quiet" if not row.significant_year else "plain")
    growth = words.share(abs(row.now / row.before - 1))
    sentence = (
        _("{month} brought {revenue}, {growth} more than {before}.")
        if row.change > 0
        else _("{month} brought {revenue}, {growth} less than {before}.")
    )
    return Finding(sentence.format(month=month, revenue=revenue, growth=growth, before=before), f"{year} {guests}".strip(), facts)


def _change_facts(kpis: pd.DataFrame, row: pd.Series) -> tuple[Fact, ...]:
    if pd.isna(row.change):
        return ()
    return (
        Fact(
            "revenue_change", row.change, "money", low=row.low, high=row.high, window=words.month(kpis.iloc[-1].month),
            definition=_("Revenue of the month less revenue of the month before, with its 95% interval."),
        ),
    )  # fmt: skip


def _year_sentence(kpis: pd.DataFrame, row: pd.Series) -> str:
    if pd.isna(row.year_ago) or row.year_ago <= 0 or not kpis.iloc[-13].complete:
        return ""
    year = words.month(kpis.iloc[-13].month)
    if not row.significant_year:
        return (
            _("No significant change on {month} either.").format(month=year)
            if not row.significant
            else _("No significant change on {month}.").format(month=year)
        )
    growth = words.share(abs(row.now / row.year_ago - 1))
    sentence = _("That is {growth} more than in {month}.") if row.change_year > 0 else _("That is {growth} less than in {month}.")
    return sentence.format(growth=growth, month=year)


def _guests(now: pd.Series) -> str:
    if pd.isna(now.guest_revenue_share) or now.guest_revenue == 0:
        return ""
    return _("{share} of it came from orders without a customer id, which count here and not in figures per customer.").format(
        share=words.share(now.guest_revenue_share)
    )


def spend_finding(kpis: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Spend per customer and order value side by side, so that neither is taken for the other."""
    now = kpis.iloc[-1] if len(kpis) else None
    if now is None or pd.isna(now.spend_per_customer) or pd.isna(now.aov):
        return _quiet(_("Spend per customer is not told: no known customer bought in the month."))
    rows = changes.set_index("measure")
    facts = (
        _fact(now, "spend_per_customer", "money"),
        _fact(now, "aov", "money"),
        _fact(now, "orders_per_customer", "number"),
        Fact(
            "cumulative_spend_per_customer", _number(now, "cumulative_spend_per_customer"), "money", n=int(now.customers_ever),
            window=_("since the data begin"), definition=_("All revenue of known customers so far / all customers so far."),
        ),
    )  # fmt: skip
    moved = [name for name in ("spend_per_customer", "aov", "orders_per_customer") if rows.loc[name].significant]
    detail = _("That is {orders} orders each. Since the data begin a customer has spent {cumulative}.").format(
        orders=words.number(now.orders_per_customer, 2), cumulative=words.money(now.cumulative_spend_per_customer)
    )
    if moved:
        then = words.month(kpis.iloc[-2].month)
        told = [_moved(rows.loc[name], name) for name in moved]
        detail = f"{detail} " + _("Against {month}: {changes}.").format(month=then, changes=_("; ").join(told))
    return Finding(
        _("A customer spent {spend} in the month, an order brought {order}.").format(
            spend=words.money(now.spend_per_customer), order=words.money(now.aov)
        ),
        detail,
        facts,
    )


def _moved(row: pd.Series, name: str) -> str:
    sentence = _("{measure} up {growth}") if row.change > 0 else _("{measure} down {growth}")
    growth = words.share(abs(row.now / row.before - 1)) if row.before else words.MISSING
    return sentence.format(measure=_(LABELS[name].text), growth=growth)


def changes_table(changes: pd.DataFrame, *, note: str = "") -> Shown:
    """Every measure with the month before, the same month last year, the change and its interval."""
    changes = changes[~((changes["measure"] == "guest_revenue") & (changes["now"].fillna(0) == 0) & (changes["before"].fillna(0) == 0))]
    shown = pd.DataFrame(
        {
            "measure": [LABELS[name].text for name in changes["measure"]],
            "now": changes["now"],
            "before": changes["before"],
            "year_ago": changes["year_ago"],
            "change": changes["change"],
            "change_low": changes["low"],
            "change_high": changes["high"],
            "verdict": [_verdict(row.change, row.comparable, row.significant) for row in changes.itertuples()],
            "verdict_year": [_verdict(row.change_year, row.comparable_year, row.significant_year) for row in changes.itertuples()],
            "unit": changes["unit"],
            "change_unit": changes["unit"].replace("share", "points"),
        }
    )
    by = dict.fromkeys(("now", "before", "year_ago"), "unit") | dict.fromkeys(("change", "change_low", "change_high"), "change_unit")
    return table(shown, units_by=by, note=note)


def _verdict(change: float, comparable: bool, significant: bool) -> str:
    if not comparable:
        return UNKNOWN
    return SAME if not significant else UP if change > 0 else DOWN


def bridge_finding(bridge: pd.DataFrame, kpis: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Who moved revenue most, up and down, on the month before."""
    if bridge.empty or len(kpis) < 2:
        return _quiet(_("The change in revenue is not split: the data do not reach back to the month before."))
    now, before = words.month(kpis.iloc[-1].month), words.month(kpis.iloc[-2].month)
    row = changes.set_index("measure").loc["revenue"]
    facts = tuple(
        Fact(
            f"bridge_{line.line}", line.change, "money", n=int(line.customers) if line.line != GUESTS else None, window=now,
            definition=_("Revenue of {month} less revenue of {before}: {line}.").format(
                month=now, before=before, line=_(LINE_NAMES[line.line])
            ),
        )
        for line in bridge.itertuples()
    )  # fmt: skip
    if not row.comparable:
        incomplete = now if not kpis.iloc[-1].complete else before
        return _quiet(_("Read the bridge with care: {month} is incomplete.").format(month=incomplete), facts)
    moved = bridge[bridge["change"] != 0].sort_values(["change", "line"], ascending=[False, True])
    if moved.empty:
        return _quiet(_("Revenue of {month} and {before} is the same, customer by customer.").format(month=now, before=before), facts)
    change = _signed_money(float(bridge["change"].sum()))
    told = (
        _("Revenue moved by {change} on {before}.")
        if row.significant
        else _("Revenue moved by {change} on {before}, which is within noise.")
    ).format(change=change, before=before)
    parts = []
    if (top := moved.iloc[0]).change > 0:
        parts.append(_("Most came from {line}: {change}.").format(line=_(LINE_NAMES[top.line]), change=_signed_money(top.change)))
    if (last := moved.iloc[-1]).change < 0:
        parts.append(_("Most went with {line}: {change}.").format(line=_(LINE_NAMES[last.line]), change=_signed_money(last.change)))
    return Finding(told, " ".join(parts), facts, tone="plain" if row.significant else "quiet")


def bridge_table(bridge: pd.DataFrame) -> Shown:
    """The bridge, lines named for people; the last row is all revenue. Guests are not counted, for they have no id."""
    shown = bridge[~(bridge["line"].isin([RETURNS, GUESTS]) & (bridge["before"] == 0) & (bridge["now"] == 0))]
    customers = shown["customers"].astype("Int64").mask(shown["line"] == GUESTS)
    lines = shown.assign(line=shown["line"].map(LINE_NAMES), customers=customers)
    if len(lines):
        total = {"line": mark("all revenue"), **{name: float(bridge[name].sum()) for name in ("before", "now", "change")}}
        lines = pd.concat([lines, pd.DataFrame([total])], ignore_index=True)
    return table(lines[["line", "customers", "before", "now", "change"]], units=dict.fromkeys(("before", "now", "change"), "money"))


def tree_finding(tree: pd.DataFrame, kpis: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Which factor moved revenue most, of those that changed beyond noise."""
    if tree.empty or len(kpis) < 2:
        return _quiet(_("The revenue tree is not told: revenue of this month or the one before is unknown or not above 0."))
    now, before = words.month(kpis.iloc[-1].month), words.month(kpis.iloc[-2].month)
    facts = tuple(
        Fact(
            f"tree_{row.factor}", row.effect, "money", window=now,
            definition=_("Part of the change in revenue since {before} that this factor explains: {factor}.").format(
                before=before, factor=_(LABELS[row.factor].text)
            ),
        )
        for row in tree.itertuples()
    )  # fmt: skip
    verdicts = changes.set_index("measure")
    if not verdicts.loc["revenue"].comparable:
        incomplete = now if not kpis.iloc[-1].complete else before
        return _quiet(_("Read the revenue tree with care: {month} is incomplete.").format(month=incomplete), facts)
    beyond = tree[[bool(verdicts.loc[name].significant) for name in tree["factor"]]]
    if beyond.empty:
        return _quiet(_("No factor of revenue changed beyond noise on {before}.").format(before=before), facts)
    ordered = beyond.sort_values("effect", key=lambda effect: -effect.abs(), kind="stable")
    top = ordered.iloc[0]
    told = _("The largest mover is {factor}: {effect} on {before}.").format(
        factor=_(LABELS[top.factor].text), effect=_signed_money(top.effect), before=before
    )
    others = _("; ").join(
        _("{factor} {effect}").format(factor=_(LABELS[row.factor].text), effect=_signed_money(row.effect))
        for row in ordered.iloc[1:].itertuples()
    )
    return Finding(told, _("Also beyond noise: {others}.").format(others=others) if others else "", facts)


def tree_table(tree: pd.DataFrame) -> Shown:
    """The factors of revenue, before and now, with the part of the change that each explains."""
    known = tree[(tree["before"] != 0) | (tree["now"] != 0)]
    shown = known.assign(measure=[LABELS[name].text for name in known["factor"]])
    columns = ["measure", "before", "now", "growth", "revenue_effect", "unit"]
    return table(shown.rename(columns={"effect": "revenue_effect"})[columns], units_by={"before": "unit", "now": "unit"})


def repurchase_finding(kpis: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Of those who bought in a year, how many came back on another day."""
    now = kpis.iloc[-1] if len(kpis) else None
    if now is None or pd.isna(now.repurchase_rate):
        return _quiet(_("The repurchase rate is not told: no known customer bought in the last 365 days."))
    row = changes.set_index("measure").loc["repurchase_rate"]
    fact = _fact(now, "repurchase_rate", "share")
    told = _("{rate} of customers came back on another day.").format(rate=words.share(now.repurchase_rate))
    detail = _("{repeat} of {base} who bought in the last {days}.").format(
        repeat=words.count(now.repeat_customers), base=words.count(now.repurchase_base), days=words.days(now.history_days)
    )
    mature = _("Of those who first bought at least {days} ago it is {rate}.").format(
        days=words.days(MATURE_DAYS), rate=words.share(now.repurchase_rate_mature)
    )
    parts = [detail] if pd.isna(now.repurchase_rate_mature) else [detail, mature]
    change, _direction = _change(kpis, row, back=1, unit="share")
    if row.significant:
        parts.append(_("Change: {change}.").format(change=change))
    if now.repurchase_base < SMALL_SAMPLE:
        parts.append(_small(int(now.repurchase_base)))
    return Finding(told, " ".join(parts), (fact,))


def churn_finding(kpis: pd.DataFrame, changes: pd.DataFrame, *, rules: Lifecycle) -> Finding:
    """Of those who were live at the month's start, how many went quiet or left."""
    now = kpis.iloc[-1] if len(kpis) else None
    if now is None or pd.isna(now.churn_rate):
        return _quiet(
            _("Churn is not told: the data do not reach back {days} before the month.").format(days=words.days(rules.dormant_days))
            if now is None or pd.isna(now.churn_base)
            else _("Churn is not told: nobody bought in the {days} before the month.").format(days=words.days(rules.dormant_days))
        )
    row = changes.set_index("measure").loc["churn_rate"]
    told = _("{rate} of live customers went quiet or left in the month.").format(rate=words.share(now.churn_rate))
    parts = [
        _("Of {base} who bought in the {days} before it, {dormant} are dormant now and {lost} said farewell.").format(
            base=words.count(now.churn_base), days=words.days(rules.dormant_days), dormant=words.count(now.churned_dormant),
            lost=words.count(now.churned_lost),
        )
    ]  # fmt: skip
    change, _direction = _change(kpis, row, back=1, unit="share")
    if change:
        parts.append(_("Change: {change}.").format(change=change))
    if now.churn_base < SMALL_SAMPLE:
        parts.append(_small(int(now.churn_base)))
    return Finding(told, " ".join(parts), (_fact(now, "churn_rate", "share"),))


def definitions_table(kpis: pd.DataFrame) -> Shown:
    """Each measure by each definition the field uses, with this client's values: the definition passport.

    The first-purchase rate is left out where everybody registered has bought: then the registrations are unknown.
    """
    now = kpis.iloc[-1].copy()
    now["all_orders"] = now.orders + now.guest_orders
    now["dormant_rate"] = now.churned_dormant / now.churn_base if _number(now, "churn_base") else math.nan
    now["lost_rate"] = now.churned_lost / now.churn_base if _number(now, "churn_base") else math.nan
    rows = [
        (LABELS[measure].text, definition, now[value], now[n], LABELS[measure].unit)
        for measure, value, n, definition in PASSPORT
        if not pd.isna(now[value]) and not (value == "first_purchase_rate" and now.first_buyers == now.registered)
    ]
    shown = pd.DataFrame(rows, columns=["measure", "definition", "value", "n", "unit"])
    return table(shown, units_by={"value": "unit"}, small="n")


def second_purchase_finding(summary: pd.DataFrame) -> Finding:
    """How long it takes to come back: of those who did, and of all, counting those who have not yet."""
    row = summary.iloc[0] if len(summary) else None
    if row is None or not row.repeaters:
        return _quiet(_("The interval to the second purchase is not told: nobody has bought on two days yet."))
    repeaters, customers = int(row.repeaters), int(row.customers)
    facts = (
        Fact("second_purchase_mean_days", row.mean_days, "days", n=repeaters, definition=_("Mean of those who came back.")),
        Fact("second_purchase_median_days", row.median_days, "days", n=repeaters, definition=_("Median of those who came back.")),
        Fact(
            "second_purchase_km_median_days", None if pd.isna(row.km_median_days) else row.km_median_days, "days", n=customers,
            low=None if pd.isna(row.low) else row.low, high=None if pd.isna(row.high) else row.high,
            definition=_("Days until half of all first-time buyers are back, counting those who are not yet (Kaplan–Meier), 95% interval."),
        ),
        Fact(
            "second_purchase_in_90_days", None if pd.isna(row.returned_in_90_days) else row.returned_in_90_days, "share", n=customers,
            window=words.days(HORIZON_DAYS), definition=_("Share back by then, counting those who have not had the time yet."),
        ),
    )  # fmt: skip
    told = (
        _("Fewer than half of first-time buyers ever come back, as far as the data reach.")
        if pd.isna(row.km_median_days)
        else _("Half of first-time buyers are back within {days}.").format(days=words.days(row.km_median_days))
    )
    detail = _("The {n} who did come back took {median} (median) or {mean} (mean); this leaves out {waiting} who have not.").format(
        n=words.count(repeaters),
        median=words.days(row.median_days),
        mean=words.days(row.mean_days),
        waiting=words.count(customers - repeaters),
    )
    if not pd.isna(row.returned_in_90_days):
        detail += " " + _("{share} are back within {days}.").format(
            share=words.share(row.returned_in_90_days), days=words.days(HORIZON_DAYS)
        )
    if customers < SMALL_SAMPLE:
        detail += " " + _small(customers)
    return Finding(told, detail, facts)


def structure_finding(structure: pd.DataFrame) -> Finding:
    """Where value sits against heads: the VIPs, or the segment that brings most."""
    known = structure[structure["revenue_share"].notna() & (structure["revenue"] > 0)]
    if known.empty:
        return _quiet(_("The structure of customers is not told: nobody bought in the last 365 days."))
    stages, segments = known[known["grouping"] == STAGE], known[known["grouping"] == SEGMENT]
    vip = stages[stages["group"] == STAGE_NAMES[VIP]]
    top = (vip if len(vip) else stages if len(stages) else segments).sort_values(["revenue", "group"], ascending=[False, True]).iloc[0]
    dormant = stages[stages["group"] == STAGE_NAMES["dormant"]]
    fact = Fact(
        "top_stage_revenue_share", top.revenue_share, "share", numerator=top.revenue, n=int(top.customers),
        denominator=float(structure.loc[structure["grouping"] == top.grouping, "revenue"].sum()),
        window=_last_year(),
        definition=_("Revenue of customers who now stand there, of all known revenue."),
    )  # fmt: skip
    told = _("{group}: {customers} of customers, {revenue} of revenue.").format(
        group=_(top.group), customers=words.share(top.customer_share, 0), revenue=words.share(top.revenue_share, 0)
    )
    detail = ""
    if len(dormant):
        quiet = dormant.iloc[0]
        detail = ngettext(
            "{n} customer is dormant now and brought {revenue} in the last year.",
            "{n} customers are dormant now and brought {revenue} in the last year.",
            int(quiet.customers),
        ).format(n=words.count(quiet.customers), revenue=words.money(quiet.revenue))
    return Finding(told[:1].upper() + told[1:], detail, (fact,))


def structure_table(structure: pd.DataFrame) -> Shown:
    """Customers and revenue by stage of life, then by segment."""
    return table(structure, bars=("customer_share", "revenue_share"), small="customers", limit=None)


def value_finding(values: pd.DataFrame) -> Finding:
    """What a customer is worth by the corrected formula, beside the one in the brief."""
    rows = values.set_index("definition")
    corrected, briefed = rows.loc[CORRECTED], rows.loc[AS_BRIEFED]
    if pd.isna(corrected.customer_value):
        lacks = [
            name
            for name, value in (
                (_("purchases of known customers"), corrected.value_per_purchase),
                (_("a gross margin or costs"), corrected.gross_margin),
                (_("marketing spend and customers won with it"), corrected.acquisition_cost),
            )
            if pd.isna(value)
        ]
        return _quiet(_("Customer value is not estimated: the data lack {fields}.").format(fields=_(", ").join(lacks)))
    facts = tuple(
        Fact(key, row.customer_value, "money", n=int(row.customers), window=_last_year(), definition=definition)
        for key, row, definition in (
            ("customer_value", corrected, _("Order value × orders per customer × gross margin − cost of winning a customer.")),
            (
                "customer_value_as_briefed", briefed,
                _("Spend per customer × repurchases × gross margin − cost of winning a customer; counts orders twice."),
            ),
        )
    )  # fmt: skip
    sentence = (
        _("A customer is worth {value} a year, less what it cost to win them.")
        if corrected.customer_value >= 0
        else _("A customer costs {value} more to win than they bring in a year.")
    )
    return Finding(
        sentence.format(value=words.money(abs(corrected.customer_value))),
        _("Winning one costs {cac}. The common short formula says {briefed}, because it counts orders twice.").format(
            cac=words.money(corrected.acquisition_cost), briefed=words.money(briefed.customer_value)
        ),
        facts,
    )


def value_table(values: pd.DataFrame) -> Shown:
    """Both formulas with their parts."""
    columns = ["definition", "value_per_purchase", "purchases", "gross_margin", "acquisition_cost", "customer_value"]
    return table(values.assign(definition=values["definition"].map(DEFINITION_NAMES))[columns])


def month_measure(period: Period) -> str:
    """Of what a chart of months speaks: the line under its title."""
    return _("Revenue by month to {month}, guests included; grey: the same month a year before").format(month=words.month(period))


def bridge_measure(period: Period) -> str:
    return _("Revenue of {month} against {before}, by what customers did").format(month=words.month(period), before=words.month(period - 1))


def tree_measure(period: Period) -> str:
    return _("Part of the change in revenue from {before} to {month} that each factor explains").format(
        month=words.month(period), before=words.month(period - 1)
    )


def wait_measure() -> str:
    return _("Share of first-time buyers who have bought on a second day, by days since the first; shaded: 95% interval")


def structure_measure(as_of: datetime) -> str:
    return _("Customers now and what they brought in the {days} before {day}").format(days=words.days(365), day=words.day(as_of))


def _signed_money(value: float) -> str:
    return ("+" if value > 0 else "") + words.money(value)


def _last_year() -> str:
    return _("last {days}").format(days=words.days(365))


def _small(n: int) -> str:
    return ngettext("Small sample: {n} customer.", "Small sample: {n} customers.", n).format(n=words.count(n))


def _quiet(sentence: str, facts: tuple[Fact, ...] = ()) -> Finding:
    return Finding(sentence, "", facts, tone="quiet")
