"""Charts of the notebook loyalty_tracking."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from custkit import words
from custkit.present.charts.style import ACCENT, BAD, INK, MUTED, ON_PAPER, SOFT, WARM, house_style, points_under
from custkit.words import _


def _by_rows(frame: pd.DataFrame) -> float:
    return 1.3 + 0.36 * max(2, len(frame))


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def _as_share(value: float, _place: int) -> str:
    return words.share(value, 0)


@house_style(height=_by_rows)
def loyalty_ladder(frame: pd.DataFrame, *, ax: Axes, highlight: int | None = None) -> Axes:
    """order_number | at_risk, go_on_rate, go_on_low, go_on_high: the share that goes on after each order, with its interval.

    highlight: the bottleneck's order number.
    """
    told = frame[frame["at_risk"] > 0]
    for place, row in enumerate(told.itertuples()):
        colour = WARM if row.order_number == highlight else ACCENT
        ax.plot([row.go_on_low, row.go_on_high], [place, place], color=SOFT, linewidth=2, solid_capstyle="butt")
        ax.plot([row.go_on_rate], [place], "o", color=colour, markersize=6)
        label = _("{share} of {n}").format(share=words.share(row.go_on_rate), n=words.count(row.at_risk))
        ax.annotate(label, (row.go_on_high, place), (8, 0), textcoords="offset points", va="center", color=INK)
    _name_rows(ax, [_("after order {number}").format(number=words.number(number, 0)) for number in told["order_number"]])
    ax.set_xlim(0, 1.25)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.xaxis.set_major_formatter(FuncFormatter(_as_share))
    return ax


@house_style(height=_by_rows)
def tier_members(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """tier | members, idle_members: members by tier, the idle ones in grey."""
    moving = frame["members"] - frame["idle_members"]
    places = range(len(frame))
    ax.barh(places, moving, color=ACCENT, height=0.62)
    ax.barh(places, frame["idle_members"], left=moving, color=SOFT, height=0.62)
    for place, row in enumerate(frame.itertuples()):
        label = _("{n} members, {idle} idle").format(n=words.count(row.members), idle=words.count(row.idle_members))
        ax.annotate(label, (row.members, place), (6, 0), textcoords="offset points", va="center", color=INK)
    _name_rows(ax, [_(tier) for tier in frame["tier"]])
    ax.set_xlim(0, 1.45 * max([1, *frame["members"]]))
    ax.xaxis.set_visible(False)
    ax.grid(visible=False)
    return ax


@house_style(height=_by_rows)
def tier_stops(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """tier | stop_share, stop_low, stop_high: of members who would have bought again after the tier, the share who did not."""
    ax.axvline(0, color=MUTED, linewidth=1)
    for place, row in enumerate(frame.itertuples()):
        ax.plot([row.stop_low, row.stop_high], [place, place], color=SOFT, linewidth=2, solid_capstyle="butt")
        ax.plot([row.stop_share], [place], "o", color=BAD if row.stop_low > 0 else MUTED, markersize=6)
        told = words.share(row.stop_share)
        ax.annotate(told, (row.stop_share, place), (0, 8), textcoords="offset points", ha="center", color=INK, bbox=ON_PAPER)
    _name_rows(ax, [_(tier) for tier in frame["tier"]])
    edge = 1.25 * max([0.05, *frame["stop_low"].abs().dropna(), *frame["stop_high"].abs().dropna()])
    ax.set_xlim(-edge, edge)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.share(value, 0)))
    ax.locator_params(axis="x", nbins=5)
    return ax


@house_style
def offer_use(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """month | offer_share, ever_offer_share: orders on offer and customers who ever used one, named where the lines end."""
    lines = (
        ("offer_share", _("orders on offer: {share}"), ACCENT),
        ("ever_offer_share", _("customers who ever used an offer: {share}"), WARM),
    )
    places = list(range(len(frame)))
    for name, label, colour in lines:
        ax.plot(places, frame[name], color=colour, linewidth=2, marker="o", markersize=3)
        known = frame[name].dropna()
        if len(known):
            text = label.format(share=words.share(known.iloc[-1]))
            edge = known.tail(points_under(text, 10, len(frame))).max()
            ax.annotate(text, (len(frame) - 1, edge), (0, 8), textcoords="offset points", ha="right", color=colour)
    every = max(1, -(-len(frame) // 8))
    shown = places[::-1][::every][::-1]
    ax.set_xticks(shown, [words.short_month(frame["month"].iloc[place]) for place in shown])
    ax.set_ylim(0, 1.12 * max([0.1, *frame["offer_share"].dropna(), *frame["ever_offer_share"].dropna()]))
    ax.yaxis.set_major_formatter(FuncFormatter(_as_share))
    ax.grid(axis="x", visible=False)
    return ax
