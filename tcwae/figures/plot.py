"""The figures of a study, a module a kind; each reads `results/<study>` and is drawn at the size of the report's page.

A kind's module has `runs(results, experiment)`, the runs behind the figure; `data(results, experiment)`, what is plotted;
`note(results, experiment)`, the line on its origin; and `draw(data, note)`, the figure, or a list of figures if one would be
taller than a page. An optional `silent(results, experiment)` says why the runs have nothing to show.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import h5py
import pandas as pd

from tcwae.config.experiment import PICTURES
from tcwae.errors import InputError
from tcwae.figures import (
    ablation,
    agreement,
    analysis_of_variance,
    deviations,
    heatmap,
    kl_estimators,
    latent_traversals,
    matrix,
    pareto,
    quadrants,
    reconstructions,
    samples,
    scores_vs_reconstruction,
    style,
    traversals,
    violins,
)
from tcwae.figures.images import Shown
from tcwae.figures.save import save
from tcwae.files import atomic
from tcwae.study.results import Results, load

__all__ = ["KINDS", "plot", "silence"]

KINDS: dict[str, ModuleType] = {
    "heatmap": heatmap,
    "scores_vs_reconstruction": scores_vs_reconstruction,
    "pareto": pareto,
    "violins": violins,
    "ablation": ablation,
    "deviations": deviations,
    "kl_estimators": kl_estimators,
    "matrix": matrix,
    "agreement": agreement,
    "analysis_of_variance": analysis_of_variance,
    "traversals": traversals,
    "latent_traversals": latent_traversals,
    "reconstructions": reconstructions,
    "samples": samples,
    "quadrants": quadrants,
}
"""In the order in which a report shows them."""


OF_FACTORS = ("scores_vs_reconstruction", "pareto", "deviations", "matrix", "agreement", "analysis_of_variance")
"""The kinds that have nothing to show without scores, which need factors."""


def plot(experiment: str, figure: str, results: Path, output: Path) -> None:
    """Draw one figure of an experiment from results/<study> as PDF and SVG, and save what it shows beside it (CSV or HDF5).

    Raises:
        InputError: an unknown experiment or kind, an output that is not called .pdf, or a file of the results that is missing
            or damaged; it is named.
        OSError: the output cannot be written.
    """
    if figure not in KINDS:
        raise InputError(f"expected a figure of {', '.join(KINDS)}, found {figure!r}")
    if output.suffix.lower() != ".pdf":
        raise InputError(f"{output}: expected a name that ends in .pdf, found {output.suffix or 'none'}")
    kind, study = KINDS[figure], load(results, experiment)
    reason = silence(study, experiment, figure)
    with style.look():
        if reason:
            data = [] if figure in PICTURES else pd.DataFrame({"nothing": [reason]})
            drawing = style.new(0.0, f"Nothing to draw: {reason}.")
        else:
            data = kind.data(study, experiment)
            drawing = kind.draw(data, kind.note(study, experiment))
        _save_data(data, output)
        save(drawing, output)


def silence(study: Results, experiment: str, figure: str) -> str | None:
    """Why a figure has nothing to show for the available runs; None if it has something.

    Raises:
        InputError: there is no run of the experiment.
    """
    kind = KINDS[figure]
    runs = kind.runs(study, experiment)
    if not (runs["status"] == "finished").any():
        return "no run finished"
    if figure in OF_FACTORS and runs[[score for score in study.scores if score != "log_reconstruction"]].isna().all(
        axis=None
    ):
        if runs["reasons"].notna().any():
            return "no score except the reconstruction can be computed"
        return "the data have no factors, and so no scores except the reconstruction"
    return kind.silent(study, experiment) if hasattr(kind, "silent") else None


def _save_data(data: pd.DataFrame | Sequence[Shown], output: Path) -> None:
    """Write a table as CSV, images as HDF5 with a group for each row of the study."""
    if isinstance(data, pd.DataFrame):
        with atomic(output.with_suffix(".csv")) as temporary:
            data.to_csv(temporary, index=False)
        return
    with atomic(output.with_suffix(".h5")) as temporary, h5py.File(temporary, "w", locking=False) as file:
        for shown in data:
            group = file.create_group(shown.row)
            group.attrs.update(run=shown.run, setting=shown.setting)
            for name, array in shown.arrays.items():
                group.create_dataset(name, data=array, compression="gzip", shuffle=True)
