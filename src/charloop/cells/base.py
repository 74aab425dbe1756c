"""What a cell is: one step. Whatever runs cells is written against this page and asks no cell's name."""

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
    """One step of a layer, from its input and its state; every unrolling runs it.

    Its matrix products are those of `product` or `linear`: an engine finds them in the step's trace, makes those of
    the input for all times at once, and compiles what is between them. A step works along the last axis alone,
    whatever axes are before it.

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
        """The new state, of the same shapes, and the output; `params` are all of the layer's."""


def charloop_product(
    inputs: Float[Array, "*batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "*batch rows"]:
    """`inputs weightᵀ + bias`: the weight lies as PyTorch keeps it. A cell's products are made by this."""
    result = jnp.einsum("...c,rc->...r", inputs, weight)
    return result if bias is None else result + bias


product = jax.jit(charloop_product)
PRODUCT = charloop_product.__name__
"""What such a call is named in a trace."""


def linear(
    params: Parameters, name: str, inputs: Float[Array, "*batch columns"]
) -> Float[Array, "*batch rows"]:
    """`inputs weight_NAMEᵀ + bias_NAME`; without the bias where there is none."""
    made: Array = product(inputs, params[f"weight_{name}"], params.get(f"bias_{name}"))
    return made


def blocks(gates: Float[Array, "*batch gates"], count: int) -> list[Float[Array, "*batch hidden"]]:
    """A layer's gate blocks, apart."""
    return jnp.split(gates, count, axis=-1)
