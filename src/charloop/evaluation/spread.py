"""What the same training gives with other seeds: a mean, and how sure it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from charloop.evaluation.score import LEVEL
from charloop.evaluation.t_distribution import find_p_value, find_reach


@dataclass(frozen=True)
class Spread:
    """A figure of several runs that differ in nothing but their seed: a loss, or the difference of two losses.

    Of two networks the difference is taken seed by seed: what a seed decides for both (the embedding and the readout
    they start from, the characters that are dropped) cancels out, as far as it matters.

    Assumed: seeds are independent draws, and the figure is about normally distributed over them. The interval and
    the chance are for training again, with other seeds, on the same text and judged on the same text. They say
    nothing of other texts: that is what `paired_difference` asks. Student 1908; nothing is pooled between networks.
    """

    mean: float
    count: int
    """How many seeds."""
    deviation: float | None
    """The sample standard deviation; None for one seed."""

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value; what is not finite makes all of it so."""
        if not all(map(math.isfinite, values)):
            return cls(math.nan, len(values), None)
        return cls(mean(values), len(values), stdev(values) if len(values) > 1 else None)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the mean over ever more seeds lies, with a confidence of 95 %; None for one seed."""
        if self.deviation is None:
            return None
        reach = find_reach(LEVEL, self.count - 1) * self.deviation / math.sqrt(self.count)
        return self.mean - reach, self.mean + reach

    @property
    def p_value(self) -> float | None:
        """The chance of a mean so far from 0, of either sign, if it were 0 over all seeds; None for one seed."""
        if self.deviation is None:
            return None
        error = self.deviation / math.sqrt(self.count)
        return find_p_value(self.mean, error, self.count - 1)
