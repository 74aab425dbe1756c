"""Before the first character: a prompt is read in one pass, and as many lanes as asked for stand at its end.

How far the writing has come is a value (`Progress`) that goes in and comes out.
"""

from dataclasses import dataclass
from functools import partial
from typing import Protocol, no_type_check, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Int, Integer

from charloop.devices import batch_sharding, choose_devices, make_mesh
from charloop.errors import CharloopError
from charloop.sampling.pickers import LaneKeys, Picked
from charloop.types import Characters, Logits, Parameters, RandomKey, State

SMALLEST_BUCKET, LARGEST_BUCKET = 16, 1024
"""Characters of a prompt that one call of the compiled program reads: a power of two between these."""


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


# Unchecked at run time: JAX builds the same tree of shardings and whatever else belongs to each array.
@no_type_check
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
    lanes: Progress = _spread(state, jnp.int32(prompt[-1]), lane_keys(seed, num_samples))
    placed: Progress = jax.device_put(lanes, places(mesh_for(num_samples)))
    return placed


def lane_keys(seed: int, num_samples: int, first: int = 0) -> LaneKeys:
    """The sources of chance of `num_samples` texts from text `first` on: that of text s is always the same."""
    # The generator is named: a user's setting of another must not change what a seed means.
    key = jax.random.key(seed, impl="threefry2x32")
    keys: LaneKeys = _fold_in(key, np.arange(first, first + num_samples))
    return keys


def lanes_for(num_samples: int) -> int:
    """Lanes that write `num_samples` texts: as many or up to half more, as programs are compiled for few sizes only.

    A power of two, or one and a half: a process that is asked for any number compiles 32 programs at the most.
    """
    power = 1 << (num_samples - 1).bit_length()
    return power * 3 // 4 if power > 2 and num_samples <= power * 3 // 4 else power


def mesh_for(num_samples: int) -> Mesh:
    """The devices that share so many lanes; weights that write them belong there too."""
    return make_mesh(choose_devices(num_samples))


def places(mesh: Mesh) -> Progress:
    """Where each part of a `Progress` lies."""
    lanes, whole = batch_sharding(mesh, 0), batch_sharding(mesh)
    return Progress(lanes, lanes, lanes, whole)  # type: ignore[arg-type]


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


def not_finite() -> CharloopError:
    """The error for weights from which nothing can be written."""
    return CharloopError(
        "the network's weights give no probabilities (NaN or infinity)",
        do="train it again, or from a saved run",
    )


@partial(jax.jit, static_argnames="model")
def _read_bucket(
    model: LanguageModel,
    params: Parameters,
    characters: Characters,
    state: State,
    lengths: Int[Array, " batch"],
) -> State:
    return model.apply(params, characters, state, lengths=lengths)[1]


@jax.jit
def _fold_in(key: RandomKey, numbers: Int[Array, " batch"]) -> LaneKeys:
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


@jax.jit
def _spread(state: State, last: Int[Array, ""], keys: LaneKeys) -> Progress:
    """The one lane that read the prompt becomes as many lanes as there are keys."""
    num_samples = len(keys)
    state = jax.tree.map(lambda leaf: jnp.repeat(leaf, num_samples, axis=0), state)
    return Progress(state, jnp.full(num_samples, last), keys, jnp.int32(0))
