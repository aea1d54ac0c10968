"""Charts of what customers are worth and who is leaving: what was foretold against what came, causes of silence, orders due."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from custkit import words
from custkit.analysis.like_for_like import TOP_FREQUENCY
from custkit.analysis.win_back import CAUSE_NAMES, WIN_BACK
from custkit.present.charts.style import ACCENT, INK, MUTED, ON_PAPER, RULE, SOFT, WARM, house_style, text_width
from custkit.words import _

_ROW_INCHES = 0.36
_PLOT_INCHES = 5.2


def _rows_high(frame: pd.DataFrame) -> float:
    return 1.2 + _ROW_INCHES * max(len(frame), 1)


@house_style(height=3.6)
def purchases_foretold(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """week_end | cumulative_actual, cumulative_expected, held_out: repeat purchases so far, the weeks the model had not seen shaded."""
    if frame.empty:
        return _nothing(ax)
    weeks, actual, expected = np.arange(len(frame)), frame["cumulative_actual"].to_numpy(), frame["cumulative_expected"].to_numpy()
    held = np.flatnonzero(frame["held_out"].to_numpy())
    if held.size:
        ax.axvspan(held[0] - 0.5, len(frame) - 0.5, color=RULE, alpha=0.45, linewidth=0, zorder=0)
    ax.plot(weeks, expected, color=WARM, linewidth=1.8, dashes=(4, 3), zorder=3)
    ax.plot(weeks, actual, color=ACCENT, linewidth=2.2, zorder=2)
    top = float(max(actual.max(), expected.max(), 1.0))
    if held.size:
        ax.annotate(
            _("not seen by the model"), (len(frame) - 0.5, 0), (-6, 6), textcoords="offset points", color=MUTED, fontsize=9, ha="right"
        )
    # Named apart in the middle of the plot, where the two lines lie well above the axis.
    place = len(frame) // 2
    higher = expected[place] >= actual[place]
    for series, text, colour, above in ((expected, _("foretold"), WARM, higher), (actual, _("made"), ACCENT, not higher)):
        ax.annotate(
            text, (place, float(series[place])), (-8 if above else 8, 8 if above else -8), textcoords="offset points", color=colour,
            fontsize=9.5, ha="right" if above else "left", va="bottom" if above else "top",
        )  # fmt: skip
    every = max(1, -(-len(frame) // 6))
    kept = [i for i in range(len(frame)) if (len(frame) - 1 - i) % every == 0]
    ax.set_xticks(kept, [words.short_month(frame["week_end"].iloc[i].date()) for i in kept])
    ax.set_xlim(-0.5, len(frame) - 0.5)
    _counts_up(ax, top)
    ax.grid(axis="x", visible=False)
    return ax


@house_style(height=3.4)
def held_out_orders(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """frequency | customers, actual_orders, expected_orders, low, high: each a customer; a bar foretold with its range, a point made."""
    if frame.empty:
        return _nothing(ax)
    places = np.arange(len(frame))
    told, low, high, made = (
        frame[name].to_numpy("float64") / frame["customers"].to_numpy("float64")
        for name in ("expected_orders", "low", "high", "actual_orders")
    )
    ax.bar(places, told, width=0.62, color=SOFT, alpha=0.55, zorder=2)
    ax.vlines(places, low, high, color=MUTED, linewidth=1.4, zorder=3)
    ax.scatter(places, made, s=44, color=ACCENT, zorder=4)
    names = [words.number(f, 0) if f < TOP_FREQUENCY else _("{n} or more").format(n=words.number(f, 0)) for f in frame["frequency"]]
    ax.set_xticks(places, names)
    ax.set_xlim(-0.6, len(frame) - 0.4)
    top = float(max(high.max(), made.max(), 0.1)) * 1.05
    ticks = [t for t in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(0, top) if t >= 0]
    ax.set_yticks(ticks, [words.number(t, 0 if ticks[1] >= 1 else 1 if ticks[1] >= 0.1 else 2) for t in ticks])
    ax.set_ylim(0, max(ticks[-1], top))
    tallest = int(np.argmax(made))
    left = tallest >= len(frame) / 2
    ax.annotate(
        _("made"), (tallest, made[tallest]), (-8 if left else 8, 4), textcoords="offset points", color=ACCENT, fontsize=9.5,
        ha="right" if left else "left", bbox=ON_PAPER,
    )  # fmt: skip
    ax.annotate(_("foretold"), (tallest, 0), (0, 6), textcoords="offset points", color=INK, fontsize=9.5, ha="center")
    ax.grid(axis="x", visible=False)
    return ax


@house_style(height=3.8)
def risk_told_and_come(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """group | expected_share, left_share, low, high (0-1): each tenth of customers against the line where told and come are equal."""
    if frame.empty:
        return _nothing(ax)
    step = next(s for s in (0.05, 0.1, 0.25) if max(frame["high"].max(), frame["expected_share"].max()) <= 4 * s or s == 0.25)
    _equal_line(ax, 4 * step)
    ax.vlines(frame["expected_share"], frame["low"], frame["high"], color=ACCENT, alpha=0.35, linewidth=2.2, zorder=2)
    ax.scatter(frame["expected_share"], frame["left_share"], s=40, color=ACCENT, zorder=3)
    shares = [words.share(step * i, 0) for i in range(5)]
    ticks = [step * i for i in range(5)]
    ax.set_xticks(ticks, [*shares[:-1], _("{share} told").format(share=shares[-1])])
    ax.set_yticks(ticks, [*shares[:-1], _("{share} left").format(share=shares[-1])])
    ax.xaxis.get_majorticklabels()[-1].set_horizontalalignment("right")
    ax.set_xlim(0, 4 * step)
    ax.set_ylim(0, 4.08 * step)
    return ax


@house_style(height=3.8)
def spend_told_and_come(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """group | expected_spend, next_spend, low, high (currency): each group of new customers against the line of equality."""
    if frame.empty:
        return _nothing(ax)
    top = float(max(frame["high"].max(), frame["expected_spend"].max(), 1.0)) * 1.05
    _equal_line(ax, top)
    ax.vlines(frame["expected_spend"], frame["low"], frame["high"], color=ACCENT, alpha=0.35, linewidth=2.2, zorder=2)
    ax.scatter(frame["expected_spend"], frame["next_spend"], s=40, color=ACCENT, zorder=3)
    ticks = [float(t) for t in MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(0, top) if 0 <= t <= top]
    told, came = _("{money} told"), _("{money} spent")
    ax.set_xticks(ticks, [*(words.money(t, cents=False) for t in ticks[:-1]), told.format(money=words.money(ticks[-1], cents=False))])
    ax.set_yticks(ticks, [*(words.money(t, cents=False) for t in ticks[:-1]), came.format(money=words.money(ticks[-1], cents=False))])
    ax.xaxis.get_majorticklabels()[-1].set_horizontalalignment("right")
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    return ax


@house_style(height=_rows_high)
def why_quiet(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """cause | customers: one bar a cause in the order of the rules; those worth winning back in colour."""
    if frame.empty:
        return _nothing(ax)
    places, customers = np.arange(len(frame)), frame["customers"].to_numpy("float64")
    colours = [ACCENT if cause in WIN_BACK else SOFT for cause in frame["cause"]]
    ax.barh(places, customers, color=colours, height=0.6, zorder=3)
    widest = float(customers.max())
    for place, n in zip(places, customers, strict=True):
        ax.annotate(words.count(n), (n, place), (5, 0), textcoords="offset points", va="center", fontsize=9.5, color=INK)
    ax.set_yticks(places, [_(CAUSE_NAMES[cause]) for cause in frame["cause"]])
    ax.set_xlim(0, widest * (1 + (text_width(words.count(widest), 9.5) + 0.2) / _PLOT_INCHES))
    ax.set_ylim(len(frame) - 0.5, -0.6)
    ax.set_xticks([])
    ax.grid(visible=False)
    return ax


@house_style(height=3.2)
def orders_due(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """week, week_start | customers: one bar a week, the next four in colour."""
    if frame.empty:
        return _nothing(ax)
    places, customers = np.arange(len(frame)), frame["customers"].to_numpy("float64")
    ax.bar(places, customers, width=0.7, color=[ACCENT if week <= 4 else SOFT for week in frame["week"]], zorder=3)
    for place, n in zip(places, customers, strict=True):
        ax.annotate(words.count(round(n)), (place, n), (0, 3), textcoords="offset points", ha="center", fontsize=9, color=INK)
    kept = list(range(0, len(frame), max(1, -(-len(frame) // 6))))
    ax.set_xticks(kept, [words.day(frame["week_start"].iloc[i].date()) for i in kept])
    ax.set_yticks([])
    ax.set_ylim(0, float(customers.max()) * 1.12 + 1)
    ax.set_xlim(-0.7, len(frame) - 0.3)
    ax.grid(visible=False)
    return ax


def _equal_line(ax: Axes, top: float) -> None:
    ax.plot([0, top], [0, top], color=SOFT, linewidth=1.2, dashes=(4, 3), zorder=1)
    ax.annotate(_("as told"), (top, top), (-8, -16), textcoords="offset points", color=MUTED, fontsize=9.5, ha="right", va="top")


def _counts_up(ax: Axes, top: float) -> None:
    ticks = [t for t in MaxNLocator(4, integer=True, steps=[1, 2, 2.5, 5, 10]).tick_values(0, top * 1.05) if t >= 0]
    ax.set_yticks(ticks, [words.number(t, 0) for t in ticks])
    ax.set_ylim(0, max(ticks[-1], top * 1.05))


def _nothing(ax: Axes) -> Axes:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    return ax
