"""Every sentence a reader sees is translated, with the same placeholders, and nothing in the catalogue is stale."""

from __future__ import annotations

import ast
import re

import pytest

from custkit.locale import LANGUAGES, PACKAGE, messages, read_catalogue, untranslated
from custkit.present.glossary import GLOSSARY
from custkit.present.labels import LABELS

PLACEHOLDER = re.compile(r"\{[a-z_]*\}")
CODE = re.compile(r"`[^`]+`")


@pytest.fixture(scope="module")
def found() -> dict:
    return messages()


@pytest.fixture(scope="module", params=LANGUAGES)
def catalogue(request):
    return read_catalogue(request.param)


def translated(catalogue) -> list[tuple[str, str]]:
    """Pairs of message and translation; of a counted message its plural."""
    pairs = []
    for entry in catalogue:
        ids = entry.id if isinstance(entry.id, tuple | list) else (entry.id,)
        strings = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
        if ids[0]:
            pairs += [(ids[-1], string) for string in strings]
    return pairs


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language):
    lacking = untranslated(language)
    assert not lacking, f"{len(lacking)} messages of {language} lack a translation, such as {lacking[:3]}; see make messages"


def test_the_catalogue_holds_the_messages_of_today(found, catalogue):
    told = {entry.id if isinstance(entry.id, str) else tuple(entry.id) for entry in catalogue if entry.id}
    assert told == set(found), "run make messages"


def test_a_translation_has_the_placeholders_of_its_message(catalogue):
    wrong = [
        (message, string)
        for message, string in translated(catalogue)
        if string and sorted(set(PLACEHOLDER.findall(message))) != sorted(set(PLACEHOLDER.findall(string)))
    ]
    assert not wrong


def test_a_translated_cell_keeps_its_headings_and_code(catalogue):
    for message, string in translated(catalogue):
        if string and message.startswith("#"):
            assert [line.split(" ")[0] for line in message.splitlines() if line.startswith("#")] == [
                line.split(" ")[0] for line in string.splitlines() if line.startswith("#")
            ], message
            assert sorted(CODE.findall(message)) == sorted(CODE.findall(string)), message


def test_no_translation_is_a_guess(catalogue):
    assert not [entry.id for entry in catalogue if entry.id and entry.fuzzy]


def test_labels_and_glossary_are_messages(found):
    words = {label.text for label in LABELS.values()}
    words |= {text for entry in GLOSSARY.values() for text in (entry.term, entry.definition)}
    assert not words - set(found), "mark() them"


def test_messages_are_whole_literals():
    """`_(f"…")` and `_("a" + b)` reach no translator."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in ("_", "mark", "ngettext"):
                wrong += [f"{path.name}:{node.lineno}" for arg in node.args if isinstance(arg, ast.JoinedStr | ast.BinOp) and not _sum(arg)]
    assert not wrong


def _name(func: ast.expr) -> str:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def _sum(node: ast.expr) -> bool:
    """Arithmetic, as in `ngettext(one, many, a + b)`."""
    return isinstance(node, ast.BinOp) and not any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str)) for part in ast.walk(node)
    )


def test_no_message_stands_inside_an_f_string():
    """Babel does not look into them before Python 3.12: such a message would stay English."""
    inside = re.compile(r"""\bf["'].*\{(_|ngettext)\(["']""")
    for path in (PACKAGE / "present").rglob("*.py"):
        assert not [line for line in path.read_text("utf-8").splitlines() if inside.search(line)], path
