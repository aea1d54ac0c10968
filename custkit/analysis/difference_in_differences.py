"""Without a control group: how those a campaign reached changed, less how like customers did whom it did not reach. [S89, S90]"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.rates import SMALL_SAMPLE, Z90, Z95, false_discovery
from custkit.engine import frame, to_float
from custkit.words import mark

ALL_CAMPAIGNS = mark("all campaigns together")
BOUGHT, KEPT = mark("bought"), mark("best customers who bought")
SPEND, VALUE = mark("spend per customer"), mark("expected value of the next 12 months")
# What may be said of a difference, in the order in which the questions are asked.
RUNNING, NO_HISTORY, TOO_FEW = mark("still running"), mark("no history before it"), mark("too few to compare")
TOO_SOON, NOT_COMPARABLE = mark("too soon to tell"), mark("not comparable")
NO_DIFFERENCE, LASTS = mark("no more than chance"), mark("goes on afterwards")
MORE, LESS = mark("more than like customers"), mark("less than like customers")
UNTOLD = (RUNNING, NO_HISTORY, TOO_FEW, TOO_SOON, NOT_COMPARABLE)
# The placebo is read at one in ten, not one in twenty: a comparison is believed where nothing speaks against it.
PLACEBO_LEVEL = 0.1
NEARLY_ALL = 0.9
POWER_Z = 0.8416212335729143  # four times in five
COLUMNS = (
    "campaign_id", "campaign_name", "measure", "unit", "contacted", "compared", "like_customers", "contacted_before", "contacted_after",
    "like_before", "like_after", "difference", "low", "high", "p_value", "adjusted_p", "detectable", "placebo", "placebo_low",
    "placebo_high", "placebo_p", "later", "later_low", "later_high", "verdict",
)  # fmt: skip
_TEXTS, _COUNTS = ("campaign_id", "campaign_name", "measure", "unit", "verdict"), ("contacted", "compared", "like_customers")


class _Measure(NamedTuple):
    """What is compared: its name, the columns it is made of, its unit, and whether only the best customers are asked."""

    name: str
    column: str
    unit: str
    best: bool = False


class _Round(NamedTuple):
    """When it is compared: in the campaign; one length before it, when nothing had happened; one length after it."""

    name: str
    is_placebo: bool
    when: str


_MEASURES = (
    _Measure(BOUGHT, "bought", "share"), _Measure(KEPT, "bought", "share", best=True), _Measure(SPEND, "spend", "money"),
    _Measure(VALUE, "value", "money"),
)  # fmt: skip
_ROUNDS = (_Round("difference", False, "after"), _Round("placebo", True, "after"), _Round("later", False, "later"))
_LEVELS = ("contacted_before", "contacted_after", "like_before", "like_after")
_CELL = ["campaign_id", "is_placebo", "cell", "is_best"]


def difference_in_differences(spans: ir.Table, people: ir.Table) -> pd.DataFrame:
    """How much more, or less, those whom a campaign reached changed than like customers whom it did not.

    campaign_spans(…), before_after_customers(…)  →  campaign_id, measure | campaign_name, unit, contacted, compared (of them: where their
    cell holds both kinds), like_customers, contacted_before, contacted_after, like_before, like_after, difference, low, high (95 %),
    p_value, adjusted_p (false discovery over all that may be told), detectable (the smallest difference found four times in five), placebo,
    placebo_low, placebo_high, placebo_p, later, later_low, later_high, verdict   (latest campaign first, all campaigns together last)

    measures: share that bought; the same of the best customers; spend; expected value, where `people` holds value_… columns. Within each
    cell stands the change of the reached less that of the untouched; cells are weighted by the reached. If the campaign did nothing, both
    are draws from one crowd: that gives the interval; over all campaigns together, customers are the independent ones.

    Who bought much lately buys less next, and who is easily reached is not the one who has left: neither is the campaign's doing. So the
    difference is blank unless the placebo finds none, and counts only where it is larger than what the same people differ by afterwards.
    [Abadie 2005; Daw & Hatfield 2018; S89 S90]
    """
    told = frame(spans.filter(~_.has_control)).sort_values(["starts_at", "campaign_id"], ascending=[False, True], ignore_index=True)
    measures = [measure for measure in _MEASURES if f"{measure.column}_before" in people.columns]
    single = _named(_compared(_both(_cells(people, measures)), measures), told)
    together = sorted(single.loc[~single["verdict"].isin(UNTOLD[:4]), "campaign_id"].unique())
    pooled = _pooled(people, single[single["campaign_id"].isin(together)]) if len(together) > 1 else single.iloc[:0]
    return _judged(pd.concat([single, pooled], ignore_index=True) if len(pooled) else single)


def telling_measure(differences: pd.DataFrame) -> str:
    """The share that bought; where nearly everybody buys in as many days, as at a grocer's, what they spend."""
    before = differences.loc[(differences["measure"] == BOUGHT) & (differences["campaign_id"] != ""), "contacted_before"]
    return SPEND if before.mean() > NEARLY_ALL else BOUGHT


