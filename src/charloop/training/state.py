"""Everything a run needs to go on, as one pytree; nothing else changes while it trains."""

from dataclasses import dataclass
from functools import partial
from typing import Any, no_type_check

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Int

from charloop.cells.from_object import is_user_cell
from charloop.devices import batch_sharding
from charloop.model import CharLM
from charloop.training.healing import Health, unblemished
from charloop.types import Parameters, RandomKey, State

IN_A_HURRY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


# Unchecked at run time: JAX builds the same tree of shardings, shapes and whatever else belongs to each array.
@no_type_check
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainingState:
    """The data cursor is the step: chunk `step % chunks_per_epoch` of epoch `step // chunks_per_epoch`."""

    params: Parameters
    optimizer: Any
    """The update rule's moments: optax's state."""
    carry: State
    """The network's memory, handed from chunk to chunk: `[batch, hidden]` leaves."""
    key: RandomKey
    """Never changes: step `n` draws from `fold_in(key, n)`."""
    step: Int[Array, ""]
    """Chunks trained on so far, those whose update was undone too."""
    health: Health
    """What is usual, what was undone, and what of the learning rate is left."""


def initial_training_state(
    model: CharLM, optimizer: optax.GradientTransformation, batch_size: int, seed: int
) -> TrainingState:
    """Fresh weights, no moments, empty memory; the same for the same `seed`."""
    # One program, compiled in a hurry: it runs once. By single operations, compiling takes as long as the step does.
    given = model, optimizer, batch_size
    try:
        if is_user_cell(model.config.cell):
            # What an own cell reads beside its fields may be another the next time: it is traced again.
            initial = partial(trace_initial_state, *given)
            state: TrainingState = jax.jit(initial, compiler_options=IN_A_HURRY)(jnp.uint32(seed))
        else:
            state = initial_in_a_hurry(*given, jnp.uint32(seed))
    except jax.errors.JaxRuntimeError:
        # XLA's options have no stable names; what another jaxlib does not know makes no other numbers.
        state = jax.jit(partial(trace_initial_state, *given))(jnp.uint32(seed))
    return state


def shape_of_training_state(
    model: CharLM, optimizer: optax.GradientTransformation, batch_size: int
) -> TrainingState:
    """The same with shapes and types in the place of arrays: nothing is computed."""
    initial = partial(trace_initial_state, model, optimizer, batch_size)
    shapes: TrainingState = jax.eval_shape(initial, jnp.uint32(0))
    return shapes


def places_of_training_state(mesh: Mesh) -> TrainingState:
    """On which devices its parts lie: memory cut along the batch, the rest whole on each."""
    whole, cut = batch_sharding(mesh), batch_sharding(mesh, 0)
    return TrainingState(whole, whole, cut, whole, whole, whole)  # type: ignore[arg-type]


def trace_initial_state(
    model: CharLM, optimizer: optax.GradientTransformation, batch_size: int, seed: Array
) -> TrainingState:
    """What the two above compile, or only look at."""
    key_init, key_run = jax.random.split(jax.random.key(seed))
    params = model.init(key_init)
    carry = model.initial_state(batch_size)
    return TrainingState(params, optimizer.init(params), carry, key_run, jnp.int32(0), unblemished())


initial_in_a_hurry = jax.jit(trace_initial_state, static_argnums=(0, 1, 2), compiler_options=IN_A_HURRY)
