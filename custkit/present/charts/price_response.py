"""Charts of prices and offers: the price tiers of each category, the response to a lower price."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from custkit import words
from custkit.present.charts.style import ACCENT, INK, MUTED, ON_PAPER, SEQUENCE, SOFT, house_style, text_width
from custkit.present.finding import show
from custkit.words import _

# From cheap to dear; what is not told is grey.
_TIERS = (("low_share", SEQUENCE[4]), ("mid_share", SEQUENCE[1]), ("high_share", ACCENT), ("not_told_share", SOFT))
_MOST = 12


def _tiers_high(frame: pd.DataFrame) -> float:
    return 1.7 + 0.33 * max(min(len(frame), _MOST), 1)


def _response_high(frame: pd.DataFrame) -> float:
    return 1.4 + 0.5 * max(len(_drawn(frame)), 1)


@house_style(height=_tiers_high)
def price_tier_shares(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """category | revenue, low_share, mid_share, high_share, not_told_share (0-1): the best-selling categories, a bar each by price tier."""
    told = frame[frame.revenue > 0].head(_MOST).reset_index(drop=True)
    names = {
        "low_share": _("low tier"), "mid_share": _("mid tier"), "high_share": _("high tier"), "not_told_share": _("not told"),
    }  # fmt: skip
    left = pd.Series(0.0, index=told.index)
    for column, colour in _TIERS:
        share = told[column].fillna(0.0)
        ax.barh(told.index, share, left=left, color=colour, height=0.64)
        for place, (start, part) in enumerate(zip(left, share, strict=True)):
            if part >= 0.08:
                dark = column in ("high_share",)
                ax.text(
                    start + part / 2, place, words.share(part, 0), color="#ffffff" if dark else INK, ha="center", va="center", fontsize=9
                )
        left = left + share
    _tier_names(ax, told, names)
    ax.set_yticks(range(len(told)), [_(category) for category in told.category])
    ax.set_xlim(0, 1)
    ax.set_ylim(max(len(told), 1) - 0.5, -1.0)
    ax.set_xticks([])
    ax.grid(visible=False)
    return ax


def _tier_names(ax: Axes, told: pd.DataFrame, names: dict[str, str]) -> None:
    """Each tier named once, above the first bar; from the left, and not over each other."""
    if told.empty:
        return
    end = 0.0
    start = 0.0
    for column, colour in _TIERS:
        part = float(told[column].fillna(0.0).iloc[0])
        if told[column].fillna(0.0).max() > 0:
            place = max(start, end)
            ax.text(place, -0.62, names[column], color=INK if colour == SEQUENCE[4] else MUTED if colour == SOFT else colour, fontsize=9.5)
            end = place + (text_width(names[column], 9.5) + 0.15) / 5.5
        start += part


@house_style(height=_response_high)
def discount_response(frame: pd.DataFrame, *, ax: Axes) -> Axes:
    """measure, unit | response, response_low, response_high, customers: a point with its interval each; shares, or elasticities alone."""
    drawn = _drawn(frame)
    unit = str(drawn.unit.iloc[0]) if len(drawn) else "share"
    ax.axvline(0, color=MUTED, linewidth=1)
    for place, row in enumerate(drawn.itertuples()):
        sure = row.response_low > 0 or row.response_high < 0
        ax.plot([row.response_low, row.response_high], [place, place], color=SOFT, linewidth=2, solid_capstyle="butt")
        ax.plot([row.response], [place], "o", color=ACCENT if sure else MUTED, markersize=6)
        label = _("{value}, {n} customers").format(value=show(row.response, unit), n=words.count(row.customers))
        ax.annotate(
            label, (row.response, place), (0, 8), textcoords="offset points", ha="center", color=INK, fontsize=9.5, bbox=ON_PAPER
        )  # fmt: skip
    ax.set_yticks(range(len(drawn)), [_(measure) for measure in drawn.measure])
    ax.set_ylim(max(len(drawn), 1) - 0.5, -0.75)
    ends = [*drawn.response_low, *drawn.response_high, 0.0]
    room = 0.25 * (max(ends) - min(ends) or 1.0)
    ax.set_xlim(min(ends) - room, max(ends) + room)
    ax.locator_params(axis="x", nbins=5)
    ax.xaxis.set_major_formatter(lambda value, _place: words.share(value, 0) if unit == "share" else words.number(value, 1))
    ax.grid(axis="y", visible=False)
    return ax


def _drawn(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of one unit: shares where there are any."""
    known = frame[frame.response_low.notna() & frame.response_high.notna()]
    shares = known[known.unit == "share"]
    return (shares if len(shares) else known).reset_index(drop=True)
