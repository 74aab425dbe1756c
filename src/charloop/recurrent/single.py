"""One recurrent layer: a cell, and what runs it over time."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from charloop.cells import Cell
from charloop.cells.from_object import find_cell
from charloop.engines import XLA, Engine
from charloop.errors import CharloopError
from charloop.given import CellObject
from charloop.precision import is_bfloat16
from charloop.recurrent.base import CallOptions, Layer, Output
from charloop.types import Parameters, RandomKey, State
from charloop.unroll import LayerInput, choose_unrolling, find_unrolling, reason_against_precision
from charloop.unroll.fused import find_engine


@dataclass(frozen=True)
class Recurrent(Layer):
    """A layer of one cell. What runs it is decided when it is built: `unrolling`, `engine`, and why in `reason`.

    Its parameters are the cell's own: `weight_ih [gates*hidden, input]` and so on; its state is the cell's.
    Raises CharloopError for a cell or an unrolling that is not there.
    """

    cell: Any
    """A cell's name (`lstm`, or FILE.py:CLASS), a class, or a cell; kept as the cell."""
    hidden_size: int | None = None
    """Units, at least 1. A cell that is made already brings them."""
    unroll: str = "fused"
    """How it runs over time: fused (a kernel where there can be one), xla, scan, dynamic or static."""
    batch_major: bool = False
    """Whether inputs, outputs and resets are `[batch, time, ...]`."""
    unrolling: str = field(init=False)
    """What runs it: `unroll`, or what fits in its place."""
    reason: str | None = field(init=False)
    """Why it is not `unroll`, in a line."""
    _engine: Engine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cell = as_cell(self.cell, self.hidden_size)
        unrolling, reason = choose_unrolling(self.unroll, cell)
        engine = find_engine(cell) if unrolling == "fused" else XLA
        found = {"cell": cell, "hidden_size": cell.hidden_size}
        found |= {"unrolling": unrolling, "reason": reason, "_engine": engine}
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def engine(self) -> Engine:
        """Kernels, or XLA's loop."""
        return self._engine

    @property
    def output_size(self) -> int:
        """Units of the cell."""
        size: int = self.cell.hidden_size
        return size

    @property
    def reasons(self) -> tuple[str, ...]:
        """`reason`, if there is one."""
        return () if self.reason is None else (self.reason,)

    @property
    def needs_key(self) -> bool:
        """Never: nothing is dropped inside a layer."""
        return False

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """The cell's parameters, under its own names, in float32 where JAX's default is float64."""
        params: Parameters = in_float32(self.cell.init(key, input_size))
        return params

    def initial_state(self, batch_size: int) -> State:
        """The cell's memory, in float32 where JAX's default is float64."""
        return in_float32(self.cell.initial_state(batch_size))

    def run(
        self, params: Parameters, inputs: LayerInput, state: State, options: CallOptions
    ) -> tuple[list[Output], State]:
        """See `Layer.run`."""
        # An unrolling of somebody's own need not know of marks as long as there are none.
        marks = {"resets": options.resets, "lengths": options.lengths}
        given = {name: value for name, value in marks.items() if value is not None}
        state, outputs = find_unrolling(self.unrolling)(self.cell, params, inputs, state, **given)
        return [outputs], state

    def check_precision(self) -> None:
        """See `Layer.check_precision`."""
        reason = reason_against_precision("bfloat16", self.unroll, self.cell) if is_bfloat16() else None
        if reason:
            raise CharloopError("products in bfloat16", allowed=f"float32 here: {reason}")


def in_float32(tree: Any) -> Any:
    """The same, its float64 arrays rounded."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if leaf.dtype == jnp.float64 else leaf, tree)


def as_cell(given: Any, hidden_size: int | None) -> Cell:
    """The cell of a name, a class or a cell. Raises CharloopError for what is none, and without a hidden size."""
    if isinstance(given, Cell):
        if hidden_size not in (None, given.hidden_size):
            allowed = f"{given.hidden_size}, the cell's own"
            raise CharloopError("hidden_size of a layer", got=hidden_size, allowed=allowed)
        return given
    if not isinstance(hidden_size, int) or hidden_size < 1:
        raise CharloopError("hidden_size of a layer", got=hidden_size, allowed="a whole number, at least 1")
    return find_cell(given if isinstance(given, str) else CellObject.of(given), hidden_size)
