"""Averaged weights: a running mean of a run's weights, kept beside them, which may predict better than the last ones.

Of an average, the run learns nothing: the weights are the same with it and without it.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, no_type_check

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from charloop.config import TrainingConfig
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.pytree import register_pytree
from charloop.types import Parameters


# Unchecked at run time, as TrainingState is.
@no_type_check
@register_pytree
@dataclass(frozen=True)
class Average:
    """A mean of the weights after several updates. Checkpoints have these names."""

    weights: Parameters
    count: Int[Array, ""]
    """Number of updates whose weights are in it. 0: it has not begun, and equals the weights."""


def is_averaging(config: TrainingConfig) -> bool:
    """Return whether a run keeps an average."""
    return bool(config.average_decay or config.average_after)


def check_averaging(config: TrainingConfig, *, validated: bool) -> None:
    """Raise CharloopError for two kinds of average, and for one that could never begin."""
    if config.average_decay and config.average_after:
        given = f"--average-decay {config.average_decay:g} and --average-after {config.average_after}"
        raise CharloopError(given, do="give one of them: a run keeps one average")
    if config.average_after and not validated:
        raise CharloopError(
            f"--average-after {config.average_after} without a validation text",
            do="use --average-decay, or a --validation-fraction above 0",
        )
    if 0 < config.patience < config.average_after:
        raise CharloopError(
            f"--average-after {config.average_after} with --patience {config.patience}",
            do="give a larger --patience, or 0: the run would end before it averages",
        )


@jax.jit
def start_average(params: Parameters) -> Average:
    """Return an average that has not begun, in memory of its own: the compiled step donates both."""
    return Average(jax.tree.map(jnp.copy, params), jnp.int32(0))


def begin_average(average: Average) -> Average:
    """Return an average of equal weights that begins with the present ones."""
    return Average(average.weights, jax.device_put(jnp.int32(1), average.count.sharding))


def update_average(config: TrainingConfig, average: Average | None, params: Parameters) -> Average | None:
    """Return the average after an update that gave the weights `params`.

    With `average_decay` D, update n (from 0) keeps the share min(D, (1 + n) / (10 + n)) of the average: early on, it
    forgets the initial weights faster (as TensorFlow's ExponentialMovingAverage does). With `average_after` it is the
    mean of all weights since it began (Polyak and Juditsky 1992), and follows them before.
    """
    if average is None:
        return None
    share, count = new_share(config, average.count)
    return Average(jax.tree.map(lambda old, new: old + share * (new - old), average.weights, params), count)


def new_share(config: TrainingConfig, count: Int[Array, ""]) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """Return the share of the new weights in an average of `count` updates, and its count with them."""
    n = count.astype(jnp.float32)
    if config.average_decay:
        return 1 - jnp.minimum(jnp.float32(config.average_decay), (1 + n) / (10 + n)), count + 1
    return 1 / (n + 1), jnp.where(count > 0, count + 1, 0)


class Evaluation(NamedTuple):
    """The scores of a training state on the validation text."""

    weights: Score
    average: Score | None = None
    """None without an average that has begun."""

    @property
    def is_averaged(self) -> bool:
        """Whether the average is better."""
        return self.average is not None and _order(self.average) < _order(self.weights)

    @property
    def better(self) -> Score:
        """The better of both."""
        return self.average if self.average is not None and self.is_averaged else self.weights


def _order(score: Score) -> float:
    """Return a loss to compare: one that is not finite is the worst."""
    return score.loss if math.isfinite(score.loss) else math.inf
