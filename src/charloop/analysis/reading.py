"""A text as a network reads it here: in one batch row, from the initial state, in pieces of equal size."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int, Integer

from charloop.errors import CharloopError
from charloop.trained import TrainedModel


def check_tokens(
    network: TrainedModel, tokens: Integer[np.ndarray, " length"], min_length: int
) -> Int[np.ndarray, " length"]:
    """Return `tokens` as 32-bit integers.

    Raises CharloopError for fewer than `min_length`, and for ids that are not in the vocabulary.
    """
    if len(tokens) < min_length:
        raise CharloopError(
            "the text to analyse", got=f"{len(tokens)} characters", allowed=f"{min_length} or more"
        )
    highest = network.model.vocab_size - 1
    wrong = (tokens < 0) | (tokens > highest)
    if wrong.any():
        raise CharloopError("a token", got=int(tokens[np.argmax(wrong)]), allowed=f"0 to {highest}")
    return np.asarray(tokens, np.int32)


def split_pieces(
    tokens: Int[np.ndarray, " length"], size: int
) -> Iterator[tuple[int, Int[np.ndarray, "size 1"], int]]:
    """Yield each piece's start, the piece as `[size, 1]`, and its length in tokens.

    The last piece is padded with zeros, which cannot influence what comes before them.
    """
    for start in range(0, len(tokens), size):
        piece = tokens[start : start + size]
        padded = np.zeros((size, 1), np.int32)
        padded[: len(piece), 0] = piece
        yield start, padded, len(piece)
