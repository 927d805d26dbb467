"""The workflow on a small study, from nothing to the report, and what a change runs again."""

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from patience import HANG

import tcwae.workflow
from tcwae.records import STATES
from tcwae.training.lock import exclusive

STUDY = {
    "study": "small",
    "seeds": [0, 1],
    "training": {"iterations": 4, "batch_size": 4, "log_every": 2},
    "evaluation": {"codes": 1000, "held_out": 100},
    "experiments": {
        "comparison": {
            "dataset": "dsprites",
            "methods": {"wae_mmd": {"lambda": 10}},
            "shows": ["scores_table", "scores_vs_reconstruction", "deviations", "kl_estimators", "reconstructions"],
        },
        "grid": {
            "dataset": "dsprites",
            "seeds": [0],
            "methods": {"tcwae_mws": {"beta": [1, 4], "gamma": [1, 2]}},
            "shows": ["heatmap"],
        },
        "best": {
            "dataset": "dsprites",
            "seeds": [1],
            "methods": {"tcwae_mws": {"beta": "select", "gamma": "select", "grid": "grid"}},
            "shows": ["scores_table"],
        },
    },
}
WAE = "dsprites/wae_mmd/cross_entropy/lambda=10"
SEED_1 = f"results/small/runs/{WAE}/seed=1"


def snakemake(folder, *arguments, working=None):
    command = ["snakemake", "-s", folder / "Snakefile", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=working or folder, capture_output=True, text=True, timeout=HANG)
    return done.returncode, done.stdout + done.stderr


def planned(folder, *arguments, **options):
    """The runs that a dry run would train, and how often it would call each rule."""
    status, output = snakemake(folder, "-n", *arguments, **options)
    assert status == 0, output
    counts = {
        rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE) if rule != "total"
    }
    trained = set(re.findall(r"^rule train:.*?wildcards: run=(\S+)", output, re.MULTILINE | re.DOTALL))
    return trained, counts


def write_study(folder, study):
    (folder / "config.yaml").write_text(yaml.safe_dump(study))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, warm):
    """The small study, run to its report in a folder of its own."""
    folder = tmp_path_factory.mktemp("study")
    tcwae.workflow.copy(folder)
    write_study(folder, STUDY)
    status, output = snakemake(folder)
    assert status == 0, output
    return folder


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the finished study with its times and Snakemake's memory of it."""
    folder = tmp_path / "study"
    own = ("workflow", ".snakemake")  # whose files are written in place
    shutil.copytree(finished, folder, copy_function=os.link, ignore=shutil.ignore_patterns("config.yaml", *own))
    for name in own:
        shutil.copytree(finished / name, folder / name)
    write_study(folder, STUDY)
    return folder


def test_ends_with_the_report_and_the_page(finished):
    results = finished / "results" / "small"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    assert len(list((results / "page" / "runs").glob("*.js"))) == 7
    assert (results / "index.html").exists()
    table = pd.read_csv(results / "metrics.csv")
    assert len(table) == 2 + 4 + 1
    assert (table["status"] == "finished").all()
    for figure in ("comparison-scores_vs_reconstruction", "comparison-reconstructions", "grid-heatmap"):
        assert (results / "figures" / f"{figure}.pdf").read_bytes().startswith(b"%PDF")


def test_what_the_grid_selects_is_trained(finished):
    results = finished / "results" / "small"
    grid = pd.read_csv(results / "selection" / "grid.csv")
    best = pd.read_csv(results / "selection" / "best.csv")
    assert best["setting"].tolist() == grid.loc[grid["selected"], "setting"].tolist()
    ranks = grid[[f"rank_{score}" for score in ("log_reconstruction", "mig", "factor_vae", "sap")]]
    assert grid["mean_rank"].min() == ranks.mean(axis=1)[grid["selected"]].item()
    (run,) = best["best_run"]
    assert (results / "runs" / run / "model.safetensors").exists()
    study = json.loads((results / "study.json").read_text())
    chosen = study["experiments"]["best"]["methods"]["tcwae_mws"]
    assert f"beta={chosen['beta'][0]:g}_gamma={chosen['gamma'][0]:g}" == best["setting"].item()


