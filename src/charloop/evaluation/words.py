"""How long the words of a text are, for a perplexity per word."""

import numpy as np
from jaxtyping import Integer

from charloop.data import Vocabulary
from charloop.data.token_file import each_block

MAX_WORD = 20
"""The most characters per word of a text that has words: of a text without spaces, lines would count as words."""


def measure_words(tokens: Integer[np.ndarray, " length"], vocabulary: Vocabulary) -> float | None:
    """Return the characters per word, spaces included; None for a text that has no words.

    Words are what white space, or the end of a document, separates.
    """
    spaces = np.ones(vocabulary.size, bool)
    for index, symbol in enumerate(vocabulary.symbols):
        spaces[index] = symbol.isspace() and (vocabulary.unit == "char" or symbol.isascii())
    if vocabulary.unknown_id is not None:
        spaces[vocabulary.unknown_id] = False
    count, inside = 0, False
    for _, block in each_block(tokens):
        space = spaces[block]
        before = np.concatenate([[not inside], space[:-1]])
        count += int(np.count_nonzero(before & ~space))
        inside = not space[-1]
    return len(tokens) / count if count and len(tokens) <= MAX_WORD * count else None
