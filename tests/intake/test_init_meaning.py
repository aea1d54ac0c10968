"""What `custkit init` says of columns their headers do not settle: whose names they hold, whether they are an order's or its lines'."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from test_init import mapped, proposed, table

from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, GOOD
from custkit.intake.guess.proposal import propose
from custkit.intake.guess.samples import read_samples

GOODS = [("T1", "Green tea", 499), ("T2", "Black tea", 399), ("C1", "Cup", 1250), ("P1", "Pot", 2900), ("M1", "Milk jug", 850)]
PEOPLE = [f"Given{i % 8} Family{i // 8}" for i in range(40)]
WHERE = {"currency": "EUR", "time_zone": "Europe/Berlin"}


def money(cents: int) -> str:
    return f"{cents / 100:.2f}"


def day(order: int) -> str:
    return f"2026-{1 + order // 100:02}-{1 + order % 28:02}"


def lines(orders: int = 200) -> list[tuple[int, int, int, tuple[str, str, int], int, int]]:
    """Order, its customer, line from 1, product, pieces, and what the whole order came to; one to three lines an order."""
    chance = random.Random(7)
    found = []
    for order in range(orders):
        customer = chance.randrange(40)
        basket = [(chance.choice(GOODS), chance.randint(1, 3)) for _ in range(1 + order % 3)]
        total = sum(goods[2] * pieces for goods, pieces in basket)
        found += [(order, customer, n, goods, pieces, total) for n, (goods, pieces) in enumerate(basket, 1)]
    return found


def init(tmp_path: Any, text: str, *answers: str) -> Result:
    path = tmp_path / "s.csv"
    path.write_text(text)
    words = [word for answer in ("currency=EUR", "time_zone=Europe/Berlin", *answers) for word in ("--answer", answer)]
    return CliRunner().invoke(main, ["init", "acme", str(path), "--yes", *words])


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUSTKIT_KEYS", str(tmp_path / "keys"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    "header",
    [
        ["order_id", "customer_id", "name", "date", "amount"],
        ["order_id", "user_id", "description", "date", "total"],
        ["order_id", "member", "title", "date", "total"],
        ["Beleg", "Kundennr", "Name", "Datum", "Betrag"],
        ["订单号", "会员号", "名称", "下单时间", "实付金额"],
        ["訂單編號", "會員編號", "客戶名稱", "訂購日期", "實付金額"],
        ["订单号", "客户编号", "收货人名称", "日期", "金额"],
    ],
)
def test_names_that_go_with_customers_are_peoples_and_never_read(tmp_path, header):
    rows = [[order, f"c{c}", PEOPLE[c], day(order), money(999 + order)] for order, c, n, *_ in lines() if n == 1]
    proposal = proposed(tmp_path, {"s.csv": table(header, rows)}, **WHERE)
    assert mapped(proposal) == dict(zip(("order_id", "customer_id", "ordered_at", "amount"), [*header[:2], *header[3:]], strict=True))
    assert proposal.sources[0].unread == {header[2]: "name of a person"} and not proposal.questions


@pytest.mark.parametrize("shared", [False, True])
def test_a_products_name_is_not_lost(tmp_path, shared):
    """One customer meets several products, or many customers share one, as of a subscription."""
    names = [(order, c, GOODS[c % 3][1] if shared else goods[1]) for order, c, n, goods, *_ in lines() if n == 1]
    rows = [[order, f"c{c}", name, day(order), money(999 + order)] for order, c, name in names]
    proposal = proposed(tmp_path, {"s.csv": table(["order_id", "customer_id", "name", "date", "amount"], rows)}, **WHERE)
    assert (mapped(proposal)["product_name"], mapped(proposal)["product_id"]) == ("name", "name") and not proposal.questions


def test_a_name_beside_a_products_id_or_that_differs_within_an_order_is_the_products(tmp_path):
    rows = [[order, day(order), goods[0], goods[1], pieces, money(goods[2])] for order, _c, _n, goods, pieces, _t in lines()]
    header = ["order", "date", "sku", "name", "qty", "price"]
    assert mapped(proposed(tmp_path, {"s.csv": table(header, rows)}))["product_name"] == "name"
    bare = [[row[0], row[1], *row[3:]] for row in rows]
    found = mapped(proposed(tmp_path, {"s.csv": table(["order", "date", "name", "qty", "price"], bare)}))
    assert (found["product_name"], found["product_id"]) == ("name", "name")


@pytest.mark.parametrize("customer", [True, False])
def test_a_name_that_may_be_either_is_asked_and_not_read_meanwhile(tmp_path, customer):
    """Nobody buys twice, or nobody is known."""
    rows = [[i, *([f"c{i}"] if customer else []), PEOPLE[i], day(i), money(999 + i)] for i in range(40)]
    text = table(["order_id", *(["customer_id"] if customer else []), "name", "date", "amount"], rows)
    proposal = proposed(tmp_path, {"s.csv": text}, **WHERE)
    (question,) = proposal.questions
    assert (question.key, question.proposed, question.choices) == ("s.csv.product_name", "", ("name", "none"))
    assert not {"product_name", "product_id"} & set(mapped(proposal)) and "Given" not in question.text
    answered = propose(read_samples([tmp_path]), {**WHERE, "s.csv.product_name": "name"})
    assert mapped(answered)["product_name"] == "name" and not answered.questions
    assert not propose(read_samples([tmp_path]), {**WHERE, "s.csv.product_name": "none"}).questions


def test_a_list_of_customers_with_their_names_is_no_list_of_products(tmp_path):
    orders = [[order, f"c{c}", day(order), 5 + order] for order, c, n, *_ in lines() if n == 1]
    files = {
        "customers.csv": table(["id", "name"], [[f"c{i}", name] for i, name in enumerate(PEOPLE)]),
        "orders.csv": table(["order_id", "customer_id", "date", "amount"], orders),
    }
    assert [s.table for s in proposed(tmp_path, files).sources if s.is_used] == ["order_lines"]


def by_phone() -> str:
    rows = [[i, f"+49 171 555{i % 30:04}", f"b{i % 30}@x.example", day(i), f"S{i % 4}", 5 + i] for i in range(120)]
    return table(["order_id", "phone", "mail", "date", "sku", "amount"], rows)


def test_whether_a_phone_tells_customers_apart_is_asked_and_left_out_meanwhile(tmp_path, home):
    result = init(tmp_path, by_phone())
    assert result.exit_code == GOOD, result.output
    assert "`mail` (mail address) or `phone` (phone number) to tell them apart?" in result.output and "keyed hash" in result.output
    assert "customer_id" not in load_client("acme").sources[0].columns
    assert "171" not in (home / "clients" / "acme" / "client.yml").read_text() and "171" not in result.output


def test_an_answer_is_obeyed_whatever_the_column_holds(tmp_path, home):
    result = init(tmp_path, by_phone(), "s.csv.customer_id=phone")
    assert result.exit_code == GOOD, result.output
    assert load_client("acme").sources[0].columns["customer_id"].column == "phone"
    assert "customer: known                    120" in result.output and "never read: mail (names people)" in result.output
    kept = b"".join(path.read_bytes() for path in (home / ".custkit").rglob("*.parquet"))
    assert b"+49 171" not in kept


def test_amounts_and_times_that_do_not_look_it_are_taken_when_said(tmp_path):
    rows = [[i, f"c{i % 9}", f"day {1 + i % 28} of March", f"Fr. {5 + i}.00"] for i in range(40)]
    header = ["order_id", "customer_id", "when", "paid"]
    with_format = {"s.csv.amount": "paid", "s.csv.ordered_at": "when", "date:s.csv.when": "day %d of March"}
    found = proposed(tmp_path, {"s.csv": table(header, rows)}, **with_format).sources[0]
    assert found.is_used and found.mapped["amount"].column == "paid"
    assert found.mapped["ordered_at"].options == {"format": "day %d of March"}
    refused = init(tmp_path, table(header, rows), "s.csv.amount=paid", "s.csv.ordered_at=when")
    assert refused.exit_code == BAD_INPUT
    assert "s.csv.ordered_at=when: its cells are written as no time" in refused.output and "date:s.csv.when=FORMAT" in refused.output


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("s.csv.points=amount", "s.csv is read as order_lines, which has no points"),
        ("date:s.csv.sku=iso", "s.csv has no time in a column `sku`"),
        ("values:s.csv.amount=a=b", "s.csv has no words to translate in amount"),
        ("statuses=paid", "no column is read as the orders' status"),
    ],
)
def test_an_answer_used_for_nothing_is_an_error_that_names_it(tmp_path, home, answer, says):
    result = init(tmp_path, by_phone(), answer)
    assert result.exit_code == BAD_INPUT and f"--answer {answer}: {says}" in result.output and not home.exists()


def test_an_answer_about_a_file_that_is_not_read_is_an_error(tmp_path):
    text = table(["order_id", "customer_id", "amount"], [[i, i % 9, 5 + i] for i in range(40)])
    result = init(tmp_path, text, "s.csv.amount=amount")
    assert result.exit_code == BAD_INPUT and "s.csv.amount=amount: s.csv is not read; as order_lines it lacks ordered_at" in result.output


FIRST_LINE_HEADER = [
    "Name", "Email", "Financial Status", "Subtotal", "Shipping", "Total", "Discount Code", "Created at", "Lineitem quantity",
    "Lineitem name", "Lineitem price", "Lineitem sku", "Billing Name", "Id", "Source",
]  # fmt: skip


def first_line_only() -> list[list[Any]]:
    """One row a line; what the order says stands on its first row only."""
    rows = []
    for order, customer, n, (sku, name, price), pieces, total in lines():
        once = ["paid", money(total), "4.90", money(total + 490)] if n == 1 else [""] * 4
        last = [PEOPLE[customer], 5000000000 + order, "web"] if n == 1 else [""] * 3
        item = [pieces, name, money(price), sku]
        rows.append([f"#{1001 + order}", f"b{customer}@x.example", *once, "", f"{day(order)} 10:00:00", *item, *last])
    return rows


def test_what_stands_once_an_order_is_its_total_or_filled_down(tmp_path, home):
    rows = first_line_only()
    found = proposed(tmp_path, {"s.csv": table(FIRST_LINE_HEADER, rows)}, **WHERE)
    source = found.sources[0]
    assert mapped(found) == {
        "order_id": "Name", "ordered_at": "Created at", "product_id": "Lineitem sku", "quantity": "Lineitem quantity",
        "unit_price": "Lineitem price", "product_name": "Lineitem name", "channel": "Source", "order_status": "Financial Status",
        "order_total": "Subtotal",
    }  # fmt: skip
    assert {f for f, m in source.mapped.items() if m.options.get("fill_down")} == {"channel", "order_status"}
    assert source.unread["Total"] == "the order's, not its lines'"
    assert source.identities[-1] == "the lines of an order (Name) add up to Subtotal"
    asked = {q.key: q for q in found.questions}
    assert asked["s.csv.customer_id"].choices == ("Email", "none") and "Discount Code" not in "".join(q.text for q in found.questions)
    result = init(tmp_path, table(FIRST_LINE_HEADER, rows), "s.csv.customer_id=Email")
    assert result.exit_code == GOOD, result.output
    revenue = sum(int(row[8]) * round(float(row[10]) * 100) for row in rows)
    assert f"accepted                             {len(rows)} {revenue / 100:>17,.2f}" in result.output


def every_line(*, line_total: bool = True) -> tuple[list[str], list[list[Any]]]:
    """One row a line; what the order says stands on every row. Only three prices."""
    header = ["Order Number", "Order Date", "Customer User ID", "Order Subtotal Amount", "Order Total Amount", "SKU", "Item #", "Item Name",
              "Quantity", "Item Cost", "Order Line Total"]  # fmt: skip
    prices = {"T1": 990, "T2": 350, "C1": 2400, "P1": 350, "M1": 990}
    totals: dict[int, int] = {}
    for order, _c, _n, goods, pieces, _total in lines():
        totals[order] = totals.get(order, 0) + pieces * prices[goods[0]]
    rows = []
    for order, customer, n, (sku, name, _price), pieces, _total in lines():
        own = [money(totals[order]), money(totals[order] + 490)]
        line = [pieces, money(prices[sku]), money(prices[sku] * pieces)]
        rows.append([4000 + order, f"{day(order)} 10:00", customer, *own, sku, n, name, *line])
    return (header, rows) if line_total else (header[:-2], [row[:-2] for row in rows])


def test_an_orders_total_on_every_line_is_no_lines_amount(tmp_path):
    header, rows = every_line()
    found = proposed(tmp_path, {"s.csv": table(header, rows)}, **WHERE)
    assert mapped(found) == {
        "order_id": "Order Number", "customer_id": "Customer User ID", "ordered_at": "Order Date", "product_id": "SKU",
        "quantity": "Quantity", "amount": "Order Line Total", "unit_price": "Item Cost", "product_name": "Item Name",
        "order_total": "Order Subtotal Amount", "line_id": "Item #",
    }  # fmt: skip
    assert not found.questions and found.sources[0].identities[0] == "Quantity × Item Cost = Order Line Total"


def test_where_only_orders_have_an_amount_that_is_said(tmp_path):
    header, rows = every_line(line_total=False)
    result = init(tmp_path, table(header, rows))
    assert result.exit_code == BAD_INPUT
    assert (
        "lacks amount or unit_price or gross_amount or list_price (`Order Subtotal Amount`, `Order Total Amount`: one value"
        in result.output
    )
    assert init(tmp_path, table(header, rows), "s.csv.amount=Order Total Amount").exit_code == GOOD


def test_an_amount_that_is_the_same_on_all_lines_of_an_order_is_asked(tmp_path):
    """Pieces of one price, or the order's total again: only a person knows. What is called a price is one piece's."""
    rows = [[order, f"c{c}", day(order), f"seat {n}", money(total)] for order, c, n, _g, _p, total in lines()]
    found = proposed(tmp_path, {"s.csv": table(["order_id", "customer_id", "date", "item", "amount"], rows)}, **WHERE)
    (question,) = found.questions
    assert (question.key, question.proposed) == ("s.csv.amount", "") and not found.sources[0].is_used
    assert "same on all lines of an order" in question.text
    priced = proposed(tmp_path, {"s.csv": table(["order_id", "customer_id", "date", "item", "unit price"], rows)}, **WHERE)
    assert mapped(priced)["unit_price"] == "unit price" and not priced.questions


@pytest.mark.parametrize("state", [False, True])
def test_an_order_told_twice_is_no_order_of_two_lines(tmp_path, state):
    """Copies, as exports that overlap have them, or the order again in another state: its amount stays the line's."""
    rows = [
        [order, f"c{c}", day(order), goods[0], money(999 + order), again if state else "paid"]
        for order, c, n, goods, *_ in lines() if n == 1 for again in ("paid", "shipped")
    ]  # fmt: skip
    found = proposed(tmp_path, {"s.csv": table(["order_id", "customer_id", "date", "sku", "amount", "status"], rows)}, **WHERE)
    assert mapped(found)["amount"] == "amount" and "s.csv.amount" not in {q.key for q in found.questions}


