"""A user's own pictures and arrays: reduced correctly, or refused in one line."""

import hashlib
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmarks.archives import encoded, picture
from tcwae.config.run import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.data import own
from tcwae.data.prepare import describe, prepare
from tcwae.data.prepared import read

from .samples import LANCZOS, joined, own_arrays, own_members, packed, refusal, same


def own_images(crop):
    images = []
    for n in range(6):
        image = picture(n, (40 + n, 30))
        left = (10 + n) // 2
        image = image.crop((left, 0, left + 30, 30)) if crop == "square" else image
        images.append(np.asarray(image.resize((64, 64), LANCZOS)))
    return np.array(images)


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
@pytest.mark.parametrize("crop", own.CROPS)
def test_own_pictures_are_prepared(tmp_path, kind, crop):
    members = own_members() | {"README.txt": b"mine", "pictures/._00.png": b"", "__MACOSX/pictures/00.png": b""}
    archive = packed(kind, tmp_path, members)
    prepare("images", "real", tmp_path / "mine.h5", archive, crop=crop, processes=1)
    prepared = read(tmp_path / "mine.h5")
    assert (prepared.name, prepared.source, prepared.factors) == ("mine", "real", None)
    checksum = None if kind == "folder" else hashlib.sha256(archive.read_bytes()).hexdigest()
    assert prepared.provenance.get("archive_sha256") == checksum
    np.testing.assert_array_equal(prepared.images, own_images(crop))


def test_grey_pictures_stay_grey(tmp_path):
    members = {"1.png": encoded(picture(0, (64, 64), "L")), "2.jpg": encoded(picture(1, (64, 64), "L"), "JPEG")}
    prepared = own.read_images(packed("zip", tmp_path, members), name="greys", processes=1)
    assert (prepared.name, prepared.channels) == ("greys", 1)
    np.testing.assert_array_equal(joined(prepared.images)[0, :, :, 0], np.asarray(picture(0, (64, 64), "L")))


UNREADABLE = [
    b"",
    b"hello",
    b"GIF89a",
    encoded(picture(0, (9, 9)))[:-20],
    encoded(picture(0, (90, 90)), "JPEG")[:-300],
]


@pytest.mark.parametrize("whole", UNREADABLE)
def test_pictures_that_do_not_decode_are_refused(tmp_path, whole):
    path = packed("zip", tmp_path, own_members() | {"pictures/03.png": whole})
    message = refusal(lambda: prepare("images", "real", tmp_path / "mine.h5", path, processes=1))
    assert "pictures/03.png: expected a picture (PNG, JPEG, WebP, GIF, BMP, TIFF or PPM), found: " in message
    assert not (tmp_path / "mine.h5").exists()


def test_a_fault_in_another_process_is_the_same_line(tmp_path):
    members = {f"{n:03}.png": encoded(picture(n, (64, 64))) for n in range(300)} | {"290.png": b"hello"}
    path = packed("zip", tmp_path, members)
    message = refusal(lambda: prepare("images", "real", tmp_path / "mine.h5", path, processes=2))
    assert "290.png: expected a picture (PNG, JPEG, WebP, GIF, BMP, TIFF or PPM), found: " in message
    assert os.listdir(tmp_path) == ["mine.zip"]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_damaged_archives_are_refused_or_read_right(tmp_path, survives, kind):
    path = packed(kind, tmp_path, own_members())
    damaged = path / "pictures" / "02.png" if kind == "folder" else path

    def read():
        return joined(own.read_images(path, "squash", processes=1).images)

    assert survives(damaged, read, same(own_images("squash")), 250) > 100


def test_damaged_npz_files_are_refused_or_read_right(tmp_path, survives):
    path = tmp_path / "mine.npz"
    coarse = np.random.default_rng(1).integers(0, 256, (10, 4, 4), np.uint8)
    images = coarse.repeat(16, axis=1).repeat(16, axis=2)
    np.savez_compressed(path, **own_arrays(images=images))

    def read():
        prepared = own.read_npz(path)
        return prepared, joined(prepared.images)

    whole, _ = read()

    def check(found):
        prepared, pixels = found
        np.testing.assert_array_equal(pixels[..., 0], images)
        np.testing.assert_array_equal(prepared.factors, whole.factors)
        assert prepared.factor_names == whole.factor_names

    assert survives(path, read, check, 300) > 200


def test_the_documented_study_of_own_pictures_is_one():
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    study = check(Study, yaml.safe_load(example), "docs/data.md")
    assert [run.dataset for run in runs(study).values()] == ["photos"] * 4


