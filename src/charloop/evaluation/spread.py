"""What the same training gives with other seeds: the mean, and its confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from charloop.evaluation.score import LEVEL
from charloop.evaluation.t_distribution import find_p_value, find_reach


@dataclass(frozen=True)
class Spread:
    """A figure of several runs that differ in nothing but their seed: a loss, or the difference of two losses.

    For two networks, the difference is computed seed by seed: what a seed decides for both (the initial embedding and
    readout, the dropout masks) mostly cancels out.

    Assumptions: seeds are independent, and the figure is about normally distributed over them. The interval and
    the p-value describe training again with other seeds, on the same text and scored on the same text. They say
    nothing about other texts; `paired_difference` does. Student 1908; no variance is pooled between networks.
    """

    mean: float
    count: int
    """Number of seeds."""
    deviation: float | None
    """The sample standard deviation; None for one seed."""

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value; NaN if any value is not finite."""
        if not all(map(math.isfinite, values)):
            return cls(math.nan, len(values), None)
        return cls(mean(values), len(values), stdev(values) if len(values) > 1 else None)

    @property
    def interval(self) -> tuple[float, float] | None:
        """A 95 % confidence interval for the mean over all seeds; None for one seed."""
        if self.deviation is None:
            return None
        reach = find_reach(LEVEL, self.count - 1) * self.deviation / math.sqrt(self.count)
        return self.mean - reach, self.mean + reach

    @property
    def p_value(self) -> float | None:
        """Probability of a mean at least this far from 0 if it were 0 over all seeds; None for one seed."""
        if self.deviation is None:
            return None
        error = self.deviation / math.sqrt(self.count)
        return find_p_value(self.mean, error, self.count - 1)
