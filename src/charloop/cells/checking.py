"""Check a cell's methods by tracing them on shapes, so that errors appear in one line before anything is compiled."""

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
"""Batch sizes to try: an axis of fixed size cannot match both."""


@cache
def check_cell(cell: Cell) -> None:
    """Trace `init`, `initial_state` and `step`; nothing is computed or compiled.

    `init` must return a dictionary of arrays, `initial_state` arrays whose first axis is the batch, and `step` a
    pair: a state with the structure, shapes and types of the state it received, and an output `[batch, hidden]`.
    Raises CharloopError, with what was returned and what was expected, otherwise, and for any exception the cell
    raises.
    """
    input_size = cell.hidden_size + 3
    params = trace_method(cell, "init", lambda key: cell.init(key, input_size), jax.random.key(0))
    named = isinstance(params, dict) and all(
        isinstance(leaf, jax.ShapeDtypeStruct) for leaf in params.values()
    )
    require(cell, "init", named, params, "a dictionary of arrays")
    for batch in BATCHES:
        state = trace_method(cell, "initial_state", lambda: cell.initial_state(batch))  # noqa: B023
        rows = all(leaf.shape[:1] == (batch,) for leaf in jax.tree.leaves(state))
        require(cell, "initial_state", rows, state, f"arrays that begin with the batch axis, here {batch}")
        inputs, output = (
            jax.ShapeDtypeStruct((batch, size), jnp.zeros(()).dtype)
            for size in (input_size, cell.hidden_size)
        )
        made = trace_method(cell, "step", cell.step, params, inputs, state)
        pair = isinstance(made, tuple) and len(made) == 2
        require(cell, "step", pair, made, "a tuple (new state, output)")
        for part, found, wanted in (("new state", made[0], state), ("output", made[1], output)):
            allowed = describe_tree(wanted)
            require(cell, "step", describe_tree(found) == allowed, found, allowed, part)


def trace_method(cell: Cell, method: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the shapes of what `call` returns. Raises CharloopError for any exception the cell raises."""
    try:
        return jax.eval_shape(call, *arguments)
    except CharloopError:
        raise
    except Exception as error:
        said = next(iter(str(error).splitlines()), "")
        what = (
            f"{type(cell).__name__}.{method} raises {type(error).__name__}: {said}{locate_error(cell, error)}"
        )
        raise CharloopError(what) from error


def locate_error(cell: Cell, error: Exception) -> str:
    """Return the line in the cell's own file that raised `error`, in brackets; "" if no line of that file did."""
    file = inspect.getfile(type(cell))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({file}, line {lines[-1]})" if lines else ""


def require(cell: Cell, method: str, holds: bool, came: Any, wanted: str, part: str = "result") -> None:
    """Raise CharloopError unless `holds`."""
    if not holds:
        what = f"{type(cell).__name__}.{method}: wrong {part}"
        raise CharloopError(what, got=describe_tree(came), allowed=wanted, do="see docs/extending.md")


class Unquoted(str):
    """A string whose `repr` has no quotation marks."""

    __repr__ = str.__str__


def describe_tree(tree: Any) -> Unquoted:
    """Describe a tree of arrays in one line: `{'hidden': float32[2, 8]}`."""
    leaves = jax.tree.map(lambda leaf: Unquoted(f"{leaf.dtype}{list(leaf.shape)}"), tree)
    return Unquoted(repr(leaves))
