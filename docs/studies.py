"""The tables and pictures of the pages about a study's results, from the files kept in a folder beside each page.

`python docs/studies.py` writes the tables between the marks of the pages (tests/test_study_pages.py checks them); `python
docs/studies.py deviations results/deviations-small` first takes the files and pictures of that page from a study's results,
whether the study is finished or not. It needs pdftoppm of poppler-utils.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from tcwae.config.runs import runs
from tcwae.config.scores import PAPER
from tcwae.config.study import read
from tcwae.inspect import curves
from tcwae.report import findings, paper, paper_tables
from tcwae.report.partial import assemble
from tcwae.study import names
from tcwae.study.results import VERSIONS, Results
from tcwae.study.select import best_settings

DOCS = Path(__file__).parent
STUDIES = DOCS.parent / "workflow" / "studies"
PAGES = {"deviations": "deviations-small.yaml", "reference-run": "reference.yaml"}
"""The pages' names, and their studies."""

SHOWN = (100, 300, 1_000, 3_000, 10_000, 30_000, 60_000)
"""Steps of a training whose losses a page shows, and the last one."""

MEASURES = (
    *("total_correlation", "dimension_wise_kl", "index_code_mi", "mmd", "active_units"),
    *("mig_sampled", "factor_vae_sampled", "sap_sampled"),
)
"""Columns of metrics.csv that a page shows besides the scores."""

