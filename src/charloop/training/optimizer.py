"""The update rule, and how large its steps are when."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from charloop.config import TrainingConfig
from charloop.errors import CharloopError
from charloop.types import Parameters

RULES = {
    "adam": lambda c: optax.scale_by_adam(c.beta1, c.beta2),
    "adamw": lambda c: optax.chain(
        optax.scale_by_adam(c.beta1, c.beta2),
        optax.add_decayed_weights(c.weight_decay, mask=matrices),
    ),
    "rmsprop": lambda c: optax.scale_by_rms(c.beta2),
    "sgd": lambda c: optax.trace(c.beta1),
}

READ = ("optimizer", "beta1", "beta2", "weight_decay", "clip_norm")
"""Settings that an optimiser is made from."""

Schedule: TypeAlias = Callable[[int], Any]
"""The learning rate of an update, counted from 0: optax's schedules, or any function."""


def make_optimizer(
    config: TrainingConfig, given: optax.GradientTransformation | None = None
) -> optax.GradientTransformationExtraArgs:
    """Clipping by the global norm, then the rule; the step multiplies by the learning rate itself.

    The rate is no part of the optimiser's state, so that to change it loses no moments. `update` takes the
    gradient's `norm` where it is known. A rule that is `given` stands in the place of the configuration's: its
    updates are to be added to the weights, as everywhere in optax, so they are turned round for `apply_updates`.
    """
    if given is not None:
        return chain_with_clip(config, optax.chain(given, optax.scale(-1.0)))
    return _known_optimizer(replace(TrainingConfig(), **{name: getattr(config, name) for name in READ}))


@lru_cache(maxsize=64)
def _known_optimizer(config: TrainingConfig) -> optax.GradientTransformationExtraArgs:
    """The same for the same settings, so that programs made with it are found again."""
    return chain_with_clip(config, RULES[config.optimizer](config))


def chain_with_clip(
    config: TrainingConfig, rule: optax.GradientTransformation
) -> optax.GradientTransformationExtraArgs:
    """Clipping as `config` says, then `rule`."""
    clip = clip_by_norm(config.clip_norm) if config.clip_norm else optax.identity()
    return optax.with_extra_args_support(optax.chain(clip, rule))


def check_objects(optimizer: Any, schedule: Any) -> None:
    """Raises CharloopError for what is no optax optimiser, and no function of a step that gives a learning rate."""
    if optimizer is not None and not isinstance(optimizer, optax.GradientTransformation):
        allowed = "an optax.GradientTransformation, such as optax.adam(1e-3)"
        raise CharloopError(
            "optimizer", got=type(optimizer).__name__, allowed=allowed, do="name ours in the configuration"
        )
    if schedule is not None and not callable(schedule):
        allowed = "a function from a step to its learning rate"
        raise CharloopError(
            "schedule", got=schedule, allowed=allowed, do="a fixed one is learning_rate in the configuration"
        )


def given_rate(schedule: Schedule, step: int) -> float:
    """What `schedule` says of an update, counted from 0. CharloopError if that is no finite number."""
    try:
        rate = float(schedule(step))
    except TypeError as error:
        raise CharloopError(f"the schedule gives no number for step {step}", do=str(error)) from None
    if not math.isfinite(rate):
        raise CharloopError(
            f"the schedule's learning rate for step {step}", got=rate, allowed="finite numbers"
        )
    return rate


def clip_by_norm(longest: float) -> optax.GradientTransformationExtraArgs:
    """`optax.clip_by_global_norm` (Pascanu et al. 2012) for whom the norm is known: to sum up squares again costs."""

    def update(
        gradient: Parameters, state: Any, params: Any = None, *, norm: Array | None = None, **_: Any
    ) -> tuple[Parameters, Any]:
        del params
        length = optax.tree.norm(gradient) if norm is None else norm
        short = length < longest
        return jax.tree.map(lambda g: jnp.where(short, g, g / length * longest), gradient), state

    return optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)


def matrices(params: Parameters) -> dict[str, bool]:
    """Which parameters weight decay pulls on: matrices, never biases or scales."""
    return {name: value.ndim > 1 for name, value in params.items()}


def learning_rate(config: TrainingConfig, *, step: int, epoch: float, progress: float) -> float:
    """The rate of update `step` (from 0), `epoch` passes and a share `progress` in [0, 1] into the run."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return config.learning_rate * warm * decay_factor(config, epoch=epoch, progress=progress)


def decay_factor(config: TrainingConfig, *, epoch: float, progress: float) -> float:
    """The share of the peak rate that is left."""
    # Not optax's schedules: on the host each is a dozen calls into JAX, a third of a small network's step.
    match config.decay:
        case "cosine":
            return (
                config.final_fraction + (1 - config.final_fraction) * (1 + math.cos(math.pi * progress)) / 2
            )
        case "linear":
            return 1 - (1 - config.final_fraction) * progress
        case "step":
            return config.decay_rate ** max(0, int(epoch) - config.decay_after + 1)
        case "constant":
            return 1.0


def apply_updates(params: Parameters, updates: Parameters, rate: Array) -> Parameters:
    """The parameters a step of size `rate` further."""
    return {name: value - rate * updates[name] for name, value in params.items()}
