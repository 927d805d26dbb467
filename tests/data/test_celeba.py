"""CelebA's zip and its attributes: found, cropped and reduced right, or refused in one line."""

import hashlib
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.archives import encoded, face_members, picture, zipped
from tcwae.data import celeba
from tcwae.data.archives import ARCHIVES
from tcwae.data.prepare import prepare
from tcwae.data.prepared import read
from tcwae.errors import InputError

from .samples import ATTRIBUTES, LANCZOS, joined, refusal, same


def face(n):
    return Image.open(io.BytesIO(encoded(picture(n, (178, 218)), "JPEG")))


CROPS = {
    "140": lambda image: image.crop((19, 39, 159, 179)).resize((64, 64), LANCZOS),
    "148": lambda image: image.crop((15, 35, 163, 183)).resize((64, 64), LANCZOS),
    "squash": lambda image: image.resize((64, 64), LANCZOS),
    "resize-crop": lambda image: image.resize((64, 78), LANCZOS).crop((0, 7, 64, 71)),
}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("crop", CROPS)
def test_faces_are_cropped_and_come_in_the_order_of_their_numbers(tmp_path, crop, compression):
    path = zipped(tmp_path / "faces.zip", {"img_align_celeba/": b""} | face_members(), compression)
    expected = [np.asarray(CROPS[crop](face(n))) for n in range(1, 6)]
    np.testing.assert_array_equal(joined(celeba.read_zip(path, 5, crop, processes=1)), expected)


def test_attributes_are_read(tmp_path):
    (tmp_path / "attributes.txt").write_text(ATTRIBUTES)
    names, values = celeba.read_attributes(tmp_path / "attributes.txt", 3)
    assert names == ("Bald", "Smiling", "Young")
    np.testing.assert_array_equal(values, [[0, 1, 1], [1, 0, 0], [0, 0, 1]])


BAD_ATTRIBUTES = [
    "",
    "hello",
    ATTRIBUTES.replace("3\n", "4\n", 1),
    ATTRIBUTES.replace("-1", "0", 1),
    ATTRIBUTES.replace("000002", "000003"),
    ATTRIBUTES.replace(" Young", ""),
    ATTRIBUTES + "000004.jpg 1 1 1\n",
    ATTRIBUTES[:-20],
    ATTRIBUTES.replace("Bald", "B\xe4ld"),
]


@pytest.mark.parametrize("text", BAD_ATTRIBUTES)
def test_wrong_attributes_are_refused(tmp_path, text):
    (tmp_path / "attributes.txt").write_text(text)
    assert "expected attributes of 3 faces" in refusal(lambda: celeba.read_attributes(tmp_path / "attributes.txt", 3))


def test_the_published_zip_is_prepared_with_the_attributes_beside_it(tmp_path, monkeypatch):
    path, beside = zipped(tmp_path / "img_align_celeba.zip", face_members(3)), tmp_path / "list_attr_celeba.txt"
    beside.write_text(ATTRIBUTES)
    seen = [
        replace(published, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
        for published, file in zip(ARCHIVES["celeba"], (path, beside), strict=True)
    ]
    monkeypatch.setitem(ARCHIVES, "celeba", tuple(seen))
    monkeypatch.setattr(celeba, "COUNT", 3)
    prepare("celeba", "real", tmp_path / "celeba.h5", tmp_path, crop="148", processes=1)
    prepared = read(tmp_path / "celeba.h5")
    np.testing.assert_array_equal(prepared.images, [np.asarray(CROPS["148"](face(n))) for n in (1, 2, 3)])
    assert prepared.attribute_names == ("Bald", "Smiling", "Young")
    np.testing.assert_array_equal(prepared.attributes[1], [1, 0, 0])
    assert prepared.provenance["crop"] == "148"
    beside.write_text(ATTRIBUTES.replace("Bald", "Beard"))
    with pytest.raises(InputError, match=r"list_attr_celeba.txt: expected .* sha256"):
        prepare("celeba", "real", tmp_path / "again.h5", path)
    assert not (tmp_path / "again.h5").exists()


@pytest.mark.parametrize("count", [4, 6])
def test_missing_faces_are_refused(tmp_path, count):
    path = zipped(tmp_path / "faces.zip", face_members())
    assert f"to {count:06}.jpg, found 5" in refusal(lambda: celeba.read_zip(path, count, "140"))


def test_damaged_zips_of_faces_are_refused_or_read_right(tmp_path, survives):
    path = zipped(tmp_path / "faces.zip", face_members(3))

    def read():
        return joined(celeba.read_zip(path, 3, "140", processes=1))

    assert survives(path, read, same(read()), 200) > 150


def test_damaged_attributes_are_refused(tmp_path, survives, monkeypatch):
    """Digits that change into others only the published checksum can tell."""
    zipped(tmp_path / "img_align_celeba.zip", face_members(3))
    beside = tmp_path / "list_attr_celeba.txt"
    beside.write_text(ATTRIBUTES)
    seen = [
        replace(published, sha256=hashlib.sha256((tmp_path / published.name).read_bytes()).hexdigest())
        for published in ARCHIVES["celeba"]
    ]
    monkeypatch.setitem(ARCHIVES, "celeba", tuple(seen))
    monkeypatch.setattr(celeba, "COUNT", 3)
    assert survives(beside, lambda: celeba.read(tmp_path), None, 200) == 200
