"""A validation text that is unlike the training text."""

import numpy as np
from jaxtyping import Int, Integer

from charloop.data.corpus import Corpus
from charloop.data.split import Split

MAX_PARTS, MIN_PARTS = 8, 3
"""Parts of the training text, each as long as the validation text, that are compared with the rest."""
MIN_TOKENS = 1000
"""Of the validation text: the pairs of a shorter one are an accident."""
MOST_DIFFERENT = 2.0
"""How much more the validation text may differ than the most different part of the training text: texts of one kind
differ by up to 1.6 times as much, another language by 3 to 7 times."""
SLICES, SLICE_TOKENS = 8, 1 << 15
"""What is read of each part: slices from its beginning to its end."""
PAIRS = 1 << 16
"""Numbers for pairs of tokens; in a large vocabulary, some pairs share one."""


def note_difference(corpus: Corpus, split: Split) -> tuple[str, ...]:
    """Return a note if the validation text is unlike the training text: in another language, or of another kind."""
    training, validation = corpus.tokens[split.train], corpus.tokens[split.validation]
    parts = min(MAX_PARTS, len(training) // len(validation)) if len(validation) >= MIN_TOKENS else 0
    if parts < MIN_PARTS:
        return ()
    starts = np.linspace(0, len(training) - len(validation), parts).astype(int)
    # Parts of the same length vary by accident as much as the validation text does.
    counts = [count_pairs(training[start : start + len(validation)]) for start in starts]
    total = np.sum(counts, axis=0)
    usual = max(find_distance(part, total - part) for part in counts)
    if find_distance(count_pairs(validation), total) <= MOST_DIFFERENT * usual:
        return ()
    mixing = (
        "--shuffle mixes documents"
        if corpus.vocabulary.documents
        else "order it so that its end is like the rest"
    )
    return (
        "the validation text, at the end of the text, is unlike all parts of the training text (another language?),"
        f" so its loss says little: {mixing}",
    )


def count_pairs(tokens: Integer[np.ndarray, " length"]) -> Int[np.ndarray, " pairs"]:
    """Return how often each pair of neighbouring tokens occurs in slices of `tokens`, a memory map of any size."""
    length = min(len(tokens) // SLICES, SLICE_TOKENS)
    counts = np.zeros(PAIRS, np.int64)
    for start in np.linspace(0, len(tokens) - length, SLICES).astype(int):
        own = np.asarray(tokens[start : start + length], np.int64)
        counts += np.bincount((own[:-1] * 257 + own[1:]) % PAIRS, minlength=PAIRS)
    return counts


def find_distance(one: Int[np.ndarray, " pairs"], other: Int[np.ndarray, " pairs"]) -> float:
    """Return the total variation distance of two distributions, given as counts: from 0 to 1."""
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)
