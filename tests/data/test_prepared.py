"""The prepared form: what is written is read, the same bytes every time, and nothing else passes."""

import errno
import hashlib
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import PIL
import pytest

import tcwae
from tcwae.config.datasets import PUBLISHED
from tcwae.data.prepare import _MAKERS, prepare
from tcwae.data.prepared import Blocks, Prepared, factor_grid, read, write
from tcwae.data.rendered import faces
from tcwae.errors import InputError

SIZES = (2, 3, 4)


def prepared(shape=(64, 8), factors=True):
    generator = np.random.default_rng(0)
    return Prepared(
        name="toys",
        source="real",
        images=generator.integers(0, 256, (24, *shape), np.uint8),
        factors=factor_grid(SIZES) if factors else None,
        factor_names=("kind", "instance", "größe") if factors else (),
        factor_sizes=SIZES if factors else (),
        latent_factor_indices=(0, 2) if factors else (),
        provenance={"archive": "toys.zip", "crop": "none"},
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "toys.h5"
    write(prepared(), path)
    return path


def refusal(path):
    """The one line with which `path` is refused."""
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shape", [(64, 8), (64, 64, 1), (64, 64, 3)])
@pytest.mark.parametrize("factors", [True, False])
def test_what_is_written_is_read(tmp_path, shape, factors):
    original = prepared(shape, factors)
    write(original, tmp_path / "toys.h5")
    copy = read(tmp_path / "toys.h5")
    np.testing.assert_array_equal(copy.images, original.images)
    if factors:
        np.testing.assert_array_equal(copy.factors, original.factors)
        assert copy.factors.dtype == np.uint8
    else:
        assert copy.factors is None
    for field in ("name", "source", "factor_names", "factor_sizes", "latent_factor_indices", "packed", "channels"):
        assert getattr(copy, field) == getattr(original, field)
    assert copy.provenance == original.provenance | {
        "images_sha256": hashlib.sha256(original.images.tobytes()).hexdigest(),
        "tcwae": tcwae.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }


def test_attributes_are_kept(tmp_path, file):
    values = np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32)
    write(replace(prepared(), attributes=values, attribute_names=("smile", "größe")), tmp_path / "toys.h5")
    copy = read(tmp_path / "toys.h5")
    np.testing.assert_array_equal(copy.attributes, values)
    assert copy.attribute_names == ("smile", "größe")
    write(prepared(), file)
    assert (read(file).attributes, read(file).attribute_names) == (None, ())


@pytest.mark.parametrize("step", [1, 7, 24])
def test_images_that_come_in_blocks_give_the_same_bytes(tmp_path, file, step):
    images = prepared().images
    blocks = Blocks(images.shape, (images[start : start + step] for start in range(0, 24, step)))
    write(replace(prepared(), images=blocks), tmp_path / "blocks.h5")
    assert (tmp_path / "blocks.h5").read_bytes() == file.read_bytes()


def test_blocks_that_do_not_add_up_leave_no_file(tmp_path):
    images = prepared().images
    for wrong in (images[:23], images[:, :32]):
        with pytest.raises(AssertionError):
            write(replace(prepared(), images=Blocks(images.shape, [wrong])), tmp_path / "toys.h5")
    assert list(tmp_path.iterdir()) == []


