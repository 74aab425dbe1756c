"""How a text is handed to a network here: in one lane, from an empty memory, in pieces of one size."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int, Integer

from charloop.errors import CharloopError
from charloop.trained import TrainedModel


def checked(
    network: TrainedModel, tokens: Integer[np.ndarray, " length"], least: int
) -> Int[np.ndarray, " length"]:
    """`tokens` as the network takes them.

    Raises CharloopError for fewer than `least`, and for ids that its vocabulary does not have.
    """
    if len(tokens) < least:
        raise CharloopError("a text to look at", got=f"{len(tokens)} characters", allowed=f"{least} or more")
    highest = network.model.vocab_size - 1
    wrong = (tokens < 0) | (tokens > highest)
    if wrong.any():
        raise CharloopError("a token", got=int(tokens[np.argmax(wrong)]), allowed=f"0 to {highest}")
    return np.asarray(tokens, np.int32)


def pieces(
    tokens: Int[np.ndarray, " length"], size: int
) -> Iterator[tuple[int, Int[np.ndarray, "size 1"], int]]:
    """Where each piece begins, the piece as `[size, 1]`, and how much of it is text.

    The last is filled up with zeros: what comes after a character changes nothing before it.
    """
    for start in range(0, len(tokens), size):
        piece = tokens[start : start + size]
        padded = np.zeros((size, 1), np.int32)
        padded[: len(piece), 0] = piece
        yield start, padded, len(piece)
