"""What an executed notebook tells: its findings, tiles, tables, charts and needs by MIME type, and the facts for `results.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from custkit.book import NEED
from custkit.present.mime import BRIEF, FINDING, PEOPLE, TABLE, TILES
from custkit.words import _ as translate

SVG = "image/svg+xml"
_OURS = (BRIEF, FINDING, TILES, TABLE, NEED, PEOPLE, SVG)


@dataclass
class Item:
    """One thing a section shows, in the notebook's order. kind: prose, tiles, table, lists, chart, need; content as given."""

    kind: str
    content: Any


@dataclass
class Section:
    """A `##` heading and what stands under it, up to the next one."""

    heading: str
    items: list[Item] = field(default_factory=list)
    found: bool = False

    @property
    def stands(self) -> bool:
        """False for a heading whose only output was a finding: that stands at the top of the page."""
        return any(item.kind != "prose" for item in self.items) or (bool(self.items) and not self.found)


@dataclass
class Told:
    """One notebook, told. `title` and `lead` come from its first cell; `lead` is Markdown. `brief`: the findings of its bottom line."""

    name: str
    title: str = ""
    lead: str = ""
    brief: list[dict[str, Any]] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    needs: list[dict[str, Any]] = field(default_factory=list)
    lists: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def harvest(name: str, notebook: dict[str, Any]) -> Told:
    """An executed notebook → what its page tells, in the language that is set. Markdown cells are message ids."""
    told = Told(name)
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] == "markdown":
            _prose(told, translate("".join(cell["source"])).strip())
        elif cell["cell_type"] == "code":
            for data in _bundles(cell):
                _take(told, data, number)
    told.sections = [section for section in told.sections if section.stands]
    return told


def results(told: list[Told]) -> dict[str, dict[str, dict[str, Any]]]:
    """notebook → fact key → fact: sorted, and nothing in it but what the notebooks found."""
    return {page.name: dict(sorted(page.facts.items())) for page in sorted(told, key=lambda page: page.name)}


def _prose(told: Told, text: str) -> None:
    first, _newline, rest = text.partition("\n")
    if found := re.fullmatch(r"#\s+(.+)", first):
        told.title, told.lead = found[1].strip(), rest.strip()
        return
    if found := re.fullmatch(r"##\s+(.+)", first):
        told.sections.append(Section(found[1].strip()))
        text = rest.strip()
    if text:
        _section(told).items.append(Item("prose", text))


def _section(told: Told) -> Section:
    if not told.sections:
        told.sections.append(Section(""))
    return told.sections[-1]


def _bundles(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", ()):
        if output["output_type"] in ("display_data", "execute_result"):
            yield output["data"]


def _take(told: Told, data: dict[str, Any], number: int) -> None:
    if FINDING in data:
        told.findings.append(data[FINDING])
        _section(told).found = True
        for fact in data[FINDING]["facts"]:
            _keep(told, fact, number)
    elif BRIEF in data:
        told.brief += data[BRIEF]["lines"]
        _section(told).found = True
        for fact in (fact for line in data[BRIEF]["lines"] for fact in line["facts"]):
            _keep(told, fact, number)
    elif TILES in data:
        _section(told).items.append(Item("tiles", data[TILES]["tiles"]))
        for tile in data[TILES]["tiles"]:
            _keep(told, {**tile["fact"], "name": tile["name"]}, number)
    elif TABLE in data:
        _section(told).items.append(Item("table", data[TABLE]))
    elif NEED in data:
        if data[NEED] not in told.needs:
            told.needs.append(data[NEED])
        _section(told).items.append(Item("need", data[NEED]))
    elif PEOPLE in data:
        items = _section(told).items
        if not data[PEOPLE]:
            if not items or items[-1].kind != "withheld":
                items.append(Item("withheld", "".join(data["text/plain"])))
            return
        # The files are named when they are written.
        told.lists.append({**data[PEOPLE], "files": []})
        if items and items[-1].kind == "lists":
            items[-1].content.append(told.lists[-1])
        else:
            items.append(Item("lists", [told.lists[-1]]))
    elif SVG in data:
        _section(told).items.append(Item("chart", "".join(data[SVG])))
    elif "text/html" in data or "image/png" in data:
        told.warnings.append(f"{told.name} cell {number} shows what a page cannot carry; use table(…), a chart or a finding")


def _keep(told: Told, fact: dict[str, Any], number: int) -> None:
    key = fact["key"]
    told_before = told.facts.get(key)
    if told_before and told_before.get("value") != fact.get("value"):
        if not (told_before.get("hidden") or fact.get("hidden")):  # held back here, told there: one stands beside few, the other does not
            told.warnings.append(f"{told.name} cell {number} tells `{key}` a second time with another value; the first is kept")
        return
    told.facts[key] = {**{name: value for name, value in fact.items() if name != "key"}, **(told_before or {})}
