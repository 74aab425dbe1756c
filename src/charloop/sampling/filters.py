"""Filters: functions from logits to logits. A logit that a filter removes becomes minus infinity.

A filter works on each batch row of a `[batch, vocab]` array by itself. Its numbers are leaves of a pytree, so a
compiled program takes another temperature without a new compilation; another list of filters compiles again.
To add a filter, write a class here, and a setting in `config` that `make_filters` reads.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from charloop.errors import CharloopError
from charloop.sampling.config import SamplingConfig
from charloop.sampling.protocols import TextVocabulary
from charloop.sampling.selection import (
    compute_ranks,
    is_large,
    select_greatest,
    select_nucleus,
    sum_lower_ranks,
)

Choices: TypeAlias = Float[Array, "batch vocab"]
Number: TypeAlias = Any
"""A Python number, or JAX's tracer of one while a program is compiled."""

Tree = TypeVar("Tree")
MIN_TEMPERATURE = 1e-30
"""Below about this, a reciprocal overflows float32."""


@runtime_checkable
class LogitFilter(Protocol):
    """Anything that maps a batch of logits to logits and leaves at least one finite in each row."""

    def __call__(self, logits: Choices) -> Choices:
        """Return the logits, some of them changed or set to minus infinity."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Chain:
    """Apply filters in the order given; an empty chain leaves the logits unchanged."""

    filters: tuple[LogitFilter, ...] = ()

    def __call__(self, logits: Choices) -> Choices:
        """Return what the last filter returns."""
        return reduce(lambda kept, filter_: filter_(kept), self.filters, logits)


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Ramp:
    """A number that changes along the text: `first` for the first character, linearly to `last` for number `length`.

    It may stand in a filter where a number does; `settle_ramps` replaces it by its value before the filter is used.
    """

    first: Number
    last: Number
    length: Number

    def at(self, position: Number) -> Number:
        """Return the number for a character that follows `position` others; beyond `length` it stays `last`."""
        share = jnp.minimum(position / jnp.maximum(self.length - 1, 1), 1)
        return self.first * (1 - share) + self.last * share


def settle_ramps(tree: Tree, position: Number) -> Tree:
    """Return a picker or filter with the numbers that hold after `position` characters."""
    settled: Tree = jax.tree.map(
        lambda leaf: leaf.at(position) if isinstance(leaf, Ramp) else leaf,
        tree,
        is_leaf=lambda leaf: isinstance(leaf, Ramp),
    )
    return settled


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
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


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Forbid:
    """Remove the characters `ids` (each in [0, vocab))."""

    ids: Int[Array, " forbidden"]

    def __call__(self, logits: Choices) -> Choices:
        """Return the logits without those of `ids`."""
        return logits.at[:, self.ids].set(-jnp.inf)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Bias:
    """Add a number to the logit of each character; minus infinity removes it."""

    values: Float[Array, " vocab"]

    def __call__(self, logits: Choices) -> Choices:
        """Return the sums."""
        return logits + self.values


def make_bias(config: SamplingConfig, vocabulary: TextVocabulary) -> Bias:
    """Return the filter for the characters that `config` forbids or biases.

    Raises CharloopError if all characters are forbidden, and for a bias of a character that the vocabulary lacks
    (unless they are skipped).
    """
    values = np.zeros(vocabulary.size, np.float32)
    for character, value in config.bias.items():
        index = _find_id("bias", character, vocabulary)
        if index is None and config.unknown == "error":
            raise CharloopError(
                "bias of a character that the network does not know",
                got=character,
                do="leave it out, or give --unknown skip",
            )
        values[[] if index is None else index] = value
    values[find_forbidden(config, vocabulary)] = -np.inf
    return Bias(jnp.asarray(values))


def find_forbidden(config: SamplingConfig, vocabulary: TextVocabulary) -> list[int]:
    """Return the ids that are never written: the unknown symbol, and the characters that `config` forbids.

    Raises CharloopError if no other character is left. The end symbol is no character.
    """
    found = {_find_id("forbid", character, vocabulary) for character in config.forbid or ""}
    never = {index for index in (*found, vocabulary.unknown_id) if index is not None}
    if len(never | {vocabulary.end_id} - {None}) == vocabulary.size:
        raise CharloopError("forbid leaves no character to write", got=config.forbid, do="forbid fewer")
    return sorted(never)


def _find_id(setting: str, character: str, vocabulary: TextVocabulary) -> int | None:
    """Return the id of `character`, or None if the vocabulary lacks it."""
    ids = vocabulary.encode(character, "skip")
    if len(ids) > 1:
        raise CharloopError(
            f"{setting} of a character that is several bytes", got=character, allowed="one byte each (ASCII)"
        )
    return int(ids[0]) if len(ids) else None


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


def make_temperature(config: SamplingConfig) -> Number:
    """Return the temperature of `config`: a number, or a ramp over its length."""
    if isinstance(config.temperature, tuple):
        first, last = config.temperature
        return Ramp(float(first), float(last), float(config.length))
    return float(config.temperature)


def _check(name: str, value: Number, allows: Callable[[float], bool], allowed: str) -> None:
    """Raise CharloopError for a Python number out of its range; a tracer was checked when it was a number."""
    if isinstance(value, int | float) and not allows(value):
        raise CharloopError(name, got=value, allowed=allowed)
