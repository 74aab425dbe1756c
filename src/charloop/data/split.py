"""One contiguous cut of a text into what is trained on, validated on and tested on."""

import math
from dataclasses import dataclass
from fractions import Fraction

from charloop.errors import CharloopError

MINIMUM = 2
"""Tokens a part needs: one to read and one to predict."""


@dataclass(frozen=True)
class Split:
    """Three slices that cover a text in order and never overlap; those not asked for are empty."""

    train: slice
    validation: slice
    test: slice

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Tokens to train, to validate and to test on."""
        train, validation, test = (
            part.stop - part.start for part in (self.train, self.validation, self.test)
        )
        return train, validation, test


def split(length: int, validation_fraction: float, test_fraction: float = 0.0) -> Split:
    """Cut `length` tokens: validation text after the training text, test text last.

    Each cut is the floor of the cumulative fraction, taken exactly: 1,115,394 at 0.1 gives 1,003,854 + 111,540.
    Errors: CharloopError for fractions that leave nothing to train on, or a part of fewer than 2 tokens.
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
    made = Split(slice(0, first), slice(first, second), slice(second, length))
    _check(made, length, (Fraction(1), validation, test))
    return made


def _check(made: Split, length: int, fractions: tuple[Fraction, ...]) -> None:
    for name, size, fraction in zip(("training", "validation", "test"), made.sizes, fractions, strict=True):
        if fraction and size < MINIMUM:
            raise CharloopError(
                f"a text of {length} tokens is too small to split: its {name} part has {size}, and needs {MINIMUM}",
                do="give more text, or set --validation-fraction and --test-fraction to 0",
            )
