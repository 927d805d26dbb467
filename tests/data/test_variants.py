"""The variants of dSprites from their preparation to the batch."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from tcwae.config.datasets import PUBLISHED
from tcwae.data.images import Images
from tcwae.data.prepared import Blocks, Prepared, on_grid, read, write
from tcwae.data.rendered import backdrop
from tcwae.data.show import describe, sheet
from tcwae.data.variants import MINI, mini, read_picture, variant
from tcwae.errors import InputError

PAINTINGS = ["color", "noisy", "scream"]


@pytest.fixture(params=PAINTINGS)
def varied(request, small_data, tmp_path):
    """A small variant, written and read back."""
    path = tmp_path / f"{request.param}.h5"
    write(variant(request.param, lambda: read(small_data)), path)
    return path


GRIDS = {"mini_dsprites": (3, 6, 2, 27, 24), "mini_smallnorb": (5, 3, 9, 18, 2), "mini_chairs3d": (20, 31, 2)}
"""A grid that holds the classes of each part."""


def by_number(sizes):
    """Packed images that hold their own number."""
    images = np.zeros((math.prod(sizes), 64, 8), np.uint8)
    images[:, 0, :4] = np.arange(math.prod(sizes), dtype="<u4")[:, None].view(np.uint8)
    return images


@pytest.mark.parametrize("block", [None, 1, 62, 1000])
@pytest.mark.parametrize("name", MINI)
def test_a_small_part_is_the_images_with_the_classes_that_it_names(name, block):
    sizes = GRIDS[name]
    images = by_number(sizes)
    if block:
        images = Blocks(images.shape, iter(np.array_split(images, range(block, len(images), block))))
    plain = on_grid(name.removeprefix("mini_"), "rendered", images, sizes, {"drawn": "by number"})
    kept = mini(name, lambda: plain)
    varied = PUBLISHED[name].factor_names
    assert (kept.name, kept.source, kept.factor_sizes) == (name, "rendered", PUBLISHED[name].factor_sizes)
    origin = plain.factors[np.ascontiguousarray(kept.images[:, 0, :4]).view("<u4").ravel()]
    for factor, size, classes in zip(plain.factor_names, sizes, origin.T, strict=True):
        expected = np.array(MINI[name].get(factor, range(size)))
        if factor in varied:
            np.testing.assert_array_equal(classes, expected[kept.factors[:, varied.index(factor)]])
        else:
            assert set(classes) == set(expected)
    assert kept.provenance["drawn"] == "by number"


def test_a_small_part_lists_its_classes():
    plain = on_grid("smallnorb", "rendered", by_number((5, 3, 9, 18, 2)), (5, 3, 9, 18, 2), {})
    assert mini("mini_smallnorb", lambda: plain).provenance["classes"] == "instance 0; lighting 0"


def test_what_a_small_part_does_not_need_is_not_drawn():
    def blocks():
        yield from (np.zeros((62, 64, 64, 3), np.uint8) for _ in range(16))
        raise AssertionError("a chair that is not kept")

    plain = on_grid("chairs3d", "rendered", Blocks((1240, 64, 64, 3), blocks()), (20, 31, 2), {})
    assert len(mini("mini_chairs3d", lambda: plain)) == 16 * 62


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_variant_is_the_sprites_and_how_they_are_painted(varied, small_data):
    found, plain = read(varied), read(small_data)
    assert found.name == f"{varied.stem}_dsprites"
    assert (found.painting, found.packed, found.channels) == (varied.stem, True, 3)
    np.testing.assert_array_equal(found.images, plain.images)
    np.testing.assert_array_equal(found.factors, plain.factors)
    assert (found.backdrop is not None) == (varied.stem == "scream")
    assert f"painted ({varied.stem})" in describe(varied)


def test_the_bytes_and_the_batch_are_one_image(varied):
    prepared = read(varied)
    index = np.array([3, 0, 431, 3])
    expected = prepared.pixels(index)
    assert expected.shape == (4, 64, 64, 3)
    found = Images(prepared, torch.device("cpu"))[torch.from_numpy(index)]
    np.testing.assert_array_equal((found * 255).round().byte().permute(0, 2, 3, 1).numpy(), expected)
    np.testing.assert_array_equal(expected[0], expected[3])
    sheet(varied, varied.with_suffix(".png"))
    with Image.open(varied.with_suffix(".png")) as drawn:
        assert drawn.width == 12 * 66 + 110


def test_training_sees_an_image_in_another_way_each_time_and_exactly_again(varied):
    images, index = Images(read(varied), torch.device("cpu")), torch.tensor([5, 5, 9])
    drawn, state = generator(), generator(1)
    first, second = images.fresh(index, drawn), images.fresh(index, drawn)
    assert (first != second).flatten(1).any(1).all()
    assert (first[0] != first[1]).any()
    state.set_state(generator().get_state())
    torch.testing.assert_close(images.fresh(index, state), first, rtol=0, atol=0)


def test_where_nothing_is_random_the_generator_is_left_alone(small_data):
    images, index, drawn = Images(read(small_data), torch.device("cpu")), torch.tensor([5, 9]), generator()
    torch.testing.assert_close(images.fresh(index, drawn), images[index], rtol=0, atol=0)
    assert torch.equal(drawn.get_state(), generator().get_state())


def test_the_checksum_of_the_images_covers_the_picture(small_data, tmp_path):
    sums = set()
    for name, shade in (("one", 10), ("two", 11)):
        Image.new("RGB", (80, 70), (shade, 0, 0)).save(tmp_path / f"{name}.png")
        write(variant("scream", lambda: read(small_data), picture=tmp_path / f"{name}.png"), tmp_path / f"{name}.h5")
        sums.add(read(tmp_path / f"{name}.h5").provenance["images_sha256"])
    assert len(sums) == 2


def test_a_picture_is_reduced_to_fit(tmp_path):
    for size, expected in (((700, 500), (350, 250)), ((300, 1000), (82, 274)), ((100, 64), (100, 64))):
        Image.new("L", size, 90).save(tmp_path / "picture.jpg")
        picture = read_picture(tmp_path / "picture.jpg")
        assert picture.shape == (expected[1], expected[0], 3)
        assert np.ptp(picture) == 0
    Image.fromarray(backdrop.draw()).save(tmp_path / "picture.png")
    assert read_picture(tmp_path / "picture.png").shape == (274, 215, 3)


def test_pictures_that_do_not_do_are_refused_in_one_line(tmp_path):
    path = tmp_path / "picture.png"
    for size in ((63, 64), (1000, 100)):
        Image.new("RGB", size).save(path)
        with pytest.raises(InputError, match="64 pixels or more") as refusal:
            read_picture(path)
        assert "\n" not in str(refusal.value)
    path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="a PNG or JPEG"):
        read_picture(path)
    Image.new("RGB", (80, 80)).save(path, "BMP")
    with pytest.raises(InputError, match="a PNG or JPEG"):
        read_picture(path)
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "missing.png")


def test_damaged_pictures_are_refused_or_read_right(tmp_path, survives):
    path = tmp_path / "picture.png"
    Image.fromarray(backdrop.draw()[:100, :90]).save(path)
    expected = read_picture(path)
    assert survives(path, lambda: read_picture(path), partial(np.testing.assert_array_equal, expected), 200) > 150


def test_only_packed_images_are_painted_and_scream_alone_has_a_picture(small_data):
    grey = np.zeros((2, 64, 64, 1), np.uint8)
    packed, picture = np.zeros((2, 64, 8), np.uint8), backdrop.draw()
    for images, painting, behind in (
        (grey, "color", None),
        (packed, "scream", None),
        (packed, "noisy", picture),
        (packed, "scream", picture[:63]),
        (packed, "none", picture),
    ):
        with pytest.raises(InputError, match="expected"):
            Prepared("x", "real", images, None, (), (), (), {}, painting=painting, backdrop=behind)
