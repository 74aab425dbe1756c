"""Primitives written in others: the numbers they give, over all of float32; and which a cell of ours meets at all."""

import ctypes
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest
from llvmlite import ir

from cells.table import CASES
from charloop.kernels.compiler import create_module
from charloop.kernels.emitting.functions import FUNCTIONS
from charloop.kernels.emitting.vectors import INDEX, NOTHING, POINTER, Vectors, counting
from charloop.kernels.step_programs import trace_cell
from charloop.kernels.tracing.decompositions import DECOMPOSITIONS
from charloop.kernels.tracing.rules import ELEMENTWISE, IDENTITIES, RESHAPES, RULES
from charloop.kernels.tracing.trace import CALLS, find_jax_name, trace_program
from kernels.direct import address
from kernels.test_functions import SMALLEST, every_kind_of_number

EXACT: dict[str, Callable[..., Any]] = {
    "one_minus_square": lambda x: (1 - x) * (1 + x),
    "exp_neg_sq": lambda x: np.exp(-(x * x)),
    "log1p": np.log1p,
    "expm1": np.expm1,
    "exp2": np.exp2,
    "log2": np.log2,
    "cbrt": np.cbrt,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "atanh": np.arctanh,
    "erfc": np.vectorize(math.erfc),
    "is_finite": np.isfinite,
}
RELATIVE = 1e-6


def in_a_kernel(function: Callable[..., Any], width: int = 8) -> Callable[[np.ndarray], np.ndarray]:
    """A function of one row, traced and emitted by the rules, on arrays whose length is a multiple of `width`."""
    program = trace_program(lambda x: {"y": function(x)}, {"x": np.zeros(6, np.float32)}, 6)
    module = create_module()
    kind = ir.FunctionType(NOTHING, [INDEX, POINTER, POINTER])
    emitted = ir.Function(module, kind, "run")
    builder = ir.IRBuilder(emitted.append_basic_block())
    v, (blocks, given, output) = Vectors(builder, width), emitted.args
    with counting(builder, blocks) as block:
        position = builder.mul(block, INDEX(width))
        made: dict[int, Any] = {}
        for number in program.needed:
            operation = program.operations[number]
            if operation.name == "input":
                made[number] = v.load(v.at(given, position))
            elif operation.name == "constant":
                made[number] = v.splat(operation.number)
            else:
                made[number] = FUNCTIONS[operation.name](v, *(made[i] for i in operation.inputs))
        v.store(made[program.results["y", 0, 0]], v.at(output, position))
    builder.ret_void()
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(address(module, "run"))

    def run(numbers: np.ndarray) -> np.ndarray:
        found = np.empty_like(numbers)
        call(numbers.size // width, numbers.ctypes.data, found.ctypes.data)
        return found

    return run


def as_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """A truth as 1 or 0, which is all that a row can hold."""
    return lambda x: jax.lax.convert_element_type(function(x), np.float32)


@pytest.mark.parametrize("name", sorted(DECOMPOSITIONS.keys() - {"clamp"}))
def test_a_decomposition_is_right_everywhere(name: str) -> None:
    numbers = every_kind_of_number()
    with np.errstate(all="ignore"):
        exact = EXACT[name](numbers.astype(np.float64)).astype(np.float64)
        found = in_a_kernel(as_float32(DECOMPOSITIONS[name]))(numbers)
        expected = exact.astype(np.float32)
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        # Below the normal numbers of float32 a result may be lost, as in every other function.
        same |= (np.abs(exact) < SMALLEST) & (np.abs(found) <= SMALLEST)
        away = np.where(same, 0, np.abs(found.astype(np.float64) - exact) / np.abs(exact))
    worst = int(np.argmax(np.where(np.isnan(away), np.inf, away)))
    assert away[worst] <= RELATIVE, (numbers[worst], found[worst], exact[worst])


def test_a_clamp_keeps_nan_and_both_ends() -> None:
    numbers = np.float32([np.nan, -np.inf, -2, -0.5, 0, 0.5, 2, np.inf])
    found = in_a_kernel(lambda x: jax.lax.clamp(-1.0, x, 1.0))(numbers)
    np.testing.assert_array_equal(found, np.clip(numbers, -1, 1))


def equations(program: Any) -> Iterator[Any]:
    """Of a traced function and of every program inside it, but of those that are decomposed by their name."""
    for equation in program.eqns:
        yield equation
        if find_jax_name(equation) in DECOMPOSITIONS:
            continue
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=is_program):
            if is_program(inner):
                yield from equations(getattr(inner, "jaxpr", inner))


def is_program(value: Any) -> bool:
    """Whether a parameter of an equation is traced code, closed or not."""
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def primitives_of(cell: Any) -> set[str]:
    """What JAX traces of the end of a cell's step and of its gradient, on the JAX that is installed."""
    programs = trace_cell(cell)
    there = programs._arguments(len(programs.parts.products)).values()
    outgoing = {"new_state": programs.state, "output": np.zeros(programs.hidden, np.float32)}

    def pull(given: Any, gradients: Any) -> Any:
        return jax.vjp(programs._finish, *given)[1](gradients)

    traced = jax.make_jaxpr(programs._finish)(*there), jax.make_jaxpr(pull)(tuple(there), outgoing)
    return {equation.primitive.name for program in traced for equation in equations(program.jaxpr)}


KNOWN = (
    IDENTITIES | RESHAPES | ELEMENTWISE | RULES.keys() | DECOMPOSITIONS.keys() | CALLS.keys() | {"add_any"}
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_every_primitive_of_a_cell_is_known(case: Any) -> None:
    met = primitives_of(case.build())
    assert met & ELEMENTWISE
    assert not met - KNOWN
