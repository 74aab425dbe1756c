"""Primitives without a rule of their own, written in ones that have one: no tick loses its kernel for them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax
from jaxtyping import Array

LN2 = float(np.log(2.0))


def one_minus_square(x: Array) -> Array:
    """Without loss where x is near 1."""
    return (1.0 - x) * (1.0 + x)


def log1p(x: Array) -> Array:
    """After Kahan: what rounding 1 + x loses is made good by `x / (u - 1)`."""
    u = 1.0 + x
    corrected = lax.log(u) * (x / (u - 1.0))
    whole = lax.bitwise_or(u == 1.0, u == float("inf"))
    return lax.select(whole, x, corrected)


def expm1(x: Array) -> Array:
    """After Kahan: `(u - 1) / log u` hardly changes with the error of u."""
    u = lax.exp(x)
    corrected = (u - 1.0) * (x / lax.log(u))
    plain = lax.bitwise_or(u <= 0.0, u == float("inf"))
    return lax.select(u == 1.0, x, lax.select(plain, u - 1.0, corrected))


def cbrt(x: Array) -> Array:
    """The sign apart, since log knows no negative numbers."""
    return lax.sign(x) * lax.exp(lax.log(lax.abs(x)) / 3.0)


def sinh(x: Array) -> Array:
    """Without loss near 0."""
    e = expm1(lax.abs(x))
    value = 0.5 * (e + lax.select(e == float("inf"), lax.full_like(e, 1.0), e / (e + 1.0)))
    return lax.sign(x) * value


def atanh(x: Array) -> Array:
    """The sign apart: both halves lose nothing near 0."""
    a = lax.abs(x)
    return lax.sign(x) * (0.5 * log1p(2.0 * a / (1.0 - a)))


DECOMPOSITIONS: dict[str, Callable[..., Any]] = {
    "one_minus_square": one_minus_square,
    # A function of JAX 0.12 with its own derivative: erf's gradient, with operations on bits inside.
    "exp_neg_sq": lambda x: lax.exp(-(x * x)),
    "log1p": log1p,
    "expm1": expm1,
    "exp2": lambda x: lax.exp(x * LN2),
    "log2": lambda x: lax.log(x) / LN2,
    "cbrt": cbrt,
    "sinh": sinh,
    "cosh": lambda x: 0.5 * (lax.exp(x) + lax.exp(-x)),
    "atanh": atanh,
    "erfc": lambda x: 1.0 - lax.erf(x),
    "is_finite": lambda x: lax.abs(x) < float("inf"),
    "clamp": lambda low, x, high: lax.min(lax.max(x, low), high),
}
"""By primitive: elementwise, of float32 numbers, its parameters (an accuracy asked for) left out."""
