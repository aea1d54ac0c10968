"""What a reader outside the house is not told: tables, findings, tiles, charts and lists, with ten as the least that is told."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from custkit import words
from custkit.intake.notes import Note
from custkit.present import charts, few
from custkit.present.finding import Fact, Finding
from custkit.present.labels import LABELS
from custkit.present.lists import people_list
from custkit.present.mime import FINDING, PEOPLE, TABLE, TILES
from custkit.present.table import table
from custkit.present.tiles import Tile, tiles
from custkit.reporting.harvest import Told, _take

SEGMENTS = pd.DataFrame(
    {"segment": ["Champions", "Loyal", "New", "Lost"], "customers": [40, 25, 14, 3], "revenue_share": [0.5, 0.3, 0.15, 0.05]}
)


@pytest.fixture
def outside() -> None:
    words.use("en", "USD", 10)


def cells(frame: pd.DataFrame, **options: Any) -> dict[str, list[str]]:
    payload = table(frame, **options).payload
    return {row[0]["text"]: [cell["text"] for cell in row[1:]] for row in payload["rows"]}


def test_in_the_house_everything_is_told():
    assert cells(SEGMENTS)["Lost"] == ["3", "5.0%"]
    assert Fact("quiet_good_customers", 3, "count").value == 3
    assert words.count(3) == "3"


def test_a_row_of_few_goes_with_the_next_least_and_with_its_share(outside):
    """3 is hidden, and 14 too: 40 + 25 of 82 would leave 3. What the rows brought would tell them apart again."""
    assert cells(SEGMENTS) == {"Champions": ["40", "50.0%"], "Loyal": ["25", "30.0%"], "Lost": ["hidden"] * 2, "New": ["hidden"] * 2}


def test_hidden_rows_stand_last_where_the_order_would_tell(outside):
    """In a table that falls from 40 to 3, whoever stands last is the smaller of two that make 17: at most 8."""
    payload = table(SEGMENTS).payload
    assert [row[0]["text"] for row in payload["rows"]] == ["Champions", "Loyal", "Lost", "New"]
    assert "fewer than 10 people" in payload["note"]


def test_no_hidden_figure_is_left_in_what_the_report_is_handed(outside):
    bundle = table(SEGMENTS, bars=["revenue_share"], small="customers")._repr_mimebundle_()
    hidden = [cell for row in bundle[TABLE]["rows"] for cell in row if "hidden" in cell]
    assert hidden == [{"text": "hidden", "hidden": True}] * 4
    assert bundle[TABLE]["quiet_rows"] == [1]
    assert not any(told in json.dumps(bundle) for told in ("0.05", "5.0%", "0.15", "15.0%", '"14"', '"3"'))


def test_what_a_hidden_row_is_stays_and_what_was_found_goes(outside):
    """The days of a rule count nobody; the range of a lift rests on those who are few."""
    frame = pd.DataFrame(
        {
            "list": ["due", "vip_care"],
            "list_rule": ["an order within 31 days", "one of the best 20%"],
            "on_list": [4, 70],
            "lift_range": ["1.1 to 2.4", "1.5 to 1.7"],
        }
    )
    assert cells(frame)["due"] == ["an order within 31 days", "hidden", "hidden"]
    assert all(LABELS[name].unit == "text" and not name.endswith("_range") for name in few.NAMES)


def test_the_rows_of_each_map_are_hidden_by_their_own(outside):
    """3 of one map is not saved by a row of another, whose customers are the same people."""
    maps = pd.DataFrame(
        {"segment_map": ["value", "", "risk", ""], "segment": ["A", "B", "C", "D"], "customers": [97, 3, 60, 40], "revenue_share": 0.5}
    )
    told = table(maps).payload["rows"]
    assert [["hidden" in cell for cell in row][2] for row in told] == [True, True, False, False]


def test_what_counts_no_people_is_told(outside):
    frame = pd.DataFrame({"category": ["tea", "mugs"], "orders": [3, 50]})
    assert cells(frame) == {"tea": ["3"], "mugs": ["50"]}


def test_rows_that_are_not_shown_protect_those_that_are(outside):
    frame = pd.DataFrame({"category": list("abcd"), "customers": [50, 3, 40, 30]})
    assert cells(frame, limit=2) == {"a": ["50"], "b": ["hidden"]}


def test_a_count_row_among_other_units_is_hidden_alone(outside):
    frame = pd.DataFrame({"measure": ["buyers", "order value"], "value": [7.0, 7.0], "unit": ["count", "money"]})
    assert cells(frame, units_by={"value": "unit"}) == {"buyers": ["hidden"], "order value": ["$7.00"]}


@pytest.mark.parametrize(
    "fact",
    [
        Fact("buyers", 3, "count"),
        Fact("rate", 0.06, "share", numerator=3, denominator=50),
        Fact("rate", 0.94, "share", numerator=47, denominator=50),
        Fact("rate", 0.06, "share", n=50),
        Fact("aov", 31.5, "money", n=4),
    ],
    ids=["a few", "a few of many", "all but a few", "a share of a known number", "the mean of a few"],
)
def test_a_finding_that_rests_on_few_says_only_that(fact, outside):
    few_told = Fact(**{**vars(fact), "definition": "Of those who bought."})
    finding = Finding("3 of 50 bought again.", "They are anna, ben and cleo.", (few_told, Fact("all_buyers", 4711, "count")))
    assert finding.headline == "Not told here: it rests on fewer than 10 people." and finding.tone == "quiet"
    bundle = json.dumps(finding._repr_mimebundle_())
    assert "anna" not in bundle and "4711" not in bundle and "4,711" not in bundle
    facts = finding._repr_mimebundle_()[FINDING]["facts"]
    assert facts[0] == {"key": fact.key, "unit": fact.unit, "definition": "Of those who bought.", "hidden": True}


def test_a_finding_on_many_is_told_whole(outside):
    fact = Fact("repurchase_rate", 0.3, "share", numerator=30, denominator=100, n=100)
    assert Finding("30 of 100 bought again.", "", (fact,)).headline == "30 of 100 bought again."
    assert Fact("customers", 0, "count").as_dict() == {"key": "customers", "value": 0, "unit": "count"}


def test_few_people_in_a_sentence_are_fewer_than_ten_of_them(outside):
    said = words.ngettext("{n} good customer has gone quiet.", "{n} good customers have gone quiet.", 1).format(n=words.count(1))
    assert said == "< 10 good customers have gone quiet."
    assert words.ngettext("gone customer", "gone customers", 1) == "gone customers", "as long as no figure stands in it"
    assert words.days(3) == "3 days" and words.count(0) == "0" and words.count(10) == "10"


def test_one_thing_is_one_for_every_reader(outside):
    """A file is no person: what is shown as 1 reads as one."""
    file = Note("control_total_matched", "order_lines", "sales.csv", 1)
    customer = Note("merged_into", "customers", "customer_id", 1)
    assert (file.counted, customer.counted) == ("1 file", "< 10 customers")


def test_a_tile_on_few_keeps_its_name_and_no_line(outside):
    few_now = Tile("buyers", Fact("buyers", 4, "count"), "20% on May", "down", spark=(12, 4), year="50% on June", year_direction="up")
    few_before = Tile("buyers", Fact("buyers", 40, "count"), "400% on May", "up", spark=(8, 40))
    now, before = tiles([few_now, few_before])._repr_mimebundle_()[TILES]["tiles"]
    assert (now["value"], now["change"], now["year"], now["spark"]) == ("hidden", "", "", [])
    assert (before["value"], before["change"], before["spark"], before["direction"]) == ("40", "", [], "none")


def test_nothing_is_drawn_of_few(outside):
    import matplotlib.pyplot as plt

    many = SEGMENTS.assign(customer_share=[0.49, 0.31, 0.17, 0.03], revenue=[50.5, 30.5, 15.5, 5.5], customers=SEGMENTS.customers * 10)
    drawn = charts.segment_shares(many, title="Many")
    assert plt.fignum_exists(drawn.figure.number)
    hidden = charts.segment_shares(many.assign(customers=SEGMENTS.customers), title="Few")
    assert not plt.fignum_exists(hidden.figure.number)
    plt.close("all")


def test_a_list_of_people_is_neither_written_nor_counted(outside, tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_LISTS", str(tmp_path))
    listed = people_list(None, name="due", title="Due", order_by=["customer_id"])  # type: ignore[arg-type]
    said = "Lists of people are not in a copy to hand on."
    assert listed._repr_mimebundle_() == {"text/plain": said, PEOPLE: {}}
    told = Told("actions")
    for text in (said, [said]):  # as shown, and as a notebook's file keeps it
        _take(told, {"text/plain": text, PEOPLE: {}}, 1)
    assert not told.lists and [(item.kind, item.content) for item in told.sections[0].items] == [("withheld", said)]
    assert list(tmp_path.iterdir()) == []


def test_what_counts_no_people_is_named_once_and_nothing_named_counts_people():
    assert few.counts_people("customers") and not few.counts_people("health.pages_limited")
    assert not {name for name in few.THINGS if any(who in name for who in ("customer", "buyer", "member", "people", "visitor"))}


def test_a_rate_that_gives_few_away_hides_its_row(outside):
    """4% of 100 is 4 people; 97% of 100 leaves 3; a share of revenue says nothing of people."""
    frame = pd.DataFrame({"region": list("abcd"), "customers": 100, "loyal_share": [0.3, 0.04, 0.97, 0.0], "revenue_share": 0.04})
    assert {name: row[1] for name, row in cells(frame).items()} == {"a": "30.0%", "b": "hidden", "c": "hidden", "d": "0.0%"}


def test_a_rate_is_held_against_people_who_are_not_shown(outside):
    frame = pd.DataFrame({"measure": ["churn", "activity"], "now": [0.034, 0.6], "unit": "share", "n": [119, 130]})
    assert cells(frame, units_by={"now": "unit"}, rests_on="n") == {"churn": ["hidden"], "activity": ["60.0%"]}


def test_the_same_counts_lose_the_same_rows_in_every_table(outside):
    """With 14 told here and 25 there, 3 could be worked out of the two: so 14 goes wherever 3 does."""
    more = pd.DataFrame({"segment": SEGMENTS.segment, "customers": SEGMENTS.customers, "members": [20, 4, 12, 0]})
    alone, beside = cells(SEGMENTS[["segment", "customers"]]), cells(more)
    assert {name for name, row in alone.items() if row[0] == "hidden"} == {"New", "Lost"}
    assert {name for name, row in beside.items() if row[0] == "hidden"} >= {"New", "Lost", "Loyal"}


def test_a_change_between_two_counts_is_told_unless_one_of_them_is_few(outside):
    assert Fact("customers_change", 3, "count").value == 3


def test_a_table_without_rows_has_nothing_to_hide(outside):
    frame = pd.DataFrame({"region": [], "customers": [], "loyal_share": []})
    assert table(frame, small="customers").payload["rows"] == []


def test_a_sentence_that_tells_of_few_beside_a_sum_is_withheld(outside):
    """185 went quiet, 182 are dormant: the fewer than ten who said farewell are three."""
    fact = Fact("churn_rate", 0.37, "share", numerator=185, denominator=500, n=500)
    told = Finding("37% went quiet.", f"Of 500, 182 are dormant now and {words.count(3)} said farewell.", (fact,))
    assert told.headline == "Not told here: it rests on fewer than 10 people." and told.facts[0].hidden


def test_rates_of_the_same_people_go_together(outside):
    """37.0% are dormant or lost and 36.4% dormant, of 500: the rest are 3. Another measure of as many people stays."""
    frame = pd.DataFrame(
        {"measure": ["churn", "churn", "churn", "activity"], "value": [0.37, 0.364, 0.006, 0.6], "n": 500, "unit": "share"}
    )
    told = table(frame, units_by={"value": "unit"}, small="n").payload["rows"]
    assert {(row[0]["text"], row[1]["text"]) for row in told} == {("churn", "hidden"), ("activity", "60.0%")}


@pytest.mark.parametrize(("language", "said"), [("en", "Jan ’18"), ("zh_CN", "18年1月")])
def test_a_month_reads_alike_in_every_table(language, said):
    """Points by month showed 2018-01 where other tables say Jan ’18; what is written already stays."""
    words.use(language, "USD")
    frame = pd.DataFrame({"month": ["2018-01", said, "all"], "earned_points": [10, 20, 30]})
    assert list(cells(frame)) == [said, "all"]
    assert table(frame.assign(month="2018-01-05")).payload["rows"][0][0]["text"] == "2018-01-05", "a day is no month"
