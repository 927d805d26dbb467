"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level"]

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line: a problem stops a study or a part of it, and its text ends with the remedy."""

    level: Level
    topic: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.topic}: {' '.join(self.text.split())}"
