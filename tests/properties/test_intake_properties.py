"""Whatever stands in an export: no row and no cent is lost, and the quick reader reads what the strict one reads."""

from __future__ import annotations

import csv
import io
import os
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from custkit.client import ColumnMap, Source, load_client
from custkit.errors import BadInput
from custkit.intake import block, counters, delimited, staging, take_snapshot
from custkit.intake.block import LINE
from custkit.intake.grammar import Grammar, times_or_encoded
from custkit.intake.guess.values import Column

CLIENT = """
name: Random
currency: EUR
privacy: {ids: as_sent}
data: data
sources:
  - table: order_lines
    files: lines.csv
    columns: {order_id: order, ordered_at: date, customer_id: customer, amount: amount}
limits: {quarantine_rows: 1, quarantine_revenue: 1}
"""
AMOUNTS = st.one_of(st.decimals(-999, 999, places=2).map(str), st.sampled_from(["", "x", "1e3", "10,10", "1,010.10", "NaN", "€5", "0"]))
DATES = st.sampled_from(["2026-10-01", "2026-10-02 10:00", "01/10/2026", "", "1900-01-01", "date"])
IDS = st.sampled_from(["", "a", "b", "0001", "Total", "NA", "te\nxt", 'q"q', "x,y", "\x1a", "绿"])
ROWS = st.lists(st.one_of(st.tuples(IDS, DATES, IDS, AMOUNTS), st.just(()), st.tuples(IDS, IDS)), max_size=12)
CELLS = st.text(st.sampled_from("ab,\"\n\r '绿\\"), max_size=5)

CHEAP = settings(max_examples=20 * settings.default.max_examples)


def as_csv(rows, **how):
    text = io.StringIO()
    csv.writer(text, **how).writerows(rows)
    return text.getvalue()


@given(rows=ROWS, ending=st.sampled_from(["\n", "\r\n"]))
def test_every_record_and_every_cent_is_accounted_for(rows, ending):
    good = ("g", "2026-10-01", "c", "1.00")
    text = as_csv([("order", "date", "customer", "amount"), *rows, good], lineterminator=ending)
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"CUSTKIT_HOME": f"{folder}/home"}):
        Path(folder, "data").mkdir()
        Path(folder, "data", "lines.csv").write_text(text, "utf-8", newline="")
        Path(folder, "client.yml").write_text(CLIENT)
        snapshot = take_snapshot(load_client("random", path=Path(folder, "client.yml")), progress=False)
        (file,) = snapshot.manifest["ledger"]["files"]
        written = pq.read_table(snapshot.path("order_lines"))
        aside = pq.read_metadata(snapshot.folder / "quarantine.parquet").num_rows
    assert file["records"] == len(rows) + 1
    assert file["records"] == file["blank"] + file["structural"] + file["accepted"] + file["quarantined"]
    assert aside == file["structural"] + file["quarantined"]
    assert written.num_rows == file["accepted"]
    assert sum(written["amount"].to_pylist(), Decimal(0)) == Decimal(
        snapshot.manifest["ledger"]["tables"]["order_lines"]["accepted_amount"]
    )


SIGNED = st.tuples(
    st.sampled_from(["sale", "return", "void"]), st.integers(1, 99_999), st.sampled_from(["EUR", "€", "eur", "USD", "¥", ""])
)


