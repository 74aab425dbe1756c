"""The share of the time that each unit's gates are shut, or open."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float64, Int, Integer

from charloop.analysis.gates import name_gates, step_with_gates
from charloop.analysis.reading import check_tokens
from charloop.model import CharLM, layer_parameters
from charloop.trained import TrainedModel
from charloop.types import Parameters, State

LEFT, RIGHT = 0.1, 0.9


@dataclass(frozen=True)
class Gate:
    """One gate of one layer, and how often it is saturated: for each unit, shares of time whose sum is at most 1."""

    layer: int
    """From 0, the one that reads the characters."""
    name: str
    """The block of the input matrix that it depends on: "forget", or "block 1" if the cell does not name it."""
    left: Float64[np.ndarray, " units"]
    """Below 0.1: shut."""
    right: Float64[np.ndarray, " units"]
    """Above 0.9: open."""


def measure_saturation(network: TrainedModel, tokens: Integer[np.ndarray, " length"]) -> tuple[Gate, ...]:
    """Return the gates of every layer while the network reads `tokens` from the initial state; () for a cell without.

    Karpathy, Johnson and Li 2015 (Visualizing and understanding recurrent networks, "Gate activation statistics"):
    a gate is left-saturated below 0.1, right-saturated above 0.9. Deviations: the gates are whatever goes through a
    logistic function in the cell's step, so other cells are included; the time is that of one text, read once.

    Raises CharloopError for no tokens, and for ids out of range.
    """
    tokens, model = check_tokens(network, tokens, min_length=1), network.model
    counts = _counts(model, network.params, tokens)
    return tuple(
        Gate(layer, name, *(np.asarray(count) / len(tokens) for count in own))
        for layer, gates in enumerate(counts)
        for name, own in zip(
            name_gates(model.cell, model.config.hidden_size if layer else model.input_size),
            gates,
            strict=True,
        )
    )


Counts = list[list[Int[Array, "2 hidden"]]]
"""For each layer and gate: how often each unit was left-saturated, and right-saturated."""


@partial(jax.jit, static_argnames="model")
def _counts(model: CharLM, params: Parameters, tokens: Int[Array, " time"]) -> Counts:
    own = [layer_parameters(params, layer) for layer in range(model.config.num_layers)]

    def read_token(state: State, token: Int[Array, ""]) -> tuple[State, Counts]:
        output, states, found = model.vectors(params, token.reshape(1, 1))[0], [], []
        for layer, before in zip(own, state, strict=True):
            after, output, gates = step_with_gates(model.cell, layer, output, before)
            states.append(after)
            found.append([saturated(gate) for gate in gates])
        return tuple(states), found

    def count(carry: tuple[State, Counts], token: Int[Array, ""]) -> tuple[tuple[State, Counts], None]:
        state, found = read_token(carry[0], token)
        return (state, jax.tree.map(jnp.add, carry[1], found)), None

    start = model.initial_state(1)
    shapes = jax.eval_shape(lambda: read_token(start, tokens[0])[1])
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    counts: Counts = lax.scan(count, (start, zeros), tokens)[0][1]
    return counts


def saturated(gate: Array) -> Int[Array, "2 hidden"]:
    """Return 1 where a gate of one batch row is left-saturated, and where it is right-saturated."""
    return jnp.stack([gate[0] < LEFT, gate[0] > RIGHT]).astype(jnp.int32)
