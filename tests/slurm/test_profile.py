"""The profile and the rules fit each other; quick, and without SLURM."""

import re

import pytest
import yaml

from .study import PROFILE, ROOT

RULES = {
    name: text
    for file in (ROOT / "workflow/rules").glob("*.smk")
    for name, text in re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:[ \n].*\n?)*)", file.read_text(), re.MULTILINE)
}
LOCAL = {
    name
    for file in (ROOT / "workflow/rules").glob("*.smk")
    for names in re.findall(r"^localrules:\n((?:    .*\n)+)", file.read_text(), re.MULTILINE)
    for name in re.findall(r"\w+", names)
}


def test_it_speaks_of_rules_that_are_submitted():
    assert "train" in RULES
    assert set(yaml.safe_load(PROFILE.read_text())["set-resources"]) <= set(RULES) - LOCAL


def test_retries_are_the_profile_s_alone():
    """Those of a rule would nest inside the job; but what runs beside Snakemake may have some."""
    assert {name for name, text in RULES.items() if re.search(r"^ +retries:", text, re.MULTILINE)} <= LOCAL
    assert yaml.safe_load(PROFILE.read_text())["retries"] > 0


@pytest.mark.parametrize("profile", [PROFILE, ROOT / "profiles/default" / PROFILE.name], ids=["cluster", "default"])
def test_every_entry_is_explained(profile):
    """By a comment on its line or above it."""
    lines = profile.read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        entry = re.match(r" *[a-z_-]+:", line) and not line.endswith(":")
        assert not entry or "#" in line or before.lstrip().startswith("#") or "-incomplete:" in before, line
