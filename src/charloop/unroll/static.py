"""A Python loop: the graph grows with time (TensorFlow's `static_rnn`). The reference, and the lesson."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from charloop.cells.base import Cell
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, features


def static(
    cell: Cell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs. Compile time grows faster than they do."""
    every, outputs = features(inputs), []
    # One split, not an index a tick: an index's gradient is an array of the whole length, so the time is squared.
    for x in lax.split(every, [1] * len(every)):
        state, output = cell.step(params, x[0], state)
        outputs.append(output)
    return state, jnp.stack(outputs)