def test_every_call_writes_the_same_bytes(tmp_path, file):
    write(prepared(), tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == file.read_bytes()
    write(read(file), tmp_path / "copy.h5")
    assert (tmp_path / "copy.h5").read_bytes() == file.read_bytes()


def test_the_pixels_are_mapped_and_the_file_is_safe_from_writes(file):
    whole = file.read_bytes()
    images = read(file).images
    assert isinstance(images, np.memmap)
    images[:] = 0
    images.flush()
    assert file.read_bytes() == whole


def test_the_file_is_hdf5_with_its_checksum_in_front(file):
    with h5py.File(file) as plain:
        np.testing.assert_array_equal(plain["images"], prepared().images)
        assert plain["images"].chunks is None
    assert hashlib.sha256(file.read_bytes()[512:]).hexdigest().encode() in file.read_bytes()[:512]


def test_pixels_unpack_the_leftmost_bit_first():
    images = np.zeros((2, 64, 8), np.uint8)
    images[1, 5, 0] = 0b10000000
    images[1, 6, 7] = 0b00000001
    packed = replace(prepared(factors=False), images=images)
    white = np.argwhere(packed.pixels(np.array([0, 1])))
    np.testing.assert_array_equal(white, [(1, 5, 0, 0), (1, 6, 63, 0)])
    assert packed.pixels(np.array([1])).max() == 255
    plain = prepared((64, 64, 3))
    np.testing.assert_array_equal(plain.pixels(np.array([3, 1])), plain.images[[3, 1]])


@pytest.mark.parametrize("sizes", [(2, 3, 4), (300, 2), (1,), (257,)])
def test_the_factor_grid_counts_in_mixed_radix(sizes):
    grid = factor_grid(sizes)
    np.testing.assert_array_equal(np.ravel_multi_index(grid.T, sizes), np.arange(np.prod(sizes)))
    assert grid.dtype == (np.uint8 if max(sizes) <= 256 else np.uint16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((24, 64, 9), np.uint8)}, "images"),
        ({"images": np.zeros((24, 32, 64, 3), np.uint8)}, "images"),
        ({"images": np.zeros((0, 64, 8), np.uint8)}, "images"),
        ({"images": np.zeros((23, 64, 8), np.uint8)}, r"uint8 \(23, 3\)"),
        ({"factors": factor_grid(SIZES).astype(np.uint16)}, "found uint16"),
        ({"factors": factor_grid(SIZES)[:, :2]}, "2 names"),
        ({"factors": None}, "0 names"),
        ({"factor_names": ("kind", "instance")}, "3 names"),
        ({"factor_sizes": (2, 3, 3)}, "classes"),
        ({"latent_factor_indices": (0, 3)}, "indices"),
        ({"attributes": np.zeros((24, 2), np.float32)}, "attributes"),
        ({"attribute_names": ("smile",)}, "attributes"),
        ({"attributes": np.zeros((23, 1), np.float32), "attribute_names": ("smile",)}, "attributes"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(prepared(), **change)


def test_other_files_are_refused(tmp_path, file):
    path = tmp_path / "other.h5"
    path.touch()
    assert "empty" in refusal(path)
    path.write_bytes(file.read_bytes()[512:])
    assert "another kind" in refusal(path)
    path.write_text("hello\n" * 1000)
    assert "another kind" in refusal(path)
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.h5")


@pytest.mark.parametrize("length", [1, 100, 511, 512, 513, 2048, 10_000, -1])
def test_truncated_files_are_refused(file, length):
    file.write_bytes(file.read_bytes()[:length])
    refusal(file)


def test_damaged_files_are_refused(file, damage):
    whole = file.read_bytes()
    for seed in range(150):
        file.write_bytes(damage(whole, seed))
        refusal(file)


@pytest.mark.parametrize("room", [0, 1000, 10_000, 70_000])
def test_a_full_disk_is_told_in_one_line_and_leaves_no_file(tmp_path, room):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(prepared((64, 64, 3)), tmp_path / "toys.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.errno == errno.EFBIG
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("sprites", "rendered"), {}, "sprites rendered"),
        (("dsprites", "imagined"), {}, "dsprites imagined"),
        (("dsprites", "real"), {}, "archive"),
        (("dsprites", "rendered", "dsprites.npz"), {}, "archive"),
        (("images", "rendered"), {}, "images rendered"),
        (("cars3d", "rendered"), {}, "cars3d rendered"),
        (("shapes3d", "real", "3dshapes.h5"), {"crop": "400"}, "no such option, found --crop"),
        (("smallnorb", "rendered"), {"count": 5}, "no such option, found --count"),
        (("celeba", "real", "faces.zip"), {"crop": "400"}, "140, 148, squash, resize-crop"),
        (("dsprites", "real", "dsprites.npz"), {"name": "mine"}, "no such option, found --name"),
    ],
)
def test_prepare_refuses_what_it_cannot_make(tmp_path, arguments, options, message):
    dataset, source, *archive = arguments
    with pytest.raises(InputError, match=message):
        prepare(dataset, source, tmp_path / "out.h5", *archive, **options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_known_of_a_set_is_what_can_be_prepared():
    sources = [(name, source) for name in PUBLISHED for source in ("rendered", "real")]
    published = {(name, source) for name, source in sources if source == "real" or PUBLISHED[name].rendered}
    assert published | {("images", "real"), ("npz", "real")} == set(_MAKERS)


def test_prepare_learns_that_it_cannot_write_before_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(faces, "sampled", None)
    (tmp_path / "file").touch()
    with pytest.raises((FileExistsError, NotADirectoryError)):
        prepare("celeba", "rendered", tmp_path / "file" / "out.h5", count=10**6)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_prepare_leaves_nothing_and_no_one(tmp_path, number, ended):
    script = (
        "from tcwae.data.prepare import prepare\n"
        "if __name__ == '__main__':\n"
        f"    prepare('celeba', 'rendered', '{tmp_path}/faces.h5', processes=2)"
    )
    running = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, start_new_session=True)
    while not any(part.stat().st_size > 2**16 for part in tmp_path.iterdir()):
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(number)
    assert running.wait(60) != 0
    assert list(tmp_path.iterdir()) == []
    assert ended(running.pid)


def test_a_file_of_another_version_is_refused(file):
    """One that lacks an attribute of today's, under a checksum that is right."""
    before = hashlib.sha256(file.read_bytes()[512:]).hexdigest().encode()
    with h5py.File(file, "r+", locking=False) as older:
        del older.attrs["attribute_names"]
    whole = file.read_bytes()
    file.write_bytes(whole[:512].replace(before, hashlib.sha256(whole[512:]).hexdigest().encode()) + whole[512:])
    with pytest.raises(InputError, match=r"expected a data set of this version .*attribute_names.*: prepare it again"):
        read(file)
