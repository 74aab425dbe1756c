"""Dropout whose masks belong to lanes, of values and of memories: how many devices share a batch changes nothing."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.types import RandomKey, State

LEVELS = 2**16
"""A mask costs 16 random bits an element: rates are kept to within 1/65536, and the scale is exact for them."""

MEMORY = 2**31
"""What a step's key is folded with for the emptied memories: no layer's number (see `Dropper`)."""


def dropout(
    key: RandomKey,
    rate: float,
    values: Float[Array, "time batch hidden"],
    lanes: Int[Array, " batch"],
    *,
    variational: bool,
) -> Float[Array, "time batch hidden"]:
    """`values` with a share of `rate` set to 0 and the rest scaled up to the same mean (Srivastava et al. 2014).

    The mask of lane `lanes[b]` comes from `key` and that number alone. `variational` draws one mask for all times
    (Gal and Ghahramani 2016). A `rate` in [0, 1); 0 gives `values` back.
    """
    kept = LEVELS - round(rate * LEVELS)
    if kept == LEVELS:
        return values
    shape = (1 if variational else values.shape[0], values.shape[2])
    keys = jax.vmap(lambda lane: jax.random.fold_in(key, lane))(lanes)
    keep = jax.vmap(lambda key: random_levels(key, shape), out_axes=1)(keys) < kept
    return jnp.where(keep, values * (LEVELS / kept), 0.0)


def empty_some(
    key: RandomKey, rate: float, memory: State, empty: State, lanes: Int[Array, " batch"]
) -> State:
    """`memory` with the rows of some lanes taken from `empty`: each by chance `rate`, for all layers together.

    State dropout (Melis et al. 2018, section 3): a network whose memory is never empty does not learn to begin.
    Whether lane `lanes[b]` is emptied comes from `key` and that number alone. A `rate` in [0, 1); 0 gives `memory`
    back.
    """
    emptied = emptied_lanes(key, rate, lanes)
    if emptied is None:
        return memory

    def leaf(zero: Array, old: Array) -> Array:
        return jnp.where(emptied.reshape(-1, *[1] * (old.ndim - 1)), zero, old)

    return jax.tree.map(leaf, empty, memory)


def emptied_lanes(key: RandomKey, rate: float, lanes: Int[Array, " batch"]) -> Bool[Array, " batch"] | None:
    """Which of `lanes` `empty_some` empties; None where it is none of them for certain."""
    if not rate:
        return None
    keys = jax.vmap(lambda lane: jax.random.fold_in(jax.random.fold_in(key, MEMORY), lane))(lanes)
    return jax.vmap(lambda key: jax.random.uniform(key))(keys) < rate


def random_levels(key: RandomKey, shape: tuple[int, int]) -> Int[Array, "time hidden"]:
    """Whole numbers in [0, LEVELS), two from each 32 random bits."""
    rows, columns = shape
    words = jax.random.bits(key, (rows, (columns + 1) // 2), jnp.uint32)
    halves = jnp.concatenate([words & 0xFFFF, words >> 16], axis=-1)
    return halves[:, :columns].astype(jnp.int32)
