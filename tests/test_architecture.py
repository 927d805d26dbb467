"""docs/architecture.md shows the package as it is."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tcwae"


def drawing():
    """The names at the left of each line of the first drawing, from top to bottom."""
    block = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    return [set(line.split("  ")[0].replace("|", " ").split()) for line in block.strip().splitlines()]


def test_every_package_and_module_is_in_the_drawing_once():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    drawn = [name for line in drawing() for name in line]
    assert sorted(drawn) == sorted(packages | modules)


def test_the_lines_are_those_that_make_style_checks():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in contracts["contracts"] if contract["type"] == "layers")
    assert drawing() == [set(layer.replace("|", " ").replace(":", " ").split()) for layer in layers]


def test_every_file_that_is_named_exists():
    words = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("`")[1::2]
    files = [word for word in words if "/" in word and word.endswith((".py", ".smk", "/"))]
    assert len(files) > 10
    for file in files:
        assert (PACKAGE / file).exists() or (ROOT / file).exists(), file
