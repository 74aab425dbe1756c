"""Dropout of values, memories, characters and weights. The first two masks belong to batch rows, not to devices."""

from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.types import Parameters, RandomKey

LEVELS = 2**16
"""A mask takes 16 random bits per element: rates are rounded to 1/65536, and the scale matches the rounded rate."""

MEMORY, POSITION, WEIGHTS, CHARACTERS = range(2**31, 2**31 + 4)
"""Folded into a step's key to draw which memories are reset, where, and which weights and characters are dropped; no
layer has these numbers."""

RECURRENT = "weight_hh"
"""The name that a cell's recurrent matrices begin with."""

Prefix: TypeAlias = tuple[int, ...]
"""The ids of the text before each paragraph, line or word of the corpus; may be empty."""


def apply_dropout(
    key: RandomKey,
    rate: float,
    values: Float[Array, "time batch hidden"],
    batch_rows: Int[Array, " batch"],
    *,
    variational: bool,
) -> Float[Array, "time batch hidden"]:
    """Set a fraction `rate` of `values` to 0 and scale the rest to the same mean (Srivastava et al. 2014).

    The mask of batch row `batch_rows[b]` depends only on `key` and that number. `variational` draws one mask for all
    time steps (Gal and Ghahramani 2016). `rate` is in [0, 1); 0 returns `values`.
    """
    kept = LEVELS - round(rate * LEVELS)
    if kept == LEVELS:
        return values
    shape = (1 if variational else values.shape[0], values.shape[2])
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(batch_rows)
    keep = jax.vmap(lambda key: draw_levels(key, shape), out_axes=1)(keys) < kept
    return jnp.where(keep, values * (LEVELS / kept), 0.0)


def drop_characters(
    key: RandomKey, rate: float, table: Float[Array, "vocab columns"]
) -> Float[Array, "vocab columns"]:
    """Set the rows of a fraction `rate` of the characters in an embedding to 0 and scale the rest to the same mean.

    Embedding dropout (Gal and Ghahramani 2016; Merity et al. 2018, section 4.3): a character is dropped wherever it
    stands, in all time steps and batch rows, the same on all devices. `rate` is in [0, 1); 0 returns `table`.
    """
    kept = LEVELS - round(rate * LEVELS)
    if kept == LEVELS:
        return table
    keep = draw_levels(jax.random.fold_in(key, CHARACTERS), (len(table), 1)) < kept
    return jnp.where(keep, table * (LEVELS / kept), 0.0)


def drop_weights(key: RandomKey, rate: float, params: Parameters) -> Parameters:
    """Set a fraction `rate` of the weights of each recurrent matrix to 0 and scale the rest to the same mean.

    DropConnect on the matrices between hidden states (Wan et al. 2013; the weight-drop of Merity et al. 2018): one
    mask for all time steps and batch rows, the same on all devices. `rate` is in [0, 1); 0 returns `params`.
    """
    kept = LEVELS - round(rate * LEVELS)
    if kept == LEVELS:
        return params
    names = sorted(name for name in params if is_recurrent(name))
    keys = jax.random.split(jax.random.fold_in(key, WEIGHTS), len(names))
    masks = {name: draw_levels(own, params[name].shape) < kept for name, own in zip(names, keys, strict=True)}
    dropped = {name: jnp.where(mask, params[name] * (LEVELS / kept), 0.0) for name, mask in masks.items()}
    return params | dropped


def is_recurrent(parameter: str) -> bool:
    """Return whether a parameter of a network is the matrix between a layer's hidden states."""
    return parameter.rpartition(".")[2].startswith(RECURRENT)


def draw_resets(
    key: RandomKey,
    rate: float,
    chunk: Int[Array, "time_and_one batch"],
    prefix: Prefix,
    batch_rows: Int[Array, " batch"],
) -> Bool[Array, "time batch"] | None:
    """Draw before which inputs of a chunk to empty the memory: with probability `rate`, once per batch row.

    State dropout (Melis et al. 2018, section 3) where a text may begin: a network whose memory is never empty does
    not learn to begin. The position is one before which all of `prefix` comes next, otherwise the row's first. The
    draws for batch row `batch_rows[b]` depend only on `key` and that number. `rate` is in [0, 1); 0 returns None.
    """
    if not rate:
        return None
    starts = find_prefix_starts(chunk, prefix)
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(key, MEMORY), row))(batch_rows)
    emptied = jax.vmap(jax.random.uniform)(keys) < rate
    keys = jax.vmap(lambda row: jax.random.fold_in(jax.random.fold_in(key, POSITION), row))(batch_rows)
    draws = jax.vmap(lambda key: jax.random.uniform(key, (len(starts),)), out_axes=1)(keys)
    # If all are -1, argmax returns 0, the row's first position.
    position = jnp.argmax(jnp.where(starts, draws, -1.0), axis=0)
    return (jnp.arange(len(starts))[:, None] == position) & emptied


def find_prefix_starts(chunk: Int[Array, "time_and_one batch"], prefix: Prefix) -> Bool[Array, "time batch"]:
    """Return before which inputs of a chunk all of `prefix` comes next, the chunk's last target included."""
    time = len(chunk) - 1
    if not prefix:
        return jnp.zeros((time, chunk.shape[1]), bool)
    padded = jnp.pad(chunk, ((0, len(prefix)), (0, 0)), constant_values=-1)
    return jnp.stack([padded[n : n + time] == symbol for n, symbol in enumerate(prefix)]).all(0)


def draw_levels(key: RandomKey, shape: tuple[int, ...]) -> Int[Array, "time hidden"]:
    """Draw integers in [0, LEVELS), two from each 32 random bits."""
    rows, columns = shape
    words = jax.random.bits(key, (rows, (columns + 1) // 2), jnp.uint32)
    half_words = jnp.concatenate([words & 0xFFFF, words >> 16], axis=-1)
    return half_words[:, :columns].astype(jnp.int32)
