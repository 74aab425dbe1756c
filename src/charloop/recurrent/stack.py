"""Layers, one on the other: again a layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
from jaxtyping import Array

from charloop.dropout import dropout
from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.recurrent.base import CallOptions, Layer, Output
from charloop.types import Parameters, RandomKey, State
from charloop.unroll import LayerInput

INNER = 2**16
"""What the key of a layer's own masks is folded with, beside its number: no number of a place between layers."""


@dataclass(frozen=True)
class Stack(Layer):
    """Layers (stacks too), each reading the outputs of the one before, some of them dropped.

    Layers are values without parameters: `Stack([layer] * 3)` has three sets of them. Parameter NAME of layer n
    is `NAME_ln`, counted from 0, as in PyTorch; the state is a tuple, one of each layer.
    """

    layers: Sequence[Layer]
    """At least one, kept as a tuple. Which axis comes first is the stack's to say, not theirs."""
    dropout: float = 0.0
    """Share of outputs dropped between two layers; in [0, 1)."""
    dropout_kind: str = "element"
    """`element`: a fresh mask each step; `variational`: one for a whole call (Gal and Ghahramani 2016)."""
    batch_major: bool = False
    """Whether inputs, outputs and resets are `[batch, time, ...]`."""

    def __post_init__(self) -> None:
        layers = self.layers if isinstance(self.layers, Sequence) else ()
        if not layers or not all(isinstance(layer, Layer) for layer in layers):
            raise CharloopError("layers of a stack", got=self.layers, allowed="one layer or more, in a list")
        if any(layer.batch_major for layer in layers):
            raise CharloopError("batch_major of a layer in a stack", do="give it to the stack alone")
        if not 0 <= self.dropout < 1:
            raise CharloopError("dropout", got=self.dropout, allowed="at least 0 and below 1")
        if self.dropout_kind not in ("element", "variational"):
            raise CharloopError("dropout_kind", got=self.dropout_kind, allowed="element, variational")
        object.__setattr__(self, "layers", tuple(layers))

    @property
    def output_size(self) -> int:
        """The last layer's."""
        return self.layers[-1].output_size

    @property
    def engine(self) -> Engine:
        """The first layer's."""
        return self.layers[0].engine

    @property
    def reasons(self) -> tuple[str, ...]:
        """Those of its layers, each once."""
        return tuple(dict.fromkeys(reason for layer in self.layers for reason in layer.reasons))

    @property
    def needs_key(self) -> bool:
        """Whether something is dropped, here or in a stack inside."""
        between = self.dropout > 0 and len(self.layers) > 1
        return between or any(layer.needs_key for layer in self.layers)

    def without_dropout(self) -> "Stack":
        """The same layers for evaluation, with the same parameters: nothing is dropped, and no key is needed."""
        layers = [layer.without_dropout() if isinstance(layer, Stack) else layer for layer in self.layers]
        return replace(self, layers=tuple(layers), dropout=0.0)

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """The parameters of all layers."""
        return self.init_each([*jax.random.split(key, len(self.layers))], input_size)

    def init_each(self, keys: Sequence[RandomKey], input_size: int) -> Parameters:
        """The parameters of all layers, each from a key of its own."""
        params: Parameters = {}
        for number, (layer, key) in enumerate(zip(self.layers, keys, strict=True)):
            own = layer.init(key, input_size)
            params |= {f"{name}_l{number}": value for name, value in own.items()}
            input_size = layer.output_size
        return params

    def initial_state(self, batch_size: int) -> State:
        """The memory of every layer."""
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
            own = select_parameters(params, number)
            made, after = layer.run(own, reads, before, _inside(layer, number, options))
            outputs += made
            states.append(after)
        return outputs, tuple(states)

    def check_precision(self) -> None:
        """See `Layer.check_precision`."""
        for layer in self.layers:
            layer.check_precision()


def _inside(layer: Layer, number: int, options: CallOptions) -> CallOptions:
    """For layer `number`, if it drops something: masks of its own."""
    if options.key is None or not layer.needs_key:
        return options
    return replace(options, key=jax.random.fold_in(options.key, INNER + number))


def drop_outputs(place: int, rate: float, kind: str, values: Output, options: CallOptions) -> Output:
    """`values` with a share of them dropped where there is a key; the masks are those of the place's number."""
    if not rate or options.key is None:
        return values
    batch_rows = jnp.arange(values.shape[1]) if options.batch_rows is None else options.batch_rows
    key = jax.random.fold_in(options.key, place)
    return dropout(key, rate, values, batch_rows, variational=kind == "variational")


def select_parameters(params: Parameters, number: int) -> dict[str, Array]:
    """The parameters of one layer of a stack, under the layer's own names."""
    suffix = f"_l{number}"
    return {name.removesuffix(suffix): value for name, value in params.items() if name.endswith(suffix)}
