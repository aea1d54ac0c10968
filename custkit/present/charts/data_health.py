"""Charts of data health: how many rows each table brought, month by month."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from custkit import words
from custkit.present.charts.heat import grid, heat
from custkit.present.charts.style import house_style
from custkit.present.findings.data_health import TABLE_NAMES
from custkit.words import _

_HALF = 2.0  # twice or half the middle month takes the full colour


def _high(frame: pd.DataFrame) -> float:
    return 1.3 + 0.34 * frame["table"].nunique()


@house_style(height=_high)
def rows_by_month(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """table, month | rows: a cell each, shaded by how far the month lies from the table's middle month."""
    months = list(dict.fromkeys(frame["month"]))
    names = list(dict.fromkeys(frame["table"]))
    shades, texts = grid([_(TABLE_NAMES[name]) for name in names], [words.short_month(month) for month in months])
    for i, name in enumerate(names):
        rows = frame[frame["table"] == name].set_index("month")["rows"].astype("float64")
        middle = max(float(rows[rows > 0].median()), 1.0) if (rows > 0).any() else 1.0
        for j, month in enumerate(months):
            away = rows[month] / middle
            shades.iloc[i, j] = max(-1.0, min(1.0, (away - 1) / (_HALF - 1))) * 0.75 if away >= 1 else (away - 1) * 0.75
            texts.iloc[i, j] = _short(rows[month])
    return heat(ax, shades, texts, size=7.5)


def _short(n: float) -> str:
    """1234 → 1.2k, so that a year fits into the width."""
    if n < 1000:
        return words.number(n, 0)
    return _("{n}k").format(n=words.number(n / 1000, 1 if n < 10_000 else 0))
