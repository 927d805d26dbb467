"""The image's recipe, run: %post and %test in a Debian tree, and the workflow inside of what comes out.

The tree is made by debootstrap and entered by chroot, with what Apptainer would mount and set (tests/container/apptainer.py).
It needs root, takes a few minutes, downloads 3 GB and has 7 GB of disk (TMPDIR) until the end.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

import tcwae

from . import definition
from .apptainer import enter

ROOT = Path(__file__).parents[2]
STUDY = {
    "study": "small",
    "seeds": [0],
    "training": {"iterations": 4, "batch_size": 4, "log_every": 2},
    "evaluation": {"codes": 1000, "held_out": 100},
    "experiments": {
        "grid": {
            "dataset": "dsprites",
            "methods": {"tcwae_mws": {"beta": [1, 4], "gamma": 1}},
            "shows": ["scores_table", "scores_vs_reconstruction", "reconstructions"],
        },
    },
}
COMMIT = "0123456789"

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot and mounts are root's"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="needs debootstrap (apt-get install debootstrap)"),
]


@pytest.fixture(scope="module")
def recipe():
    return definition.read(ROOT / "containers" / "tcwae.def", commit=COMMIT)


@pytest.fixture(scope="module")
def tree(recipe):
    """The built image as a folder: base, %files, %post, labels and %environment, in Apptainer's order."""
    with tempfile.TemporaryDirectory(prefix="tcwae-image-") as folder:
        path = Path(folder) / "tree"
        build(recipe, path)
        yield path


