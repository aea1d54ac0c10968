"""A consultant writes a segment map in the client file and reads it aloud."""

from __future__ import annotations

import pytest

from custkit.client import load_client
from custkit.errors import BadInput
from custkit.segments import MAP_NAMES, MEASURES, NAMED_MAPS, REST, SCORES, TEN_SEGMENTS, Condition, Segment

CLIENT = """
name: Corner Shop
currency: EUR
sources: [{table: order_lines, files: sales.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]
lifecycle: {active_days: 30, dormant_days: 60}
"""


@pytest.fixture
def client(tmp_path):
    def read(more):
        path = tmp_path / "client.yml"
        path.write_text(CLIENT + more, encoding="utf-8")
        return load_client("corner", path=path)

    return read


def asked(segment):
    return {name: given for name in (*SCORES, *MEASURES) if (given := getattr(segment, name)) is not None}


def test_who_says_nothing_gets_the_ten_segments(client):
    assert client("").segments == TEN_SEGMENTS


def test_a_map_of_the_field_is_one_word(client):
    assert [segment.name for segment in client("segments: eight").segments] == [
        "Key", "Key, to develop", "Key, to keep", "Key, to win back",
        "Ordinary", "Ordinary, to develop", "Ordinary, to keep", "Ordinary, to win back",
    ]  # fmt: skip


def test_a_map_takes_the_clients_own_days(client):
    dormant = client("segments: value_frequency").segments[0]
    assert asked(dormant) == {"recency_days": "> 60"}
    assert dormant.conditions("recency_days") == (Condition(">", 60.0),)
    assert asked(client("").segment_map("target_groups")[0]) == {"fm": "3-5", "recency_days": "> 30"}


def test_own_rows_may_ask_scores_and_plain_values(client):
    rows = client(
        """
segments:
  - {name: Sleeping, recency_days: "> dormant_days", action: Ask them why.}
  - {name: Regulars, orders: 3-11, spend: ">= 99.90 and top 10%", offer_share: "< 50%", r: 4-5}
  - {name: Twice, orders: 2, order_value: "> mean"}
"""
    ).segments
    assert [asked(row) for row in rows] == [
        {"recency_days": "> 60"},
        {"r": "4-5", "orders": "3-11", "spend": ">= 99.90 and top 10%", "offer_share": "< 50%"},
        {"orders": "2", "order_value": "> mean"},
        {},
    ]
    assert rows[0].action == "Ask them why."
    assert rows[1].conditions("orders") == (Condition(">=", 3.0), Condition("<=", 11.0))
    assert rows[1].conditions("spend") == (Condition(">=", 99.9), Condition("top", 0.1))
    assert rows[1].conditions("offer_share") == (Condition("<", 0.5),)
    assert rows[2].conditions("orders") == (Condition(">=", 2.0), Condition("<=", 2.0))


def test_every_map_ends_with_a_row_for_the_rest(client):
    assert [row.name for row in client("segments: [{name: Big, m: 5}]").segments] == ["Big", REST]
    own = client("segments: [{name: Big, m: 5}, {name: Small}]").segments
    assert [row.name for row in own] == ["Big", "Small"]
    assert client("segments: []").segments[-1].is_rest


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("segments: eigth", "`eigth` is no segment map; did you mean `eight`?; there are ten, eight, value_frequency"),
        ("segments: [{name: Big, spnd: 3}]", "`spnd` is not a setting; did you mean `spend`?"),
        ("segments: [{name: Big, r: 4-6}]", "`4-6` is not a range of scores: they go from 1, the worst, to 5"),
        ("segments: [{name: Big, r: 5-4}]", "`5-4` is not a range of scores"),
        ("segments: [{name: Big, r: high}]", "`high` is not a range of scores; write 4-5 or 3"),
        ("segments: [{name: Big, spend: over 3}]", "`over 3` is not a condition; write > 180, >= 3, 100-500, < median"),
        ("segments: [{name: Big, spend: 500-100}]", "`500-100` ends below its beginning"),
        ('segments: [{name: Big, orders: "> 10%"}]', "`10%`: orders is not a share"),
        ('segments: [{name: Big, offer_share: ">= 50"}]', "`50` is more than 100%; write 50%"),
        ('segments: [{name: Big, orders: "> dormant_days"}]', "`> dormant_days` is not a condition"),
        ("segments: [{name: Big, spend: top 100%}]", "between 0% and 100% of customers"),
        ("segments: [{name: All}, {name: Big, m: 5}]", "row 1, `All`, has no condition and takes everybody: put it last"),
        ("segments: [{name: ''}]", "segments.0.name"),
        ("high_ticket_spend: -5", "high_ticket_spend"),
    ],
)
def test_a_slip_is_refused_with_its_line_and_what_would_do(client, given, told):
    with pytest.raises(BadInput) as refused:
        client(given)
    assert "client.yml line 6: " in str(refused.value)
    assert told in str(refused.value)


def test_maps_of_the_field_have_names_rules_and_actions():
    assert set(MAP_NAMES) == set(NAMED_MAPS)
    for rows in NAMED_MAPS.values():
        assert all(row.action for row in rows)
        assert len({row.name for row in rows}) == len(rows)
        assert all(not row.is_rest for row in rows[:-1])


def test_a_row_without_conditions_is_the_rest():
    assert Segment(name="All").is_rest
    assert not Segment(name="Big", orders="> 3").is_rest