def test_a_choice_that_changes_trains_the_new_one(study):
    """Where another setting becomes the best one, its runs are what is missing; the grid is not trained again."""
    path = study / "results" / "small" / "selection" / "grid.csv"
    table = pd.read_csv(path)
    table["selected"] = table.index == table.index[~table["selected"]][0]
    path.unlink()  # the study is made of hard links
    table.to_csv(path, index=False)
    trained, _ = planned(study)
    assert trained == {f"dsprites/tcwae_mws/cross_entropy/{table.loc[table['selected'], 'setting'].item()}/seed=1"}


def test_a_study_of_its_own_and_changes_of_the_given_one(study):
    other = {"study": "other", "seeds": [7], "experiments": {"only": STUDY["experiments"]["comparison"]}}
    (study / "other.yaml").write_text(yaml.safe_dump(other))
    trained, counts = planned(study, "--configfile", "other.yaml")
    assert trained == {"dsprites/wae_mmd/cross_entropy/lambda=10/seed=7"}
    assert (counts["plot"], counts["plot_pictures"]) == (3, 1)
    (study / "change.yaml").write_text(yaml.safe_dump({"seeds": [0, 1, 5]}))
    assert planned(study, "--configfile", "change.yaml")[0] == {"dsprites/wae_mmd/cross_entropy/lambda=10/seed=5"}


