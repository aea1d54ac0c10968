"""`make notebooks-hold` would notice: nbval compares figures, facts and drawings, to the byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

CONFIG = Path(__file__).resolve().parents[1] / "nbval.cfg"
CELLS = (
    "import pandas as pd\nfrom custkit.present.charts.style import house_style\n"
    "from custkit.present.finding import Fact, Finding\nfrom custkit.present.table import table\n"
    "frame = pd.DataFrame({'segment': ['Loyal', 'New'], 'customers': [41, 59]})",
    "table(frame)",
    "Finding('59% are new.', facts=(Fact('new', 0.59, 'share', n=100),))",
    "@house_style\ndef draw(frame, *, ax):\n    ax.barh(frame['segment'], frame['customers'])\n    return ax\n"
    "ax = draw(frame, title='Most are new.')",
)


def nbval(path: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "nbval.plugin", "--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(CONFIG)]
    options = ["-p", "no:cacheprovider", "--rootdir", str(path.parent), "-c", "/dev/null"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the other plugins take a second to load
    done = subprocess.run([*command, *options, path.name], cwd=path.parent, env=alone, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, record_timing=False).execute()
    path = tmp_path_factory.mktemp("nbval") / "page.ipynb"
    nbformat.write(notebook, path)
    return path


def test_a_notebook_that_still_says_the_same_passes(ran):
    assert "4 passed" in nbval(ran)


def test_a_changed_figure_fact_or_drawing_fails(ran):
    text = json.loads(ran.read_text("utf-8"))
    table, finding, drawing = (cell["outputs"][0]["data"] for cell in text["cells"][1:])
    table["application/vnd.custkit.table+json"]["rows"][0][1]["value"] = 42
    finding["application/vnd.custkit.finding+json"]["facts"][0]["n"] = 101
    drawing["image/svg+xml"] = [line.replace("Most are new.", "Most were new.") for line in drawing["image/svg+xml"]]
    changed = ran.with_name("changed.ipynb")
    changed.write_text(json.dumps(text), "utf-8")
    assert "3 failed, 1 passed" in nbval(changed)
