"""Groups that the data suggest by themselves: K-Means on recency, orders and spend, fitted on a sample, scored on the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from custkit.analysis.rfm import rfm, segment_summary
from custkit.engine import frame, to_float
from custkit.period import Period
from custkit.words import mark

FEATURES = ("recency_days", "frequency", "monetary_value")
GROUPS = (
    mark("Group 1"), mark("Group 2"), mark("Group 3"), mark("Group 4"), mark("Group 5"), mark("Group 6"), mark("Group 7"), mark("Group 8"),
)  # fmt: skip
FEWEST_CUSTOMERS = 30
SAMPLE, SILHOUETTE_SAMPLE = 20_000, 2_000
NEAR_TIE = 0.02
STABLE = 0.9
ENOUGH = 0.5
# Below it groups may be cut out of one crowd. [Kaufman & Rousseeuw 1990]
CLEAR = 0.5
_SEED, _OTHER_SEEDS, _STARTS = 20, (1, 2, 3, 4, 5), 20


@ibis.udf.scalar.builtin
def md5(text: str) -> str:  # type: ignore[empty-body]
    """The engine's own: the same on all of them, so that the sample is too."""


@dataclass(frozen=True)
class Grouping:
    """A fitted K-Means: everything that scoring needs.

    centres   one row a group, most valuable first, on the standardised log scale
    choice    k | silhouette, near_tie, chosen
    agreement lowest adjusted Rand index between this fit and fits from other random starts; null where nothing was fitted
    customers how many the fit rests on
    stability adjusted Rand index of this month's customers under these groups and under groups fitted anew; null for a first fit
    """

    centres: np.ndarray
    means: np.ndarray
    scales: np.ndarray
    choice: pd.DataFrame
    agreement: float
    customers: int
    stability: float = float("nan")

    @property
    def k(self) -> int:
        return len(self.centres)


def fit_groups(rfm: ir.Table) -> Grouping:
    """Fit K-Means to the logs of recency, orders and spend, each scaled to mean 0 and deviation 1.

    customer_id | recency_days, frequency, monetary_value  →  Grouping

    k from 2 to 8 is the one whose groups are told apart best (highest silhouette); near_tie marks those within 0.02 of it.
    Fitted on at most 20,000 customers drawn by a hash of their id, silhouette on 2,000 of them, so that the same customers
    give the same groups. Fewer than 30 customers, or fewer than three different ones, are one group.
    [Lloyd 1982; Rousseeuw 1987; S41]
    """
    return _grouping(rfm, others=_OTHER_SEEDS)


def _grouping(rfm: ir.Table, *, others: Sequence[int]) -> Grouping:
    sample = _sample(rfm)
    values = _logs(sample)
    means, scales = (values.mean(axis=0), values.std(axis=0)) if len(values) else (np.zeros(3), np.ones(3))
    scales = np.where(scales > 1e-12, scales, 1.0)
    points = (values - means) / scales
    different = len(np.unique(np.round(points, 9), axis=0))
    if len(points) < FEWEST_CUSTOMERS or different < 3:
        return Grouping(np.zeros((1, 3)), means, scales, _choice({}), float("nan"), len(points))
    probe = sample.draw.rank(method="first").to_numpy() <= SILHOUETTE_SAMPLE
    fits = {k: _fit(points, k, _SEED) for k in range(2, min(8, different - 1) + 1)}
    choice = _choice({k: _silhouette(points[probe], labels[probe]) for k, (_centres, labels) in fits.items()})
    k = int(choice.k[choice.chosen].iloc[0])
    centres, labels = fits[k]
    again = [_fit(points, k, seed)[1] for seed in others]
    agreement = min((adjusted_rand(pd.crosstab(labels, other).to_numpy()) for other in again), default=float("nan"))
    by_value = np.lexsort((centres[:, 0], -centres[:, 1], -centres[:, 2]))
    return Grouping(centres[by_value], means, scales, choice, agreement, len(points))


