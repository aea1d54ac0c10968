"""The rules of a segment map in the reader's words, with the values behind medians, means and top shares."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from custkit import words
from custkit.analysis.segment_maps import MapSummary
from custkit.present.labels import LABELS
from custkit.segments import MEAN, MEASURES, MEDIAN, SCORES, TOP, Condition, Segment
from custkit.words import _, mark

SCORE_NAMES = {
    "r": mark("recency score {range}"),
    "f": mark("orders score {range}"),
    "m": mark("spend score {range}"),
    "fm": mark("orders and spend score {range} on average"),
}
_PLAIN = {">": mark("over {x}"), ">=": mark("{x} or more"), "<": mark("under {x}"), "<=": mark("{x} or less")}
_BESIDE = {
    (">", MEDIAN): mark("over the median: {measures}"),
    (">=", MEDIAN): mark("at the median or over: {measures}"),
    ("<", MEDIAN): mark("under the median: {measures}"),
    ("<=", MEDIAN): mark("at the median or under: {measures}"),
    (">", MEAN): mark("over the mean: {measures}"),
    (">=", MEAN): mark("at the mean or over: {measures}"),
    ("<", MEAN): mark("under the mean: {measures}"),
    ("<=", MEAN): mark("at the mean or under: {measures}"),
}
_BORDERS = {MEDIAN: mark("Medians: {borders}."), MEAN: mark("Means: {borders}.")}


def rule_text(segment: Segment) -> str:
    """A row's conditions as people say them; "everyone else" for a row without any."""
    if segment.is_rest:
        return _("everyone else")
    scores = [_(SCORE_NAMES[score]).format(range=_range(*bounds)) for score in SCORES if (bounds := segment.bounds(score)) is not None]
    beside: dict[tuple[str, str], list[str]] = {}
    values = []
    for measure in MEASURES:
        conditions = segment.conditions(measure)
        for condition in conditions:
            if isinstance(condition.bound, str):
                beside.setdefault((condition.sign, condition.bound), []).append(_name(measure))
        if plain := [condition for condition in conditions if not isinstance(condition.bound, str)]:
            values.append(_("{measure}: {condition}").format(measure=_name(measure), condition=_(" and ").join(_plain(plain, measure))))
    grouped = [_(_BESIDE[how]).format(measures=_(", ").join(names)) for how, names in beside.items()]
    return _("; ").join([*scores, *grouped, *values])


def _plain(conditions: Sequence[Condition], measure: str) -> list[str]:
    if [condition.sign for condition in conditions] == [">=", "<="]:
        low, high = (_shown(float(condition.bound), measure) for condition in conditions)
        return [low if low == high else _("{low} to {high}").format(low=low, high=high)]
    return [
        _("among the top {share}").format(share=words.share(condition.bound, 0))
        if condition.sign == TOP
        else _(_PLAIN[condition.sign]).format(x=_shown(float(condition.bound), measure))
        for condition in conditions
    ]


def _name(measure: str) -> str:
    return _(LABELS[MEASURES[measure]].text)


def _shown(value: float, measure: str) -> str:
    unit = LABELS[MEASURES[measure]].unit
    if unit == "share":
        return words.share(value, 0 if abs(value * 100 - round(value * 100)) < 1e-9 else 1)
    if unit == "money":
        return words.money(value)
    return words.number(value, 0 if value != value or float(value).is_integer() else 1)


def _range(low: float, high: float) -> str:
    shown = [words.number(bound, 0 if bound.is_integer() else 1) for bound in (low, high)]
    return shown[0] if low == high else _("{low} to {high}").format(low=shown[0], high=shown[1])


def map_rows(summary: MapSummary) -> pd.DataFrame:
    """segment | rule, customers, customer_share, revenue_share, strategy: in the order in which the rows are asked."""
    rules: dict[str, list[str]] = {}
    actions: dict[str, str] = {}
    for segment in summary.segments:
        rules.setdefault(segment.name, []).append(rule_text(segment))
        actions.setdefault(segment.name, segment.action)
    sizes = summary.sizes
    return pd.DataFrame(
        {
            "segment": sizes.segment,
            "rule": [_("; or ").join(rules.get(name, [_("everyone else")])) for name in sizes.segment],
            "customers": sizes.customers,
            "customer_share": sizes.customer_share,
            "revenue_share": sizes.revenue_share,
            "strategy": [_(actions[name]) if actions.get(name) else None for name in sizes.segment],
        }
    )


def borders_note(borders: pd.DataFrame) -> str:
    """The numbers behind medians and top shares, and the means beside them, which the field uses as well."""
    known = borders[borders.value.notna()].drop_duplicates(["measure", "border"])
    parts = []
    for border, text in _BORDERS.items():
        rows = known[known.border == border]
        if len(rows):
            parts.append(_(text).format(borders=_(", ").join(_beyond(row.measure, row.value) for row in rows.itertuples())))
    for row in known[~known.border.isin(list(_BORDERS))].itertuples():
        share = row.border.removeprefix("top ")
        parts.append(_("The top {share} begins at: {border}.").format(share=share, border=_beyond(row.measure, row.value)))
    return " ".join(parts)


def _beyond(measure: str, value: float) -> str:
    return _("{measure} {x}").format(measure=_name(measure), x=_shown(value, measure))


def untold_note(summary: MapSummary) -> str:
    """Which rows nobody can be on because the data do not hold what they ask for."""
    untold = list(dict.fromkeys(summary.borders[summary.borders.value.isna()].measure))
    names = [segment.name for segment in summary.segments if any(segment.conditions(measure) for measure in untold)]
    if not names or not summary.sizes.customers.sum():
        return ""
    return _("Not told here: {segments}; the data do not hold {measures}.").format(
        segments=_(", ").join(_(name) for name in dict.fromkeys(names)), measures=_(", ").join(_name(measure) for measure in untold)
    )
