"""Charts of who the customers are: segments against revenue, the Lorenz curve, moves between segments, crosses."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from custkit import words
from custkit.analysis.migration import ARRIVED, GONE
from custkit.analysis.rates import SMALL_SAMPLE
from custkit.analysis.value_angles import POSITIONS
from custkit.present.charts.heat import grid, heat
from custkit.present.charts.style import ACCENT, INK, MUTED, PAPER, RULE, SEQUENCE, SOFT, house_style, text_width
from custkit.words import _

# The same colour every month: greens buy often, blues have begun, yellow to red are slipping away, greys are asleep.
SEGMENT_COLOURS = {
    "Champions": SEQUENCE[0], "Loyal": SEQUENCE[1], "Potential loyal": SEQUENCE[2], "New": SEQUENCE[3], "Promising": "#c3cae6",
    "Need attention": SEQUENCE[4], "At risk": SEQUENCE[5], "Cannot lose": "#8f3f12", "About to sleep": SEQUENCE[6],
    "Hibernating": SEQUENCE[7],
    "Key": SEQUENCE[0], "Key, to develop": SEQUENCE[1], "Key, to keep": SEQUENCE[5], "Key, to win back": "#8f3f12",
    "Ordinary": SEQUENCE[2], "Ordinary, to develop": SEQUENCE[3], "Ordinary, to keep": SEQUENCE[4], "Ordinary, to win back": SEQUENCE[7],
    "High value, high frequency": SEQUENCE[0], "High frequency, low ticket": SEQUENCE[1], "High value, high potential": SEQUENCE[2],
    "Low value, low frequency": SEQUENCE[6], "Dormant buyers": SEQUENCE[7],
    "High value": SEQUENCE[0], "High-value loyal": SEQUENCE[0], "Potential": SEQUENCE[2], "Potential new": SEQUENCE[3],
    "Price-sensitive": SEQUENCE[4], "Churn risk": SEQUENCE[5], "Everyone else": SEQUENCE[6],
}  # fmt: skip
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


def _cross_high(frame: pd.DataFrame) -> float:
    return 1.55 + _ROW_INCHES * max(frame.row.nunique(), 1)


@house_style(height=_cross_high)
def cross_heat(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """row, column | customers, customer_share (of the row); lowest, highest where columns are spend scores: darker is a larger share.

    Rows and columns in the order of the frame. A row of fewer than 30 customers is grey and without shade: its shares may be chance.
    """
    somebody = frame[frame.customers > 0]
    rows, columns = list(dict.fromkeys(somebody.row)), list(dict.fromkeys(somebody.sort_values("column", ascending=False).column))
    if len(somebody) and not pd.api.types.is_integer_dtype(frame.column):
        columns = [name for name in POSITIONS if name in columns]
    sizes = frame.groupby("row").customers.sum()
    names = [_column_name(frame[frame.column == column]) for column in columns]
    shades, texts = grid([_("{row}, n = {n}").format(row=_(row), n=words.count(sizes[row])) for row in rows], names)
    small = []
    for cell in somebody.itertuples():
        at = rows.index(cell.row), columns.index(cell.column)
        if sizes[cell.row] < SMALL_SAMPLE:
            small.append((at, words.share(cell.customer_share, 0)))
        else:
            shades.iloc[at], texts.iloc[at] = min(1.0, 0.04 + cell.customer_share), words.share(cell.customer_share, 0)
    heat(ax, shades, texts)
    for (down, across), text in small:
        ax.text(across + 0.5, down + 0.5, text, color=SOFT, fontsize=9, ha="center", va="center")
    return ax


def _column_name(cells: pd.DataFrame) -> str:
    """A spend score by the spend behind it; a place on the way by its name."""
    column = cells.column.iloc[0]
    if isinstance(column, str):
        return _(column)
    low, high = words.money(cells.lowest.min(), cents=False), words.money(cells.highest.max(), cents=False)
    return _("{low} to {high}").format(low=low, high=high)


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
