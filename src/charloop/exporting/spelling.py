"""A step's program as expressions on whole arrays, for languages with arrays such as NumPy."""

import math
from collections.abc import Callable, Mapping

from charloop.exporting.lowering import count_uses
from charloop.kernels.tracing.program import Program, Reference

Location = tuple[str, int, int]
MAX_EXPRESSION = 150
"""Characters of an expression that is written into another one; a longer one gets a name."""

PYTHON = {
    "add": "({} + {})", "sub": "({} - {})", "mul": "({} * {})", "div": "({} / {})", "neg": "(-{})",
    "lt": "({} < {})", "le": "({} <= {})", "gt": "({} > {})", "ge": "({} >= {})", "eq": "({} == {})",
    "ne": "({} != {})", "and": "({} & {})", "or": "({} | {})", "not": "(~{})",
}  # fmt: skip
"""Python's operators, by operation."""


def spell_number(number: float) -> str:
    """Return a number in Python."""
    return repr(number) if math.isfinite(number) else f'float("{number}")'


def spell(
    program: Program,
    spellings: Mapping[str, str],
    read: Callable[[Location], str],
    constant: Callable[[float], str] = spell_number,
) -> tuple[list[str], dict[Location, str]]:
    """Return lines that name parts of the expressions, and the expression of each result.

    `spellings` has a format for each operation, with a place for each input, in parentheses where it needs them;
    `read` names what is at a location, `constant` spells a number.
    """
    uses, known, lines = count_uses(program), dict[Reference, str](), list[str]()
    for reference in program.needed:
        operation = program.operations[reference]
        if operation.location is not None:
            known[reference] = read(operation.location)
            continue
        if operation.name == "constant":
            known[reference] = constant(operation.number)
            continue
        text = spellings[operation.name].format(*(known[i] for i in operation.inputs))
        if uses[reference] > 1 or len(text) > MAX_EXPRESSION:
            name = f"t{len(lines)}"
            lines.append(f"{name} = {text.removeprefix('(').removesuffix(')') if is_wrapped(text) else text}")
            text = name
        known[reference] = text
    return lines, {location: known[reference] for location, reference in program.results.items()}


def is_wrapped(text: str) -> bool:
    """Return whether one pair of parentheses encloses all of `text`."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(text) - 1 and text.startswith("(")
    return False
