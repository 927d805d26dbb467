"""Page one: who is best and how sure that is follows from the runs."""

import numpy as np
import pandas as pd
import pytest
from figures import synthetic
from figures.readable import faults

from tcwae.config.scores import PAPER
from tcwae.figures import style
from tcwae.figures import summary as drawing
from tcwae.report import answers, paper_tables
from tcwae.study.results import load

TWO = {"wae_mmd": {"lambda": [10.0]}, "beta_tcvae": {"beta": [2.0]}}


def with_mig(folder, one, other):
    """Two methods with these values of MIG, a seed each."""
    synthetic.write(folder, TWO, ())
    metrics = pd.read_csv(folder / "metrics.csv")
    metrics.loc[metrics["method"] == "wae_mmd", "mig"] = one
    metrics.loc[metrics["method"] == "beta_tcvae", "mig"] = other
    metrics.to_csv(folder / "metrics.csv", index=False)
    synthetic.select(folder)
    return load(folder)


def mig(results):
    return next(outcome for outcome in answers.outcomes(results, "grid") if outcome["score"] == "MIG")


def test_a_difference_that_every_seed_has_is_clear(tmp_path):
    outcome = mig(with_mig(tmp_path, [0.10, 0.30], [0.15, 0.36]))
    assert outcome["words"] == (
        "β-TCVAE has 0.255, 0.055 better than WAE-MMD: clear, "
        "the 95 % interval of the difference over 2 seeds is 0.050 to 0.060"
    )
    assert outcome["run"] == "dsprites/beta_tcvae/cross_entropy/beta=2/seed=0"


def test_a_difference_that_turns_with_the_seed_is_not(tmp_path):
    assert ": not clear, the 95 % interval" in mig(with_mig(tmp_path, [0.10, 0.30], [0.15, 0.29]))["words"]


def test_equal_means_have_no_winner(tmp_path):
    assert mig(with_mig(tmp_path, [0.25, 0.25], [0.25, 0.25]))["words"] == "WAE-MMD and β-TCVAE are equal at 0.250"


def test_of_reconstruction_the_lower_is_the_better(tmp_path):
    results = load(synthetic.write(tmp_path, TWO, ()))
    means = results.metrics.groupby("method")["log_reconstruction"].mean()
    first = answers.outcomes(results, "grid")[0]["words"].split(" has ")[0]
    assert first == {"wae_mmd": "WAE-MMD", "beta_tcvae": "β-TCVAE"}[means.idxmin()]


def test_agreement_counts_what_is_within_two_standard_errors(tmp_path):
    results = load(synthetic.write(tmp_path))
    offs = [cell["off"] for row in paper_tables.against_the_paper(results) for cell in row["cells"]]
    near = sum(abs(off) <= 2 for off in offs)
    assert answers.agreement(results).startswith(
        f"Of {len(offs)} scores that the paper's Table 1 has too, {near} agree"
    )


def test_the_summary_shows_the_runs_of_the_selected_settings(tmp_path):
    results = load(synthetic.write(tmp_path))
    table = pd.DataFrame(answers.summary(results))
    best = results.selected("grid").set_index("row")
    for (row, score), seeds in table.groupby(["row", "score"]):
        assert seeds["value"].mean() == pytest.approx(best.loc[row, f"{score}_mean"])
        assert (seeds["low"] <= seeds["mean"]).all()
        assert (seeds["mean"] <= seeds["high"]).all()
    with style.look():
        figure = drawing.draw(table, "")
        assert faults(figure) == []
    assert len(figure.axes) == len(PAPER)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == table.drop_duplicates("row")["name"].tolist()
    assert not np.isnan(table["paper"]).any()


def test_one_method_needs_no_figure(tmp_path):
    results = load(synthetic.write(tmp_path, {"wae_mmd": {"lambda": [10.0]}}, ()))
    assert answers.summary(results) == []
    assert mig(results)["words"].startswith("WAE-MMD has ")


def test_where_nothing_finished_nothing_is_claimed(tmp_path):
    runs = tuple(
        f"dsprites/{setting}/seed={seed}"
        for setting in ("wae_mmd/cross_entropy/lambda=10", "beta_tcvae/cross_entropy/beta=2")
        for seed in synthetic.SEEDS
    )
    results = load(synthetic.write(tmp_path, TWO, runs))
    assert answers.outcomes(results, "grid") == []
    assert answers.summary(results) == []
    assert answers.agreement(results) == "Nothing here can be compared with the paper."
