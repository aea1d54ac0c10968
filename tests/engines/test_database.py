"""Tables of a real PostgreSQL, copied and taken in: to the last digit, of one instant, by no more words than a person may see."""

from __future__ import annotations

import csv
import os
import re
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from held import holding

from custkit.cli import main
from custkit.client import load_client
from custkit.errors import BAD_INPUT, GOOD, INTERNAL
from custkit.intake import database, take_snapshot
from custkit.intake.persons import home_of, key_of

LINES = "order_id: no, ordered_at: at, customer_id: who, product_id: item, amount: total"
SALES = "no text, at timestamptz, who text, item text, total numeric(18, 4)"
SECRET = "canary-p4ssw0rd"


@dataclass
class Shop:
    """A schema of its own on the server, and a client who takes tables from it."""

    home: Path
    url: str
    schema: str
    session: Any
    shown: list[str] = field(default_factory=list)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run on the server and commit; `{s}` is the schema."""
        answer = self.session.execute(statement.replace("{s}", self.schema), values or None)
        return list(answer.fetchall()) if answer.description else []

    def sales(self, *rows: str, columns: str = SALES) -> None:
        """The table `sales` with these rows, each the text of an SQL row."""
        self.sql(f"CREATE TABLE {{s}}.sales ({columns})")
        if rows:
            self.sql(f"INSERT INTO {{s}}.sales VALUES {', '.join(f'({row})' for row in rows)}")

    def client(self, *sources: str, ids: str = "as_sent", more: str = "limits: {quarantine_rows: 1, quarantine_revenue: 1}") -> None:
        """Each source is `table, relation, columns`."""
        text = f"name: Test\ncurrency: EUR\ntime_zone: UTC\ndata: raw\nprivacy: {{ids: {ids}}}\n{more}\nsources:\n"
        for source in sources or (f"order_lines, sales, {LINES}",):
            table, relation, columns = source.split(", ", 2)
            name = relation if "." in relation else f"{self.schema}.{relation}"
            text += f"- {{table: {table}, database: env:SHOP_DB, files: '{name}.csv', columns: {{{columns}}}}}\n"
        folder = self.home / "clients" / "test"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "client.yml").write_text(text, "utf-8")

    def run(self, *words: str, code: int = GOOD) -> str:
        """`custkit …`, which ends with `code`; what it said."""
        result: Result = CliRunner().invoke(main, list(words))
        self.shown.append(result.output)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    def copy(self, relation: str = "sales") -> list[dict[str, str]]:
        """The rows of a copy, as texts."""
        path = self.home / "clients" / "test" / "raw" / f"{self.schema}.{relation}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def taken(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """`custkit fetch`, `custkit intake`, and these columns of the snapshot."""
        self.run("fetch", "test")
        self.run("intake", "test")
        path = take_snapshot(load_client("test"), progress=False).path(table)
        assert path is not None
        return [tuple(row.values()) for row in pq.read_table(path).select(list(columns)).to_pylist()]

    def aside(self) -> set[tuple[Any, ...]]:
        """Column, value and reason of every row set aside."""
        found = pq.read_table(take_snapshot(load_client("test"), progress=False).folder / "quarantine.parquet")
        return {tuple(row.values()) for row in found.select(["column", "value", "reason"]).to_pylist()}

    def files(self) -> dict[str, bytes]:
        """Everything in the workspace."""
        return {str(path.relative_to(self.home)): path.read_bytes() for path in self.home.rglob("*") if path.is_file()}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Ends with a look for the password in everything said and written."""
    url = os.environ.get("CUSTKIT_TEST_POSTGRES")
    if not url:
        pytest.skip("no PostgreSQL: set CUSTKIT_TEST_POSTGRES, or run tests/engines/run.sh")
    import psycopg

    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    monkeypatch.setenv("SHOP_DB", re.sub("//([^@:]+)@", rf"//\1:{SECRET}@", url))
    (tmp_path / "notebooks").mkdir()
    made = f"shop_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"CREATE SCHEMA {made}")
        one = Shop(tmp_path, url, made, session)
        try:
            yield one
        finally:
            session.execute(f"DROP SCHEMA {made} CASCADE")
    assert not any(SECRET in text for text in one.shown)
    assert not any(SECRET.encode() in content for content in one.files().values())


