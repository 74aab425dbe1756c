"""How fast this machine is: a timing of matrix products like those of a layer, in a fraction of a second."""

import time

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jaxtyping import Array, Float

from charloop.devices import batch_sharding

HIDDEN, GATES = 256, 4
"""Units and gates of the layer whose products are timed."""
PRODUCTS = 64
"""Products in a row, each of which needs the one before."""
MOST_ROWS = 64
"""Batch rows of each device; more would only take longer."""
SECONDS, LEAST = 0.15, 3
"""For how long, and how often at least, the products are repeated."""


def measure_gigaflops(mesh: Mesh, batch_size: int) -> float:
    """Return the gigaflops per second of products of `batch_size` rows, divided among the devices of `mesh`.

    The fastest repetition counts: others wait for other programs.
    """
    rows = min(batch_size, MOST_ROWS * mesh.size)
    rows -= rows % mesh.size
    state = jax.device_put(jnp.ones((rows, HIDDEN)), batch_sharding(mesh, 0))
    weights = jax.device_put(jnp.full((HIDDEN, GATES * HIDDEN), 1 / HIDDEN), batch_sharding(mesh))
    program = jax.jit(multiply_in_a_row)
    jax.block_until_ready(program(state, weights))
    seconds: list[float] = []
    while len(seconds) < LEAST or sum(seconds) < SECONDS:
        start = time.perf_counter()
        jax.block_until_ready(program(state, weights))
        seconds.append(time.perf_counter() - start)
    return 2e-9 * PRODUCTS * rows * HIDDEN * GATES * HIDDEN / min(seconds)


def multiply_in_a_row(
    state: Float[Array, "rows hidden"], weights: Float[Array, "hidden gates"]
) -> Float[Array, "rows hidden"]:
    """Return the state after as many products as a chunk has time steps."""

    def multiply(_: Array, state: Float[Array, "rows hidden"]) -> Float[Array, "rows hidden"]:
        gates = (state @ weights).reshape(len(state), GATES, HIDDEN)
        return gates.mean(1)

    last: Array = jax.lax.fori_loop(0, PRODUCTS, multiply, state)
    return last
