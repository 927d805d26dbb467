"""Scores that a table cannot have, and scores that take long."""

import json

import numpy as np

from tcwae.evaluation.score import announce, format_table, score_file, score_table
from tcwae.metrics.registry import Scores
from tcwae.metrics.table import CodeTable


def sample(rows=300):
    rng = np.random.default_rng(0)
    factors = rng.integers((2, 3, 8), size=(rows, 3))
    return {"codes": factors + rng.normal(size=(rows, 3)), "factors": factors}


def write(path, arrays):
    np.savez(path, **arrays)
    return path


def test_a_score_that_cannot_be_had_costs_no_other(tmp_path):
    arrays = sample()
    arrays["factors"][5, 0] = 2
    result = score_file(
        write(tmp_path / "codes.npz", arrays), ["factor_vae", "mig", "mig_chen"], 2, tmp_path / "s.json"
    )
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == result
    reason = result["factor_vae"]["reason"]
    assert reason.startswith("expected at least 2 rows of every class of 'factor_0', found 1 of class 2")
    assert "mean" not in result["factor_vae"]
    assert result["mig"]["mean"] > 0
    table = format_table(result)
    assert f"factor_vae: left out, {reason}" in table.splitlines()
    assert "mig_chen: left out, expected the posteriors' deviations" in table


def test_densities_come_from_the_files_deviations_also_for_codes_that_are_not_sampled(tmp_path):
    path = write(tmp_path / "codes.npz", sample() | {"deviations": np.full((300, 3), 0.3)})
    one, other = (score_file(path, ["mig_chen"], 1, sampled=sampled)["mig_chen"]["mean"] for sampled in (False, True))
    assert one == other > 0


def test_a_score_that_takes_minutes_says_so_first(capsys, monkeypatch):
    table = CodeTable(sample()["codes"], sample()["factors"])
    monkeypatch.setattr("tcwae.evaluation.score.expected_seconds", lambda table: 300.0)
    monkeypatch.setattr("tcwae.evaluation.score.measure", lambda table, names, seed: Scores({}, {"dci": "no time"}))
    score_table(table, ["dci"], 2)
    assert capsys.readouterr().err == "dci: 2 seeds of 3 latents will take about 10 min of one core\n"
    announce(table, ["mig"])
    announce(table, ["mig", "dci"])  # as for a run of a study
    assert capsys.readouterr().err == "dci: 3 latents will take about 5 min of one core\n"
