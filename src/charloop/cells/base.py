"""What a cell is: the arithmetic of one tick. The engine is written against this page and asks no cell's name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from charloop.types import Parameters, RandomKey, State


@dataclass(frozen=True)
class Cell(ABC):
    """A cell that takes one whole step; it runs in every unrolling but `fused`.

    Fields of a subclass are its options (`--cell-options NAME=VALUE`). A frozen dataclass, so that a cell is
    a value: two cells with the same options are the same cell to the compiler.
    """

    hidden_size: int
    """Units, at least 1; also the size of the output."""

    gates: ClassVar[int]
    """Blocks of `hidden_size` rows in `weight_ih` and `weight_hh`."""
    block_names: ClassVar[tuple[str, ...]] = ()
    """What the blocks are called where people see them, one name for each; without any they are numbered."""
    bias: ClassVar[bool] = True
    """Whether the two products have a bias each, as in PyTorch."""
    state_names: ClassVar[tuple[str, ...]] = ("hidden",)
    """Parts of the state; each is `[batch, hidden]` and starts at zero."""

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """Matrices that carry a signal from the first step on, biases 0; PyTorch's names and shapes.

        `weight_ih [gates*hidden, input]`: uniform of variance 1/input (LeCun et al. 1998). `weight_hh
        [gates*hidden, hidden]`: orthogonal, each gate by itself (Saxe et al. 2014). `bias_ih`, `bias_hh
        [gates*hidden]`: 0. PyTorch draws all of them within 1/sqrt(hidden), from which a language model learns
        more slowly (docs/results.md).
        """
        key_input, key_state = jax.random.split(key)
        spread, rotation = jax.nn.initializers.lecun_uniform(1, 0), jax.nn.initializers.orthogonal()
        # One after another: jaxlib 0.10's factorisation of several at once waits for ever if two layers meet in it.
        keys = jax.random.split(key_state, self.gates)
        gates = lax.map(lambda key: rotation(key, (self.hidden_size,) * 2), keys)
        params = {
            "weight_ih": spread(key_input, (self.gates * self.hidden_size, input_size)),
            "weight_hh": jnp.concatenate(gates),
        }
        # Two arrays, not one twice: the step donates its buffers, and a buffer can be donated only once.
        biases = {name: jnp.zeros(self.gates * self.hidden_size) for name in ("bias_ih", "bias_hh")}
        return params | (biases if self.bias else {})

    def initial_state(self, batch_size: int) -> State:
        """The state before the first character: zeros, for `batch_size` lanes."""
        return {name: jnp.zeros((batch_size, self.hidden_size)) for name in self.state_names}

    @abstractmethod
    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        """One tick from the layer's input: the new state, and the output."""


@dataclass(frozen=True)
class TickCell(Cell):
    """A cell whose two matrix products are the engine's, so that `fused` can run it: the usual case.

    The engine hands over `from_input = x weight_ihᵀ + bias_ih`, made for all times at once before the loop, and
    `from_state = recurrent(state) weight_hhᵀ + bias_hh`, the loop's one product. `tick` is everything else. It
    broadcasts over leading axes, holds no matrix product, and is differentiated by JAX.
    """

    def recurrent(self, state: State) -> Float[Array, "*batch hidden"]:
        """The part of the state that the loop's product reads."""
        hidden: Float[Array, "*batch hidden"] = state["hidden"]
        return hidden

    @abstractmethod
    def tick(
        self,
        params: Parameters,
        from_input: Float[Array, "*batch gates"],
        from_state: Float[Array, "*batch gates"],
        state: State,
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        """The new state and the output; `params` are all of the layer's."""

    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        """The same tick, with both products made here."""
        from_input = product(inputs, params["weight_ih"], params.get("bias_ih"))
        from_state = product(self.recurrent(state), params["weight_hh"], params.get("bias_hh"))
        return self.tick(params, from_input, from_state, state)


def product(
    inputs: Float[Array, "*batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "*batch rows"]:
    """`inputs weightᵀ + bias`: the weight lies as PyTorch keeps it."""
    result = jnp.einsum("...c,rc->...r", inputs, weight)
    return result if bias is None else result + bias


def blocks(gates: Float[Array, "*batch gates"], count: int) -> list[Float[Array, "*batch hidden"]]:
    """A layer's gate blocks, apart."""
    return jnp.split(gates, count, axis=-1)
