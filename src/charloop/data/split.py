"""A contiguous split of a text into training, validation and test text."""

import math
from dataclasses import dataclass
from fractions import Fraction

from charloop.errors import CharloopError

MIN_PART = 2
"""Tokens that a part needs: one to read and one to predict."""


@dataclass(frozen=True)
class Split:
    """Three slices that cover a text in order without overlap; a part that is not wanted is empty."""

    train: slice
    validation: slice
    test: slice

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The number of tokens in the training, validation and test text."""
        train, validation, test = (
            part.stop - part.start for part in (self.train, self.validation, self.test)
        )
        return train, validation, test


def split_tokens(length: int, validation_fraction: float, test_fraction: float = 0.0) -> Split:
    """Split `length` tokens: training text first, then validation text, then test text.

    Each boundary is the floor of the exact cumulative fraction: 1,115,394 tokens at 0.1 give 1,003,854 + 111,540.
    Raises CharloopError for fractions that leave nothing to train on, or for a part of fewer than 2 tokens.
    """
    validation, test = Fraction(str(validation_fraction)), Fraction(str(test_fraction))
    if min(validation, test) < 0 or validation + test >= 1:
        raise CharloopError(
            "the validation and test fractions leave nothing to train on",
            got=(validation_fraction, test_fraction),
            allowed="0 or more each, less than 1 together",
        )
    first = math.floor(length * (1 - validation - test))
    second = math.floor(length * (1 - test))
    split = Split(slice(0, first), slice(first, second), slice(second, length))
    wanted = (("training", Fraction(1)), ("validation", validation), ("test", test))
    for (name, fraction), size in zip(wanted, split.sizes, strict=True):
        if fraction and size < MIN_PART:
            raise CharloopError(
                f"a text of {length} tokens is too small to split: its {name} part has {size}, and needs {MIN_PART}",
                do="give more text, or set --validation-fraction and --test-fraction to 0",
            )
    return split
