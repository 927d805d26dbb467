"""The pages of reports of any size: full, and everything within the type area."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote

import made_up
import numpy as np
import pytest

from tcwae.config.study import read
from tcwae.study.results import load

ROOT = Path(__file__).parents[2]
WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
ODD = f"</script><b>#panic() *x* $y$ @no <label> \\ 🦄 日本 {WORD}"
TEXT = ["scores_table", "ablation", "scores_vs_reconstruction", "pareto", "agreement"]
STUDIES = {
    "quick": lambda: read(ROOT / "config.yaml"),
    "one run": lambda: made_up.study(rows=1, settings=1, seeds=1),
    "many rows": lambda: made_up.study(rows=25, settings=2, seeds=2, shows=[*TEXT, "samples"]),
    "many settings": lambda: made_up.study(rows=2, settings=60, seeds=1, shows=[*TEXT, "heatmap"]),
    "no factors": lambda: made_up.study(rows=3, dataset="celeba", latent_dimension=20, shows=[*TEXT, "quadrants"]),
    "odd names": lambda: made_up.study(rows=6, seeds=1, called=ODD, title=ODD, shows=[*TEXT, "reconstructions"]),
}
TOP, BOTTOM, LEFT, RIGHT = 24, 275, 25, 185
"""Millimetres: the type area of the page."""

pytestmark = pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="needs pdftoppm (poppler-utils)")


LEAST = {"quick": 0.65}
"""Of a page, two thirds but for a line; 0.6 where tall figures of made-up studies follow each other."""


@pytest.fixture(scope="module", params=STUDIES)
def results(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages") / "results"
    made_up.typeset(made_up.write(STUDIES[request.param](), folder), folder)
    return folder


@pytest.fixture(scope="module")
def words(results):
    """By page, a list of words with their boxes in millimetres: x0, y0, x1, y1."""
    command = ["pdftotext", "-bbox", results / "report.pdf", "-"]
    page = ET.fromstring(re.sub(r' xmlns="[^"]*"', "", subprocess.check_output(command, text=True)))
    sides = ("xMin", "yMin", "xMax", "yMax")
    return [
        [(word.text, *(float(word.get(side)) / 72 * 25.4 for side in sides)) for word in its.iter("word")]
        for its in page.iter("page")
    ]


def test_no_page_is_lean_but_the_last_of_a_chapter(results, words, request):
    least = LEAST.get(request.node.callspec.params["results"], 0.6)
    drawn = fills(results / "report.pdf")
    ends = [begins_chapter(page) for page in words[1:]] + [True]
    lean = {
        number: round(fill, 2)
        for number, (fill, end) in enumerate(zip(drawn, ends, strict=True), start=1)
        if fill < least and not end
    }
    assert lean == {}


def fills(pdf):
    """Of each page the part of the type area down to the last ink."""
    raw, found = subprocess.check_output(["pdftoppm", "-gray", "-r", "30", pdf]), []
    while raw:
        head = re.match(rb"P5\n(\d+) (\d+)\n255\n", raw)
        wide, high = int(head[1]), int(head[2])
        pixels = np.frombuffer(raw, np.uint8, wide * high, head.end()).reshape(high, wide)
        raw = raw[head.end() + wide * high :]
        body = pixels[TOP * high // 297 : BOTTOM * high // 297]
        found.append((np.flatnonzero((body < 200).any(axis=1)).max(initial=-1) + 1) / len(body))
    return found


def begins_chapter(words):
    """Whether the first line is a heading: a number or a letter in type of 14 points."""
    first = next(((word, y1 - y0) for word, _, y0, _, y1 in words if y0 > TOP - 2), ("", 0))
    return re.fullmatch(r"\d+|[A-Z]", first[0]) is not None and first[1] > 4


def test_all_words_are_within_the_type_area(words):
    outside = [
        (number, word)
        for number, page in enumerate(words, start=1)
        for word, x0, y0, x1, y1 in page
        if x0 < LEFT - 1 or x1 > RIGHT + 1 or y0 < 10 or y1 > 290
    ]
    assert outside == []


def test_what_is_no_number_is_not_printed(words):
    assert [
        number for number, page in enumerate(words, start=1) if any(word[0] in ("nan", "inf") for word in page)
    ] == []


def test_numbers_lead_to_rows_of_runs_and_those_to_folders(results):
    pdf, runs = (results / "report.pdf").read_bytes(), load(results).metrics
    folders = {unquote(link.decode()) for link in re.findall(rb"/URI\((runs/[^)]*)\)", pdf)}
    assert folders == {f"runs/{run}/" for run in runs["run"]}
    places = dict(re.findall(rb"\n(\d+) 0 obj\n(\[\d+ 0 R/XYZ[^]]*\])", pdf))
    rows = {places[link] for link in re.findall(rb"/Subtype/Link[^>]*/Dest (\d+) 0 R", pdf)}
    assert len(rows) >= runs.groupby(["experiments", "method", "setting"]).ngroups
