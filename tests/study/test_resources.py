"""What jobs and seeds a study needs, from records whose values are known."""

import math

import pytest
from recorded import record
from scipy import stats

from tcwae.config.run import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.records import MetricsRecord
from tcwae.study.resources import attempt_value, measure, proposals, seeds_for, seeds_lines

VALUES = {
    "study": "example",
    "seeds": [0, 1],
    "experiments": {"one": {"dataset": "dsprites", "methods": {"wae_mmd": {"lambda": [1, 3]}}}},
}
STUDY = check(Study, VALUES, "test")


TRAINING = next(iter(runs(STUDY).values())).training
IMAGES = TRAINING.iterations * TRAINING.batch_size


@pytest.fixture
def known():
    """The records of four runs of 100, 200, 300 and 400 minutes and as many MB; MIG is 0.1 or 0.3 by the seed."""
    found = []
    for place, run in enumerate(runs(STUDY).values(), 1):
        written = record(run)
        written["training"] |= {"images_per_second": IMAGES / (6000.0 * place), "memory_mb": 100.0 * place}
        written["scores"] = {"mig": 0.1 + 0.2 * run.seed}
        found.append(MetricsRecord.model_validate(written))
    return found


def with_training(known, **values):
    return known.model_copy(update={"training": known.training.model_copy(update=values)})


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (4000, 4000),
        ("4000 * attempt", 8000),
        ("min(480 * attempt, 1440)", 960),
        ("max(60, 30 + attempt)", 60),
        ("'4GB'", None),
        ("input.size_mb", None),
        ("__import__('os').system('true')", None),
        (None, None),
    ],
)
def test_resources_as_the_profile_writes_them(written, value):
    assert attempt_value(written, attempt=2) == value


def test_what_is_measured_is_asked_for_with_some_to_spare(known):
    profile = {"set-resources": {"train": {"runtime": "480 * attempt"}}}
    (line,) = proposals(measure(known), runs(STUDY).values(), profile)
    assert line == (
        "dsprites, wae_mmd (4 runs on cpu, at most 400 min, 400 MB): mem_mb: 500 (the profile asks for 4,000, too much), "
        "runtime: 510 (the profile asks for 480, too little)"
    )


def test_the_time_is_that_of_the_runs_to_come(known):
    """Ten times the steps; and of a kind that the study has not, nothing is said."""
    longer = check(Study, VALUES | {"training": {"iterations": 10 * TRAINING.iterations}}, "test")
    (line,) = proposals(measure(known), runs(longer).values(), {"set-resources": {"train": {"runtime": 5010}}})
    assert line.endswith("runtime: 5,010")
    assert proposals(measure(known), [], {}) == []


def test_the_device_is_that_of_the_latest_run(known):
    known[1] = with_training(known[1], device="A100", finished="2026-02-01T00:00:00+00:00")
    measured = measure(known)["dsprites", "wae_mmd"]
    assert (measured.runs, measured.device, measured.memory_mb) == (1, "A100", 200.0)
    assert measured.images_per_second == measured.slowest == known[1].training.images_per_second


def test_a_record_without_memory_a_damaged_one_and_a_run_that_diverged(known):
    known[1], known[2] = with_training(known[1], memory_mb=None), with_training(known[2], status="diverged")
    measured = measure([None, *known[1:]])["dsprites", "wae_mmd"]
    assert (measured.runs, measured.memory_mb) == (2, 400.0)
    (line,) = proposals(measure(known[1:2]), runs(STUDY).values(), {})
    assert line == "dsprites, wae_mmd (1 run on cpu, at most 200 min): runtime: 260"


@pytest.mark.parametrize("ratio", [0.3, 0.5, 1.0, 2.0])
def test_so_many_seeds_have_the_power(ratio):
    """By the noncentral t distribution; one seed less has not, but for the rounding of the approximation."""

    def power(seeds):
        degrees, shift = 2 * seeds - 2, ratio * math.sqrt(seeds / 2)
        bound = stats.t.ppf(0.975, degrees)
        return stats.nct.sf(bound, degrees, shift) + stats.nct.cdf(-bound, degrees, shift)

    seeds = seeds_for(ratio, 1.0)
    assert power(seeds + 1) > 0.8
    assert power(seeds - 1) < 0.8


def test_the_deviation_is_pooled_over_settings(known):
    """Both settings have the variance .02; then one has three seeds, of variance .01 and twice the weight."""
    deviation = math.sqrt(0.02)
    expected = f"mig: deviation {deviation:.3g} over seeds, {seeds_for(0.1, deviation)} seeds per setting"
    assert seeds_lines([*known, None], 0.1) == [expected]
    settings = known[0].training.settings | {"seed": 2}
    known.append(with_training(known[0], settings=settings).model_copy(update={"scores": {"mig": 0.2}}))
    deviation = math.sqrt((2 * 0.01 + 0.02) / 3)
    assert seeds_lines(known, 0.1)[0].startswith(f"mig: deviation {deviation:.3g} over seeds")
    assert "unknown" in seeds_lines(known[:1], 0.1)[0]
