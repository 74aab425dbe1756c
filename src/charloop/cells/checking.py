"""A cell is tried once, on shapes alone: what is wrong with it is said in one line before anything is compiled."""

import inspect
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

from charloop.cells.base import Cell
from charloop.errors import CharloopError

BATCHES = (1, 2)
"""Batch sizes to try: an axis that is not the batch's has the wrong size with one of them."""


@cache
def check_cell(cell: Cell) -> None:
    """Trace `init`, `initial_state` and `step`; nothing is computed or compiled.

    Raises CharloopError, with what came and what was wanted, unless `init` gives a dictionary of arrays,
    `initial_state` arrays whose first axis is the batch, and `step` a pair: a state of the structure, shapes and
    types that it was given, and an output `[batch, hidden]`. Whatever the cell raises becomes such an error too.
    """
    input_size = cell.hidden_size + 3
    params = trace(cell, "init", lambda key: cell.init(key, input_size), jax.random.key(0))
    named = isinstance(params, dict) and all(
        isinstance(leaf, jax.ShapeDtypeStruct) for leaf in params.values()
    )
    expect(cell, "init", named, params, "a dictionary of arrays")
    for batch in BATCHES:
        state = trace(cell, "initial_state", lambda: cell.initial_state(batch))  # noqa: B023
        rows = all(leaf.shape[:1] == (batch,) for leaf in jax.tree.leaves(state))
        expect(cell, "initial_state", rows, state, f"arrays that begin with the batch axis, here {batch}")
        check_step(cell, params, state, batch, input_size)


def check_step(cell: Cell, params: Any, state: Any, batch: int, input_size: int) -> None:
    """The part of `check_cell` about `step`, for one batch size."""
    inputs, wanted = jax.eval_shape(
        lambda: tuple(jnp.zeros((batch, n)) for n in (input_size, cell.hidden_size))
    )
    made = trace(cell, "step", cell.step, params, inputs, state)
    pair = isinstance(made, tuple) and len(made) == 2
    expect(cell, "step", pair, made, "a tuple (new state, output)")
    expect(cell, "step", are_alike(made[0], state), made[0], describe(state), "new state")
    expect(cell, "step", are_alike(made[1], wanted), made[1], describe(wanted), "output")


def trace(cell: Cell, method: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """The shapes of what `call` returns. Raises CharloopError for whatever the cell raises."""
    try:
        return jax.eval_shape(call, *arguments)
    except CharloopError:
        raise
    except Exception as error:
        said = next(iter(str(error).splitlines()), "")
        what = f"{type(cell).__name__}.{method} raises {type(error).__name__}: {said}{place_of(cell, error)}"
        raise CharloopError(what) from error


def place_of(cell: Cell, error: Exception) -> str:
    """Where in the cell's own file that was, in brackets; nothing where it was not there."""
    file = inspect.getfile(type(cell))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({file}, line {lines[-1]})" if lines else ""


def expect(cell: Cell, method: str, holds: bool, came: Any, wanted: str, part: str = "result") -> None:
    """Raises CharloopError unless that `holds`."""
    if not holds:
        what = f"{type(cell).__name__}.{method}: wrong {part}"
        raise CharloopError(what, got=describe(came), allowed=wanted, do="see docs/extending.md")


def are_alike(left: Any, right: Any) -> bool:
    """Whether two trees have the same structure, and their arrays the same shapes and types."""
    return describe(left) == describe(right)


class Shown(str):
    """A text that is shown without quotation marks."""

    __repr__ = str.__str__


def describe(tree: Any) -> Shown:
    """A tree of arrays in one line: `{'hidden': float32[2, 8]}`."""
    leaves = jax.tree.map(lambda leaf: Shown(f"{leaf.dtype}{list(leaf.shape)}"), tree)
    return Shown(repr(leaves))
