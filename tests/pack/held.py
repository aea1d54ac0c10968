"""Which files hold a person: looked for in the text of whatever they are."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow.parquet as pq


def texts(path: Path) -> str:
    """All that a reader of the file's bytes could find, inside tables and workbooks too."""
    if path.suffix == ".parquet":
        return " ".join(str(cell) for column in pq.read_table(path).columns for cell in column.to_pylist())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            return " ".join(parts.read(name).decode("utf-8", "replace") for name in parts.namelist())
    return path.read_bytes().decode("utf-8", "replace")


def holding(root: Path, *names: str, besides: str = "clients") -> list[Path]:
    """Files of ours that name one of `names`; the client's own exports, below the folder `besides`, are not ours."""
    ours = (path for path in root.rglob("*") if path.is_file() and besides not in path.relative_to(root).parts)
    return [path for path in ours if any(name in texts(path) for name in names)]