def test_numeric_columns_arrive_to_the_last_digit(shop):
    """SQL-01. Summed as binary numbers, the amounts would come to 100000000000.39996 and the like."""
    amounts = ["99999999999.9999", "0.1000", "0.2000", "0.0001", "-0.0001", "0.1000"]
    shop.sales(*(f"'o{i}', '2026-10-0{i + 1}', 'c1', 'tea', {amount}" for i, amount in enumerate(amounts)))
    shop.client()
    assert sorted(shop.taken("order_lines", "order_id", "amount")) == [(f"o{i}", Decimal(amount)) for i, amount in enumerate(amounts)]
    assert [row["total"] for row in shop.copy()] == amounts


def test_floats_and_money_arrive_as_their_numbers(shop):
    """A float is written without an exponent; how money looks is the server's setting and says nothing of the shop's currency."""
    shop.sales(
        "'o1', '2026-10-01', 'c1', 'tea', 0.1, '12.34'", "'o2', '2026-10-02', 'c1', 'tea', 1e-4, '1234567.89'",
        "'o3', '2026-10-03', 'c1', 'tea', 123456789012345.6, '-5'", "'o4', '2026-10-03', 'c1', 'tea', 'NaN', '0'",
        "'o5', '2026-10-03', 'c1', 'tea', '-Infinity', NULL", "'o6', '2026-10-03', 'c1', 'tea', 1e20, '0.01'",
        columns="no text, at date, who text, item text, total double precision, paid money",
    )  # fmt: skip
    shop.client(f"order_lines, sales, {LINES.replace('amount: total', 'amount: paid, discount_amount: total')}")
    assert sorted(shop.taken("order_lines", "order_id", "amount", "discount_amount")) == [
        ("o1", Decimal("12.3400"), Decimal("0.1000")),
        ("o2", Decimal("1234567.8900"), Decimal("0.0001")),
    ]
    assert [row["total"] for row in shop.copy()] == ["0.1", "0.0001", "123456789012345.6", "NaN", "-Infinity", "100000000000000000000"]
    assert [row["paid"] for row in shop.copy()] == ["12.34", "1234567.89", "-5.00", "0.00", "", "0.01"]
    assert {(column, value) for column, value, _reason in shop.aside()} == {
        ("total", "NaN"), ("total", "123456789012345.6"), ("total", "100000000000000000000"), ("paid", "")}  # fmt: skip


def test_ids_are_not_counted_in_floats_where_some_are_missing(shop):
    """SQL-02. A column of whole numbers with a gap becomes floats in a data frame, and 2**53 + 1 becomes 2**53."""
    ids = ["9007199254740993", "NULL", "9223372036854775807", "-9007199254740993", "0"]
    shop.sales(
        *(f"{2**53 + 1 + i}, '2026-10-0{i + 1}', {who}, {2**62 + i}, 1.5" for i, who in enumerate(ids)),
        columns="no bigint NOT NULL, at date, who bigint, item numeric(20), total numeric",
    )
    shop.client()
    found = sorted(shop.taken("order_lines", "order_id", "customer_id", "product_id"))
    assert found == [(str(2**53 + 1 + i), who if who != "NULL" else None, str(2**62 + i)) for i, who in enumerate(ids)]


TWO = ("order_lines, lines, order_id: no, ordered_at: at, customer_id: who, product_id: item, amount: total",
       "customers, people, customer_id: id, prepaid_amount: spent")  # fmt: skip


def busy_shop(shop: Shop) -> None:
    """Each sale writes its lines, and the customer's total, in one transaction: at every instant the two add up to the same."""
    shop.sql("CREATE TABLE {s}.lines (no text, at timestamptz, who text, item text, total numeric(12, 2))")
    shop.sql("CREATE TABLE {s}.people (id text PRIMARY KEY, spent numeric(12, 2))")
    shop.client(*TWO)
    for number in range(50):
        sell(shop.session, shop.schema, number)


