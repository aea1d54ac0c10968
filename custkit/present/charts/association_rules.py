"""Charts of the notebook association_rules."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from custkit import words
from custkit.present.charts.style import ACCENT, INK, MUTED, SOFT, WARM, house_style
from custkit.words import _

_ROWS, _NAME = 10, 34


def _by_pairs(frame: pd.DataFrame) -> float:
    return 1.5 + 0.5 * min(_ROWS, len(frame)) if len(frame) else 1.5


def _clip(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def _name_pairs(ax: Axes, shown: pd.DataFrame, joint: str) -> None:
    names = [f"{_clip(a)}\n{joint} {_clip(b)}" for a, b in zip(shown["antecedent"], shown["consequent"], strict=True)]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def _nothing(ax: Axes) -> Axes:
    ax.set_axis_off()
    ax.text(0, 0.5, _("Nothing here is more than chance."), color=MUTED, va="center", transform=ax.transAxes)
    return ax


def _as_share(value: float, _place: int) -> str:
    return words.share(value, 0)


@house_style(height=_by_pairs)
def pair_directions(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """antecedent, consequent | confidence, reverse_confidence: both directions of each pair, the first ten."""
    shown = frame.head(_ROWS)
    if shown.empty:
        return _nothing(ax)
    for place, row in enumerate(shown.itertuples()):
        ax.plot([row.reverse_confidence, row.confidence], [place, place], color=SOFT, linewidth=2, zorder=1)
        ax.plot([row.confidence], [place], "o", color=ACCENT, markersize=7)
        ax.plot([row.reverse_confidence], [place], "o", color=WARM, markersize=7)
        ax.annotate(words.share(row.confidence, 0), (row.confidence, place), (9, 0), textcoords="offset points", va="center", color=ACCENT)
        ax.annotate(
            words.share(row.reverse_confidence, 0),
            (row.reverse_confidence, place),
            (-9, 0),
            textcoords="offset points",
            va="center",
            ha="right",
            color=WARM,
        )
    _name_pairs(ax, shown, "→")
    ax.set_xlim(-0.12, 1.12 * max([0.2, *shown["confidence"]]))
    ax.xaxis.set_major_locator(MaxNLocator(5, prune="lower"))
    ax.xaxis.set_major_formatter(FuncFormatter(_as_share))
    ax.xaxis.grid(visible=True)
    return ax


@house_style(height=_by_pairs)
def strongest_pairs(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """antecedent, consequent | lift, times_expected, joint_orders, support: how far each pair is above chance, the first ten."""
    shown = frame.head(_ROWS)
    if shown.empty:
        return _nothing(ax)
    for place, row in enumerate(shown.itertuples()):
        ax.plot([1, row.times_expected], [place, place], color=ACCENT, linewidth=5, solid_capstyle="butt")
        label = _("{times} × chance · lift {lift} · {n} orders").format(
            times=words.number(row.times_expected), lift=words.number(row.lift), n=words.count(row.joint_orders)
        )
        ax.annotate(label, (row.times_expected, place), (8, 0), textcoords="offset points", va="center", color=INK)
    _name_pairs(ax, shown, "+")
    ax.axvline(1, color=MUTED, linewidth=1)
    ax.set_xlim(0.9, 1 + 2.3 * (max([2, *shown["times_expected"]]) - 1))
    ax.xaxis.set_visible(False)
    ax.grid(visible=False)
    return ax


@house_style(height=_by_pairs)
def route_waits(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """antecedent, consequent | route_customers, wait_first_quartile, wait_median, wait_third_quartile: days between, the first ten."""
    shown = frame.head(_ROWS)
    if shown.empty:
        return _nothing(ax)
    _name_pairs(ax, shown, "→")
    return _days(ax, shown, "wait_first_quartile", "wait_median", "wait_third_quartile", n="route_customers")


@house_style(height=_by_pairs)
def cycle_lengths(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """product_name | days_per_piece, low, high, observed_median: how long a piece lasts, the first ten."""
    shown = frame.head(_ROWS)
    if shown.empty:
        return _nothing(ax)
    ax.set_yticks(range(len(shown)), [_clip(name) for name in shown["product_name"]])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    return _days(ax, shown, "low", "days_per_piece", "high", n="customers")


def _days(ax: Axes, shown: pd.DataFrame, low: str, middle: str, high: str, *, n: str) -> Axes:
    """A row's days as a dot on a bar from low to high, with how many customers stand behind it."""
    for place, (start, at, end, customers) in enumerate(shown[[low, middle, high, n]].itertuples(index=False)):
        ax.plot([start, end], [place, place], color=SOFT, linewidth=5, solid_capstyle="butt")
        ax.plot([at], [place], "o", color=ACCENT, markersize=7)
        label = _("{days} · {n} customers").format(days=words.days(at), n=words.count(customers))
        ax.annotate(label, (end, place), (8, 0), textcoords="offset points", va="center", color=INK)
    ax.set_xlim(0, 1.7 * max([10, *shown[high].dropna()]))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.grid(visible=True)
    return ax
