"""A study in a folder of its own, and Snakemake on it as a user calls it on the login node."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from patience import HANG

import tcwae.workflow
from tcwae.cli.main import main
from tcwae.config.run import Dataset
from tcwae.data.prepared import factor_grid
from tcwae.records import STATES

from .cluster import die_with_parent, wait_until

__all__ = ["PROFILE", "ROOT", "Call", "StudyFolder", "make_study"]

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "slurm" / "profile.v9+.yaml"
SIZES = (3, 2, 14, 14)
STEPS = 100
TOYS = {"source": "real", "format": "npz", "archive": "toys.npz"}
DATA = f"resources/toys-{Dataset(**TOYS).label}.h5"
OVERRIDDEN = ("--software-deployment-method", "env-modules", "--slurm-init-seconds-before-status-checks", "10")
"""All that the tests change of the profile: there is no Apptainer here, and jobs of seconds are asked for earlier."""
NODE = '''#!{python}
"""`tcwae` as a node with GPUs has it, but that there is no GPU to compute with; trainings take their time, and save often."""
import os, sys, time
from tcwae.training import lock
from tcwae.cli.main import main

def record(what):
    words = (what, time.time(), os.getpid(), os.environ.get("SLURM_JOB_ID"), os.environ.get("CUDA_VISIBLE_DEVICES"))
    with open("{record}", "a") as file:
        file.write("\\t".join([*map(str, words), *sys.argv[1:]]) + "\\n")

def slowly(*arguments, **options):
    for step in steps(*arguments, **options):
        time.sleep({pause})
        yield step

lock.PATIENCE = 15
record("begin")
words = ["cpu" if word == "cuda" else word for word in sys.argv[1:]]
if words[0] in ("train", "train-many"):
    from tcwae.training.progress import Progress

    steps, Progress.steps = Progress.steps, slowly
    words += ["--save-every", "1"]
status = main(words)
record(status)
sys.exit(status)
'''


@dataclass(frozen=True)
class Call:
    """A call of `tcwae` in a job: what is "begin", or the status with which it ended."""

    what: str
    seconds: float
    process: int
    job: str
    gpu: str
    verb: str
    flags: list[str]

    @property
    def folder(self) -> str:
        return self.flags[self.flags.index("--output") + 1]


class Snakemake(subprocess.Popen):
    """A call of Snakemake in the background."""

    def __init__(self, study: "StudyFolder", *arguments: str) -> None:
        self.log = study.path / f"snakemake.{len(study.outputs())}.log"
        command = ["snakemake", "--profile", "slurm", *OVERRIDDEN, *arguments]
        options = {"cwd": study.path, "env": study.environment, "process_group": 0}
        options["preexec_fn"] = lambda: die_with_parent(signal.SIGKILL)  # by SIGTERM it would wait for its jobs
        with self.log.open("w") as log:
            super().__init__(command, stdout=log, stderr=log, **options)

    def output(self) -> str:
        return self.log.read_text()

    def finish(self) -> tuple[int, str]:
        """Its status and its output."""
        try:
            return self.wait(HANG), self.output()
        finally:
            if self.poll() is None:
                os.killpg(self.pid, signal.SIGKILL)
                print(self.output())


class StudyFolder:
    """A study of one method on small pictures, a run for each seed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def snakemake(self, *arguments: str) -> Snakemake:
        return Snakemake(self, *arguments)

    @property
    def environment(self) -> dict[str, str]:
        """The user's, with the nodes' `tcwae` first."""
        path = f"{self.path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}

    def outputs(self) -> list[str]:
        """What the calls of Snakemake have said."""
        return [log.read_text() for log in sorted(self.path.glob("snakemake.*.log"))]

    def planned(self, *arguments: str) -> dict[str, int]:
        """How often a dry run would call each rule."""
        status, output = self.snakemake("--dry-run", *arguments).finish()
        assert status == 0, output
        counts = re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)
        return {rule: int(count) for rule, count in counts if rule != "total"}

    def run(self, seed: int) -> Path:
        return self.path / f"results/small/runs/toys/wae_mmd/cross_entropy/lambda=10/seed={seed}"

    def model(self, seed: int) -> str:
        return str((self.run(seed) / "model.safetensors").relative_to(self.path))

    def weights(self, seed: int) -> bytes:
        return (self.run(seed) / "model.safetensors").read_bytes()

    def calls(self, verb: str = "train", seed: int | None = None) -> list[Call]:
        """The calls of a verb, of all runs or one, in the order in which they began or ended."""
        file = self.path / "record"
        lines = [line.split("\t") for line in file.read_text().splitlines()] if file.exists() else []
        calls = [Call(line[0], float(line[1]), int(line[2]), *line[3:6], line[6:]) for line in lines]
        mine = [call for call in calls if call.verb == verb]
        return mine if seed is None else [call for call in mine if Path(call.folder).name == f"seed={seed}"]

    def begun(self, seed: int | None = None) -> list[Call]:
        """The trainings that began, those of an attempt after an attempt among them."""
        return [call for call in self.calls(seed=seed) if call.what == "begin"]

    def trained(self) -> list[int]:
        """The seeds of the runs whose training has begun, in the order in which they did."""
        folders = (Path(call.folder).name for call in self.begun())
        return [int(name.removeprefix("seed=")) for name in dict.fromkeys(folders)]

    def wait_for_state(self, seed: int, step: int = 1) -> int:
        """Wait until a training has saved a state, of that step or a later one; the step of it."""
        state = self.run(seed) / STATES[0]

        def saved() -> int:
            found = 0
            # not there yet, or between two renames; opened once alone, as the next state may replace it at any moment
            with suppress(FileNotFoundError), state.open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
                found = int(json.loads(header["__metadata__"]["tcwae"])["step"])
            return found if found >= step else 0

        return wait_until(saved, f"a state of seed {seed}")

    def alive(self, seed: int) -> list[int]:
        """The processes that train a run now."""
        commands = {call.process: Path(f"/proc/{call.process}/cmdline") for call in self.begun(seed)}
        return [process for process, file in commands.items() if file.exists() and b"train" in file.read_bytes()]

    def resumed_at(self, seed: int) -> int:
        """The step at which the last of the processes that trained a run took it up."""
        return int(re.search(r"step (\d+) of", (self.run(seed) / "train.log").read_text())[1])

    def uninterrupted(self, seed: int) -> bytes:
        """The weights of the same training by hand, without SLURM and without a pause."""
        flags = self.begun(seed)[0].flags
        folder = self.path / "whole" / f"seed={seed}"
        words = {"cuda": "cpu", flags[flags.index("--output") + 1]: str(folder)}
        here = Path.cwd()
        os.chdir(self.path)
        try:
            assert main(["train", *(words.get(word, word) for word in flags)]) == 0
        finally:
            os.chdir(here)
        return (folder / "model.safetensors").read_bytes()


