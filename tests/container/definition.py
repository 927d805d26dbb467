"""A reader of Apptainer definition files with as much of its grammar as ours uses; anything else is refused.

The grammar is that of Apptainer's own parser (pkg/build/types/parser/deffile.go, internal/pkg/build/args): a header of
`Key: value`, then sections that begin with a line whose first word is `%name`; `{{ name }}` is replaced in all of them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

SECTIONS = {"help", "arguments", "files", "labels", "post", "environment", "runscript", "test"}
HEADERS = {"bootstrap", "from"}


@dataclass
class Definition:
    """A definition file."""

    header: dict[str, str]
    sections: dict[str, str]

    def pairs(self, section):
        """The lines of %files or %labels: what stands before the first space, and after it."""
        lines = (line.strip() for line in self.sections[section].splitlines())
        return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def read(path, **arguments):
    """The definition with its %arguments, or those given instead, put in.

    Raises:
        ValueError: what Apptainer would refuse, or what this reader does not know.
    """
    text = Path(path).read_text()
    defaults = dict(line.split("=", 1) for line in _words(_split(text)[1].get("arguments", "")))
    unknown = set(arguments) - set(defaults)
    values = defaults | arguments
    unknown |= {name for name in re.findall(r"{{\s*(\w+)\s*}}", text) if name not in values}
    if unknown:
        raise ValueError(f"unknown build arguments {unknown}")
    header, sections = _split(re.sub(r"{{\s*(\w+)\s*}}", lambda match: values[match[1]], text))
    if not set(header) <= HEADERS or not set(sections) <= SECTIONS:
        raise ValueError(f"expected {HEADERS} and {SECTIONS}, found {set(header)} and {set(sections)}")
    return Definition(header, sections)


def _words(section):
    return [line.strip() for line in section.splitlines() if line.strip() and not line.strip().startswith("#")]


def _split(text):
    header, sections, name = {}, {}, None
    for line in text.splitlines():
        if line.lstrip().startswith("%"):
            name, *rest = line.lstrip()[1:].split()
            if rest or name in sections:
                raise ValueError(f"expected each section once and without options, found {line!r}")
            sections[name] = ""
        elif name:
            sections[name] += line + "\n"
        elif line.strip() and not line.startswith("#"):
            key, value = line.split(":", 1)
            header[key.strip().lower()] = value.strip()
    return header, sections
