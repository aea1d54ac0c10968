"""Tiers and points, worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from custkit.analysis.tiers import (
    ACTIVITY_COLUMNS,
    NO_TIER,
    member_tiers,
    tier_activity,
    tier_moves,
    tier_ranks,
)
from custkit.present.findings.loyalty_tracking import tier_finding

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
    # Who left a programme is idle of course: those without a tier are told apart.
    assert tier_finding(activity).detail.startswith("1 of the idle hold no tier.")
    assert "hold no tier" not in tier_finding(activity[activity["tier"] == NO_TIER]).detail


def test_a_statement_of_no_points_is_no_movement(load_table):
    # An airline sends every member every month, most of them with 0 points: nobody was ever idle.
    ledger = [
        entry("1", "quiet", "2026-02-28", "earn", 60),
        entry("2", "quiet", "2026-10-31", "earn", 0),
        entry("3", "quiet", "2026-10-31", "redeem", 0),
        entry("4", "unknown", "2026-10-31", "earn", None),
    ]
    activity = tier_activity(load_table("loyalty_ledger", ledger), start=START, as_of=AS_OF)
    assert activity[["members", "idle_members"]].to_numpy().tolist() == [[2, 1]]


def test_points_that_lapse_are_not_known_where_no_entry_says_when(load_table):
    # Previously told as 0 points, of an airline whose file has no dates of lapse.
    ledger = [entry("1", "anna", "2026-10-31", "earn", 60), entry("2", "ben", "2026-10-31", "tier", tier="silver")]
    activity = tier_activity(load_table("loyalty_ledger", ledger), start=START, as_of=AS_OF)
    assert activity["expiring_points"].isna().all()
    told = tier_finding(activity)
    assert "When points lapse the data do not say." in told.detail
    assert {fact.key: fact.value for fact in told.facts}["loyalty.expiring_points"] is None


def test_a_client_without_a_programme_gets_an_empty_page_and_no_claim(load_table):
    activity = tier_activity(load_table("loyalty_ledger", []), start=START, as_of=AS_OF)
    assert activity.empty and list(activity.columns) == list(ACTIVITY_COLUMNS)
    assert tier_finding(activity).tone == "quiet"


def test_a_period_that_ends_before_it_starts_is_refused(load_table):
    with pytest.raises(ValueError, match="is not before as_of"):
        tier_activity(load_table("loyalty_ledger", []), start=AS_OF, as_of=START)
