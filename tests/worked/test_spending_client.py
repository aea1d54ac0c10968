"""A consultant weighs the spending score and writes the rules on abuse in the client file."""

from __future__ import annotations

from decimal import Decimal

import pytest

from custkit.client import ABUSE_RULES, Abuse, Credit, Spending, Weights, load_client
from custkit.errors import BadInput

CLIENT = """
name: Corner Shop
currency: EUR
sources: [{table: order_lines, files: sales.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]
"""


@pytest.fixture
def client(tmp_path):
    def read(more):
        path = tmp_path / "client.yml"
        path.write_text(CLIENT + more, encoding="utf-8")
        return load_client("corner", path=path)

    return read


def test_who_says_nothing_gets_the_kits_own_weights_and_rules(client):
    told = client("")
    assert told.spending == Spending() and told.abuse == Abuse()
    assert told.abuse.rules == ABUSE_RULES and told.abuse.thresholds == ()
    assert dict(told.spending.weights) == {"means": 1, "behaviour": 4, "predicted": 4, "engagement": 1}


def test_weights_orders_and_credit_are_one_line_each(client):
    told = client(
        """
spending:
  weights: {engagement: 0, means: 2.5}
  incomes: [tight, enough, comfortable]
  occupations: [student, nurse]
  high: 0.1
  credit: {methods: [on account], months: 1.5, min_orders: 5, cap: 400}
"""
    ).spending
    assert told.weights == Weights(means=2.5, engagement=0)
    assert (told.incomes, told.occupations, told.high, told.low) == (("tight", "enough", "comfortable"), ("student", "nurse"), 0.1, 0.4)
    assert told.credit == Credit(methods=("on account",), months=1.5, min_orders=5, cap=Decimal(400))


def test_rules_on_abuse_can_be_left_out_and_set(client):
    told = client("abuse: {rules: [refund_loops, coupons], returned: 0.6, thresholds: [300, 500.50], coupon_orders: 8}").abuse
    assert (told.rules, told.returned, told.coupon_orders) == (("refund_loops", "coupons"), 0.6, 8)
    assert told.thresholds == (Decimal(300), Decimal("500.50"))
    assert client("abuse: {rules: []}").abuse.rules == ()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("spending: {weigths: {means: 1}}", "line 5: `weigths` is not a setting; did you mean `weights`?"),
        ("spending: {weights: {behavior: 1}}", "`behavior` is not a setting; did you mean `behaviour`?"),
        ("spending: {weights: {means: -1}}", "spending.weights.means: "),
        ("spending: {weights: {means: 0, behaviour: 0, predicted: 0, engagement: 0}}", "every weight is 0; a score needs one above 0"),
        ("spending: {high: 0.7, low: 0.4}", "high (0.7) and low (0.4) are more than all customers together"),
        ("spending: {credit: {month: 2}}", "`month` is not a setting; did you mean `months`?"),
        ("spending: {credit: {methods: [invoice, '']}}", "an empty word stands in every payment method"),
        ("abuse: {return: 0.5}", "`return` is not a setting; did you mean `return"),
        ("abuse: {rules: [resales]}", "abuse.rules.0: "),
        ("abuse: {thresholds: [0]}", "a threshold is an order value above 0"),
        ("abuse: {bulk_times: 1}", "abuse.bulk_times: "),
    ],
)
def test_what_is_misspelt_or_makes_no_sense_is_refused_with_its_line(client, more, told):
    with pytest.raises(BadInput) as error:
        client(more)
    assert "client.yml line 5: " in str(error.value) and told in str(error.value)


def test_a_rule_that_is_none_is_answered_with_those_there_are(client):
    with pytest.raises(BadInput, match=r"'resale'.*not `resales`"):
        client("abuse: {rules: [resales]}")


def test_the_demo_shop_shows_how_it_is_written():
    told = load_client("demo")
    assert told.abuse.thresholds == (Decimal(200),) and told.spending.credit.cap == Decimal(500)
    assert load_client("demo_zh").abuse == told.abuse
