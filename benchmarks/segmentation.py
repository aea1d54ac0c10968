"""Segments and groups of simulated customers: plain pandas and scikit-learn on everybody against custkit, in one run.

python benchmarks/segmentation.py [CUSTOMERS …]     100,000 and 1,000,000 customers where not given
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from custkit.analysis.kmeans import GROUPS, customer_groups, fit_groups
from custkit.analysis.rfm import rfm, rfm_scores, rfm_segments, segment_summary
from custkit.engine import connect, fetch, load
from custkit.segments import TEN_SEGMENTS
from custkit.tables import TABLES

AS_OF = datetime(2026, 11, 1)


def main(sizes: list[int]) -> None:
    for customers in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "orders.parquet"
            orders = _write(path, customers)
            print(f"{customers:,} customers, {orders:,} orders in a Parquet file")
            _compare(path)


def _compare(path: Path) -> None:
    con = connect()
    purchases = load(con, "purchases", path, schema=TABLES["orders"].schema)
    values = rfm(purchases, as_of=AS_OF)
    ours, engine = _timed(lambda: segment_summary(rfm_segments(rfm_scores(values))))
    theirs, plain = _timed(lambda: _pandas_segments(path))
    same = ours.set_index("segment").customers.sort_index().equals(theirs.sort_index())
    print(f"  ten segments: engine {engine:.1f} s, pandas {plain:.1f} s, ratio {plain / engine:.1f}, {'equal' if same else 'DIFFERENT'}")
    grouping, fitted = _timed(lambda: fit_groups(values))
    placed, scored = _timed(lambda: fetch(customer_groups(values, grouping=grouping).select("customer_id", "group")))
    labels, everybody = _timed(lambda: _sklearn_groups(path, grouping.k))
    group = placed.to_pandas().set_index("customer_id").group.map({name: i for i, name in enumerate(GROUPS)}).sort_index()
    agreement = adjusted_rand_score(group, labels.sort_index())
    ratio = everybody / (fitted + scored)
    print(f"  K-Means with 2 to 8 groups: 20 starts each on a sample, judged {fitted:.1f} s, everybody placed {scored:.1f} s;")
    print(f"    scikit-learn on everybody, one start each {everybody:.1f} s, ratio {ratio:.1f};")
    print(f"    adjusted Rand index of the two with {grouping.k} groups {agreement:.4f}")


def _timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    answer = ask()
    return answer, time.perf_counter() - started


def _pandas_rfm(path: Path) -> pd.DataFrame:
    orders = pd.read_parquet(path, columns=["customer_id", "ordered_at", "revenue"])
    orders = orders[(orders.ordered_at < AS_OF) & (orders.ordered_at >= AS_OF - pd.Timedelta(days=365))]
    orders = orders.assign(revenue=orders.revenue.astype("float64"))
    people = orders.groupby("customer_id").agg(last=("ordered_at", "max"), frequency=("revenue", "size"), spend=("revenue", "sum"))
    return people.assign(recency_days=(AS_OF - people["last"].dt.normalize()).dt.days, spend=people.spend.round(2))


def _pandas_segments(path: Path) -> pd.Series:
    people = _pandas_rfm(path)
    n = len(people)
    score = {
        name: np.ceil((people[measure] * sign).rank(method="max") * 5 / n - 1e-9)
        for name, measure, sign in (("r", "recency_days", -1), ("f", "frequency", 1), ("m", "spend", 1))
    }
    score["fm"] = (score["f"] + score["m"]) / 2
    fits = [
        np.logical_and.reduce([score[s].between(*bounds) for s in ("r", "fm") if (bounds := row.bounds(s)) is not None])
        for row in TEN_SEGMENTS
    ]
    names = [row.name for row in TEN_SEGMENTS]
    return pd.Series(np.select(fits, names, default="none")).value_counts().rename_axis("segment").rename("customers")


def _sklearn_groups(path: Path, k: int) -> pd.Series:
    people = _pandas_rfm(path)
    points = StandardScaler().fit_transform(np.log1p(people[["recency_days", "frequency", "spend"]].clip(lower=0)))
    labels = {n: KMeans(n_clusters=n, random_state=20).fit_predict(points) for n in range(2, 9)}
    return pd.Series(labels[k], index=people.index)


def _write(path: Path, customers: int) -> int:
    """Orders of two years: gamma-distributed rates and ticket sizes, a third of the customers gone."""
    random = np.random.default_rng(7)
    orders_each = random.poisson(random.gamma(0.9, 5.0, customers)) + 1
    who = np.repeat(np.arange(customers), orders_each)
    gone = np.repeat(random.integers(60, 730, customers), orders_each)
    day = random.integers(0, 730, len(who)) % gone
    seconds = (day * 86_400 + 9 * 3_600 + random.integers(0, 36_000, len(who))).astype("timedelta64[s]")
    at = np.datetime64("2024-11-01T00:00", "us") + seconds
    ticket = random.lognormal(np.repeat(random.normal(3.5, 0.6, customers), orders_each), 0.5)
    revenue = pa.array(np.maximum(ticket, 0.01).round(2)).cast(pa.decimal128(18, 4))
    known = {
        "order_id": pa.array([f"o{i:09}" for i in range(len(who))]),
        "customer_id": pa.array(np.char.mod("c%08d", who)),
        "ordered_at": pa.array(at),
        "is_purchase": pa.array(np.ones(len(who), dtype=bool)),
    }
    schema = TABLES["orders"].arrow_schema
    known["revenue"] = known["gross_amount"] = revenue
    columns = [known[field.name].cast(field.type) if field.name in known else pa.nulls(len(who), field.type) for field in schema]
    pq.write_table(pa.table(columns, schema=schema), path)
    return len(who)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100_000, 1_000_000])
