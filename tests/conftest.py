"""Fixtures: tables on every engine, real data where it is present."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from hypothesis import settings
from ibis.backends import BaseBackend

from custkit import words
from custkit.client import Engine
from custkit.engine import connect, fetch, load
from custkit.tables import TABLES

ENGINES = ("duckdb", "spark", "postgres")
DATA = Path(os.environ.get("CUSTKIT_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


# HYPOTHESIS_PROFILE=deep looks much further than every change can wait for, at other examples each time.
settings.register_profile("quick", max_examples=16, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=400, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engines", default="duckdb", help="comma-separated engines to run the analyses on: duckdb,spark,postgres")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Ran(config), "engines-that-ran")
    gc.set_threshold(100_000, 20, 20)  # as in the kernels: queries are built of many small objects
    # The tests' tables are tiny: compiling each query to bytecode costs Spark many times what it saves.
    quick = ("codegen.wholeStage=false", "codegen.factoryMode=NO_CODEGEN", "adaptive.enabled=false")
    options = " ".join(f"--conf spark.sql.{option}" for option in quick)
    os.environ.setdefault("PYSPARK_SUBMIT_ARGS", f"{options} --driver-java-options -XX:TieredStopAtLevel=1 pyspark-shell")
    if (url := os.environ.get("CUSTKIT_TEST_POSTGRES")) and hasattr(config, "workerinput"):
        os.environ["CUSTKIT_TEST_POSTGRES"] = _database_of(config.workerinput["workerid"], url)


def _database_of(worker: str, url: str) -> str:
    """Workers that share a server must not share tables: each has a database of its own."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        if not server.execute("SELECT FROM pg_database WHERE datname = %s", [worker]).fetchone():
            server.execute(f'CREATE DATABASE "{worker}"')
    return url.rpartition("/")[0] + f"/{worker}"


class _Ran:
    """An engine asked for on the command line that runs no test fails the session: green must not mean that it was left out."""

    def __init__(self, config: pytest.Config) -> None:
        asked = any(str(argument).startswith("--engines") for argument in config.invocation_params.args)
        self.idle = set(_chosen(config)) if asked and not hasattr(config, "workerinput") else set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and (report.outcome != "skipped" or hasattr(report, "wasxfail")):
            self.idle -= set(report.keywords)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.idle and not session.config.option.collectonly and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.idle and not terminalreporter.config.option.collectonly:
            terminalreporter.write_line(f"no test ran on {', '.join(sorted(self.idle))}, which --engines asks for", red=True)


def _chosen(config: pytest.Config) -> list[str]:
    chosen = [name.strip() for name in config.getoption("--engines").split(",") if name.strip()]
    if unknown := [name for name in chosen if name not in ENGINES]:
        raise pytest.UsageError(f"unknown engines {unknown}; there are {', '.join(ENGINES)}")
    return chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    params = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in _chosen(metafunc.config)]
    if "con" in metafunc.fixturenames:
        metafunc.parametrize("con", params, indirect=True, scope="session")
    elif "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", params, scope="session")


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what is loaded by now stays


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("differs"):
            (engine,) = mark.args
            if engine not in ENGINES:
                raise pytest.UsageError(f"{item.nodeid}: differs names the unknown engine {engine}")
            if item.get_closest_marker(engine):
                item.add_marker(pytest.mark.xfail(reason=mark.kwargs["reason"], raises=mark.kwargs["raises"], strict=True))


@pytest.fixture(scope="session", autouse=True)
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test makes or reads a key among the user's own."""
    folder = tmp_path_factory.mktemp("keys")
    os.environ["CUSTKIT_KEYS"] = str(folder)
    return folder


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """No test reads as the client of the test before it: English and dollars, unless the test says otherwise."""
    before = words.reader()
    words.use("en", "USD")
    yield
    words.use(before.language, before.currency, before.min_cell)


@pytest.fixture(scope="session")
def con(request: pytest.FixtureRequest) -> Iterator[BaseBackend]:
    """A connection to the engine under test. PostgreSQL is the database that $CUSTKIT_TEST_POSTGRES names."""
    url = "env:CUSTKIT_TEST_POSTGRES" if request.param == "postgres" else None
    connection = connect(Engine(kind=request.param, url=url, master="local[2]"))
    yield connection
    if request.param != "spark":  # one Spark serves every session of the process and ends with it
        connection.disconnect()


