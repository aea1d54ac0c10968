"""How the shop does, said in sentences: the bottom line first, then what stands behind it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pandas as pd

from custkit import words
from custkit.analysis.bridge import GUESTS, LINE_NAMES, RETURNS
from custkit.analysis.changes import ALONE, COUNTED, FILLING, INCOMPLETE, over
from custkit.analysis.customer_value import AS_BRIEFED, CORRECTED, DEFINITION_NAMES
from custkit.analysis.definitions import PLAIN_WAYS, WAYS
from custkit.analysis.kpis import MATURE_DAYS
from custkit.analysis.lifecycle import STAGE_NAMES, VIP
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.analysis.second_purchase import HORIZON_DAYS
from custkit.analysis.structure import SEGMENT, STAGE
from custkit.client import Definitions, Lifecycle
from custkit.period import Period
from custkit.present import few
from custkit.present.brief import Brief, brief
from custkit.present.finding import Fact, Finding, Unit, show
from custkit.present.labels import LABELS
from custkit.present.table import Shown, table
from custkit.present.tiles import Tile, Tiles, change_sentence, tiles
from custkit.words import _, mark, ngettext

Good = Literal["up", "down", "neither"]
Direction = Literal["up", "down", "none"]
# The tiles, in the order a director asks.
TILES: tuple[tuple[str, str, Good], ...] = (
    ("revenue", mark("Revenue"), "up"),
    ("customers", mark("Customers"), "up"),
    ("aov", mark("Order value"), "up"),
    ("spend_per_customer", mark("Spend per customer"), "up"),
    ("orders_per_customer", mark("Orders per customer"), "up"),
    ("repurchase_rate", mark("Repurchase rate"), "up"),
    ("churn_rate", mark("Churn"), "down"),
    ("activity_rate", mark("Activity"), "up"),
)
# Which way is bad news. Fuller baskets and higher prices are neither; shares of all registered sink as old accounts pile up.
BAD = {
    **dict.fromkeys(("revenue", "customers", "new_customers", "orders", "aov", "spend_per_customer", "orders_per_customer"), "down"),
    "repurchase_rate": "down", "churn_rate": "up",
}  # fmt: skip
SPARK_MONTHS = 13
LISTED = 4
UP, DOWN, SAME, UNKNOWN = mark("up"), mark("down"), mark("no significant change"), mark("not compared")
WHY_NOT = {
    INCOMPLETE: mark("not compared: a month is incomplete"),
    FILLING: mark("not compared: the data cover less than a year"),
    ALONE: mark("not compared: fewer than 30"),
}

# What the receipt of a measure says where there is one way to count it.
RECEIPTS: dict[str, str] = {
    "revenue": mark("All revenue of the month, guests included, after the client's rules for returns."),
    "customers": mark("Customers known by an id who bought in the month."),
    "orders_per_customer": mark("Orders of known customers / customers who bought."),
}
REPURCHASE = {
    "two_days": (mark("{rate} of customers came back on another day."), mark("{top} of {base} who bought in the last {days}.")),
    "two_orders": (
        mark("{rate} of customers ordered twice or more."),
        mark("{top} of {base} who bought in the last {days}; two orders on one day count."),
    ),
    "mature": (
        mark("{rate} of customers who have had the time came back on another day."),
        mark("{top} of {base} who bought in the last {days} and first bought at least {mature} ago."),
    ),
    "all_time": (mark("{rate} of all who ever bought came back on another day."), mark("{top} of {base} since the data begin.")),
}
CHURN = {
    "dormant_or_lost": mark("{rate} of live customers went quiet or left in the month."),
    "dormant": mark("{rate} of live customers went quiet in the month."),
    "lost": mark("{rate} of live customers said farewell in the month."),
}
SPENT = {
    "month": mark("A customer spent {spend} in the month."),
    "average_month": mark("A customer spent {spend} in an average month of the last twelve."),
    "cumulative": mark("A customer has spent {spend} since the data begin."),
}
BROUGHT = {
    "known": mark("An order brought {order}."),
    "with_guests": mark("An order brought {order}, those of guests included."),
    "cumulative": mark("An order has brought {order} since the data begin."),
}
# By what counts as active, and by whether accounts without a purchase are known.
ACTIVE = {
    ("any_event", True): mark("{rate} of {base} registered customers bought, were seen or registered in the last {days}."),
    ("any_event", False): mark("{rate} of the {base} customers who ever bought were seen or bought in the last {days}."),
    ("purchases", True): mark("{rate} of {base} registered customers bought in the last {days}."),
    ("purchases", False): mark("{rate} of the {base} customers who ever bought did so in the last {days}."),
}
WAITED = {
    "km_median": mark("Half of first-time buyers are back within {days}."),
    "median": mark("Half of those who came back did so within {days}."),
    "mean": mark("Those who came back took {days} on average."),
}


def in_one_minute(months: pd.DataFrame, changes: pd.DataFrame, bridge: pd.DataFrame, structure: pd.DataFrame) -> Brief:
    """The bottom line: what came in, what else changed beyond chance, who moved it, and one worry; less where a month is incomplete."""
    lines = [revenue_finding(months, changes)]
    if len(months) < 2 or months.iloc[-2:]["complete"].all():
        lines += [beyond_finding(months, changes), bridge_finding(bridge, months, changes)]
    return brief([*lines, worry_finding(months, changes, bridge, structure)])


def kpi_tiles(months: pd.DataFrame, changes: pd.DataFrame) -> Tiles:
    """One tile a measure: the month's value and its interval, its change on the month before and on last year, thirteen months as a line.

    The line is drawn apart where the measure begins to be counted by another definition.
    """
    if months.empty:
        return tiles([])
    by_measure = _rows(changes)
    made = []
    for name, title, good in TILES:
        row = by_measure.loc[name]
        change, direction = _change(months, row, back=1)
        year, year_direction = _change(months, row, back=12)
        year = "" if year == change else year  # both months were counted differently
        shown = months.tail(SPARK_MONTHS)
        spark = tuple(None if pd.isna(value) else float(value) for value in shown[name])
        made.append(Tile(_(title), _fact(months, row), change, direction, good, spark, year, year_direction, _breaks(shown, name)))
    return tiles(made)


def _breaks(shown: pd.DataFrame, name: str) -> tuple[int, ...]:
    if f"{name}_definition" not in shown:
        return ()
    names = list(shown[f"{name}_definition"])
    return tuple(i for i in range(1, len(names)) if names[i] != names[i - 1])


def _change(months: pd.DataFrame, row: pd.Series, *, back: int) -> tuple[str, Direction]:
    if len(months) <= back or pd.isna(row.now):
        return "", "none"
    end, before = ("", row.before) if back == 1 else ("_year", row.year_ago)
    why_not = row[f"why_not{end}"]
    if why_not == COUNTED:
        return _("not compared: counted differently since {month}").format(month=words.month(row.since)), "none"
    if why_not:
        return ("", "none") if back > 1 or why_not not in WHY_NOT else (_(WHY_NOT[why_not]), "none")
    against = words.short_month(months.iloc[-1 - back].month)
    return change_sentence(row.now, before, significant=bool(row[f"significant{end}"]), against=against, unit=row.unit)


def _fact(months: pd.DataFrame, row: pd.Series) -> Fact:
    """The receipt of a measure, by the definition that counts in the month told."""
    now = months.iloc[-1]
    top, base = (_number(now, column) for column in over(row.measure))
    definition = WAYS[row.measure][row["name"]].text if row.measure in WAYS else RECEIPTS[row.measure]
    window = words.month(now.month) if row.unit != "share" else _("at the end of {month}").format(month=words.month(now.month))
    return Fact(
        row.measure, _known(row.now), row.unit, numerator=top, denominator=base, n=None if pd.isna(row.n) else int(row.n),
        low=_known(row.now_low), high=_known(row.now_high), window=window, definition=_(definition), counted=row["name"],
    )  # fmt: skip


def _rows(changes: pd.DataFrame) -> pd.DataFrame:
    return changes.set_index("measure", drop=False)


def _number(row: pd.Series, name: str) -> float | None:
    return None if not name or pd.isna(row[name]) else float(row[name])


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def revenue_finding(months: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """What the month brought, against the month before and last year; says so when the month is not over in the data."""
    if months.empty or pd.isna(months.iloc[-1].revenue):
        return _quiet(_("Revenue is not told: the data hold no orders up to then."))
    now = months.iloc[-1]
    row = _rows(changes).loc["revenue"]
    facts = (_fact(months, row), *([] if pd.isna(row.change) else [_change_fact(months, row)]))
    month, revenue = words.month(now.month), words.money(now.revenue)
    if not now.complete:
        if pd.isna(now.last_order_date):
            return _quiet(_("{month} has no orders: either none were made or they are not in the data.").format(month=month), facts)
        told = _("{month} brought {revenue} so far; the month looks incomplete.").format(month=month, revenue=revenue)
        why = _("Its last order is of {day}, so it is not compared with other months.").format(day=words.day(now.last_order_date))
        return Finding(told, f"{why} {_by_then(months)}".strip(), facts)
    year = _year_sentence(months, row)
    if pd.isna(row.before) or row.before <= 0:
        return Finding(_("{month} brought {revenue}.").format(month=month, revenue=revenue), year, facts)
    before = words.month(months.iloc[-2].month)
    if not months.iloc[-2].complete:
        told = _("{month} brought {revenue}; {before} is incomplete and not compared.").format(month=month, revenue=revenue, before=before)
        return Finding(told, year, facts)
    if row.why_not == ALONE:
        told = _("{month} brought {revenue}; too few bought to compare it with {before}.")
        return _quiet(told.format(month=month, revenue=revenue, before=before), facts)
    rest = " ".join(part for part in (_a_day(months), year) if part)
    if not row.significant:
        told = _("Revenue was {revenue} in {month}: no significant change on {before}.").format(revenue=revenue, month=month, before=before)
        return Finding(told, rest, facts, tone="quiet" if not row.significant_year else "plain")
    growth = words.share(abs(row.now / row.before - 1))
    sentence = (
        _("{month} brought {revenue}, {growth} more than {before}.")
        if row.change > 0
        else _("{month} brought {revenue}, {growth} less than {before}.")
    )
    return Finding(sentence.format(month=month, revenue=revenue, growth=growth, before=before), rest, facts)


def _by_then(months: pd.DataFrame) -> str:
    """What the month before had brought by the same day, where it is whole."""
    if len(months) < 2 or not months.iloc[-2].complete or pd.isna(months.iloc[-2].revenue_to_day):
        return ""
    before = months.iloc[-2]
    told = _("By that day of the month {before} had brought {revenue}.")
    return told.format(before=words.month(before.month), revenue=words.money(before.revenue_to_day))


def _a_day(months: pd.DataFrame) -> str:
    """The change a day, where one month is longer than the other."""
    now, before = months.iloc[-1], months.iloc[-2]
    days, days_before = ((at.end - at.start).days for at in (Period.parse(now.month), Period.parse(before.month)))
    if days == days_before:
        return ""
    growth = (now.revenue / days) / (before.revenue / days_before) - 1
    sentence = (
        _("Per day it is {growth} more ({days} against {before}).")
        if growth >= 0
        else _("Per day it is {growth} less ({days} against {before}).")
    )
    return sentence.format(growth=words.share(abs(growth)), days=words.days(days), before=words.days(days_before))


def _year_sentence(months: pd.DataFrame, row: pd.Series) -> str:
    if pd.isna(row.year_ago) or row.year_ago <= 0 or not months.iloc[-13].complete or row.why_not_year:
        return ""
    year = words.month(months.iloc[-13].month)
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
    return _("{share} of revenue came from orders without a customer id and is in no figure per customer.").format(
        share=words.share(now.guest_revenue_share)
    )


def beyond_finding(months: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Which other measures changed by more than chance, the clearest first: on the month before, then on last year."""
    if len(months) < 2 or pd.isna(months.iloc[-1].revenue):
        return _quiet(_("What changed is not told: the data do not reach back to the month before."))
    before = words.month(months.iloc[-2].month)
    asked = changes[~changes["measure"].isin(["revenue", "guest_revenue"])]
    year = _clearest(asked, "_year")
    detail = (
        _("Since {month}: {changes}.").format(month=words.month(months.iloc[-13].month), changes=_list(year, "_year")) if len(year) else ""
    )
    facts = [_change_fact(months, row, "_year") for _i, row in year.iterrows()]
    moved = _clearest(asked, "")
    if moved.empty:
        told = _("Nothing else changed by more than chance since {month}.").format(month=before)
        return Finding(told, detail, tuple(facts), tone="quiet")
    facts = [*(_change_fact(months, row) for _i, row in moved.iterrows()), *facts]
    return Finding(_("Beyond chance since {month}: {changes}.").format(month=before, changes=_list(moved, "")), detail, tuple(facts))


