"""Tiers and points, worked by hand, and the stop after a tier on small made-up clubs."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from custkit.analysis.tiers import (
    ACTIVITY_COLUMNS,
    NO_TIER,
    STOP_COLUMNS,
    member_tiers,
    stops_after_tier,
    tier_activity,
    tier_candidates,
    tier_moves,
    tier_ranks,
)
from custkit.present.findings.loyalty_tracking import stop_finding, tier_finding

START, AS_OF = datetime(2026, 10, 1), datetime(2026, 11, 1)


def entry(entry_id: str, customer_id: str, at: str, kind: str, points: float = 0, **more: Any) -> dict[str, Any]:
    return {"entry_id": entry_id, "customer_id": customer_id, "occurred_at": at, "entry_type": kind, "points": points, **more}


# Anna climbs to gold, falls back to silver and climbs again at one instant; Ben is silver and idle; Cem collects without a tier.
LEDGER = [
    entry("01", "anna", "2026-01-01", "tier", tier="silver"),
    entry("02", "anna", "2026-02-01", "earn", 100, expires_at="2026-12-01"),
    entry("03", "anna", "2026-02-02", "tier", tier="gold"),
    entry("04", "anna", "2026-10-05", "tier", tier="silver"),
    entry("05", "anna", "2026-10-06", "earn", 50, expires_at="2027-06-01"),
    entry("06", "anna", "2026-10-07", "redeem", -30),
    entry("07", "anna", "2026-10-20", "tier", tier="silver"),
    entry("08", "anna", "2026-10-21", "tier", tier="gold"),
    entry("09", "ben", "2026-01-01", "tier", tier="silver"),
    entry("10", "ben", "2026-03-01", "earn", 40, expires_at="2026-10-15"),
    entry("11", "ben", "2026-10-15", "expire", -40),
    entry("12", "cem", "2026-10-02", "earn", 5, expires_at="2026-11-15"),
    entry("13", "cem", "2026-10-03", "adjust", 2),
]


def test_a_move_to_the_tier_already_held_is_none(load_table, rows):
    moves = tier_moves(load_table("loyalty_ledger", LEDGER)).select("entry_id", "customer_id", "tier", "previous_tier")
    assert rows(moves, by="entry_id") == [
        ("01", "anna", "silver", None),
        ("03", "anna", "gold", "silver"),
        ("04", "anna", "silver", "gold"),
        ("08", "anna", "gold", "silver"),
        ("09", "ben", "silver", None),
    ]


def test_the_tier_held_is_that_of_the_last_move(load_table, rows):
    ledger = load_table("loyalty_ledger", LEDGER)
    assert rows(member_tiers(ledger).select("customer_id", "tier"), by="customer_id") == [
        ("anna", "gold"),
        ("ben", "silver"),
        ("cem", NO_TIER),
    ]
    earlier = ledger.filter(ledger.occurred_at < datetime(2026, 10, 10))
    assert rows(member_tiers(earlier).select("customer_id", "tier"), by="customer_id")[0] == ("anna", "silver")


def test_two_moves_at_one_instant_follow_their_entry_ids(load_table, rows):
    ledger = load_table(
        "loyalty_ledger", [entry("2", "eva", "2026-05-01", "tier", tier="gold"), entry("1", "eva", "2026-05-01", "tier", tier="silver")]
    )
    assert rows(member_tiers(ledger).select("customer_id", "tier"), by="customer_id") == [("eva", "gold")]


def test_a_member_who_loses_the_tier_has_none_and_has_moved_down(load_table):
    ledger = [
        entry("1", "eva", "2026-05-01", "tier", tier="silver"),
        entry("2", "eva", "2026-10-05", "tier"),
        entry("3", "fay", "2026-05-01", "tier"),
        entry("4", "fay", "2026-10-05", "tier", tier="silver"),
    ]
    activity = tier_activity(load_table("loyalty_ledger", ledger), start=START, as_of=AS_OF)
    assert activity[["tier", "members", "upgrades", "downgrades"]].to_numpy().tolist() == [[NO_TIER, 1, 0, 1], ["silver", 1, 1, 0]]


def test_tiers_are_ranked_by_the_points_they_take_or_as_the_client_says(load_table, rows):
    ledger = load_table("loyalty_ledger", LEDGER)
    assert rows(tier_ranks(ledger), by="tier") == [("gold", 2), ("silver", 1)]
    assert rows(tier_ranks(ledger, order=["gold", "silver"]), by="tier") == [("gold", 1), ("silver", 2)]


def test_points_in_and_out_add_up_to_the_balance(load_table):
    activity = tier_activity(load_table("loyalty_ledger", LEDGER), start=START, as_of=AS_OF)
    # Anna's first 100 points lapse on 1 December and 30 are used already; Cem's 5 lapse on 15 November.
    expected = pd.DataFrame(
        [
            (NO_TIER, 1, 0.0, 5.0, 0.0, 0.0, 2.0, 7.0, 5.0, 0, 0, 0),
            ("silver", 1, 40.0, 0.0, 0.0, 40.0, 0.0, 0.0, 0.0, 1, 0, 1),
            ("gold", 1, 100.0, 50.0, 30.0, 0.0, 0.0, 120.0, 70.0, 0, 1, 0),
        ],
        columns=list(ACTIVITY_COLUMNS),
    ).astype({"tier": "str"})
    pd.testing.assert_frame_equal(activity, expected)
    points = activity.drop(columns="tier").sum()
    kept = points["opening_points"] + points["earned_points"] - points["redeemed_points"] - points["expired_points"]
    assert kept + points["adjusted_points"] == points["points_balance"]


def test_members_who_move_no_points_for_half_a_year_are_idle(load_table):
    at = AS_OF - timedelta(days=180)
    ledger = [
        entry("1", "just", at.isoformat(), "earn", 1),
        entry("2", "late", (at - timedelta(seconds=1)).isoformat(), "earn", 1),
        entry("3", "never", "2026-10-30", "tier", tier="silver"),
    ]
    activity = tier_activity(load_table("loyalty_ledger", ledger), start=START, as_of=AS_OF)
    assert dict(zip(activity["tier"], activity["idle_members"], strict=True)) == {NO_TIER: 1, "silver": 1}


def test_a_client_without_a_programme_gets_an_empty_page_and_no_claim(load_table):
    orders, ledger = load_table("orders", []), load_table("loyalty_ledger", [])
    activity = tier_activity(ledger, start=START, as_of=AS_OF)
    stops = stops_after_tier(tier_candidates(orders, ledger, as_of=AS_OF))
    assert activity.empty and list(activity.columns) == list(ACTIVITY_COLUMNS)
    assert stops.empty and list(stops.columns) == list(STOP_COLUMNS)
    assert tier_finding(activity).tone == stop_finding(stops).tone == "quiet"


def test_a_period_that_ends_before_it_starts_is_refused(load_table):
    with pytest.raises(ValueError, match="is not before as_of"):
        tier_activity(load_table("loyalty_ledger", []), start=AS_OF, as_of=START)


# --- stops after a tier [S65] -----------------------------------------------------------------------------------------


def club(*, members: int, stay: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two kinds of member with one purchase a month at 40: half reach gold with the third one (a bonus of 5 makes 125), half just miss.

    Of those who reached gold the first `stay` buy again a month later; of the others everyone does.
    """
    orders, ledger = [], []
    for i in range(2 * members):
        name, golden = f"m{i:03d}", i < members
        amounts = [40, 40, 45 if golden else 40]
        again = [40] if not golden or i < stay else []
        ledger.append(entry(f"{name}-0", name, "2026-01-01", "tier", tier="member"))
        for month, amount in enumerate([*amounts, *again], start=1):
            day = f"2026-{month:02d}-15"
            orders.append({"order_id": f"{name}-{month}", "customer_id": name, "order_date": day, "revenue": amount})
        if golden:
            ledger.append(entry(f"{name}-1", name, "2026-03-15 12:00", "tier", tier="gold"))
    return orders, ledger


