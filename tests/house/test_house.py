"""The house stands as DESIGN says: rooms import to their left, lists that must be equal are equal, names do not collide."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pytest
import yaml
from ibis.common.deferred import Deferred

import custkit
from custkit.present.finding import show
from custkit.present.glossary import GLOSSARY
from custkit.present.labels import LABELS
from custkit.tables import COMPUTED, TABLES

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(found.name for found in pkgutil.walk_packages(custkit.__path__, "custkit.") if not found.name.endswith("__main__"))


def test_rooms_import_only_rooms_to_their_left():
    run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def _pinned(requirement: str) -> tuple[str, str]:
    """ "ibis-framework[duckdb]==12.0.*" → ("ibis-framework", "==12.0.*")"""
    name, bounds = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*(.*)", requirement).groups()
    return name.lower().replace("_", "-"), bounds.replace(" ", "")


def test_conda_users_get_the_same_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    given = [_pinned(entry) for entry in (*conda, *pip) if entry not in ("pip", "-e .") and not entry.startswith("python=")]
    aliases = {"matplotlib-base": "matplotlib", "python-duckdb": "duckdb", "ibis-duckdb": "ibis-framework", "python-tzdata": "tzdata"}
    assert sorted((aliases.get(name, name), bounds) for name, bounds in given) == sorted(map(_pinned, project["dependencies"]))
    assert "python=3.11" in conda and "-e ." in pip
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_no_file_holds_both_sides_of_a_merge():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")
    if listed == [""]:
        pytest.skip("not a git checkout")
    sides = re.compile(rb"^(<{7}|>{7})( |$)", re.MULTILINE)
    assert not [name for name in listed if name and (ROOT / name).is_file() and sides.search((ROOT / name).read_bytes())]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name):
    assert importlib.import_module(name)


def test_no_canonical_column_is_named_like_an_attribute_of_a_table():
    """`_.count > 1` compares a method and says nothing."""
    taken = set(dir(ir.Table))
    assert not [f"{table.name}.{column.name}" for table in TABLES.values() for column in table.columns if column.name in taken]


def _deferreds() -> list[tuple[str, str, Deferred]]:
    return [
        (module, name, value)
        for module in MODULES
        if module.startswith("custkit.analysis")
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, Deferred) and name != "_"
    ]


@pytest.mark.parametrize(("module", "name", "deferred"), _deferreds(), ids=lambda part: part if isinstance(part, str) else "")
def test_every_named_meaning_binds_to_a_canonical_table(module, name, deferred):
    """A deferred with a typo is silent until it is bound."""
    for table in TABLES.values():
        try:
            ibis.table(table.schema, name=table.name).bind(deferred)
        except (AttributeError, ibis.common.exceptions.IbisError, TypeError):
            continue
        return
    pytest.fail(f"{module}.{name} fits none of the canonical tables")


def test_canonical_tables_are_described():
    for table in TABLES.values():
        assert table.grain and set(table.key) <= set(table.by_name)
        assert table.time is None or table.time in table.by_name
        for column in table.columns:
            assert column.meaning, f"{table.name}.{column.name}"
            assert all(re.fullmatch(r"S\d+", promise) for promise in column.feeds)
    for table, columns in COMPUTED.items():
        assert columns <= set(TABLES[table].by_name)


def test_labels_are_words_and_their_units_can_be_shown():
    for name, label in LABELS.items():
        assert label.text and "_" not in label.text, name
        assert show("x" if label.unit == "text" else 0.5, label.unit)


def test_glossary_entries_are_sentences():
    for name, entry in GLOSSARY.items():
        assert entry.term and entry.definition.endswith("."), name
        assert all(re.fullmatch(r"S\d+", promise) for promise in entry.promises), name


def test_every_label_and_term_is_used():
    """A label nobody shows and a term nobody meets are translated for nothing."""
    sources = [path for path in (ROOT / "custkit").rglob("*.py") if path.name not in ("labels.py", "glossary.py")]
    text = "\n".join(path.read_text("utf-8") for path in (*sources, *(ROOT / "notebooks").glob("*.ipynb")))
    words = set(re.findall(r"\w+", text))
    assert not [name for name in LABELS if name not in words]
    assert not [name for name in GLOSSARY if name not in words and name not in LABELS and not _met(name, text)]


def _met(name: str, text: str) -> bool:
    return GLOSSARY[name].term.lower() in text.lower()


def test_no_module_prints_or_reads_the_clock():
    """Reports depend on the data and the period alone; only the runner measures time."""
    clock = re.compile(r"datetime\.(now|today|utcnow)\(|date\.today\(|time\.time\(\)|Timestamp\.(now|today)\(")
    for room in ("analysis", "present", "intake", "demo"):
        for path in (ROOT / "custkit" / room).rglob("*.py"):
            assert not clock.search(path.read_text("utf-8")), path


def test_the_page_on_engines_lists_every_known_difference():
    from engines_page import PAGE, page

    assert PAGE.read_text("utf-8") == page(), "run python tests/house/engines_page.py"


def test_hooks_fetch_nothing():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    assert {hook["language"] for hook in hooks[0]["hooks"]} == {"system"}
