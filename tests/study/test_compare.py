"""Runs beside published ones: an exact test, and files of disentanglement_lib's layout."""

import itertools
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from figures import synthetic
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tcwae.errors import InputError
from tcwae.study import published
from tcwae.study.compare import compare, comparison, holm, rank_sum, verdict
from tcwae.study.results import load

SCORES = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=4)


@given(SCORES, SCORES)
def test_p_is_the_share_of_choices_that_are_as_far_out(ours, others):
    """All choices by hand, with equal scores."""
    ranks, n = stats.rankdata(ours + others), len(ours)
    sums = np.array([sum(some) for some in itertools.combinations(ranks, n)])
    expected = n * (len(ranks) + 1) / 2
    far = np.abs(sums - expected) >= abs(ranks[:n].sum() - expected) - 1e-9
    assert rank_sum(np.array(ours), np.array(others)) == pytest.approx(far.mean())


@pytest.mark.parametrize(("n", "m"), [(1, 50), (5, 50), (7, 6), (50, 50)])
def test_p_is_scipys_where_no_scores_are_equal(n, m):
    rng = np.random.default_rng(n)
    ours, others = rng.normal(size=n), rng.normal(size=m) + 0.5
    expected = stats.mannwhitneyu(ours, others, method="exact").pvalue
    assert rank_sum(ours, others) == pytest.approx(expected)


def test_the_test_keeps_its_level():
    """Of equal distributions p <= 0.05 in at most 5 % of samples: of 1,000, within 4 sigma."""
    rng = np.random.default_rng(0)
    found = [rank_sum(*np.split(rng.normal(size=25), [5])) <= 0.05 for _ in range(1000)]
    assert 0.02 < np.mean(found) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 1000)


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.9])) == pytest.approx([1, 1])


def archive(path, values, model="vae", dataset="dsprites_full", top="100/", damage=None):
    """A zip as disentanglement_lib's dlib_reproduce leaves a run; gin writes values as text."""
    config = {"train_config.model.model": f"@{model}()", "train_config.dataset.name": f"'{dataset}'"}
    config |= {"train_config.vae.beta": "4.0", "train_config.model.random_seed": "7"}
    results = {
        "mig": {"discrete_mig": values},
        "factor_vae_metric": {"train_accuracy": 0.9, "eval_accuracy": values + 0.4},
    }
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{top}model/results/json/train_results.json", "{}")
        for kind, (name, result) in itertools.product(("mean", "sampled"), results.items()):
            shift = 0 if kind == "mean" else -0.1
            scores = {f"evaluation_results.{key}": value + shift for key, value in result.items()}
            text = json.dumps(config | scores) if damage is None else damage
            file.writestr(f"{top}metrics/{kind}/{name}/results/aggregate/evaluation.json", text)
    return path


@pytest.mark.parametrize("top", ["", "100/", "a/b/"])
def test_scores_of_the_means_are_read_from_an_archive(tmp_path, top):
    (run,) = published.read([archive(tmp_path / "100.zip", 0.3, top=top)]).to_dict("records")
    assert (run["dataset"], run["method"], run["beta"]) == ("dsprites", "beta_vae", 4)
    assert run["mig"] == pytest.approx(0.3)
    assert run["factor_vae"] == pytest.approx(0.7)


def test_runs_of_other_methods_are_left_out(tmp_path):
    archive(tmp_path / "1.zip", 0.2), archive(tmp_path / "2.zip", 0.3, model="dip_vae")
    assert published.read([tmp_path])["mig"].tolist() == [0.2]


@pytest.fixture
def study(tmp_path):
    """Five runs of beta-TCVAE."""
    folder = synthetic.write(tmp_path / "small", {"beta_tcvae": {"beta": [2.0, 8.0]}}, ())
    return load(folder)


def table_of(study, **changes):
    own = study.metrics[["dataset", "method", "beta", "mig", "factor_vae", "sap"]]
    return pd.concat([own] * 10, ignore_index=True).assign(**changes)


