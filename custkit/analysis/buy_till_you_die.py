"""Buy-till-you-die models by maximum likelihood: fitted on histories counted once, judged before anybody believes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from custkit.analysis import bg_nbd, pareto_nbd
from custkit.analysis.histories import DAYS_A_WEEK, Histories, one_thread
from custkit.words import mark

BG_NBD, MBG_NBD, PARETO_NBD = MODELS = ("bg_nbd", "mbg_nbd", "pareto_nbd")
MODEL_NAMES = {BG_NBD: mark("BG/NBD"), MBG_NBD: mark("MBG/NBD"), PARETO_NBD: mark("Pareto/NBD")}

FEWEST_CUSTOMERS, FEWEST_REPEATERS = 200, 50
_THINNED = 5_000
# Parameters on a border mean that the data do not tell them; a start is scaled by customers' mean rate of purchase.
_LOWEST, _HIGHEST = 1e-4, 1e4
_SLOPE, _SAME = 1e-6, 0.01
_NEWTON_STEPS = 25
_MOST_PURCHASES = 2_000


@dataclass(frozen=True)
class _Model:
    """One model's formulas over `Histories`; `starts` in r, the rest in multiples that suit it."""

    parameters: tuple[str, str, str, str]
    log_likelihood: Callable[..., tuple[float, np.ndarray]]
    p_alive: Callable[..., np.ndarray]
    moments_while_alive: Callable[..., tuple[np.ndarray, np.ndarray]]
    expected_since_first: Callable[..., np.ndarray]
    probability_of: Callable[..., np.ndarray]
    starts: tuple[tuple[float, float, float, float], ...]
    in_weeks: tuple[bool, bool, bool, bool]
    goes_on: Callable[..., tuple[np.ndarray, ...]]


def _bg_goes_on(parameters: np.ndarray, seen: Histories, *, forgone: int) -> tuple[np.ndarray, ...]:
    r, alpha, a, b = parameters
    return r + seen.frequency, alpha + seen.T, np.full(len(seen.T), a), b + seen.frequency + forgone


def _pareto_goes_on(parameters: np.ndarray, seen: Histories) -> tuple[np.ndarray, ...]:
    r, alpha, s, beta = parameters
    return r + seen.frequency, alpha + seen.T, np.full(len(seen.T), s), beta + seen.T


def _bg(forgone: int) -> _Model:
    return _Model(
        ("r", "alpha", "a", "b"),
        partial(bg_nbd.log_likelihood, forgone=forgone),
        partial(bg_nbd.p_alive, forgone=forgone),
        partial(bg_nbd.moments_while_alive, forgone=forgone),
        partial(bg_nbd.expected_since_first, forgone=forgone),
        partial(bg_nbd.probability_of, forgone=forgone),
        ((0.5, 0.5, 0.8, 2.5), (1.5, 1.0, 0.3, 3.0), (0.2, 0.2, 2.0, 8.0)),
        (False, True, False, False),
        partial(_bg_goes_on, forgone=forgone),
    )


_FORMULAS: dict[str, _Model] = {
    BG_NBD: _bg(0),
    MBG_NBD: _bg(1),
    PARETO_NBD: _Model(
        ("r", "alpha", "s", "beta"),
        pareto_nbd.log_likelihood,
        pareto_nbd.p_alive,
        pareto_nbd.moments_while_alive,
        pareto_nbd.expected_since_first,
        pareto_nbd.probability_of,
        ((0.5, 0.5, 0.6, 1.0), (1.5, 1.0, 0.3, 0.5), (0.2, 0.2, 1.5, 4.0)),
        (False, True, False, True),
        _pareto_goes_on,
    ),
}


@dataclass(frozen=True)
class Fit:
    """A fitted purchase model.

    parameters      in the model's order (`names`), time in weeks
    covariance      of the logs of the parameters, from the curvature at the optimum; nan where it is not a peak
    log_likelihood  of all customers
    refusal         why the fit must not be believed; "" where nothing speaks against it
    """

    model: str
    parameters: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    customers: int
    repeaters: int
    refusal: str = ""

    @property
    def names(self) -> tuple[str, str, str, str]:
        return _FORMULAS[self.model].parameters

    def table(self, *, z: float = 1.959963984540054) -> pd.DataFrame:
        """parameter | estimate, standard_error, low, high: one row a parameter; the interval is symmetric in the logs."""
        errors = np.sqrt(np.diag(self.covariance))
        return pd.DataFrame(
            {
                "parameter": list(self.names),
                "estimate": self.parameters,
                "standard_error": self.parameters * errors,
                "low": self.parameters * np.exp(-z * errors),
                "high": self.parameters * np.exp(z * errors),
            }
        )

    def drawn(self, draws: int, *, seed: int = 20) -> np.ndarray:
        """Parameters as uncertain as they are: `draws` rows from the normal distribution of their logs."""
        rng = np.random.default_rng(seed)
        return np.exp(rng.multivariate_normal(np.log(self.parameters), self.covariance, size=draws, method="cholesky"))


