"""Checks of the cluster: SLURM against the profile, and the image and the folders that it must see."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import split
from shutil import which
from typing import Any

from tcwae.config.study import Study
from tcwae.doctor import container
from tcwae.doctor.finding import Finding
from tcwae.doctor.gpu import inside_image
from tcwae.errors import InputError
from tcwae.programs import output_of
from tcwae.provenance import commit

__all__ = ["PROFILE", "check_accounting", "check_partitions", "image", "read_profile", "slurm"]

PROFILE = Path("slurm/profile.v9+.yaml")
ANSWER_SECONDS = 20.0
"""A client of SLURM answers within a second, or tries for minutes to reach a controller that is down."""


def read_profile() -> dict[str, Any]:
    """The cluster's profile in the working directory; empty if there is none."""
    import yaml

    return (yaml.safe_load(PROFILE.read_text(encoding="utf-8")) or {}) if PROFILE.exists() else {}


def slurm(profile: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether each partition of the profile exists, is up, and has GPUs if they are requested."""
    if inside_image():
        return
    if which("sbatch") is None:
        yield Finding("warning", "SLURM", "no sbatch on this machine: `snakemake --profile slurm` needs a login node")
        return
    try:
        partitions = _partitions()
    except InputError as error:
        yield Finding("problem", "SLURM", str(error))
        return
    for rules, asked in _asked(profile):
        yield _partition(rules, asked, partitions)
    try:
        check_accounting(str(profile.get("slurm-status-command", "sacct")))
    except InputError as error:
        yield Finding("problem", "SLURM", str(error))
    else:
        yield from _account(profile)


def check_partitions(asked: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that SLURM is available and has the partitions and GPUs that the resources of each rule request.

    Raises:
        InputError: it does not.
    """
    if which("sbatch") is None:
        raise InputError(
            "expected the command sbatch on PATH, found none: `snakemake --profile slurm` needs a login node"
        )
    partitions = _partitions()
    for rule, resources in asked.items():
        finding = _partition(rule, resources, partitions)
        if finding.level == "problem" and not resources.get(
            "clusters"
        ):  # partitions of another cluster are not seen here
            raise InputError(finding.text)


def check_accounting(command: str) -> None:
    """Check that `sacct` answers if Snakemake uses it to learn that jobs have ended: otherwise Snakemake would wait forever.

    Raises:
        InputError: it does not.
    """
    if command != "sacct":
        return
    try:
        _ask("sacct", "--noheader", "--allocations", "--starttime", "now")
    except InputError as error:
        raise InputError(
            f"{error}: where there is no accounting, uncomment slurm-status-command and delete slurm_account in {PROFILE}"
        ) from None


def _partitions() -> dict[str, list[list[str]]]:
    """State, time limit, number of nodes and gres of each kind of node, by partition; hidden ones too.

    Raises:
        InputError: no answer.
    """
    partitions: dict[str, list[list[str]]] = {}
    for line in _ask("sinfo", "--all", "--noheader", "--format", "%R|%a|%l|%D|%G"):
        name, *rest = line.split("|")
        partitions.setdefault(name, []).append(rest)
    return partitions


def _asked(profile: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The resources of all rules, and of each rule that has its own."""
    usual = profile.get("default-resources") or {}
    yield "jobs", usual
    for rule, of_rule in (profile.get("set-resources") or {}).items():
        yield rule, {**usual, **of_rule}


def _partition(rules: str, asked: Mapping[str, Any], partitions: Mapping[str, list[list[str]]]) -> Finding:
    name = asked.get("slurm_partition")
    if name is None:
        return Finding("ok", "SLURM", f"{rules}: the default partition")
    unknown = [part for part in name.split(",") if part not in partitions]
    if unknown:
        known = ", ".join(partitions) or "none"
        text = f"{rules}: expected the partition {unknown[0]} of {PROFILE}, found {known}: write one of these there"
        return Finding("problem", "SLURM", text)
    groups = [group for part in name.split(",") for group in partitions[part]]
    gpus = sorted({gres for *_, gres in groups if "gpu" in gres})
    if (asked.get("gpu") or "gpu" in str(asked.get("gres"))) and not gpus:
        text = f"{rules}: partition {name} has no GPUs: name one in {PROFILE} that has (sinfo -o '%R %G')"
        return Finding("problem", "SLURM", text)
    if all(state != "up" for state, *_ in groups):
        return Finding("warning", "SLURM", f"{rules}: partition {name} is {groups[0][0]}: jobs wait until it is up")
    limits = sorted({limit for _, limit, *_ in groups})
    nodes = sum(int(count) for _, _, count, _ in groups)
    text = f"{rules}: partition {name}, nodes: {nodes}, time limit: {', '.join(limits)}"
    return Finding("ok", "SLURM", text + "".join(f", {gres}" for gres in gpus))


def _account(profile: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the profile's account exists, if there is accounting."""
    named = (profile.get("default-resources") or {}).get("slurm_account")
    try:
        known = _ask(
            "sacctmgr", "--noheader", "--parsable2", "show", "associations", f"user={_user()}", "format=account"
        )
    except InputError:
        return
    if named and known and named not in known:
        text = f"expected the account {named} of {PROFILE}, found {', '.join(sorted(set(known)))}: write one of these there"
        yield Finding("problem", "SLURM", text)


def _user() -> str:
    import getpass

    return getpass.getuser()


def _ask(*command: str) -> list[str]:
    """The lines that a client of SLURM prints; it waits for minutes if the controller is down.

    Raises:
        InputError: it fails, does not answer, or is missing.
    """
    return output_of(command, ANSWER_SECONDS).split("\n")[:-1]


def image(study: Study, profile: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the image exists, is of this version and commit, and sees the folders that jobs read and write."""
    if inside_image() or study.container is None:
        return
    if "://" in study.container:
        yield Finding("warning", "image", f"{study.container} is fetched when the study starts, and checked then")
        return
    try:
        printed = container.check_image(study.container)
        hidden = container.hidden(study, study.container, split(str(profile.get("apptainer-args") or "")))
        engine = _ask(container.engine(), "--version")[0]
    except InputError as error:
        needed = which("sbatch") and "apptainer" in str(profile.get("software-deployment-method"))
        yield Finding("problem" if needed else "warning", "image", str(error))
        return
    if f"(commit {commit()})" in printed:
        yield Finding("ok", "image", f"{study.container}: {printed}, by {engine}")
    else:
        text = f"{study.container} is {printed}, the code here {commit()}: `make image` builds it anew if tcwae/ has changed"
        yield Finding("warning", "image", text)
    yield from (Finding("problem", "image", text) for text in hidden)