@given(lines=st.lists(SIGNED, min_size=1, max_size=12), signs=st.lists(st.sampled_from(["", "-"]), min_size=24, max_size=24))
def test_returns_by_a_word_take_off_what_they_say_whatever_their_sign_and_no_other_currency_is_summed(lines, signs):
    rows = [("order", "date", "customer", "qty", "amount", "type", "currency"), ("0", "2026-10-01", "c", "1", "1.00", "sale", "EUR")]
    for i, (word, cents, currency) in enumerate(lines):
        one, other = (signs[2 * i], signs[2 * i + 1]) if word == "return" else ("", "")
        rows.append((str(i + 1), "2026-10-02", "c", f"{one}1", f"{other}{cents / 100:.2f}", word, currency))
    mapping = "quantity: qty, amount: amount, line_type: type, currency: currency}"
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"CUSTKIT_HOME": f"{folder}/home"}):
        Path(folder, "data").mkdir()
        Path(folder, "data", "lines.csv").write_text(as_csv(rows), "utf-8", newline="")
        Path(folder, "client.yml").write_text(CLIENT.replace("amount: amount}", mapping))
        manifest = take_snapshot(load_client("random", path=Path(folder, "client.yml")), progress=False).manifest
    ours = [(word, cents) for word, cents, currency in lines if currency not in ("USD", "¥")]
    told = {one["kind"]: Decimal(one["amount"]) for one in manifest["ledger"]["tables"]["order_lines"]["kinds"]}
    assert told["sale"] == 1 + sum(Decimal(cents) / 100 for word, cents in ours if word == "sale")
    assert told.get("return", 0) == -sum(Decimal(cents) / 100 for word, cents in ours if word == "return")
    assert manifest["ledger"]["files"][0]["reasons"].get("currency_mismatch", 0) == len(lines) - len(ours)


SIGNS = {"": "{}", "+": "+{}", "-": "-{}", "brackets": "({})", "behind": "{}-"}


@st.composite
def money_texts(draw):
    """An amount as people write it and what it is worth; None where more than one sign stands at it."""
    whole, cents = draw(st.integers(0, 10**9)), draw(st.sampled_from(["", "00", "05", "75"]))
    indian = re.sub(r"(?<=\d)(?=(\d\d)*\d{3}$)", ",", str(whole))
    digits = draw(
        st.sampled_from([str(whole), f"{whole:,}", f"{whole:,}".replace(",", draw(st.sampled_from(" \u00a0\u2009\u202f’"))), indian])
    )
    signs = draw(st.lists(st.sampled_from(list(SIGNS)), max_size=2))
    places = ["{s}{b}{}", "{}{b}{s}", "{}"]
    inside, outside = draw(st.sampled_from([(place, "{}") for place in places] + [("{}", place) for place in places]))
    currency = {"s": draw(st.sampled_from(["$", "USD", "US$"])), "b": draw(st.sampled_from(["", " "]))}
    text = inside.format(digits + (f".{cents}" if cents else ""), **currency)
    for sign in signs:
        text = SIGNS[sign].format(text)
    below = any(sign in ("-", "brackets", "behind") for sign in signs)
    amount = Decimal(f"{whole}.{cents or '0'}") * (-1 if below else 1)
    return outside.format(text, **currency), amount if sum(sign != "" for sign in signs) <= 1 else None


@CHEAP
@given(written=st.lists(money_texts(), min_size=1, max_size=30))
def test_an_amount_is_read_as_it_was_meant_by_intake_and_by_the_guess(written):
    texts, amounts = zip(*written, strict=True)
    grammar = Grammar("decimal", ColumnMap(column="c"), "amount", "USD", "UTC", True)
    with duckdb.connect() as con:
        con.register("cells", pa.table({"n": range(len(texts)), "t": texts}))
        plain = f"SELECT n, {grammar.plain('t')} AS p FROM cells"
        found = con.execute(f"SELECT {grammar.value(grammar.raw('p'))} FROM ({plain}) ORDER BY n").fetchall()
    assert [amount for (amount,) in found] == list(amounts)
    guessed = Column("c", texts).read(".")
    assert [None if value != value else Decimal(f"{value:.2f}") for value in guessed] == list(amounts)


