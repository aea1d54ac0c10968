"""A pack for readers outside the house, beside the house's own: what it tells, attacked with all it tells."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from custkit import upkeep
from custkit.client import load_client
from custkit.errors import GOOD
from custkit.intake.persons import erased_path
from custkit.present import few
from custkit.present.mime import TABLE
from custkit.reporting.pack import run_packs

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PAGES = ("overview", "segmentation")
LEAST = 10
OF_FEW = re.compile(r"(?<![\d.,])[1-9] (?:of [\d,]+ )?(?:\w+ )?(?:customers?|buyers?|people|members?)\b")
WHOLE = ("n", "numerator", "denominator")


def sales(people: int) -> str:
    """Fourteen months of a shop with so many customers: some come every month, most now and then, some are lost."""
    chance, rows, first = random.Random(20261126), [], datetime(2025, 9, 1)
    for person in range(people):
        day = first + timedelta(days=chance.uniform(0, 380))
        while day < datetime(2026, 11, 1):
            pieces = chance.choice([1, 1, 1, 2, 3])
            product, price = chance.choice([("tea", 4), ("mug", 9.5), ("pot", 39)])
            rows.append((f"c{person:03}", day, product, pieces, pieces * price))
            day += timedelta(days=chance.expovariate(1 / (25 if person % 5 == 0 else 120)))
    rows.sort(key=lambda row: row[1])
    lines = [f"{i},{who},{day:%Y-%m-%d %H:%M:%S},{product},{n},{amount:.2f}" for i, (who, day, product, n, amount) in enumerate(rows)]
    return "\n".join(["order,customer,date,product,pieces,amount", *lines]) + "\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shop_at: Callable[[Path], Any]) -> Iterator[Any]:
    """A shop of 130 customers with both of its packs."""
    root = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(root))
        made = shop_at(root)
        made.sales(sales(130))
        for page in PAGES:
            (root / "notebooks" / f"{page}.ipynb").symlink_to(NOTEBOOKS / f"{page}.ipynb")
        for shared in (False, True):
            (outcome,) = run_packs(["corner"], period="2026-10", shared=shared)
            assert outcome.exit_code == GOOD, outcome.failures
        yield made


def pack(shop: Any, *, shared: bool) -> Path:
    return shop.root / "reports" / "corner" / ("2026-10-shared" if shared else "2026-10") / "current"


def facts(shop: Any, *, shared: bool) -> dict[str, dict[str, Any]]:
    told = json.loads((pack(shop, shared=shared) / "results.json").read_text("utf-8"))
    return {f"{page}/{key}": {**fact, "key": key} for page, found in told.items() for key, fact in found.items()}


def of_few(fact: dict[str, Any]) -> bool:
    """A fact that tells of one to nine people, or of all but so few, counted anew from its figures."""
    if not few.counts_people(fact["key"]):
        return False
    known = [fact[name] for name in WHOLE if float(fact.get(name, 0.5)).is_integer()]
    if "numerator" in fact and "denominator" in fact and float(fact["denominator"] - fact["numerator"]).is_integer():
        known.append(fact["denominator"] - fact["numerator"])
    if fact["unit"] == "count":
        known.append(fact.get("value", 0))
    if fact["unit"] == "share" and 0 < fact.get("value", 0) < 1:
        whole = fact.get("denominator", fact.get("n", 0))
        known += [round(part * whole) for part in (fact["value"], 1 - fact["value"])]
    return any(0 < abs(n) < LEAST for n in known)


def tables(shop: Any, page: str, *, shared: bool) -> list[dict[str, Any]]:
    notebook = json.loads((pack(shop, shared=shared) / "notebooks" / f"{page}.ipynb").read_text("utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    return [output["data"][TABLE] for output in outputs if TABLE in output.get("data", {})]


def test_no_fact_tells_of_fewer_than_ten_people(shop):
    house, told = facts(shop, shared=False), facts(shop, shared=True)
    assert {name for name, fact in house.items() if of_few(fact)}, "the house's own pack tells of few"
    assert not [name for name, fact in told.items() if of_few(fact)]
    hidden = {name for name, fact in told.items() if fact.get("hidden")}
    assert hidden and all({"value", *WHOLE, "low", "high"}.isdisjoint(told[name]) for name in hidden)
    assert len(hidden) < len(told)


@pytest.mark.parametrize("page", PAGES)
def test_no_cell_of_a_table_tells_of_fewer_than_ten_people(shop, page):
    for table in tables(shop, page, shared=True):
        for at, column in enumerate(table["columns"]):
            if column["unit"] == "count" and few.counts_people(column["name"]):
                assert not [row[at] for row in table["rows"] if 0 < abs(row[at].get("value", 0)) < LEAST], (table["title"], column)


@pytest.mark.parametrize("page", PAGES)
def test_who_knows_every_total_works_out_none(shop, page):
    """The house's figures are the truth; the attacker has the shared table, the total of each column, and a linear programme."""
    attacked = 0
    for whole, told in zip(tables(shop, page, shared=False), tables(shop, page, shared=True), strict=True):
        names = [row[0]["text"] for row in told["rows"]]
        if len(set(names)) < len(names):  # rows cannot be matched by their names: the worked examples have such tables
            continue
        truth = {row[0]["text"]: row for row in whole["rows"]}
        for at, column in enumerate(told["columns"]):
            if at and column["unit"] == "count" and few.counts_people(column["name"]):
                counts = [int(truth[name][at].get("value", 0)) for name in names]
                gone = [n for n, row in zip(counts, told["rows"], strict=True) if "hidden" in row[at] and n > 0]
                if not gone or sum(gone) < LEAST or sum(counts) <= LEAST:  # the total itself is few, and is not told
                    continue
                attacked += 1
                for i, count in enumerate(gone):
                    aim = np.eye(len(gone))[i]
                    ends = [linprog(s * aim, A_eq=np.ones((1, len(gone))), b_eq=[sum(gone)], bounds=(1, None)).fun * s for s in (1, -1)]
                    assert ends[1] >= LEAST and ends[0] < ends[1], (column["name"], names[i], count, gone)
    assert attacked or page == "overview"


