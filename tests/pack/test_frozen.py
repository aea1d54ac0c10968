"""A month that was reported stays as it was: neither the order of the rows nor what comes later changes what its pages say."""

from __future__ import annotations

import ast
import csv
import json
import random
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from custkit.demo.export import write_shop
from custkit.errors import GOOD
from custkit.present.lists import LISTS_FOLDER
from custkit.reporting.harvest import Told, harvest, results
from custkit.reporting.pack import run_packs
from custkit.reporting.plan import notebook_paths

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PERIOD, END = "2026-08", datetime(2026, 9, 1)
# How each export writes the time that decides whether a row was there already, and the times that were filled in later.
TIMES = {
    "customers": ("Registered", "%d/%m/%Y %H:%M"),
    "campaigns": ("From", "%Y-%m-%d"),
    "campaign_contacts": ("Sent", "%Y-%m-%d %H:%M"),
    "surveys": ("Answered", "%d.%m.%Y %H:%M"),
    "marketing_spend": ("Month", "%Y-%m-%d"),
}
FILLED_IN = {"customers": ("Account closed", "%d/%m/%Y %H:%M"), "campaign_contacts": ("Offer used", "%Y-%m-%d %H:%M:%S")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The folder of a small shop's exports, two months longer than the reported one, and what its August pages say."""
    home = tmp_path_factory.mktemp("frozen")
    folder = home / "clients" / "alder"
    (folder / "raw").mkdir(parents=True)
    (home / "notebooks").symlink_to(NOTEBOOKS)
    (folder / "client.yml").write_bytes((files("custkit") / "demo" / "client.yml").read_bytes())
    write_shop(folder / "raw", customers=600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(home))
        (outcome,) = run_packs(["alder"], period=PERIOD)
        assert outcome.exit_code == GOOD, outcome.failures
        current = outcome.index.parent
        pages = [harvest(name, json.loads((current / "notebooks" / f"{name}.ipynb").read_text("utf-8"))) for name in notebook_paths()]
        yield folder / "raw", (current / "results.json").read_bytes(), shown(pages)


@pytest.mark.parametrize("change", ["the rows come in another order", "the later rows are not there yet"])
def test_nothing_changes_what_a_month_said(shop, change, tmp_path, monkeypatch):
    monkeypatch.setenv(LISTS_FOLDER, str(tmp_path))  # lists of people are told with their hash
    folder, before, pages_before = shop
    files_before = {path: path.read_bytes() for path in folder.iterdir()}
    try:
        (shuffle if "order" in change else cut)(folder)
        assert {path: path.read_bytes() for path in folder.iterdir()} != files_before
        pages = [read(name, path) for name, path in notebook_paths().items()]
    finally:
        for path, content in files_before.items():
            path.write_bytes(content)
    assert len(before) > 10_000
    for now, then in zip(shown(pages), pages_before, strict=True):
        assert now == then
    assert (json.dumps(results(pages), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode() == before


def shuffle(folder: Path) -> None:
    """Every export with its rows in another order; a total row stays at the foot."""
    mixer = random.Random(7)
    for path in sorted(folder.glob("*.csv")):
        encoding = "utf-8-sig" if path.read_bytes().startswith(b"\xef\xbb\xbf") else "utf-8"
        head, *rows = path.read_bytes().decode(encoding).splitlines(keepends=True)
        foot = [rows.pop()] if rows and rows[-1].startswith("Total") else []
        mixer.shuffle(rows)
        path.write_bytes("".join([head, *rows, *foot]).encode(encoding))
    events = pq.read_table(folder / "events.parquet")
    order = list(range(len(events)))
    mixer.shuffle(order)
    pq.write_table(events.take(order), folder / "events.parquet")


def cut(folder: Path) -> None:
    """The exports as they were at the end of the period: no later row, and no later time in an earlier one."""
    for path in folder.glob("sales_*.csv"):
        if path.stem > f"sales_{PERIOD}":
            path.unlink()
    for name, (column, pattern) in TIMES.items():
        rewrite(folder / f"{name}.csv", column, lambda text, pattern=pattern: datetime.strptime(text, pattern) < END, FILLED_IN.get(name))
    # Berlin is two hours ahead of UTC on that day.
    rewrite(folder / "loyalty.csv", "Booked", lambda text: int(text) < datetime(2026, 8, 31, 22).timestamp(), None)
    events = pq.read_table(folder / "events.parquet")
    pq.write_table(events.filter(pc.less(events["time_utc"], datetime(2026, 8, 31, 22))), folder / "events.parquet")


def rewrite(path: Path, column: str, keep: Callable[[str], bool], filled_in: tuple[str, str] | None) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in rows if keep(row[column])]
    assert 0 < len(kept) < len(rows), path.name
    for row in kept if filled_in else ():
        name, pattern = filled_in
        if row[name] and datetime.strptime(row[name], pattern) >= END:
            row[name] = ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)


def read(name: str, path: Path) -> Told:
    """What a notebook tells, its cells run here and now: a tenth of the time a kernel takes."""
    import matplotlib.pyplot as plt

    namespace: dict[str, Any] = {}
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", ()):
            source += f"\nclient, period = 'alder', {PERIOD!r}"
        body = ast.parse(source).body
        last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), name, "exec"), namespace)
        value = eval(compile(last, name, "eval"), namespace) if last else None
        cell["outputs"] = [{"output_type": "execute_result", "data": json.loads(json.dumps(data))} for data in displayed(value)]
        plt.close("all")
    return harvest(name, notebook)


def displayed(value: Any) -> list[dict[str, Any]]:
    """What a notebook would show of a cell's last value: itself, or what it displays one after another."""
    if hasattr(value, "_ipython_display_"):
        parts: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("IPython.display.display", parts.append)
            value._ipython_display_()
        return [data for part in parts for data in displayed(part)]
    data = value._repr_mimebundle_() if hasattr(value, "_repr_mimebundle_") else {}
    return [data[0] if isinstance(data, tuple) else data]


def shown(pages: list[Told]) -> list[str]:
    """Every sentence, figure and table of the pages; not the drawings, which only a kernel keeps."""
    return [
        json.dumps(
            [page.name, page.facts, page.findings, page.needs, [vars(item) for section in page.sections for item in section.items]],
            indent=1,
            sort_keys=True,
        )
        for page in map(without_drawings, pages)
    ]


def without_drawings(page: Told) -> Told:
    for section in page.sections:
        section.items = [item for item in section.items if item.kind not in ("chart", "prose")]
    return page
