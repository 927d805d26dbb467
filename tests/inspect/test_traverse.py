"""Animated traversals: each frame is what the decoder says, in every format, and what cannot be is refused in one line."""

import sys

import av
import numpy as np
import pytest
from inspect_runs import KL, make_run
from PIL import Image, ImageSequence

import tcwae
from tcwae.cli.main import main
from tcwae.inspect.explore.page import images
from tcwae.inspect.traverse import DURATION, FRAMES, GAP, LINE, SIDE, STEPS, traverse


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("traverse") / "run")


def expected(run, latent, move, image=0):
    """A picture as Python's interface decodes it, in [0, 255]."""
    inputs, _ = images(run)
    return 255 * tcwae.load(run).traverse(inputs[image], int(latent), (float(move),) * 2, steps=1)[0, ..., 0]


def tile(frame, place):
    """The pixels of a latent's tile, at their own size."""
    left = GAP + place * (SIDE + GAP)
    return np.asarray(frame.convert("L"), float)[GAP : GAP + SIDE : SIDE // 64, left : left + SIDE : SIDE // 64]


@pytest.mark.parametrize(("suffix", "error"), [(".webp", 6), (".gif", 6), (".mp4", 12)])
def test_an_animation_moves_each_latent_as_a_sine_by_its_kl(run, tmp_path, suffix, error):
    output = tmp_path / f"moves{suffix}"
    assert main(["traverse", str(run), "--output", str(output), "--reach", "3", "--image", "1"]) == 0
    if suffix == ".mp4":
        with av.open(str(output)) as video:
            frames = [frame.to_image() for frame in video.decode(video=0)]
            assert float(video.duration) / av.time_base == pytest.approx(FRAMES * DURATION / 1000, abs=0.1)
    else:
        with Image.open(output) as file:
            assert file.info["loop"] == 0
            frames = [  # equal ones that follow each other are one that stands longer
                still
                for frame in ImageSequence.Iterator(file)
                for still in [frame.convert("RGB")] * round(frame.info["duration"] / DURATION)
            ]
    assert len(frames) == FRAMES
    assert frames[0].size == (4 * (SIDE + GAP) + GAP, SIDE + LINE + 2 * GAP)
    for number in (0, FRAMES // 4, 3 * FRAMES // 4):
        move = 3 * np.sin(2 * np.pi * number / FRAMES)
        for place, latent in enumerate(np.argsort(-KL)):
            assert abs(tile(frames[number], place) - expected(run, latent, move, image=1)).mean() < error


def test_a_still_has_a_row_for_each_latent_that_was_asked_for(run, tmp_path):
    traverse(run, tmp_path / "still.png", [2, 0])
    whole = np.asarray(Image.open(tmp_path / "still.png").convert("L"), float)
    for row, latent in enumerate((2, 0)):
        for column, move in enumerate(np.linspace(-2, 2, STEPS)):
            top, left = GAP + row * (SIDE + GAP), SIDE + column * (SIDE + GAP)
            shown = whole[top : top + SIDE : 2, left : left + SIDE : 2]
            assert abs(shown - expected(run, latent, move)).max() <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "moves.avi"], "expected a name that ends in .gif, .webp, .mp4, .png, found .avi"),
        (["--output", "moves.gif", "--latents", "4"], "expected latents from 0 to 3, found 4"),
        (["--output", "moves.gif", "--image", "3"], "expected an image from 0 to 2, found 3"),
    ],
)
def test_what_cannot_be_is_refused(run, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    assert main(["traverse", str(run), *words]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_its_package_mp4_is_refused_with_what_to_install(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["traverse", str(run), "--output", str(tmp_path / "moves.mp4")]) == 2
    assert "pip install 'tcwae[video]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
