"""Data that several tests read, and what several do."""

import os
import time

import numpy as np
import pytest
from patience import HANG

from tcwae.data.prepare import prepare
from tcwae.data.prepared import read
from tcwae.errors import InputError


@pytest.fixture(scope="session")
def dsprites_rendered(tmp_path_factory):
    """All of dSprites, drawn, written and read back."""
    path = tmp_path_factory.mktemp("dsprites") / "dsprites-rendered.h5"
    prepare("dsprites", "rendered", path)
    yield read(path)
    path.unlink()


def _damage(whole, seed):
    """`whole` with a bit flipped, a run of bytes overwritten, removed or repeated, or the end cut off; never unchanged."""
    generator = np.random.default_rng(seed)
    damaged = bytearray(whole)
    first = int(generator.integers(len(whole)))
    run = slice(first, first + int(generator.integers(1, 40)))
    match seed % 5:
        case 0:
            damaged[first] ^= 1 << int(generator.integers(8))
        case 1:
            damaged[run] = generator.bytes(len(damaged[run]))
        case 2:
            del damaged[run]
        case 3:
            damaged[first:first] = damaged[run]
        case 4:
            del damaged[first:]
    return bytes(damaged) if damaged != whole else _damage(whole, seed + 1000)


@pytest.fixture
def damage():
    """A function of bytes and a seed: the bytes, damaged."""
    return _damage


def _alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def ended():
    """A function of a process group: whether all its processes end."""

    def ended(group):
        deadline = time.monotonic() + HANG
        while _alive(group) and time.monotonic() < deadline:
            time.sleep(0.05)
        return not _alive(group)

    return ended


@pytest.fixture
def survives(damage):
    """A function that reads damaged copies of a file, and counts those refused; all others must be read right."""

    def survives(path, read, check, copies):
        whole, refused = path.read_bytes(), []
        for seed in range(copies):
            path.write_bytes(damage(whole, seed))
            try:
                check(read())
            except InputError as error:
                refused.append(str(error))
        path.write_bytes(whole)
        assert not any("\n" in message for message in refused)
        return len(refused)

    return survives
