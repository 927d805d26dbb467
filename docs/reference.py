"""The pages of `make docs` that are not in docs/: those made from the code, and those kept beside what they describe."""

import argparse
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic.fields import FieldInfo

from tcwae.config.base import Settings

os.environ["COLUMNS"] = "100"

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "howto/cluster.md": "slurm/README.md",
    "howto/container.md": "containers/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changes.md": "CHANGELOG.md",
}
"""Pages whose file is elsewhere, with that file."""

API = """# Python

::: tcwae.inspect.model.load

::: tcwae.inspect.model.Model

::: tcwae.inspect.model.Encoding

::: tcwae.errors.InputError
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs: add the pages."""
    for name, content in (("api", API), ("cli", command_line()), ("configuration", configuration())):
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Called by mkdocs: adapt the links of the file in the repository; a link to what is no page becomes its text."""
    here = page.file.src_uri
    source = ELSEWHERE.get(here, f"docs/{here}")
    pages = {f"docs/{file.src_uri}": file.src_uri for file in files} | {path: page for page, path in ELSEWHERE.items()}

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match.groups(default="")
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if not (ROOT / whole).exists() and whole not in pages:  # mkdocs reports it as broken
            return match[0]
        if whole in pages:
            return f"[{text}]({posixpath.relpath(pages[whole], posixpath.dirname(here) or '.')}{anchor})"
        return f"`{text}`"

    return re.sub(r"(?<!!)\[([^\]]*)\]\((?!\w+:)([^)#]+)(#[^)]*)?\)", link, markdown)


def command_line() -> str:
    """The help of each verb."""
    from tcwae.cli.parser import parser

    verbs = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    parts = [f"## tcwae {name}\n\n```text\n{verb.format_help()}```\n" for name, verb in verbs.choices.items()]
    return "\n".join(["# Command line\n", f"```text\n{parser().format_help()}```\n", *parts])


def configuration() -> str:
    """A table for each model, its keys, defaults and sources."""
    from tcwae.config import methods, run, study

    models = [study.Study, study.Experiment, study.Row, run.Dataset, run.Training, run.Evaluation]
    tables = [_table(model.__name__, model) for model in models]
    tables += [_table(f"`{name}`", model) for name, model in methods.METHODS.items()]
    return "\n".join(["# Configuration\n", *tables])


def _table(title: str, model: Any) -> str:  # noqa: ANN401
    rows = [
        f"| `{field.alias or name}` | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in model.model_fields.items()
        if name != "name"
    ]
    text = " ".join((model.__doc__ or "").split())
    return "\n".join([f"## {title}\n", f"{_cell(text)}\n", "| key | default | meaning |", "|---|---|---|", *rows, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, Settings):
        name = type(field.default).__name__
        return f"see [{name}](#{name.lower()})"
    return "none" if field.default in (None, "", (), {}) else f"`{field.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("$", "\\$")
