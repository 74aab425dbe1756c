"""What all layers have in common: one call, whose arguments are checked once and then handed on as they are."""

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
    """What goes with the inputs: beginnings and ends of rows, and what masks are drawn from."""

    resets: Bool[Array, "time batch"] | None = None
    lengths: Int[Array, " batch"] | None = None
    key: RandomKey | None = None
    batch_rows: Int[Array, " batch"] | None = None


class Layer(ABC):
    """A recurrent layer, or several: parameters and memory go in, outputs and memory come out.

    A frozen value without arrays: it can be a static argument of `jax.jit`, and a key of a dictionary.
    """

    batch_major: bool
    """Whether inputs, outputs and resets are `[batch, time, ...]`. Time comes first if not."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Features of an output."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """What runs it: kernels, or XLA's loop. Decided when it is built."""

    @property
    @abstractmethod
    def reasons(self) -> tuple[str, ...]:
        """Why something slower than `unroll` runs it here, a line each; none where it runs as asked."""

    @property
    @abstractmethod
    def needs_key(self) -> bool:
        """Whether it drops something, so that a call must bring a key."""

    @abstractmethod
    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """Fresh parameters for inputs of that many features: a flat dictionary. Same key, same parameters."""

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The memory of that many rows before their first step."""

    @abstractmethod
    def run(
        self, params: Parameters, inputs: LayerInput, state: State, options: CallOptions
    ) -> tuple[list[Output], State]:
        """`apply` of what is float32, fits, and has time first: the outputs of every layer, and the state."""

    @abstractmethod
    def check_precision(self) -> None:
        """Raises CharloopError where products are asked for in a precision that its engine has not."""

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
        """The outputs `[time, batch, output_size]` of all times, and the memory after the last.

        `inputs [time, batch, input]` are read from `state`, or from an empty memory (`initial_state`). Before a step
        whose `resets[time, batch]` (bool) is true, that row's memory is emptied. Row b ends after `lengths[b]`
        (whole numbers, 0 to time) steps: its memory stays, its outputs are 0. `key` is what dropout draws its masks
        from; row b's are those of number `batch_rows[b]` (0, 1, ... if left out), whatever rows are beside it. With
        `every_layer` the outputs are a tuple, one array for each layer, the first layer's first.

        With `batch_major`, `inputs`, `resets` and outputs are `[batch, time, ...]`; memory is the same.

        Numbers are float32; bfloat16 and float16 are widened to it. Raises CharloopError, in one line, for other
        types, for shapes that do not fit, where a key is missing, and inside a `jax.shard_map` that checks which
        values vary.
        """
        self.check_precision()
        own, inputs, state, resets, lengths = check_call(self, params, inputs, state, resets, lengths)
        if key is None and self.needs_key:
            raise CharloopError(
                "a layer with dropout has no key", do="give key=, or to evaluate call it on without_dropout()"
            )
        if self.batch_major:
            inputs, resets = turned_inputs(inputs), None if resets is None else resets.T
        options = CallOptions(resets, lengths, key, None if batch_rows is None else jnp.asarray(batch_rows))
        with _explained():
            outputs, state = self.run(own, inputs, state, options)
        given = [turned(output) for output in outputs] if self.batch_major else outputs
        return tuple(given) if every_layer else given[-1], state


def turned(values: Float[Array, "first second features"]) -> Float[Array, "second first features"]:
    """Batch and time, the other way round."""
    return jnp.swapaxes(values, 0, 1)


def turned_inputs(inputs: Unchecked) -> Unchecked:
    """The same of what a layer reads: features, or a `Lookup`."""
    return Lookup(inputs.table, inputs.characters.T) if isinstance(inputs, Lookup) else turned(inputs)


@contextmanager
def _explained() -> Iterator[None]:
    """JAX's refusal to differentiate forwards, with what to do; under `jit` it comes later, in JAX's words."""
    try:
        yield
    except TypeError as error:
        if "forward-mode" not in str(error):
            raise
        raise CharloopError(
            "forward-mode differentiation (jax.jvp, jax.jacfwd, jax.hessian) of a loop with a gradient of its own",
            do='build the layer with unroll="scan"',
        ) from error
