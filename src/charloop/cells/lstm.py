"""Long short-term memory."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from charloop.cells.base import Cell, blocks, linear
from charloop.types import Parameters, RandomKey, State


@dataclass(frozen=True)
class LSTM(Cell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, forget gate of Gers et al. 2000).

    As `torch.nn.LSTM`:
    `i, f, g, o = W x + b_ih + R h + b_hh`; `c = σ(f) c + σ(i) tanh(g)`; `h = σ(o) tanh(c)`.
    The forget gate's bias starts at 1 (Jozefowicz et al. 2015); PyTorch starts it near 0.
    `cap_input` replaces `σ(i)` with `min(σ(i), 1 - σ(f))`, so that no cell grows beyond 1 (Melis et al. 2018).
    """

    cap_input: bool = False
    """Let the input gate be at most 1 minus the forget gate (Melis et al. 2018)."""

    gates: ClassVar[int] = 4
    block_names: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell")

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        params = super().init(key, input_size)
        forget = slice(self.hidden_size, 2 * self.hidden_size)
        return params | {"bias_ih": params["bias_ih"].at[forget].set(1.0)}

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        gates = linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])
        write, forget, value, output = blocks(gates, self.gates)
        keep, take = sigmoid(forget), sigmoid(write)
        if self.cap_input:
            take = jnp.minimum(take, 1 - keep)
        cell = keep * state["cell"] + take * jnp.tanh(value)
        hidden = sigmoid(output) * jnp.tanh(cell)
        return {"hidden": hidden, "cell": cell}, hidden
