"""Sixty customers in two cells: what those who stood there did, those who stand there now will do."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.like_for_like import cell_orders, like_for_like, with_cell

SUMMARY = pa.schema([("customer_id", pa.string()), ("frequency", pa.int64()), ("recency", pa.int64()), ("T", pa.int64())])
# Forty who bought once, up to 30 days ago, made 20 purchases in 100 days; thirty who bought twice and are silent for long made 3.
SEEN = pd.DataFrame(
    {
        "frequency": [0, 0, 1, 9],
        "recency": [0, 0, 10, 300],
        "T": [30, 0, 200, 310],
        "customers": [25, 15, 30, 2],
        "actual_orders": [15.0, 5.0, 3.0, 7.0],
    }
)


def test_a_cell_tells_purchases_per_day_and_a_small_one_takes_the_mean_of_all():
    cells = like_for_like(SEEN, days=100).set_index(["frequency", "silence"])
    assert len(cells) == 8 * 4
    assert cells.loc[(0, 0), "customers"] == 40 and cells.loc[(0, 0), "orders_per_day"] == pytest.approx(20 / 40 / 100)
    assert cells.loc[(1, 3), "orders_per_day"] == pytest.approx(3 / 30 / 100)
    assert cells.loc[(0, 3), "orders_per_day"] == pytest.approx(20 / 40 / 100)  # nobody there: the mean of who bought once
    assert cells.loc[(7, 0), "customers"] == 2  # nine purchases are seven and more
    assert cells.loc[(7, 0), "orders_per_day"] == pytest.approx(30 / 72 / 100)  # two are too few: the mean of everybody


def test_silence_of_just_thirty_days_is_the_first_class():
    cells = like_for_like(SEEN, days=100)
    found = cell_orders(cells, pd.DataFrame({"frequency": [0, 1], "recency": [0, 10], "T": [30, 191]}), days=50)
    assert found == pytest.approx([20 / 40 / 2, 3 / 30 / 2])


def test_the_engine_puts_customers_into_the_same_cells(load_table, rows):
    given = [("a", 0, 0, 30), ("b", 0, 0, 31), ("c", 9, 300, 390), ("d", 7, 300, 391), ("e", 1, 0, 180), ("f", 1, 0, 181)]
    placed = with_cell(load_table("summary", [dict(zip(SUMMARY.names, row, strict=True)) for row in given], schema=SUMMARY))
    assert [(row[0], *row[-2:]) for row in rows(placed, by="customer_id")] == [
        ("a", 0, 0), ("b", 0, 1), ("c", 7, 1), ("d", 7, 2), ("e", 1, 2), ("f", 1, 3),
    ]  # fmt: skip


def test_without_histories_every_cell_is_empty():
    cells = like_for_like(SEEN.iloc[:0], days=100)
    assert len(cells) == 32 and cells["customers"].sum() == 0
