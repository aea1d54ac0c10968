"""Who stops at a tier, who moves, what points are left: worked by hand on small made-up clubs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from custkit.analysis.answers import answer_moods
from custkit.analysis.conservation import BrokenLaw, loyalty_laws
from custkit.analysis.ladder import growth_stops
from custkit.analysis.points import breakage, points_ageing, points_by_month, points_held
from custkit.analysis.recommendation import EVERYBODY, nps_tier_quarters
from custkit.analysis.tier_changes import changes_by_month, tier_matrix
from custkit.analysis.tier_stop import COLUMNS, qualifying_orders, tier_stops
from custkit.engine import frame
from custkit.present.findings.loyalty_tiers import points_finding, tier_stop_finding

AS_OF = datetime(2026, 11, 1)


def entry(i, customer, day, kind, points=0, lapses=None, tier=None):
    at = datetime.fromisoformat(day)
    when = datetime.fromisoformat(lapses) if lapses else None
    return {
        "entry_id": f"e{i:05d}", "customer_id": customer, "occurred_at": at, "entry_type": kind, "points": points,
        "expires_at": when, "tier": tier,
    }  # fmt: skip


LEDGER = [
    entry(1, "ann", "2025-01-10", "earn", 100, "2026-01-10"),
    entry(2, "ann", "2025-06-10", "redeem", -30),
    entry(3, "ann", "2026-01-10", "expire", -70),
    entry(4, "ann", "2026-09-10", "earn", 50, "2027-09-10"),
    entry(5, "bob", "2025-03-10", "earn", 40, "2026-03-10"),
    entry(6, "bob", "2026-02-10", "redeem", -40),
    entry(7, "bob", "2026-06-01", "earn", 20, "2027-06-01"),
    entry(8, "ann", "2025-06-11", "tier", tier="silver"),
    entry(9, "ann", "2026-10-05", "tier", tier="gold"),
    entry(10, "bob", "2026-10-06", "tier", tier="silver"),
]


def test_points_flow_age_and_lapse_as_in_the_ledger(load_table):
    ledger = load_table("loyalty_ledger", LEDGER)
    flow = points_by_month(ledger, as_of=AS_OF, months=50).set_index("month")
    assert flow.index[0] == "2025-01" and len(flow) == 22 and flow["closing_points"].iloc[-1] == 70
    assert flow.loc["2026-01", ["opening_points", "expired_points", "closing_points"]].tolist() == [110, 70, 40]
    left = frame(points_held(ledger)).set_index("entry_id")["left_points"].astype(float).to_dict()
    assert left == {"e00001": 0, "e00004": 50, "e00005": 0, "e00007": 20}
    ageing = points_ageing(ledger, as_of=AS_OF, point_value=0.5)
    assert ageing["points"].tolist() == [50, 20, 0, 0] and ageing["liability"].sum() == 35
    lapsed = breakage(ledger, as_of=AS_OF).iloc[0]
    assert (lapsed["due_points"], lapsed["lapsed_points"], lapsed["breakage_rate"]) == (140, 70, 0.5)
    assert points_finding(points_by_month(ledger, as_of=AS_OF), ageing, breakage(ledger, as_of=AS_OF)).facts


def test_whoever_used_more_than_came_in_is_overdrawn_and_the_sum_still_holds(load_table):
    ledger = load_table("loyalty_ledger", [*LEDGER, entry(11, "eve", "2026-05-01", "redeem", -5)])
    ageing = points_ageing(ledger, as_of=AS_OF)
    assert ageing["points"].sum() == 65 and ageing.iloc[-1].tolist()[:3] == ["overdrawn", 1, -5]


def test_a_point_that_is_lost_stops_the_page(load_table):
    ledger = load_table("loyalty_ledger", LEDGER)
    flow, ageing = points_by_month(ledger, as_of=AS_OF), points_ageing(ledger, as_of=AS_OF)
    moves = tier_matrix(ledger, start=datetime(2026, 10, 1))
    assert len(loyalty_laws(ledger, start=datetime(2026, 10, 1), flow=flow, ageing=ageing, moves=moves)) == 3
    for broken in (
        {"flow": flow.assign(redeemed_points=flow["redeemed_points"] + 1)},
        {"ageing": ageing.iloc[1:]},
        {"moves": moves[moves["members"] > 0].iloc[1:]},
    ):
        whole = {"flow": flow, "ageing": ageing, "moves": moves}
        with pytest.raises(BrokenLaw):
            loyalty_laws(ledger, start=datetime(2026, 10, 1), **{**whole, **broken})


def test_moves_are_counted_by_month_and_from_tier_to_tier(load_table):
    ledger = load_table("loyalty_ledger", LEDGER)
    changes = changes_by_month(ledger, start=datetime(2026, 9, 1), as_of=AS_OF, order=("silver", "gold"))
    assert changes.to_numpy().tolist() == [["2026-09", 0, 0, 0], ["2026-10", 1, 1, 0]]
    moves = tier_matrix(ledger, start=datetime(2026, 10, 1), order=("silver", "gold"))
    told = moves[moves["members"] > 0]
    assert told[["tier_before", "tier", "members"]].to_numpy().tolist() == [["no tier", "silver", 1], ["silver", "gold", 1]]


def test_the_score_is_of_the_tier_on_the_day_of_the_answer(load_table):
    ledger = load_table("loyalty_ledger", LEDGER)
    answers = [
        ("r1", "ann", "2026-10-04", 9),
        ("r2", "ann", "2026-10-06", 3),
        ("r3", "bob", "2026-10-01", 8),
        ("r4", None, "2026-10-01", 10),
    ]
    surveys = load_table(
        "surveys",
        [{"response_id": r, "customer_id": c, "answered_at": datetime.fromisoformat(at), "score": float(s)} for r, c, at, s in answers],
    )
    scores = nps_tier_quarters(answer_moods(surveys), ledger, start=datetime(2026, 1, 1), as_of=AS_OF, order=("silver", "gold"))
    whole = scores[scores["quarter"] == EVERYBODY]
    assert whole[["tier", "answers", "nps"]].to_numpy().tolist() == [["no tier", 1, 0.0], ["silver", 1, 1.0], ["gold", 1, -1.0]]
    assert set(scores["quarter"]) == {EVERYBODY, "2026-Q4"} and (scores["nps_low"] <= scores["nps"]).all()


def test_scores_stand_by_quarter_then_by_tier(load_table):
    """Whatever order the engine gives its groups in."""
    ledger = load_table("loyalty_ledger", LEDGER)
    answers = [
        ("ann", "2026-10-06", 3),
        ("bob", "2026-10-01", 8),
        ("ann", "2026-10-03", 9),
        ("bob", "2026-02-01", 10),
        ("ann", "2026-02-03", 2),
    ]
    rows = [
        {"response_id": f"r{i}", "customer_id": who, "answered_at": datetime.fromisoformat(at), "score": float(score)}
        for i, (who, at, score) in enumerate(answers)
    ]
    moods = answer_moods(load_table("surveys", rows))
    scores = nps_tier_quarters(moods, ledger, start=datetime(2026, 1, 1), as_of=AS_OF, order=("silver", "gold"))
    told = scores.loc[scores["quarter"] != EVERYBODY, ["quarter", "tier", "answers", "nps"]].to_numpy().tolist()
    assert told == [
        ["2026-Q1", "no tier", 1, 1.0],
        ["2026-Q1", "silver", 1, -1.0],
        ["2026-Q4", "no tier", 1, 0.0],
        ["2026-Q4", "silver", 1, 1.0],
        ["2026-Q4", "gold", 1, -1.0],
    ]


def club(stop: int) -> tuple[list[dict], list[dict]]:
    """100 members reach gold with their second order and 100 come near; 80 of the near ones buy again, and of the others 80 - stop."""
    orders, ledger = [], []
    day = datetime(2026, 1, 1)
    for i in range(200):
        who, gold = f"m{i:03d}", i < 100
        again = (i % 100) < (80 - stop if gold else 80)
        spends = [(0, 50), (20, 60 if gold else 40), *([(60, 10)] if again else [])]
        for n, (after, amount) in enumerate(spends):
            at = day + timedelta(days=after)
            orders.append({"order_id": f"{who}-{n}", "customer_id": who, "ordered_at": at, "order_date": at.date(), "revenue": amount})
        ledger.append(entry(len(ledger), who, "2026-01-01", "earn", 1))
        if gold:
            ledger.append(entry(len(ledger), who, "2026-01-21", "tier", tier="gold"))
    return orders, ledger


@pytest.mark.parametrize("stop", [0, 40])
def test_the_share_that_stops_is_of_those_who_would_have_bought_again(load_table, stop):
    orders, ledger = club(stop)
    listed = qualifying_orders(load_table("orders", orders), load_table("loyalty_ledger", ledger), as_of=AS_OF)
    rows = frame(listed)
    assert rows.groupby("reached")["customer_id"].nunique().to_dict() == {False: 100, True: 100}
    told = tier_stops(listed).iloc[0]
    assert (told["reached"], told["near_missers"], told["threshold"]) == (100, 100, 110)
    assert told["stop_share"] == pytest.approx(stop / 80) and told["stop_low"] < told["stop_share"] < told["stop_high"]
    assert (tier_stop_finding(tier_stops(listed)).tone == "plain") == bool(stop)


def test_a_tier_that_few_reached_has_no_row(load_table):
    listed = qualifying_orders(load_table("orders", club(0)[0]), load_table("loyalty_ledger", LEDGER), as_of=AS_OF)
    assert list(tier_stops(listed).columns) == list(COLUMNS) and tier_stops(listed).empty
    assert tier_stop_finding(tier_stops(listed)).tone == "quiet"


def test_whoever_jumps_over_a_tier_is_no_near_misser_of_it(load_table):
    orders, ledger = club(0)
    silver = [entry(9000 + i, f"m{i:03d}", "2026-01-21", "tier", tier="silver") for i in range(150, 200)]
    listed = frame(
        qualifying_orders(
            load_table("orders", orders), load_table("loyalty_ledger", [*ledger, *silver]), as_of=AS_OF, order=("silver", "gold")
        )
    )
    gold = {f"m{i:03d}" for i in range(100)}
    second = listed[(listed["tier"] == "silver") & (listed["order_date"] == pd.Timestamp("2026-01-21").date())]
    assert not gold & set(second["customer_id"])


def test_growth_stops_at_the_last_order_that_grew_beyond_chance():
    steps = pd.DataFrame({"order_number": [1, 2, 3, 4], "growth_low": [float("nan"), 1.0, 0.5, -1.0]})
    assert growth_stops(steps) == 3 and growth_stops(steps.iloc[:1]) == 1 and growth_stops(steps.iloc[:0]) is None
