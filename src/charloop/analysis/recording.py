"""The state of every unit of a network, after each token of a text."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import keystr, tree_flatten_with_path
from jaxtyping import Array, Float, Float32, Int, Integer

from charloop.analysis.reading import check_tokens, split_pieces
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Characters, Parameters, State

PIECE = 512
"""Time steps of one call of the compiled loop; its results are then copied to the host."""


@dataclass(frozen=True, order=True)
class StateUnit:
    """One number of a network's state."""

    layer: int
    """From 0, the one that reads the characters."""
    part: str
    """The part of the layer's state: "hidden", "cell"; in a nested state the path, with dots."""
    index: int
    """Its index there, from 0; arrays of several axes are flattened in row-major order."""


@dataclass(frozen=True)
class Recording:
    """The value of every unit after each token; the columns of `values` are the `units`."""

    units: tuple[StateUnit, ...]
    values: Float32[np.ndarray, "time units"]


def record_units(network: TrainedModel, tokens: Integer[np.ndarray, " length"]) -> Recording:
    """Read `tokens` in one batch row from the initial state, and return the whole state after each.

    4 bytes for each token and unit: a text of 20,000 characters and 1,024 units are 80 MB.
    Raises CharloopError for no tokens, and for ids out of range.
    """
    tokens, state = check_tokens(network, tokens, min_length=1), network.model.initial_state(1)
    units = list_units(state)
    values = np.empty((len(tokens), len(units)), np.float32)
    for start, piece, size in split_pieces(tokens, PIECE):
        state, rows = _record(network.model, network.params, piece[:, 0], state)
        values[start : start + size] = np.asarray(rows)[:size]
    return Recording(units, values)


def list_units(state: State) -> tuple[StateUnit, ...]:
    """Return every unit of a state of one batch row, in the order of its leaves."""
    return tuple(
        StateUnit(layer, keystr(path, simple=True, separator="."), index)
        for layer, own in enumerate(state)
        for path, leaf in tree_flatten_with_path(own)[0]
        for index in range(leaf.size)
    )


@partial(jax.jit, static_argnames="model")
def _record(
    model: CharLM, params: Parameters, tokens: Int[Array, " time"], state: State
) -> tuple[State, Float[Array, "time units"]]:
    def read_token(state: State, token: Int[Array, ""]) -> tuple[State, Float[Array, " units"]]:
        characters: Characters = token.reshape(1, 1)
        state = model.apply(params, characters, state)[1]
        leaves = [leaf.reshape(-1).astype(jnp.float32) for leaf in jax.tree.leaves(state)]
        return state, jnp.concatenate(leaves)

    return lax.scan(read_token, state, tokens)
