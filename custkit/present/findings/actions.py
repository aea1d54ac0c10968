"""What to do on Monday: lists and what they rest on, what became of the last ones, and the tag register."""

from __future__ import annotations

import math

import ibis.expr.types as ir
import pandas as pd
from ibis import _ as row

from custkit import words
from custkit.analysis.action_lists import LISTS, NAMES, OUTCOME_NAMES, ActionList
from custkit.analysis.list_scores import BETTER, FEW, VERDICT_NAMES, WHOLE, WORSE
from custkit.analysis.migration import GONE
from custkit.analysis.tag_register import ADVICE_NAMES, KEEP, REVISE
from custkit.client import Actions
from custkit.engine import to_float
from custkit.present.finding import Fact, Finding
from custkit.present.lists import People, people_list
from custkit.present.table import Shown, table
from custkit.words import _, ngettext

_BY_NAME = {rule.name: rule for rule in LISTS}


def lists_finding(sizes: pd.DataFrame, control: pd.DataFrame, *, consent: bool, worth: float) -> Finding:
    """How many people are on how many lists, how many are left alone, what that can show, and how consent was kept."""
    n, lists, left = int(sizes["customers"].sum()), int((sizes["customers"] > 0).sum()), int(control["control"].sum())
    head = ngettext("{n} place on {lists} action lists for Monday.", "{n} places on {lists} action lists for Monday.", n)
    detail = [
        _("{left} of them, drawn at random, are left alone, so that next month shows what contact adds.").format(left=words.count(left))
    ]
    short, drawn = int(control["is_short"].sum()), int((control["control"] > 0).sum())
    if short:
        said = ngettext(
            "{short} of {lists} list is too small to show {worth} more buyers with 80% power in one month, however many "
            "are left alone: a fifth is, for several months to be read together.",
            "{short} of {lists} lists are too small to show {worth} more buyers with 80% power in one month, however "
            "many are left alone: a fifth is, for several months to be read together.",
            drawn,
        )
        detail.append(said.format(short=words.number(short, 0), lists=words.number(drawn, 0), worth=words.share(worth, 0)))
    if consent:
        no, unknown = int(sizes["no_consent"].sum()), int(sizes["unknown_consent"].sum())
        said = _("Kept off, counted once for each list they fit: {no} who said no to marketing and {unknown} who were not asked.")
        detail.append(said.format(no=words.count(no), unknown=words.count(unknown)))
    else:
        detail.append(_("Whether these people agreed to be contacted is not known here: have it checked before anything is sent."))
    facts = (
        Fact("listed", n, "count", n=n, definition=_("People on action lists, each on as many as the client file allows.")),
        Fact("left_alone", left, "count", numerator=left, denominator=n, definition=_("Drawn by a keyed hash of list, month and id.")),
        Fact(
            "lists_short", short, "count", numerator=short, denominator=drawn,
            definition=_("Lists whose people left alone are too few to show the effect that the client file asks for with 80% power."),
        ),
    )  # fmt: skip
    return Finding(head.format(n=words.count(n), lists=words.number(lists, 0)), " ".join(detail), facts)


def lists_table(sizes: pd.DataFrame, control: pd.DataFrame, rules: Actions) -> Shown:
    """Each list with its goal, its rule, its people and who is left alone."""
    both = sizes.merge(control[["list", "control"]], on="list")
    told = [_BY_NAME[name] for name in both["list"]]
    shown = pd.DataFrame(
        {
            "list": [_(rule.title) for rule in told],
            "goal": [_(rule.goal) for rule in told],
            "list_rule": [_(rule.rule) for rule in told],
            "on_list": both["customers"],
            "left_alone": both["control"],
            "channel": [rules.channels.get(name, "") for name in both["list"]],
            "owner": [rules.owners.get(name, rules.owner) for name in both["list"]],
        }
    )
    empty = [column for column in ("channel", "owner") if not shown[column].any()]
    note = _("A customer is on {n} of these lists at most; the upper lists have the first claim.").format(
        n=words.number(rules.max_lists, 0)
    )
    if empty:
        note += " " + _("Channel and owner of each list can be set in the client file, under actions.")
    return table(shown.drop(columns=empty), note=note, small="on_list")


def reach_table(sizes: pd.DataFrame) -> Shown:
    """From those who fit a rule to those on the list."""
    shown = sizes.assign(list=[_(NAMES[name]) for name in sizes["list"]]).rename(columns={"customers": "on_list"})
    return table(shown, bars=["fits", "on_list"], note=_("Who fits is on the list, unless consent is missing or another list came first."))


