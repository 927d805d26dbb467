"""Pictures and arrays of one's own: reduced right, or refused in one line."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.archives import encoded, picture
from tcwae.config.run import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.data import own
from tcwae.data.prepare import prepare
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
    assert "pictures/03.png: expected a PNG or JPEG, found: " in message
    assert not (tmp_path / "mine.h5").exists()


def test_a_fault_in_another_process_is_the_same_line(tmp_path):
    members = {f"{n:03}.png": encoded(picture(n, (64, 64))) for n in range(300)} | {"290.png": b"hello"}
    path = packed("zip", tmp_path, members)
    message = refusal(lambda: prepare("images", "real", tmp_path / "mine.h5", path, processes=2))
    assert "290.png: expected a PNG or JPEG, found: " in message
    assert os.listdir(tmp_path) == ["mine.zip"]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_damaged_archives_are_refused_or_read_right(tmp_path, survives, kind):
    path = packed(kind, tmp_path, own_members())
    damaged = path / "pictures" / "02.png" if kind == "folder" else path

    def read():
        return joined(own.read_images(path, "squash", processes=1).images)

    assert survives(damaged, read, same(own_images("squash")), 250) > 100


def without(*names):
    return {name: array for name, array in own_arrays().items() if name not in names}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_own_arrays_are_prepared(tmp_path, save):
    save(tmp_path / "mine.npz", **own_arrays())
    prepare("npz", "real", tmp_path / "mine.h5", tmp_path / "mine.npz", name="toys")
    prepared = read(tmp_path / "mine.h5")
    np.testing.assert_array_equal(prepared.images, own_arrays()["images"])
    np.testing.assert_array_equal(prepared.factors, np.stack([np.arange(10) % 2, np.arange(10) // 2], axis=1))
    assert (prepared.name, prepared.factor_names, prepared.factor_sizes) == ("toys", ("kind", "größe"), (2, 5))
    assert prepared.latent_factor_indices == (0, 1)


def test_factors_and_their_names_may_be_missing(tmp_path):
    np.savez(tmp_path / "mine.npz", **without("factor_names"))
    assert own.read_npz(tmp_path / "mine.npz").factor_names == ("factor_1", "factor_2")
    np.savez(tmp_path / "mine.npz", images=own_arrays()["images"][..., 0])
    prepared = own.read_npz(tmp_path / "mine.npz")
    assert (prepared.factors, prepared.factor_names, prepared.channels) == (None, (), 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("images"), "images.npy"),
        (own_arrays(labels=np.zeros(10)), "found: labels.npy"),
        (own_arrays(images=np.zeros((10, 32, 32), np.uint8)), r"\(10, 32, 32\)"),
        (own_arrays(images=np.zeros((10, 64, 64))), "float64"),
        (own_arrays(images=np.zeros((0, 64, 64), np.uint8)), r"\(0, 64, 64\)"),
        (own_arrays(images=np.full(10, None)), r"\|O"),
        (own_arrays(images=np.zeros((10, 64, 64, 3), np.uint8, order="F")), "True"),
        (own_arrays(factors=np.zeros((9, 2), int)), r"\(9, 2\)"),
        (
            own_arrays(factors=np.stack([np.arange(10) % 2, np.arange(10)], 1)),
            "factor 2 of 10 classes, the smallest of 1 images",
        ),
        (own_arrays(factors=np.zeros((10, 2), int)), "factor 1 of 1 classes, the smallest of 10 images, not 2 to 1024"),
        (own_arrays(factors=np.zeros((10, 2))), "float64"),
        (own_arrays(factors=np.full((10, 2), None)), r"\|O"),
        (own_arrays(factor_names=np.array(["kind"])), "names"),
        (without("factors"), "names"),
    ],
)
def test_other_arrays_are_refused(tmp_path, content, message):
    np.savez(tmp_path / "mine.npz", **content)
    assert re.search(message, refusal(lambda: own.read_npz(tmp_path / "mine.npz")))


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
