"""The README's commands: targets that exist, runs that the quick study has, flags that are known."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tcwae.cli import parser
from tcwae.runs import candidates
from tcwae.study import read

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines()]


def commands(program):
    found = [command for command in COMMANDS if command[0] == program]
    assert found
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a user has after cloning, as far as Snakemake reads it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("workflow", "slurm"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def test_every_command_is_of_a_known_program():
    assert {command[0] for command in COMMANDS} == {"make", "source", "snakemake", "tcwae"}


def test_make_has_the_targets():
    for command in commands("make"):
        done = subprocess.run([*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_snakemake_can_plan_what_is_asked_of_it(folder):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands("snakemake"):
        # the profile is there; the image, which it asks for, is not
        local = ["--software-deployment-method", "env-modules"] if "--profile" in command else []
        done = subprocess.run(
            [sys.executable, "-m", *command, *local, "--dry-run"],
            cwd=folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rule train:" in done.stdout + done.stderr


def test_tcwae_knows_the_flags():
    for command in commands("tcwae"):
        parser().parse_args(command[1:])


def test_runs_that_are_named_are_runs_of_the_quick_study():
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"results/quick/runs/([^\s\"*]+?seed=\d+)", text))
    assert named
    assert named <= candidates(read(ROOT / "config.yaml")).keys()
