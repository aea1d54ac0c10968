"""custkit: from a client's export to a monthly pack of customer reports that a consultant can sign."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custkit.book import Book, open_book

__all__ = ["Book", "__version__", "open_book"]
__version__ = version("custkit")


def __getattr__(name: str) -> Any:
    """`open_book` and `Book` are loaded when first asked for, so that `custkit --help` stays quick."""
    if name in ("open_book", "Book"):
        return getattr(import_module("custkit.book"), name)
    raise AttributeError(f"module 'custkit' has no attribute {name!r}")
