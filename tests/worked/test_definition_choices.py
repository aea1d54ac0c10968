"""A client file says in one line how a word is counted, and since when."""

from __future__ import annotations

import pytest

from custkit.client import DEFINITIONS, Definitions, load_client
from custkit.errors import BadInput
from custkit.period import Period

CLIENT = """
name: Corner Shop
currency: EUR
sources: [{table: order_lines, files: sales.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]
definitions: DEFINITIONS
"""


@pytest.fixture
def client(tmp_path):
    def read(definitions):
        path = tmp_path / "client.yml"
        path.write_text(CLIENT.replace("DEFINITIONS", definitions), encoding="utf-8")
        return load_client("corner", path=path)

    return read


def test_a_client_that_says_nothing_has_the_kits_own_definitions():
    chosen = Definitions()
    assert {measure: chosen.at(measure, Period(2026, 10)) for measure in DEFINITIONS} == {
        measure: names[0] for measure, names in DEFINITIONS.items()
    }
    assert not any(chosen.since(measure, Period(2026, 10)) for measure in DEFINITIONS)


def test_one_line_chooses_a_definition_for_all_time(client):
    chosen = client("{repurchase_rate: two_orders}").definitions
    assert chosen.at("repurchase_rate", Period(1999, 1)) == chosen.at("repurchase_rate", Period(2026, 10)) == "two_orders"
    assert chosen.since("repurchase_rate", Period(2026, 10)) == ""


def test_a_dated_line_changes_it_in_that_month_and_leaves_the_months_before(client):
    chosen = client("{repurchase_rate: two_days; two_orders from 2026-07; mature from 2026-09, aov: with_guests from 2026-10}").definitions
    told = [chosen.at("repurchase_rate", Period(2026, month)) for month in (6, 7, 8, 9, 10)]
    assert told == ["two_days", "two_orders", "two_orders", "mature", "mature"]
    assert [chosen.since("repurchase_rate", Period(2026, month)) for month in (6, 7, 10)] == ["", "2026-07", "2026-09"]
    assert [chosen.at("aov", Period(2026, month)) for month in (9, 10)] == ["known", "with_guests"]  # the kit's own before


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "{repurchase_rate: two_order}",
            "`two_order` is no definition of repurchase_rate; did you mean `two_orders`?; there are two_days,",
        ),
        ("{repurchase: two_orders}", "`repurchase` is not a setting; did you mean `repurchase_rate`?"),
        ("{churn_rate: lost from July}", "`July` is not a month; write a year and a month, such as 2026-07"),
        ("{churn_rate: lost; dormant}", "write `A; B from 2026-07`"),
        ("{churn_rate: lost from 2026-07; dormant from 2026-07}", "months rise from left to right"),
        ("{churn_rate: lost; lost from 2026-07}", "each definition differs from the one before"),
        ("{churn_rate: [lost]}", "write one definition; there are dormant_or_lost, dormant, lost"),
    ],
)
def test_what_is_misspelt_is_refused_with_its_line_and_a_suggestion(client, line, says):
    with pytest.raises(BadInput) as refused:
        client(line)
    assert says in str(refused.value)
    assert "client.yml line 5" in str(refused.value)