@pytest.mark.parametrize("page", PAGES)
def test_what_one_table_hides_no_other_table_opens(shop, page):
    """All cells of a name and column that any table of the page shows, taken off the total, leave two or more, any of which may be ten."""
    shown: dict[tuple[str, str], set[float]] = {}
    for table in tables(shop, page, shared=True):
        for row in table["rows"]:
            for column, cell in zip(table["columns"], row, strict=True):
                if "value" in cell:
                    shown.setdefault((row[0]["text"], column["name"]), set()).add(cell["value"])
    for whole, told in zip(tables(shop, page, shared=False), tables(shop, page, shared=True), strict=True):
        names = [row[0]["text"] for row in whole["rows"]]
        for at, column in enumerate(whole["columns"]):
            if at and len(set(names)) == len(names) and column["unit"] == "count" and few.counts_people(column["name"]):
                hidden = {row[0]["text"] for row in told["rows"] if "hidden" in row[at]}
                counts = {row[0]["text"]: row[at].get("value", 0) for row in whole["rows"] if row[0]["text"] in hidden}
                left = [n for name, n in counts.items() if n > 0 and n not in shown.get((name, column["name"]), ())]
                if any(n < LEAST for n in left) and sum(left) > LEAST:
                    assert len(left) > 1 and sum(left) - len(left) + 1 >= LEAST, (column["name"], counts)


@pytest.mark.parametrize("page", [*PAGES, "index"])
def test_no_sentence_and_no_drawing_names_so_few(shop, page):
    html = (pack(shop, shared=True) / f"{page}.html").read_text("utf-8")
    assert not OF_FEW.findall(re.sub(r"<[^>]+>", " ", html))
    assert "no group of fewer than 10 people" in html
    assert "data-" not in html


