"""Tokens in rows side by side, which are predicted in one step."""

import numpy as np
from jaxtyping import Integer

MAX_ROWS = 128
MIN_ROW = 8192
"""Characters in a row: each begins with little memory, which costs about 50 bits."""


def choose_rows(tokens: int) -> int:
    """Return how many rows a text is cut into, a power of two: more are faster, and cost a little more space."""
    return 1 << (max(1, min(MAX_ROWS, tokens // MIN_ROW)).bit_length() - 1)


def cut_rows(tokens: Integer[np.ndarray, " length"], rows: int) -> Integer[np.ndarray, "time rows"]:
    """Return the tokens as contiguous rows side by side, with 0 after the end."""
    length = -(-len(tokens) // rows)
    padded = np.zeros(length * rows, np.int64)
    padded[: len(tokens)] = tokens
    return padded.reshape(rows, length).T


def count_active(tokens: int, rows: int, index: int) -> int:
    """Return how many rows have a character at `index`: the first ones, since only the last may be shorter."""
    length = -(-tokens // rows)
    return -(-(tokens - index) // length)
