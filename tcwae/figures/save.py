"""How figures are written: a PDF for the report and an SVG for the web page."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from tcwae.files import atomic

__all__ = ["save"]


def save(drawn: Figure | Sequence[Figure], path: Path) -> None:
    """Write a vector PDF for the report, a page a figure, and the same as SVG for the web, the figures below each other.

    Identical figures give identical bytes.

    Raises:
        OSError: one cannot be written.
    """
    figures = [drawn] if isinstance(drawn, Figure) else drawn
    with atomic(path.with_suffix(".svg")) as temporary:
        temporary.write_text(_below_each_other([_svg(figure) for figure in figures]), encoding="utf-8")
    with atomic(path) as temporary, PdfPages(temporary, metadata={"CreationDate": None}) as pages:
        for figure in figures:
            pages.savefig(figure)


def _svg(figure: Figure) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def _below_each_other(parts: Sequence[str]) -> str:
    """One SVG of several: each keeps its own coordinates, as an inner one. A unit of the outer one is a point."""
    if len(parts) == 1:
        return parts[0]
    inner, top, width = [], 0.0, 0.0
    for part in parts:
        wide, high = (float(re.search(rf'{side}="([0-9.]+)pt"', part)[1]) for side in ("width", "height"))
        # matplotlib numbers its definitions alike in each figure
        inner_svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>p{len(inner)}-", part[part.index("<svg") :])
        inner_svg = re.sub(
            r'(width|height)="([0-9.]+)pt"', r'\1="\2"', inner_svg, count=2
        )  # units of the outer one: a pt is 4/3 of its
        inner.append(inner_svg.replace("<svg ", f'<svg y="{top}" ', 1))
        top, width = top + high, max(width, wide)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{top}pt" viewBox="0 0 {width} {top}">'
    return "\n".join([head, *inner, "</svg>", ""])
