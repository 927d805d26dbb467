"""The files of a figure that goes on over several pages."""

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from tcwae.figures import style
from tcwae.figures.save import save

SVG = "{http://www.w3.org/2000/svg}"


def drawn(height):
    """A figure with a clipped line, whose clip path has a name."""
    figure = style.new(height, "note")
    axes = style.axes(figure, 10.0, 2.0, 100.0, height - 5.0)
    axes.plot([0, 1], [0, 1])
    return figure


def test_figures_stand_below_each_other_at_their_size_and_keep_their_own_definitions(tmp_path):
    with style.look():
        figures: list[Figure] = [drawn(30.0), drawn(50.0)]
        save(figures, tmp_path / "both.pdf")
    root = ElementTree.parse(tmp_path / "both.svg").getroot()
    first, second = root.findall(f"{SVG}svg")
    left, top, width, height = map(float, root.get("viewBox").split())
    assert (left, top) == (0, 0)
    assert (
        float(root.get("width").removesuffix("pt")) == width == float(first.get("width")) == float(second.get("width"))
    )
    assert float(first.get("y")) == 0
    assert float(second.get("y")) == float(first.get("height"))
    assert height == float(first.get("height")) + float(second.get("height"))
    for figure, part in zip(figures, (first, second), strict=True):
        assert float(part.get("height")) == pytest.approx(figure.get_figheight() * 72, abs=1e-5)
    names = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(names)) == len(names)
    text = (tmp_path / "both.svg").read_text(encoding="utf-8")
    assert set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text)) <= set(names)
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "both.pdf").read_bytes())) == 2