def test_a_set_is_grey_when_all_pictures_are(tmp_path):
    colour, grey = picture(0, (64, 64)), picture(1, (64, 64), "L")
    members = {"1.png": encoded(grey), "2.png": encoded(colour)}
    prepared = own.read_images(packed("zip", tmp_path, members), processes=1)
    np.testing.assert_array_equal(joined(prepared.images)[1], np.asarray(colour))
    assert prepared.provenance["changed"] == "1 grey among colour"


def test_every_kind_of_picture_is_read_by_what_it_holds(tmp_path):
    forms = {"PNG": "jpg", "BMP": "bmp", "TIFF": "tif", "GIF": "gif", "PPM": "pgm", "WEBP": "jpg"}
    image = picture(0, (64, 64), "L")
    members = {}
    for n, (form, suffix) in enumerate(forms.items()):
        buffer = io.BytesIO()
        image.save(buffer, form, **({"lossless": True} if form == "WEBP" else {}))
        members[f"{n}.{suffix}"] = buffer.getvalue()
    images = joined(own.read_images(packed("zip", tmp_path, members), processes=1).images)
    assert images.shape == (6, 64, 64, 3)  # a WebP is always colour
    np.testing.assert_array_equal(images, np.broadcast_to(np.asarray(image)[..., None], images.shape))


def test_what_is_skipped_is_counted_and_named(tmp_path):
    others = {"a.heic": b"", "b.heic": b"", "notes.txt": b"", "README": b"", ".DS_Store": b"", "__MACOSX/._a.png": b""}
    path = packed("zip", tmp_path, own_members() | others)
    prepare("images", "real", tmp_path / "mine.h5", path, processes=1)
    kept = read(tmp_path / "mine.h5").provenance
    assert kept["skipped"] == (
        "2 hidden (.DS_Store, ...), 2 .heic (a.heic, ...), 1 without a suffix (README), 1 .txt (notes.txt)"
    )
    assert kept["pictures"] == "40 x 30 to 45 x 30"
    described = describe(tmp_path / "mine.h5")
    assert f"skipped:          {kept['skipped']}" in described.splitlines()
    assert "6 images are too few to train on: a tenth is held out, so at least 20 are needed" in described
    only = packed("tar", tmp_path, others)
    assert "found 2 hidden (.DS_Store, ...), 2 .heic" in refusal(lambda: own.read_images(only))


@pytest.mark.parametrize("kind", ["pixel", "mask"])
def test_pictures_without_anything_to_see_are_refused(tmp_path, kind):
    image = np.zeros((64, 64), np.uint8)
    image[20:40] = kind == "mask"
    path = packed("zip", tmp_path, {"1.png": encoded(Image.fromarray(image))})
    message = "none above 1, which is black" if kind == "mask" else "every pixel of all of them is 0"
    assert message in refusal(lambda: prepare("images", "real", tmp_path / "mine.h5", path, processes=1))
    assert not (tmp_path / "mine.h5").exists()


@pytest.mark.parametrize(
    ("archive", "name", "expected"),
    [
        ("Photos 2024.zip", None, "photos_2024"),
        ("mine.v2.zip", None, "mine_v2"),
        ("2024.zip", None, "images_2024"),
        ("新.zip", None, "images"),
        ("a.zip", "mine_3", "mine_3"),
    ],
)
def test_a_set_is_called_by_its_archive_or_as_given(tmp_path, archive, name, expected):
    packed("zip", tmp_path, own_members()).rename(tmp_path / archive)
    assert own.read_images(tmp_path / archive, name=name, processes=1).name == expected


@pytest.mark.parametrize("name", ["dsprites", "celeba"])
def test_a_name_of_a_published_set_is_refused(tmp_path, name):
    """Its report would set the numbers beside the paper's."""
    path = packed("zip", tmp_path, own_members()).rename(tmp_path / f"{name}.zip")
    assert f"found '{name}', with whose published numbers" in refusal(lambda: own.read_images(path))
    np.savez(tmp_path / "mine.npz", **own_arrays())
    assert "give another with --name" in refusal(lambda: own.read_npz(tmp_path / "mine.npz", name))


@pytest.mark.parametrize("name", ["Photos", "my photos", "3d", "", "a/b", "../a"])
def test_a_name_that_no_study_can_use_is_refused(tmp_path, name):
    assert "--name: expected a small letter" in refusal(lambda: own.read_images(tmp_path, name=name))
