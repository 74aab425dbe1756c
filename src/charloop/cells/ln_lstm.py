"""Long short-term memory with layer normalisation."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jax import lax
from jax.nn import sigmoid
from jaxtyping import Array, Float

from charloop.cells.base import Cell, blocks, linear
from charloop.types import Parameters, RandomKey, State

EPSILON = 1e-5


@dataclass(frozen=True)
class LayerNormLSTM(Cell):
    """LSTM with layer normalisation of each gate (Ba et al. 2016), as in the tutorial.

    `i, f, g, o = LN(W x + R h)` without bias; each gate is normalised over its units with its own scale and shift,
    epsilon 1e-5; then as `lstm`. Deviation from the paper: its equations 20 to 22 normalise `W x` and `R h`
    separately, and the cell state before the readout; `normalize_cell` adds the latter. The forget gate's initial
    bias of 1 is the initial value of its shift, which computes the same function.
    """

    normalize_cell: bool = False
    """Normalise the cell state before it is read out, too (Ba et al. 2016, equation 22)."""

    gates: ClassVar[int] = 4
    block_names: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    bias: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell")

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        rows, units = 4 * self.hidden_size, self.hidden_size
        shift = jnp.zeros(rows).at[units : 2 * units].set(1.0)
        params = super().init(key, input_size) | {"norm_scale": jnp.ones(rows), "norm_shift": shift}
        own = {"cell_scale": jnp.ones(units), "cell_shift": jnp.zeros(units)}
        return params | (own if self.normalize_cell else {})

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        total = linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])
        normal = [standardize(gate) for gate in blocks(total, self.gates)]
        gates = jnp.concatenate(normal, axis=-1) * params["norm_scale"] + params["norm_shift"]
        write, forget, value, output = blocks(gates, self.gates)
        cell = sigmoid(forget) * state["cell"] + sigmoid(write) * jnp.tanh(value)
        read = cell
        if self.normalize_cell:
            read = standardize(cell) * params["cell_scale"] + params["cell_shift"]
        hidden = sigmoid(output) * jnp.tanh(read)
        return {"hidden": hidden, "cell": cell}, hidden


def standardize(values: Float[Array, "*batch hidden"]) -> Float[Array, "*batch hidden"]:
    """Return `values` with mean 0 and variance 1 over the units (without Bessel's correction)."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