DIRTY = """
name: Dirty
currency: CNY
time_zone: Asia/Shanghai
privacy: {ids: as_sent}
data: data
sources:
  - table: order_lines
    files: lines.csv
    columns:
      order_id: order
      ordered_at: {column: date, time_zone: Europe/London}
      customer_id: {column: customer, "null": ["0"], width: 3}
      product_id: {column: product, values: {茶: tea}}
      quantity: pieces
      unit_price: {column: price, decimal: ",", "null": ["-"]}
      channel: channel
limits: {quarantine_rows: 1, quarantine_revenue: 1, longest_text: 25}
"""
TIMES = st.sampled_from(["2026-03-29 01:30", "2026-10-25 01:30:00", "2026-10-01", "2026-10-01T09:00:00.5", "", "1.10.2026", "2150-01-01"])
WRAPPED = st.sampled_from(
    [
        "",
        "0",
        "7",
        "0007",
        '="0042"',
        "'0042",
        "1.2E+15",
        "茶",
        "tea",
        "  tea ",
        "\x07",
        "Total",
        "much too long to be an id of anything",
        "Ã¤",
    ]
)
PIECES = st.sampled_from(["1", "2.0", "-1", "", "x", "1e3", "１", "0.00001", "12345678901234"])
PRICES = st.sampled_from(["1,50", "1.234,50", "￥ 3", "$ 3", "-", "", "0", "-2,25", "1,50000000001"])
LINES = st.lists(st.tuples(st.sampled_from("ab"), TIMES, WRAPPED, WRAPPED, PIECES, PRICES, IDS), max_size=12)


@given(rows=LINES, zone=st.sampled_from(["", ", time_zone: Europe/London"]))
def test_a_text_typed_once_is_what_it_is_cell_by_cell(rows, zone):
    header = ("order", "date", "customer", "product", "pieces", "price", "channel")
    good = ("g", "2026-10-01", "c", "tea", "1", "1", "web")
    told = []
    for share, batch in ((0.0, block.BATCH), (0.5, 1), (1.0, 2)):
        with TemporaryDirectory() as folder, patch.dict(os.environ, {"CUSTKIT_HOME": f"{folder}/home"}):
            Path(folder, "data").mkdir()
            Path(folder, "data", "lines.csv").write_text(as_csv([header, *rows, good]), "utf-8", newline="")
            Path(folder, "client.yml").write_text(DIRTY.replace(", time_zone: Europe/London", zone))
            with patch.object(block, "DISTINCT_SHARE", share), patch.object(block, "BATCH", batch):
                snapshot = take_snapshot(load_client("dirty", path=Path(folder, "client.yml")), progress=False)
            tables = [pq.read_table(path).to_pylist() for path in sorted(snapshot.folder.glob("*.parquet"))]
        told.append((tables, snapshot.manifest))
    assert told[0] == told[1] == told[2]


@given(texts=st.lists(st.none() | st.text(st.sampled_from("a~!\t \u3000绿\x7f"), max_size=4), max_size=8), start=st.integers(0, 8))
def test_texts_told_to_need_no_trimming_need_none(texts, start):
    column = pa.chunked_array([pa.array(texts, pa.string()).slice(start)])
    assert staging._trimmed(column) == pc.utf8_trim_whitespace(column)


def by_grammar(texts: list[str]) -> list[datetime | None]:
    grammar = Grammar("timestamp", ColumnMap(column="at"), "ordered_at", "EUR", "UTC", False)
    value = grammar.value("r")
    with duckdb.connect() as con:
        con.execute("CREATE TABLE cells AS SELECT * FROM (SELECT unnest(?) AS t)", [texts])
        return [
            at
            for (at,) in con.execute(
                f"SELECT {value} FROM (SELECT {grammar.raw('p')} AS r FROM (SELECT {grammar.plain('t')} AS p FROM cells))"
            ).fetchall()
        ]


SHAPES = st.sampled_from(["2026-10-31", "2026-10-31 09:05", "2026-10-31T09:05", "2026-10-31 23:59:59", "1970-12-31 09:05:30", "2100-01-01"])
TOUCHED = st.tuples(SHAPES, st.integers(0, 18), st.sampled_from("0123459:- TtZ+./"))


@CHEAP
@given(touched=TOUCHED, beside=SHAPES)
@example(touched=("2026-10-31 09:05", 13, "+"), beside="2026-10-31 09:05")
def test_times_told_at_a_look_are_those_of_the_grammar(touched, beside):
    shape, at, char = touched
    texts = [(shape[:at] + char + shape[at + 1 :])[: len(shape)], beside]
    told = times_or_encoded(pa.chunked_array([texts]))
    meant = by_grammar(texts)
    if not pa.types.is_string(told.type) and not block.is_encoded(told):
        assert told.cast(pa.timestamp("us")).to_pylist() == meant
    else:
        assert None in meant or len(texts[0]) != len(texts[1])


