"""Writing ids: blocks of characters, each within one compiled loop.

What changes from call to call (weights, numbers of filters, keys, how many characters) is an argument of the compiled
programs; only another model, another choice of filters or another number of lanes compiles again.
"""

import time
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec
from jaxtyping import Array, Int, Integer

from charloop.devices import BATCH
from charloop.sampling.pickers import Picker
from charloop.sampling.reading import LanguageModel, Progress, mesh_for, not_finite
from charloop.types import Parameters

BLOCK = 512
"""Most characters one call of the compiled program writes."""
NOT_A_CHARACTER = -1
SMOOTH = 0.02
"""Seconds between two pieces of a stream that the eye takes for none: longer blocks hide the cost of a call."""


def write(
    model: LanguageModel, picker: Picker, params: Parameters, progress: Progress, count: int
) -> tuple[Progress, Integer[np.ndarray, "count batch"]]:
    """The next `count` (at most `BLOCK`) characters of each lane, and where the lanes then stand.

    Many lanes are shared out over devices. Raises CharloopError if the model's logits are not finite.
    """
    mesh = mesh_for(len(progress.previous))
    progress, written = _write_block(model, mesh, picker, params, progress, count)
    ids = np.asarray(written)[:count]
    if (ids == NOT_A_CHARACTER).any():
        raise not_finite()
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


@partial(jax.jit, static_argnames=("model", "mesh"))
def _write_block(
    model: LanguageModel,
    mesh: Mesh,
    picker: Picker,
    params: Parameters,
    progress: Progress,
    count: Int[Array, ""],
) -> tuple[Progress, Int[Array, "block batch"]]:
    lanes = Progress(Spec(BATCH), Spec(BATCH), Spec(BATCH), Spec())  # type: ignore[arg-type]
    write = jax.shard_map(
        partial(_write_lanes, model),
        mesh=mesh,
        in_specs=(Spec(), Spec(), lanes, Spec()),
        out_specs=(lanes, Spec(None, BATCH)),
        check_vma=False,
    )
    written: tuple[Progress, Int[Array, "block batch"]] = write(picker, params, progress, count)
    return written


def _write_lanes(
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
