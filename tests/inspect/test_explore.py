"""The page of `tcwae explore`: whole in one file, and its decoder is PyTorch's."""

import json
import re

import h5py
import numpy as np
import pytest
from browser import settle
from inspect_runs import KL, make_run

import tcwae
from tcwae.cli.main import main
from tcwae.errors import InputError
from tcwae.inspect.explore.page import explore


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1])


def test_the_page_holds_the_latents_by_their_kl(tmp_path):
    run = make_run(tmp_path / "runs" / "seed=3", seed=3)
    assert main(["explore", str(run), "--output", str(tmp_path / "page.html")]) == 0
    data = data_of(tmp_path / "page.html")
    assert data["source"] == "dSprites, rendered"
    (found,) = data["runs"]
    assert found["order"] == [1, 3, 0, 2]
    assert found["kl"] == KL.tolist()
    assert found["title"] == "β-VAE, β\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}4, seed 3"
    with h5py.File(run / "images.h5") as file:
        np.testing.assert_allclose(found["codes"], tcwae.load(run).encode(file["inputs"][()]).mean, rtol=1e-6)
    assert all(reach >= max(3, 1.2 * abs(code)) for code, reach in zip(found["codes"][0], found["reach"], strict=True))


def test_the_page_names_nothing_outside_itself_and_no_place_of_this_machine(tmp_path):
    explore([make_run(tmp_path / "run")], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert not re.search(r"""https?:|\b(src|href)=|@import|url\(""", text)
    assert str(tmp_path) not in text


def test_names_cannot_break_out_of_the_data(tmp_path):
    run = make_run(tmp_path / "<script>alert(1)<" / "{{page.js}}")
    explore([run, make_run(tmp_path / "other")], tmp_path / "page.html")
    assert data_of(tmp_path / "page.html")["runs"][0]["name"] == "<script>alert(1)</{{page.js}}"


def test_what_cannot_be_shown_is_refused(tmp_path):
    good, page = make_run(tmp_path / "good"), tmp_path / "page.html"
    with pytest.raises(InputError, match="expected a training that finished, found one that diverged"):
        explore([make_run(tmp_path / "bad", status="diverged", term="kl")], page)
    with pytest.raises(InputError, match="expected the images of the first run"):
        explore([good, make_run(tmp_path / "colour", channels=3)], page)
    with pytest.raises(FileNotFoundError):
        explore([tmp_path / "none"], page)
    (good / "images.h5").write_bytes(b"damaged")
    with pytest.raises(InputError, match="expected the images of an evaluation"):
        explore([good], page)
    (good / "images.h5").unlink()
    with pytest.raises(InputError, match="run `tcwae evaluate` first"):
        explore([good], page)
    assert not page.exists()


def picture(page, column=0, channels=1):
    """What the canvas shows, in [0, 1]."""
    canvas = page.locator("canvas[aria-label=decoded]").nth(column)
    pixels = canvas.evaluate("(canvas) => Array.from(canvas.getContext('2d').getImageData(0, 0, 64, 64).data)")
    return np.reshape(pixels, (64, 64, 4))[..., :channels] / 255


def codes_shown(page, column=0):
    return page.evaluate(f"Array.from(columns[{column}].code)")


@pytest.mark.browser
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
def test_a_moved_slider_shows_what_pytorch_decodes(channels, opened, tmp_path):
    run = make_run(tmp_path / "run", channels)
    explore([run], tmp_path / "page.html")
    page, model = opened(tmp_path / "page.html"), tcwae.load(run)
    with h5py.File(run / "images.h5") as file:
        mean = model.encode(file["inputs"][()]).mean
    np.testing.assert_allclose(picture(page, channels=channels), model.decode(mean[:1])[0], atol=1e-2)
    page.get_by_title("start from input 2").click()
    page.get_by_label("z3").fill("-1.75")  # the second slider: latent 3 has the second largest KL
    settle(page)
    code = mean[2:3].copy()
    code[0, 3] = -1.75
    expected = model.decode(code)[0]
    np.testing.assert_allclose(picture(page, channels=channels), expected, atol=1e-2)
    assert np.ptp(expected) > 0.5
    assert abs(expected - model.decode(mean[2:3])[0]).max() > 0.05


@pytest.mark.browser
def test_sliders_are_ordered_and_follow_the_mouse(opened, tmp_path):
    run = make_run(tmp_path / "run")
    explore([run], tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    assert [text.split()[0] for text in page.locator("label").all_inner_texts()] == ["z1", "z3", "z0", "z2"]
    page.get_by_text("z = 0").click()
    box = page.locator("input").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"], box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    settle(page)
    code = np.array([codes_shown(page)])
    assert code[0, 1] > 2.9
    assert np.count_nonzero(code) == 1
    np.testing.assert_allclose(picture(page), tcwae.load(run).decode(code)[0], atol=1e-2)


@pytest.mark.browser
def test_two_runs_stand_side_by_side_and_start_from_the_same_image(opened, tmp_path):
    runs = [make_run(tmp_path / f"seed={seed}", seed=seed) for seed in (0, 1)]
    explore(runs, tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    left, right = (section.bounding_box() for section in page.locator("section").all())
    assert left["x"] + left["width"] < right["x"]
    assert left["y"] == right["y"]
    page.get_by_title("start from input 1").click()
    settle(page)
    with h5py.File(runs[0] / "images.h5") as file:
        inputs = file["inputs"][1:2]
    for column, run in enumerate(runs):
        model = tcwae.load(run)
        np.testing.assert_allclose(picture(page, column), model.decode(model.encode(inputs).mean)[0], atol=1e-2)
    page.get_by_text("z ~ p(z)").click()
    settle(page)
    for column, run in enumerate(runs):
        expected = tcwae.load(run).decode(np.array([codes_shown(page, column)]))[0]
        np.testing.assert_allclose(picture(page, column), expected, atol=1e-2)


@pytest.mark.browser
def test_the_picture_after_many_moves_is_that_of_the_last(opened, tmp_path):
    """Moves come faster than pictures can be decoded; some may be left out, the last may not."""
    run = make_run(tmp_path / "run", channels=3)
    explore([run], tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    page.evaluate("""() => {
        const slider = document.querySelector("input");
        for (let step = 0; step < 60; step++) {
            slider.value = Math.sin(step / 10);
            slider.dispatchEvent(new Event("input"));
        }
    }""")
    settle(page)
    expected = tcwae.load(run).decode(np.array([codes_shown(page, 0)]))[0]
    np.testing.assert_allclose(picture(page, channels=3), expected, atol=1e-2)


@pytest.mark.browser
def test_from_training_to_the_page(opened, small_data, tmp_path):
    run = str(tmp_path / "run")
    settings = "--dataset dsprites --method factor_vae --gamma 5 --iterations 2 --batch-size 4".split()
    assert main(["train", *settings, "--data", str(small_data), "--output", run]) == 0
    assert main(["evaluate", "--run", run, "--data", str(small_data)]) == 0
    assert main(["explore", run, "--output", str(tmp_path / "page.html")]) == 0
    page = opened(tmp_path / "page.html")
    with h5py.File(tmp_path / "run" / "images.h5") as file:
        np.testing.assert_allclose(picture(page), file["reconstructions"][0] / 255, atol=1e-2)
    assert "β" not in page.locator("h2").inner_text()
