"""XLA's own loop, differentiated by JAX (TensorFlow's `tf.scan`)."""

from jax import lax
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.base import Cell
from charloop.engines import encode_row_flags, step_with_flags
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, gather_features


def scan(
    cell: Cell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Bool[Array, "time batch"] | None = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all time steps; return the last state and the outputs. `resets` and `lengths` as in `fused`."""
    every = gather_features(inputs)
    time, batch = every.shape[:2]
    flags = encode_row_flags(time, batch, resets, lengths)
    return lax.scan(
        lambda state, now: step_with_flags(cell, params, now[0], state, now[1]), state, (every, flags)
    )
