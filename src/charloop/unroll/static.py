"""A Python loop: the graph grows with time (TensorFlow's `static_rnn`). The reference, and the simplest to read."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.base import Cell
from charloop.engines import encode_row_flags, step_with_flags
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, gather_features


def static(
    cell: Cell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Bool[Array, "time batch"] | None = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all time steps; return the last state and the outputs. Compile time grows faster than their
    number.

    `resets` and `lengths` as in `fused`.
    """
    every, outputs = gather_features(inputs), []
    time, batch = every.shape[:2]
    flags = encode_row_flags(time, batch, resets, lengths)
    # One split instead of an index per step: each index's gradient is an array of the whole length.
    for now, x in enumerate(lax.split(every, [1] * time)):
        state, output = step_with_flags(cell, params, x[0], state, None if flags is None else flags[now])
        outputs.append(output)
    if not outputs:
        return state, jnp.zeros((time, batch, cell.hidden_size), every.dtype)
    return state, jnp.stack(outputs)
