"""Map a function over tasks with several processes; results come in the order of the tasks."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import ModuleType
from typing import TypeVar

from tqdm import tqdm

from tcwae.errors import InputError

__all__ = ["in_order"]

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Task], Result],
    tasks: Sequence[Task] | Iterable[Task],
    title: str,
    processes: int | None = None,
    count: int | None = None,
) -> Iterator[Result]:
    """Yield `function(task)` for each task, in order, with a progress bar; at most four tasks per process are under way.

    Tasks may be read from a file as they are needed: then `count` is their number. `processes` is by default the number of
    cores that this process may use; with 1, everything happens in this process. Workers are spawned and import the module
    of `function`, which must not be the user's script: they do not run the script again, so it needs no
    `if __name__ == "__main__":`. They end when this process ends, even if it is killed.

    Raises:
        InputError: a worker was killed, for example for want of memory.
        Exception: whatever `function` raises, when its task's turn comes.
    """
    count = len(tasks) if count is None else count
    processes = min(processes or _cores(), count)
    if processes == 1:
        yield from map(function, tqdm(tasks, title, count, disable=None))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_serve) as pool:
        waiting, ahead = deque(), iter(tasks)
        try:
            for _ in tqdm(range(count), title, disable=None):
                while len(waiting) < 4 * processes and (task := next(ahead, None)) is not None:
                    with _without_script():
                        waiting.append(pool.submit(function, task))
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise InputError(
                f"{title}: one of {processes} processes was killed, perhaps for want of memory: use fewer (--processes)"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _without_script() -> Iterator[None]:
    """Keep the processes that are started here from running the user's script, which starts them, again."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _cores() -> int:
    """The number of cores that this process may use; a cluster's job gets fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _serve() -> None:
    """Ignore Ctrl-C, which the parent handles, and exit when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
