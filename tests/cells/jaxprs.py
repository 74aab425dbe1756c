"""What a traced program is made of."""

import jax


def inner(equation):
    """The programs inside one equation: a loop's body, a branch, a call."""
    for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
        if hasattr(value, "eqns"):
            yield value


def equations(program):
    """Every equation, those of inner programs too."""
    for equation in program.eqns:
        yield equation
        for body in inner(equation):
            yield from equations(body)


def count(primitive: str, program) -> int:
    """How often the primitive stands anywhere in the program."""
    return sum(equation.primitive.name == primitive for equation in equations(program))


def loops(program) -> list:
    """The bodies of every `lax.scan`, in order."""
    return [body for e in equations(program) if e.primitive.name == "scan" for body in inner(e)]


def shapes(program) -> set[tuple[int, ...]]:
    """The shape of everything that is computed anywhere in the program."""
    return {variable.aval.shape for equation in equations(program) for variable in equation.outvars}
