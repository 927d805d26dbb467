"""A study of four runs, trained, scored, drawn and shown, with names that would like to be more than text."""

import json

from tcwae.config.base import check
from tcwae.config.runs import runs
from tcwae.config.study import Study
from tcwae.evaluation.evaluate import evaluate
from tcwae.evaluation.measure import measure
from tcwae.figures.plot import plot
from tcwae.page.page import page
from tcwae.study.declared import declare, evaluation_of, scoring_of
from tcwae.study.gather import gather
from tcwae.study.select import select
from tcwae.training.loop import train

TITLE = "</script><img src=x onerror=fail()> {{data}} <b>𝕋 🙂</b> " + "very-long-word" * 30
NAME = "<i>WAE</i> & friends"
STUDY = {
    "study": "small",
    "seeds": [0, 1],
    "training": {"iterations": 6, "batch_size": 4, "log_every": 2},
    "scores": ["mig", "sap"],
    "experiments": {
        "comparison": {
            "title": TITLE,
            "dataset": "dsprites",
            "latent_dimension": 4,
            "methods": {"wae_mmd": {"lambda": 10, "name": NAME}, "beta_tcvae": {"beta": 8}},
            "shows": ["scores_table", "scores_vs_reconstruction", "samples"],
        },
    },
}


def make(folder, data):
    """Write `folder`, results/small, with its page."""
    study = check(Study, STUDY, "test")
    declare(study, runs(study), folder, lambda dataset: None)
    for identifier, run in runs(study).items():
        train(run, data, folder / "runs" / identifier)
        (folder / "runs" / identifier / "train.log").write_text(
            "step 6 </pre><script>fail()</script>\n", encoding="utf-8"
        )
        evaluate(folder / "runs" / identifier, data, evaluation_of(study, run.dataset))
        measure(folder / "runs" / identifier, scoring_of(study)[0])
    select(study, "comparison", folder)
    gather(study, folder)
    for kind in ("scores_vs_reconstruction", "samples"):
        plot("comparison", kind, folder, folder / "figures" / f"comparison-{kind}.pdf")
    (folder / "report.pdf").write_bytes(b"%PDF")
    page(folder)
    return folder


def content(folder, name):
    """What a data script hands to the page."""
    text = (folder / "page" / f"{name}.js").read_text(encoding="ascii")
    assert text.startswith(f'load("{name}",')
    return json.loads(text[len(f'load("{name}",') : -len(");\n")])