def test_a_report_of_an_unfinished_study(study):
    shutil.rmtree(study / SEED_1)
    grid = "results/small/runs/dsprites/tcwae_mws/cross_entropy/beta=1_gamma=1/seed=0"
    shutil.rmtree(study / grid)
    command = ["tcwae", "report", "--partial", "config.yaml", "--results", "results/small", "--output", "partial.pdf"]
    done = subprocess.run(command, cwd=study, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "missing: runs of grid, and so all rows that select from it" in done.stderr
    assert (study / "partial.pdf").read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        read = subprocess.run(["pdftotext", "-layout", "partial.pdf", "-"], cwd=study, capture_output=True, text=True)
        assert "4 of 6 runs finished, 0 diverged and 2 are missing" in " ".join(read.stdout.split())
        assert re.findall(r"(TCWAE-MWS|WAE-MMD) +(.*\S) +(\d+) +missing$", read.stdout, re.MULTILINE) == [
            ("TCWAE-MWS", "β = 1, γ = 1", "0"),
            ("WAE-MMD", "λ = 10", "1"),
        ]


def test_every_rule_leaves_its_log_and_nothing_half_written(finished):
    assert (finished / SEED_1 / "train.log").read_text().startswith("cpu, 1 threads, step 0 of 4")
    assert not list(finished.rglob("*.part"))
    assert not list(finished.rglob("state*"))


def test_the_html_report_has_every_result_with_its_label_and_caption(study):
    status, output = snakemake(study, "--report", "report.zip")
    assert status == 0, output
    with zipfile.ZipFile(study / "report.zip") as report:
        names = {Path(name).name for name in report.namelist()}
        page = report.read("report/report.html").decode()
    shown = ("scores_vs_reconstruction", "deviations", "kl_estimators", "reconstructions")
    figures = {"grid-heatmap.pdf", *(f"comparison-{figure}.pdf" for figure in shown)}
    assert names == figures | {"report.html", "report.pdf", "metrics.csv", "grid.csv", "comparison.csv", "best.csv"}
    for figure, words in (("reconstructions", "comparison: Held-out images"), ("heatmap", "grid: Means over seeds")):
        assert f'"labels": {{"figure": "{figure}"}}' in page
        assert f'"caption": "<p>{words}' in page


def test_a_second_call_does_nothing(study):
    assert planned(study) == (set(), {})


REPORT = {"report": 1, "page": 1, "all": 1}
GATHERED = {"gather": 1, "plot": 4, "plot_pictures": 1} | REPORT
SCORED = {"select": 1, "rescore": 1} | GATHERED  # and estimate, of the run that select then finds to be the best
DEPENDENT = {
    f"runs/{WAE}/seed=1/model.safetensors": {"train": 1, "evaluate": 1, "measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/curves.csv": {"train": 1, "evaluate": 1, "measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/training.json": {"train": 1, "evaluate": 1, "measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/metrics.json": {"measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/evaluation.json": {"evaluate": 1, "measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/codes.h5": {"evaluate": 1, "measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/images.h5": {"evaluate": 1, "measure": 1} | SCORED,
    f"runs/{WAE}/seed=1/rescored.csv": {"rescore": 1, "plot": 1} | REPORT,
    "metrics.csv": GATHERED,
    "study.json": GATHERED,
    "selection/comparison.csv": {"select": 1, "plot": 3, "plot_pictures": 1} | REPORT,
    "figures/comparison-reconstructions.h5": {"plot_pictures": 1} | REPORT,
    "figures/comparison-reconstructions.pdf": {"plot_pictures": 1} | REPORT,
    "figures/grid-heatmap.csv": {"plot": 1} | REPORT,
    "figures/grid-heatmap.pdf": {"plot": 1} | REPORT,
    "figures/grid-heatmap.svg": {"plot": 1} | REPORT,
    "report.pdf": {"report": 1, "all": 1},
    "index.html": {"page": 1, "all": 1},
}
"""For each file that a rule makes, the jobs that make it and what depends on it again."""


def test_deleted_estimates_are_made_again(study):
    (estimates,) = study.glob(f"results/small/runs/{WAE}/*/estimates.csv")  # of the better seed
    estimates.unlink()
    assert planned(study) == (set(), {"estimate": 1, "plot": 1} | REPORT)


@pytest.mark.parametrize("file", DEPENDENT)
def test_a_deleted_file_is_made_again_with_what_depends_on_it(study, file):
    (study / "results" / "small" / file).unlink()
    trained, counts = planned(study)
    assert trained == ({f"{WAE}/seed=1"} if "train" in DEPENDENT[file] else set())
    assert counts == DEPENDENT[file]


def kind(path):
    """Of a file of the results: its name in a run's folder, elsewhere its folder and suffix."""
    folder, _, name = path.rpartition("/")
    return name if folder.startswith("runs/") else f"{folder}/*.{name.split('.')[-1]}" if folder else name


def test_a_file_of_each_kind_was_deleted(finished):
    """But for what is written when the workflow starts, logs and benchmarks, and parts of the page."""
    results = finished / "results" / "small"
    made = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    made = {
        kind(path)
        for path in made
        if not path.endswith((".log", ".tsv", "/run.json")) and not path.startswith(("eval", "page/"))
    }
    assert made - {".head", ".lock", "config.json", "scores.json"} == {*map(kind, DEPENDENT), "estimates.csv"}


def test_one_seed_alone(study):
    shutil.rmtree(study / SEED_1)
    trained, counts = planned(study, f"{SEED_1}/metrics.json")
    assert trained == {"dsprites/wae_mmd/cross_entropy/lambda=10/seed=1"}
    assert counts == {"train": 1, "evaluate": 1, "measure": 1}


def test_one_seed_again_and_what_depends_on_it(study):
    trained, counts = planned(study, "-R", f"{SEED_1}/model.safetensors")
    assert trained == {"dsprites/wae_mmd/cross_entropy/lambda=10/seed=1"}
    assert counts == {"train": 1, "evaluate": 1, "measure": 1} | SCORED


def test_a_changed_hyperparameter_trains_exactly_what_it_touches(study):
    changed = json.loads(json.dumps(STUDY))
    changed["experiments"]["comparison"]["training"] = {"learning_rate": 0.001}
    write_study(study, changed)
    trained, counts = planned(study)
    assert trained == {f"dsprites/wae_mmd/cross_entropy/lambda=10_learning_rate=0.001/seed={seed}" for seed in (0, 1)}
    assert counts["train"] == counts["evaluate"] == 2

    changed = json.loads(json.dumps(STUDY))
    changed["training"]["iterations"] = 5
    write_study(study, changed)
    assert len(planned(study)[0]) == 6


def test_a_new_value_in_a_grid_trains_that_value_only(study):
    larger = json.loads(json.dumps(STUDY))
    larger["experiments"]["grid"]["methods"]["tcwae_mws"]["beta"] = [0.5, 1, 4]
    write_study(study, larger)
    trained, _ = planned(study)
    assert trained == {f"dsprites/tcwae_mws/cross_entropy/beta=0.5_gamma={gamma}/seed=0" for gamma in (1, 2)}


def test_how_runs_are_scored_trains_nothing(study):
    other = json.loads(json.dumps(STUDY))
    other["evaluation"]["codes"] = 1100
    write_study(study, other)
    trained, counts = planned(study)
    assert trained == set()
    assert counts["evaluate"] == 6


def test_a_score_that_is_added_is_computed_from_the_codes(study):
    """Without a model or an image: nothing is trained or evaluated; the selection stays, as its scores do."""
    more = json.loads(json.dumps(STUDY)) | {"scores": ["mig", "factor_vae", "sap", "modularity"]}
    write_study(study, more)
    results = study / "results" / "small"
    for file in (*results.rglob("model.safetensors"), study / "resources" / "dsprites-rendered.h5"):
        file.unlink()
        file.write_bytes(b"")  # as newer ones would not be: no job reads them
        os.utime(file, (1, 1))
    before = {path: path.read_bytes() for path in results.rglob("codes.h5")}
    chosen = pd.read_csv(results / "selection" / "grid.csv")
    trained, counts = planned(study)
    assert (trained, counts["measure"]) == (set(), 6)
    assert not {"train", "evaluate", "prepare"} & counts.keys()
    status, output = snakemake(study)
    assert status == 0, output
    assert {path: path.read_bytes() for path in results.rglob("codes.h5")} == before
    table, again = pd.read_csv(results / "metrics.csv"), pd.read_csv(results / "selection" / "grid.csv")
    assert table["modularity"].notna().all()
    assert again["selected"].tolist() == chosen["selected"].tolist()
    assert again["mean_rank"].tolist() == chosen["mean_rank"].tolist()
    assert again["rank_modularity"].notna().all()


def test_comments_and_white_space_run_nothing(study):
    """In the configuration and in a rule: the workflow's profile leaves out the trigger `code`."""
    path = study / "config.yaml"
    path.write_text("# a comment\n\n" + path.read_text().replace("seeds:", "seeds:   "))
    assert planned(study) == (set(), {})
    rule = study / "workflow" / "rules" / "train.smk"
    rule.write_text(rule.read_text().replace("tcwae train {params.flags} --data", "tcwae train {params.flags}  --data"))
    assert planned(study) == (set(), {})


def test_images_made_once_more_train_nothing(study):
    os.utime(study / "resources" / "dsprites-rendered.h5")
    assert planned(study)[0] == set()


def test_a_mistake_in_the_configuration_stops_at_once(study):
    wrong = json.loads(json.dumps(STUDY))
    wrong["experiments"]["grid"]["methods"]["tcwae_mws"]["beta"] = [1, -4]
    write_study(study, wrong)
    status, output = snakemake(study, "-n")
    assert status == 1
    assert "config.yaml: experiments.grid.methods.tcwae_mws.beta: expected at least 0, found -4" in output
    assert "Traceback" not in output
    write_study(study, STUDY)
    status, output = snakemake(study, "-n", "--config", "study=2024_01")
    assert status == 1
    assert "config.yaml + --config: study: expected text, found 202401" in output


def test_a_mistyped_target_is_unknown(study):
    """Also where it has the form of a run: the message names the nearest run of the study."""
    status, output = snakemake(study, "-n", SEED_1.replace("seed=1", "seed=x") + "/metrics.json")
    assert status == 1
    assert "No rule to produce" in output
    status, output = snakemake(study, "-n", SEED_1.replace("seed=1", "seed=7") + "/metrics.json")
    assert status == 1
    near = "dsprites/wae_mmd/cross_entropy/lambda=10/seed=1"
    other = near.replace("seed=1", "seed=7")
    assert f"expected a run of the study 'small', found '{other}', did you mean '{near}'?" in output


def test_the_workflow_from_another_folder(tmp_path, warm):
    """By -s, by --directory, and as a module, with a study of that folder: the jobs are the same."""
    there, here = tmp_path / "there", tmp_path / "here"
    here.mkdir()
    tcwae.workflow.copy(there)
    write_study(there, STUDY)
    own = planned(there)
    assert own[1]["train"] == 6
    assert planned(there, "--directory", here) == own  # with the configuration beside the Snakefile
    write_study(here, {**STUDY, "seeds": [0]})
    fewer = planned(there, "--directory", here)
    assert fewer[1]["train"] == 5
    assert planned(there, working=here) == fewer
    (here / "Snakefile").write_text(
        'configfile: "config.yaml"\n'
        f"module tcwae:\n    snakefile: {str(there / 'Snakefile')!r}\n    config: config\n"
        "use rule * from tcwae as tcwae_*\n"
        "rule all:\n    default_target: True\n    input: rules.tcwae_all.input\n"
    )
    of_module = {rule.removeprefix("tcwae_"): count for rule, count in planned(here)[1].items()}
    assert of_module == fewer[1]


def test_a_grid_of_which_every_run_diverged_ends_with_a_report(study):
    """What selects from it is left out; an experiment that has nothing else has no figures."""
    changed = copy.deepcopy(STUDY)
    changed["experiments"]["grid"] |= {"methods": {"tcwae_mws": {"beta": 1e38, "gamma": 1}}, "shows": ["samples"]}
    changed["experiments"]["best"]["shows"] = ["scores_table", "reconstructions"]
    write_study(study, changed)
    status, output = snakemake(study)
    assert status == 0, output
    results = study / "results" / "small"
    metrics = pd.read_csv(results / "metrics.csv")
    assert metrics["status"].tolist() == ["finished"] * 2 + ["diverged"]
    assert pd.read_csv(results / "selection" / "best.csv").empty
    assert not (results / "figures" / "best-reconstructions.pdf").exists()
    line = "left out of best: tcwae_mws, as no setting to select has finished with all its runs"
    assert line in (results / "gather.log").read_text().splitlines()
    assert (results / "report.pdf").stat().st_mtime > (results / "metrics.csv").stat().st_mtime
    assert planned(study) == (set(), {})


def test_after_a_kill_the_same_command_goes_on(study):
    """SIGKILL of Snakemake and all of its jobs, as at a power failure, in the middle of a training."""
    settings = STUDY | {"seeds": [0, 1, 2], "training": STUDY["training"] | {"iterations": 1_000_000}}
    write_study(study, settings | {"experiments": {"comparison": STUDY["experiments"]["comparison"]}})
    run = study / SEED_1.replace("seed=1", "seed=2")
    command = ["snakemake", "--cores", "2", f"{run.relative_to(study)}/model.safetensors"]
    # the real ones, which a signal reaches, in place of the server that keeps torch loaded
    real = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(command, cwd=study, env=real, stderr=subprocess.DEVNULL, process_group=0)
    deadline = time.monotonic() + HANG
    while not ((run / "train.log").exists() and "step 0 of" in (run / "train.log").read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    write_study(study, {**STUDY, "seeds": [0, 1, 2]})
    status, output = snakemake(study)
    assert status == 0, output
    assert json.loads((run / "training.json").read_text())["status"] == "finished"


def test_a_second_call_on_a_study_is_refused(study):
    (study / "results/small/report.pdf").unlink()
    with exclusive(study / "results/small/.head"):
        status, output = snakemake(study)
    assert status == 1
    assert "another Snakemake runs this study: process" in output


def test_a_failing_run_leaves_the_others(study):
    """Where the state cannot be read a run fails with its own words; the others are trained."""
    shutil.rmtree(study / SEED_1)
    other = study / SEED_1.replace("seed=1", "seed=0")
    shutil.rmtree(other)
    (other / STATES[0]).mkdir(parents=True)
    targets = [f"{folder.relative_to(study)}/model.safetensors" for folder in (study / SEED_1, other)]
    status, output = snakemake(study, "--keep-going", "--show-failed-logs", *targets)
    assert status == 1
    assert (study / targets[0]).exists()
    assert not (study / targets[1]).exists()
    assert f"{targets[1].replace('model', 'state')}: Is a directory" in output
