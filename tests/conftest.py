"""Fixtures shared by all tests."""

import functools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import warm as warm_commands
from browser import chromium, opener
from hypothesis import HealthCheck, settings

from tcwae.data.prepared import Prepared, factor_grid, write

SIZES = (3, 2, 2, 6, 6)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as where the tests run in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)


# a slow machine is no fault of an example
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser):
    where = "cuda for the tests of methods, training, and evaluation/test_representation.py"
    parser.addoption("--device", default="cpu", help=f"where tests compute: cpu (default), or {where}")


@pytest.fixture(scope="session")
def device(request):
    """The device of --device, for the tests that can run on a GPU."""
    return request.config.getoption("--device")


@pytest.fixture(autouse=True)
def _on_the_device(device, monkeypatch):
    """Tensors, generators and trainings that say nothing else are on the device of --device."""
    if device == "cpu":
        yield
        return
    from tcwae.training import loop

    options = {"device": device, "deterministic": True}
    monkeypatch.setattr(loop, "train", functools.partial(loop.train, **options))
    generator = torch.Generator
    monkeypatch.setattr(torch, "Generator", lambda where=device: generator(where))
    with torch.device(device):
        yield


def small_images():
    """Squares of three sizes, two of them hollow, at 6 x 6 places: 432 pictures with five factors."""
    factors = factor_grid(SIZES)
    pixels = np.zeros((len(factors), 64, 64), np.uint8)
    for picture, (size, hollow, turned, x, y) in zip(pixels, factors.astype(int), strict=True):
        side = 6 + 4 * size
        top, left = 4 + 7 * y, 4 + 7 * x
        picture[top : top + side, left : left + side + 4 * turned] = 1
        if hollow:
            picture[top + 2 : top + side - 2, left + 2 : left + side - 2] = 0
    return Prepared(
        name="dsprites",
        source="rendered",
        images=np.packbits(pixels, axis=2),
        factors=factors,
        factor_names=("size", "hollow", "turned", "x", "y"),
        factor_sizes=SIZES,
        latent_factor_indices=(0, 1, 2, 3, 4),
        provenance={},
    )


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """The path of a small prepared data set."""
    path = tmp_path_factory.mktemp("data") / "small.h5"
    write(small_images(), path)
    return path


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; without it the test is skipped."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser):
    """Opens pages (`browser.opener`)."""
    with opener(browser) as open_page:
        yield open_page


@pytest.fixture(autouse=True)
def _thread_settings():
    """One thread, because tests run side by side; and subnormal numbers, which an earlier training flushed to zero."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def warm(tmp_path_factory):
    """For subprocesses: `tcwae` and `snakemake` on PATH, in versions that start at once."""
    with warm_commands.bin_folder(tmp_path_factory.mktemp("bin")) as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """The files as they are now, in a repository of their own with one commit."""
    root, folder = Path(__file__).parents[1], tmp_path_factory.mktemp("repository")

    def git(*words, where=folder):
        return subprocess.run(["git", *words], cwd=where, check=True, capture_output=True, text=True).stdout

    for name in git("ls-files", "--cached", "--others", "--exclude-standard", where=root).splitlines():
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    git("init", "-q")
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "all")
    return folder
