"""The messages that readers see, gathered for the translators: `make messages` brings every catalogue up to date.

A message is what stands in `_("…")`, `ngettext("…", "…", n)` or `mark("…")` in the code and in `_("…")` in the page templates, a
whole markdown cell of a notebook, what a table or column means, and the names of the segments and tags that a client has by default.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from custkit.client import DEFAULT_TAGS, TEN_SEGMENTS
from custkit.tables import TABLES

PACKAGE = Path(__file__).resolve().parent.parent
NOTEBOOKS = PACKAGE.parent / "notebooks"
LANGUAGES = ("zh_CN",)
KEYWORDS = {"_": None, "ngettext": (1, 2), "mark": None}

Message = str | tuple[str, str]


def messages(notebooks: Path = NOTEBOOKS) -> dict[Message, list[str]]:
    """Every message with the files it stands in; a pair of singular and plural where it counts something."""
    found: dict[Message, list[str]] = {}
    for message, place in (*_in_code(), *_in_templates(), *_in_notebooks(notebooks), *_in_tables(), *_in_clients()):
        if message and place not in found.setdefault(message, []):
            found[message].append(place)
    return found


def _in_code() -> Iterator[tuple[Message, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for message in _called(path.read_text("utf-8")):
            yield message, _place(path)


def _called(source: str) -> Iterator[Message]:
    """Literal messages of the calls in `source`: whole strings only, never a key or a name inside the call."""
    for node in ast.walk(ast.parse(source)):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in KEYWORDS:
            told = [list(_literals(given)) for given in node.args[:2]]
            if name == "ngettext":
                yield from zip(*told, strict=True)
            else:
                yield from told[0]


def _literals(given: ast.expr) -> Iterator[str]:
    if isinstance(given, ast.IfExp):
        yield from _literals(given.body)
        yield from _literals(given.orelse)
    elif isinstance(given, ast.Constant) and isinstance(given.value, str):
        yield given.value


def _in_templates() -> Iterator[tuple[Message, str]]:
    for path in sorted(PACKAGE.glob("reporting/templates/*.j2")):
        with path.open("rb") as source:
            for _line, message, _comments, _context in extract("jinja2.ext:babel_extract", source, keywords=KEYWORDS):
                yield _plain(message), _place(path)


def _in_notebooks(folder: Path) -> Iterator[tuple[Message, str]]:
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                yield source, f"notebooks/{path.name}"
            elif cell["cell_type"] == "code":
                for message in _called(source):
                    yield message, f"notebooks/{path.name}"


def _in_tables() -> Iterator[tuple[Message, str]]:
    for table in TABLES.values():
        for meaning in (table.grain, *(column.meaning for column in table.columns)):
            yield meaning, "custkit/tables.py"


def _in_clients() -> Iterator[tuple[Message, str]]:
    """What a client file that names no segments or tags gets."""
    for segment in TEN_SEGMENTS:
        yield segment.name, "custkit/client.py"
        yield segment.action, "custkit/client.py"
    for tag in DEFAULT_TAGS:
        yield tag.name, "custkit/client.py"


def _plain(message: str | tuple[str, ...]) -> Message:
    if isinstance(message, str):
        return message
    one, many = message[:2]
    return one, many


def _place(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).as_posix()


def catalogue_path(language: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / "custkit.po"


def read_catalogue(language: str) -> Catalog:
    """The language's catalogue; an empty one where there is none."""
    path = catalogue_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as source:
        return read_po(source, locale=language)


def update_catalogue(language: str) -> tuple[int, int]:
    """Add what is new to the language's catalogue, drop what is gone, keep every translation. Returns messages and how many lack one."""
    template = Catalog(project="custkit")
    for message, places in messages().items():
        template.add(message, locations=[(place, 0) for place in places])
    catalogue = read_catalogue(language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.version, catalogue.fuzzy = "custkit", "", False
    catalogue.header_comment = f"# custkit in {language}; written by `make messages`, translated by hand."
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = ""
    # One fixed date: the same messages give the same file.
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    path = catalogue_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        write_po(target, catalogue, width=120, sort_output=True, include_lineno=False, omit_header=False)
    told = [entry for entry in catalogue if entry.id]
    return len(told), len(untranslated(language))


def untranslated(language: str) -> list[str]:
    """Messages of the catalogue that lack a translation, or one of its plural forms."""
    lacking = []
    for entry in read_catalogue(language):
        given = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        if entry.id and not all(given):
            lacking.append(entry.id if isinstance(entry.id, str) else entry.id[0])
    return lacking
