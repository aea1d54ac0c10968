"""What lies where sources look and none of them takes: files, folders and sheets, so that nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from custkit.client import Client, workspace
from custkit.intake.copies import copies
from custkit.intake.inputs import ENDINGS, PACKAGE, PACKED, literal
from custkit.intake.masked import printable
from custkit.intake.notes import Note

SHOWN, NAMED = 10, 3
HIDDEN = (".", "~$")
OURS = ("clients", "notebooks", "reports")  # in a workspace
NO_DATA = {"Thumbs.db", "desktop.ini", "__MACOSX", "_SUCCESS", "_metadata", "_common_metadata"}
DOCUMENTS = {
    ".pdf", ".md", ".doc", ".docx", ".odt", ".rtf", ".ppt", ".pptx", ".odp", ".eml", ".msg", ".png", ".jpg", ".jpeg", ".gif", ".svg",
    ".webp", ".heic", ".py", ".ipynb", ".sh", ".yml", ".yaml", ".ini", ".toml",
}  # fmt: skip
TO_DO = {
    "unread": "add it to `files`, or to `ignore`",
    "unread_packed": "unpack it",
    "unread_other": "export it as CSV, Excel or Parquet; where it is one, add it to `files` with its `format`",
    "unread_folder": "add what it holds to `files`, or it to `ignore`",
    "unread_sheet": "add a source with this `sheet`, or it to `ignore`",
}


@dataclass(frozen=True)
class Unread:
    """`notes`: what nobody has decided on, one each. `left_out`: names of what is no data, or stands under `ignore` in the client file."""

    notes: tuple[Note, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """What to do for each, the first of many; one line for all that is left out on purpose."""
        told = [f"not read: {printable(one.column)}: {TO_DO[one.code]}" for one in self.notes[:SHOWN]]
        if self.notes[SHOWN:]:
            told.append(f"not read: {len(self.notes) - SHOWN:,} more")
        if self.left_out:
            more = f" and {len(self.left_out) - NAMED:,} more" if self.left_out[NAMED:] else ""
            told.append(f"left out, as `ignore` says or because it is no data: {printable(', '.join(self.left_out[:NAMED]))}{more}")
        return told


def unread(client: Client, taken: Collection[Path], sheets: Iterable[str] = ()) -> Unread:
    """What lies in the folders that `client`'s sources look into besides the files `taken`, and of `sheets` those nobody has decided on.

    A folder that no source looks into is one thing, whatever it holds.
    """
    if client.is_embedded:
        return Unread()
    found = [*_beside(client, taken), *(("unread_sheet", sheet) for sheet in dict.fromkeys(sheets))]
    told = [(code, name) for code, name in found if code and not _is_ignored(client, name)]
    return Unread(tuple(Note(code, "", name, 1) for code, name in told), tuple(name for code, name in found if (code, name) not in told))


def what_to_do(folder: Path) -> list[str]:
    """A line on each file and folder in a folder of which nothing can be read, the first of many."""
    there = [(path, "name it where the files are in it" if path.is_dir() else TO_DO.get(_code(path, ()))) for path in entries(folder)]
    return [f"{path}: {what}" for path, what in there if what][:SHOWN]


def entries(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it may not be listed."""
    with suppress(OSError):
        return sorted(path for path in folder.iterdir() if not path.name.startswith(HIDDEN) and path.name not in NO_DATA)
    return []


def _beside(client: Client, taken: Collection[Path]) -> Iterator[tuple[str, str]]:
    """What is to be done about each file and folder that is not taken, and its name."""
    known = {*taken, *(path.resolve() for path in taken), *copies(client), client.folder / "client.yml"}
    dealt_with = {(path.parent, name) for path in taken for name in (path.name, path.stem)}
    own = {*(workspace() / name for name in OURS), client.folder, *client.folder.parents}
    folders = _folders(client)
    for folder in sorted(folders):
        for path in entries(folder):
            name = path.relative_to(client.data_folder).as_posix()
            if path in known or (path.is_symlink() and path.resolve() in known):
                continue
            if not path.is_dir():
                yield _code(path, dealt_with), name
            elif path not in folders | own and entries(path):
                yield "unread_folder", f"{name}/"


def _code(path: Path, dealt_with: Collection[tuple[Path, str]]) -> str:
    """What is to be done about a file; nothing about a document, nor where what was packed or in another format is taken already."""
    ending = path.suffix.lower()
    if ending in ENDINGS:
        return "unread"
    if ending in DOCUMENTS or (path.parent, path.stem) in dealt_with:
        return ""
    return "unread_packed" if ending in PACKED else "unread_other"


def _is_ignored(client: Client, name: str) -> bool:
    """Whether `ignore` names a file, a sheet, or a folder, with or without / at its end."""
    return any(fnmatchcase(name.rstrip("/"), literal(given.rstrip("/"))) for given in client.ignore)


def _folders(client: Client) -> set[Path]:
    """The folders that sources look into, and those on the way from one to another."""
    parents = {PurePosixPath(given).parent for source in client.sources for given in source.files if not given.startswith(PACKAGE)}
    found = {folder for parent in parents for folder in _matching(client.data_folder, parent) if folder.is_dir()}
    found = {folder for folder in found if folder.is_relative_to(client.data_folder)}
    return found | {way for folder in found for way in folder.parents if any(way.is_relative_to(above) for above in found)}


def _matching(data: Path, parent: PurePosixPath) -> Iterable[Path]:
    return data.glob(literal(str(parent))) if {"*", "?"} & set(str(parent)) else [data / parent]
