"""What a study lacks is said: rows whose grid has found nothing, scores that cannot be had, and tables that are damaged."""

import json
import re
import shutil
import subprocess

import made_up
import pandas as pd
import pytest

from tcwae.cli.main import main
from tcwae.config.base import check
from tcwae.config.figures import FIGURES
from tcwae.config.study import Study
from tcwae.page.page import page
from tcwae.report.content import contents
from tcwae.report.document import report
from tcwae.study.gather import gather
from tcwae.study.results import load
from tcwae.study.select import select

SELECTING = {"beta": "select", "gamma": "select", "grid": "grid"}
STUDY = {
    "study": "small",
    "seeds": [0, 1],
    "experiments": {
        "grid": {
            "title": "The grid",
            "dataset": "dsprites",
            "methods": {"tcwae_mws": {"beta": [1, 2], "gamma": [1, 2]}},
            "shows": ["heatmap"],
        },
        "best": {"title": "The best", "dataset": "dsprites", "methods": {"tcwae_mws": SELECTING}, "shows": ["samples"]},
        "mixed": {
            "dataset": "dsprites",
            "methods": {"tcwae_mws": {**SELECTING, "name": "Ours"}, "wae_mmd": {"lambda": [1, 10]}},
            "shows": ["scores_table", "pareto", "violins"],
        },
    },
}
WORDS = "left out, as no setting to select has finished with all its runs"


@pytest.fixture(scope="module")
def study():
    return check(Study, STUDY, "test")


@pytest.fixture(scope="module")
def lost(study, tmp_path_factory):
    """A study of which every run of the grid diverged, with the study as it was asked for."""
    folder = tmp_path_factory.mktemp("lost") / "small"
    resolved = made_up.write(study, folder, diverged=lambda run: run.method.name == "tcwae_mws", codes=30)
    (folder / "config.json").write_text(study.model_dump_json(), encoding="utf-8")
    made_up.typeset(resolved, folder)
    return folder


@pytest.fixture
def copy(lost, tmp_path):
    return shutil.copytree(lost, tmp_path / "copy")


def text_of(pdf):
    raw = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True).stdout.decode()
    return " ".join(raw.replace("\N{NO-BREAK SPACE}", " ").split())


def data_of(folder, name):
    """What a data script hands to the page."""
    return json.loads((folder / "page" / f"{name}.js").read_text(encoding="ascii").partition(",")[2][: -len(");\n")])


def test_rows_whose_grid_has_found_nothing_are_left_out_and_named(copy, capsys):
    told = [{"experiment": "The best", "rows": ["TCWAE-MWS"]}, {"experiment": "mixed", "rows": ["Ours"]}]
    for command in (["select", "best"], ["select", "mixed"], ["gather"]):
        assert main([*command, "--results", str(copy)]) == 0
    lines = capsys.readouterr().err.splitlines()
    best, mixed = (f"left out of {name}: tcwae_mws, as no setting to select has finished" for name in ("best", "mixed"))
    assert [line.removesuffix(" with all its runs") for line in lines] == [best, mixed, best, mixed]
    resolved = load(copy).study
    assert {name: list(its.methods) for name, its in resolved.experiments.items()} == {
        "grid": ["tcwae_mws"], "mixed": ["wae_mmd"],
    }  # fmt: skip
    assert pd.read_csv(copy / "selection" / "best.csv").empty
    assert contents(load(copy))["left_out"] == told
    page(copy)
    assert data_of(copy, "study")["left_out"] == told


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_the_report_names_the_rows_and_shows_the_rest(lost):
    text = text_of(lost / "report.pdf")
    assert f"TCWAE-MWS of The best is {WORDS}. Ours of mixed is {WORDS}." in text
    assert "8 diverged" in text
    (row,) = contents(load(lost))["gammas"]
    assert (row["beta"], row["gamma"]) == ("—", "—")


