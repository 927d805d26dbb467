"""3Dchairs, CelebA and pictures of one's own: found, cropped and reduced right, or refused in one line."""

import hashlib
import io
import os
import re
import stat
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tcwae import data
from tcwae.data import celeba, chairs3d, own, pictures
from tcwae.data.archives import ARCHIVES
from tcwae.errors import InputError

LANCZOS = Image.Resampling.LANCZOS


def picture(seed, size, mode="RGB"):
    """A coarse pattern: a picture that compresses well."""
    shape = (6, 5) if mode == "L" else (6, 5, 3)
    pattern = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.fromarray(pattern).resize(size, Image.Resampling.NEAREST)


def encoded(image, form="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 95} if form == "JPEG" else {"compress_level": 1}))
    return buffer.getvalue()


def tarred(path, members):
    with tarfile.open(path, "w") as archive:
        for name, whole in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(whole)
            archive.addfile(info, io.BytesIO(whole))
    return path


def zipped(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, whole in members.items():
            archive.writestr(name, whole)
    return path


def joined(blocks):
    return np.concatenate(list(blocks))


def refusal(read):
    with pytest.raises(InputError) as caught:
        read()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# 3Dchairs

CHAIRS = (2, 3, 2)
AZIMUTHS, ELEVATIONS = ("000", "011", "023"), ("020", "030")


def chair_members(size=(600, 600)):
    """In the order in which an archive may have them: none."""
    members = {}
    for c, chair in enumerate(("b1c2", "0a9f")):
        for e, elevation in enumerate(ELEVATIONS):
            for a, azimuth in enumerate(AZIMUTHS):
                name = f"rendered_chairs/{chair}/renders/image_{32 * e + a:03}_p{elevation}_t{azimuth}_r096.png"
                members[name] = encoded(picture(100 * c + 10 * e + a, size))
    return members | {"rendered_chairs/all_chair_names.mat": b"MATLAB 5.0"}


def chair_images(crop=None):
    """Sorted by chair, azimuth and elevation."""
    images = []
    for c in (1, 0):
        for a in range(3):
            for e in range(2):
                image = picture(100 * c + 10 * e + a, (600, 600))
                image = image if crop is None else image.crop((100, 100, 500, 500))
                images.append(np.asarray(image.resize((64, 64), LANCZOS)))
    return np.array(images)


def test_azimuths_are_those_of_the_archive():
    published = (0, 11, 23, 34, 46, 58, 69, 81, 92, 104, 116, 127, 139, 150, 162, 174)
    published += (185, 197, 209, 220, 232, 243, 255, 267, 278, 290, 301, 313, 325, 336, 348)
    assert [f"{azimuth:03}" for azimuth in published] == chairs3d._AZIMUTHS


@pytest.mark.parametrize(("crop", "expected"), [("squash", None), ("400", 400)])
def test_chairs_come_in_the_order_of_their_factors(tmp_path, crop, expected):
    path = tarred(tmp_path / "rendered_chairs.tar", chair_members())
    images = joined(chairs3d.read_tar(path, CHAIRS, crop, processes=1))
    np.testing.assert_array_equal(images, chair_images(expected))


def test_another_checksum_of_the_chairs_is_told_and_not_refused(tmp_path, monkeypatch):
    path = tarred(tmp_path / "rendered_chairs.tar", chair_members())
    monkeypatch.setattr(chairs3d, "FACTOR_SIZES", CHAIRS)
    with pytest.warns(UserWarning, match="7941bff4d19665ed2dd8c82e88293e1b"):
        prepared = chairs3d.read(path, processes=1)
    assert prepared.latent_factor_indices == ()
    assert prepared.provenance["archive_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(joined(prepared.images), chair_images())


def test_missing_and_misnamed_chairs_are_refused(tmp_path):
    members = chair_members()
    gone = next(iter(members))
    rest = {name: whole for name, whole in members.items() if name != gone}
    for others in (rest, rest | {gone.replace("t000", "t007"): members[gone]}, rest | {gone + "~": members[gone]}):
        path = tarred(tmp_path / "chairs.tar", others)
        message = refusal(lambda path=path: chairs3d.read_tar(path, CHAIRS, "squash"))
        assert re.search("expected 2 chairs in 6 views each, found 2, 1 of them with other views", message)


def test_chairs_of_another_size_are_refused(tmp_path):
    path = tarred(tmp_path / "chairs.tar", chair_members((64, 64)))
    assert "64 x 64" in refusal(lambda: joined(chairs3d.read_tar(path, CHAIRS, "squash", processes=1)))


# CelebA


def face_members(count=5):
    return {
        f"img_align_celeba/{n:06}.jpg": encoded(picture(n, (178, 218)), "JPEG") for n in reversed(range(1, count + 1))
    }


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


ATTRIBUTES = "3\nBald Smiling  Young \n000001.jpg -1  1  1\n000002.jpg  1 -1 -1\n000003.jpg -1 -1  1\n"


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
    data.prepare("celeba", "real", tmp_path / "celeba.h5", tmp_path, crop="148", processes=1)
    prepared = data.read(tmp_path / "celeba.h5")
    np.testing.assert_array_equal(prepared.images, [np.asarray(CROPS["148"](face(n))) for n in (1, 2, 3)])
    assert prepared.attribute_names == ("Bald", "Smiling", "Young")
    np.testing.assert_array_equal(prepared.attributes[1], [1, 0, 0])
    assert prepared.provenance["crop"] == "148"
    beside.write_text(ATTRIBUTES.replace("Bald", "Beard"))
    with pytest.raises(InputError, match=r"list_attr_celeba.txt: expected .* sha256"):
        data.prepare("celeba", "real", tmp_path / "again.h5", path)
    assert not (tmp_path / "again.h5").exists()


@pytest.mark.parametrize("count", [4, 6])
def test_missing_faces_are_refused(tmp_path, count):
    path = zipped(tmp_path / "faces.zip", face_members())
    assert f"to {count:06}.jpg, found 5" in refusal(lambda: celeba.read_zip(path, count, "140"))


# Archives of any kind


def own_members():
    return {f"pictures/{n:02}.png": encoded(picture(n, (40 + n, 30))) for n in range(6)}


def own_images(crop):
    images = []
    for n in range(6):
        image = picture(n, (40 + n, 30))
        left = (10 + n) // 2
        image = image.crop((left, 0, left + 30, 30)) if crop == "square" else image
        images.append(np.asarray(image.resize((64, 64), LANCZOS)))
    return np.array(images)


def packed(kind, tmp_path, members):
    if kind == "tar":
        return tarred(tmp_path / "mine.tar", members)
    if kind == "zip":
        return zipped(tmp_path / "mine.zip", members, zipfile.ZIP_DEFLATED)
    for name, whole in members.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(whole)
    return tmp_path / "mine"


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
@pytest.mark.parametrize("crop", own.CROPS)
def test_own_pictures_are_prepared(tmp_path, kind, crop):
    members = own_members() | {"README.txt": b"mine", "pictures/._00.png": b"", "__MACOSX/pictures/00.png": b""}
    data.prepare("images", "real", tmp_path / "mine.h5", packed(kind, tmp_path, members), crop=crop, processes=1)
    prepared = data.read(tmp_path / "mine.h5")
    assert (prepared.name, prepared.source, prepared.factors) == ("mine", "real", None)
    np.testing.assert_array_equal(prepared.images, own_images(crop))


def test_grey_pictures_stay_grey(tmp_path):
    members = {"1.png": encoded(picture(0, (64, 64), "L")), "2.jpg": encoded(picture(1, (64, 64), "L"), "JPEG")}
    prepared = own.read_images(packed("zip", tmp_path, members), name="greys", processes=1)
    assert (prepared.name, prepared.channels) == ("greys", 1)
    np.testing.assert_array_equal(joined(prepared.images)[0, :, :, 0], np.asarray(picture(0, (64, 64), "L")))


@pytest.mark.parametrize("name", ["../out.png", "/etc/out.png", "a/../../out.png", "a\\..\\out.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_outside_the_archive_are_refused(tmp_path, kind, name):
    path = packed(kind, tmp_path, own_members() | {name: b""})
    assert "outside the archive" in refusal(lambda: pictures.members(path))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        info = tarfile.TarInfo("picture.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert "a link" in refusal(lambda: pictures.members(tmp_path / "links.tar"))


def test_links_in_a_zip_are_refused(tmp_path):
    info = zipfile.ZipInfo("picture.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "a link" in refusal(lambda: pictures.members(tmp_path / "links.zip"))


def test_bombs_are_refused_before_they_burst(tmp_path):
    huge = encoded(Image.new("L", (20_000, 10_000)))
    path = zipped(tmp_path / "huge.zip", {"huge.png": huge})
    assert "decompression bomb" in refusal(lambda: joined(own.read_images(path, processes=1).images))
    path = zipped(tmp_path / "zeros.zip", {"zeros.png": bytes(pictures.LARGEST + 1)}, zipfile.ZIP_DEFLATED)
    assert "at most" in refusal(lambda: pictures.members(path))
    whole = bytearray(zipped(tmp_path / "lie.zip", {"a.png": bytes(10**6)}, zipfile.ZIP_DEFLATED).read_bytes())
    where = whole.rindex(b"PK\x01\x02") + 24
    whole[where : where + 4] = (100).to_bytes(4, "little")  # the directory states another size
    (tmp_path / "lie.zip").write_bytes(whole)
    (member,) = pictures.members(tmp_path / "lie.zip")
    assert "expected 100 bytes, found: 101 bytes or more" in refusal(lambda: pictures.content(member))


@pytest.mark.parametrize("whole", [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b" + bytes(100), bytes(2000)])
def test_files_that_are_no_archives_are_refused(tmp_path, whole):
    (tmp_path / "pictures").write_bytes(whole)
    assert re.search(
        "expected (a folder, a zip or an uncompressed tar|pictures called)",
        refusal(lambda: own.read_images(tmp_path / "pictures")),
    )


def test_a_tar_without_its_end_is_refused(tmp_path):
    path = tarred(tmp_path / "mine.tar", own_members())
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"pictures/05.png")])
    assert "no end" in refusal(lambda: pictures.members(path))


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
    message = refusal(lambda: data.prepare("images", "real", tmp_path / "mine.h5", path, processes=1))
    assert "pictures/03.png: expected a PNG or JPEG, found: " in message
    assert not (tmp_path / "mine.h5").exists()


def test_a_fault_in_another_process_is_the_same_line(tmp_path):
    members = {f"{n:03}.png": encoded(picture(n, (64, 64))) for n in range(300)} | {"290.png": b"hello"}
    path = packed("zip", tmp_path, members)
    message = refusal(lambda: data.prepare("images", "real", tmp_path / "mine.h5", path, processes=2))
    assert "290.png: expected a PNG or JPEG, found: " in message
    assert os.listdir(tmp_path) == ["mine.zip"]


def same(expected):
    return lambda images: np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_damaged_archives_are_refused_or_read_right(tmp_path, survives, kind):
    path = packed(kind, tmp_path, own_members())

    def read():
        return joined(own.read_images(path, "squash", processes=1).images)

    assert survives(path, read, same(own_images("squash")), 250) > 100


def test_damaged_tars_of_chairs_are_refused_or_read_right(tmp_path, survives):
    path = tarred(tmp_path / "chairs.tar", {name: whole for name, whole in chair_members().items() if "_t000_" in name})

    def read():
        return joined(chairs3d.read_tar(path, (2, 1, 2), "squash", processes=1))

    assert survives(path, read, same(read()), 120) > 40


def test_damaged_zips_of_faces_are_refused_or_read_right(tmp_path, survives):
    path = zipped(tmp_path / "faces.zip", face_members(3))

    def read():
        return joined(celeba.read_zip(path, 3, "140", processes=1))

    assert survives(path, read, same(read()), 200) > 150


# npz


def arrays(**changes):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (10, 64, 64, 3), np.uint8)
    factors = np.stack([np.arange(10) % 2 * 7 - 3, np.arange(10) // 2], axis=1)
    return {"images": images, "factors": factors, "factor_names": np.array(["kind", "größe"])} | changes


def without(*names):
    return {name: array for name, array in arrays().items() if name not in names}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_own_arrays_are_prepared(tmp_path, save):
    save(tmp_path / "mine.npz", **arrays())
    data.prepare("npz", "real", tmp_path / "mine.h5", tmp_path / "mine.npz", name="toys")
    prepared = data.read(tmp_path / "mine.h5")
    np.testing.assert_array_equal(prepared.images, arrays()["images"])
    np.testing.assert_array_equal(prepared.factors, np.stack([np.arange(10) % 2, np.arange(10) // 2], axis=1))
    assert (prepared.name, prepared.factor_names, prepared.factor_sizes) == ("toys", ("kind", "größe"), (2, 5))
    assert prepared.latent_factor_indices == (0, 1)


def test_factors_and_their_names_may_be_missing(tmp_path):
    np.savez(tmp_path / "mine.npz", **without("factor_names"))
    assert own.read_npz(tmp_path / "mine.npz").factor_names == ("factor_1", "factor_2")
    np.savez(tmp_path / "mine.npz", images=arrays()["images"][..., 0])
    prepared = own.read_npz(tmp_path / "mine.npz")
    assert (prepared.factors, prepared.factor_names, prepared.channels) == (None, (), 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (without("images"), "images.npy"),
        (arrays(labels=np.zeros(10)), "found: labels.npy"),
        (arrays(images=np.zeros((10, 32, 32), np.uint8)), r"\(10, 32, 32\)"),
        (arrays(images=np.zeros((10, 64, 64))), "float64"),
        (arrays(images=np.zeros((0, 64, 64), np.uint8)), r"\(0, 64, 64\)"),
        (arrays(images=np.full(10, None)), r"\|O"),
        (arrays(images=np.zeros((10, 64, 64, 3), np.uint8, order="F")), "True"),
        (arrays(factors=np.zeros((9, 2), int)), r"\(9, 2\)"),
        (
            arrays(factors=np.stack([np.arange(10) % 2, np.arange(10)], 1)),
            "factor 2 of 10 classes, the smallest of 1 images",
        ),
        (arrays(factors=np.zeros((10, 2), int)), "factor 1 of 1 classes, the smallest of 10 images, not 2 to 1024"),
        (arrays(factors=np.zeros((10, 2))), "float64"),
        (arrays(factors=np.full((10, 2), None)), r"\|O"),
        (arrays(factor_names=np.array(["kind"])), "names"),
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
    np.savez_compressed(path, **arrays(images=images))

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
