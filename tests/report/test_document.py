"""The report: true numbers, nothing lost, the same bytes each time, and one line for whatever is wrong."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figures import synthetic

from tcwae.config.base import read_yaml
from tcwae.config.scores import PAPER
from tcwae.config.study import parse
from tcwae.errors import InputError
from tcwae.figures.plot import KINDS, plot
from tcwae.report import paper
from tcwae.report.content import contents
from tcwae.report.document import report
from tcwae.study import names
from tcwae.study.results import load

TEMPLATE = Path(__file__).parents[2] / "workflow" / "report" / "report.typ"


def plain(text):
    return text.replace(names.NO_BREAK, " ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    results = synthetic.write(tmp_path_factory.mktemp("report") / "small")
    for kind in (kind for kind in KINDS if kind not in ("deviations", "kl_estimators")):
        plot("grid", kind, results, results / "figures" / f"grid-{kind}.pdf")
    return results


@pytest.fixture(scope="module")
def said(folder):
    return contents(load(folder))


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def shown(setting):
    """A setting of metrics.csv as the report has it."""
    pairs = (part.split("=") for part in setting.split("_"))
    return names.setting({key: float(value) for key, value in pairs})


def test_the_table_has_the_mean_and_the_sample_deviation_of_the_selected_runs(said, folder):
    runs = pd.read_csv(folder / "metrics.csv")
    table = said["experiments"][0]["table"]
    assert [row["method"] for row in table] == ["WAE-MMD", "TCWAE-MWS", "TCWAE-GAN", "β-TCVAE", "FactorVAE"]
    for row, method in zip(table, synthetic.METHODS, strict=True):
        own = runs[(runs["method"] == method) & (runs["setting"].map(shown) == row["setting"])]
        assert row["seeds"] == str(len(own)) == "2"
        for text, (score, look) in zip(row["cells"], PAPER.items(), strict=True):
            mean, sd = (float(part) for part in plain(text).split(" ± "))
            assert mean == pytest.approx(own[score].mean(), abs=0.5 * 10**-look.decimals)
            # the sample standard deviation of two numbers
            assert sd == pytest.approx(np.ptp(own[score]) / np.sqrt(2), abs=0.5 * 10**-look.decimals)


def test_bold_marks_the_best_mean_of_each_score(said, folder):
    runs = pd.read_csv(folder / "metrics.csv")
    means = runs.groupby(["method", "setting"])[list(PAPER)].mean().reset_index()
    table = said["experiments"][0]["table"]
    selected = {(row["method"], row["setting"]) for row in table}
    means["method"], means["setting"] = means["method"].map(names.method), means["setting"].map(shown)
    means = means[[pair in selected for pair in zip(means["method"], means["setting"], strict=True)]]
    for column, score in enumerate(PAPER):
        first = means.sort_values(score, ascending=score == "log_reconstruction")["method"].iloc[0]
        assert [row["method"] for row in table if row["best"][column]] == [first]
        outcome = said["experiments"][0]["outcomes"][column]
        mean = next(plain(row["cells"][column]) for row in table if row["method"] == first).split(" ±")[0]
        assert outcome["words"].startswith(f"{first} has {mean}, ")


def test_equal_means_are_both_bold(copy):
    path = copy / "selection/grid.csv"
    selection = pd.read_csv(path)
    selection["mig_mean"] = 0.25
    selection.to_csv(path, index=False)
    experiment = contents(load(copy))["experiments"][0]
    assert all(row["best"][1] for row in experiment["table"])
    assert experiment["outcomes"][1]["words"].endswith("are equal at 0.250")


def test_the_papers_numbers_stand_beside_ours_only_where_the_data_are_the_same(said, copy):
    row = said["experiments"][0]["table"][1]
    assert row["paper"] == {
        "table": "1a",
        "setting": names.setting({"beta": 50.0, "gamma": 100.0}),
        "cells": ["4.16 ± .31", "0.36 ± .04", "0.75 ± .02", "0.091 ± .004"],
    }
    for name in ("metrics.csv", "selection/grid.csv"):
        text = (copy / name).read_text().replace(",dsprites,", ",smallnorb,")
        (copy / name).write_text(text)
    assert [row["paper"] for row in contents(load(copy))["experiments"][0]["table"]] == [None] * 5


def test_a_diverged_run_is_counted_and_named(said):
    experiment = said["experiments"][0]
    assert said["runs"] == experiment["runs"] == {"total": 36, "finished": 35, "diverged": 1}
    failed = [row for row in said["run_tables"][0]["rows"] if row["failure"]]
    assert [(row["method"], plain(row["setting"]), row["seed"]) for row in failed] == [
        ("TCWAE-GAN", "β = 10, γ = 1", 1)
    ]
    assert failed[0]["failure"] == "diverged at step 512 (total correlation)"
    (remark,) = said["remarks"]
    assert (remark["method"], remark["seeds"], remark["remark"]) == ("TCWAE-GAN", "1", failed[0]["failure"])
    by_kind = {figure["kind"]: figure["runs"] for figure in experiment["figures"]}
    assert by_kind["heatmap"] == {"total": 24, "finished": 23, "diverged": 1}
    assert by_kind["samples"]["diverged"] == 1


def test_a_method_of_which_no_run_finished_keeps_its_row(tmp_path):
    runs = tuple(f"dsprites/beta_tcvae/cross_entropy/beta=2/seed={seed}" for seed in synthetic.SEEDS)
    methods = {"wae_mmd": {"lambda": [10.0]}, "beta_tcvae": {"beta": [2.0]}}
    results = load(synthetic.write(tmp_path / "small", methods, runs))
    experiment = contents(results, partial=True)["experiments"][0]  # partial: no figures were drawn
    lost = experiment["table"][1]
    assert (lost["method"], lost["seeds"], lost["cells"], lost["best"]) == ("β-TCVAE", "0 of 2", ["—"] * 4, [False] * 4)
    assert [outcome["words"].split(" has ")[0] for outcome in experiment["outcomes"]] == ["WAE-MMD"] * 4


def test_missing_runs_are_named(copy, tmp_path):
    path = copy / "metrics.csv"
    metrics = pd.read_csv(path)
    lost = "dsprites/wae_mmd/cross_entropy/lambda=100/seed=1", "dsprites/factor_vae/cross_entropy/gamma=40/seed=0"
    metrics[~metrics["run"].isin(lost)].to_csv(path, index=False)
    synthetic.select(copy)
    said = contents(load(copy))
    missing = [row for row in said["remarks"] if row["remark"] == "missing"]
    assert [(row["data"], row["method"], plain(row["setting"]), row["seeds"]) for row in missing] == [
        ("dSprites, rendered, cross-entropy", "FactorVAE", "γ = 40", "0"),
        ("dSprites, rendered, cross-entropy", "WAE-MMD", "λ = 100", "1"),
    ]
    assert said["missing"] == said["experiments"][0]["missing"] == 2
    report(copy, TEMPLATE, tmp_path / "report.pdf")


def test_the_budget_is_told_by_the_iterations(copy):
    path = copy / "metrics.csv"
    for iterations, small, smaller in ((2_000, True, True), (300_000, False, True), (600_000, False, False)):
        metrics = pd.read_csv(path)
        metrics["iterations"] = iterations
        metrics.to_csv(path, index=False)
        budget = contents(load(copy))["budget"]
        assert (budget["small"], budget["smaller"]) == (small, smaller)
        assert float(budget["percent"]) == pytest.approx(100 * iterations / paper.ITERATIONS, rel=0.05)


def test_the_same_results_give_the_same_bytes_wherever_they_are(folder, copy, tmp_path):
    report(folder, TEMPLATE, tmp_path / "one.pdf")
    templates = shutil.copytree(TEMPLATE.parent, tmp_path / "elsewhere")
    report(copy, templates / TEMPLATE.name, tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("title", ["ÄPFEL", "über $\\beta$ #emph[x] <b>", "日本語", "", " ", "a\nb", "*" * 300])
def test_any_title_is_typeset(copy, tmp_path, title):
    study = json.loads((copy / "study.json").read_text())
    study["experiments"]["grid"]["title"] = title
    (copy / "study.json").write_text(json.dumps(study))
    report(copy, TEMPLATE, tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_date_is_that_of_the_newest_run(copy, tmp_path):
    path = copy / "metrics.csv"
    metrics = pd.read_csv(path)
    metrics["finished"] = [f"2026-11-{day % 28 + 1:02}T12:00:00+00:00" for day in range(len(metrics))]
    metrics.to_csv(path, index=False)
    assert contents(load(copy))["date"] == "28 November 2026"
    report(copy, TEMPLATE, tmp_path / "report.pdf")
    assert b"D:20261128120000" in (tmp_path / "report.pdf").read_bytes()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_the_pdf_says_it(folder, said, tmp_path):
    report(folder, TEMPLATE, tmp_path / "report.pdf")
    raw = subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, check=True).stdout
    text = plain(raw.decode())
    for row in said["experiments"][0]["table"]:
        assert row["method"] in text
        assert all(plain(cell) in text for cell in row["cells"])
    for words in ("dSprites, rendered", "600,000 iterations", "diverged at step 512", "0123456789", "4.16 ± .31"):
        assert words in text


def test_a_study_of_one_run_without_figures_can_be_typeset(tmp_path):
    results = synthetic.write(tmp_path / "small", {"wae_mmd": {"lambda": [10.0]}}, ())
    metrics = pd.read_csv(results / "metrics.csv")
    metrics[:1].to_csv(results / "metrics.csv", index=False)
    synthetic.select(results)
    study = json.loads((results / "study.json").read_text())
    study["experiments"]["grid"] |= {"shows": ["scores_table"], "title": "", "seeds": [0]}
    (results / "study.json").write_text(json.dumps(study))
    row = contents(load(results))["experiments"][0]["table"][0]
    assert row["cells"][0] == f"{metrics['log_reconstruction'][0]:.2f}"
    report(results, TEMPLATE, tmp_path / "report.pdf")


def test_titles_are_text_and_not_markup(copy, tmp_path):
    study = json.loads((copy / "study.json").read_text())
    study["experiments"]["grid"]["title"] = "#panic() *bold* $x$ @nowhere <label> \\"
    (copy / "study.json").write_text(json.dumps(study))
    report(copy, TEMPLATE, tmp_path / "report.pdf")


def test_two_experiments_share_runs(copy, tmp_path):
    study = json.loads((copy / "study.json").read_text())
    study["experiments"]["again"] = study["experiments"]["grid"] | {"shows": ["samples"]}
    (copy / "study.json").write_text(json.dumps(study))
    pd.read_csv(copy / "metrics.csv").assign(experiments="grid again").to_csv(copy / "metrics.csv", index=False)
    synthetic.select(copy, "again")
    plot("again", "samples", copy, copy / "figures" / "again-samples.pdf")
    said = contents(load(copy))
    assert [experiment["runs"]["total"] for experiment in said["experiments"]] == [36, 36]
    assert said["runs"]["total"] == sum(len(table["rows"]) for table in said["run_tables"]) == 36
    assert said["experiments"][1]["table"] == []
    report(copy, TEMPLATE, tmp_path / "report.pdf")


def test_a_missing_figure_is_named(copy, tmp_path):
    (copy / "figures" / "grid-samples.pdf").unlink()
    with pytest.raises(InputError, match=r"expected the file .*figures/grid-samples\.pdf, found none"):
        report(copy, TEMPLATE, tmp_path / "report.pdf")
    assert list(tmp_path.glob("*.pdf")) == []


def test_a_damaged_figure_is_named(copy, tmp_path):
    (copy / "figures" / "grid-samples.pdf").write_bytes(b"%PDF-1.7 half")
    with pytest.raises(InputError, match=r"failed to load PDF .*grid-samples\.pdf") as caught:
        report(copy, TEMPLATE, tmp_path / "report.pdf")
    assert "\n" not in str(caught.value)


def test_a_wrong_template_is_named_with_the_place(copy, tmp_path):
    template = tmp_path / "wrong.typ"
    template.write_text("Fine.\n#undefined\n")
    with pytest.raises(InputError, match=r"wrong\.typ: cannot be typeset: unknown variable: undefined") as caught:
        report(copy, template, tmp_path / "report.pdf")
    assert ":2:" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"expected the file .*nowhere\.typ, found none"):
        report(copy, tmp_path / "nowhere.typ", tmp_path / "report.pdf")


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_the_chapter_beyond_the_paper_says_what_the_tables_beside_its_figures_say(copy, tmp_path):
    study = json.loads((copy / "study.json").read_text())
    methods = {"wae_mmd": {"lambda": 10}, "tcwae_mws": {"beta": 4, "gamma": 1}}
    alone = study["experiments"]["grid"] | {"methods": methods, "shows": ["deviations", "kl_estimators"]}
    study["experiments"]["alone"] = alone
    settings = pd.read_csv(copy / "selection" / "grid.csv")
    settings = settings[settings["setting"].isin(["lambda=10", "beta=4_gamma=1"]) & settings["row"].isin(methods)]
    settings.to_csv(copy / "selection" / "alone.csv", index=False)
    (copy / "study.json").write_text(json.dumps(study))
    pairs = [
        ("tcwae_mws", "a penalty", "mig", seed, 0.1, 0.3 + noise, 0.2 + noise)
        for seed, noise in ((0, -0.01), (1, 0.01))
    ]
    estimates = [(kind, size, 0, size / 100, 1.5, "row", "TCWAE-MWS", "run") for kind, size in
                 [("large sample", 5000), *((kind, 256) for kind in ("MWS", "in batch", "MSS", "density ratio"))]]  # fmt: skip
    for kind, rows in (("deviations", pairs), ("kl_estimators", estimates)):
        pd.DataFrame(rows, columns=KINDS[kind].COLUMNS).to_csv(copy / "figures" / f"alone-{kind}.csv", index=False)
        shutil.copy(copy / "figures" / "grid-pareto.pdf", copy / "figures" / f"alone-{kind}.pdf")
    report(copy, TEMPLATE, tmp_path / "report.pdf")
    raw = subprocess.run(["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, check=True).stdout
    text = " ".join(plain(raw.decode()).split())
    headings = ("Departures from the text", "What each estimator says", "Ranks, and how sure they are",
                "Other rules of selection", "Scores at equal reconstruction")  # fmt: skip
    places = [text.rindex(heading) for heading in ("Beyond the paper", *headings)]
    assert places == sorted(places)
    for words in ("A penalty (TCWAE-MWS): MIG rises by 0.2 (better).", "1 of 1 interval excludes zero",
                  "the total correlation is off by −47.4 nats (MWS)"):  # fmt: skip
        assert words in text
    assert re.search(r"The lowest mean rank is that of [^.;]+; in \d+ % of the resamples another row is best\.", text)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (poppler-utils)")
def test_udr_is_shown_where_there_is_one(copy, tmp_path):
    path = copy / "selection" / "grid.csv"
    table = pd.read_csv(path).assign(udr_mean=0.734, rank_udr=1.0)
    report(copy, TEMPLATE, tmp_path / "without.pdf")
    table.to_csv(path, index=False)
    report(copy, TEMPLATE, tmp_path / "with.pdf")
    texts = [subprocess.run(["pdftotext", tmp_path / f"{name}.pdf", "-"], capture_output=True, text=True).stdout
             for name in ("without", "with")]  # fmt: skip
    assert ["0.734" in text for text in texts] == [False, True]
    assert ["UDR" in text for text in texts] == [False, True]


def test_the_printed_settings_are_a_file_of_the_same_study(said, folder, tmp_path):
    (tmp_path / "config.yaml").write_text(said["configuration"], encoding="utf-8")
    assert parse(read_yaml(tmp_path / "config.yaml"), "printed", Path()) == load(folder).study
