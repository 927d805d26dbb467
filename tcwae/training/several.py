"""Several trainings in one process, advanced in turns.

On a GPU each run has a stream, so that the device works on all of them while the host only launches; they share one copy of the
images. On a CPU they take turns. Runs do not affect each other: each gives the same numbers as alone, and fails alone.
"""

import contextlib
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tcwae.config.run import Run
from tcwae.errors import InputError, one_line
from tcwae.log import complain, say
from tcwae.training.lock import HeldError
from tcwae.training.progress import Diverged
from tcwae.training.signals import Interrupted
from tcwae.training.step import Unrecordable

__all__ = ["Crowd", "OutOfMemory", "Outcome", "Task", "together"]

WINDOW = 20.0
"""Seconds over which the throughput of a number of runs is measured."""
WORTH = 1.05
"""The least speed-up of the device that makes doubling the number of runs worthwhile."""
SPARE = 1.25
"""Free memory that another run needs, relative to the largest run so far."""


class OutOfMemory(Interrupted):
    """The device has no memory left for this run; its state is saved as far as it can be."""


@dataclass
class Task:
    """A run, its folder, and the state that it shares with the code that advances it.

    `log` is the file that takes what the run prints, None for the process's own output; `cuda_graph` launches a step as one
    operation; `beside` is how many runs share the device now; `steps` how many steps this process has taken. `patience` is
    how long to wait for another process that trains the run, None for the default; `held` says that another process did train
    it, and `before` identifies the model that was there then.
    """

    run: Run
    output: Path
    log: Path | None = None
    cuda_graph: bool = False
    beside: int = 1
    steps: int = 0
    patience: float | None = None
    held: bool = False
    before: tuple[int, int] | None = None


Training = Generator[None, None, Diverged | None]
Outcome = Diverged | Exception | None
"""How a task ended: None for a finished training."""


