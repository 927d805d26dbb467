"""Commands in processes of their own, forked from one that has torch in memory, so that a start takes no seconds."""

import multiprocessing
import os
import resource
import signal
import sys

from patience import HANG

from tcwae.cli.main import main
from tcwae.training import lock

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["tcwae.data.prepare", "tcwae.evaluation.evaluate", "tcwae.study.select", "tcwae.evaluation.score", "torch._dynamo"]
)  # Adam imports the last

TRAIN = {
    "wae_mmd": "--lambda 10",
    "tcwae_mws": "--beta 4 --gamma 2",
    "tcwae_gan": "--beta 4 --gamma 2",
    "beta_tcvae": "--beta 4",
    "factor_vae": "--gamma 5",
}


def train_command(method, data, output, iterations, *more):
    words = f"train --dataset dsprites --method {method} {TRAIN[method]} --batch-size 4 --log-every 3"
    return [*words.split(), "--iterations", iterations, "--data", data, "--output", output, *more]


def start(arguments, log, **conditions):
    """Start a `tcwae` command; its output goes to `log`. `conditions` are those of `_run`."""
    process = CONTEXT.Process(target=_run, args=([str(word) for word in arguments], str(log)), kwargs=conditions)
    process.start()
    return process


def finish(arguments, log, **conditions):
    """Run a `tcwae` command to its end: its status and its output."""
    process = start(arguments, log, **conditions)
    process.join(HANG)
    if process.exitcode is None:
        process.kill()
    return process.exitcode, log.read_text()


def _run(arguments, log, largest_file=None, user=None, killed_at_rename=None, patience=lock.PATIENCE):
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # the commit in the files that are compared is none, as _same_versions_throughout has it for this process; the server that
    # forks may be older than that, and git tells another user than the owner nothing
    os.environ["GIT_DIR"] = "/nonexistent"
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if user is not None:
        os.setuid(user)
    lock.PATIENCE = patience
    if killed_at_rename is not None:
        _die_at_rename(*killed_at_rename)
    sys.exit(main(arguments))


def _die_at_rename(number, after):
    """SIGKILL just before or just after the rename of that number, from 0."""
    rename, count = os.replace, iter(range(10**9))

    def replace(*paths):
        last = next(count) == number
        if last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*paths)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace
