"""A DuckDB connection of ours opens the files it was made for and no other, whatever text reaches it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb


def lock(con: duckdb.DuckDBPyConnection, *, spill: Path, reads: Iterable[Path] = ()) -> None:
    """From here on SQL on `con` opens no file but `reads`, installs and loads nothing, attaches nothing, and cannot undo this.

    DuckDB reads any file by name, and any Python variable, unless it is told not to. What does not fit into memory goes to the folder
    `spill`, which DuckDB makes when it needs it. Files are named one by one: a folder that may be read may be written to as well.
    """
    con.execute(f"SET temp_directory = {_lit(spill)}")
    con.execute(f"SET allowed_paths = [{', '.join(map(_lit, reads))}]")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _lit(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
