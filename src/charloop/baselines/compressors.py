"""Bits that a compressor needs for a text once it has been told the training text."""

import bz2
import lzma
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from charloop.data import Vocabulary


class Compressor(NamedTuple):
    """`size` of what it makes of some bytes; `window`: the most bytes that it can look back over."""

    name: str
    size: Callable[[bytes], int]
    window: int


def _bz2(content: bytes) -> int:
    return len(bz2.compress(content, 9))


def _xz(content: bytes) -> int:
    return len(lzma.compress(content, preset=6))


COMPRESSORS = (Compressor("bz2", _bz2, 880_000), Compressor("xz", _xz, 4_000_000))
"""bz2 sorts blocks of 900,000 bytes apart: what is told has to be in one block with the text, with room for its
escapes. xz could look back over 8,388,608; half of that takes a few seconds."""


def bits_per_character(
    compressor: Compressor,
    train: Integer[np.ndarray, " length"],
    text: Integer[np.ndarray, " characters"],
    vocabulary: Vocabulary,
) -> float:
    """Size of training text and `text` together, less that of the training text alone, in bits a character.

    Characters are written as UTF-8. Of `text` the beginning is taken, up to half of the window, and of the training
    text the end that fits into the rest: all of both where both are small. At least 0: where all is repetition, the
    whole can come out smaller than its part.
    """
    asked = text[: _fitting(vocabulary, text, compressor.window // 2)]
    encoded = encode(vocabulary, asked)
    room = compressor.window - len(encoded)
    told = encode(vocabulary, train[-room:])[-room:]
    more = compressor.size(told + encoded) - compressor.size(told)
    return 8 * max(0, more) / len(asked)


def _fitting(vocabulary: Vocabulary, text: Integer[np.ndarray, " characters"], size: int) -> int:
    """How many characters at the beginning of `text` take at most `size` bytes."""
    widths = np.array([len(encode(vocabulary, np.array([token]))) for token in range(vocabulary.size)])
    return int(np.searchsorted(np.cumsum(widths[text[:size]]), size, side="right"))


def encode(vocabulary: Vocabulary, tokens: Integer[np.ndarray, " length"]) -> bytes:
    """The text of `tokens` as bytes: UTF-8, or the bytes themselves."""
    if vocabulary.unit == "byte":
        return np.asarray(tokens, np.uint8).tobytes()
    return vocabulary.decode(tokens).encode("utf-8", "surrogatepass")