def sell(session: Any, schema: str, number: int) -> None:
    """One sale of two lines; every third time a line before it is corrected and the customer's total with it."""
    who, price = f"c{number % 7}", Decimal(number % 13) + Decimal("0.35")
    with session.transaction():
        for item in ("tea", "cup"):
            session.execute(f"INSERT INTO {schema}.lines VALUES (%s, '2026-10-05', %s, %s, %s)", (f"o{number}", who, item, price))
        session.execute(
            f"INSERT INTO {schema}.people VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET spent = people.spent + EXCLUDED.spent",
            (who, 2 * price),
        )
        if number % 3 == 2:
            session.execute(f"UPDATE {schema}.lines SET total = total + 1 WHERE no = %s AND item = 'tea'", (f"o{number}",))
            session.execute(f"UPDATE {schema}.people SET spent = spent + 1 WHERE id = %s", (who,))


def spent(shop: Shop) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What each customer spent: by the lines copied, and by the customers copied."""
    lines: dict[str, Decimal] = {}
    for row in shop.copy("lines"):
        lines[row["who"]] = lines.get(row["who"], Decimal(0)) + Decimal(row["total"])
    return lines, {row["id"]: Decimal(row["spent"]) for row in shop.copy("people")}


@contextmanager
def writing(shop: Shop) -> Iterator[Callable[[], int]]:
    """A shop that sells without a pause, from a thread of its own; how many sales so far."""
    import psycopg

    stop, sold = threading.Event(), [50]

    def work() -> None:
        with psycopg.connect(shop.url, autocommit=True) as session:
            while not stop.is_set():
                sell(session, shop.schema, sold[0])
                sold[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: sold[0]
    finally:
        stop.set()
        thread.join()


def test_tables_copied_while_the_shop_sells_are_of_one_instant(shop, monkeypatch):
    """SQL-03. Between the two copies at least ten sales are made; copied one by one the tables would not add up."""
    busy_shop(shop)
    whole = database.copy_out

    def after_ten_sales(con, query, file):
        rows = whole(con, query, file)
        file.flush()
        goal = sales() + 10
        while sales() < goal:
            threading.Event().wait(0.001)
        return rows

    monkeypatch.setattr(database, "copy_out", after_ten_sales)
    orders = []
    with writing(shop) as sales:
        for _again in range(3):
            shop.run("fetch", "test")
            by_lines, by_people = spent(shop)
            assert by_lines == by_people
            orders.append(len(shop.copy("lines")))
    assert orders == sorted(set(orders)), "each fetch sees what was sold since the one before"
    lines, people = spent(shop)
    shop.run("intake", "test")
    snapshot = take_snapshot(load_client("test"))
    taken = pq.read_table(snapshot.path("customers")).to_pylist()
    assert {row["customer_id"]: row["prepaid_amount"] for row in taken} == people == lines


def test_a_server_that_shows_each_question_another_instant_is_refused(shop, monkeypatch):
    """SQL-03. Rows, cells and sums are asked for again at the end: were the transaction not of one instant, they would not fit."""
    busy_shop(shop)
    shop.run("fetch", "test")
    before = shop.files()
    import psycopg

    monkeypatch.setattr(psycopg, "IsolationLevel", SimpleNamespace(REPEATABLE_READ=psycopg.IsolationLevel.READ_COMMITTED))
    whole = database.copy_out
    for change, says in (
        ("DELETE FROM {s}.lines WHERE no = 'o1'", r"lines: 100 rows copied, 98 counted"),
        ("UPDATE {s}.lines SET total = total + 0.01 WHERE no = 'o4'", r"column total: the copy adds up to [\d.]+, the table to [\d.]+"),
        ("UPDATE {s}.lines SET item = NULL WHERE no = 'o4'", r"column item: 98 cells copied, 96 counted"),
    ):  # fmt: skip

        def then_change(con, query, file, change=change):
            rows = whole(con, query, file)
            if b"lines" in query.as_bytes(con):
                shop.sql(change)
            return rows

        monkeypatch.setattr(database, "copy_out", then_change)
        assert re.search(says, shop.run("fetch", "test", code=INTERNAL))
        assert shop.files() == before, "the copies from before stay, nothing else is left"


def test_enums_bits_and_dates_that_are_none_are_typed_or_set_aside(shop):
    """SQL-06. A zero date that came from MySQL is text here; PostgreSQL's own odd dates are infinity and years before Christ."""
    shop.sql("CREATE TYPE {s}.way AS ENUM ('Web shop', 'store')")
    good = "'2026-10-03 12:00:00+02'"
    shop.sales(
        f"'o1', {good}, '2026-10-03', 'Web shop', B'1', B'101', true", f"'o2', {good}, '2026-10-03', NULL, B'0', B'000', false",
        "'o3', 'infinity', '2026-10-03', 'store', NULL, NULL, NULL", "'o4', '-infinity', '2026-10-03', 'store', NULL, NULL, NULL",
        "'o5', '0044-03-15 12:00:00+00 BC', '2026-10-03', 'store', NULL, NULL, NULL",
        f"'o6', {good}, '0000-00-00', 'store', NULL, NULL, true", f"'o7', {good}, '0000-00-00 00:00:00', 'store', NULL, NULL, NULL",
        "'o8', '12026-10-03 12:00:00+00', '2026-10-03', 'store', NULL, NULL, NULL",
        columns="no text, at timestamptz, day text, way {s}.way, bit bit(1), bits bit(3), yes boolean",
    )  # fmt: skip
    shop.sql("ALTER TABLE {s}.sales ADD who text DEFAULT 'c1', ADD item text DEFAULT 'tea', ADD total numeric DEFAULT 5")
    shop.client(
        f"order_lines, sales, {LINES}, channel: way", "customers, sales, customer_id: no, registered_at: day, is_vip: bit, region: bits"
    )
    assert sorted(shop.taken("orders", "order_id", "ordered_at", "channel")) == [
        (f"o{i}", datetime(2026, 10, 3, 10), "Web shop" if i == 1 else None if i == 2 else "store") for i in (1, 2, 6, 7)
    ]
    people = {row[0]: row[1:] for row in shop.taken("customers", "customer_id", "is_vip", "region") if row[0] != "c1"}
    assert people == {"o1": (True, "101"), "o2": (False, "000"), **{f"o{i}": (None, None) for i in (3, 4, 5, 8)}}
    assert shop.aside() == {
        ("at", "infinity", "date_format"), ("at", "-infinity", "date_format"), ("at", "0044-03-15 12:00:00+00 BC", "date_format"),
        ("at", "12026-10-03 12:00:00+00:00", "date_format"), ("day", "0000-00-00", "date_format"),
        ("day", "0000-00-00 00:00:00", "date_format"),
    }  # fmt: skip
    shop.client(f"order_lines, sales, {LINES}", "customers, sales, customer_id: no, is_vip: bits, birth_year: yes")
    shop.run("fetch", "test")
    shop.run("intake", "test")
    assert ("bits", "101", "boolean_unparsable") in shop.aside() and ("yes", "t", "number_unparsable") in shop.aside()


