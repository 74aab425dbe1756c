"""One recurrent layer: a cell, and the engine that runs it over time."""

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
    """A layer of one cell. It chooses `unrolling` and `engine` when it is built; `reason` says why.

    Its parameters are the cell's: `weight_ih [gates*hidden, input]` and so on; so is its state. Raises CharloopError
    for an unknown cell or unrolling.
    """

    cell: Any
    """A cell's name (`lstm`, or FILE.py:CLASS), a class, or a cell; stored as the cell."""
    hidden_size: int | None = None
    """Units, at least 1. A cell object already has them."""
    unroll: str = "fused"
    """How it runs over time: fused (a kernel if there is one), xla, scan, dynamic or static."""
    batch_major: bool = False
    """Whether inputs, outputs and resets are `[batch, time, ...]`."""
    unrolling: str = field(init=False)
    """What runs it: `unroll`, or the unrolling that replaces it."""
    reason: str | None = field(init=False)
    """Why `unrolling` differs from `unroll`, in a line."""
    _engine: Engine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cell = make_layer_cell(self.cell, self.hidden_size)
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
        """False: there is no dropout inside a layer."""
        return False

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        """Return the cell's parameters under its own names, in float32 even if JAX's default is float64."""
        params: Parameters = round_to_float32(self.cell.init(key, input_size))
        return params

    def initial_state(self, batch_size: int) -> State:
        """Return the cell's memory, in float32 even if JAX's default is float64."""
        return round_to_float32(self.cell.initial_state(batch_size))

    def run(
        self, params: Parameters, inputs: LayerInput, state: State, options: CallOptions
    ) -> tuple[list[Output], State]:
        """See `Layer.run`."""
        # Pass only what is given: a user's own unrolling need not accept resets and lengths.
        optional = {"resets": options.resets, "lengths": options.lengths}
        given = {name: value for name, value in optional.items() if value is not None}
        state, outputs = find_unrolling(self.unrolling)(self.cell, params, inputs, state, **given)
        return [outputs], state

    def check_precision(self) -> None:
        """See `Layer.check_precision`."""
        if is_bfloat16() and (reason := reason_against_precision("bfloat16", self.unroll, self.cell)):
            raise CharloopError("products in bfloat16", allowed=f"float32 here: {reason}")


def round_to_float32(tree: Any) -> Any:
    """Return the tree with float64 arrays rounded to float32."""
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32) if leaf.dtype == jnp.float64 else leaf, tree)


def make_layer_cell(given: Any, hidden_size: int | None) -> Cell:
    """Return the cell of a name, a class or a cell. Raises CharloopError for others, and without a size."""
    if isinstance(given, Cell):
        if hidden_size not in (None, given.hidden_size):
            allowed = f"{given.hidden_size}, the cell's own"
            raise CharloopError("hidden_size of a layer", got=hidden_size, allowed=allowed)
        return given
    if not isinstance(hidden_size, int) or hidden_size < 1:
        raise CharloopError("hidden_size of a layer", got=hidden_size, allowed="an integer, at least 1")
    return find_cell(given if isinstance(given, str) else CellObject.of(given), hidden_size)
