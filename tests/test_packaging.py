"""What is built holds the whole package and knows its commit."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import tcwae
from tcwae.workflow import FILES, TEMPLATE

ROOT = Path(__file__).parents[1]
NAMES = {"PIL": "pillow", "sklearn": "scikit_learn", "yaml": "pyyaml"}
"""Modules that are not called as their packages are."""
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def run(*arguments, folder, **environment):
    done = subprocess.run(
        [str(word) for word in arguments], cwd=folder, capture_output=True, text=True, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(kind, sources, output):
    return output / run(sys.executable, "-c", BUILD, kind, output, folder=sources).splitlines()[-1]


def test_the_wheel_holds_the_package_and_its_commit(repository, tmp_path):
    commit = run("git", "rev-parse", "--short=10", "HEAD", folder=repository)
    modules = set(run("git", "ls-files", "tcwae", folder=repository).splitlines())
    listed = run("git", "ls-files", *FILES, folder=repository).splitlines()
    workflow = {f"tcwae/new_study/{name}" for name in listed}
    wheel = build("build_wheel", repository, tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    assert {name for name in names if name.startswith("tcwae/")} == modules | workflow | {"tcwae/COMMIT"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    version = run(sys.executable, "-m", "tcwae", "--version", folder=tmp_path, PYTHONPATH=str(tmp_path / "installed"))
    assert version.startswith(f"tcwae 0.1.0 (commit {commit})")

    installed = {"folder": tmp_path, "PYTHONPATH": str(tmp_path / "installed")}
    assert "cd study; snakemake" in run(sys.executable, "-m", "tcwae", "init", "study", **installed)
    for name in listed:
        assert (tmp_path / "study" / name).read_bytes() == (repository / name).read_bytes()
    assert "total " in run(sys.executable, "-m", "tcwae", "plan", "--configfile", "study/config.yaml", **installed)
    found = "from tcwae.workflow import TEMPLATE, here_or_installed; print(here_or_installed(TEMPLATE).read_text())"
    assert run(sys.executable, "-c", found, **installed) == (repository / TEMPLATE).read_text().strip()


def test_a_wheel_from_the_sources_archive_is_the_same(repository, tmp_path):
    archive = build("build_sdist", repository, tmp_path)
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    contents = []
    for sources, output in (
        (repository, tmp_path / "a"),
        (tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "b"),
    ):
        output.mkdir()
        with zipfile.ZipFile(build("build_wheel", sources, output)) as wheel:
            contents.append({name: wheel.read(name) for name in wheel.namelist() if name.startswith("tcwae/")})
    assert contents[0] == contents[1]


def test_in_the_repository_of_another_project_the_commit_is_unknown(repository, tmp_path):
    shutil.copytree(repository / "tcwae", tmp_path / "site-packages" / "tcwae")
    run("git", "init", "-q", folder=tmp_path)
    (tmp_path / ".gitignore").write_text("site-packages\n")
    run("git", "add", "-A", folder=tmp_path)
    run("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "theirs", folder=tmp_path)
    code = "from tcwae.provenance import commit; print(commit())"
    assert run(sys.executable, "-c", code, folder=tmp_path, PYTHONPATH=str(tmp_path / "site-packages")) == "unknown"


def test_a_folder_of_the_same_name_does_not_hide_the_package(tmp_path):
    """As where Python runs beside a clone that is called tcwae."""
    (tmp_path / "tcwae").mkdir()
    assert run(sys.executable, "-c", "import tcwae; print(tcwae.__version__)", folder=tmp_path) == tcwae.__version__


def test_what_the_package_imports_is_what_it_asks_for():
    """Each imported library is a dependency of the package or of one of its extras for users, and none is asked for in vain."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked, extras = project["dependencies"], project["optional-dependencies"]
    optional = {name(line) for line in (*extras["fid"], *extras["tensorboard"], *extras["video"])}
    imported = {
        NAMES.get(module, module)
        for path in (ROOT / "tcwae").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for module in roots(node)
    } - {"tcwae", *sys.stdlib_module_names}
    assert imported - optional == {name(line) for line in asked}


def name(requirement):
    return re.match(r"[\w-]+", requirement)[0].replace("-", "_")


def roots(node):
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [node.module.split(".")[0]] if isinstance(node, ast.ImportFrom) and not node.level else []
