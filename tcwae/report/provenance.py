"""What the runs of a report were made with: versions, hours, images, and the study that asked for them; all as texts."""

from typing import Any

import pandas as pd
import yaml

from tcwae.config.study import Study
from tcwae.study import names

__all__ = ["checksums", "configuration", "costs", "versions"]


def versions(metrics: pd.DataFrame) -> list[list[str]]:
    """Pairs of a label and a text: the versions with which the runs were made."""
    columns = {"tcwae": "tcwae", "commit": "Commit", "torch": "PyTorch", "device": "Device"}
    return [[label, _tally(metrics[column])] for column, label in columns.items()]


def costs(metrics: pd.DataFrame) -> list[list[str]]:
    """Pairs of a label and a text: hours of each device, the runs one after the other."""
    training = metrics.groupby(metrics["device"].fillna("unknown device"), sort=False)["train_seconds"].sum() / 3600
    evaluation = metrics["evaluate_seconds"].sum() / 3600
    return [
        *(
            ["Training time", f"{hours:,.2f} {'hours of the CPU' if device == 'cpu' else f'GPU-hours ({device})'}"]
            for device, hours in training.items()
        ),
        ["Evaluation time", f"{evaluation:,.2f} hours"],
    ]


def checksums(metrics: pd.DataFrame) -> list[list[str]]:
    """Pairs of a data set and the SHA-256 of its images."""
    known = metrics.groupby(["dataset", "source"], sort=False)["images_sha256"].unique()
    return [[names.dataset(*pair), f"images with SHA-256 {', '.join(checksums)}"] for pair, checksums in known.items()]


def _tally(values: pd.Series) -> str:
    """A value, or several with the number of runs that have each."""
    counts = values.astype(object).where(values.notna(), "unknown").value_counts(sort=False)
    return "; ".join(str(key) if len(counts) == 1 else f"{key} ({names.count(n, 'run')})" for key, n in counts.items())


def configuration(study: Study) -> str:
    """A study as a file that reads back as the same; what is not set is left out."""
    values = _set(study.model_dump(mode="json"))
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=72)


def _set(values: dict[str, Any]) -> dict[str, Any]:
    """The values other than None and what is empty, of all levels."""
    values = {key: _set(value) if isinstance(value, dict) else value for key, value in values.items()}
    return {key: value for key, value in values.items() if value not in (None, {}, [], "")}
