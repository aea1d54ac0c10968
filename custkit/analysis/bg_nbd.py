"""BG/NBD and MBG/NBD: customers buy at a rate of their own until, right after some purchase, they are gone.

Rates are spread as Gamma(r, alpha), the chance to be gone after a purchase as Beta(a, b). In the BG/NBD nobody is gone after the first
purchase; in the MBG/NBD that chance comes once more, which `forgone` = 1 counts. Time is in weeks throughout.
[Fader, Hardie & Lee 2005; Batislam, Denizel & Filiztekin 2007]
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaincinv, betaln, gammaln, psi

from custkit.analysis.histories import Histories

# Double-exponential quadrature of (0, 1): it does not mind that a Beta's quantiles run steep at both ends. [Takahasi & Mori 1974]
_STEPS = np.linspace(-3.0, 3.0, 49)
_NODES = 1 / (1 + np.exp(-np.pi * np.sinh(_STEPS)))
_WEIGHTS = np.pi * np.cosh(_STEPS) * _NODES * (1 - _NODES) * (_STEPS[1] - _STEPS[0])

# Too near 0 to be told from it, a chance is this: (1 − e^(−λpt)) / p is λt there.
_SMALLEST = 1e-150


def log_likelihood(parameters: np.ndarray, seen: Histories, *, forgone: int) -> tuple[float, np.ndarray]:
    """Log-likelihood of all customers and its gradient in r, alpha, a, b."""
    r, alpha, a, b = parameters
    x, left = seen.counts, seen.counts + forgone
    spent, past = r + seen.frequency, seen.frequency + (forgone - 1)
    log_T, log_t = np.log(alpha + seen.T), np.log(alpha + seen.recency)
    after = np.where(past >= 0, b + past, 1.0)
    log_alive = -spent * log_T
    log_gone = np.where(past >= 0, np.log(a) - np.log(after) - spent * log_t, -np.inf)
    either = np.logaddexp(log_alive, log_gone)
    n_gone = seen.n * np.exp(log_gone - either)
    total = (
        np.dot(seen.per_count, gammaln(r + x) + gammaln(b + left) - gammaln(a + b + left))
        + seen.customers * (r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b))
        + np.dot(seen.n, either)
    )
    both = psi(a + b + left)
    slopes = np.array(
        [
            np.dot(seen.per_count, psi(r + x)) + seen.customers * (np.log(alpha) - psi(r))
            - np.dot(seen.n, log_T) + np.dot(n_gone, log_T - log_t),
            seen.customers * r / alpha - np.dot(seen.n - n_gone, spent / (alpha + seen.T)) - np.dot(n_gone, spent / (alpha + seen.recency)),
            seen.customers * psi(a + b) - np.dot(seen.per_count, both) + n_gone.sum() / a,
            seen.customers * (psi(a + b) - psi(b)) + np.dot(seen.per_count, psi(b + left) - both) - np.dot(n_gone, 1 / after),
        ]
    )  # fmt: skip
    return float(total), slopes


def p_alive(parameters: np.ndarray, seen: Histories, *, forgone: int) -> np.ndarray:
    """Probability that each history belongs to somebody who still is a customer."""
    r, alpha, a, b = parameters
    spent, past = r + seen.frequency, seen.frequency + (forgone - 1)
    odds = np.log(a) - np.log(np.where(past >= 0, b + past, 1.0)) + spent * (np.log(alpha + seen.T) - np.log(alpha + seen.recency))
    return np.where(past >= 0, np.exp(-np.logaddexp(0.0, odds)), 1.0)


def moments_while_alive(parameters: np.ndarray, seen: Histories, weeks: float, *, forgone: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of N and of N (N − 1), N purchases in the next `weeks` of somebody with each history who still is a customer.

    Given rate λ and chance p to be gone they are (1 − e^(−λpt)) / p and 2 (1 − p) (1 − e^(−λpt) (1 + λpt)) / p². The rate is integrated
    in closed form, p by quadrature: smooth whatever the parameters, where the hypergeometric function of the literature is 0/0 at a = 1
    and overflows for hundreds of purchases.
    """
    r, alpha, a, b = parameters
    stay = seen.counts + b + forgone
    chances = np.maximum(betaincinv(a, stay[:, None], _NODES[None, :]), _SMALLEST)
    once, twice = np.zeros(len(seen.T)), np.zeros(len(seen.T))
    reach = weeks / (alpha + seen.T)
    spent = r + seen.frequency
    for weight, chance in zip(_WEIGHTS, chances.T, strict=True):
        p = chance[seen.count_at]
        left = np.log1p(p * reach)
        gone = -np.expm1(-spent * left)
        once += weight * gone / p
        # What is left of two nearly equal numbers is not told by their difference: then the first term of its series is.
        factorial = gone - spent * p * reach * np.exp(-(spent + 1) * left)
        small = spent * p * reach < 1e-5
        twice += weight * (1 - p) * np.where(small, spent * (spent + 1) * reach**2, 2 * factorial / p**2)
    return once, twice


def expected_since_first(parameters: np.ndarray, weeks: np.ndarray, *, forgone: int) -> np.ndarray:
    """Expected repeat purchases in the first `weeks` of a new customer."""
    a, b = parameters[2:]
    newcomers = Histories.new(np.asarray(weeks, dtype="float64"))
    stays = b / (a + b) if forgone else 1.0
    r, alpha = parameters[:2]
    p = np.maximum(betaincinv(a, b + forgone, _NODES), _SMALLEST)
    reach = newcomers.T[:, None] / alpha
    return stays * (-np.expm1(-r * np.log1p(p * reach)) / p) @ _WEIGHTS


def probability_of(parameters: np.ndarray, n: int, weeks: np.ndarray, *, forgone: int) -> np.ndarray:
    """Probability of `n` repeat purchases in the first `weeks`. r, alpha, a and b may be arrays as long as `weeks`."""
    r, alpha, a, b = parameters
    t = np.asarray(weeks, dtype="float64")
    staying = betaln(a, b + n + forgone) - betaln(a, b)
    counted = gammaln(r + n) - gammaln(r) - gammaln(n + 1) + r * np.log(alpha / (alpha + t)) + n * np.log(t / (alpha + t))
    probability = np.exp(staying + counted)
    if n + forgone > 0:
        leaving = np.exp(betaln(a + 1, b + n + forgone - 1) - betaln(a, b))
        reached = betainc(n, r, t / (alpha + t)) if n else 1.0
        probability = probability + leaving * reached
    return probability
