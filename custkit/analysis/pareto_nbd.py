"""Pareto/NBD: customers buy at a rate of their own until, at some moment nobody sees, they are gone.

Rates are spread as Gamma(r, alpha), the rates of leaving as Gamma(s, beta). Time is in weeks throughout.
[Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005, "A note on deriving the Pareto/NBD model"]
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, psi

from custkit.analysis.histories import Histories

# Double-exponential quadrature of (0, 1), the distance from 1 beside the nodes: it does not mind an integrand that lives at one end.
# [Takahasi & Mori 1974]
_STEPS = np.linspace(-2.75, 2.75, 31)
_NODES, _REST = 1 / (1 + np.exp(-np.pi * np.sinh(_STEPS))), 1 / (1 + np.exp(np.pi * np.sinh(_STEPS)))
_WEIGHTS = np.pi * np.cosh(_STEPS) * _NODES * _REST * (_STEPS[1] - _STEPS[0])


class _Gone(NamedTuple):
    """Log of the part of the likelihood in which the customer left between the last purchase and now, and means over when."""

    log: np.ndarray
    log_alpha: np.ndarray
    log_beta: np.ndarray
    per_alpha: np.ndarray
    per_beta: np.ndarray


def _gone(parameters: np.ndarray, seen: Histories) -> _Gone:
    """∫ (alpha + y)^−(r + x) · s beta^s (beta + y)^−(s + 1) dy from the last purchase to now.

    In w = 1 − ((alpha + t) / (alpha + y))^(r + s + x) what is left to integrate is ((alpha + y) / (beta + y))^(s + 1), which is smooth and
    of one size; the hypergeometric functions of the closed form overflow for a few hundred purchases.
    """
    r, alpha, s, beta = parameters
    m = r + s + seen.frequency
    start = alpha + seen.recency
    left = -m * np.log((alpha + seen.T) / start)
    whole = -np.expm1(left)
    # 1 − whole × node without losing what is left of it.
    y_alpha = start[:, None] * np.exp(-np.log(np.exp(left)[:, None] * _NODES + _REST) / m[:, None])
    y_beta = y_alpha + (beta - alpha)
    log_alpha, log_beta = np.log(y_alpha), np.log(y_beta)
    log_ratio = (s + 1) * (log_alpha - log_beta)
    top = log_ratio.max(axis=1, keepdims=True)
    weight = np.exp(log_ratio - top) * _WEIGHTS
    mass = weight.sum(axis=1)
    with np.errstate(divide="ignore"):  # bought this very moment: nobody has left since
        log = np.log(s) + s * np.log(beta) - m * np.log(start) - np.log(m) + np.log(whole) + top[:, 0] + np.log(mass)
    weight /= mass[:, None]
    return _Gone(
        log,
        (weight * log_alpha).sum(axis=1),
        (weight * log_beta).sum(axis=1),
        (weight / y_alpha).sum(axis=1),
        (weight / y_beta).sum(axis=1),
    )


def _log_alive(parameters: np.ndarray, seen: Histories) -> np.ndarray:
    r, alpha, s, beta = parameters
    return -(r + seen.frequency) * np.log(alpha + seen.T) - s * np.log1p(seen.T / beta)


def log_likelihood(parameters: np.ndarray, seen: Histories) -> tuple[float, np.ndarray]:
    """Log-likelihood of all customers and its gradient in r, alpha, s, beta."""
    r, alpha, s, beta = parameters
    spent = r + seen.frequency
    log_alive, left = _log_alive(parameters, seen), _gone(parameters, seen)
    either = np.logaddexp(log_alive, left.log)
    gone = seen.n * np.exp(left.log - either)
    here = seen.n - gone
    shared = np.dot(seen.per_count, gammaln(r + seen.counts)) + seen.customers * (r * np.log(alpha) - gammaln(r))
    slopes = np.array(
        [
            np.dot(seen.per_count, psi(r + seen.counts)) + seen.customers * (np.log(alpha) - psi(r))
            - np.dot(here, np.log(alpha + seen.T)) - np.dot(gone, left.log_alpha),
            seen.customers * r / alpha - np.dot(here, spent / (alpha + seen.T)) - np.dot(gone, spent * left.per_alpha),
            -np.dot(here, np.log1p(seen.T / beta)) + np.dot(gone, 1 / s + np.log(beta) - left.log_beta),
            np.dot(here, s / beta - s / (beta + seen.T)) + np.dot(gone, s / beta - (s + 1) * left.per_beta),
        ]
    )  # fmt: skip
    return float(shared + np.dot(seen.n, either)), slopes


def p_alive(parameters: np.ndarray, seen: Histories) -> np.ndarray:
    """Probability that each history belongs to somebody who still is a customer."""
    log_alive = _log_alive(parameters, seen)
    return np.exp(log_alive - np.logaddexp(log_alive, _gone(parameters, seen).log))


def expected_while_alive(parameters: np.ndarray, seen: Histories, weeks: float) -> np.ndarray:
    """Expected purchases in the next `weeks` of somebody with each history who still is a customer."""
    r, alpha, s, beta = parameters
    return (r + seen.frequency) / (alpha + seen.T) * _weeks_lived(s, beta + seen.T, weeks)


def expected_since_first(parameters: np.ndarray, weeks: np.ndarray) -> np.ndarray:
    """Expected repeat purchases in the first `weeks` of a new customer."""
    r, alpha, s, beta = parameters
    return r / alpha * _weeks_lived(s, np.full(len(weeks), beta), np.asarray(weeks, dtype="float64"))


def _weeks_lived(s: float, beta: np.ndarray, weeks: float | np.ndarray) -> np.ndarray:
    """Expected part of the next `weeks` before leaving; the limit where s is 1."""
    log = np.log1p(weeks / beta)
    return beta * (log if abs(s - 1) < 1e-9 else -np.expm1(-(s - 1) * log) / (s - 1))


def probability_of(parameters: np.ndarray, n: int, weeks: np.ndarray) -> np.ndarray:
    """Probability of `n` repeat purchases in the first `weeks`. r, alpha, s and beta may be arrays as long as `weeks`."""
    t = np.asarray(weeks, dtype="float64")
    r, alpha, s, beta = (np.broadcast_to(np.asarray(part, dtype="float64"), t.shape) for part in parameters)
    staying = np.exp(-s * np.log1p(t / beta))
    leaving = np.zeros(len(t))
    for node, rest, weight in zip(_NODES, _REST, _WEIGHTS, strict=True):
        y = beta * np.expm1(-np.log(staying * node + rest) / s)
        leaving += weight * _counted(r, alpha, n, y)
    return staying * _counted(r, alpha, n, t) + (1 - staying) * leaving


def _counted(r: np.ndarray, alpha: np.ndarray, n: int, weeks: np.ndarray) -> np.ndarray:
    log = gammaln(r + n) - gammaln(r) - gammaln(n + 1) - r * np.log1p(weeks / alpha)
    return np.exp(log + n * np.log(np.maximum(weeks, 1e-300) / (alpha + weeks)))
