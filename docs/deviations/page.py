"""The tables and pictures of docs/deviations.md, from the files of the study that are kept beside this one.

`python docs/deviations/page.py` writes the tables between the marks of the page (tests/test_deviations_page.py holds that they
are there); with the folder of the study's results as argument, it first takes the files and pictures from there, whether
the study is finished or not.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from tcwae import evidence, paper, tables
from tcwae.figures import KINDS, names, style
from tcwae.figures.results import VERSIONS, Results, load
from tcwae.partial import assemble
from tcwae.runs import runs
from tcwae.study import read

HERE = Path(__file__).parent
PAGE = HERE.with_suffix(".md")
STUDY = HERE.parents[1] / "workflow" / "studies" / "deviations-small.yaml"
MARKS = re.compile(r"(<!-- (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def take(source: Path) -> None:
    """Keep here the tables of a folder of results, and its figures as pictures."""
    (HERE / "figures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assemble(read(STUDY), source, folder)
        shutil.copy(folder / "metrics.csv", HERE)
        for table in (folder / "figures").glob("*.csv"):
            shutil.copy(table, HERE / "figures")
        results = load(folder)
        for table in (folder / "figures").glob("*.csv"):
            experiment, kind = table.stem.rsplit("-", 1)
            with style.look():
                figure = KINDS[kind].draw(pd.read_csv(table), KINDS[kind].note(results, experiment))
                picture = HERE / "figures" / f"{table.stem}.png"
                figure.savefig(picture, dpi=130)
            Image.open(picture).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(picture, optimize=True)


def kept() -> Results:
    """The study as far as it is kept here: the table of its runs, and the tables beside its figures."""
    return Results(
        HERE, read(STUDY), pd.read_csv(HERE / "metrics.csv", dtype=dict.fromkeys(VERSIONS, str)), pd.DataFrame()
    )


def filled(page: str, results: Results) -> str:
    """The page with what belongs between each pair of its marks."""
    return MARKS.sub(lambda found: f"{found[1]}\n{_said(results, found[2], found[3])}\n\n{found[4]}", page)


def _said(results: Results, part: str, experiment: str | None) -> str:
    told, figure = PARTS[part]
    if experiment is None:
        return told(results)
    enough = results.begun(experiment) and (not figure or (HERE / "figures" / f"{experiment}-{figure}.csv").exists())
    return told(results, experiment) if enough else "Not enough of its runs are finished."


def budget(results: Results) -> str:
    """What was run, how long it took, and how far that is from the paper."""
    made, training = results.metrics, results.study.training
    missing = sorted(runs(results.study).keys() - set(made["run"]))
    seen = sorted((made["iterations"] * made["batch_size"]).unique())
    share = " or ".join(f"{100 * images / (paper.ITERATIONS * 256):.2g} %" for images in seen)
    hours = {part: f"{made[f'{part}_seconds'].sum() / 3600:.1f} hours" for part in ("train", "evaluate")}
    ends = pd.to_datetime(made["finished"]).agg(["min", "max"]).dt.strftime("%Y-%m-%d %H:%M")
    counts = {status: int((made["status"] == status).sum()) for status in ("finished", "diverged")}
    rows = {
        "runs": f"{counts['finished']} finished, {counts['diverged']} diverged, {len(missing)} missing",
        "images": ", ".join(f"dSprites, {source}" for source in made["source"].unique()),
        "iterations": f"{training.iterations:,}, {100 * training.iterations / paper.ITERATIONS:.2g} % of the paper's",
        "images seen by a run": f"{share} of the paper's 600,000 batches of 256",
        "step size, Adam's epsilon": f"{training.learning_rate:g}, {training.adam_epsilon:g} (the paper: 0.0004, 0.0008)",
        "training": f"{hours['train']}, one thread a run ({_distinct(made['device'])})",
        "evaluation": f"{hours['evaluate']}, {results.study.evaluation.codes:,} images encoded a run",
        "trainings ended": f"{ends['min']} to {ends['max']} UTC",
        "commit, PyTorch": f"{_distinct(made['commit'])}, {_distinct(made['torch'])}",
    }
    return _table(("what", "how much"), [*rows.items(), *(("missing", f"`{run}`") for run in missing)])


def scores(results: Results, experiment: str) -> str:
    """Mean, sample deviation and bootstrap interval of each row's scores."""
    sure, rows = tables.intervals(results, experiment), []
    for key, its in results.runs(experiment).groupby(["row", "setting"], sort=False):
        cells = [_mean(its[score], score, interval) for score, interval in zip(names.SCORES, sure[key], strict=True)]
        rows.append((its["name"].iloc[0], str(len(its)), *cells))
    return _table(("row", "seeds", *_heads()), rows)


def _mean(values: pd.Series, score: str, interval: str) -> str:
    text = names.SCORES[score].text
    return f"{text(values.mean())} ± {text(values.std())} ({interval})" if interval else text(values.mean(skipna=False))


def departures(results: Results, experiment: str) -> str:
    """Mean differences from the default with their intervals, and what follows from them."""
    told = evidence.departures(results, experiment)
    rows = [
        (row["deviation"], str(row["pairs"]), *(_bracketed(cell["mean"], cell["interval"]) for cell in row["cells"]))
        for row in told["rows"]
    ]
    said = [f"- {row['deviation']}: {row['words']}" for row in told["rows"]]
    count = f"Of {told['intervals']} intervals {told['clear']} do not hold zero"
    chance = f"of as many true zeros about {told['chance']} would not, by chance."
    return "\n".join([_table(("departure", "pairs", *_heads()), rows), "", *said, "", f"{count}; {chance}"])


def estimators(results: Results, experiment: str) -> str:
    """Both terms of each best run by each estimator."""
    told = evidence.estimators(results, experiment)
    rows = [
        (row["name"], row["size"], term, *values)
        for row in told["rows"]
        for term, values in zip(("TC", "DW"), row["terms"], strict=True)
    ]
    off = ", ".join(f"{error['kind']} {error['off']}" for error in told["errors"])
    said = f"Differences of the total correlation to its large-sample value at M = {told['size']}, in nats: {off}."
    return "\n".join([_table(("best run of", "M", "term", *told["kinds"]), rows), "", said])


def fronts(results: Results, experiment: str) -> str:
    """Who has the best run at equal reconstruction."""
    told = evidence.fronts(results, experiment)
    if told is None:
        return "There is nothing to compare yet."
    rows = [(row["method"], str(row["runs"]), *row["cells"]) for row in told["rows"]]
    return "\n".join([_table(("method", "runs", *told["scores"]), rows), "", f"Of {told['levels']} levels."])


PARTS: dict[str, tuple[Callable[..., str], str | None]] = {
    "budget": (budget, None),
    "scores": (scores, None),
    "departures": (departures, "deviations"),
    "estimators": (estimators, "kl_estimators"),
    "fronts": (fronts, "pareto"),
}
"""By the mark's first word: who writes it, and the figure whose table it needs."""


def _heads() -> list[str]:
    return [f"{score.name} {score.arrow}" for score in names.SCORES.values()]


def _bracketed(mean: str, interval: str) -> str:
    return f"{mean} ({interval})" if interval else mean


def _distinct(values: pd.Series) -> str:
    return ", ".join(map(str, values.unique()))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(lines).replace(names.NO_BREAK, " ")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take(Path(sys.argv[1]))
    PAGE.write_text(filled(PAGE.read_text(), kept()))
