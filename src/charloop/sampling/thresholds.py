"""The greatest of many thousands without sorting: the last value that belongs to them is found bit by bit.

A float's bits, its sign turned round, count as its value does. 32 times a bit of the threshold is decided by one look
at all values, which costs a twentieth of sorting them. Of equal values the one with the lowest id counts as greater.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

BITS = 32


def among_greatest(
    values: Float[Array, "batch vocab"], count: int | Int[Array, ""]
) -> Bool[Array, "batch vocab"]:
    """Which values are among the `count` greatest of their row; all, where there are no more."""
    keys = ordered(values)
    threshold = last_key(keys, lambda above: above.sum(-1) >= count)
    greater, equal = keys > threshold, keys == threshold
    wanted = count - greater.sum(-1, keepdims=True)
    return greater | (equal & (jnp.cumsum(equal, -1) <= wanted))


def among_likeliest(
    shares: Float[Array, "batch vocab"], mass: Float[Array, ""]
) -> Bool[Array, "batch vocab"]:
    """Which are among the fewest greatest `shares` of their row whose sum reaches `mass`: at least one."""
    keys, mass = ordered(shares), jnp.maximum(mass, jnp.finfo(jnp.float32).tiny)
    threshold = last_key(keys, lambda above: jnp.where(above, shares, 0).sum(-1) >= mass)
    greater, equal = keys > threshold, keys == threshold
    of_greater = jnp.where(greater, shares, 0).sum(-1, keepdims=True)
    before = of_greater + jnp.where(equal, shares, 0) * (jnp.cumsum(equal, -1) - 1)
    return greater | (equal & (before < mass))


def last_key(
    keys: UInt32[Array, "batch vocab"], enough: Callable[[Bool[Array, "batch vocab"]], Bool[Array, " batch"]]
) -> UInt32[Array, "batch 1"]:
    """The greatest key from which on upwards there are `enough`; 0 where all are not."""

    def decide(index: Int[Array, ""], found: UInt32[Array, " batch"]) -> UInt32[Array, " batch"]:
        tried = found | (jnp.uint32(1) << (BITS - 1 - index).astype(jnp.uint32))
        return jnp.where(enough(keys >= tried[:, None]), tried, found)

    start = jnp.zeros_like(keys[:, 0])
    threshold: UInt32[Array, " batch"] = jax.lax.fori_loop(0, BITS, decide, start)
    return threshold[:, None]


def ordered(values: Float[Array, "batch vocab"]) -> UInt32[Array, "batch vocab"]:
    """Whole numbers in the order of the values; -0 is 0."""
    values = jnp.where(values == 0, 0.0, values).astype(jnp.float32)
    bits = jax.lax.bitcast_convert_type(values, jnp.uint32)
    sign = jnp.uint32(1 << (BITS - 1))
    return jnp.where(bits & sign, ~bits, bits | sign)
