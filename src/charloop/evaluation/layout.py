"""How a text is cut into lanes that are scored side by side."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer

WARM_UP = 256
"""Characters that a lane reads before the first one it scores, so that it does not begin with an empty memory."""
MAX_LANES = 64


@dataclass(frozen=True)
class Layout:
    """`targets` cut into `lanes` lanes of `length` each, of which the first `read` count; the last may be shorter."""

    targets: int
    lanes: int
    length: int
    read: int

    @classmethod
    def of(cls, targets: int, limit: int | None = None) -> "Layout":
        """The most lanes, a power of two, that each read at least four times as much as their warm-up."""
        wanted = targets if limit is None else min(limit, targets)
        affordable = max(1, min(MAX_LANES, wanted // (4 * WARM_UP)))
        lanes = 2 ** (affordable.bit_length() - 1)
        return cls(targets, lanes, -(-targets // lanes), -(-wanted // lanes))

    @property
    def scored(self) -> int:
        """Targets that count."""
        starts = range(0, self.targets, self.length)
        return sum(min(self.read, self.targets - start) for start in starts)

    def ranks(
        self, start: int, size: int
    ) -> tuple[Integer[np.ndarray, "time batch"], Bool[np.ndarray, "time batch"]]:
        """From place `start` of each lane on: the how manieth of all that count each target is, and which count."""
        within, lane = np.arange(start, start + size)[:, None], np.arange(self.lanes)[None, :]
        counts = (within >= 0) & (within < self.read) & (within + self.length * lane < self.targets)
        return within + self.read * lane, counts

    def cut(
        self, tokens: Integer[np.ndarray, " length"], start: int, size: int
    ) -> tuple[Int[np.ndarray, "time batch"], Int[np.ndarray, "time batch"], Bool[np.ndarray, "time batch"]]:
        """Inputs, targets and which targets count, from place `start` of each lane on."""
        place = np.arange(start, start + size)[:, None] + self.length * np.arange(self.lanes)[None, :]
        safe = np.clip(place, 0, self.targets - 1)
        inputs, targets = np.asarray(tokens[safe], np.int32), np.asarray(tokens[safe + 1], np.int32)
        return inputs, targets, self.ranks(start, size)[1]
