"""The compiler's own loop, differentiated by JAX (TensorFlow's `tf.scan`)."""

from jax import lax
from jaxtyping import Array, Float

from charloop.cells.base import Cell
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, features


def scan(
    cell: Cell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs."""
    return lax.scan(lambda state, x: cell.step(params, x, state), state, features(inputs))
