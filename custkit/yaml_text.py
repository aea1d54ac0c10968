"""YAML read as text: no aliases, no tags, no duplicate keys, every scalar a string, every key with its line.

YAML's own typing turns `NO` into false, `007` into 7 and `12:30` into 750; the schema that reads the text types it instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from custkit.errors import BadInput

MAX_BYTES = 1 << 20
MAX_DEPTH = 20
_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")

Path_ = tuple[str | int, ...]
Lines = dict[Path_, int]


def read_yaml(path: Path) -> tuple[dict[str, Any], Lines]:
    """`path` → nested dicts and lists of text, and the 1-based line of every key.

    Raises BadInput naming file and line for anything but plain YAML with a mapping at the top.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise BadInput(f"{path}: larger than 1 MiB; a client file is a page of text")
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadInput(f"{path} line {line}: not UTF-8; save the file as UTF-8") from error
    lines: Lines = {}
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken)):
                raise BadInput(f"{path} line {token.start_mark.line + 1}: anchors (&) and aliases (*) are not allowed; quote the text")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}" if mark else ""
        raise BadInput(f"{path}{where}: {error.problem or 'not valid YAML'}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{path}: not valid YAML ({type(error).__name__})") from error
    if not isinstance(root, MappingNode):
        raise BadInput(f"{path}: expected `key: value` lines at the top")
    return _value(root, path, (), lines), lines


def _value(node: Node, path: Path, at: Path_, lines: Lines) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(at, line)
    if len(at) > MAX_DEPTH:
        raise BadInput(f"{path} line {line}: nested deeper than {MAX_DEPTH} levels")
    if node.tag.removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
        raise BadInput(f"{path} line {line}: tags such as {node.tag.replace('tag:yaml.org,2002:', '!!')} are not allowed")
    if isinstance(node, ScalarNode):
        is_null = node.tag.endswith(":null") and node.style is None
        return None if is_null else node.value
    if isinstance(node, SequenceNode):
        return [_value(item, path, (*at, i), lines) for i, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            raise BadInput(f"{path} line {key_line}: a key must be text")
        if key_node.tag.endswith(":merge") or key_node.tag == "tag:yaml.org,2002:merge":
            raise BadInput(f"{path} line {key_line}: merge keys (<<) are not allowed")
        key = key_node.value
        if key in found:
            raise BadInput(f"{path} line {key_line}: `{key}` is given twice; the first is on line {lines[(*at, key)]}")
        lines[(*at, key)] = key_line
        found[key] = _value(value_node, path, (*at, key), lines)
    return found
