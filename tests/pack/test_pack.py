"""From a client's export to a published pack, and what a second run does with it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from custkit.errors import BAD_INPUT, BUSY, GOOD, INTERNAL
from custkit.reporting import publish
from custkit.reporting.pack import exit_code, run_packs

COUNTS = """from custkit import open_book
from custkit.engine import fetch
from custkit.present.finding import Fact, Finding
book = open_book(client, period)
orders = fetch(book.purchases.aggregate(n=book.purchases.count(), revenue=book.purchases.revenue.sum())).to_pylist()[0]
Finding("Told.", "", (Fact("orders", orders["n"], "count"), Fact("revenue", float(orders["revenue"]), "money")))"""


def test_a_month_is_published_and_a_second_run_has_nothing_to_do(shop: Any) -> None:
    shop.sketch()
    shop.notebook("counts", COUNTS)
    (first,) = run_packs(["corner"])
    assert (first.exit_code, first.index) == (GOOD, shop.current / "index.html")
    manifest = json.loads((shop.current / "run.json").read_text(encoding="utf-8"))
    assert set(manifest["outputs"]) == {
        "counts.html", "index.html", "notebooks/counts.ipynb", "notebooks/sketch.ipynb", "results.json", "sketch.html",
    }  # fmt: skip
    assert manifest["snapshot"]["ledger"]["files"][0]["accepted"] == 8
    assert shop.results()["counts"] == {"orders": {"unit": "count", "value": 7}, "revenue": {"unit": "money", "value": 60.5}}
    (second,) = run_packs(["corner"])
    assert second.nothing_to_do
    assert json.loads((shop.current / "run.json").read_text(encoding="utf-8")) == manifest


def test_only_what_changed_is_run_again(shop: Any, fact: Callable[..., str]) -> None:
    shop.notebook("one", fact("a", "1"))
    shop.notebook("two", fact("b", "1"))
    run_packs(["corner"])
    shop.notebook("two", fact("b", "2"))
    told: list[Any] = []
    run_packs(["corner"], planned=lambda _plan, to_run, kept: told.append((to_run, kept)))
    assert told == [(["two"], ["one"])]
    assert shop.results()["two"]["b"]["value"] == 2


def test_a_failed_notebook_is_named_and_the_old_pack_stays(shop: Any, fact: Callable[..., str]) -> None:
    shop.notebook("one", fact("a", "1"))
    run_packs(["corner"])
    before = shop.current.resolve()
    shop.notebook("two", "book = None", "book.purchases")
    (outcome,) = run_packs(["corner"])
    assert outcome.exit_code == INTERNAL
    assert [(failure.notebook, failure.fault.cell, failure.fault.error) for failure in outcome.failures] == [("two", 4, "AttributeError")]
    assert shop.current.resolve() == before
    assert outcome.index.parent.name.startswith("failed-")
    page = outcome.index.read_text(encoding="utf-8")
    assert "book.purchases" in page and "AttributeError" in page and "not published" in page
    shop.notebook("two", fact("b", "1"))
    told: list[Any] = []
    (mended,) = run_packs(["corner"], planned=lambda _plan, to_run, kept: told.append((to_run, kept)))
    assert mended.exit_code == GOOD and told == [(["two"], ["one"])]


def test_the_order_of_rows_and_later_rows_change_no_byte_of_the_results(shop: Any) -> None:
    shop.notebook("counts", COUNTS)
    run_packs(["corner"], period="2026-10")
    before = (shop.current / "results.json").read_bytes()
    head, *lines = (shop.root / "clients" / "corner" / "sales.csv").read_text(encoding="utf-8").splitlines()
    lines += ["8,dora,2026-11-03 12:00:00,tea,1,4.00", "9,anna,2026-12-24 12:00:00,mug,2,19.00"]
    random.Random(7).shuffle(lines)
    shop.sales("\n".join([head, *lines, ""]))
    (again,) = run_packs(["corner"], period="2026-10")
    assert not again.nothing_to_do
    assert (shop.current / "results.json").read_bytes() == before


def test_what_moved_beyond_noise_since_last_month_stands_on_the_first_page(shop: Any) -> None:
    source = """from custkit.present.finding import Fact, Finding
rate, low, high = {"2026-09": (0.2, 0.18, 0.22), "2026-10": (0.4, 0.38, 0.42)}[period]
Finding("Told.", "", (Fact("rate", rate, "share", low=low, high=high, definition="Share that came back"),
    Fact("still", rate, "share", low=0.1, high=0.5, definition="Share that did not move")))"""
    shop.notebook("rates", source)
    run_packs(["corner"], period="2026-09")
    run_packs(["corner"], period="2026-10")
    page = (shop.current / "index.html").read_text(encoding="utf-8")
    assert "Share that came back" in page and "20.0%" in page and "40.0%" in page
    assert "Share that did not move" not in page


def test_a_change_of_definition_is_said_on_the_first_page_and_compared_with_nothing(shop: Any) -> None:
    source = """from custkit import open_book
