"""The planted-truth shop: a simulated client whose truth is known, for trying custkit and for testing it.

`prepare` writes the exports of an embedded client where its client file looks for them; `write_shop` writes them anywhere.
The simulator is only imported where it is needed.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from custkit.client import Client

_SOURCES = ("catalogue.py", "export.py", "shop.py", "truth.py")
_STAMP = "written-by"


def prepare(client: Client) -> bool:
    """Write the raw exports of `client` if it is a demo shop that comes with the kit and they are missing or from another version.

    The folder is written beside and put in place whole. Returns True where it was written.
    """
    if not client.is_embedded:
        return False
    folder = client.data_folder
    stamp = _stamp()
    if _read(folder / _STAMP) == stamp:
        return False
    from custkit.demo.export import write_shop

    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".raw-", dir=folder.parent))
    try:
        write_shop(beside, language=client.language)
        (beside / _STAMP).write_text(stamp, "utf-8")
        _swap(beside, folder, stamp)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return True


def _swap(fresh: Path, folder: Path, stamp: str) -> None:
    old = fresh.with_name(fresh.name + "-old")
    try:
        if folder.exists():
            folder.replace(old)
        fresh.replace(folder)
    except OSError:
        if _read(folder / _STAMP) != stamp:  # else another run put the same files there first
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _stamp() -> str:
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in _SOURCES)).hexdigest()


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError:
        return None
