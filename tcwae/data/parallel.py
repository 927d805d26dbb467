"""One function of many tasks on several processes: the results in the order of the tasks, whatever the number."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
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
    function: Callable[[Task], Result], tasks: Sequence[Task], title: str, processes: int | None = None
) -> Iterator[Result]:
    """Yield `function(task)` for each task, in order, with a bar of progress; at most four results a process wait.

    `processes` is by default the number of cores that this process may use; with 1 everything happens here. Other processes
    are spawned and import the module of `function`, which must not be the script that is run: that is not run again in them,
    so it needs no `if __name__ == "__main__":`. They end with this one, however that ends.

    Raises:
        InputError: a process was killed, as for want of memory.
        Exception: what `function` raises, at its place in the order.
    """
    processes = min(processes or _cores(), len(tasks))
    if processes == 1:
        yield from map(function, _bar(tasks, title))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_serve) as pool:
        waiting, ahead = deque(), iter(tasks)
        try:
            for _ in _bar(tasks, title):
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
    """Let processes that are started here not run the user's script, which starts them, again."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _bar(tasks: Sequence[Task], title: str) -> Iterator[Task]:
    """Progress on a terminal."""
    yield from tqdm(tasks, desc=title, disable=None)


def _cores() -> int:
    """How many cores this process may use: on a cluster fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _serve() -> None:
    """Leave Ctrl-C to the process that started this one, and end when that one was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
