"""From a study to its runs: ids that stay, runs that are shared, disagreements that are refused."""

import copy

import pytest

from tcwae.config import Study, check
from tcwae.errors import InputError
from tcwae.study import coefficients, experiment_runs, runs

STUDY = {
    "study": "example",
    "seeds": [0, 1],
    "training": {"batch_size": 64},
    "experiments": {
        "table": {
            "dataset": "dsprites",
            "methods": {"tcwae_mws": {"beta": [50], "gamma": 100}, "factor_vae": {"gamma": 5}},
        },
        "grid": {
            "dataset": "dsprites",
            "seeds": [0],
            "methods": {"tcwae_mws": {"beta": [1, 50], "gamma": [1, 100]}},
        },
    },
}


def study(**experiments):
    values = copy.deepcopy(STUDY)
    for name, changes in experiments.items():
        values["experiments"].setdefault(name, {"dataset": "dsprites"}).update(changes)
    return check(Study, values, "test")


def test_ids_and_sharing():
    found = runs(study())
    assert "dsprites/tcwae_mws/cross_entropy/beta=50,gamma=100/seed=0" in found
    assert len(found) == 2 + 2 + 4 - 1
    assert sum(len(experiment_runs(study(), name)) for name in ("table", "grid")) == 8


def test_a_grid_that_gains_a_value_renames_nothing():
    larger = study(grid={"methods": {"tcwae_mws": {"beta": [0.5, 1, 50], "gamma": [1, 100]}}})
    before, after = runs(study()), runs(larger)
    assert set(before) < set(after)
    assert all(after[identifier] == run for identifier, run in before.items())
    assert len(after) == len(before) + 2


def test_the_order_of_values_changes_no_id():
    turned = study(grid={"methods": {"tcwae_mws": {"gamma": [100, 1], "beta": [50, 1]}}})
    assert set(runs(turned)) == set(runs(study()))


def test_unusual_settings_are_in_the_id():
    longer = study(long={"methods": {"factor_vae": {"gamma": 5}}, "training": {"iterations": 300}})
    assert "dsprites/factor_vae/cross_entropy/gamma=5,iterations=300/seed=0" in runs(longer)
    usual = study(long={"methods": {"factor_vae": {"gamma": 5}}, "training": {"batch_size": 64}})
    assert runs(usual) == runs(study())
    option = study(long={"methods": {"tcwae_mws": {"beta": 1, "gamma": 1, "mws_kernel": "smoothed"}}})
    assert "dsprites/tcwae_mws/cross_entropy/beta=1,gamma=1,mws_kernel=smoothed/seed=1" in runs(option)


def test_runs_take_the_training_of_their_experiment():
    longer = study(long={"methods": {"wae_mmd": {"lambda": 1}}, "training": {"iterations": 300}})
    (run, _) = experiment_runs(longer, "long").values()
    assert run.training.iterations == 300
    assert run.training.batch_size == 64


def test_ids_that_only_look_alike_are_refused():
    with pytest.raises(InputError, match=r"experiments.close: .*beta=50,gamma=100/seed=0 .* another beta"):
        runs(study(close={"methods": {"tcwae_mws": {"beta": 50.000001, "gamma": 100}}}))


def test_coefficients_are_what_a_method_requires():
    assert coefficients("tcwae_mws") == ["beta", "gamma"]
    assert coefficients("wae_mmd") == ["lambda"]
    assert coefficients("beta_tcvae") == ["beta"]
