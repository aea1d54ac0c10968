"""A client's canonical tables as Parquet in a folder named by the hash of what they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from custkit.client import Client


@dataclass(frozen=True)
class Snapshot:
    """`folder` holds one Parquet file per table the client sent, `quarantine.parquet` and `manifest.json`."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def key(self) -> str:
        """Hash of inputs, mapping and kit version."""
        return str(self.manifest["key"])

    @property
    def provided(self) -> frozenset[str]:
        """Every `table` and `table.column` that the client file maps or intake derives from what it maps."""
        return frozenset(self.manifest["provided"])

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """First and last order instant; None, None without orders."""
        first, last = self.manifest["span"]
        return (datetime.fromisoformat(first), datetime.fromisoformat(last)) if first else (None, None)

    def path(self, table: str) -> Path | None:
        """The table's Parquet file, or None where the client did not send it."""
        file = self.folder / f"{table}.parquet"
        return file if file.exists() else None


def take_snapshot(client: Client, *, progress: bool | None = None) -> Snapshot:
    """Read, clean and fold the client's exports, or reuse the snapshot of the same inputs, mapping and kit version."""
    raise NotImplementedError
