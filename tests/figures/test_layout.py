"""Figures of studies of any shape: nothing over the edge, nothing over something else, nothing that is no number."""

import made_up
import pytest
from matplotlib.figure import Figure

from figures.readable import faults
from tcwae.figures import style
from tcwae.figures.plot import KINDS, plot, silence
from tcwae.study.results import load

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
SHAPES = {
    "one run": {"rows": 1, "settings": 1, "seeds": 1},
    "sixty settings": {"rows": 2, "settings": 60, "seeds": 1},
    "many rows": {"rows": 13, "settings": 2, "seeds": 1},
    "no factors": {"rows": 3, "settings": 2, "seeds": 2, "dataset": "celeba", "latent_dimension": 20},
    "odd names": {"rows": 6, "settings": 2, "seeds": 1, "called": f"it costs $5 or $x$ \\frac 日本 🦄 Ж {WORD}"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_figure_can_be_read(shape, tmp_path):
    folder = tmp_path / "results"
    study = made_up.write(made_up.study(**SHAPES[shape]), folder)
    results = load(folder)
    for kind in (kind for kind in study.experiments["only"].shows if kind in KINDS):
        if silence(results, "only", kind):
            continue
        module = KINDS[kind]
        with style.look():
            drawn = module.draw(module.data(results, "only"), module.note(results, "only"))
            for figure in [drawn] if isinstance(drawn, Figure) else drawn:
                assert faults(figure) == [], kind


@pytest.mark.parametrize("kind", KINDS)
def test_where_all_diverged_the_figure_says_so(kind, diverged, tmp_path):
    plot("only", kind, diverged, tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert silence(load(diverged), "only", kind) == "no run finished"


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diverged") / "results"
    made_up.write(made_up.study(rows=2, settings=4), folder, diverged=lambda run: True)
    return folder


def test_words_are_broken_where_they_must_be():
    lines = style.wrap(f"a {WORD}", 30.0)
    assert "".join(lines) == f"a{WORD}"
    assert len(lines) > 2
    assert style.wrap(f"a {WORD}", 30.0, lines=1)[0].endswith("…")


def test_what_the_fonts_lack_is_shown_by_its_code():
    assert style.legible("Ж β 日") == "Ж β [U+65E5]"


@pytest.mark.parametrize(("count", "most", "sizes"), [(0, 3, [0]), (3, 3, [3]), (4, 3, [2, 2]), (25, 6, [5] * 5)])
def test_parts_are_as_equal_as_can_be(count, most, sizes):
    assert [len(part) for part in style.pages(list(range(count)), most)] == sizes
