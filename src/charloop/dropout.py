"""Dropout whose masks belong to lanes, of values and of memories: how many devices share a batch changes nothing."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.types import RandomKey

LEVELS = 2**16
"""A mask costs 16 random bits an element: rates are kept to within 1/65536, and the scale is exact for them."""

MEMORY, PLACE = 2**31, 2**31 + 1
"""What a step's key is folded with for which memories are emptied, and where: no layer's numbers."""

Prefix: TypeAlias = tuple[int, ...]
"""The ids of what stands before a text's paragraphs, lines or words; may be none."""


def dropout(
    key: RandomKey,
    rate: float,
    values: Float[Array, "time batch hidden"],
    batch_rows: Int[Array, " batch"],
    *,
    variational: bool,
) -> Float[Array, "time batch hidden"]:
    """`values` with a share of `rate` set to 0 and the rest scaled up to the same mean (Srivastava et al. 2014).

    The mask of batch row `batch_rows[b]` depends only on `key` and that number. `variational` draws one mask for all
    time steps (Gal and Ghahramani 2016). `rate` is in [0, 1); 0 returns `values`.
    """
    kept = LEVELS - round(rate * LEVELS)
    if kept == LEVELS:
        return values
    shape = (1 if variational else values.shape[0], values.shape[2])
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(batch_rows)
    keep = jax.vmap(lambda key: random_levels(key, shape), out_axes=1)(keys) < kept
    return jnp.where(keep, values * (LEVELS / kept), 0.0)


def draw_resets(
    key: RandomKey,
    rate: float,
    chunk: Int[Array, "time_and_one batch"],
    prefix: Prefix,
    batch_rows: Int[Array, " batch"],
) -> Bool[Array, "time batch"] | None:
    """Before which of a chunk's inputs memory is emptied: by chance `rate` once in a lane, where a paragraph begins.

    State dropout (Melis et al. 2018, section 3) at the place that a text is begun at: a network whose memory is never
    empty does not learn to begin. The place is one of those where `prefix` is read next, else the lane's first. All
    that is chance for lane `batch_rows[b]` comes from `key` and that number. A `rate` in [0, 1); for 0 there is None.
    """
    if not rate:
        return None
    starts = find_prefix_starts(chunk, prefix)
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(key, MEMORY), row))(batch_rows)
    emptied = jax.vmap(jax.random.uniform)(keys) < rate
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(key, PLACE), row))(batch_rows)
    draws = jax.vmap(lambda key: jax.random.uniform(key, (len(starts),)), out_axes=1)(keys)
    # argmax of nothing but -1 is 0: the lane's first.
    place = jnp.argmax(jnp.where(starts, draws, -1.0), axis=0)
    return (jnp.arange(len(starts))[:, None] == place) & emptied


def find_prefix_starts(chunk: Int[Array, "time_and_one batch"], prefix: Prefix) -> Bool[Array, "time batch"]:
    """Before which of a chunk's inputs all of `prefix` comes next, the chunk's last target included."""
    time = len(chunk) - 1
    if not prefix:
        return jnp.zeros((time, chunk.shape[1]), bool)
    padded = jnp.pad(chunk, ((0, len(prefix)), (0, 0)), constant_values=-1)
    return jnp.stack([padded[n : n + time] == sign for n, sign in enumerate(prefix)]).all(0)


def random_levels(key: RandomKey, shape: tuple[int, int]) -> Int[Array, "time hidden"]:
    """Whole numbers in [0, LEVELS), two from each 32 random bits."""
    rows, columns = shape
    words = jax.random.bits(key, (rows, (columns + 1) // 2), jnp.uint32)
    halves = jnp.concatenate([words & 0xFFFF, words >> 16], axis=-1)
    return halves[:, :columns].astype(jnp.int32)