def test_members_who_reach_a_tier_are_set_beside_those_who_just_missed_it(load_table, rows):
    orders, ledger = club(members=2, stay=1)
    candidates = tier_candidates(load_table("orders", orders), load_table("loyalty_ledger", ledger), as_of=AS_OF)
    names = ["tier", "customer_id", "reached", "lookback_spend", "before", "after", "before_orders", "after_orders"]
    # The threshold is 125; near it, from 94 to 156, stand the third orders only.
    assert rows(candidates.select(names), by=["customer_id", "tier"]) == [
        ("gold", "m000", True, 125.0, 125.0, 40.0, 3, 1),
        ("gold", "m001", True, 125.0, 125.0, 0.0, 3, 0),
        ("gold", "m002", False, 120.0, 120.0, 40.0, 3, 1),
        ("gold", "m003", False, 120.0, 120.0, 40.0, 3, 1),
    ]


def test_an_order_too_young_to_be_followed_is_left_out(load_table, rows):
    orders, ledger = club(members=2, stay=1)
    loaded = load_table("orders", orders), load_table("loyalty_ledger", ledger)
    assert rows(tier_candidates(*loaded, as_of=datetime(2026, 6, 13)), by="customer_id") == []
    assert len(rows(tier_candidates(*loaded, as_of=datetime(2026, 6, 14)), by="customer_id")) == 4


