"""Charts of who the customers are: segments against revenue, the Lorenz curve, moves between segments, K-Means groups."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from custkit import words
from custkit.analysis.migration import ARRIVED, GONE
from custkit.present.charts.heat import grid, heat
from custkit.present.charts.style import ACCENT, INK, MUTED, PAPER, RULE, SEQUENCE, SOFT, house_style, text_width
from custkit.present.finding import show
from custkit.present.labels import LABELS
from custkit.words import _

# The same colour every month: greens buy often, blues have begun, yellow to red are slipping away, greys are asleep.
SEGMENT_COLOURS = {
    "Champions": SEQUENCE[0], "Loyal": SEQUENCE[1], "Potential loyal": SEQUENCE[2], "New": SEQUENCE[3], "Promising": "#c3cae6",
    "Need attention": SEQUENCE[4], "At risk": SEQUENCE[5], "Cannot lose": "#8f3f12", "About to sleep": SEQUENCE[6],
    "Hibernating": SEQUENCE[7],
}  # fmt: skip
_PROFILE = ("customer_share", "revenue_share", "recency_days", "frequency", "monetary_value")
_ROW_INCHES = 0.36


def segment_colour(segment: str) -> str:
    """A segment's colour; one of the client's own gets one by its name."""
    return SEGMENT_COLOURS.get(segment) or SEQUENCE[crc32(segment.encode()) % len(SEQUENCE)]


def _rows_high(frame: pd.DataFrame) -> float:
    return 1.35 + _ROW_INCHES * max(len(frame), 1)


def _matrix_high(frame: pd.DataFrame) -> float:
    return 1.75 + _ROW_INCHES * max(frame.segment_before.nunique(), 1)


@house_style(height=_rows_high)
def segment_shares(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """segment | customer_share, revenue_share (0-1): one line a segment from its share of customers to its share of revenue."""
    shown = frame[frame.revenue_share.notna()].sort_values(["revenue_share", "segment"], ascending=[False, True])
    places = np.arange(len(shown))
    ax.hlines(places, shown.customer_share, shown.revenue_share, color=RULE, linewidth=3, zorder=2)
    ax.scatter(shown.customer_share, places, s=46, color=SOFT, zorder=3)
    ax.scatter(shown.revenue_share, places, s=60, color=ACCENT, zorder=4)
    _segment_rows(ax, list(shown.segment))
    _percent(ax, "x", [0, *shown.customer_share, *shown.revenue_share])
    ax.set_ylim(max(len(shown), 1) - 0.5, -0.95)
    ax.grid(axis="y", visible=False)
    if len(shown):
        _two_labels(ax, float(shown.customer_share.iloc[0]), float(shown.revenue_share.iloc[0]))
    return ax


def _two_labels(ax: Axes, customers: float, revenue: float) -> None:
    # Apart from each other however close the two points of the first row lie.
    low, high = ax.get_xlim()
    half = (text_width(_("share of customers"), 9.5) + 0.15) / 5.8 * (high - low) / 2
    apart = max(0.0, 2 * half - abs(revenue - customers)) / 2
    sign = 1 if revenue >= customers else -1
    for x, text, colour in (
        (customers - sign * apart, _("share of customers"), MUTED),
        (revenue + sign * apart, _("share of revenue"), ACCENT),
    ):
        ax.text(min(max(x, low + half), high - half), -0.5, text, color=colour, fontsize=9.5, ha="center", va="center")


@house_style(height=3.9)
def lorenz_curve(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """customer_share, revenue_share (cumulative, best customers first): how the revenue bends away from equal spend."""
    ax.plot([0, 1], [0, 1], color=SOFT, linewidth=1.2, dashes=(4, 3))
    ax.text(0.7, 0.64, _("if all spent the same"), color=MUTED, fontsize=9.5, ha="left", va="top")
    if len(frame):
        ax.plot(frame.customer_share, frame.revenue_share, color=ACCENT, linewidth=2.2)
        for part in (0.1, 0.2, 0.3):
            at = (frame.customer_share - part).abs().idxmin()
            share = float(frame.revenue_share[at])
            ax.scatter([frame.customer_share[at]], [share], s=36, color=ACCENT, zorder=3)
            ax.annotate(
                _("the best {part}: {share} of revenue").format(part=words.share(part, 0), share=words.share(share, 0)),
                (float(frame.customer_share[at]), share), (9, -4), textcoords="offset points", color=INK, fontsize=9.5, va="top",
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.0},
            )  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, max(1.02, float(frame.revenue_share.max()) if len(frame) else 0))
    for axis, name in ((ax.xaxis, _("{share} of customers")), (ax.yaxis, _("{share} of revenue"))):
        ticks = [0, 0.2, 0.4, 0.6, 0.8, 1.0] if axis is ax.yaxis else [0, 0.2, 0.4, 0.6, 1.0]
        axis.set_ticks(ticks, [words.share(t, 0) if t < 1 else name.format(share=words.share(t, 0)) for t in ticks])
    ax.xaxis.get_majorticklabels()[-1].set_horizontalalignment("right")
    return ax


@house_style(height=_matrix_high)
def segment_migration(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """segment_before, segment | customers, customer_share (of segment_before): from the rows to the columns, darker for larger shares."""
    sizes = frame.groupby("segment_before").customers.sum()
    order = sorted({*frame.segment_before, *frame.segment} - {ARRIVED, GONE}, key=lambda name: (-int(sizes.get(name, 0)), name))
    rows = [*order, *[name for name in (ARRIVED,) if (frame.segment_before == name).any()]]
    columns = [*order, *[name for name in (GONE,) if (frame.segment == name).any()]]
    shades, texts = grid(rows, [_(name) for name in columns])
    for row in frame.itertuples():
        at = rows.index(row.segment_before), columns.index(row.segment)
        shades.iloc[at], texts.iloc[at] = min(1.0, 0.06 + 0.94 * row.customer_share), words.count(row.customers)
    heat(ax, shades, texts, framed=[(place, place) for place in range(min(len(rows), len(columns), len(order)))])
    _segment_rows(ax, rows, first=0.5)
    return ax


@house_style(height=_rows_high)
def group_profile(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """group | customer_share, revenue_share, medians: one row a group, a bar a measure, each scaled to the measure's largest."""
    groups = list(frame.group)
    for column, name in enumerate(_PROFILE):
        peak = max(float(frame[name].max()) if len(frame) else 0.0, 1e-12)
        label = LABELS[name]
        ax.text(column, -0.62, _wrapped(_(label.text), 15), color=MUTED, fontsize=9, ha="left", va="bottom", linespacing=1.1)
        for place, value in enumerate(frame[name]):
            if pd.notna(value):
                colour = SEQUENCE[place % len(SEQUENCE)]
                ax.barh(place, 0.48 * max(float(value), 0.0) / peak, left=column, height=0.5, color=colour)
                text = words.count(value) if label.unit in ("days", "number") else show(value, label.unit)
                ax.text(column + 0.48 * max(float(value), 0.0) / peak + 0.03, place, text, fontsize=9, va="center", color=INK)
    ax.set_yticks(range(len(groups)), [_(group) for group in groups])
    ax.set_xlim(0, len(_PROFILE))
    ax.set_ylim(max(len(groups), 1) - 0.5, -1.5)
    ax.set_xticks([])
    ax.grid(visible=False)
    return ax


