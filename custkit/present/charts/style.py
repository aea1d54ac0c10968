"""The house style of charts: one ink, one muted grey, one accent; a title that is the finding; room for Chinese.

`@house_style` makes the axes (where none are given), calls the chart, sets title and measure, fits the margins by our own
estimate of text widths, and leaves rcParams as it found them. In a notebook the figure is shown as SVG with real text.
"""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from custkit.present import few
from custkit.present.lettering import MEASURE_ID, POINTS, TITLE_ID, text_width

INK, MUTED, RULE, PAPER = "#1c2430", "#667085", "#e4e7ec", "#ffffff"
ACCENT, WARM, SOFT = "#0f6b6b", "#c2691c", "#98a2b3"
GOOD, BAD = "#067647", "#b42318"
# One colour a meaning, the same every month; colour-blind safe, ordered from best to worst.
SEQUENCE = ("#0f6b6b", "#5aa9a3", "#4a5a9a", "#9aa5d1", "#e0a458", "#c2691c", "#98a2b3", "#667085")

# Behind a label that lies on a line.
ON_PAPER: dict[str, Any] = {"boxstyle": "square,pad=0.15", "facecolor": PAPER, "edgecolor": "none"}

WIDTH_INCHES = 7.6

RC: dict[str, Any] = {
    "axes.edgecolor": RULE,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.spines.bottom": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "semibold",
    "axes.unicode_minus": True,
    "figure.dpi": 72,
    "figure.facecolor": PAPER,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.bottom": False,
    "xtick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.color": INK,
    "ytick.labelsize": 10,
    "ytick.left": False,
}
SVG_RC = {"svg.fonttype": "none", "svg.hashsalt": "custkit"}


def points_under(text: str, size: float, n: int) -> int:
    """How many of `n` points spread over a chart's width lie under `text` when it ends at the last one."""
    return min(n, int(text_width(text, size) / (0.85 * WIDTH_INCHES) * max(n - 1, 1)) + 2)


def new_axes(*, height: float = 3.4) -> Axes:
    """Axes of the house's width; `height` in inches."""
    figure = _pyplot().figure(figsize=(WIDTH_INCHES, height))
    return figure.add_subplot()


def house_style(
    draw: Callable[..., Axes] | None = None, *, height: float | Callable[..., float] = 3.4, people: Sequence[str] | None = None
) -> Any:
    """Decorate `draw(frame, *, ax, …) -> Axes`: adds title=, measure=, ax=None.

    title: the finding, as a sentence. measure: what is drawn, of whom, when. height: inches, or a function of the frame. people: columns
    of the people on whom what is drawn rests, where the frame holds others too. Where the report leaves the house, nothing is drawn that
    rests on few.
    """
    if draw is None:
        return functools.partial(house_style, height=height, people=people)

    @functools.wraps(draw)
    def styled(frame: Any, *args: Any, title: str = "", measure: str = "", ax: Axes | None = None, **options: Any) -> Axes:
        _show_as_svg()
        with mpl.rc_context(RC):  # type: ignore[arg-type]
            made = ax is None
            if ax is None:
                ax = new_axes(height=height(frame) if callable(height) else height)
            draw(frame, *args, ax=ax, **options)
            _caption(ax, title, measure)
            if len(ax.figure.axes) == 1:
                _fit(ax)
            few_told = few.tells_few((frame, *args, *options.values()), people)  # points, widths and texts could be read off
            if few_told or (made and len(frame) == 0):  # a drawing of nothing is not shown
                _pyplot().close(ax.figure)
        return ax

    return styled


def _caption(ax: Axes, title: str, measure: str) -> None:
    ax.set_xlabel("")
    ax.set_ylabel("")
    if measure:
        ax.annotate(
            measure, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", color=MUTED, fontsize=9.5, gid=MEASURE_ID
        )
    if title:
        ax.set_title(_wrapped(title), pad=24 if measure else 10).set_gid(TITLE_ID)


def _wrapped(title: str) -> str:
    """In lines that a notebook shows whole; the page lifts the title out and wraps it anew."""
    return "\n".join(wrap(title, 62, break_long_words=False))


def _fit(ax: Axes) -> None:
    """Margins wide enough for the tick labels, by estimate: matplotlib cannot measure the reader's font."""
    figure: Figure = ax.figure  # type: ignore[assignment]
    width, height = figure.get_size_inches()
    figure.canvas.draw_idle()
    y_labels = [label.get_text() for label in ax.get_yticklabels() if label.get_visible()]
    pad = float(ax.yaxis.get_tick_params().get("pad", 4.0))
    left = max((text_width(text) for text in y_labels), default=0) + max(0.18, pad / POINTS + 0.1)
    has_x = any(label.get_text() and label.get_visible() for label in ax.get_xticklabels())
    told = ax.get_title(loc="left")
    top = 0.75 + 0.2 * told.count("\n") if told else 0.38
    ax.set_position(
        (left / width, (0.32 if has_x else 0.1) / height, 1 - (left + 0.35) / width, 1 - (top + (0.32 if has_x else 0.1)) / height)
    )


def _pyplot() -> Any:
    import matplotlib.pyplot as plt

    return plt


@functools.cache
def _show_as_svg() -> None:
    """In a notebook, show figures as SVG with selectable text and stable ids; elsewhere do nothing."""
    if "ipykernel" not in sys.modules:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    # The reader's own fonts draw the text: what matplotlib's lack is of no consequence.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
    set_matplotlib_formats("svg", bbox_inches=None, metadata={"Date": None, "Creator": None})
    mpl.rcParams.update(SVG_RC)  # type: ignore[arg-type]
