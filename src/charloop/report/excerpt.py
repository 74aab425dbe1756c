"""A stretch of text as people read it, character by character, whatever a network's tokens are."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from charloop.data import Vocabulary
from charloop.data.decoding import STRAY_BYTES, decode_utf8, stray_character, utf8_width

LONGEST = 4
"""Bytes of a character in UTF-8."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """The beginning of a text, as characters; a network of bytes reads several tokens for some of them."""

    name: str
    """Where it is from."""
    tokens: Int[np.ndarray, " tokens"]
    characters: tuple[str, ...]
    """One code point each; a byte that is no character is the half of a pair that surrogateescape makes of it."""
    first: Int[np.ndarray, " characters"]
    """The place of each character's first token."""
    last: Int[np.ndarray, " characters"]
    """And of its last one."""
    total: int
    """Tokens of the whole text."""

    @property
    def text(self) -> str:
        """The characters as one string; U+FFFD for what is none."""
        return "".join(
            "\N{REPLACEMENT CHARACTER}" if "\ud800" <= c <= "\udfff" else c for c in self.characters
        )


def excerpt_of(
    vocabulary: Vocabulary, name: str, tokens: Integer[np.ndarray, " length"], most: int | None = None
) -> Excerpt:
    """The first `most` tokens of a text (all if None); half a character at a cut is left out."""
    total = len(tokens)
    kept = np.array(tokens[:most], np.int32)
    characters = characters_of(vocabulary, kept)
    sizes = [1 if vocabulary.unit == "char" else utf8_width(character) for character in characters]
    if len(kept) < total and vocabulary.unit == "byte":
        whole = whole_characters(characters)
        characters, sizes = characters[:whole], sizes[:whole]
    last = np.cumsum(sizes, dtype=np.int64) - 1
    return Excerpt(
        name, kept[: sum(sizes)], tuple(characters), last + 1 - np.array(sizes, np.int64), last, total
    )


def characters_of(vocabulary: Vocabulary, tokens: Int[np.ndarray, " length"]) -> str:
    """The text of tokens, a code point for each character and for each byte that is part of none."""
    if vocabulary.unit == "char":
        return vocabulary.decode(tokens)
    return decode_utf8(tokens.astype(np.uint8).tobytes())


def token_character(vocabulary: Vocabulary, token: int) -> str:
    """What one token is by itself: a byte above 7f is no character yet."""
    if vocabulary.unit == "char":
        return vocabulary.decode([token])
    return chr(token) if token < 0x80 else stray_character(token)


def whole_characters(characters: str) -> int:
    """How many characters are left of a text that was cut, without the bytes of a last one that was cut through."""
    end = len(characters)
    while end > max(0, len(characters) - LONGEST + 1) and ord(characters[end - 1]) in STRAY_BYTES:
        end -= 1
    return end
