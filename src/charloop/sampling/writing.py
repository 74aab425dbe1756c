"""Writing ids: a prompt is read in one pass, then blocks of characters are written inside one compiled loop.

How far the writing has come is a value (`Progress`) that goes in and comes out. What changes from call to call
(weights, numbers of filters, keys, how many characters) is an argument of the compiled programs; only another model,
another choice of filters or another number of lanes compiles again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Integer

from charloop.errors import CharloopError
from charloop.sampling.pickers import LaneKeys, Picked, Picker
from charloop.types import Characters, Logits, Parameters, RandomKey, State

BLOCK = 512
"""Most characters one call of the compiled program writes."""
SMALLEST_BUCKET, LARGEST_BUCKET = 16, 1024
"""Characters of a prompt that one call of the compiled program reads: a power of two between these."""
NOT_A_CHARACTER = -1
SMOOTH = 0.02
"""Seconds between two pieces of a stream that the eye takes for none: longer blocks hide the cost of a call."""


@runtime_checkable
class LanguageModel(Protocol):
    """What writing needs of a model; it must be hashable, as the compiled programs are kept by it."""

    def initial_state(self, batch_size: int) -> State:
        """The memory before the first character, with a leading batch axis."""
        ...

    def apply(
        self,
        params: Parameters,
        characters: Characters,
        state: State,
        *,
        lengths: Int[Array, " batch"] | None = None,
    ) -> tuple[Logits, State]:
        """Logits of the next characters and the state after them, or after `lengths` of them; without dropout."""
        ...


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Progress:
    """Where each lane stands: its memory, the character it has still to read, its key, how many it has written."""

    state: State
    previous: Picked
    keys: LaneKeys
    position: Int[Array, ""]


def begin(
    model: LanguageModel,
    params: Parameters,
    prompt: Integer[np.ndarray, " prompt"],
    num_samples: int,
    seed: int,
) -> Progress:
    """`num_samples` lanes that stand at the end of `prompt` (ids, at least one), lane s with the s-th key of `seed`.

    All but the last character is read here, once for all lanes; the last is the first that `write` reads.
    """
    state = read(model, params, prompt[:-1])
    # The generator is named: a user's setting of another must not change what a seed means.
    key = jax.random.key(seed, impl="threefry2x32")
    lanes: Progress = _spread(state, jnp.int32(prompt[-1]), key, num_samples)
    return lanes


def read(model: LanguageModel, params: Parameters, characters: Integer[np.ndarray, " time"]) -> State:
    """The memory of one lane after `characters`, from the start.

    Compiled once for each power of two, for any number of characters beyond the greatest.
    """
    state = model.initial_state(1)
    bucket = min(max(1 << (len(characters) - 1).bit_length(), SMALLEST_BUCKET), LARGEST_BUCKET)
    for start in range(0, len(characters), bucket):
        piece = characters[start : start + bucket]
        padded = np.zeros((bucket, 1), np.int32)
        padded[: len(piece), 0] = piece
        state = _read_bucket(model, params, padded, state, np.array([len(piece)], np.int32))
    return state


@partial(jax.jit, static_argnames="model")
def _read_bucket(
    model: LanguageModel,
    params: Parameters,
    characters: Characters,
    state: State,
    lengths: Int[Array, " batch"],
) -> State:
    return model.apply(params, characters, state, lengths=lengths)[1]


@partial(jax.jit, static_argnames="num_samples")
def _spread(state: State, last: Int[Array, ""], key: RandomKey, num_samples: int) -> Progress:
    """The one lane that read the prompt becomes `num_samples` lanes."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(num_samples))
    state = jax.tree.map(lambda leaf: jnp.repeat(leaf, num_samples, axis=0), state)
    return Progress(state, jnp.full(num_samples, last), keys, jnp.int32(0))


def write(
    model: LanguageModel, picker: Picker, params: Parameters, progress: Progress, count: int
) -> tuple[Progress, Integer[np.ndarray, "count batch"]]:
    """The next `count` (at most `BLOCK`) characters of each lane, and where the lanes then stand.

    Raises CharloopError if the model's logits are not finite.
    """
    progress, written = _write_block(model, picker, params, progress, count)
    ids = np.asarray(written)[:count]
    if (ids == NOT_A_CHARACTER).any():
        raise CharloopError(
            "the network's weights give no probabilities (NaN or infinity)",
            do="train it again, or from a saved run",
        )
    return progress, ids


def blocks(
    model: LanguageModel, picker: Picker, params: Parameters, progress: Progress, length: int, first: int
) -> Iterator[Integer[np.ndarray, "count batch"]]:
    """`length` characters of each lane, a block at a time, each written when it is asked for.

    The first has `first` characters; as long as a block takes under `SMOOTH` seconds, the next is twice as long.
    """
    written, size = 0, first
    while written < length:
        begun = time.perf_counter()
        progress, ids = write(model, picker, params, progress, min(size, length - written))
        quick = time.perf_counter() - begun < SMOOTH
        written, size = written + len(ids), min(2 * size, BLOCK) if quick else size
        yield ids


@partial(jax.jit, static_argnames="model")
def _write_block(
    model: LanguageModel, picker: Picker, params: Parameters, progress: Progress, count: Int[Array, ""]
) -> tuple[Progress, Int[Array, "block batch"]]:
    """A loop whose length is known only when it runs: one program serves short pieces and long."""

    def tick(
        index: Int[Array, ""], carry: tuple[Progress, Int[Array, "block batch"]]
    ) -> tuple[Progress, Int[Array, "block batch"]]:
        progress = _step(model, picker, params, carry[0])
        return progress, carry[1].at[index].set(progress.previous)

    written = jnp.full((BLOCK, *progress.previous.shape), NOT_A_CHARACTER)
    carry: tuple[Progress, Int[Array, "block batch"]] = jax.lax.fori_loop(0, count, tick, (progress, written))
    return carry


def _step(model: LanguageModel, picker: Picker, params: Parameters, progress: Progress) -> Progress:
    """Each lane reads its previous character and picks the next, character i with the i-th key of its lane."""
    outputs, state = model.apply(params, progress.previous[None], progress.state)
    logits = outputs[0].astype(jnp.float32)
    keys = jax.vmap(jax.random.fold_in, (0, None))(progress.keys, progress.position)
    picked = picker(logits, progress.previous, keys)
    picked = jnp.where(jnp.isfinite(logits.max(-1)), picked, NOT_A_CHARACTER)
    return Progress(state, picked, progress.keys, progress.position + 1)