def _segment_rows(ax: Axes, names: list[str], *, first: float = 0) -> None:
    ax.set_yticks([first + place for place in range(len(names))], [_(name) for name in names])
    ax.tick_params(axis="y", pad=13)
    beside = offset_copy(ax.get_yaxis_transform(), fig=ax.get_figure(root=True), x=-7, units="points")
    for place, name in enumerate(names):
        if name not in (ARRIVED, GONE):
            ax.plot(
                [0],
                [first + place],
                marker="o",
                markersize=6,
                color=segment_colour(name),
                transform=beside,
                clip_on=False,
                linestyle="none",
            )


def _percent(ax: Axes, axis: str, values: list[float]) -> None:
    """Ticks in whole percent from 0, at most seven, and room to the right of the largest value."""
    peak = max(values)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if peak / s <= 6 or s == 1.0)
    ticks = [i * step for i in range(int(peak / step) + 2)]
    low = min(0.0, min(values))
    ax.set_xlim(low - 0.01 * ticks[-1], max(peak * 1.06, step))
    shown = [tick for tick in ticks if tick <= ax.get_xlim()[1]]
    ax.set_xticks(shown, [words.share(tick, 0) for tick in shown])


def _wrapped(text: str, width: int = 9) -> str:
    """A label on as many lines as it has words, short ones together; Chinese has no spaces and breaks anywhere."""
    if not text.isascii() and " " not in text:
        return "\n".join(text[i : i + width // 2] for i in range(0, len(text), width // 2))
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return "\n".join(lines)
