"""A stack of layers, which is a layer again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jaxtyping import Array

from charloop.dropout import apply_dropout
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.recurrent.base import CallOptions, Layer, Output
from charloop.types import Parameters, RandomKey, State
from charloop.unroll import LayerInput

INNER = 2**16
"""Added to a layer's number to derive the key of its own masks, distinct from the numbers between layers."""


@dataclass(frozen=True)
class Stack(Layer):
    """Layers (stacks too), each of which reads the outputs of the one before, with dropout between them.

    Layers are values without parameters: `Stack([layer] * 3)` has three sets of them. Parameter NAME of layer n is
    `NAME_ln`, counted from 0, as in PyTorch; the state is a tuple with one element per layer.
    """

    layers: Sequence[Layer]
    """At least one, stored as a tuple. Only the stack itself may be batch-major."""
    dropout: float = 0.0
    """Probability that an output between two layers is dropped; in [0, 1)."""
    dropout_kind: str = "element"
    """`element`: a new mask each step; `variational`: one for a whole call (Gal and Ghahramani 2016)."""
    batch_major: bool = False
    """Whether inputs, outputs and resets are `[batch, time, ...]`."""

    def __post_init__(self) -> None:
        layers = self.layers if isinstance(self.layers, Sequence) else ()
        if not layers or not all(isinstance(layer, Layer) for layer in layers):
            raise CharloopError("layers of a stack", got=self.layers, allowed="one layer or more, in a list")
        if any(layer.batch_major for layer in layers):
            raise CharloopError("batch_major of a layer in a stack", do="pass it to the stack only")
        if not 0 <= self.dropout < 1:
            raise CharloopError("dropout", got=self.dropout, allowed="at least 0 and below 1")
        if self.dropout_kind not in ("element", "variational"):
            raise CharloopError("dropout_kind", got=self.dropout_kind, allowed="element, variational")
        object.__setattr__(self, "layers", tuple(layers))

    @property
    def output_size(self) -> int:
        """Features of the last layer's output."""
        return self.layers[-1].output_size

    @property
    def engine(self) -> Engine:
        """The first layer's engine."""
        return self.layers[0].engine

    @property
    def reasons(self) -> tuple[str, ...]:
        """Those of its layers, without repetitions."""
        return tuple(dict.fromkeys(reason for layer in self.layers for reason in layer.reasons))

    @property
    def needs_key(self) -> bool:
        """Whether there is dropout, here or in a stack inside."""
        between = self.dropout > 0 and len(self.layers) > 1
        return between or any(layer.needs_key for layer in self.layers)

    def without_dropout(self) -> "Stack":
        """Return the same layers for evaluation, with the same parameters and without dropout; no key is needed."""
        layers = [layer.without_dropout() if isinstance(layer, Stack) else layer for layer in self.layers]
        return replace(self, layers=tuple(layers), dropout=0.0)

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """Return the parameters of all layers."""
        return self.init_each([*jax.random.split(key, len(self.layers))], input_size)

    def init_each(self, keys: Sequence[RandomKey], input_size: int) -> Parameters:
        """Return the parameters of all layers, each from its own key."""
        params: Parameters = {}
        for number, (layer, key) in enumerate(zip(self.layers, keys, strict=True)):
            own = layer.init(key, input_size)
            params |= {f"{name}_l{number}": value for name, value in own.items()}
            input_size = layer.output_size
        return params

    def initial_state(self, batch_size: int) -> State:
        """Return the memory of every layer."""
        return tuple(layer.initial_state(batch_size) for layer in self.layers)

    def run(
        self, params: Parameters, inputs: LayerInput, state: State, options: CallOptions
    ) -> tuple[list[Output], State]:
        """See `Layer.run`."""
        outputs: list[Output] = []
        states = []
        for number, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            reads = inputs
            if number:
                reads = drop_outputs(number, self.dropout, self.dropout_kind, outputs[-1], options)
            own, inner = select_parameters(params, number), options
            if options.key is not None and layer.needs_key:
                inner = replace(options, key=jax.random.fold_in(options.key, INNER + number))
            made, after = layer.run(own, reads, before, inner)
            outputs += made
            states.append(after)
        return outputs, tuple(states)

    def check_precision(self) -> None:
        """See `Layer.check_precision`."""
        for layer in self.layers:
            layer.check_precision()


def drop_outputs(number: int, rate: float, kind: str, values: Output, options: CallOptions) -> Output:
    """Apply dropout to `values` if there is a key; `number` selects the masks."""
    if not rate or options.key is None:
        return values
    batch_rows = jnp.arange(values.shape[1]) if options.batch_rows is None else options.batch_rows
    key = jax.random.fold_in(options.key, number)
    return apply_dropout(key, rate, values, batch_rows, variational=kind == "variational")


def select_parameters(params: Parameters, number: int) -> dict[str, Array]:
    """Return the parameters of one layer of a stack, under the layer's own names."""
    suffix = f"_l{number}"
    return {name.removesuffix(suffix): value for name, value in params.items() if name.endswith(suffix)}
