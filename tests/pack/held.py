"""Which files hold a person: looked for in the text of whatever they are."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pyarrow.parquet as pq


def texts(path: Path) -> str:
    """All that a reader of the file could find: its bytes, and what is packed in tables and workbooks."""
    found = [path.read_bytes().decode("utf-8", "replace")]
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        found += [*table.column_names, *(str(cell) for column in table.columns for cell in column.to_pylist())]
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            found += [unescape(parts.read(name).decode("utf-8", "replace")) for name in parts.namelist()]
    elif path.suffix == ".html":
        found.append(unescape(found[0]))
    elif path.suffix in (".json", ".ipynb"):
        found.append(json.dumps(json.loads(found[0]), ensure_ascii=False))
    return " ".join(found)


def ours(root: Path, besides: str = "clients") -> list[Path]:
    """Every file that a run left; the client's own exports, below the folder `besides`, are not ours."""
    return [path for path in root.rglob("*") if path.is_file() and besides not in path.relative_to(root).parts]


def holding(root: Path, *names: str, besides: str = "clients") -> list[Path]:
    """Files of ours that name one of `names`."""
    return [path for path in ours(root, besides) if any(name in text for text in [texts(path)] for name in names)]


def figure(root: Path, what: str, *names: str, kept: Sequence[Path] = ()) -> None:
    """Print how much was searched for how many texts, and the hits, for whoever runs `pytest -s`."""
    files = ours(root)
    hits = [path for path in holding(root, *names) if path not in kept]
    size = sum(len(texts(path)) for path in files)
    print(f"\n{what}: {len(files)} files, {size:,} characters unpacked, {len(names)} texts looked for: {len(hits)} hits")  # noqa: T201
