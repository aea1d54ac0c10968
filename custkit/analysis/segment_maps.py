"""What the rows of a segment map ask, as expressions over the customers' table; the borders that depend on all customers, as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from custkit.client import Client
from custkit.engine import frame, to_float
from custkit.segments import MEAN, MEASURES, MEDIAN, NAMED_MAPS, REST, SCORES, TOP, Condition, Segment

COLUMNS = ("measure", "border", "value", "customers")
PLANNING_MAPS = ("target_groups", "value_risk")
# Means of the same customers in another order differ in their last digits.
_HAIR = 1e-12


@dataclass(frozen=True)
class MapSummary:
    """A map with its customers.

    name     of a map of the field; "" for the client's own
    sizes    segment | customers, customer_share, revenue, revenue_share: in the map's order
    borders  measure, border | value, customers: what `median`, `mean` and `top 20%` came to; see `segment_borders`
    """

    name: str
    segments: tuple[Segment, ...]
    sizes: pd.DataFrame
    borders: pd.DataFrame


def with_segment(table: ir.Table, *, segments: Sequence[Segment], borders: pd.DataFrame | None = None) -> ir.Table:
    """Name each customer's segment: the first row of the map that fits.

    customer_id | scores and measures that the rows ask for  →  … + segment

    borders: those of another month, as `segment_borders` gives them, instead of this table's own medians, means and top shares.
    A value that is not known fits no condition.

    Raises ValueError naming a column that a row asks for and the table lacks.
    """
    _check(table, segments)
    marked = table if borders is not None else _with_marks(table, segments)
    cases = [(_fits(marked, segment, borders), segment.name) for segment in segments] or [(ibis.literal(True), REST)]
    kept = [column for column in table.columns if column != "segment"]
    return marked.select(*kept, segment=ibis.cases(*cases, else_=REST))


def segment_borders(table: ir.Table, *, segments: Sequence[Segment]) -> pd.DataFrame:
    """The medians, means and top shares that a map's rows speak of, as numbers.

    customer_id | measures  →  measure, border ("median", "mean", "top 20%") | value, customers beyond it

    A measure with a median has its mean beside it and the other way round, as the field uses both. Beyond is more; where lower is
    better (`recency_days`) it is fewer days. Empty where no row depends on other customers. [S40]
    """
    asked = {measure: sorted({_name(c) for c in found} | _both(found)) for measure, found in _relative(segments).items()}
    if not asked:
        return pd.DataFrame(columns=list(COLUMNS)).astype({"value": "float64", "customers": "int64"})
    _check(table, segments)
    marked = _with_marks(table, segments)
    counted = {}
    for measure, names in asked.items():
        value = to_float(marked[MEASURES[measure]])
        for at, name in enumerate(names):
            border, beyond = _border(marked, measure, name)
            counted[f"{measure}_{at}_v"] = border
            counted[f"{measure}_{at}_n"] = marked.count(where=beyond & value.notnull())
    row = frame(marked.aggregate(**counted)).iloc[0].fillna({f"{m}_{at}_n": 0 for m, names in asked.items() for at in range(len(names))})
    rows = [
        (measure, name, float(row[f"{measure}_{at}_v"]), int(row[f"{measure}_{at}_n"]))
        for measure, names in asked.items()
        for at, name in enumerate(names)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": "float64", "customers": "int64"})


def map_summary(table: ir.Table, *, segments: Sequence[Segment], name: str = "") -> MapSummary:
    """Size and worth of every row of a map, in the map's order.

    customer_id | monetary_value and what the rows ask for  →  MapSummary: rows that share a name are one, and nobody is 0 customers
    """
    counted = frame(
        with_segment(table, segments=segments).group_by("segment").aggregate(customers=_.count(), revenue=_.monetary_value.sum())
    ).set_index("segment")
    names = list(dict.fromkeys([segment.name for segment in segments] + [name for name in counted.index if name == REST]))
    sizes = counted.reindex(pd.Index(names, name="segment", dtype="str")).fillna(0.0).astype({"customers": "int64", "revenue": "float64"})
    people, revenue = max(int(sizes.customers.sum()), 1), float(sizes.revenue.sum())
    sizes.insert(1, "customer_share", sizes.customers / people)
    sizes = sizes.assign(revenue_share=sizes.revenue / revenue if revenue > 0 else float("nan")).reset_index()
    return MapSummary(name, tuple(segments), sizes, segment_borders(table, segments=segments))


def planning_maps(table: ir.Table, *, client: Client) -> tuple[MapSummary, ...]:
    """The two short maps that campaigns are planned by, with the client's own days in them.   [S43 S44]"""
    return tuple(map_summary(table, segments=client.segment_map(name), name=name) for name in PLANNING_MAPS)


def other_maps(table: ir.Table, *, client: Client) -> tuple[MapSummary, ...]:
    """The same customers on the maps of the field that this client did not choose.   [S40]"""
    maps = {name: client.segment_map(name) for name in NAMED_MAPS if name not in PLANNING_MAPS}
    return tuple(map_summary(table, segments=rows, name=name) for name, rows in maps.items() if rows != client.segments)


