"""Kinds of buyers by how much one line holds: single pieces for a household, many for the shelf of another shop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, logsumexp

from custkit.analysis.histories import one_thread
from custkit.analysis.kmeans import md5
from custkit.analysis.rates import SMALL_SAMPLE, Z90
from custkit.engine import frame, to_float
from custkit.words import mark

FEWEST_CUSTOMERS, MOST_KINDS = 200, 4
_FEWER, _MORE = mark("fewer pieces"), mark("more pieces")
_SINGLE, _FEW, _MANY, _MOST = mark("single pieces"), mark("a few pieces"), mark("many pieces"), mark("most pieces")
KINDS = {1: (mark("one kind"),), 2: (_FEWER, _MORE), 3: (_SINGLE, _FEW, _MANY), 4: (_SINGLE, _FEW, _MANY, _MOST)}
# A line of more than five times what is usual is a bulk purchase and tells nothing about the customer's kind.
BULK = 5
# Half of a product's lines above it: grams, millilitres or cents of fuel, not pieces.
_BY_MEASURE = 100
_SAMPLE, _ROUNDS = 10_000, 30
# Two humps show where means lie this many deviations apart; half as many pieces again are worth telling. [Ashman, Bird & Zepf 1994]
_APART, _WORTH_TELLING = 2, 1.5
_LOWEST, _HIGHEST = math.log(1e-4), math.log(1e4)


@dataclass(frozen=True)
class BuyerKinds:
    """Kinds of buyers as fitted: everything that placing a customer needs.

    shares, extra   one entry a kind, the smallest first: share of customers, mean pieces beyond the first on one line
    spread          variance of customers' own means within a kind, over the mean squared; 0: they differ by chance alone
    covariance      of the logits of `shares` and the logs of `extra`, from the curvature at the optimum
    choice          kinds, gradual (spread above 0) | bic, smallest (customers), chosen: what was weighed
    customers       how many the fit rests on
    bulk_share      share of their lines that are bulk purchases and left out
    """

    shares: np.ndarray
    extra: np.ndarray
    spread: float
    covariance: np.ndarray
    choice: pd.DataFrame
    customers: int
    bulk_share: float

    @property
    def k(self) -> int:
        return len(self.shares)

    @property
    def names(self) -> tuple[str, ...]:
        return KINDS[self.k]

    def intervals(self, *, z: float = Z90) -> pd.DataFrame:
        """buyer_kind | customer_share, low, high, pieces_per_line, pieces_low, pieces_high: 90 % unless `z` says otherwise."""
        wide = z * np.sqrt(np.diag(self.covariance))
        odds = np.log(self.shares) - np.log1p(-self.shares) if self.k > 1 else np.full(1, np.inf)
        # A kind at the lower end never takes a second piece: there the likelihood is flat, and its curvature says nothing.
        wide_share, wide_extra = wide[: self.k], np.where(self.extra > 1.01 * math.exp(_LOWEST), wide[self.k :], 0.0)
        return pd.DataFrame(
            {
                "buyer_kind": list(self.names),
                "customer_share": self.shares,
                "low": 1 / (1 + np.exp(-(odds - wide_share))),
                "high": 1 / (1 + np.exp(-(odds + wide_share))),
                "pieces_per_line": 1 + self.extra,
                "pieces_low": 1 + self.extra * np.exp(-wide_extra),
                "pieces_high": 1 + self.extra * np.exp(wide_extra),
            }
        )


def kinds_of_buyers(lines: ir.Table, *, as_of: datetime, window_days: int = 365) -> tuple[BuyerKinds, pd.DataFrame]:
    """Fold the lines, fit the kinds, and say what each brings: what a page shows.

    order lines  →  fit_kinds, kind_summary

    Raises ValueError if window_days < 1.
    """
    sizes = line_sizes(lines, as_of=as_of, window_days=window_days)
    kinds = fit_kinds(sizes)
    return kinds, kind_summary(sizes, kinds=kinds)


def line_sizes(lines: ir.Table, *, as_of: datetime, window_days: int = 365) -> ir.Table:
    """Fold the product lines of the trailing window to one row a customer: how many, and how many pieces they hold.

    order lines  →  customer_id | lines, pieces, bulk_lines (left out), revenue (currency, of all the customer's lines)

    A product bought again says nothing new: its first line counts. Lines of more than five times what is usual for the customer
    (median) or the shop (95 % of lines) are bulk purchases, counted apart. Products sold by measure are left out: one quantity that
    is not whole, or more than 100 on half of the lines. Customers with no line left have no row. [S42]

    Raises ValueError if window_days < 1.
    """
    if window_days < 1:
        raise ValueError(f"window_days is {window_days}; a window has at least one day")
    start = as_of - timedelta(days=window_days)
    sold = lines.filter(
        _.kind == "sale", _.is_product, _.customer_id.notnull(), _.quantity > 0, _.ordered_at >= start, _.ordered_at < as_of
    )
    first = _first_of_product(sold.anti_join(_by_measure(sold), "product_id").filter(_.quantity == _.quantity.floor()))
    own = first.group_by("customer_id").aggregate(usual=to_float(_.quantity).quantile(0.5))
    usual_in_shop = first.aggregate(usual=to_float(_.quantity).quantile(0.95)).as_scalar()
    counted = first.join(own, "customer_id")
    is_bulk = to_float(counted.quantity) > BULK * ibis.least(counted.usual, usual_in_shop)
    folded = counted.mutate(bulk=is_bulk.ifelse(1, 0)).group_by("customer_id").aggregate(
        lines=(1 - _.bulk).sum(),
        pieces=_.quantity.sum(where=_.bulk == 0).floor().cast("int64"),
        bulk_lines=_.bulk.sum(),
    )  # fmt: skip
    spent = sold.group_by("customer_id").aggregate(revenue=_.revenue.sum())
    return folded.filter(_.lines > 0).join(spent, "customer_id").select("customer_id", "lines", "pieces", "bulk_lines", "revenue")


def _by_measure(sold: ir.Table) -> ir.Table:
    products = sold.group_by("product_id").aggregate(
        typical=to_float(_.quantity).quantile(0.5), parts=_.count(where=_.quantity != _.quantity.floor())
    )
    return products.filter((_.typical > _BY_MEASURE) | (_.parts > 0)).select("product_id")


def _first_of_product(sold: ir.Table) -> ir.Table:
    # Lines that name no product are each one of their own.
    line = sold.order_id + " " + sold.line_number.cast("string")
    known = sold.mutate(product=ibis.coalesce(sold.product_id, line))
    bought = ibis.window(group_by=["customer_id", "product"], order_by=["ordered_at", "order_id", "line_number"])
    return known.mutate(place=ibis.row_number().over(bought)).filter(_.place == 0).select("customer_id", "quantity")


def fit_kinds(sizes: ir.Table) -> BuyerKinds:
    """Fit kinds of buyers: how many there are, how many customers belong to each, how many pieces one of their lines holds.

    customer_id | lines, pieces, bulk_lines  →  BuyerKinds

    Pieces beyond the first are Poisson; customers of one kind share a mean, or differ around it gradually (gamma: a negative binomial).
    One to four kinds, by the Bayesian information criterion, so that kinds are claimed only where neither chance nor a gradual
    difference explains the customers as well. No kind has fewer than 30 customers; each takes half as many further pieces again as the
    one before, and lies two deviations off. Fewer than 200 customers are one kind. At most 10,000 customers, drawn by a hash of their
    id. [McLachlan & Peel 2000; Schwarz 1978; Ashman, Bird & Zepf 1994]
    """
    counts = frame(_sample(sizes).group_by("lines", "pieces").aggregate(customers=_.count(), bulk=_.bulk_lines.sum()))
    counts = counts.sort_values(["lines", "pieces"])
    lines, pieces, n = (counts[name].to_numpy("float64") for name in ("lines", "pieces", "customers"))
    seen, customers, every = _Seen(lines, pieces - lines, n), int(n.sum()), float(lines @ n + counts["bulk"].sum())
    bulk_share = float(counts["bulk"].sum()) / every if every else math.nan
    if not seen.extra.sum():
        return _all_single(customers, bulk_share)
    most = MOST_KINDS if customers >= FEWEST_CUSTOMERS else 1
    with one_thread():
        fits = [_fit(seen, k, gradual) for k in range(1, most + 1) for gradual in (False, True)]
    weighed = [(fit.bic(customers), fit) for fit in fits if fit.holds(customers)]
    best = min(weighed, key=lambda pair: pair[0])[1] if weighed else fits[0]
    choice = pd.DataFrame(
        {
            "kinds": [fit.k for fit in fits],
            "gradual": [fit.gradual for fit in fits],
            "bic": [fit.bic(customers) for fit in fits],
            "smallest": [float(fit.shares.min() * customers) for fit in fits],
            "chosen": [fit is best for fit in fits],
        }
    )
    return BuyerKinds(best.shares, best.extra, best.spread, best.covariance(), choice, customers, bulk_share)


def _sample(sizes: ir.Table) -> ir.Table:
    drawn = sizes.mutate(draw=md5(sizes.customer_id))
    return drawn.order_by("draw", "customer_id").limit(_SAMPLE)


def customer_kinds(sizes: ir.Table, *, kinds: BuyerKinds) -> ir.Table:
    """Place every customer in the likeliest kind, on the engine.

    customer_id | lines, pieces, …  →  … + buyer_kind, kind_probability (of that kind, 1 where there is but one)

    Who has bought few lines can be placed with little certainty only: look at the probability before writing to anyone.
    """
    placed = _with_belief(sizes, kinds)
    best = ibis.greatest(*[placed[name] for name in _beliefs(kinds)]) if kinds.k > 1 else placed["belief_0"]
    kind = ibis.cases(*[(placed[of] == best, name) for of, name in zip(_beliefs(kinds), kinds.names, strict=True)], else_=kinds.names[0])
    return placed.mutate(buyer_kind=kind, kind_probability=best).select(*sizes.columns, "buyer_kind", "kind_probability")


def kind_summary(sizes: ir.Table, *, kinds: BuyerKinds) -> pd.DataFrame:
    """Size and worth of each kind, single pieces first.

    customer_id | lines, pieces, revenue  →
    buyer_kind | customers, customer_share, low, high (90 %), pieces_per_line, pieces_low, pieces_high, revenue, revenue_share

    Customers and revenue count by probability, so that those who are hard to place do not all fall to the largest kind; they sum to
    all customers and all revenue. Shares of revenue are null where all of it is not above 0; no rows without customers.
    """
    placed = _with_belief(sizes, kinds)
    earned = {f"revenue_{i}": (to_float(placed.revenue) * placed[belief]).sum() for i, belief in enumerate(_beliefs(kinds))}
    sums = frame(placed.aggregate(customers=placed.count(), **earned)).iloc[0].fillna(0.0)
    revenue = np.array([float(sums[name]) for name in earned])
    summary = kinds.intervals()
    summary.insert(1, "customers", _whole(kinds.shares * sums["customers"]))
    whole = revenue.sum()
    if not sums["customers"]:
        summary, revenue = summary.iloc[:0], revenue[:0]
    return summary.assign(revenue=revenue, revenue_share=revenue / whole if whole > 0 else np.full(len(revenue), np.nan))


def _beliefs(kinds: BuyerKinds) -> list[str]:
    return [f"belief_{i}" for i in range(kinds.k)]


def _with_belief(sizes: ir.Table, kinds: BuyerKinds) -> ir.Table:
    """belief_0 … : the probability of each kind, given the customer's lines and pieces. What all kinds share cancels."""
    if kinds.k == 1:
        return sizes.mutate(belief_0=to_float(ibis.literal(1.0)))
    lines, extra = to_float(sizes.lines), to_float(sizes.pieces) - to_float(sizes.lines)
    joint = {}
    for i, (share, mean) in enumerate(zip(kinds.shares.tolist(), kinds.extra.tolist(), strict=True)):
        if kinds.spread:
            size = 1 / kinds.spread
            log_p = extra * _f64(math.log(mean)) - (extra + _f64(size)) * (lines * _f64(mean) + _f64(size)).ln()
        else:
            log_p = extra * _f64(math.log(mean)) - lines * _f64(mean)
        joint[f"joint_{i}"] = log_p + _f64(math.log(share))
    weighed = sizes.mutate(**joint)
    # 1 / Σ exp(other − own) stays in reach where the likelihoods themselves do not.
    against = {
        belief: _f64(1.0) / sum(((weighed[other] - weighed[own]).clip(-700.0, 700.0).exp() for other in joint), _f64(0.0))
        for belief, own in zip(_beliefs(kinds), joint, strict=True)
    }
    return weighed.mutate(**against)


def _f64(value: float) -> ir.FloatingScalar:
    return to_float(ibis.literal(value))


def _whole(expected: np.ndarray) -> np.ndarray:
    """Whole customers that sum to all of them, by the largest remainders."""
    down = np.floor(expected).astype("int64")
    missing = round(float(expected.sum())) - int(down.sum())
    down[np.argsort(down - expected, kind="stable")[:missing]] += 1
    return down


@dataclass(frozen=True)
class _Seen:
    """lines, pieces beyond the first on each (extra) | n customers with that."""

    lines: np.ndarray
    extra: np.ndarray
    n: np.ndarray


@dataclass(frozen=True)
class _Fit:
    """theta: logits of the shares against the last kind, logs of the extra pieces, log of the spread where it is gradual."""

    seen: _Seen
    theta: np.ndarray
    k: int
    gradual: bool

    @property
    def shares(self) -> np.ndarray:
        return _shares(self.theta, self.k)

    @property
    def extra(self) -> np.ndarray:
        return np.exp(self.theta[self.k - 1 : 2 * self.k - 1])

    @property
    def spread(self) -> float:
        return float(np.exp(self.theta[-1])) if self.gradual else 0.0

    def bic(self, customers: int) -> float:
        return 2 * _minus_log_likelihood(self.theta, self.seen, self.k, self.gradual)[0] + len(self.theta) * math.log(customers)

    def holds(self, customers: int) -> bool:
        """Every kind large enough to speak of and apart from the next, and a peak."""
        large = self.shares.min() * customers >= SMALL_SAMPLE
        least = max(_APART * math.sqrt(math.log1p(self.spread)), math.log(_WORTH_TELLING))
        apart = np.diff(np.log(self.extra)) >= least
        return self.k == 1 or bool(large and apart.all() and np.isfinite(self.covariance()).all())

    def covariance(self) -> np.ndarray:
        """Of the logits of each share against all others, and the logs of the extra pieces."""
        information = _curvature(self.theta, self.seen, self.k, self.gradual)
        try:
            np.linalg.cholesky(information)
        except np.linalg.LinAlgError:
            return np.full((2 * self.k, 2 * self.k), np.nan)
        of_theta = np.linalg.inv(information)[: 2 * self.k - 1, : 2 * self.k - 1]
        w = self.shares
        to_logits = np.zeros((2 * self.k, 2 * self.k - 1))
        # d logit(w_i) / d theta_j = (1{i = j} − w_j) / (1 − w_i)
        to_logits[: self.k, : self.k - 1] = (np.eye(self.k) - w)[:, :-1] / np.maximum(1 - w, 1e-12)[:, None]
        to_logits[self.k :, self.k - 1 :] = np.eye(self.k)
        return to_logits @ of_theta @ to_logits.T


def _fit(seen: _Seen, k: int, gradual: bool) -> _Fit:
    bounds = [(-12.0, 12.0)] * (k - 1) + [(_LOWEST, _HIGHEST)] * k + [(-9.0, 3.0)] * gradual
    found = [
        minimize(_minus_log_likelihood, start, args=(seen, k, gradual), jac=True, method="L-BFGS-B", bounds=bounds,
                 options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-5})
        for start in _starts(seen, k, gradual)
    ]  # fmt: skip
    theta = min(found, key=lambda one: one.fun).x
    order = np.argsort(theta[k - 1 : 2 * k - 1], kind="stable")
    logits = np.append(theta[: k - 1], 0.0)[order]
    return _Fit(seen, np.concatenate([(logits - logits[-1])[:-1], theta[k - 1 : 2 * k - 1][order], theta[2 * k - 1 :]]), k, gradual)


