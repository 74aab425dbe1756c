"""A cell's gates, found in the trace of its step: the results of logistic functions, one value for each unit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells import Cell
from charloop.types import Parameters, State

CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat2"})
"""Equations that call a program once, unchanged."""
INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters in which such an equation holds its program."""
CUSTOM = frozenset({"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"})
"""Calls with a custom gradient, which is not needed here."""

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
    return after, output, [gate for found in walk.found for gate in split(found, *output.shape)]


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
        if equation.primitive.name in CALLS | CUSTOM:
            inner = next(equation.params[key] for key in INNER if key in equation.params)
            constants = [Traced(constant, False) for constant in getattr(inner, "consts", ())]
            return self.run(getattr(inner, "jaxpr", inner), constants, inputs)
        moves = any(value.moves for value in inputs)
        made = equation.primitive.bind(*(value.value for value in inputs), **equation.params)
        outputs = list(made) if equation.primitive.multiple_results else [made]
        if equation.primitive.name == "logistic" and moves:
            self.found += outputs
        return [Traced(output, moves) for output in outputs]


def split(found: Float[Array, "..."], batch: int, hidden: int) -> Gates:
    """Return the blocks of `hidden` values along the last axis; none if it is not an array of such blocks."""
    if found.ndim < 1 or found.shape[-1] % hidden or found.size != batch * found.shape[-1]:
        return []
    flat = found.reshape(batch, -1)
    return jnp.split(flat, flat.shape[-1] // hidden, axis=-1)