def effect_table(expected: pd.DataFrame, control: pd.DataFrame) -> Shown:
    """What people of each list will do by themselves, and the smallest effect the control can show."""
    both = expected.merge(control[["list", "control", "seen_from"]], on="list")
    unknown = _("not measured yet")
    shown = pd.DataFrame(
        {
            "list": [_(NAMES[name]) for name in both["list"]],
            "on_list": both["customers"],
            "orders_alone": both["expected_orders"].round(),
            "alone_range": [_range(low, high) for low, high in zip(both["orders_low"], both["orders_high"], strict=True)],
            "revenue_alone": both["expected_revenue"],
            "margin_alone": both["expected_margin"],
            "seen_from": both["seen_from"],
            "contact_effect": unknown,
        }
    )
    note = _(
        "By themselves: a month, if they do as those did who would have been on the same list a month ago, shortened by the other "
        "lists and by consent as this one is; empty: fewer than 30 then. What contact adds is told when a month "
        "with people left alone is over; the difference in buyers that they can show with 80% power stands beside, "
        "empty where the list is too small for any."
    )
    return table(shown.drop(columns=[] if both["expected_margin"].notna().any() else ["margin_alone"]), note=note, small="on_list")


def _range(low: float, high: float) -> str:
    if math.isnan(low):
        return ""
    return _("{low} to {high}").format(low=words.count(round(low)), high=words.count(round(high)))


def people_of(on: ir.Table, rule: str) -> People:
    """The people of one list, ready to leave."""
    held = on.filter(row["list"] == rule).select(
        "customer_id", "segment", "stage", "is_control", "last_purchase_at", spend_365_days=to_float(row.monetary_value).round(2),
        main_category=row.main_category, risk_90_days=row.risk.round(4), order_chance_31_days=row.due_chance.round(4),
        value_at_stake=row.value_at_stake.round(2), potential=row.potential.round(2),
    )  # fmt: skip
    return people_list(held, name=rule, title=_(NAMES[rule]), order_by=["customer_id"])


class AllPeople:
    """Every list, shown one after the other."""

    def __init__(self, on: ir.Table, sizes: pd.DataFrame) -> None:
        self.lists = [people_of(on, name) for name, n in zip(sizes["list"], sizes["customers"], strict=True) if n]

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for people in self.lists:
            display(people)


def scores_finding(scores: pd.DataFrame) -> Finding:
    """How many of the last lists did better than those not on them, and how the best did."""
    told = scores[~scores["verdict"].isin([FEW, WHOLE])]
    if told.empty:
        return Finding(_("No earlier list can be judged yet: the data are too short or the lists too small."), tone="quiet")
    better, worse = told[told["verdict"] == BETTER], told[told["verdict"] == WORSE]
    head = ngettext(
        "{better} of {n} list that pick people did better than the people it passed over.",
        "{better} of {n} lists that pick people did better than the people they passed over.",
        len(told),
    ).format(better=words.number(len(better), 0), n=words.number(len(told), 0))
    detail = []
    if len(better):
        best = better.sort_values("lift", ascending=False).iloc[0]
        said = _("Most of all {list}: {share} {outcome}, {others} of the others (lift {lift}, {low} to {high}).")
        detail.append(
            said.format(
                list=_(NAMES.get(best["list"], best["list"])), outcome=_(OUTCOME_NAMES[best["outcome"]]),
                share=words.share(best["precision"], 0), others=words.share(best["others_rate"], 0),
                lift=words.number(best["lift"], 2), low=words.number(best["lift_low"], 2),
                high=words.number(best["lift_high"], 2),
            )
        )  # fmt: skip
    if len(worse):
        detail.append(_("Worse than the others: {lists}.").format(lists=_(", ").join(_(NAMES.get(name, name)) for name in worse["list"])))
    facts = tuple(
        Fact(
            f"lift_{line['list']}", float(line["lift"]), "number", numerator=int(line["hits"]), n=int(line["members"]),
            low=float(line["lift_low"]), high=float(line["lift_high"]),
            definition=_("Share of the list that did as expected, over that of its base not on the list."),
        )
        for _i, line in told.iterrows()
    )  # fmt: skip
    return Finding(head, " ".join(detail), facts)