def build(recipe, path):
    suite = re.fullmatch(r"debian:(\w+)-slim", recipe.header["from"])[1]
    subprocess.run(["debootstrap", "--variant=minbase", suite, path, mirror()], check=True, capture_output=True)
    own_network(path)
    for source, target in recipe.pairs("files"):
        (path / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-fLr", ROOT / source, f"{path}{target}"], check=True)
    script(path, "/.post.script", recipe.sections["post"])
    built = enter(path, ["/bin/sh", "-ex", "/.post.script"], writable=True, environment=network(), capture=True)
    assert built.returncode == 0, built.stderr[-5000:]
    (path / ".post.script").unlink()
    metadata = path / ".singularity.d"
    (metadata / "env").mkdir(parents=True)
    written = [line.split(maxsplit=1) for line in (path / ".build.labels").read_text().splitlines()]
    (metadata / "labels.json").write_text(json.dumps(dict([*written, *recipe.pairs("labels")])))
    script(path, "/.singularity.d/env/90-environment.sh", recipe.sections["environment"])
    script(path, "/.singularity.d/test", "#!/bin/sh\n" + recipe.sections["test"])


def script(tree, path, text):
    file = tree / path.lstrip("/")
    file.write_text(text)
    file.chmod(0o755)


def mirror():
    """The archive that this machine's own apt uses, where it is a Debian one."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True)
    own = [line for line in listed.stdout.split() if re.fullmatch(r"https?://\S+/debian/?", line)]
    return own[0] if own else "http://deb.debian.org/debian"


def own_network(tree):
    """Names and certificates that this machine reaches the outside with; Apptainer binds the former."""
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", tree / "etc" / name)
    certificates = Path("/usr/local/share/ca-certificates")
    if certificates.exists():
        shutil.copytree(certificates, tree / certificates.relative_to("/"), dirs_exist_ok=True)


def network():
    """What of this machine's environment says how to reach package registries; %post has a clean one otherwise."""
    said = re.compile(r"(?i)(\w+_proxy|pip_(?!find_links)\w+|uv_\w+|\w*ssl_cert\w*|\w*ca_bundle)")
    passed = {name: value for name, value in os.environ.items() if said.fullmatch(name)}
    return passed | {"APPTAINER_LABELS": "/.build.labels"}


def size(folder):
    """Gigabytes."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e9


def inside(tree, *command, **environment):
    """Status and output of a command in the image; it sees no folder of the host."""
    done = enter(tree, command, environment=os.environ | environment, capture=True)
    return done.returncode, done.stdout + done.stderr


def test_its_own_test_passes(tree):
    """Every module is imported and ten steps are trained, in an image that cannot be written to."""
    status, output = inside(tree, "/.singularity.d/test")
    assert status == 0, output
    assert "step 0 of 10" in output


def test_it_says_what_it_is(tree):
    status, output = inside(tree, "tcwae", "--version")
    assert (status, output.splitlines()[0]) == (0, f"tcwae {tcwae.__version__} (commit {COMMIT})")
    labels = json.loads((tree / ".singularity.d" / "labels.json").read_text())
    assert labels["org.opencontainers.image.version"] == tcwae.__version__
    assert labels["org.opencontainers.image.revision"] == COMMIT


def test_versions_are_those_of_the_lock(tree):
    locked = set(re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    code = (
        "from importlib.metadata import distributions\nfor d in distributions(): print(d.metadata['Name'], d.version)"
    )
    status, output = inside(tree, "python", "-c", code)
    assert status == 0
    installed = {(name.lower().replace("_", "-"), version) for name, version in map(str.split, output.splitlines())}
    assert len(installed) > 40
    assert installed - locked == {("tcwae", tcwae.__version__)}


def test_neither_compiler_nor_source_nor_cache_is_left(tree):
    for name in ("cc", "gcc", "g++", "clang", "ld", "make", "git", "uv", "pip"):
        assert inside(tree, "which", name)[0] == 1, name
    for path in ("opt/source", "opt/uv", "root/.cache", "var/lib/apt/lists/*_Packages"):
        assert not list(tree.glob(path)), path
    print(f"\nthe image's tree: {size(tree):.1f} GB, of it {size(tree / 'opt'):.1f} GB Python packages")


def test_the_hosts_python_does_not_reach_into_it(tree):
    """Modules of the host on PYTHONPATH, even where they are visible, do not replace the image's."""
    (tree / "opt" / "numpy.py").write_text("raise SystemExit('of the host')")
    status, output = inside(
        tree, "python", "-c", "import numpy; print(numpy.__file__)", PYTHONPATH="/opt", PYTHONHOME="/opt"
    )
    assert (status, output.startswith("/opt/tcwae/")) == (0, True), output


def test_it_knows_whom_to_trust(tree):
    """`tcwae download` runs in it."""
    code = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    status, output = inside(tree, "python", "-c", code)
    assert (status, int(output) > 50) == (0, True)


def test_a_whole_study_runs_in_it(tree, tmp_path):
    """Through the cluster's profile, with jobs that see nothing of the host but the working directory."""
    shutil.copy(ROOT / "Snakefile", tmp_path)
    for folder in ("workflow", "slurm"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(STUDY | {"container": str(tree)}))
    stand_in, calls = tmp_path / "bin", tmp_path / "calls"
    stand_in.mkdir()
    (stand_in / "apptainer").symlink_to(ROOT / "tests" / "container" / "apptainer.py")
    path = f"{stand_in}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--profile", "slurm", "--executor", "local", "--cores", "2",
         "--max-jobs-per-timespan", "100/1s", "--set-resources", "train:device=cpu"],
        cwd=tmp_path, env=os.environ | {"PATH": path, "APPTAINER_CALLS": str(calls)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

    results = tmp_path / "results" / "small"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (pd.read_csv(results / "metrics.csv")["status"] == "finished").all()
    training = json.loads(next(results.rglob("training.json")).read_text())
    assert training["versions"]["commit"] == COMMIT

    first, *jobs = [words for words in map(json.loads, calls.read_text().splitlines()) if words[0] == "exec"]
    assert first[-2:] == ["tcwae", "--version"]
    verbs = re.findall(r"tcwae (\w+) ", " ".join(words[-1] for words in jobs))
    expected = ["prepare", *["train"] * 2, *["evaluate"] * 2, "gather", "select", *["plot"] * 2, "report"]
    assert sorted(verbs) == sorted(expected)
    rules = {file.stem for file in (ROOT / "workflow" / "rules").iterdir()} - {"common"}
    assert rules - set(verbs) == {"download"}
    assert all(words[:3] == ["exec", "--home", str(tmp_path)] and words[3] == "--nv" for words in jobs)
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {
        "Snakefile",
        "config.yaml",
        "workflow",
        "slurm",
        "bin",
        "calls",
        "resources",
        "results",
        ".snakemake",
    }