def test_dates_without_a_clock_are_held_to_the_same(shop):
    shop.sales(
        *(f"'o{i}', '{day}', 'c1', 'tea', 1" for i, day in enumerate(("2026-10-03", "infinity", "0044-03-15 BC", "1970-01-01"))),
        columns="no text, at date, who text, item text, total numeric",
    )
    shop.client()
    assert shop.taken("orders", "order_id") == [("o0",)]
    assert shop.aside() == {
        ("at", "infinity", "date_format"), ("at", "0044-03-15 BC", "date_format"), ("at", "1970-01-01", "date_out_of_range")}  # fmt: skip


@pytest.mark.parametrize(
    "options",
    ["", "-c datestyle=German -c intervalstyle=sql_standard -c bytea_output=escape -c timezone=Asia/Tokyo -c extra_float_digits=0"],
)
def test_every_type_arrives_as_one_text_whatever_the_session_is_set_to(shop, monkeypatch, options):
    kinds = {
        "b": ("boolean", "true", "t"), "a": ("text[]", "ARRAY['x,y', NULL, 'é']", '{"x,y",NULL,é}'),
        "j": ("json", """'{"a":  1}'""", '{"a":  1}'),
        "k": ("jsonb", """'{"a":  1}'""", '{"a": 1}'), "i": ("interval", "'1 day 02:00'", "1 day 02:00:00"),
        "y": ("bytea", r"'\xc3a9'", r"\xc3a9"),
        "u": ("uuid", "'6F9619FF-8B86-D011-B42D-00CF4FC964FF'", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
        "t": ("timestamptz", "'2026-10-03 12:00:00.25+02'", "2026-10-03 10:00:00.25+00:00"), "d": ("date", "'2026-10-03'", "2026-10-03"),
        "w": ("timestamp", "'2026-10-03 12:00'", "2026-10-03 12:00:00"),
        "f": ("double precision", "0.1::float8 + 0.2", "0.30000000000000004"),
        "r": ("real", "16777216", "16777216"), "q": ("text", "E'say \"hi\",\\nbye'", 'say "hi",\nbye'), "n": ("text", "NULL", ""),
    }  # fmt: skip
    shop.sql(f"CREATE TABLE {{s}}.kinds ({', '.join(f'{name} {kind}' for name, (kind, _sql, _text) in kinds.items())})")
    shop.sql(f"INSERT INTO {{s}}.kinds VALUES ({', '.join(sql for _kind, sql, _text in kinds.values())})")
    monkeypatch.setenv("SHOP_DB", f"{os.environ['SHOP_DB']}?options={options.replace(' ', '%20').replace('=', '%3D')}")
    tables = [database.Wanted(f"{shop.schema}.kinds", {name: name for name in kinds}, may_be_empty=False)]
    (shop.home / "clients" / "test" / "raw").mkdir(parents=True)
    database.copy_tables("env:SHOP_DB", tables, shop.home / "clients" / "test" / "raw")
    (row,) = shop.copy("kinds")
    assert row == {name: text for name, (_kind, _sql, text) in kinds.items()}


def test_a_database_in_another_encoding_is_copied_as_utf_8(shop, monkeypatch):
    """Copied as the server has them, the bytes of a Latin-1 database were no UTF-8, and intake stopped."""
    import psycopg

    name = f"{shop.schema}_latin"
    libc = " LOCALE_PROVIDER libc" if shop.session.info.server_version >= 150000 else ""
    shop.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'{libc}")
    try:
        with psycopg.connect(shop.url.rpartition("/")[0] + f"/{name}", autocommit=True) as there:
            there.execute(f"CREATE TABLE sales ({SALES})")
            there.execute("INSERT INTO sales VALUES ('o1', '2026-10-03', 'Zoë', 'thé', 5)")
        monkeypatch.setenv("SHOP_DB", os.environ["SHOP_DB"].rpartition("/")[0] + f"/{name}")
        shop.client(f"order_lines, public.sales, {LINES}")
        assert shop.taken("order_lines", "customer_id", "product_id") == [("Zoë", "thé")]
    finally:
        shop.sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_views_partitions_and_names_in_capitals_are_tables_too(shop):
    shop.sales(columns=f"{SALES}) PARTITION BY RANGE (at")
    shop.sql("CREATE TABLE {s}.sales_10 PARTITION OF {s}.sales FOR VALUES FROM ('2026-10-01') TO ('2026-11-01')")
    shop.sql("INSERT INTO {s}.sales VALUES ('o1', '2026-10-03', 'c1', 'tea', 5)")
    shop.sql('CREATE MATERIALIZED VIEW {s}."Sales Held" AS SELECT no AS "No", no AS "NO", at AS "At", who, item, total FROM {s}.sales')
    with database.connection("env:SHOP_DB") as con:
        assert [name for name in database.table_names(con) if name.startswith(shop.schema)] == [
            f"{shop.schema}.Sales Held",
            f"{shop.schema}.sales",
        ]
    shop.client(f"order_lines, Sales Held, {LINES.replace('no', 'NO')}")
    assert shop.taken("orders", "order_id") == [("o1",)]
    shop.client(f"order_lines, Sales Held, {LINES}")
    assert "`no` is No and NO; write it as the database does" in shop.run("fetch", "test", code=BAD_INPUT)


@pytest.fixture
def asked(shop: Shop) -> Iterator[Callable[..., str]]:
    """`asked("secret")`: the address of a user who may read little and is asked for a password."""
    from psycopg import sql

    role = "custkit_asked"
    shop.sql(f"DROP ROLE IF EXISTS {role}")
    shop.session.execute(sql.SQL("CREATE ROLE custkit_asked LOGIN PASSWORD {}").format(sql.Literal(SECRET)))
    shop.sql(f"GRANT USAGE ON SCHEMA {{s}} TO {role}")
    yield lambda password=SECRET: re.sub("//[^@]+@", f"//{role}:{password}@", shop.url)
    shop.sql(f"DROP OWNED BY {role}")
    shop.sql(f"DROP ROLE {role}")


def prepared(shop: Shop) -> dict[str, bytes]:
    """A client whose table was fetched once; the workspace as it is then."""
    shop.sales("'o1', '2026-10-03', 'c1', 'tea', 5")
    shop.client()
    shop.run("fetch", "test")
    return shop.files()


def test_a_wrong_password_is_said_with_its_remedy(shop, asked, monkeypatch):
    import psycopg

    try:
        psycopg.connect(asked("wrong")).close()
    except psycopg.OperationalError:
        pass
    else:
        pytest.skip("this server asks custkit_asked for no password; tests/engines/run.sh starts one that does")
    before = prepared(shop)
    monkeypatch.setenv("SHOP_DB", asked("canary-wr0ng"))
    for words in (("fetch", "test"), ("init", "other", "env:SHOP_DB", "--yes"), ("init", "other", asked("canary-wr0ng"), "--yes")):
        said = shop.run(*words, code=BAD_INPUT)
        assert "the user or the password is wrong; correct them in $" in said and "canary" not in said
        assert "127.0.0.1" not in said and "custkit_asked" not in said
    assert shop.files() == before


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgresql://me:canary/p4ss@127.0.0.1:5432/shop", "correct the host in $SHOP_DB; in a password write %40 for @"),
        ("postgresql://me:canary@p4ss@127.0.0.1:1/shop", "there is no machine of that name; correct the host in $SHOP_DB"),
        ("postgresql://me:canary-p4ss@127.0.0.1:1/shop", "no server listens there; start it, or correct host and port in $SHOP_DB"),
        ("postgresql://me:canary-p4ss@127.0.0.1:1/shop?canary=p4ss", "$SHOP_DB is no address"),
        ("{nowhere}", "the server has no such database; correct the last part of $SHOP_DB"),
        ("{nobody}", "the server knows no such user; correct $SHOP_DB"),
        ("canary-p4ss", "set $SHOP_DB to postgresql://user:password@host:5432/database"),
    ],
)  # fmt: skip
def test_no_connection_is_told_apart_and_shows_no_address(shop, monkeypatch, address, says):
    before = prepared(shop)
    at = re.sub("//[^@]+@", "//custkit:canary-p4ss@", shop.url)
    nobody = re.sub("//[^@]+@", "//nobody_here:canary-p4ss@", shop.url)
    monkeypatch.setenv("SHOP_DB", address.format(nowhere=at.rpartition("/")[0] + "/nowhere", nobody=nobody))
    for words in (("fetch", "test"), ("init", "other", "env:SHOP_DB", "--yes")):
        said = shop.run(*words, code=BAD_INPUT)
        assert says in said and "canary" not in said and "p4ss" not in said and "nobody" not in said
    assert shop.files() == before


