"""How wide a text will be, and the ids of a chart's title and measure: what pages need of charts without a drawing library."""

from __future__ import annotations

import unicodedata

TITLE_ID, MEASURE_ID = "custkit-title", "custkit-measure"
POINTS = 72.0  # to the inch


def text_width(text: str, size: float = 10) -> float:
    """Inches that `text` (its longest line) takes at `size` points in the reader's font: 1 em for Chinese, 0.7 for capitals, else 0.56."""
    lines = (sum(_em(character) for character in line) for line in text.splitlines())
    return max(lines, default=0.0) * size / POINTS


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return 0.7 if character.isupper() or character in "→&%" else 0.56
