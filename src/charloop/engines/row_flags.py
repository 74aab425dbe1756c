"""Resets and lengths as one array of flags: which batch rows a time step resets, and which have ended."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int32, Integer

from charloop.cells.base import Cell
from charloop.types import Parameters, State

RESET, IDLE = 1, 2
"""Bits of an element. An idle row keeps its state and outputs 0; it is never reset."""

RowFlags: TypeAlias = Int32[Array, "time batch"]


def encode_row_flags(
    time: int,
    batch: int,
    resets: Bool[Array, "time batch"] | Integer[Array, "time batch"] | None,
    lengths: Int[Array, " batch"] | None,
) -> RowFlags | None:
    """Encode `resets` (memory is emptied before that step) and `lengths` (steps per row); None if both are None."""
    if resets is None and lengths is None:
        return None
    reset = jnp.zeros((time, batch), bool) if resets is None else jnp.asarray(resets) != 0
    flags = jnp.where(reset, RESET, 0)
    if lengths is not None:
        flags = jnp.where(jnp.arange(time)[:, None] >= jnp.asarray(lengths)[None, :], IDLE, flags)
    return flags.astype(jnp.int32)


def are_reset(flags: Int32[Array, "*time batch"]) -> Bool[Array, "*time batch"]:
    """Return which rows' memory is emptied."""
    return (flags & RESET) != 0


def are_idle(flags: Int32[Array, "*time batch"]) -> Bool[Array, "*time batch"]:
    """Return which rows have ended."""
    return (flags & IDLE) != 0


def select_rows(rows: Bool[Array, " batch"], chosen: Any, other: Any) -> Any:
    """Return `chosen` for the given batch rows and `other` for the rest, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(rows.reshape(-1, *[1] * (b.ndim - 1)), a, b), chosen, other)


def apply_resets(cell: Cell, state: State, flag: Int32[Array, " batch"] | None) -> State:
    """Return the state before a step: the initial state for the rows that are reset."""
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
    """Run `cell.step`, with resets before it and idle rows left unchanged."""
    state = apply_resets(cell, state, flag)
    new, output = cell.step(params, inputs, state)
    if flag is None:
        return new, output
    idle = are_idle(flag)
    return select_rows(idle, state, new), select_rows(idle, jnp.zeros_like(output), output)
