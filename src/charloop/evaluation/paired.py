"""Two networks on the same characters: how far apart their losses are, and whether that may be chance."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from charloop.evaluation.score import LEVEL, block_count, block_starts
from charloop.evaluation.student import chance_beyond, student


@dataclass(frozen=True)
class Difference:
    """One mean loss less another, over the same characters: nats per character, below 0 where the first is better."""

    nats: float
    low: float
    high: float
    """Where it lies for more text of the same kind, with a confidence of 95 %."""
    p_value: float
    """The chance of a difference so far from 0, of either sign, if there were none: 0 to 1."""
    blocks: int

    @property
    def bits(self) -> tuple[float, float, float]:
        """Difference, low and high in bits per character."""
        return self.nats / math.log(2), self.low / math.log(2), self.high / math.log(2)


def paired_difference(
    first: Float[np.ndarray, " targets"], second: Float[np.ndarray, " targets"]
) -> Difference | None:
    """The difference of two networks' losses, character by character, and the paired t test of it.

    The test is Student's for pairs (Student 1908, The probable error of a mean, Biometrika 6), where a pair is one
    contiguous block of the text: the same blocks that the interval of a loss is made of (see `block_count`), since
    characters are no independent draws (Schmeiser 1982). What makes a passage hard for both cancels out, so that
    it tells networks apart whose own intervals overlap. Deviation: the middle is the mean of all characters, not of
    the blocks, which differ by one character in length at the most.

    None for under 640 characters, which are too few for ten blocks, and where a loss is not finite.
    """
    each = first.astype(np.float64) - second
    blocks = block_count(len(each))
    if not blocks or not np.isfinite(each).all():
        return None
    starts = block_starts(blocks, len(each))
    means = np.add.reduceat(each, starts[:-1]) / np.diff(starts)
    error = float(means.std(ddof=1)) / math.sqrt(blocks)
    nats, reach = float(each.mean()), student(LEVEL, blocks - 1) * error
    t = abs(nats) / error if error else math.inf * abs(nats) if nats else 0.0
    return Difference(nats, nats - reach, nats + reach, chance_beyond(t, blocks - 1), blocks)
