"""What changes along the text in a filter: a number that goes up or down, and a penalty on characters written before.

Both are settled before each character. What was written is kept as ages: for each character of the vocabulary, how
many characters ago the text has it last (1: it is the last character), or `NEVER`.
"""

from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer

from charloop.pytree import register_pytree
from charloop.sampling.config import SamplingConfig
from charloop.sampling.protocols import TextVocabulary

Number: TypeAlias = Any
"""A Python number, or JAX's tracer of one while a program is compiled."""
Ages: TypeAlias = Int[Array, "batch vocab"]
Tree = TypeVar("Tree")
NEVER = 2**31 - 1
"""The age of a character that the text does not have."""


@register_pytree
@dataclass(frozen=True)
class Ramp:
    """A number that changes along the text: `first` for the first character, linearly to `last` for number `length`.

    It may stand in a filter where a number does; `settle` replaces it by its value before the filter is used.
    """

    first: Number
    last: Number
    length: Number

    def at(self, position: Number) -> Number:
        """Return the number for a character that follows `position` others; beyond `length` it stays `last`."""
        share = jnp.minimum(position / jnp.maximum(self.length - 1, 1), 1)
        return self.first * (1 - share) + self.last * share


@register_pytree
@dataclass(frozen=True)
class RepetitionPenalty:
    """Make characters less likely that are among the last `window` of the text (CTRL; Keskar et al. 2019).

    Their logits are divided by `penalty` where they are positive, and multiplied by it where they are negative.
    `settle` fills in the ages.
    """

    penalty: Number
    window: Number
    ages: Ages | None = None

    def __call__(self, logits: Float[Array, "batch vocab"]) -> Float[Array, "batch vocab"]:
        """Return the logits, those of the characters that count changed."""
        # Not a division: compiled programs do not all round it alike.
        penalised = logits * jnp.where(logits > 0, 1 / self.penalty, self.penalty)
        return jnp.where(self.ages <= self.window, penalised, logits)


def settle(tree: Tree, position: Number, ages: Ages | None = None) -> Tree:
    """Return a picker or filter as it is after `position` new characters, with these `ages`."""

    def settle_one(leaf: Any) -> Any:
        if isinstance(leaf, RepetitionPenalty):
            return replace(leaf, ages=ages)
        return leaf.at(position) if isinstance(leaf, Ramp) else leaf

    settled: Tree = jax.tree.map(
        settle_one, tree, is_leaf=lambda leaf: isinstance(leaf, Ramp | RepetitionPenalty)
    )
    return settled


def begin_ages(
    config: SamplingConfig, vocabulary: TextVocabulary, text: Integer[np.ndarray, " text"]
) -> Int[np.ndarray, " vocab"] | None:
    """Return the ages after the ids `text`, or None if `config` has no penalty. The end symbol is no character."""
    if config.repetition_penalty == 1:
        return None
    ages = np.full(vocabulary.size, NEVER, np.int32)
    np.minimum.at(ages, text, np.arange(len(text), 0, -1))
    if vocabulary.end_id is not None:
        ages[vocabulary.end_id] = NEVER
    return ages


@jax.jit
def age(ages: Ages, written: Int[Array, " batch"]) -> Ages:
    """Return the ages after one more character of each batch row."""
    # A character that the text has never gets as old as one that it does not have.
    older = jnp.where(ages < NEVER - 1, ages + 1, ages)
    return jnp.where(jnp.arange(ages.shape[-1]) == written[:, None], 1, older)


def make_penalty(config: SamplingConfig) -> RepetitionPenalty | None:
    """Return the penalty of `config`, if it has one."""
    if config.repetition_penalty == 1:
        return None
    return RepetitionPenalty(
        float(config.repetition_penalty), min(config.repetition_window or NEVER, NEVER - 1)
    )


def make_temperature(config: SamplingConfig) -> Number:
    """Return the temperature of `config`: a number, or a ramp over its length."""
    if isinstance(config.temperature, tuple):
        first, last = config.temperature
        return Ramp(float(first), float(last), float(config.length))
    return float(config.temperature)
