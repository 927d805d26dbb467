"""From a study to its runs: ids that stay, runs that are shared, disagreements that are refused."""

import copy
import json
from pathlib import Path
from typing import get_args

import pytest

from tcwae.config import runs as config_runs
from tcwae.config.base import exact
from tcwae.config.experiment import Shows
from tcwae.config.methods import METHODS, coefficients
from tcwae.config.run import check, flatten
from tcwae.config.runs import (
    candidates,
    coefficients_of,
    experiment_runs,
    grids,
    left_out,
    resolve,
    row_runs,
    runs,
    without_selects,
)
from tcwae.config.study import Study, read
from tcwae.errors import InputError
from tcwae.report import paper

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "workflow" / "studies"
SHOWN = {"quick": ROOT / "config.yaml", "paper": STUDIES / "paper.yaml", "tour": STUDIES / "tour.yaml"}

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
    assert "dsprites/tcwae_mws/cross_entropy/beta=50_gamma=100/seed=0" in found
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
    assert "dsprites/factor_vae/cross_entropy/gamma=5_iterations=300/seed=0" in runs(longer)
    usual = study(long={"methods": {"factor_vae": {"gamma": 5}}, "training": {"batch_size": 64}})
    assert runs(usual) == runs(study())
    option = study(long={"methods": {"tcwae_mws": {"beta": 1, "gamma": 1, "mws_kernel": "smoothed"}}})
    assert "dsprites/tcwae_mws/cross_entropy/beta=1_gamma=1_mws_kernel=smoothed/seed=1" in runs(option)


def test_runs_take_the_training_of_their_experiment():
    longer = study(long={"methods": {"wae_mmd": {"lambda": 1}}, "training": {"iterations": 300}})
    (run, _) = experiment_runs(longer, "long").values()
    assert run.training.iterations == 300
    assert run.training.batch_size == 64


def test_close_values_are_different_runs():
    close = [0.1, 0.1 + 2**-56, 1.0000001, 1.0000002, 1 / 3, 0.333333333333]
    identifiers = runs(study(close={"methods": {"tcwae_mws": {"beta": close, "gamma": 100}}, "seeds": [0]}))
    betas = [run.method.beta for run in identifiers.values() if run.method.name == "tcwae_mws"]
    assert set(close) <= set(betas)
    assert "dsprites/tcwae_mws/cross_entropy/beta=0.3333333333333333_gamma=100/seed=0" in identifiers