def reduced(*, total: bool) -> tuple[Sequence[str], list[list[Any]]]:
    header = ["order_id", "customer_id", "date", "product", "qty", "unit_price", "discount", *(["Order sum"] if total else [])]
    off = {order: 100 * (order % 3 == 0) for order, *_ in lines()}
    rows = []
    for order, customer, n, goods, pieces, whole in lines():
        sums = [money(whole - off[order])] if total else []
        rows.append([order, f"c{customer}", day(order), goods[1], pieces, money(goods[2]), money(off[order] * (n == 1)), *sums])
    return header, rows


def test_whether_a_discount_is_off_the_price_already_is_asked(tmp_path):
    header, rows = reduced(total=False)
    found = proposed(tmp_path, {"s.csv": table(header, rows)}, **WHERE)
    (question,) = found.questions
    assert question.key == "s.csv.list_price" and mapped(found)["unit_price"] == "unit_price"
    before = propose(read_samples([tmp_path]), {**WHERE, "s.csv.list_price": "unit_price"})
    assert mapped(before)["list_price"] == "unit_price" and "unit_price" not in mapped(before) and not before.questions
    assert not propose(read_samples([tmp_path]), {**WHERE, "s.csv.list_price": "none"}).questions


def test_an_orders_total_tells_whether_a_discount_is_off_the_price(tmp_path):
    header, rows = reduced(total=True)
    found = proposed(tmp_path, {"s.csv": table(header, rows)}, **WHERE)
    assert (mapped(found)["list_price"], mapped(found)["order_total"]) == ("unit_price", "Order sum") and not found.questions


