"""Trace a function of one batch row, written in `jax.numpy`, into a program of operations on rows."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from charloop.engines.equations import CALLS
from charloop.kernels.tracing.decompositions import DECOMPOSITIONS
from charloop.kernels.tracing.program import Operation, Program
from charloop.kernels.tracing.rules import (
    ELEMENTWISE,
    IDENTITIES,
    RESHAPES,
    RULES,
    Builder,
    NoRuleError,
    Value,
    elementwise,
    reshape,
)

BRANCHES = ("cond", "while", "scan")
"""Primitives of loops and branches: `lax.switch` is a cond, `fori_loop` a while or a scan."""
MAX_ROW_OPERATIONS = 6000
"""Operations per row that a kernel may have, recomputed ones included: compile time grows with them."""


def trace_program(
    function: Callable[..., Mapping[str, Any]], arguments: Mapping[str, Any], hidden: int
) -> Program:
    """Return the program of `function(*arguments)`, whose results are a dictionary of pytrees.

    Leaves are one batch row: their last axis is a multiple of `hidden`, or they are scalars. Raises
    NoRuleError.
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments.values())
    check_branches(closed.jaxpr)
    builder = Builder(hidden)
    for leaf in jax.tree.leaves((tuple(arguments.values()), shapes)):
        if leaf.dtype != np.float32:
            raise NoRuleError(f"a parameter, a state or an output of {leaf.dtype} has no rule")
    values = [
        read_argument(builder, name, number, leaf.shape)
        for name, tree in arguments.items()
        for number, leaf in enumerate(jax.tree.leaves(tree))
    ]
    constants = [builder.array(constant) for constant in closed.consts]
    results = follow_equations(builder, closed.jaxpr, [*constants, *values])
    names = [
        (name, number) for name, tree in shapes.items() for number, _ in enumerate(jax.tree.leaves(tree))
    ]
    # make_jaxpr flattens dictionaries in the order of their sorted keys.
    variables = closed.jaxpr.outvars
    for (name, number), value, variable in zip(sorted(names), results, variables, strict=True):
        shape = variable.aval.shape
        if value.rows != builder.holds_rows(shape) and hidden != 1:
            raise NoRuleError(
                f"{name}, leaf {number}: an array of shape {list(shape)} is assembled from scalars"
            )
        check_row_shape(builder, f"{name}, leaf {number}", value, shape)
        for row, reference in enumerate(value.references.flat):
            builder.program.results[name, number, row] = int(reference)
    count = max(len(builder.program.needed), builder.program.work)
    if count > MAX_ROW_OPERATIONS:
        raise NoRuleError(f"a step has {count} operations on a row; a kernel may have {MAX_ROW_OPERATIONS}")
    return builder.program


def check_branches(program: Any) -> None:
    """Raise NoRuleError for a loop or branch, before its index or bound causes a less helpful error."""
    for equation in program.eqns:
        name = equation.primitive.name
        if name in BRANCHES:
            raise NoRuleError(f"{name} has no rule")
        if name in CALLS:
            inner = equation.params[CALLS[name]]
            check_branches(getattr(inner, "jaxpr", inner))


def check_row_shape(builder: Builder, name: str, value: Value, shape: tuple[int, ...]) -> None:
    """Raise NoRuleError if the traced rows are not those of the array."""
    expected = builder.row_shape(shape) if value.rows else tuple(shape)
    if value.references.shape != expected:
        raise NoRuleError(f"{name}: an array of shape {list(shape)} mixes rows and scalars")


def read_argument(builder: Builder, name: str, number: int, shape: tuple[int, ...]) -> Value:
    """Return an argument's leaf as inputs of the program."""
    rows = builder.holds_rows(shape)
    references = np.empty(builder.row_shape(shape) if rows else shape, int)
    # Only a parameter may be a scalar: everything else is written a vector at a time.
    if not rows and (references.size != 1 or name != "param"):
        raise NoRuleError(
            f"an array of shape {list(shape)}, whose last axis is not a multiple of the layer's units"
        )
    for row in range(references.size):
        operation = Operation("input", location=(name, number, row), scalar=not rows)
        references.flat[row] = builder.add(operation)
    return Value(references, rows)


