"""A client that sends what visitors did and no orders is a client."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit import open_book
from custkit.engine import fetch
from custkit.errors import BadInput

CLIENT = """
name: Visits
currency: EUR
privacy: {ids: as_sent}
time_zone: UTC
data: raw
sources:
  - table: events
    files: visits.csv
    columns: {visitor_id: who, customer_id: account, occurred_at: {column: at, format: "%Y-%m-%d %H:%M"}, event_type: what}
  - table: customers
    files: accounts.csv
    columns: {customer_id: account, gender: sex}
"""


@pytest.fixture
def visits(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    folder = tmp_path / "clients" / "visits"
    (folder / "raw").mkdir(parents=True)
    (folder / "client.yml").write_text(CLIENT, "utf-8")
    (folder / "raw" / "accounts.csv").write_text("account,sex\na,f\nb,m\n", "utf-8")
    return folder / "raw" / "visits.csv"


def test_the_months_of_the_events_are_the_months_of_the_book(visits):
    visits.write_text("who,account,at,what\n1,a,2026-01-05 10:00,visit\n1,a,2026-03-07 10:00,view\n", "utf-8")
    book = open_book("visits", "2026-02")
    assert book.snapshot.span == (datetime(2026, 1, 5, 10), datetime(2026, 3, 7, 10))
    assert fetch(book.events).num_rows == 1 and fetch(book.purchases).num_rows == 0
    assert not book.has("orders")
    with pytest.raises(BadInput, match="run with --period 2026-03"):
        open_book("visits", "2026-04")


def test_a_customer_is_there_from_the_first_event_that_names_them(visits):
    visits.write_text("who,account,at,what\n1,a,2026-01-05 10:00,visit\n1,a,2026-01-04 10:00,visit\n", "utf-8")
    people = fetch(open_book("visits", "2026-01").customers).to_pylist()
    # Nothing says when b opened the account, so that b stands in no month.
    assert [(row["gender"], row["registered_at"]) for row in people] == [("f", datetime(2026, 1, 4, 10))]
    assert not open_book("visits", "2026-01").has("customers.registered_at")


def test_a_loyalty_programme_without_orders_or_visits_has_months_too(visits):
    # Previously refused: "no orders were accepted, nor events in their place", although members and their points were there.
    visits.write_text("account,at,points\na,2026-01-31,50\na,2026-03-31,0\n", "utf-8")
    source = (
        "  - table: loyalty_ledger\n    files: visits.csv\n"
        "    columns: {customer_id: account, occurred_at: at, entry_type: {value: earn}, points: points}\n"
    )
    before, _events, after = CLIENT.partition("  - table: events\n")
    file = visits.parent.parent / "client.yml"
    file.write_text(before + source + after[after.index("  - table: customers") :], "utf-8")
    book = open_book("visits", "2026-02")
    assert book.snapshot.span == (datetime(2026, 1, 31), datetime(2026, 3, 31))
    assert fetch(book.loyalty_ledger).num_rows == 1
