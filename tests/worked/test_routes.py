"""Routes of five customers across their visits, by hand."""

from __future__ import annotations

import pytest

from custkit.analysis.routes import routes, visits

LINE = {"kind": "sale", "is_product": True, "amount": 1, "revenue": 1, "line_number": 1}
BOUGHT = [
    ("c1", "2026-10-01", "tea"),
    ("c1", "2026-10-05", "cup"),
    ("c2", "2026-10-01", "tea"),
    ("c2", "2026-10-04", "jam"),
    ("c2", "2026-10-11", "cup"),
    ("c3", "2026-10-02", "cup"),
    ("c3", "2026-10-03", "tea"),
    ("c4", "2026-10-07", "tea"),
    ("c4", "2026-10-07", "cup"),
    ("c5", "2026-10-09", "tea"),
    (None, "2026-10-01", "tea"),
    (None, "2026-10-02", "cup"),
]


@pytest.fixture
def seen(load_table):
    lines = [
        {**LINE, "order_id": f"o{i}", "customer_id": customer, "ordered_at": f"{day} 10:00", "product_id": product}
        for i, (customer, day, product) in enumerate(BOUGHT)
    ]
    return visits(load_table("order_lines", lines), load_table("products", []))


def found(frame, antecedent, consequent):
    return frame[(frame["antecedent"] == antecedent) & (frame["consequent"] == consequent)].iloc[0]


def test_two_orders_on_one_day_are_one_visit_and_guests_have_none(seen, rows):
    assert [(c, i, n) for c, _day, i, n in rows(seen, by=["customer_id", "visit_number", "item"])] == [
        ("c1", "tea", 1),
        ("c1", "cup", 2),
        ("c2", "tea", 1),
        ("c2", "jam", 2),
        ("c2", "cup", 3),
        ("c3", "cup", 1),
        ("c3", "tea", 2),
        ("c4", "cup", 1),
        ("c4", "tea", 1),
        ("c5", "tea", 1),
    ]


def test_any_later_counts_first_purchases_on_later_days(seen):
    route = found(routes(seen, step="any-later", min_customers=1), "tea", "cup")
    assert (route["antecedent_customers"], route["route_customers"], route["reverse_customers"]) == (5, 2, 1)
    assert route["confidence"] == 2 / 5
    # c1, c2 and c3 bought each once, on different days: even chances. c4 bought both on one day: no order to speak of.
    assert route["expected_customers"] == 1.5
    assert (route["wait_first_quartile"], route["wait_median"], route["wait_third_quartile"]) == (5.5, 7, 8.5)


def test_next_order_counts_the_visit_right_after(seen):
    route = found(routes(seen, step="next-order", min_customers=1), "tea", "cup")
    assert (route["route_customers"], route["reverse_customers"], route["expected_customers"]) == (1, 1, 1)
    assert route["wait_median"] == 4


def test_a_favourite_comes_first_by_chance(load_table):
    # Tea on three days, cup on one: in a random order of the four days tea comes first three times out of four.
    lines = [
        {**LINE, "order_id": f"o{day}", "customer_id": "c1", "ordered_at": f"2026-10-0{day} 10:00", "product_id": product}
        for day, product in ((1, "tea"), (2, "cup"), (3, "tea"), (4, "tea"))
    ]
    found_routes = routes(visits(load_table("order_lines", lines), load_table("products", [])), min_customers=1)
    assert found(found_routes, "tea", "cup")["expected_customers"] == 0.75


def test_a_route_that_one_visitor_takes_back_and_forth_has_no_direction(load_table):
    lines = [
        {**LINE, "order_id": f"o{day}", "customer_id": "c1", "ordered_at": f"2026-10-0{day} 10:00", "product_id": product}
        for day, product in ((1, "tea"), (2, "cup"), (3, "tea"))
    ]
    assert routes(visits(load_table("order_lines", lines), load_table("products", [])), step="next-order", min_customers=1).empty


def test_few_customers_show_no_route(seen, load_table):
    assert routes(seen).empty
    nothing = visits(load_table("order_lines", []), load_table("products", []))
    assert list(routes(nothing)) == list(routes(seen, min_customers=1))
    with pytest.raises(ValueError, match="step='sometimes'"):
        routes(seen, step="sometimes")


def test_what_sells_in_spring_leads_nowhere_by_coming_before_summer(load_table):
    # Eggs sell in April alone and ice in July alone, to customers who come in both: the season explains the order.
    lines = [
        {
            **LINE,
            "order_id": f"{customer}{month}",
            "customer_id": f"c{customer}",
            "ordered_at": f"2026-{month}-05 10:00",
            "product_id": product,
        }
        for customer in range(40)
        for month, product in (("04", "eggs"), ("07", "ice"))
    ]
    route = routes(visits(load_table("order_lines", lines), load_table("products", []))).iloc[0]
    assert (route["antecedent"], route["route_customers"]) == ("eggs", 40)
    assert route["expected_customers"] > 39
    assert not route["is_significant"]


def test_a_route_within_a_season_is_more_than_chance(load_table):
    lines = [
        {**LINE, "order_id": f"{customer}{day}", "customer_id": f"c{customer}", "ordered_at": f"2026-04-{day} 10:00", "product_id": product}
        for customer in range(40)
        for day, product in (("05", "maker"), ("20", "descaler"))
    ]
    for step in ("next-order", "any-later"):
        route = routes(visits(load_table("order_lines", lines), load_table("products", [])), step=step).iloc[0]
        assert (route["antecedent"], route["consequent"], route["expected_customers"], route["wait_median"]) == (
            "maker",
            "descaler",
            20,
            15,
        )
        assert route["is_significant"]
