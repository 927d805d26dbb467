"""results/<study>/index.html: the summary, all runs in a table, each run by itself or beside another, the best ones' sliders.

A browser runs scripts from the disk but fetches nothing there, so the data are scripts: `page/study.js` has the data of the
summary and the table, `page/runs/<number>.js` those of one run, `page/models/<number>.js` a decoder. Pictures are WebP files.
All but the first are loaded when they are viewed. Figures and tables are the study's own files, which the page links to.

Titles, names and logs, which people wrote, are inserted only as text, and the page's content security policy runs no scripts
but those beside it.
"""

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tcwae.config.runs import runs
from tcwae.errors import InputError
from tcwae.figures import summary as drawing
from tcwae.files import atomic
from tcwae.inspect import explore
from tcwae.log import complain
from tcwae.page.runs import described, fault
from tcwae.page.summary import summary
from tcwae.study.results import Results, load

__all__ = ["page"]

OWN = ("style.css", "page.js", "summary.js", "table.js", "curves.js", "motion.js", "run.js", "latents.js")
SHARED = ("sliders.css", "decoder.js", "sliders.js")
"""The files of this package, and those of `tcwae explore`."""


def page(results: Path) -> None:
    """Write index.html and page/ into results/<study>; whatever is missing of a run is named in its place.

    Raises:
        InputError: a table of the study is missing or damaged; the line names it.
        OSError: the page cannot be written.
    """
    study = load(results)
    here, typed = Path(__file__).parent, runs(study.study)
    with _replaced(results / "page") as folder:
        for name in OWN:
            shutil.copyfile(here / name, folder / name)
        for name in SHARED:
            shutil.copyfile(Path(*explore.__path__) / name, folder / name)
        (folder / "runs").mkdir()
        for number, identifier in enumerate(study.metrics["run"]):
            path = folder / "runs" / str(number)
            _write(folder, f"runs/{number}", described(study, identifier, typed[identifier], path))
        (folder / "models").mkdir()
        content = summary(study)
        if rows := content.pop("summary"):
            drawing.plot(rows, folder / "summary.pdf")
            paper = any(not math.isnan(row["paper"]) for row in rows)
            content["compared"] = {key: rows[0][key] for key in ("experiment", "left_out")} | {"paper": paper}
        content["best"] = [number for number in content["best"] if _write_model(study, number, folder)]
        _write(folder, "study", content)
    with atomic(results / "index.html") as temporary:
        shutil.copyfile(here / "index.html", temporary)


def _write_model(study: Results, number: int, folder: Path) -> bool:
    """Write the data for a run's sliders; False if they are not available."""
    from tcwae.inspect.explore.page import column, shared  # which load torch

    identifier = study.metrics["run"].iloc[number]
    run = study.folder / "runs" / identifier
    try:
        _write(folder, f"models/{number}", {**shared(run), **column(run, identifier)})
    except (InputError, OSError, ValueError) as error:  # ValueError if a number is not finite
        complain(f"without sliders: {identifier}: {fault(error, run)}")
        return False
    return True


def _write(folder: Path, name: str, content: Any) -> None:  # noqa: ANN401
    """A script that passes its content to the page under its name; ASCII, whatever the encoding."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    (folder / f"{name}.js").write_text(f"load({json.dumps(name)},{text});\n", encoding="utf-8")


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A new folder, which replaces the existing one when it is complete."""
    temporary = folder.with_name(f".{folder.name}.{uuid4().hex}.part")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
