"""What data health says a page needs is what the page itself asks for with `book.needs(...)`."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from custkit.analysis.fields import PAGES
from custkit.tables import TABLES

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


def asked(path: Path) -> set[str]:
    """The fields and tables that a notebook names in `book.needs(...)`."""
    found: set[str] = set()
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "book.needs":
                found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return found


def test_the_calls_of_a_notebook_are_read():
    assert "surveys.score" in asked(FOLDER / "voice.ipynb")


@pytest.mark.parametrize("page", sorted(page for page in PAGES if (FOLDER / f"{page}.ipynb").exists()))
def test_what_a_page_asks_for_is_what_data_health_judges_it_by(page):
    listed = {field for wanted in (PAGES[page].must, PAGES[page].parts) for field in wanted}
    tables = {field.partition(".")[0] for field in listed}
    assert {field for field in asked(FOLDER / f"{page}.ipynb") if field not in listed | tables} == set()


def test_every_page_and_field_exists():
    assert {page for page in PAGES if not (FOLDER / f"{page}.ipynb").exists()} == set()
    fields = [field.partition(".") for page in PAGES.values() for field in (*page.must, *page.parts)]
    assert {f"{table}.{name}" for table, _dot, name in fields if name not in TABLES[table].by_name} == set()
