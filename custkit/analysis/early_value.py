"""What new customers will spend, told from their first 30 days, and whether that beats looking at their first 30 days' spend alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from custkit.analysis.early_features import (
    EARLY_DAYS,
    FOLLOWED_DAYS,
    Column,
    design,
    early_sample,
    linear,
    model_columns,
    new_customers,
    split_by_time,
)
from custkit.analysis.histories import one_thread
from custkit.analysis.hold_out import ranking_power
from custkit.analysis.rates import Z95
from custkit.engine import beside, frame
from custkit.words import mark

FEWEST_FOLLOWED, FEWEST_BACK = 400, 100
# So many are worth the longer forecast.
_PLENTY = 1_000
MODEL, SPEND_ALONE = "model", "spend alone"
RULE_NAMES = {MODEL: mark("all of the first 30 days"), SPEND_ALONE: mark("first 30 days' spend alone")}
TOO_FEW = mark("fewer than {n} new customers have been followed for {days}, or fewer than {back} of them came back")
# Who stands among the tenth that is expected to spend most.
BIG = 0.9
RANGE = (0.1, 0.9)
# Between counts (1) and amounts (2): many spend nothing, and spread grows with the mean. [Tweedie 1984; Jørgensen 1987]
_POWER = 1.5
# How strongly everything but spend is held down. Spend is scaled up, so that none of them touches it.
_PENALTIES, _UNTOUCHED = (0.01, 0.1, 0.5, 2.0, 10.0), 100.0
_FEWEST_IN_BAND, _MOST_BANDS, _MOST_GROUPS = 40, 5, 10

QUALITY_COLUMNS = (
    "rule", "customers", "gini", "gini_low", "gini_high", "gini_lead", "lead_low", "lead_high",
    "expected_spend", "next_spend", "inside_share", "top_share", "chosen",
)  # fmt: skip
CALIBRATION_COLUMNS = ("group", "customers", "expected_spend", "next_spend", "low", "high")


@dataclass(frozen=True)
class Rule:
    """Expected spend = exp(intercept + Σ coefficient × (column − mean)), a range around it by how high it is.

    bands   at_least (expected spend) | low, high: the middle 80 % of actual over expected spend, in the months the rule was not fitted on;
            the lower 80 % where more than a tenth spent nothing, since nobody can spend less
    """

    columns: tuple[Column, ...]
    coefficients: tuple[float, ...]
    means: tuple[float, ...]
    intercept: float
    most: float
    bands: pd.DataFrame

    def expected(self, sample: pd.DataFrame) -> np.ndarray:
        known = design(sample, self.columns) - np.array(self.means)
        return np.exp(np.clip(self.intercept + np.nan_to_num(known) @ np.array(self.coefficients), -20.0, np.log(self.most)))

    def range(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.searchsorted(self.bands["at_least"].to_numpy()[1:], expected, side="right")
        return expected * self.bands["low"].to_numpy()[place], expected * self.bands["high"].to_numpy()[place]


@dataclass(frozen=True)
class EarlyValue:
    """A forecast of new customers' spend, and how it did on customers it had not seen.

    refusal      why nothing is estimated: a message with {n}, {days}, {back}; "" where something is
    days         how far the forecast goes beyond the first 30 days
    chosen       "model" where all of the first 30 days beat their spend alone beyond chance on the held-out customers, else "spend alone"
    rule         the chosen one, learnt from all who have been followed
    big_from     expected spend from which a customer is about to spend big: a tenth of those followed stand above
    quality      rule | customers (held out), gini, …, gini_lead over spend alone (95 %), expected_spend and next_spend (in all),
                 inside_share (of the ranges of 80 %), top_share (of spend, by the tenth expected to spend most), chosen
    calibration  group (1 is expected to spend most) | customers, expected_spend, next_spend (each a customer), low, high (95 %)
    followed, first, split, last   customers followed for so long; their first purchases, and from which on they were held out
    old          first seen in the data's first month and left out, as most were customers before
    """

    refusal: str
    days: int
    chosen: str
    rule: Rule | None
    big_from: float
    quality: pd.DataFrame
    calibration: pd.DataFrame
    followed: int
    first: date | None
    split: date | None
    last: date | None
    old: int

    @property
    def tells(self) -> bool:
        """Does the chosen rule find any of the order in which customers held out spent, beyond chance?"""
        return not self.refusal and bool(self.quality.loc[self.quality["rule"] == self.chosen, "gini_low"].iloc[0] > 0)


def fit_early_value(features: ir.Table) -> EarlyValue:
    """Learn what the first 30 days tell of the spend of the next 180, or 90 where the data are too short for more.

    early_features  →  EarlyValue

    The model starts from the first 30 days' spend and lets everything else correct it as far as that helps on later customers. It is
    fitted on the earlier two thirds of customers by first purchase and set right on the later third: level, and range. The same is done
    once before without the last third, who then judge it; where it does not beat spend alone by more than chance, spend alone it is.
    [S32 S33]
    """
    new, old = new_customers(features)
    for days in sorted(FOLLOWED_DAYS, reverse=True):
        sample = early_sample(new, known=f"next_spend_{days}")
        spend = sample[f"next_spend_{days}"].to_numpy("float64")
        fewest = FEWEST_FOLLOWED if days == min(FOLLOWED_DAYS) else _PLENTY
        if len(spend) >= fewest and (spend > 0).sum() >= FEWEST_BACK:
            with one_thread():
                return _judged(features, sample.assign(next_spend=spend), days, old)
    empty = pd.DataFrame(columns=list(QUALITY_COLUMNS)), pd.DataFrame(columns=list(CALIBRATION_COLUMNS), dtype="float64")
    return EarlyValue(TOO_FEW, days, SPEND_ALONE, None, float("nan"), *empty, len(sample), None, None, None, old)


def _judged(features: ir.Table, sample: pd.DataFrame, days: int, old: int) -> EarlyValue:
    learnt, held_out = split_by_time(sample)
    rules = {MODEL: _learn(learnt), SPEND_ALONE: _learn(learnt, penalties=(0.0,))}
    quality = _quality(features, rules, held_out)
    chosen = MODEL if float(quality["lead_low"].iloc[0]) > 0 else SPEND_ALONE
    rule = _learn(sample) if chosen == MODEL else _learn(sample, penalties=(0.0,))
    first, split, last = (part["first_date"].iloc[at].date() for part, at in ((sample, 0), (held_out, 0), (sample, -1)))
    return EarlyValue(
        "", days, chosen, rule, float(np.quantile(rule.expected(sample), BIG)), quality.assign(chosen=quality["rule"] == chosen),
        _calibration(rules[chosen], held_out), len(sample), first, split, last, old,
    )  # fmt: skip


def _learn(sample: pd.DataFrame, *, penalties: Sequence[float] = _PENALTIES) -> Rule:
    """Fit on the earlier two thirds; choose the penalty, set the level and measure the range on the later third."""
    earlier, later = split_by_time(sample)
    columns = model_columns(earlier) if any(penalties) else [Column("early_spend")]
    values = design(earlier, columns)
    means = np.nanmean(values, axis=0)
    scales = np.nan_to_num(np.nanstd(values, axis=0), nan=1.0)
    scales = np.where(scales > 1e-9, scales, 1.0) / np.where([column.feature == "early_spend" for column in columns], _UNTOUCHED, 1.0)
    points = np.nan_to_num((values - means) / scales)
    spend = earlier["next_spend"].to_numpy("float64")
    actual = later["next_spend"].to_numpy("float64")
    tried = []
    for penalty in penalties:
        coefficients, intercept = _tweedie(points, spend, penalty)
        most = 2 * max(float(spend.max()), 1.0)
        rule = Rule(tuple(columns), tuple((coefficients / scales).tolist()), tuple(means.tolist()), intercept, most, _one_band())
        tried.append((_order(rule.expected(later), actual), rule))
    # Of rules that order later customers equally well, the one that is held down most.
    best = max(enumerate(tried), key=lambda one: (round(one[1][0], 4), one[0]))[1][1]
    return _set_right(best, best.expected(later), actual)


def _tweedie(points: np.ndarray, spend: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import TweedieRegressor

    mean = float(spend.mean())
    model = TweedieRegressor(power=_POWER, alpha=penalty, link="log", solver="newton-cholesky", max_iter=200, tol=1e-10)
    model.fit(points, spend / mean)
    return np.asarray(model.coef_), float(model.intercept_) + np.log(mean)


def _order(expected: np.ndarray, actual: np.ndarray) -> float:
    """Σ actual × rank of expected, from the middle: what the Gini coefficient is made of. Ties share a rank."""
    ranks = pd.Series(np.round(np.log(expected), 9)).rank().to_numpy()
    total = float(actual.sum())
    return float(actual @ (ranks - ranks.mean())) / (len(ranks) * total) if total > 0 else 0.0


def _one_band() -> pd.DataFrame:
    return pd.DataFrame({"at_least": [0.0], "low": [0.0], "high": [np.inf]})


def _set_right(rule: Rule, expected: np.ndarray, actual: np.ndarray) -> Rule:
    level = float(actual.sum() / expected.sum()) if actual.sum() > 0 else 1.0
    expected = expected * level
    n_bands = int(np.clip(len(expected) // _FEWEST_IN_BAND, 1, _MOST_BANDS))
    order = np.argsort(expected, kind="stable")
    bands = []
    for part in np.array_split(order, n_bands):
        ratio = actual[part] / expected[part]
        low = np.quantile(ratio, RANGE[0])
        high = np.quantile(ratio, RANGE[1] if low > 0 else RANGE[1] - RANGE[0])
        bands.append((float(expected[part].min()), float(low), float(high)))
    table = pd.DataFrame(bands, columns=["at_least", "low", "high"])
    return Rule(rule.columns, rule.coefficients, rule.means, rule.intercept + np.log(level), rule.most * max(level, 1.0), table)


def _quality(features: ir.Table, rules: dict[str, Rule], held_out: pd.DataFrame) -> pd.DataFrame:
    actual = held_out["next_spend"].to_numpy("float64")
    expected = {name: rule.expected(held_out) for name, rule in rules.items()}
    scored = pa.table({"customer_id": held_out["customer_id"], **expected})
    spent = pa.table({"customer_id": held_out["customer_id"], "next_spend": actual})
    power = ranking_power(beside(features, scored), beside(features, spent), measures=[MODEL, SPEND_ALONE], against=SPEND_ALONE)
    measured = []
    for name, rule in rules.items():
        low, high = rule.range(expected[name])
        top = np.argsort(-expected[name], kind="stable")[: max(1, round(len(actual) * (1 - BIG)))]
        inside, share = float(((actual >= low) & (actual <= high)).mean()), float(actual[top].sum() / max(actual.sum(), 1e-9))
        measured.append((float(expected[name].sum()), float(actual.sum()), inside, share))
    told = pd.DataFrame(measured, columns=["expected_spend", "next_spend", "inside_share", "top_share"])
    joined = power.rename(columns={"measure": "rule"}).join(told)
    joined.loc[joined["rule"] == SPEND_ALONE, ["gini_lead", "lead_low", "lead_high"]] = np.nan
    return joined


def _calibration(rule: Rule, held_out: pd.DataFrame) -> pd.DataFrame:
    expected, actual = rule.expected(held_out), held_out["next_spend"].to_numpy("float64")
    order = np.argsort(-expected, kind="stable")
    rows = []
    for group, part in enumerate(np.array_split(order, int(np.clip(len(order) // 30, 1, _MOST_GROUPS))), 1):
        mean, spread = float(actual[part].mean()), float(actual[part].std(ddof=1)) / np.sqrt(len(part))
        rows.append((group, len(part), float(expected[part].mean()), mean, max(mean - Z95 * spread, 0.0), mean + Z95 * spread))
    return pd.DataFrame(rows, columns=list(CALIBRATION_COLUMNS))


def early_values(features: ir.Table, *, fitted: EarlyValue, as_of: datetime, window_days: int = 90) -> ir.Table:
    """What each new customer will spend: those whose first 30 days ended in the last `window_days`.

    early_features, fit_early_value  →  customer_id | first_date, early_spend, expected_spend, expected_low, expected_high (80 %),
    is_big   (currency, of the days after the first 30; no rows where nothing is estimated)

    [S32 S33]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    newest = features.filter(_.first_date >= (as_of - timedelta(days=EARLY_DAYS + window_days)).date())
    rule = fitted.rule
    if rule is None:
        unknown = {name: ibis.null("float64") for name in ("expected_spend", "expected_low", "expected_high")}
        return newest.select("customer_id", "first_date", "early_spend", **unknown, is_big=ibis.literal(False)).limit(0)
    log_expected = linear(newest, rule.columns, rule.coefficients, rule.means) + ibis.literal(rule.intercept, "float64")
    told = newest.mutate(expected_spend=log_expected.clip(-20.0, float(np.log(rule.most))).exp())
    place = [(told.expected_spend >= at, i) for i, at in reversed(list(enumerate(rule.bands["at_least"].tolist())))]
    low, high = (
        ibis.cases(*[(held, ibis.literal(rule.bands[end].iloc[i], "float64")) for held, i in place[:-1]], else_=rule.bands[end].iloc[0])
        if len(place) > 1 else ibis.literal(rule.bands[end].iloc[0], "float64")
        for end in ("low", "high")
    )  # fmt: skip
    return told.select(
        "customer_id",
        "first_date",
        "early_spend",
        "expected_spend",
        expected_low=told.expected_spend * low,
        expected_high=told.expected_spend * high,
        is_big=told.expected_spend >= fitted.big_from,
    )


def newcomer_summary(values: ir.Table) -> pd.DataFrame:
    """What all new customers will spend, and those who are about to spend big.

    early_values  →  one row: customers, early_spend, expected_spend (in all), big (customers), big_expected (in all)
    """
    summary = frame(
        values.aggregate(
            customers=_.count(),
            early_spend=_.early_spend.sum(),
            expected_spend=_.expected_spend.sum(),
            big=_.count(where=_.is_big),
            big_expected=_.expected_spend.sum(where=_.is_big),
        )
    )
    return summary.fillna(0.0)
