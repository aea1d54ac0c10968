"""Every kind of list that custkit writes: what customers typed is text in it, and the same text, whoever reads it and in which format."""

from __future__ import annotations

import ast
import csv
import json
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import ibis
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from payloads import FORMULAS

from custkit.analysis.action_lists import LISTS
from custkit.analysis.recommendations import REASONS
from custkit.present.findings import actions, replenishment
from custkit.present.lists import LISTS_FOLDER, People
from custkit.reporting.lists import write_lists

ROOT = Path(__file__).resolve().parents[2]
SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NOBODY = {"customer_id": "string", "closed_at": "timestamp", "consent": "boolean"}
N = len(FORMULAS)


def people(**columns: Any) -> ibis.Table:
    """One row a payload, which is the customer's id too."""
    return ibis.memtable(pd.DataFrame({"customer_id": FORMULAS, **columns}))


def nobody() -> ibis.Table:
    return ibis.memtable(pa.table({"customer_id": [], "closed_at": [], "consent": []}).to_pandas(), schema=ibis.schema(NOBODY))


def due_people() -> list[People]:
    day = date(2026, 10, 1)
    due = people(product_id=FORMULAS, product_name=FORMULAS, last_date=day, pieces=1.0, due_date=day, probability=0.5)
    return [replenishment.due_people(due, nobody(), consent=False)]


def next_people() -> list[People]:
    rows = pd.DataFrame(
        [
            {"customer_id": text, "rank": rank, "item": text, "because": text, "reason": REASONS[0], "probability": 0.5}
            for text in FORMULAS
            for rank in range(1, 6)
        ]
    )
    return [replenishment.next_people(ibis.memtable(rows), nobody(), consent=False)]


def people_of() -> list[People]:
    texts = dict.fromkeys(("segment", "stage", "main_category"), FORMULAS)
    numbers = dict.fromkeys(("monetary_value", "risk", "due_chance", "value_at_stake", "potential"), -1.5)
    known = people(**texts, **numbers, is_control=False, last_purchase_at=datetime(2026, 10, 31, 12))
    return [actions.people_of(known.mutate(list=ibis.literal(rule.name)), rule.name) for rule in LISTS]


MAKERS: dict[str, Callable[[], list[People]]] = {made.__name__: made for made in (due_people, next_people, people_of)}


def callers() -> set[str]:
    """Functions of custkit, and notebooks, that write a list of people."""
    sources = {str(path): path.read_text("utf-8") for path in (ROOT / "custkit").rglob("*.py")}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources[path.name] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    found = set()
    for name, source in sources.items():
        tree = ast.parse(source)
        inside = {id(call): f.name for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for call in ast.walk(f)}
        found |= {
            inside.get(id(call), name)
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "people_list"
        }
    return found


def test_every_function_that_writes_a_list_is_tried_here():
    assert callers() == set(MAKERS)


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """Every kind of list of people with a payload in every text of it, in all formats: name → its files without their endings."""
    place = tmp_path_factory.mktemp("lists")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(LISTS_FOLDER, str(place / "kept"))
        names = [one.payload["name"] for made in MAKERS.values() for one in made()]
    for name in names:
        write_lists(place / "kept" / f"{name}.parquet", place / "out", name)
    assert len(names) == len(set(names)) == len(LISTS) + 2
    return {name: place / "out" / name for name in names}


KINDS = [rule.name for rule in LISTS] + ["due_products", "show_next"]


def told(lists, kind) -> list[dict[str, Any]]:
    """The list's rows by Parquet, which must hold each payload, in a text of every row, as it was typed."""
    rows = pq.read_table(lists[kind].with_suffix(".parquet")).to_pylist()
    assert {row["customer_id"] for row in rows} == set(FORMULAS) and len(rows) == N
    for row in rows:
        typed = [name for name, value in row.items() if isinstance(value, str) and not name.startswith("why_")]
        assert len(typed) >= 2 and {row[name] for name in typed} == {row["customer_id"]}
    return rows


def texts(rows) -> list[list[str]]:
    return [[value for value in row.values() if isinstance(value, str)] for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sheet_holds_texts_and_no_formula_and_no_link(lists, kind):
    with zipfile.ZipFile(lists[kind].with_suffix(".xlsx")) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    assert not [mark for mark in (b"hyperlink", b"externalLink", b't="str"', b"<f") if any(mark in part for part in parts.values())]
    sheet = ElementTree.fromstring(parts["xl/worksheets/sheet1.xml"])
    assert {cell.get("t") for cell in sheet.iter(f"{SPACE}c")} <= {"inlineStr", "b", None}
    rows = [[cell.findtext(f"{SPACE}is/{SPACE}t") for cell in row if cell.get("t") == "inlineStr"] for row in sheet.iter(f"{SPACE}row")]
    assert [[text for text in row if not re.match(r"\d{4}-\d\d-\d\d", text)] for row in rows[1:]] == texts(told(lists, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_openpyxl_reads_the_same_texts_and_no_formula(lists, kind):
    sheet = openpyxl.load_workbook(lists[kind].with_suffix(".xlsx")).active
    rows = [[cell for cell in row if cell.data_type not in ("n", "b")] for row in sheet.iter_rows(min_row=2)]
    assert not [cell for row in rows for cell in row if cell.data_type != "s" or cell.hyperlink]
    found = [[cell.value for cell in row if not re.match(r"\d{4}-\d\d-\d\d", cell.value)] for row in rows]
    assert found == texts(told(lists, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_csv_holds_the_same_texts_behind_a_guard(lists, kind):
    with lists[kind].with_suffix(".csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    for row, whole in zip(found, told(lists, kind), strict=True):
        for name, text in whole.items():
            if isinstance(text, str):
                assert row[name] in (text, f"'{text}"), (name, text)
                assert row[name].strip()[:1] not in tuple("=+-@＝＋－＠|%\u2212"), row[name]
