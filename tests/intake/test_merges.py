"""Customers who had several ids: the client's map makes them one in every table."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custkit import upkeep
from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, BadInput
from custkit.intake import take_snapshot
from custkit.intake.persons import erased_path, key_of

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CLIENT = """
name: Corner Shop
currency: EUR
data: raw
privacy: {{ids: {ids}}}
sources:
  - table: merged_customers
    files: merges.csv
    columns: {{customer_id: old, merged_into: new}}
  - table: order_lines
    files: lines.csv
    columns: {{order_id: order, customer_id: who, ordered_at: date, amount: amount}}
  - table: customers
    files: customers.csv
    columns: {{customer_id: who, registered_at: opened, closed_at: closed, region: city, gender: sex}}
  - table: campaign_contacts
    files: contacts.csv
    columns: {{campaign_id: mailing, customer_id: who}}
  - table: surveys
    files: answers.csv
    columns: {{customer_id: who, answered_at: date, score: score}}
{more}
"""
# anna wrote herself down three times (a1 → a2 → a3), ben twice; cleo once.
FILES = {
    "merges.csv": "old,new\na1,a2\na2,a3\nb2,b1\nb1,b1\nx8,x9\n",
    "lines.csv": (
        "order,who,date,amount\n1,a1,2026-08-03,10.00\n2,a2,2026-09-04,20.00\n3,a3,2026-10-05,5.50\n4,b1,2026-10-06,7.00\n"
        "5,b2,2026-10-07,1.25\n6,cleo,2026-10-08,9.00\n7,,2026-10-09,2.00\n"
    ),
    "customers.csv": (
        "who,opened,closed,city,sex\na1,2026-08-01,2026-09-01,Bonn,f\na2,2026-09-02,2026-10-01,Köln,\na3,2026-10-03,,Aachen,\n"
        "b1,2026-10-01,,Trier,m\nb2,2026-09-20,2026-09-30,Ulm,m\ncleo,2026-10-01,,Mainz,f\n"
    ),
    "contacts.csv": "mailing,who\nspring,a1\nspring,a3\nspring,b2\nautumn,a2\n",
    "answers.csv": "who,date,score\na1,2026-08-10,9\nb2,2026-10-10,3\n,2026-10-11,7\n",
}


class Shop:
    """A client `corner` whose files the test may change."""

    def __init__(self, home):
        self.home, self.folder = home, home / "clients" / "corner"
        (self.folder / "raw").mkdir(parents=True)
        (home / "notebooks").mkdir()
        self.files(**FILES)

    def files(self, *, ids="as_sent", more="", **files):
        (self.folder / "client.yml").write_text(CLIENT.format(ids=ids, more=more), "utf-8")
        for name, text in files.items():
            (self.folder / "raw" / name).write_text(text, "utf-8")

    def merges(self, text):
        (self.folder / "raw" / "merges.csv").write_text("old,new\n" + text, "utf-8")

    @property
    def snapshot(self):
        return take_snapshot(load_client("corner"), progress=False)

    def rows(self, table, *columns):
        return [tuple(row.values()) for row in pq.read_table(self.snapshot.folder / f"{table}.parquet").select(list(columns)).to_pylist()]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    return Shop(tmp_path)


def test_who_had_three_ids_is_one_customer_in_every_table(shop):
    assert shop.rows("orders", "order_id", "customer_id", "order_number", "revenue") == [
        ("1", "a3", 1, Decimal(10)), ("2", "a3", 2, Decimal(20)), ("3", "a3", 3, Decimal("5.5")), ("4", "b1", 1, Decimal(7)),
        ("5", "b1", 2, Decimal("1.25")), ("6", "cleo", 1, Decimal(9)), ("7", None, None, Decimal(2)),
    ]  # fmt: skip
    assert sorted(shop.rows("campaign_contacts", "campaign_id", "customer_id")) == [("autumn", "a3"), ("spring", "a3"), ("spring", "b1")]
    assert shop.rows("surveys", "customer_id", "score") == [("a3", 9.0), ("b1", 3.0), (None, 7.0)]


def test_the_surviving_row_goes_first_from_the_day_the_first_account_was_opened(shop):
    assert sorted(shop.rows("customers", "customer_id", "registered_at", "closed_at", "region", "gender")) == [
        ("a3", datetime(2026, 8, 1), None, "Aachen", "f"),
        ("b1", datetime(2026, 9, 20), None, "Trier", "m"),
        ("cleo", datetime(2026, 10, 1), None, "Mainz", "f"),
    ]


def test_a_survivor_without_a_row_takes_those_of_the_others(shop):
    shop.files(**{"customers.csv": "who,opened,closed,city,sex\na1,2026-08-01,2026-09-01,Bonn,f\n"})
    found = {row[0]: row[1:] for row in shop.rows("customers", "customer_id", "registered_at", "closed_at", "region")}
    assert found["a3"] == (datetime(2026, 8, 1), None, "Bonn") and set(found) == {"a3", "b1", "cleo"}


def test_the_ledger_counts_who_was_merged_and_balances(shop):
    tables = shop.snapshot.manifest["ledger"]["tables"]
    assert tables["customers"] == {"accepted": 6, "rows": 3, "merged": 3, "unlisted": []}
    assert tables["merged_customers"] == {"accepted": 5, "rows": 4, "merged": 1}  # b1 into b1 says nothing
    assert tables["order_lines"]["revenue"] == "54.7500"
    assert sum(one["accepted"] + one["quarantined"] for one in shop.snapshot.manifest["ledger"]["files"]) == 5 + 7 + 6 + 4 + 3
    told = {note.code: note.rows for note in shop.snapshot.notes}
    assert told["customers_merged"] == 5 and told["merged_into"] == 2
    assert told["merged_unknown"] == 1 and told["survivor_unknown"] == 1


def test_a_map_that_joins_nobody_says_only_that(shop):
    shop.merges("x8,x9\n")
    assert {note.code for note in shop.snapshot.notes} & {"customers_merged", "merged_into", "merged_unknown", "survivor_unknown"} == {
        "merged_unknown", "survivor_unknown",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "circle"),
    [
        ("a1,a2\na2,a1\n", "`a1` → `a2` → `a1`"),
        ("a1,a2\na2,a3\na3,a1\nb2,a1\n", "`a1` → `a2` → `a3` → `a1`"),
        ("z,a1\na1,a2\na2,a3\na3,a4\na4,a1\n", "`a1` → `a2` → `a3` → `a4` → `a1`"),
        ("".join(f"k{i:02d},k{(i + 1) % 15:02d}\n" for i in range(15)), "`k00` → `k01` → `k02`"),
    ],
)
def test_a_circle_is_refused_with_its_ids(shop, rows, circle):
    shop.merges(rows)
    with pytest.raises(BadInput, match="merged in a circle") as refused:
        shop.snapshot
    assert circle in str(refused.value) and "merges.csv" in str(refused.value)
    done = CliRunner().invoke(main, ["check", "corner"])
    assert done.exit_code == BAD_INPUT and circle in done.output


def test_one_id_merged_into_two_is_refused(shop):
    shop.merges("a1,a2\na1,b1\n")
    with pytest.raises(BadInput, match=r"`a1` into `a2` and into `b1`; leave one row"):
        shop.snapshot


def test_a_row_told_twice_and_an_id_merged_into_itself_do_no_harm(shop):
    once = shop.rows("orders", "order_id", "customer_id")
    shop.merges("a2,a3\na1,a2\na1,a2\nb1,b1\nb2,b1\na3,a3\n")
    assert shop.rows("orders", "order_id", "customer_id") == once


def test_a_map_without_its_second_column_is_asked_for_it(shop):
    file = shop.folder / "client.yml"
    file.write_text(file.read_text().replace(", merged_into: new", ""))
    with pytest.raises(BadInput, match="map `merged_into`"):
        shop.snapshot


def test_a_rule_about_an_id_that_is_gone_is_refused_not_forgotten(shop):
    shop.files(more="rules: {exclude: [{reason: staff, field: customer_id, equals: [a1]}]}")
    with pytest.raises(BadInput, match=r"leaves out `a1` as staff, which merges.csv merges into `a3`"):
        shop.snapshot
    shop.files(more="rules: {exclude: [{reason: staff, field: customer_id, equals: [a1, a2, a3]}]}")
    assert shop.snapshot.manifest["ledger"]["tables"]["order_lines"]["excluded"][0]["rows"] == 3


GROUPS = "\n    columns: {campaign_id: mailing, customer_id: who, arm: group}\n"


@pytest.mark.parametrize(
    ("rows", "group"),
    [
        ("spring,a1,treatment\nspring,a3,control\n", "both"),
        ("spring,a3,control\nspring,a1,\n", "both"),  # only those kept back are marked: everybody else was written to
        ("spring,a1,treatment\nspring,a3,control\nspring,a2,\n", "both"),
        ("spring,a3,control\nspring,a1,\nspring,cleo,treatment\n", "control"),  # nobody knows of a1
        ("spring,a1,control\nspring,a3,control\n", "control"),
        ("spring,a1,\nspring,a3,\n", None),
    ],
)
def test_who_was_written_to_under_one_id_and_kept_back_under_another_is_in_neither_group(shop, rows, group):
    """anna is a1 and a3. Until now such a person counted as kept back, and what the mailing brought of her as if it had not."""
    file = shop.folder / "client.yml"
    file.write_text(file.read_text("utf-8").replace("\n    columns: {campaign_id: mailing, customer_id: who}\n", GROUPS), "utf-8")
    more = "spring,b2,control\n" if group else ""
    (shop.folder / "raw" / "contacts.csv").write_text("mailing,who,group\n" + rows + more, "utf-8")
    groups = dict(shop.rows("campaign_contacts", "customer_id", "arm"))
    assert groups["a3"] == group
    told = [(note.column, note.rows, note.text()) for note in shop.snapshot.notes if note.code == "in_both_arms"]
    assert [one[:2] for one in told] == ([("spring", 1)] if group == "both" else [])
    assert all("1 customer)" in text and "count in neither group" in text for *_of, text in told)


def test_pseudonyms_are_made_of_who_is_left_and_no_id_stays(shop):
    shop.files(ids="pseudonyms")
    names = {who: key_of("corner").pseudonym("customer_id", who) for who in ("a1", "a2", "a3", "b1", "b2", "cleo")}
    assert {who for _order, who in shop.rows("orders", "order_id", "customer_id")} == {names["a3"], names["b1"], names["cleo"], None}
    assert (names["a1"], names["a3"]) in shop.rows("merged_customers", "customer_id", "merged_into")
    held = b"".join(path.read_bytes() for path in shop.snapshot.folder.iterdir())
    assert not [who for who in names if f'"{who}"'.encode() in held]


@pytest.mark.parametrize("ids", ["pseudonyms", "as_sent"])
@pytest.mark.parametrize("called", ["a1", "a3"])
def test_who_is_erased_under_one_id_is_erased_under_all(shop, ids, called):
    shop.files(ids=ids)
    client, reports = load_client("corner"), shop.home / "reports"
    assert upkeep.subject(client, called).keys() == {"order_lines", "orders", "customers", "campaign_contacts", "surveys"}
    deed = upkeep.erase(client, called, reports=reports, now=NOW)
    assert deed.rows["orders"] == 3
    assert [order for order, _who in shop.rows("orders", "order_id", "customer_id")] == ["4", "5", "6", "7"]
    assert upkeep.subject(client, "a1") == upkeep.subject(client, "a2") == upkeep.subject(client, "a3") == {}
    assert shop.snapshot.manifest["ledger"]["tables"]["merged_customers"] == {"accepted": 5, "rows": 2, "merged": 1, "erased": 2}
    assert len(erased_path("corner").read_text().split()) == 3
    shop.merges("b2,b1\n")  # the map forgets her, the list of the erased does not
    assert [order for order, _who in shop.rows("orders", "order_id", "customer_id")] == ["4", "5", "6", "7"]


def test_who_was_erased_before_the_map_came_stays_out_under_the_other_id(shop):
    shop.merges("b2,b1\n")
    upkeep.erase(load_client("corner"), "a1", reports=shop.home / "reports", now=NOW)
    assert [order for order, _who in shop.rows("orders", "order_id", "customer_id")] == ["2", "3", "4", "5", "6", "7"]
    shop.merges("b2,b1\na1,a3\n")
    assert [order for order, _who in shop.rows("orders", "order_id", "customer_id")] == ["2", "4", "5", "6", "7"]


def test_a_map_of_a_hundred_thousand_links_in_one_chain_is_followed(shop):
    links = [f"n{i},n{i + 1}\n" for i in range(100_000)]
    random.Random(7).shuffle(links)
    shop.merges("".join(links) + "a1,n0\n")
    assert shop.rows("orders", "order_id", "customer_id")[0] == ("1", "n100000")


IDS = ["a1", "a2", "a3", "b1", "b2", "cleo"]


@st.composite
def maps(draw):
    """A map without circles: each id goes to a later one of a shuffled row, or stays."""
    order = draw(st.permutations(IDS))
    return [(who, draw(st.sampled_from(order[i:]))) for i, who in enumerate(order)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maps(), st.randoms(use_true_random=False))
def test_orders_and_revenue_stay_whatever_is_merged_in_whatever_order(shop, pairs, chance):
    end = dict(pairs)

    def last(who):
        return who if end.get(who, who) == who else last(end[who])

    told = []
    for rows in (pairs, chance.sample(pairs, len(pairs)), [*pairs, *((who, last(who)) for who in IDS if who == last(who))]):
        shop.merges("".join(f"{old},{new}\n" for old, new in rows))
        told.append(shop.rows("orders", "order_id", "customer_id", "ordered_at", "revenue", "order_number"))
    assert told[0] == told[1] == told[2]
    sent = [line.split(",") for line in FILES["lines.csv"].splitlines()[1:]]
    assert [(order, who, revenue) for order, who, _at, revenue, _n in told[0]] == [
        (order, last(who) if who else None, Decimal(amount)) for order, who, _date, amount in sent
    ]
    assert {row[0] for row in shop.rows("customers", "customer_id")} == {last(who) for who in IDS}
    shop.merges("".join(f"{old},{last(old)}\n" for old, _new in pairs))  # what the map comes to comes to the same
    assert shop.rows("orders", "order_id", "customer_id", "ordered_at", "revenue", "order_number") == told[0]
