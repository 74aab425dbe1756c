"""Primitives without a rule of their own, written in terms of those that have one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax
from jaxtyping import Array

LN2 = float(np.log(2.0))
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
"""Their sum is ln 2, and multiples of the first by integers below 2^14 are exact."""
SHIFT = 1.5 * 2.0**23
"""Added to a number below 2^22, it leaves the nearest integer in the lowest bits; subtracted again, that integer."""
ERFC_BELOW_2 = (
    2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1, 6.210004621745983e-1,
    -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1,
)  # fmt: skip
ERFC_ABOVE_2 = (
    -1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786, -1.015265279202700,
    4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1,
)  # fmt: skip


def one_minus_square(x: Array) -> Array:
    """1 - x^2 without cancellation near 1."""
    return (1.0 - x) * (1.0 + x)


def log1p(x: Array) -> Array:
    """log(1 + x) after Kahan: `x / (u - 1)` corrects the rounding of `u = 1 + x`."""
    u = 1.0 + x
    corrected = lax.log(u) * (x / (u - 1.0))
    whole = lax.bitwise_or(u == 1.0, u == float("inf"))
    return lax.select(whole, x, corrected)


def expm1(x: Array) -> Array:
    """exp(x) - 1 after Kahan near 0, where `(u - 1) / log u` is insensitive to the error of u; elsewhere directly."""
    u = lax.exp(x)
    corrected = (u - 1.0) * (x / lax.log(u))
    near = lax.select(u == 1.0, x, corrected)
    return lax.select(lax.abs(x) > 1.0, u - 1.0, near)


def exp2(x: Array) -> Array:
    """2^x from exp: the integer part has an exact exponent, applied in two halves against overflow; then the
    fraction.
    """
    x = lax.min(lax.max(x, -200.0), 200.0)
    n = (x + SHIFT) - SHIFT
    half = lax.exp(n * (0.5 * LN2_HIGH))
    rest = lax.exp(n * LN2_LOW + (x - n) * LN2)
    return half * (half * rest)


def exp_neg_sq(x: Array) -> Array:
    """`exp(-x^2)` with the square in two parts: for large x its rounding alone would exceed the error bound."""
    x = lax.min(lax.abs(x), 12.0)
    scaled = x * 4097.0
    high = scaled - (scaled - x)
    low = x - high
    return lax.exp(-(high * high)) * lax.exp(-(low * (x + high)))


def erfc(x: Array) -> Array:
    """1 - erf(x); beyond 1, where that cancels, Cephes' exp(-x^2) / x times a polynomial of 1 / x^2."""
    a = lax.abs(x)
    inverse = 1.0 / lax.max(a, 1.0)
    square = inverse * inverse
    slope = lax.select(a < 2.0, polynomial(square, ERFC_BELOW_2), polynomial(square, ERFC_ABOVE_2))
    tail = exp_neg_sq(x) * inverse * slope
    beyond = lax.select(x < 0.0, 2.0 - tail, tail)
    return lax.select(a > 1.0, beyond, 1.0 - lax.erf(x))


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Evaluate a polynomial by Horner's method, highest power first."""
    value = lax.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


def cbrt(x: Array) -> Array:
    """Cube root of |x| with the sign of x; a Newton step corrects the error of the logarithm."""
    a = lax.abs(x)
    rough = lax.exp(lax.log(a) / 3.0)
    value = lax.sign(x) * (rough - (rough - a / (rough * rough)) / 3.0)
    return lax.select(lax.bitwise_or(a == 0.0, a == float("inf")), x, value)


def sinh(x: Array) -> Array:
    """By expm1 near 0; further out by the square of exp(|x| / 2), which overflows no earlier than sinh."""
    a = lax.abs(x)
    e = expm1(lax.min(a, 1.0))
    half = lax.exp(0.5 * a)
    far = (0.5 * half) * half - 0.5 / (half * half)
    return lax.sign(x) * lax.select(a > 1.0, far, 0.5 * (e + e / (e + 1.0)))


def cosh(x: Array) -> Array:
    """By the square of exp(|x| / 2), which overflows no earlier than cosh."""
    half = lax.exp(0.5 * lax.abs(x))
    return (0.5 * half) * half + 0.5 / (half * half)


def atanh(x: Array) -> Array:
    """By log1p of |x|, with the sign of x: accurate near 0."""
    a = lax.abs(x)
    return lax.sign(x) * (0.5 * log1p(2.0 * a / (1.0 - a)))


DECOMPOSITIONS: dict[str, Callable[..., Any]] = {
    "one_minus_square": one_minus_square,
    # JAX 0.12 traces erf's gradient as this function, with bit operations inside.
    "exp_neg_sq": exp_neg_sq,
    "log1p": log1p,
    "expm1": expm1,
    "exp2": exp2,
    "log2": lambda x: lax.log(x) / LN2,
    "cbrt": cbrt,
    "sinh": sinh,
    "cosh": cosh,
    "atanh": atanh,
    "erfc": erfc,
    "is_finite": lambda x: lax.abs(x) < float("inf"),
    "clamp": lambda low, x, high: lax.min(lax.max(x, low), high),
}
"""By primitive: elementwise, on float32; a primitive's parameters (a requested accuracy) are ignored."""
