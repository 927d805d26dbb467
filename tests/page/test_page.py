"""What the page holds: the numbers and pictures of the files, all of them, and a sentence where something is missing."""

import hashlib
import json
import re

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from page import studied
from page.studied import content
from tcwae.cli.main import main
from tcwae.errors import InputError
from tcwae.page.page import page
from tcwae.report import answers
from tcwae.study.results import load

RUN = "dsprites/beta_tcvae/cross_entropy/beta=8_latent_dimension=4/seed=1"


@pytest.fixture(scope="module")
def study(folder):
    return content(folder, "study")


def number_of(study, run):
    return next(number for number, line in enumerate(study["table"]) if line["id"] == run)


def test_every_run_is_in_the_table_with_its_numbers(study, folder):
    metrics = pd.read_csv(folder / "metrics.csv").set_index("run")
    assert sorted(line["id"] for line in study["table"]) == sorted(metrics.index)
    labels = [label for label, _, _ in study["measures"]]
    for line in study["table"]:
        found = dict(zip(labels, line["values"], strict=True))
        assert "steps" not in found  # the same for all
        for label, column in (("MIG", "mig"), ("SAP", "sap"), ("TC", "total_correlation")):
            assert found[label] == metrics.loc[line["id"], column]


def test_a_run_has_the_numbers_of_its_files(study, folder):
    page_run, run = content(folder, f"runs/{number_of(study, RUN)}"), folder / "runs" / RUN
    metrics = json.loads((run / "metrics.json").read_text())
    assert {label: value for label, value, _ in page_run["scores"]}["MIG"] == metrics["scores"]["mig"]
    assert page_run["factors"]["factors"] == ["size", "hollow", "turned", "x", "y"]
    curves = pd.read_csv(run / "curves.csv")
    assert page_run["curves"]["steps"] == curves["step"].tolist()
    for term, values in page_run["curves"]["terms"]:
        np.testing.assert_allclose(values, curves[term], rtol=1e-4)
    for name, bytes_, digest in page_run["files"]:
        assert (run / name).stat().st_size == bytes_
        assert digest in (None, hashlib.sha256((run / name).read_bytes()).hexdigest())
    assert page_run["faults"] == []
    assert [command.split()[1] for command in page_run["commands"]] == ["train", "evaluate", "measure"]
    assert page_run["commands"][0].startswith("tcwae train --dataset dsprites --method beta_tcvae --beta 8")
    assert f"--output results/small/runs/{RUN}" in page_run["commands"][0]


def test_the_pictures_are_those_of_the_evaluation_each_in_its_place(copy):
    noise = np.random.default_rng(0)
    with h5py.File(copy / "runs" / RUN / "images.h5", "a") as file:
        for name in ("inputs", "reconstructions", "samples", "traversals"):
            blocks = noise.integers(0, 256, (*file[name].shape[:-3], 4, 4, 1), np.uint8)
            file[name][...] = blocks.repeat(16, axis=-3).repeat(16, axis=-2)
        file["latent_kl"][...] = [0.5, 2.0, 0.1, 1.0]
    page(copy)
    number = number_of(content(copy, "study"), RUN)
    page_run = content(copy, f"runs/{number}")
    with h5py.File(copy / "runs" / RUN / "images.h5") as file:
        arrays = {name: file[name][()].astype(float) for name in file}
    for part, expected in (
        ("pictures", np.concatenate([arrays[name] for name in ("inputs", "reconstructions", "samples")])),
        ("traversals", arrays["traversals"][:3, [1, 3, 0, 2]].reshape(-1, 64, 64, 1)),
    ):
        sheet = page_run[part]["sheet"]
        pixels = np.asarray(Image.open(copy / "page" / "runs" / sheet["file"]).convert("L"), float)
        assert pixels.shape == (64 * sheet["rows"], 64 * sheet["columns"])
        for index, picture in enumerate(expected):
            row, column = divmod(index, sheet["columns"])
            shown = pixels[64 * row : 64 * row + 64, 64 * column : 64 * column + 64]
            assert abs(shown - picture[..., 0]).mean() < 8  # WebP is not exact
    assert page_run["traversals"]["latents"] == [1, 3, 0, 2]


