"""Interpolated Witten-Bell n-grams of several orders over a whole text at once, by sorting, not by tables."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64, Int64, Integer

HIGHEST_ORDER = 6


def witten_bell(
    train: Integer[np.ndarray, " length"],
    text: Integer[np.ndarray, " characters"],
    vocab_size: int,
    highest: int = HIGHEST_ORDER,
    end: int | None = None,
) -> Iterator[Float64[np.ndarray, " targets"]]:
    """Yield the nats of each of `text[1:]` (targets: characters - 1), for each order from 1 to `highest`.

    Order n predicts a character from the n - 1 before it; order 1 is the unigram. c(h) is the number of times that
    the context h is followed by any character in `train`, T(h) the number of different characters that follow it:

        p_n(x | h) = (c(hx) + T(h) p_n-1(x | h without its first)) / (c(h) + T(h)),    p_0(x) = 1 / vocab_size,

    and p_n = p_n-1 where c(h) = 0 (Witten and Bell 1991, method C, interpolated as in Chen and Goodman 1998,
    section 2.5). So each character of the vocabulary has a probability above 0, and they sum to 1.
    A context never extends before the start of `text`, where shorter orders are used: a network that scores `text`
    has not read what precedes it either. Nothing is counted across the end of `train`. Of documents, no context
    extends before the last token `end`, with which the document begins.

    Tokens are 0 to `vocab_size` - 1, with `(len(train) + len(text)) * vocab_size` below 2**63.
    """
    both = np.concatenate([train, text]).astype(np.int64)
    learned = len(train)
    longest = np.concatenate([longest_contexts(train, end), longest_contexts(text, end)])
    chance = np.full(len(text), 1 / vocab_size)
    context = np.zeros(len(both), np.int64)
    for order in range(1, highest + 1):
        # The context's number times the vocabulary, plus the next character, is a number for the n-gram.
        grams, number = np.unique(context * vocab_size + both, return_inverse=True)
        has_context = longest >= order - 1
        counts = np.bincount(number[:learned][has_context[:learned]], minlength=len(grams))
        asked = has_context[learned:]
        chance[asked] = _interpolate(
            chance[asked], grams // vocab_size, counts, number[learned:][asked], int(context.max())
        )
        yield -np.log(chance[1:])
        context[1:] = number[:-1]


def longest_contexts(
    tokens: Integer[np.ndarray, " length"], end: int | None = None
) -> Int64[np.ndarray, " length"]:
    """Return how many tokens precede each one, back to the last token `end` or to the first of all."""
    positions = np.arange(len(tokens))
    if end is None:
        return positions
    starts = np.maximum.accumulate(np.where(tokens == end, positions, 0))
    positions[1:] -= starts[:-1]
    return positions


def _interpolate(
    chance: Float64[np.ndarray, " positions"],
    context_of: Int64[np.ndarray, " grams"],
    counts: Int64[np.ndarray, " grams"],
    asked: Int64[np.ndarray, " positions"],
    highest_context: int,
) -> Float64[np.ndarray, " positions"]:
    """Return p_n of the n-grams `asked`, given their p_n-1."""
    followed = np.bincount(context_of, weights=counts, minlength=highest_context + 1)
    different = np.bincount(context_of[counts > 0], minlength=highest_context + 1)
    context = context_of[asked]
    total, kinds = followed[context], different[context]
    mixed = counts[asked] + kinds * chance
    mixed /= np.maximum(total + kinds, 1)
    return np.where(total > 0, mixed, chance)
