"""Charts of how the shop does: revenue by month, the bridge, the tree, the way back to a second purchase, value against heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from custkit import words
from custkit.analysis.bridge import LINE_NAMES
from custkit.analysis.survival import km_median
from custkit.present.charts.style import ACCENT, BAD, GOOD, INK, MUTED, RULE, SOFT, WIDTH_INCHES, house_style, points_under, text_width
from custkit.present.finding import show
from custkit.present.labels import LABELS
from custkit.words import _

_MONTHS = 13
_ROW_INCHES = 0.36
_YEAR = 12


def _rows_high(frame: pd.DataFrame) -> float:
    return 1.2 + _ROW_INCHES * max(len(frame), 1)


def _bridge_high(frame: pd.DataFrame) -> float:
    return 1.2 + _ROW_INCHES * (len(frame) + 2)


@house_style(height=3.2, people=("customers",))
def revenue_months(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """month | revenue, complete: the last 13 months as a line, the same months a year before as its grey ghost.

    A month that may be incomplete is drawn as an open point; months before the data begin are blank.
    """
    shown = frame.tail(_MONTHS)
    ghost = frame["revenue"].shift(_YEAR).tail(_MONTHS).to_numpy("float64")
    now = shown["revenue"].to_numpy("float64")
    places = np.arange(len(shown))
    ax.plot(places, ghost, color=SOFT, linewidth=1.6, zorder=2)
    ax.plot(places, now, color=ACCENT, linewidth=2.2, zorder=3)
    _mark_incomplete(ax, shown, now)
    _months_along(ax, list(shown["month"]))
    _money_up(ax, [*now, *ghost])
    ends = [(now, _("this year"), ACCENT), (ghost, _("a year before"), MUTED)]
    _name_at_end(ax, ends)
    return ax


def _mark_incomplete(ax: Axes, shown: pd.DataFrame, now: np.ndarray) -> None:
    for place, (value, complete) in enumerate(zip(now, shown["complete"], strict=True)):
        if not np.isfinite(value):
            continue
        last = place == len(now) - 1
        if not complete:
            ax.plot(
                [place],
                [value],
                marker="o",
                markersize=6,
                markerfacecolor="white",
                markeredgecolor=ACCENT,
                linestyle="none",
                zorder=4,
                clip_on=False,
            )
        elif last:
            ax.plot([place], [value], marker="o", markersize=6, color=ACCENT, linestyle="none", zorder=4, clip_on=False)


def _months_along(ax: Axes, months: list[str]) -> None:
    every = 1 if len(months) <= 7 else 2
    kept = [i for i in range(len(months)) if (len(months) - 1 - i) % every == 0]
    ax.set_xticks(kept, [words.short_month(months[i]) for i in kept])
    ax.set_xlim(-0.3, max(len(months) - 1, 1) + 0.3)
    ax.grid(axis="x", visible=False)


def _money_up(ax: Axes, values: list[float]) -> None:
    known = [value for value in values if np.isfinite(value)]
    low, high = min([0.0, *known]), max([0.0, *known]) or 1.0
    step = _step(high - low)
    ticks = np.arange(np.floor(low / step) * step, high + step, step)
    ax.set_yticks(ticks, [words.money(tick) for tick in ticks])
    ax.set_ylim(ticks[0], ticks[-1])


def _step(span: float) -> float:
    """A round step that gives three to six."""
    power = 10.0 ** np.floor(np.log10(span)) if span > 0 else 1.0
    return next(power * s for s in (0.2, 0.25, 0.5, 1.0, 2.0, 5.0) if span / (power * s) <= 5)


def _name_at_end(ax: Axes, ends: list[tuple[np.ndarray, str, str]]) -> None:
    """Name lines inside the axes, above the line's last known point, the lower line's name below it."""
    known = [(series, text, colour) for series, text, colour in ends if np.isfinite(series).any()]
    known.sort(key=lambda end: -end[0][np.flatnonzero(np.isfinite(end[0]))[-1]])
    for rank, (series, text, colour) in enumerate(known):
        place = int(np.flatnonzero(np.isfinite(series))[-1])
        above = rank == 0
        beside = series[: place + 1][-points_under(text, 9.5, len(series)) :]
        edge = np.nanmax(beside) if above else np.nanmin(beside)
        ax.annotate(
            text, (place, edge), (0, 9 if above else -9), textcoords="offset points", color=colour, fontsize=9.5,
            ha="right", va="bottom" if above else "top",
        )  # fmt: skip


@house_style(height=_bridge_high)
def revenue_bridge(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """line | customers, before, now, change, usual: from revenue of the month before to this month's, one bar a cause, top to bottom.

    A stroke marks where a bar would end in a usual month.
    """
    shown = frame[frame["change"] != 0]
    start = float(frame["before"].sum())
    names = [_("revenue before"), *(_(LINE_NAMES[line]) for line in shown["line"]), _("revenue now")]
    lefts, widths, colours, labels = [0.0], [start], [SOFT], [words.money(start)]
    reached = start
    for change in shown["change"]:
        lefts.append(min(reached, reached + change))
        widths.append(abs(change))
        colours.append(GOOD if change >= 0 else BAD)
        labels.append(("+" if change > 0 else "") + words.money(change))
        reached += change
    now = float(frame["now"].sum())
    lefts, widths = [*lefts, min(0.0, now)], [*widths, abs(now)]
    colours, labels = [*colours, ACCENT], [*labels, words.money(now)]
    if frame.empty:
        return _empty(ax)
    places = np.arange(len(names))
    ax.barh(places, widths, left=lefts, color=colours, height=0.62, zorder=3)
    edges = np.array(lefts) + np.array(widths)
    ax.vlines(_levels(start, shown["change"]), places[:-1], places[1:], color=MUTED, linewidth=0.8, zorder=2)
    usual = _levels(start, shown["change"])[:-1] + shown["usual"].to_numpy("float64")
    ax.vlines(usual, places[1:-1] - 0.42, places[1:-1] + 0.42, color=INK, linewidth=1.4, zorder=4)
    seen = usual[np.isfinite(usual)]
    clear = np.fmax(edges, np.concatenate([[-np.inf], usual, [-np.inf]]))  # a label stands clear of the stroke too
    _label_bars(ax, places, clear, labels, low=min([0.0, *lefts, *seen]), inches=_plot_inches(names))
    ax.set_yticks(places, names)
    ax.set_ylim(len(names) - 0.5, -0.6)
    _bare_x(ax)
    return ax


def _levels(start: float, changes: pd.Series) -> np.ndarray:
    return start + np.concatenate([[0.0], changes.to_numpy("float64").cumsum()])


def _label_bars(ax: Axes, places: np.ndarray, edges: np.ndarray, labels: list[str], *, low: float, inches: float) -> None:
    high = max(float(edges.max()), 0.0)
    span = (high - low) or 1.0
    room = max((text_width(label, 9.5) for label in labels), default=0.0) / inches * span
    for place, edge, label in zip(places, edges, labels, strict=True):
        ax.annotate(label, (edge, place), (5, 0), textcoords="offset points", va="center", fontsize=9.5, color=INK, zorder=5)
    ax.set_xlim(low - 0.01 * span, high + room + 0.03 * span)


def _plot_inches(names: list[str]) -> float:
    """Width left for bars beside the names, their own labels not counted."""
    return max(1.5, WIDTH_INCHES - 2.2 - max((text_width(name) for name in names), default=0.0))


def _bare_x(ax: Axes) -> None:
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.axvline(0, color=RULE, linewidth=1, zorder=1)


def _empty(ax: Axes) -> Axes:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    return ax


@house_style(height=_rows_high)
def revenue_tree(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """factor | unit, before, now, effect: each factor's part of the change in revenue, with its value before and now."""
    frame = frame[(frame["before"] != 0) | (frame["now"] != 0)]
    if frame.empty:
        return _empty(ax)
    places = np.arange(len(frame))
    effects = frame["effect"].to_numpy("float64")
    ax.barh(places, effects, color=[GOOD if effect >= 0 else BAD for effect in effects], height=0.62, zorder=3)
    names = [
        _("{factor}: {before} → {now}").format(
            factor=_(LABELS[row.factor].text), before=show(row.before, row.unit), now=show(row.now, row.unit)
        )
        for row in frame.itertuples()
    ]
    labels = [("+" if effect > 0 else "") + words.money(effect) for effect in effects]
    _label_sides(ax, places, effects, labels, inches=_plot_inches(names))
    ax.set_yticks(places, names)
    ax.set_ylim(len(frame) - 0.5, -0.6)
    _bare_x(ax)
    ax.axvline(0, color=MUTED, linewidth=1, zorder=4)
    return ax


