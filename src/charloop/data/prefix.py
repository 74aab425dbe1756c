"""The prefix: what stands before the paragraphs or lines of a text, and so before what a network starts to write."""

import re
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Integer

from charloop.data.vocabulary import Vocabulary

SAMPLE_TOKENS = 1 << 20
"""Tokens at the beginning of a text that its prefix is found from."""
LINES_PER_PARAGRAPH = 50
"""In a text of paragraphs, at least one of this many line ends is followed by an empty line."""
MAX_MEAN_LINE = 10_000
"""Mean characters per line above which a text does not count as lines."""
MAX_PREFIX = 16
"""Characters of a prefix. Longer runs of empty lines are accidental."""


def find_prefix(text: str) -> str:
    """Return what stands before a paragraph of `text`, else before a line, else before a word; it may be empty.

    A paragraph begins after one or more empty lines, the most frequent number of them; the text counts as
    paragraphs where at least one of 50 line ends is followed by an empty line. A line begins after a line end, where
    there is one in every 10,000 characters. A word begins after a space. Line ends at the beginning and the end of
    the text do not count.
    """
    end = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
    inner = text.strip("\r\n")
    runs = Counter(len(run) // len(end) for run in re.findall(f"(?:{end})+", inner))
    lines, paragraphs = runs.total(), runs.total() - runs[1]
    if paragraphs and paragraphs * LINES_PER_PARAGRAPH >= lines:
        usual = max((size for size in runs if size > 1), key=lambda size: (runs[size], -size))
        return (end * usual)[:MAX_PREFIX]
    if lines and lines * MAX_MEAN_LINE >= len(inner):
        return end
    return " " if " " in inner else ""


def find_prefix_of_tokens(tokens: Integer[np.ndarray, " length"], vocabulary: Vocabulary) -> str:
    """Return `find_prefix` of the first million tokens; each byte counts as a character."""
    sample = np.asarray(tokens[:SAMPLE_TOKENS], np.int64)
    codes = np.append(vocabulary.codes, np.uint32(0xFFFD))[sample]
    return find_prefix("".join(map(chr, codes)))


def guess_prefix(vocabulary: Vocabulary) -> str:
    """Return a prefix for a network of which only the vocabulary is known: a line end, a space, or nothing."""
    known = set(vocabulary.symbols)
    return next((symbol for symbol in ("\n", " ") if symbol in known), "")


def accept_prefix(value: Any, vocabulary: Vocabulary) -> str | None:
    """Return the prefix that a run's folder names, or None if it is not one that the network can read."""
    if not isinstance(value, str) or len(value) > MAX_PREFIX or not set(value) <= set(vocabulary.symbols):
        return None
    return value
