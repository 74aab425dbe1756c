"""Losses added up as they come, a piece of each lane at a time."""

import math

import numpy as np
from jaxtyping import Float, Integer

from charloop.evaluation.score import Score, block_count, interval_of


class Tally:
    """Sums over `targets` characters: of all, of each block, and each for itself if `per_character`.

    Memory does not grow with the text, unless each character is kept: 4 bytes then.
    """

    def __init__(self, targets: int, *, per_character: bool) -> None:
        self.targets, self.blocks = targets, block_count(targets)
        # Without an interval there is still one sum.
        self._sums = np.zeros(max(1, self.blocks))
        self._each = np.zeros(targets, np.float32) if per_character else None

    def add(self, places: Integer[np.ndarray, " some"], nats: Float[np.ndarray, " some"]) -> None:
        """Take in the losses of the characters at `places`, 0 to targets - 1, none of them twice in all."""
        block = places * len(self._sums) // self.targets
        self._sums += np.bincount(block, weights=nats, minlength=len(self._sums))
        if self._each is not None:
            self._each[places] = nats

    def score(self) -> Score:
        """What it came to."""
        total = float(self._sums.sum())
        interval = None
        if self.blocks and math.isfinite(total):
            # Block b holds the places from ceil(b targets / blocks) on.
            starts = -(-np.arange(self.blocks + 1) * self.targets // self.blocks)
            means = [float(mean) for mean in self._sums / np.diff(starts)]
            interval = interval_of(means, total / self.targets, self.targets // self.blocks)
        return Score(total, self.targets, interval, self._each)
