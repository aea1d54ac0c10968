"""Ten customers a month apart: who moved, and who was passed by a border."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.migration import ARRIVED, GONE, migration, migration_summary, scores_by_thresholds, size_changes
from custkit.analysis.rfm import rfm_scores, score_thresholds
from custkit.segments import Segment

VALUES = pa.schema(
    {"customer_id": pa.string(), "recency_days": pa.int64(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4)}
)
MAP = (Segment(name="High", m="4-5"), Segment(name="Low", m="1-3"))


@pytest.fixture
def month(load_table):
    def put(spend):
        rows = [{"customer_id": c, "recency_days": 5, "frequency": 1, "monetary_value": amount} for c, amount in spend.items()]
        return load_table("values", rows, schema=VALUES)

    return put


BEFORE = {"a": 10, "b": 20, "c": 30, "d": 40, "e": 50}  # scores 1 to 5: d and e are high


def found(matrix):
    return {(row.segment_before, row.segment): tuple(row[3:]) for row in matrix.itertuples()}


def test_who_spends_more_moves_by_behaviour_and_who_is_overtaken_moves_by_borders(month):
    # c spends 60 and is high; d did nothing new, still has last month's 40, but only two of five can stand where the border was.
    matrix = migration(month(BEFORE), month({**BEFORE, "c": 60}), segments=MAP)
    assert found(matrix) == {
        ("High", "High"): (1, 0.5, 0, 0),
        ("High", "Low"): (1, 0.5, 0, 1),
        ("Low", "High"): (1, 1 / 3, 1, 0),
        ("Low", "Low"): (2, 2 / 3, 0, 0),
    }


def test_nothing_changed_and_nobody_moved(month):
    matrix = migration(month(BEFORE), month(BEFORE), segments=MAP)
    assert found(matrix) == {("High", "High"): (2, 1.0, 0, 0), ("Low", "Low"): (3, 1.0, 0, 0)}


def test_customers_who_come_and_go_are_counted_on_the_rim(month):
    after = {**BEFORE, "f": 5}
    del after["e"]
    matrix = migration(month(BEFORE), month(after), segments=MAP)
    counts = {cell: figures[0] for cell, figures in found(matrix).items()}
    assert counts == {("High", "High"): 1, ("High", GONE): 1, ("Low", "High"): 1, ("Low", "Low"): 2, (ARRIVED, "Low"): 1}
    assert matrix[matrix.segment_before != ARRIVED].customers.sum() == 5
    assert matrix[matrix.segment != GONE].customers.sum() == 5


def test_the_summary_balances(month):
    after = {**BEFORE, "c": 60, "f": 5}
    del after["e"]
    summary = migration_summary(migration(month(BEFORE), month(after), segments=MAP))
    out = summary.moved_by_behaviour + summary.moved_by_borders + summary.gone
    assert (summary.customers_before - out == summary.stayed).all()
    assert (summary.stayed + summary.moved_in + summary.arrived == summary.customers).all()
    assert summary.customers_before.sum() == 5
    assert summary.customers.sum() == 5


def test_the_first_month_has_nothing_before_it(month):
    matrix = migration(month({}), month(BEFORE), segments=MAP)
    assert found(matrix) == {(ARRIVED, "High"): (2, 0.4, 0, 0), (ARRIVED, "Low"): (3, 0.6, 0, 0)}
    assert migration_summary(matrix).customers_before.sum() == 0
    assert migration(month({}), month({}), segments=MAP).empty


def test_last_months_thresholds_give_last_months_scores_back(month, rows):
    scores = rfm_scores(month(BEFORE))
    again = scores_by_thresholds(month(BEFORE), thresholds=score_thresholds(scores))
    assert rows(again, by="customer_id") == rows(scores, by="customer_id")


def test_a_value_between_two_scores_gets_the_lower_one(month, rows):
    thresholds = score_thresholds(rfm_scores(month(BEFORE)))
    held = scores_by_thresholds(month({"a": 1, "b": 49.99, "c": 999}), thresholds=thresholds)
    assert [row[-1] for row in rows(held, by="customer_id")] == [1, 4, 5]


def test_a_segment_that_only_lost_has_shrunk_and_one_that_swapped_has_not():
    summary = pd.DataFrame(
        {
            "segment": ["Lost", "Swapped"],
            "customers_before": [100, 100],
            "stayed": [60, 60],
            "moved_by_behaviour": [30, 40],
            "moved_by_borders": [5, 0],
            "gone": [5, 0],
            "moved_in": [0, 42],
            "arrived": [3, 0],
            "customers": [63, 102],
        }
    )
    changes = size_changes(summary)
    assert changes.segment.tolist() == ["Lost", "Swapped"]
    assert changes.difference.tolist() == [-37, 2]
    assert changes.significant.tolist() == [True, False]
