"""The loss curves of a run: from what it wrote down to points on paper."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float, Int

from charloop.baselines import BASELINES_FILE, Baselines, read_baselines
from charloop.checkpoint import RunFolder
from charloop.errors import CharloopError
from charloop.training.metrics import History

Axis: TypeAlias = Literal["steps", "characters", "minutes"]
AXES: tuple[Axis, ...] = get_args(Axis)
AUTOMATIC = 50
"""A mean is over this part of a run where nobody says over how many steps."""
MOST_POINTS = 2000
"""Points of a line: more cannot be told apart on paper, and a vector file holds each of them."""


@dataclass(frozen=True)
class Line:
    """Losses in nats per character over what is on the x axis."""

    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Band:
    """The lowest and the highest of several losses at the same places of the x axis."""

    x: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Curves:
    """A run in a figure."""

    name: str
    training: Line
    validation: Line
    baselines: Baselines | None
    """The baselines of its validation text, if they were measured."""
    band: Band | None = None
    """Of several runs: how far they lie apart around the validation losses, which are means."""


def curves_of(folder: RunFolder, name: str, against: Axis, smooth: int = 0) -> Curves:
    """The curves of a run; the training loss is the mean over `smooth` steps around each (0: a fiftieth of them).

    Raises CharloopError if nothing was written down of it, or for minutes of a run that was never evaluated, since
    only evaluations have their time.
    """
    history = History.of(folder)
    if against == "minutes" and not len(history.evaluated):
        raise CharloopError(
            f"{folder.path} has no evaluation, and only these have their time", do="draw it against steps"
        )
    width = min(smooth or max(1, len(history.losses) // AUTOMATIC), max(1, len(history.losses)))
    training = thinned(placed(history, history.steps, moving_mean(history.losses, width), against))
    validation = thinned(placed(history, history.evaluated, history.validation, against))
    return Curves(name, training, validation, read_baselines(folder.path / BASELINES_FILE))


def placed(
    history: History, steps: Int[np.ndarray, " some"], losses: Float[np.ndarray, " some"], against: Axis
) -> Line:
    """Losses over steps, characters trained on, or minutes where these are known."""
    x = steps.astype(float)
    if against == "characters":
        x = x * float(history.chunk)
    if against == "minutes":
        x = history.minutes(steps)
    known = np.isfinite(x)
    return Line(x[known], losses[known])


def moving_mean(values: Float[np.ndarray, " some"], width: int) -> Float[np.ndarray, " some"]:
    """The mean of the `width` values around each (one fewer before it than behind where that is even).

    At the ends it is the mean of those that there are, so that nothing is invented there.
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first = np.maximum(places - (width - 1) // 2, 0)
    last = np.minimum(places + width // 2 + 1, len(values))
    means: Float[np.ndarray, " some"] = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    return means


def thinned(line: Line, most: int = MOST_POINTS) -> Line:
    """At most so many of its points, evenly chosen, both ends among them."""
    if len(line.x) <= most:
        return line
    chosen = np.linspace(0, len(line.x) - 1, most).round().astype(int)
    return Line(line.x[chosen], line.y[chosen])