@pytest.mark.parametrize("header", ["item-price", "amount"])
@pytest.mark.parametrize("each", [False, True])
def test_money_that_grows_with_the_pieces_is_an_amount_and_else_a_price(tmp_path, header, each):
    """Whatever it is called: marketplaces call a line's total its item price."""
    rows = [[f"o{o}", f"c{c}", day(o), g[0], pieces, money(g[2] * (1 if each else pieces))] for o, c, _n, g, pieces, _t in lines()]
    found = mapped(proposed(tmp_path, {"s.csv": table(["order-id", "customer-id", "date", "sku", "quantity", header], rows)}, **WHERE))
    assert {f: c for f, c in found.items() if c == header} == {"unit_price" if each else "amount": header}
    told = propose(read_samples([tmp_path]), {**WHERE, "s.csv.amount": header})
    assert mapped(told)["amount"] == header


def test_a_name_as_the_customers_key_is_asked_where_a_mail_address_would_do_better(tmp_path):
    rows = [[f"o{order}", day(order), f"b{c}@x.example", PEOPLE[c], money(goods[2])] for order, c, _n, goods, *_ in lines()]
    found = proposed(tmp_path, {"s.csv": table(["order-id", "purchase-date", "buyer-email", "buyer-name", "amount"], rows)}, **WHERE)
    (question,) = found.questions
    assert (question.key, question.proposed, question.choices) == ("s.csv.customer_id", "buyer-name", ("buyer-email", "buyer-name", "none"))


