"""How much of a written text is copied."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from charloop.errors import CharloopError
from charloop.originality.suffix_index import SuffixIndex

COPY_THRESHOLD = 30
"""The length in tokens, about six English words, from which a verbatim piece counts as copied by default."""


@dataclass(frozen=True)
class Originality:
    """What of one written text occurs verbatim in the training text. A token is a character, or a byte."""

    characters: int
    """Tokens of the written text."""
    longest: int
    """Tokens of its longest verbatim piece; 0 if the training text has none of its tokens."""
    start: int
    """Where the first longest piece begins in the written text; 0 if there is none."""
    copied: float
    """Share (0 to 1) of tokens in verbatim pieces of at least `threshold` tokens; 0 for an empty text."""
    threshold: int


def measure_originality(
    index: SuffixIndex, ids: Integer[np.ndarray, " length"], threshold: int = COPY_THRESHOLD
) -> Originality:
    """Return how much of `ids` occurs verbatim in the text of `index`.

    Raises CharloopError for a threshold below 1.
    """
    if threshold < 1:
        raise CharloopError("threshold of a copy", got=threshold, allowed="1 or more")
    matches = index.longest_matches(ids)
    if not len(matches):
        return Originality(0, 0, 0, 0.0, threshold)
    end, longest = int(matches.argmax()), int(matches.max())
    ends = np.flatnonzero(matches >= threshold)
    # Pieces overlap: one is added to the count of open pieces where each begins, and subtracted where it ends.
    changes = np.zeros(len(matches) + 1, np.int64)
    np.add.at(changes, ends + 1 - matches[ends], 1)
    np.add.at(changes, ends + 1, -1)
    inside = np.cumsum(changes)[:-1] > 0
    return Originality(
        len(matches), longest, end + 1 - longest if longest else 0, float(inside.mean()), threshold
    )
