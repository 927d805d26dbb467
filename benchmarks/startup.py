"""From a command to its first work: the command line, planning the paper's study, a training's first step."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.data import dsprites_file
from benchmarks.measure import ROOT, Row, commands

__all__ = ["rows"]

PAPER = ROOT / "workflow" / "studies" / "paper.yaml"


def rows() -> Iterator[Row]:
    """Whole processes, with the time in which their files are found in the cache; the targets are in README.md."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for entry in ("Snakefile", "config.yaml", "workflow"):
            (folder / entry).symlink_to(ROOT / entry)
        snakemake = ["snakemake", "--configfile", PAPER]
        train = ["tcwae", "train", "--dataset", "dsprites", "--method", "tcwae_mws", "--beta", 4, "--gamma", 1,
                 "--batch-size", 64, "--iterations", 1, "--data", dsprites_file(), "--output", folder / "run"]  # fmt: skip
        yield Row("tcwae --help", **commands(["tcwae", "--help"]))
        yield Row("parse the Snakefile of the paper's study", **commands([*snakemake, "--list-rules"], folder))
        yield Row("plan the paper's study (snakemake -n)", **commands([*snakemake, "--cores", 1, "-n"], folder))
        yield Row("tcwae plan of the paper's study", **commands(["tcwae", "plan", "--configfile", PAPER], folder))
        yield Row("tcwae train, one step of dSprites and the end", **commands(train))