MARKS = re.compile(r"(<!-- (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def take(name: str, source: Path) -> None:
    """Keep for a page the tables of a folder of results, its figures as pictures, and the curves of a study of one run."""
    kept, study = DOCS / name, read(STUDIES / PAGES[name])
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        assemble(study, source, made)
        (kept / "figures").mkdir(parents=True, exist_ok=True)
        for table in (made / "metrics.csv", *(made / "figures").glob("*.csv")):
            shutil.copy(table, kept / table.relative_to(made))
        for figure in (made / "figures").glob("*.pdf"):
            picture = kept / "figures" / figure.stem
            subprocess.run(["pdftoppm", "-png", "-singlefile", "-r", "130", figure, picture], check=True)
    if len(runs(study)) == 1:
        (run,) = runs(study)
        shutil.copy(source / "runs" / run / "curves.csv", kept)
        curves.draw(curves.read([source / "runs" / run]), kept / "figures" / "curves.png")
    for picture in (kept / "figures").glob("*.png"):
        Image.open(picture).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(picture, optimize=True)


def kept(name: str) -> Results:
    """A page's study as far as it is kept: the table of its runs, its selections, and the tables of its figures."""
    metrics = pd.read_csv(DOCS / name / "metrics.csv", dtype=dict.fromkeys(VERSIONS, str))
    results = Results(DOCS / name, read(STUDIES / PAGES[name]), metrics, pd.DataFrame())
    selected = [
        best_settings(results.runs(experiment).assign(udr=np.nan)).assign(experiment=experiment)
        for experiment in results.study.experiments
        if results.begun(experiment)
    ]
    return replace(results, selection=pd.concat(selected, ignore_index=True))


def filled(page: str, results: Results) -> str:
    """The page with the text between each pair of its marks filled in."""
    return MARKS.sub(lambda mark: f"{mark[1]}\n{_said(results, mark[2], mark[3])}\n\n{mark[4]}", page)


def _said(results: Results, part: str, experiment: str | None) -> str:
    text_of, figure = PARTS[part]
    if experiment is None:
        return text_of(results)
    enough = results.begun(experiment) and (
        not figure or (results.folder / "figures" / f"{experiment}-{figure}.csv").exists()
    )
    return text_of(results, experiment) if enough else "Not enough of its runs are finished."


def budget(results: Results) -> str:
    """What was run, how long it took, and the budget relative to the paper's."""
    made, training = results.metrics, results.study.training
    missing = sorted(runs(results.study).keys() - set(made["run"]))
    seen = sorted((made["iterations"] * made["batch_size"]).unique())
    share = " or ".join(f"{100 * images / (paper.ITERATIONS * 256):.2g} %" for images in seen)
    hours = {part: f"{made[f'{part}_seconds'].sum() / 3600:.1f} hours" for part in ("train", "evaluate")}
    ends = pd.to_datetime(made["finished"]).agg(["min", "max"]).dt.strftime("%Y-%m-%d %H:%M")
    counts = {status: int((made["status"] == status).sum()) for status in ("finished", "diverged")}
    codes = results.study.evaluation.codes
    rows = {
        "runs": f"{counts['finished']} finished, {counts['diverged']} diverged, {len(missing)} missing",
        "images": ", ".join(f"dSprites, {source}" for source in made["source"].unique()),
        "iterations": f"{training.iterations:,}, {100 * training.iterations / paper.ITERATIONS:.2g} % of the paper's",
        "images seen by a run": f"{share} of the paper's 600,000 batches of 256",
        "step size, Adam's epsilon": f"{training.learning_rate:g}, {training.adam_epsilon:g} (the paper: 0.0004, 0.0008)",
        "training": f"{hours['train']} ({_distinct(made['device'])})",
        "evaluation": f"{hours['evaluate']}, {f'{codes:,}' if codes else 'all'} images encoded a run",
        "trainings ended": f"{ends['min']} to {ends['max']} UTC",
        "commit, PyTorch": f"{_distinct(made['commit'])}, {_distinct(made['torch'])}",
    }
    return _table(("what", "how much"), [*rows.items(), *(("missing", f"`{run}`") for run in missing)])


def scores(results: Results, experiment: str) -> str:
    """Mean, sample deviation and bootstrap interval of each row's scores."""
    sure, rows = paper_tables.intervals(results, experiment), []
    for key, seeds in results.runs(experiment).groupby(["row", "setting"], sort=False):
        cells = [_mean(seeds[score], score, interval) for score, interval in zip(PAPER, sure[key], strict=True)]
        rows.append((seeds["name"].iloc[0], str(len(seeds)), *cells))
    return _table(("row", "seeds", *_heads()), rows)


def _mean(values: pd.Series, score: str, interval: str) -> str:
    text = PAPER[score].text
    return f"{text(values.mean())} ± {text(values.std())} ({interval})" if interval else text(values.mean(skipna=False))


def beside(results: Results, experiment: str) -> str:
    """Each row's scores, and below them those of the paper's row, as printed."""
    rows = []
    for _, row in results.selected(experiment).iterrows():
        printed = paper.find(row["dataset"], row["method"], row["cost"])
        scores = (score.text(row[f"{key}_mean"]) for key, score in PAPER.items())
        rows.append((f"{row['name']}, {row['shown']}", f"{row['seeds']}", *scores))
        scores = (printed.scores[key].text for key in PAPER)
        rows.append((f"Table {printed.table}, {names.setting(printed.setting)}", f"{paper.SEEDS}", *scores))
    return _table(("row", "seeds", *_heads()), rows)


def measures(results: Results) -> str:
    """Further measures of each run's model."""
    heads = [f"`{column}`" for column in MEASURES]
    rows = [(f"{row[column]:.4g}" for column in MEASURES) for row in results.metrics.to_dict("records")]
    return _table(heads, rows)


def losses(results: Results) -> str:
    """The terms of the loss of a study of one run, of the hundred steps before each of some steps."""
    table = pd.read_csv(results.folder / "curves.csv")
    steps = table["step"].to_numpy()
    shown = table[table["step"].isin([step for step in SHOWN if step < steps[-1]] + [steps[-1]])]
    heads = [column.replace("_", " ") for column in table]
    return _table(heads, [(f"{row[0]:,.0f}", *(f"{value:,.4g}" for value in row[1:])) for row in shown.to_numpy()])


def departures(results: Results, experiment: str) -> str:
    """Mean differences from the default with their intervals, and what follows from them."""
    outcome = findings.departures(results, experiment)
    rows = [
        (row["deviation"], str(row["pairs"]), *(_bracketed(cell["mean"], cell["interval"]) for cell in row["cells"]))
        for row in outcome["rows"]
    ]
    sentences = [f"- {row['deviation']}: {row['words']}" for row in outcome["rows"]]
    count = f"{outcome['clear']} of {outcome['intervals']} intervals exclude zero; if no departure had an effect, about"
    chance = f"{outcome['chance']} would do so by chance."
    return "\n".join([_table(("departure", "pairs", *_heads()), rows), "", *sentences, "", f"{count} {chance}"])


def estimators(results: Results, experiment: str) -> str:
    """Both terms of each best run by each estimator."""
    outcome = findings.estimators(results, experiment)
    rows = [
        (row["name"], row["size"], term, *values)
        for row in outcome["rows"]
        for term, values in zip(("TC", "DW"), row["terms"], strict=True)
    ]
    off = ", ".join(f"{error['kind']} {error['off']}" for error in outcome["errors"])
    sentence = f"At M = {outcome['size']}, the total correlation minus its large-sample value, in nats: {off}."
    return "\n".join([_table(("best run of", "M", "term", *outcome["kinds"]), rows), "", sentence])


def fronts(results: Results, experiment: str) -> str:
    """Which method has the best run at equal reconstruction."""
    outcome = findings.fronts(results, experiment)
    if outcome is None:
        return "There is nothing to compare yet."
    rows = [(row["method"], str(row["runs"]), *row["cells"]) for row in outcome["rows"]]
    return "\n".join(
        [_table(("method", "runs", *outcome["scores"]), rows), "", f"Shares of {outcome['levels']} levels."]
    )


PARTS: dict[str, tuple[Callable[..., str], str | None]] = {
    "budget": (budget, None),
    "scores": (scores, None),
    "beside": (beside, None),
    "measures": (measures, None),
    "losses": (losses, None),
    "departures": (departures, "deviations"),
    "estimators": (estimators, "kl_estimators"),
    "fronts": (fronts, "pareto"),
}
"""By the mark's first word: the function that writes it, and the figure whose table it needs."""


def _heads() -> list[str]:
    return [f"{score.label} {score.arrow}" for score in PAPER.values()]


def _bracketed(mean: str, interval: str) -> str:
    return f"{mean} ({interval})" if interval else mean


def _distinct(values: pd.Series) -> str:
    return ", ".join(map(str, values.unique()))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(lines).replace(names.NO_BREAK, " ")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take(sys.argv[1], Path(sys.argv[2]))
    for name in PAGES:
        page = DOCS / f"{name}.md"
        page.write_text(filled(page.read_text(encoding="utf-8"), kept(name)), encoding="utf-8")
