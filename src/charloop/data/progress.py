"""How far the reading of a text has come, told a few times a second."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

PAUSE = 0.1
"""Seconds between two reports of the same work: as often as the eye follows."""


@dataclass(frozen=True)
class Reading:
    """Work on a text: what is done to it, and bytes of `total` that it is done to already."""

    doing: str
    done: int
    total: int
    million: str = "MB"
    """What a million is called of what is counted, where that is not bytes."""


ReadingListener: TypeAlias = Callable[[Reading], None]


class Meter:
    """Counts bytes, and tells a listener now and then."""

    def __init__(self, listener: ReadingListener | None = None) -> None:
        self._listener, self._told = listener, -PAUSE
        self._doing, self._total, self.done, self._million = "", 0, 0, "MB"

    def begin(self, doing: str, total: int, million: str = "MB") -> None:
        """Some work on `total` bytes, or whatever else a `million` is made of, begins."""
        self._doing, self._total, self.done, self._million = doing, total, 0, million
        self._told = time.monotonic()

    def add(self, count: int) -> None:
        """`count` bytes more are done."""
        self.done += count
        if self._listener and (now := time.monotonic()) - self._told >= PAUSE:
            self._told = now
            self._listener(Reading(self._doing, self.done, max(self._total, self.done), self._million))


class MeteredDigest:
    """A sha256 that a meter is told of: one object for all that happens to the bytes of a piece."""

    def __init__(self, meter: Meter) -> None:
        self._sha256, self._meter, self.size = hashlib.sha256(), meter, 0

    def update(self, data: bytes, /) -> None:
        """Take in a block."""
        self._sha256.update(data)
        self.size += len(data)
        self._meter.add(len(data))

    def hexdigest(self) -> str:
        """The hash of all blocks so far."""
        return self._sha256.hexdigest()
