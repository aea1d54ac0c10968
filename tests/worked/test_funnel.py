"""Who goes how far, worked by hand."""

import ibis
import pandas as pd
import pytest

from custkit.analysis.funnel import (
    break_point,
    conversion_by_month,
    funnel,
    funnel_by,
    recorded_steps,
    search_use,
    visit_quality,
    with_weekend,
    worst_break,
)
from custkit.analysis.rates import holm
from custkit.engine import fetch


def clicks(visitor, *types, channel=None, device=None, session=None, day="2026-10-03", **more):
    return [
        {
            "event_id": f"{visitor}-{session}-{n}", "visitor_id": visitor, "session_id": session or f"s-{visitor}", "event_type": kind,
            "occurred_at": f"{day} 10:0{n}", "channel": channel, "device": device, **more,
        }
        for n, kind in enumerate(types)
    ]  # fmt: skip


@pytest.fixture
def events(load_table):
    def get(*visits):
        return load_table("events", [event for visit in visits for event in visit])

    return get


TOY = [clicks("u1", "view", "cart", "order"), clicks("u2", "view", "cart"), clicks("u3", "view"), clicks("u4", "cart")]


def test_the_published_toy_of_four_visitors(events):
    got = funnel(events(*TOY), steps=("view", "cart", "order"), per="visitor")
    pd.testing.assert_frame_equal(
        got.drop(columns=["low", "high"]),
        pd.DataFrame(
            {
                "step": ["view", "cart", "order"],
                "n": [4, 3, 2],
                "visits": [3, 2, 1],
                "conversion_rate": [0.75, 0.5, 0.25],
                "step_conversion_rate": [0.75, 2 / 3, 0.5],
                "lost": [1, 1, 1],
            }
        ),
    )


def test_who_took_no_step_at_all_is_no_visit_of_the_funnel(events):
    got = funnel(events(clicks("u1", "visit", "view"), clicks("u2", "register"), clicks("u3", "question")))
    assert got["n"].tolist() == [1, 1]


def test_a_step_out_of_order_does_not_count(events):
    got = funnel(events(clicks("u1", "visit", "cart", "view"), clicks("u2", "visit", "view", "cart")))
    assert list(got["visits"]) == [2, 2, 1]


def test_a_step_taken_again_in_order_does_count(events):
    got = funnel(events(clicks("u1", "cart", "visit", "view", "cart", "order")))
    assert list(got["visits"]) == [1, 1, 1, 1]


def test_a_visitor_with_two_sessions_is_two_visits_but_one_visitor(events):
    twice = events(clicks("u1", "visit", "view", session="a"), clicks("u1", "visit", "order", session="b", day="2026-10-04"))
    assert list(funnel(twice)["visits"]) == [2, 1, 0]
    assert list(funnel(twice, per="visitor")["visits"]) == [1, 1, 1]


def test_steps_that_nobody_records_are_left_out(events):
    assert recorded_steps(events(clicks("u1", "visit", "search", "order"))) == ("visit", "order")


def test_without_events_there_is_no_funnel(events):
    empty = events()
    assert funnel(empty).empty and funnel_by(empty, "device").empty and visit_quality(empty, "channel").empty
    assert break_point(funnel(empty)) is None and worst_break(funnel_by(empty, "device")) is None
    assert search_use(empty)["searches"].tolist() == [0]


def shop(device, carts, orders):
    """Forty visits with a device, so many of them with a cart and an order."""
    kinds = [("visit", "cart", "order")] * orders + [("visit", "cart")] * (carts - orders) + [("visit",)] * (40 - carts)
    return [clicks(f"{device}{n}", *kind, device=device) for n, kind in enumerate(kinds)]


def test_the_device_that_breaks_is_found_at_its_step(events):
    split = funnel_by(events(*shop("phone", 36, 6), *shop("desktop", 36, 30)), "device")
    found = worst_break(split)
    assert (found["group"], found["step"], found["n"], found["rest_rate"]) == ("phone", "order", 36, pytest.approx(30 / 36))
    assert (found["excess_lost"], found["missed"]) == (pytest.approx(24), pytest.approx(24))