@given(st.randoms(use_true_random=False))
def test_the_rows_of_an_order_in_any_order_of_columns_say_the_same(tmp_path_factory: Any, chance: random.Random) -> None:
    header, rows = every_line()
    places = list(range(len(header)))
    chance.shuffle(places)
    text = table([header[i] for i in places], [[row[i] for i in places] for row in rows])
    assert mapped(proposed(tmp_path_factory.mktemp("x"), {"s.csv": text}))["amount"] == "Order Line Total"


def of_lines(header: Sequence[str], more: Callable[[int], Sequence[Any]]) -> str:
    """Sixty lines of thirty orders: order, customer, date, and what `more` makes of a line's number."""
    rows = [[f"R{i // 2}", f"K{i // 2 % 9}", f"2026-03-{1 + i // 2 % 28:02}", *more(i)] for i in range(60)]
    return table(["order_id", "customer_id", "date", *header], rows)


def test_what_comes_on_top_of_an_amount_is_no_discount_and_it_is_asked_which_is_the_amount(tmp_path):
    """net + VAT = gross: the VAT was told as given away."""
    text = of_lines(
        ["product", "net", "vat", "gross"], lambda i: [f"P{i % 7}", f"{i + 5}.00", f"{(i + 5) / 5:.2f}", f"{(i + 5) * 1.2:.2f}"]
    )
    found = proposed(tmp_path, {"s.csv": text}, **WHERE)
    assert mapped(found)["amount"] == "net" and not {"gross_amount", "discount_amount", "cost_amount"} & set(mapped(found))
    (question,) = found.questions
    assert (question.key, question.proposed, set(question.choices)) == ("s.csv.amount", "net", {"net", "gross"})
    assert mapped(propose(read_samples([tmp_path]), {**WHERE, "s.csv.amount": "gross"}))["amount"] == "gross"


