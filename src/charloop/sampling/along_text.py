"""What changes along the text in a filter, and is settled before each character."""

from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from charloop.sampling.config import SamplingConfig

Number: TypeAlias = Any
"""A Python number, or JAX's tracer of one while a program is compiled."""
Tree = TypeVar("Tree")


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


def make_temperature(config: SamplingConfig) -> Number:
    """Return the temperature of `config`: a number, or a ramp over its length."""
    if isinstance(config.temperature, tuple):
        first, last = config.temperature
        return Ramp(float(first), float(last), float(config.length))
    return float(config.temperature)
