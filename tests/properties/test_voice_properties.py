"""What holds for whatever customers say and seek: order of rows, later rows, sums, bounds, and spellings that stay together."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custkit.analysis import answers, causes, interactions, recommendation, signals, touch_points, unmet_searches
from custkit.analysis.conservation import voice_laws
from custkit.engine import frame
from custkit.topic_rules import TOPICS

AS_OF = datetime(2026, 11, 1)
START = AS_OF - timedelta(days=365)
DEAR = settings(max_examples=max(settings.default.max_examples // 10, 2), suppress_health_check=[HealthCheck.function_scoped_fixture])
ASKED, STARS, COMPLAINT = "How likely are you to recommend us?", "Stars", "Complaint"
NAMES = st.sampled_from("abcd") | st.none()
HOURS = st.integers(1, 400 * 24).map(lambda hours: AS_OF - timedelta(hours=hours))
KINDS = st.sampled_from(["visit", "view", "search", "cart", "favourite", "order"])
SAID = st.one_of(
    st.tuples(st.just(ASKED), st.integers(0, 10)), st.tuples(st.just(STARS), st.integers(1, 5)), st.tuples(st.just(COMPLAINT), st.none())
)


@st.composite
def shops(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Four customers, some who are not known, and what they say, seek and buy."""
    said = draw(st.lists(st.tuples(SAID, NAMES, HOURS, st.sampled_from(["late", "refund", "", None])), max_size=20))
    # A score of ten, answered before the window, makes the question's scale known whatever is drawn.
    surveys = [{"response_id": "a", "question": ASKED, "score": 10, "answered_at": START - timedelta(days=90)}]
    for i, ((question, score), who, at, comment) in enumerate(said):
        answer = {"response_id": f"a{i}", "question": question, "score": score, "customer_id": who, "answered_at": at}
        surveys.append(answer | {"comment": comment})
    acts = draw(st.lists(st.tuples(KINDS, NAMES, HOURS, st.integers(0, 3), st.sampled_from(["Ads", "Mail", None])), max_size=30))
    events = [
        {
            "event_id": f"e{i}",
            "event_type": kind,
            "visitor_id": f"v{place}",
            "customer_id": who,
            "occurred_at": at,
            "channel": channel,
            "product_id": f"p{place}" if kind in ("view", "cart", "favourite") else None,
            "query": ["tea", "teas", "oat milk", "milk oat"][place] if kind == "search" else None,
            "results": place % 2 if kind == "search" else None,
        }
        for i, (kind, who, at, place, channel) in enumerate(acts)
    ]
    bought = draw(st.lists(st.tuples(NAMES, HOURS, st.integers(1, 90)), max_size=15))
    orders = [
        {"order_id": f"o{i}", "customer_id": who, "ordered_at": at, "revenue": spent, "is_purchase": True}
        for i, (who, at, spent) in enumerate(bought)
    ]
    lines = [
        {"order_id": order["order_id"], "customer_id": order["customer_id"], "ordered_at": order["ordered_at"], "kind": "sale"}
        | {"product_id": f"p{order['revenue'] % 4}", "amount": order["revenue"]}
        for order in orders
    ]
    customers = [{"customer_id": name, "registered_at": START} for name in "abz"]
    return {"surveys": surveys, "events": events, "orders": orders, "order_lines": lines, "customers": customers}


def page(load_table, shop: dict[str, list[dict[str, Any]]]) -> dict[str, pd.DataFrame]:
    t = {name: load_table(name, rows) for name, rows in shop.items()}
    year: Any = {"start": START, "as_of": AS_OF}
    moods = answers.answer_moods(t["surveys"])
    touches = touch_points.order_touches(t["events"], t["orders"], **year)
    near = interactions.interactions(t["customers"], t["events"], as_of=AS_OF)
    return {
        "nps": recommendation.nps(moods, **year),
        "months": recommendation.nps_months(moods, **year),
        "who": answers.who_answers(moods, t["orders"], **year),
        "complaints": causes.complaint_causes(causes.answer_causes(moods, topics=TOPICS), **year),
        "unmet": unmet_searches.unmet_share(t["events"], t["orders"], **year),
        "queries": unmet_searches.unmet_queries(t["events"], **year),
        "channels": touch_points.touch_channels(touches),
        "steps": touch_points.touch_steps(touches),
        "coverage": touch_points.touch_coverage(touches, t["orders"], **year),
        "signals": signals.signal_outcomes(signals.product_looks(t["events"], t["order_lines"], **year)),
        "levels": interactions.interaction_levels(near, t["orders"], as_of=AS_OF),
        "reasons": interactions.contact_reasons(interactions.long_contact(t["events"], t["orders"], as_of=AS_OF)),
    }


@DEAR
@given(shop=shops(), seed=st.integers(0, 9))
def test_the_order_of_the_rows_says_nothing(load_table, shop, seed):
    told = page(load_table, shop)
    again = page(load_table, {name: Random(seed).sample(rows, len(rows)) for name, rows in shop.items()})
    for name, found in told.items():
        pd.testing.assert_frame_equal(found, again[name], obj=name)


