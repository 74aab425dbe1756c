"""Two networks on the same characters: the difference of their losses, and whether it may be chance."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from charloop.evaluation.score import LEVEL, block_count, block_starts
from charloop.evaluation.t_distribution import find_p_value, find_reach


@dataclass(frozen=True)
class Difference:
    """One mean loss minus another, over the same characters: nats per character, negative if the first is better."""

    nats: float
    low: float
    high: float
    """`low` to `high` is the 95 % confidence interval for more text of the same kind."""
    p_value: float
    """Probability of a difference at least this large, of either sign, if there were none: 0 to 1."""
    blocks: int

    @property
    def bits(self) -> tuple[float, float, float]:
        """Difference, low and high in bits per character."""
        return self.nats / math.log(2), self.low / math.log(2), self.high / math.log(2)


def paired_difference(
    first: Float[np.ndarray, " targets"], second: Float[np.ndarray, " targets"]
) -> Difference | None:
    """Return the difference of two networks' losses, given for each character, with a paired t test.

    The test is Student's for pairs (Student 1908, The probable error of a mean, Biometrika 6). A pair is one
    contiguous block of the text, because single characters are not independent (Schmeiser 1982); the blocks are
    those of a loss's confidence interval (see `block_count`). Passages that are hard for both networks cancel out,
    so the test separates networks whose own intervals overlap. Deviation from `scipy.stats.ttest_rel`: the
    difference is the mean over characters, not over blocks, whose lengths differ by at most one character.

    Returns None for fewer than 640 characters, too few for ten blocks, and if a loss is not finite.
    """
    blocks = block_count(len(first))
    if not blocks or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    each = first.astype(np.float64) - second
    starts = block_starts(blocks, len(each))
    means = np.add.reduceat(each, starts[:-1]) / np.diff(starts)
    error = float(means.std(ddof=1)) / math.sqrt(blocks)
    nats, reach = float(each.mean()), find_reach(LEVEL, blocks - 1) * error
    return Difference(nats, nats - reach, nats + reach, find_p_value(nats, error, blocks - 1), blocks)
