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
_STEPS = np.linspace(-2.7, 2.7, 25)
_NODES, _REST = 1 / (1 + np.exp(-np.pi * np.sinh(_STEPS))), 1 / (1 + np.exp(np.pi * np.sinh(_STEPS)))
_WEIGHTS = np.pi * np.cosh(_STEPS) * _NODES * _REST * (_STEPS[1] - _STEPS[0])
_PIECE = 2048


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
    pieces = range(0, max(len(seen.T), 1), _PIECE)  # small enough to stay near the processor
    parts = [_gone_piece(parameters, *(part[at : at + _PIECE] for part in (seen.frequency, seen.recency, seen.T))) for at in pieces]
    return _Gone(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _gone_piece(parameters: np.ndarray, frequency: np.ndarray, recency: np.ndarray, T: np.ndarray) -> _Gone:
    r, alpha, s, beta = parameters
    m = r + s + frequency
    log_start = np.log(alpha + recency)
    log_rest = m * (log_start - np.log(alpha + T))
    # 1 − whole × node without losing what is left of it.
    log_alpha = log_start[:, None] - np.log(np.exp(log_rest)[:, None] * _NODES + _REST) / m[:, None]
    y_alpha = np.exp(log_alpha)
    y_beta = y_alpha + (beta - alpha)
    log_beta = np.log(y_beta)
    log_ratio = (s + 1) * (log_alpha - log_beta)
    top = log_ratio.max(axis=1, keepdims=True)
    weight = np.exp(log_ratio - top) * _WEIGHTS
    mass = weight.sum(axis=1)
    with np.errstate(divide="ignore"):  # bought this very moment: nobody has left since
        whole = np.log(-np.expm1(log_rest))
    log = np.log(s) + s * np.log(beta) - m * log_start - np.log(m) + whole + top[:, 0] + np.log(mass)
    weight /= mass[:, None]
    means = (np.einsum("ij,ij->i", weight, part) for part in (log_alpha, log_beta, 1 / y_alpha, 1 / y_beta))
    return _Gone(log, *means)


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


def moments_while_alive(parameters: np.ndarray, seen: Histories, weeks: float) -> tuple[np.ndarray, np.ndarray]:
    """Means of N and of N (N − 1), N purchases in the next `weeks` of somebody with each history who still is a customer."""
    r, alpha, s, beta = parameters
    shape, scale, patience = r + seen.frequency, alpha + seen.T, beta + seen.T
    grown = np.log1p(weeks / patience)
    squared = 2 * patience**2 * (_power(2 - s, grown) - _power(1 - s, grown))  # mean square of the weeks lived of the next `weeks`
    return shape / scale * _weeks_lived(s, patience, weeks), shape * (shape + 1) / scale**2 * squared


def _power(exponent: float, log: np.ndarray) -> np.ndarray:
    """(e^(exponent × log) − 1) / exponent; `log` where the exponent is 0."""
    return log if abs(exponent) < 1e-9 else np.expm1(exponent * log) / exponent


def expected_since_first(parameters: np.ndarray, weeks: np.ndarray) -> np.ndarray:
    """Expected repeat purchases in the first `weeks` of a new customer."""
    r, alpha, s, beta = parameters
    return r / alpha * _weeks_lived(s, np.full(len(weeks), beta), np.asarray(weeks, dtype="float64"))


def _weeks_lived(s: float, beta: np.ndarray, weeks: float | np.ndarray) -> np.ndarray:
    """Expected part of the next `weeks` before leaving; the limit where s is 1."""
    return beta * _power(1 - s, np.log1p(weeks / beta))


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
