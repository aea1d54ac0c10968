"""No row of the catalogue is missing: each has a verdict, and a test here, a test elsewhere, or a reason why it is open."""

from __future__ import annotations

import ast
from pathlib import Path

from verdicts import ELSEWHERE, VERDICTS

HERE = Path(__file__).parent
ROWS = 131


def marked() -> list[str]:
    """Ids that tests of this folder carry."""
    return [
        argument.value
        for path in sorted(HERE.glob("test_*.py"))
        for test in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(test, ast.FunctionDef)
        for mark in test.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "row"
        for argument in mark.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def test_every_row_has_a_verdict_and_one_place():
    here = marked()
    assert len(VERDICTS) == ROWS
    assert len(here) == len(set(here))
    assert not set(here) & set(ELSEWHERE)
    assert {*here, *ELSEWHERE} == set(VERDICTS)


def test_what_is_tested_elsewhere_is_tested_there():
    for place in ELSEWHERE.values():
        file, _colons, test = place.partition("::")
        names = {node.name for node in ast.walk(ast.parse((HERE.parent / file).read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}
        assert test in names, place
