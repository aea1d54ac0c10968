"""The bottom line of a page: a few findings that are read before all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from custkit.present.finding import Finding
from custkit.present.mime import BRIEF, FINDING


@dataclass(frozen=True)
class Brief:
    """Findings in the order in which they are to be read."""

    lines: tuple[Finding, ...]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundles = [line._repr_mimebundle_() for line in self.lines]
        return {
            "text/plain": "\n".join(bundle["text/plain"] for bundle in bundles),
            "text/markdown": "\n".join(f"{i}. {bundle['text/markdown']}" for i, bundle in enumerate(bundles, 1)),
            BRIEF: {"lines": [bundle[FINDING] for bundle in bundles]},
        }


def brief(lines: Sequence[Finding]) -> Brief:
    return Brief(tuple(lines))
