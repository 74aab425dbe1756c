"""What came out of scoring a text: the loss, how sure it is, and what it is worth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

import numpy as np
from jaxtyping import Float, Float32, Integer

from charloop.baselines import Baselines, Rank
from charloop.evaluation.t_distribution import find_reach

LEVEL = 0.95
BLOCKS, FEWEST_BLOCKS, SHORTEST_BLOCK = 30, 10, 64


@dataclass(frozen=True)
class Interval:
    """Where the loss of more text of the same kind lies, with a confidence of 95 %: nats per character."""

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
    """Nats of each character but the first, if they were asked for."""
    baselines: Baselines | None = None
    """What simpler ways come to on this text, if that was asked for."""

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
        """Equally likely characters that would be as hard to guess; infinite beyond what floats hold."""
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf

    @property
    def rank(self) -> Rank | None:
        """Where the loss stands among `baselines`."""
        return self.baselines.rank(self.loss) if self.baselines else None


def block_count(characters: int) -> int:
    """Blocks for the interval of a text: 30, or fewer of 64 characters; 0 where these would be under 10.

    Losses of neighbours hang together (a name, a verse, a scene), so characters are no independent draws, but long
    blocks of them nearly are. The number of blocks is fixed and not their length: whatever the reach of the
    dependence, blocks grow beyond it with the text. 10 to 30 are enough: more would narrow the interval by a
    twentieth at the most (Schmeiser 1982, Batch size effects in the analysis of simulation output).
    """
    blocks = min(BLOCKS, characters // SHORTEST_BLOCK)
    return blocks if blocks >= FEWEST_BLOCKS else 0


def interval_of(means: Sequence[float], loss: float, block_length: int) -> Interval:
    """`loss` plus and minus t standard errors, from the mean losses of contiguous blocks of equal length.

    t is of Student's distribution with one degree of freedom less than there are blocks (at least 2).
    """
    middle = mean(means)
    reach = find_reach(LEVEL, len(means) - 1) * stdev(means, middle) / math.sqrt(len(means))
    return Interval(max(0.0, loss - reach), loss + reach, len(means), block_length)


class RunningSums:
    """Sums over `targets` characters: of all, of each block, and each loss itself if `per_character`.

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
