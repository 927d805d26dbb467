# From the configuration to what the rules ask for. There is no rule in this file.
import re
import shutil
from shlex import quote

from snakemake.exceptions import WorkflowError

from tcwae.config import Study, check, flags
from tcwae.errors import InputError
from tcwae.study import runs

if shutil.which("tcwae") is None:
    raise WorkflowError("the command tcwae is not on PATH: activate the environment (source .venv/bin/activate)")


def read_study():
    """The checked study and its runs by id; a mistake in the configuration ends here, with one line."""
    try:
        checked = check(Study, config, " + ".join(map(str, workflow.configfiles)))
        return checked, runs(checked)
    except InputError as error:
        raise WorkflowError(str(error)) from None


study, all_runs = read_study()
results = f"results/{study.study}"


wildcard_constraints:
    dataset="[a-z0-9_]+",
    source="rendered|real",
    run="|".join(map(re.escape, all_runs)),
    experiment="|".join(map(re.escape, study.experiments)),
    figure="[a-z_]+",


def prepared_data(wildcards):
    """The prepared file of the data set that a run is trained on."""
    dataset = all_runs[wildcards.run].dataset
    return f"resources/{dataset}-{study.dataset(dataset).source}.h5"


def original_archive(wildcards):
    """The archive that a prepared file is read from; none where it is rendered."""
    return study.dataset(wildcards.dataset).archive if wildcards.source == "real" else []


def archive_flag(wildcards, input):
    """The archive as a flag of `tcwae prepare`."""
    return f"--archive {quote(input[0])}" if input else ""


def run_flags(wildcards):
    """Everything that distinguishes a run, as flags of `tcwae train`: a run is trained again when these change."""
    return flags(all_runs[wildcards.run])


def evaluation_flags(wildcards):
    """What the study says of evaluation, as flags of `tcwae evaluate`."""
    given = study.evaluation.model_dump(exclude_none=True)
    return " ".join(f"--{key.replace('_', '-')} {value}" for key, value in given.items())


def growing_memory(wildcards, attempt):
    """Megabytes, more at each attempt."""
    return 4000 * attempt


def tables_and_figures():
    """The figures that the experiments show."""
    return [
        f"{results}/figures/{name}-{figure}.pdf"
        for name, experiment in study.experiments.items()
        for figure in experiment.shows
        if figure != "scores_table"
    ]
