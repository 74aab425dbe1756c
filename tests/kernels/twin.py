"""The slow twin of a kernel's row code: a traced program, interpreted in NumPy one operation at a time."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from charloop.kernels.tracing.program import Program

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "sign": np.sign,
    "erf": np.vectorize(math.erf), "abs": np.abs, "square": np.square, "sqrt": np.sqrt, "exp": np.exp, "log": np.log,
    "rsqrt": lambda x: 1 / np.sqrt(x), "tanh": np.tanh, "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "max": np.maximum, "min": np.minimum, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "and": np.logical_and, "or": np.logical_or,
    "not": np.logical_not, "select_n": lambda which, no, yes: np.where(which, yes, no),
    "to_float32": np.float64, "to_bool": lambda x: np.asarray(x, bool),
    "reduce_sum": np.sum, "reduce_max": np.max, "reduce_min": np.min,
}  # fmt: skip


def interpret(
    program: Program, arguments: Mapping[str, Sequence[np.ndarray]], hidden: int
) -> dict[tuple[str, int, int], np.ndarray]:
    """Return the program's results in float64, each a row of `hidden` numbers, from the leaves of its arguments."""
    values: dict[int, Any] = {}
    for reference in program.needed:
        operation = program.operations[reference]
        if operation.name == "constant":
            values[reference] = operation.number
        elif operation.location is not None:
            name, leaf, row = operation.location
            array = np.asarray(arguments[name][leaf], np.float64)
            values[reference] = array.ravel()[row] if operation.scalar else array.reshape(-1, hidden)[row]
        else:
            values[reference] = FUNCTIONS[operation.name](*(values[i] for i in operation.inputs))
    return {
        location: np.broadcast_to(values[reference], (hidden,))
        for location, reference in program.results.items()
    }
