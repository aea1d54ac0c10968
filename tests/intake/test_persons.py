"""Ids become pseudonyms under a key that lies elsewhere; the erased do not come in again."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from custkit.errors import BadInput
from custkit.intake.persons import erased_path, home_of
from custkit.keys import Key, client_key, key_path

SALES = "order,date,customer,product,qty,amount\no1,2026-10-03,ann@mail,tea,1,10.10\no2,2026-10-04,TEST7,tea,1,5\no3,2026-10-05,,tea,1,2\n"
EXCLUDE = "rules:\n  exclude:\n    - {reason: test_orders, field: customer_id, starts_with: [TEST]}\n"
KEY = Key(bytes(range(32)))


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTKIT_KEYS", str(tmp_path / "keys"))


def cells(snapshot) -> set[str]:
    """Every text in every table of the snapshot."""
    found: set[str] = set()
    for path in snapshot.folder.glob("*.parquet"):
        table = pq.read_table(path)
        for column in table.columns:
            found |= {str(value) for value in column.to_pylist() if value is not None}
    return found


def test_a_pseudonym_is_a_keyed_hash_of_column_and_value():
    # HMAC-SHA256 under 00 01 … 1f of "customer_id", a zero byte and the value: computed with openssl
    assert KEY.pseudonym("customer_id", "12345") == "p1_q72d64t2cjnzo5kxprbrv7zwfi"
    assert KEY.pseudonym("customer_id", " １２３４５ ") == KEY.pseudonym("customer_id", "12345")
    assert KEY.pseudonym("visitor_id", "12345") != KEY.pseudonym("customer_id", "12345")
    assert KEY.pseudonym("customer_id", "012345") != KEY.pseudonym("customer_id", "12345")
    assert Key(bytes(32)).pseudonym("customer_id", "12345") != KEY.pseudonym("customer_id", "12345")
    assert "\\x" not in repr(KEY)


def test_a_clients_ids_are_pseudonyms_where_its_file_says_nothing(take, tmp_path):
    sources = """
    - table: order_lines
      files: lines.csv
      columns: {order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}
    - table: events
      files: e.csv
      columns: {visitor_id: v, customer_id: c, occurred_at: at, event_type: what}
    """
    files = {"lines.csv": SALES, "e.csv": "v,c,at,what\ncookie9,ann@mail,2026-10-01,visit\n"}
    found = take(files, sources=sources, more=EXCLUDE, ids="pseudonyms")
    key = client_key("test", home_of("test") / "key_id")
    ann = key.pseudonym("customer_id", "ann@mail")
    assert found.rows("orders", "order_id", "customer_id") == [("o1", ann), ("o3", None)]
    assert found.rows("customers", "customer_id") == [(ann,)]
    assert found.rows("events", "visitor_id", "customer_id") == [(key.pseudonym("visitor_id", "cookie9"), ann)]
    assert found.lines["excluded"] == [{"reason": "test_orders", "rows": 1, "amount": "5.0000", "revenue": "5.0000"}], "rules see the ids"
    assert not [text for text in cells(found.snapshot) for name in ("ann@mail", "cookie9", "TEST7") if name in text]
    assert key_path("test").stat().st_mode & 0o777 == 0o600 and not key_path("test").is_relative_to(tmp_path / "home")


def test_order_ids_made_of_customer_ids_change_with_them(take):
    sources = "- table: order_lines\n  files: l.csv\n  columns: {ordered_at: date, customer_id: customer, amount: amount}"
    body = "date,customer,amount\n2026-10-03,ann@mail,1\n2026-10-03,ann@mail,2\n2026-10-04,,4\n"
    found = take({"l.csv": body}, sources=sources, ids="pseudonyms")
    ann = client_key("test", home_of("test") / "key_id").pseudonym("customer_id", "ann@mail")
    assert found.rows("orders", "order_id", "lines") == [(f"{ann}@20261003000000", 2), ("guest@20261004000000#1", 1)]


def test_what_is_set_aside_shows_no_id_and_no_whole_line(take):
    rows = (
        "o1,2026-10-03,ann@mail,tea,1,x",
        "o2,2026-10-03,bob@mail,tea,1,1,0",
        "o3,2026-10-03,1.23E+15,tea,1,1",
        "o4,2026-10-03,cy,tea,1,1",
    )
    found = take(
        {"l.csv": "\n".join(("order,date,customer,product,qty,amount", *rows))},
        more="limits: {quarantine_rows: 1, quarantine_revenue: 1}",
        ids="pseudonyms",
    )
    key = client_key("test", home_of("test") / "key_id")
    assert found.aside == [
        (2, "amount", "x", "amount_unparsable"),
        (3, None, None, "field_count"),
        (4, "customer", key.pseudonym("customer_id", "1.23E+15"), "id_digits_lost"),
    ]


def test_next_month_a_customer_has_the_same_pseudonym(take):
    first = take({"lines.csv": SALES}, ids="pseudonyms").rows("customers", "customer_id")
    later = take({"lines.csv": SALES + "o9,2026-11-02,ann@mail,tea,1,1\n"}, ids="pseudonyms").rows("customers", "customer_id")
    assert first == later


@pytest.mark.parametrize("harm", ["lost", "another", "open", "cut"])
def test_without_its_own_key_a_client_is_not_read(take, harm):
    take({"lines.csv": SALES}, ids="pseudonyms")
    path = key_path("test")
    if harm == "lost":
        path.unlink()
    elif harm == "open":
        path.chmod(0o644)
    else:
        path.write_text("ab" * 32 if harm == "another" else "ab")
    told = {"lost": "restore it", "another": "not the key", "open": "chmod 600", "cut": "64 hexadecimal"}[harm]
    with pytest.raises(BadInput, match=told) as raised:
        take({"lines.csv": SALES + "o9,2026-11-02,cy,tea,1,1\n"}, ids="pseudonyms")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("ids", ["pseudonyms", "as_sent"])
def test_the_erased_do_not_come_in_again_and_the_ledger_counts_them(take, ids):
    sources = """
    - table: order_lines
      files: lines.csv
      columns: {order_id: order, ordered_at: date, customer_id: customer, product_id: product, quantity: qty, amount: amount}
    - table: customers
      files: c.csv
      columns: {customer_id: id, gender: sex}
    """
    files = {"lines.csv": SALES, "c.csv": "id,sex\nann@mail,f\ncy,m\n"}
    before = take(files, sources=sources, ids=ids)
    key = client_key("test", home_of("test") / "key_id")
    erased_path("test").write_text(key.pseudonym("customer_id", "ann@mail") + "\n")
    after = take(files, sources=sources, ids=ids)
    assert before.snapshot.key != after.snapshot.key
    assert after.lines["excluded"] == [{"reason": "erased", "rows": 1, "amount": "10.1000", "revenue": "10.1000"}]
    # TEST7 bought one line and stands in no list of customers.
    unlisted = [["2026-10", 1, "5.0000", 1]]
    told = {"accepted": 2, "rows": 1, "merged": 0, "erased": 1, "unlisted": unlisted}
    assert after.snapshot.manifest["ledger"]["tables"]["customers"] == told
    gone = {"ann@mail", key.pseudonym("customer_id", "ann@mail")}
    assert gone & cells(before.snapshot) and not gone & cells(after.snapshot)
    kept = [row for row in before.rows("order_lines", "order_id", "customer_id", "amount") if row[0] != "o1"]
    assert after.rows("order_lines", "order_id", "customer_id", "amount") == kept
