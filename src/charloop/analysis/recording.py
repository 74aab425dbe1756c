"""The state of every unit of a network, after each token of a text."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import keystr, tree_flatten_with_path
from jaxtyping import Array, Float, Float32, Int, Integer

from charloop.analysis.reading import checked, pieces
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Characters, Parameters, State

PIECE = 512
"""Ticks of one compiled loop; what they leave is then taken to the host."""


@dataclass(frozen=True, order=True)
class Unit:
    """One number of a network's memory."""

    layer: int
    """From 0, the one that reads the characters."""
    part: str
    """Where it is in the layer's state: "hidden", "cell"; of a nested state the path, with dots."""
    index: int
    """Its place there, from 0; an array of several axes is numbered row by row."""


@dataclass(frozen=True)
class Recording:
    """What every unit was after each token; the columns of `values` are the `units`."""

    units: tuple[Unit, ...]
    values: Float32[np.ndarray, "time units"]


def record(network: TrainedModel, tokens: Integer[np.ndarray, " length"]) -> Recording:
    """Read `tokens` in one lane from an empty memory, and keep the whole memory after each.

    4 bytes for each token and unit: a text of 20,000 characters and 1,024 units are 80 MB.
    Raises CharloopError for no tokens, and for ids out of range.
    """
    tokens, state = checked(network, tokens, least=1), network.model.initial_state(1)
    units = units_of(state)
    values = np.empty((len(tokens), len(units)), np.float32)
    for start, piece, size in pieces(tokens, PIECE):
        state, rows = _record(network.model, network.params, piece[:, 0], state)
        values[start : start + size] = np.asarray(rows)[:size]
    return Recording(units, values)


def units_of(state: State) -> tuple[Unit, ...]:
    """Every number of a state of one lane, in the order of `flat`."""
    return tuple(
        Unit(layer, keystr(path, simple=True, separator="."), index)
        for layer, own in enumerate(state)
        for path, leaf in tree_flatten_with_path(own)[0]
        for index in range(leaf.size)
    )


def flat(state: State) -> Float[Array, " units"]:
    """The numbers of a state of one lane, one after the other."""
    return jnp.concatenate([leaf.reshape(-1).astype(jnp.float32) for leaf in jax.tree.leaves(state)])


@partial(jax.jit, static_argnames="model")
def _record(
    model: CharLM, params: Parameters, tokens: Int[Array, " time"], state: State
) -> tuple[State, Float[Array, "time units"]]:
    def tick(state: State, token: Int[Array, ""]) -> tuple[State, Float[Array, " units"]]:
        characters: Characters = token.reshape(1, 1)
        state = model.apply(params, characters, state)[1]
        return state, flat(state)

    return lax.scan(tick, state, tokens)
