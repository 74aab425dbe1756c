"""The simple recurrent cell."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import Cell, linear
from charloop.types import Parameters, State


@dataclass(frozen=True)
class RNN(Cell):
    """The simple recurrent network (Elman 1990).

    `h = tanh(W x + b_ih + R h + b_hh)`, as `torch.nn.RNN`.
    """

    gates: ClassVar[int] = 1

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        hidden = jnp.tanh(linear(params, "ih", inputs) + linear(params, "hh", state["hidden"]))
        return {"hidden": hidden}, hidden
