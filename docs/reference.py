"""The pages of `make docs` that are made from the code: the command line, the configuration, the Python names."""

import argparse
import os
import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic.fields import FieldInfo

from tcwae.config import Settings

os.environ["COLUMNS"] = "100"

API = """# Python

::: tcwae.model.load

::: tcwae.model.Model

::: tcwae.model.Posterior

::: tcwae.errors.InputError
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs: add the pages."""
    for name, content in (("api", API), ("cli", command_line()), ("configuration", configuration())):
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Called by mkdocs: a link that leads out of docs/, to the code, is its text here."""
    out = "../" * (page.file.src_uri.count("/") + 1)
    return re.sub(rf"\[([^\]]*)\]\({re.escape(out)}[^)]*\)", r"`\1`", markdown)


def command_line() -> str:
    """The help of each verb."""
    from tcwae.cli import parser

    verbs = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    parts = [f"## tcwae {name}\n\n```text\n{verb.format_help()}```\n" for name, verb in verbs.choices.items()]
    return "\n".join(["# Command line\n", f"```text\n{parser().format_help()}```\n", *parts])


def configuration() -> str:
    """A table for each model, its keys, defaults and sources."""
    from tcwae import config, study

    models = [study.Study, study.Experiment, study.Row, config.Dataset, config.Training, config.Evaluation]
    tables = [_table(model.__name__, model) for model in models]
    tables += [_table(f"`{name}`", model) for name, model in config.METHODS.items()]
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
