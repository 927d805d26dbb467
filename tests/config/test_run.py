"""The configuration: what it refuses and how it says so, and the way of a run to its job's flags and back."""

import copy
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcwae.config.run import METHODS, Run, Training, check, flags, flatten, unflatten
from tcwae.config.study import Study
from tcwae.errors import InputError

STUDY = {
    "study": "example",
    "seeds": [0, 1],
    "experiments": {
        "grid": {
            "dataset": "dsprites",
            "methods": {"tcwae_mws": {"beta": [1, 4], "gamma": [1, 2]}, "wae_mmd": {"lambda": 10}},
            "shows": ["heatmap"],
        }
    },
}
GRID = ("experiments", "grid")
MWS = (*GRID, "methods", "tcwae_mws")


def changed(path, value):
    study = copy.deepcopy(STUDY)
    inner = study
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return study


@pytest.mark.parametrize(
    ("path", "value", "key", "allowed"),
    [
        (("seed",), 3, "unknown key 'seed'", "did you mean 'seeds'"),
        (("seeds",), [], "seeds", "at least 1"),
        (("seeds",), [1, 2, 1], "seeds", "distinct"),
        (("seeds",), [-1], "seeds.0", "at least 0"),
        (("study",), "a b; rm", "study", "expected text of the form"),
        (("experiments",), {}, "experiments", "at least 1"),
        ((*GRID, "cost"), "l3", "experiments.grid.cost", "'cross_entropy', 'l1' or 'l2_squared'"),
        ((*GRID, "dataset"), "mnist", "experiments.grid.dataset", "dsprites"),
        ((*GRID, "methods", "tcwae"), {}, "experiments.grid.methods.tcwae", "'tcwae_mws'"),
        ((*GRID, "shows"), ["heat"], "experiments.grid.shows.0", "'heatmap'"),
        ((*GRID, "methods"), {"wae_mmd": {"lambda": 1}}, "experiments.grid", "heatmap"),
        ((*GRID, "training"), {"batch_sise": 3}, "experiments.grid.training", "did you mean 'batch_size'"),
        ((*GRID, "training"), {"batch_size": 1}, "experiments.grid.training.batch_size", "at least 2"),
        ((*MWS, "beta"), -1, "experiments.grid.methods.tcwae_mws.beta", "at least 0"),
        ((*MWS, "beta"), [], "experiments.grid.methods.tcwae_mws.beta", "at least 1"),
        ((*MWS, "beta"), [1, 2, 1.0], "experiments.grid.methods.tcwae_mws.beta", "distinct"),
        ((*MWS, "beta"), ["many"], "experiments.grid.methods.tcwae_mws.beta", "number"),
        ((*MWS, "beta"), float("nan"), "experiments.grid.methods.tcwae_mws.beta", "finite"),
        ((*MWS, "bta"), 1, "experiments.grid.methods.tcwae_mws", "did you mean 'beta'"),
        (("training",), {"learning_rate": 0}, "training.learning_rate", "more than 0"),
        (("datasets",), {"dsprites": {"archive": "x.npz"}}, "datasets.dsprites", "expected source: real"),
        (("datasets",), {"mine": {"source": "real", "format": "npz"}}, "datasets.mine", "expected an archive"),
        (
            ("datasets",),
            {"dsprites": {"source": "real", "format": "npz", "archive": "a.npz"}},
            "datasets.dsprites.format",
            "expected a name of your own",
        ),
        (
            ("datasets",),
            {"celeba": {"source": "real", "crop": "a b"}},
            "datasets.celeba.crop",
            "expected text of the form",
        ),
    ],
)
def test_mistakes_are_refused_in_one_line(path, value, key, allowed):
    with pytest.raises(InputError) as caught:
        check(Study, changed(path, value), "config.yaml")
    message = str(caught.value)
    assert message.startswith(f"config.yaml: {key}")
    assert allowed in message
    assert "\n" not in message
    assert len(message) < 300


