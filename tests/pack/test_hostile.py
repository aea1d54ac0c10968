"""Whatever somebody typed into the client's data is shown as it was typed: in every slot of a page, and on every page of a pack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from payloads import PAYLOADS
from renamed import rename_shop
from test_browser import browser, look  # noqa: F401

from custkit.errors import GOOD
from custkit.reporting.pack import run_packs

pytestmark = pytest.mark.browser
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SLOTS = """
import json, pathlib
import pandas as pd
from custkit.book import Need
from custkit.present.brief import brief
from custkit.present.charts.style import house_style
from custkit.present.finding import Fact, Finding
from custkit.present.table import table
from custkit.present.tiles import Tile, tiles

@house_style(height=30)
def bars(frame, *, ax):
    ax.barh(frame["segment"], frame["customers"])
    ax.legend(handles=[ax.patches[0]], labels=[frame["segment"][0]])
    ax.text(0, 0, frame["segment"][1])
    return ax

texts = json.loads(pathlib.Path({path!r}).read_text("utf-8"))
frame = pd.DataFrame({{"segment": texts, "customers": range(1, len(texts) + 1)}})
"""
SHOWN = """
for text in texts:
    fact = Fact("a", 1.0, "number", definition=text, window=text)
    display(Finding(text + " headline", text + " detail", (fact,)), brief([Finding(text + " brief", "", (fact,))]))
    display(tiles([Tile(text + " tile", fact, text, "up", "up", (1.0, 2.0), text)]), Need(("events",), ("S5",), text + " need"))
display(table(frame, title=texts[0] + " title", note=texts[1] + " note", limit=None))
bars(frame, title=texts[0], measure=texts[1]);
"""
FOREIGN = """() => {
    const given = (e, name) => e.getAttribute(name) || '';
    const foreign = ['script', 'iframe', 'object', 'embed', 'base', 'form', 'input', 'textarea', 'button', 'video', 'audio', 'math',
        'animate', 'set', 'use', 'foreignObject', 'img', 'link', 'template'];
    const ours = e => e.localName === 'img' && given(e, 'src').startsWith('data:image/')
        || e.localName === 'link' && given(e, 'href') === 'data:,'
        || e.localName === 'use' && (given(e, 'href') || given(e, 'xlink:href')).startsWith('#');
    const told = name => ['title', 'aria-label'].includes(name);
    return [...document.querySelectorAll('*')].filter(e => foreign.includes(e.localName) && !ours(e)
        || [...e.attributes].some(a => /^on/i.test(a.name) || /javascript:|127\\.0\\.0\\.1/i.test(a.value) && !told(a.name))
        || e.localName === 'meta' && /refresh/i.test(given(e, 'http-equiv'))
        || e.localName === 'a' && !/^(#|[a-z_]+\\.html(#|$)|lists\\/)/.test(given(e, 'href') || '#')
    ).map(e => e.outerHTML.slice(0, 120))
}"""


def typed(text: str) -> str:
    """A text as it may stand on a page: white space is one space, what turns the direction of writing and what marks names is gone."""
    return " ".join("".join(c for c in text if c not in "`\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069").split())


def inspect(browser: Any, path: Path) -> str:  # noqa: F811
    """The page's text, once it is certain that nothing of it acts."""
    look(browser, path, 1280)
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate(FOREIGN) == []
    assert page.evaluate("typeof pwned") == "undefined"
    text = typed(page.evaluate("document.title + ' ' + document.body.textContent"))
    page.close()
    return text


def test_no_text_acts_in_any_slot(shop: Any, browser: Any, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(PAYLOADS), "utf-8")
    shop.notebook("slots", SLOTS.format(path=str(path)), SHOWN)
    (outcome,) = run_packs(["corner"])
    assert outcome.exit_code == GOOD, outcome.failures
    for name in ("slots.html", "index.html"):
        shown = inspect(browser, shop.current / name)
        for text in PAYLOADS:
            for slot in ("headline", "detail", "tile", "brief") if name == "slots.html" else ("headline",):
                assert typed(text + " " + slot) in shown, (name, slot)


@pytest.fixture(scope="module")
def hostile(shops: Any) -> Any:
    """The demo shop after somebody had their way with every text of it, the client's name and a file's name too."""
    made = shops("hostile", customers=900)
    raw = made.folder / "raw"
    rename_shop(raw, PAYLOADS)
    (raw / "marketing_spend.csv").rename(raw / "<img src=x onerror=pwned=1>.csv")
    file = made.folder / "client.yml"
    text = file.read_text("utf-8").replace("marketing_spend.csv", "'<img src=x onerror=pwned=1>.csv'")
    file.write_text(text.replace("name: Alder Street Shop", f"name: {json.dumps(PAYLOADS[1])}", 1), "utf-8")
    if not (made.home / "notebooks").is_symlink():
        (made.home / "notebooks").rmdir()
        (made.home / "notebooks").symlink_to(NOTEBOOKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTKIT_HOME", str(made.home))
        (outcome,) = run_packs(["hostile"], period="2026-10")
        assert outcome.exit_code == GOOD, outcome.failures
        yield outcome.index.parent


def test_no_text_acts_on_any_page(hostile: Any, browser: Any) -> None:  # noqa: F811
    shown = {path.stem: inspect(browser, path) for path in sorted(hostile.glob("*.html"))}
    assert len(shown) >= 10
    seen = {payload for payload in PAYLOADS if any(typed(payload) in text for text in shown.values())}
    assert len(seen) >= 25, "most of them stand on some page"
    assert typed(PAYLOADS[1]) in shown["index"], "the client's name"


@pytest.mark.parametrize("number", range(26))
def test_a_text_that_got_through_would_be_seen(browser: Any, tmp_path: Path, number: int) -> None:  # noqa: F811
    """The check itself: each of the texts that are markup, put on a page raw, is caught."""
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><title>t</title><body>{PAYLOADS[number]}", "utf-8")
    with pytest.raises((AssertionError, api.Error)):
        inspect(browser, path)