def test_two_runs_under_one_id_are_refused(monkeypatch):
    monkeypatch.setattr(config_runs, "exact", lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    with pytest.raises(
        InputError, match=r"experiments.table: found a second run called .*/beta=50_gamma=100/seed=0, .*beta"
    ):
        runs(study(table={"methods": {"tcwae_mws": {"beta": [50, 50.001], "gamma": 100}}}))


def test_an_id_is_never_longer_than_the_name_of_a_file():
    unusual = {key: 0.1234567890123 for key in ("learning_rate", "adam_beta1", "adam_beta2", "adam_epsilon")}
    unusual |= {f"discriminator_{key}": 0.1234567890123 for key in ("learning_rate", "beta1", "beta2", "epsilon")}
    first = runs(study(long={"methods": {"wae_mmd": {"lambda": 1}}, "training": unusual}))
    other = runs(study(long={"methods": {"wae_mmd": {"lambda": 1}}, "training": unusual | {"adam_beta1": 0.12}}))
    assert all(len(part) <= 200 for identifier in (*first, *other) for part in identifier.split("/"))
    assert len([identifier for identifier in first if "lambda=1" in identifier]) == 2
    assert not {*first} & {identifier for identifier in other if "lambda=1" in identifier}


def test_coefficients_are_what_a_method_requires():
    assert coefficients(METHODS["tcwae_mws"]) == ["beta", "gamma"]
    assert coefficients(METHODS["wae_mmd"]) == ["lambda"]
    assert coefficients(METHODS["beta_tcvae"]) == ["beta"]


GRID = {"dataset": "dsprites", "seeds": [0], "methods": {"tcwae_mws": {"beta": [1, 50], "gamma": [1, 100]}}}


def two_stages(**row):
    wanted = {"beta": [1, 50], "gamma": "select", "grid": "grid"} | row
    return study(grid=GRID, table={"methods": {"tcwae_mws": wanted}})


def test_a_row_that_selects_has_the_runs_of_the_grids_choice():
    undecided = two_stages()
    made = resolve(undecided, {"grid": {"tcwae_mws": {"beta": 1.0, "gamma": 100.0}}})
    pinned = two_stages(gamma=100, grid=None)
    assert experiment_runs(made, "table") == experiment_runs(pinned, "table")
    assert runs(made) == runs(pinned)
    both = resolve(two_stages(beta="select"), {"grid": {"tcwae_mws": {"beta": 1.0, "gamma": 100.0}}})
    assert {identifier.split("/")[3] for identifier in experiment_runs(both, "table")} == {"beta=1_gamma=100"}


def test_candidates_are_the_runs_of_every_choice():
    undecided = two_stages()
    every = [
        runs(resolve(undecided, {"grid": {"tcwae_mws": {"beta": float(beta), "gamma": float(gamma)}}}))
        for beta in (1, 50)
        for gamma in (1, 100)
    ]
    assert candidates(undecided) == {identifier: run for members in every for identifier, run in members.items()}


def test_what_is_not_decided_is_left_out():
    assert list(without_selects(two_stages()).experiments) == ["grid"]
    with pytest.raises(ValueError, match="number"):
        runs(two_stages())
    assert grids(two_stages(), "table") == ["grid"]
    assert grids(two_stages(), "grid") == []
    wanted = {"beta": [1, 50], "gamma": "select", "grid": "grid"}
    rows = {"tcwae_mws": wanted, "wae_mmd": {"lambda": 1}}
    partly = study(grid=GRID, table={"methods": rows, "shows": ["violins", "samples"]})
    assert without_selects(partly).experiments["table"].shows == ("samples",)


def test_rows_whose_grid_has_found_nothing_are_left_out():
    asked = two_stages()
    assert left_out(asked, {}) == {}  # the grid is not ranked yet
    assert left_out(asked, {"grid": {"tcwae_mws": {"beta": 1.0, "gamma": 100.0}}}) == {}
    assert left_out(asked, {"grid": {}}) == {"table": ["tcwae_mws"]}
    assert resolve(asked, {"grid": {}}) == asked


def test_a_coefficient_may_share_anothers_value():
    tied = study(grid={"methods": {"tcwae_mws": {"beta": [1, 5], "gamma": "beta"}}})
    found = {identifier.split("/")[3] for identifier in experiment_runs(tied, "grid")}
    assert found == {"beta=1_gamma=1", "beta=5_gamma=5"}


def test_rows_of_one_method_differ_by_cost_and_option():
    rows = {
        "tcwae_mws": {"beta": 1, "gamma": 1},
        "absolute": {"method": "tcwae_mws", "cost": "l1", "beta": 1, "gamma": 1},
        "smoothed": {"method": "tcwae_mws", "beta": 1, "gamma": 1, "mws_kernel": "smoothed"},
    }
    found = experiment_runs(study(table={"methods": rows, "seeds": [0]}), "table")
    assert list(found) == [
        "dsprites/tcwae_mws/cross_entropy/beta=1_gamma=1/seed=0",
        "dsprites/tcwae_mws/l1/beta=1_gamma=1/seed=0",
        "dsprites/tcwae_mws/cross_entropy/beta=1_gamma=1_mws_kernel=smoothed/seed=0",
    ]


def test_a_study_survives_its_own_json():
    for made in (two_stages(), study(), read(STUDIES / "paper.yaml")):
        assert check(Study, json.loads(made.model_dump_json(exclude_defaults=True)), "json") == made
        assert check(Study, json.loads(made.model_dump_json()), "json") == made


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"grid": None}, "tcwae_mws.gamma: expected a `grid` beside `select`, found none"),
        ({"grid": "gird"}, "tcwae_mws.grid: expected an experiment to select from, found 'gird'"),
        ({"gamma": 1}, "tcwae_mws.grid: expected a coefficient that is `select` beside it, found none"),
        ({"cost": "l1"}, "with the same data set, method, cost and options that lists gamma, found 0"),
        ({"mws_kernel": "smoothed"}, "with the same data set, method, cost and options that lists gamma, found 0"),
        ({"grid": "table"}, "that lists gamma, found 0"),
        ({"gamma": ["select", 5]}, "tcwae_mws.gamma: expected `select` alone, found it in a list"),
    ],
)
def test_a_selection_without_its_grid_is_refused(row, message):
    with pytest.raises(InputError, match=message):
        two_stages(**row)