def test_settings_are_those_of_equal_data_method_and_coefficients(study, tmp_path):
    others = table_of(study)
    others.loc[others["beta"] == 8, "dataset"] = "smallnorb"
    others.to_csv(tmp_path / "others.csv", index=False)
    found = comparison(study, published.read([tmp_path / "others.csv"]))
    assert set(found["setting"]) == {"beta=2"}
    assert found["score"].tolist() == ["mig", "factor_vae", "sap"]
    assert (found["runs"] == 2).all()
    assert (found["published_runs"] == 20).all()
    np.testing.assert_allclose(found["mean"], found["published_mean"])
    assert (found["superiority"] == 0.5).all()
    assert (found["p"] == 1).all()


def test_another_study_of_ones_own_is_a_table_of_published_scores(study):
    found = comparison(study, published.read([study.folder / "metrics.csv"]))
    assert len(found) == 2 * 3
    assert (found["p"] == 1).all()


def test_a_planted_difference_is_found_and_has_its_direction(study, tmp_path):
    rng = np.random.default_rng(0)
    others = table_of(study, mig=rng.normal(0.9, 0.01, 40), sap=rng.normal(-0.5, 0.01, 40))
    others.to_csv(tmp_path / "others.csv", index=False)
    found = compare(study.folder, [tmp_path / "others.csv"], tmp_path / "comparison.csv")
    assert pd.read_csv(tmp_path / "comparison.csv").shape == found.shape
    found = found.set_index(["setting", "score"])
    assert found.loc[("beta=2", "mig"), "superiority"] == 0
    assert found.loc[("beta=2", "sap"), "superiority"] == 1
    assert found.loc[("beta=2", "mig"), "p"] == pytest.approx(2 / (22 * 21 / 2))  # the smallest that 2 of 22 can have


@pytest.mark.parametrize(
    ("p", "superiority", "words"),
    [(0.05, 0.0, "no difference shown"), (0.01, 0.0, "ours are lower"), (0.01, 1.0, "ours are higher")],
)
def test_verdicts(p, superiority, words):
    assert verdict(pd.Series({"p_holm": p, "superiority": superiority})) == words


def test_nothing_in_common_is_said(study, tmp_path):
    with pytest.raises(
        InputError, match=r"expected a setting whose scores were published \(beta_vae on dsprites\), found none"
    ):
        comparison(study, published.read([archive(tmp_path / "1.zip", 0.3)]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("{", "with JSON in it, found"),
        ("[1]", "with a list in place of an object"),
        ("{}", "expected the key 'train_config.model.model'"),
        (
            '{"train_config.model.model": "@vae()", "train_config.dataset.name": "x"}',
            "expected the key 'train_config.vae.beta'",
        ),
        (
            '{"train_config.model.model": "@vae()", "train_config.dataset.name": "x", "train_config.vae.beta": "four"}',
            "beta: expected a number, found 'four'",
        ),
        (
            '{"train_config.model.model": "@vae()", "train_config.dataset.name": "x", "train_config.vae.beta": 4}',
            "expected the key 'evaluation_results.discrete_mig'",
        ),
    ],
)
def test_a_damaged_archive_is_named(tmp_path, damage, message):
    with pytest.raises(InputError, match=f"1.zip: .*{message}"):
        published.read([archive(tmp_path / "1.zip", 0.3, damage=damage)])


def test_files_of_another_kind_are_refused(tmp_path):
    whole = archive(tmp_path / "1.zip", 0.3).read_bytes()
    (tmp_path / "1.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("a.txt", "a")
    (tmp_path / "no.csv").write_text("a,b\n1,2\n")
    (tmp_path / "scores.csv").write_text("dataset,method,beta\ndsprites,beta_vae,4\n")
    (tmp_path / "text.csv").write_text("dataset,method,beta,mig\ndsprites,beta_vae,4,high\n")
    for name, message in {
        "1.zip": "expected a readable zip",
        "empty": "expected zip or CSV files",
        "other.zip": "expected files metrics/mean",
        "none": "found nothing",
        "no.csv": "expected the column 'dataset'",
        "scores.csv": "expected a column of scores",
        "text.csv": "line 2: mig: expected a number, found 'high'",
    }.items():
        with pytest.raises(InputError, match=f"{name}: .*{message}|{name}: {message}"):
            published.read([tmp_path / name])


@given(st.data())
def test_any_damage_of_an_archive_is_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("zip")
    content = bytearray(archive(folder / "1.zip", 0.3).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "1.zip").write_bytes(content)
    try:
        said = published.read([folder / "1.zip"])["source"].item()
    except InputError as error:
        said = str(error)
    assert "\n" not in said