def fitted_in(period: Period) -> Period:
    """The month whose customers shape the groups of `period`: the last one before its quarter, so that labels hold for a quarter."""
    return Period(period.year, (period.month - 1) // 3 * 3 + 1) - 1


def standing_groups(values: ir.Table, purchases: ir.Table, *, period: Period) -> Grouping:
    """The groups of the month `fitted_in` names, into which this month's customers are put, and whether a new fit would say the same.

    customer_id | recency_days, frequency, monetary_value of `period`; purchases  →  Grouping

    Centres that move each month would move customers who did nothing. Where the earlier month had less than half as many
    customers, or no groups, this month's own fit stands and `stability` is null. [S41]
    """
    old, new = fit_groups(rfm(purchases, as_of=fitted_in(period).end)), _grouping(values, others=())
    if old.k < 2 or old.customers < ENOUGH * new.customers:
        return fit_groups(values)
    return replace(old, stability=group_stability(values, now=new, before=old))


def customer_groups(rfm: ir.Table, *, grouping: Grouping) -> ir.Table:
    """Put every customer into the group whose centre is nearest, on the engine.

    customer_id | recency_days, frequency, monetary_value  →  … + group ("Group 1" the most valuable)
    """
    scaled = {
        f"z_{feature}": (_log(rfm[feature]) - _f64(mean)) / _f64(scale)
        for feature, mean, scale in zip(FEATURES, grouping.means, grouping.scales, strict=True)
    }
    placed = rfm.mutate(**scaled)
    distances = {
        f"d_{j}": sum(
            (
                (placed[f"z_{feature}"] - _f64(at)) * (placed[f"z_{feature}"] - _f64(at))
                for feature, at in zip(FEATURES, centre, strict=True)
            ),
            _f64(0.0),
        )
        for j, centre in enumerate(grouping.centres)
    }
    measured = placed.mutate(**distances)
    nearest = ibis.least(*[measured[d] for d in distances]) if grouping.k > 1 else measured["d_0"]
    group = ibis.cases(*[(measured[f"d_{j}"] == nearest, GROUPS[j]) for j in range(grouping.k)], else_=GROUPS[0])
    return measured.mutate(group=group).select(*rfm.columns, "group")


def group_profile(groups: ir.Table) -> pd.DataFrame:
    """Size and worth of each group, the most valuable first.

    customer_id | recency_days, frequency, monetary_value, group  →
    group | customers, customer_share, revenue, revenue_share, medians of recency_days, frequency, monetary_value
    """
    summary = segment_summary(groups.select("customer_id", *FEATURES, segment="group"))
    return summary.rename(columns={"segment": "group"}).sort_values("group", ignore_index=True)


def group_stability(rfm: ir.Table, *, now: Grouping, before: Grouping) -> float:
    """Adjusted Rand index of this month's customers under this month's groups and under last month's.

    1: the same groups; 0: no more alike than chance. The customers are the same on both sides, so that what they did
    meanwhile does not count as instability. Null where either month was not grouped. [Hubert & Arabie 1985; S41]
    """
    if now.k < 2 or before.k < 2:
        return float("nan")
    both = customer_groups(customer_groups(rfm, grouping=before).rename(group_before="group"), grouping=now)
    counts = frame(both.group_by("group_before", "group").aggregate(customers=_.count()))
    return adjusted_rand(_crossed(counts, "group_before", "group"))


def segment_agreement(groups: ir.Table) -> float:
    """Adjusted Rand index of the groups and the segments of the rule map; null where there is but one group or one segment.

    customer_groups + segment  →  1: the same parts of the customers; 0: as by chance
    """
    counts = frame(groups.group_by("group", "segment").aggregate(customers=_.count()))
    if counts.group.nunique() < 2 or counts.segment.nunique() < 2:
        return float("nan")
    return adjusted_rand(_crossed(counts, "group", "segment"))


def adjusted_rand(counts: np.ndarray) -> float:
    """Adjusted Rand index of two partitions from their table of counts. [Hubert & Arabie 1985]

    1 where both are the same, around 0 where they agree by chance alone; 1 for two partitions of one part.
    """

    def pairs(n: np.ndarray) -> float:
        n = n.astype("float64")
        return float((n * (n - 1) / 2).sum())

    every = pairs(counts.sum(keepdims=True))
    together, rows, columns = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0))
    chance = rows * columns / every if every else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == chance else (together - chance) / (most - chance)


def _crossed(counts: pd.DataFrame, rows: str, columns: str) -> np.ndarray:
    return counts.pivot_table(index=rows, columns=columns, values="customers", aggfunc="sum", fill_value=0).to_numpy()


def _sample(rfm: ir.Table) -> pd.DataFrame:
    drawn = rfm.select("customer_id", *FEATURES, draw=md5(rfm.customer_id)).order_by("draw", "customer_id").limit(SAMPLE)
    return frame(drawn).sort_values("customer_id", ignore_index=True)


def _logs(sample: pd.DataFrame) -> np.ndarray:
    return np.log1p(sample[list(FEATURES)].to_numpy(dtype="float64").clip(min=0.0))


def _log(measure: ir.NumericValue) -> ir.FloatingValue:
    return (to_float(measure).clip(lower=0.0) + _f64(1.0)).ln()


def _f64(value: float) -> ir.FloatingValue:
    return to_float(ibis.literal(float(value)))


def _fit(points: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # sums in one order, whatever the machine
        model = KMeans(n_clusters=k, n_init=_STARTS, random_state=seed).fit(points)
    return model.cluster_centers_, model.labels_


def _silhouette(points: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(points):
        return -1.0
    return float(silhouette_score(points, labels))


def _choice(silhouettes: dict[int, float]) -> pd.DataFrame:
    table = pd.DataFrame(
        {"k": pd.Series(list(silhouettes), dtype="int64"), "silhouette": pd.Series(list(silhouettes.values()), dtype="float64")}
    )
    best = table.silhouette.max()
    chosen = table.silhouette.round(6) == round(best, 6) if len(table) else table.silhouette == best
    first = chosen & ~chosen.duplicated() if len(table) else chosen
    return table.assign(near_tie=(table.silhouette >= best - NEAR_TIE) & ~first, chosen=first)
