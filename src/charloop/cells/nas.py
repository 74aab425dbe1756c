"""A cell found by neural architecture search."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jax.nn import relu, sigmoid
from jaxtyping import Array, Float

from charloop.cells.base import Cell, blocks, linear
from charloop.types import Parameters, State


@dataclass(frozen=True)
class NAS(Cell):
    """The cell found by neural architecture search (Zoph and Le 2017, figure 8).

    It follows the implementation of TensorFlow 1 and char-rnn-tensorflow.
    With `a = W x` and `m = R h` in eight blocks and no bias, it is a tree of three levels:
    `p = tanh(σ(a0+m0) relu(a1+m1))`, `q = tanh(σ(a2+m2) + relu(a3 m3))`, `r = tanh(tanh(a4+m4) σ(a5+m5))`,
    `s = σ(tanh(a6+m6) + σ(a7+m7))`; then `c = tanh(p + c) q` and `h = tanh(c tanh(r + s))`.
    """

    gates: ClassVar[int] = 8
    bias: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell")

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        a = blocks(linear(params, "ih", inputs), self.gates)
        m = blocks(linear(params, "hh", state["hidden"]), self.gates)
        first = jnp.tanh(sigmoid(a[0] + m[0]) * relu(a[1] + m[1]))
        second = jnp.tanh(sigmoid(a[2] + m[2]) + relu(a[3] * m[3]))
        third = jnp.tanh(jnp.tanh(a[4] + m[4]) * sigmoid(a[5] + m[5]))
        fourth = sigmoid(jnp.tanh(a[6] + m[6]) + sigmoid(a[7] + m[7]))
        cell = jnp.tanh(first + state["cell"]) * second
        hidden = jnp.tanh(cell * jnp.tanh(third + fourth))
        return {"hidden": hidden, "cell": cell}, hidden