def _starts(seen: _Seen, k: int, gradual: bool) -> list[np.ndarray]:
    """From kinds of equal size, and from small kinds of large orders; a few rounds of EM for Poisson kinds bring each near."""
    mean = (seen.n * seen.extra).sum() / (seen.n * seen.lines).sum()
    rate = (seen.extra + 0.5 * mean) / (seen.lines + 0.5)
    order = np.argsort(rate, kind="stable")
    up_to = np.cumsum(seen.n[order]) / seen.n.sum()
    starts = []
    for places in ((np.arange(k) + 0.5) / k, ((np.arange(k) + 1) / (k + 0.2)) ** 0.4):
        extra = rate[order][np.minimum(np.searchsorted(up_to, places), len(order) - 1)] * np.linspace(0.9, 1.1, k)
        shares = np.full(k, 1 / k)
        for _round in range(_ROUNDS):
            joint = np.log(shares) + seen.extra[:, None] * np.log(extra) - seen.lines[:, None] * extra
            belongs = np.exp(joint - logsumexp(joint, axis=1, keepdims=True)) * seen.n[:, None]
            shares = np.maximum(belongs.sum(axis=0) / seen.n.sum(), 1e-6)
            extra = np.maximum(seen.extra @ belongs, 1e-9) / np.maximum(seen.lines @ belongs, 1e-9)
            extra = np.clip(extra, math.exp(_LOWEST), math.exp(_HIGHEST))
        starts.append(np.concatenate([np.log(shares[:-1] / shares[-1]), np.log(extra), [-3.0] * gradual]))
    return starts[: 1 if k == 1 else 2]


