"""The seam between a layer and what runs it: XLA's loop, or kernels made from the cell."""

from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Array, Float, Int

from charloop.cells.base import TickCell
from charloop.engines.marks import Marks
from charloop.types import Characters, Logits, Parameters, State

Source: TypeAlias = tuple[Float[Array, "*rows gates"], Int[Array, "time batch"] | None]
"""Input products of all times; or a table of every character's, and the characters."""


class Layer(NamedTuple):
    """What a layer's loop reads."""

    own: Parameters
    """The tick's own parameters."""
    recurrent: Parameters
    """`weight_hh`, and `bias_hh` if there is one."""
    source: Source
    start: State
    marks: Marks | None


Made: TypeAlias = tuple[State, Float[Array, "time batch hidden"], Any]
"""The last state, the outputs, and what the engine's own backward pass needs."""
Found: TypeAlias = tuple[Parameters, Parameters, tuple[Array, None], State, None]
"""The gradient of a `Layer`, part by part."""


@runtime_checkable
class Engine(Protocol):
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

    def prepare(self, cell: TickCell, layer: Layer) -> None:
        """Make sure that both directions can be run. Raises what `run_forward` would."""
        ...

    def run_forward(self, cell: TickCell, layer: Layer) -> Made:
        """The last state and the outputs of all times."""
        ...

    def run_backward(
        self,
        cell: TickCell,
        layer: Layer,
        saved: Any,
        gradients: tuple[State, Float[Array, "time batch hidden"]],
    ) -> Found:
        """The gradient of `layer`, from `saved` and the gradients of the last state and the outputs."""
        ...
