"""Charts of when and what customers buy: the full hours of the week, the year's season, special days, demand of the next weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from custkit import words
from custkit.analysis.demand import ALL
from custkit.analysis.shopping_times import WEEKDAYS, busiest_hours
from custkit.present.charts.heat import grid, heat
from custkit.present.charts.style import ACCENT, INK, MUTED, ON_PAPER, SOFT, WARM, house_style, text_width
from custkit.words import _

_ROW_INCHES = 0.36
_MOST_DAYS = 14
_SELDOM = 0.001  # share of orders below which an hour at either end of the day is left out


def _busy_high(frame: pd.DataFrame) -> float:
    return 1.75 + 0.3 * len(WEEKDAYS)


@house_style(height=_busy_high)
def busy_hours(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """weekday, hour | orders, order_share: the week, a row a weekday; darker is fuller, the fullest three hours are framed."""
    if frame.empty:
        return ax
    of_hour = frame.groupby("hour")["order_share"].sum()
    kept = of_hour[of_hour >= _SELDOM].index
    hours = list(range(int(kept.min()), int(kept.max()) + 1))
    shades, texts = grid([_(day) for day in WEEKDAYS], [words.number(hour, 0) for hour in hours])
    peak = float(frame["order_share"].max())
    for row in frame[frame["hour"].isin(hours)].itertuples():
        shades.iloc[WEEKDAYS.index(row.weekday), row.hour - hours[0]] = row.order_share / peak
    heat(ax, shades, texts)
    fullest = busiest_hours(frame).iloc[0]
    corner = (int(fullest["from_hour"]) - hours[0] + 0.03, WEEKDAYS.index(fullest["weekday"]) + 0.03)
    width = int(fullest["to_hour"] - fullest["from_hour"]) - 0.06
    ax.add_patch(Rectangle(corner, width, 0.94, facecolor="none", edgecolor=INK, linewidth=1.4))
    return ax


@house_style(height=3.4)
def season_months(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """calendar_month | season_index, index_low, index_high: a point a month with its interval; 1 is an ordinary month."""
    ax.axhline(1, color=MUTED, linewidth=1)
    for row in frame.itertuples():
        clear = row.index_low > 1 or row.index_high < 1
        ax.plot([row.calendar_month] * 2, [row.index_low, row.index_high], color=SOFT, linewidth=2.4, solid_capstyle="butt")
        ax.plot([row.calendar_month], [row.season_index], "o", markersize=7, color=ACCENT if clear else MUTED)
        if clear:
            above = row.season_index > 1
            ax.annotate(
                words.share(row.season_index, 0), (row.calendar_month, row.index_high if above else row.index_low),
                (0, 5 if above else -5), textcoords="offset points", ha="center", va="bottom" if above else "top", fontsize=9.5,
            )  # fmt: skip
    ax.set_xticks(range(1, 13), [words.calendar_month(month)[:3] for month in range(1, 13)])
    if len(frame):
        low, high = min(0.8, float(frame["index_low"].min())), max(1.2, float(frame["index_high"].max()))
        ticks = np.arange(np.floor(low * 10) / 10, high + 0.1, 0.1 if high - low < 0.8 else 0.25)
        ax.set_yticks(ticks, [words.share(tick, 0) for tick in ticks])
        ax.set_ylim(ticks[0], max(ticks[-1], high + 0.06))
    ax.set_xlim(0.4, 12.6)
    ax.grid(axis="x", visible=False)
    return ax


def _drawn_days(frame: pd.DataFrame) -> pd.DataFrame:
    """The days that could be compared and judged and on which the shop sold at all; those beyond chance first when there are many."""
    told = frame[(frame["orders"] > 0) & frame["revenue_low"].notna()]
    chosen = told.assign(size=told["revenue_effect"].abs()).sort_values(
        ["is_significant", "size", "occasion"], ascending=[False, False, True]
    )
    return chosen.head(_MOST_DAYS).sort_values(["revenue_effect", "occasion"], ascending=[False, True], ignore_index=True)


def _days_high(frame: pd.DataFrame) -> float:
    return 1.3 + _ROW_INCHES * max(len(_drawn_days(frame)), 1)


@house_style(height=_days_high)
def special_day_effects(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """occasion | orders, revenue_effect, revenue_low, revenue_high, revenue_q, is_significant: a point each with its interval."""
    drawn = _drawn_days(frame)
    if drawn.empty:  # the finding beside it says why
        from matplotlib import pyplot

        pyplot.close(ax.get_figure(root=True))
        return ax
    ax.axvline(0, color=MUTED, linewidth=1)
    widest = 1.5  # a small day's interval would squeeze all others
    for place, row in enumerate(drawn.itertuples()):
        clear = row.revenue_q <= 0.05
        colour = (ACCENT if row.revenue_effect > 0 else WARM) if clear else SOFT
        ax.plot([row.revenue_low, min(row.revenue_high, widest)], [place, place], color=colour, linewidth=2.4, alpha=0.45)
        ax.plot([min(row.revenue_effect, widest)], [place], "o", markersize=6.5, color=colour)
        ax.annotate(
            words.signed(row.revenue_effect * 100, 0) + "%", (min(row.revenue_high, widest), place), (6, 0), textcoords="offset points",
            va="center", fontsize=9.5, color=INK if clear else MUTED, bbox=ON_PAPER,
        )  # fmt: skip
    ax.set_yticks(range(len(drawn)), [_(occasion) for occasion in drawn["occasion"]])
    ax.set_ylim(max(len(drawn), 1) - 0.5, -0.6)
    high = min(float(drawn["revenue_high"].max()), widest)
    step = 0.25 if high <= 0.75 else 0.5
    ticks = np.arange(-1.0, max(high, step) + step, step)
    ax.set_xticks(ticks, [words.signed(tick * 100, 0) + "%" if tick else words.share(0, 0) for tick in ticks])
    ax.set_xlim(-1.05, max(high, step) + 0.3)
    ax.grid(axis="y", visible=False)
    return ax


@house_style(height=3.4)
def demand_weeks(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """region, week, lead | demand (past), forecast, low, high (next weeks): all regions together, the next weeks with their range."""
    frame = frame[frame["region"] == ALL]
    past, ahead = frame[frame["lead"] <= 0], frame[frame["lead"] > 0]
    ax.plot(past["lead"], past["demand"], color=ACCENT, linewidth=2.2)
    if len(ahead):
        ax.fill_between(ahead["lead"], ahead["low"], ahead["high"], color=WARM, alpha=0.18, linewidth=0)
        ax.plot(ahead["lead"], ahead["forecast"], color=WARM, linewidth=2.2)
        last = ahead.iloc[-1]
        for value, up in ((last["high"], True), (last["low"], False)):
            if value == value:
                ax.annotate(
                    words.count(value), (last["lead"], value), (0, 4 if up else -4), textcoords="offset points", ha="right",
                    va="bottom" if up else "top", fontsize=9.5, color=MUTED,
                )  # fmt: skip
        ax.annotate(
            _("foretold"), (float(ahead["lead"].iloc[0]), float(ahead["high"].fillna(ahead["forecast"]).max())), (0, 16),
            textcoords="offset points", ha="left", va="bottom", fontsize=9.5, color=WARM,
        )  # fmt: skip
    if len(frame):
        every = max(1, int(np.ceil(len(frame) * (text_width("2026-10-25") + 0.2) / 6.2)))
        kept = frame.iloc[::-1].iloc[::every].iloc[::-1]
        ax.set_xticks(kept["lead"], [words.day(week) for week in kept["week"]])
        peak = float(np.nanmax(frame[["demand", "forecast", "high"]].to_numpy()))
        step = _step(peak)
        ticks = np.arange(0, peak + step, step)
        ax.set_yticks(ticks, [words.number(tick, 0) for tick in ticks])
        ax.set_ylim(0, max(ticks[-1], peak * 1.12))
    ax.grid(axis="x", visible=False)
    return ax


def _step(peak: float) -> float:
    """A round step that gives two to five."""
    power = 10.0 ** np.floor(np.log10(max(peak, 1e-9)))
    return next(power * s for s in (0.2, 0.25, 0.5, 1.0, 2.0) if peak / (power * s) <= 5)
