"""What jobs and seeds a study needs, from records whose values are known."""

import json
import math

import pytest
from recorded import record
from scipy import stats

from tcwae.config.run import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.study.resources import attempt_value, measure, proposals, seeds_for, seeds_lines

STUDY = check(
    Study,
    {
        "study": "example",
        "seeds": [0, 1],
        "experiments": {"one": {"dataset": "dsprites", "methods": {"wae_mmd": {"lambda": [1, 3]}}}},
    },
    "test",
)


@pytest.fixture
def results(tmp_path):
    """Four runs of 100, 200, 300 and 400 minutes and as many MB; MIG is 0.1 or 0.3 by the seed."""
    for place, (identifier, run) in enumerate(runs(STUDY).items(), 1):
        written = record(run)
        written["training"] |= {"seconds": 6000.0 * place, "memory_mb": 100.0 * place}
        written["scores"] = {"mig": 0.1 + 0.2 * run.seed}
        folder = tmp_path / "runs" / identifier
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(written))
    return tmp_path


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


def test_what_is_measured_is_asked_for_with_some_to_spare(results):
    measured, _ = measure(results)
    profile = {"set-resources": {"train": {"runtime": "480 * attempt"}}}
    (line,) = proposals(measured, profile)
    assert line == (
        "dsprites, wae_mmd (4 runs, at most 400 min, 400 MB): mem_mb: 500 (the profile asks for 4,000, too much), "
        "runtime: 510 (the profile asks for 480, too little)"
    )


def test_a_damaged_record_and_one_without_memory(results):
    first, second, *_ = sorted(results.rglob("metrics.json"))
    first.write_text("{")
    older = json.loads(second.read_text())
    del older["training"]["memory_mb"]
    second.write_text(json.dumps(older))
    measured, finished = measure(results)
    assert len(finished) == 3
    assert measured["dsprites", "wae_mmd"].memory_mb == 400


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


def test_the_deviation_is_pooled_over_settings(results):
    _, finished = measure(results)
    deviation = math.sqrt(0.02)
    assert seeds_lines(finished, 0.1) == [
        f"mig: deviation {deviation:.3g} over seeds, {seeds_for(0.1, deviation)} seeds a setting"
    ]
    assert "not known" in seeds_lines(finished[:1], 0.1)[0]
