"""A study's results as a typeset document.

The words and the layout are the template's (typst); the numbers are in `report.json` beside it, made by
`tcwae.report.content`. Nothing comes from the clock or the machine: the same results and template give the same bytes.
"""

import json
import math
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst
from matplotlib import get_data_path

from tcwae.errors import InputError
from tcwae.figures import style, summary
from tcwae.files import atomic
from tcwae.report.content import contents, finished
from tcwae.study.results import load

__all__ = ["report"]

LONGEST = 24
VERBATIM = ("folder", "formula", "path", "provenance", "run")
"""Keys of texts that are not read as words, or must be copied unchanged."""

NO_DATE = datetime(1980, 1, 1, tzinfo=UTC)
"""The PDF's timestamp if the results have none."""


def report(results: Path, template: Path, output: Path, *, partial: bool = False) -> None:
    """Typeset results/<study> as a PDF.

    Args:
        results: folder with study.json, metrics.csv, selection/ and figures/.
        template: Typst document; it reads report.json, the figures at the paths named there, and the Typst files beside it.
        output: the PDF.
        partial: leave out figures that are not there, and name them.

    Raises:
        InputError: a file is missing or damaged, or the template cannot be compiled; the line names it.
        OSError: the output cannot be written.
    """
    study = load(results)
    content = contents(study, partial=partial)
    with tempfile.TemporaryDirectory() as folder:
        build = Path(folder)
        for experiment in content["experiments"]:
            for figure in experiment["figures"]:
                _copy(results / figure["path"], build / figure["path"], "run the workflow's rule plot first")
        if content["summary"]:
            summary.plot(content["summary"], build / "figures" / "summary.pdf")
        _copy(template, build / "report.typ", "give the path of the typst template")
        for part in template.parent.glob("*.typ"):  # what the template imports and includes
            if part.name != "report.typ":
                shutil.copyfile(part, build / part.name)
        (build / "report.json").write_text(
            json.dumps(_legible(content), ensure_ascii=False, indent=1), encoding="utf-8"
        )
        document = _compile(build / "report.typ", template, finished(study.metrics) or NO_DATE)
    with atomic(output) as temporary:
        temporary.write_bytes(document)


def _legible(content: Any) -> Any:  # noqa: ANN401
    """Legible texts: codes for letters that the fonts lack, and places to break words longer than `LONGEST`."""
    if isinstance(content, dict):
        return {key: value if key in VERBATIM else _legible(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_legible(value) for value in content]
    if isinstance(content, str):
        return re.sub(rf"([^\s\xa0]{{{LONGEST}}})(?=\S)", "\\1\N{ZERO WIDTH SPACE}", style.legible(content))
    return None if isinstance(content, float) and math.isnan(content) else content


def _copy(source: Path, target: Path, advice: str) -> None:
    if not source.is_file():
        raise InputError(f"expected the file {source}, found none; {advice}")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _compile(source: Path, template: Path, date: datetime) -> bytes:
    letters = [get_data_path() + "/fonts/ttf"]  # DejaVu Sans, for what the text's own font lacks
    compiler = typst.Compiler(source, root=source.parent, ignore_system_fonts=True, font_paths=letters)
    try:
        return compiler.compile(format="pdf", timestamp=date)
    except typst.TypstError as error:
        place = next((line.split("─ ")[-1] for line in error.diagnostic.splitlines() if "┌─ " in line), "report.typ")
        message = " ".join(str(error).replace(f"{source.parent}/", "").split())
        raise InputError(f"{template}: cannot be typeset: {message} (at {place})") from None