def _clearest(asked: pd.DataFrame, end: str) -> pd.DataFrame:
    return asked[asked[f"significant{end}"].astype("bool")].sort_values(f"p_value{end}", kind="stable")


def _list(moved: pd.DataFrame, end: str) -> str:
    """ "order value up 10.1%; churn down 1.2 points; 2 more": a few, the clearest first."""
    told = [_moved(row, end) for _i, row in moved.head(LISTED).iterrows()]
    if len(moved) > LISTED:
        told.append(ngettext("{n} more", "{n} more", len(moved) - LISTED).format(n=words.number(len(moved) - LISTED, 0)))
    return _("; ").join(told)


def _moved(row: pd.Series, end: str = "") -> str:
    change, before = row[f"change{end}"], row.year_ago if end else row.before
    name = _(LABELS[row.measure].text)
    if row.unit == "share":
        sentence = _("{measure} up {points}") if change > 0 else _("{measure} down {points}")
        return sentence.format(measure=name, points=words.points(abs(change)).removeprefix("+"))
    sentence = _("{measure} up {growth}") if change > 0 else _("{measure} down {growth}")
    return sentence.format(measure=name, growth=words.share(abs(row.now / before - 1)) if before else words.MISSING)


def worry_finding(months: pd.DataFrame, changes: pd.DataFrame, bridge: pd.DataFrame, structure: pd.DataFrame) -> Finding:
    """The one thing to look at: the clearest turn for the worse, else an unusual loss, else what the dormant used to bring."""
    for end, back in (("", 1), ("_year", 12)):
        worse = _worse(changes, end)
        if len(worse):
            row = worse.iloc[0]
            told = _("Look at this: {change} on {month}.").format(change=_moved(row, end), month=words.month(months.iloc[-1 - back].month))
            return Finding(told, _worry_detail(row, end), (_change_fact(months, row, end),))
    odd = bridge[bridge["unusual"].astype("bool") & (bridge["change"] < bridge["usual"])]
    if len(odd) and months.iloc[-2:]["complete"].all():
        row = odd.assign(off=odd["change"] - odd["usual"]).sort_values(["off", "line"]).iloc[0]
        told = _("Look at this: {line}, {change}, where {usual} is usual.").format(
            line=_(LINE_NAMES[row.line]), change=_signed_money(row.change), usual=_signed_money(row.usual)
        )
        fact = Fact(
            "unusual_line", row.change, "money", n=int(row.customers) or None, low=_known(row.low), high=_known(row.high),
            window=words.month(months.iloc[-1].month),
            definition=_("The line of the bridge that lies furthest below its mean of the months before."),
        )  # fmt: skip
        return Finding(told, _("No such move was seen in the months before."), (fact,))
    dormant = structure[structure["group"] == STAGE_NAMES["dormant"]]
    if len(dormant) and dormant.iloc[0].revenue > 0:
        row = dormant.iloc[0]
        told = ngettext(
            "Keep an eye on the silent: {n} customer is dormant now and brought {revenue} in the last year.",
            "Keep an eye on the silent: {n} customers are dormant now and brought {revenue} in the last year.",
            int(row.customers),
        ).format(n=words.count(row.customers), revenue=words.money(row.revenue))
        share = _("That is {share} of what known customers brought.").format(share=words.share(row.revenue_share))
        calm = _("No measure took a clear turn for the worse.") if changes["comparable"].any() else ""
        fact = Fact(
            "dormant_revenue_share", row.revenue_share, "share", numerator=row.revenue, n=int(row.customers),
            denominator=float(structure.loc[structure["grouping"] == STAGE, "revenue"].sum()), low=_known(row.revenue_low),
            high=_known(row.revenue_high), window=_last_year(),
            definition=_("Revenue of customers who are dormant now, of all known revenue."),
        )  # fmt: skip
        return Finding(told, f"{share} {calm}".strip(), (fact,))
    return _quiet(_("No measure took a clear turn for the worse."))