def test_a_data_set_of_ones_own():
    study = changed((*GRID, "dataset"), "mine")
    study["datasets"] = {"mine": {"source": "real", "format": "images", "archive": "a.zip", "crop": "squash"}}
    assert check(Study, study, "test").dataset("mine").label == "real-squash"


def test_missing_coefficient():
    study = copy.deepcopy(STUDY)
    del study["experiments"]["grid"]["methods"]["tcwae_mws"]["gamma"]
    with pytest.raises(
        InputError, match=r"config.yaml: experiments.grid.methods.tcwae_mws.gamma: expected a value, found none"
    ):
        check(Study, study, "config.yaml")


def test_defaults_are_the_papers():
    training = Training()
    assert (training.iterations, training.batch_size, training.learning_rate) == (600_000, 256, 4e-4)
    assert (training.adam_beta1, training.adam_beta2, training.adam_epsilon) == (0.9, 0.999, 8e-4)
    assert training.discriminator_learning_rate == 1e-4
    assert (training.discriminator_beta1, training.discriminator_beta2) == (0.5, 0.9)
    assert training.discriminator_epsilon == 1e-8


def test_every_field_has_a_description():
    for model in (Run, Training, *METHODS.values()):
        for name, field in model.model_fields.items():
            assert field.description or name in ("name", "training"), (model, name)


positive = st.floats(1e-9, 1e9)
methods = st.one_of(
    st.fixed_dictionaries({"method": st.just("wae_mmd"), "lambda": positive}, optional={"sigma_penalty": positive}),
    st.fixed_dictionaries(
        {"method": st.just("tcwae_mws"), "beta": positive, "gamma": positive},
        optional={
            "mws_kernel": st.sampled_from(["posterior", "smoothed"]),
            "estimator": st.sampled_from(["mws", "mss"]),
        },
    ),
    st.fixed_dictionaries({"method": st.just("beta_tcvae"), "beta": positive}, optional={"alpha": positive}),
    st.fixed_dictionaries({"method": st.just("factor_vae"), "gamma": positive}),
)
others = st.fixed_dictionaries(
    {"dataset": st.just("dsprites")},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "cost": st.sampled_from(["l1", "l2_squared"]),
        "latent_dimension": st.integers(1, 100),
        "batch_size": st.integers(2, 4096),
        "learning_rate": positive,
    },
)


@given(methods, others)
def test_flat_form_and_back(method, other):
    run = check(Run, unflatten({**method, **other}), "test")
    assert check(Run, unflatten(flatten(run)), "test") == run
    for key, value in {**method, **other}.items():
        assert flatten(run)[key] == value


@given(methods, others)
def test_flags_rebuild_the_run(method, other):
    """What a rule passes to `tcwae train` is the run, up to the 12 digits that a flag shows."""
    import shlex

    run = check(Run, unflatten({**method, **other}), "test")
    words = shlex.split(flags(run))
    given = {
        key.removeprefix("--").replace("-", "_"): value for key, value in zip(words[::2], words[1::2], strict=True)
    }
    rebuilt = flatten(check(Run, unflatten(given), "test"))
    for key, value in flatten(run).items():
        assert rebuilt[key] == (pytest.approx(value, rel=1e-11) if isinstance(value, float) else value)


def test_flags_leave_out_defaults():
    run = Run(dataset="dsprites", method={"name": "tcwae_mws", "beta": 50, "gamma": 100}, seed=3)
    assert flags(run) == "--dataset dsprites --method tcwae_mws --beta 50 --gamma 100 --seed 3"


def test_imports_no_torch_and_no_pandas():
    """Every job of a cluster parses the Snakefile, and with it this."""
    code = (
        "import sys, tcwae.config.run, tcwae.config.study, tcwae.config.runs, tcwae.doctor.container, tcwae.doctor.files; "
        "sys.exit(bool({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
