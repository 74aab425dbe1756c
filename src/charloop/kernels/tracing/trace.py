"""From a function of one batch row, written in `jax.numpy`, to a program of operations on rows."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

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

CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "closed_call": "call_jaxpr",
    "core_closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}
"""Primitives that run a program once, and which parameter holds it. A loop or a branch is none of them."""
BRANCHES = ("cond", "while", "scan")
"""Loops and branches, by the names of their primitives: `lax.switch` is a cond, `fori_loop` a while or a scan."""
MAX_ROW_OPERATIONS = 6000
"""What a kernel may compute of one row, counted with what later phases make again: compiling takes time."""


def trace_program(
    function: Callable[..., Mapping[str, Any]], arguments: Mapping[str, Any], hidden: int
) -> Program:
    """The program of `function(*arguments)`, whose results are a dictionary of pytrees.

    Leaves are one batch row: their last axis is a multiple of `hidden`, or they are single numbers.

    Raises NoRuleError.
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments.values())
    check_branches(closed.jaxpr)
    builder = Builder(hidden)
    leaves = [
        (name, number, leaf)
        for name, tree in arguments.items()
        for number, leaf in enumerate(jax.tree.leaves(tree))
    ]
    check_leaves([*jax.tree.leaves(tuple(arguments.values())), *jax.tree.leaves(shapes)])
    values = [read_argument(builder, name, number, leaf.shape) for name, number, leaf in leaves]
    constants = [builder.array(constant) for constant in closed.consts]
    results = follow_equations(builder, closed.jaxpr, [*constants, *values])
    names = [
        (name, number) for name, tree in shapes.items() for number, _ in enumerate(jax.tree.leaves(tree))
    ]
    # make_jaxpr flattens a dictionary by its sorted keys.
    variables = closed.jaxpr.outvars
    for (name, number), value, variable in zip(sorted(names), results, variables, strict=True):
        check_result(builder, f"{name}, leaf {number}", value, variable.aval.shape)
        for row, reference in enumerate(value.references.flat):
            builder.program.results[name, number, row] = int(reference)
    check_size(builder.program)
    return builder.program


def check_branches(program: Any) -> None:
    """Raises NoRuleError for a loop or a branch, before what leads up to it (an index, a bound) is complained of."""
    for equation in program.eqns:
        name = equation.primitive.name
        if name in BRANCHES:
            raise NoRuleError(f"{name} has no rule")
        if name in CALLS:
            inner = equation.params[CALLS[name]]
            check_branches(getattr(inner, "jaxpr", inner))


def check_leaves(leaves: list[Any]) -> None:
    """Raises NoRuleError for what goes in or comes out and is not float32."""
    for leaf in leaves:
        if leaf.dtype != np.float32:
            raise NoRuleError(f"a parameter, a state or an output of {leaf.dtype} has no rule")


def check_result(builder: Builder, name: str, value: Value, shape: tuple[int, ...]) -> None:
    """Raises NoRuleError where a result is not made of as many rows, or numbers, as its leaf holds."""
    if value.rows != builder.holds_rows(shape) and builder.hidden != 1:
        raise NoRuleError(f"{name}: an array of shape {list(shape)} put together of single numbers")
    check_row_shape(builder, name, value, shape)


def check_row_shape(builder: Builder, name: str, value: Value, shape: tuple[int, ...]) -> None:
    """Raises NoRuleError where the rows followed are not those of the array."""
    expected = builder.row_shape(shape) if value.rows else tuple(shape)
    if value.references.shape != expected:
        raise NoRuleError(f"{name}: an array of shape {list(shape)} in which rows and single numbers mix")


def check_size(program: Program) -> None:
    """Raises NoRuleError for a step that would take minutes to compile."""
    if len(program.needed) > MAX_ROW_OPERATIONS or program.work > MAX_ROW_OPERATIONS:
        count = max(len(program.needed), program.work)
        raise NoRuleError(f"a step of {count} operations on a row; a kernel has at most {MAX_ROW_OPERATIONS}")


