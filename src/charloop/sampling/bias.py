"""Characters that are never written, and those whose logits are changed by a number."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from charloop.errors import CharloopError
from charloop.pytree import register_pytree
from charloop.sampling.config import SamplingConfig
from charloop.sampling.filters import Choices
from charloop.sampling.protocols import TextVocabulary


@register_pytree
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
    """Return the ids that are never written: the unknown symbol, labels, and the characters that `config` forbids.

    Raises CharloopError if no other character is left. The end symbol is no character.
    """
    found = {_find_id("forbid", character, vocabulary) for character in config.forbid or ""}
    never = {*vocabulary.never_written, *(index for index in found if index is not None)}
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
