"""What must hold for any customers: equals are equal, more spend is never worse, nothing missing becomes a zero, nobody is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custkit.analysis.abuse import abuse_evidence, abuse_summary
from custkit.analysis.hold_out import ranking_power, tenths_next
from custkit.analysis.spending_actions import action_summary, spending_actions
from custkit.analysis.spending_score import PART_WEIGHTS, PARTS, level_summary, score_coverage, score_parts, spending_scores
from custkit.client import Abuse, Spending
from custkit.engine import connect, fetch, load
from custkit.tables import ORDER_LINES

ALL_PARTS = tuple(part for parts in PARTS.values() for part in parts)
SCHEMA = pa.schema({"customer_id": pa.string(), **{part: pa.float64() for part in ALL_PARTS}})
# Few different values and many unknown, so that ties and gaps are the rule.
person = st.tuples(
    *(
        st.integers(0, 3).map(float) if part in ("monetary_value", "frequency") else st.sampled_from([None, 0.0, 1.0, 2.0])
        for part in ALL_PARTS
    )
)
shops = st.lists(person, min_size=1, max_size=40)
MONEY = ALL_PARTS.index("monetary_value")


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


def put(duck, people):
    columns = zip(*people, strict=True) if people else [()] * len(SCHEMA)
    return load(
        duck, "people", pa.table([pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)
    )


def named(shop):
    return [(f"c{i:03}", *values) for i, values in enumerate(shop)]


def scored(duck, people):
    return fetch(spending_scores(put(duck, people))).to_pandas().sort_values("customer_id", ignore_index=True)


def _rank(values: pd.Series) -> pd.Series:
    known = values.dropna()
    if known.nunique() < 2:
        return values * np.nan
    return (values.rank(method="average") - 0.5) / len(known) * 100


def _mean(frame: pd.DataFrame, weights: dict[str, float]) -> pd.Series:
    weight = pd.Series(weights)
    known = frame[list(weights)].notna().astype("float64") @ weight
    return (frame[list(weights)].fillna(0) @ weight) / known.where(known > 0)


@given(shop=shops)
def test_scores_are_those_of_pandas_and_nobody_is_lost_on_the_way_to_the_page(duck, shop):
    kept = spending_scores(put(duck, named(shop))).cache()
    found = fetch(kept).to_pandas().sort_values("customer_id", ignore_index=True)
    columns = [pd.Series([row[i] for row in shop], dtype="float64", name=part) for i, part in enumerate(ALL_PARTS)]
    ranks = pd.DataFrame({column.name: _rank(column) for column in columns})
    weights = {name: {part: PART_WEIGHTS.get(part, 1.0) for part in parts} for name, parts in PARTS.items()}
    dimensions = pd.DataFrame({name: _rank(_mean(ranks, within).round(9)) for name, within in weights.items()})
    for name in PARTS:
        np.testing.assert_allclose(found[name].astype("float64"), dimensions[name], atol=1e-6)
    np.testing.assert_allclose(found["score"].astype("float64"), _mean(dimensions, dict(Spending().weights)), atol=1e-6)
    assert (found["dimensions_present"] == dimensions.notna().sum(axis=1)).all()
    assert (found["score"].isna() == (found["dimensions_present"] == 0)).all()
    assert found["weight_covered"].between(0, 1).all()
    for name in (*PARTS, *(f"{part}_score" for part in ALL_PARTS)):
        known = found[name].dropna().astype("float64")
        assert known.empty or (known.between(0, 100).all() and known.mean() == pytest.approx(50))
    levels, parts = level_summary(kept), score_parts(kept)
    assert score_coverage(kept).customers.sum() == levels.customers.sum() == len(shop)
    assert levels.revenue.sum() == pytest.approx(sum(row[MONEY] for row in shop))
    assert parts.customers.tolist() == [found[f"{part}_score"].notna().sum() for part in parts.part]


@given(shop=shops, order=st.randoms(use_true_random=False))
def test_equal_customers_are_equal_and_the_order_of_rows_says_nothing(duck, shop, order):
    people = named(shop)
    shuffled = list(people)
    order.shuffle(shuffled)
    one, other = (fetch(spending_scores(put(duck, rows))).sort_by("customer_id") for rows in (people, shuffled))
    assert one.equals(other)
    told = [tuple(row[name] for name in (*PARTS, "score", "standing", "level", "weight_covered")) for row in one.to_pylist()]
    for values in set(shop):
        assert len({score for given_values, score in zip(shop, told, strict=True) if given_values == values}) == 1


@given(shop=shops, who=st.integers(0, 39), extra=st.integers(1, 4))
def test_more_spend_never_lowers_a_score(duck, shop, who, extra):
    who %= len(shop)
    richer = [(*row[:MONEY], row[MONEY] + extra, *row[MONEY + 1 :]) if i == who else row for i, row in enumerate(shop)]
    if min(len({row[MONEY] for row in people}) for people in (shop, richer)) < 2:
        return  # where all spend the same, spend is no part of the score
    before, after = (scored(duck, named(people)).iloc[who] for people in (shop, richer))
    assert after["behaviour"] >= before["behaviour"] and after["score"] >= before["score"] - 1e-9


sale = st.tuples(
    st.sampled_from("abcde"),
    st.integers(0, 400),
    st.sampled_from("pqr"),
    st.integers(1, 30),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
)
documents = st.lists(sale, max_size=30)


def lines_of(shop):
    rows = []
    for i, (customer, day, product, pieces, price, is_return, with_coupon) in enumerate(shop):
        sign, amount = (-1 if is_return else 1), Decimal(pieces * price)
        rows.append(
            {
                "order_id": f"o{i:03}", "line_number": 1, "customer_id": customer, "product_id": product, "is_product": True,
                "ordered_at": datetime(2025, 10, 1) + timedelta(days=day), "kind": "return" if is_return else "sale",
                "quantity": Decimal(sign * pieces), "amount": sign * amount, "revenue": amount if not is_return else Decimal(0),
                "gross_amount": sign * amount * 2, "coupon_amount": amount if with_coupon else Decimal(0),
            }
        )  # fmt: skip
    columns = {field.name: pa.array([_four(row.get(field.name)) for row in rows], field.type) for field in ORDER_LINES.arrow_schema}
    return pa.table(columns, ORDER_LINES.arrow_schema)


def _four(value):
    return value.quantize(Decimal("0.0001")) if isinstance(value, Decimal) else value


@given(shop=documents, order=st.randoms(use_true_random=False))
def test_evidence_does_not_depend_on_the_order_of_rows_and_adds_up(duck, shop, order):
    as_of = datetime(2026, 11, 1)
    rules = Abuse(thresholds=(Decimal(20),), returns=1, round_trips=1, threshold_orders=1, bulk_lines=1, coupon_orders=1)
    whole = lines_of(shop)
    shuffled = whole.take(pa.array(order.sample(range(whole.num_rows), whole.num_rows), "int64"))
    one, other = (
        fetch(abuse_evidence(load(duck, name, rows), as_of=as_of, rules=rules)).sort_by("customer_id")
        for name, rows in (("lines", whole), ("shuffled", shuffled))
    )
    assert one.equals(other)
    inside = [row for row in whole.to_pylist() if datetime(2025, 11, 1) <= row["ordered_at"] < as_of]
    buyers = {row["customer_id"] for row in inside if row["kind"] == "sale"}
    assert set(one["customer_id"].to_pylist()) == buyers
    assert sum(one["sold_amount"].to_pylist()) == sum(row["amount"] for row in inside if row["kind"] == "sale")
    assert sum(one["returned_amount"].to_pylist()) == -sum(
        row["amount"] for row in inside if row["kind"] == "return" and row["customer_id"] in buyers
    )
    for row in one.to_pylist():
        assert row["is_suspected"] == (row["reason"] is not None) == any(row[rule] for rule in Abuse().rules)
        assert 0 <= row["returns_by_luck"] <= 1 and row["whole_returns"] <= min(row["returns"], row["orders"])
    summary = abuse_summary(load(duck, "evidence", one), rules=rules)
    assert summary.empty or summary.customers.iloc[-1] == sum(one["is_suspected"].to_pylist())


marks = st.tuples(st.one_of(st.none(), st.integers(0, 4).map(float)), st.integers(0, 4), st.one_of(st.none(), st.integers(-3, 9)))


@given(shop=st.lists(marks, min_size=1, max_size=60))
def test_tenths_hold_everyone_and_all_that_was_spent(duck, shop):
    ids = [f"c{i:03}" for i in range(len(shop))]
    scores, before, after = zip(*shop, strict=True)
    scored_table = load(duck, "scores", pa.table({"customer_id": ids, "score": pa.array(scores, "float64"), "monetary_value": before}))
    later = [(c, Decimal(spent)) for c, spent in zip(ids, after, strict=True) if spent is not None]
    columns = list(zip(*later, strict=True)) or [(), ()]
    spent = pa.table({"customer_id": pa.array(columns[0], "string"), "next_spend": pa.array(columns[1], pa.decimal128(38, 4))})
    spent_table = load(duck, "spent", spent)
    tenths = tenths_next(scored_table, spent_table, measure="score", against="monetary_value")
    known = [score is not None for score in scores]
    assert tenths.customers.sum() == sum(known)
    assert tenths.next_spend.sum() == pytest.approx(sum(s or 0 for s, there in zip(after, known, strict=True) if there))
    judged = ranking_power(scored_table, spent_table, measures=["score"], against="monetary_value")
    assert judged.gini.dropna().between(-1 - 1e-9, 1 + 1e-9).all()


def test_intervals_of_the_gini_hold_what_they_promise(duck):
    """A score and its noise drawn 120 times: the 95 % intervals hold the value in the population, and that of the lead, as often."""
    rng = np.random.default_rng(3)
    held, n, times = np.zeros(2), 400, 120
    for shop in (20_000, *[n] * times):
        taste = rng.normal(size=shop)
        frame = {"score": taste + rng.normal(size=shop), "monetary_value": taste + 2 * rng.normal(size=shop)}
        people = pa.table({"customer_id": [f"c{i:05}" for i in range(shop)], **frame})
        spent = pa.table({"customer_id": people["customer_id"], "next_spend": np.exp(taste + rng.normal(size=shop))})
        row = ranking_power(
            load(duck, "scores", people), load(duck, "spent", spent), measures=["score"], against="monetary_value"
        ).iloc[0]  # fmt: skip
        if shop > n:
            truth = row
        else:
            held += [row.gini_low <= truth.gini <= row.gini_high, row.lead_low <= truth.gini_lead <= row.lead_high]
    assert (held / times >= 0.90).all() and (held / times <= 0.99).all(), held


position = st.tuples(
    st.sampled_from(["high", "middle", "low", "not compared"]), st.sampled_from(["price-driven", "mixed", None]), st.integers(0, 5),
    st.integers(-50, 5000), st.booleans(),
)  # fmt: skip


@given(shop=st.lists(position, max_size=25))
def test_every_customer_gets_one_of_each_and_a_limit_only_with_a_history(duck, shop):
    ids = [f"c{i:03}" for i in range(len(shop))]
    levels, kinds, credit, spend, bad = zip(*shop, strict=True) if shop else ((),) * 5
    fine = [i for i, suspect in enumerate(bad) if not suspect]
    worth = pa.array([Decimal(s) for s in spend], pa.decimal128(38, 4))
    numbers = {"score": pa.array([50.0] * len(ids), "float64"), "weight_covered": pa.array([0.8] * len(ids), "float64")}
    people = pa.table(
        {"customer_id": pa.array(ids, "string"), **numbers, "dimensions_present": pa.array([2] * len(ids), "int64"),
         "level": pa.array(levels, "string"), "monetary_value": worth}
    )  # fmt: skip
    flagged = pa.table(
        {"customer_id": pa.array(ids, "string"), "sold_amount": worth, "returned_amount": pa.nulls(len(ids), worth.type).fill_null(0)}
    )
    wanted, unwanted = pa.array(fine, "int64"), pa.array([i for i, suspect in enumerate(bad) if suspect], "int64")
    kind = pa.table({"customer_id": pa.array(ids, "string"), "price_sensitivity": pa.array(kinds, "string")})
    history = pa.table({"customer_id": pa.array(ids, "string"), "credit_orders": pa.array(credit, "int64")})
    tables = (people.take(wanted), flagged.take(unwanted), kind, history)
    found = spending_actions(*(load(duck, f"t{i}", table) for i, table in enumerate(tables)))
    listed = {row["customer_id"]: row for row in fetch(found).to_pylist()}
    assert sorted(listed) == ids
    for c, (level, _kind, orders, spent, suspect) in zip(ids, shop, strict=True):
        row = listed[c]
        assert row["level"] == ("suspected" if suspect else level)
        assert (row["credit_limit_suggestion"] is not None) == (not suspect and orders >= 3 and spent >= 120)
        assert row["credit_limit_suggestion"] is None or 0 <= spent / 12 - row["credit_limit_suggestion"] < 10
    if shop:
        assert action_summary(found).groupby("action").customers.sum().tolist() == [len(ids)] * 3