def follow_equations(builder: Builder, program: Any, values: list[Value]) -> list[Value]:
    """Apply the equations one by one."""
    known: dict[Any, Value] = dict(zip([*program.constvars, *program.invars], values, strict=True))

    for equation in program.eqns:
        inputs = [builder.array(v.val) if hasattr(v, "val") else known[v] for v in equation.invars]
        outputs = apply_equation(builder, equation, inputs)
        known |= zip(equation.outvars, outputs, strict=True)
    return [builder.array(v.val) if hasattr(v, "val") else known[v] for v in program.outvars]


def apply_equation(builder: Builder, equation: Any, inputs: list[Value]) -> list[Value]:
    """Apply one equation by its rule, or by what replaces it or is called."""
    name = equation.primitive.name
    if (jax_name := find_jax_name(equation)) in DECOMPOSITIONS:
        return follow_decomposition(builder, jax_name, equation, inputs)
    if name in CALLS:
        return follow_call(builder, equation.params[CALLS[name]], inputs)
    if name not in IDENTITIES | RESHAPES | ELEMENTWISE | RULES.keys() | DECOMPOSITIONS.keys() | {"add_any"}:
        raise NoRuleError(f"{name} has no rule")
    operations = builder.program.operations
    # Known numbers may have any type, such as the integer bounds of a clip.
    is_constant = all(operations[int(cell)].name == "constant" for cell in inputs[0].references.flat)
    if name != "convert_element_type" or not is_constant:
        check_types(equation)
    elif equation.outvars[0].aval.dtype not in (np.float32, np.bool_):
        raise NoRuleError(f"{name} of {equation.outvars[0].aval.dtype} has no rule")
    outputs = apply_rule(builder, equation, inputs)
    for value, variable in zip(outputs, equation.outvars, strict=True):
        check_row_shape(builder, name, value, variable.aval.shape)
    return outputs


def find_jax_name(equation: Any) -> str:
    """Return the name of a JAX function with a custom derivative, such as `exp_neg_sq`; otherwise "".

    Its file must be JAX's: a function in the cell's file may have the same name.
    """
    program = equation.params.get("call_jaxpr") if equation.primitive.name == "custom_jvp_call" else None
    debug = getattr(getattr(program, "jaxpr", program), "debug_info", None)
    name, _, source = str(getattr(debug, "func_src_info", "")).partition(" at ")
    return name if source.startswith(str(Path(jax.__file__).parent)) else ""


def follow_call(builder: Builder, program: Any, inputs: list[Value]) -> list[Value]:
    """Inline the program that an equation runs once."""
    constants = [builder.array(constant) for constant in getattr(program, "consts", ())]
    return follow_equations(builder, getattr(program, "jaxpr", program), [*constants, *inputs])


def follow_decomposition(builder: Builder, name: str, equation: Any, inputs: list[Value]) -> list[Value]:
    """Inline the decomposition of `name`."""
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in equation.invars]
    return follow_call(builder, jax.make_jaxpr(DECOMPOSITIONS[name])(*shapes), inputs)


def apply_rule(builder: Builder, equation: Any, inputs: list[Value]) -> list[Value]:
    """Return the results of an equation whose primitive has a rule or a decomposition."""
    name = equation.primitive.name
    if name in IDENTITIES:
        return inputs
    if name in RESHAPES:
        return [reshape(builder, inputs[0], equation.outvars[0].aval.shape)]
    if name in ELEMENTWISE | {"add_any"}:
        return [elementwise(builder, "add" if name == "add_any" else name, *inputs)]
    if name in DECOMPOSITIONS:
        return follow_decomposition(builder, name, equation, inputs)
    made = RULES[name](builder, *inputs, **equation.params)
    return made if isinstance(made, list) else [made]


def check_types(equation: Any) -> None:
    """Raise NoRuleError for integers, other floats, and booleans in arithmetic."""
    name = equation.primitive.name
    of_truths = {"and", "or", "not", "select_n", "convert_element_type"}
    kinds = [v.aval.dtype for v in (*equation.invars, *equation.outvars)]
    if name in ELEMENTWISE - of_truths and any(v.aval.dtype == bool for v in equation.invars):
        raise NoRuleError(f"{name} of booleans has no rule")
    for kind in kinds:
        if kind not in (np.float32, np.bool_):
            raise NoRuleError(f"{name} of {kind} has no rule")
    if name == "select_n" and len(equation.invars) != 3:
        raise NoRuleError("a choice between more than two values has no rule")
