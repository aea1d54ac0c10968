"""A small shop of its own for each test: three months of sales in one CSV file, and notebooks written by the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

SKETCH = Path(__file__).parent / "notebooks" / "sketch.ipynb"
CLIENT = """
name: Corner Shop
currency: EUR
time_zone: Europe/Berlin
language: {language}
sources:
  - table: order_lines
    files: sales.csv
    columns:
      order_id: order
      customer_id: customer
      ordered_at: date
      product_id: product
      quantity: pieces
      amount: amount
"""
SALES = """order,customer,date,product,pieces,amount
1,anna,2026-08-03 10:00:00,tea,1,4.00
1,anna,2026-08-03 10:00:00,mug,1,9.50
2,ben,2026-08-20 11:30:00,tea,2,8.00
3,anna,2026-09-05 09:15:00,tea,1,4.00
4,cleo,2026-09-18 17:45:00,mug,1,9.50
5,,2026-09-30 23:30:00,tea,1,4.00
6,ben,2026-10-02 08:00:00,mug,1,9.50
7,anna,2026-10-31 19:00:00,tea,3,12.00
"""


class Shop:
    """A workspace with one client, `corner`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "clients" / "corner").mkdir(parents=True)
        (root / "notebooks").mkdir()
        self.client()
        self.sales(SALES)

    def client(self, *, language: str = "en", slug: str = "corner") -> None:
        folder = self.root / "clients" / slug
        folder.mkdir(exist_ok=True)
        (folder / "client.yml").write_text(CLIENT.format(language=language), encoding="utf-8")

    def sales(self, text: str, *, slug: str = "corner") -> None:
        (self.root / "clients" / slug / "sales.csv").write_text(text, encoding="utf-8")

    def notebook(self, name: str, *cells: str, parameters: str = 'client = "corner"\nperiod = "2026-10"', tags: Sequence[str] = ()) -> Path:
        """A notebook of code cells after its title and parameters."""
        made: list[dict[str, Any]] = [
            {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {name.capitalize()}\n\nWhat does {name} say?"},
            _code("parameters", parameters, ["parameters"]),
            *(_code(f"cell-{i}", source, tags) for i, source in enumerate(cells)),
        ]
        kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
        path = self.root / "notebooks" / f"{name}.ipynb"
        path.write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
        return path

    def sketch(self) -> None:
        """The notebook that shows one of each thing."""
        shutil.copy(SKETCH, self.root / "notebooks" / SKETCH.name)

    @property
    def month(self) -> Path:
        return self.root / "reports" / "corner" / "2026-10"

    @property
    def current(self) -> Path:
        return self.month / "current"

    def results(self) -> dict[str, Any]:
        return json.loads((self.current / "results.json").read_text(encoding="utf-8"))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`custkit …` in a process of its own, the way a person calls it."""
        return subprocess.run([*COMMAND, *words], env=self.environment(), capture_output=True, text=True, timeout=180, check=False)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *words], env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def environment(self) -> dict[str, str]:
        return {**os.environ, "CUSTKIT_HOME": str(self.root)}


COMMAND = [sys.executable, "-m", "custkit.cli"]


def _code(name: str, source: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "code", "id": name, "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("CUSTKIT_HOME", str(tmp_path))
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def shop_at() -> Callable[[Path], Shop]:
    """Makes a shop in a folder that outlives the test."""
    return Shop


@pytest.fixture
def fact() -> Callable[..., str]:
    """Source of a cell that tells one finding with one fact."""

    def source(key: str, value: str) -> str:
        return f"from custkit.present.finding import Fact, Finding\nFinding('Told.', '', (Fact({key!r}, {value}, 'number'),))"

    return source
