"""Charts of the notebook campaigns: uplift against those kept back, change against like customers, what a customer has paid back."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from custkit import words
from custkit.analysis import difference_in_differences as did
from custkit.analysis.campaign_uplift import BOUGHT
from custkit.present.charts.style import ACCENT, BAD, INK, MUTED, ON_PAPER, SEQUENCE, SOFT, WARM, house_style, text_width
from custkit.present.titles import campaign_title
from custkit.words import _

_MOST = 12


def _by_rows(frame: pd.DataFrame) -> float:
    shown = frame[(frame["measure"] == BOUGHT) & (frame["placebo"].notna() if "placebo" in frame else True)]
    return 1.25 + 0.5 * min(max(len(shown), 1), _MOST + 1)


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.4, -0.7)
    ax.grid(axis="y", visible=False)


def _in_points(ax: Axes, edge: float) -> None:
    ax.set_xlim(-edge, edge)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.points(value, 0 if edge >= 0.025 else 1)))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))


@house_style(height=_by_rows)
def campaign_uplifts(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """campaign_name, arm, measure | uplift, low, high, customers, is_beyond_chance: buyers beyond the control group's.

    Green where more bought beyond chance, red where fewer, grey where chance explains it.
    """
    shown = frame[frame["measure"] == BOUGHT].head(_MOST)
    ax.axvline(0, color=MUTED, linewidth=1)
    edge = 1.3 * max([0.01, *shown["low"].abs().dropna(), *shown["high"].abs().dropna()])
    for place, row in enumerate(shown.itertuples()):
        colour = SOFT if not row.is_beyond_chance else ACCENT if row.uplift > 0 else BAD
        _interval(ax, place, row.uplift, row.low, row.high, colour)
        label = _("{points}, {n} reached").format(points=words.points(row.uplift), n=words.count(row.customers))
        _label(ax, place, row.uplift, label, edge)
    several = shown["campaign_name"].duplicated(keep=False)
    names = [
        _("{campaign}, {group}").format(campaign=campaign_title(row.campaign_name, row.campaign_id), group=_(row.arm))
        if twice
        else campaign_title(row.campaign_name, row.campaign_id)
        for row, twice in zip(shown.itertuples(), several, strict=True)
    ]
    _name_rows(ax, [_short(name) for name in names])
    _in_points(ax, edge)
    return ax


@house_style(height=_by_rows)
def campaign_differences(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """campaign_name, measure | difference, low, high, placebo, placebo_low, placebo_high, verdict: change beyond that of like customers.

    Of the share that bought, or of spend where nearly everybody buys. The placebo lies in grey under each campaign; where it speaks against
    the comparison there is nothing else, and the row says so.
    """
    measure = did.telling_measure(frame)
    known = frame[(frame["measure"] == measure) & frame["placebo"].notna()]
    shown = pd.concat([known[known["campaign_id"] == ""], known[known["campaign_id"] != ""].head(_MOST)])
    if shown.empty:  # the finding beside it says why
        from matplotlib import pyplot

        pyplot.close(ax.get_figure(root=True))
        return ax
    ax.axvline(0, color=MUTED, linewidth=1)
    ends = [*shown["low"], *shown["high"], *shown["placebo_low"], *shown["placebo_high"]]
    edge = 1.2 * max([0.01, *(abs(end) for end in ends if end == end)])
    for place, row in enumerate(shown.itertuples()):
        _interval(ax, place + 0.22, row.placebo, row.placebo_low, row.placebo_high, SOFT, size=4)
        if row.difference == row.difference:
            colour = ACCENT if row.verdict == did.MORE else BAD if row.verdict == did.LESS else MUTED
            _interval(ax, place - 0.12, row.difference, row.low, row.high, colour)
            text = words.points(row.difference) if measure == did.BOUGHT else words.money(row.difference)
            _label(ax, place - 0.12, row.difference, text, edge)
        else:
            ax.annotate(_(row.verdict), (-edge, place - 0.12), (4, 0), textcoords="offset points", va="center", fontsize=9, color=MUTED)
    _name_rows(ax, [_short(campaign_title(row.campaign_name, row.campaign_id)) for row in shown.itertuples()])
    if measure == did.BOUGHT:
        _in_points(ax, edge)
        return ax
    ax.set_xlim(-edge, edge)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.money(value, cents=False)))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    return ax


def _interval(ax: Axes, place: float, value: float, low: float, high: float, colour: str, *, size: float = 6.5) -> None:
    ax.plot([low, high], [place, place], color=colour, linewidth=2.2, alpha=0.45, solid_capstyle="butt")
    ax.plot([value], [place], "o", color=colour, markersize=size)


def _label(ax: Axes, place: float, value: float, text: str, edge: float) -> None:
    """Over the point, and inside the axes."""
    half = text_width(text, 9) / 2 / 5.2 * 2 * edge
    at = min(max(value, -edge + half), edge - half)
    ax.annotate(text, (at, place), (0, 9), textcoords="offset points", ha="center", fontsize=9, color=INK, bbox=ON_PAPER)


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


@house_style(height=3.8)
def channel_payback(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """acquisition_channel, period | cumulative_margin, cost_per_customer: what is left of a customer's margin once winning them is paid.

    A line a channel with known cost, from what it cost up through 0, where it has paid back; named where it ends. Months that have not
    happened are blank.
    """
    paid = frame[frame["cost_per_customer"].notna()]
    ends = []
    for place, (channel, curve) in enumerate(paid.groupby("acquisition_channel", sort=False)):
        cost = float(curve["cost_per_customer"].iloc[0])
        months, left = [-1, *curve["period"]], [-cost, *(curve["cumulative_margin"] - cost)]
        colour = (ACCENT, WARM, SEQUENCE[2], SEQUENCE[1], SEQUENCE[4])[place % 5]
        ax.plot(months, left, color=colour, linewidth=2)
        ends.append((left[-1], str(channel), colour))
    ax.axhline(0, color=INK, linewidth=1.1)
    last = int(paid["period"].max()) if len(paid) else 0
    _name_ends(ax, ends, last)
    every = max(1, -(-(last + 1) // 7))
    ticks = list(range(0, last + 1, every))
    ax.set_xticks([-1, *ticks], [_("cost"), *[words.number(tick, 0) for tick in ticks]])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: words.money(value, cents=False)))
    ax.set_xlim(-1.3, last + 0.2 + (last + 2) * 0.34)
    ax.grid(axis="x", visible=False)
    return ax


def _name_ends(ax: Axes, ends: list[tuple[float, str, str]], month: int) -> None:
    """The channels' names and last amounts beside the last month, moved apart where they would overlap."""
    if not ends:
        return
    low, high = ax.get_ylim()
    step, top = (high - low) * 0.075, float("inf")
    for left, channel, colour in sorted(ends, key=lambda end: (-end[0], end[1])):
        at = min(left, top - step)
        text = _("{channel} {amount}").format(channel=_(channel), amount=words.money(left, cents=False))
        ax.annotate(_short(text, 26), (month, at), (6, 0), textcoords="offset points", va="center", fontsize=9, color=colour)
        top = at