def _label_sides(ax: Axes, places: np.ndarray, values: np.ndarray, labels: list[str], *, inches: float) -> None:
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    span = (high - low) or 1.0
    room = max((text_width(label, 9.5) for label in labels), default=0.0) / inches * span
    for place, value, label in zip(places, values, labels, strict=True):
        side = 1 if value >= 0 else -1
        ax.annotate(
            label, (value, place), (5 * side, 0), textcoords="offset points", va="center", ha="left" if side > 0 else "right",
            fontsize=9.5, color=INK, zorder=5,
        )  # fmt: skip
    ax.set_xlim(low - (room if (values < 0).any() else 0.02 * span), high + (room if (values >= 0).any() else 0.02 * span))


@house_style(height=3.2)
def second_purchase_curve(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """duration_days | survival, low, high (0-1): share of first-time buyers back by each day, with its band and the day half are back."""
    longest = float(frame["duration_days"].max()) if len(frame) else 30.0
    days = np.concatenate([[0.0], frame["duration_days"].to_numpy("float64")])
    back, low, high = (np.concatenate([[0.0], 1 - frame[name].to_numpy("float64")]) for name in ("survival", "high", "low"))
    ax.fill_between(days, low, high, step="post", color=ACCENT, alpha=0.15, linewidth=0, zorder=2)
    ax.step(days, back, where="post", color=ACCENT, linewidth=2.2, zorder=3)
    median = km_median(frame)
    if np.isfinite(median):
        ax.hlines(0.5, 0, median, color=MUTED, linewidth=1, linestyle=(0, (3, 3)), zorder=2)
        ax.vlines(median, 0, 0.5, color=MUTED, linewidth=1, linestyle=(0, (3, 3)), zorder=2)
        text = _("half after {days}").format(days=words.days(median))
        right = median < 0.6 * longest
        ax.annotate(text, (median, 0.5), (6 if right else -6, -6), textcoords="offset points", ha="left" if right else "right", va="top",
                    fontsize=9.5, color=INK)  # fmt: skip
    _days_along(ax, longest)
    top = max(0.5, float(np.nanmax(high)) if len(high) else 0.5)
    step = 0.1 if top <= 0.5 else 0.2
    ticks = np.arange(np.ceil(top / step - 1e-9) + 1) * step
    ax.set_yticks(ticks, [words.share(tick, 0) for tick in ticks])
    ax.set_ylim(0, ticks[-1])
    ax.grid(axis="x", visible=False)
    return ax


def _days_along(ax: Axes, longest: float) -> None:
    step = next(s for s in (7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650, 36500) if longest / s <= 7)
    ticks = np.arange(0, longest + 1e-9, step)
    ax.set_xticks(ticks, [words.days(tick) if i == len(ticks) - 1 else words.number(tick, 0) for i, tick in enumerate(ticks)])
    ax.set_xlim(0, max(longest, step))


@house_style(height=_rows_high)
def user_structure(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """grouping, group | customers, customer_share, revenue_share (0-1): heads against value, stages of life above segments."""
    if frame.empty:
        return _empty(ax)
    gap = (frame["grouping"] != frame["grouping"].shift()).cumsum().to_numpy() - 1
    places = np.arange(len(frame)) + 0.6 * gap
    heads, value = frame["customer_share"].to_numpy("float64"), frame["revenue_share"].to_numpy("float64")
    known = np.isfinite(value)
    ax.hlines(places[known], heads[known], value[known], color=RULE, linewidth=3, zorder=2)
    ax.scatter(heads, places, s=46, color=SOFT, zorder=3)
    ax.scatter(value[known], places[known], s=60, color=ACCENT, zorder=4)
    ax.set_yticks(places, [_(name) for name in frame["group"]])
    ax.set_ylim(places[-1] + 0.6, -1.3)
    _shares_along(ax, [*heads, *value[known]])
    ax.grid(axis="y", visible=False)
    _key(ax)
    return ax


def _shares_along(ax: Axes, values: list[float]) -> None:
    high = max([0.1, *values])
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.25) if high / s <= 6)
    low = min([0.0, *values])
    ticks = np.arange(0, high + step / 2, step)
    ax.set_xticks(ticks, [words.share(tick, 0) for tick in ticks])
    ax.set_xlim(low - 0.02 * high, high * 1.04)


def _key(ax: Axes) -> None:
    """Which point is which, above the first row."""
    texts: list[tuple[str, Any]] = [(_("share of customers"), SOFT), (_("share of revenue"), ACCENT)]
    x = 0.01
    for text, colour in texts:
        ax.plot([x], [0.985], marker="o", markersize=6, color=colour, transform=ax.transAxes, linestyle="none", clip_on=False)
        ax.annotate(text, (x, 0.985), (8, 0), xycoords="axes fraction", textcoords="offset points", va="center", fontsize=9.5,
                    color=ACCENT if colour == ACCENT else MUTED)  # fmt: skip
        x += (text_width(text, 9.5) + 0.45) / 6.0