def _worse(changes: pd.DataFrame, end: str) -> pd.DataFrame:
    bad = changes["measure"].map(BAD)
    worse = ((bad == "down") & (changes[f"change{end}"] < 0)) | ((bad == "up") & (changes[f"change{end}"] > 0))
    return changes[worse & changes[f"significant{end}"].astype("bool")].sort_values(f"p_value{end}", kind="stable")


def _worry_detail(row: pd.Series, end: str) -> str:
    unit: Unit = "points" if row.unit == "share" else row.unit
    return _("The true change lies between {low} and {high}, with 95% confidence.").format(
        low=show(row[f"low{end}"], unit), high=show(row[f"high{end}"], unit)
    )


def _change_fact(months: pd.DataFrame, row: pd.Series, end: str = "") -> Fact:
    now, then = words.month(months.iloc[-1].month), words.month(months.iloc[-13 if end else -2].month)
    sides = (row.now, row.year_ago if end else row.before)
    return Fact(
        f"{row.measure}_change{end}", _known(row[f"change{end}"]), "points" if row.unit == "share" else row.unit,
        hidden=any(few.few_behind(side, row.unit, row.n) for side in sides),
        low=_known(row[f"low{end}"]), high=_known(row[f"high{end}"]), window=now,
        definition=_("{measure} of {month} less that of {before}, with its 95% interval.").format(
            measure=_(LABELS[row.measure].text), month=now, before=then
        ),
    )  # fmt: skip


