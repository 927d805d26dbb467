"""Image figures: every picture where it belongs."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figures import synthetic
from tcwae.errors import InputError
from tcwae.figures import images, latent_traversals, reconstructions, samples, style, traversals
from tcwae.study import names
from tcwae.study.results import load


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load(synthetic.write(tmp_path_factory.mktemp("images") / "small"))


def picture(axes):
    return np.asarray(axes.images[0].get_array())


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_a_mosaic_is_its_images_between_white_seams(rows, columns, channels, seed):
    tiles = np.random.default_rng(seed).integers(0, 255, (rows, columns, 8, 8, channels), dtype=np.uint8)
    whole = images.mosaic(tiles)
    pitch = 8 + images.SEAM
    seam = np.ones(whole.shape[:2], dtype=bool)
    for row in range(rows):
        for column in range(columns):
            place = np.s_[row * pitch : row * pitch + 8, column * pitch : column * pitch + 8]
            assert (whole[place] == tiles[row, column]).all()
            seam[place] = False
    assert (whole[seam] == 255).all()
    assert whole.shape == (rows * pitch - images.SEAM, columns * pitch - images.SEAM, 3)


@pytest.mark.parametrize(("kind", "array"), [(reconstructions, "reconstructions"), (samples, "samples")])
def test_the_first_row_is_the_data_and_each_other_row_a_method(results, kind, array):
    shown = kind.data(results, "grid")
    assert [own.row for own in shown] == list(synthetic.METHODS)
    (figure,) = kind.draw(shown, "")
    expected = [shown[0].arrays["inputs"], *(own.arrays[array] for own in shown)]
    for axes, row in zip(figure.axes, expected, strict=True):
        assert (picture(axes) == images.mosaic(row[None, :10])).all()
    tops = [axes.get_position().y1 for axes in figure.axes]
    assert tops == sorted(tops, reverse=True)


def test_the_run_that_is_shown_is_the_selected_best_one(results):
    best = results.selection[results.selection["selected"]].set_index("method")["best_run"]
    for own in samples.data(results, "grid"):
        assert own.run == best[own.row]


def test_rows_of_a_traversal_are_in_the_order_of_the_kl(results):
    shown = traversals.data(results, "grid")
    (figure,) = traversals.draw(shown, "")
    for axes, own in zip(figure.axes, shown, strict=True):
        labels = [label.get_text().split() for label in axes.get_yticklabels()]
        divergences = [float(kl) for _, kl in labels]
        assert divergences == sorted(divergences)
        latents = [int(name.strip("$z_{}")) for name, _ in labels]
        np.testing.assert_allclose(own.arrays["latent_kl"][latents], divergences, atol=5e-3)
        assert (picture(axes) == images.mosaic(own.arrays["traversals"][0][latents])).all()


def test_latents_have_the_numbers_of_the_files(results):
    shown = latent_traversals.data(results, "grid")
    for figure, part in zip(latent_traversals.draw(shown, ""), style.pages(shown, 3), strict=False):
        for axes, own in zip(figure.axes, np.repeat(np.array(part, object), latent_traversals.LATENTS), strict=False):
            (label,) = axes.get_yticklabels()
            latent = int(label.get_text().strip("$z_{}"))
            assert (picture(axes) == images.mosaic(own.arrays["traversals"][:, latent])).all()


@given(st.permutations(range(6)))
def test_the_order_does_not_depend_on_the_networks_order(permutation):
    kl = np.array([0.1, 0.5, 0.2, 3.0, 1.0, 0.0], dtype=np.float32)
    moved = kl[list(permutation)]
    assert (moved[traversals.order(moved)] == np.sort(kl)).all()


@pytest.mark.parametrize(("blocks", "latents", "steps"), [(1, 10, 7), (5, 10, 7), (5, 10, 10), (9, 10, 10), (2, 20, 7)])
def test_traversals_fit_the_page(blocks, latents, steps):
    columns, side = traversals._fit(blocks, latents, steps, 9.2)
    wide = columns * (traversals.LABEL + side * steps) + (columns - 1) * traversals.GAP
    high = -(-blocks // columns) * (9.2 + side * latents + traversals.AXIS)
    assert wide <= 160 + 1e-9
    assert high <= style.TALLEST + 1e-9


def test_a_method_that_always_diverged_is_left_out_and_named(tmp_path):
    runs = tuple(f"dsprites/beta_tcvae/cross_entropy/beta=2/seed={seed}" for seed in synthetic.SEEDS)
    methods = {"wae_mmd": {"lambda": [10.0]}, "beta_tcvae": {"beta": [2.0]}}
    results = load(synthetic.write(tmp_path / "small", methods, runs))
    assert [own.row for own in samples.data(results, "grid")] == ["wae_mmd"]
    note = samples.note(results, "grid").replace(names.NO_BREAK, " ")
    assert "2 runs diverged (β-TCVAE, β = 2, seed 0; β-TCVAE, β = 2, seed 1)" in note


def test_runs_that_were_shown_different_inputs_are_refused(tmp_path):
    methods = {"wae_mmd": {"lambda": [10.0]}, "beta_tcvae": {"beta": [2.0]}}
    results = load(synthetic.write(tmp_path / "small", methods, ()))
    run = results.best("grid")["best_run"].iloc[1]
    with h5py.File(results.folder / "runs" / run / "images.h5", "r+") as file:
        file["inputs"][0, 0, 0] ^= 255
    with pytest.raises(InputError, match=r"expected the same inputs in .*wae_mmd.* and .*beta_tcvae"):
        reconstructions.data(results, "grid")


def test_a_damaged_file_is_named(tmp_path):
    results = load(synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0]}}, ()))
    path = results.folder / "runs" / results.best("grid")["best_run"].iloc[0] / "images.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"images\.h5: expected a readable HDF5 file"):
        samples.data(results, "grid")
    path.unlink()
    with pytest.raises(InputError, match=r"images\.h5: expected a readable HDF5 file"):
        samples.data(results, "grid")
    with h5py.File(path, "w") as file:
        file["inputs"] = 0
    with pytest.raises(InputError, match=r"images\.h5: expected the data set 'samples', found inputs"):
        samples.data(results, "grid")
