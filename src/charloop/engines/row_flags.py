"""Marks: where a batch row's memory is emptied before a time step, and where the row has ended."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int32, Integer

from charloop.cells.base import Cell
from charloop.types import Parameters, State

RESET, IDLE = 1, 2
"""Bits of a mark. A row that is idle keeps its state and puts out 0; it is not reset."""

Marks: TypeAlias = Int32[Array, "time batch"]


def make_marks(
    time: int,
    batch: int,
    resets: Bool[Array, "time batch"] | Integer[Array, "time batch"] | None,
    lengths: Int[Array, " batch"] | None,
) -> Marks | None:
    """Of `resets` (memory emptied before that step) and `lengths` (steps of each row); None for neither."""
    if resets is None and lengths is None:
        return None
    reset = jnp.zeros((time, batch), bool) if resets is None else jnp.asarray(resets) != 0
    if lengths is None:
        return jnp.where(reset, RESET, 0).astype(jnp.int32)
    idle = jnp.arange(time)[:, None] >= jnp.asarray(lengths)[None, :]
    return jnp.where(idle, IDLE, jnp.where(reset, RESET, 0)).astype(jnp.int32)


def are_reset(marks: Int32[Array, "*time batch"]) -> Bool[Array, "*time batch"]:
    """Which rows' memory is emptied."""
    return (marks & RESET) != 0


def are_idle(marks: Int32[Array, "*time batch"]) -> Bool[Array, "*time batch"]:
    """For which rows nothing happens."""
    return (marks & IDLE) != 0


def where_rows(rows: Bool[Array, " batch"], chosen: Any, other: Any) -> Any:
    """Batch row by batch row, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(rows.reshape(-1, *[1] * (b.ndim - 1)), a, b), chosen, other)


def where_idle(mark: Int32[Array, " batch"], chosen: Any, other: Any) -> Any:
    """`chosen` for the rows for which nothing happens."""
    return where_rows(are_idle(mark), chosen, other)


def emptied(cell: Cell, state: State, mark: Int32[Array, " batch"] | None) -> State:
    """The state before a step: a fresh one where the mark says so."""
    if mark is None:
        return state
    return where_rows(are_reset(mark), cell.initial_state(len(mark)), state)


def marked_step(
    cell: Cell,
    params: Parameters,
    inputs: Float[Array, "batch input"],
    state: State,
    mark: Int32[Array, " batch"] | None,
) -> tuple[State, Float[Array, "batch hidden"]]:
    """`cell.step`, and what the mark says beside it."""
    state = emptied(cell, state, mark)
    new, output = cell.step(params, inputs, state)
    if mark is None:
        return new, output
    return where_idle(mark, state, new), where_idle(mark, jnp.zeros_like(output), output)