def test_what_is_earned_on_a_line_is_no_discount(tmp_path):
    text = of_lines(["product", "amount", "cost", "profit"], lambda i: [f"P{i % 7}", f"{i + 9}.50", f"{i + 4}.25", "5.25"])
    found = mapped(proposed(tmp_path, {"s.csv": text}, **WHERE))
    assert (found["amount"], found["cost_amount"]) == ("amount", "cost") and "discount_amount" not in found


def test_a_discount_in_per_cent_is_no_money(tmp_path):
    text = of_lines(["product", "discount_pct", "amount"], lambda i: [f"P{i % 7}", 10 * (i % 3), f"{i + 5}.00"])
    assert "discount_amount" not in mapped(proposed(tmp_path, {"s.csv": text}, **WHERE))


@pytest.mark.parametrize(
    ("header", "cost"), [("price", False), ("retail_price", False), ("cost price", True), ("售价", False), ("进价", True)]
)
def test_what_a_product_sells_for_is_not_what_it_costs(tmp_path, header, cost):
    goods = table(["product_id", "name", header], [[f"P{i}", f"Oat milk no {i}", f"{i + 2}.40"] for i in range(30)])
    lines_ = of_lines(["product_id", "qty", "amount"], lambda i: [f"P{i % 30}", 1 + i % 3, f"{(i % 30 + 2.4) * (1 + i % 3):.2f}"])
    found = proposed(tmp_path, {"products.csv": goods, "sales.csv": lines_}, **WHERE)
    (products,) = [source for source in found.sources if source.table == "products"]
    assert ("unit_cost" in products.mapped) is cost


