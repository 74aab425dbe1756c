"""How much of a written text is copied."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from charloop.errors import CharloopError
from charloop.originality.suffixes import SuffixIndex

THRESHOLD = 30
"""Tokens from which on a verbatim run is called copied, unless told otherwise: some six words of English."""


@dataclass(frozen=True)
class Originality:
    """What of one written text stands verbatim in the training text; a token is a character, or a byte."""

    characters: int
    """Tokens of the written text."""
    longest: int
    """Tokens of its longest verbatim run; 0 if not even one token is in the training text."""
    start: int
    """Where that begins in the written text, the first of equal ones; 0 if there is none."""
    copied: float
    """Share (0 to 1) of tokens inside verbatim runs of at least `threshold`; 0 for an empty text."""
    threshold: int


def originality(
    index: SuffixIndex, ids: Integer[np.ndarray, " length"], threshold: int = THRESHOLD
) -> Originality:
    """How much of `ids` stands verbatim in the text of `index`. Raises CharloopError for a threshold below 1."""
    if threshold < 1:
        raise CharloopError("threshold of a copy", got=threshold, allowed="1 or more")
    matches = index.longest_matches(ids)
    if not len(matches):
        return Originality(0, 0, 0, 0.0, threshold)
    end, longest = int(matches.argmax()), int(matches.max())
    ends = np.flatnonzero(matches >= threshold)
    # Runs overlap: one more is open from where each begins to where it ends.
    opened = np.zeros(len(matches) + 1, np.int64)
    np.add.at(opened, ends + 1 - matches[ends], 1)
    np.add.at(opened, ends + 1, -1)
    inside = np.cumsum(opened)[:-1] > 0
    return Originality(
        len(matches), longest, end + 1 - longest if longest else 0, float(inside.mean()), threshold
    )
