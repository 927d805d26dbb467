"""The common look, whatever the user's own settings are."""

import os
import subprocess
import sys

import matplotlib
import pytest
from patience import HANG

from tcwae.figures import style
from tcwae.figures.save import save

USER = {
    "text.usetex": True,
    "axes.grid": True,
    "axes.facecolor": "red",
    "lines.linewidth": 9,
    "savefig.dpi": 30,
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "figure.constrained_layout.use": True,
    "font.size": 30,
    "axes.unicode_minus": False,
}


def drawn(path):
    with style.look():
        figure = style.new(30.0, "a note on where this is from")
        style.axes(figure, 20.0, 2.0, 60.0, 20.0).plot([-1, 2, 3], label="a row")
        save(figure, path)
    return path.read_bytes()


@pytest.mark.parametrize(("values", "limits"), [
    ([2.0, 2.0], (1, 3)), ([7.94820, 7.94821], (3.97, 11.92)), ([-4.0], (-6, -2)), ([0.0], (-1, 1)),
])  # fmt: skip
def test_around_values_that_are_nearly_equal_there_is_room_and_no_offset(values, limits):
    with style.look():
        figure = style.new(30.0, "")
        axes = style.axes(figure, 20.0, 2.0, 40.0, 20.0)
        axes.plot(values, [1.0] * len(values))
        style.room(axes)
        figure.draw_without_rendering()
        assert axes.get_xlim() == pytest.approx(limits, abs=0.01)
        assert axes.xaxis.get_major_formatter().get_offset() == ""


def test_a_users_settings_do_not_reach_a_figure(tmp_path):
    expected = drawn(tmp_path / "figure.pdf")
    with matplotlib.rc_context(USER):
        assert drawn(tmp_path / "figure.pdf") == expected
        assert {key: matplotlib.rcParams[key] for key in USER} == USER


def test_a_users_file_and_backend_break_nothing(tmp_path):
    (tmp_path / "matplotlibrc").write_text("backend: TkAgg\ntext.usetex: True\n", encoding="utf-8")
    command = [sys.executable, "-m", "tcwae", "plot", "first", "violins", "--results", "none", "--output", "figure.pdf"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"MPLBACKEND": "nonsense"}, capture_output=True, encoding="utf-8",
        timeout=HANG, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.startswith("tcwae plot: ")) == (2, True), done.stderr