def test_a_table_or_column_that_is_gone_or_not_for_reading_is_named_with_what_would_do(shop, asked, monkeypatch):
    before = prepared(shop)
    schema = shop.schema
    shop.sql("ALTER TABLE {s}.sales RENAME COLUMN total TO total_amount")
    assert (
        f"env:SHOP_DB {schema}.sales: no column `total`, which feeds amount; it has no, at, who, item, total_amount; correct `columns` in "
        "client.yml" in shop.run("fetch", "test", code=BAD_INPUT)
    )
    shop.sql("ALTER TABLE {s}.sales RENAME COLUMN total_amount TO total; ALTER TABLE {s}.sales RENAME TO sales_2026")
    said = shop.run("fetch", "test", code=BAD_INPUT)
    assert f"no table `{schema}.sales` (schema.table); there are {schema}.sales_2026" in said and "correct `files` in client.yml" in said
    shop.sql("ALTER TABLE {s}.sales_2026 RENAME TO sales")
    monkeypatch.setenv("SHOP_DB", asked())
    grants = f"GRANT USAGE ON SCHEMA {schema} TO custkit_asked; GRANT SELECT ON {schema}.sales TO custkit_asked"
    assert f"custkit_asked may not read the column `no`; ask who runs the database for {grants}" in shop.run(
        "fetch", "test", code=BAD_INPUT
    )
    shop.sql("GRANT SELECT (no, at, who, item) ON {s}.sales TO custkit_asked")
    assert "custkit_asked may not read the column `total`" in shop.run("fetch", "test", code=BAD_INPUT)
    assert shop.files() == before
    shop.sql(grants)
    shop.run("fetch", "test")
    shop.sql("REVOKE USAGE ON SCHEMA {s} FROM custkit_asked")
    assert "may not read the column `no`" in shop.run("fetch", "test", code=BAD_INPUT)


