"""Purchase behaviour on public data: what is known of a grocer's and a wholesaler's year comes out, and a forecast that loses says so."""

from __future__ import annotations

from datetime import datetime

import pytest

from custkit.analysis.attributes import HOLDS, NO_BETTER, attribute_checks
from custkit.analysis.demand import ALL, back_test, demand_skill, weekly_demand
from custkit.analysis.season import daily_sales, month_season
from custkit.analysis.shopping_times import busiest_hours, weekday_hours, weekdays
from custkit.analysis.special_days import special_day_effects, special_days
from custkit.attribute_rules import AttributeRule
from custkit.client import Client
from custkit.engine import connect, load
from custkit.tables import TABLES

YEAR_END, NOVEMBER_END = datetime(2018, 1, 1), datetime(2011, 12, 1)


def put(duck, name, query):
    """The answer of `query` as a canonical table; columns it does not give are null."""
    table = TABLES[name].arrow_schema
    given = duck.con.sql(query).columns
    columns = ", ".join(f"CAST({field.name if field.name in given else 'NULL'} AS {_sql(field.type)}) AS {field.name}" for field in table)
    rows = duck.con.sql(f"SELECT {columns} FROM ({query})").to_arrow_table().cast(table)
    return load(duck, f"published_{name}", rows)


def _sql(kind):
    names = {
        "string": "VARCHAR",
        "int64": "BIGINT",
        "bool": "BOOLEAN",
        "date32[day]": "DATE",
        "double": "DOUBLE",
        "timestamp[us]": "TIMESTAMP",
    }
    return names.get(str(kind), "DECIMAL(18, 4)")


@pytest.fixture(scope="module")
def duck():
    connection = connect()
    yield connection
    connection.disconnect()


@pytest.fixture(scope="module")
def grocer(duck, real_data):
    """Orders, lines and products of the Complete Journey; the file's times are five hours ahead, petrol is no product."""
    transactions, goods = (real_data(f"completejourney/{name}.parquet") for name in ("transactions", "products"))
    lines = f"""
        SELECT CAST(basket_id AS VARCHAR) AS order_id, row_number() OVER () AS line_number, CAST(household_id AS VARCHAR) AS customer_id,
               CAST(t.transaction_timestamp AS TIMESTAMP) - INTERVAL 5 HOUR AS ordered_at, CAST(product_id AS VARCHAR) AS product_id,
               quantity, sales_value AS amount, sales_value AS gross_amount, sales_value AS revenue, 'sale' AS kind,
               product_type NOT LIKE 'GASOLINE%' AS is_product
        FROM read_parquet('{transactions}') t JOIN read_parquet('{goods}') p USING (product_id) WHERE sales_value > 0"""
    orders = f"""
        SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at, true AS is_purchase,
               sum(quantity) FILTER (WHERE is_product) AS items, sum(revenue) AS revenue
        FROM ({lines}) GROUP BY order_id"""
    products = f"""
        SELECT CAST(product_id AS VARCHAR) AS product_id, product_type AS product_name, product_category AS category
        FROM read_parquet('{goods}')"""
    return {name: put(duck, name, query) for name, query in (("orders", orders), ("order_lines", lines), ("products", products))}


@pytest.fixture(scope="module")
def wholesaler(duck, real_data):
    """Orders of Online Retail with pieces and country."""
    path = real_data("online_retail/online_retail_2010_2011.parquet")
    return put(
        duck,
        "orders",
        f"""SELECT InvoiceNo AS order_id, min(InvoiceDate) AS ordered_at, true AS is_purchase, sum(Quantity) AS items,
                   sum(Quantity * UnitPrice) AS revenue, any_value(Country) AS region
            FROM read_parquet('{path}') WHERE Quantity > 0 AND UnitPrice > 0 GROUP BY InvoiceNo""",
    )


def test_the_grocer_is_fullest_on_sunday_afternoons(grocer):
    days = weekdays(grocer["orders"], as_of=YEAR_END).set_index("weekday")
    assert days["orders"].idxmax() == "Sunday" and days["p_value"].iloc[0] < 1e-6
    row = busiest_hours(weekday_hours(grocer["orders"], as_of=YEAR_END)).iloc[0]
    assert row["weekday"] == "Sunday" and 14 <= row["from_hour"] <= 16 and row["low"] > row["even_share"]


def test_the_grocer_sells_before_thanksgiving_and_not_on_it(duck, grocer):
    daily = daily_sales(grocer["orders"], as_of=YEAR_END)
    sources = ({"table": "order_lines", "files": "x", "columns": {"amount": "a"}},)
    client = Client(name="x", currency="USD", time_zone="America/New_York", sources=sources)
    nothing = load(duck, "published_campaigns", TABLES["campaigns"].empty())
    effects = special_day_effects(daily, special_days(daily, nothing, client=client)).set_index("occasion")
    feast = effects.loc["Thanksgiving Day"]
    assert feast["revenue_high"] < 0 and feast["before_low"] > 0 and feast["is_significant"]
    assert effects.loc["Independence Day", "revenue_low"] > 0
    # School is in on Columbus Day, and nobody cooks for it.
    assert not effects.loc["Columbus Day", "is_significant"]
    assert month_season(daily).empty  # one year tells no season


def test_a_child_in_nappies_buys_for_a_child_and_a_dog_foretells_nothing(grocer):
    rules = [
        AttributeRule(name="child in nappies", buys="*diapers*", times=2, within_days=120, predicts=["*baby*", "*infant*"]),
        AttributeRule(name="has a dog", buys=["*dog food*", "*dogfd*"], times=2, within_days=180),
    ]
    lines, products = grocer["order_lines"], grocer["products"]
    checks = attribute_checks(lines, products, rules=rules, start=datetime(2017, 12, 1), as_of=YEAR_END).set_index("attribute")
    assert checks.loc["child in nappies", "verdict"] == HOLDS and checks.loc["child in nappies", "lift_low"] > 3
    assert checks.loc["has a dog", "verdict"] == NO_BETTER


def test_the_grocers_demand_is_foretold_better_than_by_last_week(grocer):
    row = demand_skill(back_test(weekly_demand(grocer["orders"], as_of=YEAR_END))).iloc[0]
    assert row["wins"] and row["forecast_error"] < 0.06 < 0.07 < row["naive_error"]
    assert 0.7 <= row["coverage"] <= 0.92


def test_the_wholesalers_autumn_is_not(wholesaler):
    days = weekdays(wholesaler, as_of=NOVEMBER_END).set_index("weekday")
    assert days.loc["Saturday", "orders"] == 0 and days["orders"].idxmax() == "Thursday"
    weekly = weekly_demand(wholesaler, as_of=NOVEMBER_END)
    skill = demand_skill(back_test(weekly)).set_index("region")
    assert not skill.loc[ALL, "wins"] and skill.loc[ALL, "forecast_error"] > skill.loc[ALL, "naive_error"]
    assert not skill.loc["United Kingdom", "wins"] and skill.loc["Belgium", "wins"]
    # The data stop on 9 December: that is no fall of demand.
    assert weekly_demand(wholesaler, as_of=datetime(2012, 1, 1)).empty
