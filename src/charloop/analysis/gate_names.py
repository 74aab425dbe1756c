"""Names of a cell's gates: those of the blocks of the input matrix that they depend on."""

from functools import lru_cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.analysis.gates import Gates, step_with_gates
from charloop.cells import Cell
from charloop.errors import CharloopError
from charloop.types import Parameters

TRIALS = 8
"""Random inputs and states at which the dependence is tested: a single one may miss a branch."""


@lru_cache(maxsize=64)
def gate_names(cell: Cell, input_size: int) -> tuple[str, ...]:
    """Return the gates' names, in the order of `step_with_gates`.

    A block is named by the cell (`Cell.block_names`), or "block 0", "block 1", ... A gate of several blocks has all
    their names; a second gate of the same blocks is numbered; a gate of no block is "gate".
    Raises CharloopError if the cell names more or fewer blocks than it has.
    """
    words = cell.block_names or tuple(f"block {number}" for number in range(cell.gates))
    if len(words) != cell.gates:
        kind = f"block_names of {type(cell).__name__}"
        raise CharloopError(kind, got=list(words), allowed=f"{cell.gates} names, one for each of its gates")
    by_block = [[bool(gate.any()) for gate in moved] for moved in movements(cell, input_size)]
    made_of = [
        [word for word, moves in zip(words, of_gate, strict=True) if moves]
        for of_gate in zip(*by_block, strict=True)
    ]
    return tuple(numbered([" + ".join(parts) or "gate" for parts in made_of]))


def movements(cell: Cell, input_size: int) -> list[Gates]:
    """Return for each block of `weight_ih` the gates' derivatives by it, at random weights, inputs and states.

    They are zero for a cell without such a matrix.
    """
    shapes = jax.eval_shape(
        lambda key: (cell.init(key, input_size), jnp.zeros((TRIALS, input_size)), cell.initial_state(TRIALS)),
        jax.random.key(0),
    )
    leaves, form = jax.tree.flatten(shapes)
    keys = jax.random.split(jax.random.key(0), len(leaves))
    params, inputs, state = jax.tree.unflatten(
        form, [jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)]
    )

    def gates(weights: Parameters) -> Gates:
        return step_with_gates(cell, params | weights, inputs, state)[2]

    own = {name: params[name] for name in ("weight_ih",) if name in params}
    tangents = [
        {name: only_block(cell, weights, block) for name, weights in own.items()}
        for block in range(cell.gates)
    ]
    return [jax.jvp(gates, (own,), (tangent,))[1] for tangent in tangents]


def only_block(cell: Cell, weights: Array, block: int) -> Float[Array, "rows input"]:
    """Return `weights` with all rows 0 except those of one block."""
    number = jnp.arange(len(weights)) // cell.hidden_size
    return jnp.where(number[:, None] == block, weights, 0)


def numbered(names: list[str]) -> list[str]:
    """Return the names, repeated ones numbered: "a", "a (2)"."""
    times = [names[: index + 1].count(name) for index, name in enumerate(names)]
    return [name if time == 1 else f"{name} ({time})" for name, time in zip(names, times, strict=True)]
