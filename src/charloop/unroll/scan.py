"""The compiler's own loop, differentiated by JAX (TensorFlow's `tf.scan`)."""

from jax import lax
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.base import Cell
from charloop.engines import make_marks, marked_step
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, features


def scan(
    cell: Cell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Bool[Array, "time batch"] | None = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs. `resets` and `lengths` as in `fused`."""
    every = features(inputs)
    time, batch = every.shape[:2]
    marks = make_marks(time, batch, resets, lengths)
    return lax.scan(
        lambda state, now: marked_step(cell, params, now[0], state, now[1]), state, (every, marks)
    )
