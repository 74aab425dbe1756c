"""A stretch of text as people read it, character by character, whatever a network's tokens are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from charloop.data import Vocabulary
from charloop.data.decoding import STRAY_BYTES, decode_utf8, stray_character, utf8_width

MAX_BYTES = 4
"""Bytes of a character in UTF-8, at most."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """The beginning of a text, as characters. A network of bytes reads several tokens for some of them."""

    name: str
    """The source of the text."""
    tokens: Int[np.ndarray, " tokens"]
    characters: tuple[str, ...]
    """One code point each; a byte that is part of no character is the surrogate that surrogateescape makes of it."""
    first: Int[np.ndarray, " characters"]
    """The position of each character's first token."""
    last: Int[np.ndarray, " characters"]
    """The position of each character's last token."""
    total: int
    """Tokens of the whole text."""

    @property
    def text(self) -> str:
        """The characters as one string, with U+FFFD for bytes that are part of no character."""
        return "".join(
            "\N{REPLACEMENT CHARACTER}" if "\ud800" <= c <= "\udfff" else c for c in self.characters
        )


def excerpt_of(
    vocabulary: Vocabulary, name: str, tokens: Integer[np.ndarray, " length"], max_tokens: int | None = None
) -> Excerpt:
    """Return the first `max_tokens` tokens of a text (None: all), without a last character that is incomplete."""
    total = len(tokens)
    kept = np.array(tokens[:max_tokens], np.int32)
    if vocabulary.unit == "char":
        characters = vocabulary.decode(kept)
        sizes = [1] * len(characters)
    else:
        characters = decode_utf8(vocabulary.shown_codes[kept].astype(np.uint8).tobytes())
        whole = count_whole(characters) if len(kept) < total else len(characters)
        characters = characters[:whole]
        sizes = [utf8_width(character) for character in characters]
    last = np.cumsum(sizes, dtype=np.int64) - 1
    return Excerpt(
        name, kept[: sum(sizes)], tuple(characters), last + 1 - np.array(sizes, np.int64), last, total
    )


def token_character(vocabulary: Vocabulary, token: int) -> str:
    """Return one token as a character; a byte above 7f alone is none, and becomes a surrogate."""
    if vocabulary.unit == "char":
        return vocabulary.decode([token])
    byte = int(vocabulary.shown_codes[token])
    return chr(byte) if byte < 0x80 else stray_character(byte)


def count_whole(characters: str) -> int:
    """Return how many characters of a text that was cut are left without the bytes of an incomplete last one."""
    end = len(characters)
    while end > max(0, len(characters) - MAX_BYTES + 1) and ord(characters[end - 1]) in STRAY_BYTES:
        end -= 1
    return end
