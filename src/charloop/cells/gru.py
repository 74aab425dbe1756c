"""Gated recurrent units: cuDNN's form and the original one."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid
from jaxtyping import Array, Float

from charloop.cells.base import Cell, blocks, linear
from charloop.types import Parameters, State


@dataclass(frozen=True)
class GRU(Cell):
    """The GRU of cuDNN and `torch.nn.GRU`: the reset gate acts after the product with the state.

    `r = σ(W_r x + R_r h)`; `z = σ(W_z x + R_z h)`; `n = tanh(W_n x + b_n + r (R_n h + b_hn))`;
    `h = (1 - z) n + z h`. Every product has its bias.
    """

    gates: ClassVar[int] = 3
    block_names: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        reset_input, update_input, new_input = blocks(linear(params, "ih", inputs), self.gates)
        reset_state, update_state, new_state = blocks(linear(params, "hh", state["hidden"]), self.gates)
        update = sigmoid(update_input + update_state)
        new = jnp.tanh(new_input + sigmoid(reset_input + reset_state) * new_state)
        hidden = new + update * (state["hidden"] - new)
        return {"hidden": hidden}, hidden


@dataclass(frozen=True)
class OriginalGRU(Cell):
    """The GRU of Cho et al. 2014 and TensorFlow 1: the reset gate acts on the state before the product.

    `n = tanh(W_n x + b_n + R_n (r h) + b_hn)`, the rest as `GRU`. Parameters have the same names and shapes as
    `GRU`'s, but another meaning. `z` keeps the old state, as in PyTorch and TensorFlow. The second product with the
    state depends on the first, so a step takes longer.
    """

    gates: ClassVar[int] = 3
    block_names: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        hidden, split = state["hidden"], 2 * self.hidden_size
        gates, candidate = (
            {name: array[rows] for name, array in params.items()} for rows in np.s_[:split, split:]
        )
        both = linear(gates, "ih", inputs) + linear(gates, "hh", hidden)
        reset, update = blocks(sigmoid(both), 2)
        new = jnp.tanh(linear(candidate, "ih", inputs) + linear(candidate, "hh", reset * hidden))
        hidden = new + update * (hidden - new)
        return {"hidden": hidden}, hidden


def gru(hidden_size: int, *, reset_after: bool = True) -> Cell:
    """Gated recurrent unit (Cho et al. 2014), in cuDNN's and PyTorch's form.

    `reset_after=False` selects the original form, which TensorFlow 1 also uses; it is slower.
    """
    return GRU(hidden_size) if reset_after else OriginalGRU(hidden_size)
