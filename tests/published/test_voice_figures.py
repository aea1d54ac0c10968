"""The voice page against pandas on the demo shop's tables, against what was planted, and against a shop where nothing is."""

from __future__ import annotations

import pandas as pd
import pytest
from planted_voice import claims, recovered

from custkit import open_book
from custkit.analysis import answers, causes, interactions, recommendation, signals, touch_points, unmet_searches
from custkit.analysis.conservation import everyone
from custkit.engine import frame

# Twice as wide as a 90 % interval: one number in a thousand lies outside by chance.
WIDER = 2


@pytest.fixture(scope="module")
def opened(shops):
    """`opened("planted")`, `opened("null")`: a book on the shop, and what was planted."""
    with pytest.MonkeyPatch.context() as patch:

        def opened(kind: str):
            found = shops(f"voice-{kind}", null=kind == "null", customers=2500)
            patch.setenv("CUSTKIT_HOME", str(found.home))
            return open_book(f"voice-{kind}", "2026-10"), found.shop

        yield opened


def test_planted_numbers_lie_in_the_intervals_that_are_told(opened):
    told = list(recovered(*opened("planted")))
    assert len(told) == 9
    for one in told:
        half = (one.high - one.low) / 2
        assert one.low - half * (WIDER - 1) <= one.planted <= one.high + half * (WIDER - 1), one


def test_where_nothing_is_planted_hardly_anything_is_claimed(opened):
    made = list(claims(opened("null")[0]))
    assert len(made) == 8
    assert sum(claimed > 0 for _what, claimed, _of in made) <= 1


def test_pandas_counts_the_same(opened):
    book, _shop = opened("planted")
    start, as_of = book.days_before(365), book.as_of
    said, acts, orders = (frame(table) for table in (book.surveys, book.events, book.purchases))
    said = said[(said["answered_at"] >= start) & (said["answered_at"] < as_of)]
    moods = answers.answer_moods(book.surveys)
    score = recommendation.nps(moods, start=start, as_of=as_of).iloc[0]
    assert score.nps == pytest.approx(((said["score"] >= 9).mean()) - (said["score"] <= 6).mean())
    unhappy = said[said["score"] <= 6]
    told = causes.complaint_causes(causes.answer_causes(moods, topics=()), start=start, as_of=as_of).set_index("cause")
    assert told["complaints"].drop("no cause told").to_dict() == unhappy["topic"].value_counts().to_dict()

    year = acts[(acts["occurred_at"] >= start) & (acts["occurred_at"] < as_of)]
    searches = year[(year["event_type"] == "search") & year["results"].notna()]
    vain = searches[searches["results"] == 0]
    share = unmet_searches.unmet_share(book.events, book.purchases, start=start, as_of=as_of).iloc[0]
    assert (share.searches, share.not_found) == (len(searches), len(vain))
    ordered = set(year.loc[year["event_type"] == "order", "session_id"])
    assert share.vain_ordered == len(set(vain["session_id"]) & ordered)
    queries = unmet_searches.unmet_queries(book.events, start=start, as_of=as_of).set_index("query")["not_found"]
    assert queries.to_dict() == vain["query"].value_counts().to_dict()

    touches = frame(touch_points.order_touches(book.events, book.purchases, start=start, as_of=as_of))
    known = acts[acts["customer_id"].notna()].sort_values(["occurred_at", "event_type", "channel"])
    visits = known.groupby(["customer_id", "session_id"], as_index=False).first()[["customer_id", "session_id", "channel", "occurred_at"]]
    bought = orders[orders["customer_id"].notna()].sort_values(["customer_id", "ordered_at", "order_id"])
    bought = bought.assign(previous=bought.groupby("customer_id")["ordered_at"].shift())[
        ["customer_id", "order_id", "ordered_at", "previous"]
    ]
    way = visits.merge(bought[bought["ordered_at"] >= start], on="customer_id")
    way = way[(way["occurred_at"] <= way["ordered_at"]) & (way["occurred_at"] >= way["ordered_at"] - pd.Timedelta(days=30))]
    way = way[way["previous"].isna() | (way["occurred_at"] > way["previous"])]
    assert set(zip(touches["order_id"], touches["visit_id"], strict=True)) == set(zip(way["order_id"], way["session_id"], strict=True))
    first, last = (way.sort_values(["occurred_at", "session_id"]).groupby("order_id")["channel"].nth(i).value_counts() for i in (0, -1))
    channels = touch_points.touch_channels(touch_points.order_touches(book.events, book.purchases, start=start, as_of=as_of))
    channels = channels.set_index("channel")
    assert channels["first"].to_dict() == first.to_dict()
    assert channels["last"].to_dict() == last.to_dict()

    near = interactions.interactions(book.customers, book.events, as_of=as_of)
    levels = interactions.interaction_levels(near, book.purchases, as_of=as_of)
    assert levels["customers"].sum() == everyone(book.customers, book.purchases, as_of=as_of)
    outcomes = signals.signal_outcomes(signals.product_looks(book.events, book.order_lines, start=start, as_of=as_of))
    until = as_of - pd.Timedelta(days=30)
    kept = acts[(acts["occurred_at"] >= start) & (acts["occurred_at"] < until) & acts["customer_id"].notna()]
    hearts = kept[kept["event_type"] == "favourite"].assign(day=kept["occurred_at"].dt.date)
    looks = outcomes.set_index("signal").loc["favourite", "looks"]
    assert looks == len(hearts[["customer_id", "product_id", "day"]].drop_duplicates())