LISTS = {"beta": [1, 2], "gamma": [1, 2]}


@pytest.mark.parametrize(
    ("figure", "methods"),
    [
        ("heatmap", {"tcwae_mws": {"beta": 1, "gamma": [1, 2]}}),
        ("heatmap", {"tcwae_mws": LISTS, "other": {"method": "tcwae_mws", "cost": "l1", **LISTS}}),
        ("heatmap", {"tcwae_mws": {**LISTS, "sigma_penalty": [0, 1]}}),
        ("violins", {"tcwae_mws": {"beta": 1, "gamma": [1, 2]}}),
        ("ablation", {"tcwae_mws": {"beta": [1, 2], "gamma": "beta", "cost": "l1"}}),
        ("scores_vs_reconstruction", {"wae_mmd": {"lambda": 1, "cost": "l1"}}),
        ("pareto", {"wae_mmd": {"lambda": 1, "cost": "l1"}}),
        ("deviations", {"wae_mmd": {"lambda": [1, 2]}, "other": {"method": "wae_mmd", "lambda": 3}}),
    ],
)
def test_a_figure_without_the_runs_it_needs_is_refused(figure, methods):
    with pytest.raises(InputError, match=rf"experiments\.table\.shows: expected for {figure} .*, found others$"):
        study(table={"methods": methods, "shows": [figure]})


CHOICES = {
    "dsprites_grid": {"tcwae_mws": {"beta": 50.0, "gamma": 100.0}, "tcwae_gan": {"beta": 100.0, "gamma": 5.0}},
    "dsprites_low_grid": {"tcwae_mws": {"beta": 4.0, "gamma": 6.0}},
    "dsprites_code_grid": {"tcwae_mws": {"beta": 50.0, "gamma": 100.0}},
    "smallnorb_grid": {"tcwae_mws": {"beta": 10.0, "gamma": 25.0}, "tcwae_gan": {"beta": 25.0, "gamma": 1.0}},
    "smallnorb_l1_grid": {"tcwae_mws": {"beta": 2.0, "gamma": 4.0}, "tcwae_gan": {"beta": 4.0, "gamma": 1.0}},
    "smallnorb_l2_grid": {"tcwae_mws": {"beta": 4.0, "gamma": 8.0}, "tcwae_gan": {"beta": 4.0, "gamma": 1.0}},
}
"""The coefficients of Tables 1 and 5."""


def _id(row):
    setting = "_".join(f"{key}={exact(value)}" for key, value in row.setting.items())
    return f"{row.dataset}/{row.method}/{row.cost}/{setting}"