class Crowd:
    """The number of concurrent runs: fixed, or as many as memory and throughput allow.

    On a CPU it is one, because turns make nothing faster. On a GPU it is doubled as long as the memory suffices and the last
    doubling made the device at least `WORTH` times as fast, measured over `WINDOW` seconds.
    """

    def __init__(self, device: str, fixed: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.device, self.clock = device, clock
        self.limit = fixed or 1
        self.growing = fixed is None and device.startswith("cuda")
        self.speeds: list[float] = []
        self.begun, self.images = clock(), 0
        self.full, self.empty = None, self._free()
        self.largest = 0

    def _free(self) -> int:
        """Bytes that another run can have: free on the device, or kept by torch and unused."""
        if not self.device.startswith("cuda"):
            return 0
        kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return torch.cuda.mem_get_info(self.device)[0] + kept

    def admits(self, running: int) -> bool:
        """Whether another run may start beside `running` others."""
        if running == 0:
            return True
        if running >= self.limit or (self.full is not None and running >= self.full):
            return False
        if not self.growing:
            return True
        free = self._free()
        self.largest = max(self.largest, (self.empty - free) // running)
        return free > SPARE * self.largest

    def advanced(self, images: int, running: int) -> None:
        """Count the images of a step, and decide after a window whether more runs at a time are worth it."""
        if not self.growing:
            return
        if running < self.limit:  # fewer runs than the limit: nothing to learn
            self.begun, self.images = self.clock(), 0
            return
        self.images += images
        seconds = self.clock() - self.begun
        if seconds < WINDOW:
            return
        self.speeds.append(self.images / seconds)
        say(f"{running} at a time: {self.speeds[-1]:,.0f} images/s")
        if len(self.speeds) > 1 and self.speeds[-1] < WORTH * self.speeds[-2]:
            self.growing = False
        else:
            self.limit *= 2
        self.begun, self.images = self.clock(), 0

    def out_of_memory(self, running: int) -> None:
        """From now on no more than the `running` runs that are left."""
        self.full, self.growing = max(1, running), False


@dataclass
class _Lane:
    """A training in progress, with its stream and log."""

    index: int
    task: Task
    training: Training
    stream: Any = None
    log: Any = None
    taken: int = 0
    context: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @contextlib.contextmanager
    def here(self) -> Iterator[None]:
        """What the run prints goes into its log, and what it computes onto its stream."""
        with contextlib.ExitStack() as stack:
            if self.log is not None:
                stack.enter_context(contextlib.redirect_stdout(self.log))
                stack.enter_context(contextlib.redirect_stderr(self.log))
            if self.stream is not None:
                stack.enter_context(torch.cuda.stream(self.stream))
            yield


def together(
    tasks: Sequence[Task], start: Callable[[Task], Training], device: str, asked: list[str], at_a_time: int | None
) -> list[Outcome]:
    """Advance the trainings that `start` begins, at most `at_a_time` at once (None: by `Crowd`), until all have ended.

    A task whose run another process trains is retried when the others have ended. If the device lacks memory for a task, it
    is retried with fewer at a time; if its step cannot be recorded as a graph, without the graph, unless it is the only task.
    Returns how each ended, in the order of the tasks. Once `asked` holds a reason, no task begins.
    """
    outcomes: list[Outcome] = [None] * len(tasks)
    waiting, held, lanes = deque(range(len(tasks))), deque(), []
    crowd, streams, alone = Crowd(device, at_a_time), [], len(tasks) == 1
    while (waiting or held or lanes) and not (asked and not lanes):
        if held and not waiting and not lanes:
            waiting.append(held.popleft())
        while waiting and not asked and crowd.admits(len(lanes)):
            index = waiting.popleft()
            tasks[index].patience = None if alone or tasks[index].held else 0.0
            try:
                lanes.append(_open(index, tasks[index], start, device, streams))
            except OSError as error:
                outcomes[index] = error
        for lane in list(lanes):
            lane.task.beside = len(lanes)
            ended, outcome = _advance(lane)
            crowd.advanced((lane.task.steps - lane.taken) * lane.task.run.training.batch_size, len(lanes))
            lane.taken = lane.task.steps
            if not ended:
                continue
            lanes.remove(lane)
            _close(lane, streams)
            if isinstance(outcome, OutOfMemory):
                crowd.out_of_memory(len(lanes))
            if isinstance(outcome, Exception) and not alone and not asked and _again(lane.task, outcome, len(lanes)):
                (held if lane.task.held else waiting).append(lane.index)
            else:
                outcomes[lane.index] = outcome
    for index in [*waiting, *held]:
        outcomes[index] = Interrupted(f"{asked[0]}: not begun, the same command continues")
    return outcomes


def _again(task: Task, error: Exception, others: int) -> bool:
    """Whether to retry a task that failed with `error`; changes the task accordingly."""
    if isinstance(error, HeldError) and task.patience == 0:
        task.held = True
        return True
    if isinstance(error, Unrecordable) and task.cuda_graph:
        task.cuda_graph = False
        return True
    return isinstance(error, OutOfMemory) and others > 0


def _open(index: int, task: Task, start: Callable[[Task], Training], device: str, streams: list[Any]) -> _Lane:
    lane = _Lane(index, task, start(task))
    if task.log is not None:
        task.log.parent.mkdir(parents=True, exist_ok=True)
        lane.log = task.log.open("a", encoding="utf-8", buffering=1)
    if device.startswith("cuda"):
        lane.stream = streams.pop() if streams else torch.cuda.Stream(device)
        lane.stream.wait_stream(torch.cuda.default_stream(device))
    return lane


def _close(lane: _Lane, streams: list[Any]) -> None:
    """Release what the run has on the device; its stream, for which torch keeps separate memory, is reused by the next run."""
    lane.training.close()
    del lane.training
    if lane.log is not None:
        lane.log.close()
    if lane.stream is not None:
        streams.append(lane.stream)
        with contextlib.suppress(RuntimeError):  # a GPU that has failed
            torch.cuda.empty_cache()


def _advance(lane: _Lane) -> tuple[bool, Outcome]:
    """One step. Returns whether the training has ended, and how."""
    with lane.here():
        try:
            next(lane.training)
        except StopIteration as end:
            return True, end.value
        except (InputError, Interrupted, OSError) as error:
            _say_why(lane, one_line(error))
            return True, _without_tensors(error)
        except torch.OutOfMemoryError:  # before the first step
            error = OutOfMemory("the device has no memory left to begin: free some, then run the same command again")
            _say_why(lane, str(error))
            return True, _without_tensors(error)
        except Exception as error:  # a defect or a failed GPU ends only this run
            if lane.stream is not None and "CUDA error" in str(error):
                error = _lost(error)
                _say_why(lane, str(error))
            elif lane.log is not None:
                with contextlib.suppress(OSError):
                    traceback.print_exc()
            return True, _without_tensors(error)
    return False, None


def _without_tensors(error: Exception) -> Exception:
    """The error, whose traceback no longer holds what the run had on the device."""
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__context__
    return error


def _say_why(lane: _Lane, why: str) -> None:
    if lane.log is not None:
        complain(" ".join(why.split()))


def _lost(error: Exception) -> Interrupted:
    """A GPU that has failed, or fallen off the bus (NVIDIA's XID errors): nothing on it can be read any more."""
    first = str(error).splitlines()[0]
    return Interrupted(f"the GPU failed ({first}): the same command resumes from the last saved state")
