"""Tables whose cells are shaded: one look for cohorts, moves between stages and segments, and steps by group."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from custkit.present.charts.style import ACCENT, INK, MUTED, PAPER, RULE, WARM, text_width

_SHADES = LinearSegmentedColormap.from_list("worse to better", [WARM, PAPER, ACCENT])
_INCHES = 5.6  # what names and margins usually leave of the width
_NAME_SIZE, _LINE = 8.5, 0.45
_READER = 1.15  # readers' fonts may be so much wider than our estimate


def heat(ax: Axes, shades: pd.DataFrame, texts: pd.DataFrame, *, framed: Collection[tuple[int, int]] = (), size: float = 9) -> Axes:
    """Shade each cell from −1 (orange) over 0 (blank) to 1 (green) and write its text; a cell without a shade stays empty.

    shades, texts: frames of one shape; their index names the rows, their columns the columns, in the reader's words.
    framed: (row, column) places with a dark frame.
    """
    if shades.empty:
        return ax
    sns.heatmap(
        shades.astype("float64"), ax=ax, annot=texts.to_numpy(), fmt="", cmap=_SHADES, vmin=-1, vmax=1, cbar=False,
        linewidths=1.6, linecolor=PAPER, annot_kws={"fontsize": size},
    )  # fmt: skip
    for row, column in framed:
        ax.add_patch(Rectangle((column + 0.02, row + 0.03), 0.96, 0.94, facecolor="none", edgecolor=INK, linewidth=0.8))
    top = _name_columns(ax, [str(name) for name in shades.columns])
    ax.set_yticks([place + 0.5 for place in range(len(shades))], [str(name) for name in shades.index], rotation=0)
    ax.set_xticks([])
    ax.tick_params(left=False, pad=6)
    ax.set_ylim(len(shades), top)
    ax.grid(visible=False)
    return ax


def _name_columns(ax: Axes, names: list[str]) -> float:
    """Write the columns' names above them and return where they end; in two ranks where a word is wider than its column."""
    room = _INCHES / max(len(names), 1)
    ranks = 2 if any(text_width(word, _NAME_SIZE) * _READER > room for name in names for word in _words(name)) else 1
    fitted = [_fitted(name, ranks * room) for name in names]
    lines = [max((name.count("\n") + 1 for name in fitted[rank::ranks]), default=0) for rank in range(ranks)]
    for place, name in enumerate(fitted):
        foot = -0.12 - _LINE * sum(lines[: place % ranks])
        ax.text(place + 0.5, foot, name, ha="center", va="bottom", fontsize=_NAME_SIZE, color=MUTED, linespacing=1.1)
        if place % ranks:
            ax.plot([place + 0.5, place + 0.5], [foot + 0.05, -0.05], color=RULE, linewidth=0.8, clip_on=False)
    return -0.3 - _LINE * sum(lines)


def _words(name: str) -> list[str]:
    return name.split() if name.isascii() else []


def grid(rows: Sequence[str], columns: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Empty shades and texts to fill by place with `iloc`."""
    shades = pd.DataFrame(float("nan"), index=list(rows), columns=list(columns))
    return shades, pd.DataFrame("", index=list(rows), columns=list(columns), dtype="object")


def _fitted(name: str, inches: float) -> str:
    if text_width(name, _NAME_SIZE) < inches:
        return name
    letters = max(int(inches / text_width(max(name, key=text_width), _NAME_SIZE)), 3)
    return "\n".join(wrap(name, letters, break_long_words=not name.isascii()))