def make_study(
    path: Path,
    seeds: int,
    *,
    profile: str | None = None,
    shows: tuple[str, ...] = ("scores_table",),
    prepared: bool = False,
    seconds: float = 0.0,
) -> StudyFolder:
    """Write the study, the workflow, the profile (the user's, or another), and the nodes' `tcwae`.

    A training takes at least that many seconds, for most of which it sleeps. `prepared`: the data are there already.
    """
    tcwae.workflow.copy(path)
    if profile is not None:
        (path / "slurm" / PROFILE.name).write_text(profile)
    factors = factor_grid(SIZES).astype(int)
    images = np.zeros((len(factors), 64, 64), np.uint8)
    for picture, (size, turned, x, y) in zip(images, factors, strict=True):
        side, top, left = 6 + 4 * size, 4 + 3 * y, 4 + 3 * x
        picture[top : top + side, left : left + side + 4 * turned] = 255
    np.savez(path / "toys.npz", images=images, factors=factors, factor_names=np.array(["size", "turned", "x", "y"]))
    study = {
        "study": "small",
        "seeds": list(range(seeds)),
        "training": {"iterations": STEPS, "batch_size": 16},
        "evaluation": {"codes": 1000, "held_out": 100},
        "datasets": {"toys": TOYS},
        "experiments": {
            "comparison": {
                "dataset": "toys",
                "methods": {"wae_mmd": {"lambda": 10}},
                "shows": list(shows),
            }
        },
    }
    (path / "config.yaml").write_text(yaml.safe_dump(study))
    (path / "bin").mkdir()
    script = path / "bin" / "tcwae"
    script.write_text(NODE.format(python=sys.executable, record=path / "record", pause=seconds / STEPS))
    script.chmod(0o755)
    if prepared:
        words = ("prepare", "npz", "--name", "toys", "--archive", path / "toys.npz", "--output", path / DATA)
        assert main([*map(str, words)]) == 0
    return StudyFolder(path)
