"""MATLAB 5 files: read as scipy reads and writes them; damaged ones are refused in one line."""

import io

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from benchmarks.archives import matlab
from tcwae.data.damage import refusing
from tcwae.data.matlab import uint8_array

from .samples import refusal

ARRAYS = {
    "before": np.ones((5, 1), np.uint8),
    "im": np.random.default_rng(0).integers(0, 256, (4, 3, 2, 5), np.uint8),
    "a_long_name": np.ones((1, 3), np.uint8),
}


def read(whole, name="im"):
    with refusing("car.mat", "a MATLAB 5 file"):
        return uint8_array(whole, name)


def saved(arrays, **options):
    buffer = io.BytesIO()
    savemat(buffer, arrays, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
def test_the_tests_own_files_are_of_the_format(compressed):
    """scipy reads from them what was written."""
    found = loadmat(io.BytesIO(matlab(ARRAYS, compressed)))
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("write", [matlab, lambda arrays, compressed: saved(arrays, do_compression=compressed)])
def test_arrays_are_read_as_they_were_written(write, compressed):
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read(write(ARRAYS, compressed), name), array)


def test_variables_of_other_classes_are_passed_over():
    others = {"cell": np.array([1, "a"], object), "struct": {"im": 1.0}, "text": "im", "number": 2.5, "flag": True}
    np.testing.assert_array_equal(read(saved(others | ARRAYS)), ARRAYS["im"])


@pytest.mark.parametrize("kind", [np.int8, np.float64, np.uint16, bool, complex])
def test_another_class_is_refused(kind):
    assert "of class" in refusal(lambda: read(saved({"im": ARRAYS["im"].astype(kind)})))


def test_what_is_no_such_file_is_refused():
    assert "no variable mask" in refusal(lambda: read(matlab(ARRAYS), "mask"))
    assert "version" in refusal(lambda: read(b""))
    assert "version" in refusal(lambda: read(saved({"im": np.ones((2, 2))}, format="4")))
    assert "version" in refusal(lambda: read(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512)))
    assert "no variable" in refusal(lambda: read(matlab({})))


def test_a_bomb_is_refused_before_it_unfolds():
    bomb = matlab({"im": np.zeros((2**26, 1), np.uint8)})
    assert len(bomb) < 2**20
    assert "does not end within" in refusal(lambda: read(bomb))


@pytest.mark.parametrize("compressed", [True, False])
def test_damage_is_refused_or_changes_numbers_alone(compressed, damage):
    whole = matlab(ARRAYS, compressed)
    lines = []
    for seed in range(1000):
        try:
            assert read(damage(whole, seed)).dtype == np.uint8
        except ValueError as error:
            lines.append(str(error))
    assert len(lines) > (600 if compressed else 200)
    assert not any("\n" in line for line in lines)
    assert all(line.startswith("car.mat: expected a MATLAB 5 file, found: ") for line in lines)