INSTANTS = st.sampled_from(["2026-10-01", "2026-10-01 10:00", "2026-10-02 10:00"])


# No line of another order lies between the two instants of this one, and its tea comes back with jam before it.
@example(rows=[("a", "2026-10-01", "tea", 1), ("a", "2026-10-01 10:00", "jam", 1), ("a", "2026-10-01 10:00", "tea", 1)])
@given(rows=st.lists(st.tuples(st.sampled_from("abc"), INSTANTS, st.sampled_from(["tea", "jam", ""]), st.integers(-1, 2)), max_size=12))
def test_lines_are_numbered_inside_their_order_by_content_alone_and_its_products_counted_once(rows):
    cells = [(order, at, "c", product, amount) for order, at, product, amount in rows] + [("g", "2026-10-03", "c", "tea", 1)]
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"CUSTKIT_HOME": f"{folder}/home"}):
        Path(folder, "data").mkdir()
        text = as_csv([("order", "date", "customer", "product", "amount"), *cells])
        Path(folder, "data", "lines.csv").write_text(text, "utf-8", newline="")
        Path(folder, "client.yml").write_text(CLIENT.replace("amount: amount", "product_id: product, amount: amount"))
        snapshot = take_snapshot(load_client("random", path=Path(folder, "client.yml")), progress=False)
        written = pq.read_table(snapshot.path("order_lines")).to_pylist()
        orders = {order["order_id"]: order for order in pq.read_table(snapshot.path("orders")).to_pylist()}
    found = [(line["ordered_at"], line["order_id"], line["line_number"], line["amount"]) for line in written]
    assert [place[:3] for place in found] == sorted(place[:3] for place in found)
    for order, row in orders.items():
        lines = [line for line in written if line["order_id"] == order]
        contents = [(line["ordered_at"], line["product_id"] or "", line["amount"]) for line in lines]
        assert contents == sorted(contents)
        assert [line["line_number"] for line in lines] == list(range(1, len(lines) + 1))
        assert row["lines"] == len(lines)
        assert row["products"] == len({line["product_id"] for line in lines if line["kind"] == "sale" and line["product_id"]})


def read_all(data: bytes, size: int, batch: int = block.BATCH) -> tuple[list, list, int, int]:
    source = Source(table="customers", files=("x.csv",), columns={"customer_id": "a", "gender": "b"})
    with TemporaryDirectory() as folder, patch.object(delimited, "BLOCK_BYTES", size), patch.object(block, "BATCH", batch):
        path = Path(folder, "x.csv")
        path.write_bytes(b"a,b\n" + data)
        blocks = list(delimited.read_delimited(path, source).blocks)
    rows = [tuple(row.values()) for block in blocks for row in block.table.select([LINE, "c0", "c1"]).to_pylist()]
    aside = [(one.line, one.reason) for block in blocks for one in block.aside]
    return rows, aside, sum(block.records for block in blocks), sum(block.blank for block in blocks)


@CHEAP
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=8), size=st.sampled_from([1 << 20, 64]), batch=st.integers(1, 9))
def test_the_quick_reader_reads_what_the_strict_one_reads(rows, size, batch):
    data = as_csv(rows, lineterminator="\r\n").encode()
    quick = read_all(data, size, batch)
    with patch.object(delimited._Quotes, "__init__", lambda self, _data, _delimiter: setattr(self, "well_formed", False)):
        strict = read_all(data, size)
    assert quick == strict
    assert [list(row[1:]) for row in quick[0]] == [row for row in rows if len(row) == 2 and any(row)]


@CHEAP
@given(text=st.text(st.sampled_from('a,"\n\r'), max_size=30), piece=st.sampled_from([1, 5, 1 << 20]))
def test_two_counters_count_the_same_records_of_any_text_that_can_be_read(text, piece):
    data = text.encode()
    source = Source(table="customers", files=("x.csv",), columns={"customer_id": "a", "gender": "b"})
    try:
        *_rest, records, _blank = read_all(data, 1 << 20)
    except BadInput:
        return
    with patch.object(counters, "CHUNK", piece):
        assert counters._records(io.BytesIO(b"a,b\n" + data), source) == records + 1
