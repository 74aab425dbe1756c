"""The plain recurrent cell."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import TickCell
from charloop.types import Parameters, State


@dataclass(frozen=True)
class RNN(TickCell):
    """The plain recurrent network (Elman 1990).

    `h = tanh(W x + b_ih + R h + b_hh)`, as `torch.nn.RNN`.
    """

    gates: ClassVar[int] = 1

    def tick(
        self,
        params: Parameters,  # noqa: ARG002
        from_input: Float[Array, "*batch gates"],
        from_state: Float[Array, "*batch gates"],
        state: State,  # noqa: ARG002
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        hidden = jnp.tanh(from_input + from_state)
        return {"hidden": hidden}, hidden
