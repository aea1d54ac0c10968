"""What `clip` of Ibis does, in a query that does not grow ninefold with each use."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

from custkit.engine import clipped, fetch, to_float

SCHEMA = pa.schema([("customer_id", pa.string()), ("waited", pa.int64()), ("late", pa.float64())])
ROWS = [
    {"customer_id": "anna", "waited": 0, "late": -70.5},
    {"customer_id": "ben", "waited": 7, "late": 0.25},
    {"customer_id": "cleo", "waited": 90, "late": float("inf")},
    {"customer_id": "dora", "waited": None, "late": None},
]


def test_values_stay_between_the_bounds_and_null_stays_null(load_table):
    table = load_table("waits", ROWS, schema=SCHEMA)
    told = fetch(
        table.select(
            "customer_id", low=clipped(_.waited, 1), high=clipped(_.waited, upper=30), both=clipped(table.late, -50.0, 50.0),
            share=clipped(to_float(_.waited) / 90.0, 0.0, 0.5),
        ).order_by("customer_id")
    ).to_pydict()  # fmt: skip
    assert told["low"] == [1, 7, 90, None] and told["high"] == [0, 7, 30, None]
    assert told["both"] == [-50.0, 0.25, 50.0, None] and told["share"] == [0.0, 7 / 90, 0.5, None]
    assert fetch(table.select(x=clipped(_.late, -50.0, 50.0))).schema.field("x").type == pa.float64()


def test_it_answers_as_clip_does(load_table):
    table = load_table("waits", ROWS, schema=SCHEMA)
    ours = table.select("customer_id", a=clipped(_.waited, 1, 30), b=clipped(_.late, -5.0), c=clipped(_.late, upper=5.0))
    theirs = table.select("customer_id", a=_.waited.clip(1, 30), b=_.late.clip(lower=-5.0), c=_.late.clip(upper=5.0))
    assert fetch(ours.order_by("customer_id")).equals(fetch(theirs.order_by("customer_id")))


def test_one_inside_another_writes_a_value_four_times():
    table = ibis.table({"late": "float64"}, name="waits")
    sql = ibis.to_sql(table.select(x=clipped(clipped(_.late, -9.0, 9.0).exp(), 1.0, 5.0)), dialect="duckdb")
    assert sql.count('"late"') == 4