def _check(table: ir.Table, segments: Sequence[Segment]) -> None:
    for segment in segments:
        for measure, column in MEASURES.items():
            if segment.conditions(measure) and column not in table.columns:
                raise ValueError(f"segment `{segment.name}` asks for {measure}; missing columns ['{column}']; have {list(table.columns)}")


def _relative(segments: Sequence[Segment]) -> dict[str, list[Condition]]:
    """measure: its conditions that depend on other customers."""
    found = {measure: [c for segment in segments for c in segment.conditions(measure) if c.is_relative] for measure in MEASURES}
    return {measure: conditions for measure, conditions in found.items() if conditions}


def _name(condition: Condition) -> str:
    return f"top {float(condition.bound) * 100:g}%" if condition.sign == TOP else str(condition.bound)


def _both(conditions: Sequence[Condition]) -> set[str]:
    return {MEDIAN, MEAN} if any(isinstance(c.bound, str) for c in conditions) else set()


def _with_marks(table: ir.Table, segments: Sequence[Segment]) -> ir.Table:
    """… + for each measure with a relative condition: how many customers have less, have more, are known; and the mean."""
    marks: dict[str, ir.Value] = {}
    for measure in _relative(segments):
        value = table[MEASURES[measure]]
        marks[f"less_{measure}"] = ibis.rank().over(ibis.window(order_by=ibis.asc(value)))
        marks[f"more_{measure}"] = ibis.rank().over(ibis.window(order_by=ibis.desc(value)))
        marks[f"known_{measure}"] = value.count().over(ibis.window())
        marks[f"mean_{measure}"] = to_float(value).mean().over(ibis.window())
    return table.mutate(**marks)


def _border(marked: ir.Table, measure: str, name: str) -> tuple[ir.Value, ir.BooleanValue]:
    """The border's value, and who is beyond it."""
    value, better = to_float(marked[MEASURES[measure]]), "<" if measure == "recency_days" else ">"
    if name == MEDIAN:
        return value.quantile(0.5), _holds(marked, measure, Condition(better, MEDIAN), None)
    if name == MEAN:
        return value.mean(), _holds(marked, measure, Condition(better, MEAN), None)
    beyond = _holds(marked, measure, Condition(TOP, _top_share(name)), None)
    return value.min(where=beyond), beyond


def _top_share(name: str) -> float:
    return float(name.removeprefix("top ").removesuffix("%")) / 100


def _fits(marked: ir.Table, segment: Segment, borders: pd.DataFrame | None) -> ir.BooleanValue:
    fits: ir.BooleanValue = ibis.literal(True)
    for condition in (*_score_conditions(marked, segment), *_value_conditions(marked, segment, borders)):
        fits = fits & condition
    return fits


def _score_conditions(marked: ir.Table, segment: Segment) -> Iterator[ir.BooleanValue]:
    asked = {score: bounds for score in SCORES if (bounds := segment.bounds(score)) is not None}
    for score, (low, high) in asked.items():
        # Both sides doubled, so that the mean of two scores stays a whole number.
        doubled = marked.f_score + marked.m_score if score == "fm" else marked[f"{score}_score"] * 2
        yield (doubled >= round(low * 2)) & (doubled <= round(high * 2))


def _value_conditions(marked: ir.Table, segment: Segment, borders: pd.DataFrame | None) -> Iterator[ir.BooleanValue]:
    for measure, column in MEASURES.items():
        for condition in segment.conditions(measure):
            yield _holds(marked, measure, condition, borders).fill_null(False) & marked[column].notnull()


def _holds(marked: ir.Table, measure: str, condition: Condition, borders: pd.DataFrame | None) -> ir.BooleanValue:
    value = marked[MEASURES[measure]]
    if not condition.is_relative:
        return _compared(value, condition.sign, to_float(ibis.literal(float(condition.bound))))
    if borders is not None:
        at = borders.set_index(["measure", "border"]).value[(measure, _name(condition))]
        if pd.isna(at):  # nobody was known then
            return ibis.literal(False)
        border = to_float(ibis.literal(float(at)))
        sign = ">=" if condition.sign == TOP else condition.sign
        return _beside_mean(value, sign, border) if condition.bound == MEAN else _compared(value, sign, border)
    if condition.bound == MEAN:
        return _beside_mean(value, condition.sign, marked[f"mean_{measure}"])
    less, more, known = (marked[f"{what}_{measure}"] for what in ("less", "more", "known"))
    if condition.sign == TOP:
        return more * 10_000 < known * round(float(condition.bound) * 10_000)
    # Above the median is who has more than at least half of all: whole numbers, and equals stay equal.
    return {">": less * 2 >= known, "<=": less * 2 < known, "<": more * 2 >= known, ">=": more * 2 < known}[condition.sign]


def _compared(value: ir.Value, sign: str, border: ir.Value) -> ir.BooleanValue:
    x = to_float(value)
    return {">": x > border, ">=": x >= border, "<": x < border, "<=": x <= border}[sign]


def _beside_mean(value: ir.Value, sign: str, mean: ir.Value) -> ir.BooleanValue:
    hair = to_float(mean).abs() * to_float(ibis.literal(_HAIR))
    return _compared(value, sign, mean + hair if sign in (">", "<=") else mean - hair)
