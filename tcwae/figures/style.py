"""The common look of the figures: size, type, colours and legends.

A method's colour and marker are defined with its settings (`tcwae.config.methods`).
"""

import bisect
import math
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from seaborn.utils import relative_luminance

from tcwae.config.costs import COSTS
from tcwae.config.methods import METHODS
from tcwae.config.scores import PAPER, SCORES, facts

__all__ = [
    "LINES",
    "TALLEST",
    "WIDTH",
    "axes",
    "colour",
    "few_ticks",
    "ink",
    "label",
    "legend",
    "legend_height",
    "legible",
    "line",
    "log_ticks",
    "look",
    "new",
    "pages",
    "room",
    "scores",
    "shown",
    "small",
    "text",
    "wrap",
]

WIDTH = 160.0
"""Millimetres: the text width of the report's A4 page. Figures are drawn at the size at which they are printed."""

TALLEST = 205.0
"""Millimetres of a figure at most: a page without heading and caption. What does not fit continues in another figure."""

NEARLY = 1e-3
"""Values whose range is a smaller part of them are shown as equal."""

LINES, SHADES = ("-", "--", ":"), ((0.0, 0.0), (0.5, 1.0), (0.5, 0.0))
"""Of the first, second and third row of one method: its line, and how much of which grey (1 is white) is in its colour."""

MARKERS = ("*", "X", "h", "p", "<", ">", "d")
"""Of the fourth to sixth row of one method, of the seventh to ninth, and so on."""

FONTS = ("STIXGeneral", "DejaVu Sans")
"""Both come with matplotlib; the second has letters that the first lacks."""

LOOK = {
    "font.family": FONTS,
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 9,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "tcwae",
}

NOTE_SIZE, NOTE_LINE = 8, 3.4
"""Points, and millimetres from line to line."""


@contextmanager
def look() -> Iterator[None]:
    """Draw in the common style, and leave matplotlib's settings as they were.

    The style starts from matplotlib's defaults: a user's matplotlibrc would change every figure.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        yield


def new(height: float, note: str) -> Figure:
    """A figure of the text's width with `height` mm to draw in, and below them the note on its source."""
    lines = wrap(note, WIDTH)
    figure = Figure(figsize=(WIDTH / 25.4, (height + NOTE_LINE * len(lines)) / 25.4))
    small(figure, 0.0, height + NOTE_LINE - 0.9, lines)
    return figure


def wrap(words: str, width: float, weight: str = "normal", lines: int | None = None) -> list[str]:
    """Break small type (`NOTE_SIZE`) into lines no wider than `width` millimetres, within words that are wider.

    What does not fit into so many `lines` ends in an ellipsis.
    """
    wrapped = [""]
    for word in words.split(" "):
        longer = f"{wrapped[-1]} {word}".lstrip(" ")
        if _width(longer, weight) <= width:
            wrapped[-1] = longer
            continue
        wrapped.append(word)
        while _width(wrapped[-1], weight) > width and len(wrapped[-1]) > 1:
            rest = wrapped[-1]
            fits = max(1, bisect.bisect_right(range(1, len(rest)), width, key=lambda k: _width(rest[:k], weight)))
            wrapped[-1:] = [rest[:fits], rest[fits:]]
    wrapped = [line for line in wrapped if line] or [""]
    if lines is None or len(wrapped) <= lines:
        return wrapped
    last = wrapped[lines - 1]
    while last and _width(f"{last}…", weight) > width:
        last = last[:-1]
    return [*wrapped[: lines - 1], f"{last}…"]


@cache
def _width(words: str, weight: str = "normal") -> float:
    """Millimetres of small type."""
    drawn, font = shown(words), FontProperties(family=FONTS, size=NOTE_SIZE, weight=weight)
    return _ruler().get_text_width_height_descent(drawn, font, "$" in drawn.replace(r"\$", ""))[0] / 720 * 25.4


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(1, 1, 720)


def pages(things: Sequence[Any], most: int) -> list[Sequence[Any]]:
    """Things in parts of at most `most`, as equal as possible; each part is drawn in its own figure."""
    parts = max(1, math.ceil(len(things) / most))
    size = math.ceil(len(things) / parts)
    return [things[start : start + size] for start in range(0, max(1, len(things)), max(1, size))]


def axes(figure: Figure, left: float, top: float, width: float, height: float, **options: object) -> Axes:
    """Axes at a place in millimetres from the figure's upper left corner."""
    total = figure.get_figheight() * 25.4
    return figure.add_axes((left / WIDTH, 1 - (top + height) / total, width / WIDTH, height / total), **options)


def colour(method: str, twin: int) -> str:
    """A row's colour: its method's, for its second and third row in a lighter and in a darker shade."""
    share, grey = SHADES[twin % len(SHADES)]
    return to_hex([(1 - share) * part + share * grey for part in to_rgb(METHODS[method].colour)]).upper()


