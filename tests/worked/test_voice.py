"""What customers say and seek, worked by hand."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis import answers, causes, interactions, needs, recommendation, satisfaction, signals, touch_points, unmet_searches
from custkit.topic_rules import TOPICS, Topic

START, AS_OF = datetime(2025, 11, 1), datetime(2026, 11, 1)
ASKED = "How likely are you to recommend us?"


def _answer(i, who, score, *, topic=None, comment=None, question=ASKED, at="2026-10-01", product=None):
    return {
        "response_id": f"a{i}", "customer_id": who, "score": score, "topic": topic, "comment": comment, "question": question,
        "answered_at": at, "product_id": product,
    }  # fmt: skip


def _event(i, visitor, kind, at, *, customer=None, session=None, query=None, results=None, product=None, channel=None):
    return {
        "event_id": f"e{i}", "visitor_id": visitor, "customer_id": customer, "session_id": session, "event_type": kind,
        "occurred_at": at, "query": query, "results": results, "product_id": product, "channel": channel,
    }  # fmt: skip


def _order(i, who, at, *, revenue=10, discount=0):
    return {
        "order_id": f"o{i}", "customer_id": who, "ordered_at": at, "is_purchase": True, "revenue": revenue, "discount_amount": discount,
    }  # fmt: skip


def test_nine_promotes_seven_is_passive_and_stars_have_a_scale_of_their_own(load_table, rows):
    surveys = load_table(
        "surveys",
        [
            _answer(1, "c1", 9), _answer(2, "c2", 8), _answer(3, "c3", 6), _answer(4, "c4", 4, question="Stars"),
            _answer(5, "c4", 2, question="Stars"), _answer(6, "c5", None, question="Complaint"), _answer(7, "c6", None, question="Weibo"),
        ],
    )  # fmt: skip
    found = answers.answer_moods(surveys)
    assert rows(found.select("response_id", "mood", "is_recommend"), by="response_id") == [
        ("a1", "happy", True), ("a2", "neutral", True), ("a3", "unhappy", True), ("a4", "happy", False), ("a5", "unhappy", False),
        ("a6", "unhappy", False), ("a7", None, False),
    ]  # fmt: skip
    score = recommendation.nps(found, start=START, as_of=AS_OF).iloc[0]
    assert (score.answers, score.promoters, score.passives, score.detractors, score.nps) == (3, 1, 1, 1, 0.0)
    assert score.low < 0 < score.high


def test_one_who_answers_ten_times_is_one_voice(load_table):
    once = load_table("surveys", [_answer(i, f"c{i}", 10 if i % 2 else 0) for i in range(20)])
    again = load_table("surveys", [_answer(i, f"c{i % 4}", 10 if i % 2 else 0) for i in range(20)])
    alone, repeated = (recommendation.nps(answers.answer_moods(given), start=START, as_of=AS_OF).iloc[0] for given in (once, again))
    assert alone.nps == repeated.nps == 0
    assert repeated.high - repeated.low > 1.5 * (alone.high - alone.low)


def test_the_tier_is_that_of_the_day_of_the_answer(load_table):
    surveys = load_table("surveys", [_answer(1, "c1", 0, at="2026-03-01"), _answer(2, "c1", 10, at="2026-06-01"), _answer(3, "c2", 7)])
    moved = {"entry_id": "m1", "customer_id": "c1", "occurred_at": "2026-05-01", "entry_type": "tier", "tier": "gold", "points": 0}
    found = recommendation.nps_tiers(
        answers.answer_moods(surveys), load_table("loyalty_ledger", [moved]), start=START, as_of=AS_OF, order=["silver", "gold"]
    )
    assert found[["group", "answers", "nps"]].to_numpy().tolist() == [["no tier", 2, -0.5], ["gold", 1, 1.0]]


@pytest.mark.parametrize(
    ("comment", "cause"),
    [
        ("Came three days LATE.", "Delivery"),
        ("Lovely chocolate", None),
        ("快递太慢了", "Delivery"),
        ("客服没人回复", "Service"),
        ("退款还没到", "Returns and refunds"),
        # Words are counted, not meaning, as the page says: to drop every "not" would lose "never delivered".
        ("It was never delivered", "Delivery"),
        ("It was not late", "Delivery"),
        ("没有晚到", "Delivery"),
        ("", None),
        (None, None),
    ],
)
def test_the_words_of_a_comment_tell_its_cause(load_table, rows, comment, cause):
    moods = answers.answer_moods(load_table("surveys", [_answer(1, "c1", 0, comment=comment)]))
    found = causes.answer_causes(moods, topics=TOPICS)
    source = "comment" if cause else None
    assert rows(found.select("cause", "cause_source", "response_id"), by="response_id") == [(cause, source, "a1")]


def test_a_topic_given_goes_before_words_and_causes_add_up_with_those_untold(load_table):
    surveys = load_table(
        "surveys",
        [
            _answer(1, "c1", 0, topic="Price", comment="late"), _answer(2, "c2", 0, comment="late"), _answer(3, "c3", 3),
            _answer(4, "c4", 10, topic="Price"),
        ],
    )  # fmt: skip
    found = causes.complaint_causes(causes.answer_causes(answers.answer_moods(surveys), topics=TOPICS), start=START, as_of=AS_OF)
    assert found[["cause", "complaints", "complaint_share", "others"]].to_numpy().tolist() == [
        ["Price", 1, 0.5, 1],
        ["Delivery", 1, 0.5, 0],
        ["no cause told", 1, 1 / 3, 0],
    ]
    assert not found["is_more"].any()


def test_a_topic_of_patterns_or_of_nothing_is_refused():
    with pytest.raises(ValueError, match="words, not a pattern"):
        Topic(name="x", words=("la(te",))
    with pytest.raises(ValueError, match="empty word"):
        Topic(name="x", words=(" ",))


def test_products_that_chance_explains_are_drawn_together(load_table):
    scores = [0, 10, 5, 6, 4, 9, 1, 7, 3, 5]
    surveys = [_answer(f"{p}{i}", f"c{i}", score, product=p) for p in ("p1", "p2", "p3") for i, score in enumerate(scores)]
    moods = answers.answer_moods(load_table("surveys", surveys))
    products = load_table("products", [{"product_id": "p1", "product_name": "Tea"}])
    found = satisfaction.product_satisfaction(moods, products, start=START, as_of=AS_OF)
    assert set(found["product"]) == {"Tea", "p2", "p3"}
    assert found["shrunk_score"].tolist() == pytest.approx([5.0] * 3)
    assert not found["is_different"].any()


def test_a_product_far_below_the_others_is_told(load_table):
    surveys = [_answer(f"{p}{i}", f"c{i}", low + i % 3, product=p) for p, low in (("p1", 1), ("p2", 7), ("p3", 7)) for i in range(12)]
    moods = answers.answer_moods(load_table("surveys", surveys))
    found = satisfaction.product_satisfaction(moods, load_table("products", []), start=START, as_of=AS_OF)
    first = found.iloc[0]
    assert (first["product"], first["mean_score"], bool(first["is_different"])) == ("p1", 2.0, True)
    assert 2.0 < first["shrunk_score"] < 2.5


def test_spellings_of_one_wish_are_one_wish():
    queries = [
        "oat milk",
        "Oat  Milks!",
        "ｏａｔ milk",
        "milk oat",
        "oat mlik",
        "无 麸质意面",
        "无麸质意面",
        "猫砂",
        "猫粮",
        "size 3",
        "size 4",
        "?",
    ]
    counts = [50, 3, 2, 1, 1, 1, 4, 20, 1, 20, 1, 9]
    wishes = unmet_searches.one_wish(queries, counts)
    assert len(set(wishes[:5])) == 1
    assert wishes[5] == wishes[6] == "无麸质意面"
    assert len(set(wishes[7:11])) == 4
    assert wishes[11] == ""


def test_searches_in_vain_by_hand(load_table):
    events = load_table(
        "events",
        [
            _event(1, "v1", "search", "2026-10-01", session="s1", query="oat milk", results=0),
            _event(2, "v2", "search", "2026-10-02", session="s2", query="Oat Milk", results=0),
            _event(3, "v2", "order", "2026-10-02", session="s2"),
            _event(4, "v3", "search", "2026-10-03", session="s3", query="tea", results=5),
            _event(5, "v4", "search", "2026-10-03", session="s4", query="tea"),  # results not recorded: no search that counts
            _event(6, "v5", "search", "2024-10-03", session="s5", query="tea", results=0),  # before the window
        ],
    )
    share = unmet_searches.unmet_share(events, load_table("orders", [_order(1, "c1", "2026-10-02")]), start=START, as_of=AS_OF).iloc[0]
    assert (share.searches, share.not_found, share.vain_visits, share.vain_ordered, share.found_visits) == (3, 2, 2, 1, 1)
    assert share.lost_high != share.lost_high  # two visits tell nothing
    queries = unmet_searches.unmet_queries(events, start=START, as_of=AS_OF)
    assert queries[["query", "searches", "not_found", "spellings"]].to_numpy().tolist() == [["Oat Milk", 2, 2, 2]]


def test_touches_begin_after_the_order_before_and_add_up(load_table, rows):
    events = load_table(
        "events",
        [
            _event(1, "v1", "visit", "2026-08-01", customer="c1", session="s0", channel="Mail"),  # more than thirty days before
            _event(2, "v1", "visit", "2026-10-01", customer="c1", session="s1", channel="Ads"),
            _event(3, "v1", "search", "2026-10-05 10:00", customer="c1", session="s2", channel="Mail"),
            _event(4, "v1", "cart", "2026-10-05 10:05", customer="c1", session="s2", channel="Mail"),
            _event(5, "v1", "visit", "2026-10-08", customer="c1", session="s3", channel="Ads"),
        ],
    )
    orders = load_table("orders", [_order(1, "c1", "2026-10-05 10:10"), _order(2, "c1", "2026-10-09"), _order(3, None, "2026-10-09")])
    touches = touch_points.order_touches(events, orders, start=START, as_of=AS_OF)
    assert rows(touches.select("order_id", "visit_id", "channel", "place", "touches", "cart"), by=["order_id", "place"]) == [
        ("o1", "s1", "Ads", 0, 2, 0), ("o1", "s2", "Mail", 1, 2, 1), ("o2", "s3", "Ads", 0, 1, 0),
    ]  # fmt: skip
    channels = touch_points.touch_channels(touches).set_index("channel")
    assert channels.loc["Ads", ["first", "last", "linear"]].tolist() == [2, 1, 1.5]
    assert channels[["first", "last", "linear"]].sum().tolist() == [2, 2, 2.0]
    assert touch_points.touch_steps(touches)[["step", "orders"]].to_numpy().tolist() == [["cart", 1], ["search", 1]]
    seen = touch_points.touch_coverage(touches, orders, start=START, as_of=AS_OF).iloc[0]
    assert (seen.orders, seen.seen, seen.guests, seen.touches) == (3, 2, 1, 1.5)


def test_a_favourite_is_held_against_the_same_customers_other_looks(load_table):
    looks = [("c1", "p1", "favourite", "2026-05-01"), ("c1", "p2", "view", "2026-05-02"), ("c2", "p1", "view", "2026-05-01")]
    looks += [("c1", "p3", "favourite", "2026-10-20")]  # cannot be followed for thirty days
    events = load_table("events", [_event(i, "v", kind, at, customer=who, product=p) for i, (who, p, kind, at) in enumerate(looks)])
    sold = {"order_id": "o1", "customer_id": "c1", "product_id": "p1", "ordered_at": "2026-05-20", "kind": "sale", "amount": 1}
    told = signals.signal_outcomes(signals.product_looks(events, load_table("order_lines", [sold]), start=START, as_of=AS_OF))
    assert told[["signal", "looks", "customers", "bought", "bought_share", "base_share"]].to_numpy().tolist() == [
        ["favourite", 1, 1, 1, 1.0, 0.0]
    ]


def test_levels_and_long_contact_by_hand(load_table, rows):
    days = ("2026-10-01", "2026-10-03", "2026-10-05")
    events = [_event(f"a{i}", "v1", "view", at, customer="c1", session=f"a{i}", product="p1") for i, at in enumerate(days)]
    events += [_event(f"b{i}", "v2", "visit", at, customer="c2" if i else None, session=f"b{i}") for i, at in enumerate(days)]
    events += [_event(f"n{i}", "v9", "search", at, session=f"n{i}", query="x", results=0) for i, at in enumerate(days)]
    events += [_event("c", "v3", "visit", "2026-10-01", customer="c3", session="c")]
    table = load_table("events", events)
    orders = load_table("orders", [_order(1, "c1", "2026-01-01", discount=2), _order(2, "c2", "2026-10-06")])
    near = interactions.interactions(load_table("customers", [{"customer_id": "c4"}]), table, as_of=AS_OF)
    assert rows(near.select("customer_id", "visits", "level"), by="customer_id") == [
        ("c1", 3, "medium"), ("c2", 3, "medium"), ("c3", 1, "light"), ("c4", 0, "no visit"),
    ]  # fmt: skip
    levels = interactions.interaction_levels(near, orders, as_of=AS_OF)
    assert levels[["level", "customers", "buyers"]].to_numpy().tolist() == [["medium", 2, 1], ["light", 1, 0], ["no visit", 1, 0]]
    contact = interactions.long_contact(table, orders, as_of=AS_OF)
    assert rows(contact.select("person_id", "customer_id", "product_days", "reason"), by="person_id") == [
        ("c1", "c1", 3, "waits for an offer"),
        ("v9", None, 0, "searched for what is not there"),
    ]


def test_each_customer_has_one_word_of_each_kind_and_segments_are_compared(load_table):
    surveys = [_answer(i, f"c{i}", 5, topic="Price" if i < 40 else "Delivery") for i in range(80)]
    surveys += [_answer(f"old{i}", "c50", 5, topic="Price", at="2026-01-01") for i in range(9)]
    about = causes.answer_causes(answers.answer_moods(load_table("surveys", surveys)), topics=())
    said = needs.mentions(about, load_table("events", []), load_table("products", []))
    segmented = said.select("customer_id", segment=(said.item == "Price").ifelse("thrifty", "others"))
    found = needs.segment_needs(said, segmented)
    assert len(found) == 4 and found["is_more"].sum() == 2
    assert found.loc[found["segment"] == "thrifty", "segment_customers"].tolist() == [40, 40]
