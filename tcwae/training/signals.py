"""How a training is asked to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "requests"]


class Interrupted(Exception):  # noqa: N818
    """The training was stopped and nothing is lost: the same command resumes it."""


@contextmanager
def requests() -> Iterator[list[str]]:
    """A list to which SIGINT, SIGTERM and SIGUSR1 add their names, so that the step that runs can end first."""
    received: list[str] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(signal.Signals(number).name)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
