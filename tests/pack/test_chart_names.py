"""Charts write every name as it was typed: each chart there is, drawn by the notebooks for a shop whose texts are all hostile to charts."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import json
import pkgutil
import warnings
from itertools import cycle
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.text import Text
from renamed import rename_shop

from custkit.present import charts
from custkit.present.charts import style

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
MONTH = "2026-10"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = (
    r"A$AP \frac{a", "$x_1^2$", "$$", "$5 to $9", r"\$5", r"$\undefined{", "{{}", "}{", r"C:\new\table", r"\\", "a_b^c", "%d %s {0} {name}",
    "שלום עולם", "مرحبا $x$", "\u202e$gpj.exe", "👩‍👩‍👧‍👦 $🎁$", "<b>&amp; $", "好" * 60, "long $name " * 9, "$" * 70, "--$ \\begin{x}",
)  # fmt: skip


def drawn_by_custkit() -> set[str]:
    """Every function of custkit.present.charts that is under the house's style: it takes `title` and draws a frame."""
    found = set()
    for module in pkgutil.iter_modules(charts.__path__, f"{charts.__name__}."):
        for name, one in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            if hasattr(one, "__wrapped__") and one.__code__ is STYLED and not name.startswith("_"):
                found.add(name)
    return found


# Charts for whoever writes a notebook of their own: none of ours shows them.
BY_HAND = {
    "strongest_pairs": pd.DataFrame(
        {"antecedent": NAMES, "consequent": NAMES[::-1], "lift": 2.0, "times_expected": 1.5, "joint_orders": 40, "support": 0.1}
    )
}
NAMED = ("association_rules", "campaigns", "price_response", "voice")  # where charts show the client's own words
TITLES = cycle(NAMES)
STYLED = style.house_style(lambda frame, *, ax: ax).__code__


def shown_by_notebooks() -> dict[str, list[str]]:
    """chart → notebooks that draw it."""
    found: dict[str, list[str]] = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for node in ast.walk(ast.parse("\n".join(cells(path)))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "charts":
                found.setdefault(node.func.attr, []).append(path.stem)
    return found


def cells(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def test_every_chart_is_under_the_house_style_and_stands_in_a_notebook():
    exported = {name for name, one in vars(charts).items() if inspect.isfunction(one)}
    assert exported == drawn_by_custkit() == set(shown_by_notebooks()) | set(BY_HAND)


@pytest.fixture(scope="module")
def shop(shops):
    """The demo shop, every text of it one of the names above; its workspace is where the notebooks look."""
    made = shops("mathematical", customers=900)
    renamed = rename_shop(made.folder / "raw", NAMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(made.home))
        yield made, set(renamed.texts.values())


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if "charts." in path.read_text("utf-8")))
def test_a_notebook_draws_every_text_as_it_is(shop, name, monkeypatch):
    """Its code, cell by cell, the charts saved outside the house's style as a kernel saves them."""
    _made, typed = shop
    drawn: dict[str, list[str]] = {}
    for chart in drawn_by_custkit():
        monkeypatch.setattr(charts, chart, watched(chart, getattr(charts, chart), drawn))
    space = {"display": lambda *_shown: None}
    with mpl.rc_context({"text.parse_math": True, **style.SVG_RC}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in cells(NOTEBOOKS / f"{name}.ipynb"):
            given = source.replace('client = "demo"', 'client = "mathematical"').replace('period = "2026-10"', f'period = "{MONTH}"')
            exec(compile(given, name, "exec"), space)
    told = [text for texts in drawn.values() for text in texts if text not in NAMES]
    if name in NAMED:
        assert [text for text in told if any(text in one or one in text for one in typed if len(text) > 3)], "the client's own names"
    assert drawn.keys() == {chart for chart, places in shown_by_notebooks().items() if name in places}


@pytest.mark.parametrize("chart", BY_HAND)
def test_a_chart_that_no_notebook_shows_does_so_too(chart):
    drawn: dict[str, list[str]] = {}
    with mpl.rc_context({"text.parse_math": True, **style.SVG_RC}), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watched(chart, getattr(charts, chart), drawn)(BY_HAND[chart])
    assert [text for text in drawn[chart] if NAMES[0] in text]


def watched(chart, real, drawn):
    """The chart, with a hostile title; whatever stands on it must stand in its SVG."""

    def draw(*args, **options):
        ax = real(*args, **{**options, "title": next(TITLES), "measure": next(TITLES)})
        drawn[chart] = drawn.get(chart, []) + literal(chart, ax)
        return ax

    return draw


def literal(chart, ax) -> list[str]:
    figure = ax.get_figure(root=True)
    file = io.StringIO()
    figure.savefig(file, format="svg")
    written = ["".join(one.itertext()) for one in ElementTree.fromstring(file.getvalue()).iter(f"{SVG}text")]
    texts = [one.get_text() for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]
    lines = {line for text in texts for line in text.split("\n")}
    for line in written:
        assert line in lines, f"{chart} writes {line!r}, which nobody gave it"
    for line in (line for line in lines if any(mark in line for mark in "$\\{}^")):
        assert line in written, f"{chart} does not write {line!r} as it is"
    mpl.pyplot.close(figure)
    return texts
