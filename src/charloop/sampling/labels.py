"""The label of each document that is written: drawn by the network, and read before the prompt."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Integer

from charloop.sampling.compiled_loop import WritingState, make_row_keys, round_up_batch
from charloop.sampling.pickers import pick_at
from charloop.sampling.prompt import read_prompt
from charloop.sampling.protocols import LanguageModel
from charloop.types import Parameters

BEFORE_FIRST = 2**32 - 1
"""The number of a document's random key that draws its label; those of its characters count from 0."""

LabelChoice: TypeAlias = Callable[[int, int], Integer[np.ndarray, " count"]]
"""From the number of a first document and a count to the indices of their labels."""


def draw_labels(scores: Float[np.ndarray, " labels"], seed: int, *, greedy: bool) -> LabelChoice:
    """Return the choice in proportion to exp(`scores`); or with `greedy` always of the greatest.

    The label of document n depends on nothing but the scores, the seed and n. Temperature and filters are for
    characters: they would make rare labels rarer.
    """
    shares = jax.nn.softmax(jnp.asarray(scores - scores.max(), jnp.float32))

    def choose(first: int, count: int) -> Integer[np.ndarray, " count"]:
        if greedy:
            return np.full(count, scores.argmax())
        rows = round_up_batch(count)
        keys = jax.vmap(jax.random.fold_in, (0, None))(make_row_keys(seed, rows, first), BEFORE_FIRST)
        chances = jax.vmap(jax.random.uniform)(keys)
        return np.asarray(pick_at(jnp.tile(shares, (rows, 1)), chances))[:count]

    return choose


def begin_each(
    model: LanguageModel,
    params: Parameters,
    prompts: Integer[np.ndarray, "batch prompt"],
    writing: WritingState,
) -> WritingState:
    """Return `writing` with each batch row at the end of its own prompt (ids, at least one)."""
    distinct, rows = np.unique(prompts, axis=0, return_inverse=True)
    states = [read_prompt(model, params, prompt[:-1]) for prompt in distinct]

    def gather(placed: jax.Array, *leaves: jax.Array) -> jax.Array:
        each: jax.Array = jax.device_put(
            np.concatenate(list(map(np.asarray, leaves)))[rows.ravel()], placed.sharding
        )
        return each

    previous = jax.device_put(prompts[:, -1].astype(np.int32), writing.previous.sharding)
    return replace(writing, state=jax.tree.map(gather, writing.state, *states), previous=previous)