def read_argument(builder: Builder, name: str, number: int, shape: tuple[int, ...]) -> Value:
    """What is read from memory."""
    rows = builder.holds_rows(shape)
    references = np.empty(builder.row_shape(shape) if rows else shape, int)
    # Only a parameter may be a single number: everything else is written a vector at a time.
    if not rows and (references.size != 1 or name != "param"):
        raise NoRuleError(
            f"an array of shape {list(shape)}, whose last axis is no multiple of the layer's units"
        )
    for row in range(references.size):
        operation = Operation("input", location=(name, number, row), scalar=not rows)
        references.flat[row] = builder.add(operation)
    return Value(references, rows)


def follow_equations(builder: Builder, program: Any, values: list[Value]) -> list[Value]:
    """Follow the equations one by one."""
    known: dict[Any, Value] = dict(zip([*program.constvars, *program.invars], values, strict=True))

    for equation in program.eqns:
        inputs = [builder.array(v.val) if hasattr(v, "val") else known[v] for v in equation.invars]
        outputs = apply_equation(builder, equation, inputs)
        known |= zip(equation.outvars, outputs, strict=True)
    return [builder.array(v.val) if hasattr(v, "val") else known[v] for v in program.outvars]


def apply_equation(builder: Builder, equation: Any, inputs: list[Value]) -> list[Value]:
    """One equation, by its rule."""
    name = equation.primitive.name
    if (own := find_jax_name(equation)) in DECOMPOSITIONS:
        return follow_decomposition(builder, own, equation, inputs)
    if name in CALLS:
        return follow_call(builder, equation.params[CALLS[name]], inputs)
    if name not in IDENTITIES | RESHAPES | ELEMENTWISE | RULES.keys() | DECOMPOSITIONS.keys() | {"add_any"}:
        raise NoRuleError(f"{name} has no rule")
    if not (name == "convert_element_type" and is_constant(builder, inputs[0])):
        check_types(equation)
    elif equation.outvars[0].aval.dtype not in (np.float32, np.bool_):
        raise NoRuleError(f"{name} of {equation.outvars[0].aval.dtype} has no rule")
    outputs = apply_rule(builder, equation, inputs)
    for value, variable in zip(outputs, equation.outvars, strict=True):
        check_row_shape(builder, name, value, variable.aval.shape)
    return outputs


def find_jax_name(equation: Any) -> str:
    """Of a function of JAX's own with a derivative of its own: `exp_neg_sq`; else "".

    Its file is looked at too: a function of the cell's author may have the same name and be another.
    """
    program = equation.params.get("call_jaxpr") if equation.primitive.name == "custom_jvp_call" else None
    debug = getattr(getattr(program, "jaxpr", program), "debug_info", None)
    name, _, place = str(getattr(debug, "func_src_info", "")).partition(" at ")
    return name if place.startswith(str(Path(jax.__file__).parent)) else ""


def is_constant(builder: Builder, value: Value) -> bool:
    """Whether it is numbers that the trace knows, such as the whole-number bounds of a clip."""
    return all(builder.program.operations[int(cell)].name == "constant" for cell in value.references.flat)


def follow_call(builder: Builder, program: Any, inputs: list[Value]) -> list[Value]:
    """The program that an equation runs once, in the equation's place."""
    constants = [builder.array(constant) for constant in getattr(program, "consts", ())]
    return follow_equations(builder, getattr(program, "jaxpr", program), [*constants, *inputs])


def follow_decomposition(builder: Builder, name: str, equation: Any, inputs: list[Value]) -> list[Value]:
    """By what the table writes for `name`."""
    shapes = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in equation.invars]
    return follow_call(builder, jax.make_jaxpr(DECOMPOSITIONS[name])(*shapes), inputs)


def apply_rule(builder: Builder, equation: Any, inputs: list[Value]) -> list[Value]:
    """An equation whose primitive has a rule, or is written in ones that have."""
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
