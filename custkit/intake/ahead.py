"""One step ahead: the next part is made while this one is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(parts: Iterable[T]) -> Iterator[T]:
    """The same parts in the same order, errors included; each is made in a second thread while the caller works on the one before."""
    making = iter(parts)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(_next, making)
        while part := coming.result():
            coming = pool.submit(_next, making)
            yield part[0]


def _next(parts: Iterator[T]) -> tuple[T] | None:
    for part in parts:
        return (part,)
    return None