def cell(tier: str, customer: int, reached: bool, before: float, after: float, *, orders: int = 3) -> dict[str, Any]:
    return {
        "tier": tier, "customer_id": f"{tier}{customer}{reached}", "reached": reached, "threshold": 100.0, "before": before, "after": after,
        "before_orders": orders, "after_orders": int(after > 0),
    }  # fmt: skip


def candidates_of(load_table, cells: list[dict[str, Any]]):
    import pyarrow as pa

    schema = pa.schema({
        "tier": pa.string(), "customer_id": pa.string(), "reached": pa.bool_(), "threshold": pa.float64(), "before": pa.float64(),
        "after": pa.float64(), "before_orders": pa.int64(), "after_orders": pa.int64(),
    })  # fmt: skip
    return load_table("orders", cells, schema=schema)


def test_near_missers_are_weighted_as_the_members_who_reached_the_tier(load_table):
    # Two groups: three orders and 90 before (2 reached, 1 missed), one order and 50 before (1 reached, 2 missed).
    cells = [
        cell("gold", 1, True, 90, 30), cell("gold", 2, True, 90, 0), cell("gold", 3, False, 90, 60),
        cell("gold", 4, True, 50, 20, orders=1), cell("gold", 5, False, 50, 20, orders=1), cell("gold", 6, False, 50, 40, orders=1),
    ]  # fmt: skip
    stops = stops_after_tier(candidates_of(load_table, cells)).iloc[0]
    assert (stops["tier"], stops["reached"], stops["near_missers"], stops["threshold"]) == ("gold", 3, 3, 100)
    assert (stops["before_reached"], stops["before_missed"]) == (pytest.approx(230 / 3), pytest.approx(230 / 3))
    assert stops["after_reached"] == pytest.approx(50 / 3)
    assert stops["after_missed"] == pytest.approx(2 / 3 * 60 + 1 / 3 * 30)
    assert stops["effect"] == pytest.approx(50 / 3 - 50)
    # Pooled variances: reached ((30−15)² + (0−15)²) / 1 = 450 over 3 members; missed (10² + 10²) / 1 = 200, weights ⅔² / 1 + ⅓² / 2.
    assert stops["effect_high"] - stops["effect"] == pytest.approx(1.959964 * math.sqrt(450 / 3 + 200 * (4 / 9 + 1 / 18)), rel=1e-6)
    assert (stops["again_reached"], stops["again_missed"]) == (pytest.approx(2 / 3), 1)


def test_members_without_a_like_near_misser_are_not_compared(load_table):
    cells = [cell("gold", 1, True, 90, 30), cell("gold", 2, False, 40, 60), cell("gold", 3, False, 90, 60, orders=1)]
    assert stops_after_tier(candidates_of(load_table, cells)).empty


def test_a_fall_that_near_missers_share_is_no_effect_of_the_tier(load_table):
    """Regression to the mean: everyone spends 90 before and 45 after, tier or no tier."""
    cells = [cell("gold", i, reached, 90, 35 + 20 * (i % 2)) for i in range(40) for reached in (True, False)]
    stops = stops_after_tier(candidates_of(load_table, cells))
    assert stops["effect"].tolist() == [0] and stops["effect_low"][0] < 0 < stops["effect_high"][0]
    assert stop_finding(stops).tone == "quiet"


def test_a_stop_after_a_tier_is_told_with_both_shares(load_table):
    cells = [cell("gold", i, True, 90, 40 * (i % 2)) for i in range(40)] + [cell("gold", i, False, 90, 40) for i in range(40)]
    finding = stop_finding(stops_after_tier(candidates_of(load_table, cells)))
    assert finding.headline == "Members stop after reaching gold: 50.0% buy again, against 100.0% of near-missers."


def test_few_members_carry_no_claim(load_table):
    cells = [cell("gold", i, True, 90, 0) for i in range(29)] + [cell("gold", i, False, 90, 40) for i in range(40)]
    assert stop_finding(stops_after_tier(candidates_of(load_table, cells))).tone == "quiet"
