"""New customers who look like today's best did in their first 30 days: how likely they are to become as good, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.early_features import (
    EARLY_DAYS,
    PLAIN,
    WORDS,
    Column,
    design,
    early_sample,
    linear,
    model_columns,
    new_customers,
    split_by_time,
)
from custkit.analysis.histories import one_thread
from custkit.analysis.rates import wilson
from custkit.engine import frame, to_float
from custkit.words import mark

WINDOW_DAYS = 365
# The best tenth of those who bought, and the tenth of new customers who look most like them.
BEST, LIKE = 0.9, 0.9
MATURE_DAYS = (180, 90)
FEWEST, FEWEST_BEST, _PLENTY = 400, 50, 1_000
TOO_FEW = mark("only {best} of today's best customers, of {customers} new ones, can be looked at in their first 30 days")
# What is spent is orders × items × price of an item: the parts tell why, and the whole beside them would turn their signs.
WANTED = ("early_days", "items_per_order", "products_per_order", "spend_per_item", "categories", "visit_days", *PLAIN, *WORDS)
# How freely the parts may speak. [Hoerl & Kennard 1970]
_FREEDOMS = (0.01, 0.1, 1.0)
_FEWEST_IN_BAND, _MOST_BANDS = 40, 10
# What speaks for a customer by less, in log odds, is no reason.
_SAY = 0.1

QUALITY_COLUMNS = (
    "customers", "best", "best_share", "looked_at", "looked_at_best", "precision", "low", "high", "lift", "spend_precision",
)  # fmt: skip
BAND_COLUMNS = ("at_least", "customers", "best", "probability", "low", "high")
LOOKS_COLUMNS = ("feature", "best_mean", "others_mean", "weight")


@dataclass(frozen=True)
class LookAlike:
    """What today's best looked like, and how well that tells them early.

    refusal   why nothing is estimated: a message with {best}, {customers}; "" where something is
    best_from spend from which a customer is among the best
    bands     at_least (score), customers, best | probability, low, high (95 %): the later third of customers, whom the score did not see
    quality   one row, on the customers held out | customers, best, best_share, looked_at (the tenth most alike), looked_at_best, precision,
              low, high (95 %), lift, spend_precision (of the tenth that spent most in its first 30 days)
    looks     feature | best_mean, others_mean, weight (in deviations, on the log odds): numbers first, by weight
    days      how long after the first 30 days they were followed at least
    """

    refusal: str
    days: int
    columns: tuple[Column, ...]
    coefficients: tuple[float, ...]
    means: tuple[float, ...]
    like_from: float
    best_from: float
    bands: pd.DataFrame
    quality: pd.DataFrame
    looks: pd.DataFrame
    customers: int
    best: int
    split: date | None

    @property
    def tells(self) -> bool:
        """Are the best more common among those who looked most like them than among all, beyond chance, of customers held out?"""
        return not self.refusal and bool(self.quality["low"].iloc[0] > self.quality["best_share"].iloc[0])


def best_since(features: ir.Table, purchases: ir.Table, *, as_of: datetime) -> ir.Table:
    """Mark today's best: the tenth of customers who brought most in the last 365 days, their first 30 days left out.

    early_features, orders  →  early_features + later_spend (currency, of the last 365 days, from a customer's 31st day on), is_best

    Only of those who bought. What they spent in their first 30 days is what they are told by, so it must not count twice. Ties share.
    [S66]
    """
    start = as_of - timedelta(days=WINDOW_DAYS)
    begun = features.select("customer_id", "first_date")
    recent = purchases.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of).join(begun, "customer_id")
    later = recent.filter(recent.order_date.delta(recent.first_date, unit="day") >= EARLY_DAYS)
    spent = later.group_by("customer_id").aggregate(later_spend=to_float(_.revenue.sum()))
    joined = features.left_join(spent, "customer_id").drop("customer_id_right").mutate(later_spend=_.later_spend.fill_null(0.0))
    better = ibis.rank().over(ibis.window(order_by=ibis.desc(joined.later_spend)))
    spenders = (joined.later_spend > 0).ifelse(1, 0).sum().over(ibis.window())
    # The small subtraction undoes binary fractions: 0.1 × 30 is a hair above 3.
    return joined.mutate(is_best=(joined.later_spend > 0) & (to_float(better) < to_float(spenders) * (1 - BEST) - 1e-9))


def fit_look_alikes(features: ir.Table, purchases: ir.Table, *, as_of: datetime, fewest_best: int = FEWEST_BEST) -> LookAlike:
    """Learn what today's best customers did in their first 30 days that others did not.

    early_features, orders  →  LookAlike

    Logistic regression on customers who have been there long enough, the earlier two thirds by first purchase; the later third turns
    scores into chances: in each band of scores, how many are among the best now. Bands that would tell a higher score a lower chance are
    put together. The same is done once without the last third, who then judge it. Fewer than 400 customers or `fewest_best` of the
    best among them tell nothing. [Robertson, Wright & Dykstra 1988; S52 S66]
    """
    new, _old = new_customers(features)
    marked = best_since(features, purchases, as_of=as_of).semi_join(new, "customer_id")
    for days in MATURE_DAYS:
        sample = early_sample(marked, known=f"next_spend_{days}")
        if len(sample) >= (FEWEST if days == min(MATURE_DAYS) else _PLENTY):
            break
    best = int(sample["is_best"].sum()) if len(sample) else 0
    if len(sample) < FEWEST or best < fewest_best:
        return _refused(days, len(sample), best)
    learnt, held_out = split_by_time(sample)
    with one_thread():
        first, whole = _learn(learnt), _learn(sample)
    if first is None or whole is None:
        return _refused(days, len(sample), best)
    columns, coefficients, means, _bands = first
    judge = _Scored(columns, coefficients, means)
    columns, coefficients, means, bands = whole
    scored = _Scored(columns, coefficients, means)
    best_from = float(sample.loc[sample["is_best"], "later_spend"].min())
    return LookAlike(
        "", days, columns, coefficients, means, float(np.quantile(scored(sample), LIKE)), best_from, bands,
        _quality(judge, held_out), _looks(sample, columns, coefficients), len(sample), best, held_out["first_date"].iloc[0].date(),
    )  # fmt: skip


def _refused(days: int, customers: int, best: int) -> LookAlike:
    bands, quality, looks = (pd.DataFrame(columns=list(names), dtype="float64") for names in (BAND_COLUMNS, QUALITY_COLUMNS, LOOKS_COLUMNS))
    nan = float("nan")
    return LookAlike(TOO_FEW, days, (), (), (), nan, nan, bands, quality, looks, customers, best, None)


@dataclass(frozen=True)
class _Scored:
    columns: Sequence[Column]
    coefficients: Sequence[float]
    means: Sequence[float]

    def __call__(self, sample: pd.DataFrame) -> np.ndarray:
        return np.nan_to_num(design(sample, self.columns) - np.array(self.means)) @ np.array(self.coefficients)


def _learn(sample: pd.DataFrame) -> tuple[tuple[Column, ...], tuple[float, ...], tuple[float, ...], pd.DataFrame] | None:
    """Columns, coefficients, means and bands; None where the earlier or the later customers hold no best or nothing else."""
    from sklearn.linear_model import LogisticRegression

    earlier, later = split_by_time(sample)
    if earlier["is_best"].nunique() < 2 or later["is_best"].nunique() < 2:
        return None
    columns = tuple(model_columns(earlier, WANTED))
    values = design(earlier, columns)
    means = np.nanmean(values, axis=0)
    scales = np.nanstd(values, axis=0)
    scales = np.where(scales > 1e-9, scales, 1.0)
    points, best = np.nan_to_num((values - means) / scales), earlier["is_best"].to_numpy()
    tried = []
    for freedom in _FREEDOMS:
        model = LogisticRegression(C=freedom, solver="newton-cholesky", tol=1e-10, max_iter=200).fit(points, best)
        scored = _Scored(columns, tuple((model.coef_[0] / scales).tolist()), tuple(means.tolist()))
        tried.append((_area(scored(later), later["is_best"].to_numpy()), -freedom, scored))
    _area_found, _freedom, chosen = max(tried, key=lambda one: (round(one[0], 4), one[1]))
    return columns, tuple(chosen.coefficients), tuple(chosen.means), _bands(chosen(later), later["is_best"].to_numpy())


def _area(scores: np.ndarray, best: np.ndarray) -> float:
    """Chance that one of the best scores higher than one of the others; ties count half. [Hanley & McNeil 1982]"""
    ranks = pd.Series(np.round(scores, 9)).rank().to_numpy()
    n = int(best.sum())
    return float((ranks[best].sum() - n * (n + 1) / 2) / (n * (len(best) - n)))


def _bands(scores: np.ndarray, best: np.ndarray) -> pd.DataFrame:
    """Tenths of scores, or fewer, joined until a higher score never means a lower chance."""
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, int(np.clip(len(order) // _FEWEST_IN_BAND, 1, _MOST_BANDS)))
    pools: list[tuple[float, int, int]] = []
    for part in parts:
        pools.append((float(scores[part].min()), len(part), int(best[part].sum())))
        while len(pools) > 1 and pools[-1][2] * pools[-2][1] <= pools[-2][2] * pools[-1][1]:
            (_at, n, k), (at, m, j) = pools.pop(), pools.pop()
            pools.append((at, n + m, k + j))
    bounds = [wilson(k, n) for _at, n, k in pools]
    return pd.DataFrame(
        [(at, n, k, k / n, low, high) for (at, n, k), (low, high) in zip(pools, bounds, strict=True)], columns=list(BAND_COLUMNS)
    )


def _quality(judge: _Scored, held_out: pd.DataFrame) -> pd.DataFrame:
    best, n = held_out["is_best"].to_numpy(), len(held_out)
    top = max(1, round(n * (1 - LIKE)))
    alike = np.argsort(-np.round(judge(held_out), 9), kind="stable")[:top]
    spent = np.argsort(-held_out["early_spend"].to_numpy("float64"), kind="stable")[:top]
    found, all_best = int(best[alike].sum()), int(best.sum())
    low, high = wilson(found, top)
    share = all_best / n
    row = (n, all_best, share, top, found, found / top, low, high, found / top / share if share else np.nan, float(best[spent].mean()))
    return pd.DataFrame([row], columns=list(QUALITY_COLUMNS))


def _looks(sample: pd.DataFrame, columns: Sequence[Column], coefficients: Sequence[float]) -> pd.DataFrame:
    rows = []
    for column, coefficient in zip(columns, coefficients, strict=True):
        value = (sample[column.feature] == column.word).astype("float64") if column.word else sample[column.feature].astype("float64")
        scale = float(np.nanstd(design(sample, [column])))
        means = value.groupby(sample["is_best"]).mean()
        rows.append((column.name, means.get(True, np.nan), means.get(False, np.nan), coefficient * scale))
    looks = pd.DataFrame(rows, columns=list(LOOKS_COLUMNS))
    return looks.sort_values("weight", key=lambda weight: -weight.abs(), kind="stable", ignore_index=True)


def look_alikes(features: ir.Table, *, fitted: LookAlike, as_of: datetime, window_days: int = 90) -> ir.Table:
    """How likely each new customer is to become as good as today's best, and what speaks for it.

    early_features, fit_look_alikes  →  customer_id | first_date, early_spend, score, probability, low, high (95 %), reason_1, reason_2
    (codes such as "items_per_order high" or "came_by=Referral"; null where nothing speaks for the customer), is_look_alike

    New are those whose first 30 days ended in the last `window_days`; a look-alike scores as high as the top tenth of those who have been
    followed. No rows where nothing is estimated. [S52 S66]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    newest = features.filter(_.first_date >= (as_of - timedelta(days=EARLY_DAYS + window_days)).date())
    if fitted.refusal:
        unknown = {name: ibis.null("float64") for name in ("score", "probability", "low", "high")}
        reasons = {name: ibis.null("string") for name in ("reason_1", "reason_2")}
        return newest.select("customer_id", "first_date", "early_spend", **unknown, **reasons, is_look_alike=ibis.literal(False)).limit(0)
    score = linear(newest, fitted.columns, fitted.coefficients, fitted.means)
    placed = newest.mutate(score=score, **{f"for_{i}": part for i, part in enumerate(_reasons(newest, fitted))}).cache()
    codes = [_code(column, coefficient) for column, coefficient in zip(fitted.columns, fitted.coefficients, strict=True)]
    first = placed.mutate(reason_1=_strongest(placed, codes))
    others = {f"for_{i}": (first.reason_1 == code).fill_null(False).ifelse(0.0, first[f"for_{i}"]) for i, code in enumerate(codes)}
    second = first.mutate(**others)
    bands = {name: _of_band(second.score, fitted.bands, name) for name in ("probability", "low", "high")}
    return second.mutate(reason_2=_strongest(second, codes), is_look_alike=second.score >= fitted.like_from, **bands).select(
        "customer_id", "first_date", "early_spend", "score", "probability", "low", "high", "reason_1", "reason_2", "is_look_alike"
    )


def _reasons(newest: ir.Table, fitted: LookAlike) -> list[Any]:
    """What each column adds to a customer's log odds. A word speaks for whom it fits, never for the others."""
    parts = []
    for column, coefficient, mean in zip(fitted.columns, fitted.coefficients, fitted.means, strict=True):
        part = linear(newest, [column], [coefficient], [mean])
        fits = (newest[column.feature] == column.word).fill_null(False) if column.word is not None else ibis.literal(True)
        parts.append(fits.ifelse(part, 0.0).cast("float64"))
    return parts


def _code(column: Column, coefficient: float) -> str:
    return column.name if column.word is not None else f"{column.name} {'high' if coefficient > 0 else 'low'}"


def _strongest(placed: ir.Table, codes: Sequence[str]) -> Any:
    parts = [placed[f"for_{i}"] for i in range(len(codes))]
    most = ibis.greatest(*parts) if len(parts) > 1 else parts[0]
    says = [((part >= most) & (part >= _SAY), code) for part, code in zip(parts, codes, strict=True)]
    return ibis.cases(*says, else_=ibis.null("string"))


def _of_band(score: Any, bands: pd.DataFrame, name: str) -> Any:
    values = [ibis.literal(float(value), "float64") for value in bands[name]]
    higher = [(score >= float(at), value) for at, value in zip(bands["at_least"][1:], values[1:], strict=True)]
    return ibis.cases(*reversed(higher), else_=values[0]) if higher else values[0]


def reason_counts(alike: ir.Table) -> pd.DataFrame:
    """How often each reason speaks for a look-alike, as the first or second one.

    look_alikes  →  reason | customers; most common first
    """
    found = alike.filter(_.is_look_alike)
    said = [found.filter(found[name].notnull()).select("customer_id", reason=found[name]) for name in ("reason_1", "reason_2")]
    counted = frame(said[0].union(said[1], distinct=False).group_by("reason").aggregate(customers=_.count()))
    return counted.sort_values(["customers", "reason"], ascending=[False, True], ignore_index=True)


def alike_summary(alike: ir.Table) -> pd.DataFrame:
    """How many new customers look like today's best, and how many of them will be.

    look_alikes  →  one row: customers (new), look_alikes, expected, low, high (of the look-alikes, among the best; 95 % for each)
    """
    like = _.is_look_alike
    return frame(
        alike.aggregate(
            customers=_.count(), look_alikes=_.count(where=like), expected=_.probability.sum(where=like), low=_.low.sum(where=like),
            high=_.high.sum(where=like),
        )
    ).fillna(0.0)  # fmt: skip
