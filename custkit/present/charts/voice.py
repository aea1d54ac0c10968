"""Charts of the notebook voice."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from custkit import words
from custkit.analysis.causes import NO_CAUSE
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.present.charts.style import ACCENT, INK, MUTED, SOFT, WARM, house_style
from custkit.words import _

_ROWS = 10


def _by_rows(frame: pd.DataFrame) -> float:
    return 1.3 + 0.36 * max(2, min(len(frame), _ROWS))


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


@house_style
def nps_months(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """group ("2026-10") | answers, nps, low, high: the score month by month with its interval."""
    for place, row in enumerate(frame.itertuples()):
        colour = ACCENT if row.answers >= SMALL_SAMPLE else SOFT
        ax.plot([place, place], [row.low, row.high], color=SOFT, linewidth=5, alpha=0.55, solid_capstyle="butt")
        ax.plot([place], [row.nps], "o", color=colour, markersize=6)
    ax.axhline(0, color=MUTED, linewidth=1)
    shown = [place for place in range(len(frame)) if (len(frame) - 1 - place) % 3 == 0]
    ax.set_xticks(shown, [words.short_month(frame["group"].iloc[place]) for place in shown])
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.number(100 * value, 0)))
    ax.grid(axis="x", visible=False)
    return ax


@house_style(height=_by_rows)
def complaint_causes(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """cause | complaints, complaint_share, low, high, others_share, is_more: complaints by cause against all other answers."""
    told = frame[(frame["cause"] != NO_CAUSE) & (frame["complaints"] > 0)].head(_ROWS)
    for place, row in enumerate(told.itertuples()):
        ax.plot([row.low, row.high], [place, place], color=SOFT, linewidth=2, solid_capstyle="butt")
        ax.plot([row.others_share], [place], "o", markerfacecolor="none", markeredgecolor=MUTED, markersize=7)
        ax.plot([row.complaint_share], [place], "o", color=WARM if row.is_more else ACCENT, markersize=7)
        label = _("{share}, {n} complaints").format(share=words.share(row.complaint_share, 0), n=words.count(row.complaints))
        right = max(row.high, row.others_share) if row.others_share == row.others_share else row.high
        ax.annotate(label, (right, place), (10, 0), textcoords="offset points", va="center", color=INK)
    _name_rows(ax, [_(cause) for cause in told["cause"]])
    ax.set_xlim(0, 1.5 * max([0.1, *told["high"]]))
    ax.xaxis.set_major_locator(MaxNLocator(5, prune="upper"))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.share(value, 0)))
    return ax


@house_style(height=_by_rows)
def unmet_queries(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """query | not_found, visitors: what was searched in vain, the most wanted first."""
    shown = frame.head(_ROWS)
    ax.barh(range(len(shown)), shown["not_found"], color=ACCENT, height=0.62)
    for place, row in enumerate(shown.itertuples()):
        label = _("{n} searches, {visitors} visitors or more").format(n=words.count(row.not_found), visitors=words.count(row.visitors))
        ax.annotate(label, (row.not_found, place), (6, 0), textcoords="offset points", va="center", color=INK)
    _name_rows(ax, [query if len(query) <= 28 else query[:27] + "…" for query in shown["query"]])
    ax.set_xlim(0, 1.8 * max([1, *shown["not_found"]]))
    ax.xaxis.set_visible(False)
    ax.grid(visible=False)
    return ax
