"""Forty customers who spend much and forty who do not: what they have in common, and what is chance."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from custkit.analysis.high_ticket import (
    AGE,
    CATEGORY,
    GENDER,
    HIGH,
    REGION,
    REST,
    TENURE,
    WEEKDAY,
    high_ticket,
    high_ticket_summary,
    high_ticket_traits,
)

AS_OF = datetime(2026, 11, 1)
VALUES = pa.schema(
    {
        "customer_id": pa.string(), "frequency": pa.int64(), "monetary_value": pa.decimal128(38, 4), "tenure_days": pa.int64(),
    }
)  # fmt: skip


def value(name, spend, *, orders=1, tenure=100):
    return {"customer_id": name, "frequency": orders, "monetary_value": spend, "tenure_days": tenure}


@pytest.fixture
def marked(load_table, rows):
    def put(given, **options):
        table = high_ticket(load_table("values", given, schema=VALUES), **options)
        return {row[0] for row in rows(table.select("customer_id", "is_high_ticket"), by="customer_id") if row[1]}

    return put


def test_the_best_tenth_is_high_ticket_and_equals_share_its_last_place(marked):
    people = [value(f"c{i:02}", 100 - i) for i in range(20)]
    assert marked(people) == {"c00", "c01"}
    assert marked([*people[:1], *[value(f"c{i:02}", 99) for i in range(1, 20)]]) == {f"c{i:02}" for i in range(20)}
    assert marked(people[:4]) == {"c00"}


def test_a_fixed_threshold_in_the_client_file_wins(marked):
    assert marked([value("a", 500), value("b", 499.99), value("c", 900)], spend=500) == {"a", "c"}


def test_who_spent_nothing_is_never_high_ticket(marked):
    assert marked([value("a", 0), value("b", -5)]) == set()
    assert marked([]) == set()


def test_high_ticket_customers_stand_beside_the_rest(load_table):
    people = [value("a", 600, orders=6), value("b", 400, orders=2), *[value(f"c{i}", 10, orders=1) for i in range(18)]]
    found = high_ticket_summary(high_ticket(load_table("values", people, schema=VALUES)))
    assert found.line.tolist() == [HIGH, REST]
    assert found.customers.tolist() == [2, 18]
    assert found.customer_share.tolist() == [0.1, 0.9]
    assert found.revenue.tolist() == [1000.0, 180.0]
    assert found.lowest_spend.tolist() == [400.0, 10.0]
    assert found.orders_per_customer.tolist() == [4.0, 1.0]
    assert found.aov.tolist() == [125.0, 10.0]  # 1000 / 8, never the mean of 100 and 200
    assert (found.orders_low <= found.orders_per_customer).all() and (found.aov <= found.aov_high).all()
    assert found.aov_low.iloc[1] == found.aov_high.iloc[1] == pytest.approx(10.0)  # all alike


MONDAY, SATURDAY = "2026-10-05 10:00", "2026-10-10 10:00"


@pytest.fixture
def traits(load_table):
    """40 high-ticket customers: 30 live in the North, all order on Saturdays and buy tea. 40 others: 10 in the North, Mondays, cups."""
    people, customers, orders, lines = [], [], [], []
    for high in (True, False):
        for i in range(40):
            name = f"{'high' if high else 'low'}{i:02}"
            people.append(value(name, 500 if high else 5, tenure=400 if high and i < 20 else 100))
            north = i < (30 if high else 10)
            customers.append(
                {"customer_id": name, "region": "North" if north else "South", "birth_year": 1990, "gender": "f" if i % 2 else "m"}
            )
            for k in range(3 if high else 1):
                day = SATURDAY if high else MONDAY
                orders.append(
                    {"order_id": f"{name}-{k}", "customer_id": name, "ordered_at": day, "channel": "web", "revenue": 200 if high else 5}
                )
                lines.append(
                    {
                        "order_id": f"{name}-{k}", "line_number": 1, "customer_id": name, "ordered_at": day, "kind": "sale",
                        "is_product": True, "product_id": "tea" if high else "cup", "revenue": 5,
                    }
                )  # fmt: skip
    products = [{"product_id": "tea", "category": "Tea"}, {"product_id": "cup", "category": "Cups"}]
    marked = high_ticket(load_table("values", people, schema=VALUES), spend=100)
    tables = [
        load_table(name, given)
        for name, given in (("customers", customers), ("orders", orders), ("order_lines", lines), ("products", products))
    ]
    return high_ticket_traits(marked, *tables, as_of=AS_OF)


def test_where_they_live_is_a_share_of_customers(traits):
    north = traits[(traits.trait == REGION) & (traits.value == "North")].iloc[0]
    assert north.customers == 40
    assert (north.high_ticket_share, north.rest_share, north.difference) == (0.75, 0.25, 0.5)
    # Half of all live in the North: two shares of forty draws each, 0.5 ± 1.96 · √(2 · 0.5 · 0.5 / 40).
    assert (north.low, north.high) == pytest.approx((0.5 - 0.21913, 0.5 + 0.21913), abs=1e-5)
    assert north.q_value < 0.001


def test_when_they_order_is_a_share_of_orders_and_three_orders_of_one_customer_are_one_piece_of_luck(traits):
    days = traits[traits.trait == WEEKDAY].set_index("value")
    assert days.index.tolist() == ["Saturday", "Monday"]
    assert days.high_ticket_share["Saturday"] == 1.0 and days.rest_share["Saturday"] == 0.0
    assert traits[traits.trait == CATEGORY].value.tolist() == ["Tea", "Cups"]


def test_what_is_alike_does_not_set_them_apart(traits):
    gender = traits[traits.trait == GENDER]
    assert gender.difference.abs().max() == pytest.approx(0)
    assert (gender.q_value > 0.9).all()


def test_a_trait_with_one_value_says_nothing_and_few_say_nothing(traits):
    assert AGE not in set(traits.trait)  # all are 36
    assert "channel" not in set(traits.trait)  # all by web
    assert traits[traits.trait == TENURE].value.tolist() == ["91 to 180 days"]  # twenty have been there for more than a year: too few


def test_nobody_to_compare_gives_no_rows(load_table):
    tables = [load_table(name, []) for name in ("customers", "orders", "order_lines", "products")]
    found = high_ticket_traits(high_ticket(load_table("values", [value("a", 5)], schema=VALUES)), *tables, as_of=AS_OF)
    assert found.empty
    assert list(found.columns)[:4] == ["trait", "value", "customers", "high_ticket_share"]
