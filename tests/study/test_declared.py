"""The files by which Snakemake sees that a setting changed: newer than the results where these are of other settings."""

import json
import os

import pytest
from recorded import record

from tcwae.config.base import check
from tcwae.config.run import flatten
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.study.declared import declare, read, read_resolved


def study_of(beta=(1, 4), iterations=10, **settings):
    methods = {"beta_tcvae": {"beta": list(beta)}}
    study = {"study": "s", "seeds": [0], "training": {"iterations": iterations}, **settings}
    return check(Study, {**study, "experiments": {"one": {"dataset": "dsprites", "methods": methods}}}, "test")


def declared(study, results, images="abc"):
    declare(study, runs(study), results, lambda dataset: images)


def train(study, results, moment=1000):
    """The records of a study's runs, made at a moment."""
    for identifier, run in runs(study).items():
        file = results / "runs" / identifier / "training.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record(run)["training"]))
        os.utime(file, (moment, moment))


def again(study, results):
    """The runs that Snakemake would train again: those whose settings are newer than their results."""
    folders = {identifier: results / "runs" / identifier for identifier in runs(study)}
    return {
        identifier
        for identifier, folder in folders.items()
        if (folder / "run.json").stat().st_mtime > (folder / "training.json").stat().st_mtime
    }


def test_a_run_in_its_file_is_the_run(tmp_path):
    study = study_of(beta=[1 / 3])
    declared(study, tmp_path)
    ((identifier, run),) = runs(study).items()
    assert json.loads((tmp_path / "runs" / identifier / "run.json").read_text()) == flatten(run)


def test_the_study_in_its_file_is_the_study(tmp_path):
    study = study_of(beta=[1 / 3, 1e-300], evaluation={"codes": 2000})
    declared(study, tmp_path)
    assert read(tmp_path) == read_resolved(tmp_path) == study


def test_nothing_that_is_up_to_date_is_made_again(tmp_path):
    study = study_of()
    train(study, tmp_path)
    declared(study, tmp_path)  # as with results that were moved, without the files
    assert again(study, tmp_path) == set()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.json")}
    declared(study, tmp_path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.json")} == before


def test_a_changed_setting_is_newer_than_what_was_made_with_another(tmp_path):
    train(study_of(), tmp_path)
    longer = study_of(iterations=11)
    declared(longer, tmp_path)
    assert again(longer, tmp_path) == set(runs(longer))
    train(longer, tmp_path, moment=2e9 * 2)  # once they are trained
    declared(longer, tmp_path)
    assert again(longer, tmp_path) == set()


def test_only_runs_of_other_images_are_made_again(tmp_path):
    study = study_of()
    train(study, tmp_path)
    declared(study, tmp_path, images=None)  # not prepared: nothing is known
    assert again(study, tmp_path) == set()
    declared(study, tmp_path, images="other")
    assert again(study, tmp_path) == set(runs(study))


def test_a_run_with_a_damaged_record_is_made_again(tmp_path):
    study = study_of()
    train(study, tmp_path)
    declared(study, tmp_path)
    first = next(iter(runs(study)))
    (tmp_path / "runs" / first / "training.json").write_text("{")
    os.utime(tmp_path / "runs" / first / "training.json", (1000, 1000))
    declared(study, tmp_path)
    assert again(study, tmp_path) == {first}


def test_how_runs_are_evaluated_and_scored_are_files_that_change_with_it(tmp_path):
    declared(study_of(), tmp_path)
    files = tmp_path / "evaluation" / "dsprites.json", tmp_path / "scores.json"

    def changed(**settings):
        for file in files:
            os.utime(file, (1000, 1000))
        declared(study_of(**settings), tmp_path)
        return [file.stat().st_mtime > 1000 for file in files]

    assert changed(iterations=11) == [False, False]
    assert changed(scores=["mig", "dci"]) == [False, True]
    assert changed(scores=["mig", "dci"], evaluation={"codes": 2000}) == [True, False]
    assert changed(scores=["mig", "dci"], evaluation={"seed": 1}) == [True, True]


def test_a_missing_and_a_damaged_study(tmp_path):
    with pytest.raises(InputError, match=r"config.json: found no such file, expected the study"):
        read(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json: found no JSON"):
        read(tmp_path)
