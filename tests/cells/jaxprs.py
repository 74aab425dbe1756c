"""The equations of a traced program."""

import jax


def inner(equation):
    """Return the programs inside one equation: a loop's body, a branch, a call."""
    for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
        if hasattr(value, "eqns"):
            yield value


def equations(program):
    """Return every equation, including those of inner programs."""
    for equation in program.eqns:
        yield equation
        for body in inner(equation):
            yield from equations(body)


def count(primitive: str, program) -> int:
    """Return how often the primitive occurs anywhere in the program."""
    return sum(equation.primitive.name == primitive for equation in equations(program))


def loops(program) -> list:
    """Return the bodies of every `lax.scan`, in order."""
    return [body for e in equations(program) if e.primitive.name == "scan" for body in inner(e)]


def shapes(program) -> set[tuple[int, ...]]:
    """Return the shape of each value that is computed anywhere in the program."""
    return {variable.aval.shape for equation in equations(program) for variable in equation.outvars}
