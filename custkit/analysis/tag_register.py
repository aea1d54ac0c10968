"""The tag register: each tag a rule and a forecast, held every month against what its people did next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from operator import and_
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from custkit.analysis.action_lists import ActionList
from custkit.analysis.list_scores import BETTER, FEW, WORSE, list_scores
from custkit.book import Book
from custkit.client import TAG_COLUMNS, TagRule
from custkit.engine import frame
from custkit.period import Period
from custkit.words import mark

KEEP, WATCH, REVISE, UNTOLD = "keep", "watch", "revise", "untold"
ADVICE_NAMES = {
    KEEP: mark("keep"), WATCH: mark("watch another month"), REVISE: mark("revise the rule or drop it"), UNTOLD: mark("too few to tell"),
}  # fmt: skip
COLUMNS = (
    "tag", "rule", "owner", "outcome", "customers", "members", "hits", "precision", "precision_low", "precision_high", "others",
    "others_rate", "lift", "lift_low", "lift_high", "verdict", "months_told", "months_better", "advice",
)  # fmt: skip


def tag_lists(rules: Sequence[TagRule]) -> tuple[ActionList, ...]:
    """Tags as lists, to be held against the month as lists are; their base is everybody who bought in the last 365 days."""
    return tuple(
        ActionList(
            f"tag{i}", rule.name, "", " & ".join(rule.when), partial(_wearers, rule),
            lambda t: t.segment.notnull(), outcome=rule.expects,
        )
        for i, rule in enumerate(rules)
    )  # fmt: skip


def _wearers(rule: TagRule, known: ir.Table) -> Any:
    return has_tag(known, rule)


def has_tag(known: ir.Table, rule: TagRule) -> Any:
    """Whether all conditions of a tag apply; what is not known of a customer does not apply, nor does its contrary."""
    return reduce(and_, [_holds(known, *condition) for condition in rule.conditions])


def _holds(known: ir.Table, negated: bool, column: str, sign: str, value: str) -> Any:
    asked = known[column]
    kind = TAG_COLUMNS[column]
    if kind == "number":
        limit = ibis.literal(float(value), "float64")
        holds = {">=": asked >= limit, "<=": asked <= limit, ">": asked > limit, "<": asked < limit, "=": asked == limit}[sign]
    else:
        holds = asked if kind == "flag" else asked == value
    return (~holds if negated else holds).fill_null(False)


def tag_history(known: Mapping[Period, ir.Table], book: Book, *, rules: Sequence[TagRule]) -> pd.DataFrame:
    """Every tag in each of the last months: given as the book stood when the month began, judged by what the month brought.

    standings_by_month, its book  →  month, and the columns of `list_scores`, `list` being the tag's name; the earliest month first

    No month looks ahead: tags of a month are given from the standings at the end of the month before. [S51]
    """
    lists, names, told = tag_lists(rules), {f"tag{i}": rule.name for i, rule in enumerate(rules)}, []
    for before in sorted(period for period in known if period < book.period):
        month = book.at(before + 1)
        scored = list_scores(known[before], month.purchases, start=month.start, end=month.as_of, lists=lists)
        told.append(scored.assign(month=str(month.period), list=scored["list"].map(names)))
    columns = ["month", "list", "outcome", "members", "hits", "precision", "others", "others_rate", "lift", "lift_low", "lift_high"]
    return pd.concat(told, ignore_index=True) if told else pd.DataFrame(columns=[*columns, "precision_low", "precision_high", "verdict"])


def tag_register(known: ir.Table, history: pd.DataFrame, *, rules: Sequence[TagRule], owner: str = "") -> pd.DataFrame:
    """Each tag with its rule, its owner, how many carry it, how last month's did, and what to do with the rule.

    standings, tag_history  →  tag | rule, owner, outcome, customers (who carry it now), what `list_scores` says of the latest month,
    months_told (in which there were enough to tell), months_better (of them, better than the base), advice ("keep" where the latest month
    is better; "revise" after two months told of which none is, or where it is worse; "watch"; "untold")

    [S51]
    """
    counts = frame(known.aggregate(**{f"n{i}": known.count(where=has_tag(known, rule)) for i, rule in enumerate(rules)})).iloc[0]
    rows = []
    for i, rule in enumerate(rules):
        past = history[history["list"] == rule.name]
        told = past[past["verdict"] != FEW]
        better = int((told["verdict"] == BETTER).sum())
        last = past.iloc[-1] if len(past) else None
        if last is None or last["verdict"] == FEW:
            advice = UNTOLD
        elif last["verdict"] == BETTER:
            advice = KEEP
        else:
            advice = REVISE if last["verdict"] == WORSE or (len(told) >= 2 and not better) else WATCH
        row = {
            "tag": rule.name, "rule": " & ".join(rule.when), "owner": rule.owner or owner, "outcome": rule.expects,
            "customers": int(counts[f"n{i}"]), "months_told": len(told), "months_better": better, "advice": advice,
        }  # fmt: skip
        rows.append(row | ({name: last[name] for name in COLUMNS if name in last.index and name not in row} if last is not None else {}))
    return pd.DataFrame(rows, columns=list(COLUMNS))