def test_an_empty_table_does_not_take_the_place_of_a_full_one(shop):
    before = prepared(shop)
    shop.sql("CREATE TABLE {s}.whole AS TABLE {s}.sales; TRUNCATE {s}.sales")
    said = shop.run("fetch", "test", code=BAD_INPUT)
    assert f"env:SHOP_DB {shop.schema}.sales: the table is empty; the copies from before stay. Fetch again when it is filled" in said
    assert shop.files() == before
    shop.client(f"order_lines, whole, {LINES}", "customers, sales, customer_id: who")
    assert f"{shop.schema}.sales.csv: 0 rows" in shop.run("fetch", "test")
    assert f"{shop.schema}.whole.csv: 1 rows" in shop.shown[-1]
    shop.run("intake", "test")


def test_a_server_that_goes_away_in_the_middle_leaves_the_copies_from_before(shop, monkeypatch):
    before = prepared(shop)
    shop.sql("INSERT INTO {s}.sales SELECT 'x' || n, '2026-10-04', 'c2', repeat('tea', 50), 1 FROM generate_series(1, 50000) n")
    whole = database.copy_out

    class Cut:
        """A file during whose writing the server ends the connection."""

        def __init__(self, file, con):
            self.file, self.con = file, con

        def write(self, piece):
            if self.con:
                shop.sql("SELECT pg_terminate_backend(%s)", self.con.info.backend_pid)
                self.con = None
            self.file.write(piece)

    def cut(con, query, file):
        return whole(con, query, Cut(file, con))

    monkeypatch.setattr(database, "copy_out", cut)
    said = shop.run("fetch", "test", code=BAD_INPUT)
    assert f"env:SHOP_DB {shop.schema}.sales: the server went away in the middle; nothing was written" in said
    assert shop.files() == before
    monkeypatch.setattr(database, "copy_out", whole)
    assert "50,001 rows" in shop.run("fetch", "test")


