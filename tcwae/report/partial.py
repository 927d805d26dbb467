"""A report of an unfinished study: the available results, and what is missing."""

import tempfile
from pathlib import Path

from tcwae.config.runs import chosen, experiment_runs, left_out, resolve, without_selects
from tcwae.config.study import Study
from tcwae.errors import InputError
from tcwae.figures.plot import KINDS, plot
from tcwae.log import complain
from tcwae.report.document import report
from tcwae.study.compare import compare
from tcwae.study.gather import gather
from tcwae.study.select import select

__all__ = ["partial_report"]


def partial_report(study: Study, results: Path, template: Path, output: Path) -> None:
    """Typeset the available results in `results`, the folder of `study`; only `output` is written.

    Experiments without runs are left out, and so are rows that select from an incomplete grid and figures that cannot be drawn
    yet; each is named on standard error, and the report lists the missing runs.

    Raises:
        InputError: no run of the study is finished; or a file is damaged.
        OSError: the output cannot be written.
    """
    with tempfile.TemporaryDirectory() as name:
        assemble(study, results, Path(name))
        report(Path(name), template, output, partial=True)


def assemble(study: Study, results: Path, folder: Path) -> None:
    """Make in an empty `folder` what the workflow would make from the runs in `results`, as far as they are available.

    Raises:
        InputError: no run of the study is finished; or a file is damaged.
    """
    (folder / "runs").symlink_to((results / "runs").resolve())
    study = _resolved(study, folder)
    begun = [name for name in study.experiments if any(_present(study, name, folder))]
    if not begun:
        raise InputError(f"{results}: expected the metrics of at least one run of the study, found none")
    gather(study, folder, partial=True)
    for experiment in study.experiments:
        if experiment not in begun:
            complain(f"missing: every run of {experiment}")
            continue
        select(study, experiment, folder, partial=True)
        for figure in (kind for kind in KINDS if kind in study.experiments[experiment].shows):
            _draw(experiment, figure, folder)
    if study.published:
        _compare(study, folder)


def _compare(study: Study, folder: Path) -> None:
    try:
        compare(folder, [Path(path) for path in study.published], folder / "comparison.csv")
    except InputError as error:
        complain(f"missing: the comparison with published runs: {error}")


def _resolved(study: Study, folder: Path) -> Study:
    """The study with the selections of its complete grids; rows that select from others are left out."""
    wanted = {row.grid for experiment in study.experiments.values() for row in experiment.methods.values() if row.grid}
    choices = {}
    for grid in sorted(wanted):
        if all(_present(study, grid, folder)):
            select(study, grid, folder)
            choices[grid] = chosen(folder / "selection" / f"{grid}.csv")
        else:
            complain(f"missing: runs of {grid}, and so all rows that select from it")
    for name, rows in left_out(study, choices).items():
        complain(f"missing: {', '.join(rows)} of {name}, as no setting to select has finished with all its runs")
    return without_selects(resolve(study, choices))


def _present(study: Study, experiment: str, folder: Path) -> list[bool]:
    return [(folder / "runs" / run / "metrics.json").exists() for run in experiment_runs(study, experiment)]


def _draw(experiment: str, figure: str, folder: Path) -> None:
    (folder / "figures").mkdir(exist_ok=True)
    try:
        plot(experiment, figure, folder, folder / "figures" / f"{experiment}-{figure}.pdf")
    except InputError as error:
        complain(f"missing: {figure} of {experiment}: {error}")
