"""Apptainer from Debian's packages, beside the system's own files.

No stable Debian has it. The program and the C library that it was built with come from Debian's unstable release, by this
machine's own apt sources, and are unpacked into a folder; `patchelf` has the program use that library. Nothing of the
unstable release is installed.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

__all__ = ["TOOLS", "environment", "install", "mirror", "missing"]

TOOLS = {
    "debootstrap": "debootstrap",
    "patchelf": "patchelf",
    "mksquashfs": "squashfs-tools",
    "squashfuse": "squashfuse",
    "fuse-overlayfs": "fuse-overlayfs",
    "newuidmap": "uidmap",
    "openssl": "openssl",
}
"""Programs that the tests and Apptainer call, and Debian's packages of them."""

LIBRARIES = "lib/x86_64-linux-gnu"
SYS_RESOURCE = 24
"""The number of the capability CAP_SYS_RESOURCE in Linux."""


def missing() -> str | None:
    """Why Apptainer cannot be had here, or None."""
    absent = [package for program, package in TOOLS.items() if shutil.which(program) is None]
    if os.geteuid() != 0:
        return "packages, mounts and another user need root"
    if absent:
        return f"needs {' '.join(absent)} (apt-get install {' '.join(absent)})"
    return None if mirror() else "apt has no archive of Debian among its sources"


def mirror() -> str | None:
    """The archive of Debian that this machine's apt uses."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True)
    archives = [line for line in listed.stdout.split() if re.fullmatch(r"https?://\S+/debian/?", line)]
    return archives[0] if archives else None


def install(folder: Path) -> Path:
    """Unpack Apptainer into a new folder; the folder of the program, for PATH."""
    work = folder / "packages"
    for name in ("lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    sources = work / "sources"
    sources.write_text(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror()} sid main\n")
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Check-Valid-Until": "false",  # a mirror may stand still
        "Acquire::Check-Date": "false",
    }
    apt = ["apt-get", "-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    _call(*apt, "update")
    _call(*apt, "download", "apptainer", "libc6", "libseccomp2", "libsqlite3-0", cwd=work)
    for package in work.glob("*.deb"):
        _call("dpkg-deb", "--extract", package, work / "tree")
    tree, prefix = work / "tree", folder / "apptainer"
    for source, target in (("usr/bin", "bin"), ("etc", "etc"), (f"usr/{LIBRARIES}", LIBRARIES)):
        shutil.copytree(tree / source, prefix / target, symlinks=True)
    shutil.copytree(tree / "var/lib/apptainer", prefix / "var/lib/apptainer")
    for name in ("bin", "etc", "var"):  # the starter looks for them one folder deeper than the program does
        (prefix / "lib" / name).symlink_to(f"../{name}")
    interpreter = prefix / LIBRARIES / "ld-linux-x86-64.so.2"
    for program in (prefix / "bin/apptainer", prefix / LIBRARIES / "apptainer/bin/starter"):
        _call(
            *("patchelf", "--set-interpreter", interpreter, "--force-rpath", "--set-rpath", prefix / LIBRARIES, program)
        )
    shutil.rmtree(work)
    return prefix / "bin"


def environment(program: Path) -> dict[str, str]:
    """The environment with Apptainer first on PATH; a root without CAP_SYS_RESOURCE says so to Apptainer."""
    variables = os.environ | {"PATH": f"{program}:{os.environ['PATH']}"}
    capabilities = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    if capabilities and not int(capabilities[1], 16) >> SYS_RESOURCE & 1:
        variables["APPTAINER_DROP_CAPS"] = "CAP_SYS_RESOURCE"
    return variables


def _call(*words: object, **options: object) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