# Why a fit is refused, as people read it.
TOO_FEW = mark("fewer than 200 customers or fewer than 50 who came back")
AT_BORDER = mark("a parameter lies on its border: customers are too alike, or nobody leaves")
NOT_A_PEAK = mark("the likelihood has no single peak")
STARTS_DIFFER = mark("different starts end at different answers")


def fit(counts: pd.DataFrame, *, model: str = BG_NBD) -> Fit:
    """Fit a purchase model by maximum likelihood.

    frequency, recency, T (days) | customers, as `purchase_counts` gives them  →  Fit

    Three starts run on at most 5,000 histories, every k-th of the sorted ones; Newton's method goes on from their best to the optimum of
    all. The fit is refused, not repaired, with fewer than 200 customers or 50 repeaters, a parameter on its border, no peak, or
    starts that disagree. [Fader, Hardie & Lee 2005; S21]

    Raises ValueError for an unknown model or missing columns.
    """
    if model not in MODELS:
        raise ValueError(f"model is `{model}`; there are {', '.join(MODELS)}")
    seen = Histories.of(counts)
    if seen.customers < FEWEST_CUSTOMERS or seen.repeaters < FEWEST_REPEATERS:
        return _refused(model, seen, TOO_FEW)
    with one_thread():
        return _fit(model, seen)


def _fit(model: str, seen: Histories) -> Fit:
    formulas, thinned = _FORMULAS[model], seen.thinned(_THINNED)
    found = [_climb(formulas, thinned, start) for start in _starts(formulas, thinned)]
    logs, height = max(found, key=lambda one: one[1])
    if _at_border(logs):
        return _refused(model, seen, AT_BORDER, np.exp(logs))
    agree = all(np.abs(other - logs).max() < _SAME for other, reached in found if reached > height - 1e-4)
    reached = sum(other > height - 1e-4 for _logs, other in found)
    if not agree or reached < 2:
        return _refused(model, seen, STARTS_DIFFER, np.exp(logs))
    logs, slope, curvature = _newton(formulas, seen, logs)
    if _at_border(logs):
        return _refused(model, seen, AT_BORDER, np.exp(logs))
    if np.abs(slope).max() > _SLOPE or np.linalg.eigvalsh(curvature).min() <= 0:
        return _refused(model, seen, NOT_A_PEAK, np.exp(logs))
    parameters = np.exp(logs)
    covariance = np.linalg.inv(curvature) / seen.customers
    total, _slopes = formulas.log_likelihood(parameters, seen)
    return Fit(model, parameters, covariance, total, int(seen.customers), int(seen.repeaters))


def _refused(model: str, seen: Histories, why: str, parameters: np.ndarray | None = None) -> Fit:
    at = np.full(4, np.nan) if parameters is None else parameters
    return Fit(model, at, np.full((4, 4), np.nan), np.nan, int(seen.customers), int(seen.repeaters), why)


def _starts(formulas: _Model, seen: Histories) -> list[np.ndarray]:
    rate = np.dot(seen.n, seen.frequency) / max(np.dot(seen.n, seen.T), 1e-9)
    week = 1 / max(rate, 1e-9)
    scales = np.where(formulas.in_weeks, week, 1.0)
    return [np.log(np.clip(np.array(start) * scales, _LOWEST * 10, _HIGHEST / 10)) for start in formulas.starts]


def _per_customer(formulas: _Model, seen: Histories, logs: np.ndarray) -> tuple[float, np.ndarray]:
    """Minus the mean log-likelihood, and its gradient in the logs of the parameters."""
    parameters = np.exp(logs)
    total, slopes = formulas.log_likelihood(parameters, seen)
    return -total / seen.customers, -slopes * parameters / seen.customers


