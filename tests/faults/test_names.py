"""What a configuration says never reaches a shell as a command: it is refused, or quoted."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from patience import HANG

from tcwae.config.run import Dataset, check
from tcwae.config.study import Study
from tcwae.errors import InputError

from .test_kills import results, whole

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "a; touch pwned",
    "a'b\"c",
    "a b",
    "a\nb",
    "a\n",
    "{x}",
    "-x",
    "../up",
    "",
]
STUDY = {
    "study": "small",
    "seeds": [0],
    "training": {"iterations": 6, "batch_size": 4, "log_every": 3},
    "evaluation": {"codes": 1000, "held_out": 100},
    "experiments": {
        "only": {
            "title": "$(touch pwned) 'a' \"b\"",
            "dataset": "dsprites",
            "methods": {"tcwae_mws": {"beta": 4, "gamma": 2}},
            "shows": [],
        }
    },
}


def snakemake(folder, study, *arguments):
    """Run Snakemake on a study in `folder`: status and output; it must not have made the file `pwned`."""
    for name in ("Snakefile", "workflow", "profiles"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(study))
    command = ["snakemake", "--cores", "1", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=HANG)
    assert not list(folder.rglob("pwned"))
    return done.returncode, done.stdout + done.stderr


def changed(**changes):
    return {**json.loads(json.dumps(STUDY)), **changes}


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_hostile_names_of_studies_experiments_and_containers_are_refused(name):
    experiments = {name: STUDY["experiments"]["only"]}
    for study in (changed(study=name), changed(experiments=experiments), changed(container=f"{name} x.sif")):
        with pytest.raises(InputError) as refusal:
            check(Study, study, "config.yaml")
        assert "\n" not in str(refusal.value)


def test_a_hostile_name_of_a_study_stops_snakemake(warm, tmp_path):
    status, output = snakemake(tmp_path, changed(study="$(touch pwned)"), "-n", "-p")
    assert status == 1
    assert "config.yaml: study: expected text of the form" in output
    assert "Traceback" not in output


def test_a_hostile_archive_is_one_quoted_word(warm, tmp_path):
    """Planned and run: `tcwae prepare` finds the very file of that name, and says that it is no archive."""
    archive = 'it\'s $(touch pwned) "here"; `touch pwned` & touch pwned #.npz'
    np.savez(tmp_path / archive, nothing=np.zeros(3))
    source = {"source": "real", "archive": archive}
    study = changed(datasets={"dsprites": source})
    status, output = snakemake(tmp_path, study, "-n", "-p")
    assert status == 0, output
    assert "--archive 'it'\"'\"'s $(touch pwned)" in output
    target = f"resources/dsprites-{Dataset(**source).label}.h5"
    status, output = snakemake(tmp_path, study, "--show-failed-logs", target)
    assert status == 1
    assert f"tcwae prepare: {archive}: expected" in output
    assert not (tmp_path / target).exists()


def test_through_snakemake_the_bytes_are_those_of_the_command_by_hand(warm, small_data, tmp_path):
    """In a study whose title and folder would be commands to a shell."""
    folder = tmp_path / "$(touch pwned) it's"
    (folder / "resources").mkdir(parents=True)
    shutil.copy(small_data, folder / "resources" / "dsprites-rendered.h5")
    run = "results/small/runs/dsprites/tcwae_mws/cross_entropy/beta=4_gamma=2/seed=0"
    status, output = snakemake(folder, STUDY, f"{run}/model.safetensors")
    assert status == 0, output
    expected = whole("tcwae_mws", small_data, tmp_path, 6)
    assert results(folder / run) == expected
