"""Charts of what customers can and will spend: the score held against what they spent next."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from custkit import words
from custkit.present.charts.style import ACCENT, INK, SOFT, WARM, house_style
from custkit.words import _


def _tenths_high(frame: pd.DataFrame) -> float:
    return 1.5 + 0.32 * max(len(frame), 1)


@house_style(height=_tenths_high)
def next_spend_by_tenth(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """tenth | next_share, against_share (0-1): a bar each by the score, a stroke where last year's spend alone would have put it."""
    told = frame[frame["next_share"].notna()].reset_index(drop=True)
    ax.barh(told.index, told["next_share"].clip(lower=0), color=[ACCENT if tenth == 1 else SOFT for tenth in told["tenth"]], height=0.62)
    for place, row in enumerate(told.itertuples()):
        if pd.notna(row.against_share):
            ax.plot([row.against_share] * 2, [place - 0.36, place + 0.36], color=WARM, linewidth=2.2, solid_capstyle="butt")
        edge = max(0.0, row.next_share, row.against_share if pd.notna(row.against_share) else 0.0)
        ax.annotate(words.share(row.next_share), (edge, place), (6, 0), textcoords="offset points", va="center", color=INK, fontsize=9.5)
    if len(told):
        other = float(told["against_share"].iloc[0])
        ax.annotate(
            _("the same tenth by last year's spend alone"), (other, -0.42), (0, 2), textcoords="offset points", color=WARM, fontsize=9.5,
            ha="right", va="bottom",
        )  # fmt: skip
    ax.set_yticks(told.index, [_("best tenth") if t == 1 else _("tenth {n}").format(n=words.number(t, 0)) for t in told["tenth"]])
    ax.set_ylim(max(len(told), 1) - 0.4, -1.1)
    ax.set_xlim(0, 1.2 * max([0.1, *told["next_share"], *told["against_share"].dropna()]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.share(value, 0)))
    ax.grid(axis="y", visible=False)
    return ax
