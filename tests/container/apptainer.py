#!/usr/bin/env python3
"""A stand-in for `apptainer`: it writes down how it was called, and runs the command as far as that goes without Apptainer.

An image that is a folder (a sandbox) is entered by chroot, read-only, with a /tmp of its own, /dev and /proc, the folders of
--home and --bind at their own paths, and the host's environment but for PATH and HOME, as `apptainer exec` does; the image's
/.singularity.d/env is sourced before the command. An image that is a file is a program, and is given the command.
The calls go to the file $APPTAINER_CALLS, a JSON list of words a line.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

WITH_VALUE = ("--home", "--bind", "--pwd")


def main(words):
    with open(os.environ["APPTAINER_CALLS"], "a") as calls:
        print(json.dumps(words), file=calls)
    if words == ["--version"]:
        print("apptainer version 1.4.5")
        return 0
    assert words[0] == "exec", words
    options, index = {"--bind": []}, 1
    while words[index].startswith("--"):
        if words[index] == "--bind":
            options["--bind"].append(words[index + 1])
        elif words[index] in WITH_VALUE:
            options[words[index]] = words[index + 1]
        else:
            assert words[index] == "--nv", words
        index += 2 if words[index] in WITH_VALUE else 1
    image, *command = words[index:]
    if Path(image).is_dir():
        return enter(Path(image), command, [options.get("--home", os.getcwd()), *options["--bind"]]).returncode
    home = {"HOME": options.get("--home", os.environ["HOME"])}
    return subprocess.run([os.path.abspath(image), *command], env=os.environ | home).returncode


def enter(tree, command, folders=(), *, writable=False, environment=os.environ, capture=False):
    """Run a command in the tree; the first of the folders that are bound is HOME and where it starts."""
    home = folders[0] if folders else "/root"
    mounts = [f"mount --rbind /{name} {tree}/{name}" for name in ("dev", "proc")]
    if not writable:
        mounts = [
            f"mount --rbind {tree} {tree}; mount -o remount,ro,bind {tree}; mount -t tmpfs tmpfs {tree}/tmp",
            *mounts,
        ]
    for folder in map(str, folders):
        inside = f"{tree}{folder}"
        if not folder.startswith("/tmp/"):
            Path(inside).mkdir(parents=True, exist_ok=True)
        mounts.append(f"mkdir -p {shlex.quote(inside)}; mount --rbind {shlex.quote(folder)} {shlex.quote(inside)}")
    sourced = "for file in /.singularity.d/env/*.sh; do [ ! -e $file ] || . $file; done"
    inner = f"cd {shlex.quote(str(home))}; {sourced}; exec {shlex.join(command)}"
    script = "\n".join(["set -e", *mounts, f"exec chroot {tree} /bin/sh -c {shlex.quote(inner)}"])
    variables = {
        **environment,
        "HOME": str(home),
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    ordinary_user = ["--map-root-user"] if writable else []  # who builds has one user id
    words = ["unshare", *ordinary_user, "--mount", "/bin/sh", "-c", script]
    return subprocess.run(words, env=variables, capture_output=capture, text=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
