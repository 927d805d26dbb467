"""The code blocks of a page, as a reader takes them: commands, Python, and YAML files that begin with their name."""

import re
import shlex
from pathlib import Path

__all__ = ["QUICKER", "ROOT", "blocks", "commands", "quicker", "script"]

ROOT = Path(__file__).parents[1]
QUICKER = {"iterations": (3, 1), "batch_size": (4, 1), "codes": (1000, 0), "held_out": (100, 0)}
"""All that the tests change of a study: each number, and how often it must be there at least."""


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each."""
    return re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The lines of its sh blocks, in words."""
    lines = "".join(text for language, text in blocks(page) if language == "sh").replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def quicker(study: str) -> str:
    """The text of a study with a small budget."""
    for key, (value, least) in QUICKER.items():
        study, found = re.subn(rf"\b{key}: \d+", f"{key}: {value}", study)
        assert least <= found <= 1, f"{key} {found} times"
    return study


def script(page: str, skip: tuple[str, ...] = ()) -> str:
    """A page as one script of bash, which stops at what fails; lines that contain a word of `skip` are left out."""
    parts = ["set -euo pipefail"]
    for language, text in blocks(page):
        if language == "sh":
            parts += [line for line in text.splitlines() if not any(word in line for word in skip)]
        elif language == "python":
            parts.append(f"python - <<'END_OF_PYTHON'\n{text}END_OF_PYTHON")
        elif language == "yaml" and (name := re.match(r"# (\S+\.yaml)\b", text)):
            parts.append(f"cat > {name[1]} <<'END_OF_YAML'\n{quicker(text)}END_OF_YAML")
    return "\n".join(parts) + "\n"