def test_a_partial_report_names_them_too(study, copy, capsys, tmp_path):
    (tmp_path / "study.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
    output = tmp_path / "partial.pdf"
    assert (
        main(["report", "--partial", str(tmp_path / "study.yaml"), "--results", str(copy), "--output", str(output)])
        == 0
    )
    assert output.read_bytes().startswith(b"%PDF")
    lines = capsys.readouterr().err.splitlines()
    for name in ("best", "mixed"):
        assert f"missing: tcwae_mws of {name}, as no setting to select has finished with all its runs" in lines


def test_the_plan_says_what_will_not_be_run(copy, capsys, tmp_path):
    (tmp_path / "study.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
    assert main(["plan", "--configfile", str(tmp_path / "study.yaml"), "--results", str(copy)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"best: tcwae_mws {WORDS}" in lines
    assert f"mixed: tcwae_mws {WORDS}" in lines
    assert [line.split()[:5] for line in lines[1:5]] == [
        ["grid", "8", "8", "8", "0"], ["mixed", "4", "4", "4", "0"], ["best", "0", "0", "0", "0"],
        ["total", "12", "12", "12", "0"],
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_a_score_that_cannot_be_had_has_its_reason_in_table_report_and_page(copy, study):
    reason = "expected at least 2 rows of every class of 'size', found 1 of class 3: merge classes; or take more rows"
    runs = sorted((copy / "runs").glob("dsprites/wae_mmd/**/metrics.json"))
    for path in runs[:3]:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["scores"] = {name: value for name, value in record["scores"].items() if "factor_vae" not in name}
        path.write_text(json.dumps(record | {"reasons": {"factor_vae": reason}}), encoding="utf-8")
    for command in (["select", "mixed"], ["gather"]):
        assert main([*command, "--results", str(copy)]) == 0
    assert pd.read_csv(copy / "metrics.csv")["reasons"].dropna().tolist() == [f"factor_vae: {reason}"] * 3
    said = contents(load(copy))
    assert said["unscored"] == [{"data": "dSprites, rendered", "reason": reason, "scores": ["FactorVAE"], "runs": 3}]
    assert [its["unscored"] for its in said["experiments"]] == [0, 3]
    report(copy, made_up.TEMPLATE, copy / "report.pdf")
    text = text_of(copy / "report.pdf")
    assert f"FactorVAE of 3 runs on dSprites, rendered: {reason}." in text.replace("’", "'")
    assert "Some scores of 3 runs cannot be had; Appendix C says why." in text
    page(copy)
    numbers = {line["id"]: number for number, line in enumerate(data_of(copy, "study")["table"])}
    run = str(runs[0].parent.relative_to(copy / "runs"))
    assert data_of(copy, f"runs/{numbers[run]}")["reasons"] == [["FactorVAE", reason]]


TABLES = {
    "study": "tables",
    "seeds": [0, 1],
    "experiments": {
        "one": {
            "dataset": "dsprites",
            "methods": {"wae_mmd": {"lambda": 10}, "tcwae_mws": {"beta": 4, "gamma": 1}},
            "shows": ["deviations", "kl_estimators", "pareto", "samples"],
        }
    },
}
DAMAGES = {
    "nothing": lambda text: "",
    "no text": lambda text: "\x00\x89PNG\x00",
    "one line": lambda text: text.partition("\n")[0] + "\n",
    "another table": lambda text: "a,b\n1,2\n",
    "words for numbers": lambda text: re.sub(r"\d+\.\d+", "many", text),
    "a line cut short": lambda text: text[: text.rindex("\n", 0, -1) + 4],
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables") / "small"
    made_up.draw(made_up.write(check(Study, TABLES, "test"), folder, codes=30), folder)
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["deviations", "kl_estimators", "pareto"])
def test_a_figure_whose_table_is_damaged_is_named_and_left_out(tables, tmp_path, kind, damage):
    copy = shutil.copytree(tables, tmp_path / "copy")
    path = copy / "figures" / f"one-{kind}.csv"
    path.write_text(DAMAGES[damage](path.read_text(encoding="utf-8")), encoding="utf-8")
    (experiment,) = contents(load(copy))["experiments"]
    ((reason, titles),) = [(its["reason"], its["titles"]) for its in experiment["silent"]]
    assert titles == [FIGURES[kind].title]
    assert reason.startswith(f"figures/one-{kind}.csv: expected ")
    assert reason.endswith("make it again")
    assert [figure["kind"] for figure in experiment["figures"]] == [
        other for other in ("pareto", "deviations", "kl_estimators", "samples") if other != kind
    ]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_damaged_tables_and_pictures_stop_neither_the_report_nor_the_page(tables, tmp_path):
    copy = shutil.copytree(tables, tmp_path / "copy")
    for name in ("deviations.csv", "samples.h5"):
        (copy / "figures" / f"one-{name}").write_bytes(b"damaged")
    (copy / "figures" / "one-pareto.svg").write_text("<svg><g>")
    report(copy, made_up.TEMPLATE, copy / "report.pdf")
    assert "Left out because figures/one-deviations.csv: expected" in text_of(copy / "report.pdf").replace(
        "\N{ZERO WIDTH SPACE}", ""
    )
    page(copy)
    drawings = {its["kind"]: its["faults"] for its in data_of(copy, "study")["experiments"][0]["drawings"]}
    for kind, file in (("deviations", "csv"), ("samples", "h5"), ("pareto", "svg")):
        (fault,) = drawings.pop(FIGURES[kind].title)
        assert fault.startswith(f"figures/one-{kind}.{file}: ")
    assert list(drawings.values()) == [[]]


FIGURED = {
    "study": "figured",
    "seeds": [0, 1],
    "experiments": {
        "lists": {
            "dataset": "dsprites",
            "methods": {"wae_mmd": {"lambda": [10, 20]}, "tcwae_mws": {"beta": [1, 4], "gamma": [1, 2]}},
            "shows": ["scores_table", "violins", "ablation", "agreement", "analysis_of_variance", "matrix"],
        },
        "pairs": {
            "dataset": "dsprites",
            "methods": {"wae_mmd": {"lambda": 10}, "other": {"method": "wae_mmd", "lambda": 20}},
            "shows": ["deviations", "pareto", "scores_vs_reconstruction", "kl_estimators"],
        },
    },
}


@pytest.mark.parametrize("lacking", [["factor_vae"], ["mig", "factor_vae", "sap"]], ids=["one", "all"])
@pytest.mark.parametrize("runs", [1, 99], ids=["of one run", "of all"])
def test_every_figure_can_be_drawn_without_some_scores(tmp_path, lacking, runs):
    study = made_up.write(check(Study, FIGURED, "test"), tmp_path, codes=30)
    paths = sorted((tmp_path / "runs").glob("dsprites/**/metrics.json"))[:runs]
    for path in paths:
        record = json.loads(path.read_text(encoding="utf-8"))
        gone = {*lacking, *(f"{score}_sampled" for score in lacking)}
        record["scores"] = {name: value for name, value in record["scores"].items() if name not in gone}
        path.write_text(json.dumps(record | {"reasons": dict.fromkeys(lacking, "too few")}), encoding="utf-8")
        (path.parent / "rescored.csv").write_text("protocol,score,value\n", encoding="utf-8")
    for name in study.experiments:
        select(study, name, tmp_path)
    gather(study, tmp_path)
    assert made_up.typeset(study, tmp_path).read_bytes().startswith(b"%PDF")
    said = contents(load(tmp_path))
    assert [its["runs"] for its in said["unscored"]] == [len(paths)]
    texts = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(said))
    assert [text for text in texts if re.search(r"\bnan\b", text, re.IGNORECASE)] == []