def test_the_word_is_explained_where_it_stands(shop):
    html = (pack(shop, shared=True) / "segmentation.html").read_text("utf-8")
    assert "<td>hidden</td>" in html and "<dt>hidden</dt>" in html and "fewer than 10 people, or a figure" in html


def test_the_client_file_says_how_few_are_too_few(shop, monkeypatch):
    """Thirty in the client file: no fact rests on fewer, and the page says thirty."""
    monkeypatch.setenv("CUSTKIT_HOME", str(shop.root))
    file = shop.root / "clients" / "corner" / "client.yml"
    before = file.read_text("utf-8")
    file.write_text(before + "limits: {min_cell: 30}\n", "utf-8")
    (outcome,) = run_packs(["corner"], period="2026-10", shared=True, notebooks=["overview"], reports=shop.root / "thirty")
    file.write_text(before, "utf-8")
    assert outcome.exit_code == GOOD and outcome.index is not None
    told = json.loads((outcome.index.parent / "results.json").read_text("utf-8"))["overview"]
    assert not [key for key, fact in told.items() if 0 < fact.get("n", 0) < 30 and few.counts_people(key)]
    assert "no group of fewer than 30 people" in outcome.index.read_text("utf-8")


def test_the_houses_own_pack_stays_whole_beside_it(shop):
    assert not [fact for fact in facts(shop, shared=False).values() if "hidden" in fact]
    assert "<td>hidden</td>" not in (pack(shop, shared=False) / "segmentation.html").read_text("utf-8")
    manifests = [json.loads((pack(shop, shared=shared) / "run.json").read_text("utf-8")) for shared in (False, True)]
    assert [manifest["shared"] for manifest in manifests] == [False, True]
    assert manifests[0]["jobs"]["overview"]["key"] != manifests[1]["jobs"]["overview"]["key"]


def test_who_makes_a_copy_hears_which_others_it_can_be_subtracted_from(shop, monkeypatch):
    """Three customers come in October, after the copies of both months were made: each new copy is safe alone, and no more than that."""
    monkeypatch.setenv("CUSTKIT_HOME", str(shop.root))

    def copy(month: str) -> tuple[str, ...]:
        (outcome,) = run_packs(["corner"], period=month, shared=True, notebooks=["overview"], reports=shop.root / "subtracted", force=True)
        assert outcome.exit_code == GOOD, outcome.failures
        return outcome.warnings

    assert copy("2026-09") == ()
    assert copy("2026-10") == ()
    assert copy("2026-10") == (), "made again of the same data it differs in nothing"
    before = sales(130)
    shop.sales(before + "".join(f"new{n},new{n},2026-10-1{n} 12:00:00,mug,1,9.50\n" for n in range(3)))
    told = copy("2026-10")
    assert len(told) == 2, told
    september, october = told
    assert "2026-09-shared" in september and "fewer than 10 people" in september and "overview cumulative_spend_per_customer n" in september
    assert "copy of this month" in october and "overview customers value" in october
    shelf = shop.root / "subtracted" / "corner"
    assert json.loads((shelf / "2026-10-shared" / "current" / "run.json").read_text("utf-8"))["warnings"] == [september, october]
    assert "may find smaller groups in the differences" in (shelf / "2026-10-shared" / "current" / "overview.html").read_text("utf-8")
    shop.sales(before)
    assert len(copy("2026-10")) == 1, "the three are gone again, and the copy that held them stood here"
    upkeep.erase(load_client("corner"), "c005", reports=shop.root / "subtracted", now=datetime(2026, 11, 26, tzinfo=UTC))
    told = copy("2026-10")
    assert "copy of this month" in told[-1], "who was erased stands in the difference to the copy made before"
    erased_path("corner").unlink()
