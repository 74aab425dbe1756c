"""The seam between a layer and what runs it: XLA's loop, or kernels made from the cell."""

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Array, Float, Int

from charloop.engines.parts import Parts, Weights
from charloop.engines.row_flags import RowFlags
from charloop.types import Characters, Logits, State

LoopParams: TypeAlias = tuple[Array, ...]
Sources: TypeAlias = tuple[Float[Array, "..."], ...]
"""`[time, batch, columns]` or `[vocab, columns]` each."""


class Layer(NamedTuple):
    """What a layer's loop reads."""

    loop_params: LoopParams
    """What the loop has of the parameters beside the products' weights (`Parts.loop_params`)."""
    weights: tuple[Weights, ...]
    """Of the loop's products."""
    sources: Sources
    """What is made of the input (`Parts.sources`): of all times, or of every character."""
    characters: Int[Array, "time batch"] | None
    """Which rows of the sources are read, if they are of every character."""
    start: State
    flags: RowFlags | None

    @property
    def places(self) -> tuple[int, int]:
        """Times and batch rows."""
        time, batch = (self.sources[0] if self.characters is None else self.characters).shape[:2]
        return time, batch


ForwardResult: TypeAlias = tuple[State, Float[Array, "time batch hidden"], Any]
"""The last state, the outputs, and what the engine's own backward pass needs."""


@runtime_checkable
class Engine(Hashable, Protocol):
    """Runs layers. A hashable value: compiled programs are kept by it."""

    def product(
        self,
        inputs: Float[Array, "time batch columns"],
        weight: Float[Array, "rows columns"],
        bias: Float[Array, " rows"] | None = None,
    ) -> Float[Array, "time batch rows"]:
        """`inputs weightᵀ + bias` for all times at once."""
        ...

    def cross_entropy(self, logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
        """Nats of each target."""
        ...

    def prepare(self, parts: Parts, layer: Layer) -> None:
        """Make sure that both directions can be run. Raises what `run_forward` would."""
        ...

    def run_forward(self, parts: Parts, layer: Layer) -> ForwardResult:
        """The last state and the outputs of all times; those of idle rows are any numbers."""
        ...

    def run_backward(
        self,
        parts: Parts,
        layer: Layer,
        saved: Any,
        gradients: tuple[State, Float[Array, "time batch hidden"]],
    ) -> Layer:
        """The gradient of `layer`, from `saved` and the gradients of the last state and the outputs.

        Part by part, as a `Layer`; None for what is of whole numbers.
        """
        ...
