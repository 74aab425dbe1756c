"""What each document of a text costs a network."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from charloop.data.documents.shuffling import find_ends


class DocumentCosts(NamedTuple):
    """The documents of a text, in its order."""

    starts: Int[np.ndarray, " documents"]
    """The index in the text of each one's first token."""
    characters: Int[np.ndarray, " documents"]
    """Without the end symbol."""
    nats: Float[np.ndarray, " documents"]
    """With that of the end symbol."""

    @property
    def bits_per_character(self) -> Float[np.ndarray, " documents"]:
        """Mean over the characters and the end symbol."""
        bits: Float[np.ndarray, " documents"] = self.nats / (self.characters + 1) / np.log(2)
        return bits


def sum_by_document(
    tokens: Integer[np.ndarray, " length"], per_character: Float[np.ndarray, " predicted"], end: int
) -> DocumentCosts:
    """Return the cost of each document of `tokens`, which begin and end with the token `end`.

    `per_character[i]` is the nats of `tokens[i + 1]`, as `Evaluator.score` returns them.
    """
    ends = find_ends(tokens, end)
    nats = np.add.reduceat(per_character.astype(np.float64), ends[:-1])
    return DocumentCosts(ends[:-1] + 1, np.diff(ends) - 1, nats)
