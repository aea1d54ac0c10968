"""Sentences of the notebook data_health: what the data carry, what was read, how good it is, what changed, what to ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from custkit import words
from custkit.analysis.data_changes import FALSE_ALARMS, GAP, GONE_VALUE, KIND_NAMES, NEW_VALUE, changes_told, slips
from custkit.analysis.fields import CANNOT, CARRIES, LIMITS, UNLINKED_LIMIT
from custkit.analysis.quality import CHECKS
from custkit.intake.masked import masked
from custkit.intake.notes import SAYS, Note, together
from custkit.present import few
from custkit.present.finding import Fact, Finding
from custkit.present.table import Shown, table
from custkit.present.titles import PAGES, REASONS
from custkit.tables import TABLES
from custkit.words import _, mark, ngettext

TABLE_NAMES = {
    "order_lines": mark("order lines"),
    "orders": mark("orders"),
    "customers": mark("customers"),
    "products": mark("products"),
    "events": mark("events"),
    "campaigns": mark("campaigns"),
    "campaign_contacts": mark("campaign contacts"),
    "loyalty_ledger": mark("loyalty ledger"),
    "surveys": mark("surveys"),
    "marketing_spend": mark("marketing spend"),
    "merged_customers": mark("merged customers"),
}
EXCLUSIONS = {
    "duplicate": mark("left out: the same line twice"),
    "status": mark("left out: by order status"),
    "void": mark("left out: a void line"),
    "guest": mark("left out: no customer"),
    "erased": mark("left out: the person asked to be erased"),
}
KINDS = {
    "sale": mark("sales"),
    "return": mark("returns"),
    "free": mark("free of charge"),
    "adjustment": mark("bookings that are no sale"),
}
CONSENTS = {"yes": mark("agreed"), "no": mark("declined"), "unknown": mark("not known, counts as declined")}
STATES = {"empty": mark("sent, but empty"), "not sent": mark("not sent")}
CHANGE_UNITS = {"before_value": "unit", "now_value": "unit"}
_CELL, _PLACES = 40, 3


def carry_finding(verdicts: pd.DataFrame, changes: pd.DataFrame, requests: pd.DataFrame) -> Finding:
    """Whether these data carry the report, and what would help most.

    page_verdicts(…), data_changes(…), field_requests(…)  →  Finding
    """
    counts = verdicts["verdict"].value_counts()
    full, limited, none = (int(counts.get(verdict, 0)) for verdict in (CARRIES, LIMITS, CANNOT))
    pages = len(verdicts)
    facts = tuple(
        Fact(f"health.pages_{name}", n, "count", numerator=n, denominator=pages, definition=_("Pages of the pack by what the data allow."))
        for name, n in (("carried", full), ("limited", limited), ("impossible", none))
    )
    if none == pages:
        headline = _("These data carry no page of the report.")
    elif full == pages:
        headline = _("These data carry all {n} pages of the report.").format(n=words.number(pages, 0))
    else:
        parts = [text.format(n=words.number(n, 0)) for n, text in ((limited, _("{n} with limits")), (none, _("{n} not at all"))) if n]
        headline = _("Of {all} pages these data carry {full} in full, {rest}.").format(
            all=words.number(pages, 0), full=words.number(full, 0), rest=_(", ").join(parts)
        )
    detail = [_changed_short(changes)]
    if len(requests):
        first = requests.iloc[0]
        detail.append(
            _("Ask first for {field} ({meaning}): it would bring {gains}.").format(
                field=str(first.field), meaning=_(first.meaning), gains=_(", ").join(_(gain) for gain in first.gains[:2])
            )
        )
    return Finding(headline, " ".join(part for part in detail if part), facts)


def _changed_short(changes: pd.DataFrame) -> str:
    if changes.empty:
        return _("Whether they changed this month cannot be said: there are too few months before.")
    n = int(changes["told"].sum())
    if not n:
        return _("Nothing in them changed this month beyond chance.")
    return ngettext(
        "{n} thing in them changed this month beyond chance.", "{n} things in them changed this month beyond chance.", n
    ).format(n=words.count(n))


def verdict_table(verdicts: pd.DataFrame) -> Shown:
    """Every page with its verdict and the reason."""
    shown = pd.DataFrame(
        {
            "page": [_(PAGES[page]) for page in verdicts["page"]],
            "verdict": [_(verdict) for verdict in verdicts["verdict"]],
            "why": [_why(row) for row in verdicts.itertuples()],
        }
    )
    return table(shown, limit=None)


def _why(row: Any) -> str:
    missing = _(", ").join(f"{field}" for field in row.missing[:3]) + (" …" if len(row.missing) > 3 else "")
    told = {
        "must": _("lacks {fields}").format(fields=missing),
        "nobody": _("nobody bought"),
        "parts": _("parts lack {fields}").format(fields=missing),
        "unlinked": _("more than {share} of revenue has no customer").format(share=words.share(UNLINKED_LIMIT, 0)),
        "short": _("a shorter time than it looks back on"),
        "changed": _("changed this month: {tables}").format(tables=_(", ").join(_(TABLE_NAMES[name]) for name in row.tables)),
    }
    return _("; ").join(told[reason] for reason in row.reasons) or _("everything it asks for is there")


def ledger_finding(files: pd.DataFrame, account: pd.DataFrame) -> Finding:
    """Every row accounted for; what could not be read."""
    total = files[["records", "blank", "structural", "accepted", "quarantined"]].sum()
    records, aside = int(total["records"]), int(total["quarantined"])
    facts = [
        Fact("health.records", records, "count", n=len(files), definition=_("Rows of all files, up to the month's end; n counts files.")),
        Fact(
            "health.quarantined", aside, "count", numerator=aside, denominator=records,
            definition=_("Rows set aside because a cell could not be read."),
        ),
    ]  # fmt: skip
    if len(account):
        lines = account.set_index("part").loc["analysed"]
        facts.append(
            Fact(
                "health.lines_amount", float(lines["amount"]), "money", n=int(lines["rows"]),
                definition=_("Amounts of all order lines that count, returns with them; n counts lines."),
            )
        )  # fmt: skip
    headline = _("All {n} rows read are accounted for, to the cent.").format(n=words.number(records, 0))
    detail = (
        ngettext(
            "{n} row could not be read and is set aside; {other} are blank lines, titles or totals.",
            "{n} rows could not be read and are set aside; {other} are blank lines, titles or totals.",
            aside,
        ).format(n=words.number(aside, 0), other=words.number(total["blank"] + total["structural"], 0))
        if aside or total["blank"] + total["structural"]
        else _("Every one of them could be read.")
    )
    return Finding(headline, detail, tuple(facts))


def file_table(files: pd.DataFrame) -> Shown:
    """The ledger, a row a table: its files, rows read and what became of them."""
    parts = ["records", "blank", "structural", "accepted", "quarantined"]
    sums = files.groupby("table", sort=False).agg(files=("file", "count"), **{part: (part, "sum") for part in parts}).reset_index()
    sums = sums.rename(columns={"table": "table_name"}).assign(table_name=[_(TABLE_NAMES[name]) for name in sums["table"]])
    return table(sums, note=_("Rows read = blank + titles and totals + kept + set aside, for every file; two counters agree on it."))


def aside_table(aside: pd.DataFrame, personal: frozenset[str] = frozenset()) -> Shown:
    """Rows that could not be read, by reason, each with an example that names nobody. personal: columns of ids."""
    rows = aside[~aside["reason"].isin(["repeated_header", "total_row"])]
    made = []
    # The example is the same whatever the order of rows in the export: files by name, then values.
    for (reason, name), part in rows.sort_values(["file", "column", "value"]).groupby(["reason", "table"], sort=True):
        one = part.iloc[0]
        value = "" if one["value"] is None else str(one["value"])
        cut = masked(value, str(reason), is_id=one["column"] in personal, longest=_CELL) if value else ""
        made.append(
            {
                "reason": _(REASONS.get(str(reason), str(reason))), "table_name": _(TABLE_NAMES[str(name)]), "rows": len(part),
                "line_amount": float(part["amount"].dropna().astype("float64").sum()) if part["amount"].notna().any() else float("nan"),
                "place_in_file": f"{one['file']}, {one['column']}" if one["column"] else str(one["file"]),
                "wrong_value": cut or _("(empty)"),
            }
        )  # fmt: skip
    columns = ["reason", "table_name", "rows", "line_amount", "place_in_file", "wrong_value"]
    note = _("`custkit intake` prints the line of each. An amount is told where that much could be read.")
    return table(pd.DataFrame(made, columns=columns), note=note.replace("`", ""))


def _told(notes: Iterable[Note]) -> list[tuple[Note, list[str]]]:
    """One remark a thing; whoever reads outside the house is told of no single sale or customer, nor what else lies beside the data."""
    told = together(notes)
    if not few.shared():
        return told
    hidden = ("one_line_dominates", "one_customer_dominates")
    return [(note, places if note.table else []) for note, places in told if note.code not in hidden]


def notes_finding(notes: list[Note]) -> Finding:
    """How many things intake took as they stand that a person should know. `book.notes`  →  Finding"""
    told = _told(notes)
    fact = Fact("health.notes", len(told), "count", definition=_("Kinds of oddities that intake took as they stand, table by table."))
    if not told:
        return Finding(_("Nothing odd was taken."), "", (fact,), tone="quiet")
    first, _places = told[0]
    headline = ngettext(
        "{n} thing was taken as it stands that somebody should know: {first}.",
        "{n} things were taken as they stand that somebody should know; first: {first}.",
        len(told),
    ).format(n=words.number(len(told), 0), first=_(SAYS[first.code].met).replace("`", ""))
    return Finding(headline, "", (fact,))


def notes_table(notes: list[Note]) -> Shown:
    """What intake took as it stands: what, where, how many, how much, what would do; what may be counted wrongly first."""
    rows = [
        {
            "remark": _(SAYS[note.code].met),
            "met_rows": note.counted,
            "at_stake": "" if SAYS[note.code].is_share and len(places) > 1 else note.worth,
            "met_in": _places(note.table, places),
            "remedy": _(SAYS[note.code].remedy),
        }
        for note, places in _told(notes)
    ]
    frame = pd.DataFrame(rows, columns=["remark", "met_rows", "at_stake", "met_in", "remedy"])
    return table(frame.map(lambda text: text.replace("`", "")), limit=None)


def _places(table_name: str, places: list[str]) -> str:
    more, named = len(places) - _PLACES, _(", ").join(places[:_PLACES])
    shown = named if more <= 0 else _("{places} and {n} more").format(places=named, n=words.number(more, 0))
    return _(": ").join(part for part in (_(TABLE_NAMES[table_name]) if table_name else "", shown) if part)


def account_table(account: pd.DataFrame) -> Shown:
    """What became of the order lines kept at reading, in rows and money."""
    told = {"accepted": mark("all lines kept at reading"), "analysed": mark("lines that count")}
    parts = {"non_product": mark("postage, fees and the like"), "known": mark("with a customer"), "guest": mark("without a customer")}
    rows = []
    for row in account[(account["rows"] > 0) | account["part"].isin(["accepted", "analysed"])].itertuples():
        if row.part == "excluded":
            fate = _(EXCLUSIONS[row.of]) if row.of in EXCLUSIONS else _("left out: rule {rule}").format(rule=f"“{row.of}”")
        elif row.part == "duplicate":
            fate = _("of all: exact copies of a line")
        elif row.part in told:
            fate = _(told[row.part])
        else:
            fate = _("of these: {what}").format(what=_(KINDS.get(row.of) or parts[row.of]))
        rows.append({"fate": fate, "rows": row.rows, "line_amount": row.amount, "revenue": row.revenue})
    return table(pd.DataFrame(rows, columns=["fate", "rows", "line_amount", "revenue"]), limit=None)


def quality_finding(columns: pd.DataFrame, checks: pd.DataFrame) -> Finding:
    """How full the columns are and how often tables contradict each other."""
    cells, filled = int(columns["rows"].sum()), int(columns["filled"].sum())
    if not cells:
        return Finding(_("There is nothing to judge."), tone="quiet")
    asked, failed = int(checks["checked"].sum()), int(checks["failed"].sum())
    facts = [
        Fact(
            "health.completeness", filled / cells, "share", numerator=filled, denominator=cells, n=len(columns),
            definition=_("Cells filled of all cells that the client file maps; n counts columns. Some are empty by nature."),
        )
    ]  # fmt: skip
    if asked:
        facts.append(
            Fact(
                "health.consistency", 1 - failed / asked, "share", numerator=asked - failed, denominator=asked, n=len(checks),
                definition=_("Answers without a contradiction of all rows asked about, within and across tables; n counts questions."),
            )
        )  # fmt: skip
    worst = checks.sort_values(["failed_share", "check"], ascending=[False, True]).head(1)
    headline = _("{share} of all cells are filled.").format(share=words.share(filled / cells))
    if failed and len(worst):
        row = worst.iloc[0]
        detail = _("The largest contradiction: {what}, in {n} of {all} rows ({share}).").format(
            what=_(CHECKS[row.check].meaning), n=words.count(row.failed), all=words.count(row.checked), share=words.share(row.failed_share)
        )
    else:
        detail = ngettext(
            "{n} question to the tables found no contradiction.", "{n} questions to the tables found no contradiction.", len(checks)
        ).format(n=words.number(len(checks), 0))
    return Finding(headline, detail, tuple(facts))


def quality_table(summary: pd.DataFrame) -> Shown:
    """The four dimensions for each table."""
    shown = summary.rename(columns={"table": "table_name"}).assign(table_name=[_(TABLE_NAMES[name]) for name in summary["table"]])
    note = _(
        "Filled: of all cells mapped. Can be right: of those filled, readable and within range. Agrees: of all rows asked about below."
    )
    return table(shown, note=note, bars=["completeness"], limit=None)


def incomplete_table(columns: pd.DataFrame) -> Shown:
    """Columns that are not full, or hold what cannot be right; the emptiest first."""
    some = columns[(columns["completeness"] < 1) | (columns["invalid"] > 0)].sort_values(["completeness", "table", "column"])
    shown = pd.DataFrame(
        {
            "field": [f"{row.table}.{row.column}" for row in some.itertuples()],
            "field_meaning": [_(TABLES[row.table].by_name[row.column].meaning) for row in some.itertuples()],
            **{name: some[name] for name in ("rows", "completeness", "complete_before", "validity")},
        }
    )  # fmt: skip
    return table(
        shown, note=_("All other columns are filled in every row, and nothing in them is out of range."), bars=["completeness"], limit=30
    )


def checks_table(checks: pd.DataFrame) -> Shown:
    """Every question to the tables, the largest contradiction first."""
    ordered = checks.sort_values(["failed_share", "check"], ascending=[False, True])
    shown = ordered.assign(
        table_name=[_(", ").join(_(TABLE_NAMES[t]) for t in CHECKS[c].tables) for c in ordered["check"]],
        check=[_(CHECKS[c].meaning) for c in ordered["check"]],
    )
    return table(shown[["check", "table_name", "checked", "failed", "failed_share"]], limit=None)


def timeliness_finding(times: pd.DataFrame) -> Finding:
    """How far the tables reach."""
    if times.empty:
        return Finding(_("No table has a time of its own."), tone="quiet")
    late = times[times["late"]]
    orders = times[times["table"] == "order_lines"]
    facts = tuple(
        Fact(
            f"health.lag.{row.table}", row.lag_days, "days", n=row.rows,
            definition=_("Whole days without a record, from the last one to the month's end; n counts rows."),
        )
        for row in times.itertuples()
    )  # fmt: skip
    if late.empty:
        headline = _("Every table reaches as far as it usually does.")
    else:
        headline = _("Stops earlier than ever before: {tables}.").format(
            tables=_(", ").join(f"{_(TABLE_NAMES[row.table])} ({row.last_day})" for row in late.itertuples())
        )
    detail = _("The last order is of {day}.").format(day=orders["last_day"].iloc[0]) if len(orders) else ""
    return Finding(headline, detail, facts)


def timeliness_table(times: pd.DataFrame) -> Shown:
    """First and last day of each table."""
    shown = times.assign(table_name=[_(TABLE_NAMES[name]) for name in times["table"]])
    return table(shown[["table_name", "rows", "first_day", "last_day", "lag_days", "longest_gap"]], limit=None)


def unlinked_finding(unlinked: pd.DataFrame) -> Finding:
    """Orders without a customer: how many, and what share of revenue. unlinked_orders(…)  →  Finding [S97]"""
    rows = unlinked.set_index("window")
    if not rows.loc["ever", "orders"]:
        return Finding(_("Not told: there are no orders."), tone="quiet")
    month, year = rows.loc["month"], rows.loc["year"]
    facts = tuple(
        Fact(
            f"health.unlinked_revenue_share.{window}", rows.loc[window, "unlinked_revenue_share"], "share",
            numerator=float(rows.loc[window, "unlinked_revenue"]), denominator=float(rows.loc[window, "revenue"]),
            n=int(rows.loc[window, "orders"]), window=_(name),
            definition=_(
                "Revenue of orders without a customer of all revenue; n counts orders. They stand in all totals of the shop and in no "
                "figure of customers."
            ),
        )
        for window, name in (("month", mark("month")), ("year", mark("last 365 days")), ("ever", mark("since the data begin")))
    )  # fmt: skip
    if not rows.loc["ever", "unlinked_orders"]:
        return Finding(_("Every order has a customer."), "", facts)
    headline = _("{n} of {all} orders of the month have no customer: {share} of revenue.").format(
        n=words.count(month.unlinked_orders), all=words.count(month.orders), share=words.share(month.unlinked_revenue_share)
    )
    detail = _(
        "Over the last 365 days it is {share}. They count in the shop's totals and are left out of every figure about customers."
    ).format(share=words.share(year.unlinked_revenue_share))
    return Finding(headline, detail, facts)


def unlinked_table(months: pd.DataFrame) -> Shown:
    """Month by month, with and without a customer."""
    shown = months.assign(month=[words.short_month(month) for month in months["month"]]).rename(columns={"orders": "all_purchases"})
    columns = ["month", "all_purchases", "unlinked_orders", "unlinked_share", "revenue", "unlinked_revenue", "unlinked_revenue_share"]
    return table(shown[columns], bars=["unlinked_share", "unlinked_revenue_share"], limit=None)


def changes_finding(changes: pd.DataFrame) -> Finding:
    """What of the data changed beyond chance, and how often such a sentence is a false alarm."""
    if changes.empty:
        return Finding(_("Not judged: fewer than seven months lie before this one."), tone="quiet")
    told = changes_told(changes)
    facts = (
        Fact(
            "health.changes", len(told), "count", n=len(changes),
            definition=_(
                "Questions whose answer changed beyond chance; n counts questions. In a month without a change, the chance that anything "
                "is told is at most {share}."
            ).format(
                share=words.share(FALSE_ALARMS, 0)
            ),
        ),
    )  # fmt: skip
    rate = _("Of months in which nothing happened, at most {share} raise an alarm.").format(share=words.share(FALSE_ALARMS, 0))
    if told.empty:
        headline = _("Nothing in the data changed beyond chance; {n} questions were asked.").format(n=words.number(len(changes), 0))
        return Finding(headline, rate, facts, tone="quiet")
    first = told.iloc[0]
    headline = ngettext(
        "{n} thing changed in the data beyond chance; the clearest: {what}.",
        "{n} things changed in the data beyond chance; the clearest: {what}.",
        len(told),
    ).format(n=words.number(len(told), 0), what=f"{_thing(first)}, {_(KIND_NAMES[first.kind])}")
    slipped = [
        _("{field} is {factor} times what it was: has its unit changed?").format(
            field=f"{row.table}.{row.column}", factor=words.number(row.factor, 0 if row.factor >= 1 else 3)
        )
        for row in slips(changes).itertuples()
    ]
    return Finding(headline, " ".join([*slipped, rate]), facts)


def _thing(row: Any) -> str:
    name = _(TABLE_NAMES[row.table])
    if row.kind == GAP:
        return str(row.which)
    field = f"{row.table}.{row.column}" if row.column else name
    return f"{field} = {row.which}" if row.kind in (NEW_VALUE, GONE_VALUE) else field


def changes_table(changes: pd.DataFrame) -> Shown:
    """What changed beyond chance; the rarest first."""
    told = changes_told(changes)
    shown = pd.DataFrame(
        {
            "field": [_thing(row) for row in told.itertuples()], "change_kind": [_(KIND_NAMES[kind]) for kind in told["kind"]],
            "before_value": told["before"], "now_value": told["now"], "unit": told["unit"],
        }
    )  # fmt: skip
    return table(shown, units_by=CHANGE_UNITS)


def requests_finding(requests: pd.DataFrame, idle: tuple[str, ...], empty: tuple[str, ...]) -> Finding:
    """Which field to ask for first, and which ones feed nothing."""
    facts = (
        Fact(
            "health.fields_to_ask",
            len(requests),
            "count",
            definition=_("Fields or whole tables that would feed something and are not there."),
        ),
        Fact("health.fields_idle", len(idle), "count", definition=_("Fields that the client file maps and nothing on any page reads.")),
    )
    detail = []
    if empty:
        detail.append(_("Sent, but empty in every row: {fields}.").format(fields=_(", ").join(field for field in empty)))
    if idle:
        detail.append(_("Feed nothing and need not be sent: {fields}.").format(fields=_(", ").join(field for field in idle)))
    else:
        detail.append(_("No field is sent for nothing."))
    if requests.empty:
        return Finding(_("Nothing is missing: every field that feeds a page is there."), " ".join(detail), facts)
    first = requests.iloc[0]
    headline = _("Ask first for {field}: it would bring {gains}.").format(
        field=str(first.field), gains=_(", ").join(_(gain) for gain in first.gains[:3])
    )
    return Finding(headline, " ".join(detail), facts)


def requests_table(requests: pd.DataFrame) -> Shown:
    """What to ask the client for, most valuable first."""
    shown = pd.DataFrame(
        {
            "request": requests["rank"],
            "field": requests["field"],
            "field_meaning": [_(meaning) for meaning in requests["meaning"]],
            "field_state": [_(STATES[state]) for state in requests["state"]],
            "completes": requests["completes"],
            "feeds": requests["feeds"],
            "gains": [_(", ").join(_(gain) for gain in gains[:4]) + (" …" if len(gains) > 4 else "") for gains in requests["gains"]],
            "page": [_(", ").join(_(PAGES[page]) for page in pages if page in PAGES) for pages in requests["pages"]],
        }
    )
    return table(shown[["field", "field_meaning", "field_state", "completes", "feeds", "gains", "page"]], limit=15)


def view_finding(links: pd.DataFrame) -> Finding:
    """Whether tables know the same customers."""
    if links.empty:
        return Finding(_("No table names a customer: there is no view of customers."), tone="quiet")
    facts = tuple(
        Fact(
            f"health.buyers_covered.{row.table}", row.buyers_covered, "share", numerator=row.also_buyers, n=row.customers,
            definition=_("Customers who ever bought and stand in the table, of all who ever bought; n counts customers of the table."),
        )
        for row in links.itertuples()
    )  # fmt: skip
    others = links[links["table"] != "orders"]
    if others.empty:
        return Finding(_("Only orders name customers."), _("Every figure about them rests on orders alone."), facts)
    least = others.sort_values(["buyers_covered", "table"]).iloc[0]
    headline = ngettext("{n} table names customers.", "{n} tables name customers.", len(links)).format(n=words.number(len(links), 0))
    thinnest = _("The thinnest link: {table}, where {share} of all buyers are found.").format(
        table=_(TABLE_NAMES[least.table]), share=words.share(least.buyers_covered)
    )
    return Finding(headline, "" if pd.isna(least.buyers_covered) else thinnest, facts)


def view_table(links: pd.DataFrame) -> Shown:
    """Each table with the customers it links."""
    shown = links.rename(columns={"customers": "linked_customers"}).assign(table_name=[_(TABLE_NAMES[name]) for name in links["table"]])
    columns = ["table_name", "rows", "linked_rows", "linked_share", "linked_customers", "also_buyers", "buyers_covered"]
    return table(shown[columns], bars=["linked_share", "buyers_covered"], limit=None)


def consent_finding(consents: pd.DataFrame) -> Finding:
    """How many may be written to. consent_counts(…)  →  Finding [S102]"""
    rows = consents.set_index("consent")
    people, agreed = int(rows["customers"].sum()), int(rows.loc["yes", "customers"])
    if not people:
        return Finding(_("There is no customer yet."), tone="quiet")
    if int(rows.loc["unknown", "customers"]) == people:
        return Finding(_("Nobody is known to have agreed to marketing: no list may leave the house."), tone="quiet")
    recent, recent_agreed = int(rows["recent_buyers"].sum()), int(rows.loc["yes", "recent_buyers"])
    fact = Fact(
        "health.consent_share", agreed / people, "share", numerator=agreed, denominator=people, n=people,
        definition=_("Customers who agreed to marketing of all customers; who is not known to agree counts as declined."),
    )  # fmt: skip
    headline = _("{n} of {all} customers agreed to marketing ({share}).").format(
        n=words.count(agreed), all=words.count(people), share=words.share(agreed / people)
    )
    detail = (
        _("Of those who bought in the last 365 days it is {share}.").format(share=words.share(recent_agreed / recent)) if recent else ""
    )
    return Finding(headline, detail, (fact,))


def consent_table(consents: pd.DataFrame) -> Shown:
    """Agreed, declined, not known."""
    known = consents.loc[consents["consent"] != "unknown", "customers"].sum() > 0
    shown = consents.head(3 if known else 0).rename(columns={"customers": "consent_customers", "customer_share": "consent_share"})
    shown = shown.assign(consent=[_(CONSENTS[said]) for said in consents["consent"]])
    return table(shown[["consent", "consent_customers", "consent_share", "recent_buyers", "recent_share"]])


def rows_measure() -> str:
    return _("rows a month; green: more than the middle of the months shown, orange: fewer")
