"""The interface of all layers: one call, which checks its arguments and then passes them on unchanged."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.engines import Engine
from charloop.errors import CharloopError
from charloop.recurrent.checking import Unchecked, check_call
from charloop.types import Parameters, RandomKey, State
from charloop.unroll import LayerInput, Lookup

Output = Float[Array, "time batch hidden"]


@dataclass(frozen=True)
class CallOptions:
    """Optional arguments of a call: resets and lengths of batch rows, and the source of dropout masks."""

    resets: Bool[Array, "time batch"] | None = None
    lengths: Int[Array, " batch"] | None = None
    key: RandomKey | None = None
    batch_rows: Int[Array, " batch"] | None = None


class Layer(ABC):
    """A recurrent layer, or several: parameters and memory go in, outputs and memory come out.

    A layer is a frozen value without arrays: it can be a static argument of `jax.jit` and a dictionary key.
    """

    batch_major: bool
    """Whether inputs, outputs and resets are `[batch, time, ...]` instead of `[time, batch, ...]`."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Features of an output."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The engine that runs the layer, kernels or XLA's loop, chosen when it is built."""

    @property
    @abstractmethod
    def reasons(self) -> tuple[str, ...]:
        """Why something slower than `unroll` runs the layer here, a line each; empty if it runs as requested."""

    @property
    @abstractmethod
    def needs_key(self) -> bool:
        """Whether it has dropout, so that a call needs a key."""

    @abstractmethod
    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """Return initial parameters for inputs of that many features, as a flat dictionary. Equal keys, equal
        parameters.
        """

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """Return the memory of that many batch rows before their first step."""

    @abstractmethod
    def run(
        self, params: Parameters, inputs: LayerInput, state: State, options: CallOptions
    ) -> tuple[list[Output], State]:
        """`apply` for checked, time-major float32 arguments: return the outputs of every layer, and the state."""

    @abstractmethod
    def check_precision(self) -> None:
        """Raise CharloopError if products are requested in a precision that the engine does not have."""

    def apply(
        self,
        params: Mapping[str, Unchecked],
        inputs: Unchecked,
        state: State | None = None,
        *,
        resets: Unchecked = None,
        lengths: Unchecked = None,
        key: RandomKey | None = None,
        batch_rows: Unchecked = None,
        every_layer: bool = False,
    ) -> tuple[Output | tuple[Output, ...], State]:
        """Return the outputs `[time, batch, output_size]` of all time steps, and the memory after the last.

        `inputs [time, batch, input]` are read with memory `state`, by default an empty one (`initial_state`). Before
        a step whose `resets[time, batch]` (bool) is true, that row's memory is emptied. Row b ends after `lengths[b]`
        (integers, 0 to time) steps: its memory stays, its outputs are 0. Dropout draws its masks from `key`; row b
        has the masks of row number `batch_rows[b]` (0, 1, ... by default), whatever other rows are in the batch. With
        `every_layer`, the outputs are a tuple of one array per layer, the first layer's first.

        With `batch_major`, `inputs`, `resets` and outputs are `[batch, time, ...]`; memory is the same.

        Numbers are float32; bfloat16 and float16 are widened to it. Raises CharloopError, in one line, for other
        types, for shapes that do not fit, if a key is missing, and inside a `jax.shard_map` that checks which values
        vary.
        """
        self.check_precision()
        checked, inputs, state, resets, lengths = check_call(self, params, inputs, state, resets, lengths)
        if key is None and self.needs_key:
            raise CharloopError(
                "a layer with dropout needs a key", do="pass key=, or use without_dropout() for evaluation"
            )
        if self.batch_major:
            is_lookup = isinstance(inputs, Lookup)
            inputs = Lookup(inputs.table, inputs.characters.T) if is_lookup else swap_axes(inputs)
            resets = None if resets is None else resets.T
        options = CallOptions(resets, lengths, key, None if batch_rows is None else jnp.asarray(batch_rows))
        with _explain_forward_mode():
            outputs, state = self.run(checked, inputs, state, options)
        given = [swap_axes(output) for output in outputs] if self.batch_major else outputs
        return tuple(given) if every_layer else given[-1], state


def swap_axes(values: Float[Array, "first second features"]) -> Float[Array, "second first features"]:
    """Exchange time and batch."""
    return jnp.swapaxes(values, 0, 1)


@contextmanager
def _explain_forward_mode() -> Iterator[None]:
    """Say what to do when JAX refuses forward-mode differentiation; under `jit` JAX's own error appears later."""
    try:
        yield
    except TypeError as error:
        if "forward-mode" not in str(error):
            raise
        raise CharloopError(
            "forward-mode differentiation (jax.jvp, jax.jacfwd, jax.hessian) of a loop with a custom gradient",
            do='build the layer with unroll="scan"',
        ) from error
