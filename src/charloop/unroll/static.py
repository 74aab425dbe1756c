"""A Python loop: the graph grows with time (TensorFlow's `static_rnn`). The reference, and the lesson."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import Cell
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, features


def static(
    cell: Cell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs. Compiling takes time in proportion."""
    outputs = []
    for x in features(inputs):
        state, output = cell.step(params, x, state)
        outputs.append(output)
    return state, jnp.stack(outputs)