def _climb(formulas: _Model, seen: Histories, start: np.ndarray) -> tuple[np.ndarray, float]:
    from scipy.optimize import minimize

    bounds = [(np.log(_LOWEST), np.log(_HIGHEST))] * 4
    options = {"maxiter": 500, "ftol": 1e-9, "gtol": 1e-5}
    done = minimize(lambda logs: _per_customer(formulas, seen, logs), start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return done.x, -float(done.fun)


def _at_border(logs: np.ndarray) -> bool:
    return bool((logs < np.log(_LOWEST) + 0.01).any() or (logs > np.log(_HIGHEST) - 0.01).any())


def _newton(formulas: _Model, seen: Histories, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """To the optimum in a few steps; logs of the parameters, gradient and curvature there."""
    height, slope = _per_customer(formulas, seen, logs)
    curvature = _curvature(formulas, seen, logs)
    for _step in range(_NEWTON_STEPS):
        if np.abs(slope).max() < 1e-9 or np.linalg.eigvalsh(curvature).min() <= 0:
            break
        step = np.linalg.solve(curvature, slope)
        step *= min(1.0, 1.0 / np.abs(step).max())
        lower, new_slope = _per_customer(formulas, seen, logs - step)
        while not lower <= height + 1e-12 and np.abs(step).max() > 1e-10:
            step /= 2
            lower, new_slope = _per_customer(formulas, seen, logs - step)
        moved = np.abs(step).max()
        logs, height, slope = logs - step, lower, new_slope
        if moved < 1e-9:
            break
        if moved > 1e-3:
            curvature = _curvature(formulas, seen, logs)
    return logs, slope, curvature


def _curvature(formulas: _Model, seen: Histories, logs: np.ndarray) -> np.ndarray:
    """Second derivatives by central differences of the exact first ones."""
    step = 1e-4
    rows = [
        (_per_customer(formulas, seen, logs + step * unit)[1] - _per_customer(formulas, seen, logs - step * unit)[1]) / (2 * step)
        for unit in np.eye(4)
    ]
    curvature = np.array(rows)
    return (curvature + curvature.T) / 2


def p_alive(fitted: Fit, counts: pd.DataFrame) -> np.ndarray:
    """Probability that each history belongs to somebody who still is a customer; in the BG/NBD 1 after one purchase, whatever the wait."""
    return _FORMULAS[fitted.model].p_alive(fitted.parameters, Histories.of(counts))


def expected_purchases(fitted: Fit, counts: pd.DataFrame, *, days: float, parameters: np.ndarray | None = None) -> np.ndarray:
    """Expected purchases in the next `days` for each history, the chance to be gone counted. [Fader, Hardie & Lee 2005, eq. 10]"""
    return purchase_moments(fitted, counts, days=days, parameters=parameters)[0]


def purchase_moments(
    fitted: Fit, counts: pd.DataFrame, *, days: float, parameters: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the purchases in the next `days` for each history, the chance to be gone counted."""
    formulas, seen = _FORMULAS[fitted.model], Histories.of(counts)
    at = fitted.parameters if parameters is None else parameters
    alive = formulas.p_alive(at, seen)
    once, twice = formulas.moments_while_alive(at, seen, days / DAYS_A_WEEK)
    mean = alive * once
    return mean, np.maximum(alive * twice + mean - mean**2, 0.0)


def expected_since_first(fitted: Fit, *, days: np.ndarray) -> np.ndarray:
    """Expected repeat purchases of a new customer by each of the `days` after the first purchase."""
    return _FORMULAS[fitted.model].expected_since_first(fitted.parameters, np.asarray(days, dtype="float64") / DAYS_A_WEEK)


def probability_of(fitted: Fit, n: int, *, days: np.ndarray) -> np.ndarray:
    """Probability that a new customer buys `n` more times within each of the `days`."""
    return _FORMULAS[fitted.model].probability_of(fitted.parameters, n, np.asarray(days, dtype="float64") / DAYS_A_WEEK)


def probability_of_next(fitted: Fit, counts: pd.DataFrame, n: int, *, days: float) -> np.ndarray:
    """Probability of exactly `n` purchases in the next `days` for each history.

    Somebody who still is a customer goes on as a new customer would, with what the history has taught about rate and leaving.
    """
    formulas, seen = _FORMULAS[fitted.model], Histories.of(counts)
    alive = formulas.p_alive(fitted.parameters, seen)
    known = formulas.goes_on(fitted.parameters, seen)
    return alive * _further(fitted.model)(known, n, np.full(len(seen.T), days / DAYS_A_WEEK)) + (1 - alive) * (n == 0)


def _further(model: str) -> Callable[..., np.ndarray]:
    # Whoever is alive has got past the purchase after which they might have gone: the coin falls at the next one.
    return _FORMULAS[BG_NBD if model == MBG_NBD else model].probability_of


def purchase_range(fitted: Fit, counts: pd.DataFrame, *, days: float, level: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Fewest and most purchases in the next `days` that each history makes with probability `level` or more, a tail cut at each end."""
    formulas, seen = _FORMULAS[fitted.model], Histories.of(counts)
    alive = formulas.p_alive(fitted.parameters, seen)
    known, weeks = formulas.goes_on(fitted.parameters, seen), np.full(len(seen.T), days / DAYS_A_WEEK)
    low, high = np.zeros(len(seen.T), dtype="int64"), np.zeros(len(seen.T), dtype="int64")
    so_far, open_rows, n = 1 - alive, np.arange(len(seen.T)), 0
    while open_rows.size and n < _MOST_PURCHASES:
        further = _further(fitted.model)(tuple(part[open_rows] for part in known), n, weeks[open_rows])
        so_far[open_rows] += alive[open_rows] * further
        below = so_far[open_rows] <= (1 - level) / 2
        low[open_rows[below]] = n + 1
        high[open_rows] = n
        open_rows = open_rows[so_far[open_rows] < (1 + level) / 2]
        n += 1
    return low, high
