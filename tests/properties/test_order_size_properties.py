"""Kinds of buyers hold for any customers: row order says nothing, nobody and nothing is lost, more pieces never mean a smaller kind."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.stats import nbinom, poisson

from custkit.analysis.order_size import BuyerKinds, _minus_log_likelihood, _Seen, customer_kinds, fit_kinds, kind_summary, line_sizes
from custkit.engine import connect, fetch, load
from custkit.tables import TABLES

AS_OF = datetime(2026, 11, 1)
SIZES = pa.schema(
    {"customer_id": pa.string(), "lines": pa.int64(), "pieces": pa.int64(), "bulk_lines": pa.int64(), "revenue": pa.decimal128(38, 4)}
)
fitted = st.builds(
    lambda weights, steps, spread: BuyerKinds(
        np.array(weights) / sum(weights), np.cumsum(steps), spread, np.eye(2 * len(weights)), pd.DataFrame(), 1000, 0.0
    ),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.lists(st.floats(0.05, 20), min_size=3, max_size=3),
    st.sampled_from([0.0, 0.1, 1.0]),
)
customer = st.tuples(st.integers(1, 60), st.integers(0, 400), st.integers(-200, 500).map(lambda cents: Decimal(cents) / 4))
customers = st.lists(customer, min_size=1, max_size=25)


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def sizes(duck, people, name="sizes"):
    rows = [
        {"customer_id": f"c{i:03}", "lines": lines, "pieces": lines + extra, "bulk_lines": 0, "revenue": revenue}
        for i, (lines, extra, revenue) in enumerate(people)
    ]
    return load(duck, name, pa.Table.from_pylist(rows, SIZES))


@given(people=customers, kinds=fitted)
def test_kinds_lose_no_customer_and_no_cent(duck, people, kinds):
    summary = kind_summary(sizes(duck, people), kinds=kinds)
    assert summary["customers"].sum() == len(people)
    assert summary["revenue"].sum() == pytest.approx(float(sum(revenue for *_size, revenue in people)), abs=1e-6)
    assert summary["revenue_share"].isna().all() or summary["revenue_share"].sum() == pytest.approx(1)
    assert len(fetch(customer_kinds(sizes(duck, people), kinds=kinds))) == len(people)


@given(people=customers, kinds=fitted)
def test_the_probability_is_that_of_bayes(duck, people, kinds):
    found = fetch(customer_kinds(sizes(duck, people), kinds=kinds)).to_pandas().sort_values("customer_id")
    lines, extra = found["lines"].to_numpy()[:, None], (found["pieces"] - found["lines"]).to_numpy()[:, None]
    mean = lines * kinds.extra
    size = 1 / kinds.spread if kinds.spread else np.nan
    log_p = nbinom.logpmf(extra, size, size / (size + mean)) if kinds.spread else poisson.logpmf(extra, mean)
    joint = log_p + np.log(kinds.shares)
    belief = np.exp(joint - joint.max(axis=1, keepdims=True))
    belief /= belief.sum(axis=1, keepdims=True)
    assert found["kind_probability"].to_numpy() == pytest.approx(belief.max(axis=1), rel=1e-6)


@given(lines=st.integers(1, 40), extras=st.lists(st.integers(0, 2000), min_size=2, max_size=20, unique=True), kinds=fitted)
def test_more_pieces_never_mean_a_smaller_kind(duck, lines, extras, kinds):
    found = fetch(customer_kinds(sizes(duck, [(lines, extra, Decimal(1)) for extra in extras]), kinds=kinds)).to_pandas()
    place = found.sort_values("pieces")["buyer_kind"].map(list(kinds.names).index)
    assert place.is_monotonic_increasing


@given(people=customers, kinds=fitted)
def test_the_likelihood_is_that_of_scipy_and_its_gradient_is_its_slope(people, kinds):
    seen = _Seen(*(np.array(part, dtype=float) for part in list(zip(*people, strict=True))[:2]), np.arange(1.0, len(people) + 1))
    gradual = kinds.spread > 0
    theta = np.concatenate([np.log(kinds.shares[:-1] / kinds.shares[-1]), np.log(kinds.extra), np.log([kinds.spread]) if gradual else []])
    mean, size = seen.lines[:, None] * kinds.extra, 1 / kinds.spread if gradual else np.nan
    p = nbinom.logpmf(seen.extra[:, None], size, size / (size + mean)) if gradual else poisson.logpmf(seen.extra[:, None], mean)
    expected = -(seen.n * np.logaddexp.reduce(p + np.log(kinds.shares), axis=1)).sum()
    value, gradient = _minus_log_likelihood(theta, seen, 3, gradual)
    assert value == pytest.approx(expected, rel=1e-9)
    slope = approx_fprime(theta, lambda at: _minus_log_likelihood(at, seen, 3, gradual)[0], 1e-6)
    assert gradient == pytest.approx(slope, rel=1e-3, abs=1e-3 * (1 + abs(value)))


def test_the_order_of_rows_says_nothing_and_the_sample_is_the_same_each_time(duck):
    rng = np.random.default_rng(3)
    people = []
    for n, mean in ((9000, 0.2), (3000, 3.0)):  # more than are fitted
        lines = rng.integers(1, 12, n)
        people += list(zip(lines.tolist(), rng.poisson(mean * lines).tolist(), [Decimal(1)] * n, strict=True))
    table = sizes(duck, people, "forward")
    backward = load(duck, "backward", fetch(table).sort_by([("customer_id", "descending")]))
    one, other = fit_kinds(table), fit_kinds(backward)
    assert one.customers == 10_000 and one.k == 2
    assert (one.shares == other.shares).all() and (one.extra == other.extra).all()


@given(
    bought=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(1, 40), st.integers(1, 28)), max_size=20, unique=True
    )
)
def test_lines_are_counted_as_pandas_counts_them(duck, bought):
    rows = [
        {
            "order_id": f"o{i:02}", "line_number": 1, "customer_id": who, "ordered_at": datetime(2026, 10, day), "product_id": product,
            "quantity": Decimal(quantity), "kind": "sale", "is_product": True, "amount": Decimal(1), "revenue": Decimal(1),
        }
        for i, (who, product, quantity, day) in enumerate(bought)
    ]  # fmt: skip
    schema = TABLES["order_lines"].arrow_schema
    table = pa.Table.from_pylist(rows, schema)
    found = fetch(line_sizes(load(duck, "lines", table, schema=TABLES["order_lines"].schema), as_of=AS_OF)).to_pandas()
    lines = pd.DataFrame(bought, columns=["who", "product", "quantity", "day"]).astype({"quantity": "float64"})
    first = lines.sort_values("day", kind="stable").drop_duplicates(["who", "product"])
    usual = first.groupby("who")["quantity"].transform("median").clip(upper=first["quantity"].quantile(0.95))
    kept = first[first["quantity"] <= 5 * usual].groupby("who")["quantity"].agg(["size", "sum"])
    expected = {who: (row["size"], row["sum"]) for who, row in kept.iterrows()}
    assert {row.customer_id: (row.lines, row.pieces) for row in found.itertuples()} == expected
