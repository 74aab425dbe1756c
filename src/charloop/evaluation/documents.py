"""What each document of a text costs a network."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from charloop.data.documents.order import find_ends


class DocumentCosts(NamedTuple):
    """The documents of a text, in its order."""

    starts: Int[np.ndarray, " documents"]
    """The index in the text of each one's first character."""
    characters: Int[np.ndarray, " documents"]
    """Without label and end symbol."""
    nats: Float[np.ndarray, " documents"]
    """With those of the label, if there is one, and of the end symbol."""
    labels: Int[np.ndarray, " documents"]
    """The token of each one's label; -1 if it has none."""
    label_nats: Float[np.ndarray, " documents"]
    """What the label alone costs; 0 if there is none."""

    @property
    def bits_per_character(self) -> Float[np.ndarray, " documents"]:
        """Mean over the label, the characters and the end symbol."""
        bits: Float[np.ndarray, " documents"] = (
            self.nats / (self.characters + 1 + (self.labels >= 0)) / np.log(2)
        )
        return bits


def sum_by_document(
    tokens: Integer[np.ndarray, " length"],
    per_character: Float[np.ndarray, " predicted"],
    end: int,
    labels: range = range(0),
) -> DocumentCosts:
    """Return the cost of each document of `tokens`, which begin and end with the token `end`.

    `labels` are the tokens of labels. `per_character[i]` is the nats of `tokens[i + 1]`, as `Evaluator.score` returns
    them.
    """
    ends = find_ends(tokens, end)
    nats = np.add.reduceat(per_character.astype(np.float64), ends[:-1])
    first = np.asarray(tokens[ends[:-1] + 1], np.int64)
    has_label = (first >= labels.start) & (first < labels.stop)
    return DocumentCosts(
        ends[:-1] + 1 + has_label,
        np.diff(ends) - 1 - has_label,
        nats,
        np.where(has_label, first, -1),
        np.where(has_label, per_character[ends[:-1]], 0.0),
    )
