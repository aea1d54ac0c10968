"""`engine:` in the client file chooses where a book is computed; what is missing is said in a sentence."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from custkit.analysis.rfm import rfm
from custkit.book import open_book
from custkit.client import Engine
from custkit.engine import beside, connect, fetch, load
from custkit.errors import BadInput

TESTS = Path(__file__).resolve().parents[1]
LINES = {"duckdb": "duckdb", "spark": "{kind: spark, master: 'local[2]'}", "postgres": "{kind: postgres, url: env:CUSTKIT_TEST_POSTGRES}"}
NAMES = {"duckdb": "duckdb", "spark": "pyspark", "postgres": "postgres"}


def open_on(engine: str) -> object:
    url = "env:CUSTKIT_TEST_POSTGRES" if engine == "postgres" else None
    return connect(Engine(kind=engine, url=url, master="local[2]"))


def test_a_line_in_the_client_file_chooses_the_engine(shops, engine, monkeypatch):
    shop = shops("chosen", customers=150)
    monkeypatch.setenv("CUSTKIT_HOME", str(shop.home))
    file = shop.folder / "client.yml"
    settings = file.read_text("utf-8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    try:
        file.write_text(f"{settings}\nengine: {LINES[engine]}\n", "utf-8")
        book = open_book("chosen", "2026-10")
    finally:
        file.write_text(settings, "utf-8")
    assert book.con.name == NAMES[engine]
    assert len(fetch(rfm(book.purchases, as_of=book.as_of))) > 10


def test_books_of_two_clients_do_not_mix(engine):
    here, there = open_on(engine), open_on(engine)
    ours = load(here, "orders", pa.table({"order_id": ["a", "b"]}))
    theirs = load(there, "orders", pa.table({"order_id": ["c"]}))
    assert fetch(ours.order_by("order_id")).to_pylist() == [{"order_id": "a"}, {"order_id": "b"}]
    assert fetch(theirs).to_pylist() == [{"order_id": "c"}]


def test_the_clients_own_tables_in_postgresql_stay_as_they_are(engine):
    if engine != "postgres":
        pytest.skip("only PostgreSQL holds tables of the client’s own")
    con = open_on(engine)
    con.raw_sql("CREATE TABLE IF NOT EXISTS public.custkit_test_orders (mine int)")
    try:
        for ids in (["a"], ["b", "c"]):
            loaded = load(con, "custkit_test_orders", pa.table({"order_id": ids}))
        assert fetch(loaded.order_by("order_id")).to_pylist() == [{"order_id": "b"}, {"order_id": "c"}]
        with con.con.cursor() as cursor:
            columns = cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
                ("custkit_test_orders",),
            ).fetchall()
        assert columns == [("mine",)]
    finally:
        con.raw_sql("DROP TABLE public.custkit_test_orders")
        con.disconnect()


def test_text_sorts_by_code_point_whatever_the_database_s_language(engine):
    words = ["B", "a", "Z", "b", "é", "ß", "日本", "三四", "", " a", "A"]
    con = open_on(engine)
    table = load(con, "sorted_words", pa.table({"word": words}))
    assert fetch(table.order_by("word"))["word"].to_pylist() == sorted(words)
    assert fetch(table.aggregate(low=table.word.nullif("").min(), high=table.word.max())).to_pylist() == [{"low": " a", "high": "日本"}]
    assert fetch(table.filter(table.word < "a").order_by("word"))["word"].to_pylist() == sorted(w for w in words if w < "a")


def test_a_small_table_stands_beside_a_large_one(engine):
    con = open_on(engine)
    large = load(con, "large", pa.table({"item": ["tea", "cup", "", None], "sold": [1, 2, 3, 4]}))
    small = beside(large, pa.table({"item": ["tea", "", "cup"], "weight": [0.5, None, 1.5]}))
    joined = large.join(small, "item").order_by("sold")
    assert fetch(joined.select("sold", "weight")).to_pylist() == [
        {"sold": 1, "weight": 0.5}, {"sold": 2, "weight": 1.5}, {"sold": 3, "weight": None},
    ]  # fmt: skip


def test_a_folder_s_name_is_no_pattern(tmp_path, engine):
    for name in ("a [b] é", "a {b,c}", "x"):
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"folder": [name]}), tmp_path / name / "t.parquet")
    con = open_on(engine)
    for name in ("a [b] é", "a {b,c}"):
        assert fetch(load(con, "named", tmp_path / name / "t.parquet")).to_pylist() == [{"folder": name}]


@pytest.mark.parametrize(("kind", "module"), [("spark", "pyspark"), ("postgres", "psycopg")])
def test_an_engine_that_is_not_installed_is_named_with_its_extra(monkeypatch, kind, module):
    for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("SHOP_DATABASE", "postgresql://127.0.0.1:1/shop")
    with pytest.raises(BadInput, match=rf"pip install -e '\.\[{kind}\]'"):
        connect(Engine(kind=kind, url="env:SHOP_DATABASE"))


@pytest.mark.parametrize("given", [None, ""])
def test_an_empty_environment_variable_is_named(monkeypatch, given):
    monkeypatch.delenv("SHOP_DATABASE", raising=False)
    if given is not None:
        monkeypatch.setenv("SHOP_DATABASE", given)
    with pytest.raises(BadInput, match="SHOP_DATABASE is empty"):
        connect(Engine(kind="postgres", url="env:SHOP_DATABASE"))


@pytest.mark.parametrize("given", ["db.example:5432 secret", "postgresql://ann:secret/word@db.example:5432/shop"])
def test_what_is_no_address_is_said_without_showing_it(monkeypatch, given):
    monkeypatch.setenv("SHOP_DATABASE", given)
    with pytest.raises(BadInput, match=r"\$SHOP_DATABASE is no address") as raised:
        connect(Engine(kind="postgres", url="env:SHOP_DATABASE"))
    assert "secret" not in str(raised.value)


def test_a_database_that_does_not_answer_is_said_without_the_password(monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("SHOP_DATABASE", "postgresql://ann:secret@127.0.0.1:1/shop?connect_timeout=2")
    with pytest.raises(BadInput, match=r"env:SHOP_DATABASE: no connection: .*refused") as raised:
        connect(Engine(kind="postgres", url="env:SHOP_DATABASE"))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("asked", "code"), [("duckdb", 0), ("duckdb,postgres", 1)])
def test_an_engine_asked_for_that_runs_no_test_fails_the_session(tmp_path, asked, code):
    (tmp_path / "test_it.py").write_text("import pytest\n\n@pytest.mark.duckdb\ndef test_it():\n    pass\n", "utf-8")
    shutil.copy(TESTS / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(TESTS.parent / "pyproject.toml")]
    run = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "--engines", asked, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == code, run.stdout + run.stderr
    assert ("no test ran on postgres" in run.stdout) == bool(code)


def test_a_cached_table_let_go_while_a_query_runs_is_dropped_before_the_next_is_made(con, load_table):
    """The collector may find it while an answer is read; dropping it there would speak over the same line."""
    if con.name == "duckdb":
        pytest.skip("DuckDB has no line to speak over")
    table = load_table("surveys", [{"response_id": str(i), "customer_id": "c", "answered_at": "2026-10-01"} for i in range(3)])
    held = table.mutate(twice=table.response_id + table.response_id).cache()
    name = held.get_name()
    drop = con._drop_cached_table
    del held
    gc.collect()
    assert drop.__self__ and name in drop.__self__
    again = table.mutate(thrice=table.response_id + "x").cache()
    assert name not in drop.__self__
    assert again.count().execute() == 3
