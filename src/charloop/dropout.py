"""Dropout whose masks belong to lanes: how many devices share a batch changes nothing."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from charloop.types import RandomKey

LEVELS = 2**16
"""A mask costs 16 random bits an element: rates are kept to within 1/65536, and the scale is exact for them."""


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


def random_levels(key: RandomKey, shape: tuple[int, int]) -> Int[Array, "time hidden"]:
    """Whole numbers in [0, LEVELS), two from each 32 random bits."""
    rows, columns = shape
    words = jax.random.bits(key, (rows, (columns + 1) // 2), jnp.uint32)
    halves = jnp.concatenate([words & 0xFFFF, words >> 16], axis=-1)
    return halves[:, :columns].astype(jnp.int32)
