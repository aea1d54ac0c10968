"""Value today, place on the way, three angles and the effectiveness of buying, worked by hand."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from custkit.analysis.effectiveness import effectiveness
from custkit.analysis.value_angles import HIGH, LOW, MIDDLE, positions, value_angles, value_by_position, value_by_segment
from custkit.client import Lifecycle

RULES = Lifecycle(active_days=30, dormant_days=90)
SCORED = pa.schema(
    {
        "customer_id": pa.string(), "recency_days": pa.int64(), "tenure_days": pa.int64(), "frequency": pa.int64(),
        "monetary_value": pa.decimal128(38, 4), "order_value": pa.float64(), "cycle_days": pa.float64(),
        "margin": pa.decimal128(38, 4), "f_score": pa.int64(), "m_score": pa.int64(),
    }
)  # fmt: skip


@pytest.fixture
def scored(load_table):
    def put(*people):
        names = SCORED.names
        return load_table("scored", [dict(zip(names, person, strict=False)) for person in people], schema=SCORED)

    return put


#          name, days, tenure, orders, spend, order value, cycle, margin, f, m
ANN = ("ann", 5, 300, 4, 400, 100.0, 10.0, 200, 5, 5)
BOB = ("bob", 31, 300, 4, 80, 20.0, 40.0, None, 5, 3)
CAI = ("cai", 91, 300, 4, 160, 40.0, 10.0, 80, 5, 4)
DEE = ("dee", 3, 30, 1, 60, 60.0, None, 12, 1, 2)


def test_where_a_customer_stands_follows_the_clients_own_days(scored, rows):
    placed = positions(scored(ANN, BOB, CAI, DEE), rules=RULES).select("customer_id", "value_level", "position")
    assert rows(placed, by="customer_id") == [
        ("ann", HIGH, "active"), ("bob", MIDDLE, "quiet"), ("cai", MIDDLE, "asleep"), ("dee", LOW, "new"),
    ]  # fmt: skip
    edge = scored(("a", 30, 31, 1, 1, 1.0, None, 1, 1, 1), ("b", 90, 91, 1, 1, 1.0, None, 1, 1, 1))
    assert [row[1] for row in rows(positions(edge, rules=RULES).select("customer_id", "position"), by="customer_id")] == ["active", "quiet"]


def test_every_pair_of_value_and_place_has_a_row(scored):
    grid = value_by_position(positions(scored(ANN, BOB, CAI, DEE), rules=RULES))
    assert len(grid) == 12 and grid.customers.sum() == 4
    cell = grid.set_index(["row", "column"]).loc[(MIDDLE, "asleep")]
    assert cell.tolist() == [1, 0.5, 160.0, 160 / 700]
    assert grid[grid.row == HIGH].customer_share.tolist() == [0.0, 1.0, 0.0, 0.0]
    empty = value_by_position(positions(scored(), rules=RULES))
    assert empty.customers.sum() == 0 and empty.revenue_share.isna().all()


def test_potential_is_the_gap_to_the_best_quarter_of_those_who_order_as_often(scored, rows):
    # Order values of those with frequency score 5: 20, 40, 100; three quarters of the way lies 70. bob: (70 − 20) × 4. cai sleeps.
    valued = value_angles(scored(ANN, BOB, CAI, DEE), rules=RULES).select("customer_id", "margin", "potential")
    assert rows(valued, by="customer_id") == [("ann", 200.0, 0.0), ("bob", None, 200.0), ("cai", 80.0, 0.0), ("dee", 12.0, 0.0)]


def test_a_margin_in_the_client_file_stands_in_where_costs_are_not_known(scored, rows):
    valued = value_angles(scored(ANN, BOB), rules=RULES, gross_margin=0.25).select("customer_id", "margin")
    assert rows(valued, by="customer_id") == [("ann", 200.0), ("bob", 20.0)]


def test_effectiveness_is_the_mean_of_three_parts_that_stand_beside_it(scored, rows):
    pointed = effectiveness(scored(ANN, BOB, CAI, DEE)).select(
        "customer_id", "frequency_points", "ticket_points", "cycle_points", "effectiveness"
    )
    assert rows(pointed, by="customer_id") == [
        ("ann", 100, 100, 100, 100),
        ("bob", 100, 25, 33, 52),  # of three with a cycle, one is no better than his forty days
        ("cai", 100, 50, 100, 83),  # as often and as soon as ann: equal points
        ("dee", 25, 75, 0, 33),  # one order: no cycle yet, and no points for it
    ]


def test_one_customer_alone_is_as_effective_as_can_be(scored, rows):
    assert rows(effectiveness(scored(ANN)).select("customer_id", "effectiveness"), by="customer_id") == [("ann", 100)]
    assert rows(effectiveness(scored(DEE)).select("customer_id", "effectiveness"), by="customer_id") == [("dee", 66)]
    assert rows(effectiveness(scored()), by="customer_id") == []


def test_the_three_angles_add_up_by_segment(scored):
    tags = scored(ANN, BOB, CAI, DEE).pipe(value_angles, rules=RULES).pipe(effectiveness)
    found = value_by_segment(tags.mutate(segment=(tags.frequency > 1).ifelse("often", "once")))
    expected = pd.DataFrame(
        {
            "segment": ["often", "once"],
            "customers": [3, 1],
            "revenue": [640.0, 60.0],
            "revenue_share": [640 / 700, 60 / 700],
            "margin": [280.0, 12.0],
            "margin_share": [280 / 292, 12 / 292],
            "potential": [200.0, 0.0],
            "potential_share": [1.0, 0.0],
            "effectiveness": [235 / 3, 33.0],
            "frequency_points": [100.0, 25.0],
            "ticket_points": [175 / 3, 75.0],
            "cycle_points": [233 / 3, 0.0],
        }
    )
    pd.testing.assert_frame_equal(found, expected)
