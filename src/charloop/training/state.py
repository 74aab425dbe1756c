"""What changes while a run trains, and all it needs to continue: a pytree on the devices, a journal on the host."""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, no_type_check

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Int

from charloop.devices import batch_sharding
from charloop.evaluation import Score
from charloop.model import CharLM
from charloop.pytree import register_pytree
from charloop.training.averaging import Average, begin_average
from charloop.training.update_guard import Health, initial_health
from charloop.types import Parameters, RandomKey, State

COMPILE_QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


# Unchecked at run time: JAX builds the same tree of shardings, shapes and whatever else belongs to each array.
@no_type_check
@register_pytree
@dataclass(frozen=True)
class TrainingState:
    """Weights, optimizer state, memory, key and step. Checkpoints have these names.

    The step is the data cursor: the next chunk is `step % chunks_per_epoch` of epoch `step // chunks_per_epoch`.
    """

    params: Parameters
    optimizer: Any
    """optax's state: the moments of the update rule."""
    carry: State
    """The network's memory, carried from chunk to chunk: `[batch, hidden]` leaves."""
    key: RandomKey
    """Constant: step `n` draws from `fold_in(key, n)`."""
    step: Int[Array, ""]
    """Number of chunks so far, including those whose update was skipped."""
    health: Health
    """What the update guard knows."""
    average: Average | None = None
    """Averaged weights, if the run keeps them."""

    def chosen(self, *, averaged: bool) -> Parameters:
        """Return the weights, or the average."""
        return self.average.weights if averaged and self.average else self.params

    def with_average_begun(self) -> "TrainingState":
        """Return the state with an average of equal weights that begins with the present ones."""
        return replace(self, average=begin_average(self.average)) if self.average else self

    @property
    def has_average(self) -> bool:
        """Whether there is an average that has begun."""
        return self.average is not None and int(self.average.count) > 0


def initial_training_state(
    model: CharLM, optimizer: optax.GradientTransformation, batch_size: int, seed: int
) -> TrainingState:
    """Return fresh weights, no moments and empty memory; the same for the same `seed`."""
    # One program, compiled without optimisation because it runs once. Compiling single operations takes longer.
    given = model, optimizer, batch_size
    try:
        if model.has_user_cell:
            # A user's cell may read more than its fields, which may have changed: it is traced again.
            initial = partial(trace_initial_state, *given)
            state: TrainingState = jax.jit(initial, compiler_options=COMPILE_QUICKLY)(jnp.uint32(seed))
        else:
            state = initial_state_quickly(*given, jnp.uint32(seed))
    except jax.errors.JaxRuntimeError:
        # XLA's options have no stable names, and do not change the numbers: do without them.
        state = jax.jit(partial(trace_initial_state, *given))(jnp.uint32(seed))
    return state


def training_state_shapes(
    model: CharLM, optimizer: optax.GradientTransformation, batch_size: int
) -> TrainingState:
    """Return the training state with shapes and types instead of arrays: nothing is computed."""
    initial = partial(trace_initial_state, model, optimizer, batch_size)
    shapes: TrainingState = jax.eval_shape(initial, jnp.uint32(0))
    return shapes


def training_state_shardings(mesh: Mesh) -> TrainingState:
    """Return the shardings of the training state: memory is cut along the batch, the rest whole on each device."""
    whole, cut = batch_sharding(mesh), batch_sharding(mesh, 0)
    return TrainingState(whole, whole, cut, whole, whole, whole, whole)  # type: ignore[arg-type]


def trace_initial_state(
    model: CharLM, optimizer: optax.GradientTransformation, batch_size: int, seed: Array
) -> TrainingState:
    """Return the initial training state, as an uncompiled function."""
    key_init, key_run = jax.random.split(jax.random.key(seed))
    params = model.init(key_init)
    carry = model.initial_state(batch_size)
    return TrainingState(params, optimizer.init(params), carry, key_run, jnp.int32(0), initial_health())


initial_state_quickly = jax.jit(
    trace_initial_state, static_argnums=(0, 1, 2), compiler_options=COMPILE_QUICKLY
)


@dataclass
class Journal:
    """The host's part of the training state. Checkpoints have these names."""

    elapsed: float = 0.0
    """Seconds of training."""
    best: tuple[float, int] | None = None
    """Total nats and number of characters of the best evaluation."""
    best_step: int = 0
    best_is_averaged: bool = False
    """Whether the best evaluation was that of the average."""
    evaluations: int = 0
    since_best: int = 0
    """Number of evaluations since the best one, or since the average began."""
    evaluated: int = 0
    """Step of the last evaluation."""
    unscored: int = 0
    """Number of consecutive evaluations whose loss was not finite."""
    evaluation_seconds: float = 0.0
    """Seconds of the last evaluation before the end; the one at the end takes as long."""

    @property
    def best_score(self) -> Score | None:
        """The best evaluation; None before the first one with a finite loss."""
        return Score(*self.best) if self.best else None

    def note(self, step: int, score: Score, *, averaged: bool) -> bool:
        """Note an evaluation after `step` updates. Return whether it is the best so far."""
        best, finite = self.best_score, math.isfinite(score.loss)
        is_best = finite and (best is None or score.loss < best.loss)
        self.unscored = 0 if finite else self.unscored + 1
        self.evaluations += 1
        self.since_best = 0 if is_best else self.since_best + 1
        if is_best:
            self.best, self.best_step = (score.nats, score.characters), step
            self.best_is_averaged = averaged
        return is_best
