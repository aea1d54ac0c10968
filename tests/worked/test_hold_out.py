"""How well a score ordered customers by what they spent next, worked out pair by pair."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.hold_out import COLUMNS, next_spend, ranking_power, tenths_next

SCORES = pa.schema({"customer_id": pa.string(), "score": pa.float64(), "monetary_value": pa.decimal128(38, 4)})
NEXT = pa.schema({"customer_id": pa.string(), "next_spend": pa.decimal128(38, 4)})


def tables(load_table, given):
    """customer, score, spend before, spend next (None: bought nothing)"""
    scores = [{"customer_id": c, "score": score, "monetary_value": spend} for c, score, spend, _next in given]
    spent = [{"customer_id": c, "next_spend": after} for c, _score, _spend, after in given if after is not None]
    return load_table("scores", scores, schema=SCORES), load_table("next", spent, schema=NEXT)


def judged(load_table, given):
    found = ranking_power(*tables(load_table, given), measures=["score", "monetary_value"], against="monetary_value")
    return found.set_index("measure")


def test_next_spend_is_what_was_kept_between_two_instants(load_table, rows):
    line = {"kind": "sale", "is_product": True, "order_id": "o"}
    lines = [
        line | {"customer_id": "ann", "ordered_at": "2026-04-30 23:59", "amount": 9, "revenue": 9},
        line | {"customer_id": "ann", "ordered_at": "2026-05-01", "amount": 5, "revenue": 5},
        line | {"customer_id": "ann", "ordered_at": "2026-06-01", "amount": -2, "revenue": 0, "kind": "return"},
        line | {"customer_id": "bob", "ordered_at": "2026-11-01", "amount": 7, "revenue": 7},
        line | {"customer_id": None, "ordered_at": "2026-06-01", "amount": 7, "revenue": 7},
    ]
    found = next_spend(load_table("order_lines", lines), start=datetime(2026, 5, 1), as_of=datetime(2026, 11, 1))
    assert rows(found, by="customer_id") == [("ann", 3.0)]


def test_the_perfect_order_is_one_and_the_reverse_is_minus_one(load_table):
    up = judged(load_table, [(f"c{i:02}", i, 100 - i, i * 10) for i in range(40)])
    assert up.gini.tolist() == pytest.approx([1.0, -1.0])
    assert up.gini_lead.tolist() == pytest.approx([2.0, 0.0])


def test_a_score_that_knows_nothing_is_nought(load_table):
    found = judged(load_table, [(f"c{i:02}", 7, i, i * 10) for i in range(40)])
    assert found.loc["score", "gini"] == 0 and found.loc["monetary_value", "gini"] == pytest.approx(1.0)


def test_the_gini_is_counted_over_pairs_and_ties_share(load_table):
    rng = np.random.default_rng(5)
    given = [(f"c{i:02}", float(rng.integers(0, 5)), int(rng.integers(0, 9)), int(rng.integers(0, 4)) * 10) for i in range(35)]
    y, x = (np.array([row[k] for row in given], dtype=float) for k in (3, 1))
    pairs = (y[:, None] - y[None, :]) * np.sign(x[:, None] - x[None, :])
    best = np.abs(y[:, None] - y[None, :])
    assert judged(load_table, given).loc["score", "gini"] == pytest.approx(pairs.sum() / best.sum())


def test_who_bought_nothing_spent_nothing_and_who_returned_more_did_too(load_table):
    silent = [(f"c{i:02}", i, 1, None if i < 20 else i) for i in range(40)]
    returned = [(f"c{i:02}", i, 1, -5 if i < 20 else i) for i in range(40)]
    assert judged(load_table, silent).loc["score"].tolist() == judged(load_table, returned).loc["score"].tolist()


def test_a_measure_is_judged_on_those_it_knows_and_so_is_what_it_is_held_against(load_table):
    # Spend before knows all forty and orders them backwards; the score knows thirty of them.
    given = [(f"c{i:02}", float(i) if i >= 10 else None, 40 - i, i) for i in range(40)]
    found = judged(load_table, given)
    assert found.customers.tolist() == [30, 40]
    assert found.gini.tolist() == pytest.approx([1.0, -1.0]) and found.gini_lead.tolist() == pytest.approx([2.0, 0.0])


def test_too_few_customers_or_nobody_who_bought_is_not_judged(load_table):
    few = judged(load_table, [(f"c{i:02}", i, i, i) for i in range(29)])
    assert few.customers.tolist() == [29, 29] and few.gini.isna().all() and few.lead_low.isna().all()
    assert judged(load_table, [(f"c{i:02}", i, i, None) for i in range(40)]).gini.isna().all()
    empty = ranking_power(*tables(load_table, []), measures=["score"], against="monetary_value")
    assert tuple(empty.columns) == COLUMNS and empty.customers.tolist() == [0]


def test_tenths_keep_customers_of_one_score_together(load_table):
    # Twenty customers; the five best are equal and fill the first tenth and the half of the third that follows them.
    given = [(f"c{i:02}", 100 if i >= 15 else i, i, 10) for i in range(20)]
    found = tenths_next(*tables(load_table, given), measure="score", against="monetary_value")
    assert found.tenth.tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert found.customers.tolist() == [5, 1, 2, 2, 2, 2, 2, 2, 2]
    assert found.next_spend.sum() == 200 and found.next_share.sum() == pytest.approx(1)


def test_tenths_of_different_customers_are_a_tenth_each(load_table):
    given = [(f"c{i:02}", i, 40 - i, 0 if i < 20 else 5) for i in range(40)]
    found = tenths_next(*tables(load_table, given), measure="score", against="monetary_value")
    expected = pd.DataFrame(
        {
            "tenth": range(1, 11),
            "customers": [4] * 10,
            "next_spend": [20.0] * 5 + [0.0] * 5,
            "next_share": [0.2] * 5 + [0.0] * 5,
            "spend_per_customer": [5.0] * 5 + [0.0] * 5,
            "against_share": [0.0] * 5 + [0.2] * 5,
        }
    )
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    nothing = tenths_next(*tables(load_table, [(f"c{i:02}", i, i, None) for i in range(40)]), measure="score", against="monetary_value")
    assert nothing.next_share.isna().all() and nothing.next_spend.eq(0).all()
