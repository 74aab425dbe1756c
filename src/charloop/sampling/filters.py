"""Filters: functions from logits to logits. A logit that a filter removes becomes minus infinity.

A filter works on each batch row of a `[batch, vocab]` array by itself. Its numbers are leaves of a pytree, so a
compiled program takes another temperature without a new compilation; another list of filters compiles again.
To add a filter, write a class here, and a setting in `config` that `make_filters` reads.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.errors import CharloopError
from charloop.pytree import register_pytree
from charloop.sampling.along_text import Number, make_temperature
from charloop.sampling.config import SamplingConfig
from charloop.sampling.selection import (
    compute_ranks,
    is_large,
    select_greatest,
    select_nucleus,
    sum_lower_ranks,
)

Choices: TypeAlias = Float[Array, "batch vocab"]
MIN_TEMPERATURE = 1e-30
"""Below about this, a reciprocal overflows float32."""


@runtime_checkable
class LogitFilter(Protocol):
    """Anything that maps a batch of logits to logits and leaves at least one finite in each row."""

    def __call__(self, logits: Choices) -> Choices:
        """Return the logits, some of them changed or set to minus infinity."""


@register_pytree
@dataclass(frozen=True)
class Chain:
    """Apply filters in the order given; an empty chain leaves the logits unchanged."""

    filters: tuple[LogitFilter, ...] = ()

    def __call__(self, logits: Choices) -> Choices:
        """Return what the last filter returns."""
        return reduce(lambda kept, filter_: filter_(kept), self.filters, logits)


@register_pytree
@dataclass(frozen=True)
class Temperature:
    """Divide by a temperature; near 0 only the likeliest character is left.

    Raises CharloopError unless the temperature is above 0 and finite.
    """

    value: Number

    def __post_init__(self) -> None:
        _check("temperature", self.value, lambda value: 0 < value < math.inf, "above 0 (greedy choice is 0)")

    def __call__(self, logits: Choices) -> Choices:
        """Return (logits - greatest) / temperature: a tiny temperature can only overflow to minus infinity."""
        return (logits - logits.max(-1, keepdims=True)) / jnp.maximum(self.value, MIN_TEMPERATURE)


@register_pytree
@dataclass(frozen=True)
class TopK:
    """Keep exactly the `k` greatest logits, of equal ones the lowest ids (the tutorial's `pick_top_chars`).

    A `k` beyond the vocabulary keeps all. Raises CharloopError for a `k` below 1.
    """

    k: Number

    def __post_init__(self) -> None:
        _check("top-k", self.k, lambda k: 1 <= k < 2**31, "1 to 2147483647")

    def __call__(self, logits: Choices) -> Choices:
        """Return the logits with all but `k` of each row removed."""
        kept = select_greatest(logits, self.k) if is_large(logits) else compute_ranks(logits) < self.k
        return jnp.where(kept, logits, -jnp.inf)


@register_pytree
@dataclass(frozen=True)
class TopP:
    """Keep the nucleus: the fewest likeliest characters whose probabilities sum to `p` (Holtzman et al. 2020).

    At least one is kept; of equal ones, the lowest ids are taken first. Raises CharloopError for `p` outside (0, 1].
    """

    p: Number

    def __post_init__(self) -> None:
        _check("top-p", self.p, lambda p: 0 < p <= 1, "above 0, at most 1")

    def __call__(self, logits: Choices) -> Choices:
        """Return the logits with all outside the nucleus of each row removed."""
        if is_large(logits):
            kept = select_nucleus(jax.nn.softmax(logits), jnp.float32(self.p)) | (self.p == 1)
            return jnp.where(kept, logits, -jnp.inf)
        ranks = compute_ranks(logits)
        mass_before = sum_lower_ranks(jax.nn.softmax(logits), ranks)
        # Rounded sums can reach 1 before the last character.
        within = (mass_before < self.p) | (self.p == 1)
        # A p that underflows to 0 in float32 leaves none; and sums of different terms may round differently.
        count = jnp.maximum(within.sum(-1, keepdims=True), 1)
        return jnp.where(ranks < count, logits, -jnp.inf)


@register_pytree
@dataclass(frozen=True)
class MinP:
    """Keep characters that are at least `p` times as probable as the likeliest (Nguyen et al. 2024).

    Raises CharloopError for `p` outside [0, 1].
    """

    p: Number

    def __post_init__(self) -> None:
        _check("min-p", self.p, lambda p: 0 <= p <= 1, "0 to 1")

    def __call__(self, logits: Choices) -> Choices:
        """Return the logits with the improbable ones removed."""
        return jnp.where(logits >= logits.max(-1, keepdims=True) + jnp.log(self.p), logits, -jnp.inf)


def make_filters(config: SamplingConfig, vocab: int) -> Chain:
    """Return the filters that `config` turns on: temperature (which must be above 0), top k, top p, min p."""
    filters: list[LogitFilter] = [Temperature(make_temperature(config))]
    if config.top_k:
        filters.append(TopK(min(config.top_k, vocab)))
    if config.top_p < 1:
        filters.append(TopP(float(config.top_p)))
    if config.min_p:
        filters.append(MinP(float(config.min_p)))
    return Chain(tuple(filters))


def _check(name: str, value: Number, allows: Callable[[float], bool], allowed: str) -> None:
    """Raise CharloopError for a Python number out of its range; a tracer was checked when it was a number."""
    if isinstance(value, int | float) and not allows(value):
        raise CharloopError(name, got=value, allowed=allowed)