def test_a_late_loss_weighs_more_than_the_same_loss_at_the_start(events):
    early = [clicks(f"e{n}", "visit", *(["cart"] if n < 40 else []), *(["order"] if n < 4 else []), device="phone") for n in range(100)]
    rest = [clicks(f"r{n}", "visit", *(["cart"] if n < 80 else []), *(["order"] if n < 48 else []), device="desktop") for n in range(100)]
    split = funnel_by(events(*early, *rest), "device").set_index(["group", "step"])
    assert split.loc[("phone", "cart"), ["excess_lost", "missed"]].tolist() == pytest.approx([40, 4])
    assert split.loc[("phone", "order"), ["excess_lost", "missed"]].tolist() == pytest.approx([20, 20])
    assert worst_break(split.reset_index())["step"] == "order"


def test_equal_devices_break_nowhere(events):
    split = funnel_by(events(*shop("phone", 36, 20), *shop("desktop", 35, 19)), "device")
    assert not split["is_different"].any()
    assert worst_break(split) is None


def test_the_groups_sum_to_the_whole(events):
    both = events(*shop("phone", 36, 6), *shop("desktop", 30, 9), clicks("x", "visit"))
    split = funnel_by(both, "device")
    assert split.groupby("step", sort=False)["visits"].sum().tolist() == funnel(both)["visits"].tolist()
    assert set(split["group"]) == {"phone", "desktop", "not known"}


def test_the_break_point_is_where_the_smallest_share_goes_on(events):
    assert break_point(funnel(events(*shop("phone", 36, 6))))["step"] == "order"


def test_a_visit_in_which_nothing_follows_is_a_bounce(events):
    got = visit_quality(
        events(
            clicks("u1", "visit", channel="mail"),
            clicks("u2", "visit", "view", channel="mail"),
            clicks("u3", "visit", "view", "view", channel="search"),
            clicks("u4", "visit", "register", channel="search"),
            clicks("u5", "register", channel="partner"),
        ),
        "channel",
    ).set_index("group")
    assert got.loc["all visits", ["visits", "bounces"]].tolist() == [4, 1]
    assert set(got.index) == {"all visits", "mail", "search"}
    assert got.loc["mail", "bounce_rate"] == 0.5
    assert got.loc["search", ["bounces", "dwell_seconds", "pages"]].tolist() == [0, 90, 1]


SEARCHES = (clicks("u1", "visit", "search", "view"), clicks("u2", "visit", "search", "search", "click"), clicks("u3", "visit"))


def test_a_search_is_clicked_when_a_click_comes_next(events):
    got = search_use(events(*SEARCHES)).iloc[0]
    assert got[["visits", "searching_visits", "searches", "clicks"]].tolist() == [3, 2, 3, 1]
    assert got["searches_per_visit"] == 1 and got["click_through_rate"] == pytest.approx(1 / 3)


def test_a_product_view_is_the_click_where_clicks_are_not_recorded(events):
    got = search_use(events(*SEARCHES[::2])).iloc[0]
    assert got[["searches", "clicks"]].tolist() == [1, 1]


def test_a_search_that_shows_nothing_is_counted(events):
    got = search_use(events(clicks("u1", "search", results=0), clicks("u2", "search", results=3), clicks("u3", "search"))).iloc[0]
    assert got[["searches", "without_result"]].tolist() == [3, 1]


def test_a_way_of_one_step_is_refused(events):
    with pytest.raises(ValueError, match="name at least two"):
        funnel(events(*TOY), steps=("view",))


def test_holm_by_hand():
    # 0.01 × 4, 0.02 × 3, then never below: 0.03 × 2 = 0.06, 0.2.
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert holm([]) == []


def test_a_visit_belongs_to_the_month_it_began_in():
    rows = [
        {"visitor_id": "a", "session_id": "s", "event_id": "1", "occurred_at": "2026-01-31 23:59", "event_type": "visit"},
        {"visitor_id": "a", "session_id": "s", "event_id": "2", "occurred_at": "2026-02-01 00:01", "event_type": "order"},
        {"visitor_id": "b", "session_id": "t", "event_id": "3", "occurred_at": "2026-02-07 10:00", "event_type": "visit"},
    ]
    seen = pd.DataFrame(rows)
    seen = ibis.memtable(seen.assign(occurred_at=pd.to_datetime(seen["occurred_at"])))
    months = conversion_by_month(seen)
    assert months[["month", "visits", "orders"]].to_numpy().tolist() == [["2026-01", 1, 1], ["2026-02", 1, 0]]
    assert fetch(with_weekend(seen).order_by("event_id"))["weekend"].to_pylist() == ["weekend", "weekend", "weekend"]