@DEAR
@given(shop=shops())
def test_what_comes_later_changes_nothing(load_table, shop):
    told = page(load_table, shop)
    at = AS_OF + timedelta(hours=3)
    later = {
        "surveys": [{"response_id": "z", "question": ASKED, "score": 0, "customer_id": "a", "answered_at": AS_OF, "comment": "late"}],
        "events": [
            {"event_id": f"z{kind}", "event_type": kind, "visitor_id": "v0", "customer_id": "b", "occurred_at": at, "channel": "Ads"}
            | {"product_id": "p1", "query": "tea", "results": 0}
            for kind in ("view", "cart", "search", "order")
        ],
        "orders": [{"order_id": "z", "customer_id": "a", "ordered_at": AS_OF, "revenue": 5, "is_purchase": True}],
        "order_lines": [{"order_id": "z", "customer_id": "a", "ordered_at": AS_OF, "kind": "sale", "product_id": "p1", "amount": 5}],
    }
    again = page(load_table, {name: rows + later.get(name, []) for name, rows in shop.items()})
    for name, found in told.items():
        pd.testing.assert_frame_equal(found, again[name], obj=name)


@DEAR
@given(shop=shops())
def test_the_score_is_a_plain_recount_between_its_ends(load_table, shop):
    found = page(load_table, shop)["nps"]
    scores = [row["score"] for row in shop["surveys"] if row["question"] == ASKED and START <= row["answered_at"] < AS_OF]
    assert len(found) == (len(scores) > 0)
    for row in found.itertuples():
        promoters, detractors = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
        assert (row.answers, row.promoters, row.detractors) == (len(scores), promoters, detractors)
        assert abs(row.nps - (promoters - detractors) / len(scores)) < 1e-12
        assert -1 <= row.low <= row.high <= 1 and -1 <= row.nps <= 1


@DEAR
@given(shop=shops())
def test_parts_sum_to_what_python_counts(load_table, shop):
    told = page(load_table, shop)
    year = {
        name: [row for row in shop[name] if START <= row[at] < AS_OF] for name, at in (("orders", "ordered_at"), ("events", "occurred_at"))
    }
    known = {row["customer_id"] for row in shop["customers"]} | {row["customer_id"] for row in shop["events"] if row["customer_id"]}
    assert told["levels"]["customers"].sum() == len(known)
    assert told["who"]["buyers"].sum() == len({row["customer_id"] for row in year["orders"] if row["customer_id"]})
    unhappy = sum(
        START <= row["answered_at"] < AS_OF and row["score"] in {ASKED: range(7), STARS: (1, 2), COMPLAINT: (None,)}[row["question"]]
        for row in shop["surveys"]
    )
    assert told["complaints"]["complaints"].sum() == unhappy
    vain = [row["query"] for row in year["events"] if row["results"] == 0]
    assert told["unmet"]["not_found"].iloc[0] == told["queries"]["not_found"].sum() == len(vain)
    wishes = Counter(" ".join(sorted(query.removesuffix("s").split())) for query in vain)
    assert sorted(told["queries"]["not_found"]) == sorted(wishes.values())


@DEAR
@given(shop=shops())
def test_first_last_and_linear_each_sum_to_the_orders_with_a_touch(load_table, shop):
    events, orders = load_table("events", shop["events"]), load_table("orders", shop["orders"])
    touches = touch_points.order_touches(events, orders, start=START, as_of=AS_OF)
    channels, each = touch_points.touch_channels(touches), frame(touches)
    seen = each["order_id"].nunique()
    assert seen <= len(shop["orders"])
    assert channels["first"].sum() == channels["last"].sum() == seen
    assert abs(channels["linear"].sum() - seen) < 1e-9
    assert (channels["orders"] <= seen).all() and (channels["orders"] >= channels[["first", "last"]].max(axis=1)).all()
    assert sorted(each.loc[each["place"] == 0, "order_id"]) == sorted(each["order_id"].unique())


@DEAR
@given(shop=shops())
def test_the_laws_of_the_page_hold(load_table, shop):
    told = page(load_table, shop)
    t = {name: load_table(name, rows) for name, rows in shop.items()}
    moods = answers.answer_moods(t["surveys"])
    touches = touch_points.order_touches(t["events"], t["orders"], start=START, as_of=AS_OF)
    shown = {name: told[name] for name in ("months", "who", "complaints", "levels", "channels")}
    laws = voice_laws(
        moods,
        touches,
        interactions.interactions(t["customers"], t["events"], as_of=AS_OF),
        t["orders"],
        start=START,
        as_of=AS_OF,
        sources=answers.answer_sources(moods),
        **shown,
    )
    assert laws["parts"].tolist() == laws["whole"].tolist()


@given(
    queries=st.lists(st.text("oatmilks 无麸,3", max_size=12) | st.sampled_from(["oat milk", "oat mlik", "oats milk"]), max_size=12),
    data=st.data(),
)
def test_wishes_that_were_put_together_stay_as_they_are(queries, data):
    counts = data.draw(st.lists(st.integers(1, 60), min_size=len(queries), max_size=len(queries)))
    wishes = unmet_searches.one_wish(queries, counts)
    assert [unmet_searches.normal_query(wish) for wish in wishes] == wishes
    # Each wish with the searches typed in that very form: nothing is left to be put together.
    keys = unmet_searches.one_wish(queries, [1] * len(queries))
    own = Counter()
    for key, count in zip(keys, counts, strict=True):
        own[key] += count
    kept = sorted(set(wishes))
    assert unmet_searches.one_wish(kept, [own[wish] for wish in kept]) == kept
