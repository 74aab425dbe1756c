"""Several runs that differ in their seed alone, as one curve with a band."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from charloop.figures.curves import Band, Curves, Line


def over_seeds(name: str, runs: Sequence[Curves]) -> Curves:
    """The mean curves of runs, and from the lowest to the highest of their validation losses.

    Where the runs were not looked at after the same number of steps, as with a budget of minutes, losses between two
    evaluations are taken from the straight line between them. Curves end where the first of them does.
    """
    validation = [run.validation for run in runs]
    x, losses = together(validation)
    band = Band(x, losses.min(axis=0), losses.max(axis=0)) if len(x) else None
    training_x, training = together([run.training for run in runs])
    return Curves(
        name,
        Line(training_x, training.mean(axis=0)),
        Line(x, losses.mean(axis=0)),
        runs[0].baselines,
        band,
    )


def together(lines: Sequence[Line]) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "lines points"]]:
    """The places of all lines, in the part of the axis where each of them is, and each line's values there."""
    if not all(len(line.x) for line in lines):
        return np.zeros(0), np.zeros((len(lines), 0))
    first, last = max(line.x[0] for line in lines), min(line.x[-1] for line in lines)
    places = np.unique(np.concatenate([line.x for line in lines]))
    x = places[(places >= first) & (places <= last)]
    return x, np.stack([np.interp(x, line.x, line.y) for line in lines])
