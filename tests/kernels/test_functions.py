"""Every function of a step, over all of float32, at every vector width."""

import math

import numpy as np
import pytest

from kernels.direct import function_of

EXACT = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf),
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "square": np.square,
    "abs": np.abs,
    "neg": np.negative,
    "sign": np.sign,
}
LIMIT = {"erf": 8}
"""Largest error in units in the last place; 4 where nothing else is said."""
SMALLEST = np.finfo(np.float32).smallest_normal


def every_kind_of_number() -> np.ndarray:
    """Bits at equal steps: every exponent, both signs, NaN and infinity; and the usual range, finely."""
    bits = np.arange(0, 2**32, 65537 * 2, dtype=np.uint64).astype(np.uint32).view(np.float32)
    special = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 88.72, 88.73, -87.3, -103.9, 9.0, 9.2, 1e-30])
    numbers = np.concatenate([bits, np.linspace(-12, 12, 40001, dtype=np.float32), special])
    return np.resize(numbers, -(-len(numbers) // 16) * 16)


def distance(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """In units of the last place of float32, at the exact value; numbers below the normal ones may be lost."""
    with np.errstate(all="ignore"):
        expected = exact.astype(np.float32)
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        same |= (np.abs(exact) < SMALLEST) & (np.abs(found) <= SMALLEST)
        unit = np.spacing(np.maximum(np.abs(expected), SMALLEST)).astype(np.float64)
        away = np.abs(found.astype(np.float64) - exact) / unit
    return np.where(same, 0, away)


@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("name", EXACT)
def test_a_function_is_right_everywhere(name: str, width: int) -> None:
    numbers = every_kind_of_number()
    with np.errstate(all="ignore"):
        exact = EXACT[name](numbers.astype(np.float64))
    away = distance(function_of(name, width)(numbers), exact)
    worst = np.nanargmax(np.where(np.isnan(away), np.inf, away))
    assert away[worst] < LIMIT.get(name, 4), numbers[worst]


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "div", "max", "min", "lt", "le", "gt", "ge", "eq", "ne"]
)
def test_a_function_of_two_is_numpys(name: str) -> None:
    special = np.float32([0.0, 1.5, -2.0, np.inf, -np.inf, np.nan, 3e38, 1e-30])
    left, right = (array.ravel() for array in np.meshgrid(special, special))
    numpys = {"mul": "multiply", "sub": "subtract", "div": "divide", "max": "maximum", "min": "minimum"}
    numpys |= {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
    numpys |= {"eq": "equal", "ne": "not_equal"}
    with np.errstate(all="ignore"):
        expected = getattr(np, numpys.get(name, name))(left, right).astype(np.float32)
    np.testing.assert_array_equal(function_of(name, 16, count=2)(left, right), expected)
