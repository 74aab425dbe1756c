"""The protocol between a layer and the engine that runs it: XLA's loop, or kernels compiled from the cell."""

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Array, Float, Int

from charloop.engines.parts import Parts, Weights
from charloop.engines.row_flags import RowFlags
from charloop.types import Characters, Logits, State

LoopParams: TypeAlias = tuple[Array, ...]
SourceArrays: TypeAlias = tuple[Float[Array, "..."], ...]
"""`[time, batch, columns]` or `[vocab, columns]` each."""


class LayerArrays(NamedTuple):
    """The arrays that a layer's loop reads."""

    loop_params: LoopParams
    """Values computed from the parameters that the loop reads besides weights (`Parts.loop_params`)."""
    weights: tuple[Weights, ...]
    """Weight and bias of each of the loop's products."""
    sources: SourceArrays
    """What is computed from the input before the loop (`Parts.sources`): per time step, or per character."""
    characters: Int[Array, "time batch"] | None
    """The row of the sources to read at each position, if the sources are tables of characters."""
    start: State
    flags: RowFlags | None

    @property
    def size(self) -> tuple[int, int]:
        """Numbers of time steps and batch rows."""
        time, batch = (self.sources[0] if self.characters is None else self.characters).shape[:2]
        return time, batch


ForwardResult: TypeAlias = tuple[State, Float[Array, "time batch hidden"], Any]
"""The last state, the outputs, and what the engine's backward pass needs."""
LastGradients: TypeAlias = tuple[State, Float[Array, "time batch hidden"]]
"""The gradients of the last state and of the outputs."""


@runtime_checkable
class Engine(Hashable, Protocol):
    """Runs layers. Engines are hashable: caches of compiled programs use them as keys."""

    def product(
        self,
        inputs: Float[Array, "time batch columns"],
        weight: Float[Array, "rows columns"],
        bias: Float[Array, " rows"] | None = None,
    ) -> Float[Array, "time batch rows"]:
        """Return `inputs weightᵀ + bias` for all time steps at once."""
        ...

    def cross_entropy(self, logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
        """Return the nats of each target."""
        ...

    def prepare(self, parts: Parts, layer: LayerArrays) -> None:
        """Make sure that both directions can run. Raises what `run_forward` would raise."""
        ...

    def run_forward(self, parts: Parts, layer: LayerArrays) -> ForwardResult:
        """Return the last state and the outputs of all time steps; outputs of idle rows are unspecified."""
        ...

    def run_backward(
        self, parts: Parts, layer: LayerArrays, saved: Any, gradients: LastGradients
    ) -> LayerArrays:
        """Return the gradient of `layer`, from `saved` and the gradients of the last state and the outputs.

        The result is a `LayerArrays` of gradients, with None for integer parts.
        """
        ...
