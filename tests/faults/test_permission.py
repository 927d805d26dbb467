"""What may not be read or written is named, in one line and with status 2, whatever it is. Root becomes nobody for it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tcwae.data.archives import ARCHIVES

from .processes import finish, train_command

USER = 65534 if os.geteuid() == 0 else None


@pytest.fixture
def open_folder():
    """A folder that everyone may enter and write, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    for path in folder.iterdir():
        path.chmod(0o700)
    shutil.rmtree(folder)


def refused(command, folder):
    """The one line that a command says before it ends with status 2, having left nothing in the folder `out`."""
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out").chmod(0o777)
    status, log = finish(command, folder / "log", user=USER)
    assert status == 2, log
    assert log.count("\n") == 1
    assert list((folder / "out").iterdir()) == []
    return log


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("prepare dsprites", "dsprites.hdf5"),
        ("prepare dsprites", "dsprites.npz"),
        ("prepare chairs3d", "rendered_chairs.tar"),
        ("prepare celeba", "img_align_celeba.zip"),
        ("prepare shapes3d", "3dshapes.h5"),
        ("prepare mpi3d_toy", "mpi3d_toy.npz"),
        ("prepare cars3d", "nips2015-analogy-data.tar.gz"),
        ("prepare images", "pictures.zip"),
        ("prepare images", "pictures.tar"),
        ("prepare npz", "mine.npz"),
        ("data", "data.h5"),
        ("score", "codes.npz"),
        ("score", "codes.h5"),
        ("plan --configfile", "config.yaml"),
        ("train", "data.h5"),
    ],
)
def test_a_file_that_may_not_be_read(command, name, open_folder):
    path, output = open_folder / name, open_folder / "out" / "data.h5"
    path.write_bytes(b"something")
    path.chmod(0)
    words = [*command.split(), path]
    if command.startswith("prepare"):
        words[2:] = ["--source", "real", "--archive", path, "--output", output]
    if command == "train":
        words = train_command("wae_mmd", path, open_folder / "out" / "run", 4)
    assert refused(words, open_folder) == f"tcwae {words[0]}: {path}: Permission denied\n"


@pytest.mark.parametrize(
    ("kind", "closed"),
    [
        ("smallnorb", "folder"),
        ("smallnorb", "file"),
        ("images", "folder"),
        ("images", "file"),
        ("images", "folder within"),
    ],
)
def test_a_folder_of_which_something_may_not_be_read(kind, closed, open_folder):
    archive = open_folder / "archive"
    archive.mkdir()
    names = [one.name for one in ARCHIVES["smallnorb"]] if kind == "smallnorb" else ["a.png"]
    for name in names:
        (archive / name).write_bytes(b"something")
    (archive / "within").mkdir()
    {"folder": archive, "file": archive / names[0], "folder within": archive / "within"}[closed].chmod(0)
    command = f"prepare {kind} --source real --archive {archive} --output {open_folder}/out/data.h5"
    line = refused(command.split(), open_folder)
    assert line.startswith(f"tcwae prepare: {archive}")
    assert line.endswith(": Permission denied\n")


def test_a_folder_that_may_not_be_written(open_folder, small_data):
    closed = open_folder / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    data = open_folder / "small.h5"
    shutil.copy(small_data, data)
    for command, name in [
        (f"prepare dsprites --output {closed}/data.h5", "data.h5"),
        (f"data {data} --sheet {closed}/sheet.png", "sheet.png"),
        (" ".join(map(str, train_command("wae_mmd", data, closed / "run", 4))), "run"),
        (f"download dsprites --output {closed}/raw", "raw"),
    ]:
        status, log = finish(command.split(), open_folder / "log", user=USER)
        assert (status, log.splitlines()[-1].endswith(f"{name}: Permission denied")) == (2, True), log
        assert "Traceback" not in log
    assert list(closed.iterdir()) == []
