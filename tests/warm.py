"""`tcwae` and `snakemake` that start at once: forked from a server that has imported what takes seconds to import.

`bin_folder` starts the server and makes a folder with the two commands, to be put first on PATH. Each is a client that sends
its arguments, working directory, environment and standard streams to the server, and ends with the status of the process
that was forked for it. What depends on how Python itself starts (encodings, signals, a broken pipe) is no matter for these.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from patience import HANG

NEEDED = (
    "tcwae.cli.main",
    "tcwae.cli.study",
    "tcwae.cli.verbs",
    "tcwae.data.prepare",
    "tcwae.evaluation.estimate",
    "tcwae.evaluation.evaluate",
    "tcwae.evaluation.rescore",
    "tcwae.figures.plot",
    "tcwae.page.page",
    "tcwae.report.document",
    "tcwae.report.partial",
    "tcwae.training.loop",
    "torch._dynamo",  # which Adam imports
    "snakemake.cli",
    "snakemake.workflow",
)

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = [{name!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps(request).encode() + b"\\n")
    status = server.recv(16)
sys.exit(int(status or 1))
"""


@contextmanager
def bin_folder(folder):
    """The two commands in `folder`, while the server runs."""
    address = folder / "socket"
    for name in ("tcwae", "snakemake"):
        (folder / name).write_text(CLIENT.format(python=sys.executable, address=str(address), name=name))
        (folder / name).chmod(0o755)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, __file__, address], env=environment) as server:
        try:
            limit = time.monotonic() + HANG
            while not address.exists() and server.poll() is None and time.monotonic() < limit:
                time.sleep(0.1)
            yield folder
        finally:
            server.terminate()


def serve(address):
    """Fork a process for each request, until SIGTERM."""
    for module in NEEDED:
        __import__(module)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address.with_suffix(".new")))
        listener.listen()
        os.replace(address.with_suffix(".new"), address)
        while True:
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(client)
            client.close()


def answer(client):
    """Run what a client asks for in a process of its own, and tell the client its status."""
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    request = json.loads(client.makefile().readline())
    command = os.fork()
    if command == 0:
        client.close()
        run(streams, *request)
    _, status = os.waitpid(command, 0)
    client.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())
    os._exit(0)


def run(streams, name, arguments, folder, environment):
    """The command, as its own script would run it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    # those of the server know what kind of file they had
    sys.stdin, sys.stdout, sys.stderr = (open(number, how, closefd=False) for number, how in enumerate("rww"))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = [name, *arguments]
    if name == "tcwae":
        from tcwae.cli.main import main

        sys.exit(main())
    from snakemake.cli import main

    sys.exit(main())


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
