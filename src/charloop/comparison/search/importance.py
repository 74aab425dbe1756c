"""How much each setting matters: the share of the differences between trials that it explains by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from charloop.comparison.search.space import Point

BINS = 3
"""Numbers with more values than this are divided into this many bins of about equal size."""
FEW_TRIALS = 10


def rate_importance(
    names: Sequence[str], points: Sequence[Point], losses: Sequence[float]
) -> Mapping[str, float | None]:
    """Return for each setting the share of the variance of the losses' ranks between its bins, 0 to 1.

    A one-way analysis of variance, corrected for what chance explains (epsilon squared; Kelley 1935): a setting
    without any effect has about 0. It sees no effect that two settings have only together. None where there are too
    few trials, or the setting had one value. An infinite loss, of a trial that failed, ranks last.
    """
    ranks = rank(np.array(losses))
    return {name: explained_share(ranks, bin_values([point[name] for point in points])) for name in names}


def explained_share(ranks: Float[np.ndarray, " trials"], bins: Int[np.ndarray, " trials"]) -> float | None:
    """Return epsilon squared: the variance between bins beyond that of chance, as a share of all variance."""
    trials, groups = len(ranks), len(set(bins.tolist()))
    if groups < 2 or trials <= groups:
        return None
    total = float(((ranks - ranks.mean()) ** 2).sum())
    if not total:
        return 0.0
    within = sum(float(((own - own.mean()) ** 2).sum()) for own in (ranks[bins == one] for one in set(bins)))
    return max(0.0, 1 - (within / (trials - groups)) / (total / (trials - 1)))


def bin_values(values: Sequence[Any]) -> Int[np.ndarray, " trials"]:
    """Return the bin of each value, counted from 0: few values and names are bins themselves."""
    names = sorted({repr(value) for value in values})
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not is_number or len(names) <= BINS:
        return np.array([names.index(repr(value)) for value in values], int)
    numbers = np.array(values, float)
    edges = np.quantile(numbers, np.arange(1, BINS) / BINS)
    return np.searchsorted(edges, numbers, side="left")


def rank(values: Float[np.ndarray, " trials"]) -> Float[np.ndarray, " trials"]:
    """Return the rank of each value; equal values share the mean of theirs."""
    below = (values[:, None] > values).sum(axis=1)
    equal = (values[:, None] == values).sum(axis=1)
    ranks: Float[np.ndarray, " trials"] = below + (equal + 1) / 2
    return ranks
