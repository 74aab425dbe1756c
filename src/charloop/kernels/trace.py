"""From a function of one batch row, written in `jax.numpy`, to a program of operations on rows."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from charloop.kernels.program import Operation, Program
from charloop.kernels.rules import (
    BY_SHAPE,
    ELEMENTWISE,
    RULES,
    SAME,
    Builder,
    NoRuleError,
    Value,
    elementwise,
    reshape,
)

CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Where an equation keeps the program that it calls."""


def trace(function: Callable[..., Mapping[str, Any]], arguments: Mapping[str, Any], hidden: int) -> Program:
    """The program of `function(*arguments)`, whose results are a dictionary of pytrees.

    Leaves are one batch row: their last axis is a multiple of `hidden`, or they are single numbers.

    Raises NoRuleError.
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments.values())
    builder = Builder(hidden)
    places = [
        (name, number, leaf)
        for name, tree in arguments.items()
        for number, leaf in enumerate(jax.tree.leaves(tree))
    ]
    values = [argument(builder, name, number, leaf.shape) for name, number, leaf in places]
    constants = [builder.array(constant) for constant in closed.consts]
    results = run(builder, closed.jaxpr, [*constants, *values])
    names = [
        (name, number) for name, tree in shapes.items() for number, _ in enumerate(jax.tree.leaves(tree))
    ]
    # make_jaxpr flattens a dictionary by its sorted keys.
    for (name, number), value in zip(sorted(names), results, strict=True):
        for row, reference in enumerate(value.cells.flat):
            builder.program.results[name, number, row] = int(reference)
    return builder.program


def argument(builder: Builder, name: str, number: int, shape: tuple[int, ...]) -> Value:
    """What is read from memory."""
    rows = builder.holds_rows(shape)
    cells = np.empty(builder.row_shape(shape) if rows else shape, int)
    # Only a parameter may be a single number: everything else is written a vector at a time.
    if not rows and (cells.size != 1 or name != "own"):
        raise NoRuleError(
            f"an array of shape {list(shape)}, whose last axis is no multiple of the layer's units"
        )
    for row in range(cells.size):
        operation = Operation("input", place=(name, number, row), scalar=not rows)
        cells.flat[row] = builder.add(operation)
    return Value(cells, rows)


def run(builder: Builder, program: Any, values: list[Value]) -> list[Value]:
    """Follow the equations one by one."""
    known: dict[Any, Value] = dict(zip([*program.constvars, *program.invars], values, strict=True))

    for equation in program.eqns:
        inputs = [builder.array(v.val) if hasattr(v, "val") else known[v] for v in equation.invars]
        outputs = apply(builder, equation, inputs)
        known |= zip(equation.outvars, outputs, strict=True)
    return [builder.array(v.val) if hasattr(v, "val") else known[v] for v in program.outvars]


def apply(builder: Builder, equation: Any, inputs: list[Value]) -> list[Value]:
    """One equation, by its rule."""
    name = equation.primitive.name
    for key in CALLS:
        if key in equation.params:
            inner = equation.params[key]
            inner_values = [builder.array(constant) for constant in getattr(inner, "consts", ())]
            return run(builder, getattr(inner, "jaxpr", inner), [*inner_values, *inputs])
    check_types(equation)
    if name in SAME:
        return inputs
    if name in BY_SHAPE:
        return [reshape(builder, inputs[0], equation.outvars[0].aval.shape)]
    if name in ELEMENTWISE | {"add_any"}:
        return [elementwise(builder, "add" if name == "add_any" else name, *inputs)]
    if name not in RULES:
        raise NoRuleError(f"{name} has no rule")
    made = RULES[name](builder, *inputs, **equation.params)
    return made if isinstance(made, list) else [made]


def check_types(equation: Any) -> None:
    """Raises NoRuleError for whole numbers, other floats, and truths where arithmetic needs numbers."""
    name = equation.primitive.name
    of_truths = {"and", "or", "not", "select_n", "convert_element_type"}
    kinds = [v.aval.dtype for v in (*equation.invars, *equation.outvars)]
    if name in ELEMENTWISE - of_truths and any(v.aval.dtype == bool for v in equation.invars):
        raise NoRuleError(f"{name} of truths has no rule")
    for kind in kinds:
        if kind not in (np.float32, np.bool_):
            raise NoRuleError(f"{name} of {kind} has no rule")
    if name == "select_n" and len(equation.invars) != 3:
        raise NoRuleError("a choice among more than two has no rule")
