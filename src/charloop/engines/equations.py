"""A function's trace as one list of equations between numbered values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from charloop.cells.base import PRODUCT

INLINED = {"jit": "jaxpr", "pjit": "jaxpr", "remat": "jaxpr", "remat2": "jaxpr", "checkpoint": "jaxpr"}
"""Calls that are looked into for products, and which parameter holds their program."""

Value = int
"""A value of the trace, by number."""


@dataclass(frozen=True)
class Equation:
    """One operation of the trace."""

    traced: Any
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]

    def apply(self, inputs: Sequence[Any]) -> list[Any]:
        """What it makes of its inputs."""
        primitive = self.traced.primitive
        made = primitive.bind(*inputs, **primitive.get_bind_params(self.traced.params))
        return list(made) if primitive.multiple_results else [made]


@dataclass
class Trace:
    """A program as one list of equations; calls are written out where they hold a product."""

    equations: list[Equation] = field(default_factory=list)
    constants: dict[Value, Any] = field(default_factory=dict)
    count: int = 0

    def number(self, how_many: int) -> tuple[Value, ...]:
        """New values."""
        self.count += how_many
        return tuple(range(self.count - how_many, self.count))

    def constant(self, value: Any) -> Value:
        """A new value that is known."""
        (number,) = self.number(1)
        self.constants[number] = value
        return number

    def follow(self, program: Any, inputs: Iterable[Value]) -> list[Value]:
        """The results of `program`, a jaxpr or one with its constants."""
        constants = [self.constant(value) for value in getattr(program, "consts", ())]
        program = getattr(program, "jaxpr", program)
        known = dict(zip([*program.constvars, *program.invars], [*constants, *inputs], strict=True))

        def read(place: Any) -> Value:
            return self.constant(place.val) if hasattr(place, "val") else known[place]

        for equation in program.eqns:
            given, name = tuple(map(read, equation.invars)), equation.primitive.name
            if name in INLINED and not is_product(equation) and has_product(equation):
                found = self.follow(equation.params[INLINED[name]], given)
            else:
                found = list(self.number(len(equation.outvars)))
                self.equations.append(Equation(equation, given, tuple(found)))
            known |= zip(equation.outvars, found, strict=True)
        return [read(place) for place in program.outvars]


def is_product(equation: Any) -> bool:
    """Whether it is a call of `charloop.cells.product`."""
    return equation.primitive.name in INLINED and equation.params.get("name") == PRODUCT


def has_product(equation: Any) -> bool:
    """Whether a call holds one, at any depth."""
    program = equation.params[INLINED[equation.primitive.name]]
    inner = getattr(program, "jaxpr", program).eqns
    return any(is_product(e) or (e.primitive.name in INLINED and has_product(e)) for e in inner)


def moving_values(trace: Trace, beginnings: Iterable[Value]) -> set[Value]:
    """The values that come of any of `beginnings`."""
    found = set(beginnings)
    for equation in trace.equations:
        if found & set(equation.inputs):
            found |= set(equation.outputs)
    return found
