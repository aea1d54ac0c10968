"""The pages of a pack: our own template, no script, no external request, everything from outside escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from custkit import words
from custkit.present import few
from custkit.present.glossary import GLOSSARY, Entry
from custkit.present.lettering import text_width
from custkit.reporting.execute import Failure
from custkit.reporting.figure import Figure, figure
from custkit.reporting.harvest import Item, Told
from custkit.reporting.plan import page_name
from custkit.reporting.provenance import Provenance

SECURITY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LONGEST_LINE, _SHORTEST_LINE, _BAR, _PAGE = 2.4, 0.7, 0.7, 8.9  # inches at ten points, of the text of a table
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_SIGNED = re.compile(r"[+−][^\s\d&<>]{1,4}\d[\d,.]*")


@dataclass(frozen=True)
class Change:
    """One measure that moved on last month beyond noise."""

    name: str
    before: str
    now: str
    page: str


@dataclass(frozen=True)
class Recount:
    """One measure that last month's pack counted by another definition: told then, told now, by which definition now."""

    name: str
    before: str
    now: str
    definition: str
    page: str


@dataclass(frozen=True)
class Pack:
    """One client's month."""

    client: str
    period: str
    as_of: str
    provenance: Provenance
    pages: Sequence[Told]
    failures: Sequence[Failure] = ()
    changes: Sequence[Change] | None = None
    recounts: Sequence[Recount] = ()
    previous: str = ""
    absent: Sequence[str] = field(default=())


def render_page(pack: Pack, told: Told) -> str:
    """The page of one notebook."""
    figures = _figures(told)
    tiles = _first_tiles([told]) if told.brief else []
    sections = [
        (f"s{i}", section, [_item(item, figures) for item in section.items if item.content not in tiles])
        for i, section in enumerate(told.sections, 1)
    ]
    recounts = [recount for recount in pack.recounts if recount.page == page_name(told.name)]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(**_common(pack), told=told, tiles=tiles, recounts=recounts, sections=sections, glossary=glossary([told]))
    )


def render_index(pack: Pack) -> str:
    """The page that opens the pack."""
    tiles, asked = _first_tiles(pack.pages), _asked(pack.pages)
    brief = next((told.brief for told in pack.pages if told.brief), [])
    return (
        _environment().get_template("index.html.j2").render(**_common(pack), told=None, brief=brief, tiles=tiles, asked=asked, glossary=[])
    )


def _first_tiles(pages: Sequence[Told]) -> list[Any]:
    return [item.content for told in pages for section in told.sections for item in section.items if item.kind == "tiles"][:1]


def glossary(pages: Sequence[Told]) -> list[Entry]:
    """Entries whose column, fact or term the pages show, in the order of their terms."""
    names = {key for told in pages for key in told.facts} | {"hidden" for told in pages if _holds_back(told)}
    texts = []
    for told in pages:
        texts += [f"{finding['headline']} {finding['detail']}" for finding in (*told.brief, *told.findings)]
        for section in told.sections:
            texts.append(section.heading)
            for item in section.items:
                if item.kind == "prose":
                    texts.append(item.content)
                elif item.kind == "table":
                    names |= {column["name"] for column in item.content["columns"]}
                    texts += [cell["text"] for row in item.content["rows"] for cell in row[:1]]
                elif item.kind == "tiles":
                    texts += [tile["name"] for tile in item.content]
    text = "\n".join(texts).casefold()
    found: dict[str, Entry] = {}
    for key, entry in GLOSSARY.items():
        term = words._(entry.term)
        if key in names or _says(text, term.casefold()):
            found.setdefault(term, Entry(term, words._(entry.definition), entry.promises))
    return [found[term] for term in sorted(found, key=str.casefold)]


def _holds_back(told: Told) -> bool:
    tables = [item.content for section in told.sections for item in section.items if item.kind == "table"]
    return any("hidden" in cell for table in tables for row in table["rows"] for cell in row) or any(
        "hidden" in f for f in told.facts.values()
    )


def _says(text: str, term: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text)) if term.isascii() else term in text


def _common(pack: Pack) -> dict[str, Any]:
    return {
        "pack": pack,
        "lang": words.reader().language.replace("_", "-"),
        "month": words.month(pack.period),
        "gap": "" if words.reader().language.startswith("zh") else " ",  # between two sentences
        "security": SECURITY,
        "held_back": few.rule() if few.shared() else "",
        "style": Markup(_style()),
    }


@cache
def _style() -> str:
    return " ".join((files("custkit.reporting") / "templates" / "style.css").read_text(encoding="utf-8").split())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("custkit.reporting"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        _=words._, ngettext=words.ngettext, count=partial(words.number, digits=0), short_key=lambda key: key[:7], page_name=page_name
    )
    environment.filters.update(prose=prose, line=inline, plain=plain, safe_name=safe_name, signed=signed, spark=spark)
    return environment


