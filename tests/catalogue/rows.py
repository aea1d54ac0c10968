"""Marks a test as the one of a row of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., None])


def row(*ids: str) -> Callable[[Test], Test]:
    """The test below asserts the verdict of these rows."""
    return lambda test: test