def test_a_question_the_server_gives_up_on_is_told_in_its_words(shop, monkeypatch):
    before = prepared(shop)
    shop.sql("CREATE VIEW {s}.slow AS SELECT no, at, who, item, total FROM {s}.sales WHERE pg_sleep(5) IS NOT NULL")
    shop.client(f"order_lines, slow, {LINES}")
    monkeypatch.setenv("SHOP_DB", f"{os.environ['SHOP_DB']}?options=-c%20statement_timeout%3D200")
    said = shop.run("fetch", "test", code=BAD_INPUT)
    assert "slow: canceling statement due to statement timeout; nothing was written" in said
    assert {name for name in shop.files() if name.endswith(".csv")} == {name for name in before if name.endswith(".csv")}


def test_what_may_not_be_read_is_not_looked_at(shop, asked, monkeypatch):
    shop.sales(*(f"'o{i}', '2026-10-0{i}', 'c{i % 3}', 'tea', {i}.50" for i in range(1, 10)))
    monkeypatch.setenv("SHOP_DB", asked())
    said = shop.run("init", "other", "env:SHOP_DB", "--yes", code=BAD_INPUT)
    assert "env:SHOP_DB: no table that custkit_asked may read; " in said and " there; ask who runs the database for GRANT USAGE" in said
    shop.sql("CREATE TABLE {s}.salaries (who text, pay numeric); INSERT INTO {s}.salaries VALUES ('canary-name', 1)")
    shop.sql("GRANT SELECT ON {s}.sales TO custkit_asked")
    said = shop.run("init", "other", "env:SHOP_DB", "--yes", "--answer", "currency=EUR", "--answer", "time_zone=UTC")
    assert "salaries" not in said and not any(b"canary-name" in content for content in shop.files().values())


