"""The trace of a function as a flat list of equations between numbered values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from charloop.cells.base import PRODUCT

INLINED = {"jit": "jaxpr", "pjit": "jaxpr", "remat": "jaxpr", "remat2": "jaxpr", "checkpoint": "jaxpr"}
"""Calls that are searched for products, and the parameter that holds their program."""
CALLS = INLINED | {
    "call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "closed_call": "call_jaxpr",
    "core_closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
}
"""All primitives that run a program once, and the parameter that holds it. Loops and branches are not among them."""

Value = int
"""The number of a value in the trace."""


@dataclass(frozen=True)
class Equation:
    """One operation of the trace."""

    traced: Any
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def apply(self, inputs: Sequence[Any]) -> list[Any]:
        """Return the results of the operation for `inputs`."""
        primitive = self.traced.primitive
        made = primitive.bind(*inputs, **primitive.get_bind_params(self.traced.params))
        return list(made) if primitive.multiple_results else [made]


@dataclass
class Trace:
    """A program as a flat list of equations; calls that contain a product are inlined."""

    equations: list[Equation] = field(default_factory=list)
    constants: dict[Value, Any] = field(default_factory=dict)
    count: int = 0

    def number(self, count: int) -> tuple[Value, ...]:
        """Return `count` new values."""
        self.count += count
        return tuple(range(self.count - count, self.count))

    def constant(self, value: Any) -> Value:
        """Return a new value whose number is known."""
        (number,) = self.number(1)
        self.constants[number] = value
        return number

    def follow(self, program: Any, inputs: Iterable[Value]) -> list[Value]:
        """Append the equations of `program` (a jaxpr, open or closed) and return its results."""
        constants = [self.constant(value) for value in getattr(program, "consts", ())]
        program = getattr(program, "jaxpr", program)
        known = dict(zip([*program.constvars, *program.invars], [*constants, *inputs], strict=True))

        def read(variable: Any) -> Value:
            return self.constant(variable.val) if hasattr(variable, "val") else known[variable]

        for equation in program.eqns:
            given, name = tuple(map(read, equation.invars)), equation.primitive.name
            if name in INLINED and not is_product(equation) and has_product(equation):
                found = self.follow(equation.params[INLINED[name]], given)
            else:
                found = list(self.number(len(equation.outvars)))
                self.equations.append(Equation(equation, given, tuple(found)))
            known |= zip(equation.outvars, found, strict=True)
        return [read(variable) for variable in program.outvars]


def is_product(equation: Any) -> bool:
    """Return whether the equation is a call of `charloop.cells.product`."""
    return equation.primitive.name in INLINED and equation.params.get("name") == PRODUCT


def has_product(equation: Any) -> bool:
    """Return whether a call contains a product, at any depth."""
    program = equation.params[INLINED[equation.primitive.name]]
    inner = getattr(program, "jaxpr", program).eqns
    return any(is_product(e) or (e.primitive.name in INLINED and has_product(e)) for e in inner)


def moving_values(trace: Trace, beginnings: Iterable[Value]) -> set[Value]:
    """Return the values that depend on any of `beginnings`."""
    found = set(beginnings)
    for equation in trace.equations:
        if found & set(equation.inputs):
            found |= set(equation.outputs)
    return found
