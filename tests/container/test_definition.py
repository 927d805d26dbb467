"""What the definition file says, without running it."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

import tcwae
from tcwae.workflow import FILES

from . import definition

ROOT = Path(__file__).parents[2]
FILE = ROOT / "containers" / "tcwae.def"


@pytest.fixture(scope="module")
def recipe():
    return definition.read(FILE, commit="0123456789")


def test_it_is_a_definition_with_all_that_is_asked_of_it(recipe):
    assert recipe.header == {"bootstrap": "docker", "from": "debian:bookworm-slim"}
    assert set(recipe.sections) == definition.SECTIONS
    assert dict(recipe.pairs("labels"))["org.opencontainers.image.revision"] == "0123456789"


def test_without_a_commit_it_says_so():
    assert dict(definition.read(FILE).pairs("labels"))["org.opencontainers.image.revision"] == "unknown"


@pytest.mark.parametrize("section", ["post", "environment", "runscript", "test"])
def test_scripts_are_for_the_shell_that_runs_them(recipe, section):
    """`sh` of Debian, which is dash."""
    assert subprocess.run(["sh", "-n"], input=recipe.sections[section], text=True).returncode == 0


def test_files_are_there_and_needed(recipe):
    """From the repository's folder; what pyproject.toml and setup.py read is among them."""
    sources = [source for source, _ in recipe.pairs("files")]
    assert all((ROOT / source).exists() for source in sources)
    assert {"pyproject.toml", "setup.py", "requirements.lock", "tcwae", "README.md", *FILES} <= set(sources)


@pytest.mark.parametrize(
    ("lock", "option"),
    [
        ("torch==2.14.1 \\\n", ""),
        ("torch==2.14.1+cu126 \\\n    --hash=sha256:0\ntorchvision==0.29.1+cu126\n", "--torch-backend cu126"),
        ("torch==2.14.1+cpu ; sys_platform == 'linux' \\\n", "--torch-backend cpu"),
    ],
)
def test_the_lock_says_which_cuda(recipe, lock, option, tmp_path):
    (tmp_path / "requirements.lock").write_text(lock)
    (line,) = re.findall(r"cuda=\$\((.*)\)", recipe.sections["post"])
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == option


def test_no_address_but_the_base(recipe):
    assert "://" not in FILE.read_text()


def test_the_configuration_names_this_version():
    assert (
        yaml.safe_load((ROOT / "config.yaml").read_text())["container"] == f"containers/tcwae-{tcwae.__version__}.sif"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Bootstrap: docker\n%posst\n", "posst"),
        ("Bootsrap: docker\n%post\n", "bootsrap"),
        ("Bootstrap: docker\n%post\n echo {{ commmit }}\n%arguments\n commit=x\n", "commmit"),
        ("Bootstrap: docker\n%post\n%post\n", "once"),
    ],
)
def test_the_reader_refuses_what_apptainer_would(text, fault, tmp_path):
    (tmp_path / "wrong.def").write_text(text)
    with pytest.raises(ValueError, match=fault):
        definition.read(tmp_path / "wrong.def")
