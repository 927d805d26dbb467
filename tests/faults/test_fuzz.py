"""Damaged files are accepted with the right result or refused with one line: nothing else, no hang, no flood of memory."""

import json
import random
import resource
import signal
import sys
import traceback
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from patience import HANG

from tcwae import records
from tcwae.config.run import Run, check, flatten, run_flags, unflatten
from tcwae.config.runs import candidates, runs
from tcwae.config.study import Study
from tcwae.data import prepared
from tcwae.errors import InputError
from tcwae.evaluation.score import read_table
from tcwae.methods.build import build
from tcwae.metrics.mig import mig
from tcwae.records import STATES
from tcwae.study.gather import gather
from tcwae.study.select import select
from tcwae.training import checkpoint

from .mutations import mutate_bytes, mutate_document
from .processes import CONTEXT

LONGEST, LARGEST = 10, 2 * 2**30  # seconds, bytes
COUNTS = [60, pytest.param(1500, marks=pytest.mark.faults)]
STUDY = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
RUN = check(Run, unflatten({"dataset": "dsprites", "method": "tcwae_mws", "beta": 4, "gamma": 2}), "test")
TRAINING = {
    "settings": flatten(RUN),
    "status": "finished",
    "step": 6,
    "term": None,
    "finished": "2026-01-01T00:00:00+00:00",
    "seconds": 1.5,
    "images_per_second": 40.0,
    "device": "cpu",
    "threads": 1,
    "warnings": [{"kind": "collapsed_latents", "term": "active_units", "step": 3, "value": 0.0}],
    "data": {"source": "rendered", "images_sha256": "0" * 64},
    "versions": {"tcwae": "0.1.0", "torch": "2.14.1"},
}
SCORES = {"reconstruction": 9.0, "log_reconstruction": 2.2, "mig": 0.1, "factor_vae": 0.4, "sap": 0.02, "mmd": 0.0}
GRID = (3, 4, 2)


class Hang(BaseException):
    """No file is worth waiting for so long."""