def _changes(people: ir.Table, measures: list[_Measure]) -> dict[str, Any]:
    """bought_after_change, bought_later_change …: what a customer did then, less what the customer had done before."""
    columns = sorted({measure.column for measure in measures})
    return {f"{c}_{when}_change": people[f"{c}_{when}"] - people[f"{c}_before"] for c in columns for when in ("after", "later")}


def _cells(people: ir.Table, measures: list[_Measure]) -> pd.DataFrame:
    """One row a cell and kind of customer: how many, what they did before and after, and each change with its squares."""
    changes = _changes(people, measures)
    levels = {f"{c}_{when}": _[f"{c}_{when}"].sum() for c in sorted({m.column for m in measures}) for when in ("before", "after")}
    sums = {f"{name}_sum": _[name].sum() for name in changes} | {f"{name}_squares": (_[name] * _[name]).sum() for name in changes}
    grouped = people.mutate(**changes).group_by(*_CELL, "contacted")
    return frame(grouped.aggregate(n=_.count(), known_later=_.bought_later.count(), **levels, **sums))


def _both(cells: pd.DataFrame) -> pd.DataFrame:
    """Both kinds of customer of a cell on one row, with the share of all reached that stand in it; n_no is nan without the other kind."""
    yes, no = (cells[cells["contacted"] == kind].drop(columns="contacted").set_index(_CELL) for kind in (True, False))
    return yes.add_suffix("_yes").join(no.add_suffix("_no"), how="left").astype("float64").reset_index()


def _compared(cells: pd.DataFrame, measures: list[_Measure]) -> pd.DataFrame:
    """campaign_id, measure | unit, contacted, compared, like_customers, levels, and each round's estimate and variance."""
    made = []
    for measure in measures:
        rounds = [_of_round(cells, measure, told) for told in _ROUNDS]
        made.append(pd.concat(rounds, axis=1).assign(measure=measure.name, unit=measure.unit))
    found = pd.concat(made).rename_axis("campaign_id").reset_index()
    return found[found["contacted"].notna()]


def _of_round(cells: pd.DataFrame, measure: _Measure, told: _Round) -> pd.DataFrame:
    mine = cells[(cells["is_placebo"] == told.is_placebo) & (cells["is_best"] | (not measure.best))]
    both = mine[mine["n_no"] > 0].copy()
    yes, no = both["n_yes"], both["n_no"]
    both["weight"] = yes / yes.groupby(both["campaign_id"]).transform("sum")
    name = f"{measure.column}_{told.when}_change"
    both[told.name] = both["weight"] * (both[f"{name}_sum_yes"] / yes - both[f"{name}_sum_no"] / no)
    crowd = (both[f"{name}_sum_yes"] + both[f"{name}_sum_no"]) / (yes + no)
    around = {kind: _around(both, name, kind, crowd) for kind in ("yes", "no")}
    drawn = (yes + no) / (yes + no - 1)  # a crowd of n spreads a little more than about its own mean
    both[f"{told.name}_variance"] = drawn * sum((both["weight"] / both[f"n_{kind}"]) ** 2 * around[kind] for kind in around)
    of_campaign = both.groupby("campaign_id")
    sums = of_campaign[[told.name, f"{told.name}_variance"]].sum(min_count=1)
    if told.name == "later":
        return sums.where(of_campaign["known_later_yes"].sum() > 0)
    if told.name == "placebo":
        return sums
    for when in ("before", "after"):
        both[f"contacted_{when}"] = both["weight"] * both[f"{measure.column}_{when}_yes"] / yes
        both[f"like_{when}"] = both["weight"] * both[f"{measure.column}_{when}_no"] / no
    counts = of_campaign.agg(compared=("n_yes", "sum"), like_customers=("n_no", "sum"))
    levels = both.groupby("campaign_id")[list(_LEVELS)].sum(min_count=1)
    return mine.groupby("campaign_id").agg(contacted=("n_yes", "sum")).join([counts, levels, sums])