def test_the_papers_study_has_the_papers_runs():
    made = resolve(read(STUDIES / "paper.yaml"), CHOICES)
    found = {name: len(experiment_runs(made, name)) for name in made.experiments}
    assert found == {
        "dsprites_grid": 2 * 6**2,
        "dsprites_low_grid": 6**2,
        "dsprites_code_grid": 6**2,
        "dsprites": (7 + 6 + 6 + 7 + 7 + 1 + 6) * 5,
        "smallnorb_grid": 2 * 6**2,
        "smallnorb_l1_grid": 2 * 6**2,
        "smallnorb_l2_grid": 2 * 6**2,
        "smallnorb": (7 + 6 + 6 + 7 + 7 + 4) * 5,
        "chairs3d": 2 * 5,
        "celeba": 2 * 5,
        "celeba_vae": 2 * 5,
        "ablation": 3 * 8 * 5,
    }
    # seed 0 of a row over beta is in its grid: 6 + 6 + 6 of dSprites, 6 + 6 + 4 of smallNORB; of the low row the
    # chosen cell; and the two grids of TCWAE-MWS on dSprites have (1, 1), (1, 10), (10, 1) and (10, 10) in common
    assert len(runs(made)) == sum(found.values()) - 18 - 16 - 1 - 4 == 856
    assert sum(run.training.iterations for run in runs(made).values()) == 736 * 600_000 + 120 * 300_000
    assert {run.training.batch_size for run in experiment_runs(made, "celeba").values()} == {64}
    assert {run.latent_dimension for run in experiment_runs(made, "celeba_vae").values()} == {20}
    settings = {identifier.rsplit("/", 1)[0] for identifier in runs(made)}
    for row in (*paper.TABLE_1A, *paper.TABLE_1B):
        assert _id(row) in settings


def test_the_preset_of_the_papers_choices_is_table_1():
    made = read(STUDIES / "table1.yaml")
    expected = {f"{_id(row)}/seed={seed}" for row in (*paper.TABLE_1A, *paper.TABLE_1B) for seed in range(5)}
    assert set(runs(made)) == expected
    assert len(expected) == 14 * 5


@pytest.mark.parametrize("name", sorted(path.name for path in STUDIES.iterdir()))
def test_every_study_of_the_project_is_valid(name):
    assert candidates(read(STUDIES / name))


@pytest.mark.parametrize("name", ["deviations", "deviations-small"])
def test_departures_change_one_thing_each(name):
    """Every row but the first of its method differs from that in one setting; `both` is the pair of two such."""
    made, seen = read(STUDIES / f"{name}.yaml"), set()
    for experiment, declared in made.experiments.items():
        rows = {row: flatten(next(iter(row_runs(made, experiment, row).values()))) for row in declared.methods}
        default = next(iter(rows.values()))
        for row, settings in list(rows.items())[1:]:
            changed = {key for key in default if settings[key] != default[key]}
            assert changed == {"sigma_penalty", "mws_kernel"} if row == "both" else len(changed) == 1
            seen |= changed
        assert {flatten(run)["seed"] for run in experiment_runs(made, experiment).values()} == {
            *(declared.seeds or made.seeds)
        }
    assert seen == {
        *("sigma_penalty", "mws_kernel", "adam_epsilon", "estimator", "batch_size", "discriminator_slope"),
    }


def test_the_tour_and_the_quick_study_show_every_kind():
    kinds = {
        name: {kind for experiment in read(path).experiments.values() for kind in experiment.shows}
        for name, path in SHOWN.items()
    }
    every = set(get_args(Shows)) - {"deviations", "kl_estimators"}
    assert kinds["tour"] == kinds["paper"] - {"kl_estimators"} == every
    assert kinds["quick"] == every - {"latent_traversals", "quadrants"}


def test_baselines_are_by_the_protocol_of_the_published_runs():
    """disentanglement_lib's shared.gin, and settings of its sweep."""
    made = runs(read(STUDIES / "baselines.yaml"))
    assert {run.encoder_kernel for run in made.values()} == {2}
    assert {(run.training.batch_size, run.training.iterations) for run in made.values()} == {(64, 300_000)}
    assert {(run.training.learning_rate, run.training.adam_epsilon) for run in made.values()} == {(1e-4, 1e-8)}
    assert {run.latent_dimension for run in made.values()} == {10}
    assert {(run.dataset, run.method.name, *coefficients_of(run).values()) for run in made.values()} == {
        ("dsprites", "beta_vae", 4),
        ("dsprites", "factor_vae", 100),
        ("dsprites", "beta_tcvae", 6),
        ("dsprites", "beta_tcvae", 8),
        ("smallnorb", "factor_vae", 10),
        ("smallnorb", "beta_tcvae", 4),
    }