def ink(ground: tuple[float, ...]) -> str:
    """Black or white, whichever has more contrast with the ground (W3C's guidelines, WCAG 2.2: luminance and ratio)."""
    return "black" if relative_luminance(ground) + 0.05 > (0.05 * 1.05) ** 0.5 else "white"


def line(method: str, twin: int) -> dict[str, Any]:
    """How a row of the study looks as a line with markers: by its method, and how many rows before it are of that method."""
    further = twin // len(SHADES)
    return {
        "color": colour(method, twin),
        "marker": MARKERS[(further - 1) % len(MARKERS)] if further else METHODS[method].marker,
        "linestyle": LINES[twin % len(LINES)],
        "linewidth": 0.9,
        "markersize": 3.5,
        "markeredgewidth": 0.7,
    }


def text(figure: Figure, left: float, top: float, words: str, **options: object) -> None:
    """Text whose first baseline starts at a place in millimetres from the figure's upper left corner."""
    figure.text(left / WIDTH, 1 - top / (figure.get_figheight() * 25.4), shown(words), va="baseline", **options)


def shown(words: str) -> str:
    """Words escaped for matplotlib: a dollar starts no formula; L₁ and L₂² become formulas, as bold lacks these digits."""
    return legible(words).replace("$", r"\$").replace("L₁", "$L_1$").replace("L₂²", "$L_2^2$")


def legible(words: str) -> str:
    """The words with letters that the fonts lack as their codes, [U+65E5], instead of as empty boxes."""
    known = (letter for letter in words if unicodedata.category(letter) != "Cf")  # without invisible marks
    return "".join(letter if ord(letter) in _letters() else f"[U+{ord(letter):04X}]" for letter in known)


@cache
def _letters() -> frozenset[int]:
    return frozenset().union(*(FT2Font(findfont(name)).get_charmap() for name in FONTS), map(ord, " \n"))


def few_ticks(axis: Axis, most: int) -> None:
    """Label every second, third ... of an axis's categories, so that there are at most `most`."""
    labels = [label.get_text() for label in axis.get_ticklabels()]
    step = math.ceil(len(labels) / most)
    axis.set_ticks(axis.get_ticklocs()[::step], labels[::step])


def log_ticks(axis: Axis) -> None:
    """A logarithmic axis with few ticks, written out, whatever its length."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def room(axes: Axes, of: Literal["x", "y", "both"] = "both", most: int = 5) -> None:
    """At most so many ticks; around a single value, or values that are nearly equal, half of it to either side."""
    axes.locator_params(of, nbins=most)
    for name in of.replace("both", "xy"):
        low, high = getattr(axes.dataLim, f"interval{name}")
        middle = (low + high) / 2
        if 0 <= high - low <= NEARLY * abs(middle):  # not where there are no data, and the interval is infinite
            reach = abs(middle) / 2 or 1.0
            axes.set(**{f"{name}lim": (middle - reach, middle + reach)})
            axes.locator_params(of, nbins=3)


def small(figure: Figure, left: float, top: float, lines: list[str]) -> None:
    """Lines of small grey type below each other."""
    for index, line in enumerate(lines):
        text(figure, left, top + NOTE_LINE * index, line, fontsize=NOTE_SIZE, color="0.35")


def label(score: str, cost: str) -> str:
    """A score as an axis label: name, unit (only the reconstruction has one), and an arrow in the better direction."""
    unit = f" ({COSTS[cost].unit})" if score == "log_reconstruction" else ""
    return f"{facts(score).label}{unit} {facts(score).arrow}"


def scores(table: pd.DataFrame, ending: str = "") -> list[str]:
    """The scores of which a table has a column with any value, in their order."""
    known = {f"{score}{ending}": score for score in (*PAPER, *SCORES)}
    return [known[column] for column in table if column in known and table[column].notna().any()]


LEGEND_LINE, LABEL, ENTRY, KEY = 4.0, 62.0, 4.0, 7.0
"""Millimetres: from line to line of a legend, of a label at most, between two entries, and of the key before a label."""


def legend(figure: Figure, top: float, handles: Sequence[Line2D]) -> None:
    """A legend without a frame, centred, its first line at a height in millimetres from the figure's upper edge.

    Labels are shortened, and the lines hold as many of them as fit.
    """
    columns = _columns([handle.get_label() for handle in handles])
    for handle in handles:
        handle.set_label(shown(wrap(handle.get_label(), LABEL, lines=1)[0]))
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1 - (top - 3) / (figure.get_figheight() * 25.4)),
        ncols=columns, frameon=False, handlelength=1.8, columnspacing=1.2, handletextpad=0.4, fontsize=NOTE_SIZE,
    )  # fmt: skip


def legend_height(labels: Sequence[str]) -> float:
    """Millimetres that a legend's second and further lines need."""
    return LEGEND_LINE * (math.ceil(len(labels) / _columns(labels)) - 1)


def _columns(labels: Sequence[str]) -> int:
    widest = max(_width(wrap(label, LABEL, lines=1)[0]) for label in labels)
    return max(1, min(len(labels), int((WIDTH + ENTRY) / (KEY + widest + ENTRY))))