def _around(both: pd.DataFrame, name: str, kind: str, mean: pd.Series) -> pd.Series:
    """Σ (y − mean)² of one kind of customer in each cell."""
    squares = both[f"{name}_squares_{kind}"] - 2 * mean * both[f"{name}_sum_{kind}"] + both[f"n_{kind}"] * mean**2
    return squares.clip(lower=0.0)


def _named(found: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """A row for each measure of every campaign, in the campaigns' order; of one that cannot be compared a single row that says why."""
    listed = told[["campaign_id", "campaign_name", "is_over", "reached"]].rename_axis("place").reset_index()
    rows = listed.merge(found, on="campaign_id", how="left", validate="one_to_many")
    rows = rows[rows["measure"].isna() | (rows["measure"] != VALUE) | rows["contacted_before"].notna()]
    rows = rows.assign(order=rows["measure"].map({measure.name: i for i, measure in enumerate(_MEASURES)}).fillna(0))
    rows = rows.sort_values(["place", "order"], ignore_index=True)
    few = (rows["compared"].fillna(0) < SMALL_SAMPLE) | (rows["like_customers"].fillna(0) < SMALL_SAMPLE)
    few |= rows["compared"] < rows["contacted"] / 2
    unseen = rows["placebo"].isna() & (rows["like_customers"] > 0)  # without like customers nothing is seen, however long the history
    reasons = [~rows["is_over"], rows["measure"].isna() | unseen, few, rows["later"].isna()]
    rows["verdict"] = np.select(reasons, list(UNTOLD[:4]), default="")
    rows = rows.fillna({"measure": BOUGHT, "unit": "share", "contacted": rows["reached"], "compared": 0, "like_customers": 0})
    return rows.drop(columns=["place", "order", "is_over", "reached"])


def _pooled(people: ir.Table, single: pd.DataFrame) -> pd.DataFrame:
    """All campaigns that may be compared as one, each counting by those it reached; who was met in several is one customer."""
    mine = people.filter(_.campaign_id.isin(sorted(single["campaign_id"].unique())))
    rows = []
    for measure in (measure for measure in _MEASURES if measure.name in set(single["measure"]) - {VALUE}):
        of_each = single[single["measure"] == measure.name]
        levels = {name: (of_each[name] * of_each["compared"]).sum() / of_each["compared"].sum() for name in _LEVELS}
        counts = {name: of_each[name].sum() for name in _COUNTS}
        rows.append({"measure": measure.name, "unit": measure.unit, **counts, **levels, **_spread(mine, measure)})
    few = [row["compared"] < SMALL_SAMPLE or row["like_customers"] < SMALL_SAMPLE for row in rows]
    return pd.DataFrame(rows).assign(campaign_id="", campaign_name=ALL_CAMPAIGNS, verdict=[TOO_FEW if yes else "" for yes in few])


def _spread(people: ir.Table, measure: _Measure) -> dict[str, float]:
    """Each round's estimate and variance over customers, each of whom adds up what they do in every campaign."""
    mine = people.filter(_.is_best) if measure.best else people
    before = mine[f"{measure.column}_before"]
    changed = mine.select(
        *_CELL, "customer_id", "contacted", **{when: mine[f"{measure.column}_{when}"] - before for when in ("after", "later")}
    )
    crowd = changed.group_by(_CELL).aggregate(
        n=_.count(), yes=_.count(where=_.contacted), after_mean=_.after.mean(), later_mean=_.later.mean()
    )
    placed = changed.join(crowd.filter(_.yes > 0, _.yes < _.n), _CELL)
    share = placed.contacted.ifelse(1.0, -to_float(placed.yes) / to_float(placed.n - placed.yes))
    drawn = (to_float(placed.n) / to_float(placed.n - 1)).sqrt()
    added = placed.mutate(
        is_reached=placed.contacted,
        **{told.name: share * placed[told.when] for told in _ROUNDS},
        **{f"{told.name}_off": share * drawn * (placed[told.when] - placed[f"{told.when}_mean"]) for told in _ROUNDS},
    )
    inside = {told.name: added.is_placebo == told.is_placebo for told in _ROUNDS}
    of_customer = added.group_by("customer_id").aggregate(
        **{f"n_{name}": added.is_reached.ifelse(1, 0).sum(where=where) for name, where in inside.items()},
        **{name: added[name].sum(where=where).fill_null(0.0) for name, where in inside.items()},
        **{f"{name}_off": added[f"{name}_off"].sum(where=where).fill_null(0.0) for name, where in inside.items()},
    )
    names = list(inside)
    sums = {name: _[name].sum() for name in (*names, *(f"n_{name}" for name in names))}
    sums |= {f"{name}_squares": (_[f"{name}_off"] * _[f"{name}_off"]).sum() for name in names}
    row = frame(of_customer.aggregate(**sums)).iloc[0]
    n = {name: float(row[f"n_{name}"]) or math.nan for name in names}
    estimates = {name: float(row[name]) / n[name] for name in names}
    return estimates | {f"{name}_variance": float(row[f"{name}_squares"]) / n[name] ** 2 for name in names}


def _judged(found: pd.DataFrame) -> pd.DataFrame:
    """Intervals and chances, and what may be said; the difference is blank where nothing may."""
    told = found.copy()
    for name, of in (("difference", ""), ("placebo", "placebo_"), ("later", "later_")):
        error = told[f"{name}_variance"] ** 0.5
        told[f"{name}_error"], told[f"{of}low"], told[f"{of}high"] = error, told[name] - Z95 * error, told[name] + Z95 * error
        told[f"{of}p" if of else "p_value"] = [_chance(*pair) for pair in zip(told[name], error, strict=True)]
    told["detectable"] = (Z95 + POWER_Z) * told["difference_error"]
    told = _doubted(told)
    open_ = told["verdict"] == ""
    told.loc[open_, "adjusted_p"] = false_discovery(told.loc[open_, "p_value"].tolist())
    told.loc[open_, "verdict"] = [_verdict(row) for _i, row in told[open_].iterrows()]
    told.loc[told["verdict"].isin(UNTOLD), ["difference", "low", "high", "p_value", "adjusted_p", "detectable"]] = np.nan
    return told.reindex(columns=COLUMNS).astype(_kinds())


def _chance(estimate: float, error: float) -> float:
    """Chance of as large a difference either way."""
    return math.erfc(abs(estimate) / error / math.sqrt(2)) if error > 0 else math.nan if math.isnan(error) else 1.0


def _doubted(told: pd.DataFrame) -> pd.DataFrame:
    """A measure is not comparable where its placebo finds something, or where that of any other of the campaign clearly does."""
    of_campaign = told.groupby("campaign_id")["placebo_p"]
    clearly = of_campaign.transform("min") < PLACEBO_LEVEL / of_campaign.transform("count").clip(lower=1)
    doubted = (told["verdict"] == "") & ((told["placebo_p"] < PLACEBO_LEVEL) | clearly)
    return told.assign(verdict=told["verdict"].mask(doubted, NOT_COMPARABLE), adjusted_p=np.nan)


def _verdict(row: pd.Series) -> str:
    """What may be said where the placebo found nothing: a difference must exceed chance, what goes on later, and the placebo."""
    if not (row["adjusted_p"] <= 0.05 and (row["low"] > 0 or row["high"] < 0)):
        return NO_DIFFERENCE
    if not _exceeds(row, "later"):
        return LASTS
    if not _exceeds(row, "placebo"):
        return NOT_COMPARABLE
    return MORE if row["difference"] > 0 else LESS


def _exceeds(row: pd.Series, other: str) -> bool:
    """The difference lies further out than the other one, beyond chance (one side, 95 %)."""
    apart = (row["difference"] - row[other]) * math.copysign(1.0, row["difference"])
    return bool(apart > Z90 * math.hypot(row["difference_error"], row[f"{other}_error"]))


def _kinds() -> dict[str, str]:
    return {name: "str" if name in _TEXTS else "int64" if name in _COUNTS else "float64" for name in COLUMNS}
