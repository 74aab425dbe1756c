"""Three user-defined cells; docs/extending.md explains how to write one.

charloop train book.txt --cell examples/my_cells.py:SkipLSTM
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from charloop.cells import Cell, blocks, linear, product
from charloop.cells.lstm import LSTM
from charloop.types import Parameters, RandomKey, State


@dataclass(frozen=True)
class SkipLSTM(LSTM):
    """An LSTM whose memory skips: the forget gate reads a blend of the cell at t-1 and at t-2.

    `c' = s c[t-1] + (1 - s) c[t-2]` with `s = σ(skip)`, one learned number per unit. The rest is `lstm` with `c'`
    in place of the previous cell: `c[t] = σ(f) c' + σ(i) tanh(g)`; `h = σ(o) tanh(c[t])`.
    """

    skip_start: float = 2.0
    """Initial value of `skip`. At 2, a unit takes 88 % of c[t-1] and 12 % of c[t-2]."""

    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell", "cell_before")

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        return super().init(key, input_size) | {"skip": jnp.full(self.hidden_size, self.skip_start)}

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        gates = linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])
        write, forget, value, output = blocks(gates, self.gates)
        share = sigmoid(params["skip"])
        blend = share * state["cell"] + (1 - share) * state["cell_before"]
        cell = sigmoid(forget) * blend + sigmoid(write) * jnp.tanh(value)
        hidden = sigmoid(output) * jnp.tanh(cell)
        return {"hidden": hidden, "cell": cell, "cell_before": state["cell"]}, hidden


@dataclass(frozen=True)
class MultiplicativeLSTM(Cell):
    """The multiplicative LSTM of Krause et al. 2016: each character selects its own recurrent matrix through `m`.

    `m = (W_m x) (R_m h)`; `i, f, g, o = W x + b_ih + R m + b_hh`; then as `lstm`. The second product in the loop
    reads the result of the first.
    """

    gates: ClassVar[int] = 4
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell")

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        key, key_input, key_state = jax.random.split(key, 3)
        units, bound = self.hidden_size, self.hidden_size**-0.5
        own = {
            "weight_im": jax.random.uniform(key_input, (units, input_size), minval=-bound, maxval=bound),
            "weight_hm": jax.random.uniform(key_state, (units, units), minval=-bound, maxval=bound),
        }
        return super().init(key, input_size) | own

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        mixed = product(inputs, params["weight_im"]) * product(state["hidden"], params["weight_hm"])
        gates = linear(params, "ih", inputs) + linear(params, "hh", mixed)
        write, forget, value, output = blocks(gates, self.gates)
        cell = sigmoid(forget) * state["cell"] + sigmoid(write) * jnp.tanh(value)
        hidden = sigmoid(output) * jnp.tanh(cell)
        return {"hidden": hidden, "cell": cell}, hidden


@dataclass(frozen=True)
class Mogrifier(LSTM):
    """The Mogrifier LSTM of Melis et al. 2020 (equations 1 and 2): input and state scale each other before the step.

    In turn `x = 2 σ(Q h) x` and `h = 2 σ(R x) h`, `rounds` times in all, with matrices of their own in each round;
    then as `lstm`. Deviation: the matrices are whole, where the paper's larger networks factor them. It has a kernel
    where the inputs have as many features as the layer has units (`--embed-size`); elsewhere XLA's loop runs.
    """

    rounds: int = 5
    """How many times one of the two scales the other; 0 is an ordinary LSTM."""

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        params = super().init(key, input_size)
        for number in range(1, self.rounds + 1):
            rows, columns = (input_size, self.hidden_size)[:: 1 if number % 2 else -1]
            bound, place = columns**-0.5, jax.random.fold_in(key, number)
            params[f"weight_q{number}"] = jax.random.uniform(
                place, (rows, columns), minval=-bound, maxval=bound
            )
        return params

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        hidden = state["hidden"]
        for number in range(1, self.rounds + 1):
            weight = params[f"weight_q{number}"]
            if number % 2:
                inputs = 2 * sigmoid(product(hidden, weight)) * inputs
            else:
                hidden = 2 * sigmoid(product(inputs, weight)) * hidden
        return super().step(params, inputs, {"hidden": hidden, "cell": state["cell"]})
