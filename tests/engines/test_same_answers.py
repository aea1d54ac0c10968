"""Whatever a notebook asks, Spark and PostgreSQL answer as DuckDB does, for a shop of 800 customers."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import import_module
from pathlib import Path

import nbformat
import pandas as pd
import pyarrow as pa
import pytest
from answers import ANSWERS, Questions
from same import differences, settled

from custkit.book import Book
from custkit.client import Engine
from custkit.intake import take_snapshot
from custkit.period import Period

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture(scope="session")
def ask(shops) -> Callable[[str, str], object]:
    """`ask("spark", "rfm.rfm")`: the engine's answer about the shop; each engine's book is opened once."""
    shop = shops("engines", customers=800)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(shop.home))
        snapshot = take_snapshot(shop.client, progress=False)

    @cache
    def questions(engine: str) -> Questions:
        url = "env:CUSTKIT_TEST_POSTGRES" if engine == "postgres" else None
        client = shop.client.model_copy(update={"engine": Engine(kind=engine, url=url, master="local[2]")})
        return Questions(Book.of(client, snapshot, Period(2026, 10)))

    @cache
    def answer(engine: str, name: str) -> object:
        return settled(questions(engine).ask(name))

    return answer


@pytest.mark.parametrize("name", ANSWERS)
def test_every_engine_answers_the_same(ask, engine, name):
    expected = ask("duckdb", name)
    assert isinstance(expected, str | tuple) or not hasattr(expected, "__len__") or len(expected), "nothing to compare"
    if engine != "duckdb":
        assert differences(expected, ask(engine, name)) == []


def test_every_analysis_that_a_notebook_calls_is_compared():
    called = set()
    for path in NOTEBOOKS.glob("*.ipynb"):
        code = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        tree = ast.parse(code)
        names = {}  # in the notebook: the function it is
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("custkit.analysis"):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}".removeprefix("custkit.analysis.")
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                dotted = ast.unparse(node.func)
                first, _dot, rest = dotted.partition(".")
                if first in names:
                    called.add(f"{names[first]}.{rest}" if rest else names[first])
    asked = {name.split()[0] for name in ANSWERS}
    assert called
    assert called <= asked, f"ask {sorted(called - asked)} in tests/engines/answers.py"


def test_every_question_is_an_analysis():
    for name in ANSWERS:
        module, function = name.split()[0].split(".")
        assert inspect.isfunction(getattr(import_module(f"custkit.analysis.{module}"), function)), name


TABLE = pa.table(
    {
        "customer_id": ["ann", "bob", None],
        "day": [date(2026, 10, 1), date(2026, 10, 2), None],
        "orders": pa.array([1, 2, 3], pa.int64()),
        "spent": pa.array([Decimal("1.0000"), Decimal("2.5000"), None], pa.decimal128(18, 4)),
        "rate": [0.1, 0.2, None],
    }
)
FRAME = TABLE.to_pandas().assign(spent=[1.0, 2.5, None])


def changed(column: str, values: list) -> pa.Table:
    at = TABLE.schema.get_field_index(column)
    return TABLE.set_column(at, column, pa.array(values, TABLE.schema.field(at).type))


def test_row_order_and_last_digits_are_no_difference():
    assert differences(TABLE, TABLE.take([2, 0, 1])) == []
    assert differences(TABLE, changed("rate", [0.1 * (1 + 1e-13), 0.2, None])) == []
    assert differences(FRAME, FRAME.copy()) == []
    assert differences((1, "a", float("nan")), (1, "a", float("nan"))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        changed("orders", [1, 2, 4]),
        changed("orders", [1, 2, None]),
        changed("customer_id", ["ann", "bob", ""]),
        changed("customer_id", ["ann", "Bob", None]),
        changed("day", [date(2026, 10, 1), date(2026, 10, 3), None]),
        changed("spent", [Decimal("1.0001"), Decimal("2.5"), None]),
        changed("rate", [0.1, 0.2 + 1e-8, None]),
        changed("rate", [0.1, 0.2, 0.0]),
        changed("rate", [0.2, 0.1, None]),
        TABLE.slice(1),
        pa.concat_tables([TABLE, TABLE.slice(0, 1)]),
        TABLE.drop_columns("rate"),
        TABLE.select(["day", "customer_id", "orders", "spent", "rate"]),
        TABLE.set_column(2, "orders", TABLE["orders"].cast(pa.int32())),
        TABLE.set_column(3, "spent", TABLE["spent"].cast(pa.float64())),
        TABLE.set_column(1, "day", TABLE["day"].cast(pa.timestamp("us"))),
    ],
    ids=lambda table: "",
)
def test_a_wrong_table_is_found_out(wrong):
    assert differences(TABLE, wrong)
    assert differences(wrong, TABLE)


@pytest.mark.parametrize(
    "wrong",
    [
        FRAME.iloc[::-1].reset_index(drop=True),
        FRAME.assign(rate=[0.1, 0.2 + 1e-8, None]),
        FRAME.assign(rate=[0.1, 0.2, 0.0]),
        FRAME.assign(orders=FRAME["orders"].astype("float64")),
        FRAME.assign(customer_id=["ann", "bob", "None"]),
        FRAME.rename(columns={"rate": "share"}),
        FRAME.head(2),
        FRAME.set_index(pd.Index(["a", "b", "c"])),
        TABLE,
        None,
    ],
    ids=lambda frame: "",
)
def test_a_wrong_frame_is_found_out(wrong):
    assert differences(FRAME, wrong)
    assert differences(wrong, FRAME)


def test_a_wrong_value_is_found_out():
    assert differences(1, 2) and differences(1, 1.0) and differences(1.0, 1.0 + 1e-8) and differences(0.0, float("nan"))
    assert differences("a", "A") and differences((1, 2), (1, 3)) and differences((1,), (1, 1)) and differences(None, 0)
