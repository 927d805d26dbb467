"""The configuration: what it refuses and how it says so, and the way of a run to its job's flags and back."""

import copy
import hashlib
import json
import shlex
import subprocess
import sys
from typing import Annotated, Literal, get_args, get_origin

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tcwae.config.base import exact, keys, read_yaml
from tcwae.config.costs import COSTS
from tcwae.config.methods import METHODS
from tcwae.config.run import (
    Evaluation,
    Run,
    Scoring,
    Training,
    check,
    evaluation_flags,
    flatten,
    run_flags,
    scoring_flags,
    unflatten,
)
from tcwae.config.runs import runs
from tcwae.config.scores import SCORES
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
        ((*GRID, "dataset"), "cars3d", "experiments.grid.dataset", "cars3d: { source: real }"),
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
    assert len(message) < 400


def test_a_data_set_of_ones_own():
    study = changed((*GRID, "dataset"), "mine")
    study["datasets"] = {"mine": {"source": "real", "format": "images", "archive": "a.zip", "crop": "squash"}}
    named = hashlib.sha256(b"a.zip").hexdigest()[:8]
    assert check(Study, study, "test").dataset("mine").label == f"real-{named}-images-squash"


@pytest.mark.parametrize("name", ["shapes3d", "mpi3d_toy", "mpi3d_realistic", "mpi3d_real", "cars3d"])
def test_published_sets_are_downloaded_where_the_study_says_real(name):
    study = changed((*GRID, "dataset"), name)
    study["datasets"] = {name: {"source": "real"}}
    assert check(Study, study, "test").dataset(name).label == "real"


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


def values(annotation, metadata=()):
    """Values that a field may have, at its bounds as well."""
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if type(None) in get_args(annotation):
        return values(next(part for part in get_args(annotation) if part is not type(None)), metadata)
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return values(inner, [*metadata, *more])
    bounds = {}
    for part in metadata:
        for constraint in getattr(part, "metadata", [part]):
            bounds |= {key: getattr(constraint, key) for key in ("ge", "gt", "le", "lt") if hasattr(constraint, key)}
    if annotation is int:
        return st.integers(bounds.get("ge"), bounds.get("le", bounds.get("lt", 2**63) - 1))
    low = bounds.get("ge", bounds.get("gt", 0.0))
    return st.floats(
        low, bounds.get("lt", 1e300), exclude_min="gt" in bounds, exclude_max="lt" in bounds, allow_subnormal=False
    )


def all_fields(model, skip=()):
    """Every field of a model with a value, those with a default as well."""
    return {
        key: values(field.annotation, field.metadata)
        for key, field in keys(model).items()
        if key not in ("name", *skip)
    }


@st.composite
def flat_runs(draw):
    """Runs in flat form, with every field of every model away from its default."""
    name = draw(st.sampled_from(list(METHODS)))
    own = {key: draw(strategy) for key, strategy in all_fields(METHODS[name]).items()}
    training = {key: draw(strategy) for key, strategy in all_fields(Training, skip=("log_every",)).items()}
    run = {"seed": draw(st.integers(0, 2**63 - 1)), "latent_dimension": draw(st.integers(1, 10**6))}
    run["encoder_kernel"] = 2
    return {"dataset": "dsprites", "method": name, "cost": draw(st.sampled_from(list(COSTS))), **own, **training, **run}


@given(flat_runs())
def test_flat_form_and_back(flat):
    run = check(Run, unflatten(flat), "test")
    assert check(Run, unflatten(flatten(run)), "test") == run
    assert all(flatten(run)[key] == value for key, value in flat.items())


@given(flat_runs())
def test_json_and_back(flat):
    """As in a run's files."""
    run = check(Run, unflatten(flat), "test")
    assert Run.model_validate_json(run.model_dump_json()) == run
    assert check(Run, unflatten(json.loads(json.dumps(flatten(run)))), "test") == run


def parsed(words):
    words = shlex.split(words)
    return {key.removeprefix("--").replace("-", "_"): value for key, value in zip(words[::2], words[1::2], strict=True)}


@given(flat_runs())
def test_flags_rebuild_the_run(flat):
    """What a rule passes to `tcwae train` is the run, to the last bit."""
    run = check(Run, unflatten(flat), "test")
    assert check(Run, unflatten(parsed(run_flags(run))), "test") == run


