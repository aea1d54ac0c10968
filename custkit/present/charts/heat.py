"""Tables whose cells are shaded: one look for cohorts, moves between stages and segments, and steps by group."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from textwrap import wrap

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from custkit.present.charts.style import ACCENT, INK, MUTED, PAPER, WARM, text_width

_SHADES = LinearSegmentedColormap.from_list("worse to better", [WARM, PAPER, ACCENT])
_INCHES = 5.6  # what names and margins usually leave of the width


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
    names = [str(name) for name in shades.columns]
    room = _INCHES / max(len(names), 1)
    for place, name in enumerate(names):
        ax.text(place + 0.5, -0.12, _fitted(name, room), ha="center", va="bottom", fontsize=8.5, color=MUTED, linespacing=1.1)
    ax.set_yticks([place + 0.5 for place in range(len(shades))], [str(name) for name in shades.index], rotation=0)
    ax.set_xticks([])
    ax.tick_params(left=False, pad=6)
    lines = max((_fitted(name, room).count("\n") + 1 for name in names), default=1)
    ax.set_ylim(len(shades), -0.3 - 0.45 * lines)
    ax.grid(visible=False)
    return ax


def grid(rows: Sequence[str], columns: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Empty shades and texts to fill by place with `iloc`."""
    shades = pd.DataFrame(float("nan"), index=list(rows), columns=list(columns))
    return shades, pd.DataFrame("", index=list(rows), columns=list(columns), dtype="object")


def _fitted(name: str, inches: float) -> str:
    if text_width(name, 8.5) < inches:
        return name
    letters = max(int(inches / text_width(max(name, key=text_width), 8.5)), 3)
    return "\n".join(wrap(name, letters, break_long_words=not name.isascii()))
