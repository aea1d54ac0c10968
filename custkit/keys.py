"""Pseudonyms: a keyed hash of each customer id, so that no table of ours names a person.

The key lies outside the workspace, one file a client: whoever has a snapshot or a report has no key. [EDPB Guidelines 01/2025 on
pseudonymisation]
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from custkit.errors import BadInput

PREFIX = "p1_"
KEY_BYTES = 32
PSEUDONYM_BYTES = 16
LETTERS = 26  # that many hold 128 bits, five a letter
_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)


@dataclass(frozen=True)
class Key:
    """32 secret bytes. `id` names the key without telling it."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hmac.digest(self.secret, b"key id", hashlib.sha256).hex()[:16]

    def pseudonym(self, column: str, value: str) -> str:
        """`p1_` and 26 letters: the same for one value of one column, whatever its width or composition; different for another client."""
        return self.pseudonyms(column, [value])[0]

    def pseudonyms(self, column: str, values: Iterable[str]) -> list[str]:
        """The pseudonym of each value: HMAC-SHA256 of the column's name, a zero byte and the value, its first 128 bits in base 32."""
        begun = hmac.new(self.secret, f"{column}\0".encode(), hashlib.sha256)
        marks = bytearray()
        for value in values:
            mark = begun.copy()
            mark.update(unicodedata.normalize("NFKC", value).strip().encode())
            marks += mark.digest()[:PSEUDONYM_BYTES]
        letters = _base32(bytes(marks))
        return [PREFIX + letters[i : i + LETTERS] for i in range(0, len(letters), LETTERS)]


def _base32(marks: bytes) -> str:
    """Marks of 16 bytes as 26 letters each, as RFC 4648 writes them but in small letters and not filled up."""
    bits = np.unpackbits(np.frombuffer(marks, np.uint8).reshape(-1, PSEUDONYM_BYTES), axis=1)
    fives = np.pad(bits, ((0, 0), (0, 5 * LETTERS - 8 * PSEUDONYM_BYTES))).reshape(-1, 5)
    return _ALPHABET[np.packbits(fives, axis=1)[:, 0] >> 3].tobytes().decode("ascii")


def key_path(slug: str) -> Path:
    """Where the client's key lies: below $CUSTKIT_KEYS, else in the user's own settings folder."""
    if folder := os.environ.get("CUSTKIT_KEYS"):
        return Path(folder).expanduser() / f"{slug}.key"
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "custkit" / "keys" / f"{slug}.key"


def client_key(slug: str, kept: Path) -> Key:
    """The client's key, made at first use. `kept`: a file in the workspace with the id of the key that was used before.

    Raises BadInput where the key used before is missing or another one lies in its place: new pseudonyms would make every customer a new
    one.
    """
    path = key_path(slug)
    before = kept.read_text("ascii").strip() if kept.exists() else ""
    if not path.exists():
        if before:
            raise BadInput(
                f"{path}: the key of client {slug} is not there; restore it (its id is {before}), or delete {kept.parent} "
                "and begin anew: every customer then has another pseudonym"
            )
        _make(path)
    key = _read(path)
    if before and before != key.id:
        raise BadInput(
            f"{path}: this is not the key that client {slug} was read with (its id is {before}, this one's {key.id}); restore the old one, "
            f"or delete {kept.parent} and begin anew: every customer then has another pseudonym"
        )
    if not before:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(key.id + "\n", "ascii")
    return key


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:  # another run of the same client made it
        return
    except OSError as error:
        raise BadInput(f"{path}: the client's key cannot be written: {error.strerror}; set CUSTKIT_KEYS to a folder of your own") from error


def _read(path: Path) -> Key:
    try:
        text = path.read_text("ascii").strip()
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: the client's key cannot be read: {error}") from error
    if os.name == "posix" and mode & 0o077:
        raise BadInput(f"{path}: others may read this key; run chmod 600 {path}")
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise BadInput(f"{path}: a key is {2 * KEY_BYTES} hexadecimal digits; restore the file from a copy")
    return Key(secret)