def scores_table(scores: pd.DataFrame) -> Shown:
    """Each of the last lists against what happened."""
    return table(_scored(scores, [_(NAMES[name]) for name in scores["list"]], "list"), small="members", note=_scores_note())


def _scored(scores: pd.DataFrame, names: list[str], column: str) -> pd.DataFrame:
    shown = pd.DataFrame(
        {
            column: names,
            "verdict": [_(VERDICT_NAMES.get(name, "")) if isinstance(name, str) else "" for name in scores["verdict"]],
            "foretold": [_(OUTCOME_NAMES[name]) for name in scores["outcome"]],
            "members": scores["members"],
            "hits": scores["hits"],
            "expected_hits": scores["expected_hits"].round() if "expected_hits" in scores else math.nan,
            "list_precision": scores["precision"],
            "passed_over_rate": scores["others_rate"],
            "list_lift": scores["lift"],
            "lift_range": [_numbers(low, high) for low, high in zip(scores["lift_low"], scores["lift_high"], strict=True)],
        }
    )
    return shown if shown["expected_hits"].notna().any() else shown.drop(columns="expected_hits")


def _numbers(low: float, high: float) -> str:
    return "" if pd.isna(low) else _("{low} to {high}").format(low=words.number(low, 2), high=words.number(high, 2))


def _scores_note() -> str:
    return _(
        "The rule as it chose a month ago (three months ago for those at risk), whoever was contacted, before consent and other lists "
        "shortened it. Precision: of those on the list, who did as expected. Others: of those the list could have chosen and did not. "
        "Ranges hold 95%. Where the chances summed are far from who did, take the precision for the chance."
    )


def register_finding(register: pd.DataFrame) -> Finding:
    """How many tags foretold last month, and which rules to revise."""
    keep, revise = register[register["advice"] == KEEP], register[register["advice"] == REVISE]
    if register["members"].isna().all():
        return Finding(_("No tag can be judged yet: there is no month before."), tone="quiet")
    head = ngettext(
        "{keep} of {n} tag foretold last month better than chance.",
        "{keep} of {n} tags foretold last month better than chance.",
        len(register),
    ).format(keep=words.number(len(keep), 0), n=words.number(len(register), 0))
    detail = _("To revise: {tags}.").format(tags=_(", ").join(revise["tag"])) if len(revise) else ""
    return Finding(head, detail, (Fact("tags_kept", len(keep), "count", numerator=len(keep), denominator=len(register)),))


def register_table(register: pd.DataFrame) -> Shown:
    """Each tag with its rule, its people, its precision and lift of last month, and what to do with it."""
    held = register.assign(members=register["members"].fillna(0).astype("int64"), hits=register["hits"].fillna(0).astype("int64"))
    shown = _scored(held, list(register["tag"]), "tag")
    shown.insert(1, "rule", register["rule"])
    shown.insert(2, "on_list", register["customers"])
    shown["months_better"] = [
        _("{better} of {told}").format(better=words.number(b, 0), told=words.number(t, 0))
        for b, t in zip(register["months_better"], register["months_told"], strict=True)
    ]
    shown["advice"] = [_(ADVICE_NAMES[name]) for name in register["advice"]]
    if register["owner"].any():
        shown.insert(2, "owner", register["owner"])
    return table(shown, units={"rule": "text"}, small="members")


def history_table(history: pd.DataFrame) -> Shown:
    """Lift of every tag month by month."""
    kept = history.dropna(subset=["lift"]) if len(history) else history
    shown = pd.DataFrame(
        {
            "tag": kept["list"], "month": [words.month(month) for month in kept["month"]], "members": kept["members"],
            "list_precision": kept["precision"], "passed_over_rate": kept["others_rate"], "list_lift": kept["lift"],
            "lift_range": [_numbers(low, high) for low, high in zip(kept["lift_low"], kept["lift_high"], strict=True)],
        }
    )  # fmt: skip
    return table(shown, small="members", limit=60, note=_("Each month told from the book as it stood when the month began."))


def crossed_table(crossed: pd.DataFrame) -> Shown:
    """Which list the people of each segment and stage are on; the largest groups."""
    shown = crossed.assign(segment=crossed["segment"].fillna(GONE), list=[_(NAMES[name]) for name in crossed["list"]])
    return table(shown[["segment", "stage", "list", "customers"]], bars=["customers"], small="customers")


def titles(lists: tuple[ActionList, ...]) -> list[str]:
    """The lists' names, as people read them."""
    return [_(rule.title) for rule in lists]
