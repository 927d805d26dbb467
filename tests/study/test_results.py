"""Reading a study's results: order, types, and one line for whatever is wrong with them."""

import json
import re

import pytest
from figures import synthetic

from tcwae.config.scores import PAPER
from tcwae.errors import InputError
from tcwae.study import names
from tcwae.study.results import load


@pytest.fixture
def folder(tmp_path):
    return synthetic.write(
        tmp_path / "small", {"wae_mmd": {"lambda": [10.0, 100.0]}, "beta_tcvae": {"beta": [2.0]}}, ()
    )


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", ["study.json", "metrics.csv", "selection/grid.csv"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=re.escape(f"expected the file {folder / name}, found none")):
        load(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("metrics.csv", ",mig,", ",gim,", "expected the column 'mig', found none"),
        ("metrics.csv", ",64,finished,", ",64,running,", "expected one of .* under 'status', found 'running' in line 2"),
        ("metrics.csv", ",beta_tcvae,", ",beta_vea,", "expected one of .* under 'method', found 'beta_vea' in line 6"),
        ("metrics.csv", ",612.0,", ",612.0,,,", "expected a CSV table, found more fields in line 2"),
        ("metrics.csv", ",2000,64,", ",many,64,", "expected a number under 'iterations', found 'many' in line 2"),
        ("metrics.csv", ",wae_mmd,", ",,", "expected one of .* under 'method', found nan in line 2"),
        ("selection/grid.csv", ",mean_rank,", ",,", "expected the column 'mean_rank', found none"),
        ("selection/grid.csv", "/seed=", "/sead=", "best_run '.*/sead=.' is not in metrics.csv"),
        ("study.json", "{", "", "expected JSON, found"),
        ("study.json", '"experiments"', '"experimens"', "unknown key 'experimens', did you mean 'experiments'"),
    ],
)  # fmt: skip
def test_damage_is_told_in_one_line_that_names_the_file(folder, name, old, new, message):
    replace(folder / name, old, new)
    with pytest.raises(InputError, match=message) as caught:
        load(folder)
    assert str(folder / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_experiment_without_runs_is_named(folder):
    path = folder / "metrics.csv"
    path.write_text(path.read_text().replace("dsprites/", "elsewhere/"))
    with pytest.raises(InputError, match=r"metrics\.csv: expected runs of 'grid', found none"):
        load(folder, "grid")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"])
def test_a_file_that_is_no_table_is_named(folder, content):
    (folder / "metrics.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"metrics\.csv: expected a CSV table"):
        load(folder)


def test_half_a_file_is_refused(folder):
    path = folder / "metrics.csv"
    path.write_text(path.read_text()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"metrics\.csv"):
        load(folder)


@pytest.mark.parametrize("commit", ["0123456789", "12345e6789", "1234567890"])
def test_a_commit_that_looks_like_a_number_stays_as_it_is(folder, commit):
    path = folder / "metrics.csv"
    path.write_text(path.read_text().replace("0123456789", commit))
    assert set(load(folder).metrics["commit"]) == {commit}


@pytest.mark.parametrize("name", ["nan", "null", "none", "na"])
def test_a_data_set_may_have_a_name_that_stands_for_nothing_elsewhere(folder, name):
    """pandas reads such text as a missing value, where it is not told otherwise."""
    for path in (folder / "study.json", folder / "metrics.csv", folder / "selection" / "grid.csv"):
        path.write_text(path.read_text().replace("dsprites", name))
    study = json.loads((folder / "study.json").read_text())
    study["datasets"] = {name: {"source": "real", "format": "npz", "archive": "toys.npz"}}
    (folder / "study.json").write_text(json.dumps(study))
    assert set(load(folder, "grid").metrics["dataset"]) == {name}


def test_rows_are_in_the_papers_order(tmp_path):
    methods = dict(reversed(synthetic.METHODS.items()))
    results = load(synthetic.write(tmp_path / "small", methods))
    assert list(results.metrics["method"].unique()) == list(synthetic.METHODS)
    for _, own in results.metrics.groupby("method"):
        keys = own[["beta", "gamma", "lambda", "seed"]].fillna(0).to_numpy().tolist()
        assert keys == sorted(keys)


def test_settings_are_read_as_they_are_written():
    assert names.setting({"beta": 50.0, "gamma": 0.5}).replace(names.NO_BREAK, " ") == "β = 50, γ = 0.5"
    unusual = names.setting({"lambda": 1.0, "mws_kernel": "smoothed", "batch_size": 64}).replace(names.NO_BREAK, " ")
    assert unusual == "λ = 1, kernel = smoothed, batch size = 64"
    assert names.setting({"beta": 1 / 3}).replace(names.NO_BREAK, " ") == "β = 0.3333333333333333"


def test_the_best_of_scores_is_the_lowest_cost_and_the_highest_score():
    nan = float("nan")
    assert PAPER["log_reconstruction"].best([3.0, nan, 2.0]) == 2.0
    assert PAPER["mig"].best([0.1, 0.3, nan]) == 0.3
    assert PAPER["mig"].best([nan]) != PAPER["mig"].best([nan])
