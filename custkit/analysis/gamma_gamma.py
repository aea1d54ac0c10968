"""Gamma-Gamma: what a customer spends on a purchase, the few seen ones drawn towards everybody's mean. [Fader & Hardie 2013]"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaln, psi

from custkit.analysis.histories import one_thread
from custkit.words import mark

FEWEST_SPENDERS = 50
# How much frequency and spend may move together before the model, which takes them as independent, is refused.
MOST_CORRELATED = 0.3
_LOWEST, _HIGHEST = 1e-3, 1e7

TOO_FEW = mark("fewer than 50 customers came back and spent something")
NO_MEAN = mark("spend per order is spread so far that it has no mean")
TOGETHER = mark("spend per order depends on how often somebody buys")
NOT_A_PEAK = mark("the likelihood has no single peak")


@dataclass(frozen=True)
class SpendFit:
    """A fitted Gamma-Gamma.

    p, q, v      an order is Gamma(p, ν) with ν spread over customers as Gamma(q, v)
    mean         spend per order over all customers, p v / (q − 1)
    correlation  of the logs of frequency and mean spend, over those who came back
    covariance   of the logs of p, q, v
    refusal      why it must not be believed; "" where nothing speaks against it
    """

    p: float
    q: float
    v: float
    log_likelihood: float
    customers: int
    correlation: float
    covariance: np.ndarray
    refusal: str = ""

    @property
    def mean(self) -> float:
        return self.p * self.v / (self.q - 1) if self.q > 1 else np.nan


def fit_spend(spenders: pd.DataFrame) -> SpendFit:
    """Fit the spend per order by maximum likelihood.

    frequency, monetary_value (mean spend of the repeat purchases), one row a customer  →  SpendFit

    Customers without a repeat purchase or without spend say nothing and are left out. Refused with fewer than 50 customers, with q ≤ 1
    (no mean), without a peak, or where frequency and spend move together (correlation of logs beyond 0.3). [Fader & Hardie 2013; S21]
    """
    told = spenders[(spenders["frequency"] > 0) & (spenders["monetary_value"] > 0)]
    x, z = told["frequency"].to_numpy("float64"), told["monetary_value"].to_numpy("float64")
    together = _correlation(np.log(x), np.log(z))
    nothing = np.full((3, 3), np.nan)
    if len(x) < FEWEST_SPENDERS:
        return SpendFit(np.nan, np.nan, np.nan, np.nan, len(x), together, nothing, TOO_FEW)
    unit = float(np.exp(np.log(z).mean()))  # in which v is of the size of the other two
    with one_thread():
        logs, curvature, slope = _climb(x, z / unit)
    p, q, v = np.exp(logs)
    height = float(_log_likelihood(np.exp(logs), x, z / unit)[0].sum() - len(x) * np.log(unit))
    peak = np.linalg.eigvalsh(curvature).min() > 0 and np.abs(slope).max() < 1e-5
    covariance = np.linalg.inv(curvature) / len(x) if peak else nothing
    border = (logs < np.log(_LOWEST) + 0.01).any() or (logs > np.log(_HIGHEST) - 0.01).any()
    refusal = NOT_A_PEAK if border or not peak else NO_MEAN if q <= 1 else TOGETHER if abs(together) > MOST_CORRELATED else ""
    return SpendFit(float(p), float(q), float(v) * unit, height, len(x), together, covariance, refusal)


def expected_spend(fitted: SpendFit, frequency: np.ndarray, monetary_value: np.ndarray) -> np.ndarray:
    """Expected spend per order of customers with these repeat purchases at this mean: their own, drawn towards everybody's.

    Without a repeat purchase it is the mean over all customers. [Fader & Hardie 2013, eq. 5]
    """
    x = np.asarray(frequency, dtype="float64")
    z = np.where(x > 0, np.nan_to_num(np.asarray(monetary_value, dtype="float64")), 0.0)
    return fitted.p * (fitted.v + x * z) / (fitted.p * x + fitted.q - 1)


def _log_likelihood(parameters: np.ndarray, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, q, v = parameters
    px, spent = p * x, v + x * z
    each = (
        gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
        + (px - 1) * np.log(z) + px * np.log(x) - (px + q) * np.log(spent)
    )  # fmt: skip
    slopes = np.array(
        [
            x * (psi(px + q) - psi(px) + np.log(z) + np.log(x) - np.log(spent)),
            psi(px + q) - psi(q) + np.log(v) - np.log(spent),
            q / v - (px + q) / spent,
        ]
    )
    return each, slopes


def _per_customer(logs: np.ndarray, x: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray]:
    parameters = np.exp(logs)
    each, slopes = _log_likelihood(parameters, x, z)
    return -float(each.mean()), -slopes.mean(axis=1) * parameters


def _climb(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from scipy.optimize import minimize

    bounds = [(np.log(_LOWEST), np.log(_HIGHEST))] * 3
    found = [
        minimize(
            _per_customer, np.log(start), args=(x, z), jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
        )
        for start in ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5))
    ]  # fmt: skip
    best = min(found, key=lambda one: one.fun)
    step = 1e-4
    curvature = np.array(
        [(_per_customer(best.x + step * u, x, z)[1] - _per_customer(best.x - step * u, x, z)[1]) / (2 * step) for u in np.eye(3)]
    )
    return best.x, (curvature + curvature.T) / 2, _per_customer(best.x, x, z)[1]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 3 or a.std() < 1e-12 or b.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
