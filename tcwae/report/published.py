"""Our runs beside published ones, as texts: the table that `tcwae compare` wrote."""

from typing import Any

from tcwae.config.runs import coefficients_of, runs, setting, unusual
from tcwae.config.scores import facts
from tcwae.study import compare, names
from tcwae.study.results import Results
from tcwae.study.tables import read_csv

__all__ = ["beside_published"]


def beside_published(study: Results, partial: bool) -> dict[str, Any] | None:
    """A line per setting and score, the number of tests, and how many differ; None if the study names no published scores.

    A `partial` report may lack the table.

    Raises:
        InputError: the table is missing or damaged.
    """
    path = study.folder / "comparison.csv"
    if not study.study.published or (partial and not path.exists()):
        return None
    table = read_csv(path, compare.COLUMNS)
    usual = study.study.training
    typed = {
        (run.dataset, run.method.name, setting(run, usual)): (identifier, run)
        for identifier, run in reversed(runs(study.study).items())
    }
    rows = []
    for _, row in table.iterrows():
        first, run = typed[row["dataset"], row["method"], row["setting"]]
        rows.append(
            {
                "run": first,
                "data": names.DATASETS.get(run.dataset, run.dataset),
                "method": names.method(run.method.name),
                "setting": names.setting(coefficients_of(run)),
                "unusual": names.setting(unusual(run, usual)),
                "score": facts(row["score"]).label,
                "ours": compare.summary(row, ""),
                "published": compare.summary(row, "published_"),
                "superiority": f"{row['superiority']:.2f}",
                "p": f"{row['p']:.2g}",
                "p_holm": f"{row['p_holm']:.2g}",
                "verdict": compare.verdict(row),
            }
        )
    return {"tests": len(table), "different": int((table["p_holm"] < compare.LEVEL).sum()), "rows": rows}
