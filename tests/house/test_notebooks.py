"""Notebooks keep one shape, so that whoever has read one can read them all."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
BANNED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Lambda, ast.With)


def source(cell: dict) -> str:
    return "".join(cell["source"])


def code_lines(cell: dict) -> int:
    return sum(1 for line in source(cell).splitlines() if line.strip() and not line.strip().startswith("#"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def cells(request) -> list[dict]:
    return json.loads(request.param.read_text("utf-8"))["cells"]


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_the_first_cell_is_the_question(cells):
    assert cells[0]["cell_type"] == "markdown"
    title, _blank, question = source(cells[0]).partition("\n\n")
    assert title.startswith("# ") and "?" in source(cells[0]) and question.strip()


def test_the_second_cell_holds_the_parameters_as_literals(cells):
    assert cells[1]["metadata"].get("tags") == ["parameters"]
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1
    lines = source(cells[1]).splitlines()
    assert [line.split(" = ")[0] for line in lines[:2]] == ["client", "period"]
    for line in lines:
        assert re.fullmatch(r"""[a-z_]+ = ("[^"]*"|\d+(\.\d+)?|True|False)  # \S.*""", line), line


def test_the_third_cell_imports_and_opens_the_book(cells):
    body = ast.parse(source(cells[2])).body
    assert all(isinstance(node, ast.Import | ast.ImportFrom) for node in body[:-1])
    assert ast.unparse(body[-1]) == "book = open_book(client, period)"


def test_only_the_third_cell_imports(cells):
    for cell in cells[3:]:
        if cell["cell_type"] == "code":
            assert not [node for node in ast.walk(ast.parse(source(cell))) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_notebooks_are_thin(cells):
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(1 <= code_lines(cell) <= 8 for cell in code[:1] + code[2:])
    assert 15 <= sum(code_lines(cell) for cell in code) <= 60


def test_notebooks_hold_no_programme(cells):
    for cell in cells:
        if cell["cell_type"] == "code":
            assert not [type(node).__name__ for node in ast.walk(ast.parse(source(cell))) if isinstance(node, BANNED)]


def test_every_section_says_what_to_look_for(cells):
    said = [i for i, cell in enumerate(cells) if cell["cell_type"] == "markdown" and i]
    assert said[0] in (3, 4) and sum(source(cells[i]).startswith("## ") for i in said) >= 2
    assert source(cells[said[0]]).startswith("## ")
    for i in said:
        assert len(source(cells[i]).split()) >= 10, source(cells[i])
        assert i + 1 < len(cells) and cells[i + 1]["cell_type"] == "code"


def test_no_number_is_typed_into_prose(cells):
    """Windows and thresholds are words; figures are computed."""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            assert not re.search(r"\d+[.,]\d|\d+ ?%|[$€¥£] ?\d", source(cell)), source(cell)


def test_every_cell_shows_something(cells):
    """A cell ends with something to show, or draws a chart and ends with its axes."""
    for cell in cells[3:]:
        if cell["cell_type"] != "code":
            continue
        last = ast.parse(source(cell)).body[-1]
        drawn = isinstance(last, ast.Assign) and "charts." in ast.unparse(last.value)
        assert isinstance(last, ast.Expr) or drawn, source(cell)
        assert not source(cell).rstrip().endswith(";")


def test_a_finding_stands_in_a_cell_of_its_own_and_last(cells):
    assert any(
        isinstance(ast.parse(source(cell)).body[-1], ast.Expr) and "finding" in ast.unparse(ast.parse(source(cell)).body[-1])
        for cell in cells
        if cell["cell_type"] == "code"
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_outputs_are_of_a_fresh_kernel_in_order(path):
    """Outputs are committed all or not at all, and no cell failed."""
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in code]
    assert counts in ([None] * len(code), list(range(1, len(code) + 1)))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert not kinds & {"error"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
