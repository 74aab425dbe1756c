"""Successive halving: all trials get a part of the budget, the best third of them three times as much, and so on.

Jamieson and Talwalkar 2016, Non-stochastic best arm identification and hyperparameter optimization. Li et al. 2018
(Hyperband) repeat it with other first parts; here there is one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FACTOR = 3
"""The best 1/FACTOR of the trials go on, with FACTOR times as much of the budget."""
MOST_HALVINGS = 2
"""The first part is 1/9 of the budget: earlier, before the learning rate has begun to fall, losses tell little."""


class Rung(NamedTuple):
    """A part of the budget, and how many trials get it."""

    share: float
    trials: int


def plan_rungs(trials: int, *, halving: bool) -> list[Rung]:
    """Return the parts of the budget, the last of which is all of it: each third as many trials, and at least one."""
    halvings = min(MOST_HALVINGS, int(math.log(trials, FACTOR) + 1e-9)) if halving else 0
    return [Rung(1 / FACTOR ** (halvings - i), trials // FACTOR**i) for i in range(halvings + 1)]


def find_best(losses: Mapping[int, float | None], count: int) -> Sequence[int]:
    """Return the `count` trials with the lowest losses, in their order; None: a trial that failed, which is left out.

    Of equal losses, the earlier trial counts as better.
    """
    known = {number: loss for number, loss in losses.items() if loss is not None}
    return sorted(sorted(known, key=lambda number: (known[number], number))[:count])