NAME, MAIL = "canary-name", "anna@canary.example"


@pytest.mark.parametrize("ids", ["pseudonyms", "as_sent"])
def test_who_was_erased_is_in_nothing_of_ours_and_does_not_come_back_with_the_next_fetch(shop, ids):
    """PRI-03, where the data come from a database. Their number is written without its zeros there."""
    shop.sales(
        *(f"'o{i}', '2026-10-0{i}', '{who}', 'tea', 5" for i, who in enumerate(("77", "8", "77", "9"), 1)),
        f"'o5', '2026-10-05', '8', '{NAME}', 5", "'o6', 'infinity', '77', 'tea', 5",
    )  # fmt: skip
    shop.sql("CREATE TABLE {s}.people (id int, city text, work text, card text)")
    shop.sql(
        f"INSERT INTO {{s}}.people VALUES (77, '{NAME}', 'writes as {MAIL}', 'no'), (8, 'Ulm', '', 'yes'), (9, 'Bonn', NULL, '{MAIL}')"
    )
    width = "customer_id: {column: who, width: 6}"
    shop.client(
        f"order_lines, sales, {LINES.replace('customer_id: who', width)}",
        "customers, people, customer_id: {column: id, width: 6}, region: city, occupation: work, is_vip: card", ids=ids,
    )  # fmt: skip
    own = shop.home / "clients" / "test" / "raw" / "own.csv"
    shop.run("fetch", "test")
    shop.run("intake", "test")
    own.write_text(f"000077,{NAME},{MAIL}\n")
    client = load_client("test")
    pseudonym = key_of("test").pseudonym("customer_id", "000077")
    lists = shop.home / "reports" / "test" / "2026-10" / "run-1" / "lists"
    lists.mkdir(parents=True)
    pq.write_table(pa.table({"customer_id": [pseudonym if ids == "pseudonyms" else "000077"]}), lists / "due.parquet")
    mailed = lists.parents[1] / "run-2" / "comments.xlsx"  # she is known by her mail address alone there
    mailed.parent.mkdir()
    with zipfile.ZipFile(mailed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", f"<t>{MAIL}</t>")
    person = ("000077", pseudonym, MAIL, "writes as")
    assert len(holding(shop.home, *person, besides="reports")) >= 4
    said = shop.run("erase", "test", "--id", "000077")
    assert "`custkit fetch test` brings them back, without the person" in said
    left = {own, home_of("test") / "erased"}
    assert set(holding(shop.home, *person, NAME, besides="-")) == left
    assert own.read_text() == f"000077,{NAME},{MAIL}\n"
    said = shop.run("fetch", "test")
    assert "sales.csv: 3 rows, 3 of people who were erased left out" in said
    assert "people.csv: 2 rows, 1 of people who were erased left out" in said
    assert [row["who"] for row in shop.copy()] == ["8", "9", "8"] and [row["id"] for row in shop.copy("people")] == ["8", "9"]
    shop.run("intake", "test")
    person = ("000077", pseudonym, "writes as")
    assert set(holding(shop.home, *person, besides="-")) == left
    taken = take_snapshot(client)
    assert taken.manifest["tables"]["customers"] == 2 and taken.manifest["ledger"]["tables"]["order_lines"]["excluded"] == []
    assert stat.S_IMODE((own.parent / f"{shop.schema}.sales.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("file", ["public.sales", "public.*.csv", "../public.sales.csv"])
def test_a_file_that_names_no_table_is_refused_before_anything_is_asked(tmp_path, monkeypatch, file):
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    monkeypatch.delenv("SHOP_DB", raising=False)
    one = Shop(tmp_path, "", "public", None)
    one.client()
    settings = tmp_path / "clients" / "test" / "client.yml"
    settings.write_text(settings.read_text().replace("public.sales.csv", file))
    assert f"`{file}` is no table; write each as schema.table.csv" in one.run("fetch", "test", code=BAD_INPUT)
