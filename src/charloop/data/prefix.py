"""What stands before the paragraphs or lines of a text: where a network that learned it can begin."""

import re
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Integer

from charloop.data.vocabulary import Vocabulary

SAMPLE = 1 << 20
"""Tokens, from the beginning of a text, that its prefix is found from."""
PARAGRAPHS = 50
"""In a text of paragraphs, at least one of this many line ends is followed by an empty line."""
LONGEST_LINE = 10_000
"""Characters a line, on average, beyond which a text is no text of lines."""
MOST = 16
"""Characters of a prefix: more empty lines than that are no habit of a text."""


def prefix_of_text(text: str) -> str:
    """What stands before a paragraph of `text`, or a line where it has no paragraphs, or a word; may be nothing.

    A paragraph begins after one empty line or more, as many as is usual, where of 50 line ends at least one is
    followed by one. A line begins after a line end, where one comes in 10,000 characters at least. Line ends at
    either end of the text do not count. A word begins after a space.
    """
    end = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
    inner = text.strip("\r\n")
    runs = Counter(len(run) // len(end) for run in re.findall(f"(?:{end})+", inner))
    lines, paragraphs = runs.total(), runs.total() - runs[1]
    if paragraphs and paragraphs * PARAGRAPHS >= lines:
        usual = max((size for size in runs if size > 1), key=lambda size: (runs[size], -size))
        return (end * usual)[:MOST]
    if lines and lines * LONGEST_LINE >= len(inner):
        return end
    return " " if " " in inner else ""


def prefix_of_tokens(tokens: Integer[np.ndarray, " length"], vocabulary: Vocabulary) -> str:
    """`prefix_of_text` of the first million of `tokens`; each byte counts as a character."""
    sample = np.asarray(tokens[:SAMPLE], np.int64)
    codes = np.append(vocabulary.codes, np.uint32(0xFFFD))[sample]
    return prefix_of_text("".join(map(chr, codes)))


def guessed_prefix(vocabulary: Vocabulary) -> str:
    """The prefix for a network of which nothing but its vocabulary is known: a line end, a space, or nothing."""
    known = set(vocabulary.symbols)
    return next((sign for sign in ("\n", " ") if sign in known), "")


def kept_prefix(value: Any, vocabulary: Vocabulary) -> str | None:
    """The prefix that a run's folder says; None where it says none, or none that its network could read."""
    if not isinstance(value, str) or len(value) > MOST or not set(value) <= set(vocabulary.symbols):
        return None
    return value
