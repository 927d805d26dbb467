"""Every command of the README (make test-readme), the tutorial and the page on own data (make test-pages), in a clone.

Studies have a small budget there. The line for the cluster runs on a real SLURM: tests/slurm/test_readme.py. `make test` would
come back to these tests, so it runs one file here; CI runs the whole of it (.ci/run).
"""

import os
import re
import subprocess

import pytest
import yaml
from pages import ROOT, blocks, commands, quicker, script

from tcwae.config.run import Dataset, check
from tcwae.config.runs import candidates
from tcwae.config.study import read


def test_every_command_is_of_a_known_program():
    assert {words[0] for words in commands("README.md")} == {"make", "source", "snakemake", "tcwae"}


def test_one_command_is_the_cluster_s_and_ci_runs_what_the_readme_says():
    assert sum("--profile" in words for words in commands("README.md")) == 1
    calls = [line.split() for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]
    assert {"test", "test-readme", "test-slurm"} <= {target for call in calls for target in call}


def test_runs_that_are_named_are_runs_of_the_quick_study():
    for page in ("README.md", "docs/look.md", "docs/python.md", "docs/scores/fid.md", "tcwae/inspect/model.py"):
        named = set(re.findall(r"results/quick/runs/([^\s\"*]+?seed=\d+)", (ROOT / page).read_text()))
        assert named
        assert named <= candidates(read(ROOT / "config.yaml")).keys()


def test_own_data_of_the_readme_are_data_sets():
    (text,) = (text for language, text in blocks("README.md") if language == "yaml")
    for settings in yaml.safe_load(text)["datasets"].values():
        check(Dataset, settings, "README.md")


@pytest.fixture(scope="module")
def clone(repository, tmp_path_factory):
    """A clone with an environment of its own; its quick study has a small budget, and the runs that the README names."""
    folder = tmp_path_factory.mktemp("readme") / "tcwae"
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True)
    study = yaml.safe_load(quicker((folder / "config.yaml").read_text()))
    comparison = study["experiments"]["comparison"]
    comparison["methods"] = {"beta_tcvae": comparison["methods"]["beta_tcvae"]}
    comparison |= {"shows": ["scores_table", "reconstructions"]}
    study["experiments"] = {"comparison": comparison}
    (folder / "config.yaml").write_text(yaml.safe_dump(study))
    return folder


def run(text, clone):
    """Run a script in the clone as a new shell does; what it said, and its status."""
    path = ":".join(word for word in os.environ["PATH"].split(":") if "venv" not in word)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    environment |= {"PATH": path, "PYTEST_ADDOPTS": "tests/methods/test_costs.py", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash"], input=text, cwd=clone, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr, done.returncode


@pytest.mark.readme
def test_the_readme(clone):
    """`tcwae doctor` may find what is missing here, the image and a GPU; this is its status 2."""
    text = script("README.md", skip=("--profile",))
    text = re.sub(r"^(tcwae doctor [^#]*)", r"\1|| test $? -eq 2 ", text, flags=re.MULTILINE)
    said, status = run(text, clone)
    assert status == 0, said
    assert "passed" in said
    assert re.search(r"^total +\d{3} ", said, re.MULTILINE)
    assert (clone / "results/quick/report.pdf").read_bytes().startswith(b"%PDF")
    for file in ("results/quick/index.html", "explore.html", "latents.gif", "build/docs/index.html"):
        assert (clone / file).exists()


@pytest.mark.pages
@pytest.mark.parametrize(
    ("page", "found"),
    [("docs/tutorial.md", "results/first/report.pdf"), ("docs/howto/own-data.md", "results/mine/report.pdf")],
)
def test_the_page(page, found, clone):
    said, status = run(f"make env\nsource .venv/bin/activate\n{script(page)}", clone)
    assert status == 0, said
    assert (clone / found).read_bytes().startswith(b"%PDF")
