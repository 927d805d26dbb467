#!/usr/bin/env python3
"""A stand-in for `apptainer` where it cannot be had: it records its calls, and the image is a program that gets the command.

The calls go to the file $APPTAINER_CALLS, a JSON list of words a line.
"""

import json
import os
import subprocess
import sys

WITH_VALUE = ("--home", "--bind", "--pwd")


def main(words):
    with open(os.environ["APPTAINER_CALLS"], "a") as calls:
        print(json.dumps(words), file=calls)
    if words == ["--version"]:
        print("apptainer version 1.4.5")
        return 0
    assert words[0] == "exec", words
    index = 1
    while words[index].startswith("--"):
        assert words[index] in (*WITH_VALUE, "--nv"), words
        index += 2 if words[index] in WITH_VALUE else 1
    image, *command = words[index:]
    return subprocess.run([os.path.abspath(image), *command], env=os.environ | {"HOME": os.getcwd()}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
