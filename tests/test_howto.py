"""The pages on a method, a cost and a score of a study's own: what they say works, to the report."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[1]
STUDY = {
    "study": "own",
    "code": ["dip_vae.py", "huber.py", "active.py"],
    "seeds": [0, 1],
    "training": {"iterations": 4, "batch_size": 8, "log_every": 2},
    "evaluation": {"codes": 1000, "held_out": 100},
    "scores": ["mig", "factor_vae", "sap", "active"],
    "experiments": {
        "grid": {"dataset": "dsprites", "methods": {"dip_vae": {"lambda_od": [5, 10]}}, "shows": ["scores_table"]},
        "comparison": {
            "dataset": "dsprites",
            "methods": {
                "dip_vae": {"lambda_od": "select", "grid": "grid"},
                "beta_vae": {"beta": 2, "cost": "huber"},
                "beta_tcvae": {"beta": [1, 8]},
            },
            "shows": [
                "scores_table",
                "scores_vs_reconstruction",
                "pareto",
                "violins",
                "ablation",
                "traversals",
                "samples",
            ],
        },
    },
}


def write_files(folder):
    """The files that the pages show."""
    for page in ("method", "cost", "score"):
        text = (ROOT / "docs" / "howto" / f"{page}.md").read_text(encoding="utf-8")
        for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", text, re.DOTALL):
            (folder / name).write_text(code, encoding="utf-8")


@pytest.fixture
def folder(tmp_path, warm):
    for name in ("Snakefile", "workflow", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    write_files(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(STUDY))
    return tmp_path


def snakemake(folder, *arguments):
    done = subprocess.run(["snakemake", "--cores", "2", *arguments], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_whole_study_with_a_method_a_cost_and_a_score_of_its_own(folder, monkeypatch):
    monkeypatch.chdir(folder)
    status, output = snakemake(folder)
    assert status == 0, output
    results = folder / "results" / "own"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    table = pd.read_csv(results / "metrics.csv")
    assert sorted(table["lambda_od"].dropna()) == [5.0, 5.0, 10.0, 10.0]
    assert set(table["cost"]) == {"cross_entropy", "huber"}
    assert table["active"].between(0, 1).all()
    assert table.loc[table["method"] == "dip_vae", "code"].str.startswith("dip_vae.py ").all()
    assert table.loc[table["method"] == "beta_tcvae", "code"].isna().all()
    run = next(results.glob("runs/dsprites/dip_vae/cross_entropy/lambda_od=5/seed=0"))
    assert "covariance" in pd.read_csv(run / "curves.csv")
    command = "import sys, tcwae; model = tcwae.load(sys.argv[1]); print(model.run.method.lambda_od)"
    loaded = subprocess.run([sys.executable, "-c", command, run], capture_output=True, text=True, check=True)
    assert loaded.stdout == "5.0\n"

    # a changed file trains again what uses it, and nothing else
    file = folder / "dip_vae.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    status, output = snakemake(folder, "-n")
    assert status == 0, output
    trained = set(re.findall(r"^rule train:.*?wildcards: run=dsprites/(\w+)/", output, re.MULTILINE | re.DOTALL))
    assert trained == {"dip_vae"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("dip_vae.py", None, "code: found no file 'dip_vae.py'"),
        ("dip_vae.py", "import nothing_of_this_name\n", "dip_vae.py: does not import (ModuleNotFoundError"),
        ("dip_vae.py", "def f(:\n", "dip_vae.py: does not import (SyntaxError"),
        (
            "huber.py",
            "from tcwae.config import extensions\nextensions.cost('l1', abs, label='', unit='')\n",
            "huber.py: cost 'l1': found it registered already",
        ),
    ],
)
def test_code_that_cannot_be_used_is_refused_in_one_line_before_anything_runs(folder, name, text, message):
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    status, output = snakemake(folder, "-n")
    assert status == 1
    assert message in output
    assert "Traceback" not in output
    assert not (folder / "results").exists()


def test_a_cost_of_the_page_by_hand(tmp_path):
    write_files(tmp_path)
    code = (
        "import math, torch; from tcwae.config import costs, extensions; extensions.load(['huber.py']);"
        "logits, images = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.45, 1.0]]]]);"  # errors of 0.05 and 0.5
        "value = costs.FUNCTIONS['huber'](logits, images).item();"
        "assert math.isclose(value, 0.05**2 / 2 + 0.1 * (0.5 - 0.05), rel_tol=1e-5)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_the_terms_of_the_page_by_hand(tmp_path):
    write_files(tmp_path)
    code = """
import math, torch
from tcwae.config import extensions
extensions.load(["dip_vae.py"])
from tcwae.config.methods import METHODS, OBJECTIVES
from tcwae.methods.networks import Posterior
objective = OBJECTIVES["dip_vae"](METHODS["dip_vae"](lambda_od=5), 100)
assert objective.weights == {"kl": 1, "covariance": 5, "spread": 10}
corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]) * 0.75**0.5  # covariance 1
terms = objective.terms(Posterior(corners, torch.ones(4, 2), corners), None)
assert abs(terms["covariance"]) < 1e-6 and abs(terms["spread"]) < 1e-6
assert math.isclose(terms["kl"], 0.75, rel_tol=1e-6)  # |mean|^2 / 2
line = torch.tensor([[1.0, 1], [-1, -1]]) * 0.5**0.5  # covariance [[1, 1], [1, 1]]
assert math.isclose(objective.terms(Posterior(line, torch.ones(2, 2), line), None)["covariance"], 2, rel_tol=1e-6)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
