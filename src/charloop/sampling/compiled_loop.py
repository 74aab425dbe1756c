"""Writing ids fast: each block of characters is written within one compiled loop.

What changes from call to call (weights, filter settings, keys, number of characters) is an argument of the compiled
programs. Only another model, another choice of filters or another batch size compiles again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Int, Integer, UInt

from charloop.devices import BATCH, batch_sharding, choose_devices, make_mesh
from charloop.errors import CharloopError
from charloop.pytree import register_pytree
from charloop.sampling.along_text import Ages, age, settle
from charloop.sampling.pickers import Picked, Picker, RowKeys
from charloop.sampling.prompt import read_prompt
from charloop.sampling.protocols import LanguageModel
from charloop.types import Parameters, RandomKey, State

BLOCK = 512
"""The most characters that one call of the compiled program writes."""
NOT_A_CHARACTER = -1
FIRST_TURN = 1 << 32
"""Turns count down from here, and so never meet the numbers of characters."""
SMOOTH_SECONDS = 0.02
"""Time between two pieces of a stream that the eye does not notice; longer blocks hide the cost of a call."""


# Not type-checked at run time: JAX builds the same tree with shardings in place of the arrays.
@no_type_check
@register_pytree
@dataclass(frozen=True)
class WritingState:
    """How far the writing has come, as a value: one batch row for each text."""

    state: State
    previous: Picked
    """The last character of each batch row, which the model has not read yet."""
    keys: RowKeys
    position: Int[Array, ""]
    """The number of characters written."""
    ages: Ages | None = None
    """What a repetition penalty counts, if there is one; a program without one keeps nothing."""


def begin_writing(
    model: LanguageModel,
    params: Parameters,
    prompt: Integer[np.ndarray, " prompt"],
    batch_size: int,
    seed: int,
    first: int = 0,
    ages: Int[np.ndarray, " vocab"] | None = None,
) -> WritingState:
    """Return `batch_size` batch rows at the end of `prompt` (ids, at least one); row r has key `first` + r of `seed`.

    All ids but the last are read here, once for all rows; the last is the first that `write_blocks` reads. `ages` are
    those after the prompt (see `begin_ages`).
    """
    state = read_prompt(model, params, prompt[:-1])
    rows: WritingState = _repeat_rows(
        state, jnp.int32(prompt[-1]), make_row_keys(seed, batch_size, first), ages
    )
    return place_rows(rows)


def read_on(
    model: LanguageModel,
    params: Parameters,
    writing: WritingState,
    ids: Integer[np.ndarray, " ids"],
    written: int = 0,
) -> WritingState:
    """Return the state of the only batch row after more `ids` (at least one), of which `written` count as written.

    It has no ages.
    """
    unread = np.concatenate([np.asarray(writing.previous), ids])
    state = read_prompt(model, params, unread[:-1], writing.state)
    position = writing.position + written
    return place_rows(
        replace(writing, state=state, previous=jnp.array(unread[-1:]), position=position, ages=None)
    )


def place_rows(writing: WritingState) -> WritingState:
    """Put the batch rows on the devices that share them."""
    mesh = choose_mesh(len(writing.previous))
    placed: WritingState = jax.device_put(writing, _per_part(batch_sharding(mesh, 0), batch_sharding(mesh)))
    return placed


def make_row_keys(seed: int, count: int, first: int = 0) -> RowKeys:
    """Return the random keys of texts `first` to `first + count - 1`; the key of a text depends on nothing else."""
    # The generator is named: changing JAX's default must not change what a seed means.
    key = jax.random.key(seed, impl="threefry2x32")
    keys: RowKeys = _fold_in(key, np.arange(first, first + count))
    return keys


def turn_keys(keys: RowKeys, turn: int) -> RowKeys:
    """Return other keys for each `turn` (0: the same): after something is read, the same number draws something else.

    The choice that ended a text is no part of it; with the same key, the next text would mostly begin with it.
    """
    turned: RowKeys = keys if turn == 0 else _turn(keys, np.uint32(FIRST_TURN - turn))
    return turned


def round_up_batch(num_samples: int) -> int:
    """Return the batch size to write `num_samples` texts with: at most half as many again.

    It is a power of two, or three quarters of one, so that a long-lived process compiles at most 32 programs.
    """
    power = 1 << (num_samples - 1).bit_length()
    return power * 3 // 4 if power > 2 and num_samples <= power * 3 // 4 else power


def choose_mesh(batch_size: int) -> Mesh:
    """Return the devices that share `batch_size` rows; the weights must be on them too."""
    return make_mesh(choose_devices(batch_size))


def write_blocks(
    model: LanguageModel, picker: Picker, params: Parameters, writing: WritingState, length: int, first: int
) -> Iterator[Integer[np.ndarray, "count batch"]]:
    """Yield `length` characters of each batch row, block by block, as `write_on` does."""
    return (ids for _, ids in write_on(model, picker, params, writing, length, first))


def write_on(
    model: LanguageModel, picker: Picker, params: Parameters, writing: WritingState, length: int, first: int
) -> Iterator[tuple[WritingState, Integer[np.ndarray, "count batch"]]]:
    """Yield `length` characters of each batch row, block by block, and the state after each block.

    A block is written when it is asked for. The first has `first` characters (at most `BLOCK`); after a block that
    takes less than `SMOOTH_SECONDS` the size doubles. Raises CharloopError if the model's logits are not finite.
    """
    written, size, mesh = 0, first, choose_mesh(len(writing.previous))
    while written < length:
        started, count = time.perf_counter(), min(size, length - written, BLOCK)
        writing, block = _write_block(model, mesh, picker, params, writing, count)
        ids = np.asarray(block)[:count]
        if (ids == NOT_A_CHARACTER).any():
            raise not_finite()
        quick = time.perf_counter() - started < SMOOTH_SECONDS
        written, size = written + len(ids), min(2 * size, BLOCK) if quick else size
        yield writing, ids


def not_finite() -> CharloopError:
    """Return the error for weights that cannot write."""
    return CharloopError(
        "the network's weights give no probabilities (NaN or infinity)",
        do="train it again, or from an earlier checkpoint",
    )


@partial(jax.jit, static_argnames=("model", "mesh"))
def _write_block(
    model: LanguageModel,
    mesh: Mesh,
    picker: Picker,
    params: Parameters,
    writing: WritingState,
    count: Int[Array, ""],
) -> tuple[WritingState, Int[Array, "block batch"]]:
    rows = _per_part(Spec(BATCH), Spec())
    write = jax.shard_map(
        partial(_write_rows, model),
        mesh=mesh,
        in_specs=(Spec(), Spec(), rows, Spec()),
        out_specs=(rows, Spec(None, BATCH)),
        check_vma=False,
    )
    written: tuple[WritingState, Int[Array, "block batch"]] = write(picker, params, writing, count)
    return written


def _write_rows(
    model: LanguageModel, picker: Picker, params: Parameters, writing: WritingState, count: Int[Array, ""]
) -> tuple[WritingState, Int[Array, "block batch"]]:
    """Write with a loop whose length is a run-time value: one program serves short and long blocks."""

    def write_one(
        index: Int[Array, ""], carry: tuple[WritingState, Int[Array, "block batch"]]
    ) -> tuple[WritingState, Int[Array, "block batch"]]:
        writing = _time_step(model, picker, params, carry[0])
        return writing, carry[1].at[index].set(writing.previous)

    written = jnp.full((BLOCK, *writing.previous.shape), NOT_A_CHARACTER)
    carry: tuple[WritingState, Int[Array, "block batch"]] = jax.lax.fori_loop(
        0, count, write_one, (writing, written)
    )
    return carry


def _time_step(
    model: LanguageModel, picker: Picker, params: Parameters, writing: WritingState
) -> WritingState:
    """Read each row's previous character and pick the next: character i with key i of its row."""
    outputs, state = model.apply(params, writing.previous[None], writing.state)
    logits = outputs[0].astype(jnp.float32)
    keys = jax.vmap(jax.random.fold_in, (0, None))(writing.keys, writing.position)
    picked = settle(picker, writing.position, writing.ages)(logits, writing.previous, keys)
    picked = jnp.where(jnp.isfinite(logits.max(-1)), picked, NOT_A_CHARACTER)
    ages = None if writing.ages is None else age(writing.ages, picked)
    return WritingState(state, picked, writing.keys, writing.position + 1, ages)


def _per_part(split: Any, whole: Any) -> WritingState:
    """Return `split` for each part of the state that has a batch axis, and `whole` for the rest."""
    return WritingState(split, split, split, whole, split)


@jax.jit
def _fold_in(key: RandomKey, numbers: Int[Array, " batch"]) -> RowKeys:
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


@jax.jit
def _turn(keys: RowKeys, number: UInt[Array, ""]) -> RowKeys:
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


@jax.jit
def _repeat_rows(
    state: State, last: Int[Array, ""], keys: RowKeys, ages: Int[Array, " vocab"] | None
) -> WritingState:
    """Copy the one batch row that read the prompt, once for each key."""
    batch_size = len(keys)
    state = jax.tree.map(lambda leaf: jnp.repeat(leaf, batch_size, axis=0), state)
    ages = None if ages is None else jnp.tile(ages, (batch_size, 1))
    return WritingState(state, jnp.full(batch_size, last), keys, jnp.int32(0), ages)