subsets = st.sets(st.sampled_from(list(SCORES)), min_size=1).map(tuple)


@given(st.fixed_dictionaries({}, optional=all_fields(Evaluation)))
def test_flags_rebuild_the_evaluation(settings):
    settings = check(Evaluation, settings, "test")
    assert check(Evaluation, parsed(evaluation_flags(settings)), "test") == settings


@given(st.fixed_dictionaries({"scores": subsets}, optional=all_fields(Scoring, skip=("scores",))))
def test_flags_rebuild_the_scoring(settings):
    settings = check(Scoring, settings, "test")
    assert check(Scoring, parsed(scoring_flags(settings, {})), "test") == settings


def test_scores_that_have_one_name_together_are_spelt_out():
    assert check(Scoring, {"scores": "mig,infomec"}, "test").scores == ("mig", "infom", "infoe", "infoc")
    with pytest.raises(InputError, match="scores"):
        check(Scoring, {"scores": ["infomec", "infoe"]}, "test")


@given(flat_runs())
def test_a_study_in_yaml_has_the_run_that_it_describes(flat):
    """From YAML to the run, to the last bit."""
    method = {key: flat[key] for key in keys(METHODS[flat["method"]]) if key != "name"}
    training = {key: flat[key] for key in Training.model_fields if key in flat}
    experiment = {key: flat[key] for key in ("dataset", "cost", "latent_dimension", "encoder_kernel")}
    study = {"study": "s", "seeds": [flat["seed"]], "training": training}
    study["experiments"] = {"one": {**experiment, "methods": {flat["method"]: method}}}
    (run,) = runs(check(Study, yaml.safe_load(yaml.safe_dump(study)), "test")).values()
    assert run == check(Run, unflatten(flat), "test")


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_exact_reads_back_as_the_same_number(value):
    assert float(exact(value)) == value
    assert exact(float(exact(value))) == exact(value)


def test_numbers_that_yaml_reads_as_text_are_numbers():
    study = changed((*MWS, "beta"), ["1e-3", "1e-2"])
    assert check(Study, study, "test").experiments["grid"].methods["tcwae_mws"].coefficients["beta"] == (1e-3, 1e-2)
    study = changed((*GRID, "training"), {"learning_rate": "1e-3"})
    assert {run.training.learning_rate for run in runs(check(Study, study, "test")).values()} == {1e-3}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*MWS, "beta"), True),
        (("seeds",), [True]),
        ((*MWS, "beta"), [False, 2]),
        (("training",), {"iterations": True}),
        (("evaluation",), {"codes": True}),
        ((*GRID, "training"), {"iterations": True}),
    ],
)
def test_booleans_are_no_numbers(path, value):
    with pytest.raises(InputError, match=r"expected no boolean|expected .*, found (True|False)"):
        check(Study, changed(path, value), "config.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {c: 1,\n c: 2}\n", "found the key 'c' in line 2 and again in line 3"),
        ("a: 1\na: 2\n", "found the key 'a' in line 1 and again in line 2"),
        ("seeds: [010]\n", "found 010 in line 1, which YAML does not read as a decimal number"),
        ("iterations: 1:30\n", "found 1:30 in line 1"),
        ("a: [1\n", "expected YAML, found in line"),
        ("a: \x00", "expected YAML"),
    ],
)
def test_yaml_that_is_not_what_it_looks_like(tmp_path, text, message):
    file = tmp_path / "study.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_yaml(file)


def test_yaml_as_people_write_it(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("a: &x {b: 1}\nc: {<<: *x, d: '010'}\ne: 1_000\nf: 'größe'\n", encoding="utf-8")
    assert read_yaml(file) == {"a": {"b": 1}, "c": {"b": 1, "d": "010"}, "e": 1000, "f": "größe"}


def test_flags_leave_out_defaults():
    run = Run(dataset="dsprites", method={"name": "tcwae_mws", "beta": 50, "gamma": 100}, seed=3)
    assert run_flags(run) == "--dataset dsprites --method tcwae_mws --beta 50 --gamma 100 --seed 3"


def test_imports_no_torch_and_no_pandas():
    """Every job of a cluster parses the Snakefile, and with it this."""
    code = (
        "import sys, tcwae.config.run, tcwae.config.study, tcwae.config.runs, tcwae.doctor.container, tcwae.doctor.files; "
        "sys.exit(bool({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
