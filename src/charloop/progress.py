"""How far work on a text is (reading, sorting, scoring), reported a few times a second."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

PAUSE_SECONDS = 0.1
"""Between two reports of the same work: as often as the eye can follow."""


@dataclass(frozen=True)
class Progress:
    """A report: what is being done to a text, and how many bytes of `total` are `done`."""

    doing: str
    done: int
    total: int
    million: str = "MB"
    """The name of a million of the counted unit, where the unit is not bytes."""


ProgressListener: TypeAlias = Callable[[Progress], None]


class Meter:
    """Counts the bytes that are done, and reports to a listener."""

    def __init__(self, listener: ProgressListener | None = None) -> None:
        self._listener, self._reported = listener, -PAUSE_SECONDS
        self._doing, self._total, self.done, self._million = "", 0, 0, "MB"

    def begin(self, doing: str, total: int, million: str = "MB") -> None:
        """Start counting for work on `total` bytes, or on other units, a million of which are called `million`."""
        self._doing, self._total, self.done, self._million = doing, total, 0, million
        self._reported = time.monotonic()

    def add(self, count: int) -> None:
        """Count `count` more bytes as done."""
        self.done += count
        if self._listener and (now := time.monotonic()) - self._reported >= PAUSE_SECONDS:
            self._reported = now
            self._listener(Progress(self._doing, self.done, max(self._total, self.done), self._million))


class MeteredDigest:
    """A sha256 that also counts its bytes and reports them to a meter."""

    def __init__(self, meter: Meter) -> None:
        self._sha256, self._meter, self.size = hashlib.sha256(), meter, 0

    def update(self, data: bytes, /) -> None:
        """Hash and count a block."""
        self._sha256.update(data)
        self.size += len(data)
        self._meter.add(len(data))

    def hexdigest(self) -> str:
        """Return the hash of all blocks so far."""
        return self._sha256.hexdigest()
