"""Why a program failed: one line, without colours and without saying the program's name twice."""

import shutil

import pytest
from patience import HANG

from tcwae.errors import InputError
from tcwae.programs import output_of, reason


@pytest.mark.parametrize(
    ("program", "text", "expected"),
    [
        ("sinfo", "sinfo: fatal: no configuration\n", "fatal: no configuration"),
        ("sinfo", "sinfo: warning\nsinfo: sinfo: error: down\n\n", "error: down"),
        ("apptainer", "\x1b[31mERROR  : first\n\x1b[0m\x1b[31mERROR  : Failed: a reason\n\x1b[0m", "Failed: a reason"),
        ("apptainer", "\x1b[31mFATAL:   the cause\x1b[0m\nERROR: less\nINFO:    Cleaning up\n", "the cause"),
        ("apptainer", "\x1b[0m\n  \n", ""),
        ("apptainer", "", ""),
    ],
)
def test_reason(program, text, expected):
    assert reason(program, text) == expected


@pytest.mark.skipif(shutil.which("sinfo") is None, reason="no SLURM")
def test_the_real_program(tmp_path, monkeypatch):
    (tmp_path / "slurm.conf").touch()
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    with pytest.raises(InputError, match=r"^sinfo: fatal: Unable to process configuration file$"):
        output_of(["sinfo"], HANG)
