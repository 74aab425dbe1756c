"""The bits that a general compressor needs for a text that follows the training text."""

import bz2
import lzma
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer, UInt8, UInt32

from charloop.data import Vocabulary
from charloop.data.documents.cutting import MARK
from charloop.data.documents.labels import FIRST_LABEL


class Compressor(NamedTuple):
    """`size` returns the bytes that some content compresses to; `window` is how many bytes back it can refer to."""

    name: str
    size: Callable[[bytes], int]
    window: int


COMPRESSORS = (
    Compressor("bz2", lambda content: len(bz2.compress(content, 9)), 880_000),
    Compressor("xz", lambda content: len(lzma.compress(content, preset=6)), 4_000_000),
)
"""bz2 sorts each block of 900,000 bytes separately: both texts must fit into one block, with some left for escapes.
xz could refer back over 8,388,608 bytes; half of that takes a few seconds."""

END, UNKNOWN = 0xFF, 0xFFFD


def bits_per_character(
    compressor: Compressor,
    train: Integer[np.ndarray, " length"],
    text: Integer[np.ndarray, " characters"],
    vocabulary: Vocabulary,
) -> float:
    """Return the compressed size of training text and `text` minus that of the training text, in bits per character.

    Characters are encoded as UTF-8. `text` is cut to its beginning, at most half of the window; the training text
    to its end, as much as the rest of the window holds. The result is at least 0: very repetitive content can
    compress to fewer bytes than its own beginning.
    """
    half = compressor.window // 2
    widths = np.array([len(encode(vocabulary, np.array([token]))) for token in range(vocabulary.size)])
    predicted = text[: int(np.searchsorted(np.cumsum(widths[text[:half]]), half, side="right"))]
    encoded = encode(vocabulary, predicted)
    rest = compressor.window - len(encoded)
    learned = encode(vocabulary, train[-rest:])[-rest:]
    added = compressor.size(learned + encoded) - compressor.size(learned)
    return 8 * max(0, added) / len(predicted)


def encode(vocabulary: Vocabulary, tokens: Integer[np.ndarray, " length"]) -> bytes:
    """Return the text of `tokens` as UTF-8, or the bytes themselves for a vocabulary of bytes.

    The end of a document is the byte 255, which UTF-8 does not use. A label is a code point for private use; among
    bytes the byte 255 too.
    """
    if vocabulary.unit == "byte":
        own: UInt8[np.ndarray, " length"] = np.minimum(tokens, END).astype(np.uint8)
        return own.tobytes()
    labels = range(ord(FIRST_LABEL), ord(FIRST_LABEL) + len(vocabulary.labels))
    special = [*labels, *([ord(MARK)] if vocabulary.documents else []), UNKNOWN]
    codes: UInt32[np.ndarray, " length"] = np.append(vocabulary.codes, special)[tokens].astype("<u4")
    text = codes.tobytes().decode("utf-32-le", "surrogatepass")
    return text.encode("utf-8", "surrogatepass").replace(MARK.encode(), bytes([END]))
