"""Small functions from logits to logits; what they take away becomes minus infinity.

A filter works on each row of a `[batch, vocab]` array by itself. Its numbers are leaves of a pytree, so a compiled
program takes another temperature without being compiled again; which filters there are is its structure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from charloop.errors import CharloopError
from charloop.sampling.ranks import is_large, ranks, sum_ahead
from charloop.sampling.thresholds import among_greatest, among_likeliest

Choices: TypeAlias = Float[Array, "batch vocab"]
Number: TypeAlias = Any
"""A Python number, or while a program is compiled what stands for it."""

SMALLEST_TEMPERATURE = 1e-30
"""Below this, float32 has no reciprocal."""


@runtime_checkable
class LogitFilter(Protocol):
    """Anything that maps a batch of logits to logits, keeping at least one finite in each row."""

    def __call__(self, logits: Choices) -> Choices:
        """The logits, with some of them changed or set to minus infinity."""
        ...


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Chain:
    """Filters one after the other, in the order given; without any, logits pass unchanged."""

    filters: tuple[LogitFilter, ...] = ()

    def __call__(self, logits: Choices) -> Choices:
        """What the last filter makes of what those before it left."""
        return reduce(lambda kept, filter_: filter_(kept), self.filters, logits)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Temperature:
    """Divide by a temperature above 0; near 0 only the likeliest is left.

    Raises CharloopError for a value that is not above 0 and finite.
    """

    value: Number

    def __post_init__(self) -> None:
        _check("temperature", self.value, lambda value: 0 < value < math.inf, "above 0 (greedy choice is 0)")

    def __call__(self, logits: Choices) -> Choices:
        """Logits relative to the greatest, so that a division by almost nothing overflows downwards only."""
        return (logits - logits.max(-1, keepdims=True)) / jnp.maximum(self.value, SMALLEST_TEMPERATURE)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TopK:
    """Keep exactly the `k` greatest, of equal ones those with the lowest id (the tutorial's `pick_top_chars`).

    A `k` beyond the vocabulary keeps all. Raises CharloopError for a `k` below 1.
    """

    k: Number

    def __post_init__(self) -> None:
        _check("top-k", self.k, lambda k: 1 <= k < 2**31, "1 to 2147483647")

    def __call__(self, logits: Choices) -> Choices:
        """The logits with all but `k` of each row removed."""
        kept = among_greatest(logits, self.k) if is_large(logits) else ranks(logits) < self.k
        return jnp.where(kept, logits, -jnp.inf)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TopP:
    """Keep the nucleus: the fewest likeliest whose probabilities reach `p` (Holtzman et al. 2020), at least one.

    Of equal ones those with the lowest id are taken first. Raises CharloopError for `p` outside (0, 1].
    """

    p: Number

    def __post_init__(self) -> None:
        _check("top-p", self.p, lambda p: 0 < p <= 1, "above 0, at most 1")

    def __call__(self, logits: Choices) -> Choices:
        """The logits with all outside the nucleus of each row removed."""
        if is_large(logits):
            kept = among_likeliest(jax.nn.softmax(logits), jnp.float32(self.p)) | (self.p == 1)
            return jnp.where(kept, logits, -jnp.inf)
        places = ranks(logits)
        mass_before = sum_ahead(jax.nn.softmax(logits), places)
        # Rounded sums can reach 1 before the last character does.
        within = (mass_before < self.p) | (self.p == 1)
        # A p that is 0 in float32 leaves none within; sums of different terms need not round alike.
        count = jnp.maximum(within.sum(-1, keepdims=True), 1)
        return jnp.where(places < count, logits, -jnp.inf)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MinP:
    """Keep what is at least `p` times as probable as the likeliest (Nguyen et al. 2024).

    Raises CharloopError for `p` outside [0, 1].
    """

    p: Number

    def __post_init__(self) -> None:
        _check("min-p", self.p, lambda p: 0 <= p <= 1, "0 to 1")

    def __call__(self, logits: Choices) -> Choices:
        """The logits with all that is too improbable removed."""
        return jnp.where(logits >= logits.max(-1, keepdims=True) + jnp.log(self.p), logits, -jnp.inf)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Forbid:
    """Never choose the characters `ids` (each in [0, vocab))."""

    ids: Int[Array, " forbidden"]

    def __call__(self, logits: Choices) -> Choices:
        """The logits without those of `ids`."""
        return logits.at[:, self.ids].set(-jnp.inf)


def _check(name: str, value: Number, allows: Callable[[float], bool], allowed: str) -> None:
    """Raises CharloopError for a Python number out of its range; a number being compiled has been checked before."""
    if isinstance(value, int | float) and not allows(value):
        raise CharloopError(name, got=value, allowed=allowed)
