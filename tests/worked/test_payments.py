"""How customers pay, worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from custkit.analysis.payments import customer_payments, payment_kinds, payment_mix, payment_months
from custkit.client import Payments, load_client
from custkit.errors import BadInput

RULES = Payments()


def order(order_id, customer, method, *, revenue=10, month="10"):
    row = {"order_id": order_id, "customer_id": customer, "ordered_at": f"2026-{month}-03 10:00", "payment_method": method}
    return {**row, "revenue": revenue}


ORDERS = [
    order("a1", "anna", "Card", month="09"),
    order("a2", "anna", "Card, 6 INSTALMENTS", revenue=90),
    order("b1", "ben", "Coffee subscription"),
    order("b2", "ben", "Coffee subscription", revenue=20),
    order("c1", "cem", None),
    order("g1", None, "cash", revenue=30),
]


def kinds_of(load_table, rows, *methods, rules=RULES):
    orders = load_table("orders", [order(f"o{i:02}", "anna", method) for i, method in enumerate(methods)])
    return [kind for _id, kind in rows(payment_kinds(orders, rules=rules).select("order_id", "payment_kind"), by="order_id")]


def test_methods_are_known_by_their_words_in_english_and_chinese(load_table, rows):
    assert kinds_of(load_table, rows, "INSTALMENT", "信用卡分期(12期)", "installment plan", "Buy now, pay later") == ["instalments"] * 4
    assert kinds_of(load_table, rows, "Subscription", "按月订阅", "连续包月") == ["subscription"] * 3
    assert kinds_of(load_table, rows, "card", "微信支付", "invoice", "一次性付清", "不分期") == ["paid in full"] * 5
    assert kinds_of(load_table, rows, None) == ["not known"]


def test_a_clients_own_words_take_the_place_of_the_kits(load_table, rows):
    rules = Payments(instalment=("Ratenkauf",), subscription=("Abo",))
    assert kinds_of(load_table, rows, "RATENKAUF 12", "Kaffee-abo", "instalment", rules=rules) == [
        "instalments",
        "subscription",
        "paid in full",
    ]
    # Without any word for it nobody pays by instalments.
    assert kinds_of(load_table, rows, "instalment", rules=Payments(instalment=())) == ["paid in full"]


CLIENT = """
name: Corner Shop
currency: EUR
sources: [{table: order_lines, files: sales.csv, columns: {order_id: o, customer_id: c, ordered_at: d, amount: a}}]
payments: LINE
"""


@pytest.fixture
def client(tmp_path):
    def read(line):
        path = tmp_path / "client.yml"
        path.write_text(CLIENT.replace("LINE", line), encoding="utf-8")
        return load_client("corner", path=path)

    return read


def test_a_client_file_gives_the_words_of_one_kind_in_one_line(client):
    assert client("{instalment: [Ratenkauf]}").payments == Payments(instalment=("Ratenkauf",))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{instalments: [Ratenkauf]}", "`instalments` is not a setting; did you mean `instalment`?"),
        ("{instalment: ['']}", "an empty word stands in every payment method"),
    ],
)
def test_what_is_misspelt_is_refused_with_a_suggestion(client, line, says):
    with pytest.raises(BadInput) as refused:
        client(line)
    assert says in str(refused.value) and "client.yml line 5" in str(refused.value)


def test_the_mix_is_counted_in_orders_customers_and_money(load_table):
    mix = payment_mix(load_table("orders", ORDERS), rules=RULES)
    names = ["payment_kind", "orders", "order_share", "customers", "revenue", "revenue_share", "aov"]
    expected = pd.DataFrame(
        [
            ("paid in full", 2, 0.4, 1, 40.0, 40 / 170, 20.0),  # Anna's first and the guest's
            ("instalments", 1, 0.2, 1, 90.0, 90 / 170, 90.0),
            ("subscription", 2, 0.4, 1, 30.0, 30 / 170, 15.0),
            ("not known", 1, float("nan"), 1, 10.0, 10 / 170, 10.0),
        ],
        columns=names,
    ).astype({"payment_kind": "str"})
    pd.testing.assert_frame_equal(mix[names], expected)
    # Wilson's interval of 1 of 5.
    assert mix.loc[1, ["low", "high"]].tolist() == pytest.approx([0.03622, 0.62446], abs=1e-5)


def test_the_mix_is_followed_month_by_month(load_table):
    months = payment_months(load_table("orders", ORDERS), rules=RULES)
    assert months.to_numpy().tolist() == [["2026-09", 1, 1.0, 0.0, 0.0, 0.0], ["2026-10", 5, 0.2, 0.2, 0.4, 0.2]]


def test_each_customers_orders_are_counted_by_payment(load_table, rows):
    told = customer_payments(load_table("orders", ORDERS), rules=RULES)
    assert rows(told, by="customer_id") == [
        ("anna", 2, 1, 1, 0, 0, 0.5, 0.0),
        ("ben", 2, 0, 0, 2, 0, 0.0, 1.0),
        ("cem", 1, 0, 0, 0, 1, None, None),
    ]


def test_a_client_who_does_not_tell_the_payment_has_no_mix(load_table):
    for orders in ([], [order("c1", "cem", None)]):
        table = load_table("orders", orders)
        assert payment_mix(table, rules=RULES).empty and payment_months(table, rules=RULES).empty
