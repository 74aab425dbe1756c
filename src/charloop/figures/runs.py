"""Loss curves read from runs: of one run, or the mean of several that differ only in their seed."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from charloop.baselines import BASELINES_FILE, read_baselines
from charloop.checkpoint import RunFolder
from charloop.errors import CharloopError
from charloop.figures.curves import Against, Band, Curves, Line, thin_line
from charloop.training.metrics import History

SMOOTHED_SHARE = 50
"""By default the training loss is a mean over this part of a run."""
MAX_POINTS = 2000
"""Points of a line: a reader cannot distinguish more, and a vector file contains each of them."""


def read_curves(folder: RunFolder, name: str, against: Against, smooth: int = 0) -> Curves:
    """Return a run's curves; each training loss is the mean of `smooth` steps around it (0: a fiftieth of them).

    Raises CharloopError if the run recorded nothing, and for `against="minutes"` if the run was never evaluated,
    because only evaluations record the time.
    """
    history = History.of(folder)
    if against == "minutes" and not len(history.evaluated):
        raise CharloopError(
            f"{folder.path} has no evaluation, and only evaluations record the time",
            do="draw it against steps",
        )
    width = min(smooth or max(1, len(history.losses) // SMOOTHED_SHARE), max(1, len(history.losses)))
    training = place_losses(history, history.steps, moving_mean(history.losses, width), against)
    validation = place_losses(history, history.evaluated, history.validation, against)
    baselines = read_baselines(folder.path / BASELINES_FILE)
    return Curves(name, thin_line(training, MAX_POINTS), thin_line(validation, MAX_POINTS), baselines)


def place_losses(
    history: History, steps: Int[np.ndarray, " some"], losses: Float[np.ndarray, " some"], against: Against
) -> Line:
    """Return losses over steps, characters trained on, or minutes; without those whose time is unknown."""
    x = steps.astype(float)
    if against == "characters":
        x = x * float(history.chunk)
    if against == "minutes":
        x = history.minutes(steps)
    known = np.isfinite(x)
    return Line(x[known], losses[known])


def moving_mean(values: Float[np.ndarray, " some"], width: int) -> Float[np.ndarray, " some"]:
    """Return the mean of the `width` values around each (if `width` is even, one more after it than before).

    Near the ends it is the mean of the values that exist.
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    positions = np.arange(len(values))
    first = np.maximum(positions - (width - 1) // 2, 0)
    last = np.minimum(positions + width // 2 + 1, len(values))
    means: Float[np.ndarray, " some"] = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    return means


def average_runs(name: str, runs: Sequence[Curves]) -> Curves:
    """Return the mean curves of runs, with a band from the lowest to the highest of their validation losses.

    Where the runs were evaluated after different numbers of steps, as with a budget in minutes, losses between two
    evaluations are interpolated linearly. The curves end where the first run does.
    """
    x, losses = align_lines([run.validation for run in runs])
    band = Band(x, losses.min(axis=0), losses.max(axis=0)) if len(x) else None
    training_x, training = align_lines([run.training for run in runs])
    means = Line(training_x, training.mean(axis=0)), Line(x, losses.mean(axis=0))
    return Curves(name, *means, runs[0].baselines, band)


def align_lines(
    lines: Sequence[Line],
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "lines points"]]:
    """Return all x of the lines where each line has values, and each line's values there."""
    if not all(len(line.x) for line in lines):
        return np.zeros(0), np.zeros((len(lines), 0))
    first, last = max(line.x[0] for line in lines), min(line.x[-1] for line in lines)
    every = np.unique(np.concatenate([line.x for line in lines]))
    x = every[(every >= first) & (every <= last)]
    return x, np.stack([np.interp(x, line.x, line.y) for line in lines])