@pytest.fixture
def load_table(con: BaseBackend, request: pytest.FixtureRequest) -> Callable[..., ir.Table]:
    """`load_table("orders", [{…}, …])`: literal rows as a canonical table on the engine; columns left out are null."""
    made = 0

    def put(name: str, rows: Sequence[dict[str, Any]] | pa.Table, *, schema: Any = None) -> ir.Table:
        nonlocal made
        made += 1
        table = arrow(name, rows, schema=schema)
        return load(con, f"t{abs(hash(request.node.nodeid)) % 10**8}_{made}", table, schema=TABLES[name].schema if schema is None else None)

    return put


def arrow(name: str, rows: Sequence[dict[str, Any]] | pa.Table, *, schema: pa.Schema | None = None) -> pa.Table:
    """Literal rows → Arrow in the canonical types; text such as "2026-10-03" or "2026-10-03 14:05" is read as a time, numbers as money."""
    if isinstance(rows, pa.Table):
        return rows
    schema = schema or TABLES[name].arrow_schema
    if unknown := {key for row in rows for key in row} - set(schema.names):
        raise KeyError(f"{name} has no columns {sorted(unknown)}; it has {schema.names}")
    return pa.table(
        {field.name: pa.array([_typed(row.get(field.name), field.type) for row in rows], field.type) for field in schema}, schema
    )


def _typed(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        return Decimal(str(value)).quantize(Decimal("0.0001"))
    if pa.types.is_timestamp(kind) and isinstance(value, str):
        return datetime.fromisoformat(value)
    if pa.types.is_date(kind) and isinstance(value, str):
        return datetime.fromisoformat(value).date()
    return value


@pytest.fixture
def rows() -> Callable[..., list[tuple[Any, ...]]]:
    """`rows(table, by="customer_id")`: the table's rows as tuples in the order of `by`; decimals as floats."""

    def get(expr: ir.Table, *, by: str | Sequence[str]) -> list[tuple[Any, ...]]:
        names = [by] if isinstance(by, str) else list(by)
        fetched = fetch(expr).sort_by([(name, "ascending") for name in names])
        return [tuple(float(v) if isinstance(v, Decimal) else v for v in row.values()) for row in fetched.to_pylist()]

    return get


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data("cdnow/CDNOW_master.txt")`: a public data file, or a skip that names it where it is not there."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"public data file {name} is not below {DATA.name}; set CUSTKIT_TEST_DATA")
        return path

    return find


@pytest.fixture(scope="session")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`client_folder("airline", "loyalty_tracking")`: clients/airline in a workspace of its own, with the file of tests/clients and raw/.

    Notebooks named stand in the workspace, which is two folders up; `home` puts several clients into one.
    """
    root = Path(__file__).resolve().parents[1]

    def make(name: str, *pages: str, home: Path | None = None) -> Path:
        home = home or tmp_path_factory.mktemp(name)
        folder = home / "clients" / name
        (folder / "raw").mkdir(parents=True)
        (home / "notebooks").mkdir(exist_ok=True)
        for page in pages:
            shutil.copyfile(root / "notebooks" / f"{page}.ipynb", home / "notebooks" / f"{page}.ipynb")
        shutil.copyfile(root / "tests" / "clients" / name / "client.yml", folder / "client.yml")
        return folder

    return make


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """`shops("null", null=True)`: the demo shop's client file with exports of its own, and what was planted: `.client`, `.shop`, `.counts`.

    Made once a session. To open a book on it, set $CUSTKIT_HOME to `.home`. Options as in `write_shop`.
    """
    from importlib.resources import files
    from types import SimpleNamespace

    from custkit.client import EMBEDDED, load_client
    from custkit.demo.export import write_shop

    home = tmp_path_factory.mktemp("shops")
    made: dict[str, SimpleNamespace] = {}

    def get(slug: str, **options: Any) -> SimpleNamespace:
        if slug not in made:
            folder = home / "clients" / slug
            (folder / "raw").mkdir(parents=True)
            (home / "notebooks").mkdir(exist_ok=True)
            file = EMBEDDED["demo_zh" if options.get("language") == "zh_CN" else "demo"]
            (folder / "client.yml").write_bytes((files("custkit") / "demo" / file).read_bytes())
            shop, counts = write_shop(folder / "raw", **options)
            client = load_client(slug, path=folder / "client.yml")
            made[slug] = SimpleNamespace(home=home, folder=folder, client=client, shop=shop, counts=counts)
        return made[slug]

    return get
