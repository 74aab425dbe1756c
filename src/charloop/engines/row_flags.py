"""Marks: where a batch row's memory is emptied before a time step, and where the row has ended."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int32, Integer

from charloop.cells.base import Cell
from charloop.types import Parameters, State

RESET, IDLE = 1, 2
"""Bits of a mark. A row that is idle keeps its state and puts out 0; it is not reset."""

RowFlags: TypeAlias = Int32[Array, "time batch"]


def encode_row_flags(
    time: int,
    batch: int,
    resets: Bool[Array, "time batch"] | Integer[Array, "time batch"] | None,
    lengths: Int[Array, " batch"] | None,
) -> RowFlags | None:
    """Of `resets` (memory emptied before that step) and `lengths` (steps of each row); None for neither."""
    if resets is None and lengths is None:
        return None
    reset = jnp.zeros((time, batch), bool) if resets is None else jnp.asarray(resets) != 0
    if lengths is None:
        return jnp.where(reset, RESET, 0).astype(jnp.int32)
    idle = jnp.arange(time)[:, None] >= jnp.asarray(lengths)[None, :]
    return jnp.where(idle, IDLE, jnp.where(reset, RESET, 0)).astype(jnp.int32)


def are_reset(flags: Int32[Array, "*time batch"]) -> Bool[Array, "*time batch"]:
    """Which rows' memory is emptied."""
    return (flags & RESET) != 0


def are_idle(flags: Int32[Array, "*time batch"]) -> Bool[Array, "*time batch"]:
    """For which rows nothing happens."""
    return (flags & IDLE) != 0


def select_rows(rows: Bool[Array, " batch"], chosen: Any, other: Any) -> Any:
    """Batch row by batch row, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(rows.reshape(-1, *[1] * (b.ndim - 1)), a, b), chosen, other)


def select_idle_rows(flag: Int32[Array, " batch"], chosen: Any, other: Any) -> Any:
    """`chosen` for the rows for which nothing happens."""
    return select_rows(are_idle(flag), chosen, other)


def apply_resets(cell: Cell, state: State, flag: Int32[Array, " batch"] | None) -> State:
    """The state before a step: a fresh one where the mark says so."""
    if flag is None:
        return state
    return select_rows(are_reset(flag), cell.initial_state(len(flag)), state)


def step_with_flags(
    cell: Cell,
    params: Parameters,
    inputs: Float[Array, "batch input"],
    state: State,
    flag: Int32[Array, " batch"] | None,
) -> tuple[State, Float[Array, "batch hidden"]]:
    """`cell.step`, and what the mark says beside it."""
    state = apply_resets(cell, state, flag)
    new, output = cell.step(params, inputs, state)
    if flag is None:
        return new, output
    return select_idle_rows(flag, state, new), select_idle_rows(flag, jnp.zeros_like(output), output)
