"""The pages on a cost and a method of one's own do add them: their changes are applied, and trained with."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COST = """
import math, torch
from tcwae.methods.costs import COSTS
logits, images = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.45, 1.0]]]])  # errors of 0.05 and 0.5
assert math.isclose(COSTS["huber"](logits, images).item(), 0.05**2 / 2 + 0.1 * (0.5 - 0.05), rel_tol=1e-5)
"""
METHOD = """
import math, torch
from tcwae.config.run import METHODS
from tcwae.methods.networks import Posterior
from tcwae.methods.objectives import OBJECTIVES
its = OBJECTIVES["dip_vae"](METHODS["dip_vae"](lambda_od=5), 100)
assert its.weights == {"kl": 1, "covariance": 5, "spread": 10}
corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]) * 0.75**0.5  # covariance 1
terms = its.terms(Posterior(corners, torch.ones(4, 2), corners), None)
assert abs(terms["covariance"]) < 1e-6 and abs(terms["spread"]) < 1e-6
assert math.isclose(terms["kl"], 0.75, rel_tol=1e-6)  # |mean|^2 / 2
line = torch.tensor([[1.0, 1], [-1, -1]]) * 0.5**0.5  # covariance [[1, 1], [1, 1]]
assert math.isclose(its.terms(Posterior(line, torch.ones(2, 2), line), None)["covariance"], 2, rel_tol=1e-6)
"""
USE = """
import sys
from tcwae.cli.main import main
data, *flags = sys.argv[1:]
assert main(["train", *flags, "--dataset", "dsprites", "--iterations", "2", "--batch-size", "4", "--log-every", "1",
             "--data", data, "--output", "run"]) == 0
assert main(["evaluate", "--run", "run", "--data", data]) == 0
assert main(["explore", "run"]) == 0
import tcwae, pandas
print(tcwae.load("run").run, list(pandas.read_csv("run/curves.csv")))
from tcwae.study import names
from tcwae.figures import style
method, cost = tcwae.load("run").run.method.name, tcwae.load("run").run.cost
print(names.METHODS[method], names.SYMBOLS[names.TUNED[method]], style.COLOURS[method], style.MARKERS[method],
      names.COSTS[cost], style.label("log_reconstruction", cost))
"""


@pytest.mark.parametrize(
    ("page", "check", "flags", "found"),
    [
        ("cost", COST, "--method beta_vae --beta 2 --cost huber", ["cost='huber'"]),
        ("method", METHOD, "--method dip_vae --lambda-od 5", ["DIPVAE(name='dip_vae', lambda_od=5.0", "'covariance'"]),
    ],
)
def test_the_page_adds_what_it_says(page, check, flags, found, small_data, tmp_path):
    shutil.copytree(ROOT / "tcwae", tmp_path / "tcwae")
    text = (ROOT / "docs" / "howto" / f"{page}.md").read_text()
    for change in re.findall(r"```diff\n(.*?)```", text, re.DOTALL):
        subprocess.run(["git", "apply", "-"], input=change, text=True, cwd=tmp_path, check=True)
    for script in (check, USE):
        done = subprocess.run(
            [sys.executable, "-c", script, str(small_data), *flags.split()],
            cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert all(text in done.stdout for text in found), done.stdout
