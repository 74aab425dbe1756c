"""A cell's gates, found in the trace of its step: the results of logistic functions, one value for each unit.

Their names are those of the blocks of the input matrix that they depend on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells import Cell
from charloop.engines.equations import CALLS
from charloop.errors import CharloopError
from charloop.types import Parameters, State

TRIALS = 8
"""Random inputs and states at which the dependence is tested: a single one may miss a branch."""

Gates = list[Float[Array, "batch hidden"]]


def step_with_gates(
    cell: Cell, params: Parameters, inputs: Float[Array, "batch input"], state: State
) -> tuple[State, Float[Array, "batch hidden"], Gates]:
    """Return what `cell.step` does, and the cell's gates in the order in which they are computed.

    A gate is the result of a logistic function (`jax.nn.sigmoid`) that depends on the input or the state and has a
    value for each unit; a result of several blocks of `hidden` is one gate for each block. Not found: a logistic
    function written out by hand, and one inside a loop or a branch within the step.
    """
    closed, shapes = jax.make_jaxpr(cell.step, return_shape=True)(params, inputs, state)
    fixed = len(jax.tree.leaves(params))
    leaves = jax.tree.leaves((params, inputs, state))
    walk = Walk()
    values = [Traced(leaf, number >= fixed) for number, leaf in enumerate(leaves)]
    results = walk.run(closed.jaxpr, [Traced(constant, False) for constant in closed.consts], values)
    after, output = jax.tree.unflatten(jax.tree.structure(shapes), [result.value for result in results])
    return after, output, [gate for found in walk.found for gate in split_gates(found, *output.shape)]


@dataclass(frozen=True)
class Traced:
    """A value, and whether it depends on the cell's input or state."""

    value: Any
    moves: bool


@dataclass
class Walk:
    """Evaluates a program and keeps the results of its logistic functions."""

    found: list[Array] = field(default_factory=list)

    def run(self, program: Any, constants: Sequence[Traced], arguments: Sequence[Traced]) -> list[Traced]:
        """Return the results of `program`, evaluated equation by equation."""
        known = dict(zip([*program.constvars, *program.invars], [*constants, *arguments], strict=True))

        def read(variable: Any) -> Traced:
            return Traced(variable.val, False) if hasattr(variable, "val") else known[variable]

        for equation in program.eqns:
            outputs = self.equation(equation, [read(variable) for variable in equation.invars])
            known |= zip(equation.outvars, outputs, strict=True)
        return [read(variable) for variable in program.outvars]

    def equation(self, equation: Any, inputs: list[Traced]) -> list[Traced]:
        """Evaluate one equation, following what it calls."""
        if equation.primitive.name in CALLS:
            # A custom gradient, if it has one, is not needed here.
            inner = equation.params[CALLS[equation.primitive.name]]
            constants = [Traced(constant, False) for constant in getattr(inner, "consts", ())]
            return self.run(getattr(inner, "jaxpr", inner), constants, inputs)
        moves = any(value.moves for value in inputs)
        made = equation.primitive.bind(*(value.value for value in inputs), **equation.params)
        outputs = list(made) if equation.primitive.multiple_results else [made]
        if equation.primitive.name == "logistic" and moves:
            self.found += outputs
        return [Traced(output, moves) for output in outputs]


def split_gates(found: Float[Array, "..."], batch: int, hidden: int) -> Gates:
    """Return the blocks of `hidden` values along the last axis; none if it is not an array of such blocks."""
    if found.ndim < 1 or found.shape[-1] % hidden or found.size != batch * found.shape[-1]:
        return []
    flat = found.reshape(batch, -1)
    return jnp.split(flat, flat.shape[-1] // hidden, axis=-1)


@lru_cache(maxsize=64)
def name_gates(cell: Cell, input_size: int) -> tuple[str, ...]:
    """Return the gates' names, in the order of `step_with_gates`.

    A block is named by the cell (`Cell.block_names`), or "block 0", "block 1", ... A gate of several blocks has all
    their names; a second gate of the same blocks is numbered; a gate of no block is "gate".
    Raises CharloopError if the cell names more or fewer blocks than it has.
    """
    words = cell.block_names or tuple(f"block {number}" for number in range(cell.gates))
    if len(words) != cell.gates:
        kind = f"block_names of {type(cell).__name__}"
        raise CharloopError(kind, got=list(words), allowed=f"{cell.gates} names, one for each of its gates")
    by_block = [[bool(gate.any()) for gate in moved] for moved in differentiate_gates(cell, input_size)]
    made_of = [
        [word for word, moves in zip(words, of_gate, strict=True) if moves]
        for of_gate in zip(*by_block, strict=True)
    ]
    names = [" + ".join(parts) or "gate" for parts in made_of]
    times = [names[: index + 1].count(name) for index, name in enumerate(names)]
    return tuple(name if time == 1 else f"{name} ({time})" for name, time in zip(names, times, strict=True))


def differentiate_gates(cell: Cell, input_size: int) -> list[Gates]:
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

    def only_block(block: int) -> Parameters:
        rows = slice(block * cell.hidden_size, (block + 1) * cell.hidden_size)
        return {name: jnp.zeros_like(weights).at[rows].set(weights[rows]) for name, weights in own.items()}

    return [jax.jvp(gates, (own,), (only_block(block),))[1] for block in range(cell.gates)]
