"""Where a file cannot be written: one line that names it, status 2, the state as it was; and the same command goes on."""

import fcntl
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tcwae.records import STATES

from .processes import finish, start, train_command
from .test_kills import only_results_are_left, results, wait_for_a_state, whole

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount file systems")
SHUT_DOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN: the file system answers every call with an error, as one that went away."""
NOBODY = 65534


def mounted(folder, *options):
    """Mount at `folder`, or skip where that is not allowed, as in most containers."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path):
    """A disk with room for two states of 9 MB, not for the third that is written before the first is let go."""
    folder = tmp_path / "disk"
    mounted(folder, "-t", "tmpfs", "-o", "size=22m", "tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def fragile_disk(tmp_path):
    """An ext4 file system in a file; and the function that mounts it again after it went away."""
    folder, image = tmp_path / "disk", tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(100 * 2**20)
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("needs mkfs.ext4")
    subprocess.run(["mkfs.ext4", "-q", image], check=True)

    def mount_again():
        subprocess.run(["umount", folder], check=True)
        mounted(folder, "-o", "loop", image)

    mounted(folder, "-o", "loop", image)
    yield folder, mount_again
    subprocess.run(["umount", folder], check=True)


def one_line(log):
    """The last line of a log, which is the only one that tells of an error."""
    *before, last = log.splitlines()
    assert last.startswith("tcwae train: ")
    assert not [line for line in before if "Traceback" in line or "rror" in line]
    return last


@ROOT
def test_a_full_disk(small_disk, small_data, tmp_path):
    expected = whole("wae_mmd", small_data, tmp_path, 8)
    command = train_command("wae_mmd", small_data, small_disk / "run", 8, "--save-every", 0)
    status, log = finish(command, tmp_path / "log")
    assert status == 2
    found = re.search(
        r"run/state\.safetensors: No space left on device: ([\d.]+) MB needed, ([\d.]+) MB free$", one_line(log)
    )
    assert float(found[1]) > float(found[2])
    assert sorted(file.name for file in (small_disk / "run").iterdir()) == sorted([".lock", *STATES])
    state = (small_disk / "run" / STATES[0]).read_bytes()
    assert finish(command, tmp_path / "log")[0] == 2
    assert (small_disk / "run" / STATES[0]).read_bytes() == state

    subprocess.run(["mount", "-o", "remount,size=60m", small_disk], check=True)
    status, log = finish(command, tmp_path / "log")
    assert (status, log.splitlines()[0]) == (0, "cpu, 1 threads, step 2 of 8")
    assert results(small_disk / "run") == expected
    assert only_results_are_left(small_disk / "run")


def test_a_limit_of_file_size(small_data, tmp_path):
    expected = whole("wae_mmd", small_data, tmp_path, 4)
    command = train_command("wae_mmd", small_data, tmp_path / "run", 4)
    assert finish([*command, "--time-budget", 0], tmp_path / "log")[0] == 75
    state = (tmp_path / "run" / STATES[0]).read_bytes()
    status, log = finish([*command, "--save-every", 0], tmp_path / "log", largest_file=1_000_000)
    assert status == 2
    assert re.search(r"state\.safetensors: File too large: [\d.]+ MB needed, [\d.]+ MB free$", one_line(log))
    assert (tmp_path / "run" / STATES[0]).read_bytes() == state
    assert finish(command, tmp_path / "log")[0] == 0
    assert results(tmp_path / "run") == expected


@pytest.fixture
def others_folder():
    """A folder that everyone may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@ROOT
def test_permission_lost_and_given_back(small_data, tmp_path, others_folder):
    expected = whole("wae_mmd", small_data, tmp_path, 40)
    data, folder = others_folder / "small.h5", others_folder / "run"
    shutil.copy(small_data, data)
    folder.mkdir()
    command = train_command("wae_mmd", data, folder, 40, "--save-every", 0)
    status, log = finish(command, tmp_path / "log", user=NOBODY)
    assert status == 2
    assert one_line(log).endswith("run/.lock: Permission denied")

    os.chown(folder, NOBODY, NOBODY)
    process = start(command, tmp_path / "log", user=NOBODY)
    wait_for_a_state(folder)
    os.chown(folder, 0, 0)
    process.join(60)
    assert process.exitcode == 2
    assert one_line((tmp_path / "log").read_text()).endswith("run/state.safetensors: Permission denied")
    os.chown(folder, NOBODY, NOBODY)
    status, log = finish(command, tmp_path / "log", user=NOBODY)
    assert status == 0, log
    assert "step 0 of" not in log
    assert results(folder) == expected


@ROOT
def test_a_file_system_that_goes_away(fragile_disk, small_data, tmp_path):
    expected = whole("wae_mmd", small_data, tmp_path, 60)
    disk, mount_again = fragile_disk
    command = train_command("wae_mmd", small_data, disk / "run", 60, "--save-every", 0)
    process = start(command, tmp_path / "log")
    while not (disk / "run" / STATES[1]).exists():  # only then is the one before surely on the disk, not just visible
        time.sleep(0.01)
    descriptor = os.open(disk, os.O_RDONLY)
    fcntl.ioctl(descriptor, SHUT_DOWN, struct.pack("I", 2))
    os.close(descriptor)
    process.join(60)
    assert process.exitcode == 2
    assert "Input/output error" in one_line((tmp_path / "log").read_text())
    assert f"{disk}/run/" in one_line((tmp_path / "log").read_text())
    mount_again()
    status, log = finish(command, tmp_path / "log")
    assert status == 0, log
    assert "step 0 of" not in log
    assert results(disk / "run") == expected
    assert only_results_are_left(disk / "run")


@ROOT
def test_a_log_on_a_full_disk_loses_no_training(small_disk, small_data, tmp_path):
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(bytes(2**25))
    command = train_command("wae_mmd", small_data, tmp_path / "run", 4)
    assert finish(command, small_disk / "log")[0] == 0
    assert only_results_are_left(tmp_path / "run")
