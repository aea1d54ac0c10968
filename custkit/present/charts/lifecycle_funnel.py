"""Charts of where customers are lost: stages, moves between them, registrations, the funnel, cohorts, waits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from custkit import words
from custkit.analysis.funnel import STEP_NAMES, break_point
from custkit.analysis.lifecycle import CUSTOMER_STAGES, NEW, STAGE_NAMES, VISITOR
from custkit.analysis.registrations import ALL_CHANNELS
from custkit.analysis.survival import kaplan_meier, km_median
from custkit.present.charts.heat import grid, heat
from custkit.present.charts.style import ACCENT, INK, MUTED, ON_PAPER, SEQUENCE, SOFT, WARM, house_style, text_width
from custkit.words import _

# The same colour every month: buyers green, those on the way blue, those slipping away orange to grey.
STAGE_COLOURS = {
    "registered": SEQUENCE[3], "active": SEQUENCE[2], "first_payment": SEQUENCE[1], "regular": SEQUENCE[0], "vip": "#094848",
    "dormant": SEQUENCE[4], "lost": SEQUENCE[7],
}  # fmt: skip
_ROW_INCHES = 0.36
_COHORTS, _PERIODS = 13, 12


def _rows_high(frame: pd.DataFrame) -> float:
    return 1.0 + _ROW_INCHES * max(len(frame), 1)


def _nothing(ax: Axes) -> Axes:
    """No rows: the axes say so, and a notebook does not show them; the finding beside them says why."""
    ax.text(0.5, 0.5, _("No data."), transform=ax.transAxes, ha="center", va="center", color=MUTED)
    ax.set_xticks([])
    ax.set_yticks([])
    from matplotlib import pyplot

    pyplot.close(ax.get_figure(root=True))
    return ax


@house_style(height=_rows_high)
def stage_bars(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """stage | customers, customer_share (0-1): one bar a stage in the order of life; visitors are no customers and have none."""
    shown = frame[frame["stage"] != VISITOR]
    if shown.empty:
        return _nothing(ax)
    places = range(len(shown))
    ax.barh(places, shown["customers"], height=0.62, color=[STAGE_COLOURS[stage] for stage in shown["stage"]])
    for place, row in zip(places, shown.itertuples(), strict=True):
        text = _("{n} ({share})").format(n=words.count(row.customers), share=words.share(row.customer_share))
        ax.annotate(text, (row.customers, place), (5, 0), textcoords="offset points", va="center", fontsize=9.5)
    return _bars(ax, [_(STAGE_NAMES[stage]) for stage in shown["stage"]], float(shown["customers"].max()), room=0.28)


def _bars(ax: Axes, names: list[str], peak: float, *, room: float) -> Axes:
    """Rows named from the top down, no scale: each bar says its figure."""
    ax.set_yticks(range(len(names)), names)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.set_xlim(0, max(peak, 1e-9) * (1 + room))
    ax.set_ylim(len(names) - 0.5, -0.5)
    return ax


def _moves_high(frame: pd.DataFrame) -> float:
    return 1.75 + _ROW_INCHES * max(int(frame.groupby("stage_before")["customers"].any().sum()), 1)


@house_style(height=_moves_high)
def stage_moves(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """stage_before, stage | customers, share (of stage_before): last month's rows to this month's columns, darker for larger shares."""
    people = frame.groupby("stage_before")["customers"].sum()
    arrived = frame.groupby("stage")["customers"].sum()
    rows = [stage for stage in (*CUSTOMER_STAGES, NEW) if people.get(stage, 0)]
    columns = [stage for stage in CUSTOMER_STAGES if arrived.get(stage, 0) or people.get(stage, 0)]
    if not rows:
        return _nothing(ax)
    names = [_(STAGE_NAMES[stage]) if stage != NEW else _("new this month") for stage in rows]
    shades, texts = grid(names, [_(STAGE_NAMES[stage]) for stage in columns])
    stayed = []
    for row in frame[frame["customers"] > 0].itertuples():
        at = rows.index(row.stage_before), columns.index(row.stage)
        shades.iloc[at], texts.iloc[at] = 0.06 + 0.94 * row.share, words.count(row.customers)
        stayed += [at] if row.stage == row.stage_before else []
    return heat(ax, shades, texts, framed=stayed)


@house_style(height=_rows_high)
def registrations_that_buy(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """acquisition_channel | share_90, low, high (0-1), is_different: who buys within 90 days, by channel, beside all channels."""
    everyone = frame[frame["acquisition_channel"] == ALL_CHANNELS]
    shown = frame[(frame["acquisition_channel"] != ALL_CHANNELS) & (frame["n_90"] > 0)]
    shown = shown.sort_values(["share_90", "acquisition_channel"], ascending=[False, True])
    if shown.empty:
        return _nothing(ax)
    mean = float(everyone["share_90"].iloc[0])
    ax.plot([mean, mean], [-0.5, len(shown) - 0.5], color=SOFT, linewidth=1.2, dashes=(4, 3))
    ax.text(mean, -0.62, _("all channels {share}").format(share=words.share(mean)), ha="center", va="bottom", fontsize=9, color=MUTED)
    for place, row in enumerate(shown.itertuples()):
        colour = (ACCENT if row.share_90 > mean else WARM) if row.is_different else SOFT
        ax.plot([row.low, row.high], [place, place], color=colour, linewidth=2.4, alpha=0.45, solid_capstyle="butt")
        ax.scatter([row.share_90], [place], s=46, color=colour, zorder=3)
        ax.annotate(
            words.share(row.share_90), (row.high, place), (6, 0), textcoords="offset points", va="center", fontsize=9.5,
            bbox=ON_PAPER,
        )  # fmt: skip
    _bars(ax, [_(channel) for channel in shown["acquisition_channel"]], float(shown["high"].max()), room=0.12)
    ax.set_ylim(len(shown) - 0.5, -1.2)
    return ax


def _funnel_high(frame: pd.DataFrame) -> float:
    return 1.0 + 0.62 * max(len(frame), 1)


@house_style(height=_funnel_high)
def funnel_bars(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """step | visits, conversion_rate, step_conversion_rate, lost: one bar a step and between two of them who went on no further.

    The narrowest point is told in the warm colour.
    """
    if frame.empty or not frame["visits"].any():
        return _nothing(ax)
    narrowest = break_point(frame) or {}
    ax.barh(range(len(frame)), frame["visits"], height=0.5, color=ACCENT)
    for place, row in enumerate(frame.itertuples()):
        text = _("{n} ({share})").format(n=words.count(row.visits), share=words.share(row.conversion_rate))
        ax.annotate(text, (row.visits, place), (5, 0), textcoords="offset points", va="center", fontsize=9.5)
        if place:
            loss = _("{share} go on, {n} do not").format(share=words.share(row.step_conversion_rate), n=words.count(row.lost))
            colour = WARM if row.step == narrowest.get("step") else MUTED
            ax.annotate(loss, (0, place - 0.5), (6, 0), textcoords="offset points", va="center", fontsize=9, color=colour)
    return _bars(ax, [_(STEP_NAMES.get(step, step)) for step in frame["step"]], float(frame["visits"].max()), room=0.25)


def _split_high(frame: pd.DataFrame) -> float:
    rows = len(set(zip(frame["split"], frame["group"], strict=True))) + frame["split"].nunique() - 2
    return 1.75 + _ROW_INCHES * max(rows, 1)


@house_style(height=_split_high)
def funnel_by_group(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """split, group, step | step_conversion_rate, rest_rate, is_different: each group's rate from step to step; coloured where it differs.

    Green beyond chance above the others, orange below, blank where nobody came so far.
    """
    steps = list(dict.fromkeys(frame["step"]))[1:]
    groups = list(dict.fromkeys(zip(frame["split"], frame["group"], strict=True)))
    if not steps:
        return _nothing(ax)
    names, row_of = _with_air(groups)
    shades, texts = grid(names, [_step_name(step) for step in steps])
    for row in frame[frame["step"].isin(steps) & (frame["n"] > 0)].itertuples():
        at = row_of[row.split, row.group], steps.index(row.step)
        difference = row.step_conversion_rate - row.rest_rate
        depth = 0.15 + min(abs(difference) * 2.5, 0.85) if row.is_different else 0.0
        shades.iloc[at] = depth if difference >= 0 else -depth
        sign = ("▲ " if difference >= 0 else "▼ ") if row.is_different else ""
        texts.iloc[at] = sign + words.share(row.step_conversion_rate)
    return heat(ax, shades, texts)


def _with_air(groups: list[tuple[str, str]]) -> tuple[list[str], dict[tuple[str, str], int]]:
    """Names of the rows with an empty one between two splits, and the row of each group."""
    names: list[str] = []
    row_of = {}
    for i, (split, group) in enumerate(groups):
        if i and split != groups[i - 1][0]:
            names.append("")
        row_of[split, group] = len(names)
        names.append(_(group))
    return names, row_of


def _step_name(step: str) -> str:
    return _("to {step}").format(step=_(STEP_NAMES.get(step, step)))


def _cohorts_high(frame: pd.DataFrame) -> float:
    return 1.35 + 0.3 * min(max(frame["cohort"].nunique(), 1), _COHORTS)


@house_style(height=_cohorts_high)
def cohort_heat(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """cohort, period | cohort_customers, retention_rate (0-1): the last 13 cohorts, months 1 to 12 since; the future is blank."""
    cohorts = sorted(frame["cohort"].unique())[-_COHORTS:]
    known = frame[frame["cohort"].isin(cohorts) & frame["period"].between(1, _PERIODS) & frame["retention_rate"].notna()]
    if known.empty:
        return _nothing(ax)
    peak = max(float(known["retention_rate"].max()), 1e-9)
    sizes = frame.drop_duplicates("cohort").set_index("cohort")["cohort_customers"]
    names = [_("{month}: {n}").format(month=words.short_month(cohort), n=words.count(sizes[cohort])) for cohort in cohorts]
    shades, texts = grid(names, [words.number(period, 0) for period in range(1, max(int(known["period"].max()), 6) + 1)])
    for row in known.itertuples():
        at = cohorts.index(row.cohort), row.period - 1
        shades.iloc[at], texts.iloc[at] = 0.04 + 0.96 * row.retention_rate / peak, words.share(row.retention_rate, 0)
    return heat(ax, shades, texts)


@house_style(height=3.6)
def return_curve(spells: pd.DataFrame, *, ax: Axes) -> Axes:
    """duration_days, observed | n: the share who have come back by then, those still awaited counted; with its interval."""
    return _curve(ax, spells, back=True, told=(30, 90, 180, 365))


@house_style(height=3.6)
def stay_curve(spells: pd.DataFrame, *, ax: Axes) -> Axes:
    """duration_days, observed | n: the share who are still customers by then, those still here counted; with its interval."""
    return _curve(ax, spells, back=False, told=(365, 730, 1095))


def _curve(ax: Axes, spells: pd.DataFrame, *, back: bool, told: tuple[int, ...]) -> Axes:
    if spells.empty:
        return _nothing(ax)
    curve = kaplan_meier(spells)
    median = km_median(curve)
    days = np.array([0, *curve["duration_days"]])
    share, low, high = (np.array([1.0, *curve[name]]) for name in ("survival", "low", "high"))
    if back:
        share, low, high = 1 - share, 1 - high, 1 - low
    ax.fill_between(days, low, high, step="post", color=ACCENT, alpha=0.15, linewidth=0)
    ax.step(days, share, where="post", color=ACCENT, linewidth=2)
    longest = int(days[-1])
    for day in told:
        if day <= longest:
            at = float(share[np.searchsorted(days, day, side="right") - 1])
            ax.scatter([day], [at], s=30, color=ACCENT, zorder=3)
            _beside(ax, day, at, _("{share} in {days}").format(share=words.share(at, 0), days=words.days(day)), above=not back)
    if median == median:
        ax.plot([0, median, median], [0.5, 0.5, 0], color=WARM, linewidth=1.1, dashes=(4, 3))
        ax.annotate(
            _("half by {days}").format(days=words.days(median)), (median, 0), (4, 6), textcoords="offset points", color=WARM, fontsize=9
        )
    step = next(s for s in (7, 14, 30, 60, 90, 180, 365, 730) if longest / s <= 7 or s == 730)
    ticks = list(range(0, longest + 1, step))
    ax.set_xticks(ticks, [words.number(t, 0) if t != ticks[-1] else words.days(t) for t in ticks])
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1.0], [words.share(t, 0) for t in (0, 0.25, 0.5, 0.75, 1.0)])
    ax.set_xlim(0, max(longest, 1) * 1.02)
    ax.set_ylim(0, 1.02)
    ax.grid(axis="x", visible=False)
    return ax


def _beside(ax: Axes, x: float, y: float, text: str, *, above: bool) -> None:
    """A label under a rising curve, over a falling one; to the left where it would leave the axes."""
    left = x / max(ax.dataLim.x1, 1) * 5.6 + text_width(text, 9) > 6.2
    offset: Any = (-6 if left else 6, 7 if above else -12)
    ax.annotate(text, (x, y), offset, textcoords="offset points", fontsize=9, color=INK, ha="right" if left else "left", bbox=ON_PAPER)
