"""A prepared file described and drawn."""

import hashlib
import re

import numpy as np
import pytest
from PIL import Image

import tcwae
from tcwae.data.prepared import Prepared, factor_grid, write
from tcwae.data.show import describe, sheet
from tcwae.errors import InputError

SIZES = (2, 3, 4)


def toys(**changes):
    """Each image is of one grey, which tells its index."""
    grey = np.arange(24, dtype=np.uint8) * 10
    given = {
        "name": "toys",
        "source": "rendered",
        "images": np.broadcast_to(grey[:, None, None, None], (24, 64, 64, 1)),
        "factors": factor_grid(SIZES),
        "factor_names": ("kind", "instance", "size"),
        "factor_sizes": SIZES,
        "latent_factor_indices": (0, 2),
        "provenance": {"drawn": "by hand"},
    }
    return Prepared(**(given | changes))


def described(prepared, path):
    write(prepared, path)
    lines = [line.split(":", 1) for line in describe(path).splitlines()]
    assert len(lines) == 10
    return {key: value.strip() for key, value in lines}


def test_a_file_is_described(tmp_path):
    lines = described(toys(), tmp_path / "toys.h5")
    assert lines["data set"] == "toys, rendered"
    assert lines["images"] == "24 of 64 x 64, grey, one byte a pixel and channel"
    assert lines["factors"] == "kind (2), instance (3, not scored), size (4)"
    assert lines["attributes"] == "none"
    assert lines["origin"] == "drawn by hand"
    assert lines["archive SHA-256"] == "none"
    assert lines["images SHA-256"] == hashlib.sha256(toys().images.tobytes()).hexdigest()
    assert lines["pixels"].startswith("from 0 to 230 of 255, mean ")
    mean = float(re.search(r"mean ([.\d]+)", lines["pixels"])[1])
    assert mean == pytest.approx(115 / 255, abs=0.02)
    assert lines["pixels"].endswith("in an image 0.000")


def test_whatever_the_provenance_it_is_ten_lines(tmp_path):
    origin = {"archive": "a.zip", "crop": "140", "resize": "Lanczos"}
    checksums = {"archive_sha256": "0" * 64, "attributes_sha256": "1" * 64}
    lines = described(toys(provenance=origin | checksums), tmp_path / "toys.h5")
    assert lines["origin"] == "archive a.zip, crop 140, resize Lanczos"
    assert lines["archive SHA-256"] == "0" * 64 + " " + "1" * 64
    assert lines["versions"].startswith(f"tcwae {tcwae.__version__}, numpy ")
    assert described(toys(provenance={}), tmp_path / "toys.h5")["origin"] == "not known"


def tiles(path):
    """The grey in the middle of each tile of a sheet, row by row, and where its rows of sweeps begin."""
    picture = np.asarray(Image.open(path))
    left = picture.shape[1] - 12 * 66
    return picture[32::66, left + 32 :: 66, 0] / 10, left


def test_sweeps_change_one_factor(tmp_path):
    write(toys(), tmp_path / "toys.h5")
    sheet(tmp_path / "toys.h5", tmp_path / "toys.png")
    drawn, _ = tiles(tmp_path / "toys.png")
    assert drawn.shape == (8, 12)
    np.testing.assert_array_equal(drawn[5, :2], [5, 17])  # kind, with instance 1 and size 1
    np.testing.assert_array_equal(drawn[6, :3], [1, 5, 9])
    np.testing.assert_array_equal(drawn[7, :4], [4, 5, 6, 7])
    assert (drawn[7, 4:] == 25.5).all()


def test_attributes_grow_along_their_row(tmp_path):
    values = np.random.default_rng(0).permutation(24).astype(np.float32)[:, None]
    changes = {"factors": None, "factor_names": (), "factor_sizes": (), "latent_factor_indices": ()}
    write(toys(attributes=values, attribute_names=("smile",), **changes), tmp_path / "toys.h5")
    sheet(tmp_path / "toys.h5", tmp_path / "toys.png")
    drawn, _ = tiles(tmp_path / "toys.png")
    assert drawn.shape == (6, 12)
    shown = values[drawn[5].astype(int), 0]
    assert (np.diff(shown) > 0).all()
    assert (shown[0], shown[-1]) == (0, 23)


@pytest.mark.parametrize("images", [np.full((24, 64, 8), 255, np.uint8), np.full((24, 64, 64, 3), 255, np.uint8)])
def test_white_is_white_in_any_form(tmp_path, images):
    write(toys(images=images), tmp_path / "toys.h5")
    sheet(tmp_path / "toys.h5", tmp_path / "toys.png")
    assert (tiles(tmp_path / "toys.png")[0] == 25.5).all()


def test_what_is_no_data_or_no_picture_is_refused(tmp_path):
    write(toys(), tmp_path / "toys.h5")
    with pytest.raises(InputError, match=r"ends in \.png, found \.jpg"):
        sheet(tmp_path / "toys.h5", tmp_path / "toys.jpg")
    (tmp_path / "other.h5").write_text("hello")
    for show in (describe, lambda path: sheet(path, tmp_path / "other.png")):
        with pytest.raises(InputError, match="another kind"):
            show(tmp_path / "other.h5")
    assert {path.name for path in tmp_path.iterdir()} == {"toys.h5", "other.h5"}
