"""Parts add up to a whole that was counted another way; where they do not, the page stops and says which."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pandas as pd
import pytest

from custkit.analysis.conservation import COLUMNS, Base, BrokenLaw, base, laws
from custkit.errors import INTERNAL
from custkit.present.findings import conservation as findings


def test_the_base_is_counted_straight_from_the_orders(load_table):
    orders = [
        {"order_id": "o1", "customer_id": "ann", "ordered_at": "2026-10-02", "revenue": 10.10, "is_purchase": True},
        {"order_id": "o2", "customer_id": "ann", "ordered_at": "2026-10-02", "revenue": 0.20, "is_purchase": True},
        {"order_id": "o3", "customer_id": "bob", "ordered_at": "2026-09-30 23:59", "revenue": 5, "is_purchase": True},
        {"order_id": "o4", "customer_id": "cai", "ordered_at": "2026-10-09", "revenue": -3, "is_purchase": False},  # only returned
        {"order_id": "o5", "customer_id": None, "ordered_at": "2026-10-31 23:59", "revenue": 7, "is_purchase": True},
        {"order_id": "o6", "customer_id": "dee", "ordered_at": "2026-11-01", "revenue": 99, "is_purchase": True},
    ]
    table = load_table("orders", orders)
    october = base(table, start=datetime(2026, 10, 1), as_of=datetime(2026, 11, 1))
    assert october == Base(1, 2, Decimal("7.3"), Decimal("14.3"))
    assert base(table, as_of=datetime(2026, 11, 1)) == Base(2, 3, Decimal("12.3"), Decimal("19.3"))
    assert base(table, as_of=datetime(2020, 1, 1)) == Base(0, 0, Decimal(0), Decimal(0))


def test_laws_that_hold_are_counted_one_row_a_law():
    told = laws(
        segment_customers=(pd.Series([3, 4]), 7),
        segment_revenue=([10.1, 0.2], Decimal("10.3")),
        migration_before=({"Loyal": 3, "New": 4}, pd.Series({"New": 4, "Loyal": 3})),
    )
    assert list(told.columns) == list(COLUMNS)
    assert told.law.tolist() == ["segment_customers", "segment_revenue", "migration_before"]
    assert told.sums.tolist() == [1, 1, 2]
    assert told.whole.tolist() == pytest.approx([7, 10.3, 7])


def test_a_customer_who_stands_in_no_segment_stops_the_page():
    with pytest.raises(BrokenLaw, match=r"`segment_customers` does not add up \(.*\): parts 6, whole 7, difference -1$") as broken:
        laws(segment_customers=([2, 4], 7))
    assert broken.value.exit_code == INTERNAL


def test_a_missing_cent_stops_the_page_and_half_a_cent_of_float_dust_does_not():
    with pytest.raises(BrokenLaw, match=r"parts 10\.2900, whole 10\.3000, difference -0\.0100"):
        laws(segment_revenue=([10.09, 0.2], Decimal("10.3")))
    assert len(laws(segment_revenue=([0.1] * 3, 0.3), bridge=([1e9, 0.1, -1e9], 0.1))) == 2


def test_a_part_that_is_missing_stops_the_page():
    with pytest.raises(BrokenLaw, match="parts unknown, whole 3"):
        laws(stage_customers=([1.0, float("nan"), 2.0], 3))


def test_groups_are_held_one_by_one_and_not_against_their_total():
    with pytest.raises(BrokenLaw, match=r"`migration_before` of Loyal does not add up .* parts 4, whole 3"):
        laws(migration_before=({"Loyal": 4, "New": 3}, {"Loyal": 3, "New": 4}))
    with pytest.raises(BrokenLaw, match=r"`migration_before` of Gone .* parts 0, whole 2"):
        laws(migration_before=({"New": 4}, {"New": 4, "Gone": 2}))


def test_a_law_must_be_known_and_groups_need_groups():
    with pytest.raises(ValueError, match="`segments` is no law; there are bridge"):
        laws(segments=([1], 1))
    with pytest.raises(ValueError, match="parts by group"):
        laws(migration_before=([1], {"New": 1}))


def test_the_page_says_in_one_quiet_line_that_everything_adds_up():
    told = laws(segment_customers=([3, 4], 7), migration_before=({"Loyal": 3, "New": 4}, {"Loyal": 3, "New": 4}))
    finding = findings.adds_up(told)
    assert (finding.headline, finding.tone) == ("All 3 sums on this page add up.", "quiet")
    assert [fact.key for fact in finding.facts] == ["law_segment_customers", "law_migration_before"]
    assert finding.facts[0].receipt() == "7; 1 sum that holds: customers by segment against those who bought in the last 365 days."
    assert findings.adds_up(laws(segment_customers=([7], 7))).headline == "The 1 sum on this page adds up."
    assert "nothing has to add up" in findings.adds_up(laws()).headline
    rows = findings.laws_table(told).payload["rows"]
    assert [cell["text"] for cell in rows[1]] == [
        "rows of the migration against each segment's customers of last month", "2", "7", "7",
    ]  # fmt: skip