def outcomes(case, folder, count):
    """How many of `count` mutations of a case were accepted, and refused with a line; anything else is an error."""
    mutate, read = case(folder)
    read()
    chance, found = random.Random(count), {"accepted": 0, "refused": 0, "refused without a word": 0}
    for _ in range(count):
        mutate(chance)
        signal.alarm(LONGEST)
        try:
            read()
            found["accepted"] += 1
        except InputError as error:
            found["refused" if str(error).strip() else "refused without a word"] += 1
        except OSError as error:
            found["refused" if error.filename else "refused without a word"] += 1
        finally:
            signal.alarm(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert peak < LARGEST, f"{peak / 2**30:.1f} GiB"
    return found


def configuration(folder):
    """A study as text and as values; what is accepted is a study that says the same when it is written and read again."""
    path, text = folder / "config.yaml", yaml.safe_dump(STUDY).encode()
    path.write_bytes(text)

    def mutate(chance):
        if chance.random() < 0.4:
            path.write_bytes(mutate_bytes(chance, text))
        else:
            path.write_bytes(
                yaml.safe_dump(mutate_document(chance, STUDY), allow_unicode=True).encode("utf-8", "replace")
            )

    def read():
        try:
            values = yaml.safe_load(path.read_bytes())
        except (yaml.YAMLError, ValueError, UnicodeError):
            raise InputError("no YAML: Snakemake's to say") from None
        study = check(Study, values, str(path))
        for identifier, run in candidates(study).items():
            assert "\n" not in identifier
            assert " " not in run_flags(run).replace(" --", "").replace(" ", "", len(run_flags(run).split())), (
                identifier
            )
        assert check(Study, json.loads(study.model_dump_json()), "again") == study

    return mutate, read


def prepared_data(folder):
    """Accepted only with the pixels and factors that were written."""
    path, original = folder / "data.h5", (folder.parent / "small.h5").read_bytes()
    path.write_bytes(original)
    expected = prepared.read(folder.parent / "small.h5")

    def read():
        found = prepared.read(path)
        assert (found.images == expected.images).all()
        assert (found.factors == expected.factors).all()

    return lambda chance: path.write_bytes(mutate_bytes(chance, original, head=4096)), read


def weights(folder):
    """Accepted only with the weights and the run that were written."""
    path, model = folder / "model.safetensors", build(RUN, 1, seed=0)
    checkpoint.save_model(path, model, RUN, channels=1, step=6)
    whole = path.read_bytes()

    def read():
        found, run, _ = checkpoint.load_model(path)
        assert run == RUN
        pairs = zip(found.state_dict().values(), model.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)

    return lambda chance: path.write_bytes(mutate_bytes(chance, whole, head=6000)), read


def states(folder):
    """The newest if it is whole, the one before it if not, never anything else; nothing is to be removed by hand."""
    identity = {"seed": "0", "torch": "2"}
    for step in (1, 2):
        tensors = {"curves": torch.full((3, 2), float(step)), "generator": torch.arange(99, dtype=torch.uint8)}
        checkpoint.save_state(folder, identity, checkpoint.State(tensors, {"step": step}))
    newest, previous = (folder / name for name in STATES)
    wholes = newest.read_bytes(), previous.read_bytes()

    def mutate(chance):
        newest.write_bytes(mutate_bytes(chance, wholes[0], head=600))
        previous.write_bytes(wholes[1] if chance.random() < 0.8 else mutate_bytes(chance, wholes[1], head=600))

    def read():
        untouched = previous.read_bytes() == wholes[1]
        state = checkpoint.load_state(folder, identity)
        assert state is not None or not untouched
        if state is not None:
            assert state.record == {"identity": identity, "step": state.record["step"]}
            assert (state.tensors["curves"] == state.record["step"]).all()
            assert torch.equal(state.tensors["generator"], torch.arange(99, dtype=torch.uint8))

    return mutate, read


def metrics_and_training(folder):
    """Accepted only if the study's tables can be made of it."""
    study = check(
        Study,
        {
            "study": "one",
            "seeds": [0],
            "experiments": {"only": {"dataset": "dsprites", "methods": {"tcwae_mws": {"beta": 4, "gamma": 2}}}},
        },
        "test",
    )
    (identifier,) = runs(study)
    path, training = folder / "runs" / identifier / "metrics.json", folder / "training.json"
    path.parent.mkdir(parents=True)
    document = {
        "scores": SCORES,
        "parts": {"mig": {"size": 0.1}},
        "evaluation": {"codes": 1000, "held_out": 100, "seed": 0},
        "training": TRAINING,
        "versions": {"tcwae": "0.1.0"},
        "seconds": 3.0,
    }

    path.write_text(json.dumps(document))
    training.write_text(json.dumps(TRAINING))

    def mutate(chance):
        if chance.random() < 0.4:
            path.write_bytes(mutate_bytes(chance, json.dumps(document, indent=1).encode()))
            training.write_bytes(mutate_bytes(chance, json.dumps(TRAINING, indent=1).encode()))
        else:
            path.write_text(json.dumps(mutate_document(chance, document)), errors="replace")
            training.write_text(json.dumps(mutate_document(chance, TRAINING)), errors="replace")

    def read():
        gather(study, folder)
        select(study, "only", folder)
        record = records.read(records.TrainingRecord, training)
        records.write(record, folder / "again.json")
        assert records.read(records.TrainingRecord, folder / "again.json") == record

    return mutate, read


def code_tables(suffix, longest_name=None):
    """Accepted only as a table that can be scored."""

    def case(folder):
        path = folder / f"codes{suffix}"
        random_codes = np.random.default_rng(0).normal(size=(24, 3))
        arrays = {"codes": random_codes, "factor_sizes": np.array(GRID), "deviations": np.full((24, 3), 0.1)}
        names = ["size", "x", "y"]
        if suffix == ".npz":
            np.savez(path, **arrays, factor_names=np.array(names))
        else:
            with h5py.File(path, "w") as file:
                for key, value in arrays.items():
                    file[key] = value
                file.create_dataset("factor_names", data=names, dtype=h5py.string_dtype(length=longest_name))
        whole = path.read_bytes()

        def read():
            for sampled in (False, True):
                table = read_table(path, sampled)
                assert 0 <= mig(table, np.random.default_rng(0)).value <= 1

        return lambda chance: path.write_bytes(mutate_bytes(chance, whole, head=1200)), read

    return case


CASES = {
    "configuration": configuration,
    "prepared data": prepared_data,
    "checkpoints": weights,
    "states": states,
    "metrics and training": metrics_and_training,
    "codes in npz": code_tables(".npz"),
    "codes in HDF5": code_tables(".h5", longest_name=4),
    "codes in HDF5 with texts of any length": code_tables(".h5"),
}


def fuzz(name, folder, count):
    """In a process of its own, as a library may crash or hang in C; what went wrong is in result.json."""
    sys.stderr = open(folder / "stderr", "w")
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(Hang()))
    try:
        found = outcomes(CASES[name], folder, count)
    except BaseException:
        found = traceback.format_exc()
    (folder / "result.json").write_text(json.dumps(found))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", CASES)
def test_damage_is_refused_or_harmless(name, count, small_data, tmp_path):
    (tmp_path / "small.h5").symlink_to(small_data)
    folder = tmp_path / "case"
    folder.mkdir()
    process = CONTEXT.Process(target=fuzz, args=(name, folder, count))
    process.start()
    process.join(HANG)
    process.kill()
    assert process.exitcode == 0, f"status {process.exitcode}: the file that did it is in {folder}"
    found = json.loads((folder / "result.json").read_text())
    assert isinstance(found, dict), found
    assert found["accepted"] + found["refused"] == count, found
    print(f"{name}: {count} mutations, {found['accepted']} accepted, {found['refused']} refused")