def test_the_matrix_is_that_of_the_run(study, folder):
    matrix = content(folder, f"runs/{number_of(study, RUN)}")["matrix"]
    record = json.loads((folder / "runs" / RUN / "metrics.json").read_text())["matrices"]
    assert matrix["factors"] == ["size", "hollow", "turned", "x", "y"]
    assert matrix["values"] == record["mutual_information"]
    assert matrix["entropies"] == pytest.approx(np.log([3, 2, 2, 6, 6]), abs=0.01)


def test_names_are_text_and_all_is_in_the_policy(study, folder):
    assert study["experiments"][0]["title"] == studied.TITLE
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert studied.TITLE not in html
    assert "unsafe" not in html
    assert not re.search(r"https?:", "".join(path.read_text() for path in (folder / "page").glob("*.css")) + html)


def test_the_summary_is_that_of_the_reports_first_page(study, folder):
    results = load(folder)
    assert study["agreement"] == answers.agreement(results)
    assert study["compared"]["left_out"] == 0
    assert study["compared"]["experiment"][:40] == studied.TITLE[:40]
    names = {row["name"] for row in answers.summary(results)}
    assert names == {studied.NAME, "β-TCVAE"}
    assert "<!-- β-TCVAE -->" in (folder / "page" / "summary.svg").read_text()


def test_what_is_missing_or_damaged_is_said_and_the_rest_is_shown(copy):
    run = copy / "runs" / RUN
    (run / "images.h5").write_bytes(b"damaged")
    (run / "curves.csv").write_text("step,loss\n1,no number\n")
    (run / "metrics.json").write_text("{}")
    (copy / "figures" / "comparison-samples.svg").unlink()
    page(copy)
    study = content(copy, "study")
    page_run = content(copy, f"runs/{number_of(study, RUN)}")
    assert [page_run[part] for part in ("matrix", "traversals", "pictures", "curves")] == [None] * 4
    for file in ("images.h5", "curves.csv", "metrics.json"):
        assert any(fault.startswith(f"{file}: ") for fault in page_run["faults"]), page_run["faults"]
    assert not any(str(copy) in fault for fault in page_run["faults"])
    samples = next(drawing for drawing in study["experiments"][0]["drawings"] if drawing["kind"] == "Samples")
    assert samples["files"] == ["comparison-samples.pdf", "comparison-samples.h5"]
    assert number_of(study, RUN) not in study["best"]


def test_all_diverged(copy):
    metrics = pd.read_csv(copy / "metrics.csv")
    scores = metrics.columns[metrics.columns.get_loc("reconstruction") : metrics.columns.get_loc("finished")]
    metrics[scores] = np.nan
    metrics.assign(status="diverged", diverged_step=3.0, diverged_term="kl").to_csv(copy / "metrics.csv", index=False)
    selection = pd.read_csv(copy / "selection" / "comparison.csv")
    empty = selection.columns[selection.columns.str.contains("_mean|_sd|best_run")]
    selection[empty] = np.nan
    selection.assign(diverged=2).to_csv(copy / "selection" / "comparison.csv", index=False)
    page(copy)
    study = content(copy, "study")
    assert study["best"] == []
    assert [line["best"] for line in study["experiments"][0]["lines"]] == [None, None]
    assert all(line["remark"].startswith("diverged at step 3") for line in study["table"])
    assert study["runs"]["diverged"] == 4


def test_a_second_page_takes_the_place_of_the_first(copy, capsys):
    (copy / "page" / "left.js").write_text("old")
    before = (copy / "page" / "study.js").read_bytes()
    assert main(["page", "--results", str(copy)]) == 0
    assert capsys.readouterr().out.startswith("open file:///")
    assert not (copy / "page" / "left.js").exists()
    assert (copy / "page" / "study.js").read_bytes() == before
    assert not list(copy.glob(".page*"))


def test_without_the_tables_there_is_no_page(copy):
    (copy / "metrics.csv").unlink()
    (copy / "index.html").unlink()
    with pytest.raises(InputError, match=r"expected the file .*metrics\.csv, found none"):
        page(copy)
    assert not (copy / "index.html").exists()