from custkit.present.finding import Fact, Finding
book = open_book(client, period)
name = book.client.definitions.at("churn_rate", book.period)
value = {"dormant_or_lost": 0.2, "lost": 0.05}[name]
Finding("Told.", "", (Fact("churn_rate", value, "share", low=value - 0.01, high=value + 0.01, definition=f"By {name}", counted=name),))"""
    shop.notebook("churn", source)
    file = shop.root / "clients" / "corner" / "client.yml"
    file.write_text(file.read_text("utf-8") + "definitions: {churn_rate: dormant_or_lost; lost from 2026-10}\n", encoding="utf-8")
    for period in ("2026-08", "2026-09", "2026-10"):
        run_packs(["corner"], period=period)
        page = (shop.root / "reports" / "corner" / period / "current" / "index.html").read_text(encoding="utf-8")
        assert ("Counted differently from last month" in page) is (period == "2026-10")
    assert "Churn: 20.0% in the pack of September 2026, 5.0% here, and not compared." in page and "By lost" in page
    assert "No measure moved beyond noise" in page


def test_one_page_can_be_asked_for_and_the_unchanged_ones_stay(shop: Any, fact: Callable[..., str]) -> None:
    shop.notebook("one", fact("a", "1"))
    shop.notebook("two", fact("b", "1"))
    run_packs(["corner"], notebooks=["one"])
    assert set(shop.results()) == {"one"}
    run_packs(["corner"], notebooks=["two"])
    assert set(shop.results()) == {"one", "two"}


def test_the_month_is_the_last_that_the_data_cover(shop: Any, fact: Callable[..., str]) -> None:
    shop.notebook("one", fact("a", "1"))
    (outcome,) = run_packs(["corner"])
    assert outcome.period == "2026-10"
    text = (shop.root / "clients" / "corner" / "sales.csv").read_text(encoding="utf-8")
    shop.sales(text.replace("2026-10-31 19", "2026-10-20 19"))
    (outcome,) = run_packs(["corner"])
    assert outcome.period == "2026-09"


def test_one_clients_trouble_does_not_stop_the_others(shop: Any, fact: Callable[..., str]) -> None:
    shop.client(slug="empty")
    shop.notebook("one", fact("a", "1"))
    place = publish.shelf(shop.root / "reports", "corner", "2026-09")
    with publish.locked(place):
        found = {o.client: o for o in run_packs(["empty", "corner"], period="2026-09")}
        assert (found["empty"].exit_code, found["corner"].exit_code) == (BAD_INPUT, BUSY)
        assert "sales.csv" in found["empty"].message
    found = {o.client: o for o in run_packs(["empty", "corner"], period="2026-09")}
    assert (found["empty"].exit_code, found["corner"].exit_code) == (BAD_INPUT, GOOD)
    assert exit_code(list(found.values())) == BAD_INPUT


def test_files_that_change_while_the_pack_is_made_stop_it(shop: Any, fact: Callable[..., str]) -> None:
    sales = shop.root / "clients" / "corner" / "sales.csv"
    shop.notebook("one", f"with open({str(sales)!r}, 'a') as file:\n    _ = file.write('8,anna,2026-10-31 20:00:00,tea,1,4.00\\n')")
    (outcome,) = run_packs(["corner"])
    assert outcome.exit_code == BAD_INPUT
    assert [failure.fault.error for failure in outcome.failures] == ["InputChanged"]
    assert not shop.current.exists()
    shop.notebook("one", fact("a", "1"))
    (again,) = run_packs(["corner"])
    assert again.exit_code == GOOD


def test_the_executed_notebook_keeps_no_trace_of_the_machine(shop: Any, fact: Callable[..., str]) -> None:
    shop.notebook("one", fact("a", "1"))
    run_packs(["corner"])
    text = (shop.current / "notebooks" / "one.ipynb").read_text(encoding="utf-8")
    assert str(shop.root) not in text and "sentinel" not in text and "start_time" not in text
    assert not list(shop.month.glob(".work-*"))


def test_parts_that_do_not_add_up_are_not_published_and_the_old_pack_stays(shop: Any, fact: Callable[..., str]) -> None:
    shop.notebook("one", fact("a", "1"))
    run_packs(["corner"])
    before = shop.current.resolve()
    shop.notebook("segments", "from custkit.analysis import conservation", "conservation.laws(segment_customers=([2, 1], 4))")
    (outcome,) = run_packs(["corner"])
    assert outcome.exit_code == INTERNAL
    assert [(failure.notebook, failure.fault.error) for failure in outcome.failures] == [("segments", "BrokenLaw")]
    assert shop.current.resolve() == before
    page = outcome.index.read_text(encoding="utf-8")
    assert "not published" in page and "`segment_customers` does not add up" in page and "parts 3, whole 4, difference -1" in page
