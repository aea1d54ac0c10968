"""The published pages in a real browser: no script, no request, no complaint, nothing wider than a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custkit.reporting.pack import run_packs

pytestmark = pytest.mark.browser
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDER = """[...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .spark, .aloud'))
    .map(e => e.outerHTML.slice(0, 90))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if not executable:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: CI looks at every page, see .ci/run")
        pytest.skip("no Chromium here; pages are not looked at (apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_pack_asks_for_nothing_says_nothing_and_fits(shop: Any, browser: Any, language: str) -> None:
    shop.client(language=language)
    shop.sketch()
    (outcome,) = run_packs(["corner"])
    assert outcome.exit_code == 0
    pages = sorted(Path(shop.current).glob("*.html"))
    assert len(pages) == 2
    for path in pages:
        for width in (1280, 390):
            look(browser, path, width)


def look(browser: Any, path: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.on("request", lambda request: None if request.url in (path.as_uri(), "data:,") else heard.append(request.url))
    page.goto(path.as_uri())
    assert heard == []
    assert page.evaluate("document.scripts.length + document.querySelectorAll('iframe, object, embed').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WIDER) == []
    page.close()