def test_a_column_of_words_numbers_no_lines(tmp_path):
    """Two dishes of one price on a ticket: the dish became the line's number."""
    text = of_lines(["dish", "amount"], lambda i: [("Soup", "Stew")[i % 2], "12.00"])
    assert "line_id" not in mapped(proposed(tmp_path, {"s.csv": text}, **WHERE))


def test_kinds_of_goods_are_no_kinds_of_lines(tmp_path):
    """Sale and Rental: one word is known, and the rest is what a shop does beside."""
    text = of_lines(["product", "type", "amount"], lambda i: [f"P{i % 7}", ("Sale", "Rental")[i % 2], f"{i + 5}.00"])
    found = mapped(proposed(tmp_path, {"s.csv": text}, **WHERE))
    assert "line_type" not in found and found["product_name"] == "product"


def test_where_only_names_tell_customers_apart_it_is_asked(tmp_path):
    text = of_lines(["product", "amount"], lambda i: [f"P{i % 7}", f"{i + 5}.00"]).replace("customer_id", "name")
    found = proposed(tmp_path, {"s.csv": text}, **WHERE)
    (question,) = [q for q in found.questions if q.key == "s.csv.customer_id"]
    assert question.proposed == "" and question.choices == ("name", "none") and "customer_id" not in mapped(found)
