"""Which purchase model a client's customers follow, whether it may be believed, and how it did on weeks it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.buy_till_you_die import (
    MODELS,
    Fit,
    expected_purchases,
    expected_since_first,
    fit,
    purchase_moments,
)
from custkit.analysis.clv_summary import clv_summary, held_out_purchases, purchase_counts, repeat_purchases
from custkit.analysis.gamma_gamma import SpendFit, fit_spend
from custkit.analysis.kmeans import md5
from custkit.analysis.like_for_like import CELL_COLUMNS, TOP_FREQUENCY, cell_orders, like_for_like
from custkit.analysis.rates import Z90
from custkit.engine import frame
from custkit.words import mark

AUTO, PLAIN = "auto", "plain"
CHOICES = (AUTO, *MODELS, PLAIN)
PLAIN_NAME = mark("plain rule: as those who stood there before")
# A third of the history is held out, half a year at most; what is left to learn from is a quarter at least.
MOST_HELD_OUT, FEWEST_LEARNT = 26, 13
# How far the purchases of the held-out weeks may lie off, as a share of those made.
MOST_OFF = 0.25
# A model that is more likely by less than this is not preferred to the simpler to explain: BG/NBD, then MBG/NBD, then Pareto/NBD.
NEAR_TIE = 2.0
SPENDERS = 50_000

TOO_SHORT = mark("the data are too short to hold out weeks and still learn from {weeks} weeks")
NOT_WANTED = mark("the client file asks for the plain rule")
OFF = mark("in the held-out weeks it missed by {share}, where {most} is allowed")
NOTHING = mark("nobody came back in the held-out weeks")

HOLDOUT_COLUMNS = ("frequency", "customers", "actual_orders", "expected_orders", "low", "high")
CANDIDATE_COLUMNS = ("model", "log_likelihood", "expected_orders", "actual_orders", "off", "refusal", "chosen")


@dataclass(frozen=True)
class Lifetime:
    """A purchase model and a spend model, judged.

    model       the chosen one, or "plain" where none may be believed
    reason      why none may be: a message, and what fills its gaps; "" where one is
    fitted      the chosen model on everything up to `as_of`; None for the plain rule
    spend       the Gamma-Gamma; `spend.refusal` says why each customer's own mean is taken instead
    counts      purchase_counts at `as_of`
    cells       the plain rule: like_for_like of the held-out weeks; no rows where none were held out
    candidates  model ("plain" last, learnt from the weeks before) | log_likelihood; expected_orders, actual_orders and off (share) of the
                held-out weeks; refusal, chosen
    holdout     frequency (7 is 7 and more) | customers, actual_orders, expected_orders, low, high (90 %)   of the chosen model
    tracking    week_end | actual, expected, cumulative_actual, cumulative_expected, held_out
    cut         where the held-out weeks begin
    """

    as_of: datetime
    model: str
    reason: str
    gaps: dict[str, float]
    fitted: Fit | None
    spend: SpendFit
    counts: pd.DataFrame
    cells: pd.DataFrame
    candidates: pd.DataFrame
    holdout: pd.DataFrame
    tracking: pd.DataFrame
    cut: datetime | None

    @property
    def accepted(self) -> bool:
        return self.fitted is not None

    @property
    def customers(self) -> int:
        return int(self.counts["customers"].sum())

    @property
    def off(self) -> float:
        """How far the expected purchases of the held-out weeks lie off the actual ones, as a share of these; nan where none were."""
        return float(self.candidates.loc[self.candidates["chosen"], "off"].iloc[0]) if len(self.candidates) else float("nan")


def fit_lifetime(purchases: ir.Table, *, as_of: datetime, model: str = AUTO) -> Lifetime:
    """Choose, fit and judge a purchase model, and a spend model beside it.

    orders  →  Lifetime

    Each model is fitted on all but the last weeks and must foretell the purchases of the known customers in them to a quarter. Of those
    that do, the most likely one is chosen, and fitted again on everything. A model that `fit` refuses, or that misses, is not used; where
    none is left the plain rule stands in, and says why. `model` names one instead of leaving the choice to the data.
    [Fader, Hardie & Lee 2005; S21 S95]

    Raises ValueError for an unknown model.
    """
    if model not in CHOICES:
        raise ValueError(f"model is `{model}`; there are {', '.join(CHOICES)}")
    summary = clv_summary(purchases, as_of=as_of)
    counts, spend = purchase_counts(summary), fit_spend(_spenders(summary))
    cut = None if counts.empty else _cut(int(counts["T"].max()) + 1, as_of)
    if cut is None:
        return _refused(as_of, TOO_SHORT, counts, spend, weeks=float(FEWEST_LEARNT))
    days = (as_of - cut).days
    seen = _histories(held_out_purchases(purchases, cut=cut, as_of=as_of))
    cells = like_for_like(seen, days=days)
    known = seen.groupby(["frequency", "recency", "T"], as_index=False)["customers"].sum()
    fits = {name: fit(known, model=name) for name in (MODELS if model == AUTO else () if model == PLAIN else (model,))}
    candidates = _candidates(fits, seen, _plain_before(purchases, seen, cut=cut, days=days), days=days)
    name = str(candidates.loc[candidates["chosen"], "model"].iloc[0])
    whole = fit(counts, model=name) if name != PLAIN else None
    if whole is None or whole.refusal:
        reason, gaps = (NOT_WANTED, {}) if model == PLAIN else (whole.refusal, {}) if whole else _why_none(candidates)
        return _refused(as_of, reason, counts, spend, cells=cells, candidates=candidates, cut=cut, **gaps)
    holdout, tracking = _holdout(fits[name], seen, days=days), _tracking(purchases, fits[name], counts, cut=cut, as_of=as_of)
    return Lifetime(as_of, name, "", {}, whole, spend, counts, cells, candidates, holdout, tracking, cut)


def _refused(
    as_of: datetime, reason: str, counts: pd.DataFrame, spend: SpendFit, *,
    cells: pd.DataFrame | None = None, candidates: pd.DataFrame | None = None, cut: datetime | None = None, **gaps: float,
) -> Lifetime:  # fmt: skip
    empty = pd.DataFrame(columns=list(HOLDOUT_COLUMNS), dtype="float64")
    none = pd.DataFrame(columns=list(CANDIDATE_COLUMNS)) if candidates is None else candidates.assign(chosen=candidates["model"] == PLAIN)
    no_cells = pd.DataFrame(columns=list(CELL_COLUMNS), dtype="float64") if cells is None else cells
    return Lifetime(as_of, PLAIN, reason, gaps, None, spend, counts, no_cells, none, empty, _no_tracking(), cut)


def _plain_before(purchases: ir.Table, seen: pd.DataFrame, *, cut: datetime, days: int) -> float:
    """What the plain rule, learnt from the weeks before the held-out ones, expects in them; nan without such weeks."""
    earlier = cut - timedelta(days=days)
    if seen.empty or int(seen["T"].max()) < 2 * days:
        return float("nan")
    before = _histories(held_out_purchases(purchases, cut=earlier, as_of=cut))
    return float(np.dot(cell_orders(like_for_like(before, days=days), seen, days=days), seen["customers"]))


def _cut(days: int, as_of: datetime) -> datetime | None:
    """Where the held-out weeks begin, `days` of history before `as_of`; None where too little would be left."""
    weeks = days // 7
    held_out = min(MOST_HELD_OUT, weeks // 3)
    return as_of - timedelta(weeks=held_out) if held_out and weeks - held_out >= FEWEST_LEARNT else None


def _spenders(summary: ir.Table) -> pd.DataFrame:
    """Those who came back and spent: all, or 50,000 drawn by a hash of their id."""
    told = summary.filter(_.frequency > 0, _.monetary_value > 0)
    drawn = told.mutate(draw=md5(told.customer_id)).order_by("draw", "customer_id").limit(SPENDERS)
    return frame(drawn.select("customer_id", "frequency", "monetary_value")).sort_values("customer_id", ignore_index=True)


def _histories(held_out: ir.Table) -> pd.DataFrame:
    counted = frame(held_out.group_by("frequency", "recency", "T").aggregate(customers=_.count(), actual_orders=_.purchases.sum()))
    return counted.sort_values(["frequency", "recency", "T"], ignore_index=True)


def _candidates(fits: dict[str, Fit], seen: pd.DataFrame, plain: float, *, days: int) -> pd.DataFrame:
    actual = float(seen["actual_orders"].sum())
    rows = []
    for name, fitted in fits.items():
        expected, refusal, off = np.nan, fitted.refusal, np.nan
        if not refusal:
            expected = float(np.dot(expected_purchases(fitted, seen, days=days), seen["customers"]))
            off = expected / actual - 1 if actual else np.nan
            refusal = NOTHING if not actual else OFF if abs(off) > MOST_OFF else ""
        rows.append((name, fitted.log_likelihood, expected, actual, off, refusal))
    rows.append((PLAIN, np.nan, plain, actual, plain / actual - 1 if actual else np.nan, ""))
    table = pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS[:-1]))
    good = table[(table["refusal"] == "") & (table["model"] != PLAIN)]
    likely = good.index[good["log_likelihood"] >= good["log_likelihood"].max() - NEAR_TIE]
    return table.assign(chosen=table.index == (likely[0] if len(likely) else len(table) - 1))


def _why_none(candidates: pd.DataFrame) -> tuple[str, dict[str, float]]:
    """The reason of the model that came nearest, and what fills its gaps: a miss is nearer than a refusal."""
    missed = candidates[candidates["refusal"] == OFF]
    if missed.empty:
        return str(candidates["refusal"].iloc[0]), {}
    return OFF, {"share": float(missed["off"].iloc[missed["off"].abs().argmin()]), "most": MOST_OFF}


def _holdout(fitted: Fit, seen: pd.DataFrame, *, days: int) -> pd.DataFrame:
    mean, variance = purchase_moments(fitted, seen, days=days)
    told = seen.assign(
        frequency=seen["frequency"].clip(upper=TOP_FREQUENCY),
        expected_orders=mean * seen["customers"],
        variance=variance * seen["customers"],
    )
    grouped = told.groupby("frequency", as_index=False)[["customers", "expected_orders", "actual_orders", "variance"]].sum()
    spread = Z90 * np.sqrt(grouped["variance"])
    return grouped.drop(columns="variance").assign(
        low=(grouped["expected_orders"] - spread).clip(lower=0), high=grouped["expected_orders"] + spread
    )[list(HOLDOUT_COLUMNS)]


def _no_tracking() -> pd.DataFrame:
    kinds = dict.fromkeys(("actual", "expected", "cumulative_actual", "cumulative_expected"), "float64")
    return pd.DataFrame({"week_end": pd.Series(dtype="datetime64[us]"), **{n: pd.Series(dtype=k) for n, k in kinds.items()}})


def _tracking(purchases: ir.Table, fitted: Fit, counts: pd.DataFrame, *, cut: datetime, as_of: datetime) -> pd.DataFrame:
    """Repeat purchases week by week of the customers known at the cut, and what the model fitted up to it expects."""
    days = int(counts["T"].max()) + 1
    first = as_of - timedelta(days=days)
    daily = repeat_purchases(purchases, first=first.date(), known_by=cut, as_of=as_of).set_index("day").reindex(range(days), fill_value=0)
    by_age = np.concatenate([[0.0], expected_since_first(fitted, days=np.arange(1, days))])
    so_far = np.convolve(daily["new_customers"].to_numpy("float64"), by_age)[:days]
    ends = np.arange(days - 1, 6, -7)[::-1]
    actual = daily["repeats"].cumsum().to_numpy("float64")[ends]
    expected = so_far[ends]
    week_end = pd.to_datetime([first + timedelta(days=int(end)) for end in ends]).astype("datetime64[us]")
    return pd.DataFrame(
        {
            "week_end": week_end,
            "actual": np.diff(actual, prepend=0.0),
            "expected": np.diff(expected, prepend=0.0),
            "cumulative_actual": actual,
            "cumulative_expected": expected,
            "held_out": week_end >= pd.Timestamp(cut),
        }
    )
