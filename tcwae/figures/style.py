"""The common look of the figures: size, type, and how they are written.

A method's colour and marker stand beside its settings (`tcwae.config.methods`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from seaborn.utils import relative_luminance

from tcwae.config.costs import COSTS
from tcwae.config.methods import METHODS
from tcwae.config.scores import PAPER, SCORES, facts
from tcwae.files import atomic

__all__ = [
    "LINES",
    "WIDTH",
    "axes",
    "colour",
    "ink",
    "label",
    "legend",
    "line",
    "log_ticks",
    "look",
    "mathematics",
    "new",
    "save",
    "scores",
    "small",
    "text",
    "wrap",
]

WIDTH = 160.0
"""Millimetres: the text width of the report's A4 page. Figures are drawn at the size at which they are printed."""

LINES, SHADES = ("-", "--", ":"), ((0.0, 0.0), (0.5, 1.0), (0.5, 0.0))
"""Of the first, second and third row of one method: its line, and how much of which grey (1 is white) is in its colour."""

LOOK = {
    "font.family": "STIXGeneral",
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


def wrap(words: str, width: float, weight: str = "normal") -> list[str]:
    """Break small type (`NOTE_SIZE`) into lines no wider than `width` millimetres."""
    renderer, font = FigureCanvasAgg(Figure(dpi=720)).get_renderer(), FontProperties(size=NOTE_SIZE, weight=weight)
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".lstrip(" ")
        drawn = mathematics(longer)
        if renderer.get_text_width_height_descent(drawn, font, "$" in drawn)[0] / 720 * 25.4 > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


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
    return {
        "color": colour(method, twin),
        "marker": METHODS[method].marker,
        "linestyle": LINES[twin % len(LINES)],
        "linewidth": 0.9,
        "markersize": 3.5,
        "markeredgewidth": 0.7,
    }


def text(figure: Figure, left: float, top: float, words: str, **options: object) -> None:
    """Text whose first baseline starts at a place in millimetres from the figure's upper left corner."""
    figure.text(left / WIDTH, 1 - top / (figure.get_figheight() * 25.4), mathematics(words), va="baseline", **options)


def mathematics(words: str) -> str:
    """The words with L₁ and L₂² as formulas: the font's bold has no such digits."""
    return words.replace("L₁", "$L_1$").replace("L₂²", "$L_2^2$")


def log_ticks(axis: Axis) -> None:
    """A logarithmic axis whose ticks are few and written out, however short or long it is."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def small(figure: Figure, left: float, top: float, lines: list[str]) -> None:
    """Lines of small grey type below each other."""
    for index, line in enumerate(lines):
        text(figure, left, top + NOTE_LINE * index, line, fontsize=NOTE_SIZE, color="0.35")


def label(score: str, cost: str) -> str:
    """A score as an axis says it: name, unit, and an arrow to where better is; all but the reconstruction have no unit."""
    unit = f" ({COSTS[cost].unit})" if score == "log_reconstruction" else ""
    return f"{facts(score).label}{unit} {facts(score).arrow}"


def scores(table: pd.DataFrame, ending: str = "") -> list[str]:
    """The scores that a table has columns of, in their order."""
    known = {f"{score}{ending}": score for score in (*PAPER, *SCORES)}
    return [known[column] for column in table if column in known]


def legend(figure: Figure, top: float, handles: Sequence[Line2D], columns: int | None = None) -> None:
    """A legend without a frame, centred, its first line at a height in millimetres from the figure's upper edge."""
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1 - (top - 3) / (figure.get_figheight() * 25.4)),
        ncols=columns or len(handles), frameon=False, handlelength=1.8, columnspacing=1.2, handletextpad=0.4, fontsize=8,
    )  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    """Write a vector PDF for the report, and beside it the same as SVG for the web; byte-identical for an identical figure.

    Raises:
        OSError: one cannot be written.
    """
    for file, date in ((path.with_suffix(".svg"), "Date"), (path, "CreationDate")):
        with atomic(file) as temporary:
            figure.savefig(temporary, format=file.suffix[1:].lower(), metadata={date: None})