def spend_finding(months: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Spend per customer and order value side by side, single, average and cumulative, so that none is taken for another."""
    now = months.iloc[-1] if len(months) else None
    if now is None or pd.isna(now.spend_per_customer) or pd.isna(now.aov):
        told = _("Spend per customer is not told: no known customer bought in the month.")
        return Finding(told, "" if now is None else _guests(now), tone="quiet")
    rows = _rows(changes)
    spend, order, frequency = (rows.loc[name] for name in ("spend_per_customer", "aov", "orders_per_customer"))
    cumulative = Fact(
        "cumulative_spend_per_customer", _number(now, "cumulative_spend_per_customer"), "money", n=int(now.customers_ever),
        window=_("since the data begin"), definition=_("All revenue of known customers so far / all customers so far."),
    )  # fmt: skip
    facts = (*(_fact(months, row) for row in (spend, order, frequency)), cumulative)
    told = (
        f"{_(SPENT[spend['name']]).format(spend=words.money(spend.now))} {_(BROUGHT[order['name']]).format(order=words.money(order.now))}"
    )
    parts = [_("Those who bought in the month made {orders} orders each.").format(orders=words.number(now.orders_per_customer, 2))]
    if not pd.isna(now.average_spend_per_customer):
        parts.append(
            _("In an average month of the last year a customer spent {average}; since the data begin {cumulative} in all.").format(
                average=words.money(now.average_spend_per_customer), cumulative=words.money(now.cumulative_spend_per_customer)
            )
        )
    if moved := [_moved(row) for row in (spend, order, frequency) if row.significant]:
        then = words.month(months.iloc[-2].month)
        parts.append(_("Against {month}: {changes}.").format(month=then, changes=_("; ").join(moved)))
    parts += [guests] if (guests := _guests(now)) else []
    parts += [_small(int(spend.n))] if spend.n < SMALL_SAMPLE else []
    return Finding(words.close(told), " ".join(parts), facts, tone=_tone(spend.n))


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
            "verdict": [_verdict(row, "") for _i, row in changes.iterrows()],
            "verdict_year": [_verdict(row, "_year") for _i, row in changes.iterrows()],
            "unit": changes["unit"],
            "change_unit": changes["unit"].replace("share", "points"),
            "n": changes["n"],
        }
    )
    by = dict.fromkeys(("now", "before", "year_ago"), "unit") | dict.fromkeys(("change", "change_low", "change_high"), "change_unit")
    luck = _("A range leaves zero out by luck once in twenty; a change is called one where it also stands out among all measures.")
    return table(shown, units_by=by, rests_on="n", note=f"{luck} {note}".strip())


def _verdict(row: pd.Series, end: str) -> str:
    why_not = row[f"why_not{end}"]
    if why_not == COUNTED:
        return _("counted differently since {month}").format(month=words.month(row.since))
    if why_not:
        return WHY_NOT.get(why_not, UNKNOWN)
    return SAME if not row[f"significant{end}"] else UP if row[f"change{end}"] > 0 else DOWN


def bridge_finding(bridge: pd.DataFrame, months: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Who moved revenue most, up and down, on the month before, and whether they usually do."""
    if bridge.empty or len(months) < 2:
        return _quiet(_("The change in revenue is not split: the data do not reach back to the month before."))
    now, before = words.month(months.iloc[-1].month), words.month(months.iloc[-2].month)
    row = _rows(changes).loc["revenue"]
    facts = tuple(
        Fact(
            f"bridge_{line.line}", line.change, "money", n=int(line.customers) if line.line != GUESTS else None,
            low=_known(line.low), high=_known(line.high), window=now,
            definition=_("Revenue of {month} less revenue of {before}: {line}.").format(
                month=now, before=before, line=_(LINE_NAMES[line.line])
            ),
        )
        for line in bridge.itertuples()
    )  # fmt: skip
    if row.why_not == INCOMPLETE:
        incomplete = now if not months.iloc[-1].complete else before
        return _quiet(_("Read the bridge with care: {month} is incomplete.").format(month=incomplete), facts)
    moved = bridge[bridge["change"] != 0].sort_values(["change", "line"], ascending=[False, True])
    if moved.empty:
        return _quiet(_("Revenue of {month} and {before} is the same, customer by customer.").format(month=now, before=before), facts)
    change = _signed_money(float(bridge["change"].sum()))
    told = (
        _("Revenue moved by {change} on {before}; too few bought to say more.")
        if row.why_not == ALONE
        else _("Revenue moved by {change} on {before}.")
        if row.significant
        else _("Revenue moved by {change} on {before}, which is within noise.")
    ).format(change=change, before=before)
    parts = []
    if (top := moved.iloc[0]).change > 0:
        parts.append(_("Most came from {line}: {change}.").format(line=_(LINE_NAMES[top.line]), change=_with_usual(top)))
    if (last := moved.iloc[-1]).change < 0:
        parts.append(_("Most went with {line}: {change}.").format(line=_(LINE_NAMES[last.line]), change=_with_usual(last)))
    if odd := [
        _("{line} {change}").format(line=_(LINE_NAMES[line.line]), change=_with_usual(line))
        for line in moved[moved["unusual"]].itertuples()
    ]:
        parts.append(_("Unlike any of the months before: {lines}.").format(lines=_("; ").join(odd)))
    return Finding(told, " ".join(parts), facts, tone="plain" if row.significant or odd else "quiet")


def _with_usual(line: pd.Series) -> str:
    change = _signed_money(line.change)
    return change if pd.isna(line.usual) else _("{change} (usually {usual})").format(change=change, usual=_signed_money(line.usual))


def bridge_table(bridge: pd.DataFrame) -> Shown:
    """The bridge, lines named for people; the last row is all revenue. Guests are not counted, for they have no id."""
    shown = bridge[~(bridge["line"].isin([RETURNS, GUESTS]) & (bridge["before"] == 0) & (bridge["now"] == 0))]
    customers = shown["customers"].astype("Int64").mask(shown["line"] == GUESTS)
    lines = shown.assign(line=shown["line"].map(LINE_NAMES), customers=customers, change_low=shown["low"], change_high=shown["high"])
    if len(lines):
        total = {"line": mark("all revenue"), **{name: float(bridge[name].sum()) for name in ("before", "now", "change")}}
        lines = pd.concat([lines, pd.DataFrame([total])], ignore_index=True)
    money = ("before", "now", "change", "change_low", "change_high")
    return table(
        lines[["line", "customers", *money, *(["usual"] if bridge["usual"].notna().any() else [])]], units=dict.fromkeys(money, "money")
    )


def tree_finding(tree: pd.DataFrame, months: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """Which factor moved revenue most, of those that changed beyond noise."""
    if tree.empty or len(months) < 2:
        return _quiet(_("The revenue tree is not told: revenue of this month or the one before is unknown or not above 0."))
    now, before = words.month(months.iloc[-1].month), words.month(months.iloc[-2].month)
    facts = tuple(
        Fact(
            f"tree_{row.factor}", row.effect, "money", low=_known(row.low), high=_known(row.high), window=now,
            definition=_("Part of the change in revenue since {before} that this factor explains: {factor}.").format(
                before=before, factor=_(LABELS[row.factor].text)
            ),
        )
        for row in tree.itertuples()
    )  # fmt: skip
    verdicts = _rows(changes)
    if verdicts.loc["revenue"].why_not == INCOMPLETE:
        incomplete = now if not months.iloc[-1].complete else before
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


def repurchase_finding(months: pd.DataFrame, changes: pd.DataFrame) -> Finding:
    """How many customers came back, by the definition that counts."""
    now = months.iloc[-1] if len(months) else None
    if now is None or pd.isna(now.repurchase_rate):
        return _quiet(_("The repurchase rate is not told: no known customer bought in the last 365 days."))
    row = _rows(changes).loc["repurchase_rate"]
    headline, counted = REPURCHASE[row["name"]]
    parts = [
        _(counted).format(
            top=words.count(now.repurchase_rate_top), base=words.count(now.repurchase_rate_base), days=words.days(now.history_days),
            mature=words.days(MATURE_DAYS),
        )
    ]  # fmt: skip
    if row["name"] in ("two_days", "two_orders") and not pd.isna(now.repurchase_rate_mature):
        mature = _("Of those who first bought at least {days} ago {rate} bought on another day.")
        parts.append(mature.format(days=words.days(MATURE_DAYS), rate=words.share(now.repurchase_rate_mature)))
    return Finding(
        _(headline).format(rate=words.share(now.repurchase_rate)),
        " ".join([*parts, *_tail(months, row)]),
        (_fact(months, row),),
        tone=_tone(row.n),
    )


def churn_finding(months: pd.DataFrame, changes: pd.DataFrame, *, rules: Lifecycle) -> Finding:
    """Of those who were live at the month's start, how many went quiet or left; both apart."""
    now = months.iloc[-1] if len(months) else None
    if now is None or pd.isna(now.churn_rate):
        return _quiet(
            _("Churn is not told: the data do not reach back {days} before the month.").format(days=words.days(rules.dormant_days))
            if now is None or pd.isna(now.churn_base)
            else _("Churn is not told: nobody bought in the {days} before the month.").format(days=words.days(rules.dormant_days))
        )
    row = _rows(changes).loc["churn_rate"]
    told = _(CHURN[row["name"]]).format(rate=words.share(now.churn_rate))
    parts = [
        _("Of {base} who bought in the {days} before it, {dormant} are dormant now and {lost} said farewell.").format(
            base=words.count(now.churn_base), days=words.days(rules.dormant_days), dormant=words.count(now.churned_dormant),
            lost=words.count(now.churned_lost),
        )
    ]  # fmt: skip
    return Finding(told, " ".join([*parts, *_tail(months, row)]), (_fact(months, row),), tone=_tone(row.n))


def activity_finding(months: pd.DataFrame, changes: pd.DataFrame, *, rules: Lifecycle) -> Finding:
    """How many of those registered are active, how many have ever bought, and how often buyers order."""
    now = months.iloc[-1] if len(months) else None
    if now is None or pd.isna(now.activity_rate):
        return _quiet(_("Activity is not told: nobody is registered or has bought."))
    rows = _rows(changes)
    row, first = rows.loc["activity_rate"], rows.loc["first_purchase_rate"]
    accounts = now.first_buyers != now.registered
    by_purchase = now.activity_rate_top == now.active_buyers
    told = _(ACTIVE["purchases" if by_purchase else row["name"], accounts]).format(
        rate=words.share(now.activity_rate), base=words.count(now.activity_rate_base), days=words.days(rules.active_days)
    )
    facts, parts = [_fact(months, row)], []
    if not accounts:
        parts.append(_("Accounts without a purchase are not in the data."))
    elif not pd.isna(now.first_purchase_rate):
        facts.append(_fact(months, first))
        sentence = (
            _("{rate} of those registered at least {days} ago have bought at least once.")
            if first["name"] == "mature"
            else _("{rate} of all registered have bought at least once.")
        )
        parts.append(sentence.format(rate=words.share(now.first_purchase_rate), days=words.days(MATURE_DAYS)))
    if not pd.isna(now.orders_per_customer):
        orders = _("Buyers of the month ordered {orders} times on average.")
        parts.append(orders.format(orders=words.number(now.orders_per_customer, 2)))
    return Finding(told, " ".join([*parts, *_tail(months, row)]), tuple(facts), tone=_tone(row.n))


def _tail(months: pd.DataFrame, row: pd.Series) -> list[str]:
    """How a share changed, and whether it rests on few."""
    change, direction = _change(months, row, back=1)
    if direction != "none":
        change = f"{'+' if direction == 'up' else '−'}{change}" if row.unit != "share" else change
    told = [_("Change: {change}.").format(change=change)] if change else []
    return [*told, *([_small(int(row.n))] if row.n < SMALL_SAMPLE else [])]


def passport_table(passport: pd.DataFrame) -> Shown:
    """Each measure by every definition the field uses, with this client's values: the one that counts first."""
    chosen = [
        "" if not row.chosen else _("since {month}").format(month=words.month(row.since)) if row.since else mark("chosen")
        for row in passport.itertuples()
    ]
    shown = pd.DataFrame(
        {
            "measure": [LABELS[name].text for name in passport["measure"]],
            "counts_here": chosen,
            **{name: passport[name] for name in ("value", "low", "high", "n", "definition", "unit")},
        }
    )
    return table(shown, units_by=dict.fromkeys(("value", "low", "high"), "unit"), small="n", limit=None)


def second_purchase_finding(summary: pd.DataFrame, *, definitions: Definitions, period: Period) -> Finding:
    """How long it takes to come back: of those who did, and of all, counting those who have not yet."""
    row = summary.iloc[0] if len(summary) else None
    if row is None or not row.repeaters:
        return _quiet(_("The interval to the second purchase is not told: nobody has bought on two days yet."))
    name = definitions.at("second_purchase", period)
    repeaters, customers = int(row.repeaters), int(row.customers)
    by = {
        way: Fact(
            f"second_purchase_{way}_days", _known(row[f"{way}_days"]), "days", n=customers if way == "km_median" else repeaters,
            low=_known(row[f"{way}_low"]), high=_known(row[f"{way}_high"]), definition=_(text),
        )
        for way, text in PLAIN_WAYS["second_purchase"].items()
    }  # fmt: skip
    back = Fact(
        "second_purchase_in_90_days", _known(row.returned_in_90_days), "share", n=customers, low=_known(row.returned_low),
        high=_known(row.returned_high), window=words.days(HORIZON_DAYS),
        definition=_("Share back by then, counting those who have not had the time yet."),
    )  # fmt: skip
    counted = Fact(**{**vars(by[name]), "key": "second_purchase", "counted": name})
    if name == "km_median" and pd.isna(row.km_median_days):
        told = _("Fewer than half of first-time buyers ever come back, as far as the data reach.")
    else:
        told = _(WAITED[name]).format(days=words.days(counted.value))
    parts = [
        _("The {n} who did come back took {median} (median) or {mean} (mean); this leaves out {waiting} who have not.").format(
            n=words.count(repeaters), median=words.days(row.median_days), mean=words.days(row.mean_days),
            waiting=words.count(customers - repeaters),
        )
    ]  # fmt: skip
    if name != "km_median" and not pd.isna(row.km_median_days):
        parts.append(_(WAITED["km_median"]).format(days=words.days(row.km_median_days)))
    if not pd.isna(row.returned_in_90_days):
        parts.append(_("{share} are back within {days}.").format(share=words.share(row.returned_in_90_days), days=words.days(HORIZON_DAYS)))
    if customers < SMALL_SAMPLE:
        parts.append(_small(customers))
    return Finding(told, " ".join(parts), (counted, *by.values(), back), tone=_tone(customers))


def structure_finding(structure: pd.DataFrame) -> Finding:
    """Where value sits against heads: the VIPs, or the stage that brings most; then the segment that brings most."""
    known = structure[structure["revenue_share"].notna() & (structure["revenue"] > 0)]
    if known.empty:
        return _quiet(_("The structure of customers is not told: nobody bought in the last 365 days."))
    stages, segments = known[known["grouping"] == STAGE], known[known["grouping"] == SEGMENT]
    vip = stages[stages["group"] == STAGE_NAMES[VIP]]
    best = {"top_stage": vip if len(vip) else stages, "top_segment": segments}
    rows = {key: part.sort_values(["revenue", "group"], ascending=[False, True]).iloc[0] for key, part in best.items() if len(part)}
    facts = tuple(
        Fact(
            f"{key}_revenue_share", row.revenue_share, "share", numerator=row.revenue, n=int(row.customers),
            denominator=float(structure.loc[structure["grouping"] == row.grouping, "revenue"].sum()),
            low=_known(row.revenue_low), high=_known(row.revenue_high), window=_last_year(),
            definition=_("Revenue of customers who now stand there, of all known revenue."),
        )
        for key, row in rows.items()
    )  # fmt: skip
    told = [
        _("{group}: {customers} of customers, {revenue} of revenue.").format(
            group=_(row.group), customers=words.share(row.customer_share, 0), revenue=words.share(row.revenue_share, 0)
        )
        for row in rows.values()
    ]
    told = [sentence[:1].upper() + sentence[1:] for sentence in told]
    detail = [_("The segment that brings most is {best}").format(best=sentence) for sentence in told[1:]]
    dormant = stages[stages["group"] == STAGE_NAMES["dormant"]]
    if len(dormant):
        quiet = dormant.iloc[0]
        detail.append(
            ngettext(
                "{n} customer is dormant now and brought {revenue} in the last year.",
                "{n} customers are dormant now and brought {revenue} in the last year.",
                int(quiet.customers),
            ).format(n=words.count(quiet.customers), revenue=words.money(quiet.revenue))
        )
    people = int(structure.loc[structure["grouping"] == STAGE, "customers"].sum())
    detail += [_small(people)] if people < SMALL_SAMPLE else []
    return Finding(told[0], " ".join(detail), facts, tone=_tone(people))


def structure_table(structure: pd.DataFrame) -> Shown:
    """Customers and revenue by stage of life, then by segment."""
    columns = ["grouping", "group", "customers", "customer_share", "revenue", "revenue_share", "low", "high"]
    shown = structure.assign(low=structure["revenue_low"], high=structure["revenue_high"])[columns]
    return table(shown, bars=("customer_share", "revenue_share"), small="customers", limit=None)


def value_finding(values: pd.DataFrame, *, definitions: Definitions, period: Period) -> Finding:
    """What a customer is worth by the formula that counts, beside the other one."""
    rows = values.set_index("definition")
    name = definitions.at("customer_value", period)
    chosen, other = (CORRECTED, AS_BRIEFED) if name == "corrected" else (AS_BRIEFED, CORRECTED)
    row = rows.loc[chosen]
    if pd.isna(row.customer_value):
        corrected = rows.loc[CORRECTED]
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
    by = {
        way: Fact(
            f"customer_value_{way}", at.customer_value, "money", n=int(at.customers), low=_known(at.low), high=_known(at.high),
            window=_last_year(), definition=_(text),
        )
        for way, text in PLAIN_WAYS["customer_value"].items()
        for at in [rows.loc[way.replace("_", " ")]]
    }  # fmt: skip
    counted = Fact(**{**vars(by[name]), "key": "customer_value", "counted": name})
    sentence = (
        _("A customer is worth {value} a year, less what it cost to win them.")
        if row.customer_value >= 0
        else _("A customer costs {value} more to win than they bring in a year.")
    )
    beside = (
        _("Winning one costs {cac}. The common short formula says {other}, because it counts orders twice.")
        if name == "corrected"
        else _("Winning one costs {cac}. That is the common short formula, which counts orders twice; counted once it is {other}.")
    )
    return Finding(
        sentence.format(value=words.money(abs(row.customer_value))),
        beside.format(cac=words.money(row.acquisition_cost), other=words.money(rows.loc[other].customer_value)),
        (counted, *by.values()),
    )


def value_table(values: pd.DataFrame) -> Shown:
    """Both formulas with their parts."""
    columns = ["definition", "value_per_purchase", "purchases", "gross_margin", "acquisition_cost", "customer_value", "low", "high"]
    shown = values.assign(definition=values["definition"].map(DEFINITION_NAMES))[columns]
    return table(shown, units={"low": "money", "high": "money"})


def month_measure(period: Period) -> str:
    """Of what a chart of months speaks: the line under its title."""
    return _("Revenue by month to {month}, guests included; grey: the same month a year before").format(month=words.month(period))


def bridge_measure(bridge: pd.DataFrame, period: Period) -> str:
    told = _("Revenue of {month} against {before}, by what customers did").format(month=words.month(period), before=words.month(period - 1))
    return _("{told}; stroke: where a bar ends in a usual month").format(told=told) if bridge["usual"].notna().any() else told


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


def _tone(n: float) -> Literal["plain", "quiet"]:
    """What rests on few is set in grey."""
    return "quiet" if n < SMALL_SAMPLE else "plain"


def _quiet(sentence: str, facts: tuple[Fact, ...] = ()) -> Finding:
    return Finding(sentence, "", facts, tone="quiet")