def _shares(theta: np.ndarray, k: int) -> np.ndarray:
    logits = np.append(theta[: k - 1], 0.0)
    return np.exp(logits - logsumexp(logits))


def _minus_log_likelihood(theta: np.ndarray, seen: _Seen, k: int, gradual: bool) -> tuple[float, np.ndarray]:
    """And its gradient. A customer's extra pieces, given the kind: Poisson, or negative binomial of size 1 / spread."""
    shares, extra = _shares(theta, k), np.exp(theta[k - 1 : 2 * k - 1])
    s, mean = seen.extra[:, None], seen.lines[:, None] * extra
    if gradual:
        size = math.exp(-theta[-1])
        log_p = gammaln(s + size) - gammaln(size) - gammaln(s + 1) - size * np.log1p(mean / size) + s * np.log(mean / (size + mean))
        slope = size * (s - mean) / (size + mean)
    else:
        log_p, slope = s * np.log(mean) - mean - gammaln(s + 1), s - mean
    joint = np.log(shares) + log_p
    total = logsumexp(joint, axis=1, keepdims=True)
    belongs = np.exp(joint - total) * seen.n[:, None]
    gradient = [belongs.sum(axis=0)[:-1] - seen.n.sum() * shares[:-1], (belongs * slope).sum(axis=0)]
    if gradual:
        by_size = digamma(s + size) - digamma(size) - np.log1p(mean / size) + (mean - s) / (size + mean)
        gradient.append(np.array([-size * (belongs * by_size).sum()]))
    return -float(seen.n @ total[:, 0]), -np.concatenate(gradient)


def _curvature(theta: np.ndarray, seen: _Seen, k: int, gradual: bool) -> np.ndarray:
    step = 1e-4
    rows = [
        (_minus_log_likelihood(theta + step * e, seen, k, gradual)[1] - _minus_log_likelihood(theta - step * e, seen, k, gradual)[1])
        / (2 * step)
        for e in np.eye(len(theta))
    ]
    found = np.array(rows)
    return (found + found.T) / 2


def _all_single(customers: int, bulk_share: float) -> BuyerKinds:
    choice = pd.DataFrame({"kinds": [1], "gradual": [False], "bic": [0.0], "smallest": [float(customers)], "chosen": [True]})
    extra = np.zeros(1) if customers else np.full(1, np.nan)
    return BuyerKinds(np.ones(1), extra, 0.0, np.zeros((2, 2)), choice, customers, bulk_share)
