"""Whether a figure can be read."""

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text

from tcwae.figures import style


def faults(figure):
    """What of a figure stands where it cannot be read."""
    figure.set_dpi(144)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, (wide, high) = canvas.get_renderer(), figure.bbox.size
    hidden = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in labels_beyond(axis)}
    texts = [
        (text, text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]
    found = [f"{high / 144 * 25.4:.0f} mm high"] if high / 144 * 25.4 > style.TALLEST + 15 else []
    for text, box in texts:
        if box.x0 < -2 or box.x1 > wide + 2 or box.y0 < -2 or box.y1 > high + 2:
            found.append(f"{text.get_text()!r} is cut")
        if "nan" in text.get_text().split():
            found.append(f"{text.get_text()!r} is no number")
    for (one, box), (other, other_box) in itertools.combinations(texts, 2):
        across, down = (
            min(box.x1, other_box.x1) - max(box.x0, other_box.x0),
            min(box.y1, other_box.y1) - max(box.y0, other_box.y0),
        )
        labels = isinstance(one, Annotation) and isinstance(other, Annotation)  # of points, put where they cover least
        if across > 1.5 and down > 2.5 and not labels and one.get_text() != other.get_text():
            found.append(f"{one.get_text()!r} covers {other.get_text()!r}")
    return found


def labels_beyond(axis):
    """Labels of ticks outside of what an axis shows, which are not drawn."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [
        label
        for tick in ticks
        for label in (tick.label1, tick.label2)
        if not low - slack <= tick.get_loc() <= high + slack
    ]
