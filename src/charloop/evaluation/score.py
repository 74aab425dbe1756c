"""What came out of scoring a text: the loss, its confidence interval, and how it ranks among the baselines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

import numpy as np
from jaxtyping import Float, Float32, Integer

from charloop.baselines import Baselines, Rank
from charloop.evaluation.t_distribution import find_reach

LEVEL = 0.95
LARGEST_EXPONENT = 700
"""Beyond it, e to this power is no float."""
MAX_BLOCKS, MIN_BLOCKS, MIN_BLOCK_LENGTH = 30, 10, 64


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval for the loss on more text of the same kind, in nats per character."""

    low: float
    high: float
    blocks: int
    block_length: int
    """Characters of a block; some have one more."""

    @property
    def confidence(self) -> float:
        """0.95."""
        return LEVEL

    @property
    def bits(self) -> tuple[float, float]:
        """The same in bits per character."""
        return self.low / math.log(2), self.high / math.log(2)


@dataclass(frozen=True)
class Score:
    """A total over `characters` predicted characters."""

    nats: float
    characters: int
    interval: Interval | None = None
    """None for a text of under 640 characters to predict: too few for ten blocks."""
    per_character: Float32[np.ndarray, " targets"] | None = field(default=None, compare=False, repr=False)
    """Nats of each character except the first, if requested."""
    baselines: Baselines | None = None
    """The losses of simpler predictors on this text, if requested."""

    characters_per_word: float | None = None
    """The text's, with the space after each word; None if it has no words or they were not counted."""

    @property
    def loss(self) -> float:
        """Nats per character."""
        return self.nats / self.characters

    @property
    def bits_per_character(self) -> float:
        """The same in bits: what a perfect compressor built on the model would need."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """Number of equally likely characters that would be as hard to guess; infinite if a float cannot hold it."""
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf

    @property
    def perplexity_per_word(self) -> float | None:
        """Number of equally likely words that would be as hard to guess; None where there are no words."""
        nats = self.loss * self.characters_per_word if self.characters_per_word else math.inf
        return math.exp(nats) if nats < LARGEST_EXPONENT else None

    @property
    def rank(self) -> Rank | None:
        """How the loss ranks among `baselines`."""
        return self.baselines.rank(self.loss) if self.baselines else None


def block_count(characters: int) -> int:
    """Return the number of blocks for a text's interval: 30, or fewer so that each has at least 64 characters.

    It is 0 for a text too short for 10 blocks.

    Losses of neighbouring characters are correlated (a name, a verse, a scene), so characters are not independent,
    but long blocks of them nearly are. The number of blocks is fixed, not their length: whatever the distance over
    which losses are correlated, blocks outgrow it in long texts. 10 to 30 are enough: more would narrow the interval
    by at most a twentieth (Schmeiser 1982, Batch size effects in the analysis of simulation output).
    """
    blocks = min(MAX_BLOCKS, characters // MIN_BLOCK_LENGTH)
    return blocks if blocks >= MIN_BLOCKS else 0


def interval_of(means: Sequence[float], loss: float, block_length: int) -> Interval:
    """Return `loss` plus and minus t standard errors, from the mean losses of contiguous blocks of equal length.

    t follows Student's distribution with one degree of freedom less than the number of blocks (at least 2).
    """
    middle = mean(means)
    reach = find_reach(LEVEL, len(means) - 1) * stdev(means, middle) / math.sqrt(len(means))
    return Interval(max(0.0, loss - reach), loss + reach, len(means), block_length)


class RunningSums:
    """Sums of the losses of `targets` characters, over each block; with `per_character`, also each loss.

    Memory use does not grow with the text, unless each loss is kept, which takes 4 bytes.
    """

    def __init__(self, targets: int, *, per_character: bool) -> None:
        self.targets, self.blocks = targets, block_count(targets)
        # A text that is too short for an interval still needs one sum.
        self._sums = np.zeros(max(1, self.blocks))
        self._each = np.zeros(targets, np.float32) if per_character else None

    def add(self, indices: Integer[np.ndarray, " some"], nats: Float[np.ndarray, " some"]) -> None:
        """Add the losses of the characters at `indices`, 0 to targets - 1; each index is added once in all."""
        block = indices * len(self._sums) // self.targets
        self._sums += np.bincount(block, weights=nats, minlength=len(self._sums))
        if self._each is not None:
            self._each[indices] = nats

    def score(self) -> Score:
        """Return the score of all characters."""
        total = float(self._sums.sum())
        interval = None
        if self.blocks and math.isfinite(total):
            means = [float(mean) for mean in self._sums / np.diff(block_starts(self.blocks, self.targets))]
            interval = interval_of(means, total / self.targets, self.targets // self.blocks)
        return Score(total, self.targets, interval, self._each)


def block_starts(blocks: int, targets: int) -> Integer[np.ndarray, " edges"]:
    """Return the index of each block's first character, as `RunningSums` assigns them, and then `targets`."""
    return -(-np.arange(blocks + 1) * targets // blocks)
