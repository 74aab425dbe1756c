"""The contract of a cell, one time step of a recurrent layer: code that runs cells relies on nothing else."""

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
    """One time step of a layer, from its input and its state; every unrolling runs it.

    All its matrix products go through `product` or `linear`. An engine finds them in the step's trace, computes those
    of the input for all time steps at once, and compiles what lies between them. A step operates on the last axis
    only, whatever axes come before it.

    The fields of a subclass are its options (`--cell-options NAME=VALUE`). A cell is a frozen dataclass, so it is a
    value: the compiler treats two cells with equal options as one.
    """

    hidden_size: int
    """Number of units, at least 1; also the size of the output."""

    gates: ClassVar[int]
    """Number of blocks of `hidden_size` rows in `weight_ih` and `weight_hh`."""
    block_names: ClassVar[tuple[str, ...]] = ()
    """A display name for each block; if empty, blocks are numbered."""
    bias: ClassVar[bool] = True
    """Whether each of the two products has a bias, as in PyTorch."""
    state_names: ClassVar[tuple[str, ...]] = ("hidden",)
    """Names of the parts of the state; each part is `[batch, hidden]` and starts at zero."""

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """Return initial parameters under PyTorch's names and shapes; biases are 0.

        `weight_ih [gates*hidden, input]`: uniform with variance 1/input (LeCun et al. 1998). `weight_hh
        [gates*hidden, hidden]`: orthogonal, separately for each gate (Saxe et al. 2014). `bias_ih`, `bias_hh
        [gates*hidden]`: 0. PyTorch draws all of them uniformly within 1/sqrt(hidden), from which a language model
        learns more slowly (docs/results.md).
        """
        key_input, key_state = jax.random.split(key)
        spread, rotation = jax.nn.initializers.lecun_uniform(1, 0), jax.nn.initializers.orthogonal()
        # In sequence: jaxlib 0.10's batched factorisation deadlocks if two layers run it at the same time.
        keys = jax.random.split(key_state, self.gates)
        gates = lax.map(lambda key: rotation(key, (self.hidden_size,) * 2), keys)
        params = {
            "weight_ih": spread(key_input, (self.gates * self.hidden_size, input_size)),
            "weight_hh": jnp.concatenate(gates),
        }
        # Two separate arrays: the training step donates its buffers, and a buffer can be donated only once.
        biases = {name: jnp.zeros(self.gates * self.hidden_size) for name in ("bias_ih", "bias_hh")}
        return params | (biases if self.bias else {})

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first character: zeros, for `batch_size` batch rows."""
        return {name: jnp.zeros((batch_size, self.hidden_size)) for name in self.state_names}

    @abstractmethod
    def step(
        self, params: Parameters, inputs: Float[Array, "*batch input"], state: State
    ) -> tuple[State, Float[Array, "*batch hidden"]]:
        """Return the new state, of the same shapes, and the output; `params` are the whole layer's."""


def charloop_product(
    inputs: Float[Array, "*batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "*batch rows"]:
    """Return `inputs weightᵀ + bias`; the weight has PyTorch's layout."""
    result = jnp.einsum("...c,rc->...r", inputs, weight)
    return result if bias is None else result + bias


product = jax.jit(charloop_product)
PRODUCT = charloop_product.__name__
"""The name of this call in a trace."""


def linear(
    params: Parameters, name: str, inputs: Float[Array, "*batch columns"]
) -> Float[Array, "*batch rows"]:
    """Return `inputs weight_NAMEᵀ + bias_NAME`; without the bias if the layer has none."""
    made: Array = product(inputs, params[f"weight_{name}"], params.get(f"bias_{name}"))
    return made


def blocks(gates: Float[Array, "*batch gates"], count: int) -> list[Float[Array, "*batch hidden"]]:
    """Split the last axis into `count` gate blocks."""
    return jnp.split(gates, count, axis=-1)
