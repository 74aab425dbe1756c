"""A contiguous split of a text into training, validation and test text."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Integer

from charloop.data.token_file import BLOCK_TOKENS
from charloop.errors import CharloopError

MIN_PART = 2
"""Tokens that a part needs: one to read and one to predict."""


@dataclass(frozen=True)
class Split:
    """Three slices that cover a text in order; a part that is not wanted is empty.

    They do not overlap. Of documents, the end symbol between two parts belongs to both: one predicts it, the other
    begins with it.
    """

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


def align_split(split: Split, tokens: Integer[np.ndarray, " length"], end: int) -> Split:
    """Return `split` with each boundary moved to the end of a document, the next one before it.

    `tokens` begin and end with the token `end`, which stands after each document. Raises CharloopError if a part that
    is not empty would have no document.
    """
    last = len(tokens) - 1
    second = find_end(tokens, end, split.test.start) or 0 if split.sizes[2] else last
    first = find_end(tokens, end, min(split.validation.start, second - 1)) or 0 if split.sizes[1] else second
    aligned = Split(slice(0, first + 1), slice(first, second + 1), slice(second, last + 1))
    names = ("training", "validation", "test")
    for name, wanted, size in zip(names, split.sizes, aligned.sizes, strict=True):
        if wanted and size < MIN_PART:
            raise CharloopError(
                f"too few documents to split: none is left for the {name} part",
                do="give more text, or set --validation-fraction and --test-fraction to 0",
            )
    empty = slice(last + 1, last + 1)
    return Split(
        aligned.train,
        aligned.validation if split.sizes[1] else empty,
        aligned.test if split.sizes[2] else empty,
    )


def find_end(tokens: Integer[np.ndarray, " length"], end: int, position: int, first: int = 0) -> int | None:
    """Return the position of the last token `end` from `first` to `position`; None if there is none."""
    while position >= first:
        start = max(first, position + 1 - BLOCK_TOKENS)
        found = np.flatnonzero(tokens[start : position + 1] == end)
        if found.size:
            return start + int(found[-1])
        position = start - 1
    return None
