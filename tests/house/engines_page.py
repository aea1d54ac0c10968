"""Writes the last section of docs/engines.md from the tests' `differs` marks: `python tests/house/engines_page.py`."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "engines.md"
HEADING = "## Where an engine differs\n"


def differences() -> list[tuple[str, str, str]]:
    """Engine, test and reason of every `@pytest.mark.differs(engine, reason=…, raises=…)`."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.differs":
                        reason = next(word.value for word in mark.keywords if word.arg == "reason")
                        found.append((ast.literal_eval(mark.args[0]), f"{path.stem}::{node.name}", ast.literal_eval(reason)))
    return sorted(found)


def page() -> str:
    """The page as it should be: what stands above the heading by hand, below it by the marks."""
    above, _heading, _below = PAGE.read_text("utf-8").partition(HEADING)
    rows = differences()
    if not rows:
        return f"{above}{HEADING}\nNowhere: every test that runs on engines gives the same answer on all three.\n"
    lines = "\n".join(f"| {engine} | `{test}` | {reason} |" for engine, test, reason in rows)
    return f"{above}{HEADING}\n| engine | test | why |\n|---|---|---|\n{lines}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