@cache
def _markdown() -> MarkdownIt:
    # Pictures and links lead somewhere else; HTML would be somebody else's.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink", "html_inline", "html_block"])


def prose(text: str) -> Markup:
    """Markdown of a notebook → HTML; headings inside a section become smaller ones."""
    return Markup(re.sub(r"<(/?)h[1-6]>", r"<\1h3>", _markdown().render(text)))


def inline(text: str) -> Markup:
    return Markup(_markdown().renderInline(text))


def plain(text: str) -> str:
    """Markdown without its marks."""
    return re.sub(r"[*_`]", "", text)


def safe_name(text: str) -> Markup:
    """What a client typed: escaped, and its direction of writing kept to itself."""
    return Markup("<bdi>{}</bdi>").format(_BIDI.sub("", text))


def signed(text: str) -> Markup:
    """A sentence, escaped; no line of it ends between a sign and its amount (+€26,918), as Unicode's rules would allow."""
    return Markup(_SIGNED.sub(r'<span class="signed">\g<0></span>', str(escape(text))))


def spark(values: Sequence[float | None], breaks: Sequence[int] = ()) -> Markup:
    """Values → a line of 104 × 26 with a dot at its end; a gap where a value is missing.

    At each of `breaks` the measure begins to be counted by another definition: the line stops, a stroke stands in the gap, and what lies
    before it is drawn in grey.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(known)
    step = 100 / max(1, len(values) - 1)
    runs: list[tuple[bool, list[str]]] = [(False, [])]
    for i, value in enumerate(values):
        if value is None or i in breaks:
            runs.append((i < max(breaks, default=0), []))
        if value is not None:
            y = 12 if high == low else 23 - 20 * (value - low) / (high - low)
            runs[-1][1].append(f"{i * step:.1f},{y:.1f}")
    runs[0] = (bool(breaks), runs[0][1])
    lines = Markup("").join(_run(points, old) for old, points in runs)
    strokes = Markup("").join(
        Markup('<line x1="{0}" x2="{0}" y1="1" y2="25"/>').format(f"{(i - 0.5) * step:.1f}") for i in breaks if 0 < i < len(values)
    )
    end = next(point for _old, points in reversed(runs) for point in reversed(points)).split(",")
    dot = Markup('<circle cx="{}" cy="{}" r="2.5"/>').format(*end)
    return Markup('<svg class="spark" viewBox="-3 -1 110 28" aria-hidden="true">{}{}{}</svg>').format(strokes, lines, dot)


def _run(points: list[str], old: bool) -> Markup:
    look = Markup(' class="old"') if old else ""
    if len(points) == 1 and old:  # one month alone is no line, and would not be seen
        x, y = points[0].split(",")
        return Markup('<circle class="old" cx="{}" cy="{}" r="1.2"/>').format(x, y)
    return Markup('<polyline{} points="{}"/>').format(look, " ".join(points)) if len(points) > 1 else Markup("")


def _figures(told: Told) -> dict[int, Figure]:
    charts = [item for section in told.sections for item in section.items if item.kind == "chart"]
    return {id(item): figure(item.content, f"f{i}-") for i, item in enumerate(charts, 1)}


def _item(item: Item, figures: dict[int, Figure]) -> dict[str, Any]:
    content = _laid_out(item.content) if item.kind == "table" else figures.get(id(item), item.content)
    return {"kind": item.kind, "content": content}


def _laid_out(table: dict[str, Any]) -> dict[str, Any]:
    """A table of many columns, or wider than its page, is set closer; texts too long for one line may wrap, there sooner."""
    longest = [max((text_width(row[i]["text"]) for row in table["rows"]), default=0) for i in range(len(table["columns"]))]
    bars = sum(any("bar" in row[i] for row in table["rows"]) for i in range(len(longest)))
    width = sum(min(max(text, _SHORTEST_LINE), _LONGEST_LINE) for text in longest) + bars * _BAR
    dense = len(longest) > 7 or width > _PAGE
    line = _LONGEST_LINE / 2 if dense else _LONGEST_LINE
    columns = [{**column, "wraps": text > line} for column, text in zip(table["columns"], longest, strict=True)]
    return {**table, "columns": columns, "dense": dense}


def _asked(pages: Sequence[Told]) -> list[dict[str, Any]]:
    """Every table or column that a page missed, with the pages that would gain, the most wanted first."""
    wanted: dict[str, dict[str, Any]] = {}
    for told in pages:
        for need in told.needs:
            for name in need["missing"]:
                entry = wanted.setdefault(name, {"field": name, "pages": [], "feeds": set()})
                if told not in entry["pages"]:
                    entry["pages"].append(told)
                entry["feeds"] |= set(need["feeds"])
    return sorted(wanted.values(), key=lambda entry: (-len(entry["pages"]), -len(entry["feeds"]), entry["field"]))
