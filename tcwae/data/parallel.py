"""Map a function over tasks with several processes; results come in the order of the tasks."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import TypeVar

from tqdm import tqdm

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
    cores that this process may use; with 1, everything happens in this process. Workers are spawned: they import the module
    of `function`, so a script that calls this needs `if __name__ == "__main__":`. They end when this process ends, even if
    it is killed.

    Raises:
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
                    waiting.append(pool.submit(function, task))
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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
