"""Who is about to leave, and who is due: the chance that a customer buys nothing in some days, by rhythm and P(alive), calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis import _

from custkit.analysis import buy_till_you_die
from custkit.analysis.histories import one_thread
from custkit.analysis.kmeans import md5
from custkit.analysis.next_order import customer_gaps, first_purchase, fit_cycle, with_cycle
from custkit.analysis.rates import wilson
from custkit.engine import beside, clipped, frame, to_float
from custkit.words import mark

HORIZON_DAYS = 90
LOW, MEDIUM, HIGH = RISKS = ("low", "medium", "high")
RISK_NAMES = {LOW: mark("low"), MEDIUM: mark("medium"), HIGH: mark("high")}
# Where medium and high begin.
MEDIUM_FROM, HIGH_FROM = 1 / 3, 2 / 3
FEWEST = 200
SAMPLE = 20_000
TOO_SHORT = mark("the data begin less than {days} before the month's end")
TOO_FEW = mark("fewer than {n} customers were active {days} ago, or all of them did the same")
RHYTHM, GAPS, SILENCE, ALIVE = COLUMNS = ("rhythm", "gaps", "silence", "alive")
_FARTHEST = 7.0
Slopes = tuple[tuple[str, float], ...]

CLASS_COLUMNS = ("risk", "customers", "expected_share", "left", "left_share", "low", "high")
CALIBRATION_COLUMNS = ("group", "customers", "expected_share", "left_share", "low", "high")


@dataclass(frozen=True)
class ChurnRisk:
    """A calibrated risk, and how it did on days it had not seen.

    refusal       why nothing is estimated: a message with {days}, {n}; "" where something is
    slopes        (column, slope) on the log odds of buying, without "alive" where no purchase model may be believed; intercept
    classes       risk | customers (active when these days began), expected_share, left (bought nothing since), left_share, low, high (95 %)
    calibration   group (1 is the tenth with the least risk) | customers, expected_share, left_share, low, high
    brier, brier_base   mean squared error of the risk, and of telling everybody the average of as many days before
    with_alive    whether P(alive) speaks
    as_of, cut    cut is where the days begin that judge the risk
    horizon_days  how many they are
    """

    refusal: str
    as_of: datetime
    cut: datetime
    slopes: Slopes
    intercept: float
    model: str
    active_days: int
    customers: int
    classes: pd.DataFrame
    calibration: pd.DataFrame
    brier: float
    brier_base: float
    horizon_days: int = HORIZON_DAYS

    @property
    def with_alive(self) -> bool:
        return ALIVE in dict(self.slopes)


def fit_churn_risk(
    purchases: ir.Table, *, as_of: datetime, model: str, active_days: int = 180, horizon_days: int = HORIZON_DAYS
) -> ChurnRisk:
    """Learn who of the active customers buys nothing in `horizon_days`, and judge it on the days just past.

    orders  →  ChurnRisk

    Logistic regression on the chance that the customer's own rhythm brings an order in time, the number of gaps known, the silence so far,
    and P(alive) by the purchase model named (`Lifetime.model`; "plain" leaves it out). Learnt from customers as they stood two
    horizons before `as_of`, judged as they stood one before, then learnt again from these. Active: bought within `active_days`.
    [Platt 1999; Brier 1950; S68]

    Raises ValueError if active_days or horizon_days < 1.
    """
    for name, given in (("active_days", active_days), ("horizon_days", horizon_days)):
        if given < 1:
            raise ValueError(f"{name} is {given}; a window has at least one day")
    cut, before = as_of - timedelta(days=horizon_days), as_of - timedelta(days=2 * horizon_days)
    begins = first_purchase(purchases, as_of=as_of)
    refused = partial(_refused, as_of=as_of, cut=cut, model=model, active_days=active_days, horizon_days=horizon_days)
    if begins is None or begins > before - timedelta(days=HORIZON_DAYS):
        return refused(TOO_SHORT, customers=0)
    states = [_state(purchases, at, model, active_days, horizon_days) for at in (before, cut)]
    if any(state is None for state in states):
        states = [_state(purchases, at, model, active_days, horizon_days, alive=False) for at in (before, cut)]
    learnt, judged = (_with_outcome(state, purchases, at, horizon_days) for state, at in zip(states, (before, cut), strict=True))
    told, checked = _sample(learnt), _sample(judged)
    for sample in (told, checked):
        if len(sample) < FEWEST or sample["bought"].nunique() < 2:
            return refused(TOO_FEW, customers=len(sample))
    with one_thread():
        first, again = _fit(told), _fit(checked)
    classes, calibration, brier, brier_base = _judged(judged, first, float(1 - told["bought"].mean()))
    customers = int(classes["customers"].sum())
    return ChurnRisk("", as_of, cut, *again, model, active_days, customers, classes, calibration, brier, brier_base, horizon_days)


def _refused(why: str, *, as_of: datetime, cut: datetime, model: str, active_days: int, horizon_days: int, customers: int) -> ChurnRisk:
    nan = float("nan")
    classes, groups = (pd.DataFrame(columns=list(columns), dtype="float64") for columns in (CLASS_COLUMNS, CALIBRATION_COLUMNS))
    return ChurnRisk(why, as_of, cut, (), nan, model, active_days, customers, classes, groups, nan, nan, horizon_days)


def _state(purchases: ir.Table, at: datetime, model: str, active_days: int, horizon_days: int, *, alive: bool = True) -> ir.Table | None:
    """Active customers at `at`: customer_id, last_date, waited, usual_days, p_alive, and `COLUMNS`; None where P(alive) cannot be told."""
    gaps = customer_gaps(purchases, as_of=at)
    cycle = fit_cycle(gaps)
    alive = alive and model in buy_till_you_die.MODELS
    histories = gaps.mutate(
        frequency=_.gaps, recency=_.last_date.delta(_.first_date, unit="day").cast("int64"),
    ).mutate(T=_.recency + _.waited - 1)  # fmt: skip
    if alive:
        counts = alive_by_history(histories, model)
        if counts is None:
            return None
        keys = ["frequency", "recency", "T"]
        known = histories.left_join(beside(histories, counts), keys).drop(*(f"{key}_right" for key in keys))
    else:
        known = histories.mutate(p_alive=ibis.null("float64"))
    active = known.filter(_.waited <= active_days)
    told = active.mutate(lateness=0.0, usual_log=ibis.null("float64"), spread=1.0) if cycle.refusal else with_cycle(active, cycle=cycle)
    return told.select(
        "customer_id", "last_date", "waited", "p_alive", usual_days=told.usual_log.exp(), rhythm=_rhythm(told, horizon_days),
        gaps=(to_float(told.gaps) + 1.0).ln(), silence=to_float(clipped(told.waited, 1)).ln(), alive=_log_odds(told.p_alive),
    ).cache()  # fmt: skip


def alive_by_history(histories: ir.Table, model: str) -> pa.Table | None:
    """P(alive) once for each distinct frequency, recency, T; None where the purchase model may not be believed."""
    counts = frame(histories.group_by("frequency", "recency", "T").aggregate(customers=_.count())).sort_values(
        ["frequency", "recency", "T"], ignore_index=True
    )
    fitted = buy_till_you_die.fit(counts, model=model)
    if fitted.refusal:
        return None
    scored = counts[["frequency", "recency", "T"]].astype("int64").assign(p_alive=buy_till_you_die.p_alive(fitted, counts))
    return pa.Table.from_pandas(scored, preserve_index=False)


def _rhythm(told: ir.Table, horizon_days: int) -> Any:
    """Log odds that the own rhythm brings an order in time, given the wait so far."""
    later = ((to_float(told.waited) + float(horizon_days)).ln() - told.usual_log.fill_null(0.0)) / told.spread
    # Odds of F(later) − F(now) over 1 − F(later), F log-logistic: e^later − e^now over 1 + e^now.
    now, then = clipped(told.lateness, -50.0, 50.0).exp(), clipped(later, -50.0, 50.0).exp()
    return clipped((clipped(then - now, 1e-6) / (now + 1.0)).ln(), -_FARTHEST, _FARTHEST)


def _log_odds(share: Any) -> Any:
    inside = clipped(share, 0.001, 0.999)
    return (inside / (1.0 - inside)).ln()


def _with_outcome(state: ir.Table, purchases: ir.Table, at: datetime, horizon_days: int) -> ir.Table:
    later = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at >= at, _.ordered_at < at + timedelta(days=horizon_days))
        .group_by("customer_id")
        .aggregate(later_orders=_.count())
    )
    joined = state.left_join(later, "customer_id").drop("customer_id_right")
    return joined.mutate(bought=joined.later_orders.notnull().ifelse(1, 0)).drop("later_orders")


def _sample(state: ir.Table) -> pd.DataFrame:
    drawn = state.mutate(draw=md5(_.customer_id)).order_by("draw", "customer_id").limit(SAMPLE)
    return frame(drawn.select("customer_id", *COLUMNS, "bought")).sort_values("customer_id", ignore_index=True)


def _fit(sample: pd.DataFrame) -> tuple[Slopes, float]:
    from sklearn.linear_model import LogisticRegression

    names = [name for name in COLUMNS if sample[name].notna().all() and sample[name].min() < sample[name].max()]
    values = sample[names].to_numpy("float64")
    means, scales = values.mean(axis=0), values.std(axis=0)
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=200)
    model.fit((values - means) / scales, sample["bought"].to_numpy())
    slopes = model.coef_[0] / scales
    return tuple(zip(names, slopes.tolist(), strict=True)), float(model.intercept_[0] - slopes @ means)


def _risk(state: ir.Table, slopes: Slopes, intercept: float) -> Any:
    log_odds = sum((state[name] * slope for name, slope in slopes), ibis.literal(intercept, "float64"))
    return 1.0 / (clipped(log_odds, -50.0, 50.0).exp() + 1.0)


def _risk_class(risk: Any) -> Any:
    return ibis.cases((risk >= HIGH_FROM, HIGH), (risk >= MEDIUM_FROM, MEDIUM), else_=LOW)


def _judged(judged: ir.Table, fitted: tuple[Slopes, float], average: float) -> tuple[pd.DataFrame, pd.DataFrame, float, float]:
    scored = judged.mutate(risk=_risk(judged, *fitted))
    everyone, below = scored.count().over(ibis.window()), ibis.rank().over(ibis.window(order_by="risk"))
    scored = scored.mutate(
        risk_class=_risk_class(scored.risk), group=(below * 10 // everyone + 1).cast("int64"), left=1 - scored.bought,
    )  # fmt: skip
    counted = frame(
        scored.group_by("risk_class", "group").aggregate(
            customers=_.count(), expected=_.risk.sum(), left=_.left.sum(), squares=((_.risk - _.left) * (_.risk - _.left)).sum()
        )
    ).sort_values(["group", "risk_class"], ignore_index=True)
    customers, left = int(counted["customers"].sum()), int(counted["left"].sum())
    base = (left * (1 - average) ** 2 + (customers - left) * average**2) / customers
    by_class = counted.groupby("risk_class")[["customers", "expected", "left"]].sum().reindex(list(RISKS), fill_value=0)
    by_group = counted.groupby("group")[["customers", "expected", "left"]].sum()
    classes = _rated(by_class.rename_axis("risk").reset_index())[list(CLASS_COLUMNS)]
    groups = _rated(by_group.reset_index())[list(CALIBRATION_COLUMNS)]
    return classes, groups, float(counted["squares"].sum() / customers), float(base)


def _rated(counted: pd.DataFrame) -> pd.DataFrame:
    bounds = [wilson(int(k), int(n)) for k, n in zip(counted["left"], counted["customers"], strict=True)]
    n = counted["customers"].where(counted["customers"] > 0)
    return counted.assign(
        left=counted["left"].astype("int64"), expected_share=counted["expected"] / n, left_share=counted["left"] / n,
        low=[low for low, _high in bounds], high=[high for _low, high in bounds],
    )  # fmt: skip


def customer_risks(purchases: ir.Table, *, fitted: ChurnRisk) -> ir.Table:
    """Give each active customer the chance of buying nothing in the days to come, as many as `fitted` looks ahead.

    orders, fit_churn_risk  →  customer_id | last_date, waited (days), usual_days (between orders), p_alive, risk (0–1),
    risk_class ("low" below a third, "high" from two thirds)

    No rows where nothing is estimated. [S68]
    """
    if fitted.refusal:
        unknown = {name: ibis.null("float64") for name in ("usual_days", "p_alive", "risk")}
        return purchases.select(
            "customer_id", last_date=_.order_date, waited=ibis.null("int64"), **unknown, risk_class=ibis.null("string")
        ).limit(0)
    asked = (purchases, fitted.as_of, fitted.model, fitted.active_days, fitted.horizon_days)
    state = _state(*asked, alive=fitted.with_alive)
    if state is None:  # last month's model may be believed and this month's may not
        state = _state(*asked, alive=False)
    assert state is not None
    known = state.mutate(alive=_.alive.fill_null(0.0))
    told = known.mutate(risk=_risk(known, fitted.slopes, fitted.intercept))
    return told.mutate(risk_class=_risk_class(told.risk)).select(
        "customer_id", "last_date", "waited", "usual_days", "p_alive", "risk", "risk_class"
    )


def risk_summary(risks: ir.Table, purchases: ir.Table, *, as_of: datetime) -> pd.DataFrame:
    """Size and worth of each class of risk, the lowest first.

    customer_risks, orders  →  risk | customers, customer_share, risk_mean, revenue (of the last 365 days), revenue_share,
    revenue_at_risk (each customer's, times the risk)
    """
    start = as_of - timedelta(days=365)
    spent = (
        purchases.filter(_.customer_id.notnull(), _.ordered_at >= start, _.ordered_at < as_of)
        .group_by("customer_id")
        .aggregate(spent=_.revenue.sum())
    )
    worth = risks.left_join(spent, "customer_id").mutate(spent=to_float(_.spent).fill_null(0.0))
    counted = frame(
        worth.group_by("risk_class").aggregate(
            customers=_.count(), risk_mean=_.risk.mean(), revenue=_.spent.sum(), revenue_at_risk=(_.spent * _.risk).sum()
        )
    ).set_index("risk_class")
    counted = counted.reindex(list(RISKS)).rename_axis("risk").reset_index()
    counted[["customers", "revenue", "revenue_at_risk"]] = counted[["customers", "revenue", "revenue_at_risk"]].fillna(0)
    people, revenue = int(counted["customers"].sum()), float(counted["revenue"].sum())
    counted = counted.assign(
        customers=counted["customers"].astype("int64"),
        customer_share=counted["customers"] / people if people else float("nan"),
        revenue_share=counted["revenue"] / revenue if revenue > 0 else float("nan"),
    )
    columns = ["risk", "customers", "customer_share", "risk_mean", "revenue", "revenue_share", "revenue_at_risk"]
    return counted[columns] if people else counted[columns].iloc[:0]
